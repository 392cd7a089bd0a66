//! A log of sent events, kept for returning clients.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytestring::ByteString;
use engineio_proto::Instant;
use engineio_proto::collections::Key;

use super::super::event::Event;
use super::super::keys::{SocketId, SocketKey};
use super::super::machine::{Server, Timer};
use super::super::target::Target;
use super::store::{LoggedPacket, Recipients, RecoveryStore, SavedSession};
use crate::{EncodeError, EncodedPacket, Payload};

impl Server {
    /// Encodes an event that is to be logged, if it is, under the offset that comes with it.
    pub(in super::super) fn encode_logged(
        &mut self,
        namespace: &str,
        event: &Payload,
    ) -> Result<(EncodedPacket, Option<ByteString>), EncodeError> {
        let Some(offset) = self.kept.next_offset() else {
            return Ok((self.encode_event(namespace, event)?, None));
        };
        let packet = self.encode_event(namespace, &event.with_last(&offset))?;
        Ok((packet, Some(offset)))
    }

    /// Logs what was sent to one socket.
    pub(in super::super) fn log_emit(
        &mut self,
        namespace: &str,
        socket: SocketKey,
        packet: &EncodedPacket,
        offset: Option<ByteString>,
    ) {
        // Recipients without a socket are everybody.
        if let (Some(offset), Some(socket)) = (offset, self.socket_id(socket)) {
            let recipients = Recipients {
                socket: Some(socket),
                ..Recipients::default()
            };
            self.log(namespace, recipients, packet, offset);
        }
    }

    /// Logs what was sent to many sockets.
    pub(in super::super) fn log_broadcast(
        &mut self,
        target: &Target<'_>,
        packet: &EncodedPacket,
        offset: Option<ByteString>,
    ) {
        if let Some(offset) = offset {
            let recipients = Recipients {
                socket: None,
                rooms: names(target.rooms),
                except: target.except.and_then(|socket| self.socket_id(socket)),
                except_rooms: names(target.except_rooms),
            };
            self.log(target.namespace, recipients, packet, offset);
        }
    }

    fn log(
        &mut self,
        namespace: &str,
        recipients: Recipients,
        packet: &EncodedPacket,
        offset: ByteString,
    ) {
        let Some(namespace) = self.namespaces.get(namespace) else {
            return;
        };
        let (key, name) = (namespace.key, namespace.name.clone());
        let packet = LoggedPacket {
            offset,
            recipients,
            packet: packet.clone(),
            sent_at: self.now(),
        };
        self.keep_for_waiting(key, &packet);
        match self.kept.record(key, packet) {
            None => self.await_expiry(),
            Some(packet) => {
                let namespace = name;
                self.push(Event::PacketLogged { namespace, packet });
            }
        }
    }

    /// Keeps a socket that may come back.
    pub(in super::super) fn save(&mut self, namespace: Key, session: SavedSession) {
        match self.kept.save(namespace, session) {
            None => self.await_expiry(),
            Some(session) => {
                if let Some(namespace) = self.namespaces.by_key(namespace) {
                    let namespace = namespace.name.clone();
                    self.push(Event::SessionSaved { namespace, session });
                }
            }
        }
    }

    /// Sets the deadline to look for what is too old, unless there is one.
    fn await_expiry(&mut self) {
        if let Some(deadline) = self.kept.next_expiry(self.now()) {
            self.timers.set(Timer::Expiry, Some(deadline));
        }
    }

    /// Forgets what is too old. False if there may be more, for which the deadline is over already.
    pub(in super::super) fn expire(&mut self) -> bool {
        let expired = self.kept.expire(self.now());
        if let Some(deadline) = expired.next {
            self.timers.set(Timer::Expiry, Some(deadline));
        }
        for namespace in expired.namespaces {
            self.clean_up(namespace);
        }
        !expired.has_more
    }

    /// What is kept of a namespace for clients that come back; `None` if nothing is.
    #[must_use]
    pub fn recovery_store(&self, namespace: &str) -> Option<&RecoveryStore> {
        self.kept.get(self.namespaces.key(namespace)?)
    }

    /// Takes out what is kept of a namespace, to be handed to another server; `None` if nothing is.
    ///
    /// Cost: O(1) for each packet and session that is kept.
    pub fn take_recovery_store(&mut self, namespace: &str) -> Option<RecoveryStore> {
        let key = self.namespaces.key(namespace)?;
        let store = self.kept.take(key)?;
        self.clean_up(key);
        Some(store)
    }

    /// Puts in what another server kept of a namespace, in the place of what this one keeps. False, and nothing
    /// happens, if there is no such namespace or this server keeps nothing itself.
    ///
    /// Cost: O(1) for each packet, session and room of the stores that come and go.
    pub fn set_recovery_store(
        &mut self,
        namespace: &str,
        store: RecoveryStore,
        now: Instant,
    ) -> bool {
        self.advance(now);
        let Some(key) = self.namespaces.key(namespace) else {
            return false;
        };
        if !self.kept.put(key, store) {
            return false;
        }
        self.await_expiry();
        self.pump();
        true
    }
}

/// The names of rooms, each once, ascending.
fn names(rooms: &[&str]) -> Vec<Arc<str>> {
    let mut rooms = rooms.to_vec();
    rooms.sort_unstable();
    rooms.dedup();
    rooms.into_iter().map(Arc::from).collect()
}

impl From<SocketId> for Arc<str> {
    fn from(id: SocketId) -> Self {
        id.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use engineio_proto::http::RequestHead;
    use engineio_proto::{ConnectionId, Encoded, Instant, Message, Seed};

    use super::super::RecoveryConfig;
    use super::*;
    use crate::server::Config;

    #[test]
    fn what_was_sent_to_a_socket_that_is_gone_is_logged_for_nobody() {
        let recovery = Some(RecoveryConfig::default());
        let config = Config::default().with_connection_state_recovery(recovery);
        let mut server = Server::new(config, 0, &Seed::new([1; 32])).unwrap();
        let packet = EncodedPacket::from_parts(alloc::vec![Encoded::new(&Message::text("2[]"))]);
        let packet = packet.unwrap();
        let unknown = SocketKey(Key::from_bits(7));
        server.log_emit("/", unknown, &packet, Some("offset".into()));
        assert!(server.recovery_store("/").is_none());
        // A socket that is there has its packet logged, for itself alone.
        let mut head = RequestHead::new("GET", "/", "EIO=4&transport=websocket");
        head.upgrade = true;
        server.handle_upgrade(ConnectionId(1), &head, Instant::ZERO);
        let connect = engineio_proto::Frame::Text("40".into());
        server.handle_frame(ConnectionId(1), connect, Instant::ZERO);
        let key = server
            .sockets
            .iter()
            .next()
            .map(|(key, _)| SocketKey(key))
            .unwrap();
        server.log_emit("/", key, &packet, Some("offset".into()));
        let store = server.recovery_store("/").unwrap();
        let logged: Vec<_> = store.packets().collect();
        assert_eq!(logged.len(), 1);
        assert_eq!(logged[0].recipients.socket, server.socket_id(key));
        assert!(logged[0].recipients.socket.is_some());
    }
}
