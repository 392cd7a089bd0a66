//! Variants of enums.

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, Error, Visitor};

use super::key::Key;
use super::{Reader, malformed};
use crate::ReadError;
use crate::payload::source::{Kind, Source};

/// An enum's variant with content: the only member of an object.
pub(super) struct Variant<'a, 'de, S: Source<'de>> {
    pub(super) reader: &'a mut Reader<'de, S>,
    /// What is left of the object.
    pub(super) left: &'a mut S::Left,
}

impl<'de, S: Source<'de>> de::EnumAccess<'de> for Variant<'_, 'de, S> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), ReadError> {
        if !self.reader.source.next(self.left, Kind::Object) {
            return Err(ReadError::custom("an enum has no variant"));
        }
        let name = self.reader.source.key().ok_or_else(malformed)?;
        Ok((seed.deserialize(Key(name))?, self))
    }
}

impl<'de, S: Source<'de>> de::VariantAccess<'de> for Variant<'_, 'de, S> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        Deserialize::deserialize(self.reader)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.reader.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.reader.deserialize_struct("", fields, visitor)
    }
}
