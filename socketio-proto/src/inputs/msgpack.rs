//! MessagePack of any kind.

use core::fmt;

use bytes::Bytes;
use engineio_proto::hidden::Hidden;
use engineio_proto::inputs::{Mutate, Mutation};

use super::structure;

/// A binary message with a MessagePack map that has the members of a packet.
///
/// What stands in it is well-formed MessagePack, but need not be a packet: it may hold dates, other extensions, numbers
/// that JSON lacks, and what looks like a placeholder.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct MsgPackMessage {
    /// The message.
    pub bytes: Bytes,
}

impl MsgPackMessage {
    /// Makes a message of a type of packet, a namespace and data that is already MessagePack.
    #[must_use]
    pub fn new(packet_type: u8, namespace: &str, data: &[u8]) -> Self {
        let namespace: &[u8] = namespace
            .as_bytes()
            .get(..255)
            .unwrap_or(namespace.as_bytes());
        let len = [namespace.len() as u8];
        let bytes = [
            &[0x83, 0xa4],
            &b"type"[..],
            &[packet_type & 0x7f, 0xa3],
            b"nsp",
            &[0xd9],
            &len,
            namespace,
            &[0xa4],
            b"data",
            data,
        ];
        Self {
            bytes: bytes.concat().into(),
        }
    }
}

impl fmt::Debug for MsgPackMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MsgPackMessage")
            .field("bytes", &Hidden(&self.bytes))
            .finish()
    }
}

impl Mutate for MsgPackMessage {
    fn mutate(&mut self, mutation: &Mutation) {
        let mut bytes = self.bytes.to_vec();
        mutation.change_bytes(&mut bytes, &structure::of_msgpack(&self.bytes));
        self.bytes = bytes.into();
    }
}
