//! Values beside a slab.

use alloc::vec::Vec;

use super::steps::Steps;

/// One value for each slot of a [`Slab`](super::Slab) that someone else owns, such as what an application knows of
/// each session: `SessionKey::slot` is the index.
///
/// Lookup takes constant time. Memory grows by pages of 64 slots, and a page whose last value is taken out is given back.
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
    pages: Vec<Page<T>>,
    len: usize,
    steps: Steps,
}

#[derive(Debug)]
struct Page<T> {
    /// None, or as many as a page has slots.
    slots: Vec<Option<T>>,
    values: usize,
}

const PAGE: usize = 64;

impl<T> Page<T> {
    const EMPTY: Self = Self {
        slots: Vec::new(),
        values: 0,
    };
}

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
            self.pages
                .resize_with(page.saturating_add(1), || Page::EMPTY);
        }
        let page = self.pages.get_mut(page)?;
        if page.slots.is_empty() {
            page.slots.reserve_exact(PAGE);
            page.slots.resize_with(PAGE, || None);
        }
        let old = page.slots.get_mut(index)?.replace(value);
        let added = usize::from(old.is_none());
        page.values = page.values.saturating_add(added);
        self.len = self.len.saturating_add(added);
        old
    }

    /// Takes a value out.
    pub fn remove(&mut self, slot: u32) -> Option<T> {
        let (page, index) = split(slot);
        let page = self.pages.get_mut(page)?;
        let old = page.slots.get_mut(index)?.take()?;
        page.values = page.values.saturating_sub(1);
        self.len = self.len.saturating_sub(1);
        if page.values == 0 {
            *page = Page::EMPTY;
            self.drop_empty_pages();
        }
        Some(old)
    }

    /// Drops the pages behind the last value.
    fn drop_empty_pages(&mut self) {
        while self.pages.pop_if(|page| page.slots.is_empty()).is_some() {}
        let len = self.pages.len();
        if len <= self.pages.capacity() / 4 {
            self.pages.shrink_to(len.saturating_mul(2));
        }
    }

    /// The value of a slot.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&T> {
        self.steps.count();
        let (page, index) = split(slot);
        self.pages.get(page)?.slots.get(index)?.as_ref()
    }

    /// The value of a slot, to be changed.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.steps.count();
        let (page, index) = split(slot);
        self.pages.get_mut(page)?.slots.get_mut(index)?.as_mut()
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
    use alloc::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_lie_where_they_were_put() {
        let mut table = SlotTable::new();
        for slot in [0, 63, 64, 1000] {
            assert_eq!(table.insert(slot, slot), None);
        }
        assert_eq!(table.len(), 4);
        let values: Vec<_> = table.pages.iter().map(|page| page.values).collect();
        assert_eq!(
            (values.len(), &values[..2], values[15]),
            (16, &[2, 1][..], 1)
        );
        assert_eq!(table.insert(64, 7), Some(64));
        assert_eq!(
            (table.get(64), table.get(65), table.get(u32::MAX)),
            (Some(&7), None, None)
        );
        assert_eq!((table.remove(64), table.remove(64)), (Some(7), None));
        assert_eq!(table.len(), 3);
    }

    proptest! {
        #[test]
        fn it_is_a_map_and_a_page_without_values_takes_no_memory(ops in prop::collection::vec((any::<bool>(), 0..400_u32), 0..300)) {
            let (mut table, mut model) = (SlotTable::new(), BTreeMap::new());
            for (insert, slot) in ops {
                if insert {
                    prop_assert_eq!(table.insert(slot, slot), model.insert(slot, slot));
                } else {
                    prop_assert_eq!(table.remove(slot), model.remove(&slot));
                }
                prop_assert_eq!((table.len(), table.get(slot)), (model.len(), model.get(&slot)));
                for page in &table.pages {
                    prop_assert!(page.values > 0 || page.slots.capacity() == 0);
                }
                prop_assert!(table.pages.last().is_none_or(|page| page.values > 0));
            }
            for slot in model.keys() {
                table.remove(*slot);
            }
            prop_assert_eq!(table.pages.capacity(), 0);
        }
    }
}
