//! Inputs of a wire.

use core::mem;

use engineio_proto::collections::Key;
use engineio_proto::driver::server::Machine;
use engineio_proto::{HeadId, Instant, RequestId};

use super::Wire;
use super::held::Held;
use super::output::{Output, Peer, PipeId};
use super::pipe::{After, Phase, Pipe};

/// How a connection ends without us.
#[derive(Clone, Copy, Debug)]
enum End {
    Closed,
    Failed,
}

impl<M: Machine> Wire<M> {
    /// Takes a connection that was accepted; `None` if there are too many, and it is to be closed.
    pub fn handle_open(&mut self, peer: Peer, now: Instant) -> Option<PipeId> {
        self.observe(now);
        if self.pipes.len() >= self.options.max_pipes {
            return None;
        }
        let key = self.pipes.insert(Pipe::new(peer))?;
        self.arm(key, Some(self.options.head_timeout));
        Some(PipeId(key))
    }

    /// Takes bytes that were read from a connection.
    ///
    /// Cost: a copy of the content of bodies and messages. A head is copied if it is not whole.
    pub fn handle_bytes(&mut self, pipe: PipeId, bytes: &[u8], now: Instant) {
        self.observe(now);
        let key = pipe.0;
        let Some(state) = self.pipes.get_mut(key) else {
            return;
        };
        if state.input.is_empty() {
            let mut rest = bytes;
            self.read(key, &mut rest);
            if !rest.is_empty() {
                self.keep(key, Held::new(rest));
            }
        } else {
            let mut held = mem::take(&mut state.input);
            held.push(bytes);
            self.read_held(key, held);
        }
        self.settle(key);
    }

    /// Notes that `len` bytes of the batch of a connection have been written. Once all of it has, the next one can be taken.
    pub fn handle_written(&mut self, pipe: PipeId, len: usize, now: Instant) {
        // Nothing that is due depends on it.
        self.now = self.now.max(now);
        let key = pipe.0;
        let Some(state) = self.pipes.get_mut(key) else {
            return;
        };
        if len == 0 || !state.out.is_under_way() {
            return;
        }
        state.out.written(len);
        if state.out.is_under_way() {
            self.note_progress(key, len);
        } else {
            self.batch_has_left(key);
        }
        self.count(key);
    }

    fn batch_has_left(&mut self, key: Key) {
        let Some(state) = self.pipes.get_mut(key) else {
            return;
        };
        if state.wants_write() {
            state.mark(key, &mut self.writable);
        }
        match state.phase {
            Phase::Answering(after) if state.out.is_empty() => self.answered(key, after),
            Phase::WebSocket(_) => self.websocket_written(key),
            // What has left asks the client to send the body.
            Phase::Body(_) => self.arm(key, Some(self.options.body_timeout)),
            Phase::Head(_)
            | Phase::Waiting(..)
            | Phase::Answering(_)
            | Phase::Opening(_)
            | Phase::Draining => {
                self.arm(key, None);
            }
        }
        self.read_again(key);
    }

    /// Notes that the peer has closed a connection. [`Output::Close`] follows.
    pub fn handle_closed(&mut self, pipe: PipeId, now: Instant) {
        self.observe(now);
        self.end(pipe.0, End::Closed);
    }

    /// Notes that a connection broke: reading or writing failed. [`Output::Close`] follows.
    pub fn handle_failed(&mut self, pipe: PipeId, now: Instant) {
        self.observe(now);
        self.end(pipe.0, End::Failed);
    }

    /// Serves the deadlines that are over.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        while self.timers.next().is_some_and(|due| due <= self.now) {
            if let Some(key) = self.timers.pop_expired(self.now) {
                self.fire(key);
            }
        }
        while self
            .machine
            .poll_timeout()
            .is_some_and(|due| due <= self.now)
        {
            self.machine.handle_timeout(self.now);
        }
    }

    fn observe(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.poll_timeout().is_some_and(|due| due <= self.now) {
            self.handle_timeout(self.now);
        }
    }

    /// Serves the timer of a pipe.
    fn fire(&mut self, key: Key) {
        let Some(pipe) = self.pipes.get_mut(key) else {
            return;
        };
        pipe.armed = None;
        match pipe.deadline {
            Some(deadline) if deadline <= self.now => self.expire(key),
            Some(deadline) => {
                pipe.armed = Some(deadline);
                self.timers.set(key, Some(deadline));
            }
            None => {}
        }
    }

    /// Ends what a peer has taken too long with.
    fn expire(&mut self, key: Key) {
        let Some(pipe) = self.pipes.get_mut(key) else {
            return;
        };
        pipe.deadline = None;
        let is_slow = !pipe.out.is_empty();
        match &pipe.phase {
            Phase::Head(_) if !is_slow && !pipe.input.is_empty() => self.refuse_request(key, 408),
            Phase::Body(_) if !is_slow => self.refuse_request(key, 408),
            Phase::WebSocket(socket) if socket.is_open() => self.end(key, End::Failed),
            Phase::Head(_)
            | Phase::Body(_)
            | Phase::Waiting(..)
            | Phase::Answering(_)
            | Phase::Opening(_)
            | Phase::WebSocket(_)
            | Phase::Draining => self.end(key, End::Closed),
        }
    }

    /// Takes a pipe out and tells the machine and the driver.
    fn end(&mut self, key: Key, end: End) {
        let Some(pipe) = self.remove(key) else { return };
        self.ready.push_back(Output::Close(PipeId(key)));
        match pipe.phase {
            Phase::Body(receiving) => self.abort(receiving.request),
            Phase::Waiting(request, _) => self.abort(request),
            Phase::Opening(_) => self.end_connection(key, end),
            Phase::WebSocket(socket) if socket.is_open() => self.end_connection(key, end),
            Phase::Head(_) | Phase::Answering(_) | Phase::WebSocket(_) | Phase::Draining => {}
        }
    }

    fn end_connection(&mut self, key: Key, end: End) {
        let connection = PipeId(key).connection();
        self.forget_head(HeadId::Connection(connection));
        match end {
            End::Closed => self.machine.handle_connection_closed(connection, self.now),
            End::Failed => self.machine.handle_connection_failed(connection, self.now),
        }
    }

    /// Tells the machine that the client of a request has gone.
    pub(super) fn abort(&mut self, request: Option<Key>) {
        if let Some(request) = request
            && self.requests.remove(request).is_some()
        {
            let id = RequestId(request.to_bits());
            self.forget_head(HeadId::Request(id));
            self.machine.handle_request_aborted(id, self.now);
        }
    }

    /// Reads on in what a pipe holds.
    pub(super) fn read_on(&mut self, key: Key) {
        if let Some(pipe) = self.pipes.get_mut(key) {
            let held = mem::take(&mut pipe.input);
            self.read_held(key, held);
            self.settle(key);
        }
    }

    fn read_held(&mut self, key: Key, mut held: Held) {
        let mut rest = held.as_slice();
        self.read(key, &mut rest);
        let left = rest.len();
        held.keep_last(left);
        if left > 0 {
            self.keep(key, held);
        }
    }

    /// Keeps bytes that cannot be read yet.
    fn keep(&mut self, key: Key, rest: Held) {
        if let Some(pipe) = self.pipes.get_mut(key) {
            pipe.input = rest;
        }
    }

    /// Reads as much as can be read now.
    fn read(&mut self, key: Key, input: &mut &[u8]) {
        while !input.is_empty() {
            let Some(pipe) = self.pipes.get(key) else {
                *input = &[];
                return;
            };
            let goes_on = match &pipe.phase {
                _ if pipe.rest.is_some() => self.skip_body(key, input),
                Phase::Head(_) => self.read_head(key, input),
                Phase::Body(_) => self.read_body(key, input),
                Phase::WebSocket(_) => self.read_frames(key, input),
                Phase::Answering(After::Close | After::Drain) | Phase::Draining => {
                    *input = &[];
                    false
                }
                Phase::Waiting(..) | Phase::Answering(After::Next) | Phase::Opening(_) => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Counts what a pipe holds after it was read from, and ends it if it holds what it may not.
    fn settle(&mut self, key: Key) {
        self.count(key);
        let Some(pipe) = self.pipes.get(key) else {
            return;
        };
        // What comes ahead of its turn is bounded by `wants_read`. A driver that reads on all the same may do so once.
        let ahead = self.options.max_head.saturating_add(MAX_READ);
        let is_ahead = !matches!(pipe.phase, Phase::WebSocket(_)) && pipe.input.len() > ahead;
        let is_much = self.bytes_held > self.options.max_bytes_held && pipe.bytes_read() > 0;
        if is_ahead || is_much {
            self.end(key, End::Failed);
        }
    }
}

/// The bytes that a driver reads at once, at most.
const MAX_READ: usize = 256 * 1024;
