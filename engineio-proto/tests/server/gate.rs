//! Handshakes that the application decides on, and shutting down.

use std::collections::VecDeque;
use std::time::Duration;

use engineio_proto::http::RequestHead;
use engineio_proto::server::{
    Admission, Config, Event, Gone, HandshakeToken, Output, Server, ServerEvent, SessionKey,
};
use engineio_proto::{
    Bytes, ConnectionId, Encoded, Frame, HeadId, Instant, Message, RequestId, Seed,
};

/// A server and what came out of it.
pub(super) struct Gate {
    pub(super) server: Server,
    pub(super) now: Instant,
    tokens: VecDeque<HandshakeToken>,
    pub(super) sessions: Vec<SessionKey>,
}

impl Gate {
    pub(super) fn new(config: Config) -> Self {
        Self {
            server: Server::new(config, 0, &Seed::new([3; 32])).unwrap(),
            now: Instant::from_millis(5_000),
            tokens: VecDeque::new(),
            sessions: Vec::new(),
        }
    }

    pub(super) fn get(&mut self, id: u64, query: &str) {
        let head = RequestHead::new("GET", "/engine.io/", query);
        self.server
            .handle_request(RequestId(id), &head, Bytes::new(), self.now);
    }

    pub(super) fn open(&mut self, id: u64) {
        self.get(id, "EIO=4&transport=polling");
    }

    pub(super) fn post(&mut self, id: u64, session: usize, body: &'static str) {
        let query = self.query(session);
        let head = RequestHead::new("POST", "/engine.io/", &query);
        self.server
            .handle_request(RequestId(id), &head, body.into(), self.now);
    }

    pub(super) fn poll(&mut self, id: u64, session: usize) {
        let query = self.query(session);
        self.get(id, &query);
    }

    pub(super) fn query(&self, session: usize) -> String {
        let sid = self.server.session(self.sessions[session]).unwrap().sid();
        format!("EIO=4&transport=polling&sid={}", sid.as_str())
    }

    pub(super) fn connect(&mut self, id: u64) {
        let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=websocket");
        self.server
            .handle_upgrade(ConnectionId(id), &head, self.now);
    }

    pub(super) fn frame(&mut self, id: u64, text: &'static str) {
        self.server
            .handle_frame(ConnectionId(id), Frame::Text(text.into()), self.now);
    }

    /// Lets time pass as a driver does, which wakes up at the server's next deadline and not otherwise.
    pub(super) fn advance(&mut self, millis: u64) {
        let target = self.now + Duration::from_millis(millis);
        while let Some(due) = self.server.poll_timeout().filter(|due| *due <= target) {
            self.now = self.now.max(due);
            self.server.handle_timeout(self.now);
        }
        self.now = target;
    }

    pub(super) fn send(&mut self, session: usize, text: &'static str) -> bool {
        let message = Encoded::new(&Message::text(text));
        self.server.send(self.sessions[session], &message).is_ok()
    }

    pub(super) fn accept(&mut self) -> Result<SessionKey, Gone> {
        let token = self.tokens.pop_front().unwrap();
        self.server.accept(token, self.now)
    }

    pub(super) fn reject(&mut self, message: Option<&str>) -> Result<(), Gone> {
        let token = self.tokens.pop_front().unwrap();
        self.server.reject(token, message)
    }

    pub(super) fn drain(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(output) = self.server.poll_output() {
            let line = match output {
                Output::Respond { request, response } => {
                    let body = String::from_utf8_lossy(&response.body).replace('\x1e', "|");
                    let body = if body.starts_with("0{") {
                        "open".to_owned()
                    } else {
                        body
                    };
                    format!("r{} {} {body}", request.0, response.status)
                }
                Output::Accept { connection, .. } => format!("c{} accept", connection.0),
                Output::Refuse {
                    connection,
                    response,
                } => {
                    let body = String::from_utf8_lossy(&response.body);
                    format!("c{} refuse {} {body}", connection.0, response.status)
                }
                Output::Frames { connection } => {
                    let mut frames = Vec::new();
                    while let Some(Frame::Text(text)) = self.server.poll_frame(connection) {
                        let open = text.starts_with("0{");
                        frames.push(if open {
                            "open".to_owned()
                        } else {
                            text.to_string()
                        });
                    }
                    format!("c{} < {}", connection.0, frames.join(" "))
                }
                Output::Close { connection } => format!("c{} close", connection.0),
                Output::Event(event) => self.event(event),
            };
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    fn event(&mut self, event: ServerEvent) -> String {
        let name = |by| match by {
            HeadId::Request(RequestId(id)) => format!("r{id}"),
            HeadId::Connection(ConnectionId(id)) => format!("c{id}"),
        };
        match event {
            ServerEvent::Handshake { token, by } => {
                self.tokens.push_back(token);
                format!("{} wants in", name(by))
            }
            ServerEvent::Refused { by, reject } => format!("{} refused: {reject}", name(by)),
            ServerEvent::Opened { session, by } => {
                self.sessions.push(session);
                format!("s{} opened by {}", self.sessions.len() - 1, name(by))
            }
            ServerEvent::Session { session, event } => {
                let number = self
                    .sessions
                    .iter()
                    .position(|key| *key == session)
                    .unwrap();
                match event {
                    Event::Closed(reason) => format!("s{number} closed: {reason}"),
                    other @ (Event::Message(_) | Event::Upgraded(_) | Event::Drained | _) => {
                        format!("s{number} {other:-?}")
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

fn asking() -> Config {
    Config::default().with_allow_request(true)
}

#[test]
fn who_is_allowed_opens_a_session() {
    let mut gate = Gate::new(asking());
    gate.open(1);
    assert_eq!(gate.drain(), ["r1 wants in"]);
    assert_eq!(
        (
            gate.server.session_count(),
            gate.server.pending_handshakes()
        ),
        (0, 1)
    );
    gate.accept().unwrap();
    assert_eq!(gate.drain(), ["r1 200 open", "s0 opened by r1"]);
    gate.connect(2);
    assert_eq!(gate.drain(), ["c2 wants in"]);
    gate.accept().unwrap();
    assert_eq!(gate.drain(), ["c2 accept", "c2 < open", "s1 opened by c2"]);
    assert_eq!(gate.server.pending_handshakes(), 0);
}

#[test]
fn who_is_not_allowed_gets_code_4_with_the_reason() {
    let mut gate = Gate::new(asking());
    gate.open(1);
    gate.drain();
    gate.reject(None).unwrap();
    assert_eq!(gate.drain(), [r#"r1 403 {"code":4,"message":"Forbidden"}"#]);
    gate.open(2);
    gate.drain();
    gate.reject(Some("no \"entry\"")).unwrap();
    assert_eq!(
        gate.drain(),
        [r#"r2 403 {"code":4,"message":"no \"entry\""}"#]
    );
    gate.connect(3);
    gate.drain();
    gate.reject(Some("no entry")).unwrap();
    assert_eq!(gate.drain(), ["c3 refuse 400 no entry"]);
    assert_eq!(gate.server.stats().refused.forbidden, 3);
}

#[test]
fn the_application_is_asked_only_about_good_handshakes_and_once_a_session() {
    let mut gate = Gate::new(asking());
    gate.get(1, "EIO=4&transport=abc");
    assert_eq!(
        gate.drain(),
        [r#"r1 400 {"code":0,"message":"Transport unknown"}"#]
    );
    gate.open(2);
    gate.drain();
    gate.accept().unwrap();
    gate.drain();
    gate.post(3, 0, "4hi");
    assert_eq!(gate.drain(), ["r3 200 ok", "s0 Message(Text(\"hi\"))"]);
}

#[test]
fn who_goes_while_the_application_thinks_leaves_nothing() {
    let mut gate = Gate::new(asking());
    gate.open(1);
    gate.connect(2);
    gate.connect(3);
    gate.drain();
    gate.server.handle_request_aborted(RequestId(1), gate.now);
    gate.server
        .handle_connection_closed(ConnectionId(2), gate.now);
    gate.server
        .handle_connection_failed(ConnectionId(3), gate.now);
    assert_eq!(gate.server.pending_handshakes(), 0);
    assert!(gate.accept().is_err());
    assert!(gate.reject(None).is_err());
    assert!(gate.accept().is_err());
    assert_eq!(gate.drain(), [""; 0]);
    assert_eq!(gate.server.poll_timeout(), None);
}

#[test]
fn who_is_not_decided_on_in_time_is_refused() {
    let mut gate = Gate::new(asking().with_handshake_timeout(Duration::from_secs(3)));
    gate.open(1);
    gate.connect(2);
    gate.drain();
    gate.advance(2_999);
    assert_eq!(gate.drain(), [""; 0]);
    gate.advance(1);
    assert_eq!(
        gate.drain(),
        [
            r#"r1 403 {"code":4,"message":"Forbidden"}"#,
            "c2 refuse 400 Forbidden"
        ]
    );
    assert!(gate.accept().is_err());
    assert_eq!(gate.server.poll_timeout(), None);
}

#[test]
fn as_many_handshakes_wait_as_may() {
    let mut gate = Gate::new(asking().with_max_pending_handshakes(2));
    for id in 1..4 {
        gate.open(id);
    }
    assert_eq!(gate.drain(), ["r3 503", "r1 wants in", "r2 wants in"]);
    gate.accept().unwrap();
    gate.drain();
    gate.open(4);
    assert_eq!(gate.drain(), ["r4 wants in"]);
}

#[test]
fn handshakes_that_wait_count_as_sessions() {
    let mut gate = Gate::new(asking().with_max_sessions(2));
    for id in 1..4 {
        gate.open(id);
    }
    assert_eq!(gate.drain(), ["r3 503", "r1 wants in", "r2 wants in"]);
    gate.accept().unwrap();
    gate.accept().unwrap();
    assert_eq!(gate.server.session_count(), 2);
}

#[test]
fn refusals_are_told_if_the_application_wants_to_know() {
    let mut gate = Gate::new(Config::default().with_report_refusals(true));
    gate.get(1, "EIO=4&transport=abc");
    gate.get(2, "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA");
    let head = RequestHead::new("GET", "/", "EIO=4&transport=polling");
    gate.server.handle_upgrade(ConnectionId(3), &head, gate.now);
    let lines = gate.drain();
    assert_eq!(
        lines[3..],
        [
            "r1 refused: Transport unknown",
            "r2 refused: Session ID unknown",
            "c3 refused: Bad request"
        ]
    );
}

/// Two sessions, of which the one on the WebSocket takes its frames and the one on polling is away.
fn two(gate: &mut Gate) {
    gate.open(1);
    gate.connect(2);
    gate.drain();
}

#[test]
fn a_server_that_accepts_nobody_serves_those_who_are_there() {
    let mut gate = Gate::new(Config::default());
    two(&mut gate);
    gate.server.set_admission(Admission::Closed);
    gate.open(3);
    gate.connect(4);
    assert_eq!(gate.drain(), ["r3 503", "c4 refuse 503"]);
    gate.post(5, 0, "4hi");
    gate.frame(2, "4hi");
    assert_eq!(gate.drain().len(), 3);
    assert_eq!(gate.server.stats().refused.unavailable, 2);
    gate.server.set_admission(Admission::Open);
    gate.open(6);
    assert_eq!(gate.drain()[0], "r6 200 open");
}

#[test]
fn a_server_that_accepts_nobody_refuses_who_waits() {
    let mut gate = Gate::new(asking());
    gate.open(1);
    gate.drain();
    gate.server.set_admission(Admission::Closed);
    assert_eq!(gate.drain(), ["r1 503"]);
    assert!(gate.accept().is_err());
}

#[test]
fn commands_with_an_earlier_time_go_by_the_latest_one() {
    let mut gate = Gate::new(asking());
    gate.open(1);
    gate.drain();
    gate.now = Instant::from_millis(15_000);
    gate.server.handle_timeout(gate.now);
    gate.now = Instant::from_millis(5_000);
    gate.accept().unwrap();
    let ping = Instant::from_millis(15_000 + 25_000);
    assert_eq!(gate.server.poll_timeout(), Some(ping));
    gate.drain();
    gate.server.shut_down(Duration::from_secs(5), gate.now);
    let end = Instant::from_millis(15_000 + 5_000);
    assert_eq!(gate.server.poll_timeout(), Some(end));
}

#[test]
fn shutting_down_delivers_what_is_buffered() {
    let mut gate = Gate::new(Config::default());
    two(&mut gate);
    gate.send(0, "bye");
    gate.send(1, "bye");
    gate.server.shut_down(Duration::from_secs(5), gate.now);
    assert_eq!(gate.server.admission(), Admission::Closed);
    assert_eq!(
        gate.drain(),
        ["c2 < 4bye", "c2 close", "s1 closed: forced close"]
    );
    gate.advance(4_999);
    assert_eq!(gate.server.session_count(), 1);
    gate.poll(3, 0);
    assert_eq!(gate.drain(), ["r3 200 4bye"]);
    gate.poll(4, 0);
    assert_eq!(gate.drain(), ["r4 200 6|1", "s0 closed: forced close"]);
    assert_eq!(gate.server.session_count(), 0);
    assert_eq!(gate.server.poll_timeout(), None, "nothing is waited for");
}

#[test]
fn who_has_not_left_in_time_is_discarded() {
    let mut gate = Gate::new(Config::default());
    two(&mut gate);
    gate.send(0, "bye");
    gate.server.shut_down(Duration::from_secs(5), gate.now);
    gate.drain();
    gate.advance(5_000);
    assert_eq!(gate.drain(), ["s0 closed: forced close"]);
    assert_eq!(
        (gate.server.session_count(), gate.server.bytes_held()),
        (0, 0)
    );
    assert_eq!(gate.server.poll_timeout(), None);
}

#[test]
fn shutting_down_with_nobody_there_waits_for_nothing() {
    let mut gate = Gate::new(Config::default());
    gate.server.shut_down(Duration::from_secs(5), gate.now);
    assert_eq!(gate.server.poll_timeout(), None);
}

#[test]
fn accepting_again_ends_the_shutdown() {
    let mut gate = Gate::new(Config::default());
    two(&mut gate);
    gate.send(0, "bye");
    gate.server.shut_down(Duration::from_secs(5), gate.now);
    gate.drain();
    gate.server.set_admission(Admission::Open);
    gate.open(3);
    gate.drain();
    gate.advance(5_000);
    assert_eq!(gate.drain(), [""; 0]);
    assert_eq!(
        gate.server.session_count(),
        2,
        "the one that closes, and the new one"
    );
}

/// The driver decides on the kind of a request. The machine ignores its `Upgrade` header.
#[test]
fn a_request_is_a_plain_one_if_it_is_reported_as_one() {
    let mut gate = Gate::new(Config::default());
    let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=polling").with_upgrade();
    gate.server
        .handle_request(RequestId(1), &head, Bytes::new(), gate.now);
    assert_eq!(gate.drain(), ["r1 200 open", "s0 opened by r1"]);
    let query = gate.query(0);
    let head = RequestHead::new("POST", "/engine.io/", &query).with_upgrade();
    gate.server
        .handle_request_begun(RequestId(2), &head, gate.now);
    assert_eq!(gate.drain(), [""; 0]);
    gate.server
        .handle_request(RequestId(2), &head, "4a".into(), gate.now);
    assert_eq!(gate.drain(), ["r2 200 ok", "s0 Message(Text(\"a\"))"]);
}
