//! Properties of the codec of revision 3 that hold for any packet and any bytes.
#![cfg(test)]

#[path = "support/cases.rs"]
mod cases;

use engineio_proto::codec::{DecodeError, Packet, v3};
use engineio_proto::{ByteString, Bytes, Frame, Message};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use bytes::BytesMut;

fn text() -> impl Strategy<Value = ByteString> {
    // Characters of one UTF-16 unit and of two, and what looks like a length.
    prop_oneof!["probe", "[ -~€😀\n]{0,20}", "[0-9:]{0,9}", any::<String>()]
        .prop_map(ByteString::from)
}

fn packet() -> impl Strategy<Value = Packet> {
    prop_oneof![
        text().prop_map(Packet::Open),
        text().prop_map(Packet::Close),
        text().prop_map(Packet::Ping),
        text().prop_map(Packet::Pong),
        text().prop_map(|text| Packet::Message(Message::Text(text))),
        vec(any::<u8>(), 0..40).prop_map(|data| Packet::Message(Message::binary(data))),
        text().prop_map(Packet::Upgrade),
        text().prop_map(Packet::Noop),
    ]
}

/// The two kinds of payload.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Binary,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Text), Just(Kind::Binary)]
}

fn encode(kind: Kind, packets: &[Packet]) -> Bytes {
    let mut body = BytesMut::new();
    match kind {
        Kind::Text => v3::encode_payload(packets, &mut body),
        Kind::Binary => v3::encode_binary_payload(packets, &mut body),
    }
    body.freeze()
}

fn decode(kind: Kind, body: Bytes, limit: usize) -> Vec<Result<Packet, DecodeError>> {
    match kind {
        Kind::Text => v3::decode_payload(body, limit).collect(),
        Kind::Binary => v3::decode_binary_payload(body, limit).collect(),
    }
}

/// Bytes that look like a payload, and some that do not.
fn body() -> impl Strategy<Value = Bytes> {
    let piece = prop_oneof![
        4 => "[0-9]{0,3}:[0-6b€😀]{0,4}",
        2 => "[0-9]{9,30}:",
        1 => any::<String>(),
    ];
    let texts = vec(piece, 0..8).prop_map(|pieces| Bytes::from(pieces.concat()));
    let item = vec(
        prop_oneof![0..11_u8, Just(0xff), b'0'..=b'7', any::<u8>()],
        0..9,
    );
    let bytes = vec(item, 0..6).prop_map(|items| Bytes::from(items.concat()));
    prop_oneof![texts, bytes]
}

proptest! {
    #![proptest_config(cases::config(512))]

    #[test]
    fn a_frame_decodes_to_the_packet_it_was_made_of(packet in packet()) {
        let text = Frame::Text(v3::encode_text(&packet));
        prop_assert_eq!(v3::decode_frame(text), Ok(packet.clone()));
        prop_assert_eq!(v3::decode_frame(v3::encode_frame(&packet)), Ok(packet));
    }

    #[test]
    fn a_payload_decodes_to_the_packets_it_was_made_of(kind in kind(), packets in vec(packet(), 0..10)) {
        let decoded: Result<Vec<_>, _> = decode(kind, encode(kind, &packets), packets.len()).into_iter().collect();
        prop_assert_eq!(decoded, Ok(packets));
    }

    #[test]
    fn what_decodes_is_a_fixed_point_of_encoding(kind in kind(), body in body()) {
        let decoded: Result<Vec<_>, _> = decode(kind, body, usize::MAX).into_iter().collect();
        if let Ok(packets) = decoded {
            let again: Result<Vec<_>, _> = decode(kind, encode(kind, &packets), packets.len()).into_iter().collect();
            prop_assert_eq!(again, Ok(packets));
        }
    }

    #[test]
    fn a_payload_that_was_changed_decodes_within_its_bounds(
        kind in kind(), packets in vec(packet(), 1..6), at: Index, byte in prop_oneof![any::<u8>(), 0..10_u8, b'0'..=b':'],
        cut: Index,
    ) {
        let mut body = encode(kind, &packets).to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        body.truncate(cut.index(body.len() * 2).max(1));
        let length = body.len();
        let decoded = decode(kind, body.into(), usize::MAX);
        let errors = decoded.iter().filter(|item| item.is_err()).count();
        prop_assert!(errors == 0 || (errors == 1 && decoded.last().is_some_and(Result::is_err)));
        let content: usize = decoded.iter().flatten().map(|packet| {
            if let Packet::Message(message) = packet { message.len() + 1 } else { v3::encode_text(packet).len() }
        }).sum();
        prop_assert!(content <= length);
    }

    #[test]
    fn no_more_packets_are_read_than_allowed_and_none_after_an_error(
        kind in kind(), body in body(), limit in 0..10_usize,
    ) {
        let all = decode(kind, body.clone(), usize::MAX);
        let some = decode(kind, body, limit);
        let (good, rest) = some.split_at(some.iter().position(Result::is_err).unwrap_or(some.len()));
        prop_assert!(good.len() <= limit && rest.len() <= 1);
        prop_assert!(all.iter().zip(good).all(|(one, other)| one == other));
        if all.len() > limit && all.get(limit).is_some_and(Result::is_ok) {
            prop_assert_eq!(good.len(), limit);
            prop_assert_eq!(rest, [Err(DecodeError::TooManyPackets { limit })]);
        } else if all.len() <= limit {
            prop_assert_eq!(some, all);
        }
    }

    #[test]
    fn any_frame_is_a_packet_or_an_error(text: String, data: Vec<u8>) {
        let decoded = v3::decode_frame(Frame::Text(text.as_str().into()));
        match text.as_bytes().first() {
            None => prop_assert_eq!(decoded, Err(DecodeError::Empty)),
            Some(b'0'..=b'6') => prop_assert!(decoded.is_ok()),
            Some(b'b') => {}
            Some(&byte) => prop_assert_eq!(decoded, Err(DecodeError::UnknownType(byte))),
        }
        let decoded = v3::decode_frame(Frame::Binary(data.clone().into()));
        match data.split_first() {
            None => prop_assert_eq!(decoded, Err(DecodeError::Empty)),
            Some((4, data)) => prop_assert_eq!(decoded, Ok(Packet::Message(Message::binary(data.to_vec())))),
            Some((0..=6, _)) => prop_assert!(decoded.is_ok()),
            Some((&byte, _)) => prop_assert_eq!(decoded, Err(DecodeError::UnknownType(byte))),
        }
    }

    /// A length counts UTF-16 units. Every other length is too short for its packet, or too long.
    #[test]
    fn a_length_that_lies_never_gives_the_packet(text in "[a€😀]{1,9}", length in 0..30_usize) {
        let packet: String = format!("4{text}");
        let decoded: Result<Vec<_>, _> =
            v3::decode_payload(Bytes::from(format!("{length}:{packet}")), 9).collect();
        let honest = length == packet.encode_utf16().count();
        let expected = Packet::Message(Message::text(text));
        prop_assert_eq!(decoded == Ok(vec![expected]), honest);
    }
}
