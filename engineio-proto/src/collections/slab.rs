//! Values under keys that are never used twice.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::steps::Steps;
use crate::ledger;

/// Where a value lies in a [`Slab`], and which of the values that lay there it is.
///
/// Once its value has been removed a key finds nothing, whatever takes the slot afterwards.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    slot: u32,
    generation: u32,
}

impl Key {
    /// The slot: small numbers, given out again after a removal.
    #[must_use]
    pub fn slot(self) -> u32 {
        self.slot
    }

    /// The key as a number, to be written down.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }

    /// The key that [`to_bits`](Self::to_bits) made a number of. Any other number is a key too: one that finds nothing, or
    /// whatever it happens to name.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self {
            slot: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}

/// Values of one type, each under a [`Key`] that is never used twice.
///
/// Insertion and removal take O(log p) for p pages with free slots, and lookup takes constant time. Memory grows by pages
/// of 64 slots, the first of which grows by itself, so that growing costs the same at any size and little is spare. The
/// lowest free page is filled first, and a page that becomes empty is given back. What is kept of it is one number of four
/// bytes, behind which the generations of its slots begin when it comes again.
///
/// # Examples
///
/// ```
/// use engineio_proto::collections::Slab;
///
/// let mut slab = Slab::new();
/// let key = slab.insert("a").ok_or("full")?;
/// assert_eq!(slab.remove(key), Some("a"));
/// let other = slab.insert("b").ok_or("full")?;
/// assert_eq!(slab.get(key), None, "the slot is used again, the key is not");
/// assert_eq!(slab.get(other), Some(&"b"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug)]
pub struct Slab<T> {
    /// The pages up to the last one that has values. One between them that has none takes no memory beyond this entry.
    pages: Vec<Page<T>>,
    /// For each page that ever was: the generation at which its slots begin. No key has had it, nor a later one.
    generations: Vec<u32>,
    /// The pages among `pages` that have a free slot.
    open: BTreeSet<u32>,
    len: usize,
    steps: Steps,
}

#[derive(Debug)]
struct Page<T> {
    entries: Vec<Entry<T>>,
    values: u32,
    /// The first of the free slots.
    free: Option<u8>,
}

#[derive(Debug)]
struct Entry<T> {
    /// The generation of the value, or of the next one.
    generation: u32,
    content: Content<T>,
}

#[derive(Debug)]
enum Content<T> {
    Value(T),
    /// The slot of the page that is free after this one.
    Free(Option<u8>),
}

const PAGE: u32 = 64;

/// No key has this generation: a slot that comes to it is never given out again.
const USED_UP: u32 = u32::MAX;

impl<T> Page<T> {
    const EMPTY: Self = Self {
        entries: Vec::new(),
        values: 0,
        free: None,
    };

    /// Whether a value can be put in, where new slots begin at a generation.
    fn has_room(&self, generation: u32) -> bool {
        self.free.is_some() || (self.entries.len() < PAGE as usize && generation != USED_UP)
    }

    /// A slot that is free, with its generation.
    fn take_slot(&mut self, is_first: bool, generation: u32) -> Option<(u32, u32)> {
        if let Some(slot) = self.free {
            let entry = self.entries.get(usize::from(slot))?;
            if let Content::Free(next) = entry.content {
                self.free = next;
            }
            return Some((slot.into(), entry.generation));
        }
        if !self.has_room(generation) {
            return None;
        }
        if self.entries.len() == self.entries.capacity() {
            // The first page grows with what is in it: there are machines with just one value in their slab.
            let len = self.entries.len();
            let more = if is_first { len.max(1) } else { PAGE as usize };
            self.entries
                .reserve_exact(more.min((PAGE as usize).saturating_sub(len)));
        }
        let slot = u32::try_from(self.entries.len()).ok()?;
        self.entries.push(Entry {
            generation,
            content: Content::Free(None),
        });
        Some((slot, generation))
    }
}

impl<T> Slab<T> {
    /// Makes an empty slab, which holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pages: Vec::new(),
            generations: Vec::new(),
            open: BTreeSet::new(),
            len: 0,
            steps: Steps::new(),
        }
    }

    /// Puts a value in; `None` once all keys have been given out.
    pub fn insert(&mut self, value: T) -> Option<Key> {
        self.insert_with(|_| value)
    }

    /// Puts in the value that `make` makes from its own key; `None` once all keys have been given out.
    pub fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Option<Key> {
        let index = match self.open.first() {
            Some(index) => *index,
            None => self.add_page()?,
        };
        let begin = self.generations.get(index as usize).copied()?;
        let page = self.pages.get_mut(index as usize)?;
        let (slot, generation) = page.take_slot(index == 0, begin)?;
        page.values = page.values.saturating_add(1);
        let key = Key {
            slot: index.checked_mul(PAGE)?.checked_add(slot)?,
            generation,
        };
        if !page.has_room(begin) {
            self.close(index);
        }
        let value = make(key);
        self.entry_mut(key.slot)?.content = Content::Value(value);
        self.len = self.len.saturating_add(1);
        Some(key)
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let (index, slot) = split(key.slot);
        let page = self.pages.get_mut(index)?;
        let entry = page.entries.get_mut(slot)?;
        let generation = entry.generation.saturating_add(1);
        let content = Content::Free(page.free.filter(|_| generation != USED_UP));
        let Content::Value(value) = core::mem::replace(&mut entry.content, content) else {
            return None;
        };
        entry.generation = generation;
        if generation != USED_UP {
            page.free = u8::try_from(slot).ok();
        }
        page.values = page.values.saturating_sub(1);
        self.len = self.len.saturating_sub(1);
        let (is_empty, has_room) = (page.values == 0, page.free.is_some());
        let index = u32::try_from(index).ok()?;
        if is_empty {
            self.give_back(index);
        } else if has_room {
            self.open.insert(index);
        }
        Some(value)
    }

    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&T> {
        match self.entry(key.slot)? {
            Entry {
                generation,
                content: Content::Value(value),
            } if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The value under a key, to be changed.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.entry_mut(key.slot)? {
            Entry {
                generation,
                content: Content::Value(value),
            } if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// What lies in a slot at present.
    #[must_use]
    pub fn at(&self, slot: u32) -> Option<(Key, &T)> {
        match self.entry(slot)? {
            Entry {
                generation,
                content: Content::Value(value),
            } => Some((
                Key {
                    slot,
                    generation: *generation,
                },
                value,
            )),
            Entry {
                content: Content::Free(_),
                ..
            } => None,
        }
    }

    /// All values, by ascending slot.
    ///
    /// Cost: O(1) for each slot below [`slots`](Self::slots); a page that was given back counts as one.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        let pages = (0_u32..).step_by(PAGE as usize).zip(&self.pages);
        let slots = pages.flat_map(|(first, page)| (first..).zip(&page.entries));
        slots.filter_map(|(slot, entry)| {
            self.steps.count();
            let generation = entry.generation;
            match &entry.content {
                Content::Value(value) => Some((Key { slot, generation }, value)),
                Content::Free(_) => None,
            }
        })
    }

    /// The number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One more than the highest slot that may have a value at present.
    #[must_use]
    pub fn slots(&self) -> u32 {
        let Some((last, before)) = self.pages.split_last() else {
            return 0;
        };
        let slots = before.len().saturating_mul(PAGE as usize);
        u32::try_from(slots.saturating_add(last.entries.len())).unwrap_or(u32::MAX)
    }

    /// How often an entry was looked at.
    #[cfg(feature = "count-steps")]
    #[doc(hidden)]
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.taken()
    }

    /// At most the bytes that the slab takes on the heap.
    pub(crate) fn heap_size(&self) -> usize {
        let entries = match self.pages.as_slice() {
            [only] => only.entries.capacity(),
            pages => pages.len().saturating_mul(PAGE as usize),
        };
        let pages = self.pages.capacity().saturating_mul(size_of::<Page<T>>());
        let generations = self.generations.capacity().saturating_mul(size_of::<u32>());
        entries
            .saturating_mul(size_of::<Entry<T>>())
            .saturating_add(pages)
            .saturating_add(generations)
            .saturating_add(ledger::map_size::<u32, ()>(self.open.len()))
    }

    /// Adds a page with free slots behind all others.
    fn add_page(&mut self) -> Option<u32> {
        loop {
            let index = u32::try_from(self.pages.len()).ok()?;
            index.checked_add(1)?.checked_mul(PAGE)?;
            if self.generations.len() <= self.pages.len() {
                self.generations.push(0);
            }
            if self.pages.is_empty() {
                self.pages.reserve_exact(1);
            }
            self.pages.push(Page::EMPTY);
            if self.generations.get(index as usize) != Some(&USED_UP) {
                self.open.insert(index);
                return Some(index);
            }
        }
    }

    /// Gives the memory of an empty page back.
    fn give_back(&mut self, index: u32) {
        let (Some(page), Some(begin)) = (
            self.pages.get_mut(index as usize),
            self.generations.get_mut(index as usize),
        ) else {
            return;
        };
        let generations = page.entries.iter().map(|entry| entry.generation);
        *begin = generations.fold(*begin, u32::max);
        let is_used_up = *begin == USED_UP;
        *page = Page::EMPTY;
        if is_used_up {
            self.close(index);
        } else {
            self.open.insert(index);
        }
        while self.pages.pop_if(|page| page.entries.is_empty()).is_some() {
            if let Ok(index) = u32::try_from(self.pages.len()) {
                self.close(index);
            }
        }
        let len = self.pages.len();
        if len <= self.pages.capacity() / 4 {
            self.pages.shrink_to(len.saturating_mul(2));
        }
    }

    /// Notes that a page has no free slot, or is no more.
    fn close(&mut self, index: u32) {
        self.open.remove(&index);
        if self.open.is_empty() {
            // An emptied set keeps a node.
            self.open = BTreeSet::new();
        }
    }

    fn entry(&self, slot: u32) -> Option<&Entry<T>> {
        self.steps.count();
        let (page, slot) = split(slot);
        self.pages.get(page)?.entries.get(slot)
    }

    fn entry_mut(&mut self, slot: u32) -> Option<&mut Entry<T>> {
        self.steps.count();
        let (page, slot) = split(slot);
        self.pages.get_mut(page)?.entries.get_mut(slot)
    }
}

/// The page of a slot, and the place in it.
const fn split(slot: u32) -> (usize, usize) {
    ((slot / PAGE) as usize, (slot % PAGE) as usize)
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::{BTreeMap, BTreeSet};
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    impl<T> Slab<T> {
        /// What must hold after each operation.
        fn check(&self) {
            let mut values = 0;
            for (index, page) in self.pages.iter().enumerate() {
                let held = page.entries.iter();
                let held = held.filter(|entry| matches!(entry.content, Content::Value(_)));
                assert_eq!(held.count(), page.values as usize);
                assert!(
                    page.values > 0 || page.entries.capacity() == 0,
                    "given back"
                );
                let has_room = page.has_room(self.generations[index]);
                assert_eq!(self.open.contains(&(index as u32)), has_room);
                values += page.values as usize;
            }
            assert_eq!(values, self.len);
            assert!(
                self.open
                    .iter()
                    .all(|index| (*index as usize) < self.pages.len())
            );
            assert!(self.pages.last().is_none_or(|page| page.values > 0));
            assert!(self.pages.capacity() <= 4 * self.pages.len() + 4);
        }
    }

    proptest! {
        #[test]
        fn behaves_as_a_map_whose_keys_are_never_reused(ops in prop::collection::vec((any::<bool>(), any::<u16>()), 0..300)) {
            let (mut slab, mut model, mut seen) = (Slab::new(), BTreeMap::new(), Vec::new());
            for (insert, n) in ops {
                if insert {
                    let key = slab.insert(n).unwrap();
                    prop_assert!(!seen.contains(&key));
                    seen.push(key);
                    model.insert(key, n);
                } else if let Some(&key) = seen.get(usize::from(n) % seen.len().max(1)) {
                    prop_assert_eq!(slab.remove(key), model.remove(&key));
                }
                slab.check();
                prop_assert_eq!(slab.len(), model.len());
                for key in &seen {
                    prop_assert_eq!(slab.get(*key), model.get(key));
                }
            }
            let mut by_slot: Vec<_> = model.into_iter().collect();
            by_slot.sort_by_key(|(key, _)| key.slot());
            prop_assert_eq!(slab.iter().map(|(key, value)| (key, *value)).collect::<Vec<_>>(), by_slot);
        }

        #[test]
        fn pages_come_and_go_and_no_key_is_used_twice(waves in prop::collection::vec((0..300_usize, any::<bool>(), any::<u64>()), 1..12)) {
            let (mut slab, mut held, mut seen) = (Slab::new(), Vec::new(), BTreeSet::new());
            for (count, all, stride) in waves {
                for _ in 0..count {
                    let key = slab.insert(()).unwrap();
                    prop_assert!(seen.insert(key), "{key:?} was used before");
                    prop_assert!(slab.at(key.slot()) == Some((key, &())) && key.slot() < slab.slots());
                    held.push(key);
                }
                slab.check();
                let mut place = 0;
                held.retain(|key| {
                    place += 1;
                    let goes = all || !(place as u64).wrapping_mul(stride | 1).is_multiple_of(5);
                    assert!(!goes || slab.remove(*key).is_some());
                    !goes
                });
                slab.check();
                prop_assert_eq!(slab.iter().count(), held.len());
                prop_assert!(seen.iter().all(|key| slab.get(*key).is_some() == held.contains(key)));
            }
            for key in held {
                slab.remove(key);
            }
            prop_assert_eq!((slab.pages.capacity(), slab.slots()), (0, 0));
            prop_assert!(slab.open.is_empty());
        }
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_never_given_out_again() {
        let mut slab = Slab::new();
        slab.generations.push(USED_UP - 2);
        let mut keys = BTreeSet::new();
        for _ in 0..2 {
            let key = slab.insert(()).unwrap();
            assert!(key.slot() < PAGE && keys.insert(key));
            slab.remove(key);
            slab.check();
        }
        let key = slab.insert(()).unwrap();
        assert_eq!(
            key,
            Key {
                slot: PAGE,
                generation: 0
            },
            "on the next page"
        );
        slab.check();
        slab.remove(key);
        assert_eq!(slab.insert(()).unwrap().slot(), PAGE);
        slab.check();
    }

    #[test]
    fn a_used_up_slot_leaves_the_others_of_its_page_in_use() {
        let mut slab = Slab::new();
        slab.generations.push(USED_UP - 1);
        let (first, second) = (slab.insert(()).unwrap(), slab.insert(()).unwrap());
        slab.remove(second);
        slab.check();
        let third = slab.insert(()).unwrap();
        assert_eq!((first.slot(), second.slot(), third.slot()), (0, 1, 2));
    }

    #[test]
    fn the_lowest_pages_are_filled_first() {
        let mut slab = Slab::new();
        let keys: Vec<_> = (0..4 * PAGE).map(|_| slab.insert(()).unwrap()).collect();
        for key in &keys[64..200] {
            slab.remove(*key);
        }
        assert_eq!(slab.pages[1].entries.capacity(), 0, "given back");
        for _ in 0..PAGE {
            assert_eq!(slab.insert(()).unwrap().slot() / PAGE, 1);
        }
        slab.check();
    }
}
