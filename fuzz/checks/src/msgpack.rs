//! Checks of the parser for MessagePack.

use bytes::Bytes;
use engineio_proto::{Frame, Message, Revision};
use serde::de::IgnoredAny;
use socketio_proto::parser::{Limits, Parser};
use socketio_proto::{DecodeError, MAX_PACKET_ID, Packet, PacketType, Payload, is_reserved_event};

use crate::input::Input;
use crate::reading;
use crate::socket::{check_placeholders, depth};

/// A message; the first byte chooses the limits.
///
/// A packet is within the limits, its payload is what the default parser takes, and it survives encoding. An error of
/// form says nothing but that, and limits are not blamed for what is within them.
pub fn decode_msgpack(data: &[u8]) {
    let mut input = Input::new(data);
    let limits = limits(input.byte());
    let message = Bytes::copy_from_slice(data.get(1..).unwrap_or_default());
    decode_msgpack_of_version_2(&message, limits);
    match decode(message.clone(), limits) {
        Ok(packet) => {
            check_packet(&packet, &limits);
            assert!(
                packet
                    .payload
                    .is_none_or(|payload| payload.json().len() <= longest(&message))
            );
        }
        Err(DecodeError::Empty) => assert!(message.is_empty()),
        Err(DecodeError::TooManyAttachments { limit }) => {
            assert!(message.len() > usize::from(limit));
        }
        Err(DecodeError::TooDeep { limit }) => assert!(message.len() > usize::from(limit)),
        Err(DecodeError::NamespaceTooLong { limit }) => assert!(message.len() > limit as usize),
        Err(error) => assert!(matches!(
            error,
            DecodeError::MsgPack
                | DecodeError::InvalidType
                | DecodeError::InvalidNamespace
                | DecodeError::InvalidId
                | DecodeError::IdOutOfRange
                | DecodeError::InvalidPayload
        )),
    }
}

/// The output of version 3 of the parser means the same to a decoder for version 2. Texts are packets within the
/// limits.
fn decode_msgpack_of_version_2(message: &Bytes, limits: Limits) {
    let mut decoder = Parser::MsgPack.decoder(limits).with_revision(Revision::V3);
    let older = decoder.add(Message::Binary(message.clone()));
    if let Ok(packet) = decode(message.clone(), limits) {
        assert_eq!(older, Ok(Some(packet)));
    }
    if let Ok(text) = core::str::from_utf8(message)
        && let Ok(packet) = decoder.add(Message::text(text))
    {
        check_packet(&packet.expect("a message is a packet"), &limits);
    }
    assert!(!decoder.is_waiting());
}

/// The longest JSON that a message may become: that of two bytes may be a placeholder with a number of four digits.
fn longest(message: &[u8]) -> usize {
    message.len().saturating_mul(20)
}

fn decode(message: Bytes, limits: Limits) -> Result<Packet, DecodeError> {
    let mut decoder = Parser::MsgPack.decoder(limits);
    let decoded = decoder.add(Message::Binary(message));
    assert!(!decoder.is_waiting());
    decoded.map(|packet| packet.expect("a message is a packet"))
}

fn check_packet(packet: &Packet, limits: &Limits) {
    assert!(packet.namespace.starts_with('/'));
    assert!(packet.namespace.len() <= limits.max_namespace_len as usize);
    assert!(packet.id.is_none_or(|id| id <= MAX_PACKET_ID));
    let name = packet.payload.as_ref().and_then(Payload::name);
    assert_eq!(name.is_some(), packet.packet_type == PacketType::Event);
    assert!(!name.is_some_and(is_reserved_event));
    if let Some(payload) = &packet.payload {
        assert!(payload.attachments().len() <= usize::from(limits.max_msgpack_attachments));
        assert!(depth(payload.json()) <= limits.max_json_depth);
        if depth(payload.json()) < 128 {
            let read = serde_json::from_str::<IgnoredAny>(payload.json());
            assert!(read.is_ok(), "another parser refuses {}", payload.json());
        }
        reading::check(payload);
        if !payload.attachments().is_empty()
            && let Ok(tree) = payload.to_value()
        {
            check_placeholders(&tree, payload);
        }
        if matches!(packet.packet_type, PacketType::Event | PacketType::Ack) {
            let again = Payload::from_json(
                packet.packet_type,
                payload.json(),
                payload.attachments().to_vec(),
            );
            assert_eq!(again.as_ref(), Ok(payload));
        }
    }
    let encoded = Parser::MsgPack
        .encode(packet.borrow(), 0)
        .expect("what was received can be sent");
    let [part] = encoded.parts() else {
        panic!("not one message: {encoded:?}");
    };
    let Frame::Binary(data) = part.frame() else {
        panic!("a text: {part:?}");
    };
    assert_eq!(decode(data, *limits).as_ref(), Ok(packet));
}

fn limits(choice: u8) -> Limits {
    let choose = |shift: u8, from: [u16; 4]| from[usize::from(choice >> shift & 3)];
    Limits::default()
        .with_max_msgpack_attachments(choose(0, [0, 1, 4, 1024]))
        .with_max_json_depth(choose(2, [2, 8, 64, 256]))
        .with_max_namespace_len(choose(4, [4, 16, 64, 1024]).into())
        .with_lenient_nil(choice & 0x40 != 0)
        .with_lenient_disconnect(choice & 0x80 != 0)
}
