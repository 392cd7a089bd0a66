//! The items of arrays and the members of objects.

use alloc::string::String;

use serde::de::{self, DeserializeSeed};

use super::key::Key;
use super::{Reader, malformed};
use crate::ReadError;
use crate::payload::budget::{Growth, Kind};
use crate::payload::source::{self, Source};

/// The items of an array.
pub(super) struct Elements<'a, 'de, S: Source<'de>> {
    reader: &'a mut Reader<'de, S>,
    left: &'a mut S::Left,
    /// What holds them; `None` if they are fields of one value.
    growth: Option<Growth>,
}

impl<'a, 'de, S: Source<'de>> Elements<'a, 'de, S> {
    pub(super) fn new(
        reader: &'a mut Reader<'de, S>,
        left: &'a mut S::Left,
        kind: Option<Kind>,
    ) -> Self {
        Self {
            reader,
            left,
            growth: kind.map(Growth::new),
        }
    }
}

impl<'de, S: Source<'de>> de::SeqAccess<'de> for Elements<'_, 'de, S> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        if !self.reader.source.next(self.left, source::Kind::Array) {
            return Ok(None);
        }
        if let Some(growth) = &mut self.growth {
            growth.add(size_of::<T::Value>(), &mut self.reader.budget)?;
        }
        let value = self.reader.part(seed)?;
        if let Some(growth) = &mut self.growth {
            growth.put(&self.reader.budget)?;
        }
        Ok(Some(value))
    }
}

/// The members of an object that is read into a struct, whose fields are a part of it.
pub(super) struct Fields<'a, 'de, S: Source<'de>> {
    pub(super) reader: &'a mut Reader<'de, S>,
    /// What is left of the object.
    pub(super) left: &'a mut S::Left,
}

impl<'de, S: Source<'de>> de::MapAccess<'de> for Fields<'_, 'de, S> {
    type Error = ReadError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        if !self.reader.source.next(self.left, source::Kind::Object) {
            return Ok(None);
        }
        if let Some(key) = self.reader.source.plain_key() {
            return seed.deserialize(Key(key)).map(Some);
        }
        let key = self.reader.source.key().ok_or_else(malformed)?;
        seed.deserialize(Key(key)).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ReadError> {
        self.reader.part(seed)
    }
}

/// What asks for the members of an object.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Owner {
    /// A map.
    Map,
    /// What takes any value.
    Dynamic,
}

/// The members of an object that is read into something else than a struct.
///
/// `serde_json::Value` takes an object whose first key is one of its own ([`PRIVATE`](source::PRIVATE)) for a number or for JSON in a
/// string. The peer must not decide that, so another member comes first then.
pub(super) struct Members<'a, 'de, S: Source<'de>> {
    reader: &'a mut Reader<'de, S>,
    left: &'a mut S::Left,
    owner: Owner,
    growth: Option<Growth>,
    /// The size of the key that is before its value.
    key: usize,
    first: bool,
    /// Where to go on behind a member that was read before its turn.
    back: Option<(S, S::Left)>,
    /// Whether that place, which is a key, was gone back to.
    is_back: bool,
    /// The place of that member.
    read: Option<usize>,
}

impl<'a, 'de, S: Source<'de>> Members<'a, 'de, S> {
    pub(super) const fn new(
        reader: &'a mut Reader<'de, S>,
        left: &'a mut S::Left,
        owner: Owner,
    ) -> Self {
        Self {
            reader,
            left,
            owner,
            growth: None,
            key: 0,
            first: true,
            back: None,
            is_back: false,
            read: None,
        }
    }

    /// Goes to the next member that was not read before its turn. False at the end.
    #[inline]
    fn find_next(&mut self) -> Result<bool, ReadError> {
        let mut found = core::mem::take(&mut self.is_back) || self.next();
        if found && self.read == Some(self.reader.source.position()) {
            self.pass_member()?;
            found = self.next();
        }
        Ok(found)
    }

    #[inline]
    fn next(&mut self) -> bool {
        let object = source::Kind::Object;
        self.reader.source.next(self.left, object)
    }

    fn pass_member(&mut self) -> Result<(), ReadError> {
        self.reader.source.skip_member().ok_or_else(malformed)
    }

    /// Goes to the first member whose key is not private.
    fn put_another_first(&mut self) -> Result<(), ReadError> {
        let back = (self.reader.source.clone(), self.left.clone());
        loop {
            // Nested objects are searched once for each level, so the search counts.
            let start = self.reader.source.position();
            self.pass_member()?;
            let found = self.next();
            let passed = self.reader.source.position().saturating_sub(start);
            self.reader.budget.take(passed)?;
            if !found {
                return Err(private_key());
            }
            if !self.reader.source.is_private_key() {
                break;
            }
        }
        self.read = Some(self.reader.source.position());
        self.back = Some(back);
        Ok(())
    }

    /// Counts a member whose key and value are of this size.
    fn grow(&mut self, value: usize) -> Result<(), ReadError> {
        let kind = if self.key > size_of::<String>() {
            Kind::BufferedMap
        } else {
            Kind::Map
        };
        let size = self.key.saturating_add(value);
        self.growth
            .get_or_insert_with(|| Growth::new(kind))
            .add(size, &mut self.reader.budget)
    }
}

impl<'de, S: Source<'de>> de::MapAccess<'de> for Members<'_, 'de, S> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        if !self.find_next()? {
            return Ok(None);
        }
        self.key = size_of::<K::Value>();
        if self.reader.source.is_private_key() {
            // A key that is larger than a string goes to serde's buffer: it may become the first one of another map.
            if self.key > size_of::<String>() {
                return Err(private_key());
            }
            if self.first && self.owner == Owner::Dynamic {
                self.put_another_first()?;
            }
        }
        self.first = false;
        let left = self.reader.budget.left();
        let key = self.reader.key()?;
        let key = seed.deserialize(Key(key))?;
        if holds_nothing::<K, K::Value>() {
            self.reader.budget.give_back(left);
        }
        Ok(Some(key))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ReadError> {
        self.grow(size_of::<T::Value>())?;
        let value = self.reader.part(seed)?;
        if let Some(growth) = &mut self.growth {
            growth.put(&self.reader.budget)?;
        }
        if let Some(back) = self.back.take() {
            (self.reader.source, *self.left) = back;
            self.is_back = true;
        }
        Ok(value)
    }
}

/// Whether what is read takes no memory beside its own size: its type frees none, and the seed has no place to put it.
pub(super) const fn holds_nothing<Seed, Value>() -> bool {
    size_of::<Seed>() == 0 && !core::mem::needs_drop::<Value>()
}

fn private_key() -> ReadError {
    ReadError::new("an object has a key that serde_json keeps for itself")
}
