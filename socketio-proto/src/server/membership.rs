//! Membership of sockets in rooms.

use alloc::sync::Arc;
use alloc::vec::Vec;

use engineio_proto::Instant;
use engineio_proto::collections::Key;

use super::event::Event;
use super::keys::SocketKey;
use super::machine::Server;
use super::sockets::Socket;
use super::target::Target;

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

/// How joining went for many sockets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct JoinedMany {
    /// The sockets that are in the room now.
    pub joined: usize,
    /// The sockets that are in as many rooms as they may be, or whose room name is too long.
    pub refused: usize,
}

/// How much [`disconnect_many`](Server::disconnect_many) takes clients out of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DisconnectFrom {
    /// The namespace: their connections stay.
    Namespace,
    /// All namespaces: their connections are closed.
    Server,
}

impl Server {
    /// Puts a socket into a room. Nothing happens if it is there.
    ///
    /// # Errors
    ///
    /// A [`JoinError`]; the socket is where it was then.
    pub fn join(&mut self, socket: SocketKey, room: &str) -> Result<(), JoinError> {
        let joined = self.put_in(socket, room);
        self.keep_to_limit();
        joined
    }

    fn put_in(&mut self, socket: SocketKey, room: &str) -> Result<(), JoinError> {
        let (max_rooms, max_length) = (
            self.config.max_rooms_per_socket,
            self.config.max_room_length,
        );
        let entry = self.sockets.get(socket.0);
        let entry = entry
            .filter(|entry| entry.joined)
            .ok_or(JoinError::Closed)?;
        let key = entry.namespace;
        let (own, is_in) = (entry.name() == room, self.is_in(socket, room));
        let namespace = self.namespaces.by_key_mut(key).ok_or(JoinError::Closed)?;
        if is_in {
            return Ok(());
        }
        let is_new = self.config.room_events && !namespace.has_room(room, &self.sockets);
        if own {
            if let Some(entry) = self.sockets.get_mut(socket.0) {
                entry.own_room = true;
            }
        } else if room.len() > max_length {
            return Err(JoinError::NameTooLong { limit: max_length });
        } else if namespace.rooms.room_count(socket) >= max_rooms {
            return Err(JoinError::TooManyRooms { limit: max_rooms });
        } else {
            namespace.rooms.join(socket, room);
        }
        self.tell_joined(key, socket, room, is_new);
        Ok(())
    }

    /// Takes a socket out of a room; its own too, so that its id no longer reaches it. False if it was not there.
    pub fn leave_room(&mut self, socket: SocketKey, room: &str) -> bool {
        let Some(entry) = self.sockets.get_mut(socket.0) else {
            return false;
        };
        let key = entry.namespace;
        let left = if entry.name() == room {
            core::mem::take(&mut entry.own_room)
        } else {
            let namespace = self.namespaces.by_key_mut(key);
            namespace.is_some_and(|namespace| namespace.rooms.leave(socket, room))
        };
        if left {
            self.tell_left(key, socket, room);
            self.keep_to_limit();
        }
        left
    }

    /// Puts many sockets into a room: officially `socketsJoin`.
    ///
    /// Cost: that of the [target](Target#cost) and O(s log n) for s recipients and n rooms and sockets.
    pub fn join_many(&mut self, target: &Target<'_>, room: &str) -> JoinedMany {
        let mut outcome = JoinedMany::default();
        for socket in self.selected(target) {
            match self.join(socket, room) {
                Ok(()) => outcome.joined += 1,
                Err(_) => outcome.refused += 1,
            }
        }
        outcome
    }

    /// Takes many sockets out of a room: officially `socketsLeave`. Tells how many were there.
    ///
    /// Cost: that of the [target](Target#cost) and O(s log n) for s recipients and n rooms and sockets.
    pub fn leave_many(&mut self, target: &Target<'_>, room: &str) -> usize {
        let sockets = self.selected(target).into_iter();
        sockets
            .filter(|socket| self.leave_room(*socket, room))
            .count()
    }

    /// Takes many sockets out of their namespace, as [`disconnect`](Self::disconnect), or their clients altogether, as
    /// [`disconnect_session`](Self::disconnect_session): officially `disconnectSockets`. Tells how many.
    ///
    /// Cost: that of the [target](Target#cost), and for each recipient that of [`disconnect`](Self::disconnect) or
    /// [`disconnect_session`](Self::disconnect_session).
    pub fn disconnect_many(
        &mut self,
        target: &Target<'_>,
        from: DisconnectFrom,
        now: Instant,
    ) -> usize {
        self.advance(now);
        let sockets = self.selected(target);
        for socket in &sockets {
            match from {
                DisconnectFrom::Namespace => self.disconnect(*socket, now),
                DisconnectFrom::Server => {
                    if let Some(session) = self.socket_session(*socket) {
                        self.disconnect_session(session, now);
                    }
                }
            }
        }
        sockets.len()
    }

    fn selected(&self, target: &Target<'_>) -> Vec<SocketKey> {
        self.sockets(*target).collect()
    }

    /// Whether a socket is in a room, its own one too.
    #[must_use]
    pub fn is_in(&self, socket: SocketKey, room: &str) -> bool {
        let Some(entry) = self.sockets.get(socket.0) else {
            return false;
        };
        let others = self.namespace_of(entry);
        (entry.own_room && entry.name() == room)
            || others.is_some_and(|namespace| namespace.rooms.contains(socket, room))
    }

    pub(super) fn tell_joined(&mut self, key: Key, socket: SocketKey, room: &str, is_new: bool) {
        if !self.config.room_events {
            return;
        }
        let room: Arc<str> = room.into();
        if let Some(namespace) = self.namespaces.by_key(key).filter(|_| is_new) {
            self.push(Event::RoomCreated {
                namespace: namespace.name.clone(),
                room: Arc::clone(&room),
            });
        }
        self.push(Event::RoomJoined { socket, room });
    }

    fn tell_left(&mut self, key: Key, socket: SocketKey, room: &str) {
        if !self.config.room_events {
            return;
        }
        let room: Arc<str> = room.into();
        self.push(Event::RoomLeft {
            socket,
            room: Arc::clone(&room),
        });
        let namespace = self.namespaces.by_key(key);
        let empty = namespace.filter(|namespace| !namespace.has_room(&room, &self.sockets));
        if let Some(namespace) = empty {
            let namespace = namespace.name.clone();
            self.push(Event::RoomDeleted { namespace, room });
        }
    }

    /// Takes a socket that is no more out of its rooms. Gives those besides its own.
    pub(super) fn leave_rooms(&mut self, key: Key, socket: &Socket) -> Vec<Arc<str>> {
        let name = SocketKey(key);
        let namespace = self.namespaces.by_key_mut(socket.namespace);
        let rooms = namespace.map(|namespace| namespace.rooms.remove(name));
        let rooms = rooms.unwrap_or_default();
        if socket.own_room {
            self.tell_left(socket.namespace, name, socket.name());
        }
        for room in &rooms {
            self.tell_left(socket.namespace, name, room);
        }
        rooms
    }
}
