//! What happens when the server holds more than it may.
//!
//! | what is held beyond the limit | leads to |
//! |---|---|
//! | anything | the oldest packets and sessions that are kept for clients that come back are forgotten, of all namespaces |
//! | still too much, a part of it from clients that are gone | their events that the application has not taken are dropped |
//! | still too much | sessions end, those first whose removal frees most, and of equal ones the oldest |
//!
//! The Engine.IO server refuses handshakes before that. What the application is told of ends, and responses that the
//! driver has not taken, cannot be dropped.
//!
//! Of a session that ends, events and acknowledgements that the application has not taken are dropped. An
//! acknowledgement that was awaited has failed then, and a broadcast counts it as missing.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use engineio_proto::collections::{Key, TimerQueue};
use engineio_proto::ledger::{Charge, HeapSize, Ledger};
use engineio_proto::server::SessionKey;
use engineio_proto::{Instant, SendError};

use super::event::Event;
use super::keys::{BroadcastId, SocketKey};
use super::machine::{Queued, Server};
use super::reason::AckError;
use super::recovery::RecoveryStorage;
use crate::Payload;

/// The part of the limit for which the events of clients that are gone are looked for.
const WORTH_A_SEARCH: usize = 64;

/// The part of the limit that events may take which tell of what is sent.
const FOR_TOLD: usize = 2;

impl Server {
    /// Keeps to the limit, at the end of each call.
    #[inline]
    pub(super) fn keep_to_limit(&mut self) {
        if self.engine.is_worth_a_search() {
            self.shrink_to_limit();
        }
    }

    #[cold]
    fn shrink_to_limit(&mut self) {
        self.forget_oldest();
        while self.engine.is_over_limit() && self.end_largest() {
            self.forget_oldest();
        }
        self.engine.note_searched();
    }

    /// Whether one more event may tell the application of something that is sent. Such events cannot be dropped: half of
    /// the limit is for them.
    pub(super) fn check_told(
        &self,
        namespace: &str,
        logged: bool,
        event: &Payload,
    ) -> Result<(), SendError> {
        let observed = self
            .namespaces
            .get(namespace)
            .is_some_and(|namespace| namespace.observed);
        let recovery = self.config.connection_state_recovery;
        let outside = recovery.is_some_and(|config| config.storage == RecoveryStorage::Outside);
        let copies = usize::from(observed).saturating_add(usize::from(logged && outside));
        if copies == 0 {
            return Ok(());
        }
        let limit = self.config.engine.max_bytes_held / FOR_TOLD;
        let size = event.payload_len().saturating_mul(copies);
        let buffered = self.undroppable;
        if buffered.saturating_add(size) > limit {
            return Err(SendError::Full { buffered, limit });
        }
        Ok(())
    }

    /// Notes when the oldest was sent or left of what a namespace keeps.
    pub(super) fn note_oldest(&mut self, namespace: Key) {
        let store = self.namespaces.by_key(namespace);
        let store = store.and_then(|namespace| namespace.store.as_deref());
        let oldest = store.and_then(|store| store.oldest());
        self.oldest_kept.set(namespace, oldest);
    }

    /// Notes that a namespace is no more, and what it kept neither.
    pub(super) fn forget_oldest_time(&mut self, namespace: Key) {
        self.oldest_kept.set(namespace, None);
    }

    /// Forgets what is kept for clients that come back, the oldest first, until enough is free or nothing is left.
    fn forget_oldest(&mut self) {
        let mut forgotten = 0_usize;
        while self.engine.is_over_limit() && !self.oldest_kept.is_empty() {
            // It gives nothing while it files anew what became later, of which there is less each time.
            let Some(key) = self.oldest_kept.pop() else {
                continue;
            };
            let next = self.oldest_kept.next();
            forgotten = forgotten.saturating_add(self.forget_oldest_of(key, next));
        }
        self.engine.note_forgotten(forgotten);
    }

    /// Forgets the oldest of one namespace for as long as it is older than what the others keep.
    fn forget_oldest_of(&mut self, key: Key, next: Option<Instant>) -> usize {
        let mut forgotten = 0;
        while self.engine.is_over_limit() {
            let namespace = self.namespaces.by_key_mut(key);
            let Some(store) = namespace.and_then(|namespace| namespace.store.as_deref_mut()) else {
                break;
            };
            let oldest = store.oldest();
            if oldest.is_none_or(|oldest| next.is_some_and(|next| next < oldest)) {
                break;
            }
            store.forget_oldest();
            forgotten += 1;
        }
        if let Some(namespace) = self.namespaces.by_key_mut(key) {
            namespace.store.take_if(|store| store.is_empty());
        }
        self.note_oldest(key);
        self.clean_up(key);
        forgotten
    }

    /// Ends the largest sessions, or drops what clients that are gone have left. False if there is nothing of either.
    fn end_largest(&mut self) -> bool {
        let sizes = self.undelivered_sizes();
        let gone: Vec<_> = sizes
            .iter()
            .filter(|(session, _)| self.client(**session).is_none())
            .map(|(session, size)| (*session, *size))
            .collect();
        let left: usize = gone.iter().map(|(_, size)| size).sum();
        let gone: Vec<_> = gone.into_iter().map(|(session, _)| session).collect();
        if left >= self.config.engine.max_bytes_held / WORTH_A_SEARCH {
            self.drop_undelivered(&gone);
            return true;
        }
        let (clients, sockets) = (&self.clients, &self.sockets);
        let waiting = |key: Key| {
            let socket = sockets.get(key);
            let extras = socket.and_then(|socket| socket.extras.as_deref());
            let restored = extras.and_then(|extras| extras.restored.as_ref());
            restored
                .map_or(0, |restored| restored.held_alone())
                .saturating_add(self.questions.size(key))
        };
        let above: BTreeMap<SessionKey, usize> = self
            .engine
            .sessions()
            .filter_map(|(session, _)| {
                let client = clients.get(session.slot());
                let client = client.filter(|client| client.session == session)?;
                let undelivered = sizes.get(&session).copied().unwrap_or_default();
                let waiting = client.connection.sockets().map(waiting);
                let size = undelivered.saturating_add(client.partial.bytes());
                let size = waiting.fold(size, usize::saturating_add);
                (size > 0).then_some((session, size))
            })
            .collect();
        let size = |session: SessionKey| above.get(&session).copied().unwrap_or_default();
        let ended = self.engine.end_largest(size);
        if ended.is_empty() {
            self.drop_undelivered(&gone);
            return !gone.is_empty();
        }
        self.take_events();
        self.drop_undelivered(&ended);
        true
    }

    /// The bytes of undelivered events that can be dropped with their session.
    fn undelivered_sizes(&self) -> BTreeMap<SessionKey, usize> {
        let mut sizes = BTreeMap::new();
        for queued in self.events.iter() {
            if let Some(session) = queued.droppable() {
                let size: &mut usize = sizes.entry(session).or_default();
                let slot = size_of::<Queued>();
                *size = size.saturating_add(queued.heap_size()).saturating_add(slot);
            }
        }
        sizes
    }

    /// Drops the undelivered events of sessions that are over.
    fn drop_undelivered(&mut self, sessions: &[SessionKey]) {
        if sessions.is_empty() {
            return;
        }
        let mut sessions = sessions.to_vec();
        sessions.sort_unstable();
        let mut lost: BTreeMap<BroadcastId, Vec<SocketKey>> = BTreeMap::new();
        self.events.retain_mut(|queued| {
            if let Event::BroadcastEnded {
                id,
                received,
                missing,
                ..
            } = &mut queued.event
                && let Some(sockets) = lost.remove(id)
            {
                *received = received.saturating_sub(sockets.len());
                missing.extend(sockets);
                missing.sort_unstable();
            }
            let session = queued.droppable();
            if session.is_none_or(|session| sessions.binary_search(&session).is_err()) {
                return true;
            }
            if let Event::BroadcastReply { id, socket, .. } = &queued.event {
                lost.entry(*id).or_default().push(*socket);
            }
            queued.shorten()
        });
        for (id, sockets) in lost {
            self.broadcasts.await_again(id, sockets);
        }
    }
}

/// The namespaces that keep something for clients that come back, by the time of the oldest of it.
#[derive(Debug)]
pub(super) struct OldestKept {
    times: TimerQueue<Key>,
    charge: Charge,
}

impl OldestKept {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            times: TimerQueue::new(),
            charge: ledger.charge(0),
        }
    }

    fn set(&mut self, namespace: Key, oldest: Option<Instant>) {
        self.times.set(namespace, oldest);
        self.settle();
    }

    fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The earliest time, or one before it.
    fn next(&self) -> Option<Instant> {
        self.times.next()
    }

    /// Takes out the namespace that keeps the oldest; `None` as well while times that became later are filed anew.
    ///
    /// What the place took stays charged until [`set`](Self::set) is called for the namespace. If it were released
    /// here, the server could seem to be within its limit until then, and forget nothing.
    fn pop(&mut self) -> Option<Key> {
        self.times.pop_expired(Instant::MAX)
    }

    fn settle(&mut self) {
        if self.times.is_empty() {
            // Emptied trees keep a node.
            self.times = TimerQueue::new();
        }
        self.charge.set(self.times.heap_size());
    }
}

impl Queued {
    /// The session with which the event can be dropped, or be made short.
    fn droppable(&self) -> Option<SessionKey> {
        let (session, _) = self.counted?;
        Some(session)
    }

    /// Drops what the event brings of a session that is over; false if nothing of it needs to be told.
    fn shorten(&mut self) -> bool {
        self.counted = None;
        if let Event::Recovered { auth, .. } = &mut self.event {
            *auth = None;
            return true;
        }
        let Event::Ack { socket, id, .. } = &self.event else {
            return false;
        };
        self.event = Event::AckFailed {
            socket: *socket,
            id: *id,
            error: AckError::Disconnected,
        };
        true
    }
}
