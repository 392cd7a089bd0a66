//! The client of this crate against its server, over a network of the test's: with latency, and cut at will.
//!
//! The network also plays both applications. The client emits numbered events, the server acknowledges them, and the
//! other way round; what was sent, received and acknowledged is noted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use socketio_proto::Payload;
use socketio_proto::client::{Event, SocketKey, SocketOptions, State};
use socketio_proto::engine::Transport;
use socketio_proto::engine::client::Output;
use socketio_proto::engine::http::{Request, RequestHead, Response};
use socketio_proto::engine::server::{Config as EngineConfig, Output as ServerOutput};
use socketio_proto::engine::{ConnectionId, Frame, Instant, RequestId, Revision, Seed};
use socketio_proto::server as io;

use super::config;
use crate::machine::{Client, Server, new_client, new_server};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    Polling,
    WebSocket,
    Upgrade,
    /// As `Upgrade`, and opened over a WebSocket once that worked.
    Remember,
    /// As `Polling`, in revision 4 over Engine.IO 3.
    OldPolling,
    /// As `WebSocket`, the same.
    OldWebSocket,
    /// As `Upgrade`, the same.
    OldUpgrade,
}

impl Mode {
    fn transports(self) -> Vec<Transport> {
        match self {
            Self::Polling | Self::OldPolling => vec![Transport::Polling],
            Self::WebSocket | Self::OldWebSocket => vec![Transport::WebSocket],
            Self::Upgrade | Self::Remember | Self::OldUpgrade => {
                vec![Transport::Polling, Transport::WebSocket]
            }
        }
    }

    fn revision(self) -> Revision {
        match self {
            Self::Polling | Self::WebSocket | Self::Upgrade | Self::Remember => Revision::V4,
            Self::OldPolling | Self::OldWebSocket | Self::OldUpgrade => Revision::V3,
        }
    }
}

/// The faults of the network. A cut loses all traffic in flight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cut {
    /// Both sides learn of it.
    Seen,
    /// Nobody learns of it, but by missing the heartbeat.
    Silent,
    /// Another server takes the place of the one there was.
    Restart,
    /// Just the request or response at that place is lost, or the next one behind it, and nobody learns of it.
    Lost,
}

/// The events of both applications, by namespace.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) sent: Vec<u32>,
    pub(crate) received: Vec<u32>,
    pub(crate) acked: Vec<u32>,
    pub(crate) failed: Vec<u32>,
}

pub(crate) struct Pair {
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) now: Instant,
    queue: BTreeMap<(Instant, u64), Delivery>,
    sequence: u64,
    /// The number of deliveries.
    pub(crate) deliveries: usize,
    /// After how many of them everything is cut.
    cut_after: Option<(usize, Cut)>,
    client_requests: BTreeSet<RequestId>,
    server_requests: BTreeSet<RequestId>,
    client_connections: BTreeSet<ConnectionId>,
    server_connections: BTreeSet<ConnectionId>,
    pub(crate) connected: usize,
    pub(crate) disconnected: usize,
    client_acks: BTreeMap<(SocketKey, socketio_proto::client::AckId), u32>,
    server_acks: BTreeMap<(io::SocketKey, io::AckId), u32>,
    server_sockets: BTreeMap<String, io::SocketKey>,
    /// The namespaces of all sockets that there ever were.
    server_names: BTreeMap<io::SocketKey, String>,
    pub(crate) up: BTreeMap<String, Story>,
    pub(crate) down: BTreeMap<String, Story>,
    /// The server acknowledges an event at its n-th arrival.
    pub(crate) ack_at_arrival: usize,
    /// The events that the server sent to everyone in a namespace.
    pub(crate) news: BTreeMap<String, Story>,
    /// The number of recoveries.
    pub(crate) recovered: usize,
    /// Whether the server lets clients come back.
    recovers: bool,
}

#[derive(Debug)]
enum Delivery {
    Request(RequestId, Request),
    Aborted(RequestId),
    Response(RequestId, Response),
    Connect(ConnectionId, Request),
    Accepted(ConnectionId),
    Refused(ConnectionId, Response),
    ToServer(ConnectionId, Frame),
    ToClient(ConnectionId, Frame),
    ServerClosed(ConnectionId),
    ClientClosed(ConnectionId),
}

const LATENCY: Duration = Duration::from_millis(10);

impl Pair {
    pub(crate) fn new(
        mode: Mode,
        cut_after: Option<(usize, Cut)>,
        options: &SocketOptions,
    ) -> Self {
        let config = config()
            .with_engine(|engine| {
                engine
                    .with_transports(mode.transports())
                    .with_revision(mode.revision())
                    .with_remember_upgrade(matches!(mode, Mode::Remember))
            })
            .with_timeout(Some(Duration::from_secs(3)));
        let now = Instant::from_millis(5000);
        let mut pair = Self {
            client: new_client(config, &Seed::new([2; 32])),
            server: server(1, false),
            now,
            queue: BTreeMap::new(),
            sequence: 0,
            deliveries: 0,
            cut_after,
            client_requests: BTreeSet::new(),
            server_requests: BTreeSet::new(),
            client_connections: BTreeSet::new(),
            server_connections: BTreeSet::new(),
            connected: 0,
            disconnected: 0,
            client_acks: BTreeMap::new(),
            server_acks: BTreeMap::new(),
            server_sockets: BTreeMap::new(),
            server_names: BTreeMap::new(),
            up: BTreeMap::new(),
            down: BTreeMap::new(),
            ack_at_arrival: 1,
            news: BTreeMap::new(),
            recovered: 0,
            recovers: false,
        };
        for namespace in ["/", "/chat"] {
            pair.client
                .connect(namespace, options.clone(), now)
                .expect("a good name");
        }
        pair
    }

    /// As `new`, with a server that lets clients come back to what they had.
    pub(crate) fn recovering(mode: Mode, cut_after: Option<(usize, Cut)>) -> Self {
        Self {
            server: server(1, true),
            recovers: true,
            ..Self::new(mode, cut_after, &SocketOptions::default())
        }
    }

    /// Tells everyone in each namespace something.
    pub(crate) fn tell_news(&mut self) {
        for namespace in ["/", "/chat"] {
            let story = self.news.entry(namespace.to_owned()).or_default();
            let number = u32::try_from(story.sent.len()).expect("few");
            let target = io::Target::namespace(namespace);
            self.server
                .broadcast(&target, &numbered(number), self.now)
                .expect("an event");
            story.sent.push(number);
        }
    }

    /// Emits the next event of the client in each namespace.
    pub(crate) fn emit_up(&mut self) {
        for socket in self.client.sockets().collect::<Vec<_>>() {
            let namespace = self
                .client
                .socket_namespace(socket)
                .expect("known")
                .to_owned();
            let story = self.up.entry(namespace).or_default();
            let number = u32::try_from(story.sent.len()).expect("few");
            let timeout = Duration::from_secs(3);
            let id = self
                .client
                .emit_with_ack(socket, &numbered(number), Some(timeout), self.now)
                .expect("there is room");
            story.sent.push(number);
            self.client_acks.insert((socket, id), number);
        }
    }

    /// Emits the next event of the server in each namespace that has a socket.
    pub(crate) fn emit_down(&mut self) {
        for (namespace, socket) in self.server_sockets.clone() {
            let story = self.down.entry(namespace).or_default();
            let number = u32::try_from(story.sent.len()).expect("few");
            let timeout = Duration::from_secs(3);
            let emitted = self
                .server
                .emit_with_ack(socket, &numbered(number), timeout, self.now);
            if let Ok(id) = emitted {
                story.sent.push(number);
                self.server_acks.insert((socket, id), number);
            }
        }
    }

    /// Lets the time pass, and everything that happens in it.
    pub(crate) fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        for step in 0.. {
            assert!(step < 20_000, "it never comes to rest");
            self.take_outputs();
            let next = [
                self.queue.first_key_value().map(|((at, _), _)| *at),
                self.client.poll_timeout(),
                self.server.poll_timeout(),
            ];
            let Some(next) = next.into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(next);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
            self.take_outputs();
            if let Some(entry) = self.queue.first_entry()
                && entry.key().0 <= self.now
            {
                let delivery = entry.remove();
                self.deliveries += 1;
                if self.loses(&delivery) {
                    continue;
                }
                self.deliver(delivery);
                if let Some((after, how)) = self.cut_after
                    && how != Cut::Lost
                    && after == self.deliveries
                {
                    self.take_outputs();
                    self.cut(how);
                }
            }
        }
        self.now = end;
    }

    pub(crate) fn is_up(&self) -> bool {
        self.client.state() == State::Open
            && self
                .client
                .sockets()
                .all(|socket| self.client.is_connected(socket))
    }

    /// Nothing is awaited any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.client_acks.is_empty() && self.server_acks.is_empty()
    }

    /// Whether what was to be lost was lost.
    pub(crate) fn has_lost(&self) -> bool {
        self.cut_after.is_none()
    }

    /// Whether this is what gets lost: of HTTP, since a connection loses nothing but what is behind a cut.
    fn loses(&mut self, delivery: &Delivery) -> bool {
        let is_http = matches!(
            delivery,
            Delivery::Request(..)
                | Delivery::Response(..)
                | Delivery::Connect(..)
                | Delivery::Accepted(_)
        );
        let is_due = |&mut (at, how): &mut (usize, Cut)| how == Cut::Lost && at <= self.deliveries;
        is_http && self.cut_after.take_if(is_due).is_some()
    }

    fn cut(&mut self, how: Cut) {
        self.queue.clear();
        let requests = std::mem::take(&mut self.client_requests);
        let connections = std::mem::take(&mut self.client_connections);
        let server_requests = std::mem::take(&mut self.server_requests);
        let server_connections = std::mem::take(&mut self.server_connections);
        if !matches!(how, Cut::Silent) {
            for id in requests {
                self.client.handle_request_failed(id, self.now);
            }
            for id in connections {
                self.client.handle_connection_closed(id, self.now);
            }
        }
        match how {
            Cut::Seen => {
                for id in server_requests {
                    self.server.handle_request_aborted(id, self.now);
                }
                for id in server_connections {
                    self.server.handle_connection_closed(id, self.now);
                }
            }
            Cut::Silent | Cut::Lost => {}
            Cut::Restart => {
                self.server = server(9, self.recovers);
                self.server_sockets.clear();
                self.server_acks.clear();
                self.server_names.clear();
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        let now = self.now;
        match delivery {
            Delivery::Request(id, request) => {
                self.server_requests.insert(id);
                let mut head = RequestHead::new(request.method, request.path(), request.query());
                let mut headers = request.headers.iter();
                let content_type = headers.find(|(name, _)| name == "Content-type");
                head.content_type = content_type.map(|(_, value)| value.as_bytes());
                self.server
                    .handle_request(id, &head, request.body.clone(), now);
            }
            Delivery::Aborted(id) => {
                if self.server_requests.remove(&id) {
                    self.server.handle_request_aborted(id, now);
                }
            }
            Delivery::Response(id, response) => {
                if self.client_requests.remove(&id) {
                    self.client.handle_response(id, response.into(), now);
                }
            }
            Delivery::Connect(id, request) => {
                self.server_connections.insert(id);
                let head = RequestHead::new("GET", request.path(), request.query()).with_upgrade();
                self.server.handle_upgrade(id, &head, now);
            }
            Delivery::Accepted(id) => {
                if self.client_connections.contains(&id) {
                    self.client.handle_connected(id, now);
                }
            }
            Delivery::Refused(id, response) => {
                if self.client_connections.remove(&id) {
                    self.client
                        .handle_connection_refused(id, &response.into(), now);
                }
            }
            Delivery::ToServer(id, frame) => {
                if self.server_connections.contains(&id) {
                    self.server.handle_frame(id, frame, now);
                }
            }
            Delivery::ToClient(id, frame) => {
                if self.client_connections.contains(&id) {
                    self.client.handle_frame(id, frame, now);
                }
            }
            Delivery::ServerClosed(id) => {
                if self.client_connections.remove(&id) {
                    self.client.handle_connection_closed(id, now);
                }
            }
            Delivery::ClientClosed(id) => {
                if self.server_connections.remove(&id) {
                    self.server.handle_connection_closed(id, now);
                }
            }
        }
    }

    fn send(&mut self, delivery: Delivery) {
        self.sequence += 1;
        self.queue
            .insert((self.now + LATENCY, self.sequence), delivery);
    }

    fn take_outputs(&mut self) {
        loop {
            if let Some(output) = self.client.poll_output() {
                self.client_output(output);
            } else if let Some(output) = self.server.poll_output() {
                self.server_output(output);
            } else {
                return;
            }
        }
    }

    fn client_output(&mut self, output: Output<Event>) {
        match output {
            Output::Request { request, message } => {
                assert!(
                    self.client_requests.len() < 6,
                    "a GET and a POST for each connection"
                );
                self.client_requests.insert(request);
                self.send(Delivery::Request(request, message));
            }
            Output::Abort { request } => {
                self.client_requests.remove(&request);
                self.send(Delivery::Aborted(request));
            }
            Output::Connect {
                connection,
                request,
                ..
            } => {
                self.client_connections.insert(connection);
                self.send(Delivery::Connect(connection, request));
            }
            Output::Frames { connection } => {
                while let Some(frame) = self.client.poll_frame(connection) {
                    self.send(Delivery::ToServer(connection, frame));
                }
            }
            Output::Close { connection } => {
                self.client_connections.remove(&connection);
                self.send(Delivery::ClientClosed(connection));
            }
            Output::Event(event) => self.client_event(event),
        }
    }

    fn client_event(&mut self, event: Event) {
        let name =
            |client: &Client, socket| client.socket_namespace(socket).expect("known").to_owned();
        match event {
            Event::Connected { recovered, .. } => {
                self.connected += 1;
                self.recovered += usize::from(recovered);
            }
            Event::Disconnected { .. } => self.disconnected += 1,
            Event::Event {
                socket,
                payload,
                ack,
            } => {
                let namespace = name(&self.client, socket);
                let Some(ack) = ack else {
                    let story = self.news.entry(namespace).or_default();
                    return story.received.push(number(&payload));
                };
                let story = self.down.entry(namespace).or_default();
                story.received.push(number(&payload));
                // The session may be over by the time the event is looked at.
                let _ended = self.client.respond(ack, &Payload::no_args(), self.now);
            }
            Event::Ack { socket, id, .. } => {
                let number = self
                    .client_acks
                    .remove(&(socket, id))
                    .expect("it ends once");
                let namespace = name(&self.client, socket);
                self.up.entry(namespace).or_default().acked.push(number);
            }
            Event::AckFailed { socket, id, .. } => {
                let number = self
                    .client_acks
                    .remove(&(socket, id))
                    .expect("it ends once");
                let namespace = name(&self.client, socket);
                self.up.entry(namespace).or_default().failed.push(number);
            }
            Event::ManagerOpened
            | Event::ManagerError { .. }
            | Event::ManagerClosed { .. }
            | Event::Reconnecting { .. }
            | Event::ReconnectAttempt { .. }
            | Event::Reconnected { .. }
            | Event::ReconnectError { .. }
            | Event::ReconnectFailed { .. }
            | Event::Ping
            | Event::Packet(_)
            | Event::Upgraded { .. }
            | Event::UpgradeFailed { .. }
            | Event::AuthRequired { .. }
            | Event::ConnectError { .. }
            | Event::GivenUp { .. }
            | Event::Drained { .. }
            | _ => {}
        }
    }

    fn server_output(&mut self, output: ServerOutput<io::Event>) {
        match output {
            ServerOutput::Respond { request, response } => {
                self.server_requests.remove(&request);
                self.send(Delivery::Response(request, response));
            }
            ServerOutput::Accept { connection, .. } => self.send(Delivery::Accepted(connection)),
            ServerOutput::Refuse {
                connection,
                response,
            } => {
                self.server_connections.remove(&connection);
                self.send(Delivery::Refused(connection, response));
            }
            ServerOutput::Frames { connection } => {
                while let Some(frame) = self.server.poll_frame(connection) {
                    self.send(Delivery::ToClient(connection, frame));
                }
            }
            ServerOutput::Close { connection } => {
                self.server_connections.remove(&connection);
                self.send(Delivery::ServerClosed(connection));
            }
            ServerOutput::Event(event) => self.server_event(event),
        }
    }

    fn server_event(&mut self, event: io::Event) {
        match event {
            io::Event::Connecting { token, .. } => {
                if let Ok(socket) = self.server.accept(token, self.now) {
                    let namespace = self
                        .server
                        .socket_namespace(socket)
                        .expect("known")
                        .to_owned();
                    self.server_names.insert(socket, namespace.clone());
                    self.server_sockets.insert(namespace, socket);
                }
            }
            io::Event::Recovered {
                socket, namespace, ..
            } => {
                self.server_names.insert(socket, namespace.to_string());
                self.server_sockets.insert(namespace.to_string(), socket);
            }
            io::Event::Event {
                socket,
                payload,
                ack,
            } => {
                let number = number(&payload);
                // What arrived on a session that is over arrived nevertheless.
                let namespace = self.server_names[&socket].clone();
                let story = self.up.entry(namespace).or_default();
                story.received.push(number);
                let arrivals = story
                    .received
                    .iter()
                    .filter(|other| **other == number)
                    .count();
                if arrivals >= self.ack_at_arrival {
                    let ack = ack.expect("it is wanted");
                    let _gone = self.server.respond(ack, &Payload::no_args());
                }
            }
            io::Event::Ack { socket, id, .. } => {
                if let Some(number) = self.server_acks.remove(&(socket, id)) {
                    let namespace = self.server_names[&socket].clone();
                    self.down.entry(namespace).or_default().acked.push(number);
                }
            }
            io::Event::AckFailed { socket, id, .. } => {
                self.server_acks.remove(&(socket, id));
            }
            io::Event::Disconnected { socket, .. } => {
                self.server_sockets.retain(|_, other| *other != socket);
            }
            io::Event::Opened { .. }
            | io::Event::Upgraded { .. }
            | io::Event::Drained { .. }
            | io::Event::Closed { .. }
            | _ => {}
        }
    }
}

fn server(seed: u8, recovers: bool) -> Server {
    let engine = EngineConfig::default()
        .with_allow_eio3(true)
        .with_ping_interval(Duration::from_millis(2000))
        .with_ping_timeout(Duration::from_millis(1000));
    let recovery = recovers.then(io::RecoveryConfig::default);
    let config = io::Config::default()
        .with_engine(engine)
        .with_parser(crate::PARSER)
        .with_connection_state_recovery(recovery);
    let mut server = new_server(config, &Seed::new([seed; 32]));
    server.add_namespace("/chat").expect("a good name");
    server
}

fn numbered(number: u32) -> Payload {
    Payload::event("n").arg(&number).build().expect("a payload")
}

fn number(payload: &Payload) -> u32 {
    payload.args::<(u32,)>().expect("a number").0
}
