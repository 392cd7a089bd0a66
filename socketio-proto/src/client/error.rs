//! Reasons why connections fail and end, and why commands are refused.

use bytestring::ByteString;
use engineio_proto::ConfigError;
use engineio_proto::client as engine;
use serde::de::DeserializeOwned;

use crate::payload::cursor::{Cursor, member};
use crate::{DecodeError, Payload, ReadError};

/// Why a socket left its namespace, or a connection ended. `Display` gives the official string;
/// [`source`](core::error::Error::source) the detail.
///
/// Source: `socket.io-client/lib/socket.ts`, `DisconnectReason`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The server took the socket out of its namespace. It stays out until the application connects it again.
    #[error("io server disconnect")]
    IoServerDisconnect,
    /// The application disconnected the socket. It stays out until the application connects it again.
    #[error("io client disconnect")]
    IoClientDisconnect,
    /// The application closed the connection, or its last active socket became inactive.
    #[error("forced close")]
    ForcedClose,
    /// The server sent what is no packet, or more than there is room for. A new connection is made.
    #[error("parse error")]
    ParseError(#[source] Violation),
    /// The Engine.IO session ended. A new connection is made.
    #[error(transparent)]
    Engine(engine::CloseReason),
}

/// How a server broke the rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// It sent what is no packet.
    #[error(transparent)]
    Decode(DecodeError),
    /// It sent more events before the answer to CONNECT than are kept.
    #[error("too many events before the namespace was joined")]
    TooManyBeforeConnect,
    /// More events waited for the application than allowed.
    #[error("too many undelivered events")]
    TooManyUndelivered,
}

/// Why a socket did not get into its namespace, or a connection did not come about. `Display` gives the official text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The connection was not open within [`Config::timeout`](super::Config::timeout), or the answer to CONNECT did not
    /// come within [`Config::namespace_timeout`](super::Config::namespace_timeout).
    #[error("timeout")]
    Timeout,
    /// The transport failed.
    #[error(transparent)]
    Transport(engine::TransportError),
    /// The connection closed before it was open.
    #[error(transparent)]
    Closed(engine::CloseReason),
    /// The server refused the socket, which is inactive therefore.
    #[error("{}", .0.message())]
    Refused(Refusal),
    /// In revision 4 the server refused the client in the main namespace, which comes before all others. The socket waits
    /// on: servers since 3.0 may let it into its own, older ones do not answer it.
    #[error("{}", .0.message())]
    MainRefused(Refusal),
    /// The answer of the server names no socket id, as those before 3.0 do; in revision 4 none does.
    #[error(
        "It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client, but they are not compatible \
         (more information here: https://socket.io/docs/v3/migrating-from-2-x-to-3-0/)"
    )]
    NoSocketId,
}

impl From<engine::CloseReason> for ConnectError {
    fn from(reason: engine::CloseReason) -> Self {
        match reason {
            engine::CloseReason::TransportError(error) => Self::Transport(error),
            engine::CloseReason::PingTimeout
            | engine::CloseReason::TransportClose(_)
            | engine::CloseReason::ForcedClose
            | _ => Self::Closed(reason),
        }
    }
}

/// What a server said when it refused a socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    message: ByteString,
    payload: Option<Payload>,
    /// Whether an object is the data itself, and does not hold it.
    is_data: bool,
}

impl Refusal {
    /// Reads the payload of a CONNECT_ERROR packet.
    pub(super) fn new(payload: Option<Payload>) -> Self {
        let json = payload.as_ref().map_or("", Payload::json);
        let message = if json.starts_with('"') {
            Some(text(json))
        } else {
            member(json, "message")
                .filter(|message| *message != "null")
                .map(text)
        };
        Self {
            message: message.unwrap_or_default(),
            payload,
            is_data: false,
        }
    }

    /// Reads the payload of an ERROR packet of revision 4: a message, or data.
    pub(super) fn of_legacy(payload: Option<Payload>) -> Self {
        Self {
            is_data: true,
            ..Self::new(payload)
        }
    }

    /// The message; empty if there is none. A refusal that is nothing but a string is its message. Servers of revision 4
    /// send either a message or data; data that has a member `message` has that for a message too.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The JSON of the data that the server gave along, if it did.
    #[must_use]
    pub fn data_json(&self) -> Option<&str> {
        let json = self.payload.as_ref()?.json();
        if self.is_data {
            return (!json.starts_with('"')).then_some(json);
        }
        member(json, "data").filter(|data| *data != "null")
    }

    /// Reads the data that the server gave along, if it did.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if it is of another type, or [takes too much](Payload#how-much-reading-takes).
    pub fn data<T: DeserializeOwned>(&self) -> Option<Result<T, ReadError>> {
        let (payload, json) = (self.payload.as_ref()?, self.data_json()?);
        Some(payload.reader(json).whole())
    }
}

/// A JSON string without its quotes and escapes; other JSON as it is.
fn text(json: &str) -> ByteString {
    match Cursor::new(json).string_within(usize::MAX) {
        Some(text) => ByteString::from(&*text),
        None => json.into(),
    }
}

/// Why an acknowledgement will not come. `Display` gives the official text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The time given for it is over.
    #[error("operation has timed out")]
    TimedOut,
    /// The session to which the event was sent is over, or the socket was forgotten.
    #[error("socket has been disconnected")]
    Disconnected,
    /// The application dropped the event before it was sent.
    #[error("event has been dropped")]
    Dropped,
}

/// Why there is no socket for a namespace.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The name does not start with a slash, or holds a comma, which would end it; in revision 4, also `?` or `#`, behind
    /// which servers see no name.
    #[error("invalid namespace")]
    InvalidNamespace,
    /// The name is longer than allowed.
    #[error("namespace longer than {limit} bytes")]
    NamespaceTooLong {
        /// The limit, in bytes.
        limit: u32,
    },
    /// There are as many sockets as may be.
    #[error("{limit} namespaces are in use")]
    TooManyNamespaces {
        /// The limit.
        limit: usize,
    },
    /// The authentication is no object, or has attachments.
    #[error("authentication is no object")]
    Auth,
    /// In revision 4, where the authentication becomes a query, a member of it is no string.
    #[error("authentication with members that are no strings")]
    AuthNotText,
    /// In revision 4 the main namespace is joined without a CONNECT that could carry an authentication: it belongs into
    /// the query or the headers of the connection.
    #[error("the main namespace takes no authentication in revision 4")]
    AuthOfMain,
    /// An option of the socket has a value with which nothing works.
    #[error(transparent)]
    Options(#[from] ConfigError),
}

/// Why an authentication was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The connection is over, or the socket was disconnected or forgotten. At the next connection the application is
    /// asked anew.
    #[error("the question is out of date")]
    Gone,
    /// The authentication is no object, or has attachments. The application is asked again at once.
    #[error("authentication is no object")]
    NoObject,
    /// In revision 4, where the authentication becomes a query, a member of it is no string. The application is asked
    /// again at once.
    #[error("authentication with members that are no strings")]
    NotText,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;
    use crate::PacketType;

    fn refusal(json: &'static str) -> Refusal {
        let payload = Payload::from_json(PacketType::ConnectError, json, Vec::new()).unwrap();
        Refusal::new(Some(payload))
    }

    #[test]
    fn refusals_are_read_in_every_form_that_servers_send() {
        let official = refusal(r#"{"message":"not \"you\"","data":{"code":401}}"#);
        assert_eq!(official.message(), "not \"you\"");
        assert_eq!(official.data_json(), Some(r#"{"code":401}"#));
        assert_eq!(refusal(r#"{"message":"no"}"#).data_json(), None);
        let python = refusal(r#""Unable to connect""#);
        assert_eq!(
            (python.message(), python.data_json()),
            ("Unable to connect", None)
        );
        assert_eq!(refusal("{}").message(), "");
        assert_eq!(refusal(r#"{"message":5}"#).message(), "5");
        assert_eq!(Refusal::new(None).message(), "");
        let older = |json: &'static str| Refusal::of_legacy(refusal(json).payload);
        assert_eq!(
            (older(r#""no""#).message(), older(r#""no""#).data_json()),
            ("no", None)
        );
        let data = older(r#"{"code":1}"#);
        assert_eq!(
            (data.message(), data.data_json()),
            ("", Some(r#"{"code":1}"#))
        );
        let both = older(r#"{"message":"Invalid namespace"}"#);
        assert_eq!(both.message(), "Invalid namespace");
        assert_eq!(both.data_json(), Some(r#"{"message":"Invalid namespace"}"#));
        let data = refusal(r#"{"data":[1,2]}"#).data::<Vec<u8>>();
        assert_eq!(data, Some(Ok(alloc::vec![1, 2])));
    }

    #[test]
    fn texts_are_the_official_ones() {
        assert_eq!(AckError::TimedOut.to_string(), "operation has timed out");
        assert_eq!(
            AckError::Disconnected.to_string(),
            "socket has been disconnected"
        );
        assert_eq!(ConnectError::Timeout.to_string(), "timeout");
        assert_eq!(
            ConnectError::NoSocketId.to_string(),
            "It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client, but they are not \
             compatible (more information here: https://socket.io/docs/v3/migrating-from-2-x-to-3-0/)"
        );
        let refused = ConnectError::Refused(refusal(r#"{"message":"Invalid namespace"}"#));
        assert_eq!(refused.to_string(), "Invalid namespace");
        for (reason, text) in [
            (DisconnectReason::IoServerDisconnect, "io server disconnect"),
            (DisconnectReason::IoClientDisconnect, "io client disconnect"),
            (DisconnectReason::ForcedClose, "forced close"),
            (
                DisconnectReason::ParseError(Violation::TooManyBeforeConnect),
                "parse error",
            ),
        ] {
            assert_eq!(reason.to_string(), text);
        }
    }
}
