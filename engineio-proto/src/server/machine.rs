//! The server of one shard: its sessions, and the ways to change them.

use alloc::sync::Arc;
use core::convert::Infallible;

use super::admission::Admission;
use super::config::Config;
use super::deadlines::{Deadlines, TIMERS_PER_CALL};
use super::event::{ServerEvent, SessionKey};
use super::grants::Grants;
use super::marked::Marked;
use super::output::Output;
use super::owners::Owners;
use super::requests::Requests;
use super::route::Handshake;
use super::session::Session;
use super::shared::Shared;
use super::slot::Slot;
use super::stats::{ByTransport, Stats};
use super::streams::Streams;
use super::waiting::Waiting;
use crate::collections::{Key, Slab, Steps};
use crate::ledger::Backlog;
use crate::{ConfigError, ConnectionId, Frame, Instant, Seed, SidGenerator};

/// The sessions of one shard: one thread's worth, without locks.
///
/// It is made of [`Route`](super::Route), [`Session`] and [`Slab`], and does what any driver of them and a
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
/// use engineio_proto::{Bytes, HeadId, Instant, RequestId, Seed};
///
/// let mut server = Server::new(Config::default(), 0, &Seed::new([1; 32]))?;
/// let (request, now) = (RequestId(1), Instant::ZERO);
/// let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=polling");
/// server.handle_request(request, &head, Bytes::new(), now);
///
/// let Some(Output::Respond { request: RequestId(1), response }) = server.poll_output() else { panic!("an answer") };
/// assert!(response.body.starts_with(br#"0{"sid":""#));
/// let Some(Output::Event(ServerEvent::Opened { by, .. })) = server.poll_output() else { panic!("a session") };
/// assert_eq!(by, HeadId::Request(request));
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
    pub(super) requests: Requests,
    pub(super) connections: Owners,
    pub(super) grants: Grants,
    pub(super) deadlines: Deadlines,
    /// Sessions with outputs, and sessions with events: each at most once, in the order they got some.
    pub(super) ready: Marked,
    pub(super) eventful: Marked,
    pub(super) outputs: Backlog<Output<Infallible>>,
    /// The events that are not of a session that exists.
    pub(super) opened: Backlog<ServerEvent>,
    pub(super) waiting: Waiting,
    pub(super) streams: Streams,
    pub(super) admission: Admission,
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
            admission: Admission::Open,
            drained_by: None,
            stats: Stats::default(),
            present: ByTransport::default(),
            opened_count: 0,
            enforcing: true,
            fruitless: None,
            searched: Steps::new(),
        })
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

    /// Makes the session that a handshake asks for; `None` if there is no slot left.
    pub(super) fn insert(&mut self, handshake: &Handshake, now: Instant) -> Option<Key> {
        let (config, generator) = (&self.config, &mut self.generator);
        let number = self.opened_count;
        self.opened_count = number.wrapping_add(1);
        let key = self.sessions.insert_with(|key| {
            let sid = generator.generate(key.slot());
            let session = Session::begin(config.clone(), sid, handshake, now);
            Slot::new(session, number)
        })?;
        // It has a deadline from the beginning, which is filed here.
        self.with(key, |_| {});
        self.present.count(handshake.transport);
        Some(key)
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
        if before != after || slot.filed().is_none() {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::RequestHead;
    use crate::server::Origins;
    use crate::{Bytes, RequestId};

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
