//! Sessions that clients came back to, charged while they wait.

use core::mem;

use engineio_proto::ledger::{Charge, HeapSize, Ledger};

use super::super::held::{hold, release};
use super::store::{Restored, SavedSession};
use crate::EncodedPacket;

/// What a client gets that came back, kept until the application lets it in.
#[derive(Debug)]
pub(in crate::server) struct HeldRestored {
    /// Taken out at the end.
    restored: Option<Restored>,
    charge: Charge,
}

impl HeldRestored {
    pub(in crate::server) fn new(restored: Restored, ledger: &Ledger) -> Self {
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

    pub(in crate::server) fn session(&self) -> Option<&SavedSession> {
        self.restored.as_ref().map(|restored| &restored.session)
    }

    pub(in crate::server) fn missed(&self) -> &[EncodedPacket] {
        self.restored
            .as_ref()
            .map_or(&[], |restored| &restored.missed)
    }

    /// Keeps one more packet that the client missed.
    pub(in crate::server) fn push(&mut self, packet: &EncodedPacket) {
        if let Some(restored) = &mut self.restored {
            hold(packet, self.charge.ledger());
            restored.missed.push(packet.clone());
        }
        self.settle();
    }

    pub(in crate::server) fn into_session(mut self) -> Option<SavedSession> {
        self.release();
        self.restored.take().map(|restored| restored.session)
    }

    /// The bytes that are free once this is dropped.
    pub(in crate::server) fn held_alone(&self) -> usize {
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
