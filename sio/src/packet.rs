//! Packets as a person reads them.

use base64::prelude::{BASE64_STANDARD, Engine};
use engineio_proto::{Bytes, Message, Revision};
use socketio_proto::parser::{Limits, MAX_JSON_DEPTH, Parser};
use socketio_proto::{Packet, PacketType};

use crate::output::{preview, with_previews};

/// A packet in words.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Description {
    /// From which level of detail on it is of interest: 1, or 2 for what only keeps the connection going.
    pub(crate) level: u8,
    pub(crate) text: String,
}

/// Describes an Engine.IO packet in its text form, whatever it is.
pub(crate) fn describe(packet: &str, parser: Parser) -> Description {
    let mut letters = packet.chars();
    let first = letters.next();
    let rest = letters.as_str();
    let (level, text) = match first {
        Some('0') => (1, join("open", rest)),
        Some('1') => (1, join("close", rest)),
        Some('2') => (2, join("ping", rest)),
        Some('3') => (2, join("pong", rest)),
        Some('4') => (1, message(rest)),
        Some('5') => (2, join("upgrade", rest)),
        Some('6') => (2, join("noop", rest)),
        Some('b') => match BASE64_STANDARD.decode(rest) {
            Ok(data) => (1, describe_binary(data.into(), parser)),
            Err(_) => (1, join("not base64:", packet)),
        },
        _ => (1, join("not a packet:", packet)),
    };
    Description { level, text }
}

/// Describes a binary message: an attachment, or in MessagePack a packet.
pub(crate) fn describe_binary(data: Bytes, parser: Parser) -> String {
    if parser == Parser::Json {
        return format!("binary {}", preview(&data));
    }
    // What the client may refuse is to be seen too.
    let limits = Limits::default()
        .with_max_msgpack_attachments(u16::MAX)
        .with_max_json_depth(MAX_JSON_DEPTH)
        .with_max_namespace_len(u32::MAX)
        .with_lenient_disconnect(true);
    // In revision 4 there are two types more; all else is the same.
    let mut decoder = parser.decoder(limits).with_revision(Revision::V3);
    match decoder.add(Message::Binary(data.clone())) {
        Ok(Some(packet)) => whole(&packet),
        Ok(None) => format!("binary {}", preview(&data)),
        Err(error) => format!("not a packet ({error}): {}", preview(&data)),
    }
}

/// Describes a packet that has its attachments with it: `EVENT /namespace #id payload`, with bytes where they stand.
fn whole(packet: &Packet) -> String {
    let name = match packet.packet_type {
        PacketType::Connect => "CONNECT",
        PacketType::Disconnect => "DISCONNECT",
        PacketType::Event => "EVENT",
        PacketType::Ack => "ACK",
        PacketType::ConnectError => "CONNECT_ERROR",
    };
    let id = packet.id.map_or_else(String::new, |id| format!("#{id}"));
    let payload = packet.payload.as_ref();
    let payload = payload.map_or_else(String::new, with_previews);
    let line = join(&join(name, &packet.namespace), &id);
    join(&line, &payload)
}

/// Describes a Socket.IO packet: `EVENT /namespace #id payload`.
fn message(text: &str) -> String {
    let mut letters = text.chars();
    let name = match letters.next() {
        Some('0') => "CONNECT",
        Some('1') => "DISCONNECT",
        Some('2') => "EVENT",
        Some('3') => "ACK",
        Some('4') => "CONNECT_ERROR",
        Some('5') => "BINARY_EVENT",
        Some('6') => "BINARY_ACK",
        _ => return join("message", text),
    };
    let mut rest = letters.as_str();
    let mut line = name.to_owned();
    if name.starts_with("BINARY")
        && let Some((count, behind)) = rest.split_once('-')
    {
        line.push_str(&format!("[{count}]"));
        rest = behind;
    }
    let namespace = if rest.starts_with('/') {
        let (namespace, behind) = rest.split_once(',').unwrap_or((rest, ""));
        rest = behind;
        namespace
    } else {
        "/"
    };
    line = join(&line, namespace);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if let Some((id, behind)) = rest
        .split_at_checked(digits)
        .filter(|(id, _)| !id.is_empty())
    {
        line = join(&line, &format!("#{id}"));
        rest = behind;
    }
    join(&line, rest)
}

fn join(first: &str, second: &str) -> String {
    if second.is_empty() {
        first.to_owned()
    } else {
        format!("{first} {second}")
    }
}

#[cfg(test)]
mod tests {
    use socketio_proto::{DecodeError, PacketRef, Payload};

    use super::*;

    #[test]
    fn every_kind_of_packet_has_its_words() {
        let cases = [
            ("0{\"sid\":\"a\"}", 1, "open {\"sid\":\"a\"}"),
            ("1", 1, "close"),
            ("2", 2, "ping"),
            ("3probe", 2, "pong probe"),
            ("5", 2, "upgrade"),
            ("6", 2, "noop"),
            ("bAQID", 1, "binary <3 bytes: 01 02 03>"),
            ("b?", 1, "not base64: b?"),
            ("", 1, "not a packet:"),
            ("9x", 1, "not a packet: 9x"),
            ("40", 1, "CONNECT /"),
            ("40/admin,{\"token\":1}", 1, "CONNECT /admin {\"token\":1}"),
            ("41/admin,", 1, "DISCONNECT /admin"),
            ("41/admin", 1, "DISCONNECT /admin"),
            ("42[\"a\",1]", 1, "EVENT / [\"a\",1]"),
            ("42/x,12[\"a\"]", 1, "EVENT /x #12 [\"a\"]"),
            ("430[]", 1, "ACK / #0 []"),
            (
                "44{\"message\":\"no\"}",
                1,
                "CONNECT_ERROR / {\"message\":\"no\"}",
            ),
            ("452-/x,7[\"a\"]", 1, "BINARY_EVENT[2] /x #7 [\"a\"]"),
            ("461-0[1]", 1, "BINARY_ACK[1] / #0 [1]"),
            ("4", 1, "message"),
            ("4hello", 1, "message hello"),
            ("45", 1, "BINARY_EVENT /"),
        ];
        for (packet, level, text) in cases {
            let expected = Description {
                level,
                text: text.into(),
            };
            assert_eq!(describe(packet, Parser::Json), expected, "{packet}");
        }
    }

    #[test]
    fn a_packet_in_messagepack_has_its_bytes_where_they_stand() {
        let mut event = Payload::event("a");
        let place = event.attach(vec![1, 2, 3]);
        let event = event.arg(&serde_json::json!({"of": place}));
        let event = event.binary(vec![]).arg(&1.5).build().unwrap();
        let auth = Payload::object(&serde_json::json!({"token": 1})).unwrap();
        let namespace = PacketRef::new(PacketType::Event, "/x");
        for (packet, text) in [
            (
                namespace.with_id(7).with_payload(&event),
                r#"EVENT /x #7 ["a",{"of":<3 bytes: 01 02 03>},<0 bytes>,1.5]"#,
            ),
            (
                PacketRef::new(PacketType::Connect, "/").with_payload(&auth),
                r#"CONNECT / {"token":1}"#,
            ),
            (
                PacketRef::new(PacketType::Disconnect, "/x"),
                "DISCONNECT /x",
            ),
        ] {
            let encoded = Parser::MsgPack.encode(packet, 10).unwrap();
            let Message::Binary(data) = encoded.parts()[0].message() else {
                panic!("no binary message");
            };
            let in_base64 = format!("b{}", BASE64_STANDARD.encode(&data));
            assert_eq!(describe(&in_base64, Parser::MsgPack).text, text);
            assert_eq!(describe_binary(data, Parser::MsgPack), text);
        }
        assert_eq!(
            describe_binary(vec![1].into(), Parser::MsgPack),
            format!("not a packet ({}): <1 byte: 01>", DecodeError::MsgPack)
        );
    }
}
