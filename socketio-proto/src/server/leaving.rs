//! Sockets and clients that leave, or that the application takes out.

use alloc::vec::Vec;

use engineio_proto::Instant;
use engineio_proto::collections::Key;
use engineio_proto::server::SessionKey;

use super::connecting::Questions;
use super::event::Event;
use super::keys::SocketKey;
use super::machine::{Server, Timer};
use super::reason::DisconnectReason;
use crate::{PacketRef, PacketType};

impl Server {
    /// Takes a socket out of its namespace and tells its client, whose connection stays.
    ///
    /// Cost: O((1 + r + a) log n) for r rooms that the socket is in and a acknowledgements that it owes, and for n sockets,
    /// rooms and deadlines of the server.
    pub fn disconnect(&mut self, socket: SocketKey, now: Instant) {
        self.advance(now);
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

    /// Closes the connection of a client behind what is queued for it, without a DISCONNECT: what the official
    /// `socket.conn.close()` does. A client sees `transport close` and reconnects, and may
    /// [come back](super::Config::connection_state_recovery) to what it had; after
    /// [`disconnect_session`](Self::disconnect_session) it stays away.
    ///
    /// From here on nothing can be sent to the client, and what it still sends is ignored. Its sockets leave with
    /// `forced close` once the connection is closed, at the latest after
    /// [`close_timeout`](engineio_proto::server::Config::close_timeout). Nothing happens if the session is not open.
    ///
    /// Cost: when it is closed, for each socket of the client that of [`disconnect`](Self::disconnect).
    ///
    /// Source: `engine.io/lib/socket.ts`, `close`; `socket.io/lib/client.ts`, `onclose`.
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::engine::http::RequestHead;
    /// use socketio_proto::engine::server::Output;
    /// use socketio_proto::engine::{ConnectionId, Instant, Seed};
    /// use socketio_proto::server::{Config, Event, Server};
    ///
    /// let mut server = Server::new(Config::default(), 0, &Seed::new([1; 32]))?;
    /// let (connection, now) = (ConnectionId(1), Instant::ZERO);
    /// let head = RequestHead::new("GET", "/socket.io/", "EIO=4&transport=websocket");
    /// server.handle_upgrade(connection, &head, now);
    /// while let Some(output) = server.poll_output() {
    ///     match output {
    ///         Output::Event(Event::Opened { session, .. }) => server.close_session(session, now),
    ///         Output::Event(Event::Closed { reason, .. }) => assert_eq!(reason.to_string(), "forced close"),
    ///         Output::Frames { connection } => while server.poll_frame(connection).is_some() {},
    ///         _ => {} // a driver accepts and closes
    ///     }
    /// }
    /// assert_eq!(server.engine().session_count(), 0);
    /// # Ok::<(), socketio_proto::engine::server::ConfigError>(())
    /// ```
    pub fn close_session(&mut self, session: SessionKey, now: Instant) {
        self.advance(now);
        self.engine.close(session, self.now());
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

impl Server {
    /// Closes a client's connection, behind what is queued for it.
    pub(super) fn kick(&mut self, session: SessionKey, reason: DisconnectReason) {
        if let Some(client) = self.client_mut(session) {
            client.close();
        }
        self.drop_sockets(session, reason);
        self.engine.close(session, self.now());
    }

    /// Takes all sockets of a client out of their namespaces, without telling it.
    pub(super) fn drop_sockets(&mut self, session: SessionKey, reason: DisconnectReason) {
        for key in self.sockets_of_client(session) {
            let acks = self.leave(key);
            self.remove_socket(key, acks, reason);
        }
    }

    pub(super) fn sockets_of_client(&self, session: SessionKey) -> Vec<Key> {
        self.client(session)
            .map(|client| client.peer().sockets().collect())
            .unwrap_or_default()
    }

    /// Notes that the client is no longer in the namespace of a socket; gives the acknowledgements that will not come.
    pub(super) fn leave(&mut self, key: Key) -> Vec<u64> {
        let Some(socket) = self.sockets.get(key) else {
            return Vec::new();
        };
        let (session, namespace) = (socket.session, self.namespace_name(socket));
        self.client_mut(session)
            .map(|client| client.peer_mut().leave(&namespace))
            .unwrap_or_default()
    }

    /// Ends a socket: its acknowledgements fail, its rooms are left, and if it had joined, the application is told.
    pub(super) fn remove_socket(&mut self, key: Key, acks: Vec<u64>, reason: DisconnectReason) {
        self.settle_question(key, Questions::withdraw);
        let Some(socket) = self.sockets.remove(key) else {
            return;
        };
        if !socket.joined {
            self.timers.set(Timer::Verdict(key), None);
        }
        self.acks_failed(key, socket.namespace, acks);
        self.vacate(key, &socket);
        let rooms = self.leave_rooms(key, &socket);
        let (namespace, joined) = (socket.namespace, socket.joined);
        self.save_socket(socket, &reason, &rooms);
        if joined {
            self.push(Event::Disconnected {
                socket: SocketKey(key),
                reason,
                rooms,
            });
        }
        self.clean_up(namespace);
        self.check();
    }
}
