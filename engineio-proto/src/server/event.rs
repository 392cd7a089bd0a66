//! The events of a server, and the names of its sessions.

use super::reject::Reject;
use super::session::Event;
use super::waiting::HandshakeToken;
use crate::HeadId;
use crate::collections::Key;
use crate::ledger::HeapSize;

/// Names a session of one server. A key is never used again for another session.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionKey(pub(super) Key);

impl SessionKey {
    /// The slot of the session: a small number, unique among the sessions that exist at a time, for tables beside the
    /// server.
    #[must_use]
    pub fn slot(self) -> u32 {
        self.0.slot()
    }

    /// The key as a number, to be written down: as [`Key::to_bits`].
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// The key that was written down: as [`Key::from_bits`].
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(Key::from_bits(bits))
    }
}

/// Something for the application to know.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A client wants a session, and the application [decides](super::Config::allow_request). Answer with
    /// [`Server::accept`](super::Server::accept) or [`Server::reject`](super::Server::reject), at once or later.
    Handshake {
        /// To be given with the answer.
        token: HandshakeToken,
        /// What asks for it: the driver knows the request head under this name.
        by: HeadId,
    },
    /// A request was refused, if the application [wants to know](super::Config::report_refusals): officially
    /// `connection_error`.
    Refused {
        /// The request: the driver knows its head under this name.
        by: HeadId,
        /// Why.
        reject: Reject,
    },
    /// A session opened.
    Opened {
        /// The session.
        session: SessionKey,
        /// What opened it: the driver knows the request head under this name.
        by: HeadId,
    },
    /// Something happened in a session.
    Session {
        /// The session; after [`Event::Closed`] the key is stale.
        session: SessionKey,
        /// What happened.
        event: Event,
    },
}

impl HeapSize for ServerEvent {
    fn heap_size(&self) -> usize {
        match self {
            Self::Handshake { .. } | Self::Refused { .. } | Self::Opened { .. } => 0,
            Self::Session { event, .. } => event.heap_size(),
        }
    }
}
