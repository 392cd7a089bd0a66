//! The two ways to run many sessions: through [`Server`], and as any program could with bare [`Session`]s.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use engineio_proto::codec::{DecodeError, webtransport};
use engineio_proto::collections::TimerQueue;
use engineio_proto::driver::server::{Farewell, Lifecycle, Machine};
use engineio_proto::http::{CorsHeaders, Headers, RequestHead, Response};
use engineio_proto::server::{
    Action, Config, Event, Handshake, Output, Reject, Route, Server, ServerEvent, Session,
    SessionKey,
};
use engineio_proto::{
    Bytes, ConnectionId, Encoded, Frame, HeadId, Instant, RequestId, Seed, SendError, Sid,
    SidGenerator, Transport,
};

/// The report of a driver on a session. Sessions are numbered in the order in which they opened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Happening {
    Opened(HeadId),
    Event(Event),
}

pub(crate) type Out = Output<(usize, Happening)>;

/// Many sessions, driven from outside, and what the tests do with them.
pub(crate) trait Driver: Machine<Event = (usize, Happening)> {
    fn name(&self) -> &'static str;
    fn send(&mut self, session: usize, parts: &[Encoded]) -> Result<(), SendError>;
    fn send_volatile(&mut self, session: usize, parts: &[Encoded]) -> bool;
    fn close(&mut self, session: usize, now: Instant);
    fn discard(&mut self, session: usize);
    fn session(&self, session: usize) -> Option<&Session>;
    fn sid(&self, session: usize) -> Option<Sid>;
}

/// A driver around [`Server`].
pub(crate) fn server(config: Config, seed: &Seed) -> Box<dyn Driver> {
    Box::new(Whole {
        server: Server::new(config, 0, seed).expect("a good config"),
        keys: Vec::new(),
    })
}

/// A driver around bare sessions.
pub(crate) fn sessions(config: Config, seed: &Seed) -> Box<dyn Driver> {
    config.check().expect("a good config");
    Box::new(Bare {
        config: Arc::new(config),
        generator: SidGenerator::new(0, seed),
        sessions: Vec::new(),
        requests: BTreeMap::new(),
        connections: BTreeMap::new(),
        cors: BTreeMap::new(),
        timers: TimerQueue::new(),
        streams: TimerQueue::new(),
        outputs: VecDeque::new(),
    })
}

struct Whole {
    server: Server,
    keys: Vec<(SessionKey, Sid)>,
}

impl Whole {
    /// The numbers of the sessions that opened are known before their `Opened` event is polled.
    fn number(&mut self) {
        for (key, session) in self.server.sessions() {
            if !self.keys.iter().any(|(known, _)| *known == key) {
                self.keys.push((key, session.sid()));
            }
        }
    }

    /// The gauges that are kept up to date say what counting says.
    fn check_gauges(&self) {
        let held = self
            .server
            .sessions()
            .map(|(_, session)| session.bytes_held());
        assert!(self.server.bytes_held() >= held.sum::<usize>());
        for transport in [
            Transport::Polling,
            Transport::WebSocket,
            Transport::WebTransport,
        ] {
            let sessions = self.server.sessions();
            let on = sessions
                .filter(|(_, session)| !session.is_closed() && session.transport() == transport);
            assert_eq!(self.server.sessions_on(transport), on.count() as u64);
        }
    }

    fn number_of(&self, key: SessionKey) -> usize {
        let found = self.keys.iter().position(|(known, _)| *known == key);
        found.expect("an event of a session that opened")
    }
}

/// Inputs that are passed on, with a look at the sessions behind each.
macro_rules! inputs {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {
        $(fn $name(&mut self, $($arg: $type,)* now: Instant) {
            self.server.$name($($arg,)* now);
            self.number();
        })*
    };
}

impl Machine for Whole {
    type Event = (usize, Happening);

    inputs! {
        handle_request(id: RequestId, head: &RequestHead<'_>, body: Bytes);
        handle_request_begun(id: RequestId, head: &RequestHead<'_>);
        handle_request_too_large(id: RequestId);
        handle_request_aborted(id: RequestId);
        handle_upgrade(id: ConnectionId, head: &RequestHead<'_>);
        handle_webtransport(id: ConnectionId, head: &RequestHead<'_>);
        handle_frame(id: ConnectionId, frame: Frame);
        handle_bad_frame(id: ConnectionId, error: DecodeError);
        handle_connection_closed(id: ConnectionId);
        handle_connection_failed(id: ConnectionId);
        handle_timeout();
        end_sessions(farewell: Farewell, within: Duration);
    }

    fn engine_config(&self) -> &Config {
        self.server.config()
    }

    fn poll_output(&mut self) -> Option<Out> {
        self.check_gauges();
        let output = self.server.poll_output()?;
        Some(output.map_event(|event| match event {
            ServerEvent::Opened { session, by } => (self.number_of(session), Happening::Opened(by)),
            ServerEvent::Session { session, event } => {
                (self.number_of(session), Happening::Event(event))
            }
            other @ (ServerEvent::Handshake { .. } | ServerEvent::Refused { .. } | _) => {
                panic!("unexpected event {other:?}")
            }
        }))
    }

    fn poll_frame(&mut self, id: ConnectionId) -> Option<Frame> {
        self.server.poll_frame(id)
    }

    fn poll_frame_with_hint(&mut self, id: ConnectionId) -> Option<(Frame, bool)> {
        self.server.poll_frame_with_hint(id)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.server.poll_timeout()
    }

    fn wants_read(&self, id: ConnectionId) -> bool {
        self.server.wants_read(id)
    }

    fn bytes_held(&self) -> usize {
        self.server.bytes_held()
    }

    fn session_count(&self) -> usize {
        self.server.session_count()
    }

    /// It is told by keys, and these sessions have numbers.
    fn lifecycle(_: &(usize, Happening)) -> Lifecycle {
        Lifecycle::Other
    }
}

impl Driver for Whole {
    fn name(&self) -> &'static str {
        "Server"
    }

    fn send(&mut self, session: usize, parts: &[Encoded]) -> Result<(), SendError> {
        self.server.send_parts(self.keys[session].0, parts)
    }

    fn send_volatile(&mut self, session: usize, parts: &[Encoded]) -> bool {
        self.server.send_volatile(self.keys[session].0, parts)
    }

    fn close(&mut self, session: usize, now: Instant) {
        self.server.close(self.keys[session].0, now);
    }

    fn discard(&mut self, session: usize) {
        self.server.discard(self.keys[session].0);
    }

    fn session(&self, session: usize) -> Option<&Session> {
        self.server.session(self.keys.get(session)?.0)
    }

    fn sid(&self, session: usize) -> Option<Sid> {
        self.keys.get(session).map(|(_, sid)| *sid)
    }
}

/// A program that keeps its own sessions, with the public API only.
struct Bare {
    config: Arc<Config>,
    generator: SidGenerator,
    sessions: Vec<(Sid, Option<Session>)>,
    requests: BTreeMap<RequestId, Option<usize>>,
    connections: BTreeMap<ConnectionId, usize>,
    /// The CORS headers of the answers.
    cors: BTreeMap<HeadId, CorsHeaders>,
    timers: TimerQueue<usize>,
    /// The WebTransport streams that have not said what they are for.
    streams: TimerQueue<ConnectionId>,
    /// Outputs that do not come from a session, and the sessions that opened.
    outputs: VecDeque<Out>,
}

impl Bare {
    fn route(&self, head: &RequestHead<'_>) -> Result<Found, Reject> {
        match Route::of(head, &self.config)? {
            Route::Preflight => Ok(Found::Preflight),
            Route::Open(handshake) => {
                let count = self.session_count();
                if count >= self.config.max_sessions {
                    return Err(Reject::TooManySessions);
                }
                Ok(Found::Open(handshake))
            }
            Route::Session(request) => {
                let found = self.sessions.iter().position(|(sid, session)| {
                    *sid == request.sid && session.as_ref().is_some_and(|open| !open.is_closed())
                });
                let number = found.ok_or(Reject::UnknownSid)?;
                let session = self.session(number).ok_or(Reject::UnknownSid)?;
                session.verify(&request)?;
                Ok(Found::Session(number, request.action))
            }
            other => panic!("unknown route {other:?}"),
        }
    }

    fn open(&mut self, handshake: &Handshake, by: HeadId, now: Instant) -> usize {
        let number = self.sessions.len();
        let sid = self.generator.generate(number as u32);
        let session = Session::open(Arc::clone(&self.config), sid, handshake, now)
            .expect("settings that were checked");
        self.sessions.push((sid, Some(session)));
        let opened = (number, Happening::Opened(by));
        self.outputs.push_back(Output::Event(opened));
        number
    }

    fn with<R>(&mut self, number: usize, act: impl FnOnce(&mut Session) -> R) -> Option<R> {
        let session = self.sessions[number].1.as_mut()?;
        let result = act(session);
        self.timers.set(number, session.poll_timeout());
        Some(result)
    }

    fn waits(&mut self, id: ConnectionId) -> bool {
        let waiting = self.streams.len();
        self.streams.set(id, None);
        self.streams.len() < waiting
    }

    fn handle_first_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        let first = if frame.len() > self.config.max_payload {
            Err(DecodeError::Handshake)
        } else {
            webtransport::decode_open(frame)
        };
        let number = match first {
            Ok(None) if self.session_count() < self.config.max_sessions => {
                let handshake = Handshake::new(Transport::WebTransport);
                Some(self.open(&handshake, HeadId::Connection(id), now))
            }
            Ok(Some(sid)) => self.sessions.iter().position(|(other, session)| {
                other.as_str() == &*sid && session.as_ref().is_some_and(|open| !open.is_closed())
            }),
            Ok(None) | Err(_) => None,
        };
        match number {
            Some(number) => {
                self.connections.insert(id, number);
                self.with(number, |session| session.handle_webtransport(id, now));
            }
            None => self.outputs.push_back(Output::Close { connection: id }),
        }
    }

    fn note_cors(&mut self, by: HeadId, head: &RequestHead<'_>) {
        self.cors.insert(by, self.config.cors_headers(head));
    }

    /// Adds what browsers are told about pages of other origins, and forgets what is over.
    fn finish(&mut self, mut output: Out) -> Out {
        match &mut output {
            Output::Respond { request, response } => {
                self.requests.remove(request);
                let cors = self.cors.remove(&HeadId::Request(*request));
                let is_preflight = response
                    .headers
                    .iter()
                    .any(|(name, _)| name.ends_with("-methods"));
                if !is_preflight {
                    let headers = std::mem::take(&mut response.headers);
                    response.headers = headers.with_cors(cors.unwrap_or_default());
                }
            }
            Output::Accept {
                connection,
                headers,
            } => {
                let cors = self.cors.remove(&HeadId::Connection(*connection));
                *headers = std::mem::take(headers).with_cors(cors.unwrap_or_default());
            }
            Output::Refuse { connection, .. } | Output::Close { connection } => {
                self.connections.remove(connection);
                self.cors.remove(&HeadId::Connection(*connection));
            }
            Output::Frames { .. } | Output::Event(_) => {}
        }
        output
    }

    fn respond(&mut self, request: RequestId, response: Response) {
        let response = Output::Respond { request, response };
        self.outputs.push_back(response);
    }
}

enum Found {
    Preflight,
    Open(Handshake),
    Session(usize, Action),
}

impl Machine for Bare {
    type Event = (usize, Happening);

    fn handle_request(&mut self, id: RequestId, head: &RequestHead<'_>, body: Bytes, now: Instant) {
        self.note_cors(HeadId::Request(id), head);
        match self.route(head) {
            // It was answered while its body was arriving.
            Err(_) if self.requests.contains_key(&id) => {}
            Err(reject) => self.respond(id, reject.into_response()),
            Ok(Found::Preflight) => self.respond(id, self.config.preflight(head)),
            Ok(Found::Open(handshake)) => {
                let number = self.open(&handshake, HeadId::Request(id), now);
                self.requests.insert(id, Some(number));
                self.with(number, |session| session.handle_poll(id, now));
            }
            Ok(Found::Session(number, Action::Post(content))) => {
                self.with(number, |session| {
                    session.handle_post(id, content, body, now)
                });
            }
            Ok(Found::Session(number, _)) => {
                self.requests.insert(id, Some(number));
                self.with(number, |session| session.handle_poll(id, now));
            }
        }
    }

    fn handle_request_begun(&mut self, id: RequestId, head: &RequestHead<'_>, now: Instant) {
        self.note_cors(HeadId::Request(id), head);
        match self.route(head) {
            Err(reject) => {
                self.requests.insert(id, None);
                self.respond(id, reject.into_response());
            }
            Ok(Found::Session(number, Action::Post(_))) => {
                self.requests.insert(id, Some(number));
                self.with(number, |session| session.handle_post_begun(id, now));
            }
            Ok(_) => {}
        }
    }

    fn handle_request_too_large(&mut self, id: RequestId, now: Instant) {
        match self.requests.get(&id).copied() {
            Some(Some(number)) => {
                self.with(number, |session| session.handle_post_too_large(id, now));
            }
            Some(None) => {}
            None => self.respond(id, Response::new(413, "")),
        }
    }

    fn handle_request_aborted(&mut self, id: RequestId, now: Instant) {
        if let Some(Some(number)) = self.requests.remove(&id) {
            self.with(number, |session| session.handle_request_aborted(id, now));
        }
    }

    fn handle_upgrade(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant) {
        let head = head.with_upgrade();
        self.note_cors(HeadId::Connection(id), &head);
        let (number, text_only) = match self.route(&head) {
            Ok(Found::Preflight) => panic!("an upgrade is no preflight"),
            Err(reject) => {
                let response = reject.into_refusal();
                return self.outputs.push_back(Output::Refuse {
                    connection: id,
                    response,
                });
            }
            Ok(Found::Open(handshake)) => {
                let number = self.open(&handshake, HeadId::Connection(id), now);
                (number, handshake.text_only)
            }
            Ok(Found::Session(number, action)) => {
                (number, action == Action::Upgrade { text_only: true })
            }
        };
        self.connections.insert(id, number);
        self.with(number, |session| match text_only {
            true => session.handle_text_connection(id, now),
            false => session.handle_connection(id, now),
        });
    }

    fn handle_webtransport(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant) {
        let reject = if !self.config.transports.contains(Transport::WebTransport) {
            Some(Reject::UnknownTransport)
        } else if let Err(reject) = self.config.check_origin(head) {
            Some(reject)
        } else if self.streams.len() >= self.config.max_pending_streams {
            Some(Reject::TooManyHandshakes)
        } else {
            None
        };
        self.outputs.push_back(match reject {
            Some(reject) => Output::Refuse {
                connection: id,
                response: reject.into_refusal(),
            },
            None => {
                let deadline = now + self.config.upgrade_timeout;
                self.streams.set(id, Some(deadline));
                Output::Accept {
                    connection: id,
                    headers: Headers::default(),
                }
            }
        });
    }

    fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        if let Some(&number) = self.connections.get(&id) {
            self.with(number, |session| session.handle_frame(id, frame, now));
        } else if self.waits(id) {
            self.handle_first_frame(id, frame, now);
        }
    }

    fn handle_bad_frame(&mut self, id: ConnectionId, error: DecodeError, now: Instant) {
        if let Some(&number) = self.connections.get(&id) {
            self.with(number, |session| session.handle_bad_frame(id, error, now));
        } else if self.waits(id) {
            self.outputs.push_back(Output::Close { connection: id });
        }
    }

    fn handle_connection_closed(&mut self, id: ConnectionId, now: Instant) {
        self.waits(id);
        if let Some(number) = self.connections.remove(&id) {
            self.with(number, |session| session.handle_connection_closed(id, now));
        }
    }

    fn handle_connection_failed(&mut self, id: ConnectionId, now: Instant) {
        self.waits(id);
        if let Some(number) = self.connections.remove(&id) {
            self.with(number, |session| session.handle_connection_failed(id, now));
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.streams.pop_expired(now) {
            self.outputs.push_back(Output::Close { connection: id });
        }
        while self.timers.next().is_some_and(|due| due <= now) {
            if let Some(number) = self.timers.pop_expired(now) {
                self.with(number, |session| session.handle_timeout(now));
            }
        }
    }

    fn poll_output(&mut self) -> Option<Out> {
        let only_events = |output: &Out| matches!(output, Output::Event(_));
        if let Some(place) = self.outputs.iter().position(|output| !only_events(output)) {
            let output = self.outputs.remove(place)?;
            return Some(self.finish(output));
        }
        for number in 0..self.sessions.len() {
            let action = self.with(number, Session::poll_action).flatten();
            let Some(action) = action else { continue };
            return Some(self.finish(action.map_event(|never| match never {})));
        }
        if let Some(opened) = self.outputs.pop_front() {
            return Some(opened);
        }
        for number in 0..self.sessions.len() {
            if let Some(event) = self.with(number, Session::poll_event).flatten() {
                if matches!(event, Event::Closed(_)) {
                    self.sessions[number].1 = None;
                }
                return Some(Output::Event((number, Happening::Event(event))));
            }
        }
        None
    }

    fn poll_frame(&mut self, id: ConnectionId) -> Option<Frame> {
        let &number = self.connections.get(&id)?;
        self.with(number, |session| session.poll_frame(id))
            .flatten()
    }

    fn poll_frame_with_hint(&mut self, id: ConnectionId) -> Option<(Frame, bool)> {
        let &number = self.connections.get(&id)?;
        self.with(number, |session| session.poll_frame_with_hint(id))
            .flatten()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [self.timers.next(), self.streams.next()];
        deadlines.into_iter().flatten().min()
    }

    fn wants_read(&self, id: ConnectionId) -> bool {
        let number = self.connections.get(&id);
        number
            .and_then(|number| self.session(*number))
            .is_none_or(Session::wants_read)
    }

    fn session_count(&self) -> usize {
        let kept = self
            .sessions
            .iter()
            .filter(|(_, session)| session.is_some());
        kept.count()
    }

    fn bytes_held(&self) -> usize {
        let sessions = self.sessions.iter().filter_map(|(_, kept)| kept.as_ref());
        sessions.map(Session::bytes_held).sum()
    }

    fn engine_config(&self) -> &Config {
        &self.config
    }

    fn end_sessions(&mut self, farewell: Farewell, _: Duration, now: Instant) {
        for number in 0..self.sessions.len() {
            self.with(number, |session| match farewell {
                Farewell::Discard => session.discard(),
                Farewell::Drain | Farewell::Tell | _ => session.close(now),
            });
        }
    }

    /// It is told by keys, and these sessions have numbers.
    fn lifecycle(_: &(usize, Happening)) -> Lifecycle {
        Lifecycle::Other
    }
}

impl Driver for Bare {
    fn name(&self) -> &'static str {
        "bare sessions"
    }

    fn send(&mut self, session: usize, parts: &[Encoded]) -> Result<(), SendError> {
        self.with(session, |session| session.send_parts(parts))
            .unwrap_or(Err(SendError::Closed))
    }

    fn send_volatile(&mut self, session: usize, parts: &[Encoded]) -> bool {
        self.with(session, |session| session.send_volatile(parts))
            .unwrap_or(false)
    }

    fn close(&mut self, session: usize, now: Instant) {
        self.with(session, |session| session.close(now));
    }

    fn discard(&mut self, session: usize) {
        self.with(session, Session::discard);
    }

    fn session(&self, session: usize) -> Option<&Session> {
        self.sessions.get(session)?.1.as_ref()
    }

    fn sid(&self, session: usize) -> Option<Sid> {
        self.sessions.get(session).map(|(sid, _)| *sid)
    }
}
