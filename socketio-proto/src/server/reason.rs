//! Reasons why sockets leave.

use engineio_proto::server::CloseReason;

use super::violation::Violation;

/// Why a socket left its namespace. `Display` gives the official string;
/// [`source`](core::error::Error::source) the detail.
///
/// Source: `socket.io/lib/socket.ts`, `DisconnectReason`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client left the namespace.
    #[error("client namespace disconnect")]
    ClientNamespaceDisconnect,
    /// The application took the socket out of the namespace.
    #[error("server namespace disconnect")]
    ServerNamespaceDisconnect,
    /// The application shut the server down.
    #[error("server shutting down")]
    ServerShuttingDown,
    /// The client sent what is no packet.
    #[error("forced close")]
    ForcedClose(#[source] Violation),
    /// The client broke the rules of namespaces, or joined none in time.
    #[error("forced server close")]
    ForcedServerClose(#[source] ForcedClose),
    /// The Engine.IO session ended.
    #[error(transparent)]
    Engine(CloseReason),
}

impl DisconnectReason {
    /// Whether a client whose socket left for this reason may come back to what it had, if the server is
    /// [configured](super::Config::connection_state_recovery) so: nobody meant it to leave.
    #[must_use]
    pub const fn is_recoverable(&self) -> bool {
        match self {
            Self::ClientNamespaceDisconnect
            | Self::ServerNamespaceDisconnect
            | Self::Engine(CloseReason::ParseError(_)) => false,
            Self::ServerShuttingDown
            | Self::ForcedClose(_)
            | Self::ForcedServerClose(_)
            | Self::Engine(_) => true,
        }
    }
}

/// What the server closed a connection for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ForcedClose {
    /// The client broke a rule.
    #[error(transparent)]
    Violation(Violation),
    /// The client joined no namespace in time.
    #[error("no namespace joined in time")]
    ConnectTimeout,
    /// More events of the client waited for the application than allowed.
    #[error("too many undelivered events")]
    TooManyUndelivered,
    /// The answer to a CONNECT found no room in the client's queue.
    #[error("client does not read")]
    Full,
}

/// Why an acknowledgement will not come. `Display` gives the official text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The time given for it is over.
    #[error("operation has timed out")]
    TimedOut,
    /// The socket left before it came.
    #[error("socket has been disconnected")]
    Disconnected,
}
