//! The revisions of the protocol.

use serde::{Deserialize, Serialize};

/// A revision of the Engine.IO protocol, fixed for a session by its handshake.
///
/// Source: Engine.IO protocol, revisions 3 and 4.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[non_exhaustive]
pub enum Revision {
    /// Revision 3, `EIO=3`: clients of Socket.IO 1 and 2.
    V3,
    /// Revision 4, `EIO=4`: clients since Socket.IO 3.
    V4,
}

impl Revision {
    /// The number, as it stands in the parameter `EIO` of a query.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }
}
