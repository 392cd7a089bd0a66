//! Writing values as MessagePack.
//!
//! A value becomes what its JSON becomes, and is refused where JSON refuses it. Types of `serde_json` that keep JSON, and keys of
//! maps, are written as that by [`ser::Writer`](crate::payload::ser::Writer) first.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use serde::ser::{self, Error as _, Serialize, Serializer};

use super::from_json;
use super::write::{Opened, Packer};
use crate::EncodeError;
use crate::payload::cursor::Cursor;
use crate::payload::forward::{compounds, plain_values};
use crate::payload::placeholder::FLAG;
use crate::payload::ser::{Error, Kept, Key, Writer as JsonWriter};
use crate::payload::syntax::{self, MAX_JSON_DEPTH};

/// MessagePack in the making.
#[derive(Default)]
pub(in crate::payload) struct Writer {
    packer: Packer<'static>,
    /// The number of arrays and maps that are open.
    open: usize,
    /// The most that were open at a time.
    deepest: usize,
    /// The number of bins.
    attachments: usize,
    /// Whether a key marks placeholders.
    marked: bool,
    /// Whether something was refused and yet passed over by a type that serialises itself in its own way, or left
    /// incomplete.
    broken: bool,
}

/// What a [`Writer`] has written.
pub(in crate::payload) struct Written {
    pub(in crate::payload) packed: Vec<u8>,
    pub(in crate::payload) deepest: usize,
    pub(in crate::payload) attachments: usize,
    pub(in crate::payload) marked: bool,
    pub(in crate::payload) broken: bool,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("len", &self.packer.len())
            .finish_non_exhaustive()
    }
}

impl Writer {
    pub(in crate::payload) fn with_capacity(bytes: usize) -> Self {
        Self {
            packer: Packer::with_capacity(bytes),
            ..Self::default()
        }
    }

    pub(in crate::payload) fn finish(self) -> Written {
        Written {
            packed: self.packer.into_buffer(),
            deepest: self.deepest,
            attachments: self.attachments,
            marked: self.marked,
            broken: self.broken || self.open > 0,
        }
    }

    /// Appends what another payload has, with this many attachments in it.
    pub(in crate::payload) fn taken(&mut self, packed: &[u8], attachments: usize) {
        self.packer.raw(packed);
        self.attachments = self.attachments.saturating_add(attachments);
        // It may have any key.
        self.marked = true;
    }

    /// Appends a value.
    pub(in crate::payload) fn value<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.part(value).map_err(EncodeError::from)
    }

    pub(in crate::payload) fn text(&mut self, text: &str) {
        self.packer.text(text);
    }

    /// Makes room for so many bytes.
    pub(in crate::payload) fn reserve(&mut self, room: usize) {
        self.packer.reserve(room);
    }

    /// Writes what stands around a payload.
    pub(in crate::payload) fn raw(&mut self, packed: &[u8]) {
        self.packer.raw(packed);
    }

    pub(in crate::payload) fn open_array(&mut self, len: Option<usize>) -> Opened {
        self.enter();
        self.packer.open_array(len)
    }

    pub(in crate::payload) fn close(&mut self, opened: Opened, len: u32) {
        self.packer.close(opened, len);
        self.open = self.open.saturating_sub(1);
    }

    fn open_map(&mut self, members: Option<usize>) -> Opened {
        self.enter();
        self.packer.open_map(members)
    }

    /// The number of bins so far.
    pub(in crate::payload) const fn attachments(&self) -> usize {
        self.attachments
    }

    /// Writes bytes that are copied with the whole.
    pub(in crate::payload) fn binary(&mut self, data: Bytes) {
        self.attach();
        self.packer.shared_binary(data);
    }

    /// Counts a bin.
    fn attach(&mut self) {
        // Its placeholder is a level.
        self.deepest = self.deepest.max(self.open.saturating_add(1));
        self.attachments = self.attachments.saturating_add(1);
    }

    fn enter(&mut self) {
        self.open = self.open.saturating_add(1);
        self.deepest = self.deepest.max(self.open);
    }

    /// Writes a part of an array or map.
    pub(in crate::payload) fn part<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
    ) -> Result<(), Error> {
        let result = value.serialize(&mut *self);
        self.broken |= result.is_err();
        result
    }

    /// Writes a key.
    fn name(&mut self, name: &str) {
        self.packer.text(name);
        self.marked |= name == FLAG;
    }

    /// Writes a key of any type, by way of JSON.
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let name = name_of(key)?;
        self.name(&name);
        Ok(())
    }

    /// Writes JSON that a type of `serde_json` keeps.
    fn json(&mut self, json: &str) -> Result<(), Error> {
        let open = MAX_JSON_DEPTH.saturating_sub(self.open.try_into().unwrap_or(u16::MAX));
        match syntax::check(json, open) {
            Ok(()) => {}
            Err(syntax::Fault::Syntax) => return Err(no_json()),
            Err(syntax::Fault::Depth) => {
                self.deepest = usize::MAX;
                return Ok(());
            }
        }
        // It may have any key.
        self.marked |= json.starts_with(['{', '[']);
        self.packer.append(from_json::transcode_finite(json));
        Ok(())
    }

    /// Opens the map that an enum's variant with content is.
    fn open_variant(&mut self, variant: &str) -> Opened {
        let opened = self.open_map(Some(1));
        self.name(variant);
        opened
    }
}

macro_rules! integers {
    ($($method:ident($type:ty) $write:ident)*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            self.packer.$write(value.into());
            Ok(())
        }
    )*};
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Fields<'a>;

    integers! {
        serialize_u8(u8) uint serialize_u16(u16) uint serialize_u32(u32) uint serialize_u64(u64) uint
        serialize_i8(i8) int serialize_i16(i16) int serialize_i32(i32) int serialize_i64(i64) int
    }

    /// Beyond 64 bits, JSON is read as a float.
    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        match value.try_into() {
            Ok(value) => self.packer.uint(value),
            Err(_) => self.packer.float(value as f64),
        }
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        match value.try_into() {
            Ok(value) => self.packer.int(value),
            Err(_) => match u64::try_from(value) {
                Ok(value) => self.packer.uint(value),
                Err(_) => self.packer.float(value as f64),
            },
        }
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.packer.bool(value);
        Ok(())
    }

    /// The digits are those of the shorter float: `0.1` is not `0.10000000149011612`.
    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        let mut float = f64::from(value);
        let is_small_and_whole = (value as i32) as f32 == value && value.abs() < 1e6;
        if value.is_finite() && !is_small_and_whole {
            let mut digits = zmij::Buffer::new();
            float = digits.format_finite(value).parse().map_err(Error::custom)?;
        }
        self.packer.float(float);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.packer.float(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.packer.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.attach();
        self.packer.copied_binary(value);
        Ok(())
    }

    plain_values!();

    fn serialize_unit(self) -> Result<(), Error> {
        self.packer.nil();
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let opened = self.open_variant(variant);
        self.part(value)?;
        self.close(opened, 1);
        Ok(())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items<'a>, Error> {
        Ok(Items::new(self, len, None))
    }

    fn serialize_tuple(self, len: usize) -> Result<Items<'a>, Error> {
        Ok(Items::new(self, Some(len), None))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Items<'a>, Error> {
        Ok(Items::new(self, Some(len), None))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items<'a>, Error> {
        let variant = self.open_variant(variant);
        Ok(Items::new(self, Some(len), Some(variant)))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(Members::new(self, len, None))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Fields<'a>, Error> {
        Ok(match Kept::by_name(name) {
            Some(kept) => Fields::Json(self, kept),
            None => Fields::Members(Members::new(self, Some(len), None)),
        })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Fields<'a>, Error> {
        let variant = self.open_variant(variant);
        let members = Members::new(self, Some(len), Some(variant));
        Ok(Fields::Members(members))
    }
}

/// An array that is open.
pub(in crate::payload) struct Items<'a> {
    writer: &'a mut Writer,
    opened: Opened,
    len: u32,
    /// The map around it, if it is the content of a variant.
    variant: Option<Opened>,
    /// The number of arrays and maps that are open within it.
    open: usize,
}

impl<'a> Items<'a> {
    fn new(writer: &'a mut Writer, len: Option<usize>, variant: Option<Opened>) -> Self {
        let opened = writer.open_array(len);
        Self {
            open: writer.open,
            writer,
            opened,
            len: 0,
            variant,
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.len = self.len.saturating_add(1);
        self.writer.part(value)
    }

    fn finish(self) {
        self.writer.broken |= self.writer.open != self.open;
        self.writer.close(self.opened, self.len);
        if let Some(variant) = self.variant {
            self.writer.close(variant, 1);
        }
    }
}

/// A map that is open.
pub(in crate::payload) struct Members<'a> {
    writer: &'a mut Writer,
    opened: Opened,
    len: u32,
    /// The map around it, if it is the content of a variant.
    variant: Option<Opened>,
    /// The number of arrays and maps that are open within it.
    open: usize,
    /// Whether there is a key whose value is still to come.
    key: bool,
}

impl<'a> Members<'a> {
    fn new(writer: &'a mut Writer, len: Option<usize>, variant: Option<Opened>) -> Self {
        let opened = writer.open_map(len);
        Self {
            open: writer.open,
            writer,
            opened,
            len: 0,
            variant,
            key: false,
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.len = self.len.saturating_add(1);
        self.writer.name(name);
        self.writer.part(value)
    }

    fn finish(self) {
        self.writer.broken |= self.key || self.writer.open != self.open;
        self.writer.close(self.opened, self.len);
        if let Some(variant) = self.variant {
            self.writer.close(variant, 1);
        }
    }
}

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        // A type that serialises itself in its own way may forget a value.
        self.writer.broken |= self.key;
        self.key = true;
        self.len = self.len.saturating_add(1);
        let result = self.writer.key(key);
        self.writer.broken |= result.is_err();
        result
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.writer.broken |= !self.key;
        self.key = false;
        self.writer.part(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

/// The fields of a struct.
pub(in crate::payload) enum Fields<'a> {
    Members(Members<'a>),
    /// It is a type of `serde_json` whose only field is kept as JSON. The field has the name of the struct.
    Json(&'a mut Writer, Kept),
}

impl Fields<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        match self {
            Self::Members(members) => members.field(name, value),
            Self::Json(writer, kept) if name == kept.name() => {
                let mut text = JsonWriter::new(String::new(), 0);
                value.serialize(kept.text(&mut text))?;
                writer.json(text.written())
            }
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

compounds!(Items<'_>, Fields<'_>);

/// The name that a key of any type has in JSON.
fn name_of<T: Serialize + ?Sized>(key: &T) -> Result<String, Error> {
    let mut writer = JsonWriter::new(String::new(), 0);
    key.serialize(Key(&mut writer))?;
    let name = Cursor::new(writer.written()).string();
    name.map(Cow::into_owned).ok_or_else(no_json)
}

fn no_json() -> Error {
    Error::custom("the result is no JSON")
}
