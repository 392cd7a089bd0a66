//! The bytes of packets, as the revision decides: nothing else in the client knows how packets are written.
//!
//! | | revision 3 | revision 4 |
//! |---|---|---|
//! | heartbeat of the client | ping | pong |
//! | binary in a frame | behind its type | as it is |
//! | body of a request | text, or binary if a message is | text |
//! | body of a response | by its content type | text |

use alloc::vec::Vec;
use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use crate::codec::base64::encoded_len as base64_len;
use crate::codec::{DecodeError, Packet, Packets, v3, v4};
use crate::hidden::Hidden;
use crate::http::Answer;
use crate::{Encoded, Frame, Revision};

/// How packets are written on one transport.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire {
    pub(super) revision: Revision,
    /// Whether binary goes as base64.
    pub(super) text_only: bool,
}

/// The body of a request.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) content_type: &'static str,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            bytes,
            content_type,
        } = self;
        f.debug_struct("Body")
            .field("bytes", &Hidden(bytes))
            .field("content_type", content_type)
            .finish()
    }
}

impl Body {
    const fn text(bytes: Bytes) -> Self {
        Self {
            bytes,
            content_type: "text/plain;charset=UTF-8",
        }
    }

    const fn binary(bytes: Bytes) -> Self {
        Self {
            bytes,
            content_type: BINARY,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

const BINARY: &str = "application/octet-stream";

impl Wire {
    pub(super) fn decode_frame(self, frame: Frame) -> Result<Packet, DecodeError> {
        match self.revision {
            Revision::V3 => v3::decode_frame(frame),
            Revision::V4 => v4::decode_frame(frame),
        }
    }

    /// Reads the packets of a response, at most `limit` of them.
    pub(super) fn decode_body(self, answer: Answer, limit: usize) -> Packets {
        match self.revision {
            Revision::V4 => Packets::V4(v4::decode_payload(answer.body, limit)),
            Revision::V3 if is_binary(answer.content_type.as_deref()) => {
                Packets::V3Binary(v3::decode_binary_payload(answer.body, limit))
            }
            Revision::V3 => Packets::V3(v3::decode_payload(answer.body, limit)),
        }
    }

    pub(super) fn frame(self, message: &Encoded) -> Frame {
        match (self.revision, self.text_only) {
            (Revision::V4, false) => message.frame(),
            (Revision::V4, true) => Frame::Text(message.polling_packet()),
            (Revision::V3, false) => message.frame_v3(),
            (Revision::V3, true) => Frame::Text(message.text_packet_v3()),
        }
    }

    /// What the client sends to keep the session alive: its pings, or its answers to those of the server.
    pub(super) fn beat(self) -> ByteString {
        ByteString::from_static(match self.revision {
            Revision::V3 => "2",
            Revision::V4 => "3",
        })
    }

    /// A close packet alone.
    pub(super) fn farewell(self) -> Body {
        Body::text(Bytes::from_static(match self.revision {
            Revision::V3 => b"1:1",
            Revision::V4 => b"1",
        }))
    }

    /// Writes a beat, if there is one, and messages whose lengths were added up in `packing`.
    pub(super) fn body(self, packing: &Packing, messages: impl Iterator<Item = Encoded>) -> Body {
        match self.revision {
            Revision::V4 => Body::text(self.body_v4(packing, messages)),
            Revision::V3 => self.body_v3(packing, messages),
        }
    }

    fn body_v4(self, packing: &Packing, mut messages: impl Iterator<Item = Encoded>) -> Bytes {
        if packing.packets == 1 && !packing.beat {
            let packet = messages.next().map(|message| message.polling_packet());
            return packet.unwrap_or_default().into_bytes();
        }
        let mut body = BytesMut::with_capacity(packing.len());
        if packing.beat {
            body.put_slice(self.beat().as_bytes());
        }
        for message in messages {
            if !body.is_empty() {
                body.put_u8(v4::SEPARATOR);
            }
            body.put_slice(message.polling_packet().as_bytes());
        }
        body.freeze()
    }

    fn body_v3(self, packing: &Packing, messages: impl Iterator<Item = Encoded>) -> Body {
        let beat = packing.beat.then(|| Packet::Ping(ByteString::new()));
        let messages = messages.map(|message| Packet::Message(message.message()));
        let packets: Vec<_> = beat.into_iter().chain(messages).collect();
        let mut body = BytesMut::with_capacity(packing.len());
        if packing.is_binary() {
            v3::encode_binary_payload(&packets, &mut body);
            Body::binary(body.freeze())
        } else {
            v3::encode_payload(&packets, &mut body);
            Body::text(body.freeze())
        }
    }

    /// The revision of a server that answered a handshake, if it is the other one.
    pub(super) fn other_revision(self, answer: &Answer) -> Option<Revision> {
        let (other, answered) = match self.revision {
            Revision::V3 => (Revision::V4, answer.body.starts_with(b"0{")),
            Revision::V4 => (Revision::V3, is_handshake_of_revision_3(&answer.body)),
        };
        let is_other = match answer.status {
            200 => answered,
            _ => refuses_the_revision(answer),
        };
        is_other.then_some(other)
    }
}

/// The exact length of a payload while it is put together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    wire: Wire,
    /// Whether it starts with a beat.
    beat: bool,
    packets: usize,
    /// The length as text.
    text: usize,
    /// The length in the binary form of revision 3.
    binary: usize,
    has_binary: bool,
}

impl Packing {
    pub(super) fn new(wire: Wire, beat: bool) -> Self {
        let empty = Self {
            wire,
            beat,
            packets: 0,
            text: 0,
            binary: 0,
            has_binary: false,
        };
        if beat { empty.with_text(1, 1) } else { empty }
    }

    /// The same with one message more.
    pub(super) fn with(self, message: &Encoded) -> Self {
        if self.wire.revision == Revision::V4 {
            return self.with_text(message.polling_len(), 0);
        }
        match message.frame() {
            Frame::Text(text) => self.with_text(text.len(), v3::utf16_len(&text)),
            Frame::Binary(data) => {
                let base64 = base64_len(data.len()).saturating_add(2);
                let mut packing = self.with_text(base64, base64);
                let packet = data.len().saturating_add(1);
                packing.binary = self.binary.saturating_add(v3::item_len(packet));
                packing.has_binary = true;
                packing
            }
        }
    }

    /// The same with a text packet of so many bytes and UTF-16 units more.
    fn with_text(mut self, bytes: usize, units: usize) -> Self {
        let around = match self.wire.revision {
            Revision::V3 => v3::digits(units).saturating_add(1),
            Revision::V4 => usize::from(self.packets > 0),
        };
        self.text = self.text.saturating_add(bytes).saturating_add(around);
        self.binary = self.binary.saturating_add(v3::item_len(bytes));
        self.packets = self.packets.saturating_add(1);
        self
    }

    pub(super) fn packets(&self) -> usize {
        self.packets
    }

    pub(super) fn len(&self) -> usize {
        if self.is_binary() {
            self.binary
        } else {
            self.text
        }
    }

    /// Whether it goes in the binary form: officially if any packet is binary and nothing speaks against it.
    fn is_binary(&self) -> bool {
        self.has_binary && !self.wire.text_only
    }
}

/// Whether the content type of a response says that its packets are binary.
fn is_binary(content_type: Option<&str>) -> bool {
    let essence = content_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(BINARY))
}

/// Whether a body is a handshake as servers of revision 3 encode it: `96:0{"sid":…`.
fn is_handshake_of_revision_3(body: &[u8]) -> bool {
    let digits = body.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0
        && body
            .get(digits..)
            .is_some_and(|rest| rest.starts_with(b":0{"))
}

/// Whether a server refused a handshake for its revision: officially with the code 5, and by others in similar words.
fn refuses_the_revision(answer: &Answer) -> bool {
    let says = |word: &[u8]| {
        let mut windows = answer.body.windows(word.len());
        windows.any(|window| window.eq_ignore_ascii_case(word))
    };
    answer.status == 400
        && answer.body.len() <= MAX_REFUSAL
        && says(b"unsupported")
        && says(b"version")
}

/// The longest body that is searched for the reason of a refusal.
const MAX_REFUSAL: usize = 1024;

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;

    use super::*;
    use crate::Message;

    fn wires() -> impl Iterator<Item = Wire> {
        [Revision::V3, Revision::V4]
            .into_iter()
            .flat_map(|revision| {
                [false, true].map(|text_only| Wire {
                    revision,
                    text_only,
                })
            })
    }

    fn v3(text_only: bool) -> Wire {
        let revision = Revision::V3;
        Wire {
            revision,
            text_only,
        }
    }

    fn body(wire: Wire, beat: bool, messages: &[Message]) -> (Packing, Body) {
        let messages: Vec<_> = messages.iter().map(Encoded::new).collect();
        let empty = Packing::new(wire, beat);
        let packing = messages
            .iter()
            .fold(empty, |packing, message| packing.with(message));
        (packing, wire.body(&packing, messages.into_iter()))
    }

    /// Lengths on both sides of each point where they get another digit.
    fn messages() -> Vec<Message> {
        let lengths = [
            0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 70, 97, 98, 99, 100, 997, 998, 999, 1000,
        ];
        let mut messages = Vec::new();
        for length in lengths {
            messages.push(Message::text("a".repeat(length)));
            messages.push(Message::text("€".repeat(length)));
            messages.push(Message::text("😀".repeat(length)));
            messages.push(Message::binary(vec![7; length]));
        }
        messages
    }

    #[test]
    fn payloads_are_as_long_as_was_counted() {
        let messages = messages();
        for wire in wires() {
            for beat in [false, true] {
                for first in &messages {
                    for second in [None, messages.get(4), messages.get(7)] {
                        let both: Vec<_> = [Some(first), second]
                            .into_iter()
                            .flatten()
                            .cloned()
                            .collect();
                        let (packing, body) = body(wire, beat, &both);
                        assert_eq!(packing.len(), body.len(), "{wire:?} {beat} {both:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_payload_of_revision_3_is_binary_if_a_message_is_and_binary_is_allowed() {
        let text = || Message::text("€");
        let binary = || Message::binary(vec![1, 2, 3, 4]);
        let octets = |bytes: &'static [u8]| Body::binary(Bytes::from_static(bytes));
        let plain = |text: &'static str| Body::text(Bytes::from_static(text.as_bytes()));
        let written = |wire, beat, messages: &[Message]| body(wire, beat, messages).1;
        assert_eq!(written(v3(false), true, &[text()]), plain("1:22:4€"));
        assert_eq!(
            written(v3(true), false, &[text(), binary()]),
            plain("2:4€10:b4AQIDBA==")
        );
        assert_eq!(
            written(v3(false), true, &[text(), binary()]),
            octets(b"\x00\x01\xff2\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04")
        );
    }

    #[test]
    fn frames_of_revision_3_have_the_type_in_front_of_binary() {
        let binary = Encoded::new(&Message::binary(vec![1, 2, 3]));
        let frame = Frame::Binary(Bytes::from_static(&[4, 1, 2, 3]));
        assert_eq!(v3(false).frame(&binary), frame);
        let text = Frame::Text("b4AQID".into());
        assert_eq!(v3(true).frame(&binary), text);
        for frame in [frame, text] {
            let packet = Packet::Message(Message::binary(vec![1, 2, 3]));
            assert_eq!(v3(false).decode_frame(frame), Ok(packet));
        }
        for wire in wires() {
            let text = Encoded::new(&Message::text("a"));
            assert_eq!(wire.frame(&text), Frame::Text("4a".into()));
        }
    }

    #[test]
    fn the_content_type_tells_whether_a_payload_is_binary() {
        for value in [
            "application/octet-stream",
            "Application/Octet-Stream; charset=UTF-8",
        ] {
            assert!(is_binary(Some(value)), "{value}");
        }
        for value in ["text/plain; charset=UTF-8", "application/octet-streams", ""] {
            assert!(!is_binary(Some(value)), "{value}");
        }
        assert!(!is_binary(None));
    }

    #[test]
    fn servers_of_the_other_revision_are_known_by_their_answers() {
        let of = |revision, status, body: &str| {
            let wire = Wire {
                revision,
                text_only: false,
            };
            wire.other_revision(&Answer::new(status, String::from(body)))
        };
        let official = r#"{"code":5,"message":"Unsupported protocol version"}"#;
        let python = r#""The client is using an unsupported version of the Socket.IO or Engine.IO protocols""#;
        for (status, body) in [(200, r#"0{"sid""#), (400, official), (400, python)] {
            assert_eq!(of(Revision::V3, status, body), Some(Revision::V4), "{body}");
        }
        for (status, body) in [(200, r#"96:0{"sid""#), (400, official), (400, python)] {
            assert_eq!(of(Revision::V4, status, body), Some(Revision::V3), "{body}");
        }
        for (status, body) in [
            (200, "4a"),
            (200, official),
            (404, official),
            (400, r#"{"code":1,"message":"Session ID unknown"}"#),
            (400, ""),
        ] {
            assert_eq!(of(Revision::V3, status, body), None, "{body}");
            assert_eq!(of(Revision::V4, status, body), None, "{body}");
        }
        // What is longer than any refusal is not searched.
        let long = |length| [python, &" ".repeat(length - python.len())].concat();
        assert_eq!(of(Revision::V3, 400, &long(1024)), Some(Revision::V4));
        assert_eq!(of(Revision::V3, 400, &long(1025)), None);
        assert_eq!(of(Revision::V3, 200, r#"96:0{"sid""#), None);
        assert_eq!(of(Revision::V4, 200, r#"0{"sid""#), None);
    }
}
