//! The clients of a server, one for each session below.

use engineio_proto::Message;
use engineio_proto::collections::{Key, SlotTable, Steps};
use engineio_proto::ledger::{Charge, Ledger};
use engineio_proto::server::SessionKey;
use engineio_proto::undelivered::{Allowance, Undelivered};

use super::peer::{Peer, Received};
use super::violation::Violation;

/// All clients, by the slot of their session.
#[derive(Debug)]
pub(super) struct Clients {
    table: SlotTable<Client>,
    /// The steps of clients that are gone.
    gone: Steps,
}

/// One client, with what is held and counted of it.
#[derive(Debug)]
pub(super) struct Client {
    session: SessionKey,
    peer: Peer<Key>,
    /// The connection is being closed: what is still decoded from it is ignored.
    closing: bool,
    undelivered: Undelivered,
    /// What is held of a packet whose attachments are not complete.
    partial: Charge,
}

impl Clients {
    pub(super) const fn new() -> Self {
        Self {
            table: SlotTable::new(),
            gone: Steps::new(),
        }
    }

    pub(super) fn insert(&mut self, session: SessionKey, peer: Peer<Key>, ledger: &Ledger) {
        let client = Client {
            session,
            peer,
            closing: false,
            undelivered: Undelivered::default(),
            partial: ledger.charge(0),
        };
        self.table.insert(session.slot(), client);
    }

    /// Forgets the client of a session that is over.
    pub(super) fn remove(&mut self, session: SessionKey) {
        if let Some(client) = self.table.remove(session.slot()) {
            self.gone.add(client.peer.steps());
        }
    }

    #[inline]
    pub(super) fn get(&self, session: SessionKey) -> Option<&Client> {
        let client = self.table.get(session.slot());
        client.filter(|client| client.session == session)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, session: SessionKey) -> Option<&mut Client> {
        let client = self.table.get_mut(session.slot());
        client.filter(|client| client.session == session)
    }

    /// The client in this slot.
    pub(super) fn at(&self, slot: u32) -> Option<&Client> {
        self.table.get(slot)
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How often the table was looked at.
    #[cfg(feature = "count-steps")]
    pub(super) fn steps(&self) -> usize {
        self.table.steps()
    }

    /// The steps of clients that are gone.
    #[cfg(feature = "count-steps")]
    pub(super) fn steps_of_gone(&self) -> usize {
        self.gone.taken()
    }
}

impl Client {
    pub(super) const fn session(&self) -> SessionKey {
        self.session
    }

    /// Its namespaces, and the acknowledgements that it owes.
    pub(super) const fn peer(&self) -> &Peer<Key> {
        &self.peer
    }

    pub(super) const fn peer_mut(&mut self) -> &mut Peer<Key> {
        &mut self.peer
    }

    /// Takes its next message; nothing comes of those behind the end of its connection.
    #[inline]
    pub(super) fn handle_message(
        &mut self,
        message: Message,
    ) -> Result<Option<Received<Key>>, Violation> {
        if self.closing {
            return Ok(None);
        }
        let received = self.peer.handle_message(message);
        self.partial.set(self.peer.heap_size());
        received
    }

    /// Takes nothing more from it.
    pub(super) const fn close(&mut self) {
        self.closing = true;
    }

    /// What of it waits for the application.
    pub(super) const fn undelivered(&self) -> &Undelivered {
        &self.undelivered
    }

    pub(super) const fn undelivered_mut(&mut self) -> &mut Undelivered {
        &mut self.undelivered
    }

    /// One more event waits for the application; false if that is more than may be.
    #[inline]
    pub(super) fn add_undelivered(&mut self, bytes: usize, allowed: &Allowance) -> bool {
        self.undelivered.add(bytes);
        self.undelivered.fits(allowed)
    }

    /// The bytes that are held of a packet that is not complete.
    pub(super) const fn partial_bytes(&self) -> usize {
        self.partial.bytes()
    }
}
