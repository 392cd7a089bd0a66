//! Reasons for the end of sessions, and faults of transports.

use crate::codec::DecodeError;

/// The reason why a session ended. `Display` gives the official string; [`source`](core::error::Error::source) the
/// detail.
///
/// Source: `engine.io/lib/socket.ts`, `onClose`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client did not answer a ping in time.
    #[error("ping timeout")]
    PingTimeout,
    /// The client closed the session, or its connection closed.
    #[error("transport close")]
    TransportClose,
    /// The transport failed, or the client violated the protocol.
    #[error("transport error")]
    TransportError(#[source] TransportFault),
    /// The client sent an invalid packet.
    #[error("parse error")]
    ParseError(#[source] DecodeError),
    /// The application closed the session.
    #[error("forced close")]
    ForcedClose,
}

/// The fault of the transport, in the official words where they exist.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportFault {
    /// A second poll came while one was held.
    #[error("overlap from client")]
    PollOverlap,
    /// A second POST came while one was being read.
    #[error("data request overlap from client")]
    PostOverlap,
    /// A POST had the content type `application/octet-stream`, which revision 4 does not support.
    #[error("invalid content")]
    InvalidContent,
    /// A held poll was aborted.
    #[error("poll connection closed prematurely")]
    PollAborted,
    /// A POST was aborted before its end.
    #[error("data request connection closed prematurely")]
    PostAborted,
    /// The driver reported that the connection broke.
    #[error("connection error")]
    Connection,
    /// A frame was larger than allowed.
    #[error("max payload size exceeded")]
    PayloadTooLarge,
    /// The client sent a ping, which only the server sends in revision 4, or a pong, which only the server sends in
    /// revision 3.
    #[error("invalid heartbeat direction")]
    HeartbeatDirection,
    /// The client did not read, and the server is [configured](super::SlowReader::Close) to close on that.
    #[error("client does not read")]
    SlowReader,
    /// More messages waited for the application than allowed.
    #[error("too many undelivered messages")]
    TooManyUndelivered,
    /// The server exceeded [its memory limit](super::Config::max_bytes_held), and this session held most.
    #[error("memory limit exceeded")]
    MemoryLimit,
}
