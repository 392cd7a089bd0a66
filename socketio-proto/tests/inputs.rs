//! Promises of the strategies and of `arbitrary`: valid inputs are valid and of every kind, nearly valid ones mostly are
//! not valid, and failing ones shrink to their core.
#![cfg(test)]

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use engineio_proto::{Message, Revision};
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::Value;
use socketio_proto::inputs::{
    Change, Content, MsgPackMessage, Mutate, Mutation, Nearly, NotReceived, PacketMessages, Shown,
    received,
};
use socketio_proto::parser::{Limits, Parser};
use socketio_proto::{Packet, PacketType, Payload, strategies};

use support::{assert_all, samples, smallest, variant};

#[path = "../../tests/support/samples.rs"]
mod support;

/// Values that `arbitrary` makes of bytes, always the same.
fn structured<T: for<'a> Arbitrary<'a>>(count: usize) -> Vec<T> {
    samples(proptest::collection::vec(any::<u8>(), 0..400), count)
        .iter()
        .filter_map(|bytes| T::arbitrary(&mut Unstructured::new(bytes)).ok())
        .collect()
}

const TYPES: [&str; 5] = ["Connect", "Disconnect", "Event", "Ack", "ConnectError"];

#[test]
fn ids_and_queries_of_packets_are_of_every_form() {
    let ids: Vec<_> = samples(strategies::packet(), 300)
        .iter()
        .map(|packet| packet.id)
        .collect();
    assert!(ids.contains(&None));
    assert!(ids.iter().flatten().any(|id| *id > u64::from(u32::MAX)));
    let queries: std::collections::BTreeSet<_> = samples(strategies::legacy_packet(), 500)
        .iter()
        .filter_map(|packet| packet.namespace.split_once('?'))
        .map(|(_, query)| query.to_owned())
        .collect();
    assert!(queries.len() >= 3, "{queries:?}");
}

#[test]
fn each_choice_is_made_about_as_often_as_the_others() {
    for parser in [Parser::Json, Parser::MsgPack] {
        let made = samples(any::<Parser>(), 100);
        let count = made.iter().filter(|one| **one == parser).count();
        assert!(count >= 25, "{parser:?} occurs {count} times");
    }
    let types = [
        PacketType::Event,
        PacketType::Ack,
        PacketType::Connect,
        PacketType::Disconnect,
        PacketType::ConnectError,
    ];
    for packet_type in types {
        let made = samples(any::<PacketType>(), 200);
        let count = made.iter().filter(|one| **one == packet_type).count();
        assert!(count >= 15, "{packet_type:?} occurs {count} times");
    }
}

#[test]
fn contents_are_of_every_kind_and_nested() {
    const KINDS: [&str; 9] = [
        "Null", "Bool", "Int", "Unsigned", "Float", "Text", "Binary", "List", "Object",
    ];
    for contents in [samples(any::<Content>(), 1_000), structured(1_000)] {
        assert_all(contents.iter().map(variant), &KINDS, 20);
        let deep = |content: &&Content| content.attachments() > 0 && variant(content) != "Binary";
        assert!(contents.iter().filter(deep).count() > 30);
        for content in contents {
            let payload = Content::ack(std::slice::from_ref(&content)).unwrap();
            assert_eq!(payload.attachments().len(), content.attachments());
            if content.attachments() == 0 {
                assert_eq!(payload.arg::<Value>(0).unwrap(), content.to_value());
            }
        }
    }
    let values = samples(strategies::value(), 500);
    for is in [
        Value::is_null,
        Value::is_boolean,
        Value::is_number,
        Value::is_string,
        Value::is_array,
        Value::is_object,
    ] {
        assert!(values.iter().filter(|value| is(value)).count() > 20);
    }
}

#[test]
fn packets_of_every_type_come_back() {
    let of_strategy = samples(any::<Packet>(), 500);
    let of_bytes = structured::<Packet>(500);
    assert!(of_bytes.len() > 490, "{} of 500", of_bytes.len());
    for packets in [of_strategy, of_bytes] {
        assert_all(
            packets.iter().map(|packet| variant(&packet.packet_type)),
            &TYPES,
            20,
        );
        let count = |is: fn(&Packet) -> bool| packets.iter().filter(|packet| is(packet)).count();
        assert!(count(|packet| packet.namespace == "/") > 50);
        assert!(count(|packet| packet.namespace != "/") > 50);
        assert!(count(|packet| packet.id.is_some()) > 50);
        let attachments = |packet: &Packet| {
            let payload = packet.payload.as_ref();
            payload.map_or(0, |payload| payload.attachments().len())
        };
        assert!(
            packets
                .iter()
                .filter(|packet| attachments(packet) == 1)
                .count()
                > 20
        );
        assert!(
            packets
                .iter()
                .filter(|packet| attachments(packet) > 1)
                .count()
                > 20
        );
        for packet in packets {
            let messages = PacketMessages::new(Parser::Json, Revision::V4, packet.clone()).unwrap();
            assert_eq!(messages.messages.len(), 1 + attachments(&packet));
            assert_eq!(messages.decode(), Ok(packet));
        }
    }
}

#[test]
fn packets_of_the_older_revision_are_different() {
    let packets = samples(strategies::legacy_packet(), 500);
    assert_all(
        packets.iter().map(|packet| variant(&packet.packet_type)),
        &TYPES,
        20,
    );
    let of_type = |packet_type| {
        packets
            .iter()
            .filter(move |packet| packet.packet_type == packet_type)
    };
    assert!(of_type(PacketType::Connect).all(|packet| packet.payload.is_none()));
    assert!(of_type(PacketType::Connect).any(|packet| packet.namespace.contains('?')));
    let refusals: Vec<&str> = of_type(PacketType::ConnectError)
        .filter_map(|packet| Some(packet.payload.as_ref()?.json()))
        .collect();
    assert!(refusals.iter().any(|json| json.starts_with('"')));
    assert!(refusals.iter().any(|json| json.starts_with('{')));
}

#[test]
fn messages_of_both_parsers_and_revisions_are_their_packet() {
    for all in [samples(any::<PacketMessages>(), 800), structured(800)] {
        let forms = all.iter().map(|one| {
            format!(
                "{:?} {:?} {:?}",
                one.parser, one.revision, one.packet.packet_type
            )
        });
        let mut expected = Vec::new();
        for parser in ["Json", "MsgPack"] {
            for revision in ["V3", "V4"] {
                expected.extend(TYPES.map(|name| format!("{parser} {revision} {name}")));
            }
        }
        assert_eq!(expected.len(), 20);
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        assert_all(forms, &expected, 3);
        let is_text = |one: &&PacketMessages| {
            one.parser == Parser::MsgPack && matches!(one.messages[..], [Message::Text(_)])
        };
        let older: Vec<&PacketMessages> = all.iter().filter(is_text).collect();
        assert!(older.len() > 5 && older.iter().all(|one| one.revision == Revision::V3));
        for one in &all {
            assert_eq!(
                one.decode().as_ref(),
                Ok(&one.packet),
                "{:-?}",
                one.messages
            );
        }
    }
}

#[test]
fn messagepack_of_any_kind_is_often_a_packet() {
    for messages in [samples(any::<MsgPackMessage>(), 1_000), structured(1_000)] {
        let packets: Vec<Packet> = messages
            .iter()
            .filter_map(|message| {
                let mut decoder = Parser::MsgPack.decoder(Limits::default());
                decoder
                    .add(Message::Binary(message.bytes.clone()))
                    .ok()
                    .flatten()
            })
            .collect();
        assert!(
            (50..900).contains(&packets.len()),
            "{} of 1000",
            packets.len()
        );
        assert_all(
            packets.iter().map(|packet| variant(&packet.packet_type)),
            &["Event", "Ack", "Connect"],
            1,
        );
        let holds = |part: &[u8]| {
            messages
                .iter()
                .filter(|message| {
                    message
                        .bytes
                        .windows(part.len())
                        .any(|window| window == part)
                })
                .count()
        };
        assert!(holds(b"\xac_placeholder") > 10);
        // A date, `undefined`, a float and a number of 64 bits.
        for part in [&[0xd7, 0][..], &[0xd4, 0, 0], &[0xca], &[0xcf]] {
            assert!(holds(part) > 10, "{part:x?}");
        }
    }
}

#[test]
fn most_changes_leave_something_that_is_not_valid() {
    for all in [
        samples(any::<Nearly<PacketMessages>>(), 1_000),
        structured(1_000),
    ] {
        let differs = all
            .iter()
            .filter(|Nearly(one)| one.decode().as_ref() != Ok(&one.packet))
            .count();
        let refused = all
            .iter()
            .filter(|Nearly(one)| matches!(one.decode(), Err(NotReceived::Decode(_))))
            .count();
        let incomplete = all
            .iter()
            .filter(|Nearly(one)| one.decode() == Err(NotReceived::Incomplete))
            .count();
        let other = differs - refused - incomplete;
        assert!(
            refused > 300 && incomplete > 0 && other > 30,
            "{refused} {incomplete} {other} of {differs}"
        );
        assert!(differs < 990);
    }
    for all in [
        samples(any::<Nearly<MsgPackMessage>>(), 500),
        structured(500),
    ] {
        let refused = all.iter().filter(|Nearly(message)| {
            let mut decoder = Parser::MsgPack.decoder(Limits::default());
            decoder.add(Message::Binary(message.bytes.clone())).is_err()
        });
        assert!(refused.count() > 200);
    }
}

#[test]
fn structural_changes_hit_counts_placeholders_and_lengths() {
    let payload = Content::event("e", &[Content::Binary(Bytes::from_static(b"abc"))]).unwrap();
    let packet = Packet::new(PacketType::Event, "/n").with_payload(payload);
    let changed = |parser, change, at, byte| {
        let mut messages = PacketMessages::new(parser, Revision::V4, packet.clone()).unwrap();
        messages.mutate(&Mutation::new(change, at, byte).at_structure());
        messages.messages
    };
    let text = |messages: &[Message]| match &messages[0] {
        Message::Text(text) => text.to_string(),
        Message::Binary(_) => panic!("no text"),
    };
    let rest = r#"["e",{"_placeholder":true,"num":0}]"#;
    assert_eq!(
        text(&changed(Parser::Json, Change::More, 0, 0)),
        format!("61-/n,{rest}")
    );
    assert_eq!(
        text(&changed(Parser::Json, Change::More, 0x1400, 0)),
        format!("52-/n,{rest}")
    );
    let last = text(&changed(Parser::Json, Change::More, 0x7fff, 0));
    assert_eq!(last, format!("51-/n,{}", rest.replace(":0", ":1")));
    assert_eq!(changed(Parser::Json, Change::Remove, 0, 1).len(), 1);
    assert_eq!(changed(Parser::Json, Change::Double, 0xffff, 1).len(), 3);

    let original = PacketMessages::new(Parser::MsgPack, Revision::V4, packet.clone()).unwrap();
    let [Message::Binary(original)] = &original.messages[..] else {
        panic!("one binary message")
    };
    let bytes = original
        .windows(5)
        .position(|window| window == b"\xc4\x03abc");
    let bytes = bytes.expect("the attachment with its length");
    let longer = (0..=u16::MAX).step_by(0x100).filter(|at| {
        let messages = changed(Parser::MsgPack, Change::More, *at, 0);
        let [Message::Binary(changed)] = &messages[..] else {
            panic!("one binary message")
        };
        changed[bytes + 1] == 4
    });
    assert!(longer.count() > 0);
    let content = (0..=u16::MAX).step_by(0x100).filter(|at| {
        let messages = changed(Parser::MsgPack, Change::More, *at, 0);
        !matches!(&messages[..], [Message::Binary(changed)] if changed[bytes + 2..bytes + 5] == *b"abc")
    });
    assert_eq!(content.count(), 0, "content is no structure");
}

#[test]
fn a_failing_payload_shrinks_to_one_empty_attachment() {
    let empty = Content::Binary(Bytes::new());
    assert_eq!(
        smallest(5_000, strategies::content(), |content| content
            .attachments()
            > 0),
        empty
    );
    assert_eq!(
        smallest(5_000, strategies::args(), |args| args
            .iter()
            .any(|arg| arg.attachments() > 0)),
        [empty]
    );
    let fails = |payload: &Payload| !payload.attachments().is_empty();
    let payload = smallest(5_000, strategies::event(), fails);
    assert_eq!(
        (payload.json(), payload.attachments()),
        (r#"["",{"_placeholder":true,"num":0}]"#, &[Bytes::new()][..])
    );
    let payload = smallest(5_000, strategies::ack(), fails);
    assert_eq!(payload.json(), r#"[{"_placeholder":true,"num":0}]"#);
    let packet = smallest(5_000, any::<Packet>(), |packet| {
        packet.packet_type == PacketType::Event && packet.payload.as_ref().is_some_and(fails)
    });
    assert_eq!(
        (packet.packet_type, &*packet.namespace, packet.id),
        (PacketType::Event, "/", None)
    );
    assert_eq!(
        packet.payload.unwrap().json(),
        r#"["",{"_placeholder":true,"num":0}]"#
    );
}

#[test]
fn failing_values_shrink_to_their_core() {
    fn numbers(value: &Value) -> usize {
        match value {
            Value::Array(items) => items.iter().map(numbers).sum(),
            Value::Object(members) => members.values().map(numbers).sum(),
            Value::Number(_) => 1,
            Value::Null | Value::Bool(_) | Value::String(_) => 0,
        }
    }
    assert_eq!(
        smallest(5_000, strategies::value(), |value| numbers(value) > 0),
        Value::from(0)
    );
    assert_eq!(
        smallest(5_000, strategies::value(), |value| value.as_u64()
            > Some(1_000)),
        Value::from(1_001)
    );
    assert_eq!(
        smallest(5_000, strategies::value(), |value| value
            .as_str()
            .is_some_and(|text| text.chars().count() > 2)),
        Value::from("aaa")
    );
    assert_eq!(
        smallest(5_000, strategies::value(), Value::is_object),
        Value::Object(serde_json::Map::new())
    );
    let two = smallest(5_000, strategies::args(), |args| {
        args.iter().map(Content::attachments).sum::<usize>() >= 2
    });
    let leaves: usize = two.iter().map(Content::attachments).sum();
    assert_eq!(leaves, 2);
    let text = format!("{two:?}");
    assert!(
        text == "[Binary(b\"\"), Binary(b\"\")]" || text.len() < 60,
        "{text}"
    );
    let Shown(packet) = smallest(5_000, any::<Shown<Packet>>(), |packet| {
        packet.packet_type == PacketType::Ack
    });
    assert_eq!(
        packet,
        Packet::new(PacketType::Ack, "/").with_payload(Payload::no_args())
    );
    let one = smallest(5_000, any::<PacketMessages>(), |one| one.messages.len() > 1);
    assert_eq!(
        one.messages,
        [
            Message::text(r#"51-["",{"_placeholder":true,"num":0}]"#),
            Message::binary(vec![])
        ]
    );
}

proptest! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_payload_is_received_as_it_was_sent(payload: Payload, parser: Parser) {
        prop_assert_eq!(received(parser, &payload)?, payload);
    }
}

#[test]
fn what_cannot_be_sent_or_read_is_not_received() {
    let many = Content::ack(&vec![Content::Binary(Bytes::new()); 11]).unwrap();
    assert!(matches!(
        received(Parser::Json, &many),
        Err(NotReceived::Encode(_))
    ));
    let one = PacketMessages::new(
        Parser::Json,
        Revision::V4,
        Packet::new(PacketType::Connect, "/"),
    )
    .unwrap();
    let mut twice = one.clone();
    twice.messages.extend(one.messages.clone());
    assert_eq!(twice.decode(), Err(NotReceived::Incomplete));
    let mut none = one;
    none.messages.clear();
    assert_eq!(none.decode(), Err(NotReceived::Incomplete));
}
