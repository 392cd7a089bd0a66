//! Packets that the protocol owes a client. One that has no room for them loses its connection.

use engineio_proto::server::SessionKey;
use engineio_proto::{Encoded, SendError};

use super::machine::Server;
use super::reason::{DisconnectReason, ForcedClose};
use crate::PacketRef;

/// Why a client goes that has no room for what the protocol owes it.
pub(super) const OWED: DisconnectReason = DisconnectReason::ForcedServerClose(ForcedClose::Full);

impl Server {
    /// Sends what the protocol owes a client. One that has no room for it does not read: it is dropped.
    pub(super) fn send_control(&mut self, session: SessionKey, packet: PacketRef<'_>) {
        let encoded = self
            .config
            .parser
            .encode(packet, self.config.limits.max_attachments);
        match encoded {
            Ok(packet) => self.send_owed(session, packet.parts()),
            Err(_) => self.kick(session, OWED),
        }
    }

    /// As [`send_control`](Self::send_control), with what is encoded already.
    pub(super) fn send_owed(&mut self, session: SessionKey, parts: &[Encoded]) {
        let sent = self.engine.send_parts(session, parts);
        if matches!(
            sent,
            Err(SendError::Full { .. } | SendError::TooLarge { .. })
        ) {
            self.kick(session, OWED);
        }
    }
}
