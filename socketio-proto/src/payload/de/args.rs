//! Arguments, of which some may be missing.

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::{Reader, is_buffer};
use crate::ReadError;
use crate::payload::budget::{Growth, Kind};
use crate::payload::source::{self, Source};

/// The arguments as a value: a sequence.
pub(super) struct Args<'a, 'de, S: Source<'de>> {
    pub(super) reader: &'a mut Reader<'de, S>,
    pub(super) left: S::Left,
}

impl<'de, S: Source<'de>> Args<'_, 'de, S> {
    /// Reads them into a tuple or struct of so many.
    fn visit<V: Visitor<'de>>(self, wanted: usize, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_seq(ArgItems {
            reader: self.reader,
            left: self.left,
            growth: None,
            read: 0,
            wanted,
        })
    }

    fn visit_list<V: Visitor<'de>>(self, kind: Kind, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_seq(ArgItems {
            reader: self.reader,
            left: self.left,
            growth: Some(Growth::new(kind)),
            read: 0,
            wanted: 0,
        })
    }
}

impl<'de, S: Source<'de>> Deserializer<'de> for Args<'_, 'de, S> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if !is_buffer::<V>() {
            return self.visit_list(Kind::List, visitor);
        }
        let Self { reader, left } = self;
        reader.buffered = true;
        let args = Args {
            reader: &mut *reader,
            left,
        };
        let value = args.visit_list(Kind::BufferedList, visitor);
        reader.buffered = false;
        value
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.visit_list(Kind::Set, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.visit(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.visit(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.visit(fields.len(), visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf map enum identifier
    }
}

/// The arguments one by one; where `wanted` of them are asked for, those that are not there are absent.
struct ArgItems<'a, 'de, S: Source<'de>> {
    reader: &'a mut Reader<'de, S>,
    left: S::Left,
    /// What holds them; `None` if they are fields of one value.
    growth: Option<Growth>,
    read: usize,
    wanted: usize,
}

impl<'de, S: Source<'de>> de::SeqAccess<'de> for ArgItems<'_, 'de, S> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let index = self.read;
        self.read = self.read.saturating_add(1);
        if self.reader.source.next(&mut self.left, source::Kind::Array) {
            if let Some(growth) = &mut self.growth {
                growth.add(size_of::<T::Value>(), &mut self.reader.budget)?;
            }
            let value = self
                .reader
                .part(seed)
                .map_err(|error| error.of_argument(index))?;
            if let Some(growth) = &mut self.growth {
                growth.put(&self.reader.budget)?;
            }
            return Ok(Some(value));
        }
        if index >= self.wanted {
            return Ok(None);
        }
        seed.deserialize(Absent { index }).map(Some)
    }
}

/// Reads an argument that is not there.
pub(in crate::payload) fn absent<'de, T: Deserialize<'de>>(index: usize) -> Result<T, ReadError> {
    T::deserialize(Absent { index })
}

/// An argument that is not there.
struct Absent {
    index: usize,
}

impl<'de> Deserializer<'de> for Absent {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadError> {
        Err(ReadError::new("missing").of_argument(self.index))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}
