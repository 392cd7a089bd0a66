//! Broadcasts whose acknowledgements are awaited.
//!
//! | state | input | next | action of the server |
//! |---|---|---|---|
//! | none | it was sent to nobody | none | it ends |
//! | none | it was sent to some | waiting | a deadline is set |
//! | waiting | an acknowledgement, not the last | waiting | – |
//! | waiting | the last acknowledgement | none | it ends |
//! | waiting | an acknowledgement was dropped before it was told | waiting, for that one too | – |
//! | waiting | the time is over | none | it ends, and nothing more is awaited of those that are missing |

use alloc::collections::{BTreeMap, BTreeSet};

use super::keys::{BroadcastId, SocketKey};
use crate::MAX_PACKET_ID;

/// The broadcasts that wait, by their ids.
#[derive(Debug)]
pub(super) struct Broadcasts {
    waiting: BTreeMap<BroadcastId, Waiting>,
    /// Counts broadcasts for namespaces that do not exist, so that they have names of their own too.
    nowhere: u64,
}

#[derive(Debug)]
struct Waiting {
    expected: usize,
    missing: BTreeSet<SocketKey>,
}

/// A broadcast that is over.
#[derive(Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) id: BroadcastId,
    /// How many sockets it reached.
    pub(super) expected: usize,
    /// Those that did not acknowledge it.
    pub(super) missing: BTreeSet<SocketKey>,
}

impl Broadcasts {
    pub(super) const fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            nowhere: 0,
        }
    }

    /// The next number for a broadcast in a namespace that does not exist.
    pub(super) fn next_nowhere(&mut self) -> u64 {
        self.nowhere = self.nowhere.wrapping_add(1) & MAX_PACKET_ID;
        self.nowhere
    }

    /// Waits for the acknowledgements of those that a broadcast reached. It is over at once if there are none.
    pub(super) fn start(&mut self, id: BroadcastId, reached: &[SocketKey]) -> Option<Ended> {
        let waiting = Waiting {
            expected: reached.len(),
            missing: reached.iter().copied().collect(),
        };
        self.waiting.insert(id, waiting);
        self.end_if_answered(id)
    }

    /// Whether the acknowledgements of a broadcast are awaited.
    pub(super) fn is_waiting(&self, id: BroadcastId) -> bool {
        self.waiting.contains_key(&id)
    }

    /// Counts an acknowledgement that was told.
    pub(super) fn answer(&mut self, id: BroadcastId, socket: SocketKey) -> Option<Ended> {
        self.waiting.get_mut(&id)?.missing.remove(&socket);
        self.end_if_answered(id)
    }

    /// Counts acknowledgements as missing that came and were dropped before they were told.
    pub(super) fn await_again(
        &mut self,
        id: BroadcastId,
        sockets: impl IntoIterator<Item = SocketKey>,
    ) {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.missing.extend(sockets);
        }
    }

    /// Waits no longer.
    pub(super) fn end(&mut self, id: BroadcastId) -> Option<Ended> {
        let Waiting { expected, missing } = self.waiting.remove(&id)?;
        Some(Ended {
            id,
            expected,
            missing,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Those whose acknowledgements are awaited, for each broadcast.
    pub(super) fn missing(&self) -> impl Iterator<Item = SocketKey> {
        let waiting = self.waiting.values();
        waiting.flat_map(|waiting| waiting.missing.iter().copied())
    }

    fn end_if_answered(&mut self, id: BroadcastId) -> Option<Ended> {
        let waiting = self.waiting.get(&id)?;
        waiting.missing.is_empty().then(|| self.end(id))?
    }
}

#[cfg(test)]
mod tests {
    use engineio_proto::collections::Key;

    use super::*;

    const ID: BroadcastId = BroadcastId {
        namespace: None,
        number: 1,
    };
    const A: SocketKey = SocketKey(Key::from_bits(1));
    const B: SocketKey = SocketKey(Key::from_bits(2));

    fn ended(expected: usize, missing: &[SocketKey]) -> Option<Ended> {
        let missing = missing.iter().copied().collect();
        Some(Ended {
            id: ID,
            expected,
            missing,
        })
    }

    #[test]
    fn a_broadcast_ends_once_with_its_last_acknowledgement() {
        let mut broadcasts = Broadcasts::new();
        assert_eq!(broadcasts.start(ID, &[A, B]), None);
        assert!(broadcasts.is_waiting(ID));
        assert_eq!(broadcasts.answer(ID, A), None);
        assert_eq!(broadcasts.answer(ID, A), None);
        assert_eq!(broadcasts.answer(ID, B), ended(2, &[]));
        assert_eq!((broadcasts.answer(ID, B), broadcasts.end(ID)), (None, None));
        assert_eq!(broadcasts.len(), 0);
    }

    #[test]
    fn a_broadcast_for_nobody_ends_at_once() {
        assert_eq!(Broadcasts::new().start(ID, &[]), ended(0, &[]));
    }

    #[test]
    fn what_was_dropped_before_it_was_told_is_missing() {
        let mut broadcasts = Broadcasts::new();
        broadcasts.start(ID, &[A, B]);
        broadcasts.answer(ID, A);
        broadcasts.await_again(ID, [A]);
        assert_eq!(broadcasts.missing().count(), 2);
        assert_eq!(broadcasts.end(ID), ended(2, &[A, B]));
    }

    #[test]
    fn broadcasts_to_nowhere_have_names_of_their_own() {
        let mut broadcasts = Broadcasts::new();
        assert_eq!(
            (broadcasts.next_nowhere(), broadcasts.next_nowhere()),
            (1, 2)
        );
        broadcasts.nowhere = MAX_PACKET_ID;
        assert_eq!(broadcasts.next_nowhere(), 0);
    }
}
