//! A driver without sockets around a hosted Engine.IO server that echoes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engineio_proto::driver::server::{App, Context};
use engineio_proto::server::{Config, Event, Server, ServerEvent};
use engineio_proto::{Encoded, Instant, Message, Seed};
use engineio_wire::server::{Action, Foreign, Hosted, Options, Peer, PipeId};

/// Sends each message back, and notes what it is told.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    /// The targets of the requests that opened sessions, and the messages and reasons, in order.
    pub(crate) log: Vec<String>,
    /// Notes nothing, where memory is counted.
    is_quiet: bool,
}

impl App<Server> for Echo {
    type Command = ();

    fn handle_event(
        &mut self,
        server: &mut Server,
        event: ServerEvent,
        context: &mut Context<'_, ()>,
    ) {
        match event {
            ServerEvent::Session {
                session,
                event: Event::Message(message),
            } if self.is_quiet => {
                let _full = server.send(session, &Encoded::new(&message));
            }
            _ if self.is_quiet => {}
            ServerEvent::Opened { session, .. } => {
                let handshake = context.handshake(session).expect("a session has a request");
                self.log.push(format!("opened by {}", handshake.target));
            }
            ServerEvent::Session { session, event } => match event {
                Event::Message(message) => {
                    self.log.push(shown(&message));
                    let _full = server.send(session, &Encoded::new(&message));
                }
                Event::Closed(reason) => self.log.push(format!("closed: {reason:?}")),
                _ => {}
            },
            _ => {}
        }
    }
}

pub(crate) fn shown(message: &Message) -> String {
    match message {
        Message::Text(text) => text.to_string(),
        Message::Binary(bytes) => format!("{bytes:?}"),
    }
}

/// The server, what was written to each connection, and what was closed.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) host: Hosted<Server, Echo>,
    pub(crate) now: Instant,
    written: BTreeMap<PipeId, Vec<u8>>,
    pub(crate) closed: BTreeSet<PipeId>,
    /// Those to which nothing more is written.
    pub(crate) shut: BTreeSet<PipeId>,
    /// Where the driver was told to read on.
    pub(crate) readable: Vec<PipeId>,
    /// How often the driver was told that the next deadline is earlier.
    pub(crate) timeouts: usize,
    pub(crate) foreign: Vec<Foreign>,
    /// Those of them that a test has answered.
    pub(crate) answered: Vec<Foreign>,
    /// Connections whose peers read nothing.
    pub(crate) stuck: BTreeSet<PipeId>,
}

impl Default for Rig {
    fn default() -> Self {
        Self::new(Config::default(), Options::new("/engine.io"))
    }
}

impl Rig {
    pub(crate) fn new(config: Config, options: Options) -> Self {
        Self::with(Echo::default(), config, options)
    }

    /// A rig whose application keeps no log.
    pub(crate) fn quiet() -> Self {
        let app = Echo {
            is_quiet: true,
            ..Echo::default()
        };
        Self::with(app, Config::default(), Options::new("/engine.io"))
    }

    fn with(app: Echo, config: Config, options: Options) -> Self {
        let server = Server::new(config, 0, &Seed::new([7; 32])).expect("valid settings");
        Self {
            host: Hosted::new(server, app, options, Instant::ZERO),
            now: Instant::ZERO,
            written: BTreeMap::new(),
            closed: BTreeSet::new(),
            shut: BTreeSet::new(),
            readable: Vec::new(),
            timeouts: 0,
            foreign: Vec::new(),
            answered: Vec::new(),
            stuck: BTreeSet::new(),
        }
    }

    pub(crate) fn open(&mut self) -> PipeId {
        let pipe = self
            .host
            .handle_open(Peer::default(), self.now)
            .expect("a free place");
        self.drain();
        pipe
    }

    pub(crate) fn send(&mut self, pipe: PipeId, bytes: impl AsRef<[u8]>) {
        self.host.handle_bytes(pipe, bytes.as_ref(), self.now);
        self.drain();
    }

    pub(crate) fn close(&mut self, pipe: PipeId) {
        self.host.handle_closed(pipe, self.now);
        self.drain();
    }

    pub(crate) fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.host.handle_timeout(self.now);
        self.drain();
    }

    /// What was written to a connection since this was last asked.
    pub(crate) fn written(&mut self, pipe: PipeId) -> Vec<u8> {
        self.written.remove(&pipe).unwrap_or_default()
    }

    pub(crate) fn text(&mut self, pipe: PipeId) -> String {
        String::from_utf8(self.written(pipe)).expect("text")
    }

    /// The status codes of the answers that were written.
    pub(crate) fn statuses(&mut self, pipe: PipeId) -> Vec<u16> {
        let text = String::from_utf8_lossy(&self.written(pipe)).into_owned();
        let lines = text.split("HTTP/1.1 ").skip(1);
        lines
            .map(|rest| rest[..3].parse().expect("a status"))
            .collect()
    }

    /// Forgets what was written and closed, so that the rig takes no more memory than before.
    pub(crate) fn forget(&mut self) {
        self.written.clear();
        self.closed.clear();
    }

    pub(crate) fn drain(&mut self) {
        while let Some(action) = self.host.poll_output() {
            match action {
                Action::Write(pipe) => self.write(pipe),
                Action::Shutdown(pipe) => {
                    self.shut.insert(pipe);
                }
                Action::Read(pipe) => self.readable.push(pipe),
                Action::Close(pipe) => {
                    assert!(self.closed.insert(pipe), "{pipe:?} is closed once");
                }
                Action::Timeout => self.timeouts += 1,
                Action::Foreign(foreign) => self.foreign.push(foreign),
                Action::Work(_) => {}
            }
        }
    }

    fn write(&mut self, pipe: PipeId) {
        if self.stuck.contains(&pipe) {
            let _never_written = self.host.poll_write(pipe);
            return;
        }
        while let Some(batch) = self.host.poll_write(pipe) {
            let written = self.written.entry(pipe).or_default();
            written.extend(batch.chunks().flatten());
            self.host.handle_written(pipe, batch.len(), self.now);
        }
    }

    /// Opens a session by polling and gives its id.
    pub(crate) fn session(&mut self, pipe: PipeId) -> String {
        self.send(pipe, get("EIO=4&transport=polling"));
        let text = self.text(pipe);
        let sid = text.split("\"sid\":\"").nth(1).expect("an open packet");
        sid.split('"').next().expect("an id").to_owned()
    }

    /// Opens a WebSocket and takes the open packet.
    pub(crate) fn websocket(&mut self) -> PipeId {
        let pipe = self.open();
        self.send(pipe, upgrade("EIO=4&transport=websocket"));
        let written = self.written(pipe);
        assert!(written.starts_with(b"HTTP/1.1 101 "), "{written:?}");
        pipe
    }
}

pub(crate) fn get(query: &str) -> String {
    format!("GET /engine.io/?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

pub(crate) fn post(query: &str, body: &str) -> String {
    let len = body.len();
    format!(
        "POST /engine.io/?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len}\r\n\r\n{body}"
    )
}

pub(crate) fn upgrade(query: &str) -> String {
    format!(
        "GET /engine.io/?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A frame of a client, with a key of zeros.
pub(crate) fn frame(first: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match content.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        medium @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(content);
    frame
}
