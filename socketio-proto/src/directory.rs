//! Rooms by their names.

use alloc::collections::btree_map::{BTreeMap, Entry};
use alloc::collections::{BTreeSet, btree_map};
use alloc::sync::Arc;
use core::mem;

/// Rooms with their members, found by name: a room is there while it has a member.
///
/// They are ordered by a hash of the name, and by the name where hashes are equal. So most comparisons are those of two
/// numbers that lie in the map, where those of names would fetch each name from a place of its own. Peers choose names, and
/// can make many with one hash; that takes them back to the cost of a map by name, O(log n).
#[derive(Clone)]
pub(crate) struct Directory<K> {
    buckets: BTreeMap<u64, Bucket<K>>,
}

#[derive(Clone)]
pub(crate) struct Room<K> {
    pub(crate) name: Arc<str>,
    pub(crate) members: BTreeSet<K>,
}

/// The rooms whose names have one hash.
#[derive(Clone)]
enum Bucket<K> {
    One(Room<K>),
    Several(BTreeMap<Arc<str>, Room<K>>),
}

impl<K: Copy + Ord> Directory<K> {
    pub(crate) const fn new() -> Self {
        Self {
            buckets: BTreeMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Room<K>> {
        self.get_by(hash(name), name)
    }

    /// Puts a member into a room, whose name `share` makes if it comes into being. Gives the name, or `None` if the
    /// member was there.
    pub(crate) fn put(
        &mut self,
        member: K,
        name: &str,
        share: impl FnOnce() -> Arc<str>,
    ) -> Option<Arc<str>> {
        self.put_by(hash(name), member, name, share)
    }

    /// Takes a member out of a room. False if it was not there.
    pub(crate) fn take(&mut self, member: K, name: &str) -> bool {
        self.take_by(hash(name), member, name)
    }

    /// All rooms, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Room<K>> {
        self.buckets.values().flat_map(|bucket| match bucket {
            Bucket::One(room) => Rooms::One(Some(room)),
            Bucket::Several(rooms) => Rooms::Several(rooms.values()),
        })
    }

    fn get_by(&self, hash: u64, name: &str) -> Option<&Room<K>> {
        match self.buckets.get(&hash)? {
            Bucket::One(room) => (*room.name == *name).then_some(room),
            Bucket::Several(rooms) => rooms.get(name),
        }
    }

    fn put_by(
        &mut self,
        hash: u64,
        member: K,
        name: &str,
        share: impl FnOnce() -> Arc<str>,
    ) -> Option<Arc<str>> {
        let room = match self.buckets.entry(hash) {
            Entry::Vacant(entry) => {
                let bucket = entry.insert(Bucket::One(Room::new(share())));
                bucket.room_mut(name)
            }
            Entry::Occupied(entry) => {
                let bucket = entry.into_mut();
                if !bucket.has(name) {
                    bucket.add(Room::new(share()));
                }
                bucket.room_mut(name)
            }
        }?;
        room.members.insert(member).then(|| Arc::clone(&room.name))
    }

    fn take_by(&mut self, hash: u64, member: K, name: &str) -> bool {
        let Entry::Occupied(mut entry) = self.buckets.entry(hash) else {
            return false;
        };
        let Some(room) = entry.get_mut().room_mut(name) else {
            return false;
        };
        let taken = room.members.remove(&member);
        if room.members.is_empty() && entry.get_mut().remove(name) {
            entry.remove();
        }
        taken
    }
}

impl<K> Room<K> {
    const fn new(name: Arc<str>) -> Self {
        Self {
            name,
            members: BTreeSet::new(),
        }
    }
}

impl<K> Bucket<K> {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::One(room) => *room.name == *name,
            Self::Several(rooms) => rooms.contains_key(name),
        }
    }

    fn room_mut(&mut self, name: &str) -> Option<&mut Room<K>> {
        match self {
            Self::One(room) => (*room.name == *name).then_some(room),
            Self::Several(rooms) => rooms.get_mut(name),
        }
    }

    fn add(&mut self, room: Room<K>) {
        if let Self::One(_) = self {
            let several = Self::Several(BTreeMap::new());
            if let Self::One(first) = mem::replace(self, several) {
                self.add(first);
            }
        }
        if let Self::Several(rooms) = self {
            rooms.insert(Arc::clone(&room.name), room);
        }
    }

    /// Removes a room that is in it. True if it was the last.
    fn remove(&mut self, name: &str) -> bool {
        match self {
            Self::One(_) => true,
            Self::Several(rooms) => {
                rooms.remove(name);
                rooms.is_empty()
            }
        }
    }
}

/// The rooms of a bucket.
enum Rooms<'a, K> {
    One(Option<&'a Room<K>>),
    Several(btree_map::Values<'a, Arc<str>, Room<K>>),
}

impl<'a, K> Iterator for Rooms<'a, K> {
    type Item = &'a Room<K>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::One(room) => room.take(),
            Self::Several(rooms) => rooms.next(),
        }
    }
}

/// A number that few names share unless somebody makes them for that.
fn hash(name: &str) -> u64 {
    // The fraction of the golden ratio, so that all bits of a word reach the upper ones.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(29) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let last = rest
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    // A name of full words differs from one with zeros behind them.
    let length = u64::try_from(name.len()).unwrap_or_default();
    words.chain([last]).fold(length, mix)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rooms_are_told_apart_whatever_their_hashes(ops in prop::collection::vec((any::<bool>(), 0..4_u8, 0..6_usize), 0..200), hashes in 1..4_usize) {
            let (mut directory, mut model) = (Directory::new(), BTreeSet::new());
            let names = ["a", "b", "c", "d", "", "ab"];
            for (puts, member, room) in ops {
                let (name, hash) = (names[room], (room % hashes) as u64);
                if puts {
                    let put = directory.put_by(hash, member, name, || name.into());
                    let expected = model.insert((name, member)).then_some(name);
                    prop_assert_eq!(put.as_deref(), expected);
                } else {
                    prop_assert_eq!(directory.take_by(hash, member, name), model.remove(&(name, member)));
                }
                for (room, name) in names.into_iter().enumerate() {
                    let members: Vec<_> = model.iter().filter(|pair| pair.0 == name).map(|pair| pair.1).collect();
                    let found = directory.get_by((room % hashes) as u64, name);
                    let found: Vec<_> = found.into_iter().flat_map(|room| &room.members).copied().collect();
                    prop_assert_eq!(found, members);
                }
                let all: BTreeSet<_> = directory.iter().map(|room| &*room.name).collect();
                prop_assert_eq!(all.len(), directory.iter().count());
                prop_assert!(all.into_iter().eq(model.iter().map(|pair| pair.0).collect::<BTreeSet<_>>()));
                prop_assert_eq!(directory.is_empty(), model.is_empty());
            }
        }
    }

    #[test]
    fn common_names_have_hashes_of_their_own() {
        let names = (0..20_000).flat_map(|number| {
            ["", "room ", "room:", "user-profile-", "0123456789abcdef/"]
                .map(|kind| format!("{kind}{number}"))
        });
        let names: Vec<_> = names
            .chain(["".into(), "\0".into(), "\0\0".into()])
            .collect();
        let hashes: BTreeSet<_> = names.iter().map(|name| hash(name)).collect();
        assert_eq!(hashes.len(), names.len());
    }
}
