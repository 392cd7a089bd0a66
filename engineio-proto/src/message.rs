//! Messages of applications, and frames of connections.

use bytes::Bytes;
use bytestring::ByteString;
use core::fmt;

use crate::hidden::Hidden;

use serde::{Deserialize, Serialize};

use crate::ledger;

/// A message that an application sends or receives: text or bytes.
///
/// Cloning is cheap: both share a reference-counted buffer.
#[expect(
    clippy::exhaustive_enums,
    reason = "the protocol knows text and binary, and a driver must handle both"
)]
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub enum Message {
    /// A text message, without the packet type that stands in front of it on the wire.
    Text(#[serde(with = "text")] ByteString),
    /// A binary message.
    Binary(Bytes),
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(&Hidden(&**text)).finish(),
            Self::Binary(data) => f.debug_tuple("Binary").field(&Hidden(data)).finish(),
        }
    }
}

impl Message {
    /// Makes a text message.
    pub fn text(text: impl Into<ByteString>) -> Self {
        Self::Text(text.into())
    }

    /// Makes a binary message.
    pub fn binary(data: impl Into<Bytes>) -> Self {
        Self::Binary(data.into())
    }

    /// The length in bytes (of the UTF-8 form for text), without packet type or encoding.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
        }
    }

    /// The same message in a buffer of its own, unless it fills nearly all of a buffer with this many bytes. A message
    /// that waits for the application must not keep more memory than is counted for it.
    #[must_use]
    pub(crate) fn detached_from(self, buffer: usize) -> Self {
        if ledger::keeps_buffer(self.len(), buffer) {
            return self;
        }
        match self {
            Self::Text(text) => Self::text(&*text),
            Self::Binary(data) => Self::Binary(Bytes::copy_from_slice(&data)),
        }
    }

    /// Whether there is no byte in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether a part of a buffer is so small that it should be copied before it is kept. This is so if the buffer has more
/// than 4,096 bytes, and more than 16 times as many as the part.
#[must_use]
pub const fn keeps_much(buffer: usize, part: usize) -> bool {
    buffer > SMALL_BUFFER && part < buffer / SMALL_PART
}

/// Buffers up to this length may be kept for the smallest part.
const SMALL_BUFFER: usize = 4096;

/// The maximum ratio between the length of a buffer and that of a part that keeps it.
const SMALL_PART: usize = 16;

/// A frame of a connection. One WebSocket message, or one WebTransport frame, is one Engine.IO packet.
///
/// A text frame starts with the packet type (`4hello`). A binary frame is only the data of a message. In revision 3 a
/// byte for the type stands in front of it.
///
/// Source: Engine.IO protocol revision 4, "Packet encoding", "WebSocket".
#[expect(clippy::exhaustive_enums, reason = "a driver must handle both kinds")]
#[derive(Clone, Eq, PartialEq)]
pub enum Frame {
    /// A text frame, packet type included.
    Text(ByteString),
    /// A binary frame.
    Binary(Bytes),
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(&Hidden(&**text)).finish(),
            Self::Binary(data) => f.debug_tuple("Binary").field(&Hidden(data)).finish(),
        }
    }
}

impl Frame {
    /// The length of the content in bytes, without the framing of the transport.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
        }
    }

    /// Whether there is no byte in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Text for serde. The implementation of `bytestring` needs the standard library.
mod text {
    use alloc::string::String;

    use bytestring::ByteString;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ByteString, D::Error> {
        String::deserialize(from).map(ByteString::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_small_part_of_a_large_buffer_keeps_much() {
        assert!(!keeps_much(4_096, 0));
        assert!(keeps_much(4_097, 0));
        assert!(keeps_much(16_000, 999));
        assert!(!keeps_much(16_000, 1_000));
        assert!(!keeps_much(16_000, 16_000));
    }
}
