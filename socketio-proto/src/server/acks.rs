//! Acknowledgements: those that the server owes its clients, and those that it awaits, of one client or of many.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use engineio_proto::Instant;
use engineio_proto::collections::Key;
use engineio_proto::server::SentMany;

use super::emit::EmitError;
use super::event::Event;
use super::keys::{AckId, AckToken, BroadcastId, SocketKey};
use super::machine::{Server, Timer};
use super::reason::AckError;
use super::target::Target;
use crate::{EncodeError, MAX_PACKET_ID, PacketRef, PacketType, Payload};

/// A broadcast whose acknowledgements are awaited.
#[derive(Debug)]
pub(super) struct Broadcast {
    expected: usize,
    missing: BTreeSet<SocketKey>,
}

impl Server {
    /// Sends an event to one socket and awaits its acknowledgement: `Ack` or `AckFailed` follows, exactly once.
    ///
    /// # Errors
    ///
    /// An [`EmitError`]; nothing was queued and nothing is awaited then.
    pub fn emit_with_ack(
        &mut self,
        socket: SocketKey,
        event: &Payload,
        timeout: Duration,
        now: Instant,
    ) -> Result<AckId, EmitError> {
        self.advance(now);
        let (session, namespace) = self.joined(socket)?;
        self.check_told(&namespace, false, event)?;
        let limit = self.config.max_pending_acks;
        let pending = self
            .client(session)
            .map_or(0, |client| client.connection.pending_acks(&namespace));
        if pending >= limit {
            return Err(EmitError::TooManyAcks { limit });
        }
        let key = self
            .sockets
            .get(socket.0)
            .map(|socket| socket.namespace)
            .ok_or(EmitError::Closed)?;
        let id = self
            .namespaces
            .by_key_mut(key)
            .ok_or(EmitError::Closed)?
            .next_ack();
        let packet = PacketRef::new(PacketType::Event, &namespace)
            .with_id(id)
            .with_payload(event);
        let packet = self
            .config
            .parser
            .encode(packet, self.config.limits.max_attachments)?;
        self.queue(session, &packet)?;
        let deadline = self.now() + timeout;
        if let Some(client) = self.client_mut(session) {
            client.connection.expect_ack(&namespace, id);
        }
        self.timers.set(Timer::Ack(socket.0, id), Some(deadline));
        self.tell_sent(&namespace, vec![socket], event);
        self.pump();
        Ok(AckId(id))
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

    /// Acknowledges an event with these arguments.
    ///
    /// # Errors
    ///
    /// An [`EmitError`]; the acknowledgement is lost then.
    pub fn respond(&mut self, ack: AckToken, args: &Payload) -> Result<(), EmitError> {
        let (session, namespace) = self.joined(ack.socket)?;
        let packet = PacketRef::new(PacketType::Ack, &namespace)
            .with_id(ack.id)
            .with_payload(args);
        let packet = self
            .config
            .parser
            .encode(packet, self.config.limits.max_attachments)?;
        self.queue(session, &packet)?;
        self.pump();
        Ok(())
    }

    pub(super) fn ack_timed_out(&mut self, key: Key, id: u64) {
        let Some(socket) = self.sockets.get(key) else {
            return;
        };
        let (session, namespace) = (socket.session, self.namespace_name(socket));
        if self
            .client_mut(session)
            .is_some_and(|client| client.connection.cancel_ack(&namespace, id))
        {
            self.push(Event::AckFailed {
                socket: SocketKey(key),
                id: AckId(id),
                error: AckError::TimedOut,
            });
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
