//! Packets that are kept, charged once however many parts of the server keep them.

use alloc::vec::Vec;
use core::mem;

use engineio_proto::Encoded;
use engineio_proto::ledger::{Charge, HeapSize, Ledger};

use super::recovery::{LoggedPacket, Recipients, Restored, SavedSession};
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

/// What a client gets that came back, kept until the application lets it in.
#[derive(Debug)]
pub(super) struct HeldRestored {
    /// Taken out at the end.
    restored: Option<Restored>,
    charge: Charge,
}

impl HeldRestored {
    pub(super) fn new(restored: Restored, ledger: &Ledger) -> Self {
        for packet in &restored.missed {
            hold(packet, ledger);
        }
        let mut held = Self {
            restored: Some(restored),
            charge: ledger.charge(0),
        };
        held.settle();
        held
    }

    pub(super) fn session(&self) -> Option<&SavedSession> {
        self.restored.as_ref().map(|restored| &restored.session)
    }

    pub(super) fn missed(&self) -> &[EncodedPacket] {
        self.restored
            .as_ref()
            .map_or(&[], |restored| &restored.missed)
    }

    /// Keeps one more packet that the client missed.
    pub(super) fn push(&mut self, packet: &EncodedPacket) {
        if let Some(restored) = &mut self.restored {
            hold(packet, self.charge.ledger());
            restored.missed.push(packet.clone());
        }
        self.settle();
    }

    pub(super) fn into_session(mut self) -> Option<SavedSession> {
        self.release();
        self.restored.take().map(|restored| restored.session)
    }

    /// The bytes that are free once this is dropped.
    pub(super) fn held_alone(&self) -> usize {
        let parts = self.missed().iter().flat_map(EncodedPacket::parts);
        let parts = parts.map(|part| self.charge.ledger().held_alone(part));
        parts.fold(self.charge.bytes(), usize::saturating_add)
    }

    fn release(&mut self) {
        let Some(restored) = &mut self.restored else {
            return;
        };
        for packet in mem::take(&mut restored.missed) {
            release(&packet, self.charge.ledger());
        }
    }

    fn settle(&mut self) {
        let size = self.restored.as_ref().map_or(0, |restored| {
            let slots = restored.missed.capacity();
            let slots = slots.saturating_mul(size_of::<EncodedPacket>());
            slots.saturating_add(restored.session.heap_size())
        });
        self.charge.set(size);
    }
}

impl Drop for HeldRestored {
    fn drop(&mut self) {
        self.release();
    }
}

impl HeapSize for Recipients {
    fn heap_size(&self) -> usize {
        let names = self.rooms.iter().chain(&self.except_rooms);
        let slots = self
            .rooms
            .capacity()
            .saturating_add(self.except_rooms.capacity());
        let slots = slots.saturating_mul(size_of::<alloc::sync::Arc<str>>());
        names.fold(slots, |sum, name| sum.saturating_add(text_size(name)))
    }
}

impl HeapSize for LoggedPacket {
    /// Without the messages of the packet, which are held.
    fn heap_size(&self) -> usize {
        let parts = match self.packet.parts() {
            [_] => 0,
            parts => size_of_val(parts).saturating_add(COUNTS),
        };
        engineio_proto::ledger::buffer_size(self.offset.len())
            .saturating_add(self.recipients.heap_size())
            .saturating_add(parts)
    }
}

impl HeapSize for SavedSession {
    fn heap_size(&self) -> usize {
        let names = self.rooms.iter().map(|name| text_size(name));
        names.fold(self.own_size(), usize::saturating_add)
    }
}

impl SavedSession {
    /// What the session keeps on the heap but for the names of its rooms, which other sessions have too.
    pub(super) fn own_size(&self) -> usize {
        type Name = alloc::sync::Arc<str>;
        let rooms = engineio_proto::ledger::map_size::<Name, ()>(self.rooms.len());
        let data = self.data.as_ref().map_or(0, HeapSize::heap_size);
        rooms.saturating_add(data)
    }
}

/// The counts of references in front of what is shared.
const COUNTS: usize = 2 * size_of::<usize>();

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
