//! Checks of the Engine.IO codec of revision 4.

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use engineio_proto::codec::{DecodeError, Open, Packet, v4};
use engineio_proto::{Encoded, Frame, Message};

use crate::input::Input;

const SEPARATOR: char = v4::SEPARATOR as char;

/// One frame: text if the first byte is even, else binary.
///
/// A good frame is decoded without loss, and text without a copy; the error of a bad one names what is wrong.
pub fn decode_frame(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else {
        return;
    };
    if kind % 2 == 1 {
        let data = Bytes::copy_from_slice(data);
        let packet =
            v4::decode_frame(Frame::Binary(data.clone())).expect("any bytes are a message");
        assert_eq!(packet, Packet::Message(Message::Binary(data)));
        return;
    }
    let Ok(text) = ByteString::try_from(Bytes::copy_from_slice(data)) else {
        return;
    };
    let first = text.as_bytes().first().copied();
    match v4::decode_frame(Frame::Text(text.clone())) {
        Ok(packet @ Packet::Message(Message::Binary(_))) => {
            assert_eq!(first, Some(b'b'));
            // Padding and stray bits may differ from what was read, so the text need not come back, but the packet does.
            let again = v4::decode_frame(Frame::Text(v4::encode_text(&packet)));
            assert_eq!(again, Ok(packet));
        }
        Ok(packet) => {
            assert_eq!(v4::encode_frame(&packet), Frame::Text(text.clone()));
            assert_eq!(v4::encode_text(&packet), text);
            let kept = text_of(&packet);
            assert!(kept.is_empty() || text.as_bytes().as_ptr_range().contains(&kept.as_ptr()));
        }
        Err(DecodeError::Empty) => assert_eq!(first, None),
        Err(DecodeError::UnknownType(byte)) => {
            assert_eq!(first, Some(byte));
            assert!(!matches!(byte, b'0'..=b'6' | b'b'));
        }
        Err(DecodeError::Base64) => assert_eq!(first, Some(b'b')),
        Err(other) => panic!("no error of a frame: {other}"),
    }
}

/// One polling payload; the first byte, modulo 32, is the number of packets allowed.
///
/// It is the same as its packets one by one, ends at the first fault, and never holds more packets than allowed.
pub fn decode_payload(data: &[u8]) {
    let Some((limit, data)) = data.split_first() else {
        return;
    };
    let limit = usize::from(limit % 32);
    let body = Bytes::copy_from_slice(data);
    let mut items = v4::decode_payload(body.clone(), limit);
    let decoded: Vec<_> = items.by_ref().collect();
    assert_eq!(items.next(), None, "the end stays the end");
    assert_eq!(decoded, decode_one_by_one(&body, limit));

    let packets: Vec<Packet> = decoded.into_iter().filter_map(Result::ok).collect();
    assert!(packets.len() <= limit);
    assert!(packets.iter().map(content_len).sum::<usize>() <= body.len());
    if packets.is_empty() {
        return;
    }
    let encoded = encode(&packets);
    let again: Result<Vec<_>, _> = v4::decode_payload(encoded.clone(), limit).collect();
    assert_eq!(again.as_ref(), Ok(&packets));
    assert_eq!(encode(&packets), encoded);
}

/// The data of an open packet.
///
/// A valid handshake survives writing and reading, and its written form is a fixed point.
pub fn decode_open(data: &[u8]) {
    let Ok(json) = std::str::from_utf8(data) else {
        return;
    };
    match Open::decode(json) {
        Ok(open) => {
            assert!(open.sid.len() <= json.len());
            assert!(open.upgrades.len() <= json.len());
            let written = open.encode();
            assert_eq!(Open::decode(&written).as_ref(), Ok(&open));
            assert_eq!(
                Open::decode(&written).map(|open| open.encode()),
                Ok(written)
            );
        }
        Err(error) => assert_eq!(error, DecodeError::Handshake),
    }
}

/// Packets of any content, made from the bytes.
///
/// Each comes back from a frame, from text, and all of them from a payload; `Encoded` writes the same.
pub fn roundtrip_packet(data: &[u8]) {
    let mut input = Input::new(data);
    let mut packets = Vec::new();
    while !input.is_empty() && packets.len() < 32 {
        packets.push(packet(&mut input));
    }
    for packet in &packets {
        let frame = v4::encode_frame(packet);
        assert_eq!(v4::decode_frame(frame.clone()).as_ref(), Ok(packet));
        let text = v4::encode_text(packet);
        assert_eq!(
            v4::decode_frame(Frame::Text(text.clone())).as_ref(),
            Ok(packet)
        );
        if let Packet::Message(message) = packet {
            check_encoded(message, &frame, &text);
        }
    }
    // The separator cannot be escaped: a text that holds it comes back in pieces.
    packets.retain(|packet| !text_of(packet).contains(SEPARATOR));
    if !packets.is_empty() {
        let decoded: Result<Vec<_>, _> =
            v4::decode_payload(encode(&packets), packets.len()).collect();
        assert_eq!(decoded, Ok(packets));
    }
}

/// The promise of `decode_payload`, written in another way.
fn decode_one_by_one(body: &[u8], limit: usize) -> Vec<Result<Packet, DecodeError>> {
    let Ok(body) = std::str::from_utf8(body) else {
        return vec![Err(DecodeError::Utf8)];
    };
    let mut expected = Vec::new();
    for (index, item) in body.split(SEPARATOR).enumerate() {
        let packet = if index < limit {
            v4::decode_frame(Frame::Text(item.into()))
        } else {
            Err(DecodeError::TooManyPackets { limit })
        };
        let ended = packet.is_err();
        expected.push(packet);
        if ended {
            break;
        }
    }
    expected
}

fn check_encoded(message: &Message, frame: &Frame, text: &ByteString) {
    let encoded = Encoded::new(message);
    assert_eq!(&encoded.frame(), frame);
    assert_eq!(encoded.payload_len(), message.len());
    assert_eq!(encoded.polling_len(), text.len());
    assert_eq!(&encoded.polling_packet(), text);
    let header = encoded.websocket_header();
    let opcode = if matches!(frame, Frame::Text(_)) {
        0x81
    } else {
        0x82
    };
    let length = match *header.as_ref() {
        [first, length @ 0..=125] if first == opcode => usize::from(length),
        [first, 126, a, b] if first == opcode => usize::from(u16::from_be_bytes([a, b])),
        [first, 127, 0, 0, 0, 0, a, b, c, d] if first == opcode => {
            u32::from_be_bytes([a, b, c, d]) as usize
        }
        ref other => panic!("no WebSocket header of this kind: {other:?}"),
    };
    assert_eq!(length, frame.len());
}

pub(crate) fn packet(input: &mut Input<'_>) -> Packet {
    match input.byte() % 8 {
        0 => Packet::Open(input.text()),
        1 => Packet::Close(input.text()),
        2 => Packet::Ping(input.text()),
        3 => Packet::Pong(input.text()),
        4 => Packet::Message(Message::Text(input.text())),
        5 => Packet::Upgrade(input.text()),
        6 => Packet::Noop(input.text()),
        _ => Packet::Message(Message::Binary(input.binary())),
    }
}

fn encode(packets: &[Packet]) -> Bytes {
    let mut out = BytesMut::new();
    v4::encode_payload(packets, &mut out);
    out.freeze()
}

/// The text of a packet, empty for a binary message.
pub(crate) fn text_of(packet: &Packet) -> &str {
    match packet {
        Packet::Open(text)
        | Packet::Close(text)
        | Packet::Ping(text)
        | Packet::Pong(text)
        | Packet::Message(Message::Text(text))
        | Packet::Upgrade(text)
        | Packet::Noop(text) => text,
        Packet::Message(Message::Binary(_)) => "",
    }
}

pub(crate) fn content_len(packet: &Packet) -> usize {
    match packet {
        Packet::Message(message) => message.len(),
        other => text_of(other).len(),
    }
}
