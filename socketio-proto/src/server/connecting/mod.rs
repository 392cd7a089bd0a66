//! A client asks for a namespace with a CONNECT packet: how it gets in, or where it is refused and with which reason.
//!
//! Each row is a step on the way; a CONNECT takes them from top to bottom. A client of the old protocol takes the same way
//! to `/` without a packet.
//!
//! | step | function | refused if | with |
//! |---|---|---|---|
//! | the packet | `Peer::handle_message` | the client is in that namespace or waits for it | the end of its connection: `forced server close`, [`Violation::SecondConnect`](super::Violation::SecondConnect) |
//! | | | it is in as many namespaces as it may be | CONNECT_ERROR `too many namespaces` |
//! | the namespace | `handle_connect` | there is none, and no parent takes it for a child | CONNECT_ERROR `Invalid namespace` |
//! | | | a new child would be one namespace too many | CONNECT_ERROR `too many namespaces` |
//! | the socket | `expect_socket` | there are as many as can be named | CONNECT_ERROR `too many sockets` |
//! | does the child exist? | `ask`, answered by `allow_namespace` or `deny_namespace` | no parent has such a child | CONNECT_ERROR `Invalid namespace` |
//! | | | the application takes longer than `connect_timeout` | CONNECT_ERROR `timeout` |
//! | the session that it had | `announce`, see [`recovery`](super::recovery) | never: without one it is new | |
//! | may it in? | `announce_new`, answered by `accept` or `reject` | the application says so | CONNECT_ERROR with its message |
//! | | | the application takes longer than `connect_timeout` | CONNECT_ERROR `timeout` |
//! | the answer | `welcome` | the client has no room for it | the end of its connection: `forced server close`, [`ForcedClose::Full`](super::ForcedClose::Full) |
//! | | `enter` | never | |
//!
//! A client that is in no namespace when `connect_timeout` is over loses its connection (`connect_timed_out`).

mod questions;
mod refusals;
mod verdicts;

use bytestring::ByteString;
use engineio_proto::Instant;
use engineio_proto::collections::Key;
use engineio_proto::server::SessionKey;

pub(super) use questions::{Question, Questions, Settled};

use super::event::Event;
use super::keys::{ConnectToken, NamespaceToken, ParentKey};
use super::machine::{Server, Timer};
use super::namespaces::Candidate;
use super::peer::Received;
use super::sockets::Socket;
use crate::Payload;

impl Server {
    /// Takes a client that has just come as if it had asked for `/`.
    pub(super) fn join_main_unasked(&mut self, session: SessionKey) {
        if self.is_legacy(session) {
            let namespace = ByteString::from_static("/");
            let connect = Received::Connect {
                namespace,
                auth: None,
            };
            self.handle_received(session, connect);
        }
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
            client.peer_mut().expect(name.clone(), key);
        }
        Some(key)
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
        let bytes = self.questions.ask(key, question, auth);
        // It is held until the application has answered, and counts for as long.
        if let Some(client) = self.client_mut(session) {
            client.undelivered_mut().add_bytes(bytes);
        }
        self.timers.set(Timer::Verdict(key), Some(deadline));
        self.push_counted(session, bytes, event);
    }

    /// Takes the answer to a question about a client, which counts against its limits no longer.
    pub(super) fn settle_question(
        &mut self,
        key: Key,
        take: impl FnOnce(&mut Questions, Key) -> Option<Settled>,
    ) -> Option<Settled> {
        let settled = take(&mut self.questions, key)?;
        let session = self.sockets.get(key).map(|socket| socket.session);
        if let Some(client) = session.and_then(|session| self.client_mut(session)) {
            client.undelivered_mut().remove_bytes(settled.bytes);
        }
        Some(settled)
    }

    /// The parent that was asked about a client, and what the client sent along.
    fn answered_parent(&mut self, key: Key) -> Option<(ParentKey, Option<Payload>)> {
        let settled = self.settle_question(key, Questions::answer_namespace)?;
        Some((settled.parent?, settled.auth))
    }
}
