//! Reading values, in which placeholders are attachments where bytes are asked for.
//!
//! All that is handed out is counted against a [`Budget`]: text and bytes by their length, what holds them by
//! [`Growth`](super::budget::Growth).

mod args;
mod items;
mod key;
mod tree;
mod variant;

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::any::type_name;
use core::cell::Cell;

use bytes::Bytes;
use serde::de::value::{BorrowedStrDeserializer, CowStrDeserializer, MapDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use self::args::Args;
pub(super) use self::args::absent;
use self::items::{Elements, Fields, Members, Owner, holds_nothing};
use self::variant::Variant;
use super::budget::{self, Budget, NUMBER};
use super::cursor::Cursor;
use super::number::{Number, Whole};
use super::source::{Kind, Source};
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

    fn len(&self) -> usize {
        let data = self.data.take();
        let len = data.len();
        self.data.set(data);
        len
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

/// A deserialiser of what is validated at a place, by default JSON.
pub(crate) struct Reader<'de, S = Cursor<'de>> {
    source: S,
    attachments: Attachments<'de>,
    budget: Budget,
    /// What is read goes into a buffer of serde's, see [`is_buffer`].
    buffered: bool,
}

impl<'de, S: Source<'de>> Reader<'de, S> {
    pub(super) const fn new(source: S, attachments: Attachments<'de>, budget: Budget) -> Self {
        Self {
            source,
            attachments,
            budget,
            buffered: false,
        }
    }

    /// What is left of the budget.
    pub(super) fn into_budget(self) -> Budget {
        self.budget
    }

    /// Reads the value that is next.
    pub(crate) fn whole<T: Deserialize<'de>>(mut self) -> Result<T, ReadError> {
        T::deserialize(&mut self)
    }

    /// Reads what is left of an array that was entered as arguments.
    pub(super) fn args<T: Deserialize<'de>>(mut self, left: S::Left) -> Result<T, ReadError> {
        T::deserialize(Args {
            reader: &mut self,
            left,
        })
    }

    fn has_attachments(&self) -> bool {
        match self.attachments {
            Attachments::Shared(all) => !all.is_empty(),
            Attachments::Owned(all) => !all.is_empty(),
        }
    }

    /// Reads a part of a value.
    #[inline]
    fn part<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ReadError> {
        let left = self.budget.left();
        let value = seed.deserialize(&mut *self)?;
        if holds_nothing::<T, T::Value>() {
            self.budget.give_back(left);
        }
        Ok(value)
    }

    /// Reads text that is handed out.
    #[inline]
    fn text(&mut self) -> Result<Cow<'de, str>, ReadError> {
        let text = self.source.string().ok_or_else(malformed)?;
        self.budget.take(size(&text))?;
        Ok(text)
    }

    /// Reads a key that is handed out, and what stands between it and its value.
    #[inline]
    fn key(&mut self) -> Result<Cow<'de, str>, ReadError> {
        let key = self.source.key().ok_or_else(malformed)?;
        self.budget.take(size(&key))?;
        Ok(key)
    }

    #[inline]
    fn visit_text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ReadError> {
        let Some(text) = self.source.plain_string() else {
            return self.visit_escaped_text(visitor);
        };
        self.budget.take(text.len())?;
        visitor.visit_borrowed_str(text)
    }

    #[inline(never)]
    fn visit_escaped_text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ReadError> {
        match self.text()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    /// Reads an array, which is next, into what holds its items.
    fn visit_elements<V: Visitor<'de>>(
        &mut self,
        kind: Option<budget::Kind>,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let mut left = self.source.open_array().ok_or_else(malformed)?;
        let value = visitor.visit_seq(Elements::new(self, &mut left, kind))?;
        if self.source.close(left, Kind::Array) {
            Ok(value)
        } else {
            Err(ReadError::custom("an array has more items than expected"))
        }
    }

    /// Reads an object, which is next, into a struct.
    fn visit_fields<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ReadError> {
        let mut left = self.source.open_object().ok_or_else(malformed)?;
        let value = visitor.visit_map(Fields {
            reader: self,
            left: &mut left,
        })?;
        self.leave_object(left, value)
    }

    /// Reads an object, which is next, into a map or into what takes any value.
    fn visit_members<V: Visitor<'de>>(
        &mut self,
        owner: Owner,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let mut left = self.source.open_object().ok_or_else(malformed)?;
        let value = visitor.visit_map(Members::new(self, &mut left, owner))?;
        self.leave_object(left, value)
    }

    fn leave_object<T>(&mut self, left: S::Left, value: T) -> Result<T, ReadError> {
        if self.source.close(left, Kind::Object) {
            Ok(value)
        } else {
            Err(ReadError::custom(
                "an object has more members than expected",
            ))
        }
    }

    fn visit_any<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ReadError> {
        let list = if self.buffered {
            budget::Kind::BufferedList
        } else {
            budget::Kind::List
        };
        match self.source.kind().ok_or_else(malformed)? {
            Kind::Object => self.visit_members(Owner::Dynamic, visitor),
            Kind::Array => self.visit_elements(Some(list), visitor),
            kind @ (Kind::Text | Kind::Number | Kind::Bool | Kind::Null) => {
                self.visit_scalar(kind, visitor)
            }
        }
    }

    /// Reads a value that is no array and no object.
    fn visit_scalar<V: Visitor<'de>>(
        &mut self,
        kind: Kind,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match kind {
            Kind::Object | Kind::Array => Err(malformed()),
            Kind::Text => self.visit_text(visitor),
            Kind::Null => {
                self.null()?;
                visitor.visit_unit()
            }
            Kind::Bool => visitor.visit_bool(self.source.bool().ok_or_else(malformed)?),
            Kind::Number => {
                let number = self.number()?;
                self.budget.take(NUMBER)?;
                number.visit(self.buffered, visitor)
            }
        }
    }

    fn number(&mut self) -> Result<Number<'de>, ReadError> {
        self.source.number().ok_or_else(malformed)
    }

    /// Passes null, which is next.
    fn null(&mut self) -> Result<(), ReadError> {
        self.source.null().ok_or_else(malformed)
    }

    /// Passes any value.
    fn skip(&mut self) -> Result<(), ReadError> {
        self.source.skip().ok_or_else(malformed)
    }

    /// The attachment whose placeholder is next, if one is.
    fn visit_attachment<V: Visitor<'de>>(
        &mut self,
        visitor: V,
    ) -> Result<Result<V::Value, ReadError>, V> {
        if !self.has_attachments() {
            return Err(visitor);
        }
        let Some(num) = self.source.attachment() else {
            return Err(visitor);
        };
        let index = num as usize;
        Ok(match self.attachments {
            Attachments::Shared(all) => match all.get(index) {
                Some(data) => self
                    .budget
                    .take(data.len())
                    .and_then(|()| visitor.visit_borrowed_bytes(data)),
                None => Err(malformed()),
            },
            Attachments::Owned(all) => match all.get(index) {
                Some(slot) => self
                    .budget
                    .take(slot.len())
                    .and_then(|()| visitor.visit_byte_buf(slot.take())),
                None => Err(malformed()),
            },
        })
    }
}

/// The bytes of text that is handed out.
#[expect(clippy::ptr_arg, reason = "its capacity counts")]
fn size(text: &Cow<'_, str>) -> usize {
    match text {
        Cow::Borrowed(text) => text.len(),
        Cow::Owned(text) => text.capacity(),
    }
}

fn malformed() -> ReadError {
    ReadError::new("malformed payload")
}

macro_rules! integer {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.visit_integer(visitor, |visitor, _| Err(visitor))
        }
    )*};
}

macro_rules! big_integer {
    ($($method:ident $to:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.visit_integer(visitor, |visitor, whole| match whole.$to() {
                Some(value) => Ok(visitor.$visit(value)),
                None => Err(visitor),
            })
        }
    )*};
}

/// What asks for a type of its own fills no buffer of serde's.
macro_rules! visit_any {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.visit_any(visitor)
        }
    )*};
}

impl<'de, S: Source<'de>> Deserializer<'de> for &mut Reader<'de, S> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let before = self.buffered;
        self.buffered = before || is_buffer::<V>();
        let value = self.visit_any(visitor);
        self.buffered = before;
        value
    }

    integer! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    big_integer! {
        deserialize_i128 to_i128 visit_i128
        deserialize_u128 to_u128 visit_u128
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.source.kind() {
            Some(Kind::Array) => self.visit_elements(Some(budget::Kind::Set), visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.source.kind() {
            Some(Kind::Array) => self.visit_elements(None, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.source.kind() {
            Some(Kind::Object) => self.visit_members(Owner::Map, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.source.kind() {
            Some(Kind::Object) => self.visit_fields(visitor),
            Some(Kind::Array) => self.visit_elements(None, visitor),
            kind => self.visit_scalar(kind.ok_or_else(malformed)?, visitor),
        }
    }

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
        if self.source.kind() == Some(Kind::Null) {
            self.null()?;
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
            let raw = self.source.raw().ok_or_else(malformed)?;
            self.budget.take(raw.len())?;
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
        match self.source.kind() {
            Some(Kind::Text) => {
                let variant: CowStrDeserializer<'_, ReadError> = self
                    .source
                    .string()
                    .ok_or_else(malformed)?
                    .into_deserializer();
                visitor.visit_enum(variant)
            }
            Some(Kind::Object) => {
                let mut left = self.source.open_object().ok_or_else(malformed)?;
                let value = visitor.visit_enum(Variant {
                    reader: self,
                    left: &mut left,
                })?;
                if !self.source.close(left, Kind::Object) {
                    return Err(ReadError::custom("an enum has more than one variant"));
                }
                Ok(value)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.source.kind() {
            Some(Kind::Text) => self.visit_text(visitor),
            _ => self.visit_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    visit_any! {
        deserialize_bool deserialize_f32 deserialize_f64 deserialize_char deserialize_unit deserialize_identifier
    }

    forward_to_deserialize_any! {
        unit_struct
    }
}

impl<'de, S: Source<'de>> Reader<'de, S> {
    /// Reads a number into an integer; `large` is asked first, about those that it can take.
    fn visit_integer<V: Visitor<'de>>(
        &mut self,
        visitor: V,
        large: impl FnOnce(V, Whole) -> Result<Result<V::Value, ReadError>, V>,
    ) -> Result<V::Value, ReadError> {
        if self.source.kind() != Some(Kind::Number) {
            return self.deserialize_any(visitor);
        }
        self.number()?.visit_integer(visitor, large)
    }
}

/// Whether a visitor fills the buffer of serde's derive macros, in which it keeps a value of a type that it does not
/// know yet. Such values are the content of untagged and internally tagged enums, and of flattened structs.
///
/// The type is private, so it is recognised by its name. Serde makes the value of the buffer without asking this reader,
/// so lists count twice while the buffer is filled. Maps need no name: the size of their keys shows the buffer. If serde
/// renames the type, lists in untagged enums count once, and a test of the bound fails.
fn is_buffer<V>() -> bool {
    let name = type_name::<V>();
    // The compiler decides this by the name, and with it the whole of nearly every call.
    if !name.starts_with("serde::") {
        return false;
    }
    let path = name.split_once('<').map_or(name, |(path, _)| path);
    path.ends_with("ContentVisitor")
}

/// How `serde_json::value::RawValue` asks for the text of a value.
const RAW_VALUE: &str = "$serde_json::private::RawValue";
