//! A WebSocket on two threads: one that reads, one that writes.
//!
//! Neither waits for the network while it holds the lock on the WebSocket. The socket of that is a [`Wire`]: two buffers,
//! with TLS between them and the bytes of messages if need be. So what is read is handed in, and what is to be written
//! is taken out.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use bytestring::ByteString;
use engineio_driver::Resolver;
use engineio_proto::Frame;
use engineio_proto::http::{Answer, Request};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use tungstenite::client::{IntoClientRequest, client_with_config};
use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
use tungstenite::protocol::frame::Frame as RawFrame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{WebSocket, WebSocketConfig};
use tungstenite::{Error, HandshakeError, Message};

use super::{CLOSE_TIME, CONNECT_TIME, Tls};

/// What the driver and the two threads share.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The socket while it is being opened, to interrupt that.
    opening: Option<TcpStream>,
    socket: Option<WebSocket<Wire>>,
    batch: Vec<Frame>,
    /// Since when the driver wants it closed.
    closing: Option<Instant>,
    /// Nothing more will be read.
    ended: bool,
}

/// How a connection came to its end.
pub(super) enum End {
    /// It closed, with the code of the close frame if there was one.
    Closed(Option<u16>),
    /// It broke the rules, or could not be opened: the server may have answered with this response.
    Failed(Option<Answer>),
}

/// How much is read from a socket at a time.
const READ_BYTES: usize = 16 << 10;

impl Pipe {
    /// Has these frames written, which is reported.
    pub(super) fn send(&self, batch: Vec<Frame>) {
        self.lock().batch = batch;
        self.changed.notify_all();
    }

    /// Has the connection closed behind the last batch, or not opened.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closing.get_or_insert_with(Instant::now);
        if let Some(tcp) = state.opening.take() {
            // Fails if it is closed already.
            let _closed = tcp.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
    }

    /// Opens it. The socket that is returned is the one to read from and write to.
    pub(super) fn open(
        &self,
        request: &Request,
        tls: &Tls,
        resolver: &Resolver,
        max_payload: usize,
    ) -> Result<TcpStream, Error> {
        let mut handshake = request.url.as_str().into_client_request()?;
        let converted = http::Request::try_from(request.clone())?;
        handshake
            .headers_mut()
            .extend(converted.into_parts().0.headers);
        let tcp = dial(request, resolver)?;
        let wire = Wire::new(tcp.try_clone()?, request, tls)?;
        {
            let mut state = self.lock();
            if state.closing.is_some() {
                return Err(Error::ConnectionClosed);
            }
            state.opening = Some(tcp.try_clone()?);
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(max_payload))
            .max_frame_size(Some(max_payload));
        let (mut socket, _) = match client_with_config(handshake, wire, Some(config)) {
            Ok(opened) => opened,
            Err(HandshakeError::Failure(error)) => return Err(error),
            // A socket that blocks does not do that.
            Err(HandshakeError::Interrupted(_)) => {
                return Err(io::Error::from(ErrorKind::WouldBlock).into());
            }
        };
        socket.get_mut().blocking = None;
        let mut state = self.lock();
        state.opening = None;
        state.socket = Some(socket);
        Ok(tcp)
    }

    /// Reads until the connection is over.
    pub(super) fn read(&self, mut tcp: &TcpStream, mut report: impl FnMut(Frame) -> bool) -> End {
        let mut bytes = vec![0; READ_BYTES];
        // What came along with the handshake is in the WebSocket already.
        let mut count = 0;
        loop {
            let mut frames = Vec::new();
            let received = {
                let mut state = self.lock();
                let received = state.receive(bytes.get(..count).unwrap_or_default(), &mut frames);
                state.ended = received.is_err();
                received
            };
            // There may be something to answer.
            self.changed.notify_all();
            if !frames.into_iter().all(&mut report) {
                self.close();
            }
            if let Err(end) = received {
                return end;
            }
            count = match tcp.read(&mut bytes) {
                Ok(count @ 1..) => count,
                Ok(0) | Err(_) => {
                    self.lock().ended = true;
                    self.changed.notify_all();
                    return End::Closed(None);
                }
            };
        }
    }

    /// Writes until the connection is over, and hangs up.
    pub(super) fn write(&self, tcp: &TcpStream, report: impl Fn() -> bool) {
        while let Some((bytes, is_batch)) = self.next_bytes() {
            if self.write_all(tcp, &bytes).is_err() {
                break;
            }
            if is_batch {
                report();
            }
        }
        // Fails if it is closed already.
        let _closed = tcp.shutdown(Shutdown::Both);
    }

    /// The bytes to write next, and whether the batch is among them. `None` once all is said.
    fn next_bytes(&self) -> Option<(Vec<u8>, bool)> {
        let mut state = self.lock();
        loop {
            let batch = std::mem::take(&mut state.batch);
            let (is_batch, closing, ended) = (!batch.is_empty(), state.closing, state.ended);
            let socket = state.socket.as_mut()?;
            for frame in batch {
                socket.write(message(frame)).ok()?;
            }
            if closing.is_some() {
                // Fails if that has been said.
                let _said = socket.close(None);
            }
            // Fails when the connection is over, which its reader finds out as well.
            let _flushed = socket.flush();
            let bytes = std::mem::take(&mut socket.get_mut().outgoing);
            if !bytes.is_empty() {
                return Some((bytes, is_batch));
            }
            let passed = closing.map(|since| since.elapsed()).unwrap_or_default();
            let left = CLOSE_TIME.saturating_sub(passed);
            if ended || left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes for as long as it takes, unless the driver wants the connection closed.
    fn write_all(&self, mut tcp: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        tcp.set_write_timeout(Some(CLOSE_TIME))?;
        while !bytes.is_empty() {
            match tcp.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
                        && self.lock().closing.is_none() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes bytes that arrived, gives the frames that are complete.
    fn receive(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), End> {
        let socket = self.socket.as_mut().ok_or(End::Failed(None))?;
        let fed = socket.get_mut().feed(bytes);
        fed.map_err(|_| End::Failed(None))?;
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => match ByteString::try_from(Bytes::from(text)) {
                    Ok(text) => frames.push(Frame::Text(text)),
                    Err(_) => return Err(End::Failed(None)),
                },
                Ok(Message::Binary(bytes)) => frames.push(Frame::Binary(bytes)),
                Ok(Message::Close(frame)) => {
                    return Err(End::Closed(frame.map(|frame| frame.code.into())));
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(
                    Error::ConnectionClosed
                    | Error::Io(_)
                    | Error::Protocol(ResetWithoutClosingHandshake),
                ) => return Err(End::Closed(None)),
                Err(_) => return Err(End::Failed(None)),
            }
        }
    }
}

impl End {
    /// What a failure to open means: the response by which the server refused, if there was one.
    pub(super) fn of_opening(error: Error) -> Self {
        if let Error::Http(response) = error {
            let response = response.map(|body| body.unwrap_or_default().into());
            Self::Failed(Some(response.into()))
        } else {
            Self::Failed(None)
        }
    }
}

/// The socket that the WebSocket sees: it reads what was handed in, and writes what will be taken out.
#[derive(Debug)]
struct Wire {
    tls: Option<Box<ClientConnection>>,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    /// What to wait for during the handshake, which is made in one go.
    blocking: Option<TcpStream>,
    ended: bool,
}

impl Wire {
    fn new(tcp: TcpStream, request: &Request, tls: &Tls) -> io::Result<Self> {
        let tls = if request.is_secure() {
            let name = ServerName::try_from(request.host().to_owned()).map_err(io::Error::other)?;
            let connection = ClientConnection::new(Arc::clone(tls.config()), name);
            let mut connection = Box::new(connection.map_err(io::Error::other)?);
            connection.set_buffer_limit(None);
            Some(connection)
        } else {
            None
        };
        Ok(Self {
            tls,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            blocking: Some(tcp),
            ended: false,
        })
    }

    /// Takes bytes that arrived.
    fn feed(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            self.incoming.extend_from_slice(bytes);
            return Ok(());
        };
        while !bytes.is_empty() {
            tls.read_tls(&mut bytes)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let plain = state.plaintext_bytes_to_read() as u64;
            tls.reader().take(plain).read_to_end(&mut self.incoming)?;
            if state.peer_has_closed() {
                self.ended = true;
                break;
            }
        }
        self.take_tls()
    }

    /// Takes out what TLS has to say.
    fn take_tls(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.outgoing)?;
            }
        }
        Ok(())
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.incoming.is_empty() && !self.ended {
            self.flush()?;
            let Some(tcp) = &mut self.blocking else {
                return Err(ErrorKind::WouldBlock.into());
            };
            let mut bytes = [0; 1 << 10];
            let count = tcp.read(&mut bytes)?;
            self.ended = count == 0;
            self.feed(bytes.get(..count).unwrap_or_default())?;
        }
        let count = self.incoming.as_slice().read(buffer)?;
        self.incoming.drain(..count);
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => {
                tls.writer().write_all(bytes)?;
                self.take_tls()?;
            }
            None => self.outgoing.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(tcp) = &mut self.blocking {
            tcp.write_all(&self.outgoing)?;
            self.outgoing.clear();
        }
        Ok(())
    }
}

/// Connects to the first address that answers.
fn dial(request: &Request, resolver: &Resolver) -> io::Result<TcpStream> {
    let mut error = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in resolver.resolve(request.host(), request.port())? {
        match TcpStream::connect_timeout(&address, CONNECT_TIME) {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                return Ok(tcp);
            }
            Err(failure) => error = failure,
        }
    }
    Err(error)
}

fn message(frame: Frame) -> Message {
    let (bytes, kind) = match frame {
        Frame::Text(text) => (text.into_bytes(), Data::Text),
        Frame::Binary(bytes) => (bytes, Data::Binary),
    };
    Message::Frame(RawFrame::message(bytes, OpCode::Data(kind), true))
}
