//! Scripts of tests, and the runs in which they take part.

use std::time::Duration;

use socketio_proto::client;
use socketio_proto::engine::Instant;
use socketio_proto::server;

use crate::network::{ClientId, Network, ServerId, Step};

/// The reaction of a test to the events of servers and clients, in place of their applications.
///
/// The methods do nothing unless they are written, so that each side can be tested without the other. Applications that are
/// written for drivers run by [`OnServer`](crate::OnServer) and [`OnClient`](crate::OnClient), which are scripts too.
pub trait Script {
    /// A server tells something. Commands for it are given by [`Network::server_mut`].
    fn server_event(&mut self, network: &mut Network, server: ServerId, event: server::Event) {
        let _ignored = (network, server, event);
    }

    /// A client tells something. Commands for it are given by [`Network::client_mut`].
    fn client_event(&mut self, network: &mut Network, client: ClientId, event: client::Event) {
        let _ignored = (network, client, event);
    }

    /// The network is about to run: called at the beginning of each run.
    fn run_begins(&mut self, network: &mut Network) {
        let _ignored = network;
    }

    /// The time to call [`timeout`](Self::timeout); `None` for never.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// It is that time.
    fn timeout(&mut self, network: &mut Network) {
        let _ignored = network;
    }
}

/// Nothing is done about anything.
impl Script for () {}

/// A network did not come to rest in the steps that it was given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NotIdle;

impl std::fmt::Display for NotIdle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the network did not come to rest")
    }
}

impl std::error::Error for NotIdle {}

impl Network {
    /// Lets so much time pass, and everything happen that happens in it. Gives the number of steps.
    pub fn advance(&mut self, duration: Duration, script: &mut impl Script) -> usize {
        self.run_until(self.now() + duration, script)
    }

    /// Lets everything happen that is due by a time, and then it is that time. Gives the number of steps.
    pub fn run_until(&mut self, by: Instant, script: &mut impl Script) -> usize {
        script.run_begins(self);
        let mut steps = 0;
        while self.step_with(by, script) {
            steps += 1;
        }
        steps
    }

    /// Lets everything happen until nothing is under way and nobody has anything to do or to be told. Deadlines, such as
    /// that of a heartbeat or the next attempt to connect, may lie ahead. Gives the number of steps.
    ///
    /// # Errors
    ///
    /// [`NotIdle`] after `max_steps`.
    pub fn run_until_idle(
        &mut self,
        max_steps: usize,
        script: &mut impl Script,
    ) -> Result<usize, NotIdle> {
        script.run_begins(self);
        for steps in 0..max_steps {
            self.settle();
            if self.is_idle() {
                return Ok(steps);
            }
            self.step_with(Instant::MAX, script);
        }
        Err(NotIdle)
    }

    /// Makes the next step that is due by then, of the network or of the script. Says whether there was one.
    fn step_with(&mut self, by: Instant, script: &mut impl Script) -> bool {
        let due = script.poll_timeout().filter(|due| *due <= by);
        match self.step(due.unwrap_or(by)) {
            Some(Step::Server { server, event }) => script.server_event(self, server, event),
            Some(Step::Client { client, event }) => script.client_event(self, client, event),
            Some(Step::Network) => {}
            None if due.is_some() => {
                self.count_step();
                script.timeout(self);
            }
            None => return false,
        }
        true
    }
}
