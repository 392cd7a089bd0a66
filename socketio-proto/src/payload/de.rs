//! Reading values, in which placeholders are attachments where bytes are asked for.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::cell::Cell;

use bytes::Bytes;
use serde::de::value::{BorrowedStrDeserializer, CowStrDeserializer, MapDeserializer};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, Error, IntoDeserializer, Visitor,
};
use serde::forward_to_deserialize_any;

use super::cursor::Cursor;
use super::placeholder;
use crate::ReadError;

/// Where the attachments come from.
#[derive(Clone, Copy)]
pub(super) enum Attachments<'de> {
    /// They stay in the payload.
    Shared(&'de [Bytes]),
    /// They may be taken over.
    Owned(&'de [Slot]),
}

/// An attachment that may be taken over by its last reader.
pub(super) struct Slot {
    data: Cell<Bytes>,
    uses: Cell<usize>,
}

impl Slot {
    pub(super) const fn new(data: Bytes) -> Self {
        Self {
            data: Cell::new(data),
            uses: Cell::new(0),
        }
    }

    /// Counts a placeholder that asks for it.
    pub(super) fn expect_use(&self) {
        self.uses.set(self.uses.get().saturating_add(1));
    }

    fn take(&self) -> Vec<u8> {
        let data = self.data.take();
        self.uses.set(self.uses.get().saturating_sub(1));
        if self.uses.get() > 0 {
            self.data.set(data.clone());
        }
        data.into()
    }
}

/// A deserialiser of the validated JSON at a place.
pub(super) struct Reader<'de> {
    cursor: Cursor<'de>,
    attachments: Attachments<'de>,
}

impl<'de> Reader<'de> {
    pub(super) const fn new(cursor: Cursor<'de>, attachments: Attachments<'de>) -> Self {
        Self {
            cursor,
            attachments,
        }
    }

    /// Reads the value that is next.
    pub(super) fn whole<T: Deserialize<'de>>(mut self) -> Result<T, ReadError> {
        T::deserialize(&mut self)
    }

    /// Reads what is next, up to the closing bracket, as arguments.
    pub(super) fn args<T: Deserialize<'de>>(mut self) -> Result<T, ReadError> {
        T::deserialize(Args(&mut self))
    }

    fn has_attachments(&self) -> bool {
        match self.attachments {
            Attachments::Shared(all) => !all.is_empty(),
            Attachments::Owned(all) => !all.is_empty(),
        }
    }

    fn string(&mut self) -> Result<Cow<'de, str>, ReadError> {
        self.cursor.string().ok_or_else(malformed)
    }

    /// A number, literal, or anything as text.
    fn token(&mut self) -> Result<&'de str, ReadError> {
        self.cursor.skip().ok_or_else(malformed)
    }

    /// The attachment whose placeholder is next, if one is.
    fn visit_attachment<V: Visitor<'de>>(
        &mut self,
        visitor: V,
    ) -> Result<Result<V::Value, ReadError>, V> {
        if !self.has_attachments() || self.cursor.peek() != Some(b'{') {
            return Err(visitor);
        }
        let Some(num) = placeholder::read(&mut self.cursor) else {
            return Err(visitor);
        };
        let index = num as usize;
        Ok(match self.attachments {
            Attachments::Shared(all) => match all.get(index) {
                Some(data) => visitor.visit_borrowed_bytes(data),
                None => Err(malformed()),
            },
            Attachments::Owned(all) => match all.get(index) {
                Some(slot) => visitor.visit_byte_buf(slot.take()),
                None => Err(malformed()),
            },
        })
    }
}

fn malformed() -> ReadError {
    ReadError::new("malformed payload")
}

macro_rules! big_integer {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match self.cursor.clone().skip().map(str::parse) {
                Some(Ok(value)) => {
                    self.token()?;
                    visitor.$visit(value)
                }
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.cursor.peek().ok_or_else(malformed)? {
            b'{' => {
                self.cursor.eat(b'{');
                let value = visitor.visit_map(Items { reader: self })?;
                if !self.cursor.eat(b'}') {
                    return Err(ReadError::custom(
                        "an object has more members than expected",
                    ));
                }
                Ok(value)
            }
            b'[' => {
                self.cursor.eat(b'[');
                let value = visitor.visit_seq(Items { reader: self })?;
                if !self.cursor.eat(b']') {
                    return Err(ReadError::custom("an array has more items than expected"));
                }
                Ok(value)
            }
            b'"' => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            _ => match self.token()? {
                "null" => visitor.visit_unit(),
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                number => visit_number(number, visitor),
            },
        }
    }

    big_integer!(deserialize_i128 visit_i128 deserialize_u128 visit_u128);

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.visit_attachment(visitor) {
            Ok(result) => result,
            Err(visitor) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.cursor.peek() == Some(b'n') {
            self.token()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == RAW_VALUE {
            let raw = self.token()?;
            let pair = (RAW_VALUE, BorrowedStrDeserializer::new(raw));
            return visitor.visit_map(MapDeserializer::new(core::iter::once(pair)));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.cursor.peek() {
            Some(b'"') => {
                let variant: CowStrDeserializer<'_, ReadError> = self.string()?.into_deserializer();
                visitor.visit_enum(variant)
            }
            Some(b'{') => {
                self.cursor.eat(b'{');
                let value = visitor.visit_enum(Variant { reader: self })?;
                if !self.cursor.eat(b'}') {
                    return Err(ReadError::custom("an enum has more than one variant"));
                }
                Ok(value)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.token()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string unit unit_struct seq tuple tuple_struct map
        struct identifier
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &str, visitor: V) -> Result<V::Value, ReadError> {
    if number != "-0" {
        if let Ok(value) = number.parse() {
            return visitor.visit_u64(value);
        }
        if let Ok(value) = number.parse() {
            return visitor.visit_i64(value);
        }
    }
    visitor.visit_f64(number.parse().map_err(|_| malformed())?)
}

/// The items of an array or the members of an object.
struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
}

impl<'de> de::SeqAccess<'de> for Items<'_, 'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        if self.reader.cursor.peek() == Some(b']') {
            return Ok(None);
        }
        let value = seed.deserialize(&mut *self.reader)?;
        self.reader.cursor.eat(b',');
        Ok(Some(value))
    }
}

impl<'de> de::MapAccess<'de> for Items<'_, 'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        if self.reader.cursor.peek() == Some(b'}') {
            return Ok(None);
        }
        let key = self.reader.string()?;
        self.reader.cursor.eat(b':');
        seed.deserialize(Key(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ReadError> {
        let value = seed.deserialize(&mut *self.reader)?;
        self.reader.cursor.eat(b',');
        Ok(value)
    }
}

/// The key of an object; numbers and booleans are written as strings there.
struct Key<'de>(Cow<'de, str>);

macro_rules! key_scalar {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Cow::Borrowed(key) => visitor.visit_borrowed_str(key),
            Cow::Owned(key) => visitor.visit_string(key),
        }
    }

    key_scalar! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_i128 visit_i128 deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32
        deserialize_u64 visit_u64 deserialize_u128 visit_u128 deserialize_f32 visit_f32 deserialize_f64 visit_f64
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

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let variant: CowStrDeserializer<'_, ReadError> = self.0.into_deserializer();
        visitor.visit_enum(variant)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// An enum's variant with content: the only member of an object.
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
}

impl<'a, 'de> de::EnumAccess<'de> for Variant<'a, 'de> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), ReadError> {
        if self.reader.cursor.peek() != Some(b'"') {
            return Err(ReadError::custom("an enum has no variant"));
        }
        let name = self.reader.string()?;
        self.reader.cursor.eat(b':');
        Ok((seed.deserialize(Key(name))?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        Deserialize::deserialize(self.reader)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.reader.deserialize_map(visitor)
    }
}

/// The arguments as a value: a sequence.
struct Args<'a, 'de>(&'a mut Reader<'de>);

impl<'de> Args<'_, 'de> {
    fn visit<V: Visitor<'de>>(self, wanted: usize, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_seq(ArgItems {
            reader: self.0,
            read: 0,
            wanted,
        })
    }
}

impl<'de> Deserializer<'de> for Args<'_, 'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.visit(0, visitor)
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
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq map enum identifier
    }
}

/// The arguments one by one; where `wanted` of them are asked for, those that are not there are absent.
struct ArgItems<'a, 'de> {
    reader: &'a mut Reader<'de>,
    read: usize,
    wanted: usize,
}

impl<'de> de::SeqAccess<'de> for ArgItems<'_, 'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let index = self.read;
        self.read = self.read.saturating_add(1);
        if self.reader.cursor.peek() != Some(b']') {
            let value = seed.deserialize(&mut *self.reader)?;
            self.reader.cursor.eat(b',');
            return Ok(Some(value));
        }
        if index >= self.wanted {
            return Ok(None);
        }
        seed.deserialize(Absent { index }).map(Some)
    }
}

/// An argument that is not there.
struct Absent {
    index: usize,
}

impl<'de> Deserializer<'de> for Absent {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadError> {
        Err(ReadError::new(format_args!(
            "argument {} is missing",
            self.index
        )))
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

/// How `serde_json::value::RawValue` asks for the text of a value.
const RAW_VALUE: &str = "$serde_json::private::RawValue";
