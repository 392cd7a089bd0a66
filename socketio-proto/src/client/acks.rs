//! The acknowledgements that a socket awaits.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use engineio_proto::Instant;

use super::keys::AckId;

/// The acknowledgements that one socket awaits, by their ids on the wire.
///
/// Ids are counted from 0 for the whole life of the socket, across its sessions, so that an answer that comes late is
/// never taken for another's.
#[derive(Debug, Default)]
pub(super) struct Acks {
    next: u64,
    pending: BTreeMap<u64, Pending>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) owner: Owner,
    /// The place of the event in the send buffer, while it has not been sent.
    pub(super) buffered: Option<u64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    /// An event of the application.
    Event(AckId),
    /// A try of the entry at the head of the retry queue.
    Retry,
}

impl Acks {
    /// The id that the next event takes.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Awaits the acknowledgement of the event that took the next id.
    pub(super) fn expect(&mut self, owner: Owner, buffered: Option<u64>) -> u64 {
        let id = self.next;
        self.next = id.saturating_add(1);
        self.pending.insert(id, Pending { owner, buffered });
        id
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Pending> {
        self.pending.remove(&id)
    }

    /// Notes that the event has left the send buffer.
    pub(super) fn sent(&mut self, id: u64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.buffered = None;
        }
    }

    /// Takes out what can no longer be answered: all whose event was sent to a session that is over, and the tries of
    /// the retry queue, which sends anew.
    pub(super) fn take_lost(&mut self) -> Vec<(u64, Pending)> {
        let lost = |pending: &Pending| pending.buffered.is_none() || pending.owner == Owner::Retry;
        self.take(lost)
    }

    pub(super) fn take_all(&mut self) -> Vec<(u64, Pending)> {
        self.take(|_| true)
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    fn take(&mut self, which: impl Fn(&Pending) -> bool) -> Vec<(u64, Pending)> {
        let mut taken = Vec::new();
        self.pending.retain(|&id, pending| {
            let take = which(pending);
            if take {
                taken.push((id, *pending));
            }
            !take
        });
        taken
    }
}

/// When an acknowledgement with this timeout is due.
pub(super) fn deadline(now: Instant, timeout: Option<core::time::Duration>) -> Option<Instant> {
    timeout.map(|timeout| now + timeout)
}
