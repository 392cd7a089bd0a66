//! Reasons for the end of sessions, and errors of transports.

use bytes::Bytes;
use core::fmt;

use crate::codec::DecodeError;
use crate::hidden::Hidden;
use crate::{Revision, Transport};

/// The reason why a session ended. `Display` gives the official string; [`source`](core::error::Error::source) the
/// detail.
///
/// Source: `engine.io-client/lib/socket.ts`, `_onClose`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The server did not ping in time, or did not answer a ping in revision 3.
    #[error("ping timeout")]
    PingTimeout,
    /// The server closed the session, or its connection closed.
    #[error("transport close")]
    TransportClose(#[source] CloseDetail),
    /// The transport failed, or the server violated the protocol.
    #[error("transport error")]
    TransportError(#[source] TransportError),
    /// The application closed the session.
    #[error("forced close")]
    ForcedClose,
}

/// The way in which the transport was closed, in the official words.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseDetail {
    /// The server sent a close packet.
    #[error("transport closed by the server")]
    ByServer,
    /// The connection closed.
    #[error("{} connection closed", transport.name())]
    Connection {
        /// The transport of the connection.
        transport: Transport,
        /// The status code of a WebSocket close frame, if there was one (1009: a message was too big).
        code: Option<u16>,
    },
    /// The driver reported that the host went offline.
    #[error("network connection lost")]
    Offline,
}

/// The fault of the transport, in the official words where they exist.
///
/// Source: `engine.io-client/lib/transports/*.ts`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// A polling GET failed.
    #[error("xhr poll error")]
    Poll(#[source] RequestError),
    /// A polling POST failed.
    #[error("xhr post error")]
    Post(#[source] RequestError),
    /// The WebSocket failed or was refused.
    #[error("websocket error")]
    WebSocket(#[source] RequestError),
    /// The WebTransport session failed or was refused.
    #[error("webtransport error")]
    WebTransport(#[source] RequestError),
    /// The server sent an invalid packet or handshake.
    #[error("server error")]
    Parse(#[source] DecodeError),
    /// The server answered the handshake in the encoding of this revision, which is not the configured one. Or it
    /// reported that it does not support the configured one.
    ///
    /// A server of revision 3 that opens over a WebSocket cannot be distinguished from one of revision 4. It never
    /// pings, and the session ends with [`CloseReason::PingTimeout`].
    #[error("this server speaks Engine.IO revision {}", .0.number())]
    Revision(Revision),
    /// The handshake took longer than the configured `open_timeout`.
    #[error("timeout")]
    OpenTimeout,
    /// A response or frame was larger than allowed.
    #[error("max payload size exceeded")]
    PayloadTooLarge,
    /// More messages waited for the application than allowed.
    #[error("too many undelivered messages")]
    TooManyUndelivered,
}

impl TransportError {
    /// The failure of a transport that could not be used.
    pub(super) fn of(transport: Transport, error: RequestError) -> Self {
        match transport {
            Transport::Polling => Self::Poll(error),
            Transport::WebSocket => Self::WebSocket(error),
            Transport::WebTransport => Self::WebTransport(error),
        }
    }

    /// The HTTP status of the server's answer, 0 for a failure of the network: the official `description`. `None` for
    /// an error of another kind.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Poll(error)
            | Self::Post(error)
            | Self::WebSocket(error)
            | Self::WebTransport(error) => Some(error.status),
            Self::Parse(_)
            | Self::Revision(_)
            | Self::OpenTimeout
            | Self::PayloadTooLarge
            | Self::TooManyUndelivered => None,
        }
    }
}

/// The failure of an exchange.
#[derive(Clone, Eq, PartialEq, thiserror::Error)]
#[error("status {status}")]
#[non_exhaustive]
pub struct RequestError {
    /// The status of the response, 0 if there was none.
    pub status: u16,
    /// The body of the response, its first 4,096 bytes at most.
    pub body: Bytes,
}

impl fmt::Debug for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, body } = self;
        f.debug_struct("RequestError")
            .field("status", status)
            .field("body", &Hidden(body))
            .finish()
    }
}

impl RequestError {
    /// No response arrived.
    pub(super) const NETWORK: Self = Self {
        status: 0,
        body: Bytes::new(),
    };

    pub(super) fn new(status: u16, body: &Bytes) -> Self {
        // A short copy of a long body, so that an error that is kept does not keep megabytes.
        let body = match body.get(..MAX_BODY) {
            Some(start) => Bytes::copy_from_slice(start),
            None => body.clone(),
        };
        Self { status, body }
    }
}

const MAX_BODY: usize = 4096;

/// The reason why an upgrade failed. `Display` gives the official message.
///
/// Source: `engine.io-client/lib/socket.ts`, `_probe`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The first packet on the probe was not the answer to it.
    #[error("probe error")]
    WrongAnswer,
    /// The probe's connection failed or was refused.
    #[error("probe error: {0}")]
    Transport(#[source] TransportError),
    /// The probe's connection closed.
    #[error("probe error: transport closed")]
    TransportClosed,
    /// The connection that was to be upgraded closed.
    #[error("probe error: socket closed")]
    SocketClosed,
    /// The probe took longer than the configured `probe_timeout`.
    #[error("probe error: timeout")]
    Timeout,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use core::error::Error;

    use super::*;

    #[test]
    fn reasons_and_errors_speak_the_official_words() {
        let reason = CloseReason::TransportError(TransportError::Poll(RequestError::new(
            413,
            &Bytes::new(),
        )));
        assert_eq!(reason.to_string(), "transport error");
        let source = reason.source().unwrap();
        assert_eq!(source.to_string(), "xhr poll error");
        assert_eq!(source.source().unwrap().to_string(), "status 413");
        let websocket = TransportError::WebSocket(RequestError::NETWORK);
        assert_eq!(websocket.status(), Some(0));
        assert_eq!(
            ProbeError::Transport(websocket).to_string(),
            "probe error: websocket error"
        );
        let parse = TransportError::Parse(DecodeError::Empty);
        assert_eq!(
            (parse.to_string().as_str(), parse.status()),
            ("server error", None)
        );
        let closed = CloseReason::TransportClose(CloseDetail::Connection {
            transport: Transport::WebSocket,
            code: Some(1009),
        });
        assert_eq!(
            closed.source().unwrap().to_string(),
            "websocket connection closed"
        );
    }

    #[test]
    fn a_long_body_is_cut() {
        let body = Bytes::from(alloc::vec![b'x'; 5000]);
        assert_eq!(RequestError::new(400, &body).body.len(), 4096);
        let body = Bytes::from_static(b"short");
        assert_eq!(RequestError::new(400, &body).body, body);
    }
}
