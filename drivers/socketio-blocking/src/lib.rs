//! A driver for Socket.IO and Engine.IO clients on plain threads and blocking sockets: the caller's thread owns the machine, others wait for the network.
//!
//! Requests are made by *lanes*: threads that make one after the other and keep their connection open between. A
//! WebSocket has two threads, one that reads and one that writes: see `websocket.rs`.
//!
//! It knows no WebTransport, and tells the machine that every attempt at it failed.

mod http;
mod websocket;

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use engineio_driver::{Clock, Resolver};
use engineio_proto::client::Output;
use engineio_proto::driver::Pipes;
use engineio_proto::driver::client::{connection_closed, connection_failed};
use engineio_proto::http::{Answer, Request};
use engineio_proto::{ConnectionId, Frame, RequestId, Transport};
use ureq::Agent;

pub use engineio_driver::Tls;
pub use engineio_proto::driver::client::{App, Machine};

use websocket::{End, Pipe};

/// A machine, its application, and what is under way for them.
#[derive(Debug)]
pub struct Driver<M: Machine, A: App<M>> {
    machine: M,
    app: A,
    inputs: Receiver<Input<A::Command>>,
    reporter: SyncSender<Input<A::Command>>,
    tls: Tls,
    idle: Vec<Lane>,
    busy: HashMap<RequestId, Lane>,
    connections: Pipes<Arc<Pipe>>,
    /// Every thread holds a sender: once they are gone, all threads have ended.
    alive: Sender<Infallible>,
    ended: Receiver<Infallible>,
    clock: Clock,
    resolver: Resolver,
    /// Until when closing may take, once the application wants no more.
    stopping: Option<std::time::Instant>,
}

/// Sends commands to the application. When it is dropped, the driver stops.
#[derive(Debug)]
pub struct Commander<C>(SyncSender<Input<C>>);

/// What a thread has to report.
#[derive(Debug)]
enum Input<C> {
    Response(RequestId, Answer),
    RequestFailed(RequestId),
    Connected(ConnectionId),
    Frame(ConnectionId, Frame),
    /// The last batch has left.
    Written(ConnectionId),
    Closed(ConnectionId, Option<u16>),
    Failed(ConnectionId, Option<Answer>),
    Command(C),
    NoMoreCommands,
}

/// The way to a thread that makes requests.
#[derive(Debug)]
struct Lane {
    agent: Agent,
    jobs: Sender<(RequestId, Request)>,
}

/// The content bytes from which a batch takes no further frame.
const BATCH_BYTES: usize = 64 << 10;

/// Inputs and commands that may wait; who has more waits.
const QUEUE: usize = 64;

/// How long to try an address of a server.
const CONNECT_TIME: Duration = Duration::from_secs(20);

/// How long to wait for the answers to what ends: requests, and close frames.
const CLOSE_TIME: Duration = Duration::from_secs(3);

impl<C> Commander<C> {
    /// Sends a command, waiting while too many wait already; false if the driver has ended.
    pub fn send(&self, command: C) -> bool {
        self.0.send(Input::Command(command)).is_ok()
    }
}

impl<C> Drop for Commander<C> {
    fn drop(&mut self) {
        let _ended = self.0.send(Input::NoMoreCommands);
    }
}

impl<M, A> Driver<M, A>
where
    M: Machine<Event: Send> + Send + 'static,
    A: App<M, Command: Send + 'static>,
{
    /// Makes a driver, and the way for the rest of the program to send commands.
    #[must_use]
    pub fn new(machine: M, app: A, tls: Tls) -> (Self, Commander<A::Command>) {
        let (reporter, inputs) = sync_channel(QUEUE);
        let (alive, ended) = channel();
        let commander = Commander(reporter.clone());
        let driver = Self {
            machine,
            app,
            inputs,
            reporter,
            tls,
            idle: Vec::new(),
            busy: HashMap::new(),
            connections: Pipes::new(BATCH_BYTES, usize::MAX),
            alive,
            ended,
            clock: Clock::start(),
            resolver: Resolver::system(),
            stopping: None,
        };
        (driver, commander)
    }

    /// Sets the clock of the machine. Default that of the operating system.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets where the addresses of servers are looked up. Default the operating system.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = resolver;
        self
    }

    /// Runs until the application wants no more, then closes what is open within a few seconds.
    pub fn run(mut self) -> A {
        let now = self.clock.now();
        self.app.started(&mut self.machine, now);
        loop {
            self.perform();
            if self.stopping.is_some() && self.busy.is_empty() && self.connections.is_empty() {
                break;
            }
            match self.next() {
                Ok(input) => self.take(input),
                // The driver holds a sender itself, so it was the deadline.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let now = self.clock.now();
                    self.machine.handle_timeout(now);
                    if self
                        .stopping
                        .is_some_and(|end| end <= std::time::Instant::now())
                    {
                        break;
                    }
                }
            }
        }
        self.busy
            .drain()
            .for_each(|(_, lane)| lane.agent.shutdown());
        self.connections.drain().for_each(|pipe| pipe.close());
        self.idle.clear();
        drop((self.alive, self.reporter, self.inputs));
        let end = self.stopping.unwrap_or_else(std::time::Instant::now);
        // Those that are not over by then, because they look up a name or connect, end by themselves.
        let _late = self
            .ended
            .recv_timeout(end.saturating_duration_since(std::time::Instant::now()));
        self.app
    }

    fn next(&self) -> Result<Input<A::Command>, RecvTimeoutError> {
        let due = self.machine.poll_timeout().map(|at| self.clock.until(at));
        let end = self
            .stopping
            .map(|end| end.saturating_duration_since(std::time::Instant::now()));
        match [due, end].into_iter().flatten().min() {
            // Inputs that wait already must not keep a deadline from being met.
            Some(Duration::ZERO) => Err(RecvTimeoutError::Timeout),
            Some(wait) => self.inputs.recv_timeout(wait),
            None => self
                .inputs
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Does what the machine wants done, and tells the application what there is to know.
    fn perform(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Request { request, message } => {
                    let lane = self.idle.pop().unwrap_or_else(|| self.lane());
                    if lane.jobs.send((request, message)).is_ok() {
                        self.busy.insert(request, lane);
                    }
                }
                Output::Abort { request } => {
                    if let Some(lane) = self.busy.remove(&request) {
                        lane.agent.shutdown();
                    }
                }
                // None here: the machine tries what else it may.
                Output::Connect {
                    connection,
                    transport: Transport::WebTransport,
                    ..
                } => {
                    let now = self.clock.now();
                    self.machine.handle_connection_failed(connection, now);
                }
                Output::Connect {
                    connection,
                    request,
                    ..
                } => self.connect(connection, request),
                Output::Frames { connection } => {
                    self.connections.frames_wait(connection);
                    self.pull(connection);
                }
                Output::Close { connection } => {
                    if let Some(pipe) = self.connections.remove(connection) {
                        pipe.close();
                    }
                }
                Output::Event(event) => {
                    if self.stopping.is_none() {
                        let now = self.clock.now();
                        let flow = self.app.handle_event(&mut self.machine, event, now);
                        self.follow(flow);
                    }
                }
            }
        }
    }

    /// Starts a thread that makes requests.
    fn lane(&self) -> Lane {
        let (jobs, waiting) = channel::<(RequestId, Request)>();
        let agent = http::agent(&self.tls);
        let lane = Lane {
            agent: agent.clone(),
            jobs,
        };
        let max_payload = self.machine.engine_config().max_payload;
        let (reporter, alive) = (self.reporter.clone(), self.alive.clone());
        thread::spawn(move || {
            for (id, request) in waiting {
                let input = match http::exchange(&agent, request, max_payload) {
                    Ok(answer) => Input::Response(id, answer),
                    Err(error) => {
                        tracing::debug!(%error, "a request failed");
                        Input::RequestFailed(id)
                    }
                };
                if reporter.send(input).is_err() {
                    break;
                }
            }
            drop(alive);
        });
        lane
    }

    fn connect(&mut self, id: ConnectionId, request: Request) {
        let pipe = Arc::new(Pipe::default());
        self.connections.insert(id, Arc::clone(&pipe));
        let (reporter, alive) = (self.reporter.clone(), self.alive.clone());
        let (tls, max_payload) = (self.tls.clone(), self.machine.engine_config().max_payload);
        let resolver = self.resolver.clone();
        thread::spawn(move || {
            let report = |input| reporter.send(input).is_ok();
            let end = match pipe.open(&request, &tls, &resolver, max_payload) {
                Ok(tcp) => {
                    report(Input::Connected(id));
                    thread::scope(|scope| {
                        scope.spawn(|| pipe.write(&tcp, || report(Input::Written(id))));
                        pipe.read(&tcp, |frame| report(Input::Frame(id, frame)))
                    })
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection failed");
                    End::of_opening(error)
                }
            };
            report(match end {
                End::Closed(code) => Input::Closed(id, code),
                End::Failed(answer) => Input::Failed(id, answer),
            });
            drop(alive);
        });
    }

    /// Hands the frames that wait for a connection to its threads, if they are idle.
    fn pull(&mut self, connection: ConnectionId) {
        let machine = &mut self.machine;
        let batch = self
            .connections
            .next_batch(connection, || machine.poll_frame(connection));
        if let Some((batch, pipe)) = batch {
            pipe.send(batch);
        }
    }

    fn take(&mut self, input: Input<A::Command>) {
        let now = self.clock.now();
        // What came after a deadline is taken after it.
        self.machine.handle_timeout(now);
        match input {
            Input::Response(id, answer) => {
                self.idle.extend(self.busy.remove(&id));
                self.machine.handle_response(id, answer, now);
            }
            Input::RequestFailed(id) => {
                self.idle.extend(self.busy.remove(&id));
                self.machine.handle_request_failed(id, now);
            }
            Input::Connected(id) => self.machine.handle_connected(id, now),
            Input::Frame(id, frame) => self.machine.handle_frame(id, frame, now),
            Input::Written(id) => {
                self.connections.written(id);
                self.pull(id);
            }
            Input::Closed(id, code) => {
                self.connections.remove(id);
                connection_closed(&mut self.machine, id, code, now);
            }
            Input::Failed(id, answer) => {
                self.connections.remove(id);
                connection_failed(&mut self.machine, id, answer.as_ref(), now);
            }
            Input::Command(command) if self.stopping.is_none() => {
                let flow = self.app.handle_command(&mut self.machine, command, now);
                self.follow(flow);
            }
            Input::NoMoreCommands if self.stopping.is_none() => {
                self.follow(ControlFlow::Break(()));
            }
            Input::Command(_) | Input::NoMoreCommands => {}
        }
    }

    fn follow(&mut self, flow: ControlFlow<()>) {
        if flow.is_break() {
            self.stopping = Some(std::time::Instant::now() + CLOSE_TIME);
            let now = self.clock.now();
            self.machine.close(now);
        }
    }
}
