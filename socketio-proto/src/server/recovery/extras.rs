//! Extras of a socket: an id of another make, the means to come back, and data of the application. Few sockets have any.

use core::fmt;

use bytestring::ByteString;
use engineio_proto::Sid;
use engineio_proto::ledger::Ledger;

use super::held_restored::HeldRestored;
use super::store::{Restored, SavedSession};
use crate::{EncodedPacket, Payload};

/// What a socket has beside what all have.
#[derive(Default)]
pub(in crate::server) struct Extras {
    implicit_id: Option<ByteString>,
    pid: Option<Sid>,
    data: Option<Payload>,
    recovered: bool,
    /// What it gets once it has been let in.
    restored: Option<HeldRestored>,
    /// The bytes of what it missed while the application thought about it.
    missed_bytes: usize,
}

/// What of a socket that left may be there again once its client comes back.
pub(in crate::server) enum Left {
    /// It had joined: it had this pid and this data.
    Joined(Sid, Option<Payload>),
    /// It had come back, and went away again before it was let in.
    Returning(SavedSession),
}

impl fmt::Debug for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extras")
            .field("recovered", &self.recovered)
            .field("restored", &self.restored)
            .finish_non_exhaustive()
    }
}

impl Extras {
    /// Those of a socket that came back, and gets what it had once it has been let in.
    pub(in crate::server) fn of_returning(restored: Restored, ledger: &Ledger) -> Self {
        Self {
            implicit_id: None,
            pid: Some(restored.session.pid),
            data: restored.session.data.clone(),
            recovered: true,
            restored: Some(HeldRestored::new(restored, ledger)),
            missed_bytes: 0,
        }
    }

    /// The id, if it is made of the session's.
    pub(in crate::server) fn implicit_id(&self) -> Option<&str> {
        self.implicit_id.as_deref()
    }

    pub(in crate::server) fn set_implicit_id(&mut self, id: ByteString) {
        self.implicit_id = Some(id);
    }

    /// The secret by which the client comes back, made if it has none.
    pub(in crate::server) fn pid_or(&mut self, make: impl FnOnce() -> Sid) -> Sid {
        *self.pid.get_or_insert_with(make)
    }

    /// What the application put aside.
    pub(in crate::server) const fn data(&self) -> Option<&Payload> {
        self.data.as_ref()
    }

    pub(in crate::server) fn set_data(&mut self, data: Option<Payload>) {
        self.data = data;
    }

    /// Whether the socket came back.
    pub(in crate::server) const fn is_recovered(&self) -> bool {
        self.recovered
    }

    /// The session that a socket had which waits to be let in.
    pub(in crate::server) fn returning(&self) -> Option<&SavedSession> {
        self.restored.as_ref().and_then(HeldRestored::session)
    }

    /// What a socket missed which waits to be let in.
    pub(in crate::server) fn missed(&self) -> &[EncodedPacket] {
        self.restored.as_ref().map_or(&[], HeldRestored::missed)
    }

    /// Keeps one more packet that it missed, unless it missed more than so many packets or bytes.
    pub(in crate::server) fn miss(
        &mut self,
        packet: &EncodedPacket,
        messages: usize,
        bytes: usize,
    ) {
        if let Some(restored) = &mut self.restored
            && restored.missed().len() <= messages
            && self.missed_bytes <= bytes
        {
            restored.push(packet);
            let len = packet.payload_len();
            self.missed_bytes = self.missed_bytes.saturating_add(len);
        }
    }

    /// Takes out the session of a socket that is let in, or is gone.
    pub(in crate::server) fn take_returning(&mut self) -> Option<SavedSession> {
        self.restored.take().and_then(HeldRestored::into_session)
    }

    /// What may be there again; `None` if the client has nothing to come back to.
    pub(in crate::server) fn into_left(mut self) -> Option<Left> {
        if self.restored.is_some() {
            return self.take_returning().map(Left::Returning);
        }
        Some(Left::Joined(self.pid?, self.data))
    }

    /// The bytes that are free once the socket is gone.
    pub(in crate::server) fn held_alone(&self) -> usize {
        self.restored.as_ref().map_or(0, HeldRestored::held_alone)
    }
}
