//! MessagePack, one item after the other.

use core::str;

use rmp::Marker;
use rmp::decode::{self, Bytes};

use crate::DecodeError;

/// What stands at one place of a message: a scalar whole, of an array or map the number of what follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item<'a> {
    Nil,
    Bool(bool),
    Uint(u64),
    Int(i64),
    Float(f64),
    Text(&'a str),
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

/// A place in a message. Everything that cannot be read is [`DecodeError::MsgPack`].
#[derive(Clone, Debug)]
pub(super) struct Reader<'a>(Bytes<'a>);

impl<'a> Reader<'a> {
    pub(super) const fn new(message: &'a [u8]) -> Self {
        Self(Bytes::new(message))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.remaining_slice().is_empty()
    }

    /// Reads the next item. Of an array or map it is known that it may be complete: that there is at least a byte left
    /// for each of its items.
    pub(super) fn next(&mut self) -> Result<Item<'a>, DecodeError> {
        self.read().ok_or(DecodeError::MsgPack)
    }

    /// Passes the next item with all that is in it, and gives the item.
    pub(super) fn skip(&mut self) -> Result<Item<'a>, DecodeError> {
        let first = self.next()?;
        let mut left = inside(first);
        while left > 0 {
            // Not more than a message has bytes, since every count is checked against what is left of it.
            left = left.saturating_sub(1).saturating_add(inside(self.next()?));
        }
        Ok(first)
    }

    fn read(&mut self) -> Option<Item<'a>> {
        let bytes = &mut self.0;
        let marker = Marker::from_u8(*bytes.remaining_slice().first()?);
        Some(match marker {
            Marker::Null => {
                decode::read_nil(bytes).ok()?;
                Item::Nil
            }
            Marker::False | Marker::True => Item::Bool(decode::read_bool(bytes).ok()?),
            Marker::FixPos(_) | Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64 => {
                Item::Uint(decode::read_int(bytes).ok()?)
            }
            Marker::FixNeg(_) | Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64 => {
                Item::Int(decode::read_int(bytes).ok()?)
            }
            Marker::F32 => Item::Float(decode::read_f32(bytes).ok()?.into()),
            Marker::F64 => Item::Float(decode::read_f64(bytes).ok()?),
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                let len = decode::read_str_len(bytes).ok()?;
                Item::Text(str::from_utf8(self.take(len)?).ok()?)
            }
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let len = decode::read_bin_len(bytes).ok()?;
                Item::Binary(self.take(len)?)
            }
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
                Item::Array(decode::read_array_len(bytes).ok()?)
            }
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
                Item::Map(decode::read_map_len(bytes).ok()?.checked_mul(2)?)
            }
            Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32 => {
                let meta = decode::read_ext_meta(bytes).ok()?;
                ext(marker, meta.typeid, self.take(meta.size)?)?
            }
            Marker::Reserved => return None,
        })
        .filter(|item| inside(*item) <= self.0.remaining_slice().len())
    }

    fn take(&mut self, len: u32) -> Option<&'a [u8]> {
        let len = usize::try_from(len).ok()?;
        let (data, rest) = self.0.remaining_slice().split_at_checked(len)?;
        self.0 = Bytes::new(rest);
        Some(data)
    }
}

/// The number of items that follow and belong to `item`.
fn inside(item: Item<'_>) -> usize {
    if let Item::Array(items) | Item::Map(items) = item {
        usize::try_from(items).unwrap_or(usize::MAX)
    } else {
        0
    }
}

/// What `notepack.io` makes of an ext.
fn ext(marker: Marker, ty: i8, data: &[u8]) -> Option<Item<'_>> {
    Some(match (marker, ty) {
        (Marker::FixExt1, 0) => Item::Undefined,
        (Marker::FixExt8, 0) => Item::Date(i64::from_be_bytes(data.try_into().ok()?)),
        (Marker::Ext8 | Marker::Ext16 | Marker::Ext32, 0) => Item::Binary(data),
        _ => Item::Ext(ty, data),
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn one(bytes: &[u8]) -> Option<Item<'_>> {
        let mut reader = Reader::new(bytes);
        let item = reader.next().ok()?;
        (inside(item) > 0 || reader.is_empty()).then_some(item)
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
            (&[0xa0], Item::Text("")),
            (&[0xa1, b'a'], Item::Text("a")),
            (&[0xd9, 1, b'a'], Item::Text("a")),
            (&[0xda, 0, 1, b'a'], Item::Text("a")),
            (&[0xdb, 0, 0, 0, 1, b'a'], Item::Text("a")),
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
