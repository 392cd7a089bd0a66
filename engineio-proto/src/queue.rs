//! A queue that costs little while it is empty.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// A first-in, first-out queue with room for one item inside; more take memory, which is given back when it is empty.
///
/// An idle session holds several queues, a million sessions several million: each byte here counts.
#[expect(
    clippy::box_collection,
    reason = "eight bytes in an idle session instead of 32"
)]
#[derive(Debug)]
pub(crate) struct Queue<T> {
    head: Option<T>,
    tail: Option<Box<VecDeque<T>>>,
}

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self {
            head: None,
            tail: None,
        }
    }

    pub(crate) fn push(&mut self, item: T) {
        if self.head.is_none() {
            self.head = Some(item);
        } else {
            self.tail.get_or_insert_default().push_back(item);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = self.head.take()?;
        if let Some(tail) = &mut self.tail {
            self.head = tail.pop_front();
            if tail.is_empty() {
                self.tail = None;
            }
        }
        Some(item)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let tail = self.tail.iter().flat_map(|tail| tail.iter());
        self.head.iter().chain(tail)
    }

    /// Keeps the items of which `keep` says so, in their order.
    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        let mut kept = Self::new();
        while let Some(item) = self.pop() {
            if keep(&item) {
                kept.push(item);
            }
        }
        *self = kept;
    }

    /// The bytes that the queue takes on the heap, without what its items keep there.
    pub(crate) fn slots_size(&self) -> usize {
        self.tail.as_ref().map_or(0, |tail| {
            let slots = tail.capacity().saturating_mul(size_of::<T>());
            slots.saturating_add(size_of::<VecDeque<T>>())
        })
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.head.is_some())
            .saturating_add(self.tail.as_ref().map_or(0, |tail| tail.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_and_gives_memory_back() {
        let mut queue = Queue::new();
        for round in 0..3 {
            (0..5).for_each(|n| queue.push(n + round));
            assert_eq!(queue.len(), 5);
            for n in 0..5 {
                assert_eq!(queue.pop(), Some(n + round));
                queue.push(9);
                assert_eq!(queue.len(), 5);
            }
            while queue.pop().is_some() {}
            assert!(queue.is_empty() && queue.tail.is_none());
        }
    }

    #[test]
    fn what_is_kept_stays_in_order() {
        let mut queue = Queue::new();
        (0..6).for_each(|n| queue.push(n));
        queue.retain(|n| n % 2 == 1);
        assert!(queue.iter().eq(&[1, 3, 5]));
        queue.retain(|n| *n == 3);
        assert_eq!(
            (queue.slots_size(), queue.pop(), queue.pop()),
            (0, Some(3), None)
        );
    }
}
