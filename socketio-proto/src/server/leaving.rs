//! Sockets and clients that the application takes out.

use engineio_proto::Instant;
use engineio_proto::server::SessionKey;

use super::keys::SocketKey;
use super::machine::Server;
use super::reason::DisconnectReason;
use crate::{PacketRef, PacketType};

impl Server {
    /// Takes a socket out of its namespace and tells its client, whose connection stays.
    ///
    /// Cost: O(k + (r + a) log n) for a client with k sockets, r rooms and a acknowledgements that the socket has, and n
    /// sockets and rooms in the namespace.
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
    ///
    /// Cost: for each socket of the client, that of [`disconnect`](Self::disconnect).
    pub fn disconnect_session(&mut self, session: SessionKey, now: Instant) {
        self.advance(now);
        self.disconnect_all(session, DisconnectReason::ServerNamespaceDisconnect);
        self.kick(session, DisconnectReason::ServerNamespaceDisconnect);
        self.pump();
    }

    /// Takes all sockets of a client that have joined out of their namespaces, and tells it.
    pub(super) fn disconnect_all(&mut self, session: SessionKey, reason: DisconnectReason) {
        for key in self.sockets_of_client(session) {
            let Ok((_, namespace)) = self.joined(SocketKey(key)) else {
                continue;
            };
            let acks = self.leave(key);
            self.remove_socket(key, acks, reason);
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
    }
}
