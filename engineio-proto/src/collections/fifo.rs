//! A queue that gives memory back.

use alloc::collections::VecDeque;

/// A first-in, first-out queue whose memory follows its length, also downwards.
///
/// Pushing and popping take constant time on average. A queue with room for more than 64 items frees half of it once
/// three quarters of it are unused. A steady stream therefore allocates nothing, and a long queue leaves room for at
/// most 64 items.
///
/// # Examples
///
/// ```
/// use engineio_proto::collections::Fifo;
///
/// let mut queue = Fifo::new();
/// queue.push("a");
/// queue.push("b");
/// assert_eq!((queue.pop(), queue.front()), (Some("a"), Some(&"b")));
/// ```
#[derive(Clone, Debug)]
pub struct Fifo<T>(VecDeque<T>);

/// The items that an empty queue may keep room for.
const SPARE: usize = 64;

impl<T> Fifo<T> {
    /// Makes an empty queue, which holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// Adds an item at the end.
    pub fn push(&mut self, item: T) {
        self.0.push_back(item);
    }

    /// Removes the first item.
    pub fn pop(&mut self) -> Option<T> {
        let item = self.0.pop_front()?;
        let capacity = self.0.capacity();
        if capacity > SPARE && self.0.len() <= capacity / 4 {
            self.0.shrink_to(SPARE.max(capacity / 2));
        }
        Some(item)
    }

    /// The first item.
    #[must_use]
    pub fn front(&self) -> Option<&T> {
        self.0.front()
    }

    /// The first item, to be changed.
    pub fn front_mut(&mut self) -> Option<&mut T> {
        self.0.front_mut()
    }

    /// The items, in the order in which they were added.
    ///
    /// Cost: O(1) for each item; those that are skipped cost nothing.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The items that there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> IntoIterator for Fifo<T> {
    type Item = T;
    type IntoIter = alloc::collections::vec_deque::IntoIter<T>;

    /// The items, in the order in which they were added.
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_keeps_the_order_and_no_more_room_than_four_times_its_length(ops in prop::collection::vec((any::<bool>(), 0..300_usize), 0..40)) {
            let (mut queue, mut model, mut next) = (Fifo::new(), VecDeque::new(), 0);
            for (push, count) in ops {
                for _ in 0..count {
                    if push {
                        queue.push(next);
                        model.push_back(next);
                        next += 1;
                    } else {
                        prop_assert_eq!(queue.pop(), model.pop_front());
                    }
                }
                prop_assert_eq!(queue.front(), model.front());
                prop_assert_eq!(queue.front_mut(), model.front_mut());
                prop_assert!(queue.iter().eq(&model) && queue.clone().into_iter().eq(model.clone()));
                prop_assert_eq!((queue.len(), queue.is_empty()), (model.len(), model.is_empty()));
                // Allocators round up, and an item more may come before the next one goes.
                prop_assert!(queue.0.capacity() <= (4 * queue.len() + 8).max(SPARE), "{} for {}", queue.0.capacity(), queue.len());
            }
        }
    }

    #[test]
    fn a_long_queue_moves_few_items_while_it_shrinks() {
        let mut queue: Fifo<u32> = Fifo((0..100_000).collect());
        let (mut capacities, mut last) = (Vec::new(), 0);
        while queue.pop().is_some() {
            if queue.0.capacity() != last {
                last = queue.0.capacity();
                capacities.push(last);
            }
        }
        assert!(capacities.len() < 20, "{capacities:?}");
        assert!(last <= SPARE);
    }
}
