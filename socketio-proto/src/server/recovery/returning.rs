//! Sockets that came back and wait for the verdict of the application.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::super::keys::SocketKey;
use super::store::{Recipients, SavedSession};
use crate::Rooms;

/// The sockets of one namespace that came back and are not let in yet, by the rooms that they were in.
///
/// They miss what is sent meanwhile. The index finds those whom a packet concerns without a look at the others.
#[derive(Debug)]
pub(in super::super) struct Returning {
    sockets: BTreeSet<SocketKey>,
    rooms: Rooms<SocketKey>,
}

impl Returning {
    pub(in super::super) const fn new() -> Self {
        Self {
            sockets: BTreeSet::new(),
            rooms: Rooms::new(),
        }
    }

    pub(in super::super) fn insert(&mut self, socket: SocketKey, session: &SavedSession) {
        self.sockets.insert(socket);
        for room in &session.rooms {
            self.rooms.join_shared(socket, room);
        }
    }

    pub(in super::super) fn remove(&mut self, socket: SocketKey) {
        if self.sockets.remove(&socket) {
            self.rooms.remove(socket);
        }
    }

    /// Those whom a broadcast is for. What is sent to a single socket is for none of them: that socket is in.
    ///
    /// Cost: as that of a [`Target`](super::super::Target#cost) among those who wait.
    pub(in super::super) fn concerned_by(&self, recipients: &Recipients) -> Vec<SocketKey> {
        if self.sockets.is_empty() || recipients.socket.is_some() {
            return Vec::new();
        }
        let rooms: Vec<&str> = recipients.rooms.iter().map(|room| &**room).collect();
        let except: Vec<&str> = recipients.except_rooms.iter().map(|room| &**room).collect();
        let mut included = self.rooms.union(&rooms, |_| None);
        if rooms.is_empty() {
            included.add(&self.sockets);
        }
        let mut excluded = self.rooms.union(&except, |_| None);
        included
            .filter(|socket| !excluded.contains(*socket))
            .collect()
    }

    /// The sockets, ascending.
    pub(in super::super) fn sockets(&self) -> impl Iterator<Item = SocketKey> {
        self.sockets.iter().copied()
    }

    #[cfg(feature = "count-steps")]
    pub(in super::super) fn steps(&self) -> usize {
        self.rooms.steps()
    }
}
