//! Memory that an Engine.IO server holds.

use std::time::Duration;

use bytes::Bytes;
use engineio_proto::http::RequestHead;
use engineio_proto::server::{
    Config, Cors, Origin, Origins, Output, Server, ServerEvent, SessionKey,
};
use engineio_proto::{ConnectionId, Encoded, Frame, Instant, Message, RequestId, Seed};

use super::compare::compare;

const NOW: Instant = Instant::ZERO;

pub(super) struct Net {
    pub(super) server: Server,
    pub(super) sessions: Vec<SessionKey>,
    requests: u64,
}

impl Net {
    pub(super) fn new(config: Config) -> Self {
        Self {
            server: Server::new(config, 0, &Seed::new([3; 32])).unwrap(),
            sessions: Vec::with_capacity(1_000),
            requests: 0,
        }
    }

    /// A server with this many clients, which have taken all their data.
    fn with(config: Config, query: &str, clients: u64) -> Self {
        let mut net = Self::new(config);
        for number in 0..clients {
            net.open(number, query);
        }
        net
    }

    fn open(&mut self, number: u64, query: &str) {
        let head = RequestHead::new("GET", "/engine.io/", query);
        if query.contains("websocket") {
            self.server
                .handle_upgrade(ConnectionId(number), &head.with_upgrade(), NOW);
        } else {
            self.requests += 1;
            self.server
                .handle_request(RequestId(self.requests), &head, Bytes::new(), NOW);
        }
        self.drain();
    }

    fn query(&self, session: usize, query: &str) -> String {
        let session = self.server.session(self.sessions[session]).unwrap();
        format!("{query}&sid={}", session.sid().as_str())
    }

    fn poll(&mut self, session: usize, query: &str) {
        let query = self.query(session, query);
        self.requests += 1;
        let head = RequestHead::new("GET", "/engine.io/", &query);
        self.server
            .handle_request(RequestId(self.requests), &head, Bytes::new(), NOW);
    }

    fn post(&mut self, session: usize, query: &str, body: Bytes) {
        let query = self.query(session, query);
        self.requests += 1;
        let head = RequestHead::new("POST", "/engine.io/", &query);
        self.server
            .handle_request(RequestId(self.requests), &head, body, NOW);
    }

    pub(super) fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Frames { connection } => {
                    while self.server.poll_frame(connection).is_some() {}
                }
                Output::Event(ServerEvent::Opened { session, .. }) => self.sessions.push(session),
                Output::Event(_)
                | Output::Respond { .. }
                | Output::Accept { .. }
                | Output::Refuse { .. }
                | Output::Close { .. } => {}
            }
        }
    }

    fn end(mut self) {
        for session in self.sessions.clone() {
            self.server.discard(session);
        }
        self.drain();
        assert_eq!(
            (self.server.session_count(), self.server.bytes_held()),
            (0, 0)
        );
    }
}

fn text(len: usize) -> Encoded {
    Encoded::new(&Message::text("x".repeat(len)))
}

fn binary(len: usize) -> Encoded {
    Encoded::binary(vec![7; len].into())
}

fn held(net: &Net) -> usize {
    net.server.bytes_held()
}

const WEBSOCKET: &str = "EIO=4&transport=websocket";
const POLLING: &str = "EIO=4&transport=polling";

#[test]
fn messages_that_wait_for_clients() {
    let config = || Config::default().with_allow_eio3(true);
    for query in [
        WEBSOCKET,
        "EIO=4&transport=websocket&b64=1",
        "EIO=3&transport=websocket",
    ] {
        for (count, len) in [(1, 1), (1, 100_000), (300, 0), (100, 1_000)] {
            for make in [text, binary] {
                let mut net = Net::with(config(), query, 10);
                let name = format!("{query}: {count} of {len} B for each of 10");
                compare(&name, &mut net, held, |net| {
                    for session in 0..10 {
                        for _ in 0..count {
                            net.server.send(net.sessions[session], &make(len)).unwrap();
                        }
                    }
                });
                let mut net = Net::with(config(), query, 100);
                let name = format!("{query}: {count} of {len} B for 100");
                compare(&name, &mut net, held, |net| {
                    for _ in 0..count {
                        let message = make(len);
                        for session in 0..100 {
                            net.server.send(net.sessions[session], &message).unwrap();
                        }
                    }
                });
                net.end();
            }
        }
    }
}

/// Half of the clients take a message in a form that is made then and kept for the others.
#[test]
fn forms_that_are_made_when_they_are_asked_for() {
    let config = || Config::default().with_allow_eio3(true);
    for query in [
        WEBSOCKET,
        "EIO=4&transport=websocket&b64=1",
        "EIO=3&transport=websocket",
        "EIO=3&transport=websocket&b64=1",
    ] {
        let mut net = Net::with(config(), query, 10);
        compare(&format!("{query}: half taken"), &mut net, held, |net| {
            let message = binary(50_000);
            for session in 0..10 {
                net.server.send(net.sessions[session], &message).unwrap();
            }
            for connection in 0..5 {
                while net.server.poll_frame(ConnectionId(connection)).is_some() {}
            }
        });
        net.end();
    }
}

#[test]
fn answers_that_the_driver_has_not_taken() {
    for query in [
        POLLING,
        "EIO=3&transport=polling",
        "EIO=4&transport=polling&j=1",
    ] {
        for (count, len) in [(1, 1), (1, 100_000), (100, 100)] {
            for make in [text, binary] {
                let config = Config::default()
                    .with_allow_eio3(true)
                    .with_allow_jsonp(true);
                let mut net = Net::with(config, query, 20);
                let name = format!("{query}: {count} of {len} B for 20");
                compare(&name, &mut net, held, |net| {
                    for _ in 0..count {
                        let message = make(len);
                        for session in 0..20 {
                            net.server.send(net.sessions[session], &message).unwrap();
                        }
                    }
                });
                net.end();
                let config = Config::default()
                    .with_allow_eio3(true)
                    .with_allow_jsonp(true);
                let mut net = Net::with(config, query, 20);
                let name = format!("{query}: the same in answers");
                compare(&name, &mut net, held, |net| {
                    for _ in 0..count {
                        let message = make(len);
                        for session in 0..20 {
                            net.server.send(net.sessions[session], &message).unwrap();
                        }
                    }
                    for session in 0..20 {
                        net.poll(session, query);
                    }
                });
                net.end();
            }
        }
    }
}

/// The headers for pages of other origins are decided with the request, and made when the answer is taken.
#[test]
fn what_pages_are_told_of_polls_that_are_held() {
    for count in [1, 10, 1_000] {
        let config = Config::default().with_origins(Origins::any());
        let mut net = Net::with(config, POLLING, count);
        compare(&format!("{count} held polls"), &mut net, held, |net| {
            for session in 0..net.sessions.len() {
                net.poll(session, POLLING);
            }
        });
        net.end();
    }
}

#[test]
fn answers_to_preflights_that_the_driver_has_not_taken() {
    let origin = Origin::parse("https://app.example").unwrap();
    for (origins, len) in [
        (Origins::any(), 0),
        (Origins::any(), 10_000),
        (Origins::same_host().with(origin), 100),
    ] {
        let cors = Cors::default().with_max_age(Duration::from_secs(600));
        let config = Config::default().with_origins(origins).with_cors(cors);
        let mut net = Net::new(config);
        let names = "x".repeat(len);
        let head = RequestHead::new("OPTIONS", "/engine.io/", POLLING)
            .with_origin(b"https://app.example")
            .with_access_control_request_headers(names.as_bytes());
        compare(&format!("names of {len} B"), &mut net, held, |net| {
            for number in 0..1_000 {
                net.server
                    .handle_request(RequestId(number), &head, Bytes::new(), NOW);
            }
        });
        net.drain();
        net.end();
    }
}

#[test]
fn messages_that_the_application_has_not_taken() {
    for (count, len) in [(1, 1), (5, 100_000), (3_000, 3), (1_000, 500)] {
        let mut net = Net::with(Config::default(), WEBSOCKET, 3);
        let name = format!("{count} frames of {len} B from 3");
        compare(&name, &mut net, held, |net| {
            for connection in 0..3 {
                for _ in 0..count {
                    let text = format!("4{}", "x".repeat(len));
                    let frame = Frame::Text(text.into());
                    net.server
                        .handle_frame(ConnectionId(connection), frame, NOW);
                    let frame = Frame::Binary(vec![0; len].into());
                    net.server
                        .handle_frame(ConnectionId(connection), frame, NOW);
                }
            }
        });
        net.end();
        for query in [POLLING, "EIO=3&transport=polling"] {
            let config = Config::default()
                .with_allow_eio3(true)
                .with_max_payload(8_000_000);
            let mut net = Net::with(config, query, 3);
            let name = format!("{query}: {count} of {len} B in a body from 3");
            compare(&name, &mut net, held, |net| {
                for session in 0..3 {
                    let packet = format!("4{}", "x".repeat(len));
                    let body = if query.contains("EIO=4") {
                        vec![packet; count].join("\x1e")
                    } else {
                        vec![format!("{}:{packet}", len + 1); count].concat()
                    };
                    net.post(session, query, body.into());
                }
            });
            net.end();
        }
    }
}

#[test]
fn handshakes_and_streams_that_wait() {
    for count in [1, 10, 100, 5_000] {
        let config = Config::default().with_allow_request(true);
        let mut net = Net::new(config);
        compare(&format!("{count} handshakes"), &mut net, held, |net| {
            for number in 0..count {
                let head = RequestHead::new("GET", "/engine.io/", POLLING);
                net.server
                    .handle_request(RequestId(number), &head, Bytes::new(), NOW);
                net.server.handle_upgrade(
                    ConnectionId(number),
                    &RequestHead::new("GET", "/engine.io/", WEBSOCKET).with_upgrade(),
                    NOW,
                );
            }
        });
        for number in 0..count {
            net.server.handle_request_aborted(RequestId(number), NOW);
            net.server
                .handle_connection_closed(ConnectionId(number), NOW);
        }
        net.end();
        let transports = Config::default()
            .transports
            .with(engineio_proto::Transport::WebTransport);
        let mut net = Net::new(Config::default().with_transports(transports));
        compare(&format!("{count} streams"), &mut net, held, |net| {
            for number in 0..count {
                let head = RequestHead::new("CONNECT", "/engine.io/", "");
                net.server
                    .handle_webtransport(ConnectionId(number), &head, NOW);
            }
        });
        for number in 0..count {
            net.server
                .handle_connection_closed(ConnectionId(number), NOW);
        }
        net.end();
    }
}
