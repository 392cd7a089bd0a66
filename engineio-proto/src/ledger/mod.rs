//! The bytes that one machine holds for its clients, in one sum.
//!
//! A machine has one [`Ledger`]. Each part that holds memory for a client charges it there and releases it again: a
//! [`Charge`] does so when it is dropped, a [`Backlog`] with each item. A layer above charges the ledger of the machine
//! below, so that one limit covers both.
//!
//! What is charged is what the allocator is asked for: contents, unused capacity, reference counts, nodes of trees.
//! Where the exact figure is not known, the estimate is never below it and at most twice as much.
//!
//! An [`Encoded`](crate::Encoded) message counts once in a ledger, however many queues hold it. A form of it for another transport counts
//! once a machine has asked for it and for as long as that machine holds the message. What other shards ask for does not
//! count, so that a machine does the same whatever they do.

mod backlog;
mod messages;
mod tally;

use alloc::sync::Arc;
use core::mem::size_of;
use core::sync::atomic::{AtomicUsize, Ordering};

pub use backlog::Backlog;
pub(crate) use tally::{Form, Tally};

/// The sum of what one machine holds, in bytes. Clones share it.
///
/// One thread at a time may hold and release messages with a ledger, as the machine does that owns it.
///
/// # Examples
///
/// ```
/// use engineio_proto::Encoded;
/// use engineio_proto::ledger::Ledger;
///
/// let ledger = Ledger::new();
/// let charge = ledger.charge(100);
/// assert_eq!(ledger.total(), 100);
/// drop(charge);
/// assert_eq!(ledger.total(), 0);
///
/// let message = Encoded::binary(vec![0; 1_000].into());
/// ledger.hold(&message);
/// let once = ledger.total();
/// ledger.hold(&message);
/// assert_eq!(ledger.total(), once, "a shared message counts once");
/// ledger.release(&message);
/// ledger.release(&message);
/// assert_eq!(ledger.total(), 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<AtomicUsize>);

impl Ledger {
    /// Makes a ledger whose sum is zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes that are held. Constant time.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Charges some bytes until the guard is dropped.
    #[must_use = "the charge ends when it is dropped"]
    pub fn charge(&self, bytes: usize) -> Charge {
        self.add(bytes);
        Charge {
            ledger: self.clone(),
            bytes,
        }
    }

    /// Replaces a charge that the caller keeps account of.
    pub(crate) fn replace(&self, before: usize, after: usize) {
        if after > before {
            self.add(after - before);
        } else {
            self.sub(before - after);
        }
    }

    fn add(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.update(|total| total.saturating_add(bytes));
    }

    fn sub(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        debug_assert!(self.total() >= bytes, "more is released than was charged");
        self.update(|total| total.saturating_sub(bytes));
    }

    fn update(&self, change: impl Fn(usize) -> usize) {
        // The value is a sum and nothing depends on it but limits: no order with other memory is needed.
        let change = |total| Some(change(total));
        let _always = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }

    /// Tells this ledger from others. It is compared and never shown, ordered or hashed.
    fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// What one holder has of something that is charged.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Held {
    /// The bytes that are free once it holds nothing.
    pub(crate) alone: usize,
    /// The same, and its part of what others hold too.
    pub(crate) share: usize,
}

impl Held {
    /// Bytes that nobody else holds.
    pub(crate) const fn only(bytes: usize) -> Self {
        Self {
            alone: bytes,
            share: bytes,
        }
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self {
            alone: self.alone.saturating_add(other.alone),
            share: self.share.saturating_add(other.share),
        }
    }
}

/// Bytes charged to a [`Ledger`] for as long as this exists.
#[derive(Debug)]
pub struct Charge {
    ledger: Ledger,
    bytes: usize,
}

impl Charge {
    /// Charges another number of bytes in the place of the present one.
    pub fn set(&mut self, bytes: usize) {
        if self.bytes != bytes {
            self.ledger.replace(self.bytes, bytes);
            self.bytes = bytes;
        }
    }

    /// The bytes that are charged.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The ledger that is charged.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.ledger.sub(self.bytes);
    }
}

/// The memory that a value keeps on the heap.
pub trait HeapSize {
    /// The bytes on the heap, without the value itself. The same for as long as the value does not change.
    fn heap_size(&self) -> usize;
}

/// What a reference-counted buffer of `len` bytes takes on the heap.
///
/// A received message may be a slice of a buffer that is up to an eighth longer: what is a smaller part is copied.
#[must_use]
pub const fn buffer_size(len: usize) -> usize {
    // The reference count of `Bytes`: pointer, capacity and count.
    const SHARED: usize = 3 * size_of::<usize>();
    // What is unused of short buffers that were written piece by piece.
    const SPARE: usize = 16;
    if len == 0 {
        return 0;
    }
    len.saturating_add(len / 7 + 1)
        .saturating_add(SHARED + SPARE)
}

/// Whether a part of a buffer is large enough for the buffer to be kept for it, as [`buffer_size`] counts with. What is
/// smaller is to be copied.
#[must_use]
pub const fn keeps_buffer(part: usize, buffer: usize) -> bool {
    buffer <= part.saturating_add(part / 7 + 1)
}

/// The most that a `BTreeMap` of `len` entries takes on the heap, itself excluded: nodes have room for eleven entries, and
/// all but the root are at least half full.
#[must_use]
pub const fn map_size<K, V>(len: usize) -> usize {
    const CAPACITY: usize = 11;
    const WORD: usize = size_of::<usize>();
    if len == 0 {
        return 0;
    }
    let leaf = CAPACITY * (size_of::<K>() + size_of::<V>()) + 3 * WORD;
    let leaves = if len <= CAPACITY { 1 } else { (len + 1) / 6 };
    let inner = if leaves == 1 { 0 } else { 1 + leaves / 5 };
    let edges = (CAPACITY + 1) * WORD;
    leaves
        .saturating_add(inner)
        .saturating_mul(leaf)
        .saturating_add(inner.saturating_mul(edges))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_replaced_and_released() {
        let ledger = Ledger::new();
        let mut charge = ledger.charge(10);
        let other = charge.ledger().charge(1);
        for bytes in [7, 7, 30, 0, 5] {
            charge.set(bytes);
            assert_eq!((charge.bytes(), ledger.total()), (bytes, bytes + 1));
        }
        drop(charge);
        assert_eq!(ledger.total(), 1);
        drop(other);
        assert_eq!(ledger.total(), 0);
    }

    /// Three words for the count, 16 bytes that may be unused, and the longest buffer that a part keeps.
    #[test]
    fn a_buffer_takes_its_length_an_eighth_of_it_at_most_and_a_count() {
        assert_eq!(buffer_size(0), 0, "empty ones have no count");
        let counts = 3 * size_of::<usize>() + 16;
        for (part, longest) in [(1, 2), (6, 7), (7, 9), (70, 81), (7_000, 8_001)] {
            assert_eq!(buffer_size(part), longest + counts);
            assert!(keeps_buffer(part, longest), "{part} of {longest}");
            assert!(!keeps_buffer(part, longest + 1), "{part} of {longest}");
            assert!(keeps_buffer(part, part));
        }
        assert_eq!(buffer_size(usize::MAX), usize::MAX);
    }

    /// The most nodes are there if all but the root are half full: leaves of five entries, and between them one each.
    #[test]
    fn a_map_takes_nodes_for_its_entries() {
        let word = size_of::<usize>();
        let (leaf, edges) = (11 * (8 + 2) + 3 * word, 12 * word);
        let nodes = [
            (0, 0, 0),
            (1, 1, 0),
            (11, 1, 0),
            (12, 2, 1),
            (16, 2, 1),
            (17, 3, 1),
            (23, 4, 1),
            (29, 5, 2),
            (599, 100, 21),
        ];
        for (len, leaves, inner) in nodes {
            assert_eq!(
                map_size::<u64, u16>(len),
                (leaves + inner) * leaf + inner * edges,
                "{len}"
            );
        }
    }
}
