//! Packets as the peers of the scenarios write and read them, apart from the machines: what breaks there does not break here.
//!
//! A packet is a text: its type and its data, such as `41` for message 1. Every second message is binary: how it is written
//! depends on the revision and on what carries it, but here message 2 is `42` all the same.

use bytes::Bytes;
use engineio_proto::{Frame, Message, Revision};

/// The message of this number.
pub(crate) fn message(number: u8) -> Message {
    if is_binary(number) {
        Message::binary(vec![number])
    } else {
        Message::text(number.to_string())
    }
}

/// The number of a message.
pub(crate) fn number(message: &Message) -> Option<u8> {
    let number = match message {
        Message::Text(text) => text.parse().ok()?,
        Message::Binary(data) => data.first().copied()?,
    };
    (*message == self::message(number)).then_some(number)
}

fn is_binary(number: u8) -> bool {
    number.is_multiple_of(2)
}

/// The number of a binary message, if that is what a packet is.
fn binary(packet: &str) -> Option<u8> {
    let number = packet.strip_prefix('4')?.parse().ok()?;
    is_binary(number).then_some(number)
}

/// A packet as a frame of a connection.
pub(crate) fn frame(revision: Revision, packet: &str) -> Frame {
    match (revision, binary(packet)) {
        (Revision::V3, Some(number)) => Frame::Binary(vec![4, number].into()),
        (_, Some(number)) => Frame::Binary(vec![number].into()),
        (_, None) => Frame::Text(packet.to_owned().into()),
    }
}

/// The packet of a frame.
pub(crate) fn of_frame(revision: Revision, frame: &Frame) -> String {
    let number = match frame {
        Frame::Text(text) => return as_text(text),
        Frame::Binary(data) => match (revision, &**data) {
            (Revision::V3, [4, number]) => Some(*number),
            (Revision::V4, [number]) => Some(*number),
            _ => None,
        },
    };
    as_binary(number)
}

/// The packets as a body that is text.
pub(crate) fn body(revision: Revision, packets: &[String]) -> String {
    let texts = packets.iter().map(|packet| match binary(packet) {
        Some(number) if revision == Revision::V3 => format!("b4{}", base64(number)),
        Some(number) => format!("b{}", base64(number)),
        None => packet.clone(),
    });
    match revision {
        Revision::V3 => texts.map(|text| format!("{}:{text}", text.len())).collect(),
        _ => texts.collect::<Vec<_>>().join("\u{1e}"),
    }
}

/// The packets of a body.
pub(crate) fn of_body(revision: Revision, body: &Bytes) -> Vec<String> {
    if revision == Revision::V3 && is_binary_body(body) {
        return of_binary_body(body);
    }
    let body = String::from_utf8_lossy(body);
    if revision != Revision::V3 {
        return body
            .split('\u{1e}')
            .map(|text| of_text(text, "b"))
            .collect();
    }
    let mut packets = Vec::new();
    let mut rest = &*body;
    while let Some((length, packet)) = rest.split_once(':') {
        let length = length.parse().unwrap_or(0);
        let (packet, behind) = packet.split_at_checked(length).unwrap_or((packet, ""));
        packets.push(of_text(packet, "b4"));
        rest = behind;
    }
    packets
}

/// Whether a body of revision 3 is in the form for something binary.
pub(crate) fn is_binary_body(body: &Bytes) -> bool {
    body.first().is_some_and(|first| *first < 2)
}

/// Whether one of the packets is a binary message.
pub(crate) fn any_binary(packets: &[String]) -> bool {
    packets.iter().any(|packet| binary(packet).is_some())
}

/// The packets of a body of revision 3 with something binary: each has its kind, its length in digits, and 255 before it.
fn of_binary_body(mut body: &[u8]) -> Vec<String> {
    let mut packets = Vec::new();
    while let Some((kind, rest)) = body.split_first() {
        let end = rest
            .iter()
            .position(|byte| *byte == 255)
            .unwrap_or(rest.len());
        let (digits, rest) = rest.split_at(end);
        let length = digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + usize::from(*digit));
        let rest = rest.get(1..).unwrap_or_default();
        let (packet, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        packets.push(match (kind, packet) {
            (0, text) => as_text(&String::from_utf8_lossy(text)),
            (1, [4, number]) => as_binary(Some(*number)),
            _ => as_binary(None),
        });
        body = behind;
    }
    packets
}

/// A packet of a body that is text, in which what is binary begins with `mark`.
fn of_text(text: &str, mark: &str) -> String {
    let number = (0..=9).find(|number| text.strip_prefix(mark) == Some(&base64(*number)));
    match number {
        Some(number) => as_binary(Some(number)),
        None => as_text(text),
    }
}

fn as_text(text: &str) -> String {
    match binary(text) {
        Some(number) => format!("message {number} as text"),
        None => text.to_owned(),
    }
}

fn as_binary(number: Option<u8>) -> String {
    match number {
        Some(number) if is_binary(number) => format!("4{number}"),
        number => format!("{number:?} as binary"),
    }
}

/// One byte in base64.
fn base64(number: u8) -> String {
    let low = match number % 4 {
        0 => 'A',
        1 => 'Q',
        2 => 'g',
        _ => 'w',
    };
    format!("{}{low}==", char::from(b'A' + number / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_as_they_are_written() {
        let packets = ["41", "42", "2", "43", "44"].map(str::to_owned);
        for revision in [Revision::V3, Revision::V4] {
            let written = body(revision, &packets);
            assert_eq!(of_body(revision, &written.into()), packets);
            for packet in &packets {
                assert_eq!(of_frame(revision, &frame(revision, packet)), *packet);
            }
        }
        let binary = Bytes::from_static(&[0, 2, 255, b'4', b'1', 1, 2, 255, 4, 2]);
        assert_eq!(of_body(Revision::V3, &binary), ["41", "42"]);
    }

    #[test]
    fn the_wrong_form_is_another_packet() {
        assert_eq!(
            of_frame(Revision::V4, &Frame::Text("42".into())),
            "message 2 as text"
        );
        let frame = Frame::Binary(vec![1].into());
        assert_eq!(of_frame(Revision::V4, &frame), "Some(1) as binary");
        assert_eq!(number(&Message::text("2")), None);
    }
}
