use alloc::format;
use alloc::string::String;
use alloc::vec;

use engineio_proto::{Frame, Message};

use super::*;
use crate::parser::{Decoder, Parser};

fn decoder() -> Decoder {
    Parser::Json.decoder(Limits::default())
}

fn add(text: &str) -> Result<Option<Packet>, DecodeError> {
    decoder().add(Message::text(text))
}

fn packet(text: &str) -> Packet {
    add(text).unwrap().unwrap()
}

/// Type, namespace, id and JSON.
fn parts(packet: &Packet) -> (PacketType, &str, Option<u64>, Option<&str>) {
    (
        packet.packet_type,
        &packet.namespace,
        packet.id,
        packet.payload.as_ref().map(Payload::json),
    )
}

#[test]
fn packets_that_are_accepted() {
    use PacketType::{Ack, Connect, ConnectError, Disconnect, Event};
    for (text, expected) in [
        ("0", (Connect, "/", None, None)),
        ("0{}", (Connect, "/", None, Some("{}"))),
        ("0/admin", (Connect, "/admin", None, None)),
        ("0/admin,", (Connect, "/admin", None, None)),
        (
            r#"0/admin,{"a":1}"#,
            (Connect, "/admin", None, Some(r#"{"a":1}"#)),
        ),
        (
            r#"0/admin{"a":1}"#,
            (Connect, r#"/admin{"a":1}"#, None, None),
        ),
        ("0/", (Connect, "/", None, None)),
        ("0/,", (Connect, "/", None, None)),
        ("0/,{}", (Connect, "/", None, Some("{}"))),
        ("0/admin?x=1,{}", (Connect, "/admin?x=1", None, Some("{}"))),
        ("01", (Connect, "/", Some(1), None)),
        ("012{}", (Connect, "/", Some(12), Some("{}"))),
        ("1", (Disconnect, "/", None, None)),
        ("1/a", (Disconnect, "/a", None, None)),
        ("1/a,", (Disconnect, "/a", None, None)),
        ("112", (Disconnect, "/", Some(12), None)),
        (r#"2["a"]"#, (Event, "/", None, Some(r#"["a"]"#))),
        (r#"2[""]"#, (Event, "/", None, Some(r#"[""]"#))),
        ("2[1,2]", (Event, "/", None, Some("[1,2]"))),
        ("2[1.5]", (Event, "/", None, Some("[1.5]"))),
        (
            r#"2["connection"]"#,
            (Event, "/", None, Some(r#"["connection"]"#)),
        ),
        (r#"2["error"]"#, (Event, "/", None, Some(r#"["error"]"#))),
        (
            r#"2["new_namespace"]"#,
            (Event, "/", None, Some(r#"["new_namespace"]"#)),
        ),
        (r#"212["a"]"#, (Event, "/", Some(12), Some(r#"["a"]"#))),
        (r#"20012["a"]"#, (Event, "/", Some(12), Some(r#"["a"]"#))),
        (
            r#"29007199254740991["a"]"#,
            (Event, "/", Some(MAX_PACKET_ID), Some(r#"["a"]"#)),
        ),
        ("2[\"a\"] \t\r\n", (Event, "/", None, Some(r#"["a"]"#))),
        (r#"2/é,3["a"]"#, (Event, "/é", Some(3), Some(r#"["a"]"#))),
        ("3", (Ack, "/", None, None)),
        ("31", (Ack, "/", Some(1), None)),
        ("3[]", (Ack, "/", None, Some("[]"))),
        ("31[]", (Ack, "/", Some(1), Some("[]"))),
        (
            r#"31["connect"]"#,
            (Ack, "/", Some(1), Some(r#"["connect"]"#)),
        ),
        ("4", (ConnectError, "/", None, None)),
        (r#"4"x""#, (ConnectError, "/", None, Some(r#""x""#))),
        ("4{}", (ConnectError, "/", None, Some("{}"))),
        (
            r#"4/a,{"message":"m"}"#,
            (ConnectError, "/a", None, Some(r#"{"message":"m"}"#)),
        ),
    ] {
        assert_eq!(parts(&packet(text)), expected, "{text}");
    }
}

#[test]
fn payloads_that_are_invalid() {
    for text in [
        "0[]",
        "0null",
        "0\"x\"",
        "0,{}",
        "1{}",
        "1null",
        "1/admin,{}",
        "2",
        "2/a,",
        "25",
        "2[]",
        "2{}",
        "2[null]",
        "2[true]",
        r#"2[{"toString":"foo"}]"#,
        r#"2["connect"]"#,
        r#"2["connect_error"]"#,
        r#"2["disconnect"]"#,
        r#"2["disconnecting"]"#,
        r#"2["newListener"]"#,
        r#"2["removeListener"]"#,
        r#"2abc["a"]"#,
        r#"2-1["a"]"#,
        r#"2+1["a"]"#,
        r#"21.5["a"]"#,
        r#"21e3["a"]"#,
        r#"2["a""#,
        r#"2["a"]x"#,
        r#"2/a,b,["x"]"#,
        r#"2/adm["a"]"#,
        "31{}",
        "31null",
        "4[]",
        "4null",
        r#"442["some","data""#,
        "51-{}",
        r#"51-["connect"]"#,
        r#"51-[{"_placeholder":true,"num":0}]"#,
        r#"2 ["a"]"#,
        "2\t[\"a\"]",
        r#"21 2["a"]"#,
        "51-",
        "61-1",
        "51-/a,",
        "0 ",
        "4 ",
        "2\u{feff}[\"a\"]",
    ] {
        assert_eq!(add(text), Err(DecodeError::InvalidPayload), "{text}");
    }
}

#[test]
fn types_that_are_unknown() {
    for (text, number) in [("7", Some(7)), ("999", Some(9)), ("8[]", Some(8))] {
        assert_eq!(add(text), Err(DecodeError::UnknownType(number)), "{text}");
    }
    for text in ["abc", " ", "-1", "é", "\u{feff}{}", "١"] {
        assert_eq!(add(text), Err(DecodeError::UnknownType(None)), "{text}");
    }
    assert_eq!(add(""), Err(DecodeError::Empty));
}

#[test]
fn counts_of_attachments_that_are_illegal() {
    for text in [
        "5",
        "51",
        "5a-",
        "51.23-",
        r#"51/a,["x"]"#,
        "5-",
        r#"50-["a"]"#,
        r#"5-1-["a"]"#,
        r#"5Infinity-["a"]"#,
        "5 1-",
        "501-",
        "50x1-",
        "51e0-",
        "51.0-",
        "5+1-",
        "6",
        "6-[]",
        "600-[]",
    ] {
        assert_eq!(add(text), Err(DecodeError::AttachmentCount), "{text}");
    }
    for text in [r#"511-["a"]"#, "599999999999999999999999-[]"] {
        let error = DecodeError::TooManyAttachments { limit: 10 };
        assert_eq!(add(text), Err(error), "{text}");
    }
}

#[test]
fn headers_that_wait_for_attachments() {
    for text in [
        r#"51-["a"]"#,
        r#"51-/a-b,3["x"]"#,
        r#"510-["a"]"#,
        r#"61-1[{"_placeholder":true,"num":0}]"#,
    ] {
        let mut decoder = decoder();
        assert_eq!(decoder.add(Message::text(text)), Ok(None), "{text}");
        assert!(decoder.is_waiting());
    }
}

#[test]
fn ids_end_where_javascript_loses_precision() {
    for text in [
        r#"29007199254740992["a"]"#,
        r#"299999999999999999999999999["a"]"#,
    ] {
        assert_eq!(add(text), Err(DecodeError::IdOutOfRange), "{text}");
    }
    let zeros = format!(r#"2{}7["a"]"#, "0".repeat(40));
    assert_eq!(packet(&zeros).id, Some(7));
}

#[test]
fn attachments_complete_a_packet() {
    let mut decoder = decoder();
    let header = r#"52-/a,7["e",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
    assert_eq!(decoder.add(Message::text(header)), Ok(None));
    assert_eq!(decoder.add(Message::binary(vec![1])), Ok(None));
    assert_eq!(decoder.buffered_bytes(), 1);
    let packet = decoder.add(Message::binary(vec![])).unwrap().unwrap();
    assert!(!decoder.is_waiting());
    assert_eq!(
        (packet.packet_type, &*packet.namespace, packet.id),
        (PacketType::Event, "/a", Some(7))
    );
    let payload = packet.payload.unwrap();
    assert_eq!(
        payload.args::<(&[u8], &[u8])>().unwrap(),
        (&[][..], &[1][..])
    );
    assert_eq!(
        decoder.add(Message::binary(vec![2])),
        Err(DecodeError::UnexpectedBinary)
    );
}

#[test]
fn text_between_attachments_is_an_error_after_which_decoding_starts_afresh() {
    for text in ["1", "0/other,", r#"2["a"]"#, ""] {
        let mut decoder = decoder();
        decoder.add(Message::text(r#"52-["a"]"#)).unwrap();
        decoder.add(Message::binary(vec![1])).unwrap();
        assert_eq!(
            decoder.add(Message::text(text)),
            Err(DecodeError::UnexpectedText)
        );
        assert!(!decoder.is_waiting());
        assert_eq!(
            decoder.add(Message::binary(vec![1])),
            Err(DecodeError::UnexpectedBinary)
        );
        assert!(decoder.add(Message::text("0")).unwrap().is_some());
    }
}

#[test]
fn a_reset_decoder_starts_afresh() {
    let mut decoder = decoder();
    decoder.add(Message::text(r#"51-["a"]"#)).unwrap();
    decoder.reset();
    assert!(
        decoder
            .add(Message::text(r#"2["hello"]"#))
            .unwrap()
            .is_some()
    );
}

#[test]
fn placeholders_are_checked_with_the_last_attachment() {
    for num in ["1", "-1", "0.5", "\"0\"", "null", "\"splice\""] {
        let mut decoder = decoder();
        let header = format!(r#"51-["a",{{"_placeholder":true,"num":{num}}}]"#);
        assert_eq!(decoder.add(Message::text(header)), Ok(None));
        assert_eq!(
            decoder.add(Message::binary(vec![1])),
            Err(DecodeError::Placeholder),
            "{num}"
        );
        assert!(!decoder.is_waiting());
    }
    for fine in [
        r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":-0}"#,
        r#"{"_placeholder":1,"num":9}"#,
        "1",
    ] {
        let mut decoder = decoder();
        let header = format!(r#"51-["a",{fine}]"#);
        decoder.add(Message::text(header)).unwrap();
        assert!(
            decoder.add(Message::binary(vec![1])).unwrap().is_some(),
            "{fine}"
        );
    }
}

#[test]
fn a_placeholder_in_a_plain_packet_is_data() {
    assert!(add(r#"2["a",{"_placeholder":true,"num":"x"}]"#).is_ok());
}

#[test]
fn limits_hold_at_the_limit_and_one_beyond() {
    let limits = Limits::default()
        .with_max_attachments(2)
        .with_max_json_depth(3)
        .with_max_namespace_len(4);
    let add = |text: &str| {
        Parser::Json
            .decoder(limits)
            .add(Message::text(text))
            .map(drop)
    };
    assert_eq!(add(r#"52-["a"]"#), Ok(()));
    assert_eq!(
        add(r#"53-["a"]"#),
        Err(DecodeError::TooManyAttachments { limit: 2 })
    );
    assert_eq!(add(r#"2["a",[{}]]"#), Ok(()));
    assert_eq!(
        add(r#"2["a",[[[]]]]"#),
        Err(DecodeError::TooDeep { limit: 3 })
    );
    assert_eq!(add("0/abc"), Ok(()));
    assert_eq!(
        add("0/abcd"),
        Err(DecodeError::NamespaceTooLong { limit: 4 })
    );
}

#[test]
fn nesting_without_end_is_refused_without_recursion() {
    let text = format!("2[\"a\",{}", "[".repeat(1_000_000));
    assert_eq!(add(&text), Err(DecodeError::TooDeep { limit: 128 }));
}

#[test]
fn decoding_slices_the_message() {
    let text = ByteString::from(String::from(r#"2/chat,["name",1]"#));
    let packet = decoder().add(Message::Text(text.clone())).unwrap().unwrap();
    let payload = packet.payload.unwrap();
    assert_eq!(packet.namespace.as_ptr(), text[1..].as_ptr());
    assert_eq!(payload.json().as_ptr(), text[7..].as_ptr());
    assert_eq!(payload.name().unwrap().as_ptr(), text[9..].as_ptr());
}

#[test]
fn an_idle_decoder_is_three_words() {
    assert_eq!(size_of::<Decoder>(), 24);
}

fn event(payload: &Payload) -> PacketRef<'_> {
    PacketRef::new(PacketType::Event, "/").with_payload(payload)
}

#[test]
fn packets_are_written_as_the_official_encoder_does() {
    let hello = Payload::event("hello").arg(&1).build().unwrap();
    let none = Payload::ack().build().unwrap();
    let auth = Payload::object(&serde_json::json!({ "token": "x" })).unwrap();
    let new = PacketRef::new;
    for (packet, text) in [
        (new(PacketType::Connect, "/"), "0"),
        (new(PacketType::Connect, "/admin"), "0/admin,"),
        (
            new(PacketType::Connect, "/admin").with_payload(&auth),
            r#"0/admin,{"token":"x"}"#,
        ),
        (new(PacketType::Disconnect, "/"), "1"),
        (new(PacketType::Disconnect, "/admin"), "1/admin,"),
        (event(&hello), r#"2["hello",1]"#),
        (event(&hello).with_id(0), r#"20["hello",1]"#),
        (
            new(PacketType::Event, "/a")
                .with_id(10)
                .with_payload(&hello),
            r#"2/a,10["hello",1]"#,
        ),
        (
            new(PacketType::Ack, "/").with_id(9).with_payload(&none),
            "39[]",
        ),
        (
            new(PacketType::ConnectError, "/").with_payload(&auth),
            r#"4{"token":"x"}"#,
        ),
    ] {
        let written = encode_text(packet).unwrap();
        assert_eq!(written, text);
        assert_eq!(written.len(), text_len(&packet));
        let encoded = encode(packet, 10).unwrap();
        let [part] = encoded.parts() else {
            panic!("one part")
        };
        assert_eq!(part.frame(), Frame::Text(format!("4{text}").into()));
    }
}

#[test]
fn attachments_follow_their_packet_and_share_their_buffers() {
    let data = Bytes::from(vec![1; 64]);
    let payload = Payload::event("e")
        .binary(data.clone())
        .binary(vec![2])
        .build()
        .unwrap();
    let encoded = encode(event(&payload).with_id(3), 2).unwrap();
    let frames: Vec<_> = encoded.parts().iter().map(Encoded::frame).collect();
    let text = r#"452-3["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(
        frames,
        [
            Frame::Text(text.into()),
            Frame::Binary(data.clone()),
            Frame::Binary(vec![2].into())
        ]
    );
    let Frame::Binary(sent) = &frames[1] else {
        panic!("binary")
    };
    assert_eq!(sent.as_ptr(), data.as_ptr());
    assert_eq!(encoded.payload_len(), text.len() - 1 + 65);
    let ack = Payload::ack().binary(vec![2]).build().unwrap();
    let packet = PacketRef::new(PacketType::Ack, "/")
        .with_id(1)
        .with_payload(&ack);
    assert_eq!(
        encode_text(packet).unwrap(),
        r#"61-1[{"_placeholder":true,"num":0}]"#
    );
}

#[test]
fn what_the_peer_could_not_read_is_not_written() {
    let payload = Payload::event("e").build().unwrap();
    let ack = Payload::ack().build().unwrap();
    let refused = |packet| encode(packet, 10).unwrap_err();
    for namespace in ["", "a", "/a,b", ","] {
        let packet = PacketRef::new(PacketType::Event, namespace).with_payload(&payload);
        assert_eq!(refused(packet), EncodeError::Namespace, "{namespace}");
    }
    assert_eq!(
        refused(event(&payload).with_id(MAX_PACKET_ID + 1)),
        EncodeError::IdOutOfRange
    );
    for packet in [
        event(&ack),
        PacketRef::new(PacketType::Event, "/"),
        PacketRef::new(PacketType::Ack, "/"),
        PacketRef::new(PacketType::Ack, "/").with_payload(&payload),
        PacketRef::new(PacketType::Connect, "/").with_payload(&payload),
        PacketRef::new(PacketType::Disconnect, "/").with_payload(&ack),
        PacketRef::new(PacketType::ConnectError, "/").with_payload(&ack),
    ] {
        assert_eq!(refused(packet), EncodeError::PayloadKind);
    }
    let binary = Payload::event("e")
        .binary(vec![])
        .binary(vec![])
        .build()
        .unwrap();
    assert!(encode(event(&binary), 2).is_ok());
    assert_eq!(
        encode(event(&binary), 1).unwrap_err(),
        EncodeError::TooManyAttachments { count: 2, limit: 1 }
    );
}

#[test]
fn a_disconnect_may_have_a_payload_only_where_python_servers_are_tolerated() {
    let lenient = Limits::default().with_lenient_disconnect(true);
    for (text, namespace) in [
        (r#"1"no""#, "/"),
        (r#"1/admin,{"message":"no"}"#, "/admin"),
        ("1/admin,null", "/admin"),
        ("1/admin,", "/admin"),
    ] {
        let packet = Parser::Json
            .decoder(lenient)
            .add(Message::text(text))
            .unwrap()
            .unwrap();
        let expected = (PacketType::Disconnect, namespace, None, None);
        assert_eq!(parts(&packet), expected, "{text}");
    }
    let broken = Parser::Json.decoder(lenient).add(Message::text("1{"));
    assert_eq!(broken, Err(DecodeError::InvalidPayload));
    assert_eq!(add("1{}"), Err(DecodeError::InvalidPayload));
}

#[test]
fn a_payload_carries_the_limit_of_its_decoder() {
    let limits = Limits::default().with_max_expansion(7);
    for text in [r#"2["a"]"#, r#"31["a"]"#, "0{}", r#"4"x""#] {
        let packet = Parser::Json.decoder(limits).add(Message::text(text));
        let payload = packet.unwrap().unwrap().payload.unwrap();
        assert_eq!(payload.max_expansion(), 7, "{text}");
    }
    let place = r#"{"_placeholder":true,"num":0}"#;
    let header = format!("51-[\"a\",{place},{place}]");
    let most = 7 * (header.len() - 3 + 64);
    for (len, allowed) in [(most, true), (most + 1, false)] {
        let mut decoder = Parser::Json.decoder(limits);
        assert_eq!(decoder.add(Message::text(header.as_str())), Ok(None));
        let packet = decoder.add(Message::binary(vec![0; len]));
        match packet {
            Ok(packet) => assert!(allowed && packet.unwrap().payload.unwrap().max_expansion() == 7),
            Err(error) => assert!(!allowed && error == DecodeError::Expansion { limit: 7 }),
        }
        assert!(!decoder.is_waiting());
    }
}

/// The buffer is made for it: too small a number costs copies, too large a one memory.
#[test]
fn text_is_as_long_as_it_was_measured() {
    let place = r#"["e",{"_placeholder":true,"num":0}]"#;
    let none = Payload::from_json(PacketType::Event, r#"["e","é"]"#, vec![]).unwrap();
    let one = Payload::from_json(PacketType::Event, place, vec!["a".into()]).unwrap();
    let many = Payload::from_json(PacketType::Event, r#"["e"]"#, vec![]).unwrap();
    for namespace in ["/", "/a", "/admin"] {
        for payload in [None, Some(&none), Some(&one), Some(&many)] {
            for id in [
                None,
                Some(0),
                Some(9),
                Some(10),
                Some(99),
                Some(100),
                Some(MAX_PACKET_ID),
            ] {
                let packet = PacketRef {
                    packet_type: PacketType::Event,
                    namespace,
                    id,
                    payload,
                };
                let mut text = String::new();
                write_text(&packet, &mut text);
                assert_eq!(text_len(&packet), text.len(), "{text}");
            }
        }
    }
}

#[test]
fn an_event_for_all_is_the_buffer_of_its_payload() {
    let event = |name: &str| Payload::event(name).arg("world");
    let plain = event("hello").build().unwrap();
    let escaped = event("a \"name\"\n").build().unwrap();
    let attached = event("hello").binary(vec![1]).build().unwrap();
    let received = Payload::from_json(PacketType::Event, r#"["hello"]"#, vec![]).unwrap();
    for (payload, shares) in [
        (&plain, true),
        (&escaped, true),
        (&attached, false),
        (&received, false),
    ] {
        let packet = PacketRef::new(PacketType::Event, "/").with_payload(payload);
        for (packet, shares) in [
            (packet, shares),
            (packet.with_id(2), false),
            (
                PacketRef {
                    namespace: "/a",
                    ..packet
                },
                false,
            ),
        ] {
            let encoded = Parser::Json.encode(packet, 10).unwrap();
            let [first, ..] = encoded.parts() else {
                panic!("a packet has a part")
            };
            let Message::Text(text) = first.message() else {
                panic!("it starts with text")
            };
            assert_eq!(text, encode_text(packet).unwrap());
            let json = payload.json().as_ptr();
            let frame = text.as_ptr();
            assert_eq!(json == frame.wrapping_add(1), shares, "{text}");
        }
    }
}
