//! How many parts of a machine hold a message.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicUsize, Ordering};

use once_cell::race::OnceBox;

/// The holders of one message, by ledger. There is a place for one ledger inside; further ones, of other shards that
/// hold the same message, are made when they are needed.
///
/// A place belongs to the ledger whose id it has, until nothing holds the message there. Only the machine of that ledger
/// changes it then, so that no lock is needed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    owner: AtomicUsize,
    holds: AtomicUsize,
    charged: AtomicUsize,
    next: OnceBox<Self>,
}

/// The ledgers that count a shared message once. For further ones each hold counts.
const MOST_LEDGERS: usize = 64;

impl Tally {
    /// Notes a holder; gives the bytes to be charged.
    pub(super) fn hold(
        &self,
        id: usize,
        size: impl FnOnce() -> usize,
        fixed_size: impl FnOnce() -> usize,
    ) -> usize {
        let Some(place) = self.find(id).or_else(|| self.claim(id)) else {
            return fixed_size();
        };
        if place.holds.fetch_add(1, Ordering::Relaxed) > 0 {
            return 0;
        }
        let size = size();
        place.charged.store(size, Ordering::Relaxed);
        size
    }

    /// Notes that a holder is gone; gives the bytes to be released.
    pub(super) fn release(&self, id: usize, fixed_size: impl FnOnce() -> usize) -> usize {
        let Some(place) = self.find(id) else {
            return fixed_size();
        };
        if place.holds.fetch_sub(1, Ordering::Relaxed) > 1 {
            return 0;
        }
        let charged = place.charged.swap(0, Ordering::Relaxed);
        place.owner.store(0, Ordering::Release);
        charged
    }

    /// Looks at the size of a message that is held anew; gives the bytes to be charged on top.
    pub(super) fn grow(&self, id: usize, size: impl FnOnce() -> usize) -> usize {
        let Some(place) = self.find(id) else {
            return 0;
        };
        let size = size();
        let charged = place.charged.load(Ordering::Relaxed);
        place.charged.store(size.max(charged), Ordering::Relaxed);
        size.saturating_sub(charged)
    }

    /// The bytes that are charged, if there is one holder.
    pub(super) fn alone(&self, id: usize) -> usize {
        self.find(id)
            .filter(|place| place.holds.load(Ordering::Relaxed) == 1)
            .map_or(0, |place| place.charged.load(Ordering::Relaxed))
    }

    fn find(&self, id: usize) -> Option<&Self> {
        self.places()
            .find(|place| place.owner.load(Ordering::Relaxed) == id)
    }

    /// Takes a place that belongs to nobody.
    fn claim(&self, id: usize) -> Option<&Self> {
        let mut place = self;
        for _ in 0..MOST_LEDGERS {
            let free = place
                .owner
                .compare_exchange(0, id, Ordering::Acquire, Ordering::Relaxed);
            if free.is_ok() {
                return Some(place);
            }
            place = place.next.get_or_init(Box::default);
        }
        None
    }

    fn places(&self) -> impl Iterator<Item = &Self> {
        core::iter::successors(Some(self), |place| place.next.get())
    }
}
