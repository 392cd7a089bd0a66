//! Targets of broadcasts.

use core::fmt;

use engineio_proto::hidden::HiddenQuery;

use super::SocketKey;
use crate::hidden::HiddenList;

/// Whom a broadcast is for: a value that borrows its names and can be copied and refined.
///
/// Without rooms it is for the whole namespace; with some, for the union of their members, each once. A socket's id is
/// the name of a room that it is in, unless it left it. Recipients come in the order of their keys, whichever rooms name
/// them.
///
/// # Cost
///
/// Finding the recipients of a target takes O(r log n + m log r). Here r is the number of names in both lists, n the
/// number of rooms in the namespace, and m the number of members of the named rooms. A room counts once even if it is
/// named several times, and an unknown name counts only as a name. An excluded room never counts more members than
/// recipients that are compared with it. A target without rooms, or with one, takes no memory; several take O(r). The
/// documentation of the operations calls this the cost of the target, and the number of its recipients s.
///
/// # Examples
///
/// ```
/// use socketio_proto::server::Target;
///
/// let news = Target::namespace("/").rooms(&["news", "sports"]);
/// let quiet = news.except_rooms(&["muted"]).volatile(); // `news` itself is as before
/// assert_ne!(news, quiet);
/// ```
///
/// Source: `socket.io/lib/broadcast-operator.ts`.
#[derive(Clone, Copy, Eq, PartialEq)]
#[must_use]
#[non_exhaustive]
pub struct Target<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// Only members of these rooms, if there are any.
    pub rooms: &'a [&'a str],
    /// No members of these rooms.
    pub except_rooms: &'a [&'a str],
    /// Not this socket.
    pub except: Option<SocketKey>,
    /// Only clients to which it can leave at once.
    pub volatile: bool,
    /// Only sockets of this server.
    pub local: bool,
}

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            namespace,
            rooms,
            except_rooms,
            except,
            volatile,
            local,
        } = self;
        f.debug_struct("Target")
            .field("namespace", &HiddenQuery(namespace))
            .field("rooms", &HiddenList(rooms))
            .field("except_rooms", &HiddenList(except_rooms))
            .field("except", except)
            .field("volatile", volatile)
            .field("local", local)
            .finish()
    }
}

impl<'a> Target<'a> {
    /// Every socket of a namespace.
    pub const fn namespace(namespace: &'a str) -> Self {
        Self {
            namespace,
            rooms: &[],
            except_rooms: &[],
            except: None,
            volatile: false,
            local: false,
        }
    }

    /// Only members of at least one of these rooms; an empty list means the whole namespace, as officially.
    pub const fn rooms(mut self, rooms: &'a [&'a str]) -> Self {
        self.rooms = rooms;
        self
    }

    /// No member of any of these rooms.
    pub const fn except_rooms(mut self, rooms: &'a [&'a str]) -> Self {
        self.except_rooms = rooms;
        self
    }

    /// Not this socket: what the official `socket.broadcast` and `socket.to` do with their own.
    pub const fn except(mut self, socket: SocketKey) -> Self {
        self.except = Some(socket);
        self
    }

    /// Only for clients to which it can leave at once; the others never get it.
    pub const fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Only for sockets of this server, where an adapter joins several.
    pub const fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// Whether the broadcast is to stay on this server. A server by itself has no other; an adapter asks before it
    /// hands a broadcast on.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.local
    }
}
