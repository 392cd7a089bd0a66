//! Acknowledgements: those that the server owes its clients, and those that it awaits, of one client or of many.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use engineio_proto::Instant;
use engineio_proto::collections::Key;
use engineio_proto::server::{SentMany, SessionKey};

use super::broadcasts::Ended;
use super::event::Event;
use super::keys::{AckId, AckToken, BroadcastId, SocketKey};
use super::machine::{Server, Timer};
use super::reason::AckError;
use super::target::Target;
use crate::EmitError;
use crate::{EncodeError, PacketRef, PacketType, Payload};

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
            .map_or(0, |client| client.peer().pending_acks(&namespace));
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
            client.peer_mut().expect_ack(&namespace, id);
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
            None => self.broadcasts.next_nowhere(),
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
        let ended = self.broadcasts.start(id, &reached);
        self.tell_sent(target.namespace, reached, event);
        if ended.is_some() {
            self.tell_ended(ended);
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

    /// Takes an acknowledgement that was awaited: of an event for one socket, or of a broadcast.
    pub(super) fn ack_received(
        &mut self,
        session: SessionKey,
        socket: Key,
        id: u64,
        payload: Payload,
    ) {
        self.timers.set(Timer::Ack(socket, id), None);
        let namespace = self.sockets.get(socket).map(|socket| socket.namespace);
        let broadcast = namespace.and_then(|namespace| self.broadcast_in(namespace, id));
        let (socket, bytes) = (SocketKey(socket), payload.payload_len());
        let Some(id) = broadcast else {
            let id = AckId(id);
            let event = Event::Ack {
                socket,
                id,
                payload,
            };
            self.push_counted(session, bytes, event);
            return;
        };
        let event = Event::BroadcastReply {
            id,
            socket,
            payload,
        };
        if self.push_counted(session, bytes, event) {
            let ended = self.broadcasts.answer(id, socket);
            self.tell_ended(ended);
        }
    }

    /// The time for an acknowledgement of one socket is over.
    pub(super) fn ack_timed_out(&mut self, key: Key, id: u64) {
        let Some(socket) = self.sockets.get(key) else {
            return;
        };
        let (session, namespace) = (socket.session, self.namespace_name(socket));
        if self
            .client_mut(session)
            .is_some_and(|client| client.peer_mut().cancel_ack(&namespace, id))
        {
            self.push(Event::AckFailed {
                socket: SocketKey(key),
                id: AckId(id),
                error: AckError::TimedOut,
            });
        }
    }

    /// The time for the acknowledgements of a broadcast is over.
    pub(super) fn broadcast_timed_out(&mut self, id: BroadcastId) {
        let ended = self.broadcasts.end(id);
        self.tell_ended(ended);
    }

    /// The acknowledgements that a socket owes will not come, for it is gone.
    pub(super) fn acks_failed(&mut self, key: Key, namespace: Key, acks: Vec<u64>) {
        for id in acks {
            // A broadcast goes on waiting.
            if self.broadcast_in(namespace, id).is_some() {
                continue;
            }
            self.timers.set(Timer::Ack(key, id), None);
            self.push(Event::AckFailed {
                socket: SocketKey(key),
                id: AckId(id),
                error: AckError::Disconnected,
            });
        }
    }

    /// Tells of a broadcast that is over, for which nothing is awaited any more.
    fn tell_ended(&mut self, ended: Option<Ended>) {
        let Some(Ended {
            id,
            expected,
            missing,
        }) = ended
        else {
            return;
        };
        self.timers.set(Timer::Broadcast(id), None);
        for socket in &missing {
            let Some(socket) = self.sockets.get(socket.0) else {
                continue;
            };
            let (session, namespace) = (socket.session, self.namespace_name(socket));
            if let Some(client) = self.client_mut(session) {
                client.peer_mut().cancel_ack(&namespace, id.number);
            }
        }
        self.push(Event::BroadcastEnded {
            id,
            expected,
            received: expected.saturating_sub(missing.len()),
            missing: missing.into_iter().collect(),
        });
    }

    /// The broadcast that has this number in a namespace, if one is waiting.
    fn broadcast_in(&self, namespace: Key, number: u64) -> Option<BroadcastId> {
        let namespace = Some(namespace);
        let id = BroadcastId { namespace, number };
        self.broadcasts.is_waiting(id).then_some(id)
    }

    /// How many acknowledgements of broadcasts are awaited from sockets that are there.
    pub(super) fn broadcast_acks(&self) -> usize {
        let missing = self.broadcasts.missing();
        missing
            .filter(|socket| self.sockets.get(socket.0).is_some())
            .count()
    }
}
