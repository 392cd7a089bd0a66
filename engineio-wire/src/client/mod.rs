//! The client's end.
//!
//! A [`Wire`] stands around a machine, the client of `engineio-proto` or of `socketio-proto`. It turns the requests and
//! connections that the machine wants into bytes, and the bytes that come back into responses and frames.
//!
//! # A driver
//!
//! The wire names the connections that it wants. A driver opens them, and tells of each what happens to it:
//!
//! | the driver | calls |
//! |---|---|
//! | has connected | [`handle_connected`](Wire::handle_connected) |
//! | has TLS on the connection | [`handle_secured`](Wire::handle_secured) |
//! | has read bytes | [`handle_bytes`](Wire::handle_bytes) |
//! | has written a part of a batch, or all of it | [`handle_written`](Wire::handle_written) |
//! | finds that the server closed the connection | [`handle_closed`](Wire::handle_closed) |
//! | finds that connecting, TLS, reading or writing fails | [`handle_failed`](Wire::handle_failed) |
//! | comes to the time of [`poll_timeout`](Wire::poll_timeout) | [`handle_timeout`](Wire::handle_timeout) |
//!
//! A connection that was closed or has failed is over: the driver drops it. After each of these calls, and after each
//! command to the machine, it takes all that [`poll_output`](Wire::poll_output) gives.
//! Before a command it calls `handle_timeout`, so that what is over is over before the command. It reads from a connection
//! while [`wants_read`](Wire::wants_read) says so.
//!
//! [`Hosted`] has an application beside the wire, and is what most drivers are written around.
//!
//! # Connections
//!
//! A poll uses the connection of the last one. The server may close that at the moment at which the poll leaves; a poll that
//! meets this is repeated on a new connection. A POST is not, for the server may have read it, and its messages must not
//! arrive twice. Instead, each POST has a connection of its own, unless
//! [`max_idle_for_post`](Options::max_idle_for_post) says otherwise.
//!
//! Redirects are followed for requests, and not for WebSockets. There is no WebTransport: the machine is told that it
//! failed.
//!
//! Source: RFC 9110, RFC 9112, RFC 6455, RFC 8305.

mod addresses;
mod hosted;
mod input;
mod options;
mod output;
mod pipe;
mod reader;
mod redirect;
mod request;
mod websocket;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use core::mem;

use engineio_proto::client::Output as MachineOutput;
use engineio_proto::driver::client::Machine;
use engineio_proto::http::Request;
use engineio_proto::{ConnectionId, Instant, RequestId, Seed, Transport};

pub use addresses::{ATTEMPT_DELAY, Attempts, in_order};
pub use hosted::{Action, Hosted};
pub use options::{Options, Proxy};
pub use output::{Output, PipeId};

use crate::Batch;
use pipe::{Exchange, Job, Leaving, Opening, Outgoing, Pipe, State};
use reader::{Limits, Reader, Wanted};
use request::{Origin, Purpose};

/// HTTP/1.1 and WebSocket around a machine. [The module](self) tells how it is driven.
///
/// # Examples
///
/// A client that opens a session by long-polling. The bytes come from a driver otherwise.
///
/// ```
/// use engineio_proto::client::{Client, Config, Endpoint, Event};
/// use engineio_proto::{Instant, Seed};
/// use engineio_wire::client::{Options, Output, Wire};
///
/// let seed = Seed::new([7; 32]);
/// let config = Config::new(Endpoint::parse("http://localhost:3000")?);
/// let mut wire = Wire::new(Client::new(config, &seed)?, Options::default(), &seed);
/// let now = Instant::ZERO;
/// wire.machine_mut().open(now);
///
/// let Some(Output::Connect { pipe, host, port }) = wire.poll_output() else { panic!() };
/// assert_eq!((&*host, port), ("localhost", 3000));
/// wire.handle_connected(pipe, now);
/// assert_eq!(wire.poll_output(), Some(Output::Write(pipe)));
/// let batch = wire.poll_write(pipe).unwrap();
/// assert!(batch.chunks().next().unwrap().starts_with(b"GET /engine.io/?EIO=4&transport=polling"));
/// wire.handle_written(pipe, batch.len(), now);
///
/// let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
/// let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{open}", open.len());
/// wire.handle_bytes(pipe, response.as_bytes(), now);
/// assert!(matches!(wire.poll_output(), Some(Output::Event(Event::Opened(_)))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Wire<M: Machine> {
    machine: M,
    options: Options,
    seed: Seed,
    pipes: BTreeMap<PipeId, Pipe>,
    /// The number of the next pipe.
    next: u64,
    /// What the driver is told before anything else.
    ready: VecDeque<Output<M::Event>>,
    /// Pipes that may have something to write. The driver is told once the machine has nothing more to say, so that all
    /// that one input led to leaves in one batch.
    writable: VecDeque<PipeId>,
    now: Instant,
}

/// The content bytes from which a batch takes no further frame.
const BATCH_BYTES: usize = 64 << 10;

/// Connections that are kept for the next request.
const MAX_IDLE: usize = 2;

impl<M: Machine> Wire<M> {
    /// Puts a wire around a machine. Its secrets come from the seed, which may be that of the machine.
    #[must_use]
    pub fn new(machine: M, options: Options, seed: &Seed) -> Self {
        Self {
            machine,
            options,
            seed: seed.clone(),
            pipes: BTreeMap::new(),
            next: 0,
            ready: VecDeque::new(),
            writable: VecDeque::new(),
            now: Instant::ZERO,
        }
    }

    /// The machine.
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// The machine, for commands. Its inputs are given by the wire.
    pub const fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// The latest time that an input had.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The next thing to do or to know.
    pub fn poll_output(&mut self) -> Option<Output<M::Event>> {
        loop {
            if let Some(output) = self.ready.pop_front() {
                return Some(output);
            }
            match self.machine.poll_output() {
                Some(MachineOutput::Event(event)) => return Some(Output::Event(event)),
                Some(MachineOutput::Request { request, message }) => {
                    self.request(request, message);
                }
                Some(MachineOutput::Abort { request }) => self.abort(request),
                Some(MachineOutput::Connect {
                    connection,
                    transport,
                    request,
                }) => self.connect(connection, transport, request),
                Some(MachineOutput::Frames { connection }) => self.frames(connection),
                Some(MachineOutput::Close { connection }) => self.close(connection),
                None => return self.next_writable().map(Output::Write),
            }
        }
    }

    /// Takes what is to be written to a connection. `None` if there is nothing, and while the last batch has not left.
    pub fn poll_write(&mut self, pipe: PipeId) -> Option<Batch> {
        let this = self.pipes.get_mut(&pipe)?;
        if !this.wants_write() {
            return None;
        }
        let mut batch = mem::take(&mut this.out.pending);
        if let State::Open(socket) = &mut this.state {
            let machine = &mut self.machine;
            socket.fill(&mut batch, BATCH_BYTES, |id| machine.poll_frame(id));
        }
        if batch.is_empty() {
            return None;
        }
        this.out.in_flight = batch.len();
        this.out.progress = self.now;
        Some(batch)
    }

    /// Whether the driver should read on from a connection.
    pub fn wants_read(&self, pipe: PipeId) -> bool {
        self.pipes.contains_key(&pipe) && self.machine.wants_read()
    }

    /// The time to call [`handle_timeout`](Self::handle_timeout) at; `None` if there is none.
    ///
    /// Cost: a look at each connection.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let pipes = self.pipes.values();
        let pipes = pipes.filter_map(|pipe| pipe.deadline(&self.options)).min();
        [self.machine.poll_timeout(), pipes]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether no connection is being opened, used, or closed. Idle ones may be open.
    ///
    /// Cost: a look at each connection.
    pub fn is_at_rest(&self) -> bool {
        self.pipes.values().all(Pipe::is_idle)
    }

    /// The number of connections that the wire knows.
    pub fn pipe_count(&self) -> usize {
        self.pipes.len()
    }

    /// The bytes that the connections hold on the heap: responses and messages that have begun, and what waits to be
    /// written. Zero for those that are idle.
    ///
    /// Cost: a look at each connection.
    pub fn bytes_held(&self) -> usize {
        let held = self.pipes.values().map(Pipe::bytes_held);
        held.fold(0, usize::saturating_add)
    }

    fn next_writable(&mut self) -> Option<PipeId> {
        loop {
            let id = self.writable.pop_front()?;
            if self.pipes.get(&id).is_some_and(Pipe::wants_write) {
                return Some(id);
            }
        }
    }

    fn request(&mut self, id: RequestId, request: Request) {
        self.dispatch(Exchange {
            id,
            request,
            redirects_left: self.options.max_redirects,
            is_reused: false,
            began: self.now,
        });
    }

    fn abort(&mut self, id: RequestId) {
        self.drop_pipe(|pipe| pipe.carries_request(id));
    }

    fn connect(&mut self, id: ConnectionId, transport: Transport, request: Request) {
        if transport != Transport::WebSocket {
            let now = self.now;
            return self.machine.handle_connection_failed(id, now);
        }
        self.open(Job::WebSocket(Opening {
            id,
            request,
            key: String::new(),
        }));
    }

    fn frames(&mut self, id: ConnectionId) {
        let found = self.pipes.iter_mut().find_map(|(pipe, this)| {
            let State::Open(socket) = &mut this.state else {
                return None;
            };
            (socket.id == id).then_some((pipe, socket))
        });
        if let Some((pipe, socket)) = found {
            socket.frames_wait = true;
            self.writable.push_back(*pipe);
        }
    }

    /// Closes a WebSocket behind the frames that have been pulled, or stops opening it.
    fn close(&mut self, id: ConnectionId) {
        let mut pipes = self.pipes.iter_mut();
        let Some((pipe, this)) = pipes.find(|(_, pipe)| pipe.carries_connection(id)) else {
            return;
        };
        let pipe = *pipe;
        let state = mem::replace(&mut this.state, State::Gone);
        let State::Open(mut socket) = state else {
            self.pipes.remove(&pipe);
            return self.tell_closed(pipe);
        };
        let (header, content) = socket.encoder.close(None);
        this.out.pending.push_frame(header, content);
        this.state = State::Leaving(Leaving {
            until: self.now + self.options.close_timeout,
            decoder: Some(socket.decoder),
            hangs_up: false,
        });
        self.writable.push_back(pipe);
    }

    /// Sends a request on a connection that is open, or opens one.
    fn dispatch(&mut self, mut exchange: Exchange) {
        let Some((id, mut pipe)) = self.take_idle(&exchange.request) else {
            return self.open(Job::Request(exchange));
        };
        exchange.is_reused = true;
        self.begin_job(id, &mut pipe, Job::Request(exchange));
        self.keep(id, pipe);
    }

    /// Takes the connection that has been idle for the shortest time, if it may carry a request.
    fn take_idle(&mut self, request: &Request) -> Option<(PipeId, Pipe)> {
        let is_post = request.method != "GET";
        let origin = Origin::of(request);
        let (now, max_idle_for_post) = (self.now, self.options.max_idle_for_post);
        let may_carry = |pipe: &Pipe| {
            let State::Idle { until } = pipe.state else {
                return false;
            };
            let idle = now.saturating_duration_since(pipe.since);
            now < until && pipe.origin == origin && (!is_post || idle < max_idle_for_post)
        };
        let usable = self.pipes.iter().filter(|(_, pipe)| may_carry(pipe));
        let (id, _) = usable.max_by_key(|(_, pipe)| pipe.since)?;
        let id = *id;
        self.pipes.remove(&id).map(|pipe| (id, pipe))
    }

    /// Opens a connection for a job.
    fn open(&mut self, job: Job) {
        let id = PipeId(self.next);
        self.next = self.next.saturating_add(1);
        let origin = Origin::of(job.request());
        let (host, port) = match &self.options.proxy {
            Some(proxy) => (proxy.host.clone(), proxy.port),
            None => (origin.host.clone(), origin.port),
        };
        self.pipes.insert(
            id,
            Pipe {
                origin,
                state: State::Connecting(job),
                out: Outgoing::default(),
                since: self.now,
            },
        );
        self.ready.push_back(Output::Connect {
            pipe: id,
            host,
            port,
        });
    }

    /// Begins what a connection is open for. A pipe that is dropped for it has no state to go back to.
    fn begin_job(&mut self, id: PipeId, pipe: &mut Pipe, job: Job) {
        pipe.since = self.now;
        pipe.out.progress = self.now;
        match job {
            Job::Request(mut exchange) => {
                let is_last =
                    exchange.request.method != "GET" && self.options.max_idle_for_post.is_zero();
                let purpose = if is_last {
                    Purpose::Last
                } else {
                    Purpose::Keep
                };
                let plain = !exchange.request.is_secure();
                let proxy = self.options.proxy.as_ref().filter(|_| plain);
                match request::head(&exchange.request, purpose, proxy) {
                    Ok(head) => {
                        pipe.out.push(head);
                        pipe.out.push(exchange.request.body.clone());
                    }
                    Err(request::BadTarget) => {
                        return self.fail_job(id, pipe, Job::Request(exchange));
                    }
                }
                exchange.began = self.now;
                pipe.state = State::Requesting(exchange, Reader::new(Wanted::Answer));
            }
            Job::WebSocket(mut opening) => {
                opening.key = websocket::key(&self.seed, id);
                let purpose = Purpose::WebSocket(&opening.key);
                match request::head(&opening.request, purpose, None) {
                    Ok(head) => pipe.out.push(head),
                    Err(request::BadTarget) => {
                        return self.fail_job(id, pipe, Job::WebSocket(opening));
                    }
                }
                pipe.state = State::Opening(opening, Reader::new(Wanted::WebSocket));
            }
        }
        self.writable.push_back(id);
    }

    /// Tells the machine that a job cannot be done, and gives the pipe up.
    fn fail_job(&mut self, id: PipeId, pipe: &mut Pipe, job: Job) {
        self.report_failure(job);
        self.hang_up(id, pipe);
    }

    fn report_failure(&mut self, job: Job) {
        let now = self.now;
        match job {
            Job::Request(exchange) => self.machine.handle_request_failed(exchange.id, now),
            Job::WebSocket(opening) => self.machine.handle_connection_failed(opening.id, now),
        }
    }

    /// Has the driver close a pipe, and marks it as one that is not kept.
    fn hang_up(&mut self, id: PipeId, pipe: &mut Pipe) {
        self.tell_closed(id);
        pipe.state = State::Gone;
    }

    fn tell_closed(&mut self, id: PipeId) {
        self.take_back(id);
        self.ready.push_back(Output::Close(id));
    }

    /// Takes back what the driver was to do for a pipe that is over.
    fn take_back(&mut self, id: PipeId) {
        self.ready
            .retain(|output| !matches!(output, Output::StartTls { pipe, .. } if *pipe == id));
    }

    /// Puts a pipe back that was taken out, unless it is gone.
    fn keep(&mut self, id: PipeId, pipe: Pipe) {
        if !matches!(pipe.state, State::Gone) {
            self.pipes.insert(id, pipe);
        }
    }

    /// Drops a pipe that is no longer needed.
    fn drop_pipe(&mut self, is_it: impl Fn(&Pipe) -> bool) {
        let found = self.pipes.iter().find(|(_, pipe)| is_it(pipe));
        if let Some((id, _)) = found {
            let id = *id;
            self.pipes.remove(&id);
            self.tell_closed(id);
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            head: self.options.max_head,
            body: self.machine.engine_config().max_payload,
        }
    }
}

#[cfg(test)]
mod tests;
