//! The server's end.
//!
//! A [`Wire`] stands around a machine, the server of `engineio-proto` or of `socketio-proto`. It takes the bytes of
//! connections apart into requests and frames, gives those to the machine, and turns what the machine wants into bytes.
//!
//! # A driver
//!
//! A driver has the sockets and the clock. It accepts connections, and tells the wire of each what happens to it:
//!
//! | the driver | calls |
//! |---|---|
//! | has accepted a connection | [`handle_open`](Wire::handle_open) |
//! | has read bytes | [`handle_bytes`](Wire::handle_bytes) |
//! | has written a part of a batch, or all of it | [`handle_written`](Wire::handle_written) |
//! | finds that the peer closed the connection: a read gives no bytes | [`handle_closed`](Wire::handle_closed) |
//! | finds that reading or writing fails | [`handle_failed`](Wire::handle_failed) |
//! | wakes up at the time of [`poll_timeout`](Wire::poll_timeout), or for another reason | [`handle_timeout`](Wire::handle_timeout) |
//!
//! After each of them, and after each command to the machine, it takes all that [`poll_output`](Wire::poll_output) gives.
//! [`Hosted`] has an application beside the wire, and is what most drivers are written around. Its [`Action`]s are:
//!
//! | action | the driver |
//! |---|---|
//! | [`Write`](Action::Write) | takes the next batch of this connection by [`poll_write`](Hosted::poll_write), unless one is under way |
//! | [`Read`](Action::Read) | reads on from this connection |
//! | [`Shutdown`](Action::Shutdown) | shuts down the writing side of the socket, and reads on |
//! | [`Close`](Action::Close) | closes the socket and forgets the connection |
//! | [`Timeout`](Action::Timeout) | asks for [`poll_timeout`](Hosted::poll_timeout) anew, if it waits for an older answer |
//! | [`Foreign`](Action::Foreign) | answers a request for another path by [`respond`](Hosted::respond) |
//! | [`Work`](Action::Work) | does long work elsewhere, and gives what comes of it to [`handle_command`](Hosted::handle_command) |
//!
//! # Rules
//!
//! - **One batch at a time.** A socket may take a part of a batch. The driver tells the length of each part, and writes the
//!   rest once the socket takes more. A [`Batch`] writes itself by `write_to`. It is a [`Buf`](bytes::Buf) too, and owned, so
//!   that operations of a completion queue can have it.
//! - **Reading stops.** Before each read the driver asks [`wants_read`](Hosted::wants_read). If that is false it leaves the
//!   bytes in the socket, where they slow the peer down. `Read` comes once it is true.
//! - **A broken socket.** `poll(2)` and its like report an error or a hang-up even for a socket that waits for nothing. Where
//!   reading has stopped, the driver answers that with `handle_failed`. Otherwise it would be woken again and again.
//! - **One end.** After `handle_closed` and `handle_failed` the action `Close` comes, as it does when the wire ends a
//!   connection. So the driver closes sockets in one place. It ignores actions for connections that it does not know.
//! - **Time.** Inputs take the time last. The driver reads its clock at every wake-up, since most timers stand still while a
//!   host sleeps. Deadlines that are over at that time are served first.
//! - **Accepting.** [`handle_open`](Hosted::handle_open) gives `None` if there are too many connections: the socket is closed.
//!   If accepting fails, the driver tries again after a while. Most often the process has run out of files.
//! - **Buffers.** The wire copies what it keeps, so one read buffer serves all connections.
//!
//! # A complete driver
//!
//! This one runs on anything that tells which sockets are ready, such as `poll(2)`. The trait is what it needs of a socket. A
//! loop around it calls `wake`, waits for the `interests` until the time that `wake` gave, and calls `accept` and `ready`.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::io::{ErrorKind, Read, Write};
//!
//! use engineio_proto::Instant;
//! use engineio_proto::driver::server::{App, Machine};
//! use engineio_wire::Batch;
//! use engineio_wire::server::{Action, Hosted, Peer, PipeId, Reply};
//!
//! /// A socket that does not block.
//! trait Socket: Read + Write {
//!     fn shut_down(&mut self);
//! }
//!
//! struct Driver<S, M: Machine, A: App<M>> {
//!     host: Hosted<M, A>,
//!     /// Each with the batch that is being written.
//!     connections: BTreeMap<PipeId, (S, Batch)>,
//!     buffer: Vec<u8>,
//! }
//!
//! impl<S: Socket, M: Machine, A: App<M>> Driver<S, M, A> {
//!     /// Takes a connection. `None` closes it.
//!     fn accept(&mut self, socket: S, peer: Peer, now: Instant) -> Option<PipeId> {
//!         let pipe = self.host.handle_open(peer, now)?;
//!         self.connections.insert(pipe, (socket, Batch::default()));
//!         self.drain(now);
//!         Some(pipe)
//!     }
//!
//!     /// What the connections wait for: to be read, and to be written.
//!     fn interests(&mut self) -> Vec<(PipeId, bool, bool)> {
//!         let connections = self.connections.iter();
//!         let interest = |(pipe, (_, batch)): (&PipeId, &(S, Batch))| {
//!             (*pipe, self.host.wants_read(*pipe), !batch.is_empty())
//!         };
//!         connections.map(interest).collect()
//!     }
//!
//!     /// Goes on with a socket that can be read or written.
//!     fn ready(&mut self, pipe: PipeId, now: Instant) {
//!         self.write(pipe, now);
//!         self.read(pipe, now);
//!         self.drain(now);
//!     }
//!
//!     /// Serves what is due. Gives the time to call this again.
//!     fn wake(&mut self, now: Instant) -> Option<Instant> {
//!         self.host.handle_timeout(now);
//!         self.drain(now);
//!         self.host.poll_timeout()
//!     }
//!
//!     /// Reads once. The others have their turn before this socket is read again.
//!     fn read(&mut self, pipe: PipeId, now: Instant) {
//!         let Some((socket, _)) = self.connections.get_mut(&pipe) else {
//!             return;
//!         };
//!         if self.host.wants_read(pipe) {
//!             match socket.read(&mut self.buffer) {
//!                 Ok(0) => self.host.handle_closed(pipe, now),
//!                 Ok(len) => self.host.handle_bytes(pipe, &self.buffer[..len], now),
//!                 Err(error) if error.kind() == ErrorKind::WouldBlock => {}
//!                 Err(_) => self.host.handle_failed(pipe, now),
//!             }
//!         }
//!     }
//!
//!     fn write(&mut self, pipe: PipeId, now: Instant) {
//!         while let Some((socket, batch)) = self.connections.get_mut(&pipe) {
//!             if batch.is_empty() {
//!                 match self.host.poll_write(pipe) {
//!                     Some(next) => *batch = next,
//!                     None => return,
//!                 }
//!             }
//!             match batch.write_to(socket) {
//!                 Ok(len) => self.host.handle_written(pipe, len, now),
//!                 Err(error) if error.kind() == ErrorKind::WouldBlock => return,
//!                 Err(_) => return self.host.handle_failed(pipe, now),
//!             }
//!         }
//!     }
//!
//!     fn drain(&mut self, now: Instant) {
//!         while let Some(action) = self.host.poll_output() {
//!             match action {
//!                 Action::Write(pipe) => self.write(pipe, now),
//!                 // Whoever waits asks for the interests and the time before.
//!                 Action::Read(_) | Action::Timeout => {}
//!                 Action::Shutdown(pipe) => {
//!                     if let Some((socket, _)) = self.connections.get_mut(&pipe) {
//!                         socket.shut_down();
//!                     }
//!                 }
//!                 Action::Close(pipe) => drop(self.connections.remove(&pipe)),
//!                 Action::Foreign(foreign) => self.host.respond(foreign.pipe, &Reply::new(404, "")),
//!                 // This application has none.
//!                 Action::Work(_) => {}
//!             }
//!         }
//!     }
//! }
//! #
//! # use engineio_proto::driver::server::Context;
//! # use engineio_proto::server::{Config, Server, ServerEvent};
//! # use engineio_wire::server::Options;
//! # struct Nothing;
//! # impl App<Server> for Nothing {
//! #     type Command = ();
//! #     fn handle_event(&mut self, _: &mut Server, _: ServerEvent, _: &mut Context<'_, ()>) {}
//! # }
//! # /// Gives its input in small pieces, and takes little at once.
//! # #[derive(Default)]
//! # struct Memory(Vec<u8>, std::rc::Rc<std::cell::RefCell<Vec<u8>>>);
//! # impl Read for Memory {
//! #     fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
//! #         let len = self.0.len().min(7);
//! #         buffer[..len].copy_from_slice(&self.0[..len]);
//! #         self.0.drain(..len);
//! #         if len == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(len) }
//! #     }
//! # }
//! # impl Write for Memory {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
//! #         let len = bytes.len().min(5);
//! #         self.1.borrow_mut().extend_from_slice(&bytes[..len]);
//! #         Ok(len)
//! #     }
//! #     fn flush(&mut self) -> std::io::Result<()> {
//! #         Ok(())
//! #     }
//! # }
//! # impl Socket for Memory {
//! #     fn shut_down(&mut self) {}
//! # }
//! # let now = Instant::ZERO;
//! # let server = Server::new(Config::default(), 0, &engineio_proto::Seed::new([7; 32]))?;
//! # let host = Hosted::new(server, Nothing, Options::new("/engine.io"), now);
//! # let mut driver = Driver { host, connections: BTreeMap::new(), buffer: vec![0; 4096] };
//! # let request = "GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n";
//! # let written = std::rc::Rc::default();
//! # let socket = Memory(request.into(), std::rc::Rc::clone(&written));
//! # let pipe = driver.accept(socket, Peer::default(), now).ok_or("full")?;
//! # while !written.borrow().ends_with(b"\r\n\r\n") {
//! #     assert_eq!(driver.interests(), [(pipe, true, false)]);
//! #     driver.ready(pipe, now);
//! # }
//! # assert_eq!(driver.wake(now), Some(now + std::time::Duration::from_secs(25)));
//! # let text = String::from_utf8(written.take())?;
//! # assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("HTTP/1.1 404 "));
//! # let later = now + std::time::Duration::from_secs(80);
//! # driver.wake(later);
//! # assert!(driver.connections.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A driver that is told of changes only, as by `epoll` with `EPOLLET`, keeps a set of the sockets that may have more to read.
//! `Read` adds to it.
//!
//! # A task or thread for each connection
//!
//! Tasks share the [`Hosted`] behind a lock, or in a cell where there is one thread. A function gives it an input and takes all
//! actions. `Read`, `Write` and `Shutdown` wake the task of their connection, and `Close` ends it. `Timeout` wakes the task that
//! waits for deadlines. A task that is woken asks what it can do: [`poll_write`](Hosted::poll_write),
//! [`wants_read`](Hosted::wants_read) and [`is_shut`](Hosted::is_shut). No lock is held while a task waits.
//!
//! The repository has drivers of about a hundred lines for threads, mio, tokio, smol and io_uring, in `examples/drivers`.

mod common;
mod held;
mod hosted;
mod input;
mod options;
mod output;
mod pipe;
mod request;
mod websocket;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use engineio_proto::collections::{Key, Slab, TimerQueue};
use engineio_proto::driver::server::{Handshake, Handshakes, Lifecycle, Machine};
use engineio_proto::http::{Headers, Response};
use engineio_proto::server::Output as MachineOutput;
use engineio_proto::{ConnectionId, HeadId, Instant, RequestId};

pub use hosted::{Action, Hosted};
pub use options::Options;
pub use output::{Foreign, Output, Peer, PipeId, Reply};

use crate::Batch;
use crate::compression::Deflater;
use common::Common;
use held::Held;
use pipe::{After, Phase, Pipe};
use websocket::Source;

/// The bytes that a peer has to take in each [`write_timeout`](Options::write_timeout).
const PROGRESS: u32 = 16 * 1024;

/// HTTP/1.1 and WebSocket around a machine. [The module](self) tells how it is driven.
#[derive(Debug)]
pub struct Wire<M: Machine> {
    machine: M,
    options: Options,
    pipes: Slab<Pipe>,
    /// The requests that the machine has not answered, each with its pipe.
    requests: Slab<Key>,
    timers: TimerQueue<Key>,
    /// What the driver is told before anything else.
    ready: VecDeque<Output<M::Event>>,
    /// Pipes that may have something to write. The driver is told once the machine has nothing more to say, so that all
    /// that one input led to leaves in one batch.
    writable: VecDeque<Key>,
    /// WebSockets with input that the machine did not want, or that the driver does not read from.
    paused: VecDeque<Key>,
    /// Requests that may open a session and are not decided.
    heads: BTreeMap<HeadId, Handshake>,
    /// Those of them that are decided since the machine had something to say.
    decided: Vec<HeadId>,
    handshakes: Handshakes,
    /// What the last event meant.
    told: Option<Lifecycle>,
    /// The machine has had an input since it last had nothing to say.
    is_stirred: bool,
    bytes_held: usize,
    deflater: Deflater,
    common: Common,
    now: Instant,
}

impl<M: Machine> Wire<M> {
    /// Puts a wire around a machine.
    pub fn new(machine: M, options: Options) -> Self {
        Self {
            common: Common::new(&options),
            machine,
            options,
            pipes: Slab::new(),
            requests: Slab::new(),
            timers: TimerQueue::new(),
            ready: VecDeque::new(),
            writable: VecDeque::new(),
            paused: VecDeque::new(),
            heads: BTreeMap::new(),
            decided: Vec::new(),
            handshakes: Handshakes::default(),
            told: None,
            is_stirred: false,
            bytes_held: 0,
            deflater: Deflater::default(),
            now: Instant::ZERO,
        }
    }

    /// The machine.
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// The machine, for commands. Outputs are to be taken afterwards.
    pub const fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// The machine, and the requests that opened its sessions.
    pub const fn parts(&mut self) -> (&mut M, &Handshakes) {
        (&mut self.machine, &self.handshakes)
    }

    /// The settings.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// The requests that opened sessions.
    pub const fn handshakes(&self) -> &Handshakes {
        &self.handshakes
    }

    /// The latest time that the wire has been told of.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The number of connections.
    pub fn pipe_count(&self) -> usize {
        self.pipes.len()
    }

    /// The bytes that connections hold, beside what every connection takes: heads, bodies and messages that are not whole,
    /// and what is being written. What waits for clients is counted by the machine.
    pub const fn bytes_held(&self) -> usize {
        self.bytes_held
    }

    /// Whether something is to be written to a connection, or a WebSocket is being closed.
    ///
    /// Cost: a look at each connection.
    pub fn is_writing(&self) -> bool {
        self.pipes.iter().any(|(_, pipe)| match &pipe.phase {
            Phase::WebSocket(socket) => !socket.is_open() || !pipe.out.is_empty(),
            Phase::Head(_)
            | Phase::Body(_)
            | Phase::Waiting(..)
            | Phase::Answering(_)
            | Phase::Opening(_)
            | Phase::Draining => !pipe.out.is_empty(),
        })
    }

    /// Whether the driver should read on from a connection. While it should not, the peer has sent more than it may before
    /// the machine, or the application, has taken what came before. [`Output::Read`] comes once it should again.
    pub fn wants_read(&mut self, pipe: PipeId) -> bool {
        let wants = self.takes_bytes(pipe);
        if let Some(state) = self.pipes.get_mut(pipe.0)
            && !wants
            && !state.is_stopped
        {
            state.is_stopped = true;
            if matches!(state.phase, Phase::WebSocket(_)) {
                self.paused.push_back(pipe.0);
            }
        }
        wants
    }

    /// Has the driver read on where it has stopped.
    fn read_again(&mut self, key: Key) {
        let pipe = PipeId(key);
        if self.takes_bytes(pipe)
            && let Some(state) = self.pipes.get_mut(key)
            && state.is_stopped
        {
            state.is_stopped = false;
            self.ready.push_back(Output::Read(pipe));
        }
    }

    /// Whether the writing side of a connection is to be shut down: [`Output::Shutdown`] has come.
    pub fn is_shut(&self, pipe: PipeId) -> bool {
        let state = self.pipes.get(pipe.0);
        state.is_some_and(|state| match &state.phase {
            Phase::Draining => true,
            Phase::WebSocket(socket) => socket.is_cut_off() && state.out.is_empty(),
            Phase::Head(_)
            | Phase::Body(_)
            | Phase::Waiting(..)
            | Phase::Answering(_)
            | Phase::Opening(_) => false,
        })
    }

    fn takes_bytes(&self, pipe: PipeId) -> bool {
        let Some(state) = self.pipes.get(pipe.0) else {
            return false;
        };
        match &state.phase {
            _ if state.rest.is_some() => true,
            Phase::Head(_)
            | Phase::Body(_)
            | Phase::Answering(After::Close | After::Drain)
            | Phase::Draining => true,
            Phase::Waiting(..) | Phase::Answering(After::Next) | Phase::Opening(_) => {
                state.input.len() < self.options.max_head
            }
            Phase::WebSocket(socket) if socket.is_deaf => true,
            Phase::WebSocket(_) => {
                state.input.is_empty() && self.machine.wants_read(pipe.connection())
            }
        }
    }

    /// The time to call [`handle_timeout`](Self::handle_timeout) at; `None` if there is none.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = self.timers.next();
        let dues = [own, self.machine.poll_timeout()];
        dues.into_iter().flatten().min()
    }

    /// Takes what is to be written to a connection. `None` while the last batch has not left, and if there is nothing.
    pub fn poll_write(&mut self, pipe: PipeId) -> Option<Batch> {
        let state = self.pipes.get_mut(pipe.0)?;
        if state.out.is_under_way() || !state.wants_write() {
            return None;
        }
        let batch = state.poll_write(Source {
            machine: &mut self.machine,
            deflater: &mut self.deflater,
            options: &self.options,
            connection: pipe.connection(),
        })?;
        self.expect_progress(pipe.0);
        self.count(pipe.0);
        Some(batch)
    }

    /// The next thing to do or to know.
    pub fn poll_output(&mut self) -> Option<Output<M::Event>> {
        if let Some(lifecycle) = self.told.take() {
            self.handshakes.note_handled(lifecycle);
        }
        loop {
            if let Some(output) = self.ready.pop_front() {
                if self.is_in_vain(&output) {
                    continue;
                }
                return Some(output);
            }
            if let Some(output) = self.machine.poll_output() {
                if let Some(event) = self.handle_output(output) {
                    return Some(Output::Event(event));
                }
                continue;
            }
            self.end_step();
            if self.resume() {
                continue;
            }
            self.is_stirred = false;
            let Some(key) = self.writable.pop_front() else {
                self.deflater.forget();
                return None;
            };
            let Some(pipe) = self.pipes.get_mut(key) else {
                continue;
            };
            pipe.is_marked = false;
            if pipe.wants_write() && !pipe.out.is_under_way() {
                return Some(Output::Write(PipeId(key)));
            }
        }
    }

    /// Whether an output is about a connection that has gone since.
    fn is_in_vain(&self, output: &Output<M::Event>) -> bool {
        match output {
            Output::Shutdown(pipe) | Output::Read(pipe) | Output::Write(pipe) => {
                self.pipes.get(pipe.0).is_none()
            }
            Output::Foreign(foreign) => self.pipes.get(foreign.pipe.0).is_none(),
            Output::Close(_) | Output::Event(_) => false,
        }
    }

    fn handle_output(&mut self, output: MachineOutput<M::Event>) -> Option<M::Event> {
        match output {
            MachineOutput::Respond { request, response } => self.respond_to(request, &response),
            MachineOutput::Accept {
                connection,
                headers,
            } => self.accept(connection, &headers),
            MachineOutput::Refuse {
                connection,
                response,
            } => self.refuse(connection, &response),
            MachineOutput::Frames { connection } => self.frames_wait(connection),
            MachineOutput::Close { connection } => self.close_websocket(connection),
            MachineOutput::Event(event) => {
                self.note(&event);
                return Some(event);
            }
        }
        None
    }

    fn note(&mut self, event: &M::Event) {
        let lifecycle = M::lifecycle(event);
        let heads = &mut self.heads;
        self.handshakes.note(lifecycle, |by| heads.remove(&by));
        self.told = Some(lifecycle);
    }

    /// Keeps the head of a request that may open a session, until it is decided.
    fn keep_head(&mut self, by: HeadId, handshake: Handshake) {
        self.heads.insert(by, handshake);
    }

    /// Notes that a request is decided. What the machine has said of it may not have been taken yet.
    fn forget_head(&mut self, by: HeadId) {
        self.handshakes.answer(by);
        if self.heads.contains_key(&by) {
            self.decided.push(by);
        }
    }

    fn end_step(&mut self) {
        for by in self.decided.drain(..) {
            self.heads.remove(&by);
            // The machine may have asked about it after its client had gone.
            self.handshakes.answer(by);
        }
        self.handshakes.end_step();
    }

    fn respond_to(&mut self, request: RequestId, response: &Response) {
        self.forget_head(HeadId::Request(request));
        if let Some(key) = self.requests.remove(Key::from_bits(request.0)) {
            self.answer(key, response);
        }
    }

    fn accept(&mut self, connection: ConnectionId, headers: &Headers) {
        self.forget_head(HeadId::Connection(connection));
        self.open_websocket(Key::from_bits(connection.0), headers);
    }

    fn refuse(&mut self, connection: ConnectionId, response: &Response) {
        self.forget_head(HeadId::Connection(connection));
        let key = Key::from_bits(connection.0);
        if self
            .pipes
            .get(key)
            .is_some_and(|pipe| matches!(pipe.phase, Phase::Opening(_)))
        {
            self.answer(key, response);
        }
    }

    /// Answers a request of the application's.
    ///
    /// Nothing happens if the connection is gone, or has no request that waits for this.
    pub fn respond(&mut self, pipe: PipeId, reply: &Reply) {
        let state = self.pipes.get(pipe.0);
        if state.is_some_and(|state| matches!(state.phase, Phase::Waiting(None, _))) {
            let fields = reply.fields.iter();
            let fields = fields.map(|(name, value)| (&**name, value.as_slice()));
            self.answer_with(pipe.0, reply.status, fields, &reply.body, false);
        }
    }

    /// Sets the deadline of a pipe, this long from now.
    fn arm(&mut self, key: Key, timeout: Option<Duration>) {
        self.arm_at(key, timeout.map(|timeout| self.now + timeout));
    }

    /// Sets the deadline of a pipe. One that is taken away, or moved later, is only noted: its timer fires early and is set
    /// anew.
    fn arm_at(&mut self, key: Key, deadline: Option<Instant>) {
        let Some(pipe) = self.pipes.get_mut(key) else {
            return;
        };
        pipe.deadline = deadline;
        if let Some(deadline) = pipe.deadline
            && pipe.armed.is_none_or(|armed| deadline < armed)
        {
            pipe.armed = Some(deadline);
            self.timers.set(key, Some(deadline));
        }
    }

    /// Sets the deadline of a pipe that has a batch under way.
    fn expect_progress(&mut self, key: Key) {
        self.arm(key, Some(self.write_timeout(key)));
    }

    /// Moves the deadline of a pipe of whose batch this much has left: in proportion, so that a peer which takes single bytes
    /// holds nothing for long.
    fn note_progress(&mut self, key: Key, len: usize) {
        let timeout = self.write_timeout(key);
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let bought = timeout.saturating_mul(len) / PROGRESS;
        let deadline = self.pipes.get(key).and_then(|pipe| pipe.deadline);
        let deadline = deadline.map(|deadline| (deadline + bought).min(self.now + timeout));
        self.arm_at(key, deadline);
    }

    fn write_timeout(&self, key: Key) -> Duration {
        let closes =
            |pipe: &Pipe| matches!(&pipe.phase, Phase::WebSocket(socket) if !socket.is_open());
        match self.pipes.get(key) {
            Some(pipe) if closes(pipe) => self.options.close_timeout,
            _ => self.options.write_timeout,
        }
    }

    /// Counts what a pipe holds.
    fn count(&mut self, key: Key) {
        if let Some(pipe) = self.pipes.get_mut(key) {
            let held = pipe.bytes_held();
            self.bytes_held = self
                .bytes_held
                .saturating_sub(pipe.counted)
                .saturating_add(held);
            pipe.counted = held;
        }
    }

    /// Takes a pipe out. The machine must have been told.
    fn remove(&mut self, key: Key) -> Option<Pipe> {
        let pipe = self.pipes.remove(key)?;
        self.timers.set(key, None);
        self.bytes_held = self.bytes_held.saturating_sub(pipe.counted);
        Some(pipe)
    }

    /// Has the driver close a connection.
    fn close(&mut self, key: Key) {
        if self.remove(key).is_some() {
            self.ready.push_back(Output::Close(PipeId(key)));
        }
    }

    fn set_phase(&mut self, key: Key, phase: Phase) {
        if let Some(pipe) = self.pipes.get_mut(key) {
            pipe.phase = phase;
        }
    }

    /// Waits for the peer to close the connection.
    fn drain(&mut self, key: Key) {
        self.set_phase(key, Phase::Draining);
        if let Some(pipe) = self.pipes.get_mut(key) {
            pipe.input = Held::default();
            self.ready.push_back(Output::Shutdown(PipeId(key)));
        }
        self.arm(key, Some(self.options.close_timeout));
    }

    /// Goes on after an answer has left.
    fn answered(&mut self, key: Key, after: After) {
        match after {
            After::Next => self.next_request(key),
            After::Close => self.close(key),
            After::Drain => self.drain(key),
        }
    }
}
