//! The parser of `socket.io-msgpack-parser`: a binary message with a MessagePack map for each packet.
//!
//! ```text
//! { "type": 0..=4, "nsp": string, "id": integer, "data": by the type }       id and data may be absent
//! ```
//!
//! `data` stays as it is, a slice of the message, if it is in the form that [`packed`](crate::payload::packed) describes, which
//! is how the official clients write it. Nothing above this module has to know which parser there is: such a payload stands for
//! JSON with attachments. What JSON lacks is written anew as what `JSON.stringify` makes of it:
//!
//! | MessagePack | payload |
//! |---|---|
//! | bin, ext 8, 16 and 32 of type 0 (`ArrayBuffer`) | an attachment and its placeholder; it shares the message's buffer, unless it is a small part of a long one |
//! | fixext 1 of type 0 (`undefined`) | no member of an object, `null` in an array; data and id: absent |
//! | fixext 8 of type 0 (`Date`) | a string like `"2020-02-03T04:05:06.789Z"` |
//! | any other ext | an array of its type and an attachment, as `notepack.io` has it |
//! | NaN, infinities | `null` |
//! | integers of 64 bits | exactly |
//! | floats | as floats, whole ones too: `1.0` |
//! | keys that are no strings | text |
//!
//! A payload that is JSON is written in one pass: each placeholder becomes a bin, and an attachment without one is left out.
//! Integers of 64 bits are written as such, other numbers as floats of 64 bits, an escape of a lone surrogate as U+FFFD.
//!
//! A map with a member `_placeholder` that is `true` is ordinary data, and stays so. In a payload without attachments
//! it can be no placeholder. In one with attachments, where JSON could not distinguish it from a placeholder, that
//! `true` becomes `1`.
//!
//! It is as strict as `socket.io-msgpack-parser` 3.0 with `notepack.io` 2.2, and stricter in four ways. Strings are
//! UTF-8. A namespace starts with a slash. An id is from 0 to 2^53 - 1. The name of an event is a number, or a string
//! that is not reserved. It is more lenient with [`Limits::lenient_nil`]. The output of version 2, for peers of
//! revision 4, is in `older`.

mod date;
pub(super) mod older;
mod plain;
mod scan;

use alloc::vec::Vec;

use bytes::Bytes;
use bytestring::ByteString;
use engineio_proto::{Encoded, keeps_much};

use self::scan::{Scanned, scan};
use super::Limits;
use crate::packet::MAX_PACKET_ID;
use crate::payload::packed::read::{Item, Reader};
use crate::payload::packed::write::Packer;
use crate::payload::packed::{from_json, size};
use crate::{DecodeError, EncodeError, EncodedPacket, Packet, PacketRef, PacketType, Payload};

/// Reads a packet of version 3, or with `older` of version 2.
pub(super) fn decode(message: &Bytes, limits: &Limits, older: bool) -> Result<Packet, DecodeError> {
    if message.is_empty() {
        return Err(DecodeError::Empty);
    }
    let mut fields = Fields::read(message, limits)?;
    let packet_type = fields.packet_type(older)?;
    let namespace = fields.namespace(message, limits)?;
    let payload = fields.payload(packet_type, limits)?;
    let mut packet = Packet::new(packet_type, namespace);
    packet.id = fields.id(limits)?;
    packet.payload = payload;
    Ok(packet)
}

/// The values of the keys that mean something; of a repeated key the last counts.
struct Fields<'a> {
    packet_type: Item<'a>,
    namespace: Item<'a>,
    id: Item<'a>,
    data: Item<'a>,
    /// The data, or why it is no payload.
    scanned: Option<Result<Scanned<'a>, DecodeError>>,
}

impl<'a> Fields<'a> {
    fn read(message: &'a Bytes, limits: &Limits) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let Item::Map(items) = reader.next()? else {
            return Err(DecodeError::MsgPack);
        };
        let mut fields = Self {
            packet_type: Item::Undefined,
            namespace: Item::Undefined,
            id: Item::Undefined,
            data: Item::Undefined,
            scanned: None,
        };
        for _ in 0..items / 2 {
            let mut behind = reader.clone();
            match behind.text() {
                Some(b"type") => {
                    reader = behind;
                    fields.packet_type = reader.skip()?;
                }
                Some(b"nsp") => {
                    reader = behind;
                    fields.namespace = reader.skip()?;
                }
                Some(b"id") => {
                    reader = behind;
                    fields.id = reader.skip()?;
                }
                Some(b"data") => {
                    reader = behind;
                    // The scan finds out whether it can be read.
                    fields.data = reader.clone().read().unwrap_or(Item::Undefined);
                    fields.scanned = Some(scan(&mut reader, message, limits)?);
                }
                // Official clients leave their `options` in the packet.
                _ => {
                    reader.skip()?;
                    reader.skip()?;
                }
            }
        }
        if reader.is_empty() {
            Ok(fields)
        } else {
            Err(DecodeError::MsgPack)
        }
    }

    fn packet_type(&self, older: bool) -> Result<PacketType, DecodeError> {
        match whole(self.packet_type) {
            Some(0) => Ok(PacketType::Connect),
            Some(1) => Ok(PacketType::Disconnect),
            Some(2) => Ok(PacketType::Event),
            Some(3) => Ok(PacketType::Ack),
            Some(4) => Ok(PacketType::ConnectError),
            Some(5) if older => Ok(PacketType::Event),
            Some(6) if older => Ok(PacketType::Ack),
            _ => Err(DecodeError::InvalidType),
        }
    }

    fn namespace(&self, message: &Bytes, limits: &Limits) -> Result<ByteString, DecodeError> {
        if matches!(self.namespace, Item::Text(b"/")) && limits.max_namespace_len > 0 {
            return Ok(ByteString::from_static("/"));
        }
        let Item::Text(name) = self.namespace else {
            return Err(DecodeError::InvalidNamespace);
        };
        check_namespace(name, limits)?;
        let name = if keeps_much(message.len(), name.len()) {
            Bytes::copy_from_slice(name)
        } else {
            message.slice_ref(name)
        };
        // It was found to be UTF-8 when it was read.
        ByteString::try_from(name).map_err(|_| DecodeError::InvalidNamespace)
    }

    fn id(&self, limits: &Limits) -> Result<Option<u64>, DecodeError> {
        if matches!(self.id, Item::Undefined)
            || (matches!(self.id, Item::Nil) && limits.lenient_nil)
        {
            return Ok(None);
        }
        match whole(self.id) {
            Some(id) if id <= MAX_PACKET_ID => Ok(Some(id)),
            Some(_) => Err(DecodeError::IdOutOfRange),
            None if matches!(self.id, Item::Int(_)) => Err(DecodeError::IdOutOfRange),
            None => Err(DecodeError::InvalidId),
        }
    }

    fn payload(
        &mut self,
        packet_type: PacketType,
        limits: &Limits,
    ) -> Result<Option<Payload>, DecodeError> {
        match (packet_type, self.data) {
            (PacketType::Connect | PacketType::Disconnect, Item::Undefined) => return Ok(None),
            (PacketType::Connect | PacketType::Disconnect, Item::Nil) if limits.lenient_nil => {
                return Ok(None);
            }
            (PacketType::Disconnect, _) if limits.lenient_disconnect => return Ok(None),
            (PacketType::Connect, Item::Map(_))
            | (PacketType::Event | PacketType::Ack, Item::Array(_))
            | (PacketType::ConnectError, Item::Map(_) | Item::Text(_)) => {}
            _ => return Err(DecodeError::InvalidPayload),
        }
        let scanned = self.scanned.take().ok_or(DecodeError::InvalidPayload)??;
        let (packed, attachments) = scanned.into_packed();
        Payload::assemble(packet_type, packed, attachments, limits.max_expansion).map(Some)
    }
}

/// The most bytes that a payload takes, JSON and attachments together, which a message of this length brings.
pub(super) fn max_payload_len(message: usize, limits: &Limits) -> usize {
    let placeholders = usize::from(limits.max_msgpack_attachments).saturating_mul(PLACEHOLDER);
    message.saturating_mul(GROWTH).saturating_add(placeholders)
}

/// The maximum number of bytes of JSON for one of MessagePack, placeholders aside. `false` is one byte. As a key it
/// becomes eight with its quotes and its colon, as a value six with the comma.
const GROWTH: usize = 7;

/// The longest placeholder: `{"_placeholder":true,"num":65534}`.
const PLACEHOLDER: usize = 33;

fn check_namespace(name: &[u8], limits: &Limits) -> Result<(), DecodeError> {
    if !name.starts_with(b"/") {
        return Err(DecodeError::InvalidNamespace);
    }
    let limit = limits.max_namespace_len;
    if u32::try_from(name.len()).map_or(true, |len| len > limit) {
        return Err(DecodeError::NamespaceTooLong { limit });
    }
    Ok(())
}

/// The whole, non-negative number that `item` is; a float may be one, as in JavaScript.
fn whole(item: Item<'_>) -> Option<u64> {
    if let Item::Uint(value) = item {
        Some(value)
    } else if let Item::Int(value) = item {
        value.try_into().ok()
    } else if let Item::Float(value) = item {
        let whole = value as u64;
        (whole as f64 == value).then_some(whole)
    } else {
        None
    }
}

pub(super) fn encode(packet: PacketRef<'_>) -> Result<EncodedPacket, EncodeError> {
    super::check(&packet)?;
    // The official decoder refuses it.
    if packet.packet_type == PacketType::ConnectError && packet.payload.is_none() {
        return Err(EncodeError::PayloadKind);
    }
    let message = match event_frame(&packet) {
        Some(message) => message,
        None => Encoded::binary(message(&packet)?.into()),
    };
    Ok(EncodedPacket::one(match packet.payload {
        Some(payload) if !payload.compress() => message.uncompressed(),
        _ => message,
    }))
}

/// The message that the buffer of the payload is.
fn event_frame(packet: &PacketRef<'_>) -> Option<Encoded> {
    if packet.packet_type != PacketType::Event || packet.namespace != "/" || packet.id.is_some() {
        return None;
    }
    let (frame, spare) = packet.payload?.packed_event()?;
    // What is longer is refused.
    u32::try_from(frame.len()).ok()?;
    Some(Encoded::from_binary_frame(frame.clone(), spare))
}

/// A payload as it is written.
enum Data<'a> {
    Packed(&'a [u8]),
    Made(Packer<'a>),
}

impl Data<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Made(made) => made.len(),
        }
    }
}

/// The bytes of a packet, in a buffer of their length.
fn message(packet: &PacketRef<'_>) -> Result<Vec<u8>, EncodeError> {
    let data = packet.payload.map(|payload| match payload.packed() {
        Some(packed) => Data::Packed(packed),
        None => Data::Made(from_json::transcode(payload.json(), payload.attachments())),
    });
    let len = len(packet, data.as_ref().map(Data::len));
    // So that every length within fits the format.
    if u32::try_from(len).is_err() {
        return Err(EncodeError::TooLong);
    }
    let mut packer = Packer::with_capacity(len);
    packer.map(2 + u8::from(packet.id.is_some()) + u8::from(data.is_some()));
    packer.text("type");
    packer.uint(match packet.packet_type {
        PacketType::Connect => 0,
        PacketType::Disconnect => 1,
        PacketType::Event => 2,
        PacketType::Ack => 3,
        PacketType::ConnectError => 4,
    });
    if let Some(id) = packet.id {
        packer.text("id");
        packer.uint(id);
    }
    if let Some(data) = data {
        packer.text("data");
        match data {
            Data::Packed(packed) => packer.raw(packed),
            Data::Made(made) => packer.append(made),
        }
    }
    packer.text("nsp");
    packer.text(packet.namespace);
    let message = packer.finish();
    debug_assert_eq!(message.len(), len, "it was measured");
    Ok(message)
}

/// The length of a message, in bytes.
fn len(packet: &PacketRef<'_>, data: Option<usize>) -> usize {
    // The map, and the members that there always are: `type` with its value, and `nsp`.
    let mut len = 1 + size::text("type".len()) + 1 + size::text("nsp".len());
    if let Some(id) = packet.id {
        len = len.saturating_add(size::text("id".len()) + size::uint(id));
    }
    if let Some(data) = data {
        len = len.saturating_add(size::text("data".len()));
        len = len.saturating_add(data);
    }
    len.saturating_add(size::text(packet.namespace.len()))
}

#[cfg(test)]
mod tests;
