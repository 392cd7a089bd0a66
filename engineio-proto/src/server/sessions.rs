//! Many sessions: which one a request belongs to, whose deadline is next, who has something to say.

use alloc::sync::Arc;
use core::convert::Infallible;
use core::ops::AddAssign;

use bytes::Bytes;

use super::config::Config;
use super::deadlines::Deadlines;
use super::gate::{HandshakeToken, Waiting};
use super::grants::Grants;
use super::marked::Marked;
use super::output::Output;
use super::owners::Owners;
use super::parcel::Parcel;
use super::reject::Reject;
use super::requests::Requests;
use super::route::{Action, Handshake, Route};
use super::session::{Event, Session};
use super::shared::Shared;
use super::stats::{self, ByTransport, Stats};
use super::streams::Streams;
use crate::collections::{Key, Slab, Steps};
use crate::http::{RequestHead, Response};
use crate::ledger::{Backlog, HeapSize};
use crate::{
    ConfigError, ConnectionId, Encoded, Exchange, Frame, Instant, RequestId, Seed, SendError,
    SidGenerator,
};

/// The sessions of one shard: one thread's worth, without locks.
///
/// It is made of [`Route`], [`Session`] and [`Slab`], and does what any driver of them and a
/// [`TimerQueue`](crate::collections::TimerQueue) would. A driver
/// feeds it requests, frames and the time, and after each input (or whenever it likes) takes what
/// [`poll_output`](Self::poll_output) has.
///
/// # Cost
///
/// A call looks only at the session that it concerns. It finds the session and its deadline in O(log n) for n sessions,
/// unless its documentation states another cost. If a call leaves more than [`Config::max_bytes_held`] held, it costs
/// as much as [`end_largest`](Self::end_largest) in addition.
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
    pub(super) config: Shared,
    /// The latest time seen.
    now: Instant,
    pub(super) generator: SidGenerator,
    pub(super) sessions: Slab<Slot>,
    requests: Requests,
    pub(super) connections: Owners,
    pub(super) grants: Grants,
    pub(super) deadlines: Deadlines,
    /// Sessions with outputs, and sessions with events: each at most once, in the order they got some.
    ready: Marked,
    eventful: Marked,
    pub(super) outputs: Backlog<Output<Infallible>>,
    /// The events that are not of a session that exists.
    pub(super) opened: Backlog<ServerEvent>,
    pub(super) waiting: Waiting,
    pub(super) streams: Streams,
    pub(super) accepting: bool,
    /// When those go that have not left after a shutdown.
    pub(super) drained_by: Option<Instant>,
    pub(super) stats: Stats,
    pub(super) present: ByTransport,
    /// The sessions that opened so far.
    opened_count: u32,
    /// The server keeps to its memory limit itself; false if a layer above does.
    pub(super) enforcing: bool,
    /// What was held when nothing could be dropped although it was too much.
    pub(super) fruitless: Option<usize>,
    /// The messages that were looked at to find the largest session.
    pub(super) searched: Steps,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) session: Session,
    ready: bool,
    eventful: bool,
    /// Whether the deadline of the session is filed, and where: in two fields, since an `Option` takes a word for the first.
    is_filed: bool,
    filed_at: Instant,
    /// The number of sessions that opened before it.
    pub(super) number: u32,
}

impl Slot {
    /// Where the deadline of the session is filed.
    pub(super) fn filed(&self) -> Option<Instant> {
        self.is_filed.then_some(self.filed_at)
    }

    pub(super) fn set_filed(&mut self, filed: Option<Instant>) {
        self.is_filed = filed.is_some();
        self.filed_at = filed.unwrap_or_default();
    }

    /// Puts the session among those that want something done, if it does.
    #[inline]
    fn mark_ready(&mut self, key: Key, ready: &mut Marked) {
        if !self.ready && self.session.has_action() {
            self.ready = true;
            ready.mark(key);
        }
    }

    /// Puts the session among those that have something to tell, if it has.
    #[inline]
    fn mark_event(&mut self, key: Key, eventful: &mut Marked) {
        if !self.eventful && self.session.has_event() {
            self.eventful = true;
            eventful.mark(key);
        }
    }
}

/// Names a session of one server. A key is never used again for another session.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionKey(pub(super) Key);

impl SessionKey {
    /// The slot of the session: a small number, unique among the sessions that exist at a time, for tables beside the
    /// server.
    #[must_use]
    pub fn slot(self) -> u32 {
        self.0.slot()
    }

    /// The key as a number, to be written down: as [`Key::to_bits`].
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// The key that was written down: as [`Key::from_bits`].
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(Key::from_bits(bits))
    }
}

/// Something for the application to know.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A client wants a session, and the application [decides](Config::allow_request). Answer with
    /// [`Server::accept`] or [`Server::reject`], at once or later.
    Handshake {
        /// To be given with the answer.
        token: HandshakeToken,
        /// What asks for it: the driver knows the request head under this name.
        by: Exchange,
    },
    /// A request was refused, if the application [wants to know](Config::report_refusals): officially
    /// `connection_error`.
    Refused {
        /// The request: the driver knows its head under this name.
        by: Exchange,
        /// Why.
        reject: Reject,
    },
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

impl HeapSize for ServerEvent {
    fn heap_size(&self) -> usize {
        match self {
            Self::Handshake { .. } | Self::Refused { .. } | Self::Opened { .. } => 0,
            Self::Session { event, .. } => event.heap_size(),
        }
    }
}

/// How sending to many went.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SentMany {
    /// Sessions that got the message queued.
    pub sent: usize,
    /// Sessions that have too much queued already, or that were not ready for a volatile message; all of them if the
    /// message is larger than what may be held.
    pub full: usize,
    /// Sessions that are closing or gone.
    pub gone: usize,
}

impl SentMany {
    /// Counts one more recipient.
    pub fn count(&mut self, result: Result<(), SendError>) {
        match result {
            Ok(()) => self.sent += 1,
            Err(SendError::Full { .. } | SendError::TooLarge { .. }) => self.full += 1,
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
pub(super) const TIMERS_PER_CALL: usize = 1024;

impl Server {
    /// Makes a server without sessions. Its session ids carry `shard`; they are drawn from `seed`, which must be fresh
    /// entropy outside of tests.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if the settings cannot work.
    pub fn new(config: Config, shard: u16, seed: &Seed) -> Result<Self, ConfigError> {
        config.check()?;
        let config = Shared::of_many(Arc::new(config));
        let ledger = config.ledger().clone();
        Ok(Self {
            config,
            now: Instant::ZERO,
            generator: SidGenerator::new(shard, seed),
            sessions: Slab::new(),
            requests: Requests::new(&ledger),
            connections: Owners::new(),
            grants: Grants::new(&ledger),
            deadlines: Deadlines::new(),
            ready: Marked::new(&ledger),
            eventful: Marked::new(&ledger),
            outputs: Backlog::new(&ledger),
            opened: Backlog::new(&ledger),
            waiting: Waiting::new(&ledger),
            streams: Streams::new(&ledger),
            accepting: true,
            drained_by: None,
            stats: Stats::default(),
            present: ByTransport::default(),
            opened_count: 0,
            enforcing: true,
            fruitless: None,
            searched: Steps::new(),
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
        let now = self.observe(now);
        let head = head.marked(false);
        self.grants
            .insert(Exchange::Request(id), &head, &self.config);
        match self.route(&head) {
            // It was answered while its body was arriving: refused at its head, or its session ended or moved.
            Err(_) if self.requests.get(id).is_some() => return,
            Err(reject) => self.refuse(Exchange::Request(id), reject),
            Ok(Target::Preflight) => self.respond(id, self.config.preflight(&head)),
            Ok(Target::Open(handshake)) => self.begin(handshake, Exchange::Request(id), now),
            Ok(Target::Session(key, Action::Post(content))) => {
                self.with(key, |session| session.handle_post(id, content, body, now));
            }
            Ok(Target::Session(key, _)) => {
                self.requests.insert(id, Some(key));
                self.with(key, |session| session.handle_poll(id, now));
            }
        }
        stats::bump(&mut self.stats.requests);
        self.settle();
    }

    /// Notes that a POST has begun whose body is still arriving. [`handle_request`](Self::handle_request) with the
    /// same head, [`handle_request_too_large`](Self::handle_request_too_large) or
    /// [`handle_request_aborted`](Self::handle_request_aborted) follows, unless it is answered before.
    ///
    /// This is optional, for drivers that see the head first. Overlapping and broken POSTs end the session, as in the
    /// official server. A request that will be refused is refused before its body has been read.
    pub fn handle_request_begun(&mut self, id: RequestId, head: &RequestHead<'_>, now: Instant) {
        let now = self.observe(now);
        let head = head.marked(false);
        self.grants
            .insert(Exchange::Request(id), &head, &self.config);
        match self.route(&head) {
            Err(reject) => {
                self.requests.insert(id, None);
                stats::bump(&mut self.stats.requests);
                self.refuse(Exchange::Request(id), reject);
            }
            Ok(Target::Session(key, Action::Post(_))) => {
                self.requests.insert(id, Some(key));
                self.with(key, |session| session.handle_post_begun(id, now));
            }
            Ok(Target::Open(_) | Target::Session(..) | Target::Preflight) => {}
        }
        self.settle();
    }

    /// Answers a request whose body exceeds [`Config::max_payload`] with 413. Its session lives on.
    pub fn handle_request_too_large(&mut self, id: RequestId, now: Instant) {
        let now = self.observe(now);
        let known = self.requests.get(id);
        if known != Some(None) {
            stats::bump(&mut self.stats.requests);
        }
        match known {
            Some(Some(key)) => self.with(key, |session| session.handle_post_too_large(id, now)),
            Some(None) => {}
            None => self.respond(id, Response::new(413, "")),
        }
        self.settle();
    }

    /// Notes that the client of a request went away before its answer.
    pub fn handle_request_aborted(&mut self, id: RequestId, now: Instant) {
        let now = self.observe(now);
        self.grants.forget(Exchange::Request(id));
        match self.requests.remove(id) {
            Some(Some(key)) => self.with(key, |session| session.handle_request_aborted(id, now)),
            Some(None) => {}
            None => self.waiting.forget(Exchange::Request(id)),
        }
        self.settle();
    }

    /// Fires what is due, at most 1,024 deadlines a call: if more are due, [`poll_timeout`](Self::poll_timeout) stays
    /// in the past and the driver calls again.
    ///
    /// Cost: O(log n) for each deadline and n sessions; O(n log n) when the time of [`shut_down`](Self::shut_down) is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.observe(now);
        self.expire_handshakes(now);
        self.expire_streams(now);
        self.end_drain(now);
        for _ in 0..TIMERS_PER_CALL {
            let Some(slot) = self.deadlines.pop_expired(&mut self.sessions, now) else {
                if self.deadlines.next().is_some_and(|due| due <= now) {
                    continue; // what was due has moved later; there is more of that
                }
                break;
            };
            if let Some((key, _)) = self.sessions.at(slot) {
                self.with(key, |session| session.handle_timeout(now));
            }
        }
        self.settle();
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
        self.send_parcel(session, &Parcel::new(parts))
    }

    /// As [`send_parts`](Self::send_parts), with what was measured once for all recipients.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_parcel(
        &mut self,
        session: SessionKey,
        parcel: &Parcel<'_>,
    ) -> Result<(), SendError> {
        let sent = if self.queue_quietly(session, parcel) {
            Ok(())
        } else {
            self.send_loudly(session, parcel.parts())
        };
        match sent {
            Ok(()) => self.stats.sent(parcel),
            Err(SendError::Full { .. }) => stats::bump(&mut self.stats.full),
            Err(SendError::Closed | SendError::TooLarge { .. }) => {}
        }
        self.settle();
        sent
    }

    /// Queues for a session that is looked at in whole afterwards.
    #[inline(never)]
    fn send_loudly(&mut self, session: SessionKey, parts: &[Encoded]) -> Result<(), SendError> {
        self.with_result(session, |session| session.send_parts(parts))
            .unwrap_or(Err(SendError::Closed))
    }

    /// Queues for a session of which nothing changes by it but that it has something to do. False if it has to be looked
    /// at in whole.
    #[inline]
    fn queue_quietly(&mut self, SessionKey(key): SessionKey, parcel: &Parcel<'_>) -> bool {
        let Some(slot) = self.sessions.get_mut(key) else {
            return false;
        };
        let queued = slot.session.queue_quietly(parcel);
        if queued {
            slot.mark_ready(key, &mut self.ready);
        }
        queued
    }

    /// Queues the parts of one message for a session if they can leave at once; false if they were dropped.
    pub fn send_volatile(&mut self, session: SessionKey, parts: &[Encoded]) -> bool {
        let sent = self
            .with_result(session, |session| session.send_volatile(parts))
            .unwrap_or(false);
        if sent {
            self.stats.sent(&Parcel::new(parts));
        } else {
            stats::bump(&mut self.stats.dropped);
        }
        self.settle();
        sent
    }

    /// Queues one message for many sessions. Each copy is a reference count.
    ///
    /// Cost: O(1) for each session.
    pub fn send_many(
        &mut self,
        sessions: impl IntoIterator<Item = SessionKey>,
        message: &Encoded,
    ) -> SentMany {
        self.send_parcel_to_many(sessions, &Parcel::new(core::slice::from_ref(message)))
    }

    /// As [`send_many`](Self::send_many), with what was measured once.
    ///
    /// Cost: O(1) for each session.
    pub fn send_parcel_to_many(
        &mut self,
        sessions: impl IntoIterator<Item = SessionKey>,
        parcel: &Parcel<'_>,
    ) -> SentMany {
        let mut outcome = SentMany::default();
        for session in sessions {
            outcome.count(self.send_parcel(session, parcel));
        }
        outcome
    }

    /// Closes a session once what is buffered has left.
    pub fn close(&mut self, session: SessionKey, now: Instant) {
        let now = self.observe(now);
        self.with(session.0, |session| session.close(now));
        self.settle();
    }

    /// Ends a session now and drops what is buffered.
    pub fn discard(&mut self, session: SessionKey) {
        self.with(session.0, Session::discard);
        self.settle();
    }

    /// The next thing to do or to know. All that is to be done comes before the events.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<ServerEvent>> {
        match self.poll_action() {
            Some(action) => Some(action.map_event(|never| match never {})),
            None => self.poll_event().map(Output::Event),
        }
    }

    /// Whether [`poll_action`](Self::poll_action) may have something.
    #[must_use]
    #[inline]
    #[doc(hidden)]
    pub fn may_have_action(&mut self) -> bool {
        !self.outputs.is_empty() || self.ready.has_next()
    }

    /// The connection that [`poll_action`](Self::poll_action) would say has frames, if that is what comes next: most of
    /// what is to be done, for a layer above that hands it on.
    #[must_use]
    #[inline]
    #[doc(hidden)]
    pub fn poll_frames(&mut self) -> Option<ConnectionId> {
        if !self.outputs.is_empty() {
            return None;
        }
        let key = self.ready.next()?;
        let slot = self.sessions.get_mut(key)?;
        if slot.session.is_closed() || slot.session.has_rare_action() {
            return None;
        }
        let connection = slot.session.announce()?;
        self.connections.note(connection, key);
        slot.ready = false;
        self.ready.take_first();
        Some(connection)
    }

    /// The next thing to do, without the events: for a layer above, which looks at events first and leaves the rest to
    /// its own driver.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Output<Infallible>> {
        loop {
            if !self.outputs.is_empty()
                && let Some(mut output) = self.outputs.pop()
            {
                self.finish(&mut output);
                return Some(output);
            }
            let key = self.ready.next()?;
            let mut is_over = true;
            // What a session wants done is taken without a change of its deadline, its transport or its events.
            if let Some(slot) = self.sessions.get_mut(key) {
                is_over = slot.session.is_closed();
                if slot.session.has_rare_action() {
                    if let Some(mut action) = slot.session.poll_action() {
                        // One that is over is looked at again, and released.
                        if !is_over && !slot.session.has_action() {
                            slot.ready = false;
                            self.ready.take_first();
                        }
                        self.finish(&mut action);
                        return Some(action);
                    }
                } else if let Some(connection) = slot.session.announce() {
                    if !is_over {
                        self.connections.note(connection, key);
                        slot.ready = false;
                        self.ready.take_first();
                    }
                    return Some(Output::Frames { connection });
                }
                slot.ready = false;
            }
            self.ready.drop_first();
            if is_over {
                self.release(key);
            }
        }
    }

    /// Whether [`poll_event`](Self::poll_event) may have something.
    #[must_use]
    #[inline]
    #[doc(hidden)]
    pub fn may_have_event(&self) -> bool {
        !self.eventful.is_empty() || !self.opened.is_empty()
    }

    /// The next event, without what is to be done: for a layer above, which looks at events after each input and
    /// leaves the rest to its own driver.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some(event) = self.opened.pop() {
                return Some(event);
            }
            let key = self.eventful.next()?;
            // An event is taken without a change of anything else that the server goes by.
            if let Some(slot) = self.sessions.get_mut(key) {
                if let Some(event) = slot.session.poll_event() {
                    // One that is over is looked at again, and released.
                    if !slot.session.is_closed() && !slot.session.has_event() {
                        slot.eventful = false;
                        self.eventful.take_first();
                    }
                    self.stats.took(&event);
                    let session = SessionKey(key);
                    return Some(ServerEvent::Session { session, event });
                }
                slot.eventful = false;
            }
            self.eventful.drop_first();
            self.release(key);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` if never. Constant time; it may be early, as
    /// [`TimerQueue::next`](crate::collections::TimerQueue::next) may.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let others = [
            self.waiting.next_timeout(),
            self.streams.next_timeout(),
            self.drained_by,
        ];
        let first = self.deadlines.next();
        others.into_iter().flatten().fold(first, |first, other| {
            Some(first.map_or(other, |first| first.min(other)))
        })
    }

    /// Notes the time, which never goes back.
    pub(super) fn observe(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    pub(super) fn opened_count(&self) -> u32 {
        self.opened_count
    }

    pub(super) fn route(&self, head: &RequestHead<'_>) -> Result<Target, Reject> {
        match Route::of(head, &self.config)? {
            Route::Preflight => Ok(Target::Preflight),
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

    /// Makes the session that a handshake asks for; `None` if there is no slot left.
    pub(super) fn insert(&mut self, handshake: &Handshake, now: Instant) -> Option<Key> {
        let (config, generator) = (&self.config, &mut self.generator);
        let number = self.opened_count;
        self.opened_count = number.wrapping_add(1);
        let key = self.sessions.insert_with(|key| {
            let sid = generator.generate(key.slot());
            let session = Session::begin(config.clone(), sid, handshake, now);
            Slot {
                session,
                ready: false,
                eventful: false,
                is_filed: false,
                filed_at: Instant::ZERO,
                number,
            }
        })?;
        // It has a deadline from the beginning, which is filed here.
        self.with(key, |_| {});
        self.present.count(handshake.transport);
        Some(key)
    }

    fn respond(&mut self, request: RequestId, response: Response) {
        self.outputs.push(Output::Respond { request, response });
    }

    /// Adds what browsers are told about pages of other origins, and drops what was known of an exchange or connection
    /// that is over with this output.
    fn finish(&mut self, output: &mut Output<Infallible>) {
        match output {
            Output::Respond { request, response } => {
                self.requests.remove(*request);
                let by = Exchange::Request(*request);
                if let Some(cors) = self.grants.take(by, &self.config) {
                    // The answer to a preflight has its own.
                    response.headers.add_cors(cors);
                }
            }
            Output::Accept {
                connection,
                headers,
            } => {
                let by = Exchange::Connection(*connection);
                if let Some(cors) = self.grants.take(by, &self.config) {
                    headers.add_cors(cors);
                }
            }
            Output::Refuse { connection, .. } | Output::Close { connection } => {
                self.connections.remove(*connection);
                self.grants.forget(Exchange::Connection(*connection));
            }
            Output::Frames { .. } | Output::Event(_) => {}
        }
    }

    pub(super) fn with(&mut self, key: Key, act: impl FnOnce(&mut Session)) {
        self.with_result(SessionKey(key), act);
    }

    /// The only way to change a session, except [`hand_over`](Self::hand_over) and the output. Afterwards the deadline
    /// and the readiness of the session are read again, so no part of it can forget to report one.
    pub(super) fn with_result<R>(
        &mut self,
        key: SessionKey,
        act: impl FnOnce(&mut Session) -> R,
    ) -> Option<R> {
        let SessionKey(key) = key;
        let slot = self.sessions.get_mut(key)?;
        let before = slot.session.poll_timeout();
        let was_on = slot.session.is_on();
        let result = act(&mut slot.session);
        let after = slot.session.poll_timeout();
        let is_on = slot.session.is_on();
        if was_on != is_on {
            self.present.moved(was_on, is_on);
        }
        slot.mark_ready(key, &mut self.ready);
        slot.mark_event(key, &mut self.eventful);
        // Most of what happens moves no deadline: a broadcast must not search the queue for each recipient.
        // One that came up is filed anew, whether or not it moved.
        if before != after || !slot.is_filed {
            self.deadlines.set(key.slot(), slot, after);
        }
        Some(result)
    }

    /// Hands a frame to a session. Of one that is [steady](Session::is_steady) and stays open, only its events are read back.
    pub(super) fn hand_over(&mut self, key: Key, id: ConnectionId, frame: Frame, now: Instant) {
        let slot = self.sessions.get_mut(key);
        let Some(slot) = slot.filter(|slot| slot.session.is_steady()) else {
            return self.with(key, |session| session.handle_frame(id, frame, now));
        };
        let was_on = slot.session.is_on();
        slot.session.handle_frame(id, frame, now);
        slot.mark_event(key, &mut self.eventful);
        if slot.session.is_open() {
            debug_assert_eq!(slot.session.is_on(), was_on, "it is on its connection");
            debug_assert!(slot.ready || !slot.session.has_action());
            debug_assert!(slot.session.poll_timeout() >= slot.filed());
            return;
        }
        slot.mark_ready(key, &mut self.ready);
        self.present.moved(was_on, slot.session.is_on());
        let deadline = slot.session.poll_timeout();
        self.deadlines.set(key.slot(), slot, deadline);
    }

    /// Frees a session that is over and has nothing left to say.
    fn release(&mut self, key: Key) {
        let done = |slot: &Slot| {
            slot.session.is_closed() && !slot.session.has_action() && !slot.session.has_event()
        };
        if self.sessions.get(key).is_some_and(done) {
            // It has no deadline any more, being closed.
            self.sessions.remove(key);
            let sessions = self.sessions.len();
            self.ready.fit(sessions);
            self.eventful.fit(sessions);
            self.note_idle();
        }
    }
}

/// What a request that passed all checks is for.
pub(super) enum Target {
    Preflight,
    Open(Handshake),
    Session(Key, Action),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Origins;

    const SESSION: &str = "EIO=4&transport=polling";

    #[test]
    fn what_is_answered_or_closed_is_forgotten() {
        let config = Config::default().with_origins(Origins::any());
        let mut server = Server::new(config, 0, &Seed::new([1; 32])).unwrap();
        let now = Instant::ZERO;
        let head = RequestHead::new("GET", "/engine.io/", SESSION);
        server.handle_request(RequestId(1), &head, Bytes::new(), now);
        while server.poll_output().is_some() {}
        let sid = server.sessions().next().map(|(_, session)| session.sid());
        let query = alloc::format!("{SESSION}&sid={}", sid.unwrap().as_str());
        let head = RequestHead::new("GET", "/engine.io/", &query);
        server.handle_request(RequestId(2), &head, Bytes::new(), now);
        let query = query.replace("polling", "websocket");
        let head = RequestHead::new("GET", "/engine.io/", &query);
        for (connection, wrong) in [(1, "2"), (2, "4a")] {
            let connection = ConnectionId(connection);
            server.handle_upgrade(connection, &head, now);
            server.handle_frame(connection, Frame::Text(wrong.into()), now);
        }
        assert_eq!((server.requests.len(), server.connections.len()), (1, 2));
        while server.poll_output().is_some() {}
        assert_eq!((server.requests.len(), server.connections.len()), (1, 0));
        let session = server.sessions().next().map(|(session, _)| session);
        server.discard(session.unwrap());
        while server.poll_output().is_some() {}
        assert!(server.requests.len() == 0 && server.sessions.is_empty());
        assert!(server.grants.is_empty());
    }
}
