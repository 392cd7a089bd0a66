//! `arbitrary::Arbitrary` for what Socket.IO carries. Each choice takes few bytes, so that a fuzzer's change stays small.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::Bytes;
use engineio_proto::Revision;
use engineio_proto::inputs::{arbitrary_bytes, arbitrary_text};

use super::content::Content;
use super::messages::PacketMessages;
use super::msgpack::MsgPackMessage;
use crate::parser::{Limits, Parser};
use crate::{MAX_PACKET_ID, Packet, PacketType, Payload, is_reserved_event};

/// The depth of a value, so that a packet is not refused for it.
const MAX_DEPTH: u8 = 4;

impl<'a> Arbitrary<'a> for Content {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        content(u, MAX_DEPTH)
    }
}

fn content(u: &mut Unstructured<'_>, depth: u8) -> Result<Content> {
    let kinds = if depth == 0 { 7 } else { 11 };
    Ok(match u.int_in_range(0..=kinds)? {
        0 => Content::Null,
        1 => Content::Bool(u.arbitrary()?),
        2 => Content::Int(u.arbitrary()?),
        3 => Content::Unsigned(u.arbitrary()?),
        4 => {
            let float: f64 = u.arbitrary()?;
            Content::Float(if float.is_finite() { float } else { 0.5 })
        }
        5 => Content::Text(arbitrary_text(u)?),
        6 | 7 => Content::Binary(Bytes::copy_from_slice(arbitrary_bytes(u)?)),
        8 | 9 => {
            let count = u.int_in_range(0..=3_u8)?;
            let items = (0..count).map(|_| content(u, depth - 1));
            Content::List(items.collect::<Result<_>>()?)
        }
        _ => Content::Object(members(u, depth)?),
    })
}

fn members(u: &mut Unstructured<'_>, depth: u8) -> Result<BTreeMap<String, Content>> {
    let count = u.int_in_range(0..=3_u8)?;
    (0..count)
        .map(|_| Ok((arbitrary_text(u)?, content(u, depth.saturating_sub(1))?)))
        .collect()
}

fn args(u: &mut Unstructured<'_>) -> Result<Vec<Content>> {
    let count = u.int_in_range(0..=4_u8)?;
    let args = (0..count).map(|_| Content::arbitrary(u));
    let mut args = args.collect::<Result<Vec<_>>>()?;
    let mut left = usize::from(Limits::default().max_attachments);
    args.iter_mut()
        .for_each(|arg| arg.keep_attachments(&mut left));
    Ok(args)
}

fn event(u: &mut Unstructured<'_>) -> Result<Payload> {
    let mut name = arbitrary_text(u)?;
    if is_reserved_event(&name) {
        name.push('_');
    }
    Content::event(&name, &args(u)?).map_err(|_| arbitrary::Error::IncorrectFormat)
}

fn ack(u: &mut Unstructured<'_>) -> Result<Payload> {
    Content::ack(&args(u)?).map_err(|_| arbitrary::Error::IncorrectFormat)
}

fn object(u: &mut Unstructured<'_>) -> Result<Payload> {
    let value = Content::Object(members(u, 2)?).to_value();
    Payload::object(&value).map_err(|_| arbitrary::Error::IncorrectFormat)
}

/// The payload of an event or an acknowledgement.
impl<'a> Arbitrary<'a> for Payload {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        if u.arbitrary()? { ack(u) } else { event(u) }
    }
}

impl<'a> Arbitrary<'a> for Parser {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(if u.arbitrary()? {
            Self::MsgPack
        } else {
            Self::Json
        })
    }
}

impl<'a> Arbitrary<'a> for PacketType {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let all = [
            Self::Event,
            Self::Ack,
            Self::Connect,
            Self::Disconnect,
            Self::ConnectError,
        ];
        u.choose(&all).copied()
    }
}

fn namespace(u: &mut Unstructured<'_>) -> Result<String> {
    let namespace = match u.int_in_range(0..=2_u8)? {
        0 => "/".into(),
        1 => "/chat".into(),
        _ => format!("/{}", arbitrary_text(u)?.replace(',', "")),
    };
    Ok(namespace.chars().take(60).collect())
}

/// A packet of revision 5.
impl<'a> Arbitrary<'a> for Packet {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let packet_type = u.arbitrary()?;
        let mut packet = Self::new(packet_type, namespace(u)?);
        match packet_type {
            PacketType::Event | PacketType::Ack => {
                packet.id = Option::<u64>::arbitrary(u)?.map(|id| id & MAX_PACKET_ID);
                let is_event = packet_type == PacketType::Event;
                packet.payload = Some(if is_event { event(u)? } else { ack(u)? });
            }
            PacketType::Connect => {
                packet.payload = if u.arbitrary()? {
                    Some(object(u)?)
                } else {
                    None
                };
            }
            PacketType::ConnectError => packet.payload = Some(object(u)?),
            PacketType::Disconnect => {}
        }
        Ok(packet)
    }
}

impl<'a> Arbitrary<'a> for PacketMessages {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (parser, revision) = (u.arbitrary()?, u.arbitrary()?);
        let mut packet = Packet::arbitrary(u)?;
        if revision == Revision::V3 {
            legacy(&mut packet, u)?;
            if parser == Parser::MsgPack
                && u.arbitrary()?
                && let Some(messages) = Self::of_version_2(packet.clone())
            {
                return Ok(messages);
            }
        }
        Self::new(parser, revision, packet).map_err(|_| arbitrary::Error::IncorrectFormat)
    }
}

/// What is different in revision 4: a query instead of the payload of a CONNECT, and refusals that are texts.
fn legacy(packet: &mut Packet, u: &mut Unstructured<'_>) -> Result<()> {
    match packet.packet_type {
        PacketType::Connect => {
            packet.payload = None;
            if u.arbitrary()? {
                packet.namespace = format!("{}?token=a%20b", packet.namespace).into();
            }
        }
        PacketType::ConnectError => {
            let message = arbitrary_text(u)?;
            packet.payload = Payload::object(&message).ok();
        }
        PacketType::Event | PacketType::Ack | PacketType::Disconnect => {}
    }
    Ok(())
}

impl<'a> Arbitrary<'a> for MsgPackMessage {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let packet_type = u.int_in_range(0..=5)?;
        let namespace = namespace(u)?;
        let mut data = Vec::new();
        value(u, MAX_DEPTH, &mut data)?;
        Ok(Self::new(packet_type, &namespace, &data))
    }
}

/// Writes a value of MessagePack.
fn value(u: &mut Unstructured<'_>, depth: u8, out: &mut Vec<u8>) -> Result<()> {
    let kinds = if depth == 0 { 7 } else { 10 };
    match u.int_in_range(0..=kinds)? {
        0 => out.push(*u.choose(&[0xc0, 0xc2, 0xc3])?),
        1 => out.push(u.arbitrary::<u8>()? & 0x7f),
        2 => {
            let (marker, len) = *u.choose(&[
                (0xcc, 1),
                (0xcd, 2),
                (0xce, 4),
                (0xcf, 8),
                (0xd0, 1),
                (0xd1, 2),
                (0xd2, 4),
                (0xd3, 8),
                (0xca, 4),
                (0xcb, 8),
            ])?;
            out.push(marker);
            out.extend(u64::arbitrary(u)?.to_be_bytes().iter().take(len));
        }
        3 => sized(&[0xd9], arbitrary_text(u)?.as_bytes(), out),
        4 => sized(&[0xc4], arbitrary_bytes(u)?, out),
        5 => {
            let kind = *u.choose(&[0, 1, 0xff])?;
            let (marker, len) = *u.choose(&[(0xd4, 1), (0xd5, 2), (0xd6, 4), (0xd7, 8)])?;
            out.extend([marker, kind]);
            out.extend(u64::arbitrary(u)?.to_be_bytes().iter().take(len));
        }
        6 if u.arbitrary()? => out.extend([0xd4, 0, 0]),
        6 => {
            // A date.
            out.extend([0xd7, 0]);
            out.extend(i64::arbitrary(u)?.to_be_bytes());
        }
        7 => {
            out.extend([0x82, 0xac]);
            out.extend_from_slice(b"_placeholder");
            out.extend([0xc2 + u8::from(u.arbitrary::<bool>()?), 0xa3]);
            out.extend_from_slice(b"num");
            out.push(u.int_in_range(0..=2)?);
        }
        8 | 9 => {
            let count = u.int_in_range(0..=3_u8)?;
            // Most lists are those of an event.
            let is_event = u.arbitrary()?;
            out.push(0x90 + count + u8::from(is_event));
            if is_event {
                out.extend([0xa1, b'e']);
            }
            for _ in 0..count {
                value(u, depth - 1, out)?;
            }
        }
        _ => {
            let count = u.int_in_range(0..=3_u8)?;
            out.push(0x80 + count);
            for key in [&b"a"[..], b"b", b"_placeholder"]
                .into_iter()
                .take(count.into())
            {
                sized(&[0xd9], key, out);
                value(u, depth - 1, out)?;
            }
        }
    }
    Ok(())
}

fn sized(marker: &[u8], data: &[u8], out: &mut Vec<u8>) {
    // No character is cut: a text that is too long is left out.
    let data = if data.len() > 255 { &[] } else { data };
    out.extend_from_slice(marker);
    out.push(data.len() as u8);
    out.extend_from_slice(data);
}
