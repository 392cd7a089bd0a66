//! Keys, which are strings whatever their type is, and strings that are JSON.

use core::fmt;

use alloc::string::ToString;
use serde::ser::{Error as _, Impossible, Serialize, Serializer};

use super::{Error, Writer};

/// Writes keys of objects. Numbers and booleans are strings there.
pub(in crate::payload) struct Key<'a>(pub(in crate::payload) &'a mut Writer);

impl Key<'_> {
    fn quote(self, write: impl FnOnce(&mut Writer)) -> Result<(), Error> {
        self.0.json.push('"');
        write(self.0);
        self.0.json.push('"');
        Ok(())
    }

    fn refuse<T>(self) -> Result<T, Error> {
        Err(Error::custom("key must be a string"))
    }
}

/// A type of `serde_json` that keeps JSON.
#[derive(Clone, Copy)]
pub(in crate::payload) enum Kept {
    /// `RawValue`: any value.
    Value,
    /// `Number`, where it keeps the text.
    Number,
}

impl Kept {
    pub(in crate::payload) const fn name(self) -> &'static str {
        match self {
            Self::Value => "$serde_json::private::RawValue",
            Self::Number => "$serde_json::private::Number",
        }
    }

    /// What `serde_json` says of another field.
    pub(in crate::payload) const fn no_field(self) -> &'static str {
        match self {
            Self::Value => "expected value",
            Self::Number => "invalid number",
        }
    }

    /// What writes the JSON that is kept.
    pub(in crate::payload) const fn text(self, writer: &mut Writer) -> Text<'_> {
        Text { writer, kept: self }
    }
}

/// Writes strings that are JSON.
pub(in crate::payload) struct Text<'a> {
    writer: &'a mut Writer,
    kept: Kept,
}

impl Text<'_> {
    fn refuse<T>(self) -> Result<T, Error> {
        Err(Error::custom(match self.kept {
            Kept::Value => "expected RawValue",
            Kept::Number => "invalid number",
        }))
    }
}

macro_rules! refuse {
    ($($method:ident($($type:ty),*))*) => {$(
        fn $method(self, $(_: $type),*) -> Result<(), Error> {
            self.refuse()
        }
    )*};
}

/// What neither of them writes.
macro_rules! refuse_compounds {
    () => {
        type SerializeSeq = Impossible<(), Error>;
        type SerializeTuple = Impossible<(), Error>;
        type SerializeTupleStruct = Impossible<(), Error>;
        type SerializeTupleVariant = Impossible<(), Error>;
        type SerializeMap = Impossible<(), Error>;
        type SerializeStruct = Impossible<(), Error>;
        type SerializeStructVariant = Impossible<(), Error>;

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<(), Error> {
            self.refuse()
        }

        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Error> {
            self.refuse()
        }

        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
            self.refuse()
        }

        fn serialize_tuple_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleStruct, Error> {
            self.refuse()
        }

        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant, Error> {
            self.refuse()
        }

        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Error> {
            self.refuse()
        }

        fn serialize_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStruct, Error> {
            self.refuse()
        }

        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant, Error> {
            self.refuse()
        }
    };
}

macro_rules! quoted {
    ($($method:ident($type:ty))*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            self.quote(|writer| writer.number(value))
        }
    )*};
}

macro_rules! quoted_floats {
    ($($method:ident($type:ty))*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            if !value.is_finite() {
                return Err(Error::custom("float key must be finite (got NaN or +/-inf)"));
            }
            self.quote(|writer| writer.float(value))
        }
    )*};
}

impl Serializer for Key<'_> {
    type Ok = ();
    type Error = Error;

    quoted! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }

    quoted_floats! {
        serialize_f32(f32) serialize_f64(f64)
    }

    refuse! {
        serialize_bytes(&[u8]) serialize_none() serialize_unit() serialize_unit_struct(&'static str)
    }

    refuse_compounds!();

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.quote(|writer| writer.extend(if value { "true" } else { "false" }))
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.0.serialize_char(value)
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.0.serialize_str(value)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.0.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.0.collect_str(value)
    }
}

impl Serializer for Text<'_> {
    type Ok = ();
    type Error = Error;

    refuse! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_i128(i128) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_u128(u128) serialize_f32(f32) serialize_f64(f64) serialize_char(char) serialize_bytes(&[u8])
        serialize_none() serialize_unit() serialize_unit_struct(&'static str)
        serialize_unit_variant(&'static str, u32, &'static str)
    }

    refuse_compounds!();

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.writer.unknown_json(value);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Error> {
        self.refuse()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        self.refuse()
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.serialize_str(&value.to_string())
    }
}
