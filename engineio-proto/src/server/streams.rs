//! The WebTransport streams that wait for their first frame.

use crate::collections::TimerQueue;
use crate::ledger::{Charge, Ledger};
use crate::{ConnectionId, Instant};

/// The streams that wait for their first frame, and until when.
#[derive(Debug)]
pub(super) struct Streams {
    deadlines: TimerQueue<ConnectionId>,
    charge: Charge,
}

impl Streams {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            deadlines: TimerQueue::new(),
            charge: ledger.charge(0),
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    pub(super) fn len(&self) -> usize {
        self.deadlines.len()
    }

    pub(super) fn insert(&mut self, id: ConnectionId, deadline: Instant) {
        self.deadlines.set(id, Some(deadline));
        self.settle();
    }

    /// Whether the stream waited; it does no more.
    pub(super) fn take(&mut self, id: ConnectionId) -> bool {
        let waited = self.len();
        self.deadlines.set(id, None);
        self.settle();
        self.len() < waited
    }

    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<ConnectionId> {
        let expired = self.deadlines.pop_expired(now);
        if expired.is_some() {
            self.settle();
        }
        expired
    }

    fn settle(&mut self) {
        if self.deadlines.is_empty() {
            // An emptied tree keeps a node.
            self.deadlines = TimerQueue::new();
        }
        self.charge.set(self.deadlines.heap_size());
    }
}
