//! Writing values, in which bytes become attachments.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use bytes::Bytes;
use serde::ser::{self, Serialize, Serializer};

use super::placeholder::Placeholder;
use crate::EncodeError;

/// Appends the JSON of `value` to `out`. Bytes in it are appended to the attachments; `None` refuses them.
pub(super) fn write<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
    binary: Option<&Binary>,
) -> Result<(), EncodeError> {
    let json = serde_json::to_vec(&Wrapped { value, binary })
        .map_err(|error| EncodeError::Serialize(error.to_string().into()))?;
    out.extend_from_slice(&json);
    Ok(())
}

/// The attachments found so far.
///
/// `Serialize` takes values by shared reference, and so what is found on the way is kept in a cell.
#[derive(Default)]
pub(super) struct Binary(Cell<Vec<Attached>>);

/// An attachment of a payload in the making.
pub(super) struct Attached {
    pub(super) data: Bytes,
    /// Whether its only placeholder is written by us, and not put into a value by the caller.
    pub(super) placed: bool,
}

impl Binary {
    /// Adds an attachment.
    pub(super) fn attach(&self, data: Bytes, placed: bool) -> Placeholder {
        let mut attachments = self.0.take();
        let num = u32::try_from(attachments.len()).unwrap_or(u32::MAX);
        attachments.push(Attached { data, placed });
        self.0.set(attachments);
        Placeholder::new(num)
    }

    /// The number of attachments.
    pub(super) fn len(&self) -> usize {
        let attachments = self.0.take();
        let len = attachments.len();
        self.0.set(attachments);
        len
    }

    pub(super) fn into_inner(self) -> Vec<Attached> {
        self.0.into_inner()
    }
}

impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} attachments", self.len())
    }
}

/// A serialiser that passes everything on to `inner` but bytes.
struct Wrap<'a, S> {
    inner: S,
    binary: Option<&'a Binary>,
}

/// A value that is to be serialised by a [`Wrap`].
struct Wrapped<'a, T: ?Sized> {
    value: &'a T,
    binary: Option<&'a Binary>,
}

impl<T: Serialize + ?Sized> Serialize for Wrapped<'_, T> {
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Wrap {
            inner,
            binary: self.binary,
        })
    }
}

macro_rules! forward {
    ($($method:ident($type:ty))*) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )*};
}

impl<'a, S: Serializer> Serializer for Wrap<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Wrap<'a, S::SerializeSeq>;
    type SerializeTuple = Wrap<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Wrap<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Wrap<'a, S::SerializeTupleVariant>;
    type SerializeMap = Wrap<'a, S::SerializeMap>;
    type SerializeStruct = Wrap<'a, S::SerializeStruct>;
    type SerializeStructVariant = Wrap<'a, S::SerializeStructVariant>;

    forward! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_i128(i128) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_u128(u128) serialize_f32(f32) serialize_f64(f64) serialize_char(char) serialize_str(&str)
        serialize_unit_struct(&'static str)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        let Some(binary) = self.binary else {
            return Err(ser::Error::custom("no bytes are allowed here"));
        };
        binary
            .attach(Bytes::copy_from_slice(value), true)
            .serialize(self.inner)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = Wrapped {
            value,
            binary: self.binary,
        };
        self.inner.serialize_some(&value)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Wrapped {
            value,
            binary: self.binary,
        };
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Wrapped {
            value,
            binary: self.binary,
        };
        self.inner
            .serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let binary = self.binary;
        let inner = self.inner.serialize_seq(len)?;
        Ok(Wrap { inner, binary })
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let binary = self.binary;
        let inner = self.inner.serialize_tuple(len)?;
        Ok(Wrap { inner, binary })
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let binary = self.binary;
        let inner = self.inner.serialize_tuple_struct(name, len)?;
        Ok(Wrap { inner, binary })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let binary = self.binary;
        let inner = self
            .inner
            .serialize_tuple_variant(name, index, variant, len)?;
        Ok(Wrap { inner, binary })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let binary = self.binary;
        let inner = self.inner.serialize_map(len)?;
        Ok(Wrap { inner, binary })
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let binary = self.binary;
        let inner = self.inner.serialize_struct(name, len)?;
        Ok(Wrap { inner, binary })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let binary = self.binary;
        let inner = self
            .inner
            .serialize_struct_variant(name, index, variant, len)?;
        Ok(Wrap { inner, binary })
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident)*) => {$(
        impl<S: ser::$trait> ser::$trait for Wrap<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                let value = Wrapped { value, binary: self.binary };
                self.inner.$method(&value)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field SerializeTupleVariant::serialize_field
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl<S: ser::$trait> ser::$trait for Wrap<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), S::Error> {
                let value = Wrapped { value, binary: self.binary };
                self.inner.serialize_field(key, &value)
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
                self.inner.skip_field(key)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )*};
}

fields!(SerializeStruct SerializeStructVariant);

impl<S: ser::SerializeMap> ser::SerializeMap for Wrap<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        let value = Wrapped {
            value,
            binary: self.binary,
        };
        self.inner.serialize_value(&value)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}
