//! The refusals of requests, and the answers that say so.
//!
//! Source: `engine.io/lib/server.ts`, the error tables.

use alloc::format;
use alloc::string::String;

use crate::http::{Headers, Response};

/// Why a request is refused. It knows the official code, message, status and body.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reject {
    /// Code 0: the transport is missing, unknown or not enabled.
    #[error("Transport unknown")]
    UnknownTransport,
    /// Code 1: there is no such session.
    #[error("Session ID unknown")]
    UnknownSid,
    /// Code 2: a handshake that is not a GET.
    #[error("Bad handshake method")]
    BadHandshakeMethod,
    /// Code 3: see the cause.
    #[error("Bad request")]
    BadRequest(#[source] BadRequest),
    /// Code 4, status 403: the application refused it.
    #[error("Forbidden")]
    Forbidden,
    /// Code 4, status 403: a page of an origin that is [not served](super::Config::origins), or a host that is none of the
    /// server's.
    #[error("Forbidden")]
    ForeignOrigin,
    /// Code 5: a protocol revision that is not served.
    #[error("Unsupported protocol version")]
    UnsupportedRevision,
    /// No code, status 500: a method that polling does not know, on a good session.
    #[error("unknown method")]
    UnknownMethod,
    /// No code, status 503: as many sessions exist as may.
    #[error("too many sessions")]
    TooManySessions,
    /// No code, status 503: as many handshakes wait for the application as may.
    #[error("too many handshakes")]
    TooManyHandshakes,
    /// No code, status 503: the server holds nearly as many bytes [as it may](super::Config::max_bytes_held).
    #[error("memory limit reached")]
    MemoryLimit,
    /// No code, status 503: no new session may open.
    #[error("shutting down")]
    ShuttingDown,
}

/// What makes a request bad; `Display` gives the official name of the context.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// The `Origin` header holds control characters.
    #[error("INVALID_ORIGIN")]
    InvalidOrigin,
    /// The session is on another transport.
    #[error("TRANSPORT_MISMATCH")]
    TransportMismatch,
    /// The session speaks another revision.
    #[error("PROTOCOL_MISMATCH")]
    RevisionMismatch,
    /// A WebSocket session was asked for without a WebSocket handshake, or the reverse; or a WebTransport stream did not
    /// say what it is for.
    #[error("TRANSPORT_HANDSHAKE_ERROR")]
    TransportHandshake,
    /// Polling by scripts was asked for, and is not [allowed](super::Config::allow_jsonp). Officially a transport that cannot be
    /// made has the same name.
    #[error("TRANSPORT_HANDSHAKE_ERROR")]
    Jsonp,
}

impl Reject {
    /// The official error code; `None` for what officially has none.
    #[must_use]
    pub const fn code(self) -> Option<u8> {
        match self {
            Self::UnknownTransport => Some(0),
            Self::UnknownSid => Some(1),
            Self::BadHandshakeMethod => Some(2),
            Self::BadRequest(_) => Some(3),
            Self::Forbidden | Self::ForeignOrigin => Some(4),
            Self::UnsupportedRevision => Some(5),
            Self::UnknownMethod
            | Self::TooManySessions
            | Self::TooManyHandshakes
            | Self::MemoryLimit
            | Self::ShuttingDown => None,
        }
    }

    /// The answer to a plain request: status 400, or 403 for [`Forbidden`](Self::Forbidden) and
    /// [`ForeignOrigin`](Self::ForeignOrigin), and `{"code":…,"message":…}`, or the bare status without a code.
    #[must_use]
    pub fn into_response(self) -> Response {
        self.response(None)
    }

    /// As [`into_response`](Self::into_response), with another message than the official one.
    pub(super) fn response(self, message: Option<&str>) -> Response {
        let Some(code) = self.code() else {
            return Response::new(self.status(), "");
        };
        let message = message.map_or_else(|| format!("{self}"), Into::into);
        // A string is always serialised.
        let message = serde_json::to_string(&message).unwrap_or_default();
        let body = format!(r#"{{"code":{code},"message":{message}}}"#);
        Response::new(self.status(), body)
            .with_headers(Headers::default().with_content_type("application/json"))
    }

    /// The answer to a WebSocket handshake: status 400 and the bare message, and the connection closes.
    #[must_use]
    pub fn into_refusal(self) -> Response {
        self.refusal(None)
    }

    /// As [`into_refusal`](Self::into_refusal), with another message than the official one.
    pub(super) fn refusal(self, message: Option<&str>) -> Response {
        let headers = Headers::default()
            .with_connection_close()
            .with_content_type("text/html");
        let (status, message) = match self.code() {
            Some(_) => (400, message.map_or_else(|| format!("{self}"), Into::into)),
            None => (self.status(), String::new()),
        };
        Response::new(status, message).with_headers(headers)
    }

    const fn status(self) -> u16 {
        match self {
            Self::UnknownMethod => 500,
            Self::TooManySessions
            | Self::TooManyHandshakes
            | Self::MemoryLimit
            | Self::ShuttingDown => 503,
            Self::Forbidden | Self::ForeignOrigin => 403,
            Self::UnknownTransport
            | Self::UnknownSid
            | Self::BadHandshakeMethod
            | Self::BadRequest(_)
            | Self::UnsupportedRevision => 400,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn answers_are_the_official_bytes() {
        let rejects = [
            (
                Reject::UnknownTransport,
                r#"{"code":0,"message":"Transport unknown"}"#,
            ),
            (
                Reject::UnknownSid,
                r#"{"code":1,"message":"Session ID unknown"}"#,
            ),
            (
                Reject::BadHandshakeMethod,
                r#"{"code":2,"message":"Bad handshake method"}"#,
            ),
            (
                Reject::BadRequest(BadRequest::InvalidOrigin),
                r#"{"code":3,"message":"Bad request"}"#,
            ),
            (
                Reject::UnsupportedRevision,
                r#"{"code":5,"message":"Unsupported protocol version"}"#,
            ),
        ];
        for (reject, body) in rejects {
            let response = reject.into_response();
            assert_eq!((response.status, &*response.body), (400, body.as_bytes()));
            assert_eq!(
                response.headers,
                Headers::default().with_content_type("application/json")
            );
            let refusal = reject.into_refusal();
            assert_eq!(
                (refusal.status, &*refusal.body),
                (400, reject.to_string().as_bytes())
            );
        }
        let forbidden = Reject::Forbidden.into_response();
        assert_eq!(forbidden.status, 403);
        assert_eq!(forbidden.body, r#"{"code":4,"message":"Forbidden"}"#);
        assert_eq!(Reject::Forbidden.into_refusal().status, 400);
        let said = Reject::Forbidden.response(Some("a \"b\"\n"));
        assert_eq!(said.body, r#"{"code":4,"message":"a \"b\"\n"}"#);
        assert_eq!(Reject::Forbidden.refusal(Some("no")).body, "no");
        assert_eq!(
            Reject::UnknownMethod.into_response(),
            Response::new(500, "")
        );
        assert_eq!(
            Reject::TooManySessions.into_response(),
            Response::new(503, "")
        );
    }
}
