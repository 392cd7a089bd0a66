//! Names of exchanges and connections, given by whoever opens them.

/// Names one HTTP exchange: one request and its response.
///
/// On a server the driver chooses it, unique among its open exchanges. An id may be used again once its exchange has
/// been answered; a plain counter is the usual choice.
#[expect(clippy::exhaustive_structs, reason = "a plain number")]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub u64);

/// Names one message-framed pipe: a WebSocket or a WebTransport stream.
///
/// On a server the driver chooses it, unique among its open connections; a plain counter is the usual choice.
#[expect(clippy::exhaustive_structs, reason = "a plain number")]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(pub u64);

/// What opened a session: the driver finds the request head that belongs to it under this name.
#[expect(clippy::exhaustive_enums, reason = "there are just these two ways in")]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Exchange {
    /// A polling handshake.
    Request(RequestId),
    /// A connection opened without a session id.
    Connection(ConnectionId),
}
