//! The exchanges that wait for their answer.

use alloc::collections::BTreeMap;

use crate::RequestId;
use crate::collections::Key;
use crate::ledger::{self, Charge, Ledger};

/// Which session an exchange belongs to; none if it was refused before its body came.
#[derive(Debug)]
pub(super) struct Requests {
    sessions: BTreeMap<RequestId, Option<Key>>,
    charge: Charge,
}

impl Requests {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            sessions: BTreeMap::new(),
            charge: ledger.charge(0),
        }
    }

    pub(super) fn insert(&mut self, id: RequestId, session: Option<Key>) {
        self.sessions.insert(id, session);
        self.settle();
    }

    pub(super) fn remove(&mut self, id: RequestId) -> Option<Option<Key>> {
        let session = self.sessions.remove(&id)?;
        self.settle();
        Some(session)
    }

    pub(super) fn get(&self, id: RequestId) -> Option<Option<Key>> {
        self.sessions.get(&id).copied()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    fn settle(&mut self) {
        let size = ledger::map_size::<RequestId, Option<Key>>(self.sessions.len());
        self.charge.set(size);
    }
}
