//! A client whose server is the script: it opens connections, sends frames and lets time pass.
//!
//! Everything that leaves the client is a line: `connect` and `close` of a connection, `> 40` for a frame, `request`,
//! and events such as `opened`, `/ connected`, `/ event ["a"]`, `closed: transport close`.

#[expect(dead_code, reason = "servers have bodies to translate")]
#[path = "../../support/dialect.rs"]
mod dialect;
pub(crate) mod pair;

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

use socketio_proto::client::{
    AckId, AckToken, AuthToken, Config, EmitError, Event, SocketKey, SocketOptions,
};
use socketio_proto::engine::Transport;
use socketio_proto::engine::client::{Endpoint, Output};
use socketio_proto::engine::{ConnectionId, Frame, Instant, Seed};
use socketio_proto::{PacketType, Payload};

use crate::machine::{Client, new_client};

/// Runs a script against a client with [`config`].
pub(crate) fn run(script: impl FnOnce(&mut Rig)) {
    run_with(config(), script);
}

/// As `run`, with other settings.
pub(crate) fn run_with(config: Config, script: impl FnOnce(&mut Rig)) {
    let mut rig = Rig::new(config);
    script(&mut rig);
    assert_eq!(rig.drain(), [""; 0], "nothing is left over");
    rig.end();
}

/// The defaults over a WebSocket, with exact delays between attempts.
pub(crate) fn config() -> Config {
    let endpoint = Endpoint::parse("http://localhost").expect("an address");
    Config::new(endpoint)
        .with_engine(|engine| engine.with_transports([Transport::WebSocket]))
        .with_randomization_factor(0.0)
        .with_parser(crate::PARSER)
}

pub(crate) struct Rig {
    pub(crate) client: Client,
    dialect: dialect::Dialect,
    pub(crate) now: Instant,
    /// The connections that the client opened, the last of which the script speaks on.
    connections: Vec<ConnectionId>,
    /// The frames of connections are left where they are.
    pub(crate) stalled: bool,
    pub(crate) tokens: VecDeque<AckToken>,
    pub(crate) questions: VecDeque<AuthToken>,
    awaited: BTreeSet<AckId>,
    order: Vec<AckId>,
    /// The answers to what the client wants acknowledged, without arguments, in order.
    pub(crate) answers: VecDeque<String>,
    /// Lines that were taken already, for the next `drain`.
    taken: Vec<String>,
}

impl Rig {
    pub(crate) fn new(config: Config) -> Self {
        Self::at(config, Instant::from_millis(1_000_000))
    }

    pub(crate) fn at(config: Config, now: Instant) -> Self {
        Self {
            dialect: dialect::Dialect::of(crate::PARSER),
            client: new_client(config, &Seed::new([5; 32])),
            now,
            connections: Vec::new(),
            stalled: false,
            tokens: VecDeque::new(),
            questions: VecDeque::new(),
            awaited: BTreeSet::new(),
            order: Vec::new(),
            answers: VecDeque::new(),
            taken: Vec::new(),
        }
    }

    /// Connects `/` all the way.
    pub(crate) fn joined(&mut self) -> SocketKey {
        self.joined_with(SocketOptions::default())
    }

    pub(crate) fn joined_with(&mut self, options: SocketOptions) -> SocketKey {
        let socket = self.connect_with("/", options);
        assert_eq!(self.drain(), ["connect"]);
        self.accept();
        assert_eq!(self.drain(), ["> 40", "opened"]);
        self.text(r#"0{"sid":"s"}"#);
        assert_eq!(self.drain(), ["/ connected"]);
        socket
    }

    pub(crate) fn connect(&mut self, namespace: &str) -> SocketKey {
        self.connect_with(namespace, SocketOptions::default())
    }

    pub(crate) fn connect_with(&mut self, namespace: &str, options: SocketOptions) -> SocketKey {
        self.client
            .connect(namespace, options, self.now)
            .expect("a good namespace")
    }

    pub(crate) fn again(&mut self, socket: SocketKey) {
        self.client
            .connect_again(socket, self.now)
            .expect("it is known");
    }

    pub(crate) fn disconnect(&mut self, socket: SocketKey) {
        self.client
            .disconnect(socket, self.now)
            .expect("it is known");
    }

    /// The last connection opens, and the server greets.
    pub(crate) fn accept(&mut self) {
        self.accept_with(3_600_000, 3_600_000);
    }

    pub(crate) fn accept_with(&mut self, interval: u64, timeout: u64) {
        // The connection may not have been asked for yet.
        self.take();
        let connection = self.connection();
        self.client.handle_connected(connection, self.now);
        self.raw(&format!(
            r#"0{{"sid":"e","upgrades":[],"pingInterval":{interval},"pingTimeout":{timeout},"maxPayload":1000000}}"#
        ));
    }

    /// The last connection cannot be opened, or breaks.
    pub(crate) fn fail(&mut self) {
        let connection = self.connection();
        self.client.handle_connection_failed(connection, self.now);
    }

    /// The last connection is closed by the server.
    pub(crate) fn cut(&mut self) {
        let connection = self.connection();
        self.client.handle_connection_closed(connection, self.now);
    }

    /// The server sends the text of a message, without the `4` of Engine.IO.
    pub(crate) fn text(&mut self, text: &str) {
        self.raw(&format!("4{text}"));
    }

    pub(crate) fn raw(&mut self, text: &str) {
        self.say(Frame::Text(text.into()));
    }

    pub(crate) fn binary(&mut self, data: &'static [u8]) {
        self.say(Frame::Binary(data.into()));
    }

    fn say(&mut self, frame: Frame) {
        let connection = self.connection();
        for frame in self.dialect.translate(frame) {
            self.client.handle_frame(connection, frame, self.now);
        }
    }

    pub(crate) fn emit(&mut self, socket: SocketKey, json: &str) -> Result<(), EmitError> {
        self.client.emit(socket, &event(json), self.now)
    }

    pub(crate) fn volatile(&mut self, socket: SocketKey, json: &str) -> Result<bool, EmitError> {
        self.client.emit_volatile(socket, &event(json), self.now)
    }

    pub(crate) fn emit_with_ack(
        &mut self,
        socket: SocketKey,
        json: &str,
        millis: impl Into<Option<u64>>,
    ) -> Result<(), EmitError> {
        let timeout = millis.into().map(Duration::from_millis);
        let id = self
            .client
            .emit_with_ack(socket, &event(json), timeout, self.now)?;
        assert!(!self.order.contains(&id), "ids are not used again");
        self.awaited.insert(id);
        self.order.push(id);
        Ok(())
    }

    pub(crate) fn respond(&mut self, json: &str) -> Result<(), EmitError> {
        let token = self.tokens.pop_front().expect("an event waits");
        self.client
            .respond(token, &payload(PacketType::Ack, json), self.now)
    }

    /// Lets time pass; every deadline on the way is met.
    pub(crate) fn advance(&mut self, millis: u64) {
        let target = self.now + Duration::from_millis(millis);
        for step in 0.. {
            assert!(step < 10_000, "deadlines never end");
            let due = self.client.poll_timeout();
            let Some(deadline) = due.filter(|deadline| *deadline <= target) else {
                break;
            };
            self.now = self.now.max(deadline);
            self.client.handle_timeout(self.now);
        }
        self.now = target;
        self.client.handle_timeout(target);
    }

    /// Takes all that is to be done and to be known, one line each, in order.
    pub(crate) fn drain(&mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.taken);
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Request { .. } => lines.push("request".to_owned()),
                Output::Abort { .. } => lines.push("abort".to_owned()),
                Output::Connect { connection, .. } => {
                    assert!(
                        !self.connections.contains(&connection),
                        "ids are not used again"
                    );
                    self.connections.push(connection);
                    // A server answers on the connection that the question came by, or not at all.
                    self.answers.clear();
                    lines.push("connect".to_owned());
                }
                Output::Frames { connection } => {
                    if !self.stalled {
                        self.pull(connection, &mut lines);
                    }
                }
                Output::Close { connection } => {
                    let current = self.connections.last() == Some(&connection);
                    lines.push(if current { "close" } else { "close before" }.to_owned());
                }
                Output::Event(event) => {
                    let line = self.event(event);
                    lines.push(line);
                }
            }
        }
        lines
    }

    /// The pipe takes what waits.
    pub(crate) fn unstall(&mut self) -> Vec<String> {
        self.stalled = false;
        let (connection, mut lines) = (self.connection(), Vec::new());
        self.pull(connection, &mut lines);
        lines.extend(self.drain());
        lines
    }

    fn pull(&mut self, connection: ConnectionId, lines: &mut Vec<String>) {
        while let Some(frame) = self.client.poll_frame(connection) {
            for frame in dialect::translated(crate::PARSER, frame) {
                if let Frame::Text(text) = &frame {
                    self.answers.extend(answer_to(text));
                }
                lines.push(match frame {
                    Frame::Text(text) => format!(
                        "> {}",
                        text.strip_prefix('4')
                            .map_or(format!("engine {text}"), |text| format!("4{text}"))
                    ),
                    Frame::Binary(data) => format!("> {data:?}"),
                });
            }
        }
    }

    /// Ends the client, and checks that nothing is left of it.
    pub(crate) fn end(&mut self) {
        self.stalled = false;
        self.client.close(self.now);
        self.drain();
        let sockets: Vec<_> = self.client.sockets().collect();
        for socket in &sockets {
            self.disconnect(*socket);
        }
        self.drain();
        for socket in sockets {
            assert!(self.client.forget(socket), "an idle socket is forgotten");
        }
        self.drain();
        assert_eq!(self.client.sockets().count(), 0);
        assert_eq!(self.awaited, BTreeSet::new(), "every acknowledgement ends");
        for step in 0.. {
            assert!(step < 1_000, "deadlines never end");
            let Some(deadline) = self.client.poll_timeout() else {
                break;
            };
            self.now = self.now.max(deadline);
            self.client.handle_timeout(self.now);
            self.drain();
        }
        assert!(self.client.engine().is_none());
    }

    pub(crate) fn has_connection(&self) -> bool {
        !self.connections.is_empty()
    }

    /// Takes outputs for the next `drain`, so that the script knows what there is to act on.
    pub(crate) fn take(&mut self) {
        self.taken = self.drain();
    }

    pub(crate) fn connection(&self) -> ConnectionId {
        assert!(self.has_connection(), "the client asked for a connection");
        self.connections[self.connections.len() - 1]
    }

    /// The connection opened before the last.
    pub(crate) fn connection_before(&self) -> ConnectionId {
        self.connections[self.connections.len() - 2]
    }

    fn event(&mut self, event: Event) -> String {
        match event {
            Event::ManagerOpened => "opened".to_owned(),
            Event::ManagerError { error } => format!("error: {error}"),
            Event::ManagerClosed { reason } => format!("closed: {}", chain(&reason)),
            Event::Reconnecting { attempt, at } => {
                let delay = at.saturating_duration_since(self.now).as_millis();
                format!("reconnecting {attempt} in {delay}")
            }
            Event::ReconnectAttempt { attempt } => format!("reconnect_attempt {attempt}"),
            Event::Reconnected { attempt } => format!("reconnect {attempt}"),
            Event::ReconnectError { error } => format!("reconnect_error: {error}"),
            Event::ReconnectFailed { attempts } => format!("reconnect_failed {attempts}"),
            Event::Ping => "ping".to_owned(),
            Event::Pong => "pong".to_owned(),
            Event::Error { socket, error } => {
                format!("{} error: {}", self.name(socket), error.message())
            }
            Event::Packet(packet) => {
                format!("packet {:?} {}", packet.packet_type, packet.namespace)
            }
            Event::Upgraded { transport } => format!("upgraded {transport:?}"),
            Event::AuthRequired { socket, token } => {
                self.questions.push_back(token);
                format!("{} auth?", self.name(socket))
            }
            Event::Connected { socket, recovered } => {
                let recovered = if recovered { ", recovered" } else { "" };
                format!("{} connected{recovered}", self.name(socket))
            }
            Event::ConnectError { socket, error } => {
                format!("{} connect_error: {error}", self.name(socket))
            }
            Event::Event {
                socket,
                payload,
                ack,
            } => {
                let wanted = if ack.is_some() { ", ack wanted" } else { "" };
                self.tokens.extend(ack);
                format!("{} event {}{wanted}", self.name(socket), payload.json())
            }
            Event::Ack {
                socket,
                id,
                payload,
            } => {
                let id = self.ended(id);
                format!("{} ack {id} {}", self.name(socket), payload.json())
            }
            Event::AckFailed { socket, id, error } => {
                let id = self.ended(id);
                format!("{} ack {id} failed: {error}", self.name(socket))
            }
            Event::GivenUp {
                socket,
                payload,
                error,
            } => format!("{} given up {}: {error}", self.name(socket), payload.json()),
            Event::Drained { socket } => format!("{} drained", self.name(socket)),
            Event::Disconnected { socket, reason } => {
                format!("{} disconnected: {}", self.name(socket), chain(&reason))
            }
            other @ (Event::UpgradeFailed { .. } | _) => format!("{other:-?}"),
        }
    }

    fn name(&self, socket: SocketKey) -> String {
        let namespace = self.client.socket_namespace(socket);
        namespace.unwrap_or("gone").to_owned()
    }

    /// Notes the end of an acknowledgement; gives its number, in the order of asking.
    fn ended(&mut self, id: AckId) -> usize {
        assert!(
            self.awaited.remove(&id),
            "{id:?} was awaited, and ends once"
        );
        self.order
            .iter()
            .position(|other| *other == id)
            .expect("it was asked for")
    }
}

/// The acknowledgement that an event asks for, without arguments and without the `4` of Engine.IO.
fn answer_to(frame: &str) -> Option<String> {
    let rest = frame.strip_prefix("42")?;
    let end = rest.find('[')?;
    let head = rest.get(..end)?;
    head.ends_with(|last: char| last.is_ascii_digit())
        .then(|| format!("3{head}"))
}

pub(crate) fn event(json: &str) -> Payload {
    payload(PacketType::Event, json)
}

pub(crate) fn payload(packet_type: PacketType, json: &str) -> Payload {
    Payload::from_json(packet_type, json.to_owned(), Vec::new()).expect("a payload")
}

pub(crate) fn auth(json: &str) -> Payload {
    payload(PacketType::Connect, json)
}

/// The official reason, and what caused it.
fn chain(reason: &(dyn Error + 'static)) -> String {
    match reason.source() {
        Some(source) => format!("{reason} ({source})"),
        None => reason.to_string(),
    }
}
