//! Properties of the parser for MessagePack that hold for any input.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail them"
)]

#[path = "support/packets.rs"]
mod packets;

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use engineio_proto::{Frame, Message, Revision};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use socketio_proto::parser::{Decoder, Limits, Parser};
use socketio_proto::strategies::{msgpack_value, packet, value};
use socketio_proto::{
    DecodeError, EncodeError, MAX_PACKET_ID, Packet, PacketRef, PacketType, Payload, Placeholder,
    is_reserved_event,
};

use packets::{decode_all, frames};

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(packet in complete()) {
        prop_assert_eq!(decode(encode(&packet)), Ok(packet));
    }

    #[test]
    fn both_parsers_bring_the_same_packet(packet in complete()) {
        let text = Parser::Json.encode(packet.borrow(), 10).unwrap();
        let by_text = decode_all(&mut Parser::Json.decoder(Limits::default()), &text);
        let binary = Parser::MsgPack.encode(packet.borrow(), 10).unwrap();
        let by_binary = decode_all(&mut Parser::MsgPack.decoder(Limits::default()), &binary);
        prop_assert_eq!(by_text, by_binary);
    }

    #[test]
    fn a_decoder_for_version_2_reads_the_same(packet in complete()) {
        prop_assert_eq!(older().add(Message::Binary(encode(&packet))), Ok(Some(packet)));
    }

    #[test]
    fn what_version_2_writes_as_text_is_read(
        namespace in "/.*", refusal in any::<Option<String>>(), leaves in any::<bool>(),
    ) {
        let (number, packet_type) = match (&refusal, leaves) {
            (Some(_), _) => (4, PacketType::ConnectError),
            (None, false) => (0, PacketType::Connect),
            (None, true) => (1, PacketType::Disconnect),
        };
        let mut json = serde_json::json!({ "type": number, "nsp": namespace });
        let mut packet = Packet::new(packet_type, namespace);
        if let Some(message) = refusal {
            json["data"] = message.clone().into();
            packet = packet.with_payload(Payload::object(&message).unwrap());
        }
        prop_assert_eq!(older().add(Message::text(json.to_string())), Ok(Some(packet)));
    }

    #[test]
    fn any_text_is_a_packet_of_version_2_or_an_error(
        text in ".*", json in value(), key in "type|nsp|data", end in any::<Index>(),
    ) {
        let mut fields = serde_json::json!({ "type": 4, "nsp": "/", "data": "no" });
        fields[key] = json;
        let fields = fields.to_string();
        let end = (0..=end.index(fields.len())).rev().find(|end| fields.is_char_boundary(*end));
        for text in [&text[..], &fields, &fields[..end.unwrap()]] {
            if let Ok(Some(packet)) = older().add(Message::text(text)) {
                check(&packet)?;
            }
        }
    }

    #[test]
    fn any_bytes_are_a_packet_or_an_error(message in vec(any::<u8>(), 0..64)) {
        if let Ok(packet) = decode(message.into()) {
            check(&packet)?;
        }
    }

    #[test]
    fn a_packet_with_changed_bytes_is_a_packet_or_an_error(
        packet in complete(),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut message = encode(&packet).to_vec();
        for (index, byte) in changes {
            let index = index.index(message.len());
            message[index] = byte;
        }
        if let Ok(packet) = decode(message.into()) {
            check(&packet)?;
        }
    }

    #[test]
    fn a_packet_that_is_cut_off_or_goes_on_is_an_error(packet in complete(), behind in any::<u8>()) {
        let message = encode(&packet);
        for len in 0..message.len() {
            let error = if len == 0 { DecodeError::Empty } else { DecodeError::MsgPack };
            prop_assert_eq!(decode(message.slice(..len)), Err(error));
        }
        let longer = [&message[..], &[behind]].concat();
        prop_assert_eq!(decode(longer.into()), Err(DecodeError::MsgPack));
    }

    #[test]
    fn what_was_decoded_is_a_fixed_point(data in msgpack_value(), packet_type in 0_u8..5) {
        let message = [&[0x83, 0xa4][..], b"type", &[packet_type, 0xa3], b"nsp\xa1/\xa4data", &data];
        let Ok(packet) = decode(message.concat().into()) else {
            return Ok(());
        };
        check(&packet)?;
        let again = decode(encode(&packet)).unwrap();
        prop_assert_eq!(&again, &packet);
        // And so it is if it went by JSON, which keeps what there is.
        if let Ok(text) = Parser::Json.encode(packet.borrow(), u16::MAX) {
            let limits = Limits::default().with_max_attachments(u16::MAX);
            let by_text = decode_all(&mut Parser::Json.decoder(limits), &text);
            prop_assert_eq!(by_text, [packet]);
        }
    }

    /// A payload that came as MessagePack reads as that of the default parser does.
    #[test]
    fn both_forms_of_a_payload_read_the_same(data in msgpack_value(), packet_type in 2_u8..5) {
        let message = [&[0x83, 0xa4][..], b"type", &[packet_type, 0xa3], b"nsp\xa1/\xa4data", &data];
        let Ok(packet) = decode(message.concat().into()) else {
            return Ok(());
        };
        let packed = packet.payload.unwrap();
        // Asked before there is any JSON.
        let (len, read, name) = (packed.payload_len(), packed.to_value(), packed.name().map(str::to_owned));
        both_read::<Value>(&packed, &packed.clone())?;
        let json = packed.json().to_owned();
        prop_assert_eq!(len, json.len() + packed.attachments().iter().map(Bytes::len).sum::<usize>());
        let attachments = packed.attachments().to_vec();
        let json = Payload::from_json(packet.packet_type, json, attachments).unwrap();
        prop_assert_eq!(&json, &packed);
        prop_assert_eq!(json.payload_len(), len);
        prop_assert_eq!(json.to_value(), read);
        prop_assert_eq!(json.name(), name.as_deref());
        prop_assert!(json.raw_args().eq(packed.raw_args()));
        both_read::<Value>(&json, &packed)?;
        both_read::<IgnoredAny>(&json, &packed)?;
        both_read::<Option<bool>>(&json, &packed)?;
        both_read::<String>(&json, &packed)?;
        both_read::<char>(&json, &packed)?;
        both_read::<u8>(&json, &packed)?;
        both_read::<i64>(&json, &packed)?;
        both_read::<u64>(&json, &packed)?;
        both_read::<i128>(&json, &packed)?;
        both_read::<u128>(&json, &packed)?;
        both_read::<f32>(&json, &packed)?;
        both_read::<f64>(&json, &packed)?;
        both_read::<()>(&json, &packed)?;
        both_read::<Bytes>(&json, &packed)?;
        // MessagePack has no escapes, and lends what JSON cannot.
        for (json, packed) in [
            (json.args::<Vec<&[u8]>>(), packed.args()),
            (json.data(), packed.data()),
        ] {
            prop_assert!(json.is_err() || json.ok() == packed.ok());
        }
        both_read::<Placeholder>(&json, &packed)?;
        both_read::<Lookalike<'_>>(&json, &packed)?;
        both_read::<Buffered>(&json, &packed)?;
        both_read::<Variant>(&json, &packed)?;
        both_read::<(Option<Value>, Option<Raw<'_>>)>(&json, &packed)?;
        both_read::<Vec<Option<Raw<'_>>>>(&json, &packed)?;
        both_read::<Vec<Buffered>>(&json, &packed)?;
        both_read::<BTreeMap<String, Value>>(&json, &packed)?;
        both_read::<BTreeMap<String, Raw<'_>>>(&json, &packed)?;
        both_read::<BTreeMap<char, (Value, Raw<'_>)>>(&json, &packed)?;
    }

    #[test]
    fn json_in_any_spelling_comes_to_a_fixed_point(
        items in vec(value(), 0..4), spaced in any::<bool>(), exponent in 0..400_i32, digits in "[1-9][0-9]{0,30}",
    ) {
        let mut json = serde_json::to_string(&items).unwrap();
        if spaced {
            json = serde_json::to_string_pretty(&items).unwrap();
        }
        let separator = if items.is_empty() { "" } else { "," };
        json.insert_str(1, &format!("{digits}e-{exponent},{digits},-{digits}.{digits}{separator}"));
        let payload = Payload::from_json(PacketType::Ack, json, vec![]).unwrap();
        let through = |payload: &Payload| {
            let packet = Packet::new(PacketType::Ack, "/").with_payload(payload.clone());
            decode(encode(&packet)).unwrap().payload.unwrap()
        };
        let once = through(&payload);
        prop_assert_eq!(once.to_value(), payload.to_value());
        prop_assert_eq!(through(&once), once);
    }

    #[test]
    fn limits_are_kept(
        attachments in 0_u16..6, max_attachments in 0_u16..6,
        depth in 1_u16..20, max_depth in 1_u16..20,
        namespace_len in 2_usize..20, max_namespace_len in 2_u32..20,
    ) {
        let limits = Limits::default()
            .with_max_msgpack_attachments(max_attachments)
            .with_max_json_depth(max_depth)
            .with_max_namespace_len(max_namespace_len);
        let namespace = format!("/{}", "n".repeat(namespace_len - 1));
        let nested = usize::from(depth - 1);
        let mut json = format!("[{}1{}", "[".repeat(nested), "]".repeat(nested));
        for num in 0..attachments {
            json.push_str(&format!(",{{\"_placeholder\":true,\"num\":{num}}}"));
        }
        json.push(']');
        let data = vec![Bytes::from_static(b"data"); attachments.into()];
        let payload = Payload::from_json(PacketType::Ack, json, data).unwrap();
        let packet = PacketRef::new(PacketType::Ack, &namespace).with_payload(&payload);
        let message = Parser::MsgPack.encode(packet, 0).unwrap();
        let Frame::Binary(message) = message.parts()[0].frame() else { panic!("no bytes") };
        let result = decode_with(message, limits);
        let depth = if attachments > 0 { depth.max(2) } else { depth };
        let mut allowed = vec![];
        if namespace_len > max_namespace_len as usize {
            allowed.push(DecodeError::NamespaceTooLong { limit: max_namespace_len });
        } else {
            if depth > max_depth {
                allowed.push(DecodeError::TooDeep { limit: max_depth });
            }
            if attachments > max_attachments {
                allowed.push(DecodeError::TooManyAttachments { limit: max_attachments });
            }
        }
        match result {
            Ok(packet) => {
                prop_assert_eq!(allowed, []);
                prop_assert_eq!(packet.payload, Some(payload));
            }
            Err(error) => prop_assert!(allowed.contains(&error), "{error} is not in {allowed:?}"),
        }
    }

    #[test]
    fn any_namespace_is_refused_or_comes_back(namespace in ".*") {
        let packet = Packet::new(PacketType::Connect, namespace.clone());
        match Parser::MsgPack.encode(packet.borrow(), 10) {
            Ok(encoded) => {
                let limits = Limits::default().with_max_namespace_len(u32::MAX);
                let decoded = decode_all(&mut Parser::MsgPack.decoder(limits), &encoded);
                prop_assert_eq!(decoded, [packet]);
            }
            Err(error) => {
                prop_assert_eq!(error, EncodeError::Namespace);
                prop_assert!(!namespace.starts_with('/'));
            }
        }
    }
}

/// A packet; a refusal has a payload here.
fn complete() -> impl Strategy<Value = Packet> {
    packet().prop_filter("a refusal without payload", |packet| {
        packet.packet_type != PacketType::ConnectError || packet.payload.is_some()
    })
}

fn encode(packet: &Packet) -> Bytes {
    let encoded = Parser::MsgPack.encode(packet.borrow(), 0).unwrap();
    match frames(&encoded).as_slice() {
        [Frame::Binary(data)] => data.clone(),
        other => panic!("not one binary message but {other:?}"),
    }
}

fn decode_with(message: Bytes, limits: Limits) -> Result<Packet, DecodeError> {
    let mut decoder = Parser::MsgPack.decoder(limits);
    let decoded = decoder.add(Message::Binary(message));
    assert!(!decoder.is_waiting());
    decoded.map(|packet| packet.expect("a message is a packet"))
}

fn older() -> Decoder {
    let decoder = Parser::MsgPack.decoder(Limits::default().with_max_namespace_len(u32::MAX));
    decoder.with_revision(Revision::V3)
}

fn decode(message: Bytes) -> Result<Packet, DecodeError> {
    decode_with(message, Limits::default())
}

/// A value as JSON, borrowed.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Raw<'a>(#[serde(borrow)] &'a RawValue);

impl PartialEq for Raw<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// A struct in the place of a placeholder.
#[derive(Debug, Deserialize, PartialEq)]
struct Lookalike<'a> {
    #[serde(borrow, rename = "_placeholder")]
    flag: Raw<'a>,
    #[serde(borrow)]
    num: Option<Raw<'a>>,
}

/// A value that goes through a buffer of serde.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Buffered {
    Float(f64),
    Int(i64),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
    Other(Value),
}

#[derive(Debug, Deserialize, PartialEq)]
enum Variant {
    A,
    #[serde(rename = "a")]
    B(Value),
    #[serde(rename = "b")]
    C {
        a: Option<Value>,
    },
}

/// Reads each argument of two equal payloads, alone and all together, by reference and by value.
fn both_read<'a, T>(one: &'a Payload, other: &'a Payload) -> Result<(), TestCaseError>
where
    T: Deserialize<'a> + Debug + PartialEq,
{
    let (mut args, mut others) = (one.raw_args(), other.raw_args());
    loop {
        let (arg, other) = (args.read::<T>(), others.read::<T>());
        let read = arg.is_some();
        prop_assert_eq!(arg.map(Result::ok), other.map(Result::ok));
        prop_assert_eq!(args.clone().next(), others.clone().next());
        if !read {
            break;
        }
    }
    prop_assert_eq!(one.args::<Vec<T>>().ok(), other.args::<Vec<T>>().ok());
    prop_assert_eq!(
        one.args::<(Value, T)>().ok(),
        other.args::<(Value, T)>().ok()
    );
    prop_assert_eq!(one.data::<T>().ok(), other.data::<T>().ok());
    let [by_value, other_by_value] =
        [one, other].map(|payload| payload.clone().into_args::<Value>());
    prop_assert_eq!(by_value.ok(), other_by_value.ok());
    Ok(())
}

/// Checks the rules that every decoded packet keeps.
fn check(packet: &Packet) -> Result<(), TestCaseError> {
    prop_assert!(packet.namespace.starts_with('/'));
    prop_assert!(packet.id.is_none_or(|id| id <= MAX_PACKET_ID));
    let name = packet.payload.as_ref().and_then(Payload::name);
    prop_assert_eq!(name.is_some(), packet.packet_type == PacketType::Event);
    prop_assert!(!name.is_some_and(is_reserved_event));
    let Some(payload) = &packet.payload else {
        prop_assert!(matches!(
            packet.packet_type,
            PacketType::Connect | PacketType::Disconnect
        ));
        return Ok(());
    };
    // The JSON is such as the other parser accepts, and exactly the attachments have placeholders.
    let mut text = payload.json().to_owned();
    if packet.packet_type == PacketType::ConnectError && text.starts_with('"') {
        text = format!("[{text}]");
    }
    let checked = Payload::from_json(PacketType::Ack, format!("[{text}]"), vec![]);
    prop_assert!(checked.is_ok(), "{} is no JSON", payload.json());
    let mut seen = vec![];
    if !payload.attachments().is_empty() {
        placeholders(&payload.to_value().unwrap(), &mut seen);
        let all: Vec<_> = (0..payload.attachments().len()).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, all);
    }
    Ok(())
}

fn placeholders(value: &serde_json::Value, seen: &mut Vec<usize>) {
    if let Some(placeholder) = Placeholder::from_value(value) {
        seen.push(placeholder.index());
    } else if let Some(items) = value.as_array() {
        items.iter().for_each(|item| placeholders(item, seen));
    } else if let Some(members) = value.as_object() {
        members.values().for_each(|item| placeholders(item, seen));
    }
}
