//! Events for many sockets.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use engineio_proto::collections::Key;
use engineio_proto::server::SentMany;
use engineio_proto::{Instant, SendError};

use super::batch::Batch;
use super::event::Event;
use super::keys::{BroadcastId, SocketKey};
use super::machine::{Server, Timer};
use super::target::Target;
use crate::{EncodeError, EncodedPacket, MAX_PACKET_ID, PacketRef, PacketType, Payload};

/// A broadcast whose acknowledgements are awaited.
#[derive(Debug)]
pub(super) struct Broadcast {
    expected: usize,
    missing: BTreeSet<SocketKey>,
}

impl Server {
    /// Sends an event to many sockets. It is encoded once, and each copy is a reference count. A namespace that does
    /// not exist has no sockets. With [connection state recovery](super::Config::connection_state_recovery) an offset
    /// follows the arguments, but for volatile events.
    ///
    /// Cost: that of the [target](Target#cost) and O(s) for s recipients. With recovery also O(r log r) for the r names of
    /// rooms, which are kept, and the cost of the target among the clients that came back and wait to be let in.
    ///
    /// # Errors
    ///
    /// An [`EncodeError`] if the packet cannot be written.
    pub fn broadcast(
        &mut self,
        target: &Target<'_>,
        event: &Payload,
    ) -> Result<SentMany, EncodeError> {
        if let Some(refused) = self.refused(target, !target.volatile, event) {
            return Ok(refused);
        }
        let (packet, offset) = if target.volatile {
            (self.encode_event(target.namespace, event)?, None)
        } else {
            self.encode_logged(target.namespace, event)?
        };
        let (outcome, reached) = self.deliver(target, &packet, None);
        self.log_broadcast(target, &packet, offset);
        self.tell_sent(target.namespace, reached, event);
        self.pump();
        Ok(outcome)
    }

    /// Sends a packet that is already encoded, by this server or another shard with the same parser, to many sockets.
    /// [`Event::Sent`] does not tell of it, and it is not kept for who comes back.
    ///
    /// Cost: that of the [target](Target#cost) and O(s) for s recipients.
    pub fn broadcast_encoded(&mut self, target: &Target<'_>, packet: &EncodedPacket) -> SentMany {
        let (outcome, _) = self.deliver(target, packet, None);
        self.pump();
        outcome
    }

    /// Sends an event to many sockets and awaits their acknowledgements: each is a
    /// [`BroadcastReply`](Event::BroadcastReply), and [`BroadcastEnded`](Event::BroadcastEnded) follows once all have
    /// come, or the time is over, exactly once. Without recipients it follows at once.
    ///
    /// A socket that leaves is waited for nevertheless, as officially. One with
    /// [`max_pending_acks`](super::Config::max_pending_acks) gets nothing and counts as full, and one that is not
    /// reached is not waited for.
    ///
    /// Cost: that of the [target](Target#cost) and O(s log a) for s recipients that owe a acknowledgements each.
    ///
    /// Source: `socket.io/lib/broadcast-operator.ts`, `emit`; `socket.io-adapter`, `broadcastWithAck`.
    ///
    /// # Errors
    ///
    /// An [`EncodeError`] if the packet cannot be written.
    pub fn broadcast_with_ack(
        &mut self,
        target: &Target<'_>,
        event: &Payload,
        timeout: Duration,
        now: Instant,
    ) -> Result<(BroadcastId, SentMany), EncodeError> {
        self.advance(now);
        let namespace = self.namespaces.key(target.namespace);
        let number = match namespace.and_then(|key| self.namespaces.by_key_mut(key)) {
            Some(namespace) => namespace.next_ack(),
            None => {
                self.nowhere = self.nowhere.wrapping_add(1) & MAX_PACKET_ID;
                self.nowhere
            }
        };
        let packet = PacketRef::new(PacketType::Event, target.namespace)
            .with_id(number)
            .with_payload(event);
        let limit = self.config.limits.max_attachments;
        let packet = self.config.parser.encode(packet, limit)?;
        let id = BroadcastId { namespace, number };
        let refused = self.refused(target, false, event);
        let (outcome, reached) = match refused {
            Some(refused) => (refused, Vec::new()),
            None => self.deliver(target, &packet, Some(number)),
        };
        let broadcast = Broadcast {
            expected: reached.len(),
            missing: reached.iter().copied().collect(),
        };
        self.broadcasts.insert(id, broadcast);
        self.tell_sent(target.namespace, reached, event);
        if self.is_answered(id) {
            self.end_broadcast(id);
        } else {
            let deadline = self.now() + timeout;
            self.timers.set(Timer::Broadcast(id), Some(deadline));
        }
        self.pump();
        Ok((id, outcome))
    }

    /// How a broadcast goes that may not be told of: all its recipients count as full.
    fn refused(&self, target: &Target<'_>, logged: bool, event: &Payload) -> Option<SentMany> {
        let full = self.check_told(target.namespace, logged, event).err()?;
        let mut outcome = SentMany::default();
        for _ in self.sockets(*target) {
            outcome.count(Err(full));
        }
        Some(outcome)
    }

    /// Encodes an event for [`broadcast_encoded`](Self::broadcast_encoded).
    ///
    /// # Errors
    ///
    /// An [`EncodeError`] if the packet cannot be written.
    pub fn encode_event(
        &self,
        namespace: &str,
        event: &Payload,
    ) -> Result<EncodedPacket, EncodeError> {
        let packet = PacketRef::new(PacketType::Event, namespace).with_payload(event);
        self.config
            .parser
            .encode(packet, self.config.limits.max_attachments)
    }

    /// Sends a packet to those it is for, and awaits its acknowledgement under a number. Names those that were reached,
    /// if somebody wants to know.
    fn deliver(
        &mut self,
        target: &Target<'_>,
        packet: &EncodedPacket,
        ack: Option<u64>,
    ) -> (SentMany, Vec<SocketKey>) {
        let (mut outcome, mut reached) = (SentMany::default(), Vec::new());
        let Some(namespace) = self.namespaces.get(target.namespace) else {
            return (outcome, reached);
        };
        let full = SendError::Full {
            buffered: 0,
            limit: self.config.max_pending_acks,
        };
        let mut recipients = namespace.select(*target, &self.sockets).fuse();
        while let Some(batch) = Batch::next(&mut recipients, &self.sockets, &self.engine) {
            for (socket, session) in batch.recipients() {
                // Only who awaits acknowledgements looks at the clients.
                let client = ack.and_then(|_| self.clients.get_mut(session.slot()));
                let mut connection = client.map(|client| &mut client.connection);
                let pending = connection
                    .as_ref()
                    .map_or(0, |connection| connection.pending_acks(&namespace.name));
                let sent = if ack.is_some() && pending >= self.config.max_pending_acks {
                    Err(full)
                } else if !target.volatile {
                    self.engine.send_parts(session, packet.parts())
                } else if self.engine.send_volatile(session, packet.parts()) {
                    Ok(())
                } else {
                    Err(full)
                };
                outcome.count(sent);
                if sent.is_ok() {
                    if let (Some(number), Some(connection)) = (ack, &mut connection) {
                        connection.expect_ack(&namespace.name, number);
                    }
                    if ack.is_some() || namespace.observed {
                        reached.push(socket);
                    }
                }
            }
        }
        (outcome, reached)
    }

    /// Tells of an event that was sent, where that is wanted.
    pub(super) fn tell_sent(&mut self, namespace: &str, sockets: Vec<SocketKey>, event: &Payload) {
        let Some(namespace) = self.namespaces.get(namespace) else {
            return;
        };
        if namespace.observed && !sockets.is_empty() {
            let namespace = namespace.name.clone();
            self.push(Event::Sent {
                namespace,
                sockets,
                payload: event.clone(),
            });
        }
    }

    /// The broadcast that an acknowledgement of a socket belongs to, if it is one's.
    pub(super) fn broadcast_of(&self, socket: Key, number: u64) -> Option<BroadcastId> {
        let namespace = self.sockets.get(socket)?.namespace;
        self.broadcast_in(namespace, number)
    }

    pub(super) fn broadcast_in(&self, namespace: Key, number: u64) -> Option<BroadcastId> {
        let namespace = Some(namespace);
        let id = BroadcastId { namespace, number };
        self.broadcasts.contains_key(&id).then_some(id)
    }

    /// Counts an acknowledgement that was told.
    pub(super) fn answer_broadcast(&mut self, id: BroadcastId, socket: SocketKey) {
        if let Some(broadcast) = self.broadcasts.get_mut(&id) {
            broadcast.missing.remove(&socket);
        }
        if self.is_answered(id) {
            self.end_broadcast(id);
        }
    }

    fn is_answered(&self, id: BroadcastId) -> bool {
        let broadcast = self.broadcasts.get(&id);
        broadcast.is_some_and(|broadcast| broadcast.missing.is_empty())
    }

    /// Counts acknowledgements as missing that came and were dropped before they were told.
    pub(super) fn await_again(&mut self, id: BroadcastId, sockets: Vec<SocketKey>) {
        if let Some(broadcast) = self.broadcasts.get_mut(&id) {
            broadcast.missing.extend(sockets);
        }
    }

    /// Ends a broadcast, and what is still awaited for it.
    pub(super) fn end_broadcast(&mut self, id: BroadcastId) {
        let Some(Broadcast { expected, missing }) = self.broadcasts.remove(&id) else {
            return;
        };
        self.timers.set(Timer::Broadcast(id), None);
        for socket in &missing {
            let Some(socket) = self.sockets.get(socket.0) else {
                continue;
            };
            let (session, namespace) = (socket.session, self.namespace_name(socket));
            if let Some(client) = self.client_mut(session) {
                client.connection.cancel_ack(&namespace, id.number);
            }
        }
        self.push(Event::BroadcastEnded {
            id,
            expected,
            received: expected.saturating_sub(missing.len()),
            missing: missing.into_iter().collect(),
        });
    }

    /// How many acknowledgements of broadcasts are awaited from sockets that are there.
    pub(super) fn broadcast_acks(&self) -> usize {
        let missing = self
            .broadcasts
            .values()
            .flat_map(|broadcast| &broadcast.missing);
        missing
            .filter(|socket| self.sockets.get(socket.0).is_some())
            .count()
    }
}
