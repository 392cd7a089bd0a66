//! What the driver asks of a state machine, and of the application that sits on top of it.

use engineio_proto::driver::server::Machine;
use engineio_proto::server::SessionKey;
use engineio_proto::{Exchange, Instant};
use tokio::sync::mpsc;

use super::Handshake;
use super::handshake::Heads;

/// What a program does with the events of a machine.
///
/// One value runs on each shard and owns its share of the application's state; nothing here is shared or locked.
pub trait App<M: Machine>: Send + 'static {
    /// What other tasks may ask of it.
    type Command: Send + 'static;

    /// Runs once, before the first event.
    fn started(&mut self, _machine: &mut M, _context: &Context<'_, Self::Command>) {}

    /// Takes an event. All of it must be done without waiting; what takes long belongs into a task that answers by a
    /// command.
    fn handle_event(
        &mut self,
        machine: &mut M,
        event: M::Event,
        context: &Context<'_, Self::Command>,
    );

    /// Takes a command of another task.
    fn handle_command(
        &mut self,
        machine: &mut M,
        command: Self::Command,
        context: &Context<'_, Self::Command>,
    );

    /// Runs once, before all sessions are closed.
    fn stopping(&mut self, _machine: &mut M, _context: &Context<'_, Self::Command>) {}
}

/// What surrounds a call of the application.
#[derive(Debug)]
pub struct Context<'a, C> {
    /// The time of the input that led to the call.
    pub now: Instant,
    pub(super) heads: &'a Heads,
    pub(super) commands: &'a Commands<C>,
}

impl<C> Context<'_, C> {
    /// The request that opened a session, until the session is over: while its last event is handled it is still there.
    #[must_use]
    pub fn handshake(&self, session: SessionKey) -> Option<&Handshake> {
        self.heads.of_session(session)
    }

    /// The request that the application is asked about, or told that it was refused: while that event is handled, and in
    /// the first case until it is decided.
    #[must_use]
    pub fn request(&self, by: Exchange) -> Option<&Handshake> {
        self.heads.of_request(by)
    }

    /// The way for other tasks to reach this application.
    #[must_use]
    pub fn commands(&self) -> Commands<C> {
        self.commands.clone()
    }
}

/// Sends commands to the application of one shard.
#[derive(Debug)]
pub struct Commands<C>(pub(super) mpsc::Sender<C>);

impl<C> Commands<C> {
    /// Sends a command, waiting while too many wait already; false if the shard is gone.
    ///
    /// Not to be awaited by the application itself, which runs where commands are taken.
    pub async fn send(&self, command: C) -> bool {
        self.0.send(command).await.is_ok()
    }
}

impl<C> Clone for Commands<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
