//! Walking through a packed payload.

use alloc::borrow::Cow;
use core::fmt;
use core::str;

use super::Packed;
use super::json::PLACEHOLDER;
use super::read::{Item, Reader};
use crate::payload::cursor::Cursor;
use crate::payload::number::Number;
use crate::payload::source::{Kind, PRIVATE, Source};

/// A place in a packed payload.
///
/// A bin is the object that its placeholder is, for those who do not ask for bytes: the cursor walks through that without
/// leaving its place.
#[derive(Clone)]
pub(in crate::payload) struct PackedCursor<'de> {
    reader: Reader<'de>,
    /// The number of attachments passed.
    attachments: u32,
    /// Where inside of a placeholder it is.
    inside: Option<Inside>,
    /// A place that is known in the JSON as well.
    synced: Synced<'de>,
}

/// What comes next in a placeholder.
#[derive(Clone, Copy)]
enum Inside {
    Flag,
    True,
    Num,
    Index,
}

/// A place in both forms of a payload.
#[derive(Clone)]
struct Synced<'de> {
    packed: &'de Packed,
    reader: Reader<'de>,
    json: usize,
}

impl fmt::Debug for PackedCursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedCursor")
            .field("left", &self.reader.rest().len())
            .finish_non_exhaustive()
    }
}

/// An array or object that was entered: the items or members that are left.
#[derive(Clone, Copy, Debug)]
pub(in crate::payload) struct Left(u32);

impl Left {
    pub(super) const fn items(&self) -> u32 {
        self.0
    }
}

impl<'de> PackedCursor<'de> {
    /// What is still to come.
    pub(super) const fn rest(&self) -> &'de [u8] {
        self.reader.rest()
    }

    /// The number of attachments before this place.
    pub(super) const fn attachments_passed(&self) -> usize {
        self.attachments as usize
    }

    pub(super) fn new(packed: &'de Packed) -> Self {
        let reader = Reader::new(packed.data());
        Self {
            reader: reader.clone(),
            attachments: 0,
            inside: None,
            synced: Synced {
                packed,
                reader,
                json: 0,
            },
        }
    }

    fn next_byte(&self) -> Option<u8> {
        self.reader.rest().first().copied()
    }

    /// Passes a value that is not inside of a placeholder.
    fn pass(&mut self) -> Option<()> {
        let mut left = 1_usize;
        while left > 0 {
            let item = self.reader.read()?;
            left = left.saturating_sub(1).saturating_add(item.inside());
            if let Item::Binary(_) = item {
                self.attachments = self.attachments.saturating_add(1);
            }
        }
        Some(())
    }

    /// Goes on inside of a placeholder, and leaves it behind its last value.
    fn step(&mut self, inside: Inside) -> Option<()> {
        self.inside = match inside {
            Inside::Flag => Some(Inside::True),
            Inside::True => Some(Inside::Num),
            Inside::Num => Some(Inside::Index),
            Inside::Index => {
                self.pass()?;
                None
            }
        };
        Some(())
    }

    #[inline(never)]
    fn string_inside(&mut self, inside: Inside) -> Option<&'de str> {
        self.step(inside)?;
        match inside {
            Inside::Flag => Some("_placeholder"),
            Inside::Num => Some("num"),
            Inside::True | Inside::Index => None,
        }
    }

    /// The JSON of the value whose first byte is next.
    fn raw_outside(&mut self) -> Option<&'de str> {
        let json = self.synced.packed.json();
        let mut cursor = Cursor::new(json.get(self.synced.json..)?);
        let end = self.reader.rest().len();
        while self.synced.reader.rest().len() > end {
            next_token(&mut cursor)?;
            // The items of arrays and maps are the next tokens.
            match self.synced.reader.read() {
                Some(Item::Array(_)) => cursor.eat(b'['),
                Some(Item::Map(_)) => cursor.eat(b'{'),
                _ => cursor.skip().is_some(),
            };
        }
        next_token(&mut cursor)?;
        self.synced.json = self.synced.json.saturating_add(cursor.pos());
        cursor.skip()
    }
}

/// Passes the signs before the next token.
fn next_token(cursor: &mut Cursor<'_>) -> Option<()> {
    loop {
        match cursor.peek()? {
            sign @ (b',' | b':' | b']' | b'}') => cursor.eat(sign),
            _ => return Some(()),
        };
    }
}

impl<'de> Source<'de> for PackedCursor<'de> {
    type Left = Left;

    fn kind(&mut self) -> Option<Kind> {
        if let Some(inside) = self.inside {
            return Some(match inside {
                Inside::Flag | Inside::Num => Kind::Text,
                Inside::True => Kind::Bool,
                Inside::Index => Kind::Number,
            });
        }
        Some(match self.next_byte()? {
            0xa0..=0xbf | 0xd9..=0xdb => Kind::Text,
            0x80..=0x8f | 0xde..=0xdf | 0xc4..=0xc6 => Kind::Object,
            0x90..=0x9f | 0xdc..=0xdd => Kind::Array,
            0xc0 => Kind::Null,
            0xc2..=0xc3 => Kind::Bool,
            _ => Kind::Number,
        })
    }

    fn position(&self) -> usize {
        // It is only compared, and what it grows by is counted.
        usize::MAX.saturating_sub(self.reader.rest().len())
    }

    fn open_array(&mut self) -> Option<Left> {
        if let Some(first @ 0x90..=0x9f) = self.next_byte() {
            self.reader.advance(1);
            return Some(Left((first & 0xf).into()));
        }
        match self.reader.read() {
            Some(Item::Array(items)) => Some(Left(items)),
            _ => None,
        }
    }

    fn open_object(&mut self) -> Option<Left> {
        if let Some(first @ 0x80..=0x8f) = self.next_byte() {
            self.reader.advance(1);
            return Some(Left((first & 0xf).into()));
        }
        if let Some(0xc4..=0xc6) = self.next_byte() {
            self.inside = Some(Inside::Flag);
            return Some(Left(2));
        }
        match self.reader.read() {
            Some(Item::Map(items)) => Some(Left(items / 2)),
            _ => None,
        }
    }

    #[inline]
    fn next(&mut self, left: &mut Left, _: Kind) -> bool {
        let more = left.0 > 0;
        left.0 = left.0.saturating_sub(1);
        more
    }

    fn close(&mut self, left: Left, _: Kind) -> bool {
        left.0 == 0
    }

    fn string(&mut self) -> Option<Cow<'de, str>> {
        self.plain_string().map(Cow::Borrowed)
    }

    #[inline]
    fn plain_string(&mut self) -> Option<&'de str> {
        match self.inside {
            None => str::from_utf8(self.reader.text()?).ok(),
            Some(inside) => self.string_inside(inside),
        }
    }

    fn key(&mut self) -> Option<Cow<'de, str>> {
        self.string()
    }

    #[inline]
    fn plain_key(&mut self) -> Option<&'de str> {
        self.plain_string()
    }

    fn number(&mut self) -> Option<Number<'de>> {
        if let Some(inside) = self.inside {
            let num = self.attachments;
            self.step(inside)?;
            return Some(Number::Uint(num.into()));
        }
        match *self.reader.rest() {
            [value @ 0..=0x7f, ..] => {
                self.reader.advance(1);
                return Some(Number::Uint(value.into()));
            }
            [0xcf, a, b, c, d, e, f, g, h, ..] => {
                self.reader.advance(9);
                let value = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                return Some(Number::Uint(value));
            }
            [0xce, a, b, c, d, ..] => {
                self.reader.advance(5);
                return Some(Number::Uint(u32::from_be_bytes([a, b, c, d]).into()));
            }
            [0xcb, a, b, c, d, e, f, g, h, ..] => {
                self.reader.advance(9);
                let value = f64::from_be_bytes([a, b, c, d, e, f, g, h]);
                return Some(Number::Float(value));
            }
            _ => {}
        }
        match self.reader.read() {
            Some(Item::Uint(value)) => Some(Number::Uint(value)),
            Some(Item::Int(value)) => Some(Number::Int(value)),
            Some(Item::Float(value)) => Some(Number::Float(value)),
            _ => None,
        }
    }

    fn bool(&mut self) -> Option<bool> {
        if let Some(inside) = self.inside {
            self.step(inside)?;
            return Some(true);
        }
        let value = match self.next_byte()? {
            0xc2 => false,
            0xc3 => true,
            _ => return None,
        };
        self.reader.advance(1);
        Some(value)
    }

    #[inline]
    fn null(&mut self) -> Option<()> {
        if self.inside.is_some() || self.next_byte() != Some(0xc0) {
            return None;
        }
        self.reader.advance(1);
        Some(())
    }

    fn skip(&mut self) -> Option<()> {
        match self.inside {
            Some(inside) => self.step(inside),
            None => self.pass(),
        }
    }

    fn skip_member(&mut self) -> Option<()> {
        self.skip()?;
        self.skip()
    }

    fn raw(&mut self) -> Option<&'de str> {
        let raw = self.raw_outside()?;
        let Some(inside) = self.inside else {
            self.pass()?;
            return Some(raw);
        };
        self.step(inside)?;
        let [before, behind] = PLACEHOLDER;
        Some(match inside {
            Inside::Flag => "\"_placeholder\"",
            Inside::True => "true",
            Inside::Num => "\"num\"",
            Inside::Index => raw.strip_prefix(before)?.strip_suffix(behind)?,
        })
    }

    fn attachment(&mut self) -> Option<u32> {
        match self.next_byte() {
            Some(0xc4..=0xc6) if self.inside.is_none() => {
                let num = self.attachments;
                self.pass()?;
                Some(num)
            }
            _ => None,
        }
    }

    fn is_private_key(&self) -> bool {
        // Most keys show at their first character that they are others.
        self.inside.is_none()
            && matches!(
                self.reader.rest(),
                [0xa0..=0xbf, b'$', ..] | [0xd9, _, b'$', ..] | [0xda..=0xdb, ..]
            )
            && self
                .reader
                .clone()
                .read()
                .and_then(Item::text)
                .is_some_and(|key| key.starts_with(PRIVATE))
    }
}
