//! Checks of the Engine.IO codec of revision 3.

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use engineio_proto::codec::{DecodeError, Packet, v3};
use engineio_proto::{Frame, Message};

use crate::engine::{content_len, packet, text_of};
use crate::input::Input;

/// One frame: text if the first byte is even, else binary.
///
/// A valid packet comes back when it is encoded. The error of an invalid one names the fault.
pub fn decode_frame_v3(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else {
        return;
    };
    let data = Bytes::copy_from_slice(data);
    let frame = if kind % 2 == 1 {
        Frame::Binary(data.clone())
    } else if let Ok(text) = ByteString::try_from(data.clone()) {
        Frame::Text(text)
    } else {
        return;
    };
    let decoded = v3::decode_frame(frame.clone());
    match (&frame, decoded) {
        (_, Err(DecodeError::Empty)) => assert!(data.is_empty() || &*data == b"b"),
        (Frame::Text(_), Err(DecodeError::UnknownType(byte))) => {
            let index = usize::from(data[0] == b'b');
            assert!(data[index] == byte && !(b'0'..=b'6').contains(&byte));
        }
        (Frame::Binary(_), Err(DecodeError::UnknownType(byte))) => {
            assert!(data[0] == byte && byte > 6);
        }
        (Frame::Text(_), Err(DecodeError::Base64)) => assert_eq!(data[0], b'b'),
        (_, Err(other)) => panic!("no error of a frame: {other}"),
        (Frame::Text(text), Ok(packet)) if data[0] != b'b' => {
            assert_eq!(v3::encode_frame(&packet), frame);
            assert_eq!(&v3::encode_text(&packet), text);
        }
        (_, Ok(packet)) => {
            assert!(content_len(&packet) < data.len());
            assert_eq!(
                v3::decode_frame(v3::encode_frame(&packet)).as_ref(),
                Ok(&packet)
            );
            let text = Frame::Text(v3::encode_text(&packet));
            assert_eq!(v3::decode_frame(text), Ok(packet));
        }
    }
}

/// One polling payload; of the first byte the lowest bit tells its kind, the others, modulo 32, the number of packets
/// allowed.
///
/// It ends at the first fault, never holds more packets than allowed nor more content than there was, and what is good
/// comes back from both kinds of payload.
pub fn decode_payload_v3(data: &[u8]) {
    let Some((first, data)) = data.split_first() else {
        return;
    };
    let limit = usize::from(first / 2 % 32);
    let body = Bytes::copy_from_slice(data);
    let decoded: Vec<_> = if first % 2 == 0 {
        let mut items = v3::decode_payload(body.clone(), limit);
        let decoded = items.by_ref().collect();
        assert_eq!(items.next(), None, "the end stays the end");
        decoded
    } else {
        let mut items = v3::decode_binary_payload(body.clone(), limit);
        let decoded = items.by_ref().collect();
        assert_eq!(items.next(), None, "the end stays the end");
        decoded
    };
    let fault = decoded.iter().position(Result::is_err);
    assert!(fault.is_none_or(|fault| fault + 1 == decoded.len()));
    let packets: Vec<Packet> = decoded.into_iter().filter_map(Result::ok).collect();
    assert!(packets.len() <= limit);
    assert!(packets.iter().map(content_len).sum::<usize>() <= body.len());
    check_payloads(&packets);
}

/// Packets of any content, made from the bytes: each comes back from its frame and from text, and all of them from
/// both kinds of payload.
pub fn roundtrip_packet_v3(data: &[u8]) {
    let mut input = Input::new(data);
    let mut packets = Vec::new();
    while !input.is_empty() && packets.len() < 32 {
        packets.push(packet(&mut input));
    }
    for packet in &packets {
        let frame = v3::encode_frame(packet);
        assert_eq!(v3::decode_frame(frame).as_ref(), Ok(packet));
        let text = Frame::Text(v3::encode_text(packet));
        assert_eq!(v3::decode_frame(text).as_ref(), Ok(packet));
        let binary = matches!(packet, Packet::Message(Message::Binary(_)));
        assert!(binary || v3::encode_text(packet).ends_with(text_of(packet)));
    }
    check_payloads(&packets);
}

fn check_payloads(packets: &[Packet]) {
    let limit = packets.len();
    let mut text = BytesMut::new();
    v3::encode_payload(packets, &mut text);
    let decoded: Result<Vec<_>, _> = v3::decode_payload(text.freeze(), limit).collect();
    assert_eq!(decoded.as_deref(), Ok(packets));
    let mut binary = BytesMut::new();
    v3::encode_binary_payload(packets, &mut binary);
    let decoded: Result<Vec<_>, _> = v3::decode_binary_payload(binary.freeze(), limit).collect();
    assert_eq!(decoded.as_deref(), Ok(packets));
}
