//! Sockets: blocking ones while clients join, then those that epoll watches.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use mio::{Interest, Registry, Token};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::{Result, fault};

/// The time that a server may take for an answer, under valgrind too.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The bytes that are read at once: more than any answer.
pub const SCRATCH: usize = 64 * 1024;

/// Source addresses that are used in turn, since each has ports for some 28,000 connections.
const SOURCES: usize = 250;

/// Connects from the source address that a client of this number has.
///
/// # Errors
///
/// Errors of the operating system.
pub fn dial(server: SocketAddr, client: usize) -> Result<TcpStream> {
    let host = (client % SOURCES) as u8 + 2;
    let source = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0));
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&fd, &source)?;
    connect(&fd, &server)?;
    let stream = TcpStream::from(fd);
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection that waits for each answer.
#[derive(Debug)]
pub struct Waiting {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Waiting {
    /// Connects as a client of this number.
    ///
    /// # Errors
    ///
    /// Errors of the operating system.
    pub fn dial(server: SocketAddr, client: usize) -> Result<Self> {
        let stream = dial(server, client)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let input = Vec::new();
        Ok(Self { stream, input })
    }

    /// Sends all bytes.
    ///
    /// # Errors
    ///
    /// Errors of the operating system.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Reads until `take` finds something at the beginning of the input, and takes it off.
    ///
    /// # Errors
    ///
    /// Errors of `take`, and an error if the server closed the connection or was silent for [`PATIENCE`].
    pub fn receive<T>(
        &mut self,
        mut take: impl FnMut(&mut &[u8]) -> Result<Option<T>>,
    ) -> Result<T> {
        loop {
            let mut rest = &self.input[..];
            if let Some(found) = take(&mut rest)? {
                let used = self.input.len() - rest.len();
                self.input.drain(..used);
                return Ok(found);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return fault("the server closed a connection"),
                Ok(length) => self.input.extend_from_slice(&bytes[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return fault(format!("no answer for {PATIENCE:?}"));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Hands the connection to epoll, with what was read and not taken.
    ///
    /// # Errors
    ///
    /// Errors of the operating system.
    pub fn watch(self, registry: &Registry, token: usize) -> Result<Connection> {
        let mut connection = Connection::watch(self.stream, registry, token)?;
        connection.rest = self.input;
        Ok(connection)
    }
}

/// A connection that epoll watches.
#[derive(Debug)]
pub struct Connection {
    stream: mio::net::TcpStream,
    /// The beginning of an answer.
    rest: Vec<u8>,
}

/// The input of a connection.
#[derive(Debug)]
pub struct Input<'a> {
    /// The new bytes, after those that were kept.
    pub bytes: &'a [u8],
    /// Whether the server closed the connection.
    pub is_closed: bool,
}

impl Connection {
    /// Has epoll watch a connection for input.
    ///
    /// # Errors
    ///
    /// Errors of the operating system.
    pub fn watch(stream: TcpStream, registry: &Registry, token: usize) -> Result<Self> {
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        registry.register(&mut stream, Token(token), Interest::READABLE)?;
        let rest = Vec::new();
        Ok(Self { stream, rest })
    }

    /// Sends all bytes.
    ///
    /// # Errors
    ///
    /// The socket does not take them at once: so much never waits in a scenario.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let length = self.stream.write(bytes)?;
        if length < bytes.len() {
            return fault("a socket's buffer is full");
        }
        Ok(())
    }

    /// Reads what is there, once, or until the end if epoll saw it.
    ///
    /// # Errors
    ///
    /// There is more than fits into `scratch`, or what the operating system says.
    pub fn read<'a>(&mut self, scratch: &'a mut [u8], saw_end: bool) -> Result<Input<'a>> {
        let mut length = self.rest.len();
        scratch[..length].copy_from_slice(&self.rest);
        self.rest.clear();
        let mut is_closed = false;
        loop {
            if length == scratch.len() {
                return fault("the server sends more than any answer has");
            }
            match self.stream.read(&mut scratch[length..]) {
                Ok(0) => is_closed = true,
                Ok(count) => {
                    length += count;
                    if saw_end {
                        continue;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            break;
        }
        let bytes = &scratch[..length];
        Ok(Input { bytes, is_closed })
    }

    /// Keeps the beginning of an answer until there is more of it.
    pub fn keep(&mut self, rest: &[u8]) {
        self.rest.extend_from_slice(rest);
    }
}

impl<'a> Input<'a> {
    /// The bytes of a connection that has to stay open.
    ///
    /// # Errors
    ///
    /// The server closed it.
    pub fn open(self) -> Result<&'a [u8]> {
        if self.is_closed {
            return fault("the server closed a connection");
        }
        Ok(self.bytes)
    }
}
