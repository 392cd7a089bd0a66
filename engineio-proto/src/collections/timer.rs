//! Deadlines of many things.

use alloc::collections::{BTreeMap, BTreeSet};
use core::fmt::Debug;

use crate::{Instant, ledger};

/// One deadline for each key, and the next of them all.
///
/// Looking at the next deadline takes constant time, every other operation O(log n). Heartbeat deadlines nearly always
/// move later, so a deadline that moves later is only noted: the entry in the order stays until it comes up and is
/// filed anew then. [`next`](Self::next) may therefore be early, and never late.
///
/// # Examples
///
/// ```
/// use engineio_proto::Instant;
/// use engineio_proto::collections::TimerQueue;
///
/// let mut timers = TimerQueue::new();
/// timers.set("a", Some(Instant::from_millis(20)));
/// timers.set("b", Some(Instant::from_millis(10)));
/// assert_eq!(timers.next(), Some(Instant::from_millis(10)));
/// timers.set("b", None);
/// assert_eq!(timers.pop_expired(Instant::from_millis(19)), None);
/// assert_eq!(timers.pop_expired(Instant::from_millis(20)), Some("a"));
/// assert_eq!(timers.next(), None);
/// ```
#[derive(Clone, Debug)]
pub struct TimerQueue<K> {
    /// Every key once, in the order of the deadlines they are filed under.
    order: BTreeSet<(Instant, K)>,
    deadlines: BTreeMap<K, Deadline>,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    /// Where the entry in the order is; never after `wanted`.
    filed: Instant,
    wanted: Instant,
}

impl<K: Copy + Ord> TimerQueue<K> {
    /// Makes an empty queue, which holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            order: BTreeSet::new(),
            deadlines: BTreeMap::new(),
        }
    }

    /// Sets, moves or (with `None`) removes the deadline of a key.
    pub fn set(&mut self, key: K, deadline: Option<Instant>) {
        let Some(wanted) = deadline else {
            if let Some(known) = self.deadlines.remove(&key) {
                self.order.remove(&(known.filed, key));
            }
            return;
        };
        match self.deadlines.get_mut(&key) {
            Some(known) if wanted >= known.filed => known.wanted = wanted,
            Some(known) => {
                self.order.remove(&(known.filed, key));
                *known = Deadline {
                    filed: wanted,
                    wanted,
                };
                self.order.insert((wanted, key));
            }
            None => {
                self.deadlines.insert(
                    key,
                    Deadline {
                        filed: wanted,
                        wanted,
                    },
                );
                self.order.insert((wanted, key));
            }
        }
    }

    /// The next deadline, or an instant before it at which [`pop_expired`](Self::pop_expired) will move it later.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.order.first().map(|&(deadline, _)| deadline)
    }

    /// Takes out the key whose deadline is the earliest, if that is not after `now`.
    ///
    /// A call files at most 64 deadlines anew that had moved later. It gives `None` then, while [`next`](Self::next) is
    /// still not after `now`: the next call goes on.
    pub fn pop_expired(&mut self, now: Instant) -> Option<K> {
        for _ in 0..REFILED_PER_CALL {
            let &(filed, key) = self
                .order
                .first()
                .filter(|(deadline, _)| *deadline <= now)?;
            self.order.remove(&(filed, key));
            match self.deadlines.get_mut(&key) {
                Some(known) if known.wanted > filed => {
                    known.filed = known.wanted;
                    self.order.insert((known.wanted, key));
                }
                Some(_) | None => {
                    self.deadlines.remove(&key);
                    return Some(key);
                }
            }
        }
        None
    }

    /// The number of keys that have a deadline.
    #[must_use]
    pub fn len(&self) -> usize {
        self.deadlines.len()
    }

    /// The most bytes that the queue takes on the heap.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        let order = ledger::map_size::<(Instant, K), ()>(self.order.len());
        order.saturating_add(ledger::map_size::<K, Deadline>(self.deadlines.len()))
    }

    /// Whether no key has a deadline.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deadlines.is_empty()
    }
}

impl<K: Copy + Ord> Default for TimerQueue<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// How many deadlines one call files anew at most: after a stall of the driver, all of them may have moved.
const REFILED_PER_CALL: usize = 64;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Set(u8, Option<u64>),
        Advance(u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            3 => (0..20_u8, prop::option::weighted(0.8, 0..50_u64)).prop_map(|(key, after)| Op::Set(key, after)),
            1 => (0..30_u64).prop_map(Op::Advance),
        ]
    }

    #[test]
    fn a_call_files_a_bounded_number_of_deadlines_anew() {
        let mut timers = TimerQueue::new();
        for key in 0..150 {
            timers.set(key, Some(Instant::from_millis(1)));
            timers.set(key, Some(Instant::from_millis(9)));
        }
        let now = Instant::from_millis(5);
        assert_eq!(timers.pop_expired(now), None);
        assert_eq!(
            timers.next(),
            Some(Instant::from_millis(1)),
            "there is more to do"
        );
        assert_eq!(
            (timers.pop_expired(now), timers.pop_expired(now)),
            (None, None)
        );
        assert_eq!(timers.next(), Some(Instant::from_millis(9)));
    }

    proptest! {
        #[test]
        fn expires_as_a_sorted_list_does(ops in prop::collection::vec(op(), 0..300)) {
            let (mut timers, mut model) = (TimerQueue::new(), Vec::<(Instant, u8)>::new());
            let mut now = 0;
            for op in ops {
                match op {
                    Op::Set(key, after) => {
                        let deadline = after.map(|after| Instant::from_millis(now + after));
                        timers.set(key, deadline);
                        model.retain(|(_, other)| *other != key);
                        model.extend(deadline.map(|deadline| (deadline, key)));
                    }
                    Op::Advance(by) => {
                        now += by;
                        model.sort_unstable();
                        let instant = Instant::from_millis(now);
                        let due = model.partition_point(|(deadline, _)| *deadline <= instant);
                        let mut expected: Vec<_> = model.drain(..due).map(|(_, key)| key).collect();
                        let mut popped: Vec<_> = core::iter::from_fn(|| timers.pop_expired(instant)).collect();
                        expected.sort_unstable();
                        popped.sort_unstable();
                        prop_assert_eq!(popped, expected);
                    }
                }
                prop_assert_eq!(timers.len(), model.len());
                prop_assert_eq!(timers.order.len(), model.len());
                let earliest = model.iter().min().map(|(deadline, _)| *deadline);
                prop_assert_eq!(timers.next().is_some(), earliest.is_some());
                prop_assert!(timers.next() <= earliest);
            }
        }
    }
}
