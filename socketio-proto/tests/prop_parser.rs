//! Properties of the parser that hold for any input.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail them")]

#[path = "support/packets.rs"]
mod packets;

use bytes::Bytes;
use engineio_proto::strategies::binary;
use engineio_proto::{Frame, Message};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use socketio_proto::parser::{Decoder, Limits, Parser, encode_text};
use socketio_proto::strategies::{json_text, peer_message, value};
use socketio_proto::{
    DecodeError, EncodeError, MAX_PACKET_ID, Packet, PacketType, Payload, is_reserved_event,
};

use packets::{decode_all, frames};

proptest! {
    #[test]
    fn any_messages_in_any_order_are_packets_or_errors(messages in vec(peer_message(), 0..20)) {
        let mut decoder = decoder();
        for message in messages {
            let was_waiting = decoder.is_waiting();
            let is_text = matches!(message, Message::Text(_));
            match decoder.add(message) {
                Ok(Some(packet)) => {
                    prop_assert!(!decoder.is_waiting());
                    check(&packet)?;
                }
                Ok(None) => prop_assert!(decoder.is_waiting()),
                Err(error) => {
                    prop_assert!(!decoder.is_waiting());
                    prop_assert_eq!(error == DecodeError::UnexpectedText, was_waiting && is_text);
                    prop_assert_eq!(error == DecodeError::UnexpectedBinary, !was_waiting && !is_text);
                }
            }
            prop_assert!(decoder.is_waiting() || decoder.buffered_bytes() == 0);
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same(packet: Packet) {
        let encoded = Parser::Json.encode(packet.borrow(), 10).unwrap();
        let decoded = decode_all(&mut decoder(), &encoded);
        prop_assert_eq!(decoded, [packet.clone()]);
        let text = encode_text(packet.borrow()).unwrap();
        prop_assert_eq!(encoded.parts()[0].frame(), Frame::Text(format!("4{text}").into()));
        let attachments = packet.payload.map_or(0, |payload| payload.attachments().len());
        prop_assert_eq!(encoded.parts().len(), attachments + 1);
    }

    #[test]
    fn packets_in_a_row_decode_each_as_if_alone(packets in vec(any::<Packet>(), 1..5)) {
        let mut decoder = decoder();
        for packet in packets {
            let encoded = Parser::Json.encode(packet.borrow(), 10).unwrap();
            prop_assert_eq!(decode_all(&mut decoder, &encoded), [packet]);
        }
    }

    #[test]
    fn encoding_what_was_decoded_is_a_fixed_point(messages in vec(peer_message(), 1..4)) {
        let mut decoder = decoder();
        for message in messages {
            let Ok(Some(packet)) = decoder.add(message) else { continue };
            let once = match Parser::Json.encode(packet.borrow(), 10) {
                Ok(once) => once,
                Err(error) => {
                    prop_assert_eq!(error, EncodeError::PayloadKind);
                    prop_assert_eq!((packet.packet_type, packet.payload), (PacketType::Ack, None));
                    continue;
                }
            };
            let again = decode_all(&mut self::decoder(), &once);
            prop_assert_eq!(&again, &[packet]);
            let twice = Parser::Json.encode(again[0].borrow(), 10).unwrap();
            prop_assert_eq!(frames(&once), frames(&twice));
        }
    }

    #[test]
    fn json_is_accepted_as_serde_json_does(text in json_text()) {
        let payload = Payload::from_json(PacketType::Ack, format!("[{text}]"), Vec::new());
        // serde_json refuses lone surrogates and numbers beyond a float; the generator makes neither.
        match serde_json::from_str::<Value>(&format!("[{text}]")) {
            Ok(value) => prop_assert_eq!(payload.unwrap().to_value(), Ok(value)),
            Err(_) => prop_assert_eq!(payload, Err(DecodeError::InvalidPayload)),
        }
    }

    #[test]
    fn values_read_back_as_written(values in vec(value(), 0..5)) {
        let mut builder = Payload::ack();
        for value in &values {
            builder = builder.arg(value);
        }
        let payload = builder.build().unwrap();
        prop_assert_eq!(payload.args::<Vec<Value>>().unwrap(), values.clone());
        prop_assert_eq!(payload.to_value(), Ok(Value::Array(values.clone())));
        let raw: Vec<Value> = payload.raw_args().map(|arg| serde_json::from_str(arg).unwrap()).collect();
        prop_assert_eq!(raw, values);
    }

    #[test]
    fn args_of_two_payloads_follow_each_other(first in payload(), second in payload()) {
        let joined = Payload::ack().args_of(&first).args_of(&second).build().unwrap();
        let args = |payload: &Payload| payload.args::<Vec<Resolved>>().unwrap();
        let expected: Vec<_> = [&first, &second].into_iter().flat_map(|payload| resolve(payload, args(payload))).collect();
        prop_assert_eq!(resolve(&joined, args(&joined)), expected);
    }

    #[test]
    fn args_from_a_number_on_are_all_but_those_before(before in payload(), source in payload(), first in prop_oneof![9 => 0..4_usize, 1 => Just(usize::MAX)]) {
        let packet = Packet::new(PacketType::Event, "/").with_payload(source);
        let packed = Parser::MsgPack.encode(packet.borrow(), 10).unwrap();
        let mut decoder = Parser::MsgPack.decoder(Limits::default());
        let [packed] = &decode_all(&mut decoder, &packed)[..] else { panic!("a packet") };
        let args = |payload: &Payload| resolve(payload, payload.args::<Vec<Resolved>>().unwrap());
        for source in [&packet, packed].map(|packet| packet.payload.as_ref().unwrap()) {
            let rest: Vec<_> = args(source).into_iter().skip(first).collect();
            for parser in [Parser::Json, Parser::MsgPack] {
                let taken = parser.event("e").args_from(source, first).build().unwrap();
                prop_assert_eq!(args(&taken), rest.clone());
                let behind = parser.ack().args_of(&before).args_from(source, first).build().unwrap();
                let expected: Vec<_> = args(&before).into_iter().chain(rest.clone()).collect();
                prop_assert_eq!(args(&behind), expected);
            }
        }
    }

    #[test]
    fn limits_are_kept(
        attachments in 1_u16..6, max_attachments in 0_u16..6,
        depth in 1_u16..20, max_depth in 1_u16..20,
        namespace_len in 2_usize..20, max_namespace_len in 2_u32..20,
    ) {
        let limits = Limits::default()
            .with_max_attachments(max_attachments)
            .with_max_json_depth(max_depth)
            .with_max_namespace_len(max_namespace_len);
        let namespace = format!("/{}", "n".repeat(namespace_len - 1));
        let depth_of_args = usize::from(depth - 1);
        let json = format!("[\"e\",{}1{}]", "[".repeat(depth_of_args), "]".repeat(depth_of_args));
        let result = Parser::Json
            .decoder(limits)
            .add(Message::text(format!("5{attachments}-{namespace},{json}")));
        let expected = if attachments > max_attachments {
            Err(DecodeError::TooManyAttachments { limit: max_attachments })
        } else if namespace_len > max_namespace_len as usize {
            Err(DecodeError::NamespaceTooLong { limit: max_namespace_len })
        } else if depth > max_depth {
            Err(DecodeError::TooDeep { limit: max_depth })
        } else {
            Ok(None)
        };
        prop_assert_eq!(result, expected);
    }

    #[test]
    fn encoding_refuses_what_is_beyond_the_limit(packet: Packet, limit in 0_u16..4) {
        let count = packet.payload.as_ref().map_or(0, |payload| payload.attachments().len());
        match Parser::Json.encode(packet.borrow(), limit) {
            Ok(_) => prop_assert!(count <= usize::from(limit)),
            Err(error) => {
                prop_assert!(count > usize::from(limit));
                prop_assert_eq!(error, EncodeError::TooManyAttachments { count, limit });
            }
        }
    }

    #[test]
    fn any_namespace_is_refused_or_comes_back(namespace in ".*") {
        let packet = Packet::new(PacketType::Connect, namespace.clone());
        match Parser::Json.encode(packet.borrow(), 10) {
            Ok(encoded) => {
                let limits = Limits::default().with_max_namespace_len(u32::MAX);
                let decoded = decode_all(&mut Parser::Json.decoder(limits), &encoded);
                prop_assert_eq!(decoded, [packet]);
            }
            Err(error) => {
                prop_assert_eq!(error, EncodeError::Namespace);
                prop_assert!(!namespace.starts_with('/') || namespace.contains(','));
            }
        }
    }
}

fn decoder() -> Decoder {
    Parser::Json.decoder(Limits::default())
}

/// Checks the rules that every decoded packet keeps.
fn check(packet: &Packet) -> Result<(), TestCaseError> {
    prop_assert!(packet.namespace.starts_with('/') && !packet.namespace.contains(','));
    prop_assert!(packet.id.is_none_or(|id| id <= MAX_PACKET_ID));
    let name = packet.payload.as_ref().and_then(Payload::name);
    prop_assert_eq!(name.is_some(), packet.packet_type == PacketType::Event);
    prop_assert!(!name.is_some_and(is_reserved_event));
    if let Some(payload) = &packet.payload {
        let value = payload.to_value().unwrap();
        match packet.packet_type {
            PacketType::Connect => prop_assert!(value.is_object()),
            PacketType::Disconnect => prop_assert!(false, "a payload"),
            PacketType::Event | PacketType::Ack => {
                let count = value.as_array().map_or(0, Vec::len);
                let name = usize::from(packet.packet_type == PacketType::Event);
                prop_assert_eq!(payload.raw_args().count() + name, count);
            }
            PacketType::ConnectError => prop_assert!(value.is_object() || value.is_string()),
        }
    }
    Ok(())
}

/// An argument of [`payload`].
#[derive(Debug, PartialEq, serde::Deserialize)]
struct Resolved {
    text: String,
    data: Option<socketio_proto::Placeholder>,
}

fn resolve(payload: &Payload, args: Vec<Resolved>) -> Vec<(String, Option<Bytes>)> {
    args.into_iter()
        .map(|arg| {
            let data = arg
                .data
                .map(|place| payload.attachment(place).unwrap().clone());
            (arg.text, data)
        })
        .collect()
}

/// Payloads of [`Resolved`] arguments.
fn payload() -> impl Strategy<Value = Payload> {
    vec((any::<String>(), proptest::option::of(binary())), 0..4).prop_map(|args| {
        let mut builder = Payload::event("e");
        for (text, data) in args {
            let arg =
                serde_json::json!({ "text": text, "data": data.map(|data| builder.attach(data)) });
            builder = builder.arg(&arg);
        }
        builder.build().unwrap()
    })
}
