//! The encodings of protocol revision 4.
//!
//! A text packet is its type digit and its data. On a connection each packet is one frame, and a binary frame is a
//! binary message. In a polling payload packets are separated by [`SEPARATOR`] and binary is `b` with base64.
//! The separator cannot be escaped: a text message that contains it arrives in pieces over polling, in the official
//! implementation as here.
//!
//! Source: Engine.IO protocol revision 4, "Packet encoding"; `engine.io-parser` 5.2.

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;
use core::fmt;
use memchr::memchr;

use super::{DecodeError, Packet, base64, text};
use crate::codec::base64::packet as base64_packet;
use crate::{Frame, Message};

/// What separates the packets of a polling payload: the record separator, U+001E.
pub const SEPARATOR: u8 = 0x1e;

/// Reads the packet in a frame. Never copies, but for base64.
///
/// # Errors
///
/// [`DecodeError::Empty`], [`DecodeError::UnknownType`], and [`DecodeError::Base64`] for a text frame that starts with
/// `b` and holds anything but the standard alphabet. Missing padding and stray low bits in the last digit are accepted.
///
/// # Examples
///
/// ```
/// use engineio_proto::codec::{Packet, v4};
/// use engineio_proto::{Frame, Message};
///
/// let packet = v4::decode_frame(Frame::Text("4hello".into()))?;
/// assert_eq!(packet, Packet::Message(Message::text("hello")));
/// # Ok::<(), engineio_proto::codec::DecodeError>(())
/// ```
pub fn decode_frame(frame: Frame) -> Result<Packet, DecodeError> {
    match frame {
        Frame::Text(text) => decode_text(&text, &text),
        Frame::Binary(data) => Ok(Packet::Message(Message::Binary(data))),
    }
}

/// Writes a packet as a frame. A binary message is shared, text is copied once.
#[must_use]
pub fn encode_frame(packet: &Packet) -> Frame {
    match packet.as_text() {
        Ok((digit, data)) => Frame::Text(text::encode(digit, data)),
        Err(data) => Frame::Binary(data.clone()),
    }
}

/// Writes a packet as text, binary as `b` and base64: an item of a polling payload.
#[must_use]
pub fn encode_text(packet: &Packet) -> ByteString {
    match encode_frame(packet) {
        Frame::Text(text) => text,
        Frame::Binary(data) => base64_packet("b", &data),
    }
}

/// Reads the packets of a polling payload, at most `max_packets` of them. Text is sliced from the body, not copied.
///
/// After an error the iterator ends; the packets before it are good.
pub fn decode_payload(body: Bytes, max_packets: usize) -> PayloadPackets {
    let (body, fault) = match ByteString::try_from(body) {
        Ok(body) => (body, None),
        Err(_) => (ByteString::new(), Some(DecodeError::Utf8)),
    };
    PayloadPackets {
        body,
        next: Some(0),
        fault,
        left: max_packets,
        limit: max_packets,
    }
}

/// Writes packets as a polling payload, behind what `out` already holds. No packets give an empty payload, which no
/// receiver accepts.
pub fn encode_payload<'a>(packets: impl IntoIterator<Item = &'a Packet>, out: &mut BytesMut) {
    for (index, packet) in packets.into_iter().enumerate() {
        if index > 0 {
            out.put_u8(SEPARATOR);
        }
        match packet.as_text() {
            Ok((digit, data)) => {
                out.reserve(data.len().saturating_add(1));
                out.put_slice(digit.encode_utf8(&mut [0; 4]).as_bytes());
                out.put_slice(data.as_bytes());
            }
            Err(data) => {
                let len = base64::encoded_len(data.len());
                out.reserve(len.saturating_add(1));
                out.put_u8(b'b');
                let start = out.len();
                out.resize(start.saturating_add(len), 0);
                base64::encode(data, out.get_mut(start..).unwrap_or_default());
            }
        }
    }
}

/// The packets of a polling payload, made by [`decode_payload`].
#[derive(Clone)]
pub struct PayloadPackets {
    body: ByteString,
    /// Where the next packet starts, if there is one.
    next: Option<usize>,
    /// Why there is no packet at all.
    fault: Option<DecodeError>,
    left: usize,
    limit: usize,
}

impl fmt::Debug for PayloadPackets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadPackets")
            .field("left", &self.left)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Iterator for PayloadPackets {
    type Item = Result<Packet, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next.take()?;
        if let Some(fault) = self.fault {
            return Some(Err(fault));
        }
        if self.left == 0 {
            return Some(Err(DecodeError::TooManyPackets { limit: self.limit }));
        }
        self.left -= 1;
        let rest = self.body.get(start..).unwrap_or_default();
        let (item, next) = match memchr(SEPARATOR, rest.as_bytes()) {
            Some(len) => {
                let end = start.saturating_add(len);
                (
                    rest.get(..len).unwrap_or_default(),
                    Some(end.saturating_add(1)),
                )
            }
            None => (rest, None),
        };
        let packet = decode_text(&self.body, item);
        if packet.is_ok() {
            self.next = next;
        }
        Some(packet)
    }
}

/// Reads the text packet `item`, which lies within `owner`.
fn decode_text(owner: &ByteString, item: &str) -> Result<Packet, DecodeError> {
    text::decode(owner, item, |data| {
        Ok(Packet::Message(Message::binary(base64::decode(data)?)))
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    fn message(text: &'static str) -> Packet {
        Packet::Message(Message::text(text))
    }

    fn known_frames() -> Vec<(Frame, Packet)> {
        vec![
            (Frame::Text("0{}".into()), Packet::Open("{}".into())),
            (Frame::Text("1".into()), Packet::Close("".into())),
            (Frame::Text("2probe".into()), Packet::Ping("probe".into())),
            (Frame::Text("3probe".into()), Packet::Pong("probe".into())),
            (Frame::Text("4€😀".into()), message("€😀")),
            (Frame::Text("4".into()), message("")),
            (Frame::Text("5".into()), Packet::Upgrade("".into())),
            (Frame::Text("6".into()), Packet::Noop("".into())),
            (
                Frame::Binary(Bytes::from_static(&[1, 2])),
                Packet::Message(Message::binary(vec![1, 2])),
            ),
            (
                Frame::Binary(Bytes::new()),
                Packet::Message(Message::binary(vec![])),
            ),
        ]
    }

    #[test]
    fn known_answers_both_ways() {
        for (frame, packet) in known_frames() {
            assert_eq!(encode_frame(&packet), frame);
            assert_eq!(decode_frame(frame), Ok(packet));
        }
    }

    #[test]
    fn payload_known_answer_both_ways() {
        let packets = [
            Packet::Open("".into()),
            Packet::Ping("probe".into()),
            message("test"),
            Packet::Message(Message::binary(vec![1, 2, 3, 4])),
            Packet::Message(Message::binary(vec![])),
        ];
        let mut out = BytesMut::new();
        encode_payload(&packets, &mut out);
        assert_eq!(out, "0\x1e2probe\x1e4test\x1ebAQIDBA==\x1eb");
        let decoded: Result<Vec<_>, _> = decode_payload(out.freeze(), 5).collect();
        assert_eq!(decoded, Ok(packets.to_vec()));
    }

    #[test]
    fn malformed_frames_are_refused() {
        let error = |text: &'static str| decode_frame(Frame::Text(text.into())).unwrap_err();
        assert_eq!(error(""), DecodeError::Empty);
        assert_eq!(error("7"), DecodeError::UnknownType(b'7'));
        assert_eq!(error("é"), DecodeError::UnknownType(0xc3));
        assert_eq!(error("b=4"), DecodeError::Base64);
        assert_eq!(error("b*"), DecodeError::Base64);
    }

    #[test]
    fn packets_before_the_fault_are_delivered_and_none_after_it() {
        let decode = |body: &'static str| {
            decode_payload(Bytes::from_static(body.as_bytes()), 10).collect::<Vec<_>>()
        };
        assert_eq!(
            decode("4a\x1e\x1e4b"),
            [Ok(message("a")), Err(DecodeError::Empty)]
        );
        assert_eq!(
            decode("4a\x1ex\x1e4b"),
            [Ok(message("a")), Err(DecodeError::UnknownType(b'x'))]
        );
        assert_eq!(
            decode("4a\x1e"),
            [Ok(message("a")), Err(DecodeError::Empty)]
        );
        assert_eq!(decode(""), [Err(DecodeError::Empty)]);
    }

    #[test]
    fn packets_are_counted_to_the_limit() {
        let decode =
            |max| decode_payload(Bytes::from_static(b"4\x1e4\x1e4"), max).collect::<Vec<_>>();
        assert_eq!(
            decode(3),
            [Ok(message("")), Ok(message("")), Ok(message(""))]
        );
        assert_eq!(
            decode(2),
            [
                Ok(message("")),
                Ok(message("")),
                Err(DecodeError::TooManyPackets { limit: 2 })
            ]
        );
    }

    #[test]
    fn a_body_that_is_not_utf8_is_refused() {
        let decoded: Vec<_> = decode_payload(Bytes::from_static(b"4\xff"), 10).collect();
        assert_eq!(decoded, [Err(DecodeError::Utf8)]);
    }

    #[test]
    fn text_is_sliced_not_copied() {
        let body = Bytes::from(b"4hello\x1e4world".to_vec());
        let Some(Ok(Packet::Message(Message::Text(first)))) =
            decode_payload(body.clone(), 2).next()
        else {
            panic!("a text message")
        };
        assert_eq!(first.as_ptr(), body.get(1..).unwrap().as_ptr());
    }
}
