//! Sockets that go away and come back.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use bytestring::ByteString;
use engineio_proto::Sid;
use engineio_proto::collections::Key;
use engineio_proto::server::{Session, SessionKey};
use engineio_proto::{Gone, Instant};
use serde::Deserialize;

use super::super::connecting::{Question, Questions, Settled};
use super::super::event::Event;
use super::super::keys::{RestoreToken, SocketId, SocketKey};
use super::super::machine::Server;
use super::super::reason::DisconnectReason;
use super::super::sockets::Socket;
use super::config::RecoveryStorage;
use super::extras::{Extras, Left};
use super::store::{LoggedPacket, Restored, SavedSession};
use crate::{EncodedPacket, Payload};

/// What a client says of the session that it had.
#[derive(Deserialize)]
struct Claim {
    pid: String,
    offset: String,
}

impl Server {
    /// Looks for the session that a client had, if it says that it had one. False if it is to be taken as new.
    pub(in super::super) fn looks_for_session(&mut self, key: Key, auth: Option<&Payload>) -> bool {
        let Some(config) = self.config.connection_state_recovery else {
            return false;
        };
        let claim = auth.and_then(|auth| auth.data::<Claim>().ok());
        let Some(Claim { pid, offset }) = claim else {
            return false;
        };
        let (Some(pid), Some(socket)) = (Sid::parse(&pid), self.sockets.get(key)) else {
            return false;
        };
        let (session, namespace) = (socket.session, socket.namespace);
        if self.is_legacy(session) {
            return false;
        }
        // The body that brought the request may have ended the connection already. Nobody can come back over it.
        if !self.engine.session(session).is_some_and(Session::is_open) {
            return false;
        }
        let deadline = self.now() + config.restore_timeout;
        match config.storage {
            RecoveryStorage::Inside => {
                let now = self.now();
                let restored = self.kept.restore(namespace, &pid, &offset, now);
                restored.is_some_and(|restored| self.resume(key, restored, auth))
            }
            RecoveryStorage::Outside => {
                let event = Event::Restoring {
                    token: RestoreToken(key),
                    session,
                    namespace: self.socket_namespace_name(key),
                    pid,
                    offset: offset.into(),
                };
                self.ask_application(key, Question::Session, auth.cloned(), deadline, event);
                true
            }
        }
    }

    /// Answers [`Event::Restoring`] with what the application kept of the session; `None` if it knows no such session,
    /// or not all that the client missed. The client then joins as a new one.
    ///
    /// A session whose socket is still there, by this server's knowledge, is not restored.
    ///
    /// Cost: O(log n) for n sockets and rooms, for itself and each room that it comes back to, and O(1) for each packet that
    /// it missed.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client disconnected meanwhile, or waited longer than
    /// [`RecoveryConfig::restore_timeout`](super::RecoveryConfig::restore_timeout) and joins as a new one.
    pub fn restore(
        &mut self,
        token: RestoreToken,
        restored: Option<Restored>,
        now: Instant,
    ) -> Result<(), Gone> {
        self.advance(now);
        let Settled { auth, .. } = self
            .settle_question(token.0, Questions::answer_session)
            .ok_or(Gone)?;
        if !restored.is_some_and(|restored| self.resume(token.0, restored, auth.as_ref())) {
            self.announce_new(token.0, auth, false);
        }
        self.pump();
        self.check();
        Ok(())
    }

    /// Gives a client its session back. False if that cannot be.
    fn resume(&mut self, key: Key, restored: Restored, auth: Option<&Payload>) -> bool {
        let Some(config) = self.config.connection_state_recovery else {
            return false;
        };
        let session = self.sockets.get(key).map(|socket| socket.session);
        let (Some(session), Some(id)) = (session, restored.session.socket.as_own()) else {
            return false;
        };
        let connect = CONNECT_LEN.saturating_add(self.socket_namespace_name(key).len());
        if !self.has_room_for(session, &restored.missed, connect) || !self.sockets.relocate(key, id)
        {
            return false;
        }
        let ledger = self.engine.ledger().clone();
        if let Some(socket) = self.sockets.get_mut(key) {
            let extras = Extras::of_returning(restored, &ledger);
            socket.extras = Some(Box::new(extras));
        }
        if !config.skip_middlewares {
            self.expect_return(key);
            self.announce_new(key, auth.cloned(), true);
        } else if self.welcome(key) {
            let event = Event::Recovered {
                socket: SocketKey(key),
                session,
                namespace: self.socket_namespace_name(key),
                auth: auth.cloned(),
            };
            let bytes = auth.map_or(0, |auth| auth.json().len());
            self.push_counted(session, bytes, event);
            self.enter(key);
        }
        true
    }

    /// Notes that a socket that came back waits for the verdict.
    fn expect_return(&mut self, key: Key) {
        let Some(socket) = self.sockets.get(key) else {
            return;
        };
        let session = socket.extras.as_deref().and_then(Extras::returning);
        let namespace = self.namespaces.by_key_mut(socket.namespace);
        if let (Some(session), Some(namespace)) = (session, namespace) {
            namespace.returning.insert(SocketKey(key), session);
        }
    }

    /// Whether a client that missed some packets can be sent them all, and the CONNECT behind them.
    pub(in super::super) fn has_room_for(
        &self,
        session: SessionKey,
        missed: &[EncodedPacket],
        connect: usize,
    ) -> bool {
        let Some(buffered) = self
            .engine
            .session(session)
            .map(|session| session.buffered())
        else {
            return false;
        };
        let parts = missed.iter().flat_map(EncodedPacket::parts);
        let messages = buffered.messages.saturating_add(1);
        let bytes = buffered.bytes.saturating_add(connect);
        let (messages, bytes) = parts.fold((messages, bytes), |(messages, bytes), part| {
            (
                messages.saturating_add(1),
                bytes.saturating_add(part.payload_len()),
            )
        });
        let config = &self.config.engine;
        messages <= config.max_buffered_messages && bytes <= config.max_buffered_bytes
    }

    /// Keeps what is sent for those who came back and about whom the application still thinks: they miss it too.
    ///
    /// One who misses more than may wait for a client has no room for it when it is let in, and is dropped as one who
    /// does not read.
    pub(super) fn keep_for_waiting(&mut self, namespace: Key, packet: &LoggedPacket) {
        let Some(namespace) = self.namespaces.by_key(namespace) else {
            return;
        };
        let (messages, bytes) = (
            self.config.engine.max_buffered_messages,
            self.config.engine.max_buffered_bytes,
        );
        for socket in namespace.returning.concerned_by(&packet.recipients) {
            let socket = self.sockets.get_mut(socket.0);
            if let Some(extras) = socket.and_then(|socket| socket.extras.as_deref_mut()) {
                extras.miss(&packet.packet, messages, bytes);
            }
        }
    }

    /// Keeps a socket that left, with the rooms besides its own that it was in, if its client may come back.
    pub(in super::super) fn save_socket(
        &mut self,
        mut socket: Socket,
        reason: &DisconnectReason,
        rooms: &[Arc<str>],
    ) {
        let namespace = socket.namespace;
        let Some(extras) = socket.extras.take().filter(|_| reason.is_recoverable()) else {
            return;
        };
        let disconnected_at = self.now();
        let (pid, data) = match extras.into_left() {
            Some(Left::Returning(session)) => return self.save(namespace, session),
            Some(Left::Joined(pid, data)) if socket.joined => (pid, data),
            Some(Left::Joined(..)) | None => return,
        };
        let id = SocketId::own(socket.id);
        let own = socket.own_room.then(|| Arc::from(id.as_str()));
        let session = SavedSession {
            socket: id,
            pid,
            rooms: rooms.iter().cloned().chain(own).collect(),
            data,
            disconnected_at,
        };
        self.save(namespace, session);
    }

    /// The pid of a socket, which it gets if clients can come back.
    pub(in super::super) fn pid(&mut self, key: Key) -> Option<Sid> {
        self.config.connection_state_recovery?;
        let session = self.sockets.get(key)?.session;
        if self.is_legacy(session) {
            return None;
        }
        let socket = self.sockets.get_mut(key)?;
        let extras = socket.extras.get_or_insert_default();
        let generator = &mut self.generator;
        Some(extras.pid_or(|| generator.generate(key.slot())))
    }

    /// What a socket that is let in missed.
    pub(in super::super) fn missed(&self, key: Key) -> &[EncodedPacket] {
        let socket = self.sockets.get(key);
        let extras = socket.and_then(|socket| socket.extras.as_deref());
        extras.map_or(&[], Extras::missed)
    }

    /// Whether a socket came back with its earlier session: officially `recovered`.
    #[must_use]
    pub fn is_recovered(&self, socket: SocketKey) -> bool {
        let extras = self
            .sockets
            .get(socket.0)
            .and_then(|socket| socket.extras.as_ref());
        extras.is_some_and(|extras| extras.is_recovered())
    }

    /// Puts something aside for a socket, which is there again once its client [came back](Event::Recovered):
    /// officially `socket.data`. False if the socket has left.
    pub fn set_data(&mut self, socket: SocketKey, data: Option<Payload>) -> bool {
        let Some(socket) = self.sockets.get_mut(socket.0) else {
            return false;
        };
        if data.is_some() || socket.extras.is_some() {
            socket.extras.get_or_insert_default().set_data(data);
        }
        true
    }

    /// What was put aside for a socket.
    #[must_use]
    pub fn data(&self, socket: SocketKey) -> Option<&Payload> {
        self.sockets.get(socket.0)?.extras.as_ref()?.data()
    }

    fn socket_namespace_name(&self, key: Key) -> ByteString {
        let socket = self.sockets.get(key);
        socket
            .map(|socket| self.namespace_name(socket))
            .unwrap_or_default()
    }
}

/// At least the bytes of a CONNECT packet behind its namespace.
const CONNECT_LEN: usize = 128;

#[cfg(test)]
mod tests {
    use alloc::format;

    use engineio_proto::http::RequestHead;
    use engineio_proto::{ConnectionId, Encoded, Frame, Instant, Message, Seed, server as engine};

    use super::super::config::RecoveryConfig;
    use super::super::store::{Recipients, RecoveryStore, SavedSession};
    use super::*;
    use crate::server::{Config, Target};

    const PID: &str = "BBBBBBBBBBBBBBBBBBBB";

    /// A server that is asked about a client which came back, to a store with one packet.
    fn asked(max_bytes: usize, max_messages: usize) -> (Server, Key) {
        let recovery = RecoveryConfig::default().with_skip_middlewares(false);
        let engine = engine::Config::default().with_max_buffered(max_bytes, max_messages);
        let config = Config::default()
            .with_engine(engine)
            .with_connection_state_recovery(Some(recovery));
        let mut store = RecoveryStore::new(recovery);
        store.record(LoggedPacket {
            offset: "last".into(),
            recipients: Recipients::default(),
            packet: EncodedPacket::from_parts(alloc::vec![Encoded::new(&Message::text("2"))])
                .unwrap(),
            sent_at: Instant::ZERO,
        });
        store.save(SavedSession {
            socket: SocketId::parse("AAAAAAAAAAAAAAAAAAAA").unwrap(),
            pid: Sid::parse(PID).unwrap(),
            rooms: [].into(),
            data: None,
            disconnected_at: Instant::ZERO,
        });
        let mut server = Server::new(config, 0, &Seed::new([1; 32])).unwrap();
        assert!(server.set_recovery_store("/", store, Instant::ZERO));
        let (connection, now) = (ConnectionId(1), Instant::ZERO);
        let head = RequestHead::new("GET", "/socket.io/", "EIO=4&transport=websocket");
        server.handle_upgrade(connection, &head, now);
        let connect = format!(r#"40{{"pid":"{PID}","offset":"last"}}"#);
        server.handle_frame(connection, Frame::Text(connect.into()), now);
        let (key, _) = server.sockets.iter().next().unwrap();
        (server, key)
    }

    #[test]
    fn who_waits_is_kept_no_more_than_shows_that_it_cannot_be_sent() {
        let event = Payload::event("e").build().unwrap();
        let (mut server, key) = asked(1_000_000, 3);
        for kept in [1, 2, 3, 4, 4, 4] {
            server
                .broadcast(&Target::namespace("/"), &event, Instant::ZERO)
                .unwrap();
            assert_eq!(server.missed(key).len(), kept, "of 3 messages");
        }
        let (mut server, key) = asked(200, 1_000);
        for _ in 0..50 {
            server
                .broadcast(&Target::namespace("/"), &event, Instant::ZERO)
                .unwrap();
        }
        let missed = server.missed(key);
        let len = missed[0].payload_len();
        assert_eq!(missed.len(), 200 / len + 1, "of 200 bytes");
    }
}
