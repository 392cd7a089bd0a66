//! All that a server keeps for clients that come back: one store for each namespace of which something is kept.
//!
//! | state | input | next | action of the server |
//! |---|---|---|---|
//! | nothing is kept | a packet or a session | kept | a deadline to look for what is too old |
//! | kept | a packet or a session | kept | – |
//! | kept | the deadline | kept, or nothing | the next deadline, unless nothing is left; namespaces that nobody waits for go |
//! | kept | too much memory is held | kept, or nothing | namespaces that nobody waits for go |
//! | any, the application keeps it | a packet or a session | the same | it is told |

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use bytestring::ByteString;
use engineio_proto::collections::{Key, TimerQueue};
use engineio_proto::ledger::{self, Charge, Ledger};
use engineio_proto::{Instant, Seed, Sid};

use super::config::{RecoveryConfig, RecoveryStorage};
use super::offsets::Offsets;
use super::store::{LoggedPacket, RecoveryStore, Restored, SavedSession};

/// The stores of all namespaces, and when to look for what is too old.
#[derive(Debug)]
pub(in crate::server) struct Kept {
    config: Option<RecoveryConfig>,
    offsets: Offsets,
    stores: BTreeMap<Key, Box<RecoveryStore>>,
    slots: Charge,
    oldest: Oldest,
    /// Whether a deadline is set.
    expiring: bool,
}

/// What a search for what is too old came to.
pub(in crate::server) struct Expired {
    /// The namespaces that were looked at: nobody may wait for some of them any more.
    pub(in crate::server) namespaces: Vec<Key>,
    /// When to search again.
    pub(in crate::server) next: Option<Instant>,
    /// There may be more that is too old already.
    pub(in crate::server) has_more: bool,
}

/// Expired packets and sessions are looked for at most this often.
const LEAST_EXPIRY: Duration = Duration::from_secs(1);

/// How many packets, sessions and names of rooms one search forgets at most, but for the names of one packet or session.
const EXPIRED_PER_CALL: usize = 16_384;

impl Kept {
    pub(in crate::server) fn new(
        config: Option<RecoveryConfig>,
        seed: &Seed,
        ledger: &Ledger,
    ) -> Self {
        Self {
            config,
            offsets: Offsets::new(seed),
            stores: BTreeMap::new(),
            slots: ledger.charge(0),
            oldest: Oldest::new(ledger),
            expiring: false,
        }
    }

    /// The offset of the next packet; `None` if clients cannot come back.
    pub(in crate::server) fn next_offset(&mut self) -> Option<ByteString> {
        self.config.map(|_| self.offsets.next())
    }

    /// Keeps a packet that was sent. Gives it back if the application is to keep it.
    pub(in crate::server) fn record(
        &mut self,
        namespace: Key,
        packet: LoggedPacket,
    ) -> Option<LoggedPacket> {
        let Some(store) = self.store(namespace) else {
            return Some(packet);
        };
        store.record(packet);
        self.note_oldest(namespace);
        None
    }

    /// Keeps a socket that left and may come back. Gives it back if the application is to keep it.
    pub(in crate::server) fn save(
        &mut self,
        namespace: Key,
        session: SavedSession,
    ) -> Option<SavedSession> {
        let Some(store) = self.store(namespace) else {
            return Some(session);
        };
        store.save(session);
        self.note_oldest(namespace);
        None
    }

    /// Takes out the session that a client had, with what it missed.
    pub(in crate::server) fn restore(
        &mut self,
        namespace: Key,
        pid: &Sid,
        offset: &str,
        now: Instant,
    ) -> Option<Restored> {
        self.stores.get_mut(&namespace)?.restore(pid, offset, now)
    }

    /// What is kept of a namespace.
    pub(in crate::server) fn get(&self, namespace: Key) -> Option<&RecoveryStore> {
        self.stores.get(&namespace).map(|store| &**store)
    }

    /// Takes out what is kept of a namespace.
    pub(in crate::server) fn take(&mut self, namespace: Key) -> Option<RecoveryStore> {
        let mut store = self.remove(namespace)?;
        store.detach();
        self.note_oldest(namespace);
        Some(*store)
    }

    /// Keeps this of a namespace, in the place of what was kept of it. False if the application is to keep it.
    pub(in crate::server) fn put(&mut self, namespace: Key, store: RecoveryStore) -> bool {
        let ledger = self.slots.ledger().clone();
        let Some(place) = self.store(namespace) else {
            return false;
        };
        *place = store;
        place.attach(&ledger);
        self.note_oldest(namespace);
        true
    }

    /// Forgets what is kept of a namespace that is no more.
    pub(in crate::server) fn forget(&mut self, namespace: Key) {
        self.oldest.set(namespace, None);
        self.remove(namespace);
    }

    /// Whether somebody may come back to a namespace.
    pub(in crate::server) fn is_awaited(&self, namespace: Key) -> bool {
        let store = self.stores.get(&namespace);
        store.is_some_and(|store| store.sessions().next().is_some())
    }

    /// When to look for what is too old, if no deadline is set.
    pub(in crate::server) fn next_expiry(&mut self, now: Instant) -> Option<Instant> {
        let config = self.config.filter(|_| !self.expiring)?;
        self.expiring = true;
        let period = config.max_disconnection_duration / 2;
        Some(now + period.max(LEAST_EXPIRY))
    }

    /// Forgets what is too old, and asks to look again for as long as something is kept.
    ///
    /// Cost: O(1) for each namespace of which something is kept, and O(log n) for each of n packets and sessions that go.
    /// At most [`EXPIRED_PER_CALL`] go at a time.
    pub(in crate::server) fn expire(&mut self, now: Instant) -> Expired {
        self.expiring = false;
        let mut work = EXPIRED_PER_CALL;
        let mut namespaces = Vec::new();
        let mut next = None;
        let kept: Vec<Key> = self.stores.keys().copied().collect();
        for namespace in kept {
            if work == 0 {
                break;
            }
            if let Some(store) = self.stores.get_mut(&namespace) {
                store.expire_within(now, &mut work);
            }
            if !self.remove_if_empty(namespace) {
                next = next.or_else(|| self.next_expiry(now));
            }
            self.note_oldest(namespace);
            namespaces.push(namespace);
        }
        if work == 0 {
            self.expiring = true;
            next = Some(now);
        }
        Expired {
            namespaces,
            next,
            has_more: work == 0,
        }
    }

    /// Whether a deadline is set.
    pub(in crate::server) const fn is_expiring(&self) -> bool {
        self.expiring
    }

    /// Forgets the oldest, for as long as it is in the same namespace and `is_too_much` says so. Gives the namespace, and
    /// how many packets and sessions went; `None` once enough is free or nothing is left.
    pub(in crate::server) fn forget_oldest(
        &mut self,
        is_too_much: impl Fn() -> bool,
    ) -> Option<(Key, usize)> {
        while is_too_much() && !self.oldest.is_empty() {
            // It gives nothing while it files anew what became later, of which there is less each time.
            if let Some(namespace) = self.oldest.pop() {
                let next = self.oldest.next();
                let forgotten = self.forget_oldest_of(namespace, next, is_too_much);
                return Some((namespace, forgotten));
            }
        }
        None
    }

    /// Forgets the oldest of one namespace for as long as it is older than what the others keep.
    fn forget_oldest_of(
        &mut self,
        namespace: Key,
        next: Option<Instant>,
        is_too_much: impl Fn() -> bool,
    ) -> usize {
        let mut forgotten = 0;
        while is_too_much() {
            let Some(store) = self.stores.get_mut(&namespace) else {
                break;
            };
            let oldest = store.oldest();
            if oldest.is_none_or(|oldest| next.is_some_and(|next| next < oldest)) {
                break;
            }
            store.forget_oldest();
            forgotten += 1;
        }
        self.remove_if_empty(namespace);
        self.note_oldest(namespace);
        forgotten
    }

    /// The store of a namespace, made if need be; `None` if the application keeps it, or clients cannot come back.
    fn store(&mut self, namespace: Key) -> Option<&mut RecoveryStore> {
        let config = self.config;
        let config = config.filter(|config| config.storage == RecoveryStorage::Inside)?;
        if !self.stores.contains_key(&namespace) {
            let mut store = Box::new(RecoveryStore::new(config));
            store.attach(self.slots.ledger());
            self.stores.insert(namespace, store);
            self.settle();
        }
        self.stores.get_mut(&namespace).map(|store| &mut **store)
    }

    /// Notes when the oldest was sent or left of what a namespace keeps.
    fn note_oldest(&mut self, namespace: Key) {
        let store = self.stores.get(&namespace);
        let oldest = store.and_then(|store| store.oldest());
        self.oldest.set(namespace, oldest);
    }

    fn remove_if_empty(&mut self, namespace: Key) -> bool {
        let store = self.stores.get(&namespace);
        if store.is_some_and(|store| !store.is_empty()) {
            return false;
        }
        self.remove(namespace);
        true
    }

    fn remove(&mut self, namespace: Key) -> Option<Box<RecoveryStore>> {
        let store = self.stores.remove(&namespace);
        if self.stores.is_empty() {
            // An emptied map keeps a node.
            self.stores = BTreeMap::new();
        }
        self.settle();
        store
    }

    fn settle(&mut self) {
        let size = ledger::map_size::<Key, Box<RecoveryStore>>(self.stores.len());
        self.slots.set(size);
    }

    #[cfg(feature = "count-steps")]
    pub(in crate::server) fn steps(&self) -> usize {
        self.stores.values().map(|store| store.steps()).sum()
    }
}

/// The namespaces that keep something for clients that come back, by the time of the oldest of it.
#[derive(Debug)]
struct Oldest {
    times: TimerQueue<Key>,
    charge: Charge,
}

impl Oldest {
    fn new(ledger: &Ledger) -> Self {
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
