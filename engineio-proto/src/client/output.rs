//! Types of the client's outputs.

use super::close::{CloseReason, ProbeError};
use crate::codec::Open;
use crate::http::Request;
use crate::{ConnectionId, Message, RequestId, Transport};

/// The next action for the driver, or event for the application.
///
/// The same at every layer; `E` is the event of the layer.
#[expect(
    clippy::exhaustive_enums,
    reason = "each must be acted on: a new variant has to break a driver's build"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Output<E> {
    /// Make an HTTP request, and report its response or that it failed. Redirects are not followed.
    Request {
        /// Names the request from here on.
        request: RequestId,
        /// The whole request.
        message: Request,
    },
    /// Give up a request: its response is no longer needed.
    Abort {
        /// The request, which is over with this.
        request: RequestId,
    },
    /// Open a WebSocket, or a WebTransport session with one bidirectional stream. Report that it is open, was refused,
    /// or failed. A driver without WebTransport reports that it failed.
    Connect {
        /// Names the connection from here on.
        connection: ConnectionId,
        /// The transport of the connection.
        transport: Transport,
        /// The handshake, without the headers that every WebSocket library writes itself.
        request: Request,
    },
    /// Frames wait for a connection: call `poll_frame` whenever its pipe can take one, until there is none.
    Frames {
        /// The connection.
        connection: ConnectionId,
    },
    /// Close a connection, without a status code, after the frames already pulled for it; or stop opening it. Its
    /// further input is ignored.
    Close {
        /// The connection.
        connection: ConnectionId,
    },
    /// An event for the application.
    Event(E),
}

impl<E> Output<E> {
    /// Replaces the event by another.
    pub fn map_event<F>(self, map: impl FnOnce(E) -> F) -> Output<F> {
        match self {
            Self::Request { request, message } => Output::Request { request, message },
            Self::Abort { request } => Output::Abort { request },
            Self::Connect {
                connection,
                transport,
                request,
            } => Output::Connect {
                connection,
                transport,
                request,
            },
            Self::Frames { connection } => Output::Frames { connection },
            Self::Close { connection } => Output::Close { connection },
            Self::Event(event) => Output::Event(map(event)),
        }
    }
}

/// An event for the application.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is done: the session is open. The official events are `open` and `handshake`.
    Opened(Open),
    /// A message arrived.
    Message(Message),
    /// A probe was answered: the client is about to upgrade to another transport.
    Upgrading(Transport),
    /// The session upgraded to another transport.
    Upgraded(Transport),
    /// The session could not upgrade to another transport, and stays on the current one. The official event is
    /// `upgradeError`.
    UpgradeFailed {
        /// The transport that was tried.
        transport: Transport,
        /// The reason.
        error: ProbeError,
    },
    /// The server pinged, and was answered. Only in revision 4.
    Ping,
    /// The server answered a ping of the client. Only in revision 3.
    Pong,
    /// After a refused send: half of the room is free again.
    Drained,
    /// The session has ended, or could not be opened. No event follows until another is opened. The official event
    /// is `close`, with `error` before it if the transport failed.
    Closed(CloseReason),
}
