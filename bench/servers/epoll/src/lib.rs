//! The measured application with next to nothing between it and epoll: the floor of the figures.
//!
//! It knows the bytes that the scenarios and the official client send, and no others. It checks nothing, has no
//! heartbeat, and forgets a polling session only when the client says so.

mod request;
mod websocket;

use std::io::{self, ErrorKind, Read, Write};
use std::mem;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use request::Request;

const LISTENER: Token = Token(usize::MAX - 1);

/// The bytes of output buffer that an idle connection may keep.
const KEPT_BUFFER: usize = 256;

/// One TCP connection.
struct Connection {
    stream: TcpStream,
    /// Incomplete input.
    input: Vec<u8>,
    /// Output that could not be written yet.
    output: Vec<u8>,
    /// The session, once the connection is its WebSocket.
    websocket_of: Option<usize>,
    closing: bool,
}

/// One Engine.IO session. Its id is its number.
#[derive(Default)]
struct Session {
    /// The connection of the outstanding GET.
    poll: Option<usize>,
    /// The connection that is the session's WebSocket, or wants to be.
    websocket: Option<usize>,
    /// A WebSocket was asked for beside polling; each GET is answered at once.
    probing: bool,
    /// Packets go by the WebSocket.
    upgraded: bool,
    /// The client is in the namespace `/`.
    joined: bool,
    /// Packets for the next GET, as a payload.
    waiting: Vec<u8>,
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    connections: Slab<Connection>,
    sessions: Slab<Session>,
    /// Connections with output.
    unwritten: Vec<usize>,
}

/// Serves until epoll fails.
///
/// # Errors
///
/// Errors of the operating system about epoll or the listener.
pub fn serve(mut listener: TcpListener) -> io::Result<()> {
    let poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let server = Server {
        poll,
        listener,
        connections: Slab::new(),
        sessions: Slab::new(),
        unwritten: Vec::new(),
    };
    server.run()
}

impl Server {
    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut scratch = vec![0; 64 * 1024];
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept()?;
                } else {
                    self.handle_event(event, &mut scratch);
                }
            }
            for key in mem::take(&mut self.unwritten) {
                self.write(key);
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let entry = self.connections.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll
                .registry()
                .register(&mut stream, Token(entry.key()), interest)?;
            entry.insert(Connection {
                stream,
                input: Vec::new(),
                output: Vec::new(),
                websocket_of: None,
                closing: false,
            });
        }
    }

    fn handle_event(&mut self, event: &Event, scratch: &mut [u8]) {
        let key = event.token().0;
        while event.is_readable() {
            let Some(connection) = self.connections.get_mut(key) else {
                return;
            };
            match connection.stream.read(scratch) {
                Ok(0) => return self.close(key),
                Ok(length) => {
                    let is_all = length < scratch.len() && !event.is_read_closed();
                    self.handle_bytes(key, &mut scratch[..length]);
                    if is_all {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return self.close(key),
            }
        }
        if event.is_writable() {
            let connection = self.connections.get(key);
            if connection.is_some_and(|connection| !connection.output.is_empty()) {
                self.unwritten.push(key);
            }
        }
    }

    fn handle_bytes(&mut self, key: usize, bytes: &mut [u8]) {
        let mut input = mem::take(&mut self.connections[key].input);
        if input.is_empty() {
            let used = self.handle_input(key, bytes);
            input.extend_from_slice(&bytes[used..]);
        } else {
            input.extend_from_slice(bytes);
            let used = self.handle_input(key, &mut input);
            input.drain(..used);
        }
        if let Some(connection) = self.connections.get_mut(key) {
            connection.input = input;
        }
    }

    /// Takes whole requests and frames; returns how many bytes they have.
    fn handle_input(&mut self, key: usize, input: &mut [u8]) -> usize {
        let mut used = 0;
        while let Some(connection) = self.connections.get(key) {
            let rest = &mut input[used..];
            let taken = match connection.websocket_of {
                Some(session) => self.handle_frame(key, session, rest),
                None => self.handle_request(key, rest),
            };
            match taken {
                Some(length) => used += length,
                None => break,
            }
        }
        used
    }

    fn handle_frame(&mut self, key: usize, session: usize, input: &mut [u8]) -> Option<usize> {
        let frame = websocket::decode(input)?;
        let length = frame.length;
        if frame.opcode == websocket::CLOSE {
            let connection = &mut self.connections[key];
            connection.output.extend_from_slice(&websocket::CLOSED);
            connection.closing = true;
            self.unwritten.push(key);
        } else {
            self.handle_packet(session, frame.payload);
        }
        Some(length)
    }

    fn handle_request(&mut self, key: usize, input: &[u8]) -> Option<usize> {
        let request = Request::parse(input)?;
        if let Some(websocket_key) = request.websocket_key {
            self.open_websocket(key, request.session, websocket_key);
        } else if request.is_post {
            for packet in request.body.split(|byte| *byte == b'\x1e') {
                self.handle_packet(request.session.unwrap_or(usize::MAX), packet);
            }
            self.respond(key, b"ok");
        } else if let Some(session) = request.session {
            self.handle_poll(key, session);
        } else {
            let session = self.sessions.insert(Session::default());
            let open = open_packet(session, r#""websocket""#);
            self.respond(key, open.as_bytes());
        }
        Some(request.length)
    }

    fn open_websocket(&mut self, key: usize, session: Option<usize>, websocket_key: &[u8]) {
        let head = websocket::switching_protocols(websocket_key);
        let number = session.unwrap_or_else(|| self.sessions.insert(Session::default()));
        let connection = &mut self.connections[key];
        connection.output.extend_from_slice(&head);
        connection.websocket_of = Some(number);
        self.unwritten.push(key);
        let Some(known) = self.sessions.get_mut(number) else {
            return self.close(key);
        };
        known.websocket = Some(key);
        if session.is_none() {
            known.upgraded = true;
            self.send(number, open_packet(number, "").as_bytes());
        }
    }

    fn handle_poll(&mut self, key: usize, number: usize) {
        let Some(session) = self.sessions.get_mut(number) else {
            return self.close(key);
        };
        if !session.waiting.is_empty() {
            let payload = mem::take(&mut session.waiting);
            self.respond(key, &payload);
        } else if session.probing {
            self.respond(key, b"6");
        } else {
            session.poll = Some(key);
        }
    }

    fn handle_packet(&mut self, number: usize, packet: &[u8]) {
        let Some(session) = self.sessions.get_mut(number) else {
            return;
        };
        match packet {
            [b'4', b'2', event @ ..] => self.handle_event_packet(number, event),
            b"2probe" => {
                session.probing = true;
                let poll = session.poll.take();
                if let Some(websocket) = session.websocket {
                    self.send_frame(websocket, b"3probe");
                }
                if let Some(poll) = poll {
                    self.respond(poll, b"6");
                }
            }
            b"5" => {
                session.upgraded = true;
                for packet in mem::take(&mut session.waiting).split(|byte| *byte == b'\x1e') {
                    if !packet.is_empty() {
                        self.send(number, packet);
                    }
                }
            }
            b"40" => {
                session.joined = true;
                let joined = format!(r#"40{{"sid":"{number:020}"}}"#);
                self.send(number, joined.as_bytes());
            }
            b"41" => session.joined = false,
            b"1" => {
                if let Some(poll) = self.sessions.remove(number).poll {
                    self.respond(poll, b"6");
                }
            }
            _ => {}
        }
    }

    fn handle_event_packet(&mut self, number: usize, event: &[u8]) {
        let digits = event
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (id, json) = event.split_at(digits);
        if let Some(args) = json.strip_prefix(br#"["echo","#) {
            let mut answer = Vec::with_capacity(event.len() + 2);
            answer.extend_from_slice(b"43");
            answer.extend_from_slice(id);
            answer.push(b'[');
            answer.extend_from_slice(args);
            self.send(number, &answer);
        } else if json.starts_with(br#"["broadcast","#) {
            let mut packet = Vec::with_capacity(json.len() + 2);
            packet.extend_from_slice(b"42");
            packet.extend_from_slice(json);
            self.broadcast(&packet);
        }
    }

    fn broadcast(&mut self, packet: &[u8]) {
        let mut frame = Vec::with_capacity(packet.len() + 4);
        websocket::encode(packet, &mut frame);
        let mut by_polling = Vec::new();
        for (number, session) in self.sessions.iter().filter(|(_, session)| session.joined) {
            match session.websocket.filter(|_| session.upgraded) {
                Some(key) => {
                    self.connections[key].output.extend_from_slice(&frame);
                    self.unwritten.push(key);
                }
                None => by_polling.push(number),
            }
        }
        for number in by_polling {
            self.send(number, packet);
        }
    }

    /// Sends a packet to a session, by the transport that it has.
    fn send(&mut self, number: usize, packet: &[u8]) {
        let session = &mut self.sessions[number];
        if let Some(websocket) = session.websocket.filter(|_| session.upgraded) {
            self.send_frame(websocket, packet);
        } else if let Some(poll) = session.poll.take() {
            self.respond(poll, packet);
        } else {
            if !session.waiting.is_empty() {
                session.waiting.push(b'\x1e');
            }
            session.waiting.extend_from_slice(packet);
        }
    }

    fn send_frame(&mut self, key: usize, packet: &[u8]) {
        websocket::encode(packet, &mut self.connections[key].output);
        self.unwritten.push(key);
    }

    fn respond(&mut self, key: usize, body: &[u8]) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        request::write_response(body, &mut connection.output);
        self.unwritten.push(key);
    }

    fn write(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        if connection.output.is_empty() {
            return;
        }
        match connection.stream.write(&connection.output) {
            Ok(length) if length == connection.output.len() => {
                connection.output.clear();
                connection.output.shrink_to(KEPT_BUFFER);
                if connection.closing {
                    self.close(key);
                }
            }
            Ok(length) => {
                connection.output.drain(..length);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.close(key),
        }
    }

    fn close(&mut self, key: usize) {
        let Some(connection) = self.connections.try_remove(key) else {
            return;
        };
        if let Some(number) = connection.websocket_of
            && let Some(session) = self.sessions.get(number)
            && session.websocket == Some(key)
        {
            self.sessions.remove(number);
        }
    }
}

fn open_packet(session: usize, upgrades: &str) -> String {
    format!(
        r#"0{{"sid":"{session:020}","upgrades":[{upgrades}],"pingInterval":3600000,"pingTimeout":20000,"maxPayload":1000000}}"#
    )
}
