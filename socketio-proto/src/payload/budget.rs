//! The budget for reading a payload.

use alloc::string::String;

use serde_json::{Number, Value};

use crate::ReadError;

/// The default of [`Limits::max_expansion`](crate::parser::Limits::max_expansion).
pub(crate) const MAX_EXPANSION: u16 = 64;

/// The bytes by which JSON counts as longer than it is, so that small payloads can be read.
const SMALL: usize = 64;

/// The most bytes that reading takes beside one copy of each attachment: `limit` for each byte of the JSON, which counts
/// as a little longer than it is.
pub(crate) fn allowance(limit: u16, json: usize) -> usize {
    usize::from(limit).saturating_mul(json.saturating_add(SMALL))
}

/// What is left of the bytes that one reading may take.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    left: usize,
    limit: u16,
}

impl Budget {
    /// For JSON and attachments of this length together, each attachment counted once.
    pub(crate) fn new(limit: u16, json: usize, attachments: usize) -> Self {
        Self {
            left: allowance(limit, json).saturating_add(attachments),
            limit,
        }
    }

    pub(super) const fn left(&self) -> usize {
        self.left
    }

    /// Counts bytes that are taken for good.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), ReadError> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| ReadError::over_limit(self.limit))?;
        Ok(())
    }

    /// Checks that there is room for bytes that are taken only for a moment.
    fn check(&self, bytes: usize) -> Result<(), ReadError> {
        if bytes <= self.left {
            Ok(())
        } else {
            Err(ReadError::over_limit(self.limit))
        }
    }

    /// Gives back what was taken since so much was [left](Self::left).
    pub(super) const fn give_back(&mut self, left: usize) {
        self.left = left;
    }
}

/// The bytes that a number takes beside its place in a tree: none, unless `serde_json` keeps the text of numbers
/// (its feature `arbitrary_precision`).
pub(super) const NUMBER: usize = if core::mem::needs_drop::<Number>() {
    24
} else {
    0
};

/// The memory of a container that grows while it is read.
pub(super) struct Growth {
    kind: Kind,
    /// The number of elements or members.
    len: usize,
    /// The size of the largest element, or key and value, so far.
    size: usize,
    /// What is counted of it.
    held: usize,
    /// What it takes besides for the moment in which it grows.
    moving: usize,
    /// The number of elements up to which this is enough.
    covers: usize,
}

/// What a container is made of.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A `Vec`.
    List,
    /// A `Vec` or a `BTreeSet`, whichever takes more.
    Set,
    /// A `BTreeMap` or a hash map, whichever takes more.
    Map,
    /// A list of serde's buffer, and a `Vec` that is made of it.
    BufferedList,
    /// The pairs in serde's buffer, and a map that is made of them.
    BufferedMap,
}

impl Growth {
    pub(super) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            len: 0,
            size: 0,
            held: 0,
            moving: 0,
            covers: 0,
        }
    }

    /// Counts one more element of this size, before it is read.
    #[inline]
    pub(super) fn add(&mut self, size: usize, budget: &mut Budget) -> Result<(), ReadError> {
        self.len = self.len.saturating_add(1);
        if size == 0 || (self.len <= self.covers && size <= self.size) {
            return Ok(());
        }
        self.grow(size, budget)
    }

    #[inline(never)]
    fn grow(&mut self, size: usize, budget: &mut Budget) -> Result<(), ReadError> {
        self.size = self.size.max(size);
        let room = Room::of(self.kind, self.len, self.size);
        budget.take(room.held.saturating_sub(self.held))?;
        self.held = self.held.max(room.held);
        self.moving = room.moving;
        self.covers = room.covers;
        Ok(())
    }

    /// Counts that the element was read: now it is put to the others, which may have to move.
    #[inline]
    pub(super) fn put(&mut self, budget: &Budget) -> Result<(), ReadError> {
        if self.moving == 0 {
            return Ok(());
        }
        budget.check(core::mem::take(&mut self.moving))
    }
}

/// The memory of a container of some length.
struct Room {
    held: usize,
    /// What it takes besides for the moment in which it grows to this length.
    moving: usize,
    /// The length up to which this holds.
    covers: usize,
}

impl Room {
    fn of(kind: Kind, len: usize, size: usize) -> Self {
        if len <= 4 && matches!(size, 2..=1024) && matches!(kind, Kind::List | Kind::Set) {
            return Self::few(kind, size);
        }
        Self::of_any(kind, len, size)
    }

    /// Up to four elements of an ordinary size, which most lists have when they start: what [`of_any`](Self::of_any) says of
    /// them.
    fn few(kind: Kind, size: usize) -> Self {
        let held = if matches!(kind, Kind::Set) {
            size.saturating_mul(11).saturating_add(16)
        } else {
            size.saturating_mul(4)
        };
        Self {
            held,
            moving: 0,
            covers: 4,
        }
    }

    fn of_any(kind: Kind, len: usize, size: usize) -> Self {
        match kind {
            Kind::List => Self::list(len, size),
            Kind::Set => Self::list(len, size).or(Self::tree(len, size)),
            Kind::Map => Self::map(len, size),
            Kind::BufferedList => Self::list(len, size).with_later(Self::list(len, size)),
            Kind::BufferedMap => {
                let made = Self::map(len, size_of::<(String, Value)>());
                Self::list(len, size).with_later(made)
            }
        }
    }

    /// A `Vec`, which doubles.
    fn list(len: usize, size: usize) -> Self {
        let least = match size {
            1 => 8,
            2..=1024 => 4,
            _ => 1,
        };
        let capacity = len.checked_next_power_of_two().unwrap_or(usize::MAX);
        let capacity = capacity.max(least);
        Self {
            held: capacity.saturating_mul(size),
            moving: if capacity > least {
                (capacity / 2).saturating_mul(size)
            } else {
                0
            },
            covers: capacity,
        }
    }

    fn map(len: usize, size: usize) -> Self {
        Self::tree(len, size).or(Self::hash(len, size))
    }

    /// A `BTreeMap`: nodes of eleven places, of which five at least are taken, and inner nodes with twelve pointers.
    fn tree(len: usize, size: usize) -> Self {
        let leaf = size.saturating_mul(11).saturating_add(16);
        let inner = leaf.saturating_add(96);
        if len <= 11 {
            return Self {
                held: leaf,
                moving: 0,
                covers: 11,
            };
        }
        // Each leaf but the last has an entry of an inner node behind it.
        let leaves = len.saturating_add(1) / 6;
        let held = leaves.saturating_mul(leaf);
        Self {
            held: held.saturating_add(inner.saturating_mul((leaves / 5).saturating_add(1))),
            moving: 0,
            covers: leaves.saturating_mul(6).saturating_add(4),
        }
    }

    /// A hash map, which doubles once more than seven eighths are taken. Nine bytes are for the hash and the place of
    /// an entry, as in maps that keep their order.
    fn hash(len: usize, size: usize) -> Self {
        let buckets = len.saturating_mul(8).div_ceil(7);
        let buckets = buckets.checked_next_power_of_two().unwrap_or(usize::MAX);
        let buckets = buckets.max(4);
        let entry = size.saturating_add(9);
        Self {
            held: buckets.saturating_mul(entry).saturating_add(32),
            moving: if buckets > 4 {
                (buckets / 2).saturating_mul(entry)
            } else {
                0
            },
            covers: if buckets > 4 { buckets / 8 * 7 } else { 3 },
        }
    }

    /// One or the other.
    fn or(self, other: Self) -> Self {
        Self {
            held: self.held.max(other.held),
            moving: self.moving.max(other.moving),
            covers: self.covers.min(other.covers),
        }
    }

    /// The same with what is made of it once it is whole, and grows while all else is there.
    fn with_later(self, made: Self) -> Self {
        Self {
            held: self
                .held
                .saturating_add(made.held)
                .saturating_add(made.moving),
            moving: self.moving,
            covers: self.covers.min(made.covers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 5] = [
        Kind::List,
        Kind::Set,
        Kind::Map,
        Kind::BufferedList,
        Kind::BufferedMap,
    ];

    fn budget() -> Budget {
        Budget::new(u16::MAX, 1 << 20, 0)
    }

    #[test]
    fn a_container_counts_when_it_grows_and_not_in_between() {
        for kind in KINDS {
            for size in [1, 2, 24, 1_024, 1_025] {
                let (mut budget, mut growth) = (budget(), Growth::new(kind));
                for len in 1..=500 {
                    let (left, held, covered) = (budget.left(), growth.held, growth.covers);
                    growth.add(size, &mut budget).unwrap();
                    let room = Room::of(kind, len, size);
                    assert_eq!(growth.held, room.held, "{len} of {size}");
                    assert_eq!(left - budget.left(), room.held - held);
                    if len <= covered {
                        assert_eq!((room.held, growth.moving), (held, 0));
                    } else {
                        assert_eq!((growth.moving, growth.covers), (room.moving, room.covers));
                    }
                    growth.put(&budget).unwrap();
                    assert_eq!(growth.moving, 0);
                }
                assert_eq!(self::budget().left() - budget.left(), growth.held);
            }
        }
    }

    #[test]
    fn larger_elements_count_for_those_before_and_empty_ones_for_nothing() {
        for kind in KINDS {
            let (mut budget, mut growth) = (budget(), Growth::new(kind));
            let all = budget.left();
            for _ in 0..100 {
                growth.add(0, &mut budget).unwrap();
                growth.put(&budget).unwrap();
            }
            assert_eq!(budget.left(), all);
            for size in [8, 4, 9, 9, 8] {
                growth.add(size, &mut budget).unwrap();
                growth.put(&budget).unwrap();
            }
            let held = Room::of(kind, 103, 9).held;
            assert_eq!((growth.held, all - budget.left()), (held, held));
        }
    }

    #[test]
    fn what_is_over_the_budget_is_refused_for_good_or_for_a_moment() {
        let mut budget = Budget::new(1, 0, 100);
        assert_eq!(budget.left(), SMALL + 100);
        let mut growth = Growth::new(Kind::List);
        for _ in 0..4 {
            growth.add(16, &mut budget).unwrap();
            growth.put(&budget).unwrap();
        }
        assert_eq!((growth.held, budget.left()), (64, 100));
        // Twice the places take 64 bytes more, and all are there twice for a moment.
        growth.add(16, &mut budget).unwrap();
        assert_eq!((growth.moving, budget.left()), (64, 36));
        growth.put(&budget).unwrap_err();
        budget.give_back(64);
        budget.check(64).unwrap();
        budget.check(65).unwrap_err();
        budget.take(65).unwrap_err();
        budget.take(64).unwrap();
        assert_eq!(budget.left(), 0);
    }

    /// A room holds up to where the next larger one begins.
    #[test]
    fn rooms_cover_what_they_have_places_for() {
        for size in [1, 2, 24, 1_024, 1_025] {
            for of in [Room::list, Room::tree, Room::hash] {
                for len in 1..=300 {
                    let room = of(len, size);
                    assert!(room.covers >= len);
                    assert_eq!(of(room.covers, size).held, room.held, "{len} of {size}");
                    let next = of(room.covers + 1, size);
                    assert!(next.held > room.held, "{len} of {size}");
                }
            }
        }
    }

    #[test]
    fn a_few_elements_take_what_any_number_takes() {
        for kind in KINDS {
            for size in [1, 2, 3, 24, 1_024, 1_025] {
                for len in 1..=9 {
                    let rooms = [Room::of(kind, len, size), Room::of_any(kind, len, size)];
                    let [of, of_any] = rooms.map(|room| (room.held, room.moving, room.covers));
                    assert_eq!(of, of_any, "{len} of {size}");
                }
            }
        }
    }

    #[test]
    fn rooms_are_those_of_the_standard_containers() {
        for (len, size, capacity, moving) in [
            (1, 1, 8, 0),
            (9, 1, 16, 8),
            (1, 24, 4, 0),
            (4, 24, 4, 0),
            (5, 24, 8, 4),
            (9, 1_024, 16, 8),
            (1, 1_025, 1, 0),
            (3, 1_025, 4, 2),
        ] {
            let room = Room::list(len, size);
            assert_eq!((room.held, room.moving), (capacity * size, moving * size));
        }
        for (len, buckets, moving) in [
            (1, 4, 0),
            (3, 4, 0),
            (4, 8, 4),
            (7, 8, 4),
            (8, 16, 8),
            (14, 16, 8),
            (15, 32, 16),
            (28, 32, 16),
            (29, 64, 32),
        ] {
            let room = Room::hash(len, 24);
            let places = |buckets: usize| buckets * (24 + 9);
            assert_eq!(
                (room.held, room.moving),
                (places(buckets) + 32, places(moving)),
                "{len}"
            );
        }
        let (leaf, inner) = (24 * 11 + 16, 24 * 11 + 16 + 96);
        for (len, leaves, inners) in [(1, 1, 0), (11, 1, 0), (12, 2, 1), (17, 3, 1), (29, 5, 2)] {
            let room = Room::tree(len, 24);
            assert_eq!(
                (room.held, room.moving),
                (leaves * leaf + inners * inner, 0)
            );
        }
    }
}
