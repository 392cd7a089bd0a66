//! Many sessions: which one a request belongs to, whose deadline is next, who has something to say.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use core::ops::AddAssign;

use bytes::Bytes;

use super::config::{Config, ConfigError};
use super::output::Output;
use super::route::{Action, Handshake, Reject, Route};
use super::session::{Event, Session};
use crate::collections::{Key, Slab, TimerQueue};
use crate::http::{RequestHead, Response};
use crate::{
    ConnectionId, Encoded, Exchange, Frame, Instant, RequestId, Seed, SendError, Sid, SidGenerator,
};

/// The sessions of one shard: one thread's worth, without locks.
///
/// It is made of [`Route`], [`Session`], [`Slab`] and [`TimerQueue`] and does what any driver of them would. A driver
/// feeds it requests, frames and the time, and after each input (or whenever it likes) takes what
/// [`poll_output`](Self::poll_output) has. How many sessions there are costs nothing per call.
///
/// # Examples
///
/// A polling handshake:
///
/// ```
/// use engineio_proto::http::RequestHead;
/// use engineio_proto::server::{Config, Output, Server, ServerEvent};
/// use engineio_proto::{Bytes, Exchange, Instant, RequestId, Seed};
///
/// let mut server = Server::new(Config::default(), 0, &Seed::new([1; 32]))?;
/// let (request, now) = (RequestId(1), Instant::ZERO);
/// let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=polling");
/// server.handle_request(request, &head, Bytes::new(), now);
///
/// let Some(Output::Respond { request: RequestId(1), response }) = server.poll_output() else { panic!("an answer") };
/// assert!(response.body.starts_with(br#"0{"sid":""#));
/// let Some(Output::Event(ServerEvent::Opened { by, .. })) = server.poll_output() else { panic!("a session") };
/// assert_eq!(by, Exchange::Request(request));
/// assert_eq!(server.poll_output(), None);
/// # Ok::<(), engineio_proto::server::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Server {
    config: Arc<Config>,
    generator: SidGenerator,
    sessions: Slab<Slot>,
    /// Which session an exchange that waits for its answer belongs to; none if it was refused before its body came.
    requests: BTreeMap<RequestId, Option<Key>>,
    connections: BTreeMap<ConnectionId, Key>,
    timers: TimerQueue<u32>,
    /// Sessions with outputs, and sessions with events: each at most once, in the order they got some.
    ready: VecDeque<Key>,
    eventful: VecDeque<Key>,
    outputs: VecDeque<Output<ServerEvent>>,
    opened: VecDeque<ServerEvent>,
}

#[derive(Debug)]
struct Slot {
    session: Session,
    ready: bool,
    eventful: bool,
}

/// Names a session of one server. A key is never used again for another session.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionKey(Key);

impl SessionKey {
    /// The slot of the session: a small number, unique among the sessions that exist at a time, for tables beside the
    /// server.
    #[must_use]
    pub fn slot(self) -> u32 {
        self.0.slot()
    }
}

/// Something for the application to know.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A session opened.
    Opened {
        /// The session.
        session: SessionKey,
        /// What opened it: the driver knows the request head under this name.
        by: Exchange,
    },
    /// Something happened in a session.
    Session {
        /// The session; after [`Event::Closed`] the key is stale.
        session: SessionKey,
        /// What happened.
        event: Event,
    },
}

/// How sending to many went.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SentMany {
    /// Sessions that got the message queued.
    pub sent: usize,
    /// Sessions that have too much queued already, or that were not ready for a volatile message.
    pub full: usize,
    /// Sessions that are closing or gone.
    pub gone: usize,
}

impl SentMany {
    /// Counts one more recipient.
    pub fn count(&mut self, result: Result<(), SendError>) {
        match result {
            Ok(()) => self.sent += 1,
            Err(SendError::Full { .. }) => self.full += 1,
            Err(SendError::Closed) => self.gone += 1,
        }
    }
}

impl AddAssign for SentMany {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.full += other.full;
        self.gone += other.gone;
    }
}

/// How many deadlines one call of `handle_timeout` fires at most.
const TIMERS_PER_CALL: usize = 1024;

impl Server {
    /// Makes a server without sessions. Its session ids carry `shard`; they are drawn from `seed`, which must be fresh
    /// entropy outside of tests.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if the settings cannot work.
    pub fn new(config: Config, shard: u16, seed: &Seed) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config: Arc::new(config),
            generator: SidGenerator::new(shard, seed),
            sessions: Slab::new(),
            requests: BTreeMap::new(),
            connections: BTreeMap::new(),
            timers: TimerQueue::new(),
            ready: VecDeque::new(),
            eventful: VecDeque::new(),
            outputs: VecDeque::new(),
            opened: VecDeque::new(),
        })
    }

    /// Takes a whole plain request. It is answered by [`Output::Respond`], maybe later.
    ///
    /// The driver bounds the body by [`Config::max_payload`]; a larger one is refused here too.
    pub fn handle_request(
        &mut self,
        id: RequestId,
        head: &RequestHead<'_>,
        body: Bytes,
        now: Instant,
    ) {
        let head = RequestHead {
            upgrade: false,
            ..*head
        };
        match self.route(&head) {
            // It was answered while its body was arriving: refused at its head, or its session ended or moved.
            Err(_) if self.requests.contains_key(&id) => {}
            Err(reject) => self.respond(id, reject.into_response()),
            Ok(Target::Open(handshake)) => {
                match self.open(&handshake, Exchange::Request(id), now) {
                    Some(key) => self.with(key, |session| session.handle_poll(id, now)),
                    None => self.respond(id, Reject::TooManySessions.into_response()),
                }
            }
            Ok(Target::Session(key, Action::Post(content))) => {
                self.with(key, |session| session.handle_post(id, content, body, now));
            }
            Ok(Target::Session(key, _)) => {
                self.requests.insert(id, Some(key));
                self.with(key, |session| session.handle_poll(id, now));
            }
        }
    }

    /// Notes that a POST has begun whose body is still arriving. [`handle_request`](Self::handle_request) with the
    /// same head, [`handle_request_too_large`](Self::handle_request_too_large) or
    /// [`handle_request_aborted`](Self::handle_request_aborted) follows, unless it is answered before.
    ///
    /// Optional, for drivers that see the head first: overlapping and broken POSTs end the session as officially, and
    /// a request that will be refused is refused before its body has been read.
    pub fn handle_request_begun(&mut self, id: RequestId, head: &RequestHead<'_>, now: Instant) {
        let head = RequestHead {
            upgrade: false,
            ..*head
        };
        match self.route(&head) {
            Err(reject) => {
                self.requests.insert(id, None);
                self.respond(id, reject.into_response());
            }
            Ok(Target::Session(key, Action::Post(_))) => {
                self.requests.insert(id, Some(key));
                self.with(key, |session| session.handle_post_begun(id, now));
            }
            Ok(Target::Open(_) | Target::Session(..)) => {}
        }
    }

    /// Answers a request whose body exceeds [`Config::max_payload`] with 413. Its session lives on.
    pub fn handle_request_too_large(&mut self, id: RequestId, now: Instant) {
        match self.requests.get(&id).copied() {
            Some(Some(key)) => self.with(key, |session| session.handle_post_too_large(id, now)),
            Some(None) => {}
            None => self.respond(id, Response::new(413, "")),
        }
    }

    /// Notes that the client of a request went away before its answer.
    pub fn handle_request_aborted(&mut self, id: RequestId, now: Instant) {
        if let Some(Some(key)) = self.requests.remove(&id) {
            self.with(key, |session| session.handle_request_aborted(id, now));
        }
    }

    /// Takes a request to become a WebSocket. It is answered by [`Output::Accept`] or [`Output::Refuse`]; frames may
    /// be reported once it has been accepted.
    pub fn handle_upgrade(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant) {
        let head = RequestHead {
            upgrade: true,
            ..*head
        };
        let key = match self.route(&head) {
            Err(reject) => Err(reject),
            Ok(Target::Session(key, action)) => {
                Ok((key, action == Action::Upgrade { text_only: true }))
            }
            Ok(Target::Open(handshake)) => self
                .open(&handshake, Exchange::Connection(id), now)
                .map(|key| (key, handshake.text_only))
                .ok_or(Reject::TooManySessions),
        };
        match key {
            Ok((key, text_only)) => {
                self.connections.insert(id, key);
                self.with(key, |session| {
                    if text_only {
                        session.handle_text_connection(id, now);
                    } else {
                        session.handle_connection(id, now);
                    }
                });
            }
            Err(reject) => {
                let response = reject.into_refusal();
                self.outputs.push_back(Output::Refuse {
                    connection: id,
                    response,
                });
            }
        }
    }

    /// Takes a frame of a connection. One of an unknown connection is ignored.
    pub fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        if let Some(&key) = self.connections.get(&id) {
            self.with(key, |session| session.handle_frame(id, frame, now));
        }
    }

    /// Notes that a connection closed.
    pub fn handle_connection_closed(&mut self, id: ConnectionId, now: Instant) {
        if let Some(key) = self.connections.remove(&id) {
            self.with(key, |session| session.handle_connection_closed(id, now));
        }
    }

    /// Notes that a connection broke the rules of its transport, or that writing to it failed.
    pub fn handle_connection_failed(&mut self, id: ConnectionId, now: Instant) {
        if let Some(key) = self.connections.remove(&id) {
            self.with(key, |session| session.handle_connection_failed(id, now));
        }
    }

    /// Fires what is due, at most 1,024 deadlines a call: if more are due, [`poll_timeout`](Self::poll_timeout) stays
    /// in the past and the driver calls again.
    pub fn handle_timeout(&mut self, now: Instant) {
        for _ in 0..TIMERS_PER_CALL {
            let Some(slot) = self.timers.pop_expired(now) else {
                if self.timers.next().is_some_and(|due| due <= now) {
                    continue; // what was due has moved later; there is more of that
                }
                break;
            };
            if let Some((key, _)) = self.sessions.at(slot) {
                let deadline = self.with_result(SessionKey(key), |session| {
                    session.handle_timeout(now);
                    session.poll_timeout()
                });
                // It is no longer in the queue, whether or not it moved.
                self.timers.set(slot, deadline.flatten());
            }
        }
    }

    /// Queues a message for a session.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] for a closing or unknown session, [`SendError::Full`] if too much waits already.
    pub fn send(&mut self, session: SessionKey, message: &Encoded) -> Result<(), SendError> {
        self.send_parts(session, core::slice::from_ref(message))
    }

    /// Queues several messages for a session back to back, or none of them.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_parts(&mut self, session: SessionKey, parts: &[Encoded]) -> Result<(), SendError> {
        self.with_result(session, |session| session.send_parts(parts))
            .unwrap_or(Err(SendError::Closed))
    }

    /// Queues the parts of one message for a session if they can leave at once; false if they were dropped.
    pub fn send_volatile(&mut self, session: SessionKey, parts: &[Encoded]) -> bool {
        self.with_result(session, |session| session.send_volatile(parts))
            .unwrap_or(false)
    }

    /// Queues one message for many sessions. Each copy is a reference count.
    pub fn send_many(
        &mut self,
        sessions: impl IntoIterator<Item = SessionKey>,
        message: &Encoded,
    ) -> SentMany {
        let mut outcome = SentMany::default();
        for session in sessions {
            outcome.count(self.send(session, message));
        }
        outcome
    }

    /// Closes a session once what is buffered has left.
    pub fn close(&mut self, session: SessionKey, now: Instant) {
        self.with(session.0, |session| session.close(now));
    }

    /// Ends a session now and drops what is buffered.
    pub fn discard(&mut self, session: SessionKey) {
        self.with(session.0, Session::discard);
    }

    /// The next thing to do or to know. All that is to be done comes before the events.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<ServerEvent>> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                self.forget(&output);
                return Some(output);
            }
            let Some(&key) = self.ready.front() else {
                return self.poll_event().map(Output::Event);
            };
            if let Some(action) = self
                .with_result(SessionKey(key), Session::poll_action)
                .flatten()
            {
                self.forget(&action);
                return Some(action.map_event(|never| match never {}));
            }
            self.ready.pop_front();
            if let Some(slot) = self.sessions.get_mut(key) {
                slot.ready = false;
            }
            self.release(key);
        }
    }

    /// The next event, without what is to be done: for a layer above, which looks at events after each input and
    /// leaves the rest to its own driver.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some(event) = self.opened.pop_front() {
                return Some(event);
            }
            let &key = self.eventful.front()?;
            let event = self.sessions.get_mut(key).and_then(|slot| {
                let event = slot.session.poll_event();
                slot.eventful = event.is_some();
                event
            });
            match event {
                Some(event) => {
                    return Some(ServerEvent::Session {
                        session: SessionKey(key),
                        event,
                    });
                }
                None => {
                    self.eventful.pop_front();
                    self.release(key);
                }
            }
        }
    }

    /// The next frame for a connection, to be called when its pipe can take one. After `None`, [`Output::Frames`] says
    /// when there are more.
    #[must_use]
    pub fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame> {
        let &key = self.connections.get(&connection)?;
        self.with_result(SessionKey(key), |session| session.poll_frame(connection))?
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` if never. Constant time; it may be early, as
    /// [`TimerQueue::next`] may.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// A session, to be looked at.
    #[must_use]
    pub fn session(&self, session: SessionKey) -> Option<&Session> {
        self.sessions.get(session.0).map(|slot| &slot.session)
    }

    /// The session of that id, unless it is closed. It looks at one slot for each 65,536 that exist.
    #[must_use]
    pub fn find(&self, sid: &Sid) -> Option<SessionKey> {
        if sid.shard() != self.shard() {
            return None;
        }
        let candidates = sid.candidate_slots(self.sessions.slots());
        let mut found = candidates.filter_map(|slot| self.sessions.at(slot));
        let (key, _) =
            found.find(|(_, slot)| slot.session.sid() == *sid && !slot.session.is_closed())?;
        Some(SessionKey(key))
    }

    /// All sessions, by ascending slot; among them those that are closed and whose last event has not been taken.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        self.sessions
            .iter()
            .map(|(key, slot)| (SessionKey(key), &slot.session))
    }

    /// The number of sessions.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// The session that a connection belongs to, as its transport or as a probe.
    #[must_use]
    pub fn session_of(&self, connection: ConnectionId) -> Option<SessionKey> {
        self.connections.get(&connection).copied().map(SessionKey)
    }

    /// Whether the driver should read on from a connection; false while too much waits for the application.
    #[must_use]
    pub fn wants_read(&self, connection: ConnectionId) -> bool {
        let key = self.connections.get(&connection);
        key.and_then(|key| self.sessions.get(*key))
            .is_none_or(|slot| slot.session.wants_read())
    }

    /// The number of deadlines that are armed: one for each session that is not over.
    #[must_use]
    pub fn timer_count(&self) -> usize {
        self.timers.len()
    }

    /// The bytes of messages that are held for clients and for the application, over all sessions. Looks at each of
    /// them. Zero once all sessions are over and their events have been taken.
    #[must_use]
    pub fn bytes_held(&self) -> usize {
        let held = self
            .sessions
            .iter()
            .map(|(_, slot)| slot.session.bytes_held());
        held.fold(0, usize::saturating_add)
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The shard that the session ids carry.
    #[must_use]
    pub fn shard(&self) -> u16 {
        self.generator.shard()
    }

    fn route(&self, head: &RequestHead<'_>) -> Result<Target, Reject> {
        match Route::of(head, &self.config)? {
            Route::Open(handshake) => Ok(Target::Open(handshake)),
            Route::Session(request) => {
                let key = self.find(&request.sid).ok_or(Reject::UnknownSid)?;
                self.session(key)
                    .ok_or(Reject::UnknownSid)?
                    .verify(&request)?;
                Ok(Target::Session(key.0, request.action))
            }
        }
    }

    fn open(&mut self, handshake: &Handshake, by: Exchange, now: Instant) -> Option<Key> {
        if self.sessions.len() >= self.config.max_sessions {
            return None;
        }
        let (config, generator) = (&self.config, &mut self.generator);
        let key = self.sessions.insert_with(|key| {
            let sid = generator.generate(key.slot());
            let session = Session::open(Arc::clone(config), sid, handshake, now);
            Slot {
                session,
                ready: false,
                eventful: false,
            }
        })?;
        let deadline = self.sessions.get(key)?.session.poll_timeout();
        self.timers.set(key.slot(), deadline);
        self.opened.push_back(ServerEvent::Opened {
            session: SessionKey(key),
            by,
        });
        Some(key)
    }

    fn respond(&mut self, request: RequestId, response: Response) {
        self.outputs
            .push_back(Output::Respond { request, response });
    }

    /// Drops what was known of an exchange or connection that is over with this output.
    fn forget<E>(&mut self, action: &Output<E>) {
        match action {
            Output::Respond { request, .. } => drop(self.requests.remove(request)),
            Output::Refuse { connection, .. } | Output::Close { connection } => {
                self.connections.remove(connection);
            }
            Output::Accept { .. } | Output::Frames { .. } | Output::Event(_) => {}
        }
    }

    fn with(&mut self, key: Key, act: impl FnOnce(&mut Session)) {
        self.with_result(SessionKey(key), act);
    }

    /// The only way to change a session: afterwards its deadline and readiness are read back, so that no part of it
    /// can forget to report one.
    fn with_result<R>(
        &mut self,
        key: SessionKey,
        act: impl FnOnce(&mut Session) -> R,
    ) -> Option<R> {
        let SessionKey(key) = key;
        let slot = self.sessions.get_mut(key)?;
        let before = slot.session.poll_timeout();
        let result = act(&mut slot.session);
        let after = slot.session.poll_timeout();
        if !slot.ready && slot.session.has_action() {
            slot.ready = true;
            self.ready.push_back(key);
        }
        if !slot.eventful && slot.session.has_event() {
            slot.eventful = true;
            self.eventful.push_back(key);
        }
        // Most of what happens moves no deadline: a broadcast must not search the queue for each recipient.
        if before != after {
            self.timers.set(key.slot(), after);
        }
        Some(result)
    }

    /// Frees a session that is over and has nothing left to say.
    fn release(&mut self, key: Key) {
        let done = |slot: &Slot| {
            slot.session.is_closed() && !slot.session.has_action() && !slot.session.has_event()
        };
        if self.sessions.get(key).is_some_and(done) {
            self.sessions.remove(key);
            self.timers.set(key.slot(), None);
        }
    }
}

/// What a request that passed all checks is for.
enum Target {
    Open(Handshake),
    Session(Key, Action),
}
