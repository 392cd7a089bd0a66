//! A scripted client on a simulated network whose time the test advances, in front of each of the two drivers.

pub(crate) mod driver;

use std::collections::{BTreeMap, BTreeSet};

use engineio_proto::SendError;
use engineio_proto::codec::DecodeError;
use engineio_proto::http::{Headers, RequestHead};
use engineio_proto::server::{CloseReason, Config, Event, Output, Session};
use engineio_proto::{
    Bytes, ConnectionId, Encoded, Frame, HeadId, Instant, Message, RequestId, Seed,
};

use driver::{Driver, Happening, Out};

/// Runs a script against [`Server`](engineio_proto::server::Server) and against bare sessions.
pub(crate) fn both(config: Config, script: impl Fn(&mut Net)) {
    let seed = Seed::new([7; 32]);
    for driver in [
        driver::server(config.clone(), &seed),
        driver::sessions(config, &seed),
    ] {
        eprintln!("through {}", driver.name());
        let mut net = Net::new(driver);
        script(&mut net);
        assert_eq!(net.drain(), [""; 0], "nothing is left over");
    }
}

/// The number of a session, a request or a connection, each counted from zero: `s0`, `r0`, `c0` in outputs.
pub(crate) type Number = u64;

/// Clients, network and clock.
pub(crate) struct Net {
    pub(crate) driver: Box<dyn Driver>,
    pub(crate) now: Instant,
    requests: u64,
    open_requests: BTreeSet<RequestId>,
    connections: Vec<Connection>,
    closed: BTreeSet<usize>,
    headers: BTreeMap<u64, Headers>,
    accept_headers: BTreeMap<u64, Headers>,
    /// The start of a session's queries, if it is not `EIO=4`.
    queries: BTreeMap<usize, String>,
}

#[derive(Clone, Copy, Default)]
struct Connection {
    accepted: bool,
    /// Closed by the server.
    over: bool,
    /// Closed by the client. Later outputs of the server for it are dropped.
    gone: bool,
    /// Its pipe is full, so frames stay in the server.
    stalled: bool,
}

impl Net {
    fn new(driver: Box<dyn Driver>) -> Self {
        Self {
            driver,
            now: Instant::from_millis(1_000_000),
            requests: 0,
            open_requests: BTreeSet::new(),
            connections: Vec::new(),
            closed: BTreeSet::new(),
            headers: BTreeMap::new(),
            accept_headers: BTreeMap::new(),
            queries: BTreeMap::new(),
        }
    }

    /// Opens a session on polling and takes its handshake.
    pub(crate) fn open_polling(&mut self) -> usize {
        let request = self.get("EIO=4&transport=polling");
        let outputs = self.drain();
        let session = self.opened(&outputs);
        assert_eq!(
            outputs,
            [
                format!("r{request} 200 0{{…}}"),
                format!("s{session} opened by r{request}")
            ]
        );
        session
    }

    /// Opens a session on polling with queries that start with `query`, and takes the answer.
    pub(crate) fn open_polling_with(&mut self, query: &str) -> (usize, String) {
        let request = self.get(&format!("{query}&transport=polling"));
        let mut outputs = self.drain();
        let session = self.opened(&outputs);
        self.queries.insert(session, query.to_owned());
        let answer = outputs.remove(0);
        assert_eq!(outputs, [format!("s{session} opened by r{request}")]);
        let answer = answer.strip_prefix(&format!("r{request} 200 "));
        (session, answer.expect("a handshake").to_owned())
    }

    /// Opens a session on a WebSocket and takes its handshake.
    pub(crate) fn open_websocket(&mut self) -> (usize, Number) {
        self.open_websocket_with("EIO=4")
    }

    /// As `open_websocket`, with queries that start with `query`.
    pub(crate) fn open_websocket_with(&mut self, query: &str) -> (usize, Number) {
        let connection = self.connect(&format!("{query}&transport=websocket"));
        let outputs = self.drain();
        let session = self.opened(&outputs);
        self.queries.insert(session, query.to_owned());
        assert_eq!(
            outputs,
            [
                format!("c{connection} accept"),
                format!("c{connection} < 0{{…}}"),
                format!("s{session} opened by c{connection}")
            ]
        );
        (session, connection)
    }

    /// Opens a session on WebTransport and takes its handshake.
    pub(crate) fn open_webtransport(&mut self) -> (usize, Number) {
        let connection = self.webtransport();
        self.text(connection, "0");
        let outputs = self.drain();
        let session = self.opened(&outputs);
        assert_eq!(
            outputs,
            [
                format!("c{connection} accept"),
                format!("c{connection} < 0{{…}}"),
                format!("s{session} opened by c{connection}")
            ]
        );
        (session, connection)
    }

    pub(crate) fn opened(&self, outputs: &[String]) -> usize {
        let last = outputs.last().expect("an event");
        let number = last
            .strip_prefix('s')
            .and_then(|rest| rest.split(' ').next());
        number.expect("a session").parse().expect("a number")
    }

    /// Upgrades a session from polling completely, and takes all outputs.
    pub(crate) fn upgrade(&mut self, session: usize) -> Number {
        let connection = self.probe(session);
        self.text(connection, "2probe");
        self.text(connection, "5");
        assert_eq!(
            self.drain(),
            [
                format!("c{connection} accept"),
                format!("s{session} upgraded to websocket")
            ]
        );
        connection
    }

    /// As `upgrade`, to a connection whose pipe is full after the answer to the probe.
    pub(crate) fn upgrade_stalled(&mut self, session: usize) -> Number {
        let connection = self.probe(session);
        self.text(connection, "2probe");
        assert_eq!(self.pull(connection).as_deref(), Some("3probe"));
        self.stall(connection);
        self.text(connection, "5");
        let upgraded = format!("s{session} upgraded to websocket");
        assert!(self.drain().contains(&upgraded), "{upgraded}");
        connection
    }

    pub(crate) fn get(&mut self, query: &str) -> Number {
        self.request("GET", query)
    }

    pub(crate) fn request(&mut self, method: &str, query: &str) -> Number {
        self.head(&RequestHead::new(method, "/engine.io/", query), "")
    }

    /// Sends any request.
    pub(crate) fn head(&mut self, head: &RequestHead<'_>, body: impl Into<Bytes>) -> Number {
        let id = self.new_request();
        self.driver.handle_request(id, head, body.into(), self.now);
        id.0
    }

    /// Sends the head of a request whose body follows later.
    pub(crate) fn begin_with(&mut self, head: &RequestHead<'_>) -> Number {
        let id = self.new_request();
        self.driver.handle_request_begun(id, head, self.now);
        id.0
    }

    pub(crate) fn query(&self, session: usize, transport: &str) -> String {
        let sid = self.driver.sid(session).expect("a session");
        let query = self.queries.get(&session).map_or("EIO=4", String::as_str);
        format!("{query}&transport={transport}&sid={}", sid.as_str())
    }

    pub(crate) fn poll(&mut self, session: usize) -> Number {
        let query = self.query(session, "polling");
        self.get(&query)
    }

    pub(crate) fn post(&mut self, session: usize, body: impl Into<Bytes>) -> Number {
        let query = self.query(session, "polling");
        self.head(&RequestHead::new("POST", "/engine.io/", &query), body)
    }

    /// Sends a POST with an octet stream.
    pub(crate) fn post_binary(&mut self, session: usize, body: impl Into<Bytes>) -> Number {
        let query = self.query(session, "polling");
        let head = RequestHead::new("POST", "/engine.io/", &query);
        self.head(&head.with_content_type(b"application/octet-stream"), body)
    }

    /// Sends the head of a POST; `post_rest`, `post_too_large` or `abort` follows.
    pub(crate) fn post_head(&mut self, session: usize) -> Number {
        let id = self.new_request();
        let query = self.query(session, "polling");
        let head = RequestHead::new("POST", "/engine.io/", &query);
        self.driver.handle_request_begun(id, &head, self.now);
        id.0
    }

    pub(crate) fn post_rest(&mut self, session: usize, request: Number, body: impl Into<Bytes>) {
        let query = self.query(session, "polling");
        let head = RequestHead::new("POST", "/engine.io/", &query);
        self.driver
            .handle_request(RequestId(request), &head, body.into(), self.now);
    }

    pub(crate) fn post_too_large(&mut self, request: Number) {
        self.driver
            .handle_request_too_large(RequestId(request), self.now);
    }

    /// The client of a request leaves.
    pub(crate) fn abort(&mut self, request: Number) {
        self.open_requests.remove(&RequestId(request));
        self.driver
            .handle_request_aborted(RequestId(request), self.now);
    }

    /// Asks for a WebSocket.
    pub(crate) fn connect(&mut self, query: &str) -> Number {
        self.connect_with(&RequestHead::new("GET", "/engine.io/", query))
    }

    pub(crate) fn connect_with(&mut self, head: &RequestHead<'_>) -> Number {
        let number = self.connections.len() as u64;
        self.connections.push(Connection::default());
        self.driver
            .handle_upgrade(ConnectionId(number), head, self.now);
        number
    }

    /// Asks for a WebSocket for a session.
    pub(crate) fn probe(&mut self, session: usize) -> Number {
        let query = self.query(session, "websocket");
        self.connect(&query)
    }

    /// Asks for a WebTransport session.
    pub(crate) fn webtransport(&mut self) -> Number {
        self.webtransport_with(&RequestHead::new("CONNECT", "/engine.io/", ""))
    }

    pub(crate) fn webtransport_with(&mut self, head: &RequestHead<'_>) -> Number {
        let number = self.connections.len() as u64;
        self.connections.push(Connection::default());
        self.driver
            .handle_webtransport(ConnectionId(number), head, self.now);
        number
    }

    /// Asks for a WebTransport session, and in it for an upgrade of an existing session.
    pub(crate) fn probe_webtransport(&mut self, session: usize) -> Number {
        let connection = self.webtransport();
        let sid = self.driver.sid(session).expect("a session");
        self.text(connection, &format!(r#"0{{"sid":"{}"}}"#, sid.as_str()));
        connection
    }

    /// A WebTransport stream delivers bytes that are no frame.
    pub(crate) fn bad_frame(&mut self, connection: Number, error: DecodeError) {
        self.driver
            .handle_bad_frame(ConnectionId(connection), error, self.now);
    }

    pub(crate) fn text(&mut self, connection: Number, text: &str) {
        let frame = Frame::Text(text.into());
        self.driver
            .handle_frame(ConnectionId(connection), frame, self.now);
    }

    pub(crate) fn binary(&mut self, connection: Number, data: &[u8]) {
        let frame = Frame::Binary(Bytes::copy_from_slice(data));
        self.driver
            .handle_frame(ConnectionId(connection), frame, self.now);
    }

    /// The client closes a connection, or it is cut.
    pub(crate) fn disconnect(&mut self, connection: Number) {
        self.connections[connection as usize].gone = true;
        self.driver
            .handle_connection_closed(ConnectionId(connection), self.now);
    }

    /// The WebSocket library reports that the client broke its rules.
    pub(crate) fn fail(&mut self, connection: Number) {
        self.connections[connection as usize].gone = true;
        self.driver
            .handle_connection_failed(ConnectionId(connection), self.now);
    }

    /// The pipe of a connection is full from here on.
    pub(crate) fn stall(&mut self, connection: Number) {
        self.connections[connection as usize].stalled = true;
    }

    /// The pipe of a stalled connection takes one frame.
    pub(crate) fn pull(&mut self, connection: Number) -> Option<String> {
        self.driver
            .poll_frame(ConnectionId(connection))
            .map(|frame| show_frame(&frame))
    }

    pub(crate) fn send(&mut self, session: usize, text: &str) -> Result<(), SendError> {
        let message = Encoded::new(&Message::text(text.to_owned()));
        self.driver.send(session, &[message])
    }

    pub(crate) fn send_binary(&mut self, session: usize, data: &[u8]) -> Result<(), SendError> {
        let message = Encoded::binary(Bytes::copy_from_slice(data));
        self.driver.send(session, &[message])
    }

    pub(crate) fn send_volatile(&mut self, session: usize, text: &str) -> bool {
        let message = Encoded::new(&Message::text(text.to_owned()));
        self.driver.send_volatile(session, &[message])
    }

    pub(crate) fn close(&mut self, session: usize) {
        self.driver.close(session, self.now);
    }

    pub(crate) fn discard(&mut self, session: usize) {
        self.driver.discard(session);
    }

    pub(crate) fn session(&self, session: usize) -> &Session {
        self.driver.session(session).expect("a session")
    }

    pub(crate) fn headers(&self, request: Number) -> Vec<(&'static str, &str)> {
        self.headers[&request].iter().collect()
    }

    /// The headers with which a connection was accepted.
    pub(crate) fn accept_headers(&self, connection: Number) -> Vec<(&'static str, &str)> {
        self.accept_headers[&connection].iter().collect()
    }

    /// Lets time pass, and runs every deadline on the way.
    pub(crate) fn advance(&mut self, millis: u64) {
        let target = self.now + core::time::Duration::from_millis(millis);
        for step in 0.. {
            assert!(step < 10_000, "deadlines never end");
            let Some(deadline) = self.driver.poll_timeout() else {
                break;
            };
            if deadline > target {
                break;
            }
            self.now = self.now.max(deadline);
            self.driver.handle_timeout(self.now);
        }
        self.now = target;
    }

    /// Lets time jump. Deadlines on the way are noticed only after the jump.
    pub(crate) fn jump(&mut self, millis: u64) {
        self.now = self.now + core::time::Duration::from_millis(millis);
        self.driver.handle_timeout(self.now);
    }

    /// The milliseconds to the next deadline.
    pub(crate) fn due_in(&self) -> Option<u64> {
        let deadline = self.driver.poll_timeout()?;
        let wait = deadline.saturating_duration_since(self.now);
        Some(u64::try_from(wait.as_millis()).expect("not that long"))
    }

    /// All actions and events, one in a line and in order: `r1 200 4a|4b`, `c0 accept`, `c0 refuse 400 text`, `c0 <
    /// 4hello`, `c0 close`, `s0 text hello`, `s0 closed: ping timeout`, …. `|` stands for the separator, and `0{…}` for
    /// the handshake.
    pub(crate) fn drain(&mut self) -> Vec<String> {
        self.drain_whole()
            .into_iter()
            .map(|line| match line.find("0{\"sid\"") {
                Some(start) => {
                    let end = line[start..].find('}').expect("the end of the handshake");
                    format!("{}0{{…}}{}", &line[..start], &line[start + end + 1..])
                }
                None => line,
            })
            .collect()
    }

    /// As `drain`, with complete handshakes, except that `SID0` replaces the session id.
    pub(crate) fn drain_whole(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(output) = self.driver.poll_output() {
            self.take(output, &mut lines);
        }
        let sids = (0..)
            .map_while(|session| self.driver.sid(session))
            .map(|sid| sid.as_str().to_owned());
        let sids: Vec<_> = sids.collect();
        for line in &mut lines {
            for (session, sid) in sids.iter().enumerate() {
                *line = line.replace(sid, &format!("SID{session}"));
            }
        }
        lines
    }

    fn take(&mut self, output: Out, lines: &mut Vec<String>) {
        match output {
            Output::Respond { request, response } => {
                assert!(
                    self.open_requests.remove(&request),
                    "{request:?} is answered while it is open"
                );
                let body = show_text(&response.body);
                let line = format!("r{} {} {body}", request.0, response.status);
                lines.push(line.trim_end().to_owned());
                self.headers.insert(request.0, response.headers);
            }
            Output::Accept {
                connection,
                headers,
            } => {
                let state = self.connection(connection);
                assert!(!state.accepted && !state.over, "{connection:?} is new");
                state.accepted = true;
                self.accept_headers.insert(connection.0, headers);
                lines.push(format!("c{} accept", connection.0));
            }
            Output::Refuse {
                connection,
                response,
            } => {
                let state = self.connection(connection);
                assert!(!state.accepted && !state.over, "{connection:?} is new");
                state.over = true;
                let body = show_text(&response.body);
                lines.push(format!(
                    "c{} refuse {} {body}",
                    connection.0, response.status
                ));
            }
            Output::Frames { connection } => {
                let state = self.connection(connection);
                assert!(state.accepted && !state.over, "{connection:?} is open");
                if state.stalled {
                    return lines.push(format!("c{} frames", connection.0));
                }
                while let Some(frame) = self.driver.poll_frame(connection) {
                    lines.push(format!("c{} < {}", connection.0, show_frame(&frame)));
                }
            }
            Output::Close { connection } => {
                let state = self.connection(connection);
                assert!(state.accepted && !state.over, "{connection:?} is open");
                state.over = true;
                assert_eq!(self.driver.poll_frame(connection), None);
                lines.push(format!("c{} close", connection.0));
            }
            Output::Event((session, happening)) => {
                assert!(!self.closed.contains(&session), "no event after the last");
                if let Happening::Event(Event::Closed(_)) = happening {
                    self.closed.insert(session);
                }
                lines.push(format!("s{session} {}", show_event(&happening)));
            }
        }
    }

    fn connection(&mut self, id: ConnectionId) -> &mut Connection {
        &mut self.connections[id.0 as usize]
    }

    fn new_request(&mut self) -> RequestId {
        let id = RequestId(self.requests);
        self.requests += 1;
        self.open_requests.insert(id);
        id
    }
}

fn show_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\x1e', "|")
}

fn show_frame(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => show_text(text.as_bytes()),
        Frame::Binary(data) => format!("{data:?}"),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "there may be more events one day"
)]
fn show_event(happening: &Happening) -> String {
    let event = match happening {
        Happening::Opened(HeadId::Request(request)) => {
            return format!("opened by r{}", request.0);
        }
        Happening::Opened(HeadId::Connection(id)) => return format!("opened by c{}", id.0),
        Happening::Event(event) => event,
    };
    match event {
        Event::Message(Message::Text(text)) => format!("text {text}"),
        Event::Message(Message::Binary(data)) => format!("binary {data:?}"),
        Event::Upgraded(transport) => format!("upgraded to {}", transport.name()),
        Event::Drained => "drained".to_owned(),
        Event::Closed(reason) => match cause(reason) {
            Some(cause) => format!("closed: {reason} ({cause})"),
            None => format!("closed: {reason}"),
        },
        other => panic!("unknown event {other:?}"),
    }
}

fn cause(reason: &CloseReason) -> Option<String> {
    std::error::Error::source(reason).map(ToString::to_string)
}
