use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::*;

fn message(text: &'static str) -> Packet {
    Packet::Message(Message::text(text))
}

fn binary(data: &[u8]) -> Packet {
    Packet::Message(Message::binary(data.to_vec()))
}

fn decode(body: &str) -> Vec<Result<Packet, DecodeError>> {
    decode_payload(Bytes::from(body.to_string()), 10).collect()
}

fn decode_bytes(body: &[u8]) -> Vec<Result<Packet, DecodeError>> {
    decode_binary_payload(Bytes::copy_from_slice(body), 10).collect()
}

#[test]
fn known_frames_both_ways() {
    for (frame, packet) in [
        (Frame::Text("0{}".into()), Packet::Open("{}".into())),
        (Frame::Text("1".into()), Packet::Close("".into())),
        (Frame::Text("2probe".into()), Packet::Ping("probe".into())),
        (Frame::Text("3".into()), Packet::Pong("".into())),
        (Frame::Text("4€😀".into()), message("€😀")),
        (Frame::Text("4".into()), message("")),
        (Frame::Text("5".into()), Packet::Upgrade("".into())),
        (Frame::Text("6".into()), Packet::Noop("".into())),
        (
            Frame::Binary(Bytes::from_static(&[4, 1, 2])),
            binary(&[1, 2]),
        ),
        (Frame::Binary(Bytes::from_static(&[4])), binary(&[])),
    ] {
        assert_eq!(encode_frame(&packet), frame);
        assert_eq!(decode_frame(frame), Ok(packet));
    }
}

#[test]
fn known_base64_both_ways() {
    for (text, data) in [("b4AQIDBA==", &[1, 2, 3, 4][..]), ("b4", &[])] {
        assert_eq!(encode_text(&binary(data)), text);
        assert_eq!(decode_frame(Frame::Text(text.into())), Ok(binary(data)));
    }
}

#[test]
fn malformed_frames_are_refused() {
    let text = |text: &'static str| decode_frame(Frame::Text(text.into())).unwrap_err();
    assert_eq!(text(""), DecodeError::Empty);
    assert_eq!(text("7"), DecodeError::UnknownType(b'7'));
    assert_eq!(text("b"), DecodeError::Empty);
    assert_eq!(text("b9AQID"), DecodeError::UnknownType(b'9'));
    assert_eq!(text("b7*"), DecodeError::UnknownType(b'7'));
    assert_eq!(text("bAQID"), DecodeError::UnknownType(b'A'));
    assert_eq!(text("bé"), DecodeError::UnknownType(0xc3));
    assert_eq!(text("b4*"), DecodeError::Base64);
    let binary =
        |data: &'static [u8]| decode_frame(Frame::Binary(Bytes::from_static(data))).unwrap_err();
    assert_eq!(binary(&[]), DecodeError::Empty);
    assert_eq!(binary(&[9, 1]), DecodeError::UnknownType(9));
    assert_eq!(binary(b"4a"), DecodeError::UnknownType(b'4'));
    assert_eq!(binary(&[0xff]), DecodeError::UnknownType(0xff));
}

#[test]
fn binary_data_of_other_packets_is_dropped() {
    assert_eq!(
        decode_frame(Frame::Binary(Bytes::from_static(&[2, b'p']))),
        Ok(Packet::Ping("".into()))
    );
    assert_eq!(
        decode_frame(Frame::Text("b1AQID".into())),
        Ok(Packet::Close("".into()))
    );
}

#[test]
fn known_text_payload_both_ways() {
    let packets = [
        message("hello"),
        message("€"),
        message("😀"),
        binary(&[1, 2, 3, 4]),
        Packet::Ping("probe".into()),
        message(""),
    ];
    let mut out = BytesMut::new();
    encode_payload(&packets, &mut out);
    assert_eq!(out, "6:4hello2:4€3:4😀10:b4AQIDBA==6:2probe1:4");
    let decoded: Result<Vec<_>, _> = decode_payload(out.freeze(), packets.len()).collect();
    assert_eq!(decoded, Ok(packets.to_vec()));
}

#[test]
fn known_binary_payload_both_ways() {
    let packets = [
        message("hello"),
        message("€"),
        message("😀"),
        binary(&[1, 2, 3, 4]),
        binary(&[7; 11]),
    ];
    let mut out = BytesMut::new();
    encode_binary_payload(&packets, &mut out);
    let mut expected = vec![0, 6, 0xff];
    expected.extend_from_slice(b"4hello\0\x04\xff4\xe2\x82\xac\0\x05\xff4\xf0\x9f\x98\x80");
    expected.extend_from_slice(&[1, 5, 0xff, 4, 1, 2, 3, 4, 1, 1, 2, 0xff, 4]);
    expected.extend_from_slice(&[7; 11]);
    assert_eq!(out, expected);
    assert_eq!(decode_bytes(&expected), packets.map(Ok));
}

#[test]
fn no_packets_are_one_of_length_zero_as_text_and_nothing_as_binary() {
    let mut out = BytesMut::new();
    encode_payload(&[], &mut out);
    assert_eq!(out, "0:");
    assert_eq!(decode("0:"), []);
    assert_eq!(decode(""), [Err(DecodeError::Empty)]);
    assert_eq!(decode_bytes(&[]), []);
}

#[test]
fn packets_of_length_zero_are_passed_over_and_not_counted() {
    assert_eq!(decode("0:0:2:4a00:"), [Ok(message("a"))]);
    let zeros = "0:".repeat(100_000);
    assert_eq!(decode(&zeros), []);
}

#[test]
fn a_length_that_divides_a_surrogate_pair_is_refused() {
    assert_eq!(decode("2:4😀"), [Err(DecodeError::DividedCharacter)]);
    assert_eq!(decode("4:4😀"), [Err(DecodeError::Truncated)]);
    assert_eq!(
        decode("3:4😀2:4😀"),
        [Ok(message("😀")), Err(DecodeError::DividedCharacter)]
    );
}

#[test]
fn a_length_is_decimal_digits_and_not_many() {
    for body in [
        "abc",
        "-1:4a",
        "+2:4a",
        "1.5:4a",
        "0x2:4a",
        " 2:4a",
        "2 :4a",
        "2e0:4a",
        ":4a",
        "2",
        "00000000002:4a",
        "99999999999999999999:4a",
        "２:4a",
        "é:4",
    ] {
        assert_eq!(decode(body), [Err(DecodeError::Length)], "{body}");
    }
    for body in ["9:4a", "9999999999:4a", "1:"] {
        assert_eq!(decode(body), [Err(DecodeError::Truncated)], "{body}");
    }
    assert_eq!(decode("0000000002:4a"), [Ok(message("a"))]);
    assert_eq!(
        decode("2:4a5"),
        [Ok(message("a")), Err(DecodeError::Length)]
    );
    assert_eq!(decode("1:9"), [Err(DecodeError::UnknownType(b'9'))]);
    assert_eq!(decode("1:é"), [Err(DecodeError::UnknownType(0xc3))]);
}

#[test]
fn faults_of_binary_payloads_are_refused() {
    for (body, error) in [
        (&[0][..], DecodeError::Length),
        (&[0, 1], DecodeError::Length),
        (&[0, 0xff, b'4'], DecodeError::Length),
        (&[0, 0x0a, 0xff, b'4'], DecodeError::Length),
        (&[0, 1, 0xfe, b'4'], DecodeError::Length),
        (&[0, 0xff], DecodeError::Length),
        (&[1, 2, 0xff, 4], DecodeError::Truncated),
        (&[0, 1, 0xff], DecodeError::Truncated),
        (&[0, 0, 0xff], DecodeError::Empty),
        (&[1, 0, 0xff], DecodeError::Empty),
        (&[2, 1, 0xff, 4], DecodeError::UnknownKind(2)),
        (&[1, 1, 0xff, 7], DecodeError::UnknownType(7)),
        (&[0, 2, 0xff, b'4', 0xff], DecodeError::Utf8),
    ] {
        assert_eq!(decode_bytes(body), [Err(error)], "{body:?}");
        let behind = [&[0, 2, 0xff, b'4', b'a'], body].concat();
        assert_eq!(decode_bytes(&behind), [Ok(message("a")), Err(error)]);
    }
    let mut digits = vec![1];
    digits.extend_from_slice(&[0; MAX_DIGITS]);
    digits.extend_from_slice(&[1, 0xff, 4]);
    assert_eq!(decode_bytes(&digits), [Err(DecodeError::Length)]);
    let mut nines = vec![1];
    nines.extend_from_slice(&[9; MAX_DIGITS]);
    nines.extend_from_slice(&[0xff, 4]);
    assert_eq!(decode_bytes(&nines), [Err(DecodeError::Truncated)]);
}

#[test]
fn base64_within_a_binary_payload_is_binary() {
    assert_eq!(decode_bytes(b"\0\x06\xffb4AQID"), [Ok(binary(&[1, 2, 3]))]);
}

#[test]
fn packets_are_counted_to_the_limit() {
    let error = || Err(DecodeError::TooManyPackets { limit: 2 });
    let text: Vec<_> = decode_payload(Bytes::from_static(b"1:41:41:4"), 2).collect();
    assert_eq!(text, [Ok(message("")), Ok(message("")), error()]);
    let text: Vec<_> = decode_payload(Bytes::from_static(b"1:41:40:"), 2).collect();
    assert_eq!(text, [Ok(message("")), Ok(message(""))]);
    let body = b"\0\x01\xff4".repeat(3);
    let bytes: Vec<_> = decode_binary_payload(body.into(), 2).collect();
    assert_eq!(bytes, [Ok(message("")), Ok(message("")), error()]);
}

#[test]
fn a_text_payload_that_is_not_utf8_is_refused() {
    let decoded: Vec<_> = decode_payload(Bytes::from_static(b"2:4\xff"), 10).collect();
    assert_eq!(decoded, [Err(DecodeError::Utf8)]);
}

#[test]
fn text_and_binary_are_sliced_not_copied() {
    let within = |body: &Bytes, packet: Option<Result<Packet, DecodeError>>| {
        let start = match packet {
            Some(Ok(Packet::Message(Message::Text(text)))) => text.as_ptr(),
            Some(Ok(Packet::Message(Message::Binary(data)))) => data.as_ptr(),
            other => panic!("a message, not {other:?}"),
        };
        assert!(body.as_ptr_range().contains(&start));
    };
    let text = Bytes::from(String::from("6:4hello"));
    within(&text, decode_payload(text.clone(), 1).next());
    let bytes = Bytes::from(vec![1, 3, 0xff, 4, 1, 2]);
    within(&bytes, decode_binary_payload(bytes.clone(), 1).next());
}

#[test]
fn lengths_are_written_digit_by_digit() {
    for number in [0, 1, 9, 10, 99, 100, 12_345, usize::MAX] {
        let mut out = BytesMut::new();
        put_digits(number, b'0', &mut out);
        assert_eq!(out, number.to_string().as_bytes());
    }
}
