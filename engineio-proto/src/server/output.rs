//! Outputs of a server.

use core::convert::Infallible;

use crate::http::{Headers, Response};
use crate::ledger::HeapSize;
use crate::{ConnectionId, RequestId};

/// The next action for the driver, or event for the application.
///
/// The same at every layer; `E` is the event of the layer.
#[expect(
    clippy::exhaustive_enums,
    reason = "each must be acted on: a new variant has to break a driver's build"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Output<E> {
    /// Answer an HTTP request.
    Respond {
        /// The request to answer, which is over with this.
        request: RequestId,
        /// The whole answer.
        response: Response,
    },
    /// Complete the WebSocket handshake of a connection, or accept its WebTransport session. Send these headers in
    /// addition to the usual ones.
    Accept {
        /// The connection.
        connection: ConnectionId,
        /// Headers for the 101 response, or the 200 of a WebTransport session.
        headers: Headers,
    },
    /// Refuse the WebSocket handshake of a connection, or its WebTransport session, with this plain response. The
    /// connection ends with this.
    Refuse {
        /// The connection.
        connection: ConnectionId,
        /// The whole answer, instead of the 101 or 200.
        response: Response,
    },
    /// Frames wait for a connection: call `poll_frame` whenever its pipe can take one, until there is none.
    Frames {
        /// The connection.
        connection: ConnectionId,
    },
    /// Close a connection, without a status code, after the frames already pulled for it. Its further input is ignored.
    Close {
        /// The connection.
        connection: ConnectionId,
    },
    /// An event for the application.
    Event(E),
}

impl HeapSize for Infallible {
    fn heap_size(&self) -> usize {
        match *self {}
    }
}

impl<E: HeapSize> HeapSize for Output<E> {
    fn heap_size(&self) -> usize {
        match self {
            Self::Respond { response, .. } | Self::Refuse { response, .. } => response.heap_size(),
            Self::Accept { headers, .. } => headers.heap_size(),
            Self::Frames { .. } | Self::Close { .. } => 0,
            Self::Event(event) => event.heap_size(),
        }
    }
}

impl<E> Output<E> {
    /// Replaces the event by another.
    pub fn map_event<F>(self, map: impl FnOnce(E) -> F) -> Output<F> {
        match self {
            Self::Respond { request, response } => Output::Respond { request, response },
            Self::Accept {
                connection,
                headers,
            } => Output::Accept {
                connection,
                headers,
            },
            Self::Refuse {
                connection,
                response,
            } => Output::Refuse {
                connection,
                response,
            },
            Self::Frames { connection } => Output::Frames { connection },
            Self::Close { connection } => Output::Close { connection },
            Self::Event(event) => Output::Event(map(event)),
        }
    }
}
