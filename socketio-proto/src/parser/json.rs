//! The default parser.
//!
//! ```text
//! packet      = type [ attachments "-" ] [ namespace "," ] [ id ] [ JSON ]
//! attachments = 1-9 *DIGIT               types 5 and 6 only
//! namespace   = "/" *<any but ",">       the comma may be missing at the end of the packet
//! ```
//!
//! It is as strict as `socket.io-parser` 4.2, with these exceptions, which only JavaScript's coercions accept there and
//! no encoder produces:
//!
//! - an empty packet or blanks for a type, blanks in front of id or JSON,
//! - counts of attachments that are not plain decimal numbers, ids beyond 2^53 - 1,
//! - events without payload, attachments without payload.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use engineio_proto::hidden::Hidden;
use engineio_proto::ledger::{self, HeapSize};
use engineio_proto::{Encoded, keeps_much};

use super::Limits;
use crate::packet::MAX_PACKET_ID;
use crate::payload::syntax;
use crate::{DecodeError, EncodeError, EncodedPacket, Packet, PacketRef, PacketType, Payload};

/// A packet whose attachments are still to come.
pub(super) struct Waiting {
    packet: Packet,
    payload: Payload,
    count: u16,
    pub(super) attachments: Vec<Bytes>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("packet", &self.packet)
            .field("payload", &self.payload)
            .field("count", &self.count)
            .field("attachments", &Hidden(self.attachments.as_slice()))
            .finish()
    }
}

impl Waiting {
    pub(super) fn is_complete(&self) -> bool {
        self.attachments.len() >= usize::from(self.count)
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        self.attachments
            .iter()
            .map(Bytes::len)
            .fold(0, usize::saturating_add)
    }

    /// The bytes that are held for the packet.
    pub(super) fn heap_size(&self) -> usize {
        let slots = self
            .attachments
            .capacity()
            .saturating_mul(size_of::<Bytes>());
        let buffers = self.attachments.iter();
        let buffers = buffers.map(|data| ledger::buffer_size(data.len()));
        let held = buffers.fold(
            slots.saturating_add(size_of::<Self>()),
            usize::saturating_add,
        );
        held.saturating_add(self.payload.heap_size())
    }

    pub(super) fn finish(self) -> Result<Packet, DecodeError> {
        let payload = self.payload.with_attachments(self.attachments)?;
        Ok(self.packet.with_payload(payload))
    }
}

/// Reads a text message. `None` if attachments belong to the packet: then it is put to `waiting`.
pub(super) fn decode(
    text: ByteString,
    limits: &Limits,
    waiting: &mut Option<Box<Waiting>>,
) -> Result<Option<Packet>, DecodeError> {
    let Head {
        packet_type,
        count,
        namespace,
        id,
        json,
    } = Head::read(&text, limits)?;
    let binary = count.is_some();
    let mut packet = Packet::new(packet_type, own_namespace(&text, namespace));
    packet.id = id;
    if packet_type == PacketType::Disconnect && limits.lenient_disconnect {
        if !json.is_empty() {
            syntax::check(json, limits.max_json_depth).map_err(|_| DecodeError::InvalidPayload)?;
        }
        return Ok(Some(packet));
    }
    if json.is_empty() {
        return match packet_type {
            PacketType::Ack if binary => Err(DecodeError::InvalidPayload),
            PacketType::Event => Err(DecodeError::InvalidPayload),
            PacketType::Connect
            | PacketType::Disconnect
            | PacketType::Ack
            | PacketType::ConnectError => Ok(Some(packet)),
        };
    }
    let start = text.len().saturating_sub(json.len());
    let payload = Payload::parse(packet_type, text, start, limits.of_json())?;
    match count {
        None => {
            packet.payload = Some(payload);
            Ok(Some(packet))
        }
        Some(count) => {
            *waiting = Some(Box::new(Waiting {
                packet,
                payload,
                count,
                attachments: Vec::new(),
            }));
            Ok(None)
        }
    }
}

/// What stands in front of the payload, and the rest.
struct Head<'a> {
    packet_type: PacketType,
    /// The number of attachments, in the types that have some.
    count: Option<u16>,
    namespace: &'a str,
    id: Option<u64>,
    json: &'a str,
}

impl<'a> Head<'a> {
    fn read(text: &'a str, limits: &Limits) -> Result<Self, DecodeError> {
        let &first = text.as_bytes().first().ok_or(DecodeError::Empty)?;
        let (packet_type, binary) = match first {
            b'0' => (PacketType::Connect, false),
            b'1' => (PacketType::Disconnect, false),
            b'2' => (PacketType::Event, false),
            b'3' => (PacketType::Ack, false),
            b'4' => (PacketType::ConnectError, false),
            b'5' => (PacketType::Event, true),
            b'6' => (PacketType::Ack, true),
            b'7'..=b'9' => return Err(DecodeError::UnknownType(Some(first.wrapping_sub(b'0')))),
            _ => return Err(DecodeError::UnknownType(None)),
        };
        let mut rest = text.get(1..).unwrap_or_default();

        let mut count = None;
        if binary {
            let (digits, behind) = split_once(rest, b'-').ok_or(DecodeError::AttachmentCount)?;
            count = Some(attachment_count(digits, limits.max_attachments)?);
            rest = behind;
        }

        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = split_once(rest, b',').unwrap_or((rest, ""));
        }
        if u32::try_from(namespace.len()).map_or(true, |len| len > limits.max_namespace_len) {
            return Err(DecodeError::NamespaceTooLong {
                limit: limits.max_namespace_len,
            });
        }

        let is_digit = |byte: &u8| byte.is_ascii_digit();
        let digits = rest.bytes().take_while(is_digit).count();
        let (digits, json) = rest.split_at_checked(digits).unwrap_or((rest, ""));
        let id = if digits.is_empty() {
            None
        } else {
            Some(packet_id(digits)?)
        };
        Ok(Self {
            packet_type,
            count,
            namespace,
            id,
            json,
        })
    }
}

/// What stands before and behind the first `sign`, which is ASCII and near.
fn split_once(text: &str, sign: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == sign)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The namespace, which shares the buffer of the message unless that is much larger.
fn own_namespace(text: &ByteString, namespace: &str) -> ByteString {
    if namespace == "/" {
        ByteString::from_static("/")
    } else if keeps_much(text.len(), namespace.len()) {
        namespace.into()
    } else {
        text.slice_ref(namespace)
    }
}

fn attachment_count(digits: &str, limit: u16) -> Result<u16, DecodeError> {
    if digits.is_empty()
        || digits.starts_with('0')
        || !digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Err(DecodeError::AttachmentCount);
    }
    match digits.parse() {
        Ok(count) if count <= limit => Ok(count),
        _ => Err(DecodeError::TooManyAttachments { limit }),
    }
}

fn packet_id(digits: &str) -> Result<u64, DecodeError> {
    match digits.parse() {
        Ok(id) if id <= MAX_PACKET_ID => Ok(id),
        _ => Err(DecodeError::IdOutOfRange),
    }
}

pub(super) fn encode(
    packet: PacketRef<'_>,
    max_attachments: u16,
) -> Result<EncodedPacket, EncodeError> {
    check(&packet)?;
    let attachments = packet.payload.map(Payload::attachments).unwrap_or_default();
    if attachments.len() > usize::from(max_attachments) {
        return Err(EncodeError::TooManyAttachments {
            count: attachments.len(),
            limit: max_attachments,
        });
    }
    let hinted = |part: Encoded| match packet.payload {
        Some(payload) if !payload.compress() => part.uncompressed(),
        _ => part,
    };
    let text = event_frame(&packet).unwrap_or_else(|| {
        let len = text_len(&packet);
        Encoded::text(len, |out| write_text(&packet, out))
    });
    let text = hinted(text);
    if attachments.is_empty() {
        return Ok(EncodedPacket::one(text));
    }
    let mut parts = Vec::with_capacity(attachments.len().saturating_add(1));
    parts.push(text);
    let attachments = attachments.iter().cloned().map(Encoded::binary);
    parts.extend(attachments.map(hinted));
    Ok(EncodedPacket::many(parts))
}

/// The frame that the buffer of the payload is.
fn event_frame(packet: &PacketRef<'_>) -> Option<Encoded> {
    if packet.packet_type != PacketType::Event || packet.namespace != "/" || packet.id.is_some() {
        return None;
    }
    let (frame, spare) = packet.payload?.event_frame()?;
    Encoded::from_text_frame(frame.clone(), spare as usize)
}

pub(super) fn encode_text(packet: PacketRef<'_>) -> Result<ByteString, EncodeError> {
    check(&packet)?;
    let mut text = String::with_capacity(text_len(&packet));
    write_text(&packet, &mut text);
    Ok(text.into())
}

fn check(packet: &PacketRef<'_>) -> Result<(), EncodeError> {
    if packet.namespace.as_bytes().contains(&b',') {
        return Err(EncodeError::Namespace);
    }
    super::check(packet)?;
    // The types of packets with attachments are events and acknowledgements.
    let attached = packet
        .payload
        .is_some_and(|payload| !payload.attachments().is_empty());
    match packet.packet_type {
        PacketType::Event | PacketType::Ack => Ok(()),
        PacketType::Connect | PacketType::Disconnect | PacketType::ConnectError if attached => {
            Err(EncodeError::PayloadKind)
        }
        PacketType::Connect | PacketType::Disconnect | PacketType::ConnectError => Ok(()),
    }
}

fn write_text(packet: &PacketRef<'_>, out: &mut String) {
    let attachments = packet
        .payload
        .map_or(0, |payload| payload.attachments().len());
    out.push(match (packet.packet_type, attachments) {
        (PacketType::Connect, _) => '0',
        (PacketType::Disconnect, _) => '1',
        (PacketType::Event, 0) => '2',
        (PacketType::Event, _) => '5',
        (PacketType::Ack, 0) => '3',
        (PacketType::Ack, _) => '6',
        (PacketType::ConnectError, _) => '4',
    });
    if attachments > 0 {
        push_number(attachments as u64, out);
        out.push('-');
    }
    if packet.namespace != "/" {
        out.push_str(packet.namespace);
        out.push(',');
    }
    if let Some(id) = packet.id {
        push_number(id, out);
    }
    out.push_str(packet.payload.map_or("", Payload::json));
}

fn push_number(value: u64, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// The length of what [`write_text`] writes, in bytes.
fn text_len(packet: &PacketRef<'_>) -> usize {
    let attachments = packet
        .payload
        .map_or(0, |payload| payload.attachments().len());
    let mut len = 1_usize;
    if attachments > 0 {
        len = len
            .saturating_add(digits(attachments as u64))
            .saturating_add(1);
    }
    if packet.namespace != "/" {
        len = len.saturating_add(packet.namespace.len()).saturating_add(1);
    }
    len.saturating_add(packet.id.map_or(0, digits))
        .saturating_add(packet.payload.map_or(0, Payload::json_len))
}

/// The number of decimal digits of `value`.
fn digits(value: u64) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
}

#[cfg(test)]
mod tests;
