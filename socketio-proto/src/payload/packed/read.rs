//! MessagePack, one item after the other.

use core::str;

use rmp::Marker;

use super::text;
use crate::DecodeError;

/// What stands at one place of a message: a scalar whole, of an array or map the number of what follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item<'a> {
    Nil,
    Bool(bool),
    Uint(u64),
    Int(i64),
    Float(f64),
    /// A string. [`Reader::next`] has checked that it is UTF-8.
    Text(&'a [u8]),
    /// Bytes, or an ext of type 0: JavaScript's `Buffer`, or its `ArrayBuffer`.
    Binary(&'a [u8]),
    /// The number of items.
    Array(u32),
    /// The number of keys and values, two of them for each member.
    Map(u32),
    /// JavaScript's `undefined`: a fixext 1 of type 0.
    Undefined,
    /// JavaScript's `Date`: a fixext 8 of type 0, milliseconds since 1970.
    Date(i64),
    /// Any other ext.
    Ext(i8, &'a [u8]),
}

impl<'a> Item<'a> {
    /// The text that a string is.
    pub(crate) fn text(self) -> Option<&'a str> {
        if let Self::Text(text) = self {
            str::from_utf8(text).ok()
        } else {
            None
        }
    }

    /// The number of items that follow and belong to this one.
    pub(crate) fn inside(self) -> usize {
        if let Self::Array(items) | Self::Map(items) = self {
            usize::try_from(items).unwrap_or(usize::MAX)
        } else {
            0
        }
    }
}

/// A place in a message. Everything that cannot be read is [`DecodeError::MsgPack`].
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// Reads a string, if one is next.
    #[inline]
    pub(crate) fn text(&mut self) -> Option<&'a [u8]> {
        let (&first, rest) = self.0.split_first()?;
        if let 0xa0..=0xbf = first {
            let (text, rest) = rest.split_at_checked((first & 0x1f).into())?;
            self.0 = rest;
            return Some(text);
        }
        match self.read() {
            Some(Item::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Passes so many bytes.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.0 = self.0.get(bytes..).unwrap_or_default();
    }

    /// What is still to be read.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the next item. Of an array or map it is known that it may be complete: that there is at least a byte left
    /// for each of its items.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Item<'a>, DecodeError> {
        if let [value @ 0..=0x7f, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(Item::Uint((*value).into()));
        }
        self.checked().ok_or(DecodeError::MsgPack)
    }

    /// Passes the next item with all that is in it, and gives the item.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<Item<'a>, DecodeError> {
        let first = self.next()?;
        if first.inside() > 0 {
            self.pass(first.inside())?;
        }
        Ok(first)
    }

    /// Passes so many items with all that is in them.
    pub(crate) fn pass(&mut self, items: usize) -> Result<(), DecodeError> {
        let mut left = items;
        while left > 0 {
            // Not more than a message has bytes, since every count is checked against what is left of it.
            left = left.saturating_sub(1).saturating_add(self.next()?.inside());
        }
        Ok(())
    }

    #[inline(never)]
    fn checked(&mut self) -> Option<Item<'a>> {
        let item = self.read()?;
        let valid = if let Item::Text(text) = item {
            text::is_utf8(text)
        } else {
            item.inside() <= self.0.len()
        };
        valid.then_some(item)
    }

    /// Reads the next item of a message that has been checked.
    #[inline]
    pub(crate) fn read(&mut self) -> Option<Item<'a>> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        // What most items are.
        match first {
            0xa0..=0xbf => return Some(Item::Text(self.take((first & 0x1f).into())?)),
            0x90..=0x9f => return Some(Item::Array((first & 0xf).into())),
            0x80..=0x8f => return Some(Item::Map(u32::from(first & 0xf) * 2)),
            _ => {}
        }
        let marker = Marker::from_u8(first);
        Some(match marker {
            Marker::FixPos(value) => Item::Uint(value.into()),
            Marker::FixNeg(value) => Item::Int(value.into()),
            Marker::FixStr(len) => Item::Text(self.take(len.into())?),
            Marker::FixArray(len) => Item::Array(len.into()),
            Marker::FixMap(len) => Item::Map(u32::from(len).saturating_mul(2)),
            Marker::Null => Item::Nil,
            Marker::False => Item::Bool(false),
            Marker::True => Item::Bool(true),
            Marker::U8 => Item::Uint(u8::from_be_bytes(self.array()?).into()),
            Marker::U16 => Item::Uint(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Item::Uint(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Item::Uint(u64::from_be_bytes(self.array()?)),
            Marker::I8 => Item::Int(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => Item::Int(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => Item::Int(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => Item::Int(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Item::Float(f32::from_be_bytes(self.array()?).into()),
            Marker::F64 => Item::Float(f64::from_be_bytes(self.array()?)),
            Marker::Str8 => Item::Text(self.sized::<1>()?),
            Marker::Str16 => Item::Text(self.sized::<2>()?),
            Marker::Str32 => Item::Text(self.sized::<4>()?),
            Marker::Bin8 => Item::Binary(self.sized::<1>()?),
            Marker::Bin16 => Item::Binary(self.sized::<2>()?),
            Marker::Bin32 => Item::Binary(self.sized::<4>()?),
            Marker::Array16 => Item::Array(self.len::<2>()?),
            Marker::Array32 => Item::Array(self.len::<4>()?),
            Marker::Map16 => Item::Map(self.len::<2>()?.checked_mul(2)?),
            Marker::Map32 => Item::Map(self.len::<4>()?.checked_mul(2)?),
            Marker::FixExt1 => self.ext(marker, 1)?,
            Marker::FixExt2 => self.ext(marker, 2)?,
            Marker::FixExt4 => self.ext(marker, 4)?,
            Marker::FixExt8 => self.ext(marker, 8)?,
            Marker::FixExt16 => self.ext(marker, 16)?,
            Marker::Ext8 => {
                let len = self.len::<1>()?;
                self.ext(marker, len)?
            }
            Marker::Ext16 => {
                let len = self.len::<2>()?;
                self.ext(marker, len)?
            }
            Marker::Ext32 => {
                let len = self.len::<4>()?;
                self.ext(marker, len)?
            }
            Marker::Reserved => return None,
        })
    }

    /// What `notepack.io` makes of an ext.
    #[cold]
    fn ext(&mut self, marker: Marker, len: u32) -> Option<Item<'a>> {
        let ty = i8::from_be_bytes(self.array()?);
        let data = self.take(usize::try_from(len).ok()?)?;
        Some(match (marker, ty) {
            (Marker::FixExt1, 0) => Item::Undefined,
            (Marker::FixExt8, 0) => Item::Date(i64::from_be_bytes(data.try_into().ok()?)),
            (Marker::Ext8 | Marker::Ext16 | Marker::Ext32, 0) => Item::Binary(data),
            _ => Item::Ext(ty, data),
        })
    }

    /// A length of so many bytes.
    fn len<const BYTES: usize>(&mut self) -> Option<u32> {
        let bytes: [u8; BYTES] = self.array()?;
        Some(
            bytes
                .iter()
                .fold(0, |len, byte| (len << 8) | u32::from(*byte)),
        )
    }

    fn sized<const BYTES: usize>(&mut self) -> Option<&'a [u8]> {
        let len = self.len::<BYTES>()?;
        self.take(usize::try_from(len).ok()?)
    }

    fn array<const BYTES: usize>(&mut self) -> Option<[u8; BYTES]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (data, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(data)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn one(bytes: &[u8]) -> Option<Item<'_>> {
        let mut reader = Reader::new(bytes);
        let item = reader.next().ok()?;
        (item.inside() > 0 || reader.is_empty()).then_some(item)
    }

    #[test]
    fn every_marker_is_read_as_what_it_is() {
        for (bytes, item) in [
            (&[0xc0][..], Item::Nil),
            (&[0xc2], Item::Bool(false)),
            (&[0xc3], Item::Bool(true)),
            (&[0x00], Item::Uint(0)),
            (&[0x7f], Item::Uint(127)),
            (&[0xcc, 0xff], Item::Uint(255)),
            (&[0xcd, 1, 0], Item::Uint(256)),
            (&[0xce, 1, 0, 0, 0], Item::Uint(1 << 24)),
            (
                &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
                Item::Uint(u64::MAX),
            ),
            (&[0xe0], Item::Int(-32)),
            (&[0xff], Item::Int(-1)),
            (&[0xd0, 0x80], Item::Int(-128)),
            (&[0xd1, 0, 1], Item::Int(1)),
            (&[0xd2, 255, 255, 255, 255], Item::Int(-1)),
            (&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], Item::Int(i64::MIN)),
            (&[0xca, 0x3f, 0xc0, 0, 0], Item::Float(1.5)),
            (&[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], Item::Float(1.5)),
            (&[0xa0], Item::Text(b"")),
            (&[0xa1, b'a'], Item::Text(b"a")),
            (&[0xd9, 1, b'a'], Item::Text(b"a")),
            (&[0xda, 0, 1, b'a'], Item::Text(b"a")),
            (&[0xdb, 0, 0, 0, 1, b'a'], Item::Text(b"a")),
            (&[0xc4, 1, 9], Item::Binary(&[9])),
            (&[0xc5, 0, 1, 9], Item::Binary(&[9])),
            (&[0xc6, 0, 0, 0, 1, 9], Item::Binary(&[9])),
            (&[0x90], Item::Array(0)),
            (&[0x91, 0xc0], Item::Array(1)),
            (&[0xdc, 0, 1, 0xc0], Item::Array(1)),
            (&[0xdd, 0, 0, 0, 1, 0xc0], Item::Array(1)),
            (&[0x81, 0xc0, 0xc0], Item::Map(2)),
            (&[0xde, 0, 1, 0xc0, 0xc0], Item::Map(2)),
            (&[0xdf, 0, 0, 0, 1, 0xc0, 0xc0], Item::Map(2)),
            (&[0xd4, 0, 0], Item::Undefined),
            (&[0xd4, 1, 0], Item::Ext(1, &[0])),
            (&[0xd5, 0, 1, 2], Item::Ext(0, &[1, 2])),
            (&[0xd6, 0xff, 1, 2, 3, 4], Item::Ext(-1, &[1, 2, 3, 4])),
            (
                &[0xd7, 0, 255, 255, 255, 255, 255, 255, 255, 255],
                Item::Date(-1),
            ),
            (
                &[0xd8, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5],
                Item::Ext(5, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5]),
            ),
            (&[0xc7, 0, 0], Item::Binary(&[])),
            (&[0xc7, 1, 0, 9], Item::Binary(&[9])),
            (&[0xc8, 0, 1, 0, 9], Item::Binary(&[9])),
            (&[0xc9, 0, 0, 0, 1, 0, 9], Item::Binary(&[9])),
            (&[0xc7, 1, 7, 9], Item::Ext(7, &[9])),
        ] {
            assert_eq!(one(bytes), Some(item), "{bytes:x?}");
            for len in 0..bytes.len() {
                let cut = Reader::new(&bytes[..len]).next();
                assert_eq!(
                    cut,
                    Err(DecodeError::MsgPack),
                    "{bytes:x?} cut off at {len}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_message_pack_is_refused() {
        for bytes in [&[][..], &[0xc1], &[0xa1, 0xff], &[0xa2, 0xe2, 0x82]] {
            assert_eq!(one(bytes), None, "{bytes:x?}");
        }
    }

    #[test]
    fn a_count_beyond_the_end_is_refused_before_anything_is_read() {
        for prefix in [&[0xdd][..], &[0xdf], &[0xdb], &[0xc6], &[0xc9]] {
            // Twice the fourth, which a map has, is two in 32 bits.
            for count in [3_u32, 1 << 16, 1 << 31, (1 << 31) + 1, u32::MAX] {
                let message = [prefix, &count.to_be_bytes()[..], &[0; 2]].concat();
                assert_eq!(one(&message), None, "{message:x?}");
            }
        }
    }

    #[test]
    fn skipping_passes_all_that_is_inside_and_nothing_else() {
        let nested = [0x92, 0x81, 0xa1, b'k', 0x91, 0xc0, 0xc4, 1, 9];
        let message = [&nested[..], &[0x05]].concat();
        let mut reader = Reader::new(&message);
        assert_eq!(reader.skip(), Ok(Item::Array(2)));
        assert_eq!(reader.next(), Ok(Item::Uint(5)));
        for len in 0..nested.len() {
            let cut = Reader::new(&nested[..len]).skip();
            assert_eq!(cut, Err(DecodeError::MsgPack));
        }
    }

    #[test]
    fn skipping_a_million_levels_takes_no_stack() {
        let mut message: Vec<u8> = Vec::new();
        message.resize(1_000_000, 0x91);
        message.push(0xc0);
        let mut reader = Reader::new(&message);
        assert_eq!(reader.skip(), Ok(Item::Array(1)));
        assert!(reader.is_empty());
    }
}
