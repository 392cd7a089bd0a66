//! Packets and their encodings: pure functions between bytes and packets, without time or state.
//!
//! [`v4`] is protocol revision 4, which every client since Socket.IO 3 speaks; [`v3`] is the revision before it.
//! [`websocket`] and [`webtransport`] find the frames of revision 4 in a stream of bytes. [`Open`] is the handshake that
//! the first packet of a session carries.

pub(crate) mod base64;
mod open;
mod text;
pub mod v3;
pub mod v4;
pub mod websocket;
pub mod webtransport;

pub use open::Open;

use bytestring::ByteString;
use core::fmt;
use serde::{Deserialize, Serialize};

use crate::Message;
use crate::hidden::Hidden;

/// An Engine.IO packet.
///
/// The data after the type of a control packet is kept unchanged. It is the handshake JSON for `Open`, and `probe` or
/// nothing for `Ping` and `Pong`. It is empty in `Close`, `Upgrade` and `Noop` of well-behaved peers.
///
/// Source: Engine.IO protocol, revisions 3 and 4, "Packet types".
#[expect(
    clippy::exhaustive_enums,
    reason = "the seven packet types are what the protocol is"
)]
#[derive(Clone, Eq, PartialEq)]
pub enum Packet {
    /// Type 0: the server opens the session, see [`Open`].
    Open(ByteString),
    /// Type 1: the sender ends the transport.
    Close(ByteString),
    /// Type 2: heartbeat request, or a probe.
    Ping(ByteString),
    /// Type 3: heartbeat answer, or the answer to a probe.
    Pong(ByteString),
    /// Type 4: application data.
    Message(Message),
    /// Type 5: the client completes an upgrade.
    Upgrade(ByteString),
    /// Type 6: releases a waiting poll.
    Noop(ByteString),
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, data): (_, &dyn fmt::Debug) = match self {
            Self::Open(data) => ("Open", &Hidden(&**data)),
            Self::Close(data) => ("Close", &Hidden(&**data)),
            Self::Ping(data) => ("Ping", &Hidden(&**data)),
            Self::Pong(data) => ("Pong", &Hidden(&**data)),
            Self::Message(message) => ("Message", message),
            Self::Upgrade(data) => ("Upgrade", &Hidden(&**data)),
            Self::Noop(data) => ("Noop", &Hidden(&**data)),
        };
        f.debug_tuple(name).field(data).finish()
    }
}

impl Packet {
    /// Makes a control packet or a text message from its type digit, `None` for a digit that names no type.
    pub(crate) fn from_type(digit: u8, data: ByteString) -> Option<Self> {
        Some(match digit {
            b'0' => Self::Open(data),
            b'1' => Self::Close(data),
            b'2' => Self::Ping(data),
            b'3' => Self::Pong(data),
            b'4' => Self::Message(Message::Text(data)),
            b'5' => Self::Upgrade(data),
            b'6' => Self::Noop(data),
            _ => return None,
        })
    }

    /// The type digit and the text after it, or `Err` with the bytes of a binary message.
    pub(crate) fn as_text(&self) -> Result<(char, &ByteString), &bytes::Bytes> {
        Ok(match self {
            Self::Open(data) => ('0', data),
            Self::Close(data) => ('1', data),
            Self::Ping(data) => ('2', data),
            Self::Pong(data) => ('3', data),
            Self::Message(Message::Text(data)) => ('4', data),
            Self::Message(Message::Binary(data)) => return Err(data),
            Self::Upgrade(data) => ('5', data),
            Self::Noop(data) => ('6', data),
        })
    }
}

/// The packets of a payload of any kind.
#[derive(Clone, Debug)]
pub(crate) enum Packets {
    V3(v3::PayloadPackets),
    V3Binary(v3::BinaryPayloadPackets),
    V4(v4::PayloadPackets),
}

impl Iterator for Packets {
    type Item = Result<Packet, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::V3(packets) => packets.next(),
            Self::V3Binary(packets) => packets.next(),
            Self::V4(packets) => packets.next(),
        }
    }
}

/// The reason why bytes are not a valid packet.
///
/// A peer that sends such bytes loses its session with the reason `parse error`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There is nothing where a packet should be: an empty frame, an empty body, a separator too many, or a `b` alone.
    #[error("empty packet")]
    Empty,
    /// The first byte names no packet type of this protocol revision.
    #[error("unknown packet type {0:#04x}")]
    UnknownType(u8),
    /// A packet that starts with `b` is not base64.
    #[error("invalid base64")]
    Base64,
    /// Text that is not UTF-8.
    #[error("invalid utf-8")]
    Utf8,
    /// The length in front of a packet of revision 3 is missing, is not decimal, is longer than ten digits, or has a
    /// wrong end.
    #[error("invalid length of a packet")]
    Length,
    /// A payload of revision 3 ends before a packet does.
    #[error("packet shorter than its length")]
    Truncated,
    /// The length of a packet of revision 3 ends within a character: it counts UTF-16 units, of which some take two.
    #[error("length that divides a character")]
    DividedCharacter,
    /// A packet of a binary payload of revision 3 starts with neither of the bytes that mean text or binary.
    #[error("unknown kind of packet {0:#04x}")]
    UnknownKind(u8),
    /// A payload holds more packets than the receiver allows.
    #[error("more than {limit} packets in one payload")]
    TooManyPackets {
        /// The number allowed.
        limit: usize,
    },
    /// A frame in a WebTransport stream is longer than the receiver allows.
    #[error("frame of {length} bytes is longer than {limit}")]
    TooLong {
        /// The length that its header gives.
        length: u64,
        /// The number of bytes allowed.
        limit: u64,
    },
    /// The handshake is not the JSON object that the protocol asks for.
    #[error("invalid handshake")]
    Handshake,
}
