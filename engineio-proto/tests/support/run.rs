//! Plays a history through a driver and writes down everything that comes out.

use std::collections::BTreeMap;

use core::time::Duration;

use engineio_proto::Transport;
use engineio_proto::codec::{DecodeError, webtransport};
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Event, Output};
use engineio_proto::{Bytes, ConnectionId, Encoded, Frame, Instant, Message, RequestId};

use crate::dialect::Dialect;
use crate::driver::{Driver, Happening, Out};
use crate::ops::Op;

/// The times at which outputs are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Drain {
    /// After every input.
    Each,
    /// At the end, and nowhere else.
    Late,
}

/// All outputs.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Log {
    /// All outputs, one line each.
    pub(crate) lines: Vec<String>,
    /// Of each session.
    pub(crate) events: BTreeMap<usize, Vec<Event>>,
    /// The messages that reached the client of each session over polling, and then those over its connection.
    pub(crate) polled: BTreeMap<usize, Vec<String>>,
    pub(crate) framed: BTreeMap<usize, Vec<String>>,
    /// The status of each answer.
    pub(crate) answers: BTreeMap<RequestId, u16>,
    pub(crate) deadlines: Vec<Option<u64>>,
}

/// A history being played.
pub(crate) struct Run {
    pub(crate) driver: Box<dyn Driver>,
    drain: Drain,
    /// Whether `handle_timeout` is also called when nothing is due.
    spurious: bool,
    epoch: Instant,
    now: Instant,
    requests: Vec<Request>,
    connections: Vec<Connection>,
    /// Of the sessions that are there.
    dialects: BTreeMap<usize, Dialect>,
    pub(crate) log: Log,
}

struct Request {
    session: Option<usize>,
    kind: Kind,
    over: bool,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Poll,
    /// A POST whose body is still to come.
    Posting,
    Other,
}

struct Connection {
    session: Option<usize>,
    accepted: bool,
    closed: bool,
    gone: bool,
}

fn is_heartbeat(frame: &Frame) -> bool {
    matches!(frame, Frame::Text(text) if text.starts_with(['2', '3']))
}

impl Run {
    pub(crate) fn new(driver: Box<dyn Driver>, drain: Drain) -> Self {
        Self {
            driver,
            drain,
            spurious: false,
            epoch: Instant::ZERO,
            now: Instant::ZERO,
            requests: Vec::new(),
            connections: Vec::new(),
            dialects: BTreeMap::new(),
            log: Log::default(),
        }
    }

    /// Starts the clock at another time.
    pub(crate) fn at(mut self, epoch: Instant) -> Self {
        self.epoch = epoch;
        self.now = epoch;
        self
    }

    pub(crate) fn with_spurious_timeouts(mut self) -> Self {
        self.spurious = true;
        self
    }

    /// Plays a history and takes what is left at its end.
    pub(crate) fn play(self, ops: &[Op]) -> Self {
        let mut run = self.play_undrained(ops);
        run.take_all();
        run
    }

    /// Plays a history that goes on.
    pub(crate) fn play_undrained(mut self, ops: &[Op]) -> Self {
        for op in ops {
            self.step(op);
            if self.spurious && self.driver.poll_timeout().is_none_or(|due| due > self.now) {
                self.driver.handle_timeout(self.now);
            }
            if self.drain == Drain::Each {
                self.take_all();
            }
            let due = self.driver.poll_timeout();
            let shifted =
                due.map(|due| due.saturating_duration_since(self.epoch).as_nanos() as u64);
            self.log.deadlines.push(shifted);
        }
        self
    }

    /// Goes on by the clock alone until there is no deadline any more.
    pub(crate) fn run_down(mut self) -> Self {
        let sessions = self.driver.session_count();
        for step in 0.. {
            let Some(due) = self.driver.poll_timeout() else {
                break;
            };
            assert!(step < 20 * (sessions + 1), "time never ends");
            let before = (due, self.log.lines.len());
            self.now = self.now.max(due);
            self.driver.handle_timeout(self.now);
            self.take_all();
            let after = self.driver.poll_timeout();
            let progress = after != Some(before.0) || self.log.lines.len() > before.1;
            assert!(progress, "a deadline that is met moves something");
        }
        self
    }

    /// Everything that was opened is over: each session closed once, each exchange answered once (the log takes no
    /// second answer), each connection closed.
    pub(crate) fn assert_over(&self) {
        assert_eq!(self.driver.session_count(), 0);
        for (session, events) in &self.log.events {
            let closed = |event: &&Event| matches!(event, Event::Closed(_));
            let count = events.iter().filter(closed).count();
            assert_eq!(count, 1, "session {session} of {}", self.driver.name());
        }
        for (id, request) in self.requests.iter().enumerate() {
            assert!(
                request.over || request.kind == Kind::Posting,
                "request {id} is answered"
            );
        }
        for (id, connection) in self.connections.iter().enumerate() {
            assert!(connection.closed || connection.gone, "connection {id}");
            assert!(self.driver.wants_read(ConnectionId(id as u64)));
        }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::OpenPolling(dialect) => {
                let query = format!("{}&transport=polling", dialect.query());
                self.request(None, Kind::Poll, "GET", &query, "".into());
                self.note_dialect(*dialect);
            }
            Op::OpenWebSocket(dialect) => {
                let query = format!("{}&transport=websocket", dialect.query());
                self.connect(None, &query);
                self.note_dialect(*dialect);
            }
            Op::OpenWebTransport => self.stream(None, Some(webtransport::encode_open(None))),
            Op::Stream => self.stream(None, None),
            Op::Poll(pick) => self.poll(*pick),
            Op::Post(pick, body) => self.with(*pick, |run, session| {
                let query = run.query(session, "polling");
                let body = run.dialect(session).body(body);
                run.request(Some(session), Kind::Other, "POST", &query, body);
            }),
            Op::PostBinary(pick) => self.with(*pick, |run, session| {
                let query = run.query(session, "polling");
                let head = RequestHead::new("POST", "/", &query)
                    .with_content_type(b"application/octet-stream");
                let id = run.new_request(Some(session), Kind::Other);
                run.driver.handle_request(id, &head, "4a".into(), run.now);
            }),
            Op::PostHead(pick) => self.with(*pick, |run, session| {
                let query = run.query(session, "polling");
                let id = run.new_request(Some(session), Kind::Posting);
                let head = RequestHead::new("POST", "/", &query);
                run.driver.handle_request_begun(id, &head, run.now);
            }),
            Op::PostRest(pick, body) => self.with_posting(*pick, |run, id, session| {
                let query = run.query(session, "polling");
                let head = RequestHead::new("POST", "/", &query);
                let body = run.dialect(session).body(body);
                run.driver.handle_request(id, &head, body, run.now);
            }),
            Op::PostTooLarge(pick) => self.with_posting(*pick, |run, id, _| {
                run.driver.handle_request_too_large(id, run.now);
            }),
            Op::Abort(pick) => self.abort(*pick),
            Op::Probe(pick) => self.with(*pick, |run, session| {
                run.connect(Some(session), &run.query(session, "websocket"));
            }),
            Op::ProbeWebTransport(pick) => self.with(*pick, |run, session| {
                let sid = run.driver.sid(session);
                let open = sid.map(|sid| webtransport::encode_open(Some(sid.as_str())));
                run.stream(Some(session), open);
            }),
            Op::BadFrame(pick) => {
                if let Some(id) = self.pick_connection(*pick)
                    && !self.connections[id].gone
                {
                    let id = ConnectionId(id as u64);
                    self.driver
                        .handle_bad_frame(id, DecodeError::Empty, self.now);
                }
            }
            Op::Text(pick, text) => self.frame(*pick, Frame::Text(text.as_str().into())),
            Op::Binary(pick, data) => self.frame(*pick, Frame::Binary(data.clone())),
            Op::Disconnect(pick) => self.lose(*pick, false),
            Op::Fail(pick) => self.lose(*pick, true),
            Op::Request(method, pick, transport) => self.with(*pick, |run, session| {
                // A poll would be a poll, and is another step.
                if (*method, *transport) != ("GET", "polling") {
                    let query = run.query(session, transport);
                    run.request(Some(session), Kind::Other, method, &query, "4a".into());
                }
            }),
            Op::Send(pick, text) => self.send(*pick, Encoded::new(&Message::text(text.clone()))),
            Op::SendBinary(pick, data) => self.send(*pick, Encoded::binary(data.clone())),
            Op::Volatile(pick) => self.with(*pick, |run, session| {
                run.pull(session);
                let message = Encoded::new(&Message::text("v"));
                run.driver.send_volatile(session, &[message]);
            }),
            Op::Close(pick) => self.with(*pick, |run, session| {
                run.driver.close(session, run.now);
                run.pull(session);
            }),
            Op::Discard(pick) => self.with(*pick, |run, session| run.driver.discard(session)),
            Op::Advance(millis) => self.advance(*millis),
        }
    }

    fn poll(&mut self, pick: usize) {
        self.with(pick, |run, session| {
            let query = run.query(session, "polling");
            run.request(Some(session), Kind::Poll, "GET", &query, Bytes::new());
        });
    }

    fn send(&mut self, pick: usize, message: Encoded) {
        self.with(pick, |run, session| {
            // Refused, or not: either way it shows in what the client gets.
            let _outcome = run.driver.send(session, &[message]);
        });
    }

    fn frame(&mut self, pick: usize, frame: Frame) {
        let Some(id) = self.pick_connection(pick) else {
            return;
        };
        if !self.connections[id].gone {
            // An answer, or the next ping, counts only from a client that has been sent what is before it.
            if let (true, Some(session)) = (is_heartbeat(&frame), self.connections[id].session) {
                self.pull(session);
            }
            let before = self.opened();
            self.driver
                .handle_frame(ConnectionId(id as u64), frame, self.now);
            if self.opened() > before {
                self.connections[id].session = Some(before);
                self.note_dialect(Dialect::V4);
            }
            let session = self.connections[id].session;
            // A session that is closing is over once the pipe it moved to has taken the rest.
            let closing = |session: &usize| {
                let session = self.driver.session(*session);
                session.is_some_and(|session| !session.is_open())
            };
            if let Some(session) = session.filter(closing) {
                self.pull(session);
            }
        }
    }

    fn lose(&mut self, pick: usize, failed: bool) {
        let Some(number) = self.pick_connection(pick) else {
            return;
        };
        if core::mem::replace(&mut self.connections[number].gone, true) {
            return;
        }
        let id = ConnectionId(number as u64);
        if failed {
            self.driver.handle_connection_failed(id, self.now);
        } else {
            self.driver.handle_connection_closed(id, self.now);
        }
    }

    fn abort(&mut self, pick: usize) {
        let count = self.requests.len();
        let Some(request) = self.requests.get_mut(pick % count.max(1)) else {
            return;
        };
        if !request.over && request.kind != Kind::Other {
            request.over = true;
            let id = RequestId((pick % count) as u64);
            self.driver.handle_request_aborted(id, self.now);
        }
    }

    fn advance(&mut self, millis: u64) {
        let target = self.now + Duration::from_millis(millis);
        while let Some(due) = self.driver.poll_timeout().filter(|due| *due <= target) {
            self.now = self.now.max(due);
            self.driver.handle_timeout(self.now);
            if self.drain == Drain::Each {
                self.take_all();
            }
        }
        self.now = target;
    }

    /// Calls `act` with one of the sessions that ever opened.
    fn with(&mut self, pick: usize, act: impl FnOnce(&mut Self, usize)) {
        let count = self.opened();
        if count > 0 {
            act(self, pick % count);
        }
    }

    /// The number of sessions that ever opened.
    fn opened(&self) -> usize {
        (0..).map_while(|n| self.driver.sid(n)).count()
    }

    /// The session that has just opened, if one has, speaks so.
    fn note_dialect(&mut self, dialect: Dialect) {
        if let Some(session) = self.opened().checked_sub(1) {
            self.dialects.entry(session).or_insert(dialect);
        }
    }

    fn dialect(&self, session: usize) -> Dialect {
        self.dialects[&session]
    }

    fn query(&self, session: usize, transport: &str) -> String {
        let sid = self.driver.sid(session).expect("a session");
        let query = self.dialect(session).query();
        format!("{query}&transport={transport}&sid={}", sid.as_str())
    }

    /// Calls `act` with a POST whose body is still to come, unless the client has seen its answer already.
    fn with_posting(&mut self, pick: usize, act: impl FnOnce(&mut Self, RequestId, usize)) {
        let all = self.requests.iter().enumerate();
        let posting = all.filter(|(_, request)| request.kind == Kind::Posting);
        let posting: Vec<_> = posting.map(|(id, _)| id).collect();
        let Some(&id) = posting.get(pick % posting.len().max(1)) else {
            return;
        };
        let request = &mut self.requests[id];
        request.kind = Kind::Other;
        if let Some(session) = request.session.filter(|_| !request.over) {
            act(self, RequestId(id as u64), session);
        }
    }

    /// The pipes of a session take all that waits: an input like others, not a way of looking.
    fn pull(&mut self, session: usize) {
        for id in 0..self.connections.len() {
            if self.connections[id].session == Some(session) {
                self.pull_connection(id);
            }
        }
    }

    fn pull_connection(&mut self, number: usize) {
        while let Some(frame) = self.driver.poll_frame(ConnectionId(number as u64)) {
            self.log.lines.push(format!("c{number} < {frame:?}"));
            let packet = match &frame {
                Frame::Text(text) => text.to_string(),
                Frame::Binary(data) => format!("{data:?}"),
            };
            if let Some(session) = self.connections[number].session
                && !self.connections[number].gone
            {
                note(&mut self.log.framed, session, &packet);
            }
        }
    }

    pub(crate) fn take_all(&mut self) {
        while let Some(output) = self.driver.poll_output() {
            self.log.lines.push(format!("{output:-?}"));
            self.take(output);
        }
    }

    fn take(&mut self, output: Out) {
        match output {
            Output::Respond { request, response } => {
                let state = &mut self.requests[request.0 as usize];
                let first = self.log.answers.insert(request, response.status);
                assert_eq!(first, None, "one answer for {request:?}");
                state.over = true;
                let session = state.session.filter(|_| state.kind == Kind::Poll);
                if let Some(session) = session.filter(|_| response.status == 200) {
                    // Whether the client is still there to read it is a matter of luck.
                    let mut headers = response.headers.iter();
                    let content_type = headers.find(|(name, _)| *name == "content-type");
                    let content_type = content_type.map(|(_, value)| value);
                    let dialect = self.dialects.get(&session).copied().unwrap_or(Dialect::V4);
                    for packet in dialect.packets(content_type, response.body) {
                        note(&mut self.log.polled, session, &packet);
                    }
                }
            }
            Output::Accept { connection, .. } => {
                let state = &mut self.connections[connection.0 as usize];
                assert!(!state.accepted && !state.closed, "accepted once");
                state.accepted = true;
            }
            Output::Refuse { connection, .. } => {
                let state = &mut self.connections[connection.0 as usize];
                assert!(!state.accepted && !state.closed, "refused at first");
                state.closed = true;
            }
            Output::Frames { connection } => {
                let state = &self.connections[connection.0 as usize];
                assert!(state.accepted && !state.closed, "frames for an open one");
                self.pull_connection(connection.0 as usize);
            }
            Output::Close { connection } => {
                let state = &mut self.connections[connection.0 as usize];
                assert!(state.accepted && !state.closed, "closed once");
                state.closed = true;
            }
            Output::Event((session, Happening::Opened(by))) => {
                let events = self.log.events.insert(session, Vec::new());
                assert_eq!(events, None, "opened once, by {by:?}");
            }
            Output::Event((session, Happening::Event(event))) => {
                let events = self.log.events.get_mut(&session).expect("it has opened");
                let over = matches!(events.last(), Some(Event::Closed(_)));
                assert!(!over, "no event follows the last");
                events.push(event);
            }
        }
    }

    fn pick_connection(&self, pick: usize) -> Option<usize> {
        let count = self.connections.len();
        (count > 0).then(|| pick % count.max(1))
    }

    fn request(
        &mut self,
        session: Option<usize>,
        kind: Kind,
        method: &str,
        query: &str,
        body: Bytes,
    ) {
        let id = self.new_request(session, kind);
        let head = RequestHead::new(method, "/engine.io/", query);
        self.driver.handle_request(id, &head, body, self.now);
        if session.is_none() {
            let opened = self.opened();
            self.requests[id.0 as usize].session = opened.checked_sub(1);
        }
    }

    fn new_request(&mut self, session: Option<usize>, kind: Kind) -> RequestId {
        self.requests.push(Request {
            session,
            kind,
            over: false,
        });
        RequestId(self.requests.len() as u64 - 1)
    }

    fn connect(&mut self, session: Option<usize>, query: &str) {
        let id = ConnectionId(self.connections.len() as u64);
        self.connections.push(Connection {
            session,
            accepted: false,
            closed: false,
            gone: false,
        });
        let head = RequestHead::new("GET", "/engine.io/", query);
        self.driver.handle_upgrade(id, &head, self.now);
        if session.is_none() {
            let opened = self.opened();
            self.connections[id.0 as usize].session = opened.checked_sub(1);
        }
    }

    /// Asks for a WebTransport session, and opens its stream with a frame.
    fn stream(&mut self, session: Option<usize>, first: Option<Frame>) {
        let id = self.connections.len();
        self.connections.push(Connection {
            session,
            accepted: false,
            closed: false,
            gone: false,
        });
        let head = RequestHead::new("CONNECT", "/engine.io/", "");
        self.driver
            .handle_webtransport(ConnectionId(id as u64), &head, self.now);
        if let Some(first) = first {
            self.frame(id, first);
        }
    }

    /// Whether the client of a session lost a connection, and with it what was on its way.
    pub(crate) fn lost_something(&self, session: usize) -> bool {
        self.connections
            .iter()
            .any(|connection| connection.session == Some(session) && connection.gone)
    }

    /// No queue is beyond its limit: one message may exceed the bytes alone.
    pub(crate) fn assert_bounded(&self, bytes: usize, messages: usize) {
        for session in (0..).map_while(|n| self.driver.sid(n).map(|_| n)) {
            if let Some(session) = self.driver.session(session) {
                let buffered = session.buffered();
                assert!(buffered.messages <= messages);
                assert!(buffered.bytes <= bytes || buffered.messages == 1);
                assert!(session.transport() <= Transport::WebTransport);
            }
        }
    }
}

/// Notes a packet if it carries a message.
fn note(lists: &mut BTreeMap<usize, Vec<String>>, session: usize, packet: &str) {
    if packet.starts_with(['4', 'b']) {
        lists.entry(session).or_default().push(packet.to_owned());
    }
}
