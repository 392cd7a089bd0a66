//! All namespaces of a server, by name.

use alloc::collections::BTreeMap;

use bytestring::ByteString;
use engineio_proto::collections::{Key, Slab};

use super::namespace::Namespace;

#[derive(Debug)]
pub(super) struct Namespaces {
    slab: Slab<Namespace>,
    names: BTreeMap<ByteString, Key>,
}

impl Namespaces {
    pub(super) const fn new() -> Self {
        Self {
            slab: Slab::new(),
            names: BTreeMap::new(),
        }
    }

    /// Adds a namespace of a name that none has yet; `None` if there is no room for more.
    pub(super) fn insert(&mut self, name: ByteString) -> Option<Key> {
        let key = self
            .slab
            .insert_with(|key| Namespace::new(name.clone(), key))?;
        self.names.insert(name, key);
        Some(key)
    }

    pub(super) fn key(&self, name: &str) -> Option<Key> {
        self.names.get(name).copied()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Namespace> {
        self.slab.get(self.key(name)?)
    }

    pub(super) fn by_key(&self, key: Key) -> Option<&Namespace> {
        self.slab.get(key)
    }

    pub(super) fn by_key_mut(&mut self, key: Key) -> Option<&mut Namespace> {
        self.slab.get_mut(key)
    }

    /// All of them, by ascending name.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Namespace> {
        self.names.values().filter_map(|key| self.slab.get(*key))
    }
}
