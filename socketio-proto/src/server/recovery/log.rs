//! What is sent, kept for who comes back.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
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

/// Makes the offsets of packets: 48 random bits, so that those of different servers differ, and a number.
#[derive(Debug)]
pub(in super::super) struct Offsets {
    tag: String,
    next: u64,
}

impl Offsets {
    pub(in super::super) fn new(seed: &Seed) -> Self {
        let sid = SidGenerator::new(0, seed).generate(0);
        let tag = sid.as_str().get(12..).unwrap_or_default();
        Self {
            tag: String::from(tag),
            next: 0,
        }
    }

    fn next(&mut self) -> ByteString {
        let number = self.next;
        self.next = number.saturating_add(1);
        format!("{}.{number:x}", self.tag).into()
    }
}

/// Expired packets and sessions are looked for at most this often.
const LEAST_EXPIRY: Duration = Duration::from_secs(1);

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
        if let Some(offset) = offset {
            let recipients = Recipients {
                socket: self.socket_id(socket),
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
        let namespace = self.namespaces.by_key_mut(namespace)?;
        let store = namespace
            .store
            .get_or_insert_with(|| Box::new(RecoveryStore::new(config)));
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
    pub(in super::super) fn expire(&mut self) {
        self.expiring = false;
        let now = self.now();
        for key in self.namespaces.keeping() {
            let Some(namespace) = self.namespaces.by_key_mut(key) else {
                continue;
            };
            if let Some(store) = &mut namespace.store {
                store.expire(now);
            }
            namespace.store.take_if(|store| store.is_empty());
            if namespace.store.is_some() {
                self.await_expiry();
            }
            self.clean_up(key);
        }
    }

    /// What is kept of a namespace for clients that come back; `None` if nothing is.
    #[must_use]
    pub fn recovery_store(&self, namespace: &str) -> Option<&RecoveryStore> {
        self.namespaces.get(namespace)?.store.as_deref()
    }

    /// Takes out what is kept of a namespace, to be handed to another server; `None` if nothing is.
    pub fn take_recovery_store(&mut self, namespace: &str) -> Option<RecoveryStore> {
        let key = self.namespaces.key(namespace)?;
        let store = self.namespaces.by_key_mut(key)?.store.take()?;
        self.clean_up(key);
        Some(*store)
    }

    /// Puts in what another server kept of a namespace, in the place of what this one keeps. False, and nothing
    /// happens, if there is no such namespace or this server keeps nothing itself.
    pub fn set_recovery_store(&mut self, namespace: &str, store: RecoveryStore) -> bool {
        let key = self.namespaces.key(namespace);
        let Some(place) = key.and_then(|key| self.store(key)) else {
            return false;
        };
        *place = store;
        self.await_expiry();
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
