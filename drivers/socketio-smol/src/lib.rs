//! A driver for Socket.IO and Engine.IO clients on smol: one future owns the machine, tasks beside it carry a request or a WebSocket each.
//!
//! It knows no WebTransport, and tells the machine that every attempt at it failed.

mod network;

use std::collections::HashMap;
use std::future::pending;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use engineio_driver::{Clock, Resolver};
use engineio_proto::client::Output;
use engineio_proto::driver::Pipes;
use engineio_proto::driver::client::{connection_closed, connection_failed};
use engineio_proto::http::Answer;
use engineio_proto::{ConnectionId, Frame, RequestId, Transport};
use smol::channel::{Receiver, Sender, bounded};
use smol::future::{or, race};
use smol::{Executor, Task, Timer};

pub use engineio_driver::Tls;
pub use engineio_proto::driver::client::{App, Machine};

use network::Network;

/// A machine, its application, and what is under way for them.
#[derive(Debug)]
pub struct Driver<M: Machine, A: App<M>> {
    machine: M,
    app: A,
    commands: Receiver<A::Command>,
    inputs: Receiver<Input>,
    network: Network,
    /// Dropping a task cancels it.
    requests: HashMap<RequestId, Task<()>>,
    connections: Pipes<Connection>,
    /// Connections that say goodbye.
    leaving: Vec<Task<()>>,
    clock: Clock,
    /// Until when closing may take, once the application wants no more.
    stopping: Option<std::time::Instant>,
}

/// What a task has to report.
#[derive(Debug)]
enum Input {
    Response(RequestId, Answer),
    RequestFailed(RequestId),
    Connected(ConnectionId),
    Frame(ConnectionId, Frame),
    /// The last batch has left.
    Written(ConnectionId),
    Closed(ConnectionId, Option<u16>),
    Failed(ConnectionId, Option<Answer>),
}

/// What the driver waits for.
enum Step<C> {
    Input(Input),
    Command(Option<C>),
    Due,
}

/// Frames to be written in one go.
type Batch = Vec<Frame>;

/// The task of a connection and the way to it. Dropping `batches` closes the connection behind the last batch.
#[derive(Debug)]
struct Connection {
    batches: Sender<Batch>,
    task: Task<()>,
}

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
    pub fn new(machine: M, app: A, tls: Tls) -> (Self, Sender<A::Command>) {
        let (commander, commands) = bounded(QUEUE);
        let (reporter, inputs) = bounded(QUEUE);
        let network = Network {
            executor: Arc::new(Executor::new()),
            tls,
            resolver: Resolver::system(),
            max_payload: machine.engine_config().max_payload,
            idle: Arc::default(),
            reporter,
        };
        let driver = Self {
            machine,
            app,
            commands,
            inputs,
            network,
            requests: HashMap::new(),
            connections: Pipes::new(BATCH_BYTES, usize::MAX),
            leaving: Vec::new(),
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

    /// Sets where the addresses of servers are looked up. Default the operating system.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Resolver) -> Self {
        self.network.resolver = resolver;
        self
    }

    /// Runs until the application wants no more, then closes what is open within a few seconds.
    pub async fn run(self) -> A {
        let executor = Arc::clone(&self.network.executor);
        executor.run(self.drive()).await
    }

    async fn drive(mut self) -> A {
        let now = self.clock.now();
        self.app.started(&mut self.machine, now);
        loop {
            self.perform();
            if self.stopping.is_some() && self.requests.is_empty() && self.connections.is_empty() {
                break;
            }
            match self.next().await {
                Step::Input(input) => self.take(input),
                Step::Command(command) => {
                    let now = self.clock.now();
                    // What is over is over before the command.
                    self.machine.handle_timeout(now);
                    let flow = match command {
                        Some(command) => self.app.handle_command(&mut self.machine, command, now),
                        None => ControlFlow::Break(()),
                    };
                    self.follow(flow);
                }
                Step::Due => {
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
            self.leaving.retain(|task| !task.is_finished());
        }
        self.leaving
            .extend(self.connections.drain().map(|connection| connection.task));
        let end = self.stopping.unwrap_or_else(std::time::Instant::now);
        let leaving = self.leaving;
        let left = async {
            for task in leaving {
                task.await;
            }
        };
        or(left, async {
            let _end = Timer::at(end).await;
        })
        .await;
        self.app
    }

    async fn next(&self) -> Step<A::Command> {
        let input = async {
            match self.inputs.recv().await {
                Ok(input) => Step::Input(input),
                Err(_) => pending().await,
            }
        };
        let command = async {
            if self.stopping.is_some() {
                pending::<()>().await;
            }
            Step::Command(self.commands.recv().await.ok())
        };
        let wait = self.machine.poll_timeout().map(|at| self.clock.until(at));
        // What no clock can show never comes.
        let due = wait.and_then(|wait| std::time::Instant::now().checked_add(wait));
        let due = async {
            match [due, self.stopping].into_iter().flatten().min() {
                Some(due) => Timer::at(due).await,
                None => pending().await,
            };
            Step::Due
        };
        or(due, race(input, command)).await
    }

    /// Does what the machine wants done, and tells the application what there is to know.
    fn perform(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Request { request, message } => {
                    let exchange = self.network.clone().exchange(request, message);
                    let task = self.network.executor.spawn(exchange);
                    self.requests.insert(request, task);
                }
                Output::Abort { request } => drop(self.requests.remove(&request)),
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
                } => {
                    let (batches, waiting) = bounded(1);
                    let run = self
                        .network
                        .clone()
                        .connection(connection, request, waiting);
                    let pipe = Connection {
                        batches,
                        task: self.network.executor.spawn(run),
                    };
                    self.connections.insert(connection, pipe);
                }
                Output::Frames { connection } => {
                    self.connections.frames_wait(connection);
                    self.pull(connection);
                }
                Output::Close { connection } => self.leave(connection),
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

    /// Hands the frames that wait for a connection to its task, if it is idle.
    fn pull(&mut self, connection: ConnectionId) {
        let machine = &mut self.machine;
        let batch = self
            .connections
            .next_batch(connection, || machine.poll_frame(connection));
        if let Some((batch, pipe)) = batch {
            // There is room, since the last batch was taken. A task that is gone has reported why.
            let _gone = pipe.batches.try_send(batch);
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
            Input::Written(id) => {
                self.connections.written(id);
                self.pull(id);
            }
            Input::Closed(id, code) => {
                self.leave(id);
                connection_closed(&mut self.machine, id, code, now);
            }
            Input::Failed(id, answer) => {
                self.leave(id);
                connection_failed(&mut self.machine, id, answer.as_ref(), now);
            }
        }
    }

    fn leave(&mut self, connection: ConnectionId) {
        let pipe = self.connections.remove(connection);
        self.leaving.extend(pipe.map(|pipe| pipe.task));
    }

    fn follow(&mut self, flow: ControlFlow<()>) {
        if flow.is_break() {
            self.stopping = Some(std::time::Instant::now() + CLOSE_TIME);
            let now = self.clock.now();
            self.machine.close(now);
        }
    }
}
