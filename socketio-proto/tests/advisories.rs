//! Faults from public advisories and bug reports on other implementations, one test each.

#![cfg(test)]

use socketio_proto::engine::Message;
use socketio_proto::parser::{Decoder, Limits, Parser};
use socketio_proto::{DecodeError, Packet, PacketType, Payload};

/// Counts and ids of any length are read in one pass.
#[test]
fn cve_2020_36049_long_attachment_counts_and_ids() {
    let digits = "1".repeat(900_000);
    assert_eq!(
        decode(&[&format!("5{digits}-[\"a\"]")]),
        Err(DecodeError::TooManyAttachments { limit: 10 })
    );
    assert_eq!(
        decode(&[&format!("2{digits}[\"a\"]")]),
        Err(DecodeError::IdOutOfRange)
    );
    assert_eq!(
        decode(&[&format!("5{digits}")]),
        Err(DecodeError::AttachmentCount)
    );
}

/// The number of a placeholder is only an index.
#[test]
fn cve_2022_2421_placeholders_that_are_no_index() {
    for number in [
        "\"splice\"",
        "\"0\"",
        "-1",
        "1",
        "0.5",
        "null",
        "[0]",
        "{}",
        "1e999",
        "18446744073709551616",
    ] {
        let header = format!("51-[\"a\",{{\"_placeholder\":true,\"num\":{number}}}]");
        let mut decoder = decoder();
        assert_eq!(decoder.add(Message::text(header)), Ok(None), "{number}");
        assert_eq!(
            decoder.add(Message::binary(vec![1])),
            Err(DecodeError::Placeholder),
            "{number}"
        );
        assert!(!decoder.is_waiting());
    }
}

/// An event's name is a string or a number.
#[test]
fn cve_2023_32695_event_names_that_are_no_names() {
    for name in ["{\"toString\":\"foo\"}", "[\"a\"]", "null", "true"] {
        assert_eq!(
            decode(&[&format!("2[{name}]")]),
            Err(DecodeError::InvalidPayload),
            "{name}"
        );
    }
}

/// An event named `error` is an event.
#[test]
fn cve_2024_38355_an_event_named_error() {
    let packet = decode(&[r#"2["error","boom"]"#]).unwrap().unwrap();
    assert_eq!(packet.payload.unwrap().name(), Some("error"));
}

/// Attachments are counted before any of them is stored.
#[test]
fn cve_2026_33151_and_ghsa_55mf_67qm_4wpg_more_attachments_than_allowed() {
    assert_eq!(
        decode(&["511-[\"a\"]"]),
        Err(DecodeError::TooManyAttachments { limit: 10 })
    );
    assert_eq!(decode(&["510-[\"a\"]"]), Ok(None));
    assert_eq!(decode(&["50-[\"a\"]"]), Err(DecodeError::AttachmentCount));
}

/// Nesting is counted without recursion.
#[test]
fn ghsa_c6g7_r2mf_pf5g_deep_nesting() {
    let nested = |depth: usize| format!("2[\"a\",{}{}]", "[".repeat(depth), "]".repeat(depth));
    assert!(decode(&[&nested(127)]).unwrap().is_some());
    assert_eq!(
        decode(&[&nested(128)]),
        Err(DecodeError::TooDeep { limit: 128 })
    );
    assert_eq!(
        decode(&[&nested(400_000)]),
        Err(DecodeError::TooDeep { limit: 128 })
    );
    let objects = format!("2[\"a\",{}", "{\"a\":".repeat(400_000));
    assert_eq!(
        decode(&[&objects]),
        Err(DecodeError::TooDeep { limit: 128 })
    );
}

/// MessagePack is read without recursion too, in the payload and in ignored parts.
#[test]
fn ghsa_c6g7_r2mf_pf5g_deep_message_pack() {
    let event = |arg: &[u8]| [&b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a"[..], arg].concat();
    let arrays = |depth: usize| event(&[vec![0x91; depth - 1], vec![0x90]].concat());
    assert!(decode_msgpack(arrays(127)).is_ok());
    for depth in [128, 1_000_000] {
        let error = DecodeError::TooDeep { limit: 128 };
        assert_eq!(decode_msgpack(arrays(depth)), Err(error));
    }
    let maps = event(&[b"\x81\xa1a".repeat(400_000), vec![0xc0]].concat());
    let error = DecodeError::TooDeep { limit: 128 };
    assert_eq!(decode_msgpack(maps), Err(error));
    // What means nothing is passed over, be it a value or a key.
    let nested = [vec![0x91; 1_000_000], vec![0xc0]].concat();
    let nil = vec![0xc0];
    for (key, value) in [(b"\xa7options".to_vec(), &nested), (nested.clone(), &nil)] {
        let message = [&b"\x83\xa4type\x01\xa3nsp\xa1/"[..], &key, value].concat();
        let packet = Packet::new(PacketType::Disconnect, "/");
        assert_eq!(decode_msgpack(message), Ok(packet));
    }
    assert_eq!(
        decode_msgpack(vec![0x81; 1_000_000]),
        Err(DecodeError::MsgPack)
    );
}

/// MessagePack that is truncated, has wrong lengths or holds invalid values is an error.
#[test]
fn ghsa_7xpx_rcqc_8qjh_malformed_message_pack() {
    let whole = b"\x84\xa4type\x02\xa3nsp\xa2/a\xa2id\xcd\x01\x00\xa4data\x93\xa1e\xc4\x02ab\x81\xa1k\xcb\x3f\xf8\0\0\0\0\0\0";
    assert!(decode_msgpack(whole.to_vec()).is_ok());
    for index in 0..whole.len() {
        assert!(decode_msgpack(whole[..index].to_vec()).is_err());
        for byte in 0..=0xff {
            let mut changed = whole.to_vec();
            changed[index] = byte;
            // Any result will do.
            let _packet_or_error = decode_msgpack(changed);
        }
    }
    for root in 0..=0xff_u8 {
        assert!(decode_msgpack(vec![root]).is_err());
        assert!(decode_msgpack([&[root][..], &[0xff; 64]].concat()).is_err());
    }
}

/// Lengths of every kind are compared with the remaining input before anything is allocated for them.
#[test]
fn message_pack_bombs_declare_more_than_they_have() {
    let head = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data";
    for count in [1_u32 << 16, 1 << 24, 1 << 31, u32::MAX] {
        for marker in [0xc6_u8, 0xc9, 0xdb, 0xdd, 0xdf] {
            let bomb = [&[marker][..], &count.to_be_bytes(), &[0x00, 0x01, 0x02]].concat();
            // As the packet, as its data, inside of it, as a key and as what is passed over.
            let inside = [&head[..], &[0x92, 0xa1, b'e'], &bomb].concat();
            let key = [&head[..], &[0x92, 0xa1, b'e', 0x81], &bomb].concat();
            let other = [&b"\x83\xa4type\x02\xa3nsp\xa1/\xa1x"[..], &bomb].concat();
            for message in [
                bomb.clone(),
                [&head[..], &bomb].concat(),
                inside,
                key,
                other,
            ] {
                assert_eq!(
                    decode_msgpack(message),
                    Err(DecodeError::MsgPack),
                    "{marker:x}"
                );
            }
        }
    }
    // Many containers that each claim all the rest.
    let nested = [0xdd, 0, 0, 0x40, 0].repeat(20_000);
    let message = [&head[..], &nested].concat();
    assert_eq!(decode_msgpack(message), Err(DecodeError::MsgPack));
    // A million of the smallest values are what they are.
    let mut message = [&head[..], &[0xdd, 0, 15, 66, 65, 0xa1, b'e']].concat();
    message.resize(message.len() + 1_000_000, 0xc0);
    let payload = decode_msgpack(message).unwrap().payload.unwrap();
    assert_eq!(payload.raw_args().count(), 1_000_000);
}

/// Bytes without a header, text instead of bytes, and packets cut at any place are errors. The decoder then starts
/// anew.
#[test]
fn stray_binary_and_malformed_binary_packets_neither_crash_nor_hang() {
    let mut decoder = decoder();
    assert_eq!(
        decoder.add(Message::binary(vec![1])),
        Err(DecodeError::UnexpectedBinary)
    );
    assert_eq!(decoder.add(Message::text("51-[\"a\"]")), Ok(None));
    assert_eq!(
        decoder.add(Message::text("2[\"b\"]")),
        Err(DecodeError::UnexpectedText)
    );
    let whole = "52-/admin,7[\"é\",{\"_placeholder\":true,\"num\":0}]";
    for cut in (0..whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
        decoder.reset();
        let _error_or_header = decoder.add(Message::text(whole[..cut].to_owned()));
    }
    decoder.reset();
    assert!(decoder.add(Message::text("2[\"b\"]")).unwrap().is_some());
}

/// Keys with a meaning in JavaScript are plain keys.
#[test]
fn prototype_style_keys_are_plain_data() {
    let json = r#"["a",{"__proto__":{"admin":true},"constructor":1,"hasOwnProperty":2}]"#;
    let payload = decode(&[&format!("2{json}")])
        .unwrap()
        .unwrap()
        .payload
        .unwrap();
    assert_eq!(payload.json(), json);
    let (value,): (serde_json::Value,) = payload.args().unwrap();
    assert_eq!(value["__proto__"]["admin"], true);
}

/// The last of equal keys counts, and numbers of any size are numbers.
#[test]
fn duplicate_keys_and_huge_numbers() {
    let read = |json: &str| {
        let payload = Payload::from_json(PacketType::Event, json.to_owned(), vec![]).unwrap();
        payload.args::<(serde_json::Value,)>().unwrap().0
    };
    assert_eq!(read(r#"["a",{"k":1,"k":2}]"#)["k"], 2);
    assert_eq!(
        read("[\"a\",123456789012345678901234567890]"),
        123_456_789_012_345_678_901_234_567_890_f64
    );
}

fn decoder() -> Decoder {
    Parser::default().decoder(Limits::default())
}

fn decode_msgpack(message: Vec<u8>) -> Result<Packet, DecodeError> {
    let mut decoder = Parser::MsgPack.decoder(Limits::default());
    let packet = decoder.add(Message::binary(message))?;
    Ok(packet.expect("one message is one packet"))
}

fn decode(frames: &[&str]) -> Result<Option<Packet>, DecodeError> {
    let mut decoder = decoder();
    let mut last = None;
    for frame in frames {
        last = decoder.add(Message::text((*frame).to_owned()))?;
    }
    Ok(last)
}
