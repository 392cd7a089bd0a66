//! From MessagePack to the JSON of a payload.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use bytes::Bytes;
use bytestring::ByteString;
use engineio_proto::ledger;
use serde_json::Number;

use super::date;
use super::read::{Item, Reader};
use crate::DecodeError;
use crate::parser::Limits;
use crate::payload::escape::escape;
use crate::payload::placeholder::FLAG;

/// Reads one value with all that is in it. Gives its JSON, and the attachments that the placeholders in it stand for,
/// which are slices of `message`, or copies where they are small parts of a long one.
///
/// Linear time, no recursion. See [`max_payload_len`] for how long the JSON gets.
pub(super) fn transcode(
    reader: &mut Reader<'_>,
    message: &Bytes,
    limits: &Limits,
) -> Result<(ByteString, Vec<Bytes>), DecodeError> {
    let mut writer = Writer {
        message,
        limits,
        json: String::with_capacity(message.len()),
        attachments: Vec::new(),
        open: Vec::new(),
        flags: Vec::new(),
    };
    writer.value(reader.next()?)?;
    while let Some(open) = writer.open.last_mut() {
        if open.left == 0 {
            writer.json.push(if open.map { '}' } else { ']' });
            writer.open.pop();
        } else if open.map {
            open.left = open.left.saturating_sub(2);
            let (key, value) = (reader.next()?, reader.next()?);
            if value != Item::Undefined {
                open.separate(&mut writer.json);
                writer.member(key, value)?;
            }
        } else {
            open.left = open.left.saturating_sub(1);
            open.separate(&mut writer.json);
            writer.value(reader.next()?)?;
        }
    }
    Ok(writer.finish())
}

/// The most bytes that a payload takes, JSON and attachments together, which a message of this length brings.
pub(in crate::parser) fn max_payload_len(message: usize, limits: &Limits) -> usize {
    let placeholders = usize::from(limits.max_msgpack_attachments).saturating_mul(PLACEHOLDER);
    message.saturating_mul(GROWTH).saturating_add(placeholders)
}

/// The most bytes of JSON for one of MessagePack, placeholders aside: `false` is one byte, as a key it becomes eight
/// with its quotes and its colon, as a value six with the comma.
const GROWTH: usize = 7;

/// The longest placeholder: `{"_placeholder":true,"num":65534}`.
const PLACEHOLDER: usize = 33;

struct Writer<'a> {
    message: &'a Bytes,
    limits: &'a Limits,
    json: String,
    attachments: Vec<Bytes>,
    /// The arrays and maps that are open, innermost last.
    open: Vec<Open>,
    /// Where the JSON has a `true` that makes a map look like a placeholder.
    flags: Vec<usize>,
}

/// An array or map that is not complete.
struct Open {
    map: bool,
    /// The items that are still to come.
    left: u32,
    empty: bool,
}

impl Open {
    fn separate(&mut self, json: &mut String) {
        if !self.empty {
            json.push(',');
        }
        self.empty = false;
    }
}

impl Writer<'_> {
    fn member(&mut self, key: Item<'_>, value: Item<'_>) -> Result<(), DecodeError> {
        match key {
            Item::Text(key) => {
                self.text(key);
                self.json.push(':');
                if key == FLAG && value == Item::Bool(true) {
                    self.flags.push(self.json.len());
                }
            }
            // JavaScript makes text of any key.
            Item::Nil | Item::Bool(_) | Item::Uint(_) | Item::Int(_) | Item::Float(_) => {
                self.json.push('"');
                self.value(key)?;
                self.json.push_str("\":");
            }
            Item::Binary(_)
            | Item::Array(_)
            | Item::Map(_)
            | Item::Undefined
            | Item::Date(_)
            | Item::Ext(..) => return Err(DecodeError::InvalidPayload),
        }
        self.value(value)
    }

    /// Writes a scalar, or opens an array or object.
    fn value(&mut self, item: Item<'_>) -> Result<(), DecodeError> {
        match item {
            Item::Nil | Item::Undefined => self.json.push_str("null"),
            Item::Bool(value) => self.json.push_str(if value { "true" } else { "false" }),
            Item::Uint(value) => self.number(value.into()),
            Item::Int(value) => self.number(value.into()),
            Item::Float(value) => match Number::from_f64(value) {
                Some(number) => self.number(number),
                None => self.json.push_str("null"),
            },
            Item::Text(text) => self.text(text),
            Item::Date(millis) => date::write(millis, &mut self.json),
            Item::Binary(data) => self.attach(data)?,
            Item::Array(items) => self.open(items, false)?,
            Item::Map(items) => self.open(items, true)?,
            Item::Ext(ty, data) => {
                self.open(0, false)?;
                self.number(ty.into());
                self.json.push(',');
                self.attach(data)?;
                // Its end is written like that of any array.
            }
        }
        Ok(())
    }

    fn number(&mut self, number: Number) {
        // Writing to a string does not fail.
        let _ = write!(self.json, "{number}");
    }

    fn text(&mut self, text: &str) {
        self.json.push('"');
        escape(text, |piece| self.json.push_str(piece));
        self.json.push('"');
    }

    fn open(&mut self, left: u32, map: bool) -> Result<(), DecodeError> {
        self.check_depth()?;
        self.json.push(if map { '{' } else { '[' });
        self.open.push(Open {
            map,
            left,
            empty: true,
        });
        Ok(())
    }

    /// Writes a placeholder, which is a level like any object.
    fn attach(&mut self, data: &[u8]) -> Result<(), DecodeError> {
        self.check_depth()?;
        let limit = self.limits.max_msgpack_attachments;
        if self.attachments.len() >= usize::from(limit) {
            return Err(DecodeError::TooManyAttachments { limit });
        }
        let num = self.attachments.len();
        // Writing to a string does not fail.
        let _ = write!(self.json, "{{\"{FLAG}\":true,\"num\":{num}}}");
        let keeps = ledger::keeps_buffer(data.len(), self.message.len());
        self.attachments.push(if keeps {
            self.message.slice_ref(data)
        } else {
            Bytes::copy_from_slice(data)
        });
        Ok(())
    }

    fn check_depth(&self) -> Result<(), DecodeError> {
        let limit = self.limits.max_json_depth;
        if self.open.len() < usize::from(limit) {
            Ok(())
        } else {
            Err(DecodeError::TooDeep { limit })
        }
    }

    fn finish(self) -> (ByteString, Vec<Bytes>) {
        let mut json = self.json;
        if !self.attachments.is_empty() && !self.flags.is_empty() {
            json = without_flags(&json, &self.flags);
        }
        json.shrink_to_fit();
        (json.into(), self.attachments)
    }
}

/// The same JSON with `1` in place of each `true` in these places.
fn without_flags(json: &str, flags: &[usize]) -> String {
    let mut out = String::with_capacity(json.len());
    let mut copied = 0;
    for &flag in flags {
        out.push_str(json.get(copied..flag).unwrap_or_default());
        out.push('1');
        copied = flag.saturating_add("true".len());
    }
    out.push_str(json.get(copied..).unwrap_or_default());
    out
}
