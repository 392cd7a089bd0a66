//! From the JSON of a payload to MessagePack.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::slice;

use rmp::encode::{self, ByteBuf};

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
        let mut bytes = self.0.into_vec();
        bytes.shrink_to_fit();
        bytes
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

    /// Writes a payload, attachments in the place of their placeholders.
    ///
    /// Linear time; finding the placeholders recurses as deep as the JSON is nested.
    pub(super) fn payload(&mut self, payload: &Payload) {
        let placeholders = if payload.attachments().is_empty() {
            Vec::new()
        } else {
            placeholder::find_all(payload.json())
        };
        let tokens = Tokens {
            cursor: Cursor::new(payload.json()),
            placeholders: placeholders.iter(),
        };
        let mut counts = count(tokens.clone()).into_iter();
        for token in tokens {
            match token {
                Token::Array => {
                    let _ = encode::write_array_len(&mut self.0, counts.next().unwrap_or(0));
                }
                Token::Object => self.map(counts.next().unwrap_or(0) / 2),
                Token::Close => {}
                Token::Attachment(index) => {
                    let data = payload.attachments().get(index);
                    let data = data.map(AsRef::as_ref).unwrap_or_default();
                    let _ = encode::write_bin(&mut self.0, data);
                }
                Token::Scalar(text) => self.scalar(text),
            }
        }
    }

    /// Writes a string, number or literal, given as JSON.
    fn scalar(&mut self, json: &str) {
        match json.as_bytes().first() {
            Some(b'"') => {
                let text = Cursor::new(json).string();
                self.text(&text.unwrap_or(Cow::Borrowed("")));
            }
            Some(b't' | b'f') => {
                let _ = encode::write_bool(&mut self.0, json == "true");
            }
            Some(b'n') | None => {
                let _ = encode::write_nil(&mut self.0);
            }
            Some(_) => self.number(json),
        }
    }

    /// Writes an integer of 64 bits as what it is, and any other number as a float of 64 bits.
    fn number(&mut self, json: &str) {
        if let Ok(value) = json.parse() {
            self.uint(value);
        } else if let Some(value) = json.parse().ok().filter(|&value: &i64| value != 0) {
            let _ = encode::write_sint(&mut self.0, value);
        } else {
            // What JSON has for a number, Rust reads as one. Only a float has a negative zero.
            let _ = encode::write_f64(&mut self.0, json.parse().unwrap_or(f64::NAN));
        }
    }
}

/// The number of items of each array and object, keys and values counted one by one, in the order in which they open.
fn count(tokens: Tokens<'_>) -> Vec<u32> {
    let mut counts: Vec<u32> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for token in tokens {
        if matches!(token, Token::Close) {
            open.pop();
            continue;
        }
        if let Some(count) = open.last().and_then(|&index| counts.get_mut(index)) {
            *count = count.saturating_add(1);
        }
        if matches!(token, Token::Array | Token::Object) {
            open.push(counts.len());
            counts.push(0);
        }
    }
    counts
}

enum Token<'a> {
    Array,
    Object,
    Close,
    /// The placeholder of an attachment, with its number.
    Attachment(usize),
    /// A key or value.
    Scalar(&'a str),
}

/// The parts of validated JSON.
#[derive(Clone)]
struct Tokens<'a> {
    cursor: Cursor<'a>,
    /// Those that are still to come.
    placeholders: slice::Iter<'a, Found>,
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
                return Some(Token::Attachment(index.unwrap_or(usize::MAX)));
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
