//! Applications on top of servers, and what a driver gives them.

use core::time::Duration;

use super::handshake::{Handshake, Handshakes};
use super::schedule::Schedule;
use super::server::Machine;
use crate::server::SessionKey;
use crate::{HeadId, Instant};

/// What a program does with the events of a server.
///
/// A driver calls it; so does a test that makes a [`Context`] itself. One value runs on each machine and owns its share
/// of the application's state: nothing here is shared or locked. No method may wait. What takes long goes to
/// [`Context::run`], or into a task of the runtime that answers by a command.
///
/// # Examples
///
/// An application that echoes, without a driver around it:
///
/// ```
/// use engineio_proto::driver::server::{App, Context, Handshakes, Schedule};
/// use engineio_proto::server::{Config, Event, Server, ServerEvent};
/// use engineio_proto::{Encoded, Instant, Seed};
///
/// #[derive(Default)]
/// struct Echo {
///     opened: usize,
/// }
///
/// impl App<Server> for Echo {
///     type Command = ();
///
///     fn handle_event(&mut self, server: &mut Server, event: ServerEvent, _: &mut Context<'_, ()>) {
///         match event {
///             ServerEvent::Opened { .. } => self.opened += 1,
///             ServerEvent::Session { session, event: Event::Message(message) } => {
///                 // A client that reads too slowly misses messages.
///                 let _sent = server.send(session, &Encoded::new(&message));
///             }
///             _ => {}
///         }
///     }
/// }
///
/// let mut server = Server::new(Config::default(), 0, &Seed::new([7; 32]))?;
/// let (handshakes, mut schedule) = (Handshakes::default(), Schedule::default());
/// let mut context = Context::new(Instant::ZERO, &handshakes, &mut schedule);
/// Echo::default().started(&mut server, &mut context);
/// # Ok::<(), engineio_proto::ConfigError>(())
/// ```
pub trait App<M: Machine> {
    /// What the program may ask of it, and what it asks of itself for later.
    type Command;

    /// Runs once, before the first event.
    fn started(&mut self, _machine: &mut M, _context: &mut Context<'_, Self::Command>) {}

    /// Takes an event.
    fn handle_event(
        &mut self,
        machine: &mut M,
        event: M::Event,
        context: &mut Context<'_, Self::Command>,
    );

    /// Takes a command. Does nothing unless it is written.
    fn handle_command(
        &mut self,
        _machine: &mut M,
        _command: Self::Command,
        _context: &mut Context<'_, Self::Command>,
    ) {
    }

    /// Runs once, before all sessions are closed.
    fn stopping(&mut self, _machine: &mut M, _context: &mut Context<'_, Self::Command>) {}
}

/// What surrounds a call of an application.
#[derive(Debug)]
#[non_exhaustive]
pub struct Context<'a, C> {
    /// The time of the input that led to the call.
    pub now: Instant,
    handshakes: &'a Handshakes,
    schedule: &'a mut Schedule<C>,
}

impl<'a, C> Context<'a, C> {
    /// Makes a context of what a driver, or a test, keeps for the application.
    pub const fn new(
        now: Instant,
        handshakes: &'a Handshakes,
        schedule: &'a mut Schedule<C>,
    ) -> Self {
        Self {
            now,
            handshakes,
            schedule,
        }
    }

    /// The request that opened a session, until the session is over: while its last event is handled it is still there.
    #[must_use]
    pub fn handshake(&self, session: SessionKey) -> Option<&'a Handshake> {
        self.handshakes.of_session(session)
    }

    /// The request that the application is asked about, or told that it was refused: while that event is handled, and in
    /// the first case until it is decided.
    #[must_use]
    pub fn request(&self, by: HeadId) -> Option<&'a Handshake> {
        self.handshakes.of_request(by)
    }

    /// Gives the application a command once this time has passed.
    ///
    /// Cost: logarithmic in the number of commands that wait.
    pub fn send_after(&mut self, delay: Duration, command: C) {
        self.schedule.send_after(delay, command, self.now);
    }

    /// Has work done that takes long, such as looking at a password, and gives the application what comes of it as a
    /// command. A driver does it on another thread; a simulation does it at once.
    pub fn run(&mut self, work: impl FnOnce() -> C + Send + 'static) {
        self.schedule.run(work);
    }
}
