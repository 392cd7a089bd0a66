//! Properties of the codec that hold for any packet and any bytes.
#![cfg(test)]

#[path = "support/cases.rs"]
mod cases;

use engineio_proto::codec::{DecodeError, Open, Packet, v4};
use engineio_proto::inputs::PayloadKind;
use engineio_proto::{Bytes, Encoded, Frame, Message, Transport, strategies};
use proptest::collection::vec;
use proptest::prelude::*;

use bytes::BytesMut;

/// Bytes that look like a payload, and some that do not.
fn body() -> impl Strategy<Value = Bytes> {
    strategies::polling_body(PayloadKind::V4)
}

proptest! {
    #![proptest_config(cases::config(512))]

    #[test]
    fn a_frame_decodes_to_the_packet_it_was_made_of(packet: Packet) {
        prop_assert_eq!(v4::decode_frame(v4::encode_frame(&packet)), Ok(packet));
    }

    #[test]
    fn a_text_packet_decodes_to_the_packet_it_was_made_of(packet: Packet) {
        let frame = Frame::Text(v4::encode_text(&packet));
        prop_assert_eq!(v4::decode_frame(frame), Ok(packet));
    }

    #[test]
    fn a_payload_decodes_to_the_packets_it_was_made_of(packets in vec(strategies::payload_packet(), 1..10)) {
        let mut body = BytesMut::new();
        v4::encode_payload(&packets, &mut body);
        let decoded: Result<Vec<_>, _> = v4::decode_payload(body.freeze(), packets.len()).collect();
        prop_assert_eq!(decoded, Ok(packets));
    }

    #[test]
    fn what_decodes_is_a_fixed_point_of_encoding(body in body()) {
        let decoded: Result<Vec<_>, _> = v4::decode_payload(body, usize::MAX).collect();
        if let Ok(packets) = decoded {
            let mut encoded = BytesMut::new();
            v4::encode_payload(&packets, &mut encoded);
            let again: Result<Vec<_>, _> = v4::decode_payload(encoded.freeze(), packets.len()).collect();
            prop_assert_eq!(again, Ok(packets));
        }
    }

    #[test]
    fn no_more_packets_are_read_than_allowed_and_none_after_an_error(body in body(), limit in 0..10_usize) {
        let all: Vec<_> = v4::decode_payload(body.clone(), usize::MAX).collect();
        let some: Vec<_> = v4::decode_payload(body, limit).collect();
        let (good, rest) = some.split_at(some.iter().position(Result::is_err).unwrap_or(some.len()));
        prop_assert!(good.len() <= limit && rest.len() <= 1);
        let readable = all.first() != Some(&Err(DecodeError::Utf8));
        if readable && all.len() > limit && all[..limit].iter().all(Result::is_ok) {
            prop_assert_eq!(good, &all[..limit]);
            prop_assert_eq!(rest, [Err(DecodeError::TooManyPackets { limit })]);
        } else {
            prop_assert_eq!(some, all);
        }
    }

    #[test]
    fn any_frame_is_a_packet_or_an_error(text: String, data: Vec<u8>) {
        let decoded = v4::decode_frame(Frame::Text(text.as_str().into()));
        match text.as_bytes().first() {
            None => prop_assert_eq!(decoded, Err(DecodeError::Empty)),
            Some(b'0'..=b'6') => prop_assert!(decoded.is_ok()),
            Some(b'b') => prop_assert!(matches!(decoded, Ok(Packet::Message(Message::Binary(_))) | Err(DecodeError::Base64))),
            Some(&byte) => prop_assert_eq!(decoded, Err(DecodeError::UnknownType(byte))),
        }
        let message = Packet::Message(Message::binary(data.clone()));
        prop_assert_eq!(v4::decode_frame(Frame::Binary(data.into())), Ok(message));
    }

    #[test]
    fn a_message_has_the_same_packet_in_every_view(text: Option<String>, data: Vec<u8>) {
        let message = text.map_or_else(|| Message::binary(data), Message::text);
        let encoded = Encoded::new(&message);
        let packet = Packet::Message(message.clone());
        prop_assert_eq!(v4::decode_frame(encoded.frame()), Ok(packet.clone()));
        let polled = encoded.polling_packet();
        prop_assert_eq!(polled.len(), encoded.polling_len());
        prop_assert_eq!(v4::decode_frame(Frame::Text(polled)), Ok(packet));
        prop_assert_eq!(encoded.payload_len(), message.len());
    }

    #[test]
    fn a_handshake_decodes_to_what_it_was_made_of(
        open: Open,
        unknown: String,
    ) {
        prop_assert_eq!(Open::decode(&open.encode()), Ok(open.clone()));
        // Names that no transport has are skipped.
        prop_assume!(Transport::from_name(&unknown).is_none());
        let more = [vec![unknown.into()], open.upgrades.clone()].concat();
        let with_more = open.clone().with_upgrades(more);
        prop_assert_eq!(Open::decode(&with_more.encode()), Ok(open));
    }

    #[test]
    fn any_text_is_a_handshake_or_an_error(text: String) {
        let decoded = Open::decode(&text);
        let object = text.trim_start().starts_with('{');
        prop_assert!(decoded.is_err() || object, "{:?}", text);
    }
}
