//! What an application tells the server to do.

use alloc::vec::Vec;
use core::time::Duration;

use bytestring::ByteString;
use engineio_proto::SendError;
use engineio_proto::server::{SentMany, SessionKey};
use engineio_proto::{Instant, Sid};
use serde::Serialize;

use super::keys::{AckId, AckToken, ConnectToken, SocketId, SocketKey};
use super::machine::{Gone, Server, Timer};
use super::namespace::{Socket, find};
use super::reason::DisconnectReason;
use super::target::Target;
use crate::{EncodeError, EncodedPacket, PacketRef, PacketType, Payload};

/// Why an event was not taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The socket has left, or its connection is closing.
    #[error("socket is disconnected")]
    Closed,
    /// The client does not read fast enough; nothing was queued. `Drained` follows once half of the room is free.
    #[error("{buffered} of {limit} bytes or messages are buffered")]
    Full {
        /// The bytes, or messages, that wait at present.
        buffered: usize,
        /// The limit that the event would exceed.
        limit: usize,
    },
    /// As many acknowledgements of the socket are awaited as may be.
    #[error("{limit} acknowledgements are awaited")]
    TooManyAcks {
        /// The limit.
        limit: usize,
    },
    /// The packet cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl From<SendError> for EmitError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Full { buffered, limit } => Self::Full { buffered, limit },
            SendError::Closed | _ => Self::Closed,
        }
    }
}

/// Why a socket did not join a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The socket has left its namespace.
    #[error("socket is disconnected")]
    Closed,
    /// The socket is in as many rooms as it may be.
    #[error("socket is in {limit} rooms")]
    TooManyRooms {
        /// The limit.
        limit: usize,
    },
    /// The room's name is longer than allowed.
    #[error("room name longer than {limit} bytes")]
    NameTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
}

#[derive(Serialize)]
struct Connected<'a> {
    sid: &'a str,
}

impl Server {
    /// Lets a client into the namespace that it waits for. It is told so, and is in its own room from here on.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client disconnected meanwhile, or waited too long and was refused.
    pub fn accept(&mut self, token: ConnectToken) -> Result<SocketKey, Gone> {
        let key = token.0;
        let Some(socket) = self.sockets.get(key).filter(|socket| !socket.joined) else {
            return Err(Gone);
        };
        let (session, id, name) = (socket.session, socket.id, self.namespace_name(socket));
        let payload = Payload::object(&Connected { sid: id.as_str() }).map_err(|_| Gone)?;
        let packet = PacketRef::new(PacketType::Connect, &name).with_payload(&payload);
        // Before it joins: who has no room for the answer is dropped, and must leave no trace of a socket.
        self.send_control(session, packet);
        if let Some(socket) = self.sockets.get_mut(key) {
            socket.joined = true;
            socket.own_room = true;
            if let Some(namespace) = self.namespaces.by_key_mut(socket.namespace) {
                namespace.waiting.remove(&key);
                namespace.sockets.insert(SocketKey(key));
            }
            self.timers.set(Timer::Verdict(key), None);
            self.timers.set(Timer::Connect(session.slot()), None);
            if let Some(client) = self.client_mut(session) {
                client.connection.join(&name);
            }
        }
        self.pump();
        self.check();
        if self.sockets.get(key).is_some() {
            Ok(SocketKey(key))
        } else {
            Err(Gone)
        }
    }

    /// Refuses a client the namespace that it waits for: it gets a `connect_error` with the message, and the data as
    /// its `data`. It may ask again.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client disconnected meanwhile, or waited too long and was refused.
    pub fn reject(
        &mut self,
        token: ConnectToken,
        message: &str,
        data: Option<&Payload>,
    ) -> Result<(), Gone> {
        if self.sockets.get(token.0).is_none_or(|socket| socket.joined) {
            return Err(Gone);
        }
        self.refuse(token.0, message, data);
        self.pump();
        Ok(())
    }

    /// Sends an event to one socket.
    ///
    /// # Errors
    ///
    /// An [`EmitError`]; nothing was queued then.
    pub fn emit(&mut self, socket: SocketKey, event: &Payload) -> Result<(), EmitError> {
        let (session, namespace) = self.joined(socket)?;
        let packet = self.encode_event(&namespace, event)?;
        Ok(self.engine.send_parts(session, packet.parts())?)
    }

    /// Sends an event to one socket if it can leave at once; false if it was dropped, with all its attachments.
    ///
    /// # Errors
    ///
    /// An [`EmitError`] if the socket has left or the packet cannot be written.
    pub fn emit_volatile(&mut self, socket: SocketKey, event: &Payload) -> Result<bool, EmitError> {
        let (session, namespace) = self.joined(socket)?;
        let packet = self.encode_event(&namespace, event)?;
        Ok(self.engine.send_volatile(session, packet.parts()))
    }

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
        self.engine.send_parts(session, packet.parts())?;
        let deadline = self.now() + timeout;
        if let Some(client) = self.client_mut(session) {
            client.connection.expect_ack(&namespace, id);
        }
        self.timers.set(Timer::Ack(socket.0, id), Some(deadline));
        Ok(AckId(id))
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
        Ok(self.engine.send_parts(session, packet.parts())?)
    }

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

    /// Puts a socket into a room. Nothing happens if it is there.
    ///
    /// # Errors
    ///
    /// A [`JoinError`]; the socket is where it was then.
    pub fn join(&mut self, socket: SocketKey, room: &str) -> Result<(), JoinError> {
        let (max_rooms, max_length) = (
            self.config.max_rooms_per_socket,
            self.config.max_room_length,
        );
        let entry = self
            .sockets
            .get_mut(socket.0)
            .filter(|socket| socket.joined)
            .ok_or(JoinError::Closed)?;
        if entry.id.as_str() == room {
            entry.own_room = true;
            return Ok(());
        }
        if room.len() > max_length {
            return Err(JoinError::NameTooLong { limit: max_length });
        }
        let namespace = self
            .namespaces
            .by_key_mut(entry.namespace)
            .ok_or(JoinError::Closed)?;
        if namespace.rooms.room_count(socket) >= max_rooms
            && !namespace.rooms.contains(socket, room)
        {
            return Err(JoinError::TooManyRooms { limit: max_rooms });
        }
        namespace.rooms.join(socket, room);
        Ok(())
    }

    /// Takes a socket out of a room; its own too, so that its id no longer reaches it. False if it was not there.
    pub fn leave_room(&mut self, socket: SocketKey, room: &str) -> bool {
        let Some(entry) = self.sockets.get_mut(socket.0) else {
            return false;
        };
        if entry.id.as_str() == room {
            return core::mem::take(&mut entry.own_room);
        }
        let namespace = self.namespaces.by_key_mut(entry.namespace);
        namespace.is_some_and(|namespace| namespace.rooms.leave(socket, room))
    }

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

    /// The sockets that a broadcast would be for, each once.
    pub fn sockets<'a>(&'a self, target: Target<'a>) -> impl Iterator<Item = SocketKey> + 'a {
        let namespace = self.namespaces.get(target.namespace).into_iter();
        namespace.flat_map(move |namespace| namespace.select(target, &self.sockets))
    }

    /// The rooms that a socket is in: first its own, then the others, ascending. None once it has left.
    pub fn rooms(&self, socket: SocketKey) -> impl Iterator<Item = &str> {
        let entry = self.sockets.get(socket.0);
        let own = entry
            .filter(|entry| entry.own_room)
            .map(|entry| entry.id.as_str());
        let namespace = entry.and_then(|entry| self.namespace_of(entry));
        own.into_iter().chain(
            namespace
                .into_iter()
                .flat_map(move |namespace| namespace.rooms.rooms(socket)),
        )
    }

    /// The number of sockets in a namespace.
    #[must_use]
    pub fn socket_count(&self, namespace: &str) -> usize {
        self.namespaces
            .get(namespace)
            .map_or(0, |namespace| namespace.sockets.len())
    }

    /// The names of all namespaces, ascending.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        let namespaces = self.namespaces.iter();
        let namespaces = namespaces.filter(|namespace| !namespace.tentative);
        namespaces.map(|namespace| &*namespace.name)
    }

    /// The namespace of a socket; `None` once it has left.
    #[must_use]
    pub fn socket_namespace(&self, socket: SocketKey) -> Option<&str> {
        self.namespace_of(self.sockets.get(socket.0)?)
            .map(|namespace| &*namespace.name)
    }

    /// The Engine.IO session of a socket; `None` once it has left.
    #[must_use]
    pub fn socket_session(&self, socket: SocketKey) -> Option<SessionKey> {
        self.sockets.get(socket.0).map(|socket| socket.session)
    }

    /// The socket with that id, if it is in that namespace.
    #[must_use]
    pub fn find_socket(&self, namespace: &str, id: &str) -> Option<SocketKey> {
        let key = find(&Sid::parse(id)?, &self.sockets)?;
        let socket = self.sockets.get(key)?;
        (socket.joined && self.namespace_name(socket) == namespace).then_some(SocketKey(key))
    }

    fn joined(&self, socket: SocketKey) -> Result<(SessionKey, ByteString), EmitError> {
        let socket: &Socket = self
            .sockets
            .get(socket.0)
            .filter(|socket| socket.joined)
            .ok_or(EmitError::Closed)?;
        Ok((socket.session, self.namespace_name(socket)))
    }
}

/// A socket's id is told apart from the secret of its session by its type.
impl From<SocketId> for ByteString {
    fn from(id: SocketId) -> Self {
        id.as_str().into()
    }
}
