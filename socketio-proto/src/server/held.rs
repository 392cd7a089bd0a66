//! Packets that are kept, charged once however many parts of the server keep them.

use alloc::vec::Vec;

use engineio_proto::Encoded;
use engineio_proto::ledger::{HeapSize, Ledger};

use crate::EncodedPacket;

/// A packet that a part of the server keeps.
#[derive(Debug)]
pub(super) struct HeldPacket {
    packet: EncodedPacket,
    ledger: Ledger,
}

impl HeldPacket {
    pub(super) fn new(packet: EncodedPacket, ledger: &Ledger) -> Self {
        hold(&packet, ledger);
        Self {
            packet,
            ledger: ledger.clone(),
        }
    }

    /// The bytes of its messages.
    pub(super) fn size(&self) -> usize {
        let parts = self.packet.parts().iter().map(Encoded::payload_len);
        parts.fold(0, usize::saturating_add)
    }
}

impl HeapSize for HeldPacket {
    /// Its messages are charged by itself.
    fn heap_size(&self) -> usize {
        0
    }
}

impl Drop for HeldPacket {
    fn drop(&mut self) {
        release(&self.packet, &self.ledger);
    }
}

pub(super) fn hold(packet: &EncodedPacket, ledger: &Ledger) {
    packet.parts().iter().for_each(|part| ledger.hold(part));
}

pub(super) fn release(packet: &EncodedPacket, ledger: &Ledger) {
    packet.parts().iter().for_each(|part| ledger.release(part));
}

/// The counts of references in front of what is shared.
pub(super) const COUNTS: usize = 2 * size_of::<usize>();

/// What a shared name takes, which the allocator rounds up to a word.
pub(super) fn text_size(name: &str) -> usize {
    name.len()
        .next_multiple_of(size_of::<usize>())
        .saturating_add(COUNTS)
}

/// What the slots of a vector take.
pub(super) fn slots_size<T>(items: &Vec<T>) -> usize {
    items.capacity().saturating_mul(size_of::<T>())
}
