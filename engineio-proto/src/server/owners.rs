//! The session that each connection belongs to.

use crate::ConnectionId;
use crate::collections::{IdTable, Key};

/// The session of each connection, as its transport or as a probe.
///
/// What concerns a connection comes in runs: a frame, the answer to it, the look for another frame. So the last one that
/// was looked up, or that an output named, is remembered, and at most the first of a run searches the table.
#[derive(Debug)]
pub(super) struct Owners {
    sessions: IdTable,
    last: Option<(ConnectionId, Key)>,
    /// The driver gave two connections one name at a time. What a session takes for its connection may belong to another
    /// session then, so only the table counts.
    ambiguous: bool,
}

impl Owners {
    pub(super) fn new() -> Self {
        Self {
            sessions: IdTable::new(),
            last: None,
            ambiguous: false,
        }
    }

    pub(super) fn insert(&mut self, connection: ConnectionId, session: Key) {
        let before = self.sessions.insert(connection.0, session);
        self.ambiguous |= before.is_some();
        self.last = Some((connection, session));
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) -> Option<Key> {
        self.last = None;
        self.sessions.remove(connection.0)
    }

    /// Remembers the session that names the connection as its own.
    pub(super) fn note(&mut self, connection: ConnectionId, session: Key) {
        debug_assert!(
            self.ambiguous || self.sessions.get(connection.0) == Some(session),
            "a session names its own connection"
        );
        if !self.ambiguous {
            self.last = Some((connection, session));
        }
    }

    /// The session of a connection, which is remembered.
    pub(super) fn find(&mut self, connection: ConnectionId) -> Option<Key> {
        if let Some((last, session)) = self.last
            && last == connection
        {
            return Some(session);
        }
        let session = self.sessions.get(connection.0)?;
        self.last = Some((connection, session));
        Some(session)
    }

    pub(super) fn get(&self, connection: ConnectionId) -> Option<Key> {
        match self.last {
            Some((last, session)) if last == connection => Some(session),
            _ => self.sessions.get(connection.0),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn key(number: u64) -> Key {
        Key::from_bits(number)
    }

    #[test]
    fn a_session_is_not_believed_once_a_name_was_given_twice() {
        let mut owners = Owners::new();
        owners.insert(ConnectionId(1), key(1));
        owners.insert(ConnectionId(1), key(2));
        owners.note(ConnectionId(1), key(1));
        assert_eq!(owners.get(ConnectionId(1)), Some(key(2)));
    }

    proptest! {
        #[test]
        fn it_finds_what_the_map_has(ops in prop::collection::vec((0..4_u8, 0..5_u64, 0..3_u64), 0..100)) {
            let (mut owners, mut model) = (Owners::new(), BTreeMap::new());
            for (op, connection, session) in ops {
                let (id, session) = (ConnectionId(connection), key(session));
                match op {
                    0 => {
                        owners.insert(id, session);
                        model.insert(id, session);
                    }
                    1 => prop_assert_eq!(owners.remove(id), model.remove(&id)),
                    2 => prop_assert_eq!(owners.find(id), model.get(&id).copied()),
                    _ => if let Some(session) = model.get(&id) {
                        owners.note(id, *session);
                    },
                }
                for connection in 0..5 {
                    let id = ConnectionId(connection);
                    prop_assert_eq!(owners.get(id), model.get(&id).copied());
                }
            }
        }
    }
}
