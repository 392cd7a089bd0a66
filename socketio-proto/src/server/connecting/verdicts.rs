//! Verdicts of the application on waiting clients.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use engineio_proto::Sid;
use engineio_proto::collections::Key;
use engineio_proto::server as engine;
use engineio_proto::{Gone, Instant};
use serde::Serialize;

use crate::server::keys::{ConnectToken, NamespaceToken, SocketKey};
use crate::server::machine::{Server, Timer};
use crate::server::namespaces::Candidate;
use crate::server::owed::OWED;
use crate::server::recovery::Extras;
use crate::{EncodedPacket, PacketRef, PacketType, Payload};

#[derive(Serialize)]
struct Connected<'a> {
    sid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<&'a str>,
}

impl Server {
    /// Lets a client into the namespace that it waits for. It is told so, and is in its own room from here on.
    ///
    /// If its session ends in this call, because more is held than [may be](engine::Config::max_bytes_held), the socket is
    /// gone already, and [`Disconnected`](crate::server::Event::Disconnected) follows.
    ///
    /// Cost: O(log n) for n sockets and rooms, for itself and each room that it comes back to, and O(1) for each packet that
    /// it missed.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client disconnected meanwhile, or waited too long and was refused.
    pub fn accept(&mut self, token: ConnectToken, now: Instant) -> Result<SocketKey, Gone> {
        self.advance(now);
        let key = token.0;
        if self.sockets.get(key).is_none_or(|socket| socket.joined) {
            return Err(Gone);
        }
        // Before it joins: who has no room for the answer is dropped, and must leave no trace of a socket.
        let joined = self.welcome(key);
        if joined {
            self.enter(key);
        }
        self.pump();
        self.check();
        // Whoever joined is known from here on, also if the limit of memory has just ended its session: events tell of it.
        if joined {
            Ok(SocketKey(key))
        } else {
            Err(Gone)
        }
    }

    /// Tells a client that it is let in, behind what it missed. False if it is gone, or its session is being closed.
    pub(in crate::server) fn welcome(&mut self, key: Key) -> bool {
        let pid = self.pid(key);
        let Some(socket) = self.sockets.get(key) else {
            return false;
        };
        let (session, name) = (socket.session, self.namespace_name(socket));
        let engine = self.engine.session(session);
        if !engine.is_some_and(engine::Session::is_open) {
            return false;
        }
        let answer = Connected {
            sid: socket.name(),
            pid: pid.as_ref().map(Sid::as_str),
        };
        let Ok(payload) = Payload::object(&answer) else {
            return false;
        };
        let mut packet = PacketRef::new(PacketType::Connect, &name).with_payload(&payload);
        if self.is_legacy(session) {
            packet.payload = None;
        }
        let limit = self.config.limits.max_attachments;
        let Ok(connect) = self.config.parser.encode(packet, limit) else {
            return false;
        };
        let missed = self.missed(key);
        if missed.is_empty() {
            self.send_owed(session, connect.parts());
        } else if !self.has_room_for(session, missed, connect.payload_len()) {
            // More was sent while the application thought than there is room for: nothing of it may be left out.
            self.kick(session, OWED);
        } else {
            let packets = missed.iter().chain([&connect]);
            let parts: Vec<_> = packets.flat_map(EncodedPacket::parts).cloned().collect();
            self.send_owed(session, &parts);
        }
        self.sockets.get(key).is_some()
    }

    /// Lets a client in that was told so.
    pub(in crate::server) fn enter(&mut self, key: Key) {
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        socket.joined = true;
        let (session, namespace) = (socket.session, socket.namespace);
        let extras = socket.extras.as_deref_mut();
        let restored = extras.and_then(Extras::take_returning);
        let rooms = if let Some(session) = restored {
            session.rooms
        } else if self.config.room_events {
            BTreeSet::from([Arc::from(socket.name())])
        } else {
            // There is nobody to tell of its own room.
            socket.own_room = true;
            BTreeSet::new()
        };
        if let Some(namespace) = self.namespaces.by_key_mut(namespace) {
            namespace.end_waiting(key);
            namespace.sockets.insert(SocketKey(key));
            namespace.is_established = true;
        }
        for room in rooms {
            // It was in them before, or in its own by right.
            let _joined = self.join(SocketKey(key), &room);
        }
        self.timers.set(Timer::Verdict(key), None);
        self.timers.set(Timer::Connect(session.slot()), None);
        let name = self.namespaces.by_key(namespace);
        let name = name
            .map(|namespace| namespace.name.clone())
            .unwrap_or_default();
        if let Some(client) = self.client_mut(session) {
            client.peer_mut().join(&name);
        }
    }

    /// Refuses a client the namespace that it waits for. It gets a `connect_error` with the message, and the data as
    /// its `data`. A client of revision 4 gets only the data, or the message if there is none. It may ask again.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client disconnected meanwhile, or waited too long and was refused.
    pub fn reject(
        &mut self,
        token: ConnectToken,
        message: &str,
        data: Option<&Payload>,
        now: Instant,
    ) -> Result<(), Gone> {
        self.advance(now);
        if self.sockets.get(token.0).is_none_or(|socket| socket.joined) {
            return Err(Gone);
        }
        self.refuse(token.0, message, data);
        self.pump();
        Ok(())
    }

    /// Says that the namespace which a client asks for exists. It is made a child of the parent that asked, unless it
    /// came into being meanwhile; [`Event::Connecting`](crate::server::Event::Connecting) follows.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client disconnected meanwhile, or waited too long and was refused.
    pub fn allow_namespace(&mut self, token: NamespaceToken, now: Instant) -> Result<(), Gone> {
        self.advance(now);
        let (parent, auth) = self.answered_parent(token.0).ok_or(Gone)?;
        let namespace = self.sockets.get(token.0).ok_or(Gone)?.namespace;
        self.establish(namespace, Some(parent));
        self.announce(token.0, auth);
        self.pump();
        Ok(())
    }

    /// Says that the parent which asked has no such child. The next parent is asked; without one the client is refused
    /// with `Invalid namespace`.
    ///
    /// Cost: O(log n) for n namespaces, and that of [matching](crate::server::NamespacePattern::matches) for each parent behind it.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client disconnected meanwhile, or waited too long and was refused.
    pub fn deny_namespace(&mut self, token: NamespaceToken, now: Instant) -> Result<(), Gone> {
        self.advance(now);
        let (parent, auth) = self.answered_parent(token.0).ok_or(Gone)?;
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
}
