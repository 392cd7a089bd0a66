//! Rules that a client breaks.

use crate::DecodeError;

/// Why a client loses its connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// It sent what is no packet.
    #[error("undecodable packet")]
    Decode(#[source] DecodeError),
    /// It asked to join a namespace that it is in, or waits for.
    #[error("second CONNECT packet for a namespace")]
    SecondConnect,
    /// It sent a packet for a namespace that it is not in.
    #[error("packet for a namespace that is not joined")]
    NotJoined,
    /// It sent a CONNECT_ERROR packet, which only servers send.
    #[error("CONNECT_ERROR packet from a client")]
    ConnectError,
}
