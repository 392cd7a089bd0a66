//! Tests of decoding and encoding beside the conformance vectors.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use engineio_proto::{Frame, Message};
use rmp::encode as write;
use rmp::encode::ByteBuf;

use crate::packet::MAX_PACKET_ID;
use crate::parser::{Limits, Parser};
use crate::{DecodeError, EncodeError, Packet, PacketRef, PacketType, Payload};

/// A message, written key by key; values are MessagePack.
fn message(fields: &[(&str, &[u8])]) -> Bytes {
    let mut out = ByteBuf::new();
    write::write_map_len(&mut out, fields.len() as u32).unwrap();
    for (key, value) in fields {
        write::write_str(&mut out, key).unwrap();
        out.as_mut_vec().extend_from_slice(value);
    }
    out.into_vec().into()
}

fn text(text: &str) -> Vec<u8> {
    let mut out = ByteBuf::new();
    write::write_str(&mut out, text).unwrap();
    out.into_vec()
}

/// An event called `e` with one argument.
fn event(arg: &[u8]) -> Bytes {
    event_of(&[&[0x92, 0xa1, b'e'], arg].concat())
}

fn event_of(data: &[u8]) -> Bytes {
    message(&[("type", &[2]), ("data", data), ("nsp", &text("/"))])
}

fn decode_with(message: Bytes, limits: Limits) -> Result<Packet, DecodeError> {
    let mut decoder = Parser::MsgPack.decoder(limits);
    let result = decoder.add(Message::Binary(message));
    assert!(!decoder.is_waiting());
    result.map(|packet| packet.expect("one message is one packet"))
}

fn decode(message: Bytes) -> Result<Packet, DecodeError> {
    decode_with(message, Limits::default())
}

fn payload(message: Bytes) -> Payload {
    decode(message).unwrap().payload.unwrap()
}

/// The JSON of the argument that stands in a message.
fn argument(arg: &[u8]) -> String {
    payload(event(arg)).raw_args().next().unwrap().into()
}

fn encode(packet: PacketRef<'_>) -> Bytes {
    let encoded = Parser::MsgPack.encode(packet, 0).unwrap();
    let [part] = encoded.parts() else {
        panic!("one packet is one message");
    };
    let Frame::Binary(data) = part.frame() else {
        panic!("no bytes");
    };
    data
}

/// What an argument given as JSON is on the wire.
fn written(json: &str) -> Vec<u8> {
    let json = alloc::format!("[{json}]");
    let payload = Payload::from_json(PacketType::Ack, json, vec![]).unwrap();
    let message = encode(PacketRef::new(PacketType::Ack, "/").with_payload(&payload));
    let before = message
        .windows(6)
        .position(|part| part == b"\xa4data\x91")
        .unwrap()
        + 6;
    let behind = message.len() - b"\xa3nsp\xa1/".len();
    message[before..behind].to_vec()
}

#[test]
fn a_packet_of_the_official_client_is_read() {
    // EVENT ["hello",{k:1},bin 010203], options:{compress:true}, id 0
    let bytes = b"\x85\xa4type\x02\xa4data\x93\xa5hello\x81\xa1k\x01\xc4\x03\x01\x02\x03\
        \xa7options\x81\xa8compress\xc3\xa2id\x00\xa3nsp\xa1/";
    let packet = decode(Bytes::from_static(bytes)).unwrap();
    assert_eq!(
        (packet.packet_type, packet.id),
        (PacketType::Event, Some(0))
    );
    assert_eq!(packet.namespace, "/");
    let payload = packet.payload.unwrap();
    assert_eq!(
        payload.json(),
        r#"["hello",{"k":1},{"_placeholder":true,"num":0}]"#
    );
    assert_eq!(payload.name(), Some("hello"));
    assert_eq!(payload.attachments()[0], &[1, 2, 3][..]);
}

#[test]
fn an_attachment_shares_the_message_if_it_is_nearly_all_of_it() {
    for (len, shares) in [(1_000, true), (100, false)] {
        let mut bytes = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1x\xc5".to_vec();
        bytes.extend(u16::try_from(len).unwrap().to_be_bytes());
        bytes.extend(core::iter::repeat_n(7, len));
        let message = Bytes::from(bytes);
        let payload = decode(message.clone()).unwrap().payload.unwrap();
        let attachment = payload.attachments()[0].as_ptr();
        assert_eq!(
            message.as_ptr_range().contains(&attachment),
            shares,
            "{len}"
        );
    }
}

#[test]
fn a_packet_is_written_as_the_official_server_does() {
    let payload = Payload::ack()
        .arg("ok")
        .binary(vec![1, 2, 3])
        .build()
        .unwrap();
    let packet = PacketRef::new(PacketType::Ack, "/")
        .with_id(0)
        .with_payload(&payload);
    assert_eq!(
        encode(packet),
        &b"\x84\xa4type\x03\xa2id\x00\xa4data\x92\xa2ok\xc4\x03\x01\x02\x03\xa3nsp\xa1/"[..]
    );
    let packet = PacketRef::new(PacketType::Connect, "/admin");
    assert_eq!(encode(packet), &b"\x82\xa4type\x00\xa3nsp\xa6/admin"[..]);
}

#[test]
fn what_json_lacks_becomes_what_json_stringify_makes_of_it() {
    for (bytes, json) in [
        (&[0xd4, 0, 0][..], "null"),
        (&[0x93, 1, 0xd4, 0, 0, 2], "[1,null,2]"),
        (&[0x82, 0xa1, b'a', 0xd4, 0, 0, 0xa1, b'b', 1], r#"{"b":1}"#),
        (&[0x82, 0xa1, b'b', 1, 0xa1, b'a', 0xd4, 0, 0], r#"{"b":1}"#),
        (&[0x81, 0xa1, b'a', 0xd4, 0, 0], "{}"),
        (&[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], "null"),
        (&[0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], "null"),
        (&[0xca, 0xff, 0x80, 0, 0], "null"),
        (
            &[0xd7, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            r#""1970-01-01T00:00:00.001Z""#,
        ),
        (&[0xd7, 0, 0x7f, 0, 0, 0, 0, 0, 0, 1], "null"),
    ] {
        assert_eq!(argument(bytes), json, "{bytes:x?}");
    }
}

#[test]
fn an_ext_is_an_array_of_its_type_and_an_attachment() {
    let payload = payload(event(&[0xd6, 0xff, 1, 2, 3, 4]));
    assert_eq!(
        payload.json(),
        r#"["e",[-1,{"_placeholder":true,"num":0}]]"#
    );
    assert_eq!(
        payload.args::<((i8, &[u8]),)>(),
        Ok(((-1, &[1, 2, 3, 4][..]),))
    );
}

#[test]
fn keys_that_are_no_strings_become_text_and_bytes_are_no_key() {
    let map = [
        &[0x86][..],
        &[0x05, 1],
        &[0xff, 2],
        &[0xc3, 3],
        &[0xc0, 4],
        &[0xca, 0x3f, 0xc0, 0, 0, 5],
        &[0xa1, b'"', 6],
    ];
    assert_eq!(
        argument(&map.concat()),
        r#"{"5":1,"-1":2,"true":3,"null":4,"1.5":5,"\"":6}"#
    );
    for key in [
        &[0xc4, 1, b'a'][..],
        &[0x90],
        &[0x80],
        &[0xd4, 0, 0],
        &[0xd4, 5, 0],
    ] {
        let error = decode(event(&[&[0x81], key, &[1]].concat()));
        assert_eq!(error, Err(DecodeError::InvalidPayload), "{key:x?}");
    }
}

#[test]
fn numbers_keep_their_kind_and_64_bits() {
    for json in [
        "0",
        "1",
        "127",
        "128",
        "-1",
        "-32",
        "-33",
        "-129",
        "65536",
        "-2147483649",
        "9007199254740993",
        "-9007199254740993",
        "18446744073709551615",
        "-9223372036854775808",
        "0.1",
        "1.0",
        "-0.0",
        "1e+300",
        "5e-324",
    ] {
        assert_eq!(argument(&written(json)), json);
    }
    // Beyond 64 bits and in other spellings, the value is kept.
    for (json, again) in [
        ("-0", "-0.0"),
        ("1e2", "100.0"),
        ("1E400", "null"),
        ("18446744073709551616", "1.8446744073709552e19"),
        ("-9223372036854775809", "-9.223372036854775808e18"),
    ] {
        let read = argument(&written(json));
        let bits = |json: &str| json.parse().map(f64::to_bits);
        assert_eq!(bits(&read), bits(again), "{json}");
        assert_eq!(argument(&written(&read)), read);
    }
    assert_eq!(written("255"), [0xcc, 255]);
    assert_eq!(written("1.0"), [0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn strings_are_escaped_and_unescaped() {
    assert_eq!(written(r#""a\u00e9\n\ud83d\ude00""#), text("aé\n😀"));
    assert_eq!(
        argument(&text("\"\\\n\u{1}é😀\u{7f}")),
        "\"\\\"\\\\\\n\\u0001é😀\u{7f}\""
    );
    // A lone surrogate is nothing that UTF-8 can hold.
    assert_eq!(argument(&written(r#""\ud83d""#)), "\"\u{fffd}\"");
}

#[test]
fn data_that_looks_like_a_placeholder_stays_data() {
    let flag = text("_placeholder");
    let lookalike = [&[0x82][..], &flag, &[0xc3], &text("num"), &[0x00]].concat();
    let as_it_is = r#"{"_placeholder":true,"num":0}"#;
    // Without attachments nothing is a placeholder.
    let alone = payload(event(&lookalike));
    assert_eq!(alone.raw_args().next(), Some(as_it_is));
    assert!(alone.args::<(Bytes,)>().is_err());
    let packet = PacketRef::new(PacketType::Event, "/").with_payload(&alone);
    assert_eq!(payload(encode(packet)), alone);

    // Beside one it cannot be taken for it, however it is read or sent on.
    let both = payload(event_of(
        &[&[0x93, 0xa1, b'e'], &lookalike[..], &[0xc4, 1, 9]].concat(),
    ));
    assert_eq!(
        both.json(),
        r#"["e",{"_placeholder":1,"num":0},{"_placeholder":true,"num":0}]"#
    );
    assert!(both.args::<(Bytes, Bytes)>().is_err());
    let (value, bytes): (serde_json::Value, &[u8]) = both.args().unwrap();
    assert_eq!(
        (crate::Placeholder::from_value(&value), bytes),
        (None, &[9][..])
    );
    let again = Payload::event("e")
        .binary(vec![8])
        .args_of(&both)
        .build()
        .unwrap();
    assert_eq!(again.attachments().len(), 2);
    assert!(
        Payload::from_json(PacketType::Event, both.json(), both.attachments().to_vec()).is_ok()
    );
    for parser in [Parser::Json, Parser::MsgPack] {
        let packet = PacketRef::new(PacketType::Event, "/").with_payload(&both);
        assert!(parser.encode(packet, 10).is_ok());
    }
}

#[test]
fn what_is_no_lookalike_stays_as_it_is_beside_attachments() {
    let member = |key: &str, value: u8| [&[0x81][..], &text(key), &[value]].concat();
    let data = [
        &[0x95, 0xa1, b'e'][..],
        &member("ready", 0xc3),
        &member("_placeholder", 0xc2),
        &member("_placeholder", 7),
        &[0xc4, 0],
    ];
    assert_eq!(
        payload(event_of(&data.concat())).json(),
        r#"["e",{"ready":true},{"_placeholder":false},{"_placeholder":7},{"_placeholder":true,"num":0}]"#
    );
}

#[test]
fn a_lookalike_that_names_no_attachment_is_no_error() {
    let flag = text("_placeholder");
    let lookalike = [&[0x81][..], &flag, &[0xc3]].concat();
    let nested = [&[0x82][..], &flag, &[0xc3], &text("x"), &lookalike].concat();
    let data = [&[0x94, 0xa1, b'e'], &lookalike[..], &nested, &[0xc4, 0]].concat();
    assert_eq!(
        payload(event_of(&data)).json(),
        r#"["e",{"_placeholder":1},{"_placeholder":1,"x":{"_placeholder":1}},{"_placeholder":true,"num":0}]"#
    );
}

#[test]
fn placeholders_become_bytes_wherever_they_stand_and_others_are_left_out() {
    let json = r#"["e",{"a":[{"_placeholder":true,"num":1,"more":[{"x":[]}]}]},{ "num" : 0.0 , "\u005fplaceholder" : true },7]"#;
    let attachments = [&b"zero"[..], b"one", b"never"].map(Bytes::from_static);
    let payload = Payload::from_json(PacketType::Event, json, attachments.to_vec()).unwrap();
    let packet = PacketRef::new(PacketType::Event, "/").with_payload(&payload);
    let again = self::payload(encode(packet));
    assert_eq!(
        again.json(),
        r#"["e",{"a":[{"_placeholder":true,"num":0}]},{"_placeholder":true,"num":1},7]"#
    );
    assert_eq!(again.attachments(), [&b"one"[..], b"zero"]);
}

#[test]
fn binary_may_be_in_any_packet_and_the_default_parser_refuses_to_carry_it() {
    let data = [&[0x81][..], &text("key"), &[0xc4, 1, 9]].concat();
    let connect = message(&[("type", &[0]), ("nsp", &text("/")), ("data", &data)]);
    let packet = decode(connect).unwrap();
    let auth = packet.payload.as_ref().unwrap();
    assert_eq!(auth.json(), r#"{"key":{"_placeholder":true,"num":0}}"#);
    assert_eq!(decode(encode(packet.borrow())), Ok(packet.clone()));
    let refused = Parser::Json.encode(packet.borrow(), 10);
    assert_eq!(refused, Err(EncodeError::PayloadKind));
}

#[test]
fn nil_stands_for_what_is_absent_unless_told_otherwise() {
    let strict = Limits::default().with_lenient_nil(false);
    let nsp = text("/");
    for packet_type in [0, 1] {
        let bytes = message(&[("type", &[packet_type]), ("nsp", &nsp), ("data", &[0xc0])]);
        assert_eq!(decode(bytes.clone()).map(|packet| packet.payload), Ok(None));
        let refused = decode_with(bytes, strict);
        assert_eq!(refused, Err(DecodeError::InvalidPayload));
    }
    let data = [0x91, 0xa1, b'e'];
    let bytes = message(&[
        ("type", &[2]),
        ("nsp", &nsp),
        ("data", &data),
        ("id", &[0xc0]),
    ]);
    assert_eq!(decode(bytes.clone()).map(|packet| packet.id), Ok(None));
    assert_eq!(decode_with(bytes, strict), Err(DecodeError::InvalidId));
    // An event or an answer has data.
    for packet_type in [2, 3, 4] {
        let bytes = message(&[("type", &[packet_type]), ("nsp", &nsp), ("data", &[0xc0])]);
        assert_eq!(decode(bytes), Err(DecodeError::InvalidPayload));
    }
}

#[test]
fn a_disconnect_may_have_data_if_that_is_allowed() {
    let bytes = message(&[("type", &[1]), ("nsp", &text("/")), ("data", &text("bye"))]);
    assert_eq!(decode(bytes.clone()), Err(DecodeError::InvalidPayload));
    let lenient = Limits::default().with_lenient_disconnect(true);
    assert_eq!(
        decode_with(bytes, lenient),
        Ok(Packet::new(PacketType::Disconnect, "/"))
    );
}

#[test]
fn each_field_has_its_error() {
    let (nsp, data) = (text("/"), [0x91, 0xa1, b'e']);
    let with = |key: &str, value: &[u8]| {
        let mut fields = vec![
            ("type", &[2][..]),
            ("nsp", &nsp),
            ("data", &data),
            ("id", &[7]),
        ];
        fields.retain(|(name, _)| *name != key);
        fields.push((key, value));
        decode(message(&fields))
    };
    for value in [
        &[5][..],
        &[0xff],
        &[0xc0],
        &[0xc3],
        &[0x80],
        &[0xa1, b'2'],
        &[0xca, 0x3f, 0xc0, 0, 0],
    ] {
        assert_eq!(
            with("type", value),
            Err(DecodeError::InvalidType),
            "{value:x?}"
        );
    }
    for value in [
        &[0xa0][..],
        &[0xa1, b'a'],
        &[0xa2, b' ', b'/'],
        &[0xc4, 1, b'/'],
        &[0xc0],
        &[1],
        &[0x90],
    ] {
        assert_eq!(
            with("nsp", value),
            Err(DecodeError::InvalidNamespace),
            "{value:x?}"
        );
    }
    for value in [
        &[0xca, 0x3f, 0xc0, 0, 0][..],
        &[0xc2],
        &[0xa1, b'1'],
        &[0x90],
    ] {
        assert_eq!(with("id", value), Err(DecodeError::InvalidId), "{value:x?}");
    }
    for value in [
        &[0xff][..],
        &[0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0],
        &[0xcb, 0x43, 0x40, 0, 0, 0, 0, 0, 0],
    ] {
        assert_eq!(
            with("id", value),
            Err(DecodeError::IdOutOfRange),
            "{value:x?}"
        );
    }
    assert_eq!(
        with("id", &[0xcb, 0x40, 0x1c, 0, 0, 0, 0, 0, 0]).map(|packet| packet.id),
        Ok(Some(7))
    );
    assert_eq!(with("TYPE", &[2]).map(|packet| packet.id), Ok(Some(7)));
    for value in [
        &[1][..],
        &[0xa1, b'e'],
        &[0x80],
        &[0x90],
        &[0x91, 0xc0],
        &[0x91, 0xc3],
        &[0x91, 0x80],
        &[0x91, 0xc4, 0],
    ] {
        assert_eq!(
            with("data", value),
            Err(DecodeError::InvalidPayload),
            "{value:x?}"
        );
    }
}

#[test]
fn reserved_event_names_are_refused_as_in_json() {
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        let data = [&[0x91][..], &text(name)].concat();
        assert_eq!(
            decode(event_of(&data)),
            Err(DecodeError::InvalidPayload),
            "{name}"
        );
    }
    let data = [&[0x91][..], &text("error")].concat();
    assert_eq!(payload(event_of(&data)).name(), Some("error"));
    assert_eq!(payload(event_of(&[0x91, 0x07])).name(), Some("7"));
}

#[test]
fn namespaces_may_have_commas_and_are_limited() {
    let named = |name: &str| message(&[("type", &[1]), ("nsp", &text(name))]);
    let packet = decode(named("/a,b?c=d")).unwrap();
    assert_eq!(packet.namespace, "/a,b?c=d");
    assert_eq!(decode(encode(packet.borrow())), Ok(packet));
    let limits = Limits::default().with_max_namespace_len(4);
    assert!(decode_with(named("/abc"), limits).is_ok());
    let error = DecodeError::NamespaceTooLong { limit: 4 };
    assert_eq!(decode_with(named("/abcd"), limits), Err(error));
}

#[test]
fn binary_values_are_limited_and_not_by_the_limit_of_json() {
    let binaries = |count: u16| {
        let mut data = vec![0xdc];
        data.extend_from_slice(&(count + 1).to_be_bytes());
        data.extend_from_slice(&[0xa1, b'e']);
        data.extend((0..count).flat_map(|_| [0xc4, 0]));
        event_of(&data)
    };
    assert_eq!(payload(binaries(1024)).attachments().len(), 1024);
    let error = DecodeError::TooManyAttachments { limit: 1024 };
    assert_eq!(decode(binaries(1025)), Err(error));
    let limits = Limits::default()
        .with_max_attachments(0)
        .with_max_msgpack_attachments(3);
    assert!(decode_with(binaries(3), limits).is_ok());
    let error = DecodeError::TooManyAttachments { limit: 3 };
    assert_eq!(decode_with(binaries(4), limits), Err(error));
    // Where nothing may be attached, an `ArrayBuffer` and an unknown ext may not either.
    let limits = limits.with_max_msgpack_attachments(0);
    for arg in [&[0xc4, 0][..], &[0xc7, 0, 0], &[0xd4, 5, 0]] {
        let error = DecodeError::TooManyAttachments { limit: 0 };
        assert_eq!(decode_with(event(arg), limits), Err(error));
    }
}

#[test]
fn depth_is_counted_as_in_json_placeholders_included() {
    let limits = Limits::default().with_max_json_depth(3);
    for (arg, fits) in [
        (&[0x91, 0x90][..], true),
        (&[0x91, 0x91, 0x90], false),
        (&[0x81, 0xa1, b'k', 0x80], true),
        (&[0x81, 0xa1, b'k', 0x81, 0xa1, b'k', 0x80], false),
        (&[0x91, 0xc4, 0], true),
        (&[0x91, 0x91, 0xc4, 0], false),
        (&[0xd4, 5, 0], true),
        (&[0x91, 0xd4, 5, 0], false),
    ] {
        let result = decode_with(event(arg), limits);
        assert_eq!(result.is_ok(), fits, "{arg:x?}");
        let json = Payload::from_json(PacketType::Event, "[\"e\"]", vec![]).unwrap();
        let json = result.map_or(json, |packet| packet.payload.unwrap());
        let mut decoder = Parser::Json.decoder(limits);
        let text = alloc::format!("2{}", json.json());
        assert!(decoder.add(Message::text(text)).is_ok());
        if !fits {
            let error = decode_with(event(arg), limits);
            assert_eq!(error, Err(DecodeError::TooDeep { limit: 3 }));
        }
    }
}

#[test]
fn text_is_no_packet() {
    let mut decoder = Parser::MsgPack.decoder(Limits::default());
    for text in ["", "0", "2[\"e\"]"] {
        let error = decoder.add(Message::text(text));
        assert_eq!(error, Err(DecodeError::UnexpectedText));
    }
    assert_eq!(decoder.buffered_bytes(), 0);
}

/// The JSON of one value after the other, at its longest in comparison with what it is made of.
#[test]
fn a_payload_is_no_longer_than_is_counted_with() {
    let map = |members: &[u8]| [&[0xdf, 0, 0, 0x10, 0][..], &members.repeat(0x1000)].concat();
    let array = |items: &[u8]| [&[0xdd, 0, 0, 0x04, 0][..], &items.repeat(0x400)].concat();
    let limits = Limits::default();
    let mut most = 0;
    for value in [
        map(&[0xc2, 0xc2]),
        map(&[0xc0, 0xc2]),
        map(&[0xa0, 0xc2]),
        map(&[0xa8, 1, 1, 1, 1, 1, 1, 1, 1, 0xc2]),
        map(&[0xca, 0x80, 0, 0, 1, 0xca, 0x80, 0, 0, 1]),
        array(&[0xc2]),
        array(&[0xa1, 0]),
        array(&[0xd4, 0, 0]),
        array(&[0xd7, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        array(&[0xc4, 0]),
        array(&[0xd4, 0x80, 0]),
    ] {
        let message = event(&value);
        let length = payload(message.clone()).payload_len();
        assert!(
            length <= Parser::MsgPack.max_payload_len(message.len(), &limits),
            "{length}"
        );
        most = most.max(length * 100 / message.len());
    }
    assert!(most > 1500, "{most}");
}

#[test]
fn the_hint_not_to_compress_goes_with_the_message() {
    let payload = Payload::event("e").build().unwrap();
    let compressed = |payload: &Payload| {
        let packet = PacketRef::new(PacketType::Event, "/").with_payload(payload);
        Parser::MsgPack.encode(packet, 0).unwrap().parts()[0].compress()
    };
    assert!(compressed(&payload));
    assert!(!compressed(&payload.uncompressed()));
}

#[test]
fn only_packets_that_can_be_read_are_written() {
    let ack = Payload::no_args();
    let event = PacketRef::new(PacketType::Event, "/");
    for (packet, error) in [
        (event, EncodeError::PayloadKind),
        (
            PacketRef::new(PacketType::ConnectError, "/"),
            EncodeError::PayloadKind,
        ),
        (event.with_payload(&ack), EncodeError::PayloadKind),
        (
            PacketRef::new(PacketType::Connect, "a"),
            EncodeError::Namespace,
        ),
        (
            PacketRef::new(PacketType::Connect, "").with_id(1),
            EncodeError::Namespace,
        ),
        (
            PacketRef::new(PacketType::Ack, "/")
                .with_id(1 << 53)
                .with_payload(&ack),
            EncodeError::IdOutOfRange,
        ),
    ] {
        assert_eq!(Parser::MsgPack.encode(packet, 0).err(), Some(error));
    }
}

#[test]
fn a_decoder_is_three_words_whatever_its_parser() {
    assert_eq!(size_of::<crate::parser::Decoder>(), 24);
}

#[test]
fn a_message_has_the_room_that_it_takes_and_brings_the_payload() {
    let mut numbers: Vec<String> = (0..64)
        .flat_map(|bits| {
            let value = 1_u64 << bits;
            [value - 1, value].map(|value| value.to_string())
        })
        .collect();
    numbers.extend((0..64).map(|bits| (-1_i64 << bits).to_string()));
    numbers.extend((0..63).map(|bits| ((-1_i64 << bits) - 1).to_string()));
    numbers.extend(["-0", "1.0", "1e9", "18446744073709551616", "1e999"].map(String::from));
    let mut texts: Vec<String> = [0, 1, 31, 32, 255, 256, 65_535, 65_536]
        .map(|len| format!("\"{}\"", "a".repeat(len)))
        .to_vec();
    texts.push(r#""\u0041\ud83d\ude00\n""#.into());
    let lists = [0, 15, 16, 65_535, 65_536].map(|len| format!("[{}]", vec!["0"; len].join(",")));
    let maps =
        [0, 15, 16, 65_535, 65_536].map(|len| format!("{{{}}}", vec!["\"\":0"; len].join(",")));
    let place = r#"{"_placeholder":true,"num":0}"#;
    let values = numbers.into_iter().chain(texts).chain(lists).chain(maps);
    let values = values.chain(["true", "false", "null", place].map(String::from));
    for value in values {
        for len in [0, 255, 256, 65_535, 65_536] {
            let data = vec![Bytes::from(vec![1; len])];
            let json = format!("[\"e\",{value}]");
            let payload = Payload::from_json(PacketType::Event, json, data).unwrap();
            for id in [None, Some(0), Some(MAX_PACKET_ID)] {
                let mut packet = PacketRef::new(PacketType::Event, "/a").with_payload(&payload);
                packet.id = id;
                let message = super::message(&packet).unwrap();
                let shown = value.get(..30).unwrap_or(&value);
                assert_eq!(message.len(), message.capacity(), "{shown} {len}");
                let read = decode(message.into()).unwrap().payload.unwrap();
                if value == "1e999" {
                    assert_eq!(read.json(), r#"["e",null]"#);
                } else {
                    assert_eq!(read.to_value().unwrap(), payload.to_value().unwrap());
                }
                // And what came leaves as it is, whatever of it is read before.
                packet.payload = Some(&read);
                let again = super::message(&packet).unwrap();
                assert_eq!(again.len(), again.capacity(), "{shown} {len}");
                assert_eq!(decode(again.into()).unwrap().payload, Some(read.clone()));
            }
            if value != place {
                break;
            }
        }
    }
    let packet = PacketRef::new(PacketType::Connect, "/");
    let message = super::message(&packet).unwrap();
    assert_eq!(message.len(), message.capacity());
}

#[test]
fn a_payload_carries_the_limit_of_its_decoder() {
    let limits = Limits::default().with_max_expansion(7);
    let decoder = || Parser::MsgPack.decoder(limits);
    let mut older = decoder().with_revision(engineio_proto::Revision::V3);
    let refusal = Message::text(r#"{"type":4,"nsp":"/","data":"no"}"#);
    for packet in [
        decoder().add(Message::Binary(event(&[0xc4, 1, 9]))),
        older.add(Message::Binary(event(&[0x05]))),
        older.add(refusal),
    ] {
        let payload = packet.unwrap().unwrap().payload.unwrap();
        assert_eq!(payload.max_expansion(), 7);
        assert_eq!(payload.repeated_len(), 0);
    }
}
