//! A driver for Socket.IO and Engine.IO clients on smol: one future owns the machine, tasks beside it read and write connections.
//!
//! HTTP and WebSocket are those of `engineio-wire`, TLS is that of rustls.
//!
//! It knows no WebTransport, and tells the machine that every attempt at it failed.

mod dial;
mod link;

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::sync::Arc;

use engineio_driver::{Clock, Resolver};
use engineio_proto::Seed;
use engineio_wire::client::{Action, Hosted, PipeId};
use smol::channel::{Receiver, Sender, bounded};
use smol::future::{or, race};
use smol::net::TcpStream;
use smol::{Executor, Task, Timer};

pub use engineio_driver::Tls;
pub use engineio_proto::driver::client::{App, Machine};
pub use engineio_wire::client::{Options, Proxy};

use link::Link;

/// A machine, its application, and their connections.
#[derive(Debug)]
pub struct Driver<M: Machine, A: App<M>> {
    hosted: Hosted<M, A>,
    commands: Receiver<A::Command>,
    inputs: Receiver<Input>,
    reporter: Sender<Input>,
    executor: Arc<Executor<'static>>,
    tls: Tls,
    clock: Clock,
    resolver: Resolver,
    links: HashMap<PipeId, State>,
}

/// A connection. Dropping it closes it, and cancels its tasks.
#[derive(Debug)]
enum State {
    Dialling { _task: Task<()> },
    Open(Link),
}

/// A task's report.
#[derive(Debug)]
enum Input {
    Connected(PipeId, io::Result<TcpStream>),
    /// Bytes were read. The buffer goes back to the task.
    Read(PipeId, Vec<u8>),
    /// This much has left.
    Written(PipeId, usize),
    /// Nothing more comes.
    Ended(PipeId, io::Result<()>),
}

/// The reason to go on.
enum Step<C> {
    Input(Input),
    Command(Option<C>),
    Due,
}

/// Inputs and commands that may wait; who has more waits.
const QUEUE: usize = 64;

impl<M, A> Driver<M, A>
where
    M: Machine,
    A: App<M>,
{
    /// Makes a driver, and the way for the rest of the program to send commands. When that is dropped, the driver stops. The
    /// keys of WebSockets come from the seed, which may be that of the machine.
    #[must_use]
    pub fn new(
        machine: M,
        app: A,
        tls: Tls,
        options: Options,
        seed: &Seed,
    ) -> (Self, Sender<A::Command>) {
        let (commander, commands) = bounded(QUEUE);
        let (reporter, inputs) = bounded(QUEUE);
        let driver = Self {
            hosted: Hosted::new(machine, app, options, seed),
            commands,
            inputs,
            reporter,
            executor: Arc::new(Executor::new()),
            tls,
            clock: Clock::start(),
            resolver: Resolver::system(),
            links: HashMap::new(),
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
    pub async fn run(self) -> A {
        let executor = Arc::clone(&self.executor);
        executor.run(self.drive()).await
    }

    async fn drive(mut self) -> A {
        self.hosted.start(self.clock.now());
        loop {
            self.perform();
            if self.hosted.is_over() {
                return self.hosted.into_app();
            }
            let step = self.next().await;
            let now = self.clock.now();
            match step {
                Step::Input(input) => self.take(input),
                Step::Command(Some(command)) => {
                    // What is over is over before the command.
                    self.hosted.handle_timeout(now);
                    self.perform();
                    self.hosted.handle_command(command, now);
                }
                Step::Command(None) => self.hosted.stop(now),
                Step::Due => self.hosted.handle_timeout(now),
            }
        }
    }

    async fn next(&self) -> Step<A::Command> {
        let input = async {
            match self.inputs.recv().await {
                Ok(input) => Step::Input(input),
                Err(_) => pending().await,
            }
        };
        let command = async {
            if self.hosted.is_stopping() {
                pending::<()>().await;
            }
            Step::Command(self.commands.recv().await.ok())
        };
        let wait = self.hosted.poll_timeout().map(|at| self.clock.until(at));
        // What no clock can show never comes.
        let due = wait.and_then(|wait| std::time::Instant::now().checked_add(wait));
        let due = async {
            match due {
                Some(due) => Timer::at(due).await,
                None => pending().await,
            };
            Step::Due
        };
        or(due, race(input, command)).await
    }

    /// Does what the wire wants done.
    fn perform(&mut self) {
        while let Some(action) = self.hosted.poll_output() {
            match action {
                Action::Connect { pipe, host, port } => self.dial(pipe, host, port),
                Action::StartTls { pipe, server_name } => {
                    let begun = self.tls.connect(&server_name);
                    if let Some(State::Open(link)) = self.links.get_mut(&pipe) {
                        let begun = begun.and_then(|tls| link.secure(tls));
                        self.check(pipe, begun);
                    }
                }
                Action::Write(pipe) => {
                    if let Some(State::Open(link)) = self.links.get_mut(&pipe) {
                        let batch = self.hosted.poll_write(pipe);
                        let sent = batch.map_or(Ok(()), |batch| link.write(batch));
                        self.check(pipe, sent);
                    }
                }
                Action::Close(pipe) => drop(self.links.remove(&pipe)),
            }
        }
        for (pipe, state) in &mut self.links {
            if let State::Open(link) = state
                && self.hosted.wants_read(*pipe)
            {
                link.read_on();
            }
        }
    }

    fn dial(&mut self, pipe: PipeId, host: String, port: u16) {
        let (resolver, reporter) = (self.resolver.clone(), self.reporter.clone());
        let task = self.executor.spawn(async move {
            let connected = dial::connect(resolver, host, port).await;
            // A driver that has ended does not care.
            let _ended = reporter.send(Input::Connected(pipe, connected)).await;
        });
        self.links.insert(pipe, State::Dialling { _task: task });
    }

    fn take(&mut self, input: Input) {
        let now = self.clock.now();
        match input {
            Input::Connected(pipe, connected) => {
                // The wire may not want it any more.
                if let Some(state) = self.links.get_mut(&pipe) {
                    let opened = connected.map(|tcp| {
                        let link = Link::open(pipe, tcp, &self.executor, &self.reporter);
                        *state = State::Open(link);
                    });
                    if self.check(pipe, opened) {
                        self.hosted.handle_connected(pipe, now);
                    }
                }
            }
            Input::Read(pipe, buffer) => self.read(pipe, buffer),
            Input::Written(pipe, length) => self.hosted.handle_written(pipe, length, now),
            Input::Ended(pipe, ended) => {
                let link = self.links.remove(&pipe);
                // TLS has an end of its own: without it, somebody else may have cut the connection.
                let is_plain = matches!(link, Some(State::Open(link)) if !link.is_secure());
                if ended.is_ok() && is_plain {
                    self.hosted.handle_closed(pipe, now);
                } else {
                    self.hosted.handle_failed(pipe, now);
                }
            }
        }
    }

    fn read(&mut self, pipe: PipeId, buffer: Vec<u8>) {
        let now = self.clock.now();
        let Some(State::Open(link)) = self.links.get_mut(&pipe) else {
            return;
        };
        let decoded = match link.decode(&buffer) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.check(pipe, Err(error));
                return;
            }
        };
        link.give_back(buffer);
        if decoded.has_opened {
            self.hosted.handle_secured(pipe, now);
        }
        self.hosted.handle_bytes(pipe, &decoded.bytes, now);
        if decoded.has_ended && self.links.remove(&pipe).is_some() {
            self.hosted.handle_closed(pipe, now);
        }
    }

    /// Gives a connection up if something failed with it.
    fn check(&mut self, pipe: PipeId, result: io::Result<()>) -> bool {
        if let Err(error) = result {
            tracing::debug!(%error, "a connection failed");
            self.links.remove(&pipe);
            self.hosted.handle_failed(pipe, self.clock.now());
            return false;
        }
        true
    }
}
