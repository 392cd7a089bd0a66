//! Polling payloads.

use alloc::vec::Vec;
use core::fmt;

use bytes::{Bytes, BytesMut};

use crate::codec::{DecodeError, Packet, v3, v4};
use crate::hidden::Hidden;

use super::mutation::{Mutate, Mutation};

/// The three forms of a polling payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these three")]
pub enum PayloadKind {
    /// Revision 4: packets with a separator between them.
    V4,
    /// Revision 3, text: a length stands before each packet.
    V3Text,
    /// Revision 3, binary: a kind and a length stand before each packet.
    V3Binary,
}

impl PayloadKind {
    /// All three.
    pub const ALL: &[Self] = &[Self::V4, Self::V3Text, Self::V3Binary];

    /// Writes packets. With revision 4 a text must not hold the separator, which cannot be escaped.
    #[must_use]
    pub fn encode<'a>(self, packets: impl IntoIterator<Item = &'a Packet>) -> Bytes {
        let mut body = BytesMut::new();
        match self {
            Self::V4 => v4::encode_payload(packets, &mut body),
            Self::V3Text => v3::encode_payload(packets, &mut body),
            Self::V3Binary => v3::encode_binary_payload(packets, &mut body),
        }
        body.freeze()
    }

    /// Reads a body: its packets, up to the first fault and at most so many.
    #[must_use]
    pub fn decode(self, body: Bytes, max_packets: usize) -> Vec<Result<Packet, DecodeError>> {
        match self {
            Self::V4 => v4::decode_payload(body, max_packets).collect(),
            Self::V3Text => v3::decode_payload(body, max_packets).collect(),
            Self::V3Binary => v3::decode_binary_payload(body, max_packets).collect(),
        }
    }

    /// The length of a packet's head in a payload, its type included.
    fn head_len(self, packet: &[u8]) -> usize {
        let end = match self {
            Self::V4 => return 1,
            Self::V3Text => b':',
            Self::V3Binary => 0xff,
        };
        let end = packet.iter().position(|byte| *byte == end);
        end.map_or(1, |end| end + 2).min(packet.len())
    }
}

/// A polling payload, as it is the body of a request or a response.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct PollingPayload {
    /// Its form.
    pub kind: PayloadKind,
    /// The packets in it, as long as the body was not changed.
    pub packets: Vec<Packet>,
    /// Its bytes.
    pub body: Bytes,
    /// The places of types, lengths and separators.
    structure: Vec<usize>,
}

impl PollingPayload {
    /// Writes packets. With revision 4 a text must not hold the separator, which cannot be escaped.
    #[must_use]
    pub fn new(kind: PayloadKind, packets: Vec<Packet>) -> Self {
        let mut structure = Vec::new();
        let mut at = 0;
        for packet in &packets {
            let written = kind.encode([packet]);
            structure.extend(at..at + kind.head_len(&written));
            at += written.len();
            if kind == PayloadKind::V4 {
                structure.push(at);
                at += 1;
            }
        }
        if kind == PayloadKind::V4 {
            structure.pop();
        }
        Self {
            kind,
            body: kind.encode(&packets),
            packets,
            structure,
        }
    }
}

impl fmt::Debug for PollingPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollingPayload")
            .field("kind", &self.kind)
            .field("packets", &self.packets)
            .field("body", &Hidden(&self.body))
            .finish_non_exhaustive()
    }
}

impl Mutate for PollingPayload {
    fn mutate(&mut self, mutation: &Mutation) {
        let mut body = self.body.to_vec();
        mutation.change_bytes(&mut body, &self.structure);
        self.body = body.into();
    }
}
