//! The plain requests that wait for their answer.

use crate::RequestId;
use crate::collections::{IdTable, Key};
use crate::ledger::{Charge, Ledger};

/// The session of each request; none if it was refused before its body came.
#[derive(Debug)]
pub(super) struct Requests {
    sessions: IdTable,
    charge: Charge,
}

/// Stands for no session. No slab gives such a key.
const REFUSED: Key = Key::from_bits(u64::MAX - 1);

fn session_of(key: Key) -> Option<Key> {
    (key != REFUSED).then_some(key)
}

impl Requests {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            sessions: IdTable::new(),
            charge: ledger.charge(0),
        }
    }

    pub(super) fn insert(&mut self, id: RequestId, session: Option<Key>) {
        self.sessions.insert(id.0, session.unwrap_or(REFUSED));
        self.settle();
    }

    pub(super) fn remove(&mut self, id: RequestId) -> Option<Option<Key>> {
        let session = self.sessions.remove(id.0)?;
        self.settle();
        Some(session_of(session))
    }

    pub(super) fn get(&self, id: RequestId) -> Option<Option<Key>> {
        self.sessions.get(id.0).map(session_of)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    fn settle(&mut self) {
        self.charge.set(self.sessions.heap_size());
    }
}
