//! Several sets as one ascending sequence.

use alloc::collections::{BTreeSet, BinaryHeap, btree_set};
use core::cmp::Ordering;
use core::mem;

use engineio_proto::collections::Steps;

/// The items of several sets, each once, ascending.
///
/// An item costs O(log sets), and a set of which no item is left costs nothing. One set takes no memory beyond the value.
#[derive(Debug)]
pub(crate) struct Union<'a, K> {
    /// The run whose head is the lowest.
    lowest: Option<Run<'a, K>>,
    others: BinaryHeap<Run<'a, K>>,
    last: Option<K>,
    steps: &'a Steps,
}

/// What is left of a set, or a single item.
#[derive(Debug)]
struct Run<'a, K> {
    head: K,
    rest: Option<(&'a BTreeSet<K>, btree_set::Range<'a, K>)>,
}

impl<'a, K: Copy + Ord> Run<'a, K> {
    /// Goes to the next item. False if there is none.
    fn step(&mut self) -> bool {
        let next = self.rest.as_mut().and_then(|(_, rest)| rest.next());
        if let Some(next) = next {
            self.head = *next;
        }
        next.is_some()
    }

    /// Goes to the first item that is not below `bound`. False if there is none.
    ///
    /// It tries the next item before it searches: neighbours cost O(1), a gap O(log items).
    fn seek(&mut self, bound: K) -> bool {
        if !self.step() {
            return false;
        }
        if self.head < bound
            && let Some((set, rest)) = &mut self.rest
        {
            *rest = set.range(bound..);
            return self.step();
        }
        true
    }
}

/// The lowest head is the greatest run, since a heap hands out its greatest item.
impl<K: Ord> Ord for Run<'_, K> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.head.cmp(&self.head)
    }
}

impl<K: Ord> PartialOrd for Run<'_, K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord> PartialEq for Run<'_, K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K: Ord> Eq for Run<'_, K> {}

impl<'a, K: Copy + Ord> Union<'a, K> {
    /// Makes one of no sets. It counts the items that it goes through as steps.
    pub(crate) const fn new(steps: &'a Steps) -> Self {
        Self {
            lowest: None,
            others: BinaryHeap::new(),
            last: None,
            steps,
        }
    }

    /// Adds the items of a set. All sets are added before the first item is taken.
    pub(crate) fn add(&mut self, set: &'a BTreeSet<K>) {
        let mut rest = set.range(..);
        if let Some(head) = rest.next() {
            self.push(Run {
                head: *head,
                rest: Some((set, rest)),
            });
        }
    }

    /// Adds a single item.
    pub(crate) fn add_one(&mut self, item: K) {
        self.push(Run {
            head: item,
            rest: None,
        });
    }

    /// Whether an item is in it. The items that are asked for must ascend; those below are passed over.
    #[inline]
    pub(crate) fn contains(&mut self, item: K) -> bool {
        self.lowest.is_some() && self.seek(item)
    }

    fn seek(&mut self, item: K) -> bool {
        while let Some(lowest) = &mut self.lowest
            && lowest.head < item
        {
            let goes_on = lowest.seek(item);
            self.settle(goes_on);
        }
        self.lowest
            .as_ref()
            .is_some_and(|lowest| lowest.head == item)
    }

    fn push(&mut self, mut run: Run<'a, K>) {
        match &mut self.lowest {
            None => self.lowest = Some(run),
            Some(lowest) => {
                if run.head < lowest.head {
                    mem::swap(lowest, &mut run);
                }
                self.others.push(run);
            }
        }
    }

    /// Finds the lowest run anew after its head has changed, or after it has come to its end.
    #[inline]
    fn settle(&mut self, goes_on: bool) {
        self.steps.count();
        if goes_on {
            if !self.others.is_empty() {
                self.change_places();
            }
        } else {
            self.lowest = self.others.pop();
        }
    }

    fn change_places(&mut self) {
        if let (Some(lowest), Some(mut other)) = (&mut self.lowest, self.others.peek_mut())
            && other.head < lowest.head
        {
            mem::swap(lowest, &mut *other);
        }
    }
}

impl<K: Copy + Ord> Iterator for Union<'_, K> {
    type Item = K;

    fn next(&mut self) -> Option<K> {
        loop {
            let lowest = self.lowest.as_mut()?;
            let item = lowest.head;
            let goes_on = lowest.step();
            self.settle(goes_on);
            if self.last.replace(item) != Some(item) {
                return Some(item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    static STEPS: Steps = Steps::new();

    fn union<'a>(sets: &'a [BTreeSet<u8>], items: &[u8]) -> Union<'a, u8> {
        let mut union = Union::new(&STEPS);
        sets.iter().for_each(|set| union.add(set));
        items.iter().for_each(|item| union.add_one(*item));
        union
    }

    fn sets() -> impl Strategy<Value = Vec<BTreeSet<u8>>> {
        prop::collection::vec(prop::collection::btree_set(0..40_u8, 0..20), 0..6)
    }

    proptest! {
        #[test]
        fn it_has_each_item_of_each_set_once_and_they_ascend(sets in sets(), items in prop::collection::vec(0..40_u8, 0..4)) {
            let expected: BTreeSet<_> = sets.iter().flatten().chain(&items).copied().collect();
            prop_assert!(union(&sets, &items).eq(expected));
        }

        #[test]
        fn it_knows_what_it_has(sets in sets(), items in prop::collection::vec(0..40_u8, 0..4), asked in prop::collection::btree_set(0..45_u8, 0..30)) {
            let mut union = union(&sets, &items);
            for item in asked {
                let expected = sets.iter().flatten().chain(&items).any(|other| *other == item);
                prop_assert_eq!(union.contains(item), expected, "{}", item);
            }
        }
    }
}
