//! From the JSON of a payload to MessagePack.

use alloc::vec::Vec;

use bytes::Bytes;

use super::write::{Opened, Packer};
use crate::payload::cursor::Cursor;
use crate::payload::placeholder::{self, Found};

/// Writes validated JSON, attachments in the place of their placeholders; those without one are left out.
///
/// Linear time; finding the placeholders recurses as deep as the JSON is nested.
pub(crate) fn transcode<'a>(json: &str, attachments: &'a [Bytes]) -> Packer<'a> {
    write(json, attachments, false)
}

/// The same for a packed payload, in which a number that is too large for a float is nil, as in what is serialised.
pub(super) fn transcode_finite(json: &str) -> Packer<'static> {
    write(json, &[], true)
}

fn write<'a>(json: &str, attachments: &'a [Bytes], finite: bool) -> Packer<'a> {
    let found = if attachments.is_empty() {
        Vec::new()
    } else {
        placeholder::find_all(json)
    };
    let mut writer = Writer {
        packer: Packer::with_capacity(json.len()),
        open: Vec::new(),
        finite,
    };
    // Validated JSON is read to its end.
    let _ = writer.write(json, &found, attachments);
    writer.packer
}

fn attached<'a>(found: &Found, attachments: &'a [Bytes]) -> &'a [u8] {
    let index = found.num.and_then(|num| usize::try_from(num).ok());
    let data = index.and_then(|index| attachments.get(index));
    data.map(AsRef::as_ref).unwrap_or_default()
}

struct Writer<'a> {
    packer: Packer<'a>,
    open: Vec<Open>,
    /// Whether a number that is too large for a float is nil.
    finite: bool,
}

/// An array or object that is not complete.
struct Open {
    opened: Opened,
    map: bool,
    /// The items so far, keys and values counted one by one.
    items: u32,
}

impl<'a> Writer<'a> {
    fn write(&mut self, json: &str, found: &[Found], attachments: &'a [Bytes]) -> Option<()> {
        let mut found = found.iter();
        let mut cursor = Cursor::new(json);
        while let Some(sign) = cursor.peek() {
            match sign {
                b',' | b':' => {
                    cursor.eat(sign);
                }
                b']' | b'}' => {
                    cursor.eat(sign);
                    self.close();
                }
                b'[' | b'{' => {
                    let next = found.as_slice().first();
                    if let Some(next) = next.filter(|next| next.start == cursor.pos()) {
                        found.next();
                        cursor.skip()?;
                        self.count();
                        self.packer.binary(attached(next, attachments));
                    } else {
                        cursor.eat(sign);
                        self.open(sign == b'{');
                    }
                }
                b'"' => {
                    let text = cursor.string()?;
                    self.count();
                    self.packer.text(&text);
                }
                _ => {
                    let token = cursor.skip()?;
                    self.count();
                    self.token(token);
                }
            }
        }
        Some(())
    }

    fn count(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.items = open.items.saturating_add(1);
        }
    }

    fn open(&mut self, map: bool) {
        self.count();
        let opened = if map {
            self.packer.open_map(None)
        } else {
            self.packer.open_array(None)
        };
        let items = 0;
        self.open.push(Open { opened, map, items });
    }

    fn close(&mut self) {
        if let Some(Open { opened, map, items }) = self.open.pop() {
            self.packer
                .close(opened, if map { items / 2 } else { items });
        }
    }

    fn token(&mut self, token: &str) {
        match token.as_bytes().first() {
            Some(b't') => self.packer.bool(true),
            Some(b'f') => self.packer.bool(false),
            Some(b'n') | None => self.packer.nil(),
            Some(_) => self.number(token),
        }
    }

    /// Writes a number. An integer of 64 bits is what it is, and any other number a float of 64 bits.
    fn number(&mut self, json: &str) {
        if let Ok(value) = json.parse() {
            self.packer.uint(value);
        } else if let Some(value) = json.parse().ok().filter(|&value: &i64| value != 0) {
            self.packer.int(value);
        } else {
            // What JSON has for a number, Rust reads as one. Only a float has a negative zero.
            let float = json.parse().unwrap_or(f64::NAN);
            if self.finite {
                self.packer.float(float);
            } else {
                self.packer.any_float(float);
            }
        }
    }
}
