//! What is sent, kept for who comes back.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytestring::ByteString;
use engineio_proto::collections::Key;
use engineio_proto::{Seed, SidGenerator};

use super::super::event::Event;
use super::super::keys::{SocketId, SocketKey};
use super::super::machine::{Server, Timer};
use super::super::target::Target;
use super::config::RecoveryStorage;
use super::store::{LoggedPacket, Recipients, RecoveryStore, SavedSession};
use crate::{EncodeError, EncodedPacket, Payload};

/// Makes the offsets of packets: 84 random bits each, so that those of different servers differ and none tells how many
/// there were.
#[derive(Debug)]
pub(in super::super) struct Offsets(SidGenerator);

impl Offsets {
    pub(in super::super) fn new(seed: &Seed) -> Self {
        Self(SidGenerator::new(0, seed))
    }

    fn next(&mut self) -> ByteString {
        let id = self.0.generate(0);
        // The characters before have bits of the shard and the slot.
        id.as_str().get(6..).unwrap_or_default().into()
    }
}

/// Expired packets and sessions are looked for at most this often.
const LEAST_EXPIRY: Duration = Duration::from_secs(1);

/// How many packets, sessions and names of rooms one call of `handle_timeout` forgets at most, but for the names of one
/// packet or session.
const EXPIRED_PER_CALL: usize = 16_384;

impl Server {
    /// Encodes an event that is to be logged, if it is, under the offset that comes with it.
    pub(in super::super) fn encode_logged(
        &mut self,
        namespace: &str,
        event: &Payload,
    ) -> Result<(EncodedPacket, Option<ByteString>), EncodeError> {
        if self.config.connection_state_recovery.is_none() {
            return Ok((self.encode_event(namespace, event)?, None));
        }
        let offset = self.offsets.next();
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
        if let Some(store) = self.store(key) {
            store.record(packet);
            self.note_oldest(key);
            self.await_expiry();
        } else {
            let namespace = name;
            self.push(Event::PacketLogged { namespace, packet });
        }
    }

    /// Keeps a socket that may come back.
    pub(in super::super) fn save(&mut self, namespace: Key, session: SavedSession) {
        if let Some(store) = self.store(namespace) {
            store.save(session);
            self.note_oldest(namespace);
            self.await_expiry();
        } else if let Some(namespace) = self.namespaces.by_key(namespace) {
            let namespace = namespace.name.clone();
            self.push(Event::SessionSaved { namespace, session });
        }
    }

    /// The store of a namespace, if the server keeps it.
    pub(super) fn store(&mut self, namespace: Key) -> Option<&mut RecoveryStore> {
        let config = self.config.connection_state_recovery;
        let config = config.filter(|config| config.storage == RecoveryStorage::Inside)?;
        self.namespaces.note_store(namespace);
        let ledger = self.engine.ledger();
        let namespace = self.namespaces.by_key_mut(namespace)?;
        let store = namespace.store.get_or_insert_with(|| {
            let mut store = Box::new(RecoveryStore::new(config));
            store.attach(ledger);
            store
        });
        Some(store)
    }

    pub(super) fn await_expiry(&mut self) {
        let config = self.config.connection_state_recovery;
        if let Some(config) = config.filter(|_| !self.expiring) {
            let period = config.max_disconnection_duration / 2;
            let deadline = self.now() + period.max(LEAST_EXPIRY);
            self.timers.set(Timer::Expiry, Some(deadline));
            self.expiring = true;
        }
    }

    /// Forgets what is too old, and goes on looking for as long as something is kept.
    ///
    /// Cost: O(1) for each namespace of which something is kept, and O(log n) for each of n packets and sessions that go.
    /// At most [`EXPIRED_PER_CALL`] go at a time. False if there may be more, for which the deadline is over already.
    pub(in super::super) fn expire(&mut self) -> bool {
        self.expiring = false;
        let (now, mut work) = (self.now(), EXPIRED_PER_CALL);
        for key in self.namespaces.keeping() {
            if work == 0 {
                break;
            }
            let Some(namespace) = self.namespaces.by_key_mut(key) else {
                continue;
            };
            if let Some(store) = &mut namespace.store {
                store.expire_within(now, &mut work);
            }
            namespace.store.take_if(|store| store.is_empty());
            if namespace.store.is_some() {
                self.await_expiry();
            }
            self.note_oldest(key);
            self.clean_up(key);
        }
        if work == 0 {
            self.timers.set(Timer::Expiry, Some(now));
            self.expiring = true;
        }
        work > 0
    }

    /// What is kept of a namespace for clients that come back; `None` if nothing is.
    #[must_use]
    pub fn recovery_store(&self, namespace: &str) -> Option<&RecoveryStore> {
        self.namespaces.get(namespace)?.store.as_deref()
    }

    /// Takes out what is kept of a namespace, to be handed to another server; `None` if nothing is.
    ///
    /// Cost: O(1) for each packet and session that is kept.
    pub fn take_recovery_store(&mut self, namespace: &str) -> Option<RecoveryStore> {
        let key = self.namespaces.key(namespace)?;
        let mut store = self.namespaces.by_key_mut(key)?.store.take()?;
        store.detach();
        self.note_oldest(key);
        self.clean_up(key);
        Some(*store)
    }

    /// Puts in what another server kept of a namespace, in the place of what this one keeps. False, and nothing
    /// happens, if there is no such namespace or this server keeps nothing itself.
    ///
    /// Cost: O(1) for each packet, session and room of the stores that come and go.
    pub fn set_recovery_store(&mut self, namespace: &str, store: RecoveryStore) -> bool {
        let ledger = self.engine.ledger().clone();
        let Some(key) = self.namespaces.key(namespace) else {
            return false;
        };
        let Some(place) = self.store(key) else {
            return false;
        };
        *place = store;
        place.attach(&ledger);
        self.note_oldest(key);
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
    use alloc::collections::BTreeSet;

    use engineio_proto::{ConnectionId, Encoded, Instant, Message, http::RequestHead};

    use super::super::RecoveryConfig;
    use super::*;
    use crate::server::Config;

    #[test]
    fn offsets_tell_neither_their_number_nor_their_order_and_never_repeat() {
        let mut offsets = Offsets::new(&Seed::new([1; 32]));
        let drawn: Vec<_> = (0..10_000).map(|_| offsets.next()).collect();
        assert!(drawn.iter().all(|offset| offset.len() == 14));
        let unique: BTreeSet<_> = drawn.iter().collect();
        assert_eq!(unique.len(), drawn.len());
        // No character stays, and none grows: one pair in two is in ascending order.
        for place in 0..14 {
            let digits: BTreeSet<_> = drawn
                .iter()
                .map(|offset| offset.as_bytes()[place])
                .collect();
            assert_eq!(digits.len(), 64, "{place}");
        }
        let ascending = drawn.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((4_500..5_500).contains(&ascending), "{ascending}");
    }

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
