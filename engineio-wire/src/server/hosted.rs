//! An application beside a wire.

use core::fmt;
use core::time::Duration;

use engineio_proto::Instant;
use engineio_proto::driver::server::{App, Context, Farewell, Machine, Schedule, Work};

use super::{Foreign, Options, Output, Peer, PipeId, Reply, Wire};
use crate::Batch;

/// A wire with an application: all of a server but its sockets and its clock.
///
/// It has the inputs of a [`Wire`], and gives the application its events and the commands that are due.
///
/// # Examples
///
/// An echo server, and a connection that opens a session by long-polling. The bytes come from a driver otherwise.
///
/// ```
/// use engineio_proto::driver::server::{App, Context};
/// use engineio_proto::server::{Config, Event, Server, ServerEvent};
/// use engineio_proto::{Encoded, Instant, Seed};
/// use engineio_wire::server::{Action, Hosted, Options, Peer};
///
/// struct Echo;
///
/// impl App<Server> for Echo {
///     type Command = ();
///
///     fn handle_event(&mut self, server: &mut Server, event: ServerEvent, _: &mut Context<'_, ()>) {
///         if let ServerEvent::Session { session, event: Event::Message(message) } = event {
///             let _full = server.send(session, &Encoded::new(&message));
///         }
///     }
/// }
///
/// let now = Instant::ZERO;
/// let server = Server::new(Config::default(), 0, &Seed::new([7; 32]))?;
/// let mut host = Hosted::new(server, Echo, Options::new("/engine.io"), now);
/// let pipe = host.handle_open(Peer::default(), now).ok_or("too many connections")?;
/// host.handle_bytes(pipe, b"GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\r\n", now);
///
/// let mut written = Vec::new();
/// while let Some(action) = host.poll_output() {
///     if let Action::Write(pipe) = action {
///         while let Some(batch) = host.poll_write(pipe) {
///             let len = batch.len();
///             written.extend(batch.chunks().flatten());
///             host.handle_written(pipe, len, now);
///         }
///     }
/// }
/// assert!(written.starts_with(b"HTTP/1.1 200 OK\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Hosted<M: Machine, A: App<M>> {
    wire: Wire<M>,
    app: A,
    schedule: Schedule<A::Command>,
    /// What [`poll_timeout`](Self::poll_timeout) last gave.
    told: Option<Instant>,
}

impl<M: Machine, A: App<M> + fmt::Debug> fmt::Debug for Hosted<M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted")
            .field("app", &self.app)
            .field("pipes", &self.wire.pipe_count())
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

/// The next action for the driver.
#[expect(
    clippy::exhaustive_enums,
    reason = "each must be acted on: a new variant has to break a driver's build"
)]
pub enum Action<C> {
    /// Something waits to be written: take it by [`poll_write`](Hosted::poll_write) once the last batch of this connection
    /// has left.
    Write(PipeId),
    /// Shut down the writing side of a connection: nothing more will be written. What comes is still to be read.
    Shutdown(PipeId),
    /// Read on from a connection: [`wants_read`](Hosted::wants_read) gave false before, and gives true now.
    Read(PipeId),
    /// Close a connection. The wire does not know it any more. This comes once for each connection, also when the driver has
    /// told how it ended.
    Close(PipeId),
    /// [`poll_timeout`](Hosted::poll_timeout) gives an earlier time than it last did. A driver that asks for it before it
    /// waits has nothing to do.
    Timeout,
    /// A request for a path that is not the machine's, to be answered by [`respond`](Hosted::respond).
    Foreign(Foreign),
    /// Work of the application that takes long. Do it where it holds up nobody, and give what comes of it to
    /// [`handle_command`](Hosted::handle_command).
    Work(Work<C>),
}

impl<C> fmt::Debug for Action<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(pipe) => f.debug_tuple("Write").field(pipe).finish(),
            Self::Shutdown(pipe) => f.debug_tuple("Shutdown").field(pipe).finish(),
            Self::Read(pipe) => f.debug_tuple("Read").field(pipe).finish(),
            Self::Close(pipe) => f.debug_tuple("Close").field(pipe).finish(),
            Self::Timeout => f.write_str("Timeout"),
            Self::Foreign(foreign) => f.debug_tuple("Foreign").field(foreign).finish(),
            Self::Work(_) => f.write_str("Work"),
        }
    }
}

impl<M: Machine, A: App<M>> Hosted<M, A> {
    /// Puts a wire around a machine, and an application beside it, which is started.
    pub fn new(machine: M, app: A, options: Options, now: Instant) -> Self {
        let mut hosted = Self {
            wire: Wire::new(machine, options),
            app,
            schedule: Schedule::default(),
            told: None,
        };
        hosted.wire.handle_timeout(now);
        hosted.call(|app, machine, context| app.started(machine, context));
        hosted
    }

    /// The application.
    pub const fn app(&self) -> &A {
        &self.app
    }

    /// The wire.
    pub const fn wire(&self) -> &Wire<M> {
        &self.wire
    }

    /// Takes a connection: [`Wire::handle_open`].
    pub fn handle_open(&mut self, peer: Peer, now: Instant) -> Option<PipeId> {
        self.fire(now);
        self.wire.handle_open(peer, now)
    }

    /// Takes bytes of a connection: [`Wire::handle_bytes`].
    pub fn handle_bytes(&mut self, pipe: PipeId, bytes: &[u8], now: Instant) {
        self.fire(now);
        self.wire.handle_bytes(pipe, bytes, now);
    }

    /// Notes that bytes have left: [`Wire::handle_written`].
    pub fn handle_written(&mut self, pipe: PipeId, len: usize, now: Instant) {
        self.fire(now);
        self.wire.handle_written(pipe, len, now);
    }

    /// Notes that the peer has closed a connection: [`Wire::handle_closed`].
    pub fn handle_closed(&mut self, pipe: PipeId, now: Instant) {
        self.fire(now);
        self.wire.handle_closed(pipe, now);
    }

    /// Notes that a connection broke: [`Wire::handle_failed`].
    pub fn handle_failed(&mut self, pipe: PipeId, now: Instant) {
        self.fire(now);
        self.wire.handle_failed(pipe, now);
    }

    /// Serves the deadlines that are over, and gives the application the commands that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.fire(now);
        self.wire.handle_timeout(now);
    }

    /// Gives the application a command.
    ///
    /// Outputs are to be taken before, so that the application hears of what is over before it does what the command asks
    /// for.
    pub fn handle_command(&mut self, command: A::Command, now: Instant) {
        self.fire(now);
        self.wire.handle_timeout(now);
        self.call(|app, machine, context| app.handle_command(machine, command, context));
    }

    /// Tells the application that the server stops, and begins to end the sessions. The driver goes on until
    /// [`is_over`](Self::is_over), and accepts no connections any more.
    pub fn stop(&mut self, farewell: Farewell, within: Duration, now: Instant) {
        self.fire(now);
        self.call(|app, machine, context| {
            app.stopping(machine, context);
            machine.end_sessions(farewell, within, context.now);
        });
    }

    /// Whether no session is left, and nothing is to be written.
    ///
    /// Cost: a look at each connection once no session is left.
    pub fn is_over(&self) -> bool {
        self.wire.machine().session_count() == 0 && !self.wire.is_writing()
    }

    /// Whether the driver should read on from a connection: [`Wire::wants_read`]. If not, [`Action::Read`] comes once it
    /// should.
    pub fn wants_read(&mut self, pipe: PipeId) -> bool {
        self.wire.wants_read(pipe)
    }

    /// Whether the writing side of a connection is to be shut down: [`Action::Shutdown`] has come. For drivers whose tasks
    /// are only woken by actions.
    pub fn is_shut(&self, pipe: PipeId) -> bool {
        self.wire.is_shut(pipe)
    }

    /// Takes what is to be written to a connection: [`Wire::poll_write`].
    pub fn poll_write(&mut self, pipe: PipeId) -> Option<Batch> {
        self.wire.poll_write(pipe)
    }

    /// Answers a request for another path: [`Wire::respond`].
    pub fn respond(&mut self, pipe: PipeId, reply: &Reply) {
        self.wire.respond(pipe, reply);
    }

    /// The time to call [`handle_timeout`](Self::handle_timeout) at; `None` if there is none. [`Action::Timeout`] comes once
    /// it is earlier.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.told = self.next_timeout();
        self.told
    }

    fn next_timeout(&self) -> Option<Instant> {
        let dues = [self.wire.poll_timeout(), self.schedule.poll_timeout()];
        dues.into_iter().flatten().min()
    }

    /// The next thing to do. Events go to the application on the way.
    pub fn poll_output(&mut self) -> Option<Action<A::Command>> {
        loop {
            if let Some(work) = self.schedule.take_work() {
                return Some(Action::Work(work));
            }
            let Some(output) = self.wire.poll_output() else {
                let next = self.next_timeout()?;
                if self.told.is_some_and(|told| told <= next) {
                    return None;
                }
                self.told = Some(next);
                return Some(Action::Timeout);
            };
            match output {
                Output::Write(pipe) => return Some(Action::Write(pipe)),
                Output::Shutdown(pipe) => return Some(Action::Shutdown(pipe)),
                Output::Read(pipe) => return Some(Action::Read(pipe)),
                Output::Close(pipe) => return Some(Action::Close(pipe)),
                Output::Foreign(foreign) => return Some(Action::Foreign(foreign)),
                Output::Event(event) => {
                    self.call(|app, machine, context| app.handle_event(machine, event, context));
                }
            }
        }
    }

    /// Gives the application the commands that are due.
    fn fire(&mut self, now: Instant) {
        if self.schedule.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        self.wire.handle_timeout(now);
        for command in self.schedule.take_due(now) {
            self.call(|app, machine, context| app.handle_command(machine, command, context));
        }
    }

    fn call(&mut self, call: impl FnOnce(&mut A, &mut M, &mut Context<'_, A::Command>)) {
        let now = self.wire.now();
        let (machine, handshakes) = self.wire.parts();
        let mut context = Context::new(now, handshakes, &mut self.schedule);
        call(&mut self.app, machine, &mut context);
    }
}
