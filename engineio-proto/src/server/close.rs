//! Why sessions end.

use crate::codec::DecodeError;

/// Why a session ended. `Display` gives the official string; [`source`](core::error::Error::source) the detail.
///
/// Source: `engine.io/lib/socket.ts`, `onClose`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client did not answer a ping in time.
    #[error("ping timeout")]
    PingTimeout,
    /// The client said that it closes, or its connection closed.
    #[error("transport close")]
    TransportClose,
    /// The transport failed, or the client broke its rules.
    #[error("transport error")]
    TransportError(#[source] TransportFault),
    /// The client sent what is no packet.
    #[error("parse error")]
    ParseError(#[source] DecodeError),
    /// The application closed the session.
    #[error("forced close")]
    ForcedClose,
}

/// What went wrong on the transport, in the official words where they exist.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportFault {
    /// A second poll came while one was held.
    #[error("overlap from client")]
    PollOverlap,
    /// A second POST came while one was being read.
    #[error("data request overlap from client")]
    PostOverlap,
    /// A POST had the content type `application/octet-stream`, which revision 4 does not know.
    #[error("invalid content")]
    InvalidContent,
    /// A held poll was cut off.
    #[error("poll connection closed prematurely")]
    PollAborted,
    /// A POST was cut off before its end.
    #[error("data request connection closed prematurely")]
    PostAborted,
    /// The driver reported that the connection broke.
    #[error("connection error")]
    Connection,
    /// A frame was larger than allowed.
    #[error("max payload size exceeded")]
    PayloadTooLarge,
    /// The client sent a ping, which is the server's to send in revision 4, or a pong, which is so in revision 3.
    #[error("invalid heartbeat direction")]
    HeartbeatDirection,
    /// The client did not read, and the server is [configured](super::SlowReader::Close) to close on that.
    #[error("client does not read")]
    SlowReader,
    /// More messages waited for the application than allowed.
    #[error("too many undelivered messages")]
    TooManyUndelivered,
    /// The server held [more than it may](super::Config::max_bytes_held), and most of it for this session.
    #[error("memory limit exceeded")]
    MemoryLimit,
}
