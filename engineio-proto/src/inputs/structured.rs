//! `arbitrary::Arbitrary` for what Engine.IO carries. Each choice takes few bytes, so that a fuzzer's change stays small.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::websocket::{Close, Role, is_valid_code};
use crate::codec::{Open, Packet, v3, v4};
use crate::{Frame, Message, Revision, Transport};

use super::{
    Change, Head, Mutate, Mutation, Nearly, PayloadKind, PollingPayload, Shown, WebSocketPart,
    WebSocketStream, WebTransportStream,
};

/// Bytes for a field of an own `arbitrary::Arbitrary`: up to 14, or in one of 16 cases any number.
///
/// The crate's own slices may take most of the fuzzer's bytes, and leave zeros to all that follows.
///
/// # Errors
///
/// None, in fact: behind the end of the fuzzer's bytes there are no bytes.
pub fn arbitrary_bytes<'a>(u: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    match u.int_in_range(0..=15)? {
        15 => <&[u8]>::arbitrary(u),
        len => u.bytes(u.len().min(len)),
    }
}

/// Text for a field of an own `arbitrary::Arbitrary`, from [as many bytes](arbitrary_bytes), with U+FFFD for what is not
/// UTF-8.
///
/// # Errors
///
/// As [`arbitrary_bytes`].
pub fn arbitrary_text(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(String::from_utf8_lossy(arbitrary_bytes(u)?).into_owned())
}

fn text(u: &mut Unstructured<'_>) -> Result<ByteString> {
    Ok(arbitrary_text(u)?.into())
}

fn binary(u: &mut Unstructured<'_>) -> Result<Bytes> {
    Ok(Bytes::copy_from_slice(arbitrary_bytes(u)?))
}

impl<'a> Arbitrary<'a> for Message {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.arbitrary()? {
            true => Self::Binary(binary(u)?),
            false => Self::Text(text(u)?),
        })
    }
}

impl<'a> Arbitrary<'a> for Packet {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=7_u8)? {
            0 => Self::Message(Message::Text(text(u)?)),
            1 => Self::Message(Message::Binary(binary(u)?)),
            2 => Self::Open(text(u)?),
            3 => Self::Close(text(u)?),
            4 => Self::Ping(text(u)?),
            5 => Self::Pong(text(u)?),
            6 => Self::Upgrade(text(u)?),
            _ => Self::Noop(text(u)?),
        })
    }
}

impl<'a> Arbitrary<'a> for Frame {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (revision, as_text) = (u.arbitrary()?, u.arbitrary()?);
        let packet = Packet::arbitrary(u)?;
        Ok(match (revision, as_text) {
            (Revision::V3, false) => v3::encode_frame(&packet),
            (Revision::V3, true) => Self::Text(v3::encode_text(&packet)),
            (Revision::V4, false) => v4::encode_frame(&packet),
            (Revision::V4, true) => Self::Text(v4::encode_text(&packet)),
        })
    }
}

impl<'a> Arbitrary<'a> for Open {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let millis =
            |u: &mut Unstructured<'a>| Ok(Duration::from_millis(u32::arbitrary(u)?.into()));
        let (interval, timeout) = (millis(u)?, millis(u)?);
        let mut upgrades = Vec::new();
        for name in ["websocket", "webtransport"] {
            if u.arbitrary()? {
                upgrades.push(name.into());
            }
        }
        let max_payload = u.arbitrary()?;
        let sid = format!("{}{}", u.choose(&["s", "lv_VI97HAXpY6yYWAAAC"])?, text(u)?);
        let mut open = Self::new(sid, interval, timeout).with_upgrades(upgrades);
        open.max_payload = max_payload;
        Ok(open)
    }
}

macro_rules! one_of {
    ($($type:ty: $($value:ident)*;)*) => {$(
        impl<'a> Arbitrary<'a> for $type {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                u.choose(&[$(Self::$value),*]).copied()
            }
        }
    )*};
}

one_of! {
    Revision: V4 V3;
    Transport: Polling WebSocket WebTransport;
    Role: Client Server;
    PayloadKind: V4 V3Text V3Binary;
}

impl<'a> Arbitrary<'a> for PollingPayload {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let kind = u.arbitrary()?;
        let mut packets: Vec<Packet> = u.arbitrary()?;
        if kind == PayloadKind::V4 {
            // A separator cannot be escaped.
            packets.retain(|packet| {
                matches!(packet, Packet::Message(Message::Binary(_)))
                    || !v4::encode_text(packet).contains(v4::SEPARATOR as char)
            });
        }
        if packets.is_empty() {
            packets.push(Packet::arbitrary(&mut Unstructured::new(&[]))?);
        }
        Ok(Self::new(kind, packets))
    }
}

impl<'a> Arbitrary<'a> for WebSocketPart {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let control = |u: &mut Unstructured<'a>| {
            let mut content = binary(u)?;
            content.truncate(125);
            Ok(content)
        };
        Ok(match u.int_in_range(0..=5_u8)? {
            0..=2 => {
                let cuts: Vec<u8> = u.arbitrary()?;
                let mut pings = Vec::new();
                for _ in 0..u.int_in_range(0..=2_u8)? {
                    pings.push(control(u)?);
                }
                Self::Message {
                    cuts: cuts.into_iter().map(usize::from).collect(),
                    pings,
                    frame: match Message::arbitrary(u)? {
                        Message::Text(text) => Frame::Text(text),
                        Message::Binary(data) => Frame::Binary(data),
                    },
                }
            }
            3 => Self::Ping(control(u)?),
            4 => Self::Pong(control(u)?),
            _ => Self::Close(close(u)?),
        })
    }
}

fn close(u: &mut Unstructured<'_>) -> Result<Option<Close>> {
    if !u.arbitrary()? {
        return Ok(None);
    }
    let code: u16 = u.arbitrary()?;
    let code = if is_valid_code(code) { code } else { 1000 };
    let reason: String = arbitrary_text(u)?.chars().take(30).collect();
    Ok(Some(Close::new(code, reason)))
}

impl<'a> Arbitrary<'a> for WebSocketStream {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (reader, key, wide) = (u.arbitrary()?, u.arbitrary()?, u.int_in_range(0..=2)?);
        Ok(Self::new(reader, u.arbitrary()?, key, wide))
    }
}

impl<'a> Arbitrary<'a> for WebTransportStream {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let messages: Vec<Message> = u.arbitrary()?;
        let frames = messages.into_iter().map(|message| match message {
            // No frame of a stream is empty.
            empty if empty.is_empty() => Frame::Text(ByteString::from_static("6")),
            Message::Text(text) => Frame::Text(text),
            Message::Binary(data) => Frame::Binary(data),
        });
        Ok(Self::new(frames.collect()))
    }
}

impl<'a> Arbitrary<'a> for Head {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let method = *u.choose(&["GET", "GET", "POST", "OPTIONS", "PUT"])?;
        let path = *u.choose(&["/engine.io/", "/socket.io/", "/engine.io"])?;
        let mut query = Vec::new();
        query.push(String::from(
            *u.choose(&["EIO=4", "EIO=3", "EIO=5", "b64=1"])?,
        ));
        let transport: Transport = u.arbitrary()?;
        query.push(format!("transport={}", transport.name()));
        for name in ["sid", "t", "j"] {
            if u.ratio(1, 3_u8)? {
                query.push(format!("{name}={}", text(u)?));
            }
        }
        let at = u.choose_index(query.len())?;
        query.rotate_left(at);
        let mut head = Self::new(method, path, query.join("&"));
        head.upgrade = transport == Transport::WebSocket;
        head.host = header(u, &["app.example", "app.example:3000"])?;
        head.origin = header(u, &["https://app.example", "https://evil.example", "null"])?;
        head.user_agent = header(u, &["Mozilla/5.0", ";MSIE 8.0;"])?;
        head.content_type = header(u, &["text/plain;charset=UTF-8", "application/octet-stream"])?;
        head.referer = header(u, &["https://app.example/chat", "https://evil.example/"])?;
        head.sec_fetch_site = header(u, &["same-origin", "cross-site", "none"])?;
        head.access_control_request_headers = header(u, &["content-type", "x-custom"])?;
        Ok(head)
    }
}

/// A header that is missing, has one of these values, or any.
fn header(u: &mut Unstructured<'_>, known: &[&str]) -> Result<Option<Vec<u8>>> {
    Ok(match u.int_in_range(0..=3_u8)? {
        0 | 1 => None,
        2 => Some(u.choose(known)?.as_bytes().to_vec()),
        _ => Some(arbitrary_bytes(u)?.to_vec()),
    })
}

impl<'a> Arbitrary<'a> for Mutation {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mutation = Self::new(*u.choose(Change::ALL)?, u.arbitrary()?, u.arbitrary()?);
        Ok(if u.arbitrary()? {
            mutation.at_structure()
        } else {
            mutation
        })
    }
}

/// The changes come first, so that the fuzzer can change them and leave the value as it is.
impl<'a, T: Arbitrary<'a> + Mutate> Arbitrary<'a> for Nearly<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut mutations = Vec::new();
        for _ in 0..u.int_in_range(1..=3_u8)? {
            mutations.push(Mutation::arbitrary(u)?);
        }
        let mut value = T::arbitrary(u)?;
        mutations.iter().for_each(|mutation| value.mutate(mutation));
        Ok(Self(value))
    }
}

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Shown<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        T::arbitrary(u).map(Self)
    }
}
