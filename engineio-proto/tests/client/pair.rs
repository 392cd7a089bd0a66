//! The client against this crate's server, on a network with latency that can be cut at every step.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use engineio_proto::client::{self, Client};
use engineio_proto::http::{Answer, Request, RequestHead};
use engineio_proto::server::{self, Server, ServerEvent, SessionKey};
use engineio_proto::{
    ConnectionId, Encoded, Frame, Instant, Message, RequestId, Revision, Seed, Transport,
    Transports,
};

use crate::support::config;

const MESSAGES: u32 = 20;

/// The revision and the transports of the client.
type Mode = (Revision, &'static [Transport]);

const MODES: [Mode; 9] = [
    (Revision::V3, &[Transport::Polling]),
    (Revision::V3, &[Transport::WebSocket]),
    (Revision::V3, &[Transport::Polling, Transport::WebSocket]),
    (Revision::V4, &[Transport::Polling]),
    (Revision::V4, &[Transport::WebSocket]),
    (Revision::V4, &[Transport::Polling, Transport::WebSocket]),
    (Revision::V4, &[Transport::WebTransport]),
    (Revision::V4, &[Transport::Polling, Transport::WebTransport]),
    (
        Revision::V4,
        &[
            Transport::Polling,
            Transport::WebSocket,
            Transport::WebTransport,
        ],
    ),
];

#[test]
fn traffic_both_ways_arrives_once_and_in_order_through_an_upgrade_too() {
    for mode in MODES {
        // Request and frame latency: which overtakes which decides where the upgrade meets the traffic.
        for latency in [(1, 1), (5, 1), (1, 5), (20, 3), (3, 20), (17, 13), (40, 40)] {
            for rest in [1, 3, 7, 10] {
                let mut pair = Pair::new(mode, latency, Cut::Never);
                pair.traffic(rest);
                pair.run(2_000);
                let all: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
                assert_eq!(pair.at_server, all, "{mode:?} {latency:?} {rest}");
                assert_eq!(pair.at_client, all, "{mode:?} {latency:?} {rest}");
                assert_eq!(pair.upgraded, mode.1.len() > 1);
                assert!(pair.client.is_open(), "heartbeats go on");
                let now = pair.now;
                pair.client.close(now);
                pair.run(500);
                pair.assert_over();
            }
        }
    }
}

#[test]
fn a_close_at_any_time_ends_both_sides_after_everything_sent() {
    for mode in MODES {
        for millis in 0..120 {
            let mut pair = Pair::new(mode, (7, 5), Cut::Never);
            pair.run(millis);
            for number in 0..MESSAGES {
                pair.act(&Delivery::ClientSends(number));
            }
            let was_open = pair.client.is_open();
            let now = pair.now;
            pair.client.close(now);
            pair.run(1_000);
            pair.assert_over();
            let expected = if was_open { MESSAGES as usize } else { 0 };
            assert_eq!(pair.at_server.len(), expected, "{mode:?} {millis}");
        }
    }
}

#[test]
fn a_network_that_falls_silent_after_any_delivery_ends_both_sides() {
    cut_everywhere(|delivery| Cut::Silent { after: delivery });
}

#[test]
fn a_network_that_breaks_after_any_delivery_ends_both_sides() {
    cut_everywhere(|delivery| Cut::Broken { after: delivery });
}

fn cut_everywhere(cut: impl Fn(usize) -> Cut) {
    for mode in MODES {
        for delivery in 0.. {
            assert!(delivery < 1_000, "the traffic ends");
            let mut pair = Pair::new(mode, (7, 5), cut(delivery));
            pair.traffic(7);
            pair.run(400);
            let is_cut = pair.is_cut;
            pair.run(2_000);
            if !is_cut {
                assert!(delivery > 40, "{delivery} deliveries make no traffic");
                break;
            }
            pair.assert_over();
            let prefix = |got: &[String]| {
                got.iter()
                    .enumerate()
                    .all(|(index, number)| *number == index.to_string())
            };
            assert!(prefix(&pair.at_server), "{:?}", pair.at_server);
            assert!(prefix(&pair.at_client), "{:?}", pair.at_client);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    Never,
    /// Nothing arrives any more, and nobody is told.
    Silent {
        after: usize,
    },
    /// Everything open breaks, both ends are told, and nothing new opens.
    Broken {
        after: usize,
    },
}

#[derive(Debug)]
enum Delivery {
    ClientSends(u32),
    ServerSends(u32),
    Request(RequestId, Request),
    Aborted(RequestId),
    Answer(RequestId, Answer),
    Connect(ConnectionId, Transport, Request),
    Connected(ConnectionId),
    Refused(ConnectionId, Answer),
    ToServer(ConnectionId, Frame),
    ToClient(ConnectionId, Frame),
    ClosedByClient(ConnectionId),
    ClosedByServer(ConnectionId),
}

struct Pair {
    client: Client,
    server: Server,
    session: Option<SessionKey>,
    now: Instant,
    latency: (u64, u64),
    cut: Cut,
    is_cut: bool,
    delivered: usize,
    underway: BTreeMap<(Instant, u64), Delivery>,
    sequence: u64,
    requests: BTreeSet<RequestId>,
    connections: BTreeSet<ConnectionId>,
    at_server: Vec<String>,
    at_client: Vec<String>,
    upgraded: bool,
    closed_at_client: u32,
    open_at_server: i32,
}

impl Pair {
    fn new((revision, transports): Mode, latency: (u64, u64), cut: Cut) -> Self {
        let config = config()
            .with_revision(revision)
            .with_transports(transports)
            .with_open_timeout(Duration::from_millis(300));
        let served = server::Config::default()
            .with_allow_eio3(true)
            .with_transports(Transports::default().with(Transport::WebTransport))
            .with_ping_interval(Duration::from_millis(300))
            .with_ping_timeout(Duration::from_millis(200))
            .with_upgrade_timeout(Duration::from_millis(400));
        let seed = Seed::new([5; 32]);
        let mut pair = Self {
            client: Client::new(config, &seed).expect("good settings"),
            server: Server::new(served, 0, &seed).expect("good settings"),
            session: None,
            now: Instant::from_millis(1_000),
            latency,
            cut,
            is_cut: false,
            delivered: 0,
            underway: BTreeMap::new(),
            sequence: 0,
            requests: BTreeSet::new(),
            connections: BTreeSet::new(),
            at_server: Vec::new(),
            at_client: Vec::new(),
            upgraded: false,
            closed_at_client: 0,
            open_at_server: 0,
        };
        pair.client.open(pair.now);
        pair.take();
        pair
    }

    /// Plans messages both ways, one each `rest` milliseconds, the server's behind the time a handshake takes.
    fn traffic(&mut self, rest: u64) {
        for number in 0..MESSAGES {
            let at = u64::from(number) * rest;
            self.plan(at, Delivery::ClientSends(number));
            let handshake = 4 * (self.latency.0 + self.latency.1);
            self.plan(handshake + at, Delivery::ServerSends(number));
        }
    }

    /// Goes from one delivery or deadline to the next.
    fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        for step in 0.. {
            assert!(step < 20_000, "nothing goes on for ever");
            let delivery = self.underway.first_key_value().map(|(key, _)| key.0);
            let deadlines = [self.client.poll_timeout(), self.server.poll_timeout()];
            let next = deadlines.into_iter().flatten().chain(delivery).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            if delivery == Some(next) {
                let (_, delivery) = self.underway.pop_first().expect("a delivery");
                self.act(&delivery);
            } else {
                self.client.handle_timeout(self.now);
                self.server.handle_timeout(self.now);
                self.take();
            }
        }
        self.now = end;
    }

    fn act(&mut self, delivery: &Delivery) {
        let now = self.now;
        let message = |number: &u32| {
            let text = number.to_string();
            Encoded::new(&if number.is_multiple_of(3) {
                Message::binary(text.into_bytes())
            } else {
                Message::text(text)
            })
        };
        match delivery {
            Delivery::ClientSends(number) => {
                let _closed = self.client.send(&message(number));
            }
            Delivery::ServerSends(number) => {
                if let Some(session) = self.session {
                    let _closed = self.server.send(session, &message(number));
                }
            }
            Delivery::Request(..)
            | Delivery::Aborted(_)
            | Delivery::Answer(..)
            | Delivery::Connect(..)
            | Delivery::Connected(_)
            | Delivery::Refused(..)
            | Delivery::ToServer(..)
            | Delivery::ToClient(..)
            | Delivery::ClosedByClient(_)
            | Delivery::ClosedByServer(_) => {
                let after = match self.cut {
                    Cut::Never => usize::MAX,
                    Cut::Silent { after } | Cut::Broken { after } => after,
                };
                if self.delivered >= after {
                    self.break_down();
                } else {
                    self.delivered += 1;
                    self.deliver(delivery, now);
                }
            }
        }
        self.take();
    }

    fn deliver(&mut self, delivery: &Delivery, now: Instant) {
        match delivery {
            Delivery::ClientSends(_) | Delivery::ServerSends(_) => {}
            Delivery::Request(id, request) => {
                let mut head = RequestHead::new(request.method, request.path(), request.query());
                let mut headers = request.headers.iter();
                let content_type = headers.find(|(name, _)| name == "Content-type");
                head.content_type = content_type.map(|(_, value)| value.as_bytes());
                self.server
                    .handle_request(*id, &head, request.body.clone(), now);
            }
            Delivery::Aborted(id) => self.server.handle_request_aborted(*id, now),
            Delivery::Answer(id, answer) => {
                if self.requests.remove(id) {
                    self.client.handle_response(*id, answer.clone(), now);
                }
            }
            Delivery::Connect(id, Transport::WebTransport, request) => {
                let head = RequestHead::new("CONNECT", request.path(), request.query());
                self.server.handle_webtransport(*id, &head, now);
            }
            Delivery::Connect(id, _, request) => {
                let head = RequestHead::new("GET", request.path(), request.query());
                self.server.handle_upgrade(*id, &head.with_upgrade(), now);
            }
            Delivery::Connected(id) => self.client.handle_connected(*id, now),
            Delivery::Refused(id, answer) => {
                self.client.handle_connection_refused(*id, answer, now);
            }
            Delivery::ToServer(id, frame) => self.server.handle_frame(*id, frame.clone(), now),
            Delivery::ToClient(id, frame) => self.client.handle_frame(*id, frame.clone(), now),
            Delivery::ClosedByClient(id) => self.server.handle_connection_closed(*id, now),
            Delivery::ClosedByServer(id) => self.client.handle_connection_closed(*id, now),
        }
    }

    fn break_down(&mut self) {
        self.is_cut = true;
        let is_plan = |delivery: &Delivery| {
            matches!(
                delivery,
                Delivery::ClientSends(_) | Delivery::ServerSends(_)
            )
        };
        self.underway.retain(|_, delivery| is_plan(delivery));
        if let Cut::Broken { .. } = self.cut {
            for request in core::mem::take(&mut self.requests) {
                self.client.handle_request_failed(request, self.now);
                self.server.handle_request_aborted(request, self.now);
            }
            for connection in core::mem::take(&mut self.connections) {
                self.client.handle_connection_closed(connection, self.now);
                self.server.handle_connection_closed(connection, self.now);
            }
        }
    }

    fn plan(&mut self, millis: u64, delivery: Delivery) {
        let at = self.now + Duration::from_millis(millis);
        self.sequence += 1;
        self.underway.insert((at, self.sequence), delivery);
    }

    fn post(&mut self, delivery: Delivery) {
        let is_http = matches!(
            delivery,
            Delivery::Request(..) | Delivery::Answer(..) | Delivery::Aborted(_)
        );
        let latency = if is_http {
            self.latency.0
        } else {
            self.latency.1
        };
        if !self.is_cut {
            self.plan(latency, delivery);
        }
    }

    fn take(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                client::Output::Request { request, message } => {
                    self.requests.insert(request);
                    self.post(Delivery::Request(request, message));
                }
                client::Output::Abort { request } => {
                    self.requests.remove(&request);
                    self.post(Delivery::Aborted(request));
                }
                client::Output::Connect {
                    connection,
                    transport,
                    request,
                } => {
                    self.connections.insert(connection);
                    self.post(Delivery::Connect(connection, transport, request));
                }
                client::Output::Frames { connection } => {
                    while let Some(frame) = self.client.poll_frame(connection) {
                        self.post(Delivery::ToServer(connection, frame));
                    }
                }
                client::Output::Close { connection } => {
                    self.post(Delivery::ClosedByClient(connection));
                }
                client::Output::Event(event) => self.tell_client(event),
            }
        }
        while let Some(output) = self.server.poll_output() {
            match output {
                server::Output::Respond { request, response } => {
                    self.post(Delivery::Answer(request, response.into()));
                }
                server::Output::Accept { connection, .. } => {
                    self.post(Delivery::Connected(connection));
                }
                server::Output::Refuse {
                    connection,
                    response,
                } => self.post(Delivery::Refused(connection, response.into())),
                server::Output::Frames { connection } => {
                    while let Some(frame) = self.server.poll_frame(connection) {
                        self.post(Delivery::ToClient(connection, frame));
                    }
                }
                server::Output::Close { connection } => {
                    self.post(Delivery::ClosedByServer(connection));
                }
                server::Output::Event(event) => self.tell_server(event),
            }
        }
    }

    fn tell_client(&mut self, event: client::Event) {
        assert_eq!(self.closed_at_client, 0, "no event after the last");
        if let client::Event::Message(message) = &event {
            self.at_client.push(content(message));
        }
        self.upgraded |= matches!(event, client::Event::Upgraded(_));
        self.closed_at_client += u32::from(matches!(event, client::Event::Closed(_)));
    }

    fn tell_server(&mut self, event: ServerEvent) {
        if let ServerEvent::Opened { session, .. } = event {
            self.session = Some(session);
            self.open_at_server += 1;
        } else if let ServerEvent::Session { event, .. } = event {
            if let server::Event::Message(message) = &event {
                self.at_server.push(content(message));
            }
            self.open_at_server -= i32::from(matches!(event, server::Event::Closed(_)));
        }
    }

    fn assert_over(&self) {
        assert_eq!(self.closed_at_client, 1);
        assert_eq!(self.open_at_server, 0);
        assert_eq!(self.client.poll_timeout(), None);
        assert_eq!(self.server.poll_timeout(), None);
    }
}

fn content(message: &Message) -> String {
    match message {
        Message::Text(text) => text.to_string(),
        Message::Binary(data) => String::from_utf8_lossy(data).into_owned(),
    }
}
