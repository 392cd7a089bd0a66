//! The server's end.
//!
//! A [`Wire`] stands around a machine, the server of `engineio-proto` or of `socketio-proto`. It takes the bytes of
//! connections apart into requests and frames, gives those to the machine, and turns what the machine wants into bytes.
//!
//! # A driver
//!
//! A driver accepts connections, and tells the wire of each what happens to it:
//!
//! | the driver | calls |
//! |---|---|
//! | has accepted a connection | [`handle_open`](Wire::handle_open) |
//! | has read bytes | [`handle_bytes`](Wire::handle_bytes) |
//! | has written a part of a batch, or all of it | [`handle_written`](Wire::handle_written) |
//! | finds that the peer closed the connection | [`handle_closed`](Wire::handle_closed) |
//! | finds that reading or writing fails | [`handle_failed`](Wire::handle_failed) |
//! | comes to the time of [`poll_timeout`](Wire::poll_timeout) | [`handle_timeout`](Wire::handle_timeout) |
//!
//! After each of them, and after each command to the machine, it takes all that [`poll_output`](Wire::poll_output) gives.
//! It reads from a connection while [`wants_read`](Wire::wants_read) says so, with one buffer for all connections.
//! [`Output::Read`] tells it where to read on.
//!
//! [`Hosted`] has an application beside the wire, and is what most drivers are written around.
//!
//! # Time
//!
//! Inputs take the time last. Deadlines that are over at that time are served first.

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
