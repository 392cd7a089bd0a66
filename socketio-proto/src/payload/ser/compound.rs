//! Arrays and objects.

use serde::ser::{self, Error as _, Serialize};
use serde_json::Number;

use super::key::{Kept, Key};
use super::{Error, Writer};
use crate::payload::forward::compounds;
use crate::payload::placeholder::FLAG;

/// An array that is open.
pub(in crate::payload) struct Items<'a> {
    writer: &'a mut Writer,
    /// The number of arrays and objects that are open within it.
    open: usize,
    first: bool,
    /// Whether it is the content of a variant, whose object ends with it.
    variant: bool,
}

impl<'a> Items<'a> {
    pub(super) fn new(writer: &'a mut Writer, variant: bool) -> Self {
        writer.begin('[');
        Self {
            open: writer.open,
            writer,
            first: true,
            variant,
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if !self.first {
            self.writer.json.push(',');
        }
        self.first = false;
        self.writer.part(value)
    }

    fn finish(self) {
        self.writer.end_of(self.open, ']');
        if self.variant {
            self.writer.end('}');
        }
    }
}

/// An object that is open.
pub(in crate::payload) struct Members<'a> {
    writer: &'a mut Writer,
    /// The number of arrays and objects that are open within it.
    open: usize,
    first: bool,
    /// Whether it is the content of a variant, whose object ends with it.
    variant: bool,
    /// Whether there is a key whose value is still to come.
    key: bool,
}

impl<'a> Members<'a> {
    pub(super) fn new(writer: &'a mut Writer, variant: bool) -> Self {
        writer.begin('{');
        Self {
            open: writer.open,
            writer,
            first: true,
            variant,
            key: false,
        }
    }

    fn separate(&mut self) {
        if !self.first {
            self.writer.json.push(',');
        }
        self.first = false;
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        if self.first {
            self.writer.name(name);
        } else {
            self.writer.next_name(name);
        }
        self.first = false;
        self.writer.part(value)
    }

    fn finish(self) {
        self.writer.doubtful |= self.key;
        self.writer.end_of(self.open, '}');
        if self.variant {
            self.writer.end('}');
        }
    }
}

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.separate();
        // A type that serialises itself in its own way may forget a value.
        self.writer.doubtful |= self.key;
        self.key = true;
        let start = self.writer.json.len();
        let result = key.serialize(Key(&mut *self.writer));
        self.writer.doubtful |= result.is_err();
        let quoted = self.writer.json.as_bytes();
        let quoted = quoted.get(start..).unwrap_or_default();
        let name = quoted.get(1..quoted.len().saturating_sub(1));
        self.writer.marked |= name == Some(FLAG.as_bytes());
        result
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.writer.doubtful |= !self.key;
        self.key = false;
        self.writer.json.push(':');
        self.writer.part(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

impl Writer {
    /// Appends a part of an array or object.
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let result = value.serialize(&mut *self);
        // A type that serialises itself in its own way may pass over the error, and what was written stays.
        self.doubtful |= result.is_err();
        result
    }

    /// Closes an array or object in which nothing else should be open.
    fn end_of(&mut self, open: usize, sign: char) {
        self.doubtful |= self.open != open;
        self.end(sign);
    }
}

/// The fields of a struct.
pub(in crate::payload) enum Fields<'a> {
    /// It is an object.
    Members(Members<'a>),
    /// It is a type of `serde_json` whose only field is kept as JSON. The field has the name of the struct.
    Json(&'a mut Writer, Kept),
}

impl<'a> Fields<'a> {
    pub(super) fn new(writer: &'a mut Writer, name: &'static str) -> Self {
        match Kept::by_name(name) {
            Some(kept) => Self::Json(writer, kept),
            None => Self::Members(Members::new(writer, false)),
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        match self {
            Self::Members(members) => members.field(name, value),
            Self::Json(writer, kept) if name == kept.name() => value.serialize(kept.text(writer)),
            Self::Json(_, kept) => Err(Error::custom(kept.no_field())),
        }
    }

    fn finish(self) {
        match self {
            Self::Members(members) => members.finish(),
            Self::Json(..) => {}
        }
    }
}

impl Kept {
    pub(in crate::payload) fn by_name(name: &str) -> Option<Self> {
        match name {
            "$serde_json::private::RawValue" => Some(Self::Value),
            // With its feature `arbitrary_precision` it keeps the text of numbers, which has to be freed.
            "$serde_json::private::Number" if core::mem::needs_drop::<Number>() => {
                Some(Self::Number)
            }
            _ => None,
        }
    }
}

compounds!(Items<'_>, Fields<'_>);
