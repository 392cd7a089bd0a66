//! The format of version 2 of `socket.io-msgpack-parser`, between peers of revision 4.
//!
//! CONNECT, DISCONNECT and ERROR are JSON in a text message. Events and acknowledgements with binary values have their
//! own types, 5 and 6, as in the default parser:
//!
//! ```text
//! {"type":0,"nsp":"/admin?token=a"}
//! {"type":4,"nsp":"/admin","data":"not authorized"}
//! ```
//!
//! It reads more than it writes, and so what this crate writes is as in version 3, which it reads too: every packet in
//! MessagePack, types 0 to 4. The one thing to mind is that an ERROR must have a string.
//!
//! Source: `socket.io-msgpack-parser` 2.2, `index.js`.

use alloc::borrow::Cow;

use bytestring::ByteString;
use engineio_proto::keeps_much;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::check_namespace;
use crate::parser::Limits;
use crate::{DecodeError, Packet, PacketType, Payload};

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(rename = "type")]
    packet_type: f64,
    #[serde(borrow)]
    nsp: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Reads a packet that is JSON in a text.
///
/// Linear time, no recursion: what the keys hold that mean nothing is passed over.
pub(in crate::parser) fn decode(text: &ByteString, limits: &Limits) -> Result<Packet, DecodeError> {
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|_| DecodeError::UnexpectedText)?;
    // A number in any form, as JavaScript reads it.
    let packet_type = match fields.packet_type {
        0.0 => PacketType::Connect,
        1.0 => PacketType::Disconnect,
        4.0 => PacketType::ConnectError,
        _ => return Err(DecodeError::InvalidType),
    };
    check_namespace(fields.nsp.as_bytes(), limits)?;
    let payload = match (packet_type, fields.data) {
        (PacketType::ConnectError, Some(data)) => {
            let data = data.get();
            let data = if keeps_much(text.len(), data.len()) {
                ByteString::from(data)
            } else {
                text.slice_ref(data)
            };
            Some(Payload::parse(packet_type, data, 0, limits.of_json())?)
        }
        (PacketType::Connect | PacketType::Disconnect, None) => None,
        (PacketType::Disconnect, Some(_)) if limits.lenient_disconnect => None,
        _ => return Err(DecodeError::InvalidPayload),
    };
    let mut packet = Packet::new(packet_type, ByteString::from(fields.nsp.into_owned()));
    packet.payload = payload;
    Ok(packet)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use bytes::Bytes;
    use engineio_proto::{Message, Revision};

    use super::*;
    use crate::parser::{Decoder, Parser};

    fn decoder(limits: Limits) -> Decoder {
        Parser::MsgPack.decoder(limits).with_revision(Revision::V3)
    }

    fn decode(message: Message) -> Result<Packet, DecodeError> {
        let packet = decoder(Limits::default()).add(message)?;
        Ok(packet.expect("a message is a packet"))
    }

    fn text(text: &str) -> Result<Packet, DecodeError> {
        decode(Message::text(text))
    }

    /// A packet with one binary value, of this type.
    fn with_binary(packet_type: u8) -> Message {
        let head = [0x83, 0xa4, b't', b'y', b'p', b'e', packet_type];
        let data = [0xa4, b'd', b'a', b't', b'a', 0x92, 0xa1, b'e', 0xc4, 1, 7];
        let nsp = [0xa3, b'n', b's', b'p', 0xa1, b'/'];
        Message::binary([&head[..], &data, &nsp].concat())
    }

    #[test]
    fn texts_join_leave_and_refuse() {
        let namespace = |packet: Packet| (packet.packet_type, String::from(&*packet.namespace));
        for (json, packet_type, name) in [
            (r#"{"type":0,"nsp":"/"}"#, PacketType::Connect, "/"),
            (r#"{"type":0.0,"nsp":"/"}"#, PacketType::Connect, "/"),
            (r#"{"type":1e0,"nsp":"/"}"#, PacketType::Disconnect, "/"),
            (
                r#"{"type":0,"query":"a=b","nsp":"/a?a=b"}"#,
                PacketType::Connect,
                "/a?a=b",
            ),
            (
                r#" {"nsp":"/\u0061","options":{"a":[{}]},"type":1} "#,
                PacketType::Disconnect,
                "/a",
            ),
        ] {
            let packet = text(json).unwrap();
            assert_eq!(packet.payload, None);
            assert_eq!(namespace(packet), (packet_type, name.into()), "{json}");
        }
        for data in ["\"no\"", r#"{"code":[1]}"#] {
            let json = alloc::format!(r#"{{"type":4,"data":{data},"nsp":"/a"}}"#);
            let packet = text(&json).unwrap();
            assert_eq!(packet.payload.as_ref().map(Payload::json), Some(data));
            assert_eq!(namespace(packet), (PacketType::ConnectError, "/a".into()));
        }
    }

    #[test]
    fn types_of_their_own_have_binary_values() {
        for (packet_type, read) in [
            (2, PacketType::Event),
            (5, PacketType::Event),
            (3, PacketType::Ack),
            (6, PacketType::Ack),
        ] {
            let packet = decode(with_binary(packet_type)).unwrap();
            assert_eq!(packet.packet_type, read);
            let payload = packet.payload.unwrap();
            assert_eq!(payload.attachments(), [Bytes::from_static(&[7])]);
        }
        assert_eq!(decode(with_binary(7)), Err(DecodeError::InvalidType));
        for packet_type in [5, 6] {
            let mut newer = Parser::MsgPack.decoder(Limits::default());
            let refused = newer.add(with_binary(packet_type));
            assert_eq!(refused, Err(DecodeError::InvalidType));
        }
    }

    #[test]
    fn what_version_2_writes_in_no_text_is_refused() {
        for (json, error) in [
            ("", DecodeError::UnexpectedText),
            ("0", DecodeError::UnexpectedText),
            ("[]", DecodeError::UnexpectedText),
            ("{}", DecodeError::UnexpectedText),
            (r#"{"type":0}"#, DecodeError::UnexpectedText),
            (r#"{"nsp":"/"}"#, DecodeError::UnexpectedText),
            (r#"{"type":"0","nsp":"/"}"#, DecodeError::UnexpectedText),
            (r#"{"type":-1,"nsp":"/"}"#, DecodeError::InvalidType),
            (r#"{"type":0.5,"nsp":"/"}"#, DecodeError::InvalidType),
            (r#"{"type":0,"nsp":1}"#, DecodeError::UnexpectedText),
            (r#"{"type":0,"nsp":"/"}x"#, DecodeError::UnexpectedText),
            (
                r#"{"type":2,"nsp":"/","data":["e"]}"#,
                DecodeError::InvalidType,
            ),
            (r#"{"type":7,"nsp":"/"}"#, DecodeError::InvalidType),
            (r#"{"type":0,"nsp":""}"#, DecodeError::InvalidNamespace),
            (r#"{"type":0,"nsp":"a"}"#, DecodeError::InvalidNamespace),
            (
                r#"{"type":0,"nsp":"/","data":{}}"#,
                DecodeError::InvalidPayload,
            ),
            (
                r#"{"type":1,"nsp":"/","data":"x"}"#,
                DecodeError::InvalidPayload,
            ),
            (r#"{"type":4,"nsp":"/"}"#, DecodeError::InvalidPayload),
            (
                r#"{"type":4,"nsp":"/","data":1}"#,
                DecodeError::InvalidPayload,
            ),
        ] {
            assert_eq!(text(json), Err(error), "{json}");
        }
        let deep = alloc::format!(
            r#"{{"type":4,"nsp":"/","data":{{"a":{}"#,
            "[".repeat(100_000)
        );
        assert_eq!(text(&deep), Err(DecodeError::UnexpectedText));
        let nested = |levels| "[".repeat(levels) + &"]".repeat(levels);
        let deep = |key, levels| {
            let value = nested(levels);
            text(&alloc::format!(
                r#"{{"type":4,"nsp":"/","data":{{"a":{value}}},"{key}":{value}}}"#
            ))
        };
        assert!(deep("query", 127).is_ok());
        let error = DecodeError::TooDeep { limit: 128 };
        assert_eq!(deep("query", 100_000), Err(error));
    }

    #[test]
    fn limits_hold_for_texts_too() {
        let with = |limits: Limits, json: &str| decoder(limits).add(Message::text(json));
        let limits = Limits::default()
            .with_max_namespace_len(4)
            .with_lenient_disconnect(true);
        assert!(with(limits, r#"{"type":0,"nsp":"/abc"}"#).is_ok());
        let error = DecodeError::NamespaceTooLong { limit: 4 };
        assert_eq!(with(limits, r#"{"type":0,"nsp":"/abcd"}"#), Err(error));
        assert!(with(limits, r#"{"type":1,"nsp":"/","data":"bye"}"#).is_ok());
    }
}
