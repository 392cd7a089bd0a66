//! All sockets of a server, by key and by id.

use alloc::collections::BTreeMap;

use bytestring::ByteString;
use engineio_proto::Sid;
use engineio_proto::collections::{Key, Slab};

use super::namespace::Socket;

/// The id of a socket leads to its slot, so that finding it takes no map; but for those that came back with the id of
/// an earlier connection.
#[derive(Debug)]
pub(super) struct Sockets {
    slab: Slab<Socket>,
    relocated: BTreeMap<ByteString, Key>,
}

impl Sockets {
    pub(super) const fn new() -> Self {
        Self {
            slab: Slab::new(),
            relocated: BTreeMap::new(),
        }
    }

    pub(super) fn insert_with(&mut self, make: impl FnOnce(Key) -> Socket) -> Option<Key> {
        self.slab.insert_with(make)
    }

    /// Gives a socket the id that it had on an earlier connection. False if there is a socket of that id.
    pub(super) fn relocate(&mut self, key: Key, id: Sid) -> bool {
        if self.find(&id).is_some() {
            return false;
        }
        let Some(socket) = self.slab.get_mut(key) else {
            return false;
        };
        let before = core::mem::replace(&mut socket.id, id);
        self.relocated.remove(before.as_str());
        self.relocated.insert(ByteString::from(id.as_str()), key);
        true
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Socket> {
        let socket = self.slab.remove(key)?;
        self.relocated.remove(socket.id.as_str());
        Some(socket)
    }

    pub(super) fn get(&self, key: Key) -> Option<&Socket> {
        self.slab.get(key)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Socket> {
        self.slab.get_mut(key)
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Socket)> {
        self.slab.iter()
    }

    /// The socket of that id.
    pub(super) fn find(&self, id: &Sid) -> Option<Key> {
        let mut candidates = id
            .candidate_slots(self.slab.slots())
            .filter_map(|slot| self.slab.at(slot));
        let found = candidates.find(|(_, socket)| socket.id == *id);
        found
            .map(|(key, _)| key)
            .or_else(|| self.relocated.get(id.as_str()).copied())
    }
}
