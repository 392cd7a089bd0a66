//! A Socket.IO server on mio: one thread, and sockets that never block.
//!
//! `mio [ADDRESS [PING_INTERVAL_IN_SECONDS]]`

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::error::Error;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::time::Duration;

use bytes::Buf;
use engineio_driver::{Clock, os_seed};
use engineio_wire::Batch;
use engineio_wire::server::{Action, Hosted, Options, Peer, PipeId, Reply};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use socketio_proto::Payload;
use socketio_proto::engine::driver::server::{App, Context};
use socketio_proto::engine::server as engine;
use socketio_proto::server::{Config, Event, Server, Target};

/// Answers `echo` with its arguments, and sends `broadcast` to everybody.
struct Echo;

impl App<Server> for Echo {
    type Command = ();

    fn handle_event(&mut self, server: &mut Server, event: Event, context: &mut Context<'_, ()>) {
        if let Event::Connecting { token, .. } = event {
            let _gone = server.accept(token, context.now);
        } else if let Event::Event { payload, ack, .. } = event {
            let answer = Payload::ack().args_of(&payload).build();
            if let (Some(ack), Ok(answer)) = (ack, answer) {
                let _gone = server.respond(ack, &answer);
            } else if payload.name() == Some("broadcast") {
                let _sent = server.broadcast(&Target::namespace("/"), &payload, context.now);
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    pipe: PipeId,
    batch: Batch,
}

struct Driver {
    host: Hosted<Server, Echo>,
    clock: Clock,
    /// By the slots of their pipes, which are their tokens too.
    connections: BTreeMap<usize, Connection>,
    buffer: Vec<u8>,
}

const LISTENER: Token = Token(usize::MAX);

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:3000".into());
    let interval = args.next().map_or(Ok(25), |seconds| seconds.parse())?;
    let config = engine::Config::default().with_ping_interval(Duration::from_secs(interval));
    let server = Server::new(Config::default().with_engine(config), 0, &os_seed()?)?;
    let clock = Clock::start();
    let mut driver = Driver {
        host: Hosted::new(server, Echo, Options::new("/socket.io"), clock.now()),
        clock,
        connections: BTreeMap::new(),
        buffer: vec![0; 65_536],
    };
    let mut listener = TcpListener::bind(address.parse()?)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    let mut readable = BTreeSet::new();
    loop {
        let timeout = driver.host.poll_timeout().map(|at| driver.clock.until(at));
        let is_busy = readable.iter().any(|slot| driver.wants_read(*slot));
        poll.poll(
            &mut events,
            if is_busy {
                Some(Duration::ZERO)
            } else {
                timeout
            },
        )?;
        driver.host.handle_timeout(driver.clock.now());
        driver.drain();
        for event in &events {
            match event.token() {
                LISTENER => driver.accept(&listener, poll.registry())?,
                Token(slot) => {
                    readable.insert(slot);
                    driver.write(slot);
                }
            }
        }
        readable.retain(|slot| driver.read(*slot));
    }
}

impl Driver {
    fn accept(&mut self, listener: &TcpListener, registry: &Registry) -> io::Result<()> {
        while let Ok((mut stream, address)) = listener.accept() {
            let peer = Peer::new(Some(address));
            if let Some(pipe) = self.host.handle_open(peer, self.clock.now()) {
                let (slot, batch) = (pipe.slot() as usize, Batch::default());
                stream.set_nodelay(true)?;
                registry.register(
                    &mut stream,
                    Token(slot),
                    Interest::READABLE | Interest::WRITABLE,
                )?;
                self.connections.insert(
                    slot,
                    Connection {
                        stream,
                        pipe,
                        batch,
                    },
                );
            }
        }
        Ok(())
    }

    fn wants_read(&self, slot: usize) -> bool {
        let connection = self.connections.get(&slot);
        connection.is_some_and(|connection| self.host.wants_read(connection.pipe))
    }

    /// Reads once, and tells whether there may be more to read.
    fn read(&mut self, slot: usize) -> bool {
        let Some(connection) = self.connections.get_mut(&slot) else {
            return false;
        };
        if !self.host.wants_read(connection.pipe) {
            return true;
        }
        let len = match connection.stream.read(&mut self.buffer) {
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => 0,
        };
        match self.buffer.get(..len) {
            Some(bytes @ [_, ..]) => {
                self.host
                    .handle_bytes(connection.pipe, bytes, self.clock.now())
            }
            _ => self.end(slot),
        }
        self.drain();
        len == self.buffer.len()
    }

    /// Writes until the socket takes no more.
    fn write(&mut self, slot: usize) {
        while let Some(connection) = self.connections.get_mut(&slot) {
            if connection.batch.is_empty() {
                let Some(batch) = self.host.poll_write(connection.pipe) else {
                    return;
                };
                connection.batch = batch;
            }
            let mut slices = [IoSlice::new(&[]); 64];
            let count = connection.batch.chunks_vectored(&mut slices);
            match connection
                .stream
                .write_vectored(slices.get(..count).unwrap_or_default())
            {
                Ok(len) => {
                    connection.batch.advance(len);
                    self.host
                        .handle_written(connection.pipe, len, self.clock.now());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.end(slot),
            }
        }
    }

    fn end(&mut self, slot: usize) {
        if let Some(connection) = self.connections.remove(&slot) {
            self.host.handle_closed(connection.pipe, self.clock.now());
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.host.poll_output() {
            match action {
                Action::Write(pipe) => self.write(pipe.slot() as usize),
                Action::Close(pipe) => drop(self.connections.remove(&(pipe.slot() as usize))),
                Action::Foreign(foreign) => self.host.respond(foreign.pipe, &Reply::new(404, "")),
                // This application has none.
                Action::Work(_) => {}
            }
        }
    }
}
