//! A driver for Socket.IO and Engine.IO clients on plain threads and blocking sockets: the caller's thread owns the machine, others wait for the network.
//!
//! HTTP and WebSocket are those of `engineio-wire`, TLS is that of rustls. A connection has two threads, one that reads and
//! one that writes: see `link.rs`.
//!
//! It knows no WebTransport, and tells the machine that every attempt at it failed.

mod dial;
mod link;

use std::collections::HashMap;
use std::io;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use engineio_driver::{Clock, Resolver};
use engineio_proto::Seed;
use engineio_wire::client::{Action, Hosted, PipeId};

pub use engineio_driver::Tls;
pub use engineio_proto::driver::client::{App, Machine};
pub use engineio_wire::client::{Options, Proxy};

use link::Link;

/// A machine, its application, and their connections.
#[derive(Debug)]
pub struct Driver<M: Machine, A: App<M>> {
    hosted: Hosted<M, A>,
    inputs: Receiver<Input<A::Command>>,
    reporter: SyncSender<Input<A::Command>>,
    tls: Tls,
    clock: Clock,
    resolver: Resolver,
    /// The connections; `None` while one is being opened.
    links: HashMap<PipeId, Option<Link>>,
}

/// Sends commands to the application. When it is dropped, the driver stops.
#[derive(Debug)]
pub struct Commander<C>(SyncSender<Input<C>>);

/// A thread's report.
#[derive(Debug)]
enum Input<C> {
    Connected(PipeId, io::Result<TcpStream>),
    /// Bytes were read. The buffer goes back to the thread.
    Read(PipeId, Vec<u8>),
    /// This much has left.
    Written(PipeId, usize),
    /// Nothing more comes.
    Ended(PipeId, io::Result<()>),
    Command(C),
    NoMoreCommands,
}

/// Inputs and commands that may wait; who has more waits.
const QUEUE: usize = 64;

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
    M: Machine,
    A: App<M, Command: Send + 'static>,
{
    /// Makes a driver, and the way for the rest of the program to send commands. The keys of WebSockets come from the seed,
    /// which may be that of the machine.
    #[must_use]
    pub fn new(
        machine: M,
        app: A,
        tls: Tls,
        options: Options,
        seed: &Seed,
    ) -> (Self, Commander<A::Command>) {
        let (reporter, inputs) = sync_channel(QUEUE);
        let commander = Commander(reporter.clone());
        let driver = Self {
            hosted: Hosted::new(machine, app, options, seed),
            inputs,
            reporter,
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
    pub fn run(mut self) -> A {
        self.hosted.start(self.clock.now());
        loop {
            self.perform();
            if self.hosted.is_over() {
                // What is still open is closed with its links. A thread that looks up a name ends by itself.
                return self.hosted.into_app();
            }
            match self.next() {
                Ok(input) => self.take(input),
                // The driver holds a sender itself, so it was the deadline.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    self.hosted.handle_timeout(self.clock.now());
                }
            }
        }
    }

    fn next(&self) -> Result<Input<A::Command>, RecvTimeoutError> {
        match self.hosted.poll_timeout().map(|at| self.clock.until(at)) {
            // Inputs that wait already must not keep a deadline from being met.
            Some(Duration::ZERO) => Err(RecvTimeoutError::Timeout),
            Some(wait) => self.inputs.recv_timeout(wait),
            None => self
                .inputs
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Does what the wire wants done.
    fn perform(&mut self) {
        while let Some(action) = self.hosted.poll_output() {
            match action {
                Action::Connect { pipe, host, port } => {
                    self.links.insert(pipe, None);
                    let reporter = self.reporter.clone();
                    dial::start(self.resolver.clone(), host, port, move |connected| {
                        reporter.send(Input::Connected(pipe, connected)).is_ok()
                    });
                }
                Action::StartTls { pipe, server_name } => {
                    let begun = self.tls.connect(&server_name);
                    if let Some(Some(link)) = self.links.get_mut(&pipe) {
                        let begun = begun.and_then(|tls| link.secure(tls));
                        self.check(pipe, begun);
                    }
                }
                Action::Write(pipe) => {
                    if let Some(Some(link)) = self.links.get_mut(&pipe) {
                        let batch = self.hosted.poll_write(pipe);
                        let sent = batch.map_or(Ok(()), |batch| link.write(batch));
                        self.check(pipe, sent);
                    }
                }
                Action::Close(pipe) => drop(self.links.remove(&pipe)),
            }
        }
        let resting = self.links.iter_mut();
        for (pipe, link) in resting.filter_map(|(pipe, link)| Some((pipe, link.as_mut()?))) {
            if self.hosted.wants_read(*pipe) {
                link.read_on();
            }
        }
    }

    fn take(&mut self, input: Input<A::Command>) {
        let now = self.clock.now();
        match input {
            Input::Connected(pipe, connected) => {
                // The wire may not want it any more.
                if let Some(link) = self.links.get_mut(&pipe) {
                    let opened = connected.and_then(|tcp| Link::open(pipe, tcp, &self.reporter));
                    let opened = opened.map(|opened| *link = Some(opened));
                    if self.check(pipe, opened) {
                        self.hosted.handle_connected(pipe, now);
                    }
                }
            }
            Input::Read(pipe, buffer) => self.read(pipe, buffer),
            Input::Written(pipe, length) => self.hosted.handle_written(pipe, length, now),
            Input::Ended(pipe, ended) => {
                let link = self.links.remove(&pipe).flatten();
                // TLS has an end of its own: without it, somebody else may have cut the connection.
                let is_plain = link.is_some_and(|link| !link.is_secure());
                if ended.is_ok() && is_plain {
                    self.hosted.handle_closed(pipe, now);
                } else {
                    self.hosted.handle_failed(pipe, now);
                }
            }
            Input::Command(command) => {
                // What is over is over before the command.
                self.hosted.handle_timeout(now);
                self.perform();
                self.hosted.handle_command(command, now);
            }
            Input::NoMoreCommands => self.hosted.stop(now),
        }
    }

    fn read(&mut self, pipe: PipeId, buffer: Vec<u8>) {
        let now = self.clock.now();
        let Some(Some(link)) = self.links.get_mut(&pipe) else {
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
