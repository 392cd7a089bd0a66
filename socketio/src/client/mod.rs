//! A driver for clients: one task owns the machine, others carry a request, a WebSocket or a WebTransport session each.
//!
//! Without the feature `webtransport` every attempt at that transport fails at once, and the machine goes on to what else
//! its configuration lists.

mod network;
#[cfg(feature = "webtransport")]
mod webtransport;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use engineio_driver::Clock;
use engineio_proto::client::Output;
use engineio_proto::codec::DecodeError;
use engineio_proto::driver::Pipes;
use engineio_proto::driver::client::{connection_closed, connection_failed};
use engineio_proto::http::{Answer, Request};
use engineio_proto::{ConnectionId, Frame, RequestId, Transport};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep_until, timeout_at};

pub use engineio_driver::Tls;
pub use engineio_proto::driver::client::{App, Machine};

use network::{Connection, Http, exchange, http_client};

/// A machine, its application, and what is under way for them.
#[derive(Debug)]
pub struct Driver<M: Machine, A: App<M>> {
    machine: M,
    app: A,
    commands: mpsc::Receiver<A::Command>,
    inputs: mpsc::Receiver<Input>,
    /// What every task reports with.
    reporter: mpsc::Sender<Input>,
    http: Http,
    tls: Tls,
    requests: HashMap<RequestId, AbortHandle>,
    connections: Pipes<mpsc::Sender<Batch>>,
    tasks: JoinSet<()>,
    clock: Clock,
    /// Until when closing may take, once the application wants no more.
    stopping: Option<tokio::time::Instant>,
}

/// What a task has to report.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "webtransport"),
    expect(dead_code, reason = "some are of WebTransport alone")
)]
enum Input {
    Response(RequestId, Answer),
    RequestFailed(RequestId),
    Connected(ConnectionId),
    Frame(ConnectionId, Frame),
    BadFrame(ConnectionId, DecodeError),
    /// The last batch has left.
    Written(ConnectionId),
    Closed(ConnectionId, Option<u16>),
    Failed(ConnectionId, Option<Answer>),
}

/// Frames to be written in one go.
type Batch = Vec<Frame>;

/// The content bytes from which a batch takes no further frame.
const BATCH_BYTES: usize = 64 << 10;

/// Inputs and commands that may wait; who has more waits.
const QUEUE: usize = 64;

/// How long to wait for the answers to what ends: requests, and close frames.
const CLOSE_TIME: Duration = Duration::from_secs(3);

impl<M, A> Driver<M, A>
where
    M: Machine<Event: Send> + Send + 'static,
    A: App<M>,
{
    /// Makes a driver, and the way for the rest of the program to send commands. When that is dropped, the driver stops.
    #[must_use]
    pub fn new(machine: M, app: A, tls: Tls) -> (Self, mpsc::Sender<A::Command>) {
        let (commander, commands) = mpsc::channel(QUEUE);
        let (reporter, inputs) = mpsc::channel(QUEUE);
        let driver = Self {
            machine,
            app,
            commands,
            inputs,
            reporter,
            http: http_client(&tls),
            tls,
            requests: HashMap::new(),
            connections: Pipes::new(BATCH_BYTES, usize::MAX),
            tasks: JoinSet::new(),
            clock: Clock::start(),
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

    /// Runs until the application wants no more, then closes what is open within a few seconds.
    pub async fn run(mut self) -> A {
        let now = self.clock.now();
        self.app.started(&mut self.machine, now);
        loop {
            self.perform();
            if self.stopping.is_some() && self.requests.is_empty() && self.connections.is_empty() {
                break;
            }
            let due = self.next_due();
            tokio::select! {
                Some(input) = self.inputs.recv() => self.take(input),
                command = self.commands.recv(), if self.stopping.is_none() => {
                    let now = self.clock.now();
                    // What is over is over before the command.
                    self.machine.handle_timeout(now);
                    let flow = match command {
                        Some(command) => self.app.handle_command(&mut self.machine, command, now),
                        None => ControlFlow::Break(()),
                    };
                    self.follow(flow);
                }
                () = sleep_until(due.unwrap_or_else(tokio::time::Instant::now)), if due.is_some() => {
                    let now = self.clock.now();
                    self.machine.handle_timeout(now);
                    if self.stopping.is_some_and(|end| end <= tokio::time::Instant::now()) {
                        break;
                    }
                }
            }
            while self.tasks.try_join_next().is_some() {}
        }
        drop(self.connections.drain());
        let end = self.stopping.unwrap_or_else(tokio::time::Instant::now);
        // Those that are not over by then are dropped with the set.
        let _late = timeout_at(end, async {
            while self.tasks.join_next().await.is_some() {}
        })
        .await;
        self.app
    }

    /// Does what the machine wants done, and tells the application what there is to know.
    fn perform(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Request { request, message } => {
                    let exchange = exchange(
                        self.http.clone(),
                        request,
                        message,
                        self.machine.engine_config().max_payload,
                        self.reporter.clone(),
                    );
                    self.requests.insert(request, self.tasks.spawn(exchange));
                }
                Output::Abort { request } => {
                    if let Some(task) = self.requests.remove(&request) {
                        task.abort();
                    }
                }
                Output::Connect {
                    connection,
                    transport,
                    request,
                } => {
                    self.connect(connection, transport, request);
                }
                Output::Frames { connection } => {
                    self.connections.frames_wait(connection);
                    self.pull(connection);
                }
                Output::Close { connection } => drop(self.connections.remove(connection)),
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

    fn connect(&mut self, id: ConnectionId, transport: Transport, request: Request) {
        if cfg!(not(feature = "webtransport")) && transport == Transport::WebTransport {
            let now = self.clock.now();
            self.machine.handle_connection_failed(id, now);
            return;
        }
        let (batches, waiting) = mpsc::channel(1);
        let task = Connection {
            id,
            batches: waiting,
            reporter: self.reporter.clone(),
        };
        let max_payload = self.machine.engine_config().max_payload;
        let tls = self.tls.clone();
        match transport {
            #[cfg(feature = "webtransport")]
            Transport::WebTransport => {
                self.tasks
                    .spawn(task.run_webtransport(request, tls, max_payload));
            }
            _ => {
                self.tasks.spawn(task.run(request, tls, max_payload));
            }
        }
        self.connections.insert(id, batches);
    }

    /// Hands the frames that wait for a connection to its task, if it is idle.
    fn pull(&mut self, connection: ConnectionId) {
        let machine = &mut self.machine;
        let batch = self
            .connections
            .next_batch(connection, || machine.poll_frame(connection));
        if let Some((batch, batches)) = batch {
            // There is room, since the last batch was taken. A task that is gone has reported why.
            let _gone = batches.try_send(batch);
        }
    }

    fn take(&mut self, input: Input) {
        let now = self.clock.now();
        // What came after a deadline is taken after it.
        self.machine.handle_timeout(now);
        match input {
            Input::Response(id, answer) => {
                self.requests.remove(&id);
                self.machine.handle_response(id, answer, now);
            }
            Input::RequestFailed(id) => {
                self.requests.remove(&id);
                self.machine.handle_request_failed(id, now);
            }
            Input::Connected(id) => self.machine.handle_connected(id, now),
            Input::Frame(id, frame) => self.machine.handle_frame(id, frame, now),
            Input::BadFrame(id, error) => {
                self.connections.remove(id);
                self.machine.handle_bad_frame(id, error, now);
            }
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
        }
    }

    fn follow(&mut self, flow: ControlFlow<()>) {
        if flow.is_break() {
            self.stopping = Some(tokio::time::Instant::now() + CLOSE_TIME);
            let now = self.clock.now();
            self.machine.close(now);
        }
    }

    /// When to wake up next: for a deadline of the machine, or for the end of closing.
    fn next_due(&self) -> Option<tokio::time::Instant> {
        let wait = self.machine.poll_timeout().map(|at| self.clock.until(at));
        // What no clock can show never comes.
        let due = wait.and_then(|wait| tokio::time::Instant::now().checked_add(wait));
        [due, self.stopping].into_iter().flatten().min()
    }
}
