//! The network around servers of both layers.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use engineio_proto::codec::DecodeError;
use engineio_proto::driver::server;
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Output, Server, Session, SessionKey};
use engineio_proto::{ConnectionId, Frame, Instant, RequestId, Revision, Seed, Transport};

use super::{MOST_OUTPUTS, packet, pause, pick, run_down};
use crate::input::Input;

/// A server, and the parts of it that the checks inspect.
pub(super) trait Machine: server::Machine<Event: Debug> {
    /// The Engine.IO server in it.
    fn engine(&self) -> &Server;
    /// The meaning of an event for the life of a session.
    fn life(event: &Self::Event) -> Life;
}

/// The meaning of an event for the life of a session.
pub(super) enum Life {
    Opened(SessionKey),
    Closed(SessionKey),
    Of(SessionKey),
    Other,
}

/// A server with a network that does anything.
pub(super) struct Rig<M: Machine> {
    pub(super) machine: M,
    pub(super) now: Instant,
    requests: Vec<Request>,
    /// The queries of the requests whose body is still arriving.
    queries: BTreeMap<u64, String>,
    connections: Vec<Connection>,
    /// The session ids that clients know.
    sids: Vec<String>,
    /// Those of `sids` whose clients poll by scripts and forms.
    scripts: Vec<String>,
    /// Whether each session is over.
    sessions: BTreeMap<SessionKey, bool>,
    /// No pipe takes a frame.
    stalled: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Request {
    Open,
    /// Its body is still arriving.
    Begun,
    /// Its client left; an answer that was made before may still come.
    Aborted,
    Over,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Connection {
    Asked,
    Open,
    /// The peer is gone.
    Gone,
    /// The machine closed or refused it.
    Over,
}

/// Step numbers below this one belong to the network.
pub(super) const NETWORK_OPS: u8 = 26;

pub(super) fn seed() -> Seed {
    Seed::new([7; 32])
}

impl<M: Machine> Rig<M> {
    pub(super) fn new(machine: M) -> Self {
        Self {
            machine,
            now: Instant::from_millis(1_000),
            requests: Vec::new(),
            queries: BTreeMap::new(),
            connections: Vec::new(),
            sids: Vec::new(),
            scripts: Vec::new(),
            sessions: BTreeMap::new(),
            stalled: false,
        }
    }

    /// The sessions that are not over.
    pub(super) fn open_sessions(&self) -> Vec<SessionKey> {
        let open = self.sessions.iter().filter(|(_, over)| !**over);
        open.map(|(session, _)| *session).collect()
    }

    /// Performs a step of a client or the clock.
    pub(super) fn network(&mut self, op: u8, input: &mut Input<'_>) {
        match op {
            0 => self.request(
                "GET",
                &format!("{}&transport=polling", dialect(input)),
                Bytes::new(),
            ),
            1 => self.upgrade(&format!("{}&transport=websocket", dialect(input))),
            2..=4 => self.request("GET", &self.query(input, "polling"), Bytes::new()),
            5..=7 => {
                let (query, body) = (self.query(input, "polling"), body(input));
                self.request("POST", &query, body);
            }
            8 => self.begin(&self.query(input, "polling")),
            9 => {
                if let Some((id, query)) = self.queries.pop_last() {
                    let body = (!input.byte().is_multiple_of(4)).then(|| body(input));
                    self.finish_begun(id, &query, body);
                }
            }
            10 => self.abort(input),
            11 | 12 => self.upgrade(&self.query(input, "websocket")),
            13..=16 => self.frame(input),
            17 => self.lose(input),
            18 => self.request("PUT", &self.query(input, "nonsense"), Bytes::new()),
            19 => self.request("GET", &input.text(), Bytes::new()),
            20 => {
                let id = self.connect();
                let head = RequestHead::new("CONNECT", "/", "");
                self.machine.handle_webtransport(id, &head, self.now);
            }
            21 => self.stalled = !self.stalled,
            22 => self.machine.handle_timeout(self.now),
            _ => {
                self.now = self.now + pause(input);
                self.machine.handle_timeout(self.now);
            }
        }
    }

    /// Performs the actions of the machine, and returns its events.
    pub(super) fn take(&mut self) -> Vec<M::Event> {
        let mut events = Vec::new();
        for _ in 0..MOST_OUTPUTS {
            match self.machine.poll_output() {
                Some(output) => events.extend(self.perform(output)),
                None if self.pull() => {}
                None => return events,
            }
        }
        panic!("outputs never end");
    }

    /// Checks that the memory held is within the limit. Outputs that nobody took do not count, because nothing may drop
    /// them. If more is held, they are taken first. Data that waits in sessions stays there. Returns the events among
    /// the outputs.
    #[must_use]
    pub(super) fn check_held(&mut self, limit: usize) -> Vec<M::Event> {
        let mut events = Vec::new();
        if self.machine.bytes_held() > limit {
            while let Some(output) = self.machine.poll_output() {
                events.extend(self.perform(output));
            }
        }
        let held = self.machine.bytes_held();
        assert!(held <= limit, "{held} bytes");
        events
    }

    /// Makes every client stop reading while it continues to send heartbeats and other packets, until all of them must
    /// be gone. A held poll takes one ping, and its pong counts. The next ping waits, with the timeout and the grace
    /// for other packets.
    pub(super) fn go_blind(&mut self, mut act: impl FnMut(&mut Self, Vec<M::Event>)) {
        self.stalled = true;
        let events = self.take();
        act(self, events);
        let sessions = self.open_sessions();
        let config = self.machine.engine().config();
        let (interval, timeout) = (config.ping_interval, config.ping_timeout);
        let last = self.now + interval * 2 + timeout * 3 + BEAT * 4;
        while self.now < last {
            self.now = self.now + BEAT;
            self.machine.handle_timeout(self.now);
            self.beat();
            let events = self.take();
            act(self, events);
        }
        for session in sessions {
            assert_eq!(self.sessions.get(&session), Some(&true), "{session:?}");
        }
    }

    /// Each client sends a heartbeat and a packet without meaning, whether or not the server asked for it.
    fn beat(&mut self) {
        let sessions = self.machine.engine().sessions();
        let beats = sessions.map(|(key, session)| match session.revision() {
            Revision::V3 => (key, ["2", "6"]),
            _ => (key, ["3", "6"]),
        });
        for (session, packets) in beats.collect::<Vec<_>>() {
            self.say(session, &packets);
        }
    }

    /// The client of a session sends packets, however it is connected.
    pub(super) fn say(&mut self, session: SessionKey, packets: &[&'static str]) {
        let ids = (0..self.connections.len() as u64).map(ConnectionId);
        let of_session = |id: &ConnectionId| self.machine.engine().session_of(*id) == Some(session);
        for id in ids.filter(of_session).collect::<Vec<_>>() {
            for packet in packets {
                self.machine
                    .handle_frame(id, Frame::Text((*packet).into()), self.now);
            }
        }
        let session = self.machine.engine().session(session);
        if let Some(session) = session.filter(|session| session.transport() == Transport::Polling) {
            let (query, body) = self.post_of(session, packets);
            self.request("POST", &query, body.into());
        }
    }

    /// The request by which a client sends packets.
    fn post_of(&self, session: &Session, packets: &[&str]) -> (String, String) {
        let sid = session.sid();
        let (revision, payload) = match session.revision() {
            Revision::V3 => {
                let items = packets.iter();
                let items = items.map(|packet| format!("{}:{packet}", packet.len()));
                (3, items.collect())
            }
            _ => (4, packets.join("\x1e")),
        };
        let is_form = self.scripts.iter().any(|script| *script == sid.as_str());
        let form = if is_form { "d=" } else { "" };
        (
            format!("EIO={revision}&transport=polling&sid={}", sid.as_str()),
            format!("{form}{payload}"),
        )
    }

    /// Lets everything end, and checks that it has. `act` is the reaction of the application to events.
    pub(super) fn end(mut self, mut act: impl FnMut(&mut Self, Vec<M::Event>)) -> M {
        self.stalled = false;
        while let Some((id, query)) = self.queries.pop_first() {
            self.finish_begun(id, &query, Some(Bytes::new()));
        }
        let events = self.take();
        act(&mut self, events);
        let mut now = self.now;
        run_down(
            &mut self,
            &mut now,
            |rig| rig.machine.poll_timeout(),
            |rig, now| {
                rig.now = now;
                rig.machine.handle_timeout(now);
                let events = rig.take();
                let told = !events.is_empty();
                act(rig, events);
                told
            },
        );
        assert_eq!(self.machine.engine().session_count(), 0);
        assert_eq!(self.machine.bytes_held(), 0);
        assert!(
            self.sessions.values().all(|over| *over),
            "every session closes"
        );
        assert!(
            self.requests
                .iter()
                .all(|request| matches!(request, Request::Over | Request::Aborted)),
            "every request is answered"
        );
        let lasting =
            |connection: &Connection| matches!(connection, Connection::Asked | Connection::Open);
        assert!(
            !self.connections.iter().any(lasting),
            "every connection is closed"
        );
        self.machine
    }

    fn perform(&mut self, output: Output<M::Event>) -> Option<M::Event> {
        match output {
            Output::Respond { request, response } => {
                let open = self.requests.get(request.0 as usize);
                assert!(
                    matches!(
                        open,
                        Some(Request::Open | Request::Begun | Request::Aborted)
                    ),
                    "answered once"
                );
                self.set_request(request.0, Request::Over);
                self.learn(&response.body);
            }
            Output::Accept { connection, .. } => {
                self.change(connection, &[Connection::Asked], Connection::Open)
            }
            Output::Refuse { connection, .. } => {
                self.change(connection, &[Connection::Asked], Connection::Over)
            }
            Output::Frames { connection } => {
                let state = self.connections.get(connection.0 as usize);
                assert!(matches!(state, Some(Connection::Open | Connection::Gone)));
            }
            Output::Close { connection } => {
                let before = [Connection::Asked, Connection::Open, Connection::Gone];
                self.change(connection, &before, Connection::Over);
            }
            Output::Event(event) => {
                self.live(&event);
                return Some(event);
            }
        }
        None
    }

    /// Each session opens once, closes once, and is silent afterwards.
    fn live(&mut self, event: &M::Event) {
        match M::life(event) {
            Life::Opened(session) => {
                assert_eq!(self.sessions.insert(session, false), None, "{event:?}");
            }
            Life::Closed(session) => {
                assert_eq!(
                    self.sessions.insert(session, true),
                    Some(false),
                    "{event:?}"
                );
            }
            Life::Of(session) => assert_eq!(self.sessions.get(&session), Some(&false), "{event:?}"),
            Life::Other => {}
        }
    }

    /// Pulls frames while pipes take some; returns whether there was one.
    fn pull(&mut self) -> bool {
        let mut pulled = false;
        for id in 0..self.connections.len() {
            if self.stalled || self.connections.get(id) != Some(&Connection::Open) {
                continue;
            }
            if let Some(frame) = self.machine.poll_frame(ConnectionId(id as u64)) {
                pulled = true;
                if let Frame::Text(text) = frame {
                    self.learn(text.as_bytes());
                }
            }
        }
        pulled
    }

    /// A client reads its session id.
    fn learn(&mut self, read: &[u8]) {
        // Every answer and frame comes here, and most are no handshake.
        if !read.contains(&b'{') {
            return;
        }
        let text = String::from_utf8_lossy(read);
        let is_script = text.starts_with("___eio[");
        let text = if is_script {
            text.replace('\\', "").into()
        } else {
            text
        };
        let Some(sid) = sid_in(&text) else {
            return;
        };
        if self.sids.iter().all(|known| known != sid) {
            self.sids.push(sid.to_owned());
            if is_script {
                self.scripts.push(sid.to_owned());
            }
        }
    }

    fn request(&mut self, method: &str, query: &str, body: Bytes) {
        let id = RequestId(self.requests.len() as u64);
        self.requests.push(Request::Open);
        let head = RequestHead::new(method, "/engine.io/", query);
        self.machine.handle_request(id, &head, body, self.now);
    }

    fn begin(&mut self, query: &str) {
        let id = RequestId(self.requests.len() as u64);
        self.requests.push(Request::Begun);
        self.queries.insert(id.0, query.to_owned());
        let head = RequestHead::new("POST", "/engine.io/", query);
        self.machine.handle_request_begun(id, &head, self.now);
    }

    /// The body of an earlier request arrives. Without such a request it is too large.
    fn finish_begun(&mut self, id: u64, query: &str, body: Option<Bytes>) {
        if self.requests.get(id as usize) != Some(&Request::Begun) {
            return;
        }
        self.set_request(id, Request::Open);
        let (id, head) = (
            RequestId(id),
            RequestHead::new("POST", "/engine.io/", query),
        );
        match body {
            Some(body) => self.machine.handle_request(id, &head, body, self.now),
            None => self.machine.handle_request_too_large(id, self.now),
        }
    }

    fn abort(&mut self, input: &mut Input<'_>) {
        let open = self.requests.iter().enumerate();
        let open: Vec<_> = open
            .filter(|(_, request)| matches!(request, Request::Open | Request::Begun))
            .map(|(id, _)| id)
            .collect();
        if let Some(id) = pick(&open, input.byte()) {
            self.set_request(*id as u64, Request::Aborted);
            self.machine
                .handle_request_aborted(RequestId(*id as u64), self.now);
        }
    }

    fn upgrade(&mut self, query: &str) {
        let id = self.connect();
        let head = RequestHead::new("GET", "/engine.io/", query).with_upgrade();
        self.machine.handle_upgrade(id, &head, self.now);
    }

    fn connect(&mut self) -> ConnectionId {
        self.connections.push(Connection::Asked);
        ConnectionId(self.connections.len() as u64 - 1)
    }

    /// A frame over any connection, also over one that is closed.
    fn frame(&mut self, input: &mut Input<'_>) {
        let kind = input.byte();
        let latest = self.connections.len().saturating_sub(1) as u64;
        let id = ConnectionId(latest.saturating_sub(u64::from(input.byte() % 4)));
        match kind % 16 {
            0..=12 => self
                .machine
                .handle_frame(id, Frame::Text(packet(input).into()), self.now),
            13 | 14 => self
                .machine
                .handle_frame(id, Frame::Binary(input.binary()), self.now),
            _ => {
                let error = DecodeError::UnknownType(kind);
                self.machine.handle_bad_frame(id, error, self.now);
            }
        }
    }

    /// A connection closes or breaks.
    fn lose(&mut self, input: &mut Input<'_>) {
        let lasting = [Connection::Asked, Connection::Open];
        let ids = self.connections.iter().enumerate();
        let ids: Vec<_> = ids
            .filter(|(_, state)| lasting.contains(state))
            .map(|(id, _)| id)
            .collect();
        let Some(&id) = pick(&ids, input.byte()) else {
            return;
        };
        if let Some(state) = self.connections.get_mut(id) {
            *state = Connection::Gone;
        }
        let id = ConnectionId(id as u64);
        if input.byte().is_multiple_of(2) {
            self.machine.handle_connection_closed(id, self.now);
        } else {
            self.machine.handle_connection_failed(id, self.now);
        }
    }

    fn query(&self, input: &mut Input<'_>, transport: &str) -> String {
        let choice = input.byte();
        let sid = pick(&self.sids, choice).map_or("AAAAAAAAAAAAAAAAAAAA", String::as_str);
        // The revision is fixed by the handshake, whatever is said here.
        let revision = if choice < 224 { "EIO=4" } else { "EIO=3" };
        [revision, "&transport=", transport, "&sid=", sid].concat()
    }

    fn set_request(&mut self, id: u64, state: Request) {
        if let Some(request) = self.requests.get_mut(id as usize) {
            *request = state;
        }
    }

    fn change(&mut self, id: ConnectionId, from: &[Connection], to: Connection) {
        let state = self
            .connections
            .get_mut(id.0 as usize)
            .expect("a connection that was asked for");
        let gone = *state == Connection::Gone;
        assert!(gone || from.contains(state), "{state:?} becomes {to:?}");
        if !gone || to == Connection::Over {
            *state = to;
        }
    }
}

/// The interval at which clients that do not read send packets.
const BEAT: Duration = Duration::from_millis(100);

/// The session id of a handshake, anywhere in a text. A search for one character takes much less time than a search for
/// the whole start of a handshake.
fn sid_in(text: &str) -> Option<&str> {
    let mut braces = text.match_indices('{');
    braces.find_map(|(brace, _)| {
        let (before, after) = text.split_at(brace);
        let rest = after.strip_prefix(r#"{"sid":""#)?;
        rest.get(..20).filter(|_| before.ends_with('0'))
    })
}

fn dialect(input: &mut Input<'_>) -> &'static str {
    match input.byte() % 8 {
        0..=4 => "EIO=4",
        5 => "EIO=3",
        6 => "EIO=3&b64=1",
        _ => "EIO=4&j=0",
    }
}

/// Some packets, also as a form, or any bytes.
fn body(input: &mut Input<'_>) -> Bytes {
    let count = input.byte() % 8;
    if count == 7 {
        return input.binary();
    }
    let packets: Vec<_> = (0..=count / 2).map(|_| packet(input)).collect();
    let form = if count == 6 { "d=" } else { "" };
    format!("{form}{}", packets.join("\x1e")).into()
}
