//! A Socket.IO server on mio: one thread, and sockets that never block.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use drivers::Host;
use engineio_driver::Clock;
use engineio_wire::Batch;
use engineio_wire::server::{Action, PipeId, Reply};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

struct Driver {
    host: Host,
    clock: Clock,
    /// By the slots of their pipes, which are their tokens too. Each has the batch that is being written.
    connections: BTreeMap<usize, (TcpStream, PipeId, Batch)>,
    /// The tokens of what is to be read or accepted, and whether to go on until there is no more.
    readable: BTreeMap<usize, bool>,
    buffer: Vec<u8>,
}

const LISTENER: usize = usize::MAX;

fn main() -> Result<(), Box<dyn Error>> {
    let (host, clock, address) = drivers::start()?;
    let (connections, readable) = (BTreeMap::new(), BTreeMap::new());
    let mut driver = Driver {
        host,
        clock,
        connections,
        readable,
        buffer: vec![0; 65_536],
    };
    let mut listener = TcpListener::bind(address)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry()
        .register(&mut listener, Token(LISTENER), Interest::READABLE)?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    loop {
        driver.host.handle_timeout(driver.clock.now());
        driver.drain();
        let wait = match driver.readable.first_key_value() {
            // Too many files are open, perhaps.
            Some((&LISTENER, _)) => Some(Duration::from_millis(100)),
            Some(_) => Some(Duration::ZERO),
            None => driver.host.poll_timeout().map(|at| driver.clock.until(at)),
        };
        if let Err(error) = poll.poll(&mut events, wait)
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &events {
            let slot = event.token().0;
            driver.readable.insert(slot, event.is_read_closed());
            driver.write(slot);
        }
        for (slot, to_end) in std::mem::take(&mut driver.readable) {
            driver.drain();
            if slot != LISTENER {
                driver.read(slot, to_end);
            } else if let Err(error) = driver.accept(&listener, poll.registry())
                && error.kind() != ErrorKind::WouldBlock
            {
                driver.readable.insert(LISTENER, true);
            }
        }
    }
}

impl Driver {
    /// Accepts until that fails.
    fn accept(&mut self, listener: &TcpListener, registry: &Registry) -> io::Result<()> {
        loop {
            let (mut stream, address) = listener.accept()?;
            let _slower = stream.set_nodelay(true);
            if let Some(pipe) = self.host.handle_open(address.into(), self.clock.now()) {
                let slot = pipe.slot() as usize;
                let both = Interest::READABLE | Interest::WRITABLE;
                if registry.register(&mut stream, Token(slot), both).is_err() {
                    self.host.handle_failed(pipe, self.clock.now());
                }
                let connection = (stream, pipe, Batch::default());
                self.connections.insert(slot, connection);
                self.drain();
            }
        }
    }

    /// Reads once.
    fn read(&mut self, slot: usize, to_end: bool) {
        let Some((stream, pipe, _)) = self.connections.get_mut(&slot) else {
            return;
        };
        if !self.host.wants_read(*pipe) {
            return;
        }
        match stream.read(&mut self.buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.host.handle_failed(*pipe, self.clock.now()),
            Ok(0) => self.host.handle_closed(*pipe, self.clock.now()),
            Ok(len) => {
                let bytes = self.buffer.get(..len).unwrap_or_default();
                self.host.handle_bytes(*pipe, bytes, self.clock.now());
                if to_end || len == self.buffer.len() {
                    self.readable.insert(slot, to_end);
                }
            }
        }
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
                Err(_) => return self.host.handle_failed(*pipe, self.clock.now()),
            }
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.host.poll_output() {
            match action {
                Action::Write(pipe) => self.write(pipe.slot() as usize),
                Action::Shutdown(pipe) => {
                    let connection = self.connections.get(&(pipe.slot() as usize));
                    let _gone = connection.map(|(stream, ..)| stream.shutdown(Shutdown::Write));
                }
                Action::Read(pipe) => drop(self.readable.insert(pipe.slot() as usize, true)),
                Action::Close(pipe) => drop(self.connections.remove(&(pipe.slot() as usize))),
                Action::Foreign(foreign) => self.host.respond(foreign.pipe, &Reply::new(404, "")),
                Action::Timeout | Action::Work(_) => {}
            }
        }
    }
}
