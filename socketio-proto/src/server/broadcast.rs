//! Events for many sockets.

use engineio_proto::SendError;
use engineio_proto::server::SentMany;

use super::machine::Server;
use super::target::Target;
use crate::{EncodeError, EncodedPacket, PacketRef, PacketType, Payload};

impl Server {
    /// Sends an event to many sockets. It is encoded once, and each copy is a reference count. A namespace that does
    /// not exist has no sockets.
    ///
    /// # Errors
    ///
    /// An [`EncodeError`] if the packet cannot be written.
    pub fn broadcast(
        &mut self,
        target: &Target<'_>,
        event: &Payload,
    ) -> Result<SentMany, EncodeError> {
        let packet = self.encode_event(target.namespace, event)?;
        Ok(self.broadcast_encoded(target, &packet))
    }

    /// Sends a packet that is already encoded, by this server or another shard with the same parser, to many sockets.
    pub fn broadcast_encoded(&mut self, target: &Target<'_>, packet: &EncodedPacket) -> SentMany {
        let mut outcome = SentMany::default();
        let Some(namespace) = self.namespaces.get(target.namespace) else {
            return outcome;
        };
        for socket in namespace.select(*target, &self.sockets) {
            let Some(session) = self.sockets.get(socket.0).map(|socket| socket.session) else {
                continue;
            };
            outcome.count(if !target.volatile {
                self.engine.send_parts(session, packet.parts())
            } else if self.engine.send_volatile(session, packet.parts()) {
                Ok(())
            } else {
                Err(SendError::Full {
                    buffered: 0,
                    limit: 0,
                })
            });
        }
        outcome
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
}
