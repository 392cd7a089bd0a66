//! A simulated network between scripted clients and a server, whose time the test advances.
//!
//! Clients, sockets and acknowledgements are numbered in the order of their appearance: `c0` is the first client, `$0`
//! the first accepted socket. Each output of the server is a line. The driver itself checks the rules that hold for
//! every history: see `record.rs`.

mod dialect;
mod random;
mod record;
mod recovery;
mod render;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::server::{
    Config as EngineConfig, HandshakeToken, SentMany, SessionKey,
};
use socketio_proto::engine::{
    ByteString, ConnectionId, Encoded, Frame, Instant, RequestId, Seed, Sid,
};
use socketio_proto::parser::Parser;
use socketio_proto::server::{
    AckId, AckToken, BroadcastId, Config, ConnectToken, EmitError, Gone, LoggedPacket,
    NamespaceToken, RestoreToken, SavedSession, SocketKey, Target,
};
use socketio_proto::{PacketType, Payload};

use crate::machine::{Server, new_server};

/// Runs a script against a server with [`config`], and checks afterwards that nothing is left of it.
pub(crate) fn run(script: impl FnOnce(&mut Net)) {
    run_with(config(), script);
}

/// As `run`, with other settings.
pub(crate) fn run_with(config: Config, script: impl FnOnce(&mut Net)) {
    let mut net = Net::new(config);
    script(&mut net);
    assert_eq!(net.drain(), [""; 0], "nothing is left over");
    net.end(&mut Vec::new());
}

/// The defaults, but with a heartbeat so slow that scripts see it only if they ask for it.
pub(crate) fn config() -> Config {
    let engine = EngineConfig::default().with_ping_interval(Duration::from_secs(3_600));
    Config::default()
        .with_engine(engine)
        .with_parser(crate::PARSER)
}

/// Clients, network, clock and server.
pub(crate) struct Net {
    pub(crate) server: Server,
    pub(crate) now: Instant,
    clients: Vec<Client>,
    sessions: BTreeMap<SessionKey, usize>,
    requests: Vec<Request>,
    connections: Vec<Connection>,
    sockets: Vec<Socket>,
    tokens: VecDeque<ConnectToken>,
    asking: VecDeque<NamespaceToken>,
    pub(crate) handshakes: VecDeque<HandshakeToken>,
    pub(crate) restoring: VecDeque<(RestoreToken, Sid, ByteString)>,
    pub(crate) logged: Vec<LoggedPacket>,
    pub(crate) saved: Vec<SavedSession>,
    told: recovery::Told,
    /// Lines show secrets and offsets unchanged.
    pub(crate) is_frank: bool,
    /// The created namespaces, besides `/`.
    namespaces: BTreeSet<String>,
    acks: VecDeque<AckToken>,
    awaited: BTreeSet<(SocketKey, AckId)>,
    broadcasts: BTreeSet<BroadcastId>,
}

#[derive(Default)]
struct Client {
    dialect: dialect::Dialect,
    sid: String,
    session: Option<SessionKey>,
    /// Its connection for sending; without one it is on polling.
    on: Option<usize>,
    closed: bool,
    /// It is of revision 4, over Engine.IO 3.
    old: bool,
}

struct Request {
    client: usize,
    kind: RequestKind,
    open: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum RequestKind {
    Open,
    Poll,
    Post,
}

struct Connection {
    client: usize,
    over: bool,
    /// Its pipe is full, so frames stay in the server.
    stalled: bool,
}

struct Socket {
    key: SocketKey,
    id: String,
    client: usize,
    namespace: String,
    gone: bool,
}

impl Net {
    pub(crate) fn new(config: Config) -> Self {
        Self::at(config, Instant::from_millis(1_000_000))
    }

    /// As `new`, with the clock at another time.
    pub(crate) fn at(config: Config, now: Instant) -> Self {
        Self {
            server: new_server(config, &Seed::new([7; 32])),
            now,
            clients: Vec::new(),
            sessions: BTreeMap::new(),
            requests: Vec::new(),
            connections: Vec::new(),
            sockets: Vec::new(),
            tokens: VecDeque::new(),
            asking: VecDeque::new(),
            handshakes: VecDeque::new(),
            restoring: VecDeque::new(),
            logged: Vec::new(),
            saved: Vec::new(),
            told: recovery::Told::default(),
            is_frank: false,
            namespaces: BTreeSet::new(),
            acks: VecDeque::new(),
            awaited: BTreeSet::new(),
            broadcasts: BTreeSet::new(),
        }
    }

    /// Adds a namespace, and the application is told.
    pub(crate) fn add_namespace(&mut self, name: &str) {
        self.server.add_namespace(name).expect("a good name");
        assert_eq!(self.drain(), [format!("{name} added")]);
    }

    /// Opens a client over a WebSocket.
    pub(crate) fn websocket(&mut self) -> usize {
        let client = self.add_client();
        let connection = self.connect(client, "EIO=4&transport=websocket");
        self.clients[client].on = Some(connection);
        assert_eq!(self.drain(), [format!("c{client} opened")]);
        client
    }

    /// Opens a client over HTTP long-polling.
    pub(crate) fn polling(&mut self) -> usize {
        let client = self.ask_for_session();
        assert_eq!(self.drain(), [format!("c{client} opened")]);
        client
    }

    /// A client asks for a session over HTTP long-polling, which may be refused.
    pub(crate) fn ask_for_session(&mut self) -> usize {
        let client = self.add_client();
        let query = "EIO=4&transport=polling";
        self.request(client, RequestKind::Open, "GET", query, Bytes::new());
        client
    }

    /// Opens a client of revision 4 over a WebSocket, which waits to join `/`.
    pub(crate) fn old_websocket(&mut self) -> usize {
        let client = self.add_client();
        self.clients[client].old = true;
        let connection = self.connect(client, "EIO=3&transport=websocket");
        self.clients[client].on = Some(connection);
        self.assert_joins_unasked(client)
    }

    /// Opens a client of revision 4 over HTTP long-polling in text, which waits to join `/`.
    pub(crate) fn old_polling(&mut self) -> usize {
        let client = self.add_client();
        self.clients[client].old = true;
        let query = "EIO=3&b64=1&transport=polling";
        self.request(client, RequestKind::Open, "GET", query, Bytes::new());
        self.assert_joins_unasked(client)
    }

    fn assert_joins_unasked(&mut self, client: usize) -> usize {
        let expected = [
            format!("c{client} opened"),
            format!("c{client} connecting /"),
        ];
        assert_eq!(self.drain(), expected);
        client
    }

    /// A client of revision 4 over a WebSocket in `/`, and its socket.
    pub(crate) fn old_joined(&mut self) -> (usize, usize) {
        let client = self.old_websocket();
        let socket = self.accept().expect("it waits");
        assert_eq!(self.drain(), [format!("c{client} < 40")]);
        (client, socket)
    }

    /// Opens a client over each transport.
    pub(crate) fn both(&mut self) -> [usize; 2] {
        [self.websocket(), self.polling()]
    }

    /// A client over a WebSocket in the given namespaces; returns the numbers of client and first socket.
    pub(crate) fn joined(&mut self, namespaces: &[&str]) -> (usize, usize) {
        let client = self.websocket();
        let socket = self.sockets.len();
        for namespace in namespaces {
            self.join(client, namespace);
        }
        (client, socket)
    }

    /// A client joins a namespace in the usual way.
    pub(crate) fn join(&mut self, client: usize, namespace: &str) -> usize {
        let prefix = prefix(namespace);
        self.text(client, &format!("0{prefix}"));
        assert_eq!(self.drain(), [format!("c{client} connecting {namespace}")]);
        let socket = self.accept().expect("it waits");
        if self.clients[client].on.is_none() {
            self.poll(client);
        }
        let lines = self.drain();
        let recovery = self.server.config().connection_state_recovery;
        let pid = recovery.map(|_| format!(r#","pid":"%{}""#, self.pid_count() - 1));
        let pid = pid.unwrap_or_default();
        assert_eq!(
            lines,
            [format!(
                "c{client} < 40{prefix}{{\"sid\":\"${socket}\"{pid}}}"
            )]
        );
        socket
    }

    /// A client sends the text of a message, without the `4` of Engine.IO.
    pub(crate) fn text(&mut self, client: usize, text: &str) {
        self.packet(client, &format!("4{text}"));
    }

    /// A client sends bytes.
    pub(crate) fn binary(&mut self, client: usize, data: &[u8]) {
        let data = Bytes::copy_from_slice(data);
        if !self.clients[client].old {
            return self.say(client, Frame::Binary(data));
        }
        let message = Encoded::binary(data);
        match self.clients[client].on {
            Some(connection) => self.frame(connection, message.frame_v3()),
            None => self.packet(client, &message.text_packet_v3()),
        }
    }

    /// A client sends the text of an Engine.IO packet.
    pub(crate) fn packet(&mut self, client: usize, packet: &str) {
        self.say(client, Frame::Text(packet.into()));
    }

    fn say(&mut self, client: usize, frame: Frame) {
        if let Some(connection) = self.clients[client].on {
            for frame in self.clients[client].dialect.translate(frame) {
                self.frame(connection, frame);
            }
            return;
        }
        let body = match frame {
            Frame::Text(text) if self.clients[client].old => payload_item(&text).into(),
            Frame::Text(text) => text.into_bytes(),
            Frame::Binary(data) => Encoded::binary(data).polling_packet().into_bytes(),
        };
        self.post(client, body);
    }

    /// A client on polling sends several packets at once.
    pub(crate) fn post(&mut self, client: usize, body: impl Into<Bytes>) {
        let Some(body) = self.clients[client].dialect.translate_body(body.into()) else {
            return;
        };
        let query = self.query(client, "polling");
        self.request(client, RequestKind::Post, "POST", &query, body);
    }

    /// A client on polling sends several messages at once, each a text and maybe an attachment.
    pub(crate) fn post_messages(&mut self, client: usize, messages: &[(String, Option<&[u8]>)]) {
        let old = self.clients[client].old;
        let mut packets = Vec::new();
        for (text, attachment) in messages {
            packets.push(ByteString::from(format!("4{text}")));
            packets.extend(attachment.map(|data| {
                let data = Encoded::binary(Bytes::copy_from_slice(data));
                if old {
                    data.text_packet_v3()
                } else {
                    data.polling_packet()
                }
            }));
        }
        let body = if old {
            packets.iter().map(|packet| payload_item(packet)).collect()
        } else {
            packets.join("\x1e")
        };
        self.post(client, body);
    }

    /// A client on polling asks for the waiting data.
    pub(crate) fn poll(&mut self, client: usize) {
        let query = self.query(client, "polling");
        self.request(client, RequestKind::Poll, "GET", &query, Bytes::new());
    }

    /// A client upgrades from polling to a WebSocket.
    pub(crate) fn upgrade(&mut self, client: usize) {
        let query = self.query(client, "websocket");
        let connection = self.connect(client, &query);
        self.frame(connection, Frame::Text("2probe".into()));
        self.frame(connection, Frame::Text("5".into()));
        self.clients[client].on = Some(connection);
    }

    /// A client vanishes: its connection closes, or its held poll is aborted.
    pub(crate) fn vanish(&mut self, client: usize) {
        if let Some(connection) = self.clients[client].on {
            self.connections[connection].over = true;
            // Of a connection that is over already this says nothing new.
            self.server
                .handle_connection_closed(ConnectionId(connection as u64), self.now);
        }
        for number in 0..self.requests.len() {
            let request = &mut self.requests[number];
            if request.client == client && core::mem::take(&mut request.open) {
                self.server
                    .handle_request_aborted(RequestId(number as u64), self.now);
            }
        }
    }

    /// The WebSocket library reports that a client broke its rules.
    pub(crate) fn fail(&mut self, client: usize) {
        let connection = self.connection_of(client);
        self.connections[connection].over = true;
        self.server
            .handle_connection_failed(ConnectionId(connection as u64), self.now);
    }

    /// A client stops reading.
    pub(crate) fn stall(&mut self, client: usize) {
        let connection = self.connection_of(client);
        self.connections[connection].stalled = true;
    }

    /// A client that stopped reading takes one frame.
    pub(crate) fn pull(&mut self, client: usize) -> Option<String> {
        let connection = ConnectionId(self.connection_of(client) as u64);
        let frame = self.server.poll_frame(connection)?;
        let frames = dialect::translated(self.parser(), frame);
        let lines: Vec<_> = frames.iter().map(render::frame).collect();
        Some(self.name_ids(lines.join("|")))
    }

    pub(crate) fn wants_read(&self, client: usize) -> bool {
        let connection = self.connection_of(client);
        self.server.wants_read(ConnectionId(connection as u64))
    }

    /// The application accepts the client that has waited longest.
    pub(crate) fn accept(&mut self) -> Result<usize, Gone> {
        let token = self.token();
        self.accept_token(token)
    }

    pub(crate) fn accept_token(&mut self, token: ConnectToken) -> Result<usize, Gone> {
        let key = self.server.accept(token, self.now)?;
        Ok(self.add_socket(key))
    }

    fn add_socket(&mut self, key: SocketKey) -> usize {
        let id = self.server.socket_id(key).expect("it has joined");
        let session = self.server.socket_session(key).expect("it has joined");
        let namespace = self.server.socket_namespace(key).expect("it has joined");
        self.sockets.push(Socket {
            key,
            id: id.as_str().to_owned(),
            client: self.sessions[&session],
            namespace: namespace.to_owned(),
            gone: false,
        });
        self.sockets.len() - 1
    }

    /// The application allows the namespace whose request has waited longest.
    pub(crate) fn allow(&mut self) -> Result<(), Gone> {
        let token = self.asked();
        self.server.allow_namespace(token, self.now)
    }

    /// The application denies the namespace whose request has waited longest.
    pub(crate) fn deny(&mut self) -> Result<(), Gone> {
        let token = self.asked();
        self.server.deny_namespace(token, self.now)
    }

    /// The request for a namespace that has waited longest.
    pub(crate) fn asked(&mut self) -> NamespaceToken {
        self.asking.pop_front().expect("someone asks")
    }

    pub(crate) fn has_asked(&self) -> bool {
        !self.asking.is_empty()
    }

    /// The application accepts the client that has waited longest, whatever came before that.
    pub(crate) fn accept_after_events(&mut self) {
        self.drain();
        self.accept().expect("it waits");
        self.drain();
    }

    /// The application refuses the client that has waited longest.
    pub(crate) fn reject(&mut self, message: &str, data: Option<&str>) -> Result<(), Gone> {
        let data = data.map(|json| payload(PacketType::Connect, json));
        let token = self.token();
        self.server.reject(token, message, data.as_ref(), self.now)
    }

    /// The client that has waited longest for a verdict.
    pub(crate) fn token(&mut self) -> ConnectToken {
        self.tokens.pop_front().expect("someone waits")
    }

    pub(crate) fn has_token(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// The event that has waited longest for its acknowledgement.
    pub(crate) fn ack_token(&mut self) -> Option<AckToken> {
        self.acks.pop_front()
    }

    /// The application acknowledges the event that has waited longest.
    pub(crate) fn respond(&mut self, json: &str) -> Result<(), EmitError> {
        let token = self.ack_token().expect("an event waits");
        self.server.respond(token, &payload(PacketType::Ack, json))
    }

    pub(crate) fn emit(&mut self, socket: usize, json: &str) -> Result<(), EmitError> {
        self.server.emit(self.key(socket), &event(json), self.now)
    }

    pub(crate) fn emit_volatile(&mut self, socket: usize, json: &str) -> Result<bool, EmitError> {
        self.server.emit_volatile(self.key(socket), &event(json))
    }

    pub(crate) fn emit_with_ack(
        &mut self,
        socket: usize,
        json: &str,
        millis: u64,
    ) -> Result<u64, EmitError> {
        let key = self.key(socket);
        let timeout = Duration::from_millis(millis);
        let id = self
            .server
            .emit_with_ack(key, &event(json), timeout, self.now)?;
        assert!(self.awaited.insert((key, id)), "{id:?} is new");
        Ok(id.get())
    }

    pub(crate) fn broadcast(&mut self, target: Target<'_>, json: &str) -> SentMany {
        self.server
            .broadcast(&target, &event(json), self.now)
            .expect("it can be written")
    }

    pub(crate) fn broadcast_with_ack(
        &mut self,
        target: Target<'_>,
        json: &str,
        millis: u64,
    ) -> SentMany {
        let timeout = Duration::from_millis(millis);
        let (id, sent) = self
            .server
            .broadcast_with_ack(&target, &event(json), timeout, self.now)
            .expect("it can be written");
        assert!(self.broadcasts.insert(id), "{id:?} is new");
        sent
    }

    pub(crate) fn disconnect(&mut self, socket: usize) {
        self.server.disconnect(self.key(socket), self.now);
    }

    pub(crate) fn disconnect_session(&mut self, client: usize) {
        let session = self.session(client);
        self.server.disconnect_session(session, self.now);
    }

    pub(crate) fn close_session(&mut self, client: usize) {
        let session = self.session(client);
        self.server.close_session(session, self.now);
    }

    pub(crate) fn shut_down(&mut self) {
        self.server.shut_down(self.now);
    }

    pub(crate) fn key(&self, socket: usize) -> SocketKey {
        self.sockets[socket].key
    }

    /// The id of a socket, which is the name of its own room too.
    pub(crate) fn id(&self, socket: usize) -> String {
        self.sockets[socket].id.clone()
    }

    pub(crate) fn session(&self, client: usize) -> SessionKey {
        self.clients[client].session.expect("it opened")
    }

    pub(crate) fn socket_count(&self) -> usize {
        self.sockets.len()
    }

    pub(crate) fn is_closed(&self, client: usize) -> bool {
        self.clients[client].closed
    }

    /// Lets time pass, and runs every deadline on the way.
    pub(crate) fn advance(&mut self, millis: u64) {
        let target = self.now + Duration::from_millis(millis);
        for step in 0.. {
            assert!(step < 10_000, "deadlines never end");
            let due = self.server.poll_timeout();
            let Some(deadline) = due.filter(|deadline| *deadline <= target) else {
                break;
            };
            self.now = self.now.max(deadline);
            self.server.handle_timeout(self.now);
        }
        self.now = target;
    }

    /// Takes all actions and events, one in a line and in order. A packet that a client gets is `c0 < 42["a"]` or `c0 <
    /// [1, 2]`. Other lines are `c0 closed by the server`, `c0 post 400`, and events such as `c0 connecting /`, `$0
    /// event ["a"]`, `$0 disconnected: transport close`, `c0 closed: transport close`. Packets that share the answer of
    /// a poll are in one line, with `|` for the separator.
    pub(crate) fn drain(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(output) = self.server.poll_output() {
            self.take(output, &mut lines);
        }
        let named = lines.into_iter().map(|line| {
            let line = self.name_ids(line);
            if self.is_frank {
                line
            } else {
                self.told.name(line)
            }
        });
        named.collect()
    }

    /// Ends all clients, and checks that the server has forgotten them.
    pub(crate) fn end(&mut self, lines: &mut Vec<String>) {
        for client in 0..self.clients.len() {
            self.vanish(client);
        }
        lines.extend(self.drain());
        let mut before = None;
        for step in 0.. {
            assert!(step < 10_000, "deadlines never end");
            let due = self.server.poll_timeout();
            let Some(deadline) = due else { break };
            self.now = self.now.max(deadline);
            self.server.handle_timeout(self.now);
            let outputs = self.drain();
            assert!(
                before != due || !outputs.is_empty(),
                "a call at the deadline moves it or has outputs"
            );
            before = due;
            lines.extend(outputs);
        }
        assert_eq!(self.server.bytes_held(), 0);
        let opened = |client: &&Client| client.session.is_some();
        assert!(
            self.clients
                .iter()
                .filter(opened)
                .all(|client| client.closed),
            "every session closes"
        );
        assert!(
            self.sockets.iter().all(|socket| socket.gone),
            "every socket leaves"
        );
        assert_eq!(self.awaited, BTreeSet::new(), "every acknowledgement ends");
        assert_eq!(self.broadcasts, BTreeSet::new(), "every broadcast ends");
        assert!(
            self.requests.iter().all(|request| !request.open),
            "every request is answered"
        );
        assert_eq!(self.server.engine().session_count(), 0);
        let names: Vec<_> = self.server.namespaces().map(str::to_owned).collect();
        let told = self.namespaces.iter().map(String::as_str);
        assert!(names.iter().eq(["/"].into_iter().chain(told)), "{names:?}");
        for name in names {
            assert_eq!(self.server.socket_count(&name), 0);
            assert_eq!(self.server.sockets(Target::namespace(&name)).count(), 0);
        }
    }

    fn connect(&mut self, client: usize, query: &str) -> usize {
        let number = self.connections.len();
        self.connections.push(Connection {
            client,
            over: false,
            stalled: false,
        });
        let head = RequestHead::new("GET", "/socket.io/", query);
        self.server
            .handle_upgrade(ConnectionId(number as u64), &head, self.now);
        number
    }

    fn add_client(&mut self) -> usize {
        self.clients.push(Client {
            dialect: dialect::Dialect::of(self.parser()),
            ..Client::default()
        });
        self.clients.len() - 1
    }

    fn parser(&self) -> Parser {
        self.server.config().parser
    }

    fn request(
        &mut self,
        client: usize,
        kind: RequestKind,
        method: &str,
        query: &str,
        body: Bytes,
    ) {
        let id = RequestId(self.requests.len() as u64);
        self.requests.push(Request {
            client,
            kind,
            open: true,
        });
        let head = RequestHead::new(method, "/socket.io/", query);
        self.server.handle_request(id, &head, body, self.now);
    }

    fn frame(&mut self, connection: usize, frame: Frame) {
        self.server
            .handle_frame(ConnectionId(connection as u64), frame, self.now);
    }

    fn connection_of(&self, client: usize) -> usize {
        self.clients[client].on.expect("a client over a WebSocket")
    }

    fn query(&self, client: usize, transport: &str) -> String {
        let Client { old, sid, .. } = &self.clients[client];
        let revision = if *old { 3 } else { 4 };
        format!("EIO={revision}&transport={transport}&sid={sid}")
    }

    fn name_ids(&self, line: String) -> String {
        // One that came back has the id, and so the name, that it had before.
        let sockets = self.sockets.iter().enumerate();
        sockets.fold(line, |line, (number, socket)| {
            if line.contains(&socket.id) {
                line.replace(&socket.id, &format!("${number}"))
            } else {
                line
            }
        })
    }
}

/// The payload of an event.
pub(crate) fn event(json: &str) -> Payload {
    payload(PacketType::Event, json)
}

fn payload(packet_type: PacketType, json: &str) -> Payload {
    Payload::from_json(packet_type, json.to_owned(), Vec::new()).expect("a payload")
}

/// A packet in a payload of Engine.IO 3.
fn payload_item(packet: &str) -> String {
    format!("{}:{packet}", packet.encode_utf16().count())
}

/// The form of a namespace in a packet.
fn prefix(namespace: &str) -> String {
    if namespace == "/" {
        String::new()
    } else {
        format!("{namespace},")
    }
}

fn sid(open: &str) -> String {
    let rest = open.split_once("\"sid\":\"").expect("a handshake").1;
    rest.split('"').next().expect("an id").to_owned()
}
