//! Writing values as JSON, in which bytes become attachments.
//!
//! The text is what `serde_json` writes, byte for byte. The writer counts how deep the text is nested, and notices keys that
//! could be taken for the mark of a placeholder. So nobody has to read the text again.

mod compound;
mod key;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::fmt::Write;

use bytes::Bytes;
use serde::ser::{self, Error as _, Serialize, Serializer};

use self::compound::{Fields, Items, Members};
pub(super) use self::key::{Kept, Key};
use super::escape::append_escaped;
use super::forward::plain_values;
use super::placeholder::{FLAG, Placeholder};
use super::syntax::MAX_JSON_DEPTH;
use crate::EncodeError;

/// JSON in the making.
pub(super) struct Writer {
    json: String,
    /// The number of arrays and objects that are open.
    open: usize,
    /// The attachments found so far.
    attachments: Vec<Attached>,
    /// Whether bytes become attachments, or are refused.
    attaches: bool,
    /// Whether the text has to be checked: it may be no JSON, or nested too deep.
    doubtful: bool,
    /// Whether something in the text may be taken for a placeholder beside those that stand for attachments of ours.
    marked: bool,
}

/// An attachment of a payload in the making.
pub(super) struct Attached {
    pub(super) data: Bytes,
    /// Whether its only placeholder is written by us, and not put into a value by the caller.
    pub(super) placed: bool,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("json", &self.json.len())
            .field("attachments", &self.attachments.len())
            .finish_non_exhaustive()
    }
}

/// What a [`Writer`] has written.
pub(super) struct Written {
    pub(super) json: String,
    pub(super) attachments: Vec<Attached>,
    pub(super) doubtful: bool,
    pub(super) marked: bool,
}

impl Writer {
    /// Starts with JSON that lacks the ends of so many arrays and objects.
    pub(super) const fn new(json: String, open: usize) -> Self {
        Self {
            json,
            open,
            attachments: Vec::new(),
            attaches: true,
            doubtful: false,
            marked: false,
        }
    }

    /// Refuses bytes from now on.
    pub(super) const fn without_attachments(mut self) -> Self {
        self.attaches = false;
        self
    }

    /// What is written so far.
    pub(super) fn written(&self) -> &str {
        &self.json
    }

    pub(super) fn finish(self) -> Written {
        Written {
            json: self.json,
            attachments: self.attachments,
            doubtful: self.doubtful,
            marked: self.marked,
        }
    }

    /// Appends a value.
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self).map_err(EncodeError::from)
    }

    /// Appends JSON that is known to be valid, and not too deep here.
    pub(super) fn json(&mut self, json: &str) {
        self.extend(json);
        self.marked = true;
    }

    /// Appends JSON of which nothing is known.
    fn unknown_json(&mut self, json: &str) {
        self.json(json);
        self.doubtful = true;
    }

    fn extend(&mut self, text: &str) {
        self.json.push_str(text);
    }

    /// Opens the list of which [`new`](Self::new) was told, in a buffer of so many bytes.
    pub(super) fn begin_list(&mut self, room: usize) {
        self.json.reserve_exact(room);
        self.json.push('[');
    }

    /// Makes room for so many bytes.
    pub(super) fn reserve(&mut self, room: usize) {
        self.json.reserve(room);
    }

    pub(super) fn sign(&mut self, sign: char) {
        self.json.push(sign);
    }

    /// Adds an attachment.
    pub(super) fn attach(&mut self, data: Bytes, placed: bool) -> Placeholder {
        let num = u32::try_from(self.attachments.len()).unwrap_or(u32::MAX);
        self.attachments.push(Attached { data, placed });
        Placeholder::new(num)
    }

    /// The number of attachments.
    pub(super) const fn attachments(&self) -> usize {
        self.attachments.len()
    }

    /// Appends the placeholder of an attachment.
    pub(super) fn placeholder(&mut self, placeholder: Placeholder) {
        self.begin('{');
        self.extend("\"_placeholder\":true,\"num\":");
        self.number(placeholder.index());
        self.end('}');
    }

    /// Opens an array or object.
    fn begin(&mut self, sign: char) {
        self.json.push(sign);
        // Each has a byte of its own in memory.
        self.open += 1;
        self.doubtful |= self.open > usize::from(MAX_JSON_DEPTH);
    }

    /// Closes the innermost array or object.
    fn end(&mut self, sign: char) {
        self.json.push(sign);
        self.open = self.open.saturating_sub(1);
    }

    fn number(&mut self, value: impl itoa::Integer) {
        self.extend(itoa::Buffer::new().format(value));
    }

    /// Appends a number that is finite.
    fn float(&mut self, value: impl zmij::Float) {
        self.extend(zmij::Buffer::new().format_finite(value));
    }

    #[inline]
    fn string(&mut self, text: &str) {
        self.json.push('"');
        append_escaped(text, &mut self.json);
        self.json.push('"');
    }

    /// Appends the name of a member and its colon.
    fn name(&mut self, name: &str) {
        self.json.push('"');
        self.name_behind_quote(name);
    }

    /// The same behind a comma.
    fn next_name(&mut self, name: &str) {
        self.json.push_str(",\"");
        self.name_behind_quote(name);
    }

    #[inline]
    fn name_behind_quote(&mut self, name: &str) {
        append_escaped(name, &mut self.json);
        self.json.push_str("\":");
        self.marked |= name == FLAG;
    }

    /// Opens the object that an enum's variant with content is.
    fn begin_variant(&mut self, variant: &'static str) {
        self.begin('{');
        self.name(variant);
    }
}

/// Why a value cannot be written.
#[derive(Debug)]
pub(super) struct Error(Box<str>);

impl From<Error> for EncodeError {
    fn from(Error(message): Error) -> Self {
        Self::Serialize(message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string().into())
    }
}

/// Appends what is written to a string in JSON.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        append_escaped(text, self.0);
        Ok(())
    }
}

macro_rules! numbers {
    ($($method:ident($type:ty) $write:ident)*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            self.$write(value);
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

    numbers! {
        serialize_i8(i8) number serialize_i16(i16) number serialize_i32(i32) number serialize_i64(i64) number
        serialize_i128(i128) number serialize_u8(u8) number serialize_u16(u16) number serialize_u32(u32) number
        serialize_u64(u64) number serialize_u128(u128) number
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.extend(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        if !value.is_finite() {
            return self.serialize_unit();
        }
        self.float(value);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        if !value.is_finite() {
            return self.serialize_unit();
        }
        self.float(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.string(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        if !self.attaches {
            return Err(Error::custom("no bytes are allowed here"));
        }
        let placeholder = self.attach(Bytes::copy_from_slice(value), true);
        self.placeholder(placeholder);
        Ok(())
    }

    plain_values!();

    fn serialize_unit(self) -> Result<(), Error> {
        self.extend("null");
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.begin_variant(variant);
        value.serialize(&mut *self)?;
        self.end('}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Error> {
        Ok(Items::new(self, false))
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'a>, Error> {
        Ok(Items::new(self, false))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'a>, Error> {
        Ok(Items::new(self, false))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a>, Error> {
        self.begin_variant(variant);
        Ok(Items::new(self, true))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(Members::new(self, false))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'a>, Error> {
        Ok(Fields::new(self, name))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'a>, Error> {
        self.begin_variant(variant);
        Ok(Fields::Members(Members::new(self, true)))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.json.push('"');
        write!(Escaped(&mut self.json), "{value}").map_err(Error::custom)?;
        self.json.push('"');
        Ok(())
    }
}
