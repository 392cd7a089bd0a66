//! Namespaces that come and go: children of parents, made when a client asks for one.
//!
//! | name | parent | a CONNECT packet leads to |
//! |---|---|---|
//! | exists | – | [`Event::Connecting`] |
//! | unknown | its pattern matches | [`Event::NamespaceAdded`], [`Event::Connecting`] |
//! | unknown | asks the application | [`Event::NamespaceRequested`]; once allowed, as above; if denied, the next parent |
//! | unknown | none (left) | CONNECT_ERROR `Invalid namespace` |
//!
//! A name that the application thinks about has a *tentative* namespace already: nobody is in it and nobody sees it, but
//! those who wait for it are counted there.
//!
//! A child stays once somebody was let in, as officially, unless empty children are
//! [cleaned up](super::Config::cleanup_empty_child_namespaces). A child that nobody was let into goes with the last client
//! that waits for it, so that clients that are refused use no namespace up; officially it stays.
//!
//! Source: `socket.io/lib/index.ts`, `of` and `_checkNamespace`; `lib/parent-namespace.ts`.

use alloc::string::String;
use alloc::vec::Vec;

use bytestring::ByteString;
use engineio_proto::Instant;
use engineio_proto::collections::Key;
use engineio_proto::server::SentMany;

use super::event::Event;
use super::keys::{ParentKey, SocketKey};
use super::machine::Server;
use super::namespaces::Matcher;
use super::sockets::Socket;
use super::target::Target;
use crate::{EncodeError, Payload};

/// A name that no namespace can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a comma cannot stand in the name of a namespace")]
#[non_exhaustive]
pub struct InvalidNamespace;

impl Server {
    /// Adds a namespace; nothing happens if it exists. A missing leading slash is added, as officially. One that matches
    /// the pattern of a parent becomes its child.
    ///
    /// Cost: O(log n) for n namespaces, and that of [matching](super::NamespacePattern::matches) for each parent.
    ///
    /// # Errors
    ///
    /// [`InvalidNamespace`] if the name holds a comma.
    pub fn add_namespace(&mut self, name: &str) -> Result<(), InvalidNamespace> {
        if name.contains(',') {
            return Err(InvalidNamespace);
        }
        let mut full = String::new();
        if !name.starts_with('/') {
            full.push('/');
        }
        full.push_str(name);
        let parent = self.namespaces.parent_by_pattern(&full);
        let key = self.namespaces.key(&full);
        if let Some(key) = key.or_else(|| self.namespaces.insert(full.into())) {
            self.establish(key, parent);
            if let Some(namespace) = self.namespaces.by_key_mut(key) {
                namespace.is_established = true;
            }
        }
        self.keep_to_limit();
        Ok(())
    }

    /// Closes a namespace: its sockets leave with `server namespace disconnect`, and their clients are told; who waits to
    /// be let in is refused with `Invalid namespace`. False if there is no such namespace, or if it is `/`, which stays.
    ///
    /// Cost: for each socket that is in it or waits for it, that of [`disconnect`](Self::disconnect).
    pub fn remove_namespace(&mut self, name: &str, now: Instant) -> bool {
        self.advance(now);
        let Some(namespace) = self.namespaces.get(name) else {
            return false;
        };
        if namespace.tentative || name == "/" {
            return false;
        }
        let key = namespace.key;
        let joined: Vec<_> = namespace.sockets.iter().copied().collect();
        let waiting: Vec<_> = namespace.waiting.iter().copied().collect();
        for socket in joined {
            self.disconnect(socket, now);
        }
        for socket in waiting {
            self.deny(socket);
        }
        // An empty child may have gone by itself when the last one left.
        self.forget_namespace(key);
        self.pump();
        true
    }

    /// Adds a parent: a namespace of its own that nobody joins, whose children come into being when clients ask for
    /// them. Parents are asked in the order in which they were added.
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::engine::Seed;
    /// use socketio_proto::server::{Config, Matcher, NamespacePattern, Server};
    ///
    /// let mut server = Server::new(Config::default(), 0, &Seed::new([1; 32]))?;
    /// let orders = server.add_parent(NamespacePattern::new("/orders-{int}")?.into());
    /// let others = server.add_parent(Matcher::Ask);
    /// server.add_namespace("/orders-7")?;
    /// assert!(server.children(orders).eq(["/orders-7"]));
    /// assert_eq!(server.parent("/orders-7"), Some(orders));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_parent(&mut self, matcher: Matcher) -> ParentKey {
        self.namespaces.add_parent(matcher)
    }

    /// The names of the children that a parent has at present, in a stable order.
    ///
    /// Cost: O(1) for each child.
    pub fn children(&self, parent: ParentKey) -> impl Iterator<Item = &str> {
        let children = self.namespaces.children(parent);
        children.map(|namespace| &*namespace.name)
    }

    /// The parent of a namespace; `None` if it has none or does not exist.
    #[must_use]
    pub fn parent(&self, namespace: &str) -> Option<ParentKey> {
        self.namespaces.get(namespace)?.parent
    }

    /// Broadcasts to each child of a parent: `target` says to whom there, and its own namespace does not matter.
    ///
    /// Cost: for each child, that of [`broadcast`](Self::broadcast) there; the packet is encoded for each.
    ///
    /// # Errors
    ///
    /// An [`EncodeError`] if the packet cannot be written.
    pub fn broadcast_to_children(
        &mut self,
        parent: ParentKey,
        target: &Target<'_>,
        event: &Payload,
        now: Instant,
    ) -> Result<SentMany, EncodeError> {
        let children = self.namespaces.children(parent);
        let names: Vec<ByteString> = children.map(|namespace| namespace.name.clone()).collect();
        let mut outcome = SentMany::default();
        for namespace in &names {
            outcome += self.broadcast(
                &Target {
                    namespace,
                    ..*target
                },
                event,
                now,
            )?;
        }
        Ok(outcome)
    }

    pub(super) fn establish(&mut self, key: Key, parent: Option<ParentKey>) {
        if self.namespaces.establish(key, parent) {
            let namespace = self.namespaces.by_key(key);
            let namespace = namespace.map(|namespace| namespace.name.clone());
            self.push(Event::NamespaceAdded {
                namespace: namespace.unwrap_or_default(),
                parent,
            });
        }
    }

    /// Notes that a socket left its namespace, or waits for it no longer.
    pub(super) fn vacate(&mut self, key: Key, socket: &Socket) {
        let Some(namespace) = self.namespaces.by_key_mut(socket.namespace) else {
            return;
        };
        namespace.sockets.remove(&SocketKey(key));
        namespace.end_waiting(key);
    }

    /// Forgets a namespace that exists only for its sockets and has none left. Such a namespace is undecided, or is a
    /// child without any accepted client. If empty children are cleaned up, it is any child.
    pub(super) fn clean_up(&mut self, key: Key) {
        let cleanup = self.config.cleanup_empty_child_namespaces;
        let unused = self.namespaces.by_key(key).is_some_and(|namespace| {
            let is_kept = namespace.is_established && !cleanup;
            let optional = namespace.tentative || (namespace.parent.is_some() && !is_kept);
            optional && namespace.is_vacant() && !self.kept.is_awaited(key)
        });
        if unused {
            self.forget_namespace(key);
        }
    }

    fn forget_namespace(&mut self, key: Key) {
        self.kept.forget(key);
        if let Some(namespace) = self
            .namespaces
            .remove(key)
            .filter(|namespace| !namespace.tentative)
        {
            self.push(Event::NamespaceRemoved {
                namespace: namespace.name,
            });
        }
    }
}
