//! Which sessions have something to say.

use alloc::collections::VecDeque;

use crate::collections::Key;
use crate::ledger::{Charge, Ledger};

/// Sessions in the order in which they were marked.
///
/// The slots stay for the next broadcast, which is to allocate nothing, for as long as there are about as many sessions.
#[derive(Debug)]
pub(super) struct Marked {
    keys: VecDeque<Key>,
    charge: Charge,
}

/// The slots that the server always has.
const SPARE: usize = 16;

impl Marked {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            keys: VecDeque::with_capacity(SPARE),
            charge: ledger.charge(0),
        }
    }

    pub(super) fn push_back(&mut self, key: Key) {
        self.keys.push_back(key);
        self.settle();
    }

    pub(super) fn front(&self) -> Option<Key> {
        self.keys.front().copied()
    }

    pub(super) fn pop_front(&mut self) {
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
            marked.push_back(key);
            slots(&marked);
        }
        assert_eq!(slots(&marked), 128);
        for key in keys {
            assert_eq!(marked.front(), Some(key));
            marked.pop_front();
        }
        assert_eq!(marked.front(), None);
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
}
