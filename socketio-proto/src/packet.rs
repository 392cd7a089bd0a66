//! Packets, and their form on the wire.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::slice;

use bytestring::ByteString;
use engineio_proto::Encoded;
use engineio_proto::hidden::HiddenQuery;

use crate::{PacketType, Payload};

/// A packet of the Socket.IO protocol.
///
/// Decoding slices namespace and payload from the message that came in; nothing is copied.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Packet {
    /// The type.
    pub packet_type: PacketType,
    /// The namespace, with its leading slash; `/` is the main one. A query string, if there is one, is still in it.
    pub namespace: ByteString,
    /// The id that ties an acknowledgement to its event, at most [`MAX_PACKET_ID`]. Means nothing in other types.
    pub id: Option<u64>,
    /// The payload. An event has one always. An acknowledgement that came without stands for one without arguments,
    /// [`Payload::no_args`], and a refusal for one without message.
    pub payload: Option<Payload>,
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            packet_type,
            namespace,
            id,
            payload,
        } = self;
        f.debug_struct("Packet")
            .field("packet_type", packet_type)
            .field("namespace", &HiddenQuery(namespace))
            .field("id", id)
            .field("payload", payload)
            .finish()
    }
}

impl Packet {
    /// Makes a packet without id and payload.
    #[must_use]
    pub fn new(packet_type: PacketType, namespace: impl Into<ByteString>) -> Self {
        Self {
            packet_type,
            namespace: namespace.into(),
            id: None,
            payload: None,
        }
    }

    /// Sets the id.
    #[must_use]
    pub const fn with_id(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the payload.
    #[must_use]
    pub fn with_payload(mut self, payload: Payload) -> Self {
        self.payload = Some(payload);
        self
    }

    /// The same packet, borrowed: what [`Parser::encode`](crate::parser::Parser::encode) takes.
    #[must_use]
    pub fn borrow(&self) -> PacketRef<'_> {
        PacketRef {
            packet_type: self.packet_type,
            namespace: &self.namespace,
            id: self.id,
            payload: self.payload.as_ref(),
        }
    }
}

/// A packet whose parts belong to someone else.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct PacketRef<'a> {
    /// The type.
    pub packet_type: PacketType,
    /// The namespace, with its leading slash.
    pub namespace: &'a str,
    /// The id that ties an acknowledgement to its event.
    pub id: Option<u64>,
    /// The payload.
    pub payload: Option<&'a Payload>,
}

impl fmt::Debug for PacketRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            packet_type,
            namespace,
            id,
            payload,
        } = self;
        f.debug_struct("PacketRef")
            .field("packet_type", packet_type)
            .field("namespace", &HiddenQuery(namespace))
            .field("id", id)
            .field("payload", payload)
            .finish()
    }
}

impl<'a> PacketRef<'a> {
    /// Makes a packet without id and payload.
    #[must_use]
    pub const fn new(packet_type: PacketType, namespace: &'a str) -> Self {
        Self {
            packet_type,
            namespace,
            id: None,
            payload: None,
        }
    }

    /// Sets the id.
    #[must_use]
    pub const fn with_id(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the payload.
    #[must_use]
    pub const fn with_payload(mut self, payload: &'a Payload) -> Self {
        self.payload = Some(payload);
        self
    }
}

/// A packet in its wire form, made once and shared by every session it is sent to.
///
/// Its parts are Engine.IO messages that must leave one after the other with nothing between them: the text, then the
/// attachments. Cloning costs a reference count.
#[derive(Clone, Debug)]
pub struct EncodedPacket(Parts);

#[derive(Clone, Debug)]
enum Parts {
    One(Encoded),
    Many(Arc<[Encoded]>),
}

impl EncodedPacket {
    /// Makes a packet of a single message.
    pub(crate) const fn one(message: Encoded) -> Self {
        Self(Parts::One(message))
    }

    /// Makes a packet of its parts; `None` without any. What the parts say is not looked at: this is for packets that
    /// were kept elsewhere, as the messages of [`parts`](Self::parts).
    #[must_use]
    pub fn from_parts(parts: Vec<Encoded>) -> Option<Self> {
        match <[Encoded; 1]>::try_from(parts) {
            Ok([message]) => Some(Self::one(message)),
            Err(parts) if parts.is_empty() => None,
            Err(parts) => Some(Self::many(parts)),
        }
    }

    /// Makes a packet of several messages.
    pub(crate) fn many(messages: impl Into<Arc<[Encoded]>>) -> Self {
        Self(Parts::Many(messages.into()))
    }

    /// The messages, at least one, in the order in which they must be sent.
    #[must_use]
    pub fn parts(&self) -> &[Encoded] {
        match &self.0 {
            Parts::One(message) => slice::from_ref(message),
            Parts::Many(messages) => messages,
        }
    }

    /// The length in bytes of all parts, without Engine.IO's packet types and encodings.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.parts()
            .iter()
            .map(Encoded::payload_len)
            .fold(0, usize::saturating_add)
    }
}

impl PartialEq for EncodedPacket {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

/// The largest packet id: 2^53 - 1, the largest integer that JavaScript holds exactly.
pub const MAX_PACKET_ID: u64 = (1 << 53) - 1;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn packets_are_made_of_one_part_or_more() {
        let part = |text| Encoded::new(&engineio_proto::Message::text(text));
        assert_eq!(EncodedPacket::from_parts(Vec::new()), None);
        for parts in [vec![part("2a")], vec![part("51-"), part("b")]] {
            let packet = EncodedPacket::from_parts(parts.clone());
            assert!(packet.is_some_and(|packet| packet.parts() == parts));
        }
    }

    #[test]
    fn a_shared_packet_is_two_words() {
        assert_eq!(size_of::<EncodedPacket>(), 16);
    }
}
