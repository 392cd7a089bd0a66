//! Values under numbers that someone else chooses.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Key;
use crate::ledger;

/// A key for each of some numbers, such as the names that a driver gives to its connections.
///
/// It is a table of buckets that grows and shrinks by one bucket at a time, so that no call moves more than the entries of
/// two buckets. What a bucket has no room for goes into a tree. So looking up, putting in and taking out take constant time
/// for numbers like those of a counter, and O(log n) for whatever numbers. Memory follows the number of entries.
///
/// Source: W. Litwin, "Linear Hashing: A New Tool for File and Table Addressing", 1980, for the order in which buckets are
/// divided.
#[derive(Debug)]
pub(crate) struct IdTable {
    pages: Vec<Vec<Bucket>>,
    buckets: usize,
    /// One less than the power of two that is the number of buckets or the next one above it.
    mask: usize,
    len: usize,
    /// What found its bucket full.
    others: BTreeMap<u64, Key>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket([Entry; ROOM]);

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: u64,
    key: Key,
}

/// The entries of a bucket: those of a line of the processor's cache.
const ROOM: usize = 4;

/// There is a bucket more once there are so many entries for each two. Those that are to be divided next have up to twice
/// as many as those that have been: few of them are full.
const MOST: usize = 5;

/// The buckets of a page.
const PAGE: usize = 16;

/// The buckets that a table always has room for, so that the coming and going of few allocates nothing.
const SPARE: usize = 4;

/// What numbers are multiplied by: the golden ratio of all that there are.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Stands where an entry is free. No slab gives such a key.
const FREE: Key = Key::from_bits(u64::MAX);

const EMPTY: Bucket = Bucket([Entry { id: 0, key: FREE }; ROOM]);

impl Bucket {
    fn find(&self, id: u64) -> Option<Key> {
        let found = self
            .0
            .iter()
            .find(|entry| entry.id == id && entry.key != FREE)?;
        Some(found.key)
    }

    fn find_mut(&mut self, id: u64) -> Option<&mut Key> {
        let found = self
            .0
            .iter_mut()
            .find(|entry| entry.id == id && entry.key != FREE)?;
        Some(&mut found.key)
    }

    /// Puts an entry in, if there is room.
    fn put(&mut self, entry: Entry) -> bool {
        let free = self.0.iter_mut().find(|other| other.key == FREE);
        free.is_some_and(|free| {
            *free = entry;
            true
        })
    }
}

impl IdTable {
    pub(crate) fn new() -> Self {
        Self {
            pages: Vec::from([Vec::with_capacity(SPARE)]),
            buckets: 0,
            mask: 0,
            len: 0,
            others: BTreeMap::new(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, id: u64) -> Option<Key> {
        let bucket = self.bucket(self.place(id))?;
        bucket.find(id).or_else(|| self.find_other(id))
    }

    /// Puts a key in; gives the one that was there. It must be the key of a slab.
    pub(crate) fn insert(&mut self, id: u64, key: Key) -> Option<Key> {
        debug_assert!(key != FREE, "it stands for a free entry");
        if self.len.saturating_mul(2) >= self.buckets.saturating_mul(MOST) {
            self.add_bucket();
        }
        let place = self.place(id);
        let known = self
            .bucket_mut(place)
            .and_then(|bucket| bucket.find_mut(id));
        if let Some(known) = known {
            return Some(core::mem::replace(known, key));
        }
        if let Some(known) = self.others.get_mut(&id) {
            return Some(core::mem::replace(known, key));
        }
        self.put(place, Entry { id, key });
        self.len = self.len.saturating_add(1);
        None
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<Key> {
        let place = self.place(id);
        let known = self.bucket_mut(place)?.find_mut(id);
        let removed = match known {
            Some(known) => core::mem::replace(known, FREE),
            None => self.remove_other(id)?,
        };
        self.len = self.len.saturating_sub(1);
        if self.len < self.buckets && self.buckets > SPARE {
            self.drop_bucket();
        }
        Some(removed)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// At most the bytes that the table takes on the heap, beyond those that it always has.
    pub(crate) fn heap_size(&self) -> usize {
        let buckets = match self.pages.as_slice() {
            [only] => only.capacity(),
            pages => pages.len().saturating_mul(PAGE),
        };
        let pages = self.pages.capacity().saturating_sub(1);
        buckets
            .saturating_sub(SPARE)
            .saturating_mul(size_of::<Bucket>())
            .saturating_add(pages.saturating_mul(size_of::<Vec<Bucket>>()))
            .saturating_add(ledger::map_size::<u64, Key>(self.others.len()))
    }

    fn find_other(&self, id: u64) -> Option<Key> {
        if self.others.is_empty() {
            return None;
        }
        self.others.get(&id).copied()
    }

    fn remove_other(&mut self, id: u64) -> Option<Key> {
        if self.others.is_empty() {
            return None;
        }
        let removed = self.others.remove(&id);
        if self.others.is_empty() {
            // An emptied tree keeps a node.
            self.others = BTreeMap::new();
        }
        removed
    }

    /// The bucket of a number. Numbers that follow each other are spread, and so are those that lie a power of two apart.
    #[inline]
    fn place(&self, id: u64) -> usize {
        let spread = (id.wrapping_mul(SPREAD) >> 32) as usize;
        let place = spread & self.mask;
        if place < self.buckets {
            place
        } else {
            spread & self.mask >> 1
        }
    }

    #[inline]
    fn bucket(&self, place: usize) -> Option<&Bucket> {
        self.pages.get(place / PAGE)?.get(place % PAGE)
    }

    #[inline]
    fn bucket_mut(&mut self, place: usize) -> Option<&mut Bucket> {
        self.pages.get_mut(place / PAGE)?.get_mut(place % PAGE)
    }

    fn put(&mut self, place: usize, entry: Entry) {
        let bucket = self.bucket_mut(place);
        if !bucket.is_some_and(|bucket| bucket.put(entry)) {
            self.others.insert(entry.id, entry.key);
        }
    }

    /// Adds a bucket, and moves to it what belongs there of the one that it is divided from.
    fn add_bucket(&mut self) {
        let added = self.buckets;
        if added > self.mask {
            self.mask = self.mask << 1 | 1;
        }
        if added > 0 && added.is_multiple_of(PAGE) {
            self.pages.push(Vec::new());
        }
        let is_first = self.pages.len() == 1;
        if let Some(page) = self.pages.last_mut() {
            if page.len() == page.capacity() {
                // The first page grows with what is in it: there are machines with few connections.
                let len = page.len();
                let more = if is_first { len.max(SPARE) } else { PAGE };
                page.reserve_exact(more.min(PAGE.saturating_sub(len)));
            }
            page.push(EMPTY);
        }
        self.buckets = added.saturating_add(1);
        self.divide(added & self.mask >> 1);
    }

    /// Puts the entries of a bucket where they belong.
    fn divide(&mut self, place: usize) {
        let Some(bucket) = self.bucket_mut(place) else {
            return;
        };
        let bucket = core::mem::replace(bucket, EMPTY);
        self.put_all(bucket);
    }

    /// Puts the entries of a bucket that is taken out where they belong.
    fn put_all(&mut self, Bucket(entries): Bucket) {
        for entry in entries.into_iter().filter(|entry| entry.key != FREE) {
            self.put(self.place(entry.id), entry);
        }
    }

    /// Takes the last bucket out, and puts its entries into the one that it was divided from.
    fn drop_bucket(&mut self) {
        let Some(page) = self.pages.last_mut() else {
            return;
        };
        let dropped = page.pop().unwrap_or(EMPTY);
        if self.buckets == SPARE.saturating_add(1) {
            page.shrink_to(SPARE);
            self.pages.shrink_to(1);
        } else if page.is_empty() {
            self.pages.pop();
            let len = self.pages.len();
            if len <= self.pages.capacity() / 4 {
                self.pages.shrink_to(len.saturating_mul(2));
            }
        }
        self.buckets = self.buckets.saturating_sub(1);
        if self.buckets <= self.mask >> 1 {
            self.mask >>= 1;
        }
        self.put_all(dropped);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(number: u64) -> Key {
        Key::from_bits(number)
    }

    /// One of the numbers that all belong into one bucket of any table of up to 65,536.
    fn crowded(number: u64) -> u64 {
        // What a multiplication by it undoes the one that spreads numbers.
        let inverse = (0..6).fold(SPREAD, |inverse: u64, _| {
            let rest = SPREAD.wrapping_mul(inverse);
            inverse.wrapping_mul(2_u64.wrapping_sub(rest))
        });
        assert_eq!(SPREAD.wrapping_mul(inverse), 1);
        (number << 48).wrapping_mul(inverse)
    }

    /// Numbers of all kinds.
    fn id() -> impl Strategy<Value = u64> {
        prop_oneof![
            0..8_u64,
            0..600_u64,
            (0..40_u64).prop_map(crowded),
            any::<u64>()
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_map_and_memory_follows_its_length(ops in prop::collection::vec((0..5_u8, id(), 0..9_u64), 0..400)) {
            let (mut table, mut model) = (IdTable::new(), BTreeMap::new());
            for (op, id, value) in ops {
                if op < 3 {
                    prop_assert_eq!(table.insert(id, key(value)), model.insert(id, key(value)));
                } else {
                    let id = if op == 3 { id } else { model.keys().next().copied().unwrap_or(id) };
                    prop_assert_eq!(table.remove(id), model.remove(&id));
                }
                prop_assert_eq!((table.get(id), table.len()), (model.get(&id).copied(), model.len()));
                prop_assert!(table.buckets <= table.len().max(SPARE) && 2 * table.len() <= MOST * table.buckets + 1);
                prop_assert_eq!(table.pages.iter().map(Vec::len).sum::<usize>(), table.buckets);
                prop_assert!(table.buckets <= table.mask + 1 && (table.buckets > table.mask / 2 || table.mask == 0));
            }
            for (id, key) in &model {
                prop_assert_eq!(table.get(*id), Some(*key));
            }
            for (id, key) in model {
                prop_assert_eq!(table.remove(id), Some(key));
            }
            prop_assert_eq!((table.heap_size(), table.buckets.min(SPARE)), (0, table.buckets));
        }
    }

    #[test]
    fn most_numbers_of_a_counter_find_room_in_their_bucket() {
        for step in [1, 2, 3, 16, 1_000, 4_096] {
            let mut table = IdTable::new();
            for number in 0..20_000 {
                table.insert(number * step, key(number));
            }
            let others = table.others.len();
            assert!(others <= table.len() / 3, "{others} at a step of {step}");
        }
    }

    #[test]
    fn what_all_belongs_into_one_bucket_is_found_nevertheless() {
        let mut table = IdTable::new();
        for number in 0..1_000 {
            table.insert(crowded(number), key(number));
        }
        assert_eq!(table.others.len(), 1_000 - ROOM);
        for number in 0..1_000 {
            assert_eq!(table.get(crowded(number)), Some(key(number)));
        }
    }
}
