//! Values under keys that are never used twice.

use alloc::vec::Vec;

use super::steps::Steps;

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
/// Insertion, removal and lookup take constant time. Memory grows by pages of 64, the first of which grows by itself,
/// so that growing costs the same at any size and little is spare.
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
    pages: Vec<Vec<Entry<T>>>,
    free: Option<u32>,
    next: u32,
    len: usize,
    steps: Steps,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    content: Content<T>,
}

#[derive(Debug)]
enum Content<T> {
    Value(T),
    /// The slot that becomes free after this one.
    Free(Option<u32>),
}

const PAGE: u32 = 64;

impl<T> Slab<T> {
    /// Makes an empty slab, which holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pages: Vec::new(),
            free: None,
            next: 0,
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
        let key = match self.free {
            Some(slot) => {
                let entry = self.entry_mut(slot)?;
                let Content::Free(next) = &entry.content else {
                    return None;
                };
                let (next, generation) = (*next, entry.generation);
                self.free = next;
                Key { slot, generation }
            }
            None => self.grow()?,
        };
        let value = make(key);
        self.entry_mut(key.slot)?.content = Content::Value(value);
        self.len += 1;
        Some(key)
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let free = self.free;
        let entry = self.entry_mut(key.slot)?;
        let next_generation = entry.generation.checked_add(1);
        let Content::Value(value) = core::mem::replace(&mut entry.content, Content::Free(free))
        else {
            return None;
        };
        // A slot whose generations are used up is never given out again.
        if let Some(generation) = next_generation {
            entry.generation = generation;
            self.free = Some(key.slot);
        }
        self.len = self.len.saturating_sub(1);
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
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        (0..self.next).filter_map(|slot| self.at(slot))
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

    /// One more than the highest slot ever given out.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.next
    }

    /// How often an entry was looked at.
    #[cfg(feature = "count-steps")]
    #[doc(hidden)]
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.taken()
    }

    fn grow(&mut self) -> Option<Key> {
        let slot = self.next;
        let next = slot.checked_add(1)?;
        if self.pages.len() <= (slot / PAGE) as usize {
            // The first page grows with what is in it: there are machines with just one value in their slab.
            let capacity = if self.pages.is_empty() { 0 } else { PAGE };
            self.pages.push(Vec::with_capacity(capacity as usize));
        }
        let page = self.pages.last_mut()?;
        if page.len() == page.capacity() {
            page.reserve_exact(page.len().clamp(1, PAGE as usize / 2));
        }
        page.push(Entry {
            generation: 0,
            content: Content::Free(None),
        });
        self.next = next;
        Some(Key {
            slot,
            generation: 0,
        })
    }

    fn entry(&self, slot: u32) -> Option<&Entry<T>> {
        self.steps.count();
        self.pages
            .get((slot / PAGE) as usize)?
            .get((slot % PAGE) as usize)
    }

    fn entry_mut(&mut self, slot: u32) -> Option<&mut Entry<T>> {
        self.steps.count();
        self.pages
            .get_mut((slot / PAGE) as usize)?
            .get_mut((slot % PAGE) as usize)
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

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
                prop_assert_eq!(slab.len(), model.len());
                for key in &seen {
                    prop_assert_eq!(slab.get(*key), model.get(key));
                }
            }
            let mut by_slot: Vec<_> = model.into_iter().collect();
            by_slot.sort_by_key(|(key, _)| key.slot());
            prop_assert_eq!(slab.iter().map(|(key, value)| (key, *value)).collect::<Vec<_>>(), by_slot);
        }
    }
}
