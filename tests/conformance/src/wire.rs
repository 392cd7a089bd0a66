//! The server on `engineio-wire`, with sockets of mio.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engineio_driver::Clock;
use engineio_proto::Instant;
use engineio_proto::driver::server::{App, Farewell, Machine};
use engineio_wire::Batch;
use engineio_wire::server::{Action, Hosted, Options, Peer, PipeId, Reply};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token, Waker};

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);
const DRAIN_TIME: Duration = Duration::from_secs(3);

/// Tells a server to stop, from another thread.
#[derive(Clone)]
pub(crate) struct Stop {
    is_wanted: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Stop {
    pub(crate) fn now(&self) -> io::Result<()> {
        self.is_wanted.store(true, Ordering::Relaxed);
        self.waker.wake()
    }
}

pub(crate) struct Driver<M: Machine, A: App<M>> {
    host: Hosted<M, A>,
    clock: Clock,
    listener: TcpListener,
    poll: Poll,
    stop: Stop,
    /// By the slots of their pipes, which are their tokens too. Each has the batch that is being written.
    connections: BTreeMap<usize, (TcpStream, PipeId, Batch)>,
    /// The connections that may have bytes to read.
    readable: BTreeSet<usize>,
    buffer: Vec<u8>,
}

impl<M: Machine, A: App<M>> Driver<M, A> {
    pub(crate) fn bind(
        address: SocketAddr,
        machine: M,
        app: A,
        options: Options,
    ) -> Result<Self, Box<dyn Error>> {
        let clock = Clock::start();
        let host = Hosted::new(machine, app, options, clock.now());
        let mut listener = TcpListener::bind(address)?;
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let stop = Stop {
            is_wanted: Arc::default(),
            waker: Arc::new(Waker::new(poll.registry(), STOP)?),
        };
        Ok(Self {
            host,
            clock,
            listener,
            poll,
            stop,
            connections: BTreeMap::new(),
            readable: BTreeSet::new(),
            buffer: vec![0; 65_536],
        })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub(crate) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Serves until it is told to stop and all sessions are over, or that takes too long.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut deadline: Option<Instant> = None;
        loop {
            let is_busy = !self.readable.is_empty();
            let dues = [self.host.poll_timeout(), deadline];
            let due = dues.into_iter().flatten().min();
            let due = if is_busy { Some(Instant::ZERO) } else { due };
            let timeout = due.map(|at| self.clock.until(at));
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                Ok(()) | Err(_) => {}
            }
            let now = self.clock.now();
            self.host.handle_timeout(now);
            self.drain();
            for event in &events {
                self.take(event.token())?;
            }
            for slot in std::mem::take(&mut self.readable) {
                if self.read(slot) {
                    self.readable.insert(slot);
                }
            }
            if self.stop.is_wanted.load(Ordering::Relaxed) && deadline.is_none() {
                deadline = Some(now + DRAIN_TIME);
                self.host.stop(Farewell::default(), DRAIN_TIME, now);
                self.drain();
            }
            if deadline.is_some_and(|at| at <= now || self.host.is_over()) {
                return Ok(());
            }
        }
    }

    fn take(&mut self, token: Token) -> io::Result<()> {
        match token {
            LISTENER => self.accept(),
            STOP => Ok(()),
            Token(slot) => {
                self.readable.insert(slot);
                self.write(slot);
                self.drain();
                Ok(())
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Ok((stream, address)) = self.listener.accept() {
            let peer = Peer::new(Some(address));
            if let Some(pipe) = self.host.handle_open(peer, self.clock.now()) {
                let slot = pipe.slot() as usize;
                let stream = register(stream, slot, self.poll.registry())?;
                self.connections
                    .insert(slot, (stream, pipe, Batch::default()));
            }
        }
        Ok(())
    }

    /// Reads once, and tells whether there may be more to read.
    fn read(&mut self, slot: usize) -> bool {
        let Some((stream, pipe, _)) = self.connections.get_mut(&slot) else {
            return false;
        };
        if !self.host.wants_read(*pipe) {
            return false;
        }
        let len = match stream.read(&mut self.buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            read => read.unwrap_or(0),
        };
        match self.buffer.get(..len) {
            Some(bytes @ [_, ..]) => self.host.handle_bytes(*pipe, bytes, self.clock.now()),
            _ => self.end(slot),
        }
        self.drain();
        len == self.buffer.len()
    }

    /// Writes until the socket takes no more.
    fn write(&mut self, slot: usize) {
        while let Some((stream, pipe, batch)) = self.connections.get_mut(&slot) {
            if batch.is_empty() {
                *batch = self.host.poll_write(*pipe).unwrap_or_default();
            }
            match batch.write_to(stream) {
                Ok(0) => return,
                Ok(len) => self.host.handle_written(*pipe, len, self.clock.now()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.end(slot),
            }
        }
    }

    fn end(&mut self, slot: usize) {
        if let Some((_, pipe, _)) = self.connections.get(&slot) {
            self.host.handle_closed(*pipe, self.clock.now());
        }
    }

    fn shut_down(&self, slot: usize) {
        if let Some((stream, _, _)) = self.connections.get(&slot) {
            let _gone = stream.shutdown(Shutdown::Write);
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.host.poll_output() {
            match action {
                Action::Write(pipe) => self.write(pipe.slot() as usize),
                Action::Shutdown(pipe) => self.shut_down(pipe.slot() as usize),
                Action::Read(pipe) => drop(self.readable.insert(pipe.slot() as usize)),
                Action::Timeout => {}
                Action::Close(pipe) => drop(self.connections.remove(&(pipe.slot() as usize))),
                Action::Foreign(foreign) => self.host.respond(foreign.pipe, &Reply::new(404, "")),
                Action::Work(work) => {
                    let command = work();
                    self.host.handle_command(command, self.clock.now());
                }
            }
        }
    }
}

fn register(mut stream: TcpStream, slot: usize, registry: &Registry) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    registry.register(&mut stream, Token(slot), interest)?;
    Ok(stream)
}
