//! All sockets of a server, by key and by id.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::fmt;

use bytestring::ByteString;
use engineio_proto::Sid;
use engineio_proto::collections::{Key, Slab};
use engineio_proto::server::SessionKey;

use super::recovery::Extras;

/// One client in one namespace.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) session: SessionKey,
    /// The id, unless it is made of the session's.
    pub(super) id: Sid,
    pub(super) namespace: Key,
    pub(super) joined: bool,
    /// Whether it is in the room that is named after it.
    pub(super) own_room: bool,
    pub(super) extras: Option<Box<Extras>>,
}

impl Socket {
    /// What clients know it by, and the name of its own room.
    pub(super) fn name(&self) -> &str {
        let extras = self.extras.as_ref();
        let implicit = extras.and_then(|extras| extras.implicit_id());
        implicit.unwrap_or_else(|| self.id.as_str())
    }
}

/// The id of a socket leads to its slot, so finding it takes no map. Recovered sockets, which have the id of an earlier
/// connection, and sockets whose id is made of the session's are exceptions.
pub(super) struct Sockets {
    slab: Slab<Socket>,
    relocated: BTreeMap<ByteString, Key>,
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets")
            .field("slab", &self.slab)
            .field("relocated", &self.relocated.len())
            .finish()
    }
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
        if self.find(id.as_str()).is_some() {
            return false;
        }
        let Some(socket) = self.slab.get_mut(key) else {
            return false;
        };
        socket.id = id;
        self.relocated.insert(ByteString::from(id.as_str()), key);
        true
    }

    /// Gives a socket an id that is made of the session's.
    pub(super) fn rename(&mut self, key: Key, id: ByteString) {
        if let Some(socket) = self.slab.get_mut(key) {
            self.relocated.insert(id.clone(), key);
            socket.extras.get_or_insert_default().set_implicit_id(id);
        }
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Socket> {
        let socket = self.slab.remove(key)?;
        if !self.relocated.is_empty() {
            self.relocated.remove(socket.name());
        }
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

    #[cfg(feature = "count-steps")]
    pub(super) fn steps(&self) -> usize {
        self.slab.steps()
    }

    /// The socket of that id.
    pub(super) fn find(&self, id: &str) -> Option<Key> {
        let own = Sid::parse(id).and_then(|own| {
            let candidates = own.candidate_slots(self.slab.slots());
            let mut candidates = candidates.filter_map(|slot| self.slab.at(slot));
            candidates.find(|(_, socket)| socket.id == own)
        });
        own.map(|(key, _)| key)
            .or_else(|| self.relocated.get(id).copied())
    }
}
