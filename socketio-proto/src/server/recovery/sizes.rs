//! The bytes that what is kept for clients that come back takes on the heap.

use alloc::sync::Arc;

use engineio_proto::ledger::{self, HeapSize};

use super::super::held::{COUNTS, text_size};
use super::store::{LoggedPacket, Recipients, SavedSession};

impl HeapSize for Recipients {
    fn heap_size(&self) -> usize {
        let names = self.rooms.iter().chain(&self.except_rooms);
        let slots = self
            .rooms
            .capacity()
            .saturating_add(self.except_rooms.capacity());
        let slots = slots.saturating_mul(size_of::<Arc<str>>());
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
        ledger::buffer_size(self.offset.len())
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
    pub(in crate::server) fn own_size(&self) -> usize {
        type Name = Arc<str>;
        let rooms = ledger::map_size::<Name, ()>(self.rooms.len());
        let data = self.data.as_ref().map_or(0, HeapSize::heap_size);
        rooms.saturating_add(data)
    }
}
