//! Inputs: the events of connections.

use core::mem;
use core::time::Duration;

use engineio_proto::Instant;
use engineio_proto::codec::websocket::{Close, Decoder, Received, Violation};
use engineio_proto::driver::client::{Machine, connection_closed};
use engineio_proto::http::Answer;

use super::pipe::{Exchange, Job, Leaving, Opening, Pipe, Socket, State};
use super::reader::{Reader, Response, Wanted};
use super::{MAX_IDLE, PipeId, Wire, redirect, request};
use crate::client::Output;

/// A server that closes an idle connection as a request leaves does so within a round-trip. What ends later ends for
/// another reason, and the server may have answered.
const IDLE_RACE: Duration = Duration::from_secs(2);

/// How early a connection is given up before the server would close it.
const IDLE_MARGIN: Duration = Duration::from_secs(1);

impl<M: Machine> Wire<M> {
    /// Notes that a connection is open.
    pub fn handle_connected(&mut self, pipe: PipeId, now: Instant) {
        self.fire(now);
        let Some((mut this, state)) = self.take(pipe) else {
            return;
        };
        if let State::Connecting(job) = state {
            if self.needs_tunnel(&job) {
                self.begin_tunnel(pipe, &mut this, job);
            } else {
                self.begin_inside(pipe, &mut this, job);
            }
        } else {
            this.state = state;
        }
        self.keep(pipe, this);
    }

    /// Notes that a connection has TLS.
    pub fn handle_secured(&mut self, pipe: PipeId, now: Instant) {
        self.fire(now);
        let Some((mut this, state)) = self.take(pipe) else {
            return;
        };
        if let State::Securing(job) = state {
            self.begin_job(pipe, &mut this, job);
        } else {
            this.state = state;
        }
        self.keep(pipe, this);
    }

    /// Takes bytes of a connection, in pieces of any size.
    pub fn handle_bytes(&mut self, pipe: PipeId, bytes: &[u8], now: Instant) {
        self.fire(now);
        let Some((mut this, state)) = self.take(pipe) else {
            return;
        };
        let mut answered = None;
        if bytes.is_empty() {
            this.state = state;
        } else {
            if matches!(state, State::Requesting(..)) {
                this.since = self.now;
            }
            answered = self.read(pipe, &mut this, state, bytes);
        }
        // A redirect may use the connection again.
        self.keep(pipe, this);
        if let Some((exchange, response)) = answered {
            self.answer(exchange, response);
        }
    }

    /// Notes that bytes of a batch have left.
    pub fn handle_written(&mut self, pipe: PipeId, len: usize, now: Instant) {
        self.fire(now);
        let Some(this) = self.pipes.get_mut(&pipe) else {
            return;
        };
        this.out.in_flight = this.out.in_flight.saturating_sub(len);
        this.out.progress = self.now;
        if this.out.in_flight > 0 {
            return;
        }
        let is_over = matches!(&this.state, State::Leaving(leaving) if leaving.hangs_up);
        if is_over && this.out.is_empty() {
            self.pipes.remove(&pipe);
            self.tell_closed(pipe);
        } else if this.wants_write() {
            self.writable.push_back(pipe);
        }
    }

    /// Notes that the server has closed a connection.
    pub fn handle_closed(&mut self, pipe: PipeId, now: Instant) {
        self.fire(now);
        self.end(pipe, true);
    }

    /// Notes that a connection could not be opened, or broke.
    pub fn handle_failed(&mut self, pipe: PipeId, now: Instant) {
        self.fire(now);
        self.end(pipe, false);
    }

    /// Serves the deadlines that are over.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.fire(now);
        let due = |pipe: &Pipe| {
            let deadline = pipe.deadline(&self.options);
            deadline.is_some_and(|deadline| deadline <= self.now)
        };
        let due = self.pipes.iter().filter(|(_, pipe)| due(pipe));
        let due: alloc::vec::Vec<PipeId> = due.map(|(id, _)| *id).collect();
        for id in due {
            if let Some((mut this, state)) = self.take(id) {
                self.report_end(state);
                self.hang_up(id, &mut this);
            }
        }
    }

    /// Lets the machine serve what is over before an input.
    fn fire(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.machine.handle_timeout(now);
    }

    /// Takes a pipe and its state out. Without a state it is not put back.
    fn take(&mut self, id: PipeId) -> Option<(Pipe, State)> {
        let mut pipe = self.pipes.remove(&id)?;
        let state = mem::replace(&mut pipe.state, State::Gone);
        Some((pipe, state))
    }

    fn needs_tunnel(&self, job: &Job) -> bool {
        let is_socket = matches!(job, Job::WebSocket(_));
        self.options.proxy.is_some() && (is_socket || job.request().is_secure())
    }

    fn begin_tunnel(&mut self, id: PipeId, pipe: &mut Pipe, job: Job) {
        let proxy = self.options.proxy.as_ref();
        match proxy.map(|proxy| request::tunnel_head(&pipe.origin, proxy)) {
            Some(Ok(head)) => {
                pipe.out.push(head);
                pipe.out.progress = self.now;
                pipe.state = State::Tunnelling(job, Reader::new(Wanted::Tunnel));
                self.writable.push_back(id);
            }
            _ => self.fail_job(id, pipe, job),
        }
    }

    /// Begins what is said to the server itself.
    fn begin_inside(&mut self, id: PipeId, pipe: &mut Pipe, job: Job) {
        if !pipe.origin.is_secure {
            return self.begin_job(id, pipe, job);
        }
        self.ready.push_back(Output::StartTls {
            pipe: id,
            server_name: pipe.origin.host.clone(),
        });
        pipe.state = State::Securing(job);
    }

    /// Reads bytes in the state of a pipe. Gives the response to a request, if it is whole now.
    fn read(
        &mut self,
        id: PipeId,
        pipe: &mut Pipe,
        state: State,
        bytes: &[u8],
    ) -> Option<(Exchange, Response)> {
        match state {
            State::Tunnelling(job, reader) => self.read_tunnel(id, pipe, job, reader, bytes),
            State::Requesting(exchange, reader) => {
                return self.read_response(id, pipe, exchange, reader, bytes);
            }
            State::Opening(opening, reader) => {
                self.read_handshake(id, pipe, opening, reader, bytes);
            }
            State::Open(socket) => self.read_frames(id, pipe, socket, bytes),
            State::Leaving(leaving) => self.read_on(id, pipe, leaving, bytes),
            // Nobody has asked for anything.
            State::Connecting(job) | State::Securing(job) => self.fail_job(id, pipe, job),
            State::Idle { .. } | State::Gone => self.hang_up(id, pipe),
        }
        None
    }

    fn read_tunnel(
        &mut self,
        id: PipeId,
        pipe: &mut Pipe,
        job: Job,
        mut reader: Reader,
        mut bytes: &[u8],
    ) {
        match reader.read(&mut bytes, self.limits()) {
            Ok(None) => pipe.state = State::Tunnelling(job, reader),
            Ok(Some(response)) => match response.head.answer.status {
                // A server says nothing before its client.
                200..=299 if bytes.is_empty() => self.begin_inside(id, pipe, job),
                200..=299 => self.fail_job(id, pipe, job),
                status => self.refuse_job(id, pipe, job, status),
            },
            Err(_) => self.fail_job(id, pipe, job),
        }
    }

    /// Tells the machine that the proxy refused a job. Of the proxy's response only the status counts: the rest would be
    /// taken for the server's.
    fn refuse_job(&mut self, id: PipeId, pipe: &mut Pipe, job: Job, status: u16) {
        let (answer, now) = (Answer::new(status, ""), self.now);
        match job {
            Job::Request(exchange) => self.machine.handle_response(exchange.id, answer, now),
            Job::WebSocket(opening) => {
                self.machine
                    .handle_connection_refused(opening.id, &answer, now);
            }
        }
        self.hang_up(id, pipe);
    }

    fn read_response(
        &mut self,
        id: PipeId,
        pipe: &mut Pipe,
        exchange: Exchange,
        mut reader: Reader,
        mut bytes: &[u8],
    ) -> Option<(Exchange, Response)> {
        if pipe.out.is_untouched() {
            // It answers nothing, but tells that the server is about to close the connection.
            self.hang_up(id, pipe);
            self.repeat_or_fail(exchange, true);
            return None;
        }
        match reader.read(&mut bytes, self.limits()) {
            Ok(None) => pipe.state = State::Requesting(exchange, reader),
            Ok(Some(response)) if response.head.answer.status != 101 => {
                self.release(id, pipe, &exchange, &response, bytes.is_empty());
                return Some((exchange, response));
            }
            Ok(Some(_)) | Err(_) => self.fail_job(id, pipe, Job::Request(exchange)),
        }
        None
    }

    /// Keeps a connection whose request is answered, or closes it.
    fn release(
        &mut self,
        id: PipeId,
        pipe: &mut Pipe,
        exchange: &Exchange,
        response: &Response,
        is_all_read: bool,
    ) {
        let kept = response.head.keep_alive.unwrap_or(Duration::MAX);
        let idle = kept.saturating_sub(IDLE_MARGIN).min(self.options.max_idle);
        let is_last = exchange.request.method != "GET" && self.options.max_idle_for_post.is_zero();
        let others = self.pipes.values().filter(|pipe| pipe.is_idle()).count();
        let is_kept = response.head.keeps_alive() && is_all_read && !is_last;
        if is_kept && !idle.is_zero() && others < MAX_IDLE {
            pipe.since = self.now;
            pipe.state = State::Idle {
                until: self.now + idle,
            };
        } else {
            self.hang_up(id, pipe);
        }
    }

    /// Gives the machine a response, or follows a redirect.
    fn answer(&mut self, mut exchange: Exchange, response: Response) {
        let head = &response.head;
        let status = head.answer.status;
        // The server has waited for a request that has not come, so it has not read this one.
        if status == 408 && exchange.is_reused {
            return self.repeat_or_fail(exchange, true);
        }
        let next = redirect::follow(&exchange.request, status, head.location.as_deref());
        if let (Some(next), Some(left)) = (next, exchange.redirects_left.checked_sub(1)) {
            exchange.request = next;
            exchange.redirects_left = left;
            exchange.is_reused = false;
            return self.dispatch(exchange);
        }
        let now = self.now;
        self.machine
            .handle_response(exchange.id, response.into_answer(), now);
    }

    fn read_handshake(
        &mut self,
        id: PipeId,
        pipe: &mut Pipe,
        opening: Opening,
        mut reader: Reader,
        mut bytes: &[u8],
    ) {
        if pipe.out.is_untouched() {
            // It answers nothing.
            return self.fail_job(id, pipe, Job::WebSocket(opening));
        }
        match reader.read(&mut bytes, self.limits()) {
            Ok(None) => pipe.state = State::Opening(opening, reader),
            Ok(Some(response)) if response.head.answer.status == 101 => {
                if !opening.is_agreed(&response.head.handshake) {
                    return self.fail_job(id, pipe, Job::WebSocket(opening));
                }
                let max_payload = self.machine.engine_config().max_payload;
                let socket = opening.open(&self.seed, id, max_payload);
                self.machine.handle_connected(socket.id, self.now);
                self.read_frames(id, pipe, socket, bytes);
            }
            Ok(Some(response)) => self.refuse(id, pipe, &opening, response),
            Err(_) => self.fail_job(id, pipe, Job::WebSocket(opening)),
        }
    }

    fn refuse(&mut self, id: PipeId, pipe: &mut Pipe, opening: &Opening, response: Response) {
        let now = self.now;
        self.machine
            .handle_connection_refused(opening.id, &response.into_answer(), now);
        self.hang_up(id, pipe);
    }

    fn read_frames(&mut self, id: PipeId, pipe: &mut Pipe, mut socket: Socket, mut bytes: &[u8]) {
        let now = self.now;
        loop {
            match socket.decoder.decode(&mut bytes) {
                Ok(Some(Received::Message(frame))) => {
                    self.machine.handle_frame(socket.id, frame, now);
                }
                // Only the last ping is answered.
                Ok(Some(Received::Ping(content))) => {
                    socket.pong = Some(content);
                    self.writable.push_back(id);
                }
                // Compression is never asked for, so that a compressed message is refused.
                Ok(Some(Received::Pong(_) | Received::Compressed { .. })) => {}
                Ok(Some(Received::Close(close))) => {
                    return self.answer_close(id, pipe, socket, close);
                }
                Ok(None) => break,
                Err(violation) => return self.reject(id, pipe, socket, violation),
            }
        }
        pipe.state = State::Open(socket);
    }

    /// Answers the close frame of the server, which is to hang up then.
    fn answer_close(&mut self, id: PipeId, pipe: &mut Pipe, socket: Socket, close: Option<Close>) {
        let (code, now) = (close.as_ref().map(|close| close.code), self.now);
        connection_closed(&mut self.machine, socket.id, code, now);
        let answer = close.map(|close| Close::new(close.code, ""));
        self.leave(id, pipe, socket, answer.as_ref(), false);
    }

    /// Ends a WebSocket whose server broke the rules.
    fn reject(&mut self, id: PipeId, pipe: &mut Pipe, socket: Socket, violation: Violation) {
        let now = self.now;
        self.machine.handle_connection_failed(socket.id, now);
        let close = Close::new(violation.close_code(), "");
        self.leave(id, pipe, socket, Some(&close), true);
    }

    fn leave(
        &mut self,
        id: PipeId,
        pipe: &mut Pipe,
        mut socket: Socket,
        close: Option<&Close>,
        hangs_up: bool,
    ) {
        let (header, content) = socket.encoder.close(close);
        pipe.out.pending.push_frame(header, content);
        pipe.state = State::Leaving(Leaving {
            until: self.now + self.options.close_timeout,
            decoder: None,
            hangs_up,
        });
        self.writable.push_back(id);
    }

    /// Waits for the close frame of the server, once one was sent.
    fn read_on(&mut self, id: PipeId, pipe: &mut Pipe, mut leaving: Leaving, mut bytes: &[u8]) {
        let decoder = leaving.decoder.as_mut();
        if decoder.is_some_and(|decoder| is_closed(decoder, &mut bytes)) {
            leaving.decoder = None;
            leaving.hangs_up = true;
            if pipe.out.is_empty() {
                return self.hang_up(id, pipe);
            }
        }
        pipe.state = State::Leaving(leaving);
    }

    /// Notes that a connection is over.
    fn end(&mut self, id: PipeId, is_clean: bool) {
        let Some((pipe, state)) = self.take(id) else {
            return;
        };
        self.take_back(id);
        match state {
            State::Requesting(exchange, mut reader) => {
                let response = reader.end().filter(|_| is_clean);
                match response {
                    Some(response) => self.answer(exchange, response),
                    None if reader.has_begun() => self.report_failure(Job::Request(exchange)),
                    None => self.repeat_or_fail(exchange, pipe.out.is_untouched()),
                }
            }
            State::Opening(opening, mut reader) => match reader.end().filter(|_| is_clean) {
                Some(response) => {
                    let (answer, now) = (response.into_answer(), self.now);
                    self.machine
                        .handle_connection_refused(opening.id, &answer, now);
                }
                None => self.report_failure(Job::WebSocket(opening)),
            },
            State::Open(socket) => {
                let now = self.now;
                self.machine.handle_connection_closed(socket.id, now);
            }
            State::Connecting(_)
            | State::Tunnelling(..)
            | State::Securing(_)
            | State::Idle { .. }
            | State::Leaving(_)
            | State::Gone => self.report_end(state),
        }
    }

    /// Tells the machine that a connection ended in this state by a fault.
    fn report_end(&mut self, state: State) {
        match state {
            State::Connecting(job) | State::Tunnelling(job, _) | State::Securing(job) => {
                self.report_failure(job);
            }
            State::Requesting(exchange, _) => self.report_failure(Job::Request(exchange)),
            State::Opening(opening, _) => self.report_failure(Job::WebSocket(opening)),
            State::Open(socket) => {
                let now = self.now;
                self.machine.handle_connection_failed(socket.id, now);
            }
            State::Idle { .. } | State::Leaving(_) | State::Gone => {}
        }
    }

    /// Sends a request again whose connection ended before it was answered, if that connection had been idle and the request
    /// cannot have any effect twice.
    fn repeat_or_fail(&mut self, mut exchange: Exchange, is_untouched: bool) {
        let passed = self.now.saturating_duration_since(exchange.began);
        let is_race = exchange.request.method == "GET" && passed < IDLE_RACE;
        if exchange.is_reused && (is_untouched || is_race) {
            exchange.is_reused = false;
            return self.open(Job::Request(exchange));
        }
        self.report_failure(Job::Request(exchange));
    }
}

/// Reads up to a close frame. What breaks the rules is taken for one.
fn is_closed(decoder: &mut Decoder, bytes: &mut &[u8]) -> bool {
    loop {
        match decoder.decode(bytes) {
            Ok(Some(Received::Close(_))) | Err(_) => return true,
            Ok(Some(_)) => {}
            Ok(None) => return false,
        }
    }
}
