//! A payload as it stands in a message, looked at once.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;
use engineio_proto::keeps_much;

use super::plain;
use crate::DecodeError;
use crate::parser::Limits;
use crate::payload::packed::json::{Measure, container};
use crate::payload::packed::read::{Item, Reader};
use crate::payload::packed::size;
use crate::payload::packed::{Packed, find_attachments, part};
use crate::payload::placeholder::FLAG;

/// What was found in the place of a payload.
pub(super) struct Scanned<'a> {
    message: &'a Bytes,
    /// Where it is in the message.
    data: Range<usize>,
    /// The length of its JSON, if the form is that of a packed payload.
    json_len: Option<usize>,
    attachments: Vec<Bytes>,
}

/// Reads one value with all that is in it, and checks it against the limits. What is no MessagePack is the outer error,
/// wherever it stands.
///
/// Linear time, no recursion.
pub(super) fn scan<'a>(
    reader: &mut Reader<'a>,
    message: &'a Bytes,
    limits: &Limits,
) -> Result<Result<Scanned<'a>, DecodeError>, DecodeError> {
    let start = message.len().saturating_sub(reader.rest().len());
    let mut scan = Scan {
        message,
        limits,
        open: Levels::default(),
        innermost: Level {
            left: 1,
            map: false,
        },
        measure: Measure::default(),
        attachments: Vec::new(),
        plain: true,
        flagged: false,
    };
    match scan.run(reader) {
        Ok(()) => {}
        Err(Fault::Syntax) => return Err(DecodeError::MsgPack),
        Err(Fault::Refused { error, left }) => {
            reader.pass(scan.left().saturating_add(left))?;
            return Ok(Err(error));
        }
    }
    let end = message.len().saturating_sub(reader.rest().len());
    let lookalike = scan.flagged && !scan.attachments.is_empty();
    Ok(Ok(Scanned {
        message,
        data: start..end,
        json_len: (scan.plain && !lookalike).then_some(scan.measure.len()),
        attachments: scan.attachments,
    }))
}

impl Scanned<'_> {
    /// The payload, which shares the message unless it is a small part of it, or is of another form.
    pub(super) fn into_packed(self) -> (Packed, Vec<Bytes>) {
        let Self {
            message,
            data,
            json_len,
            mut attachments,
        } = self;
        let value = message.get(data.clone()).unwrap_or_default();
        let Some(json_len) = json_len else {
            let data = Bytes::from(plain::write(value, !attachments.is_empty()));
            // They are in the new buffer now, and need not keep the message.
            if !attachments.is_empty() {
                attachments = find_attachments(&data);
            }
            let json_len = Measure::of(&data);
            return (Packed::new(data, json_len), attachments);
        };
        let packed = if keeps_much(message.len(), data.len()) {
            Packed::new(Bytes::copy_from_slice(value), json_len)
        } else {
            Packed::part(message.slice(data), message.len(), json_len)
        };
        (packed, attachments)
    }
}

/// Why a value is no payload.
enum Fault {
    /// It is no MessagePack.
    Syntax,
    /// It may be none; so many items of those that were read are still to be passed.
    Refused { error: DecodeError, left: usize },
}

impl Fault {
    const fn refused(error: DecodeError) -> Self {
        Self::Refused { error, left: 0 }
    }
}

struct Scan<'a> {
    message: &'a Bytes,
    limits: &'a Limits,
    /// The arrays and maps that are open, but for the innermost, from one level outside of the value on.
    open: Levels,
    innermost: Level,
    measure: Measure,
    attachments: Vec<Bytes>,
    /// Whether the form is that of a packed payload.
    plain: bool,
    /// Whether a map looks like a placeholder.
    flagged: bool,
}

impl Scan<'_> {
    fn run(&mut self, reader: &mut Reader<'_>) -> Result<(), Fault> {
        loop {
            while self.innermost.left == 0 {
                match self.open.pop() {
                    Some(level) => self.innermost = level,
                    None => return Ok(()),
                }
            }
            self.innermost.left = self.innermost.left.saturating_sub(1);
            // Keys and values take turns, and a value is last.
            let is_key = self.innermost.map && self.innermost.left % 2 == 1;
            self.step(is_key, reader)?;
        }
    }

    /// Looks at the next item. What most items are is looked at here, the rest by way of [`Item`].
    #[inline]
    fn step(&mut self, is_key: bool, reader: &mut Reader<'_>) -> Result<(), Fault> {
        let first = *reader.rest().first().ok_or(Fault::Syntax)?;
        match first {
            0xa0..=0xbf => {
                let text = reader.text().ok_or(Fault::Syntax)?;
                if !self.measure.text(text) {
                    return Err(Fault::Syntax);
                }
                if is_key {
                    self.flag(text, reader);
                }
                return Ok(());
            }
            _ if is_key => {}
            0x00..=0x7f => {
                reader.advance(1);
                let digits = 1 + usize::from(first >= 10) + usize::from(first >= 100);
                self.measure.count(digits);
                return Ok(());
            }
            // Nil and booleans.
            0xc0 | 0xc2 | 0xc3 => {
                reader.advance(1);
                self.measure.count(4 + usize::from(first == 0xc2));
                return Ok(());
            }
            0x80..=0x9f => {
                reader.advance(1);
                let map = first < 0x90;
                let left = u32::from(first & 0xf) << u32::from(map);
                let level = Level { map, left };
                if level.items() > reader.rest().len() {
                    return Err(Fault::Syntax);
                }
                self.measure.count(container(left));
                return self.enter(level);
            }
            _ => {}
        }
        let item = self.item(reader)?;
        if is_key {
            self.key(item, reader)
        } else {
            self.value(item)
        }
    }

    /// Notes a key that makes its map look like a placeholder.
    #[inline]
    fn flag(&mut self, key: &[u8], value: &Reader<'_>) {
        self.flagged |= key == FLAG.as_bytes() && value.rest().first() == Some(&0xc3);
    }

    /// Reads an item, and counts what it becomes.
    fn item<'m>(&mut self, reader: &mut Reader<'m>) -> Result<Item<'m>, Fault> {
        let before = reader.rest().len();
        let item = reader.read().ok_or(Fault::Syntax)?;
        let left = reader.rest().len();
        if item.inside() > left {
            return Err(Fault::Syntax);
        }
        let taken = before.saturating_sub(left);
        let plain = match item {
            Item::Text(text) => {
                if !self.measure.text(text) {
                    return Err(Fault::Syntax);
                }
                self.plain &= taken == size::text(text.len());
                return Ok(item);
            }
            Item::Nil | Item::Bool(_) => true,
            Item::Uint(value) => taken == size::uint(value),
            Item::Int(value) => value < 0 && taken == size::negative(value),
            Item::Float(value) => taken == size::FLOAT && value.is_finite(),
            Item::Binary(data) => taken == size::binary(data.len()),
            Item::Array(items) => taken == size::container(items),
            Item::Map(items) => taken == size::container(items / 2),
            Item::Undefined | Item::Date(_) | Item::Ext(..) => false,
        };
        self.plain &= plain;
        // What is not plain is measured once it is.
        if plain {
            self.measure.add(item);
        }
        Ok(item)
    }

    /// Looks at a key that was read.
    fn key(&mut self, key: Item<'_>, reader: &Reader<'_>) -> Result<(), Fault> {
        match key {
            Item::Text(key) => {
                self.flag(key, reader);
                Ok(())
            }
            // JavaScript makes text of any key.
            Item::Nil | Item::Bool(_) | Item::Uint(_) | Item::Int(_) | Item::Float(_) => {
                self.plain = false;
                Ok(())
            }
            Item::Binary(_)
            | Item::Array(_)
            | Item::Map(_)
            | Item::Undefined
            | Item::Date(_)
            | Item::Ext(..) => {
                let left = key.inside();
                let value = reader.clone().read();
                if left == 0 && value == Some(Item::Undefined) {
                    // A member that is not there has no key.
                    self.plain = false;
                    return Ok(());
                }
                let error = DecodeError::InvalidPayload;
                Err(Fault::Refused { error, left })
            }
        }
    }

    /// Opens an array or map, or keeps what is binary.
    #[inline]
    fn value(&mut self, item: Item<'_>) -> Result<(), Fault> {
        match item {
            Item::Array(left) => self.enter(Level { left, map: false }),
            Item::Map(left) => self.enter(Level { left, map: true }),
            Item::Binary(data) => self.attach(data, self.open.len),
            Item::Ext(_, data) => {
                // An array, and a placeholder in it.
                self.check_depth(self.open.len)?;
                self.attach(data, self.open.len.saturating_add(1))
            }
            Item::Nil
            | Item::Bool(_)
            | Item::Uint(_)
            | Item::Int(_)
            | Item::Float(_)
            | Item::Text(_)
            | Item::Undefined
            | Item::Date(_) => Ok(()),
        }
    }

    fn enter(&mut self, level: Level) -> Result<(), Fault> {
        if let Err(Fault::Refused { error, .. }) = self.check_depth(self.open.len) {
            let left = level.items();
            return Err(Fault::Refused { error, left });
        }
        self.open.push(self.innermost);
        self.innermost = level;
        Ok(())
    }

    /// Keeps an attachment, whose placeholder is a level like any object.
    fn attach(&mut self, data: &[u8], depth: usize) -> Result<(), Fault> {
        self.check_depth(depth)?;
        let limit = self.limits.max_msgpack_attachments;
        if self.attachments.len() >= usize::from(limit) {
            return Err(Fault::refused(DecodeError::TooManyAttachments { limit }));
        }
        self.attachments.push(part(self.message, data));
        Ok(())
    }

    fn check_depth(&self, depth: usize) -> Result<(), Fault> {
        let limit = self.limits.max_json_depth;
        if depth < usize::from(limit) {
            Ok(())
        } else {
            Err(Fault::refused(DecodeError::TooDeep { limit }))
        }
    }

    /// The items that were not looked at yet, of all that is open.
    fn left(&mut self) -> usize {
        let mut left = 0_usize;
        let mut level = Some(self.innermost);
        while let Some(open) = level {
            left = left.saturating_add(open.items());
            level = self.open.pop();
        }
        left
    }
}

/// An array or map that is open.
#[derive(Clone, Copy, Default)]
struct Level {
    map: bool,
    /// The items that are still to come, keys and values counted one by one.
    left: u32,
}

impl Level {
    fn items(self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX)
    }
}

/// Levels, on the heap only if there are many.
#[derive(Default)]
struct Levels {
    near: [Level; 8],
    far: Vec<Level>,
    len: usize,
}

impl Levels {
    fn push(&mut self, level: Level) {
        match self.near.get_mut(self.len) {
            Some(place) => *place = level,
            None => self.far.push(level),
        }
        self.len = self.len.saturating_add(1);
    }

    fn pop(&mut self) -> Option<Level> {
        self.len = self.len.checked_sub(1)?;
        match self.near.get(self.len) {
            Some(level) => Some(*level),
            None => self.far.pop(),
        }
    }
}
