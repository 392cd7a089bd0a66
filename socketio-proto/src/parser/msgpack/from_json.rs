//! From the JSON of a payload to MessagePack.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::slice;

use bytes::Bytes;
use rmp::encode::{self, ByteBuf};

use super::size;
use crate::Payload;
use crate::payload::cursor::Cursor;
use crate::payload::placeholder::{self, Found};

/// A message in the making.
///
/// Writing to memory does not fail, and so what the functions of `rmp` return says nothing.
pub(super) struct Writer(ByteBuf);

impl Writer {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(ByteBuf::with_capacity(bytes))
    }

    pub(super) fn into_vec(self) -> Vec<u8> {
        self.0.into_vec()
    }

    pub(super) fn map(&mut self, members: u32) {
        let _ = encode::write_map_len(&mut self.0, members);
    }

    pub(super) fn text(&mut self, text: &str) {
        let _ = encode::write_str(&mut self.0, text);
    }

    pub(super) fn uint(&mut self, value: u64) {
        let _ = encode::write_uint(&mut self.0, value);
    }

    /// Writes a payload, attachments in the place of their placeholders. Linear time.
    pub(super) fn payload(&mut self, payload: &Measured<'_>) {
        let mut counts = payload.counts.iter().copied();
        for token in payload.tokens() {
            match token {
                Token::Array => {
                    let _ = encode::write_array_len(&mut self.0, counts.next().unwrap_or(0));
                }
                Token::Object => self.map(counts.next().unwrap_or(0) / 2),
                Token::Close => {}
                Token::Attachment(data) => {
                    let _ = encode::write_bin(&mut self.0, data);
                }
                Token::Scalar(text) => self.scalar(Scalar::read(text)),
            }
        }
    }

    fn scalar(&mut self, scalar: Scalar<'_>) {
        match scalar {
            Scalar::Text(text) => self.text(&text),
            Scalar::Bool(value) => {
                let _ = encode::write_bool(&mut self.0, value);
            }
            Scalar::Nil => {
                let _ = encode::write_nil(&mut self.0);
            }
            Scalar::Uint(value) => self.uint(value),
            Scalar::Negative(value) => {
                let _ = encode::write_sint(&mut self.0, value);
            }
            Scalar::Float(value) => {
                let _ = encode::write_f64(&mut self.0, value);
            }
        }
    }
}

/// A string, number or literal.
enum Scalar<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Nil,
    Uint(u64),
    /// An integer below zero.
    Negative(i64),
    Float(f64),
}

impl<'a> Scalar<'a> {
    /// Reads JSON. An integer of 64 bits is what it is, and any other number a float of 64 bits.
    fn read(json: &'a str) -> Self {
        match json.as_bytes().first() {
            Some(b'"') => {
                let text = Cursor::new(json).string();
                Self::Text(text.unwrap_or(Cow::Borrowed("")))
            }
            Some(b't' | b'f') => Self::Bool(json == "true"),
            Some(b'n') | None => Self::Nil,
            Some(_) => {
                if let Ok(value) = json.parse() {
                    Self::Uint(value)
                } else if let Some(value) = json.parse().ok().filter(|&value: &i64| value != 0) {
                    Self::Negative(value)
                } else {
                    // What JSON has for a number, Rust reads as one. Only a float has a negative zero.
                    Self::Float(json.parse().unwrap_or(f64::NAN))
                }
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(text) => size::text(text.len()),
            Self::Bool(_) | Self::Nil => size::LITERAL,
            Self::Uint(value) => size::uint(*value),
            Self::Negative(value) => size::negative(*value),
            Self::Float(_) => size::FLOAT,
        }
    }
}

/// A payload of which it is known how it is written.
pub(super) struct Measured<'a> {
    payload: &'a Payload,
    placeholders: Vec<Found>,
    /// The number of items of each array and object, keys and values counted one by one, in the order in which they open.
    counts: Vec<u32>,
    len: usize,
}

impl<'a> Measured<'a> {
    /// Linear time; finding the placeholders recurses as deep as the JSON is nested.
    pub(super) fn new(payload: &'a Payload) -> Self {
        let placeholders = if payload.attachments().is_empty() {
            Vec::new()
        } else {
            placeholder::find_all(payload.json())
        };
        let mut measured = Self {
            payload,
            placeholders,
            counts: Vec::new(),
            len: 0,
        };
        (measured.counts, measured.len) = measured.measure();
        measured
    }

    /// The length of the MessagePack, in bytes.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    fn tokens(&self) -> Tokens<'_> {
        Tokens {
            cursor: Cursor::new(self.payload.json()),
            placeholders: self.placeholders.iter(),
            attachments: self.payload.attachments(),
        }
    }

    fn measure(&self) -> (Vec<u32>, usize) {
        let mut counts: Vec<u32> = Vec::new();
        let mut maps: Vec<bool> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut len = 0_usize;
        for token in self.tokens() {
            if matches!(token, Token::Close) {
                open.pop();
                continue;
            }
            if let Some(count) = open.last().and_then(|&index| counts.get_mut(index)) {
                *count = count.saturating_add(1);
            }
            match token {
                Token::Array | Token::Object => {
                    open.push(counts.len());
                    counts.push(0);
                    maps.push(matches!(token, Token::Object));
                }
                Token::Close => {}
                Token::Attachment(data) => len = len.saturating_add(size::binary(data.len())),
                Token::Scalar(text) => len = len.saturating_add(Scalar::read(text).len()),
            }
        }
        let heads = counts
            .iter()
            .zip(maps)
            .map(|(&count, map)| size::container(if map { count / 2 } else { count }));
        let len = heads.fold(len, usize::saturating_add);
        (counts, len)
    }
}

enum Token<'a> {
    Array,
    Object,
    Close,
    /// What stands in the place of a placeholder.
    Attachment(&'a [u8]),
    /// A key or value.
    Scalar(&'a str),
}

/// The parts of validated JSON.
struct Tokens<'a> {
    cursor: Cursor<'a>,
    /// Those that are still to come.
    placeholders: slice::Iter<'a, Found>,
    attachments: &'a [Bytes],
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let sign = self.cursor.peek()?;
            if sign == b'{'
                && let Some(found) = self.placeholders.as_slice().first()
                && found.start == self.cursor.pos()
            {
                self.placeholders.next();
                self.cursor.skip()?;
                let index = found.num.and_then(|num| usize::try_from(num).ok());
                let data = index.and_then(|index| self.attachments.get(index));
                let data = data.map(AsRef::as_ref).unwrap_or_default();
                return Some(Token::Attachment(data));
            }
            let token = match sign {
                b'[' => Token::Array,
                b'{' => Token::Object,
                b']' | b'}' => Token::Close,
                b',' | b':' => {
                    self.cursor.eat(sign);
                    continue;
                }
                _ => return self.cursor.skip().map(Token::Scalar),
            };
            self.cursor.eat(sign);
            return Some(token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_has_the_room_that_was_asked_for_and_no_more() {
        for bytes in [0, 1, 100, 70_000] {
            assert_eq!(Writer::with_capacity(bytes).into_vec().capacity(), bytes);
        }
    }
}
