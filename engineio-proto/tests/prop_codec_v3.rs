//! Properties of the codec of revision 3 that hold for any packet and any bytes.
#![cfg(test)]

#[path = "support/cases.rs"]
mod cases;

use engineio_proto::codec::{DecodeError, Packet, v3};
use engineio_proto::inputs::{Nearly, PayloadKind};
use engineio_proto::{Bytes, Frame, Message, strategies};
use proptest::collection::vec;
use proptest::prelude::*;

/// The two kinds of payload.
fn kind() -> impl Strategy<Value = PayloadKind> {
    prop_oneof![Just(PayloadKind::V3Text), Just(PayloadKind::V3Binary)]
}

/// A kind, and bytes that look like a payload of one of the kinds, or do not.
fn body() -> impl Strategy<Value = (PayloadKind, Bytes)> {
    (kind(), kind().prop_flat_map(strategies::polling_body))
}

proptest! {
    #![proptest_config(cases::config(512))]

    #[test]
    fn a_frame_decodes_to_the_packet_it_was_made_of(packet: Packet) {
        let text = Frame::Text(v3::encode_text(&packet));
        prop_assert_eq!(v3::decode_frame(text), Ok(packet.clone()));
        prop_assert_eq!(v3::decode_frame(v3::encode_frame(&packet)), Ok(packet));
    }

    #[test]
    fn a_payload_decodes_to_the_packets_it_was_made_of(kind in kind(), packets in vec(any::<Packet>(), 0..10)) {
        let decoded: Result<Vec<_>, _> = kind.decode(kind.encode(&packets), packets.len()).into_iter().collect();
        prop_assert_eq!(decoded, Ok(packets));
    }

    #[test]
    fn what_decodes_is_a_fixed_point_of_encoding((kind, body) in body()) {
        let decoded: Result<Vec<_>, _> = kind.decode(body, usize::MAX).into_iter().collect();
        if let Ok(packets) = decoded {
            let again: Result<Vec<_>, _> = kind.decode(kind.encode(&packets), packets.len()).into_iter().collect();
            prop_assert_eq!(again, Ok(packets));
        }
    }

    #[test]
    fn a_payload_that_was_changed_decodes_within_its_bounds(
        Nearly(payload) in kind().prop_flat_map(|kind| strategies::nearly(strategies::polling_payload(kind))),
    ) {
        let length = payload.body.len();
        let decoded = payload.kind.decode(payload.body, usize::MAX);
        let errors = decoded.iter().filter(|item| item.is_err()).count();
        prop_assert!(errors == 0 || (errors == 1 && decoded.last().is_some_and(Result::is_err)));
        let content: usize = decoded.iter().flatten().map(|packet| {
            if let Packet::Message(message) = packet { message.len() + 1 } else { v3::encode_text(packet).len() }
        }).sum();
        prop_assert!(content <= length);
    }

    #[test]
    fn no_more_packets_are_read_than_allowed_and_none_after_an_error(
        (kind, body) in body(), limit in 0..10_usize,
    ) {
        let all = kind.decode(body.clone(), usize::MAX);
        let some = kind.decode(body, limit);
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
