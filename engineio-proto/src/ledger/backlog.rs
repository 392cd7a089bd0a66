//! A queue whose memory is charged.

use alloc::collections::VecDeque;
use core::mem::size_of;

use super::{Charge, HeapSize, Ledger};
use crate::collections::Steps;

/// A first-in, first-out queue that charges a [`Ledger`] for its slots and for what its items keep.
///
/// It has 16 slots from the beginning, which belong to the machine and are not charged. Of further ones it gives half
/// back once three quarters are free.
///
/// # Examples
///
/// ```
/// use engineio_proto::ledger::{Backlog, HeapSize, Ledger};
///
/// struct Name(String);
///
/// impl HeapSize for Name {
///     fn heap_size(&self) -> usize {
///         self.0.capacity()
///     }
/// }
///
/// let ledger = Ledger::new();
/// let mut names = Backlog::new(&ledger);
/// names.push(Name("Ada".into()));
/// assert_eq!(ledger.total(), 3);
/// assert_eq!(names.pop().map(|name| name.0).as_deref(), Some("Ada"));
/// assert_eq!(ledger.total(), 0);
/// ```
#[derive(Debug)]
pub struct Backlog<T> {
    items: VecDeque<T>,
    contents: usize,
    charge: Charge,
    steps: Steps,
}

/// The slots that a queue always has, so that a steady stream of items allocates nothing.
const SPARE: usize = 16;

impl<T: HeapSize> Backlog<T> {
    /// Makes an empty queue.
    #[must_use]
    pub fn new(ledger: &Ledger) -> Self {
        Self {
            items: VecDeque::with_capacity(SPARE),
            contents: 0,
            charge: ledger.charge(0),
            steps: Steps::new(),
        }
    }

    /// Puts an item at the end.
    #[inline(always)]
    pub fn push(&mut self, item: T) {
        self.contents = self.contents.saturating_add(item.heap_size());
        self.items.push_back(item);
        self.charge_for(self.items.capacity());
    }

    /// The first item.
    #[must_use]
    pub fn front(&self) -> Option<&T> {
        self.items.front()
    }

    /// Takes the first item.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<T> {
        // Measured where it lies, and taken out last: it may be large, and is moved once.
        let size = self.items.front()?.heap_size();
        self.contents = self.contents.saturating_sub(size);
        let left = self.items.len().saturating_sub(1);
        self.charge_for(self.items.capacity());
        if self.is_wide(left) {
            return self.pop_and_shrink();
        }
        self.items.pop_front()
    }

    #[cold]
    fn pop_and_shrink(&mut self) -> Option<T> {
        let item = self.items.pop_front();
        self.settle();
        item
    }

    /// Changes the items, and keeps those of which `keep` says so. Looks at each item.
    pub fn retain_mut(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let steps = &self.steps;
        self.items.retain_mut(|item| {
            steps.count();
            keep(item)
        });
        let sizes = self.items.iter().map(HeapSize::heap_size);
        self.contents = sizes.fold(0, usize::saturating_add);
        let spare = self.items.len().saturating_mul(2);
        self.items.shrink_to(spare.max(SPARE));
        self.settle();
    }

    /// The items, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().inspect(|_| self.steps.count())
    }

    /// How often an item was looked at.
    #[cfg(feature = "count-steps")]
    #[doc(hidden)]
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.taken()
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether there are so few items that half of the slots go.
    fn is_wide(&self, items: usize) -> bool {
        let capacity = self.items.capacity();
        capacity > SPARE && items <= capacity / 4
    }

    fn settle(&mut self) {
        if self.is_wide(self.items.len()) {
            self.items.shrink_to(SPARE.max(self.items.capacity() / 2));
        }
        self.charge_for(self.items.capacity());
    }

    fn charge_for(&mut self, slots: usize) {
        let slots = slots.saturating_sub(SPARE);
        let slots = slots.saturating_mul(size_of::<T>());
        self.charge.set(self.contents.saturating_add(slots));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl HeapSize for u8 {
        fn heap_size(&self) -> usize {
            usize::from(*self)
        }
    }

    #[test]
    fn slots_and_contents_count_until_they_are_given_back() {
        let ledger = Ledger::new();
        let mut backlog = Backlog::new(&ledger);
        for item in 0..100_u8 {
            backlog.push(item);
        }
        let slots = backlog.items.capacity() - SPARE;
        assert_eq!(ledger.total(), slots + (0..100).sum::<usize>());
        backlog.retain_mut(|item| {
            *item = 1;
            backlog_keeps(*item)
        });
        assert_eq!((backlog.len(), backlog.is_empty()), (100, false));
        while backlog.pop().is_some() {}
        assert_eq!((ledger.total(), backlog.items.capacity()), (0, SPARE));
        backlog.push(7);
        drop(backlog);
        assert_eq!(ledger.total(), 0);
    }

    #[test]
    fn half_of_the_slots_is_given_back_once_three_quarters_are_free() {
        let ledger = Ledger::new();
        let mut backlog = Backlog::new(&ledger);
        (0..100_u8).for_each(|_| backlog.push(0));
        assert_eq!(ledger.total(), 128 - SPARE);
        while backlog.pop().is_some() {
            let slots = match backlog.len() {
                33.. => 128,
                17.. => 64,
                9.. => 32,
                _ => SPARE,
            };
            assert_eq!(backlog.items.capacity(), slots, "{}", backlog.len());
            assert_eq!(ledger.total(), slots - SPARE);
        }
        // What is kept of a few needs no slots of its own.
        for (kept, slots) in [(20, 40), (8, SPARE)] {
            (0..100_u8).for_each(|item| backlog.push(item));
            backlog.retain_mut(|item| *item < kept);
            let contents: usize = (0..usize::from(kept)).sum();
            assert_eq!(ledger.total(), slots - SPARE + contents, "{kept}");
            assert!(backlog.iter().copied().eq(0..kept));
            while backlog.pop().is_some() {}
        }
    }

    fn backlog_keeps(item: u8) -> bool {
        item == 1
    }
}
