//! The members of rooms.

use alloc::collections::BTreeSet;
use alloc::collections::btree_map::{BTreeMap, Entry};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use engineio_proto::collections::Steps;

use crate::directory::Directory;
use crate::hidden::HiddenSet;
use crate::union::Union;

/// Rooms and their members, both ways: a room exists while it has a member.
///
/// The building block for broadcasting, usable with any kind of key. Neither side is ever scanned: joining, leaving and
/// asking take O(log n) for n members and rooms, and removing a member O(r log n) for its r rooms.
///
/// # Examples
///
/// ```
/// use socketio_proto::Rooms;
///
/// let mut rooms = Rooms::new();
/// rooms.join(1, "news");
/// rooms.join(2, "news");
/// rooms.join(2, "sports");
/// assert!(rooms.members("news").eq([1, 2]));
/// rooms.remove(2);
/// assert!(rooms.names().eq(["news"]));
/// ```
///
/// `Debug` shows the lengths of the names, since rooms are named after sockets; `{:-?}` shows the names.
///
/// Source: `socket.io-adapter/lib/in-memory-adapter.ts`.
#[derive(Clone)]
pub struct Rooms<K> {
    members: Directory<K>,
    rooms: BTreeMap<K, BTreeSet<Arc<str>>>,
    steps: Steps,
}

impl<K: fmt::Debug> fmt::Debug for Rooms<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The members of each room are the same, the other way round.
        let rooms = self.rooms.iter();
        let rooms = rooms.map(|(member, rooms)| (member, HiddenSet(rooms)));
        f.debug_map().entries(rooms).finish()
    }
}

impl<K: Copy + Ord> Rooms<K> {
    /// Makes an empty set of rooms, which holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            members: Directory::new(),
            rooms: BTreeMap::new(),
            steps: Steps::new(),
        }
    }

    /// Puts a member into a room, which comes into being if need be. False if it was there already.
    pub fn join(&mut self, member: K, room: &str) -> bool {
        self.put(member, room, || Arc::from(room))
    }

    /// As [`join`](Self::join), with a name that is shared rather than copied if the room comes into being.
    pub(crate) fn join_shared(&mut self, member: K, room: &Arc<str>) {
        self.put(member, room, || Arc::clone(room));
    }

    fn put(&mut self, member: K, room: &str, share: impl FnOnce() -> Arc<str>) -> bool {
        self.steps.count();
        let Some(name) = self.members.put(member, room, share) else {
            return false;
        };
        self.rooms.entry(member).or_default().insert(name)
    }

    /// Takes a member out of a room, which ceases to be if it was the last. False if it was not there.
    pub fn leave(&mut self, member: K, room: &str) -> bool {
        if !self.members.take(member, room) {
            return false;
        }
        if let Entry::Occupied(mut rooms) = self.rooms.entry(member) {
            rooms.get_mut().remove(room);
            if rooms.get().is_empty() {
                rooms.remove();
            }
        }
        true
    }

    /// Takes a member out of all its rooms, and gives their names, ascending.
    ///
    /// Cost: O(r log n) for its r rooms, and n members and rooms.
    pub fn remove(&mut self, member: K) -> Vec<Arc<str>> {
        let rooms: Vec<_> = self.rooms.remove(&member).into_iter().flatten().collect();
        for room in &rooms {
            self.members.take(member, room);
        }
        rooms
    }

    /// Whether a member is in a room.
    #[must_use]
    pub fn contains(&self, member: K, room: &str) -> bool {
        self.steps.count();
        self.members
            .get(room)
            .is_some_and(|room| room.members.contains(&member))
    }

    /// The members of a room, ascending.
    ///
    /// Cost: O(log n) for n rooms, and O(1) for each member.
    pub fn members(&self, room: &str) -> impl Iterator<Item = K> {
        self.members_of(room).into_iter().flatten().copied()
    }

    /// The members of at least one of these rooms, each once, ascending.
    ///
    /// Cost: O(r log n + m log r) for r names, n rooms and the m members of the named rooms. A room counts once even if
    /// it is named several times. One name takes no memory, several take O(r).
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::Rooms;
    ///
    /// let mut rooms = Rooms::new();
    /// for (member, room) in [(3, "news"), (1, "news"), (2, "sports"), (1, "sports")] {
    ///     rooms.join(member, room);
    /// }
    /// assert!(rooms.members_of_any(&["news", "unknown", "sports", "news"]).eq([1, 2, 3]));
    /// ```
    pub fn members_of_any(&self, rooms: &[&str]) -> impl Iterator<Item = K> {
        self.union(rooms, |_| None)
    }

    /// The members of at least one of these rooms. `other` names a member that a room has besides those it has here.
    pub(crate) fn union<'a>(
        &'a self,
        rooms: &[&str],
        other: impl Fn(&str) -> Option<K>,
    ) -> Union<'a, K> {
        let find = |room| {
            self.steps.count();
            (self.members_of(room), other(room))
        };
        let mut union = Union::new(&self.steps);
        let mut add = |(members, other): (Option<&'a BTreeSet<K>>, Option<K>)| {
            members.into_iter().for_each(|members| union.add(members));
            other.into_iter().for_each(|other| union.add_one(other));
        };
        if let [room] = rooms {
            add(find(room));
            return union;
        }
        // Unknown names go before the rest is sorted, and what is named again goes before its members are looked at.
        let found = rooms.iter().map(|room| (*room, find(room)));
        let found = found.filter(|(_, (members, other))| members.is_some() || other.is_some());
        let mut found: Vec<_> = found.collect();
        found.sort_unstable_by_key(|(room, _)| *room);
        found.dedup_by_key(|(room, _)| *room);
        found.into_iter().for_each(|(_, members)| add(members));
        union
    }

    /// The rooms of a member, ascending.
    ///
    /// Cost: O(log n) for n members, and O(1) for each room.
    pub fn rooms(&self, member: K) -> impl Iterator<Item = &str> {
        self.rooms
            .get(&member)
            .into_iter()
            .flatten()
            .map(|room| &**room)
    }

    /// The number of rooms that a member is in.
    #[must_use]
    pub fn room_count(&self, member: K) -> usize {
        self.rooms.get(&member).map_or(0, BTreeSet::len)
    }

    /// The names of all rooms, ascending.
    ///
    /// Cost: O(n log n) for n rooms, and memory for as many references.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.members.iter().map(|room| &*room.name);
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Whether there is no room.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How often a room or a member was looked at.
    #[cfg(feature = "count-steps")]
    #[doc(hidden)]
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.taken()
    }

    fn members_of(&self, room: &str) -> Option<&BTreeSet<K>> {
        self.members.get(room).map(|room| &room.members)
    }
}

impl<K: Copy + Ord> Default for Rooms<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 4] = ["a", "b", "c", ""];

    proptest! {
        #[test]
        fn both_sides_mirror_a_set_of_pairs(ops in prop::collection::vec((0..3_u8, 0..5_u8, 0..4_usize), 0..200)) {
            let (mut rooms, mut model) = (Rooms::new(), BTreeSet::new());
            for (op, member, room) in ops {
                let name = NAMES[room];
                match op {
                    0 => prop_assert_eq!(rooms.join(member, name), model.insert((member, name))),
                    1 => prop_assert_eq!(rooms.leave(member, name), model.remove(&(member, name))),
                    _ => {
                        let names: Vec<_> = model.iter().filter(|pair| pair.0 == member).map(|pair| pair.1).collect();
                        prop_assert!(rooms.remove(member).iter().map(|room| &**room).eq(names));
                        model.retain(|(other, _)| *other != member);
                    }
                }
                for name in NAMES {
                    let members: Vec<_> = model.iter().filter(|pair| pair.1 == name).map(|pair| pair.0).collect();
                    prop_assert_eq!(rooms.members(name).collect::<Vec<_>>(), members);
                }
                for pair in [&["a", "b"][..], &["b", "none", "", "b"], &["c"], &[]] {
                    let members: BTreeSet<_> = model.iter().filter(|(_, room)| pair.contains(room)).map(|pair| pair.0).collect();
                    prop_assert!(rooms.members_of_any(pair).eq(members), "{:?}", pair);
                }
                for member in 0..5 {
                    let names: Vec<_> = model.iter().filter(|pair| pair.0 == member).map(|pair| pair.1).collect();
                    prop_assert_eq!(rooms.room_count(member), names.len());
                    prop_assert_eq!(rooms.rooms(member).collect::<Vec<_>>(), names);
                }
                let used: BTreeSet<_> = model.iter().map(|pair| pair.1).collect();
                prop_assert!(rooms.names().eq(used));
                prop_assert_eq!((rooms.is_empty(), rooms.rooms.is_empty()), (model.is_empty(), model.is_empty()));
            }
        }
    }
}
