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
use engineio_proto::ledger::{self, Charge, HeapSize};
use engineio_proto::server::{SentMany, SessionKey};

use super::event::Event;
use super::keys::{ConnectToken, NamespaceToken, ParentKey, SocketKey};
use super::machine::{Gone, Server, Timer};
use super::namespace::Socket;
use super::namespaces::{Candidate, Matcher};
use super::target::Target;
use crate::{EncodeError, Payload};

/// A name that no namespace can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a comma cannot stand in the name of a namespace")]
#[non_exhaustive]
pub struct InvalidNamespace;

/// A client about which the application is asked something before it is asked whether to let it in.
#[derive(Debug)]
pub(super) struct Asking {
    question: Question,
    pub(super) auth: Option<Payload>,
    /// What the client sent along, once no event keeps it too.
    charge: Charge,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    /// Does this parent have such a child?
    Namespace(ParentKey),
    /// What is known of the session that the client had?
    Session,
}

impl Question {
    pub(super) const fn is_session(self) -> bool {
        matches!(self, Self::Session)
    }
}

impl Asking {
    fn bytes(&self) -> usize {
        self.auth.as_ref().map_or(0, Payload::payload_len)
    }
}

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
            self.disconnect(socket);
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
            )?;
        }
        Ok(outcome)
    }

    /// Says that the namespace which a client asks for exists. It is made a child of the parent that asked, unless it
    /// came into being meanwhile; [`Event::Connecting`] follows.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client disconnected meanwhile, or waited too long and was refused.
    pub fn allow_namespace(&mut self, token: NamespaceToken) -> Result<(), Gone> {
        let (parent, auth) = self.take_parent(token.0).ok_or(Gone)?;
        let namespace = self.sockets.get(token.0).ok_or(Gone)?.namespace;
        self.establish(namespace, Some(parent));
        self.announce(token.0, auth);
        self.pump();
        Ok(())
    }

    /// Says that the parent which asked has no such child. The next parent is asked; without one the client is refused
    /// with `Invalid namespace`.
    ///
    /// Cost: O(log n) for n namespaces, and that of [matching](super::NamespacePattern::matches) for each parent behind it.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client disconnected meanwhile, or waited too long and was refused.
    pub fn deny_namespace(&mut self, token: NamespaceToken) -> Result<(), Gone> {
        let (parent, auth) = self.take_parent(token.0).ok_or(Gone)?;
        let socket = self.sockets.get(token.0).ok_or(Gone)?;
        let (namespace, name) = (socket.namespace, self.namespace_name(socket));
        match self.namespaces.candidate(&name, Some(parent)) {
            None => self.deny(token.0),
            Some(Candidate::Child(parent)) => {
                self.establish(namespace, Some(parent));
                self.announce(token.0, auth);
            }
            Some(Candidate::Ask(parent)) => self.ask(token.0, parent, auth),
        }
        self.pump();
        Ok(())
    }

    /// Takes a CONNECT packet.
    pub(super) fn handle_connect(
        &mut self,
        session: SessionKey,
        name: ByteString,
        auth: Option<Payload>,
    ) {
        let existing = self.namespaces.key(&name);
        let known = existing.filter(|key| {
            let namespace = self.namespaces.by_key(*key);
            namespace.is_some_and(|namespace| !namespace.tentative)
        });
        let candidate = match known {
            Some(_) => None,
            None => match self.namespaces.candidate(&name, None) {
                None => return self.send_invalid_namespace(session, &name),
                candidate => candidate,
            },
        };
        let namespace = existing.or_else(|| {
            let room = self.namespaces.len() < self.config.max_namespaces;
            room.then(|| self.namespaces.insert(name.clone())).flatten()
        });
        let Some(namespace) = namespace else {
            return self.send_refusal(session, &name, "too many namespaces", None);
        };
        let Some(key) = self.expect_socket(session, namespace, &name) else {
            self.clean_up(namespace);
            return self.send_refusal(session, &name, "too many sockets", None);
        };
        match candidate {
            None => self.announce(key, auth),
            Some(Candidate::Child(parent)) => {
                self.establish(namespace, Some(parent));
                self.announce(key, auth);
            }
            Some(Candidate::Ask(parent)) => self.ask(key, parent, auth),
        }
    }

    /// Makes the socket of a client that waits to be let in.
    fn expect_socket(
        &mut self,
        session: SessionKey,
        namespace: Key,
        name: &ByteString,
    ) -> Option<Key> {
        let generator = &mut self.generator;
        let key = self.sockets.insert_with(|key| Socket {
            session,
            id: generator.generate(key.slot()),
            namespace,
            joined: false,
            own_room: false,
            extras: None,
        })?;
        if let Some(namespace) = self.namespaces.by_key_mut(namespace) {
            namespace.waiting.insert(key);
        }
        if let Some(id) = self.implicit_id(session, name) {
            self.sockets.rename(key, id);
        }
        if let Some(client) = self.client_mut(session) {
            client.connection.expect(name.clone(), key);
        }
        Some(key)
    }

    /// Asks the application whether a namespace exists.
    fn ask(&mut self, key: Key, parent: ParentKey, auth: Option<Payload>) {
        let Some(socket) = self.sockets.get(key) else {
            return;
        };
        let (session, namespace) = (socket.session, self.namespace_name(socket));
        let token = NamespaceToken(key);
        let event = Event::NamespaceRequested {
            token,
            session,
            namespace,
            parent,
            auth: auth.clone(),
        };
        let deadline = self.now() + self.config.connect_timeout;
        self.ask_application(key, Question::Namespace(parent), auth, deadline, event);
    }

    /// Asks the application something about a client that wants to join a namespace.
    pub(super) fn ask_application(
        &mut self,
        key: Key,
        question: Question,
        auth: Option<Payload>,
        deadline: Instant,
        event: Event,
    ) {
        let Some(session) = self.sockets.get(key).map(|socket| socket.session) else {
            return;
        };
        let size = match question {
            Question::Namespace(_) => 0,
            Question::Session => auth.as_ref().map_or(0, HeapSize::heap_size),
        };
        let asking = Asking {
            question,
            auth,
            charge: self.engine.ledger().charge(size),
        };
        let bytes = asking.bytes();
        // It is held until the application has answered, and counts for as long.
        if let Some(client) = self.client_mut(session) {
            client.undelivered_bytes = client.undelivered_bytes.saturating_add(bytes);
        }
        self.asking.insert(key, asking);
        self.settle_asking();
        self.timers.set(Timer::Verdict(key), Some(deadline));
        self.push_counted(session, bytes, event);
    }

    /// Lets a client join a namespace that exists: with the session that it had, or as a new one.
    fn announce(&mut self, key: Key, auth: Option<Payload>) {
        if !self.looks_for_session(key, auth.as_ref()) {
            self.announce_new(key, auth, false);
        }
    }

    /// Asks the application whether a client may join a namespace that exists.
    pub(super) fn announce_new(&mut self, key: Key, auth: Option<Payload>, recovered: bool) {
        let Some(socket) = self.sockets.get(key) else {
            return;
        };
        let (session, namespace) = (socket.session, self.namespace_name(socket));
        let deadline = self.now() + self.config.connect_timeout;
        self.timers.set(Timer::Verdict(key), Some(deadline));
        let bytes = auth.as_ref().map_or(0, |auth| auth.json().len());
        let event = Event::Connecting {
            token: ConnectToken(key),
            session,
            namespace,
            auth,
            recovered,
        };
        self.push_counted(session, bytes, event);
    }

    /// Charges what a client sent along with a question, once the event that has it is taken.
    pub(super) fn charge_asking(&mut self, key: Key, size: usize) {
        if let Some(asking) = self.asking.get_mut(&key) {
            asking.charge.set(size);
        }
    }

    /// What is held of a client that is being asked about.
    pub(super) fn asking_size(&self, key: Key) -> usize {
        self.asking
            .get(&key)
            .map_or(0, |asking| asking.charge.bytes())
    }

    fn settle_asking(&mut self) {
        let size = ledger::map_size::<Key, Asking>(self.asking.len());
        self.asking_slots.set(size);
    }

    /// The parent that was asked about a client, and what the client sent along.
    fn take_parent(&mut self, key: Key) -> Option<(ParentKey, Option<Payload>)> {
        let asking = self.take_asking(key, |question| !question.is_session())?;
        match asking.question {
            Question::Namespace(parent) => Some((parent, asking.auth)),
            Question::Session => None,
        }
    }

    /// What the application is asked about a client, asked no longer, if it is what the caller means.
    pub(super) fn take_asking(
        &mut self,
        key: Key,
        is_meant: impl FnOnce(Question) -> bool,
    ) -> Option<Asking> {
        self.asking
            .get(&key)
            .filter(|asking| is_meant(asking.question))?;
        let asking = self.asking.remove(&key)?;
        self.settle_asking();
        let session = self.sockets.get(key).map(|socket| socket.session);
        if let Some(client) = session.and_then(|session| self.client_mut(session)) {
            client.undelivered_bytes = client.undelivered_bytes.saturating_sub(asking.bytes());
        }
        Some(asking)
    }

    fn establish(&mut self, key: Key, parent: Option<ParentKey>) {
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

    /// Forgets a namespace that is there for its sockets only and has none left: one that is not decided about, and a
    /// child that nobody was let into, or any child if empty ones are cleaned up.
    pub(super) fn clean_up(&mut self, key: Key) {
        let cleanup = self.config.cleanup_empty_child_namespaces;
        let unused = self.namespaces.by_key(key).is_some_and(|namespace| {
            let is_kept = namespace.is_established && !cleanup;
            let optional = namespace.tentative || (namespace.parent.is_some() && !is_kept);
            optional && namespace.is_vacant()
        });
        if unused {
            self.forget_namespace(key);
        }
    }

    fn forget_namespace(&mut self, key: Key) {
        self.forget_oldest_time(key);
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
