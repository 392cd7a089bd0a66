//! Errors of decoding packets, of encoding packets, and of reading payloads as a type.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::fmt;

use bytestring::ByteString;
use engineio_proto::{Counted, SendError};
use serde::de::{Expected, Unexpected};

/// Why a message of the peer is no packet, or cannot come at this point.
///
/// The texts are those of the official decoder where it has the error. After one the connection is closed; a decoder
/// that has reported one has forgotten what it was waiting for.
///
/// Source: `socket.io-parser` 4.2 and `socket.io-msgpack-parser` 3.0, `Decoder`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is nothing in the message, not even a packet type.
    #[error("empty packet")]
    Empty,
    /// The first character names no packet type; the number is there if it is a digit.
    #[error("unknown packet type {}", .0.map_or_else(|| "NaN".to_string(), |digit| digit.to_string()))]
    UnknownType(Option<u8>),
    /// A MessagePack packet has no type, or one that is not from 0 to 4, or for peers of revision 4 not to 6.
    #[error("invalid packet type")]
    InvalidType,
    /// A MessagePack packet has no namespace, or one that is no string with a slash in front.
    #[error("invalid namespace")]
    InvalidNamespace,
    /// The id of a MessagePack packet is no whole number.
    #[error("invalid packet id")]
    InvalidId,
    /// A binary message is not one MessagePack map. It is truncated, has bytes after its end, has counts or lengths
    /// beyond it, has an invalid byte, or has strings that are not UTF-8.
    #[error("malformed MessagePack")]
    MsgPack,
    /// A binary packet does not tell the number of its attachments as plain digits without leading zeros, or tells 0.
    #[error("Illegal attachments")]
    AttachmentCount,
    /// A binary packet announces more attachments than allowed, or a MessagePack packet has more binary values.
    #[error("too many attachments")]
    TooManyAttachments {
        /// The number allowed.
        limit: u16,
    },
    /// The name of the namespace is longer than allowed.
    #[error("namespace longer than {limit} bytes")]
    NamespaceTooLong {
        /// The number of bytes allowed.
        limit: u32,
    },
    /// The packet id is negative, or beyond 2^53 - 1, the largest that JavaScript holds exactly.
    #[error("packet id out of range")]
    IdOutOfRange,
    /// The payload is no JSON, or not of the kind that packets of its type carry, or an event with a reserved name.
    #[error("invalid payload")]
    InvalidPayload,
    /// Arrays and objects of the payload are nested deeper than allowed.
    #[error("payload nested deeper than {limit}")]
    TooDeep {
        /// The number of levels allowed.
        limit: u16,
    },
    /// Text came where an attachment was due, or to the parser for MessagePack; in revision 4 such that is no packet.
    #[error("got plaintext data when reconstructing a packet")]
    UnexpectedText,
    /// Bytes came where no attachment was due.
    #[error("got binary data when not reconstructing a packet")]
    UnexpectedBinary,
    /// A placeholder in the payload names no attachment.
    #[error("illegal attachments")]
    Placeholder,
    /// Placeholders repeat attachments until they take more than [`Limits::max_expansion`](crate::parser::Limits::max_expansion)
    /// allows.
    #[error("attachments repeated beyond {limit} bytes for each byte of JSON")]
    Expansion {
        /// The number of bytes allowed for each byte of JSON.
        limit: u16,
    },
}

/// Why a payload or packet cannot be written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A value refused to be serialised, or is nothing that JSON can express; the text says why.
    #[error("value cannot be serialised: {0}")]
    Serialize(Box<str>),
    /// The event's name is one of those that applications must not emit, see
    /// [`is_reserved_event`](crate::is_reserved_event).
    #[error("\"{0}\" is a reserved event name")]
    ReservedEvent(ByteString),
    /// Arrays and objects of the payload are nested deeper than [`MAX_JSON_DEPTH`](crate::parser::MAX_JSON_DEPTH).
    #[error("payload nested deeper than {limit}")]
    TooDeep {
        /// The number of levels allowed.
        limit: u16,
    },
    /// Beside attachments there is data that looks like a placeholder, and the receiver would take it for one.
    #[error("data that looks like a placeholder beside attachments")]
    Placeholder,
    /// Placeholders repeat attachments until they take more than receivers accept by default, see
    /// [`Limits::max_expansion`](crate::parser::Limits::max_expansion).
    #[error("attachments repeated beyond {limit} bytes for each byte of JSON")]
    Expansion {
        /// The number of bytes allowed for each byte of JSON.
        limit: u16,
    },
    /// The payload has more attachments than receivers accept.
    #[error("{count} attachments, {limit} are allowed")]
    TooManyAttachments {
        /// The number of attachments of the payload.
        count: usize,
        /// The number allowed.
        limit: u16,
    },
    /// The namespace does not start with a slash, or holds a comma, which would end it in text.
    #[error("invalid namespace")]
    Namespace,
    /// The packet id is beyond 2^53 - 1.
    #[error("packet id out of range")]
    IdOutOfRange,
    /// The payload is missing, is of the wrong kind for packets of this type, or has attachments that the default
    /// parser cannot send. In MessagePack a refusal needs a payload too.
    #[error("payload does not fit the packet type")]
    PayloadKind,
    /// The packet is longer than the lengths of MessagePack can tell, which are of 32 bits.
    #[error("packet too long for MessagePack")]
    TooLong,
}

/// Why an event, or the answer to one, was not taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The socket has left or was forgotten, or its connection is closing.
    ///
    /// For a client's answer: the session in which the event came is over. For a client's volatile event: the socket is not
    /// connected.
    #[error("socket is disconnected")]
    Closed,
    /// A buffer is full; nothing was queued. On a server the client does not read fast enough. On a client neither the
    /// connection has room nor, for a socket that is not connected, its buffer. `Drained` follows once half of the
    /// buffer is free.
    ///
    /// Or the application of a server does not take its events fast enough. The events that report sends, [`Sent`] and
    /// [`PacketLogged`], would take more than half of what the server [may
    /// hold](engineio_proto::server::Config::max_bytes_held). `Drained` does not follow then.
    ///
    /// [`Sent`]: crate::server::Event::Sent
    /// [`PacketLogged`]: crate::server::Event::PacketLogged
    #[error("{buffered} of {limit} {counted} are buffered")]
    Full {
        /// What the limit counts.
        counted: Counted,
        /// How many of them wait at present.
        buffered: usize,
        /// The limit that the event would exceed.
        limit: usize,
    },
    /// The event alone takes more than the server [may hold](engineio_proto::server::Config::max_bytes_held). It can never
    /// be sent.
    #[error("the event takes more than the {limit} bytes that may be held")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// As many acknowledgements of the socket are awaited as may be.
    #[error("{limit} acknowledgements are awaited")]
    TooManyAcks {
        /// The limit.
        limit: usize,
    },
    /// The packet cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl From<SendError> for EmitError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Full {
                counted,
                buffered,
                limit,
            } => Self::Full {
                counted,
                buffered,
                limit,
            },
            SendError::TooLarge { limit } => Self::TooLarge { limit },
            SendError::Closed | _ => Self::Closed,
        }
    }
}

/// Why a payload is not of the type asked for, or takes too much as that.
///
/// The text names the event and the argument, the kind of what was found, and what was expected. It quotes nothing else of
/// the payload, which may be a secret, or long. Only the error of a type with a `Deserialize` of its own is shown as that
/// type words it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReadError {
    text: Box<str>,
    over_limit: bool,
    event: Option<Box<str>>,
    argument: Option<usize>,
}

/// No more bytes of the name of an event are told.
const MAX_EVENT: usize = 64;

impl ReadError {
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self {
            text: message.to_string().into(),
            over_limit: false,
            event: None,
            argument: None,
        }
    }

    /// Says which argument it is about, unless that is known.
    pub(crate) fn of_argument(mut self, index: usize) -> Self {
        self.argument.get_or_insert(index);
        self
    }

    /// Says which event it is about, if it is about one.
    pub(crate) fn of_event(mut self, name: Option<&str>) -> Self {
        self.event = name.map(|name| {
            let mut ends = (0..=name.len().min(MAX_EVENT)).rev();
            let start = ends.find_map(|end| name.get(..end));
            start.unwrap_or_default().into()
        });
        self
    }

    /// The name of the event whose arguments were read, its first 64 bytes at most. `None` for an acknowledgement, and where
    /// no event was read.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// The argument that could not be read, counted from zero. `None` if it is not one alone.
    #[must_use]
    pub const fn argument(&self) -> Option<usize> {
        self.argument
    }

    /// Reading takes more than `limit` bytes for each byte of JSON.
    pub(crate) fn over_limit(limit: u16) -> Self {
        Self {
            over_limit: true,
            ..Self::new(format_args!(
                "reading takes more than {limit} bytes for each byte of JSON"
            ))
        }
    }

    /// Whether the value would take more memory than [`Limits::max_expansion`](crate::parser::Limits::max_expansion)
    /// allows. A payload that fails for that may still be read as another type.
    #[must_use]
    pub const fn is_over_limit(&self) -> bool {
        self.over_limit
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.event, self.argument) {
            (Some(event), Some(argument)) => {
                write!(f, "event {event:?}, argument {argument}: {}", self.text)
            }
            (Some(event), None) => write!(f, "event {event:?}: {}", self.text),
            (None, Some(argument)) => write!(f, "argument {argument}: {}", self.text),
            (None, None) => f.write_str(&self.text),
        }
    }
}

impl core::error::Error for ReadError {}

/// The words are those of `serde`, without what was found.
impl serde::de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format_args!(
            "invalid type: {}, expected {expected}",
            kind(found)
        ))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format_args!(
            "invalid value: {}, expected {expected}",
            kind(found)
        ))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format_args!(
            "unknown variant, expected one of {expected:?}"
        ))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format_args!("unknown field, expected one of {expected:?}"))
    }
}

fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "integer",
        Unexpected::Float(_) => "floating point number",
        Unexpected::Char(_) => "character",
        Unexpected::Str(_) => "string",
        Unexpected::Bytes(_) => "byte array",
        Unexpected::Unit => "null",
        Unexpected::Option => "optional value",
        Unexpected::NewtypeStruct => "newtype struct",
        Unexpected::Seq => "sequence",
        Unexpected::Map => "map",
        Unexpected::Enum => "enum",
        Unexpected::UnitVariant => "unit variant",
        Unexpected::NewtypeVariant => "newtype variant",
        Unexpected::TupleVariant => "tuple variant",
        Unexpected::StructVariant => "struct variant",
        // Integers of 128 bits come as text.
        Unexpected::Other(_) => "another value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_errors_read_as_the_official_ones() {
        for (error, text) in [
            (DecodeError::UnknownType(Some(7)), "unknown packet type 7"),
            (DecodeError::UnknownType(None), "unknown packet type NaN"),
            (DecodeError::AttachmentCount, "Illegal attachments"),
            (
                DecodeError::TooManyAttachments { limit: 10 },
                "too many attachments",
            ),
            (DecodeError::InvalidPayload, "invalid payload"),
            (
                DecodeError::UnexpectedText,
                "got plaintext data when reconstructing a packet",
            ),
            (
                DecodeError::UnexpectedBinary,
                "got binary data when not reconstructing a packet",
            ),
            (DecodeError::Placeholder, "illegal attachments"),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn reserved_names_are_refused_with_the_official_text() {
        assert_eq!(
            EncodeError::ReservedEvent("connect".into()).to_string(),
            "\"connect\" is a reserved event name"
        );
    }
}
