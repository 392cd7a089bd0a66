//! Values beside a slab.

use alloc::vec::Vec;

use super::steps::Steps;

/// One value for each slot of a [`Slab`](super::Slab) that someone else owns, such as what an application knows of
/// each session: `SessionKey::slot` is the index.
///
/// Lookup takes constant time. Memory grows by pages and never moves.
///
/// # Examples
///
/// ```
/// use engineio_proto::collections::SlotTable;
///
/// let mut names = SlotTable::new();
/// names.insert(70, "a");
/// assert_eq!(names.get(70), Some(&"a"));
/// assert_eq!(names.remove(70), Some("a"));
/// assert_eq!(names.get(70), None);
/// ```
#[derive(Debug)]
pub struct SlotTable<T> {
    pages: Vec<Vec<Option<T>>>,
    len: usize,
    steps: Steps,
}

const PAGE: usize = 64;

impl<T> SlotTable<T> {
    /// Makes an empty table, which holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pages: Vec::new(),
            len: 0,
            steps: Steps::new(),
        }
    }

    /// Puts a value in; gives the one that was there.
    pub fn insert(&mut self, slot: u32, value: T) -> Option<T> {
        let (page, index) = split(slot);
        if self.pages.len() <= page {
            self.pages.resize_with(page.saturating_add(1), Vec::new);
        }
        let page = self.pages.get_mut(page)?;
        if page.is_empty() {
            page.reserve_exact(PAGE);
            page.resize_with(PAGE, || None);
        }
        let old = page.get_mut(index)?.replace(value);
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes a value out.
    pub fn remove(&mut self, slot: u32) -> Option<T> {
        let (page, index) = split(slot);
        let old = self.pages.get_mut(page)?.get_mut(index)?.take()?;
        self.len = self.len.saturating_sub(1);
        Some(old)
    }

    /// The value of a slot.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&T> {
        self.steps.count();
        let (page, index) = split(slot);
        self.pages.get(page)?.get(index)?.as_ref()
    }

    /// The value of a slot, to be changed.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.steps.count();
        let (page, index) = split(slot);
        self.pages.get_mut(page)?.get_mut(index)?.as_mut()
    }

    /// How often a value was looked at.
    #[cfg(feature = "count-steps")]
    #[doc(hidden)]
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps.taken()
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
}

impl<T> Default for SlotTable<T> {
    fn default() -> Self {
        Self::new()
    }
}

const fn split(slot: u32) -> (usize, usize) {
    let slot = slot as usize;
    (slot / PAGE, slot % PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_where_they_were_put() {
        let mut table = SlotTable::new();
        for slot in [0, 63, 64, 1000] {
            assert_eq!(table.insert(slot, slot), None);
        }
        assert_eq!(table.len(), 4);
        assert_eq!(table.insert(64, 7), Some(64));
        assert_eq!(
            (table.get(64), table.get(65), table.get(u32::MAX)),
            (Some(&7), None, None)
        );
        assert_eq!((table.remove(64), table.remove(64)), (Some(7), None));
        assert_eq!(table.len(), 3);
    }
}
