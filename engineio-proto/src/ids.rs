//! Names of requests and connections, given by whoever opens them.

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

/// Names a request head that a driver gave to a server. [`Request`](Self::Request) and
/// [`Connection`](Self::Connection) are the two inputs that come with one.
#[expect(clippy::exhaustive_enums, reason = "a head comes with one of the two")]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum HeadId {
    /// The head of a plain request.
    Request(RequestId),
    /// The head of a request for a WebSocket or a WebTransport session.
    Connection(ConnectionId),
}
