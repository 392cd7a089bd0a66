//! Events for many sockets.

use alloc::vec::Vec;

use engineio_proto::server::{Parcel, SentMany};
use engineio_proto::{Counted, Instant, SendError};

use super::batch::Batch;
use super::clients::Client;
use super::event::Event;
use super::keys::SocketKey;
use super::machine::Server;
use super::target::Target;
use crate::{EncodeError, EncodedPacket, PacketRef, PacketType, Payload};

impl Server {
    /// Sends an event to many sockets. It is encoded once, and each copy is a reference count. A namespace that does
    /// not exist has no sockets. With [connection state recovery](super::Config::connection_state_recovery) an offset
    /// follows the arguments, but for volatile events.
    ///
    /// Cost: that of the [target](Target#cost) and O(s) for s recipients. With recovery it is also O(r log r) for the r
    /// names of rooms, which are stored. The cost of the target among the returning clients that wait for a verdict is
    /// added then.
    ///
    /// # Errors
    ///
    /// An [`EncodeError`] if the packet cannot be written.
    pub fn broadcast(
        &mut self,
        target: &Target<'_>,
        event: &Payload,
        now: Instant,
    ) -> Result<SentMany, EncodeError> {
        self.advance(now);
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

    /// How a broadcast goes that may not be told of: all its recipients count as full.
    pub(super) fn refused(
        &self,
        target: &Target<'_>,
        logged: bool,
        event: &Payload,
    ) -> Option<SentMany> {
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
    pub(super) fn deliver(
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
            counted: Counted::Acknowledgements,
            buffered: 0,
            limit: self.config.max_pending_acks,
        };
        let parcel = Parcel::new(packet.parts());
        let mut recipients = namespace.select(*target, &self.sockets).fuse();
        let is_plain = ack.is_none() && !target.volatile && !namespace.observed;
        while let Some(batch) = Batch::next(&mut recipients, &self.sockets, &self.engine) {
            if is_plain {
                let sessions = batch.recipients().map(|(_, session)| session);
                outcome += self.engine.send_parcel_to_many(sessions, &parcel);
                continue;
            }
            for (socket, session) in batch.recipients() {
                // Only who awaits acknowledgements looks at the clients.
                let client = ack.and_then(|_| self.clients.get_mut(session));
                let mut peer = client.map(Client::peer_mut);
                let pending = peer
                    .as_ref()
                    .map_or(0, |peer| peer.pending_acks(&namespace.name));
                let sent = if ack.is_some() && pending >= self.config.max_pending_acks {
                    Err(full)
                } else if !target.volatile {
                    self.engine.send_parcel(session, &parcel)
                } else if self.engine.send_volatile(session, packet.parts()) {
                    Ok(())
                } else {
                    Err(full)
                };
                outcome.count(sent);
                if sent.is_ok() {
                    if let (Some(number), Some(peer)) = (ack, &mut peer) {
                        peer.expect_ack(&namespace.name, number);
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
}
