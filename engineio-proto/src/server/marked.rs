//! The sessions that have output.

use alloc::collections::VecDeque;

use crate::collections::Key;
use crate::ledger::{Charge, Ledger};

/// Sessions in the order in which they were marked.
///
/// The slots stay for the next broadcast, which is to allocate nothing, for as long as there are about as many sessions.
#[derive(Debug)]
pub(super) struct Marked {
    keys: VecDeque<Key>,
    /// The session that was taken out last. It has its place at the front until the next one is looked at.
    taken: Option<Key>,
    charge: Charge,
}

/// The slots that the server always has.
const SPARE: usize = 16;

impl Marked {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            keys: VecDeque::with_capacity(SPARE),
            taken: None,
            charge: ledger.charge(0),
        }
    }

    /// Marks a session that is not marked: behind all others, or in its place if it has just been taken out.
    #[inline]
    pub(super) fn mark(&mut self, key: Key) {
        if self.keys.len() == self.keys.capacity() {
            self.grow();
        }
        if self.taken == Some(key) {
            self.taken = None;
            self.keys.push_front(key);
        } else {
            self.keys.push_back(key);
        }
    }

    #[cold]
    fn grow(&mut self) {
        self.keys.reserve(1);
        self.settle();
    }

    /// Whether no session is marked.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether there is a session that was marked first, looked at as by [`next`](Self::next).
    #[inline]
    pub(super) fn has_next(&mut self) -> bool {
        self.taken = None;
        !self.keys.is_empty()
    }

    /// The session that was marked first. The one before it loses its place.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Key> {
        self.taken = None;
        self.keys.front().copied()
    }

    /// Takes out the session that was marked first, which has nothing left. It has its place for as long as nobody looks
    /// at the next one, as if it had been left there until then: one look at each session is enough.
    #[inline]
    pub(super) fn take_first(&mut self) {
        self.taken = self.keys.pop_front();
    }

    /// Takes out the session that was marked first, for good.
    pub(super) fn drop_first(&mut self) {
        self.keys.pop_front();
    }

    /// Gives back what the queue took for many more sessions than there are.
    pub(super) fn fit(&mut self, sessions: usize) {
        let capacity = self.keys.capacity();
        if capacity > SPARE && sessions <= capacity / 4 {
            self.keys.shrink_to(SPARE.max(capacity / 2));
            self.settle();
        }
    }

    fn settle(&mut self) {
        let more = self.keys.capacity().saturating_sub(SPARE);
        self.charge.set(more.saturating_mul(size_of::<Key>()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::collections::Slab;

    #[test]
    fn slots_are_charged_and_half_of_them_given_back_while_three_quarters_are_too_many() {
        let ledger = Ledger::new();
        let mut marked = Marked::new(&ledger);
        let mut slab = Slab::new();
        let keys: [Key; 100] = core::array::from_fn(|_| slab.insert(()).unwrap());
        let slots = |marked: &Marked| {
            let capacity = marked.keys.capacity();
            assert_eq!(ledger.total(), (capacity - SPARE) * size_of::<Key>());
            capacity
        };
        for key in keys {
            marked.mark(key);
            slots(&marked);
        }
        assert_eq!(slots(&marked), 128);
        for key in keys {
            assert_eq!(marked.next(), Some(key));
            marked.drop_first();
        }
        assert_eq!(marked.next(), None);
        for (sessions, left) in [
            (33, 128),
            (32, 64),
            (32, 64),
            (16, 32),
            (9, 32),
            (0, 16),
            (0, 16),
        ] {
            marked.fit(sessions);
            assert_eq!(slots(&marked), left, "{sessions}");
        }
    }

    proptest! {
        /// The model leaves a session at the front until the next look finds that it has nothing left.
        #[test]
        fn one_look_keeps_the_order_that_a_second_one_would(ops in prop::collection::vec(prop::option::weighted(0.6, 0..4_usize), 0..60)) {
            let mut slab = Slab::new();
            let keys: [Key; 4] = core::array::from_fn(|_| slab.insert(()).unwrap());
            let mut marked = Marked::new(&Ledger::new());
            let (mut queue, mut has_something) = (VecDeque::new(), [false; 4]);
            let mut is_marked = [false; 4];
            for op in ops {
                if let Some(index) = op {
                    has_something[index] = true;
                    if !queue.contains(&index) {
                        queue.push_back(index);
                    }
                    if !is_marked[index] {
                        is_marked[index] = true;
                        marked.mark(keys[index]);
                    }
                    continue;
                }
                while let Some(index) = queue.front() && !has_something[*index] {
                    queue.pop_front();
                }
                prop_assert_eq!(marked.has_next(), !queue.is_empty());
                prop_assert_eq!(marked.next(), queue.front().map(|index| keys[*index]));
                if let Some(index) = queue.front() {
                    marked.take_first();
                    (has_something[*index], is_marked[*index]) = (false, false);
                }
            }
        }
    }
}
