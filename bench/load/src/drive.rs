//! The loop over epoll.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Registry};

use crate::connection::SCRATCH;
use crate::phase::{Limit, Phase};
use crate::{Result, fault};

/// A behaviour of the clients.
pub trait Scenario {
    /// Begins exchanges with all clients that wait for none, as far as the phase allows.
    ///
    /// # Errors
    ///
    /// Errors of the operating system.
    fn start(&mut self, phase: &mut Phase) -> Result<()>;

    /// Takes what came over a socket, and goes on.
    ///
    /// # Errors
    ///
    /// A wrong answer, or what the operating system says.
    fn readable(&mut self, ready: Ready, scratch: &mut [u8], phase: &mut Phase) -> Result<()>;
}

/// A socket that has input.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// The number that the scenario gave it.
    pub token: usize,
    /// Whether epoll saw the end of its input.
    pub saw_end: bool,
}

/// Runs scenarios on one thread.
#[derive(Debug)]
pub struct Driver {
    poll: Poll,
    events: Events,
    scratch: Vec<u8>,
    patience: Duration,
}

impl Driver {
    /// Opens an epoll instance. A server may be silent for `patience`.
    ///
    /// # Errors
    ///
    /// Errors of the operating system.
    pub fn new(patience: Duration) -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            scratch: vec![0; SCRATCH],
            patience,
        })
    }

    /// The registry for the sockets of scenarios.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Runs a phase to its end.
    ///
    /// # Errors
    ///
    /// A wrong answer, no answer at all, or what the operating system says.
    pub fn run(&mut self, scenario: &mut dyn Scenario, limit: Limit) -> Result<Phase> {
        let mut phase = Phase::new(limit)?;
        scenario.start(&mut phase)?;
        while !phase.is_over() {
            if !self.turn(scenario, &mut phase, self.patience)? {
                return fault(format!("no answer for {:?}", self.patience));
            }
        }
        Ok(phase)
    }

    /// Has a scenario take what one socket has, even if epoll told nothing: some may be read already.
    ///
    /// # Errors
    ///
    /// A wrong answer, or what the operating system says.
    pub fn read(&mut self, scenario: &mut dyn Scenario, token: usize) -> Result<()> {
        let ready = Ready {
            token,
            saw_end: false,
        };
        let mut phase = Phase::new(Limit::Exchanges(0))?;
        scenario.readable(ready, &mut self.scratch, &mut phase)
    }

    /// Takes what comes within this time, and begins nothing: a scenario fails if the server sends an answer too many.
    ///
    /// # Errors
    ///
    /// A wrong answer, or what the operating system says.
    pub fn settle(&mut self, scenario: &mut dyn Scenario, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        let mut phase = Phase::new(Limit::Exchanges(0))?;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            self.turn(scenario, &mut phase, left)?;
            if left.is_zero() {
                return Ok(());
            }
        }
    }

    /// Waits for input, and has the scenario take it; whether there was some.
    fn turn(
        &mut self,
        scenario: &mut dyn Scenario,
        phase: &mut Phase,
        patience: Duration,
    ) -> Result<bool> {
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            polled => polled?,
        }
        for event in &self.events {
            let ready = Ready {
                token: event.token().0,
                saw_end: event.is_read_closed(),
            };
            scenario.readable(ready, &mut self.scratch, phase)?;
        }
        Ok(!self.events.is_empty())
    }
}
