//! The handshakes that wait for the application.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::route::Handshake;
use crate::collections::{Key, Slab, TimerQueue};
use crate::ledger::{self, Charge, Ledger};
use crate::{ConnectionId, HeadId, Instant, Transport};

/// A handshake that waits for the application, which answers it once with [`Server::accept`](super::Server::accept)
/// or [`Server::reject`](super::Server::reject).
///
/// Dropping it leaks nothing. The client is refused after
/// [`Config::handshake_timeout`](super::Config::handshake_timeout).
#[derive(Debug, Eq, PartialEq)]
#[must_use = "the client waits for an answer"]
pub struct HandshakeToken(Key);

impl HandshakeToken {
    /// The token as a number, which can be stored: as [`Key::to_bits`].
    #[must_use]
    pub const fn to_bits(&self) -> u64 {
        self.0.to_bits()
    }

    /// The token of a stored number: as [`Key::from_bits`].
    pub const fn from_bits(bits: u64) -> Self {
        Self(Key::from_bits(bits))
    }
}

/// The handshakes on which the application has not decided yet.
#[derive(Debug)]
pub(super) struct Waiting {
    handshakes: Slab<(Handshake, HeadId)>,
    keys: BTreeMap<HeadId, Key>,
    timers: TimerQueue<Key>,
    charge: Charge,
}

impl Waiting {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            handshakes: Slab::new(),
            keys: BTreeMap::new(),
            timers: TimerQueue::new(),
            charge: ledger.charge(0),
        }
    }

    fn settle(&mut self) {
        if self.handshakes.is_empty() {
            // Emptied trees keep a node.
            (self.keys, self.timers) = (BTreeMap::new(), TimerQueue::new());
            return self.charge.set(0);
        }
        let keys = ledger::map_size::<HeadId, Key>(self.keys.len());
        let handshakes = self.handshakes.heap_size();
        let size = self.timers.heap_size().saturating_add(keys);
        self.charge.set(size.saturating_add(handshakes));
    }

    pub(super) fn len(&self) -> usize {
        self.handshakes.len()
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub(super) fn insert(
        &mut self,
        handshake: Handshake,
        by: HeadId,
        deadline: Instant,
    ) -> Option<HandshakeToken> {
        let key = self.handshakes.insert((handshake, by))?;
        self.keys.insert(by, key);
        self.timers.set(key, Some(deadline));
        self.settle();
        Some(HandshakeToken(key))
    }

    /// Takes out the handshake of a token; `None` if it waits no longer.
    #[expect(clippy::needless_pass_by_value, reason = "a token is for one answer")]
    pub(super) fn take(&mut self, token: HandshakeToken) -> Option<(Handshake, HeadId)> {
        self.remove(token.0)
    }

    /// Takes out all of them.
    pub(super) fn take_all(&mut self) -> Vec<(Handshake, HeadId)> {
        let keys: Vec<_> = self.handshakes.iter().map(|(key, _)| key).collect();
        keys.into_iter()
            .filter_map(|key| self.remove(key))
            .collect()
    }

    /// Takes out one that has waited for too long.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<(Handshake, HeadId)> {
        let key = self.timers.pop_expired(now)?;
        self.remove(key)
    }

    fn remove(&mut self, key: Key) -> Option<(Handshake, HeadId)> {
        let (handshake, by) = self.handshakes.remove(key)?;
        self.keys.remove(&by);
        self.timers.set(key, None);
        self.settle();
        Some((handshake, by))
    }

    /// Whether a WebTransport stream asked for a session that the application has not decided on.
    pub(super) fn has_stream(&self, id: ConnectionId) -> bool {
        let key = self.keys.get(&HeadId::Connection(id));
        key.and_then(|key| self.handshakes.get(*key))
            .is_some_and(|(handshake, _)| handshake.transport == Transport::WebTransport)
    }

    /// Forgets the request of a WebTransport stream, and returns whether there was one.
    pub(super) fn forget_stream(&mut self, id: ConnectionId) -> bool {
        let waits = self.has_stream(id);
        if waits {
            self.forget(HeadId::Connection(id));
        }
        waits
    }

    /// Forgets the handshake of a request or connection that has ended.
    pub(super) fn forget(&mut self, by: HeadId) {
        if let Some(key) = self.keys.get(&by).copied() {
            self.remove(key);
        }
    }
}
