//! What public advisories and bug reports found in other implementations, one test each.

#![cfg(test)]

use socketio_proto::engine::Message;
use socketio_proto::parser::{Decoder, Limits, Parser};
use socketio_proto::{DecodeError, Packet, PacketType, Payload};

/// Counts and ids are read in one pass, however long they are.
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

/// The number of a placeholder is an index, and nothing else.
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

/// Attachments are counted before any of them is kept.
#[test]
fn cve_2026_33151_and_ghsa_55mf_67qm_4wpg_more_attachments_than_allowed() {
    assert_eq!(
        decode(&["511-[\"a\"]"]),
        Err(DecodeError::TooManyAttachments { limit: 10 })
    );
    assert_eq!(decode(&["510-[\"a\"]"]), Ok(None));
    assert_eq!(decode(&["50-[\"a\"]"]), Err(DecodeError::AttachmentCount));
}

/// Nesting is counted, not recursed into.
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

/// Bytes without a header, text instead of bytes, and packets cut at any place are errors, and the decoder is as new.
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

/// Keys that mean something in JavaScript are keys.
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

/// Of equal keys the last counts, and numbers of any size are numbers.
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

fn decode(frames: &[&str]) -> Result<Option<Packet>, DecodeError> {
    let mut decoder = decoder();
    let mut last = None;
    for frame in frames {
        last = decoder.add(Message::text((*frame).to_owned()))?;
    }
    Ok(last)
}
