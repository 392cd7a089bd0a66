//! One namespace: its sockets, and whom of them a broadcast is for.

use alloc::collections::BTreeSet;
use core::fmt;

use bytestring::ByteString;
use engineio_proto::collections::Key;
use engineio_proto::hidden::HiddenQuery;

use super::keys::{ParentKey, SocketKey};
use super::recovery::Returning;
use super::sockets::Sockets;
use super::target::Target;
use crate::Rooms;
use crate::union::Union;

/// What [`Event::Sent`](super::Event::Sent) tells of a namespace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Observed {
    /// Nothing.
    Nothing,
    /// Each event that is sent.
    Sent,
}

pub(super) struct Namespace {
    pub(super) name: ByteString,
    /// Itself.
    pub(super) key: Key,
    pub(super) parent: Option<ParentKey>,
    /// The application has not said yet whether it exists.
    pub(super) tentative: bool,
    /// It stays although nobody is in it, unless empty children are cleaned up: somebody was let in, or the application
    /// added it.
    pub(super) is_established: bool,
    /// The application wants to know what is sent in it.
    pub(super) observed: bool,
    /// The sockets that wait to be let in.
    pub(super) waiting: BTreeSet<Key>,
    /// The sockets that have joined.
    pub(super) sockets: BTreeSet<SocketKey>,
    /// The rooms besides every socket's own, which takes no memory: its name finds the socket.
    pub(super) rooms: Rooms<SocketKey>,
    /// Those of the sockets that wait who came back.
    pub(super) returning: Returning,
    pub(super) next_ack: u64,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &HiddenQuery(&self.name))
            .field("parent", &self.parent)
            .field("waiting", &self.waiting)
            .field("sockets", &self.sockets)
            .field("rooms", &self.rooms)
            .field("returning", &self.returning)
            .finish_non_exhaustive()
    }
}

impl Namespace {
    pub(super) fn new(name: ByteString, key: Key, next_ack: u64) -> Self {
        Self {
            name,
            key,
            parent: None,
            tentative: true,
            is_established: false,
            observed: false,
            waiting: BTreeSet::new(),
            sockets: BTreeSet::new(),
            rooms: Rooms::new(),
            returning: Returning::new(),
            next_ack,
        }
    }

    /// Notes that a socket waits no longer, because it was let in or is gone.
    pub(super) fn end_waiting(&mut self, key: Key) {
        self.waiting.remove(&key);
        self.returning.remove(SocketKey(key));
    }

    /// Whether nobody is in it or waits for it.
    pub(super) fn is_vacant(&self) -> bool {
        self.sockets.is_empty() && self.waiting.is_empty()
    }

    /// The next id for an event that is to be acknowledged: one counter for all sockets, from 0, as officially.
    pub(super) fn next_ack(&mut self) -> u64 {
        let id = self.next_ack;
        self.next_ack = id.wrapping_add(1) & crate::MAX_PACKET_ID;
        id
    }

    /// The sockets that a broadcast is for, each once, ascending.
    pub(super) fn select<'a>(
        &'a self,
        target: Target<'a>,
        sockets: &'a Sockets,
    ) -> impl Iterator<Item = SocketKey> + 'a {
        let mut included = self.in_any(target.rooms, sockets);
        if target.rooms.is_empty() {
            included.add(&self.sockets);
        }
        let mut excluded = self.in_any(target.except_rooms, sockets);
        included.filter(move |socket| target.except != Some(*socket) && !excluded.contains(*socket))
    }

    /// The sockets that are in at least one of these rooms, their own ones too.
    fn in_any<'a>(&'a self, rooms: &[&str], sockets: &Sockets) -> Union<'a, SocketKey> {
        self.rooms.union(rooms, |room| self.owner(room, sockets))
    }

    /// Whether anybody is in a room.
    pub(super) fn has_room(&self, room: &str, sockets: &Sockets) -> bool {
        self.rooms.members(room).next().is_some() || self.owner(room, sockets).is_some()
    }

    /// The socket that is in a room because the room is named after it.
    fn owner(&self, room: &str, sockets: &Sockets) -> Option<SocketKey> {
        let key = sockets.find(room)?;
        let socket = sockets.get(key)?;
        (socket.namespace == self.key && socket.own_room && socket.joined).then_some(SocketKey(key))
    }
}
