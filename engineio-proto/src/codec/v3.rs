//! The encodings of protocol revision 3, which clients of Socket.IO 1 and 2 speak.
//!
//! A text packet is its type digit and its data, as in revision 4. A binary frame starts with the type as a byte, and
//! binary as text is `b`, the type digit and base64. Polling has two kinds of payload:
//!
//! | payload | its packets |
//! |---|---|
//! | [text](decode_payload) | the length in UTF-16 units, `:`, and the text packet |
//! | [binary](decode_binary_payload) | 0 for text or 1 for binary, the length in bytes, one byte for each decimal digit, 255, and the packet |
//!
//! Revision 3 can put binary data into packets that are no messages. Nothing gives it a meaning: it is dropped when such
//! a packet is read.
//!
//! Source: Engine.IO protocol revision 3, "Encoding"; `engine.io-parser` 2.2.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use bytestring::ByteString;
use core::fmt;

use super::{DecodeError, Packet, base64, text};
use crate::{Frame, Message};

/// The type of a message, as it stands in front of binary data.
const MESSAGE: u8 = 4;

/// What announces a binary message as text.
const BASE64_MESSAGE: &str = "b4";

/// What announces a text and a binary packet in a binary payload, and what ends the length behind it.
const TEXT: u8 = 0;
const BINARY: u8 = 1;
const END_OF_LENGTH: u8 = 0xff;

/// The digits that a length may have: more than enough for any payload.
const MAX_DIGITS: usize = 10;

/// Reads the packet in a frame. Never copies, but for base64.
///
/// # Errors
///
/// [`DecodeError::Empty`], [`DecodeError::UnknownType`], and [`DecodeError::Base64`] for a text frame that starts with
/// `b` and a type, and holds anything but the standard alphabet behind them. Missing padding and stray low bits in the
/// last digit are accepted.
///
/// # Examples
///
/// ```
/// use engineio_proto::codec::{Packet, v3};
/// use engineio_proto::{Bytes, Frame, Message};
///
/// let packet = v3::decode_frame(Frame::Binary(Bytes::from_static(&[4, 1, 2, 3])))?;
/// assert_eq!(packet, Packet::Message(Message::binary(vec![1, 2, 3])));
/// # Ok::<(), engineio_proto::codec::DecodeError>(())
/// ```
pub fn decode_frame(frame: Frame) -> Result<Packet, DecodeError> {
    match frame {
        Frame::Text(text) => decode_text(&text, &text),
        Frame::Binary(data) => decode_binary(data),
    }
}

/// Writes a packet as a frame. Text and binary are copied once, behind the type.
#[must_use]
pub fn encode_frame(packet: &Packet) -> Frame {
    match packet.as_text() {
        Ok((digit, data)) => Frame::Text(text::encode(digit, data)),
        Err(data) => Frame::Binary(binary_packet(data)),
    }
}

/// Writes a packet as text, binary as `b4` and base64: what a text payload holds, and what goes to a peer that takes
/// text only.
#[must_use]
pub fn encode_text(packet: &Packet) -> ByteString {
    match packet.as_text() {
        Ok((digit, data)) => text::encode(digit, data),
        Err(data) => text_packet(data),
    }
}

/// Reads the packets of a text payload, at most `max_packets` of them. Text is sliced from the body, not copied.
///
/// A packet of length 0 stands for none and is passed over. After an error the iterator ends; the packets before it are
/// good.
///
/// # Examples
///
/// ```
/// use engineio_proto::codec::{Packet, v3};
/// use engineio_proto::{Bytes, Message};
///
/// let packets: Result<Vec<_>, _> = v3::decode_payload(Bytes::from("2:4€3:4😀1:2"), 100).collect();
/// let expected = [Packet::Message(Message::text("€")), Packet::Message(Message::text("😀")), Packet::Ping("".into())];
/// assert_eq!(packets?, expected);
/// # Ok::<(), engineio_proto::codec::DecodeError>(())
/// ```
pub fn decode_payload(body: Bytes, max_packets: usize) -> PayloadPackets {
    let rest = if body.is_empty() {
        Err(DecodeError::Empty)
    } else {
        ByteString::try_from(body).map_err(|_| DecodeError::Utf8)
    };
    PayloadPackets {
        rest: Some(rest),
        left: max_packets,
        limit: max_packets,
    }
}

/// Writes packets as a text payload, behind what `out` already holds. No packets are written as one of length 0.
pub fn encode_payload<'a>(packets: impl IntoIterator<Item = &'a Packet>, out: &mut BytesMut) {
    let mut packets = packets.into_iter().peekable();
    if packets.peek().is_none() {
        out.put_slice(b"0:");
    }
    for packet in packets {
        match packet.as_text() {
            Ok((digit, data)) => {
                put_length(utf16_len(data).saturating_add(1), out);
                out.reserve(data.len().saturating_add(1));
                out.put_slice(digit.encode_utf8(&mut [0; 4]).as_bytes());
                out.put_slice(data.as_bytes());
            }
            Err(data) => put_text(&text_packet(data), out),
        }
    }
}

/// Reads the packets of a binary payload, at most `max_packets` of them. Text and binary are sliced from the body, not
/// copied.
///
/// An empty body holds no packet, and that is no error. After an error the iterator ends; the packets before it are
/// good.
pub fn decode_binary_payload(body: Bytes, max_packets: usize) -> BinaryPayloadPackets {
    BinaryPayloadPackets {
        rest: body,
        left: max_packets,
        limit: max_packets,
    }
}

/// Writes packets as a binary payload, behind what `out` already holds.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use engineio_proto::Message;
/// use engineio_proto::codec::{Packet, v3};
///
/// let packets = [Packet::Ping("".into()), Packet::Message(Message::binary(vec![7; 11]))];
/// let mut body = BytesMut::new();
/// v3::encode_binary_payload(&packets, &mut body);
/// assert_eq!(body[..8], [0, 1, 255, b'2', 1, 1, 2, 255]);
/// ```
pub fn encode_binary_payload<'a>(
    packets: impl IntoIterator<Item = &'a Packet>,
    out: &mut BytesMut,
) {
    for packet in packets {
        match packet.as_text() {
            Ok((digit, data)) => {
                put_head(TEXT, data.len().saturating_add(1), out);
                out.put_slice(digit.encode_utf8(&mut [0; 4]).as_bytes());
                out.put_slice(data.as_bytes());
            }
            Err(data) => put_binary_item(data, out),
        }
    }
}

/// The packets of a text payload, made by [`decode_payload`].
#[derive(Clone)]
pub struct PayloadPackets {
    rest: Option<Result<ByteString, DecodeError>>,
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

impl PayloadPackets {
    /// The first packet of `body` and what follows it; `None` if there are only packets of length 0.
    fn read<'a>(&self, body: &'a ByteString) -> Result<Option<(Packet, &'a str)>, DecodeError> {
        let mut rest: &str = body;
        while !rest.is_empty() {
            let (length, behind) = split_length(rest)?;
            if length > 0 {
                let budget = DecodeError::TooManyPackets { limit: self.limit };
                self.left.checked_sub(1).ok_or(budget)?;
                let (item, behind) = split_units(behind, length)?;
                return Ok(Some((decode_text(body, item)?, behind)));
            }
            rest = behind;
        }
        Ok(None)
    }
}

impl Iterator for PayloadPackets {
    type Item = Result<Packet, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let body = match self.rest.take()? {
            Ok(body) => body,
            Err(error) => return Some(Err(error)),
        };
        let read = self.read(&body).transpose()?;
        Some(read.map(|(packet, rest)| {
            self.left = self.left.saturating_sub(1);
            self.rest = (!rest.is_empty()).then(|| Ok(body.slice_ref(rest)));
            packet
        }))
    }
}

/// The packets of a binary payload, made by [`decode_binary_payload`].
#[derive(Clone)]
pub struct BinaryPayloadPackets {
    rest: Bytes,
    left: usize,
    limit: usize,
}

impl fmt::Debug for BinaryPayloadPackets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BinaryPayloadPackets")
            .field("left", &self.left)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl BinaryPayloadPackets {
    fn read(&mut self) -> Result<Packet, DecodeError> {
        let budget = DecodeError::TooManyPackets { limit: self.limit };
        self.left = self.left.checked_sub(1).ok_or(budget)?;
        let kind = self.rest.first().copied().unwrap_or_default();
        let item = split_item(&mut self.rest)?;
        match kind {
            TEXT => {
                let text = ByteString::try_from(item).map_err(|_| DecodeError::Utf8)?;
                decode_text(&text, &text)
            }
            BINARY => decode_binary(item),
            unknown => Err(DecodeError::UnknownKind(unknown)),
        }
    }
}

impl Iterator for BinaryPayloadPackets {
    type Item = Result<Packet, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let packet = self.read();
        if packet.is_err() {
            self.rest = Bytes::new();
        }
        Some(packet)
    }
}

/// Reads the text packet `item`, which lies within `owner`.
fn decode_text(owner: &ByteString, item: &str) -> Result<Packet, DecodeError> {
    text::decode(owner, item, |data| {
        let &digit = data.as_bytes().first().ok_or(DecodeError::Empty)?;
        let unknown = DecodeError::UnknownType(digit);
        let packet_type = digit.wrapping_sub(b'0');
        if packet_type > 6 {
            return Err(unknown);
        }
        let data = base64::decode(data.get(1..).ok_or(unknown)?)?;
        from_binary(packet_type, data.into()).ok_or(unknown)
    })
}

/// Reads a packet whose type is its first byte.
fn decode_binary(mut data: Bytes) -> Result<Packet, DecodeError> {
    let &packet_type = data.first().ok_or(DecodeError::Empty)?;
    data.advance(1);
    from_binary(packet_type, data).ok_or(DecodeError::UnknownType(packet_type))
}

/// Makes a packet from its type as a number. Only a message keeps its data.
fn from_binary(packet_type: u8, data: Bytes) -> Option<Packet> {
    if packet_type == MESSAGE {
        return Some(Packet::Message(Message::Binary(data)));
    }
    Packet::from_type(packet_type.saturating_add(b'0'), ByteString::new())
}

/// The length that a packet of a text payload starts with, and what follows the colon behind it.
fn split_length(text: &str) -> Result<(usize, &str), DecodeError> {
    let digits = text.bytes().take(MAX_DIGITS);
    let digits = digits.take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(digits).ok_or(DecodeError::Length)?;
    let rest = rest.strip_prefix(':').ok_or(DecodeError::Length)?;
    let length: u64 = digits.parse().map_err(|_| DecodeError::Length)?;
    // What no address space can hold, no payload does.
    let length = usize::try_from(length).map_err(|_| DecodeError::Truncated)?;
    Ok((length, rest))
}

/// Divides text behind so many UTF-16 units, and reads no further.
fn split_units(text: &str, units: usize) -> Result<(&str, &str), DecodeError> {
    // No character has more UTF-16 units than bytes, and one of ASCII has as many.
    let shortest = text.as_bytes().get(..units).ok_or(DecodeError::Truncated)?;
    let mut end = units;
    if !shortest.is_ascii() {
        let mut left = units;
        end = 0;
        for character in text.chars() {
            if left == 0 {
                break;
            }
            let rest = left.checked_sub(character.len_utf16());
            left = rest.ok_or(DecodeError::DividedCharacter)?;
            end = end.saturating_add(character.len_utf8());
        }
        if left > 0 {
            return Err(DecodeError::Truncated);
        }
    }
    text.split_at_checked(end)
        .ok_or(DecodeError::DividedCharacter)
}

/// Takes the first packet off a binary payload: what lies behind its kind and its length.
fn split_item(rest: &mut Bytes) -> Result<Bytes, DecodeError> {
    let digits = rest.iter().skip(1).take(MAX_DIGITS);
    let digits = digits.take_while(|digit| **digit <= 9);
    let (count, length) = digits.fold((0_usize, 0_u64), |(count, length), digit| {
        let length = length.saturating_mul(10).saturating_add(u64::from(*digit));
        (count.saturating_add(1), length)
    });
    let header = count.saturating_add(2);
    if count == 0 || rest.get(header.saturating_sub(1)) != Some(&END_OF_LENGTH) {
        return Err(DecodeError::Length);
    }
    let length = usize::try_from(length).map_err(|_| DecodeError::Truncated)?;
    rest.advance(header);
    if length > rest.len() {
        return Err(DecodeError::Truncated);
    }
    Ok(rest.split_to(length))
}

/// The type of a message and its data, as in a binary frame.
pub(crate) fn binary_packet(data: &[u8]) -> Bytes {
    let mut packet = BytesMut::with_capacity(data.len().saturating_add(1));
    packet.put_u8(MESSAGE);
    packet.put_slice(data);
    packet.freeze()
}

/// A binary message as text.
pub(crate) fn text_packet(data: &[u8]) -> ByteString {
    base64::packet(BASE64_MESSAGE, data)
}

/// Writes a text packet as one of a text payload.
pub(crate) fn put_text(packet: &str, out: &mut BytesMut) {
    put_length(utf16_len(packet), out);
    out.put_slice(packet.as_bytes());
}

fn put_length(length: usize, out: &mut BytesMut) {
    put_digits(length, b'0', out);
    out.put_u8(b':');
}

/// Writes a text packet as one of a binary payload.
pub(crate) fn put_text_item(packet: &str, out: &mut BytesMut) {
    put_head(TEXT, packet.len(), out);
    out.put_slice(packet.as_bytes());
}

/// Writes a binary message as a packet of a binary payload.
pub(crate) fn put_binary_item(data: &[u8], out: &mut BytesMut) {
    put_head(BINARY, data.len().saturating_add(1), out);
    out.put_u8(MESSAGE);
    out.put_slice(data);
}

/// What a packet of `length` bytes takes in a binary payload. In a text payload it takes less.
pub(crate) fn item_len(length: usize) -> usize {
    length.saturating_add(digits(length)).saturating_add(2)
}

/// The number of decimal digits.
pub(crate) fn digits(number: usize) -> usize {
    let above_the_first = number.checked_ilog10().unwrap_or_default() as usize;
    above_the_first.saturating_add(1)
}

/// Writes what stands in front of a packet in a binary payload.
fn put_head(kind: u8, length: usize, out: &mut BytesMut) {
    out.reserve(length.saturating_add(MAX_DIGITS).saturating_add(2));
    out.put_u8(kind);
    put_digits(length, 0, out);
    out.put_u8(END_OF_LENGTH);
}

/// Writes a number in decimal, its digits counted from `zero`.
fn put_digits(number: usize, zero: u8, out: &mut BytesMut) {
    let mut unit: usize = 1;
    while number / unit >= 10 {
        unit = unit.saturating_mul(10);
    }
    while unit > 0 {
        let digit = u8::try_from(number / unit % 10).unwrap_or_default();
        out.put_u8(zero.saturating_add(digit));
        unit /= 10;
    }
}

/// The length of a text in UTF-16 units.
pub(crate) fn utf16_len(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().map(char::len_utf16).sum()
    }
}

#[cfg(test)]
mod tests;
