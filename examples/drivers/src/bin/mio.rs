//! A Socket.IO server on mio: one thread, and sockets that never block.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

use drivers::Host;
use engineio_driver::Clock;
use engineio_wire::Batch;
use engineio_wire::server::{Action, Peer, PipeId, Reply};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use socketio_proto::engine::Instant;

struct Driver {
    host: Host,
    clock: Clock,
    /// By the slots of their pipes, which are their tokens too. Each has the batch that is being written.
    connections: BTreeMap<usize, (TcpStream, PipeId, Batch)>,
    buffer: Vec<u8>,
}

const LISTENER: Token = Token(usize::MAX);

fn main() -> Result<(), Box<dyn Error>> {
    let (host, clock, address) = drivers::start()?;
    let (connections, buffer) = (BTreeMap::new(), vec![0; 65_536]);
    let mut driver = Driver {
        host,
        clock,
        connections,
        buffer,
    };
    let mut listener = TcpListener::bind(address)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    let mut readable = BTreeSet::new();
    loop {
        let is_busy = readable.iter().any(|slot| driver.wants_read(*slot));
        let due = if is_busy {
            Some(Instant::ZERO)
        } else {
            driver.host.poll_timeout()
        };
        match poll.poll(&mut events, due.map(|at| driver.clock.until(at))) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        driver.host.handle_timeout(driver.clock.now());
        driver.drain();
        for event in &events {
            if event.token() == LISTENER {
                driver.accept(&listener, poll.registry())?;
            } else {
                readable.insert(event.token().0);
                driver.write(event.token().0);
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
                let slot = pipe.slot() as usize;
                stream.set_nodelay(true)?;
                let both = Interest::READABLE | Interest::WRITABLE;
                registry.register(&mut stream, Token(slot), both)?;
                self.connections
                    .insert(slot, (stream, pipe, Batch::default()));
            }
        }
        Ok(())
    }

    fn wants_read(&self, slot: usize) -> bool {
        let connection = self.connections.get(&slot);
        connection.is_some_and(|(_, pipe, _)| self.host.wants_read(*pipe))
    }

    /// Reads once, and tells whether there may be more to read.
    fn read(&mut self, slot: usize) -> bool {
        let Some((stream, pipe, _)) = self.connections.get_mut(&slot) else {
            return false;
        };
        if !self.host.wants_read(*pipe) {
            return true;
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
                Err(_) => self.end(slot),
            }
        }
    }

    fn end(&mut self, slot: usize) {
        if let Some((_, pipe, _)) = self.connections.remove(&slot) {
            self.host.handle_closed(pipe, self.clock.now());
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
                Action::Close(pipe) => drop(self.connections.remove(&(pipe.slot() as usize))),
                Action::Foreign(foreign) => self.host.respond(foreign.pipe, &Reply::new(404, "")),
                Action::Work(_) => {}
            }
        }
    }
}
