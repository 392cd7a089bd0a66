//! An application beside a wire.

use core::fmt;
use core::ops::ControlFlow;
use core::time::Duration;

use engineio_proto::driver::client::{App, Machine};
use engineio_proto::{Instant, Seed};

use super::{Options, Output, PipeId, Wire};
use crate::Batch;

/// A wire with an application: all of a client but its sockets and its clock.
///
/// It has the inputs of a [`Wire`], and gives the application its events.
pub struct Hosted<M: Machine, A: App<M>> {
    wire: Wire<M>,
    app: A,
    /// When the end comes, once the application wants no more.
    stopping: Option<Instant>,
}

impl<M: Machine, A: App<M> + fmt::Debug> fmt::Debug for Hosted<M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted")
            .field("app", &self.app)
            .field("pipes", &self.wire.pipe_count())
            .field("stopping", &self.stopping)
            .finish_non_exhaustive()
    }
}

/// The next action for the driver. The same as those of [`Output`], without events.
#[expect(
    clippy::exhaustive_enums,
    reason = "each must be acted on: a new variant has to break a driver's build"
)]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Open a connection.
    Connect {
        /// Names the connection from here on.
        pipe: PipeId,
        /// A name, an IPv4 address, or an IPv6 address without brackets.
        host: alloc::string::String,
        /// The port.
        port: u16,
    },
    /// Begin TLS on a connection.
    StartTls {
        /// The connection.
        pipe: PipeId,
        /// Whom the certificate must name.
        server_name: alloc::string::String,
    },
    /// Something waits to be written.
    Write(PipeId),
    /// Close a connection, or stop opening it.
    Close(PipeId),
}

/// How long closing may take, once the application wants no more.
const STOP_TIME: Duration = Duration::from_secs(3);

impl<M: Machine, A: App<M>> Hosted<M, A> {
    /// Puts a wire around a machine, and an application beside it.
    pub fn new(machine: M, app: A, options: Options, seed: &Seed) -> Self {
        Self {
            wire: Wire::new(machine, options, seed),
            app,
            stopping: None,
        }
    }

    /// Starts the application.
    pub fn start(&mut self, now: Instant) {
        self.wire.handle_timeout(now);
        self.app.started(self.wire.machine_mut(), now);
    }

    /// The application.
    pub const fn app(&self) -> &A {
        &self.app
    }

    /// The application, once the driver has ended.
    pub fn into_app(self) -> A {
        self.app
    }

    /// The wire.
    pub const fn wire(&self) -> &Wire<M> {
        &self.wire
    }

    /// Notes that a connection is open: [`Wire::handle_connected`].
    pub fn handle_connected(&mut self, pipe: PipeId, now: Instant) {
        self.wire.handle_connected(pipe, now);
    }

    /// Notes that a connection has TLS: [`Wire::handle_secured`].
    pub fn handle_secured(&mut self, pipe: PipeId, now: Instant) {
        self.wire.handle_secured(pipe, now);
    }

    /// Takes bytes of a connection: [`Wire::handle_bytes`].
    pub fn handle_bytes(&mut self, pipe: PipeId, bytes: &[u8], now: Instant) {
        self.wire.handle_bytes(pipe, bytes, now);
    }

    /// Notes that bytes have left: [`Wire::handle_written`].
    pub fn handle_written(&mut self, pipe: PipeId, len: usize, now: Instant) {
        self.wire.handle_written(pipe, len, now);
    }

    /// Notes that the server has closed a connection: [`Wire::handle_closed`].
    pub fn handle_closed(&mut self, pipe: PipeId, now: Instant) {
        self.wire.handle_closed(pipe, now);
    }

    /// Notes that a connection could not be opened, or broke: [`Wire::handle_failed`].
    pub fn handle_failed(&mut self, pipe: PipeId, now: Instant) {
        self.wire.handle_failed(pipe, now);
    }

    /// Serves the deadlines that are over: [`Wire::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.wire.handle_timeout(now);
    }

    /// Gives the application a command. None is given any more once it has stopped.
    ///
    /// Outputs are to be taken before, so that the application hears of what is over before it does what the command asks
    /// for.
    pub fn handle_command(&mut self, command: A::Command, now: Instant) {
        self.wire.handle_timeout(now);
        if self.stopping.is_none() {
            let machine = self.wire.machine_mut();
            let flow = self.app.handle_command(machine, command, now);
            self.follow(flow, now);
        }
    }

    /// Begins to close what is open, as an application does by `Break`. The driver goes on until [`is_over`](Self::is_over).
    pub fn stop(&mut self, now: Instant) {
        self.wire.handle_timeout(now);
        self.follow(ControlFlow::Break(()), now);
    }

    /// Whether the application has stopped, by itself or by [`stop`](Self::stop).
    pub const fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// Whether the application has stopped and nothing is open any more, or three seconds have passed since. The driver
    /// closes its connections and ends.
    pub fn is_over(&self) -> bool {
        let has_passed = |end| end <= self.wire.now();
        self.stopping
            .is_some_and(|end| self.wire.is_at_rest() || has_passed(end))
    }

    /// Whether the driver should read on from a connection: [`Wire::wants_read`].
    pub fn wants_read(&self, pipe: PipeId) -> bool {
        self.wire.wants_read(pipe)
    }

    /// Takes what is to be written to a connection: [`Wire::poll_write`].
    pub fn poll_write(&mut self, pipe: PipeId) -> Option<Batch> {
        self.wire.poll_write(pipe)
    }

    /// The time to call [`handle_timeout`](Self::handle_timeout) at; `None` if there is none.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let dues = [self.wire.poll_timeout(), self.stopping];
        dues.into_iter().flatten().min()
    }

    /// The next thing to do. Events go to the application on the way.
    pub fn poll_output(&mut self) -> Option<Action> {
        loop {
            return Some(match self.wire.poll_output()? {
                Output::Connect { pipe, host, port } => Action::Connect { pipe, host, port },
                Output::StartTls { pipe, server_name } => Action::StartTls { pipe, server_name },
                Output::Write(pipe) => Action::Write(pipe),
                Output::Close(pipe) => Action::Close(pipe),
                Output::Event(event) => {
                    self.tell(event);
                    continue;
                }
            });
        }
    }

    fn tell(&mut self, event: M::Event) {
        if self.stopping.is_none() {
            let now = self.wire.now();
            let flow = self.app.handle_event(self.wire.machine_mut(), event, now);
            self.follow(flow, now);
        }
    }

    fn follow(&mut self, flow: ControlFlow<()>, now: Instant) {
        if flow.is_break() && self.stopping.is_none() {
            self.stopping = Some(now + STOP_TIME);
            self.wire.machine_mut().close(now);
        }
    }
}
