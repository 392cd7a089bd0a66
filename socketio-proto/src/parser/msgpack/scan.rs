//! A payload as it stands in a message, looked at once.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;
use engineio_proto::keeps_much;

use super::plain;
use crate::DecodeError;
use crate::parser::Limits;
use crate::payload::packed::json::{Measure, container, digits, float_len};
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
    let text = reader.rest();
    let start = message.len().saturating_sub(text.len());
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
    match scan.run(text) {
        Ok(rest) => *reader = Reader::new(rest),
        Err(Fault::Syntax) => return Err(DecodeError::MsgPack),
        Err(Fault::Refused { error, left, rest }) => {
            *reader = Reader::new(rest);
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
enum Fault<'m> {
    /// It is no MessagePack.
    Syntax,
    /// It may be none: `rest` is still to be read, in which so many items belong to those that were read.
    Refused {
        error: DecodeError,
        left: usize,
        rest: &'m [u8],
    },
}

/// A value that is refused.
struct Refusal {
    error: DecodeError,
    /// The items that belong to it and were not read.
    left: usize,
}

impl Refusal {
    const fn new(error: DecodeError) -> Self {
        Self { error, left: 0 }
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
    /// Looks at all items, and gives what stands behind them.
    fn run<'m>(&mut self, text: &'m [u8]) -> Result<&'m [u8], Fault<'m>> {
        let mut rest = text;
        loop {
            while self.innermost.left == 0 {
                match self.open.pop() {
                    Some(level) => self.innermost = level,
                    None => return Ok(rest),
                }
            }
            self.innermost.left = self.innermost.left.saturating_sub(1);
            // Keys and values take turns, and a value is last.
            let is_key = self.innermost.map && self.innermost.left % 2 == 1;
            rest = self.step(is_key, rest)?;
        }
    }

    /// Looks at the next item. What most items are is looked at here, the rest by way of [`Item`].
    #[inline]
    fn step<'m>(&mut self, is_key: bool, text: &'m [u8]) -> Result<&'m [u8], Fault<'m>> {
        let (&first, behind) = text.split_first().ok_or(Fault::Syntax)?;
        match (first, behind) {
            (0xa0..=0xbf, _) => {
                let len = usize::from(first & 0x1f);
                return self.string(is_key, behind, len);
            }
            (0xd9, [len @ 32..=0xff, behind @ ..]) => {
                return self.string(is_key, behind, (*len).into());
            }
            _ if is_key => {}
            (0x00..=0x7f, _) => {
                let digits = 1 + usize::from(first >= 10) + usize::from(first >= 100);
                self.measure.count(digits);
                return Ok(behind);
            }
            // Nil and booleans.
            (0xc0 | 0xc2 | 0xc3, _) => {
                self.measure.count(4 + usize::from(first == 0xc2));
                return Ok(behind);
            }
            (0x80..=0x9f, _) => {
                let map = first < 0x90;
                let left = u32::from(first & 0xf) << u32::from(map);
                let level = Level { map, left };
                if level.items() > behind.len() {
                    return Err(Fault::Syntax);
                }
                self.measure.count(container(left));
                return match self.enter(level) {
                    Ok(()) => Ok(behind),
                    Err(refusal) => Err(refused(refusal, behind)),
                };
            }
            (0xce, [a, b, c, d, behind @ ..]) => {
                let value = u32::from_be_bytes([*a, *b, *c, *d]);
                self.plain &= value > 0xffff;
                self.measure.count(digits(value.into()));
                return Ok(behind);
            }
            (0xcf, [a, b, c, d, e, f, g, h, behind @ ..]) => {
                let value = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                self.plain &= value > 0xffff_ffff;
                self.measure.count(digits(value));
                return Ok(behind);
            }
            (0xcb, _) => {
                let (bytes, behind) = behind.split_first_chunk().ok_or(Fault::Syntax)?;
                let value = f64::from_be_bytes(*bytes);
                if value.is_finite() {
                    self.measure.count(float_len(value));
                } else {
                    self.plain = false;
                }
                return Ok(behind);
            }
            _ => {}
        }
        self.other(is_key, text)
    }

    /// Looks at the string of so many bytes that `text` starts with.
    #[inline]
    fn string<'m>(
        &mut self,
        is_key: bool,
        text: &'m [u8],
        len: usize,
    ) -> Result<&'m [u8], Fault<'m>> {
        let (string, behind) = text.split_at_checked(len).ok_or(Fault::Syntax)?;
        if !self.measure.text(string, text) {
            return Err(Fault::Syntax);
        }
        if is_key {
            self.flag(string, behind);
        }
        Ok(behind)
    }

    /// Notes a key that makes its map look like a placeholder.
    #[inline]
    fn flag(&mut self, key: &[u8], value: &[u8]) {
        self.flagged |= key == FLAG.as_bytes() && value.first() == Some(&0xc3);
    }

    /// Looks at any item.
    #[inline(never)]
    fn other<'m>(&mut self, is_key: bool, text: &'m [u8]) -> Result<&'m [u8], Fault<'m>> {
        let mut reader = Reader::new(text);
        let item = self.item(&mut reader)?;
        let looked = if is_key {
            self.key(item, &reader)
        } else {
            self.value(item)
        };
        match looked {
            Ok(()) => Ok(reader.rest()),
            Err(refusal) => Err(refused(refusal, reader.rest())),
        }
    }

    /// Reads an item, and counts what it becomes.
    fn item<'m>(&mut self, reader: &mut Reader<'m>) -> Result<Item<'m>, Fault<'m>> {
        let before = reader.rest().len();
        let item = reader.read().ok_or(Fault::Syntax)?;
        let left = reader.rest().len();
        if item.inside() > left {
            return Err(Fault::Syntax);
        }
        let taken = before.saturating_sub(left);
        let plain = match item {
            Item::Text(text) => {
                if !self.measure.text(text, text) {
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
    fn key(&mut self, key: Item<'_>, reader: &Reader<'_>) -> Result<(), Refusal> {
        match key {
            Item::Text(key) => {
                self.flag(key, reader.rest());
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
                Err(Refusal { error, left })
            }
        }
    }

    /// Opens an array or map, or keeps what is binary.
    #[inline]
    fn value(&mut self, item: Item<'_>) -> Result<(), Refusal> {
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

    fn enter(&mut self, level: Level) -> Result<(), Refusal> {
        if let Err(Refusal { error, .. }) = self.check_depth(self.open.len) {
            let left = level.items();
            return Err(Refusal { error, left });
        }
        self.open.push(self.innermost);
        self.innermost = level;
        Ok(())
    }

    /// Keeps an attachment, whose placeholder is a level like any object.
    fn attach(&mut self, data: &[u8], depth: usize) -> Result<(), Refusal> {
        self.check_depth(depth)?;
        let limit = self.limits.max_msgpack_attachments;
        if self.attachments.len() >= usize::from(limit) {
            return Err(Refusal::new(DecodeError::TooManyAttachments { limit }));
        }
        self.attachments.push(part(self.message, data));
        Ok(())
    }

    fn check_depth(&self, depth: usize) -> Result<(), Refusal> {
        let limit = self.limits.max_json_depth;
        if depth < usize::from(limit) {
            Ok(())
        } else {
            Err(Refusal::new(DecodeError::TooDeep { limit }))
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

const fn refused(refusal: Refusal, rest: &[u8]) -> Fault<'_> {
    let Refusal { error, left } = refusal;
    Fault::Refused { error, left, rest }
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
