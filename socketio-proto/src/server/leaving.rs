//! Sockets and clients that the application takes out.

use alloc::vec::Vec;

use engineio_proto::Instant;
use engineio_proto::server::SessionKey;

use super::keys::SocketKey;
use super::machine::Server;
use super::reason::DisconnectReason;
use crate::{PacketRef, PacketType};

impl Server {
    /// Takes a socket out of its namespace and tells its client, whose connection stays.
    pub fn disconnect(&mut self, socket: SocketKey) {
        let Ok((session, namespace)) = self.joined(socket) else {
            return;
        };
        let acks = self.leave(socket.0);
        self.remove_socket(socket.0, acks, DisconnectReason::ServerNamespaceDisconnect);
        self.send_control(session, PacketRef::new(PacketType::Disconnect, &namespace));
        self.pump();
    }

    /// Takes all sockets of a client out of their namespaces, tells it, and closes its connection: what the official
    /// `disconnect(true)` does.
    pub fn disconnect_session(&mut self, session: SessionKey, now: Instant) {
        self.advance(now);
        for key in self.sockets_of_client(session) {
            let Ok((_, namespace)) = self.joined(SocketKey(key)) else {
                continue;
            };
            let acks = self.leave(key);
            self.remove_socket(key, acks, DisconnectReason::ServerNamespaceDisconnect);
            let packet = PacketRef::new(PacketType::Disconnect, &namespace);
            let encoded = self
                .config
                .parser
                .encode(packet, self.config.limits.max_attachments);
            if let Ok(packet) = encoded {
                // The connection closes in any case: who has no room for it learns of that.
                let _taken = self.engine.send_parts(session, packet.parts());
            }
        }
        self.kick(session, DisconnectReason::ServerNamespaceDisconnect);
        self.pump();
    }

    /// Ends all sessions at once: every socket leaves with `server shutting down`, no DISCONNECT is sent, and what is
    /// queued on polling is dropped, as the official `close`. The server can be used on.
    pub fn shut_down(&mut self, now: Instant) {
        self.advance(now);
        let sessions: Vec<_> = self.engine.sessions().map(|(session, _)| session).collect();
        for session in sessions {
            self.drop_sockets(session, DisconnectReason::ServerShuttingDown);
            self.engine.discard(session);
        }
        self.pump();
    }
}
