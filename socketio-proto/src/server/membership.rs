//! Which socket is in which room.

use super::keys::SocketKey;
use super::machine::Server;

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

impl Server {
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
}
