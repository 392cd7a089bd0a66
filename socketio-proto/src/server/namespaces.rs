//! All namespaces of a server, by name, and who may bring new ones into being.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use bytestring::ByteString;
use engineio_proto::collections::{Key, Slab};

use super::keys::ParentKey;
use super::namespace::Namespace;
use super::pattern::NamespacePattern;

/// Which names a parent namespace has children of.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Matcher {
    /// Those of a pattern.
    Pattern(NamespacePattern),
    /// Those that the application allows, asked by
    /// [`Event::NamespaceRequested`](super::Event::NamespaceRequested): officially `io.of(fn)`.
    Ask,
}

impl From<NamespacePattern> for Matcher {
    fn from(pattern: NamespacePattern) -> Self {
        Self::Pattern(pattern)
    }
}

pub(super) struct Namespaces {
    slab: Slab<Namespace>,
    names: BTreeMap<ByteString, Key>,
    parents: Vec<Parent>,
    /// The first number of acknowledgements for a new namespace. It follows the numbers of all removed namespaces, so
    /// that an answer to one of these is not taken for an answer to its successor.
    first_ack: u64,
}

impl fmt::Debug for Namespaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespaces")
            .field("slab", &self.slab)
            .field("parents", &self.parents)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Parent {
    matcher: Matcher,
    children: BTreeSet<Key>,
}

/// What a name that no namespace has may become.
pub(super) enum Candidate {
    /// A child of this parent.
    Child(ParentKey),
    /// A child of this parent, if the application says so.
    Ask(ParentKey),
}

impl Namespaces {
    pub(super) const fn new() -> Self {
        Self {
            slab: Slab::new(),
            names: BTreeMap::new(),
            parents: Vec::new(),
            first_ack: 0,
        }
    }

    /// Adds a namespace of a name that none has yet, which is tentative; `None` if there is no room for more.
    pub(super) fn insert(&mut self, name: ByteString) -> Option<Key> {
        let key = self
            .slab
            .insert_with(|key| Namespace::new(name.clone(), key, self.first_ack))?;
        self.names.insert(name, key);
        Some(key)
    }

    /// Makes a tentative namespace a real one. False if it is one already.
    pub(super) fn establish(&mut self, key: Key, parent: Option<ParentKey>) -> bool {
        let Some(namespace) = self
            .slab
            .get_mut(key)
            .filter(|namespace| namespace.tentative)
        else {
            return false;
        };
        namespace.tentative = false;
        namespace.parent = parent;
        if let Some(parent) = parent.and_then(|parent| self.parents.get_mut(parent.0)) {
            parent.children.insert(key);
        }
        true
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Namespace> {
        let namespace = self.slab.remove(key)?;
        self.first_ack = self.first_ack.max(namespace.next_ack);
        self.names.remove(&namespace.name);
        let parent = namespace
            .parent
            .and_then(|parent| self.parents.get_mut(parent.0));
        if let Some(parent) = parent {
            parent.children.remove(&key);
        }
        Some(namespace)
    }

    pub(super) fn add_parent(&mut self, matcher: Matcher) -> ParentKey {
        let key = ParentKey(self.parents.len());
        self.parents.push(Parent {
            matcher,
            children: BTreeSet::new(),
        });
        key
    }

    /// The first parent behind `after` that may have a child of that name.
    pub(super) fn candidate(&self, name: &str, after: Option<ParentKey>) -> Option<Candidate> {
        let first = after.map_or(0, |parent| parent.0.saturating_add(1));
        let mut parents = self.parents.iter().enumerate().skip(first);
        parents.find_map(|(index, parent)| match &parent.matcher {
            Matcher::Pattern(pattern) => pattern
                .matches(name)
                .then_some(Candidate::Child(ParentKey(index))),
            Matcher::Ask => Some(Candidate::Ask(ParentKey(index))),
        })
    }

    /// The first parent whose pattern matches.
    pub(super) fn parent_by_pattern(&self, name: &str) -> Option<ParentKey> {
        let mut parents = self.parents.iter().enumerate();
        parents.find_map(|(index, parent)| match &parent.matcher {
            Matcher::Pattern(pattern) => pattern.matches(name).then_some(ParentKey(index)),
            Matcher::Ask => None,
        })
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

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// All of them, tentative ones too, by ascending name.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Namespace> {
        self.names.values().filter_map(|key| self.slab.get(*key))
    }

    /// The steps of the namespaces that there are, and of looking them up.
    #[cfg(feature = "count-steps")]
    pub(super) fn steps(&self) -> usize {
        let namespaces = self.slab.iter().map(|(_, namespace)| namespace);
        let inside = namespaces.fold(0, |sum, namespace| {
            sum + namespace.rooms.steps() + namespace.returning.steps()
        });
        inside + self.slab.steps()
    }

    pub(super) fn children(&self, parent: ParentKey) -> impl Iterator<Item = &Namespace> {
        let parent = self.parents.get(parent.0).into_iter();
        let keys = parent.flat_map(|parent| &parent.children);
        keys.filter_map(|key| self.slab.get(*key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_is_removed_is_forgotten_by_its_parent() {
        let mut namespaces = Namespaces::new();
        let parent = namespaces.add_parent(Matcher::Ask);
        let key = namespaces.insert("/a".into()).unwrap();
        namespaces.establish(key, Some(parent));
        assert_eq!(namespaces.parents[0].children.len(), 1);
        namespaces.remove(key);
        assert!(namespaces.parents[0].children.is_empty());
    }
}
