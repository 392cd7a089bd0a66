//! What a packet carries.

pub(crate) mod budget;
mod build;
pub(crate) mod cursor;
mod de;
pub(crate) mod escape;
mod number;
pub(crate) mod placeholder;
pub(crate) mod scan;
mod ser;

pub use build::PayloadBuilder;
pub use placeholder::Placeholder;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use engineio_proto::hidden::Hidden;
use engineio_proto::keeps_much;
use engineio_proto::ledger::{self, HeapSize};
use serde::de::{Deserialize, DeserializeOwned};
use serde::ser::Serialize;

use crate::parser::syntax::{self, Fault, First};
use crate::parser::{Limits, MAX_JSON_DEPTH};
use crate::{DecodeError, EncodeError, PacketType, ReadError, is_reserved_event};
use budget::{Budget, MAX_EXPANSION};
use cursor::Cursor;
use de::{Attachments, Reader, Slot};
use placeholder::{Misplaced, Places};

/// The payload of a packet: validated JSON, still in the buffer it came in, and its attachments.
///
/// # Reading
///
/// [`args`](Self::args) reads the arguments of an event or acknowledgement, [`data`](Self::data) the payload as a
/// whole, both into any type that implements `Deserialize`. Where the type asks for bytes and the JSON has the
/// placeholder of an attachment, it gets the attachment: `bytes::Bytes`, `&[u8]` and what uses `serde_bytes` all do.
///
/// - `&[u8]` borrows the attachment.
/// - `Bytes` and other owned types get a copy, since serde has no way to hand over a shared buffer. With
///   [`into_args`](Self::into_args) and [`into_data`](Self::into_data) they take over the buffer instead, if nothing
///   else shares it. To share it, read a [`Placeholder`], or go by [`attachments`](Self::attachments).
/// - What serde buffers before it knows the type (untagged and internally tagged enums, flattened structs) and
///   `serde_json::Value` see the placeholder as the object that it is.
///
/// In a payload without attachments, objects that look like placeholders are ordinary data.
///
/// Strings may hold the escape of a lone surrogate, which JavaScript can send and Rust cannot hold; it reads as U+FFFD.
///
/// A number that is whole reads as an integer in every form, as JavaScript does not tell `2` from `2.0` and `2e0`.
///
/// # How much reading takes
///
/// Reading takes at most [`max_expansion`](Self::max_expansion) bytes for each byte of the JSON, and one copy of each
/// attachment; JSON counts as 64 bytes longer than it is, so that small payloads can be read. What takes more is a
/// [`ReadError`] that [says so](ReadError::is_over_limit). The limit is [`Limits::max_expansion`], by default 64.
///
/// | reading | what counts |
/// |---|---|
/// | [`args`](Self::args), [`into_args`](Self::into_args), [`data`](Self::data), [`into_data`](Self::into_data) | text and bytes by their length; lists and maps by what `Vec`, `BTreeSet`, `BTreeMap` and hash maps take for elements of that size; structs and tuples nothing of their own. What the reading of a value took that owns no memory, such as a number or `&[u8]`, is given back |
/// | untagged and internally tagged enums, flattened structs | serde's buffer, and as much again for what is made of it |
/// | [`to_value`](Self::to_value) | text, lists and maps, in the same way |
/// | [`raw_args`](Self::raw_args) | nothing, since the JSON is borrowed; [`RawArgs::read`] counts as `args` does, all arguments together |
/// | [`attachments`](Self::attachments) and [`attachment`](Self::attachment) | nothing, since they are shared |
/// | sending it, by either parser | nothing. It cannot become larger than the JSON allows, since repeats are bounded |
///
/// Each further copy of an attachment counts like the rest. A packet whose repeats alone exceed the limit is refused, and
/// [`build`](PayloadBuilder::build) does not make it. Memory that a type takes in another way does not count, such as a `Box`
/// for each value.
///
/// With some features of `serde_json`, its `Value` takes an object whose first key is `$serde_json::private::RawValue` or
/// `$serde_json::private::Number` for something else. A peer cannot make use of that. [`to_value`](Self::to_value) takes
/// every key for plain data. If a type has a `Value` in it, another member comes first; an object that has no other is a
/// [`ReadError`]. A value that serde buffers is one wherever it has such a key.
///
/// # Writing
///
/// [`event`](Self::event) and [`ack`](Self::ack) start a [`PayloadBuilder`]; [`object`](Self::object) makes the
/// payload of the other packet types.
///
/// Cloning costs a few reference counts.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use socketio_proto::Payload;
///
/// let payload = Payload::event("picture")
///     .arg("a title")?
///     .arg(&vec![Bytes::from_static(b"GIF"), Bytes::from_static(b"89a")])?
///     .build()?;
/// assert_eq!(payload.name(), Some("picture"));
/// assert_eq!(payload.attachments().len(), 2);
/// let (title, parts): (String, Vec<Bytes>) = payload.args()?;
/// assert_eq!((title.as_str(), &parts[1][..]), ("a title", &b"89a"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Payload {
    /// The buffer that the JSON is in.
    text: ByteString,
    start: usize,
    end: usize,
    shape: Shape,
    attachments: Option<Arc<Attached>>,
    /// See [`Limits::max_expansion`].
    max_expansion: u16,
    compress: bool,
}

/// The attachments of a payload.
#[derive(Debug)]
struct Attached {
    list: Box<[Bytes]>,
    /// The bytes of all of them, each counted once.
    bytes: usize,
    /// The bytes of their repeats.
    repeated: usize,
}

impl Attached {
    /// `None` if there are none.
    fn new(list: Vec<Bytes>, repeated: usize) -> Option<Arc<Self>> {
        let lengths = list.iter().map(Bytes::len);
        let bytes = lengths.fold(0, usize::saturating_add);
        (!list.is_empty()).then(|| {
            Arc::new(Self {
                list: list.into(),
                bytes,
                repeated,
            })
        })
    }
}

#[derive(Clone, Debug)]
enum Shape {
    /// An object or a string.
    Value,
    /// An array of arguments.
    Ack,
    /// An array of a name and arguments.
    Event(Name),
}

/// The name of an event.
#[derive(Clone, Debug)]
enum Name {
    /// From `start` to `end` within the JSON.
    Span { start: usize, end: usize },
    /// Unescaped.
    Decoded(ByteString),
}

impl HeapSize for Payload {
    fn heap_size(&self) -> usize {
        let name = match &self.shape {
            Shape::Event(Name::Decoded(name)) => ledger::buffer_size(name.len()),
            Shape::Event(Name::Span { .. }) | Shape::Ack | Shape::Value => 0,
        };
        let text = ledger::buffer_size(self.text.len()).saturating_add(name);
        let Some(attachments) = &self.attachments else {
            return text;
        };
        let list = &attachments.list;
        let slots = size_of_val::<[Bytes]>(list)
            .saturating_add(size_of::<Attached>() + 2 * size_of::<usize>());
        let buffers = list.iter().map(|data| ledger::buffer_size(data.len()));
        buffers.fold(text.saturating_add(slots), usize::saturating_add)
    }
}

impl Payload {
    /// Starts the payload of an event.
    pub fn event(name: &str) -> PayloadBuilder {
        PayloadBuilder::event(name)
    }

    /// Starts the payload of an acknowledgement.
    pub fn ack() -> PayloadBuilder {
        PayloadBuilder::ack()
    }

    /// The payload of an acknowledgement without arguments. Allocates nothing.
    #[must_use]
    pub const fn no_args() -> Self {
        Self {
            text: ByteString::from_static("[]"),
            start: 0,
            end: 2,
            shape: Shape::Ack,
            attachments: None,
            max_expansion: MAX_EXPANSION,
            compress: true,
        }
    }

    /// Makes the payload of a packet that lets in or refuses: an object, or for a refusal a string.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Serialize`] if `value` cannot be serialised or holds bytes, [`EncodeError::PayloadKind`] if it
    /// is neither object nor string, [`EncodeError::TooDeep`].
    pub fn object<T: Serialize + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        build::object(value)
    }

    /// Makes the payload of a refusal in the official shape: `{"message":…}`, and the whole of `data` as member
    /// `data` if there is one.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Serialize`] if `data` has attachments, [`EncodeError::TooDeep`].
    pub fn connect_error(message: &str, data: Option<&Self>) -> Result<Self, EncodeError> {
        build::connect_error(message, data)
    }

    /// Checks JSON as the payload of a packet, as strictly as a decoder with default [`Limits`] does, but to the depth of
    /// [`MAX_JSON_DEPTH`]. Attachments of packets other than events and acknowledgements are for MessagePack alone.
    ///
    /// # Errors
    ///
    /// [`DecodeError::InvalidPayload`], [`DecodeError::TooDeep`], and if there are attachments,
    /// [`DecodeError::Placeholder`] if a placeholder names none of them, and [`DecodeError::Expansion`] if they are named
    /// so often that reading takes more than 64 bytes for each byte of JSON.
    pub fn from_json(
        packet_type: PacketType,
        json: impl Into<ByteString>,
        attachments: Vec<Bytes>,
    ) -> Result<Self, DecodeError> {
        Self::from_json_within(packet_type, json, attachments, MAX_EXPANSION)
    }

    /// The same with another [`max_expansion`](Self::max_expansion), for payloads that were received and kept elsewhere.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json), but [`DecodeError::Expansion`] beyond `max_expansion` bytes.
    pub fn from_json_within(
        packet_type: PacketType,
        json: impl Into<ByteString>,
        attachments: Vec<Bytes>,
        max_expansion: u16,
    ) -> Result<Self, DecodeError> {
        let limits = Limits::default()
            .with_max_json_depth(MAX_JSON_DEPTH)
            .with_max_expansion(max_expansion);
        let payload = Self::parse(packet_type, json.into(), 0, &limits)?;
        if attachments.is_empty() {
            return Ok(payload);
        }
        payload.with_attachments(attachments)
    }

    /// The name of the event: a string without its escapes, or a number as it is written. `None` in the payloads of
    /// other packets.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.shape {
            Shape::Event(Name::Span { start, end }) => self.json().get(*start..*end),
            Shape::Event(Name::Decoded(name)) => Some(name),
            Shape::Value | Shape::Ack => None,
        }
    }

    /// The JSON, with placeholders where the attachments belong. That of an event is an array with the name in front.
    #[must_use]
    pub fn json(&self) -> &str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// The attachments, in the order of their numbers.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        self.attachments
            .as_ref()
            .map_or(&[], |attached| &attached.list)
    }

    /// How many bytes reading may take for each byte of JSON: [`Limits::max_expansion`] of the decoder that made the
    /// payload. 64 for a payload that was made here.
    #[must_use]
    pub const fn max_expansion(&self) -> u16 {
        self.max_expansion
    }

    /// The same payload with the hint that compressing it is not worth the time, for drivers that compress: officially
    /// `socket.compress(false)`.
    #[must_use]
    pub fn uncompressed(mut self) -> Self {
        self.compress = false;
        self
    }

    /// Whether what carries the payload may be compressed: true unless it was [made otherwise](Self::uncompressed).
    #[must_use]
    pub fn compress(&self) -> bool {
        self.compress
    }

    /// The attachment that belongs in the place of `placeholder`, `None` if there is none of that number.
    #[must_use]
    pub fn attachment(&self, placeholder: Placeholder) -> Option<&Bytes> {
        self.attachments().get(placeholder.index())
    }

    /// The length in bytes of the JSON and the attachments, each as often as it is named, since that is what reading takes
    /// of it; an attachment that is not named counts once. Constant time.
    ///
    /// The figure that counts against limits such as `max_undelivered_bytes`.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        let attached = self.attachments.as_ref();
        let bytes = attached.map_or(0, |attached| attached.bytes);
        self.json()
            .len()
            .saturating_add(bytes)
            .saturating_add(self.repeated_len())
    }

    /// How much of [`payload_len`](Self::payload_len) are repeats of attachments, which take no memory before they are read.
    pub(crate) fn repeated_len(&self) -> usize {
        let attached = self.attachments.as_ref();
        attached.map_or(0, |attached| attached.repeated)
    }

    /// The JSON of each argument, without the name of an event. Empty for a payload that is no array.
    ///
    /// The JSON is borrowed. [`RawArgs::read`] reads one argument after the other; what another reader makes of the JSON
    /// is not bounded.
    #[must_use]
    pub fn raw_args(&self) -> RawArgs<'_> {
        RawArgs {
            cursor: self.args_cursor().ok(),
            attachments: self.attachments(),
            budget: self.budget(),
        }
    }

    /// Reads the arguments, without the name of an event, into a tuple, a `Vec`, an array or a struct.
    ///
    /// As with a JavaScript function, arguments beyond those of a tuple or struct are ignored, and those that are
    /// missing at its end read as absent: `None` for an `Option`, an error for others.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if an argument is of another type, for a payload that is no array, and if the arguments
    /// [take too much](Self#how-much-reading-takes).
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::Payload;
    ///
    /// let payload = Payload::event("move").arg("left")?.arg(&3)?.build()?;
    /// assert_eq!(payload.args::<(&str, u32)>()?, ("left", 3));
    /// assert_eq!(payload.args::<(&str, u32, Option<bool>)>()?, ("left", 3, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn args<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ReadError> {
        let attachments = Attachments::Shared(self.attachments());
        Reader::new(self.args_cursor()?, attachments, self.budget()).args()
    }

    /// Reads the arguments as [`args`](Self::args) does; owned bytes take over the buffers of attachments that
    /// nothing else shares.
    ///
    /// # Errors
    ///
    /// As [`args`](Self::args).
    pub fn into_args<T: DeserializeOwned>(mut self) -> Result<T, ReadError> {
        let (budget, slots) = (self.budget(), self.take_slots());
        Reader::new(self.args_cursor()?, Attachments::Owned(&slots), budget).args()
    }

    /// Reads the whole payload: the object of a connect packet, the array of an acknowledgement, the array of an event
    /// with its name in front.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if it is of another type, or [takes too much](Self#how-much-reading-takes).
    pub fn data<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ReadError> {
        self.reader(self.json()).whole()
    }

    /// Reads the whole payload as [`data`](Self::data) does; owned bytes take over the buffers of attachments that
    /// nothing else shares.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    pub fn into_data<T: DeserializeOwned>(mut self) -> Result<T, ReadError> {
        let (budget, slots) = (self.budget(), self.take_slots());
        Reader::new(Cursor::new(self.json()), Attachments::Owned(&slots), budget).whole()
    }

    /// The whole payload as a dynamic value, placeholders left in their places: [`Placeholder::from_value`] knows
    /// them. A number too large for a 64-bit float is `null`. Every key is plain data, also those by which
    /// `serde_json::Value` knows values of its own.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the value [takes too much](Self#how-much-reading-takes).
    pub fn to_value(&self) -> Result<serde_json::Value, ReadError> {
        self.reader(self.json()).tree()
    }

    /// A reader of JSON that is a part of this payload's.
    pub(crate) fn reader<'de>(&'de self, json: &'de str) -> Reader<'de> {
        let attachments = Attachments::Shared(self.attachments());
        Reader::new(Cursor::new(json), attachments, self.budget())
    }

    /// What one reading may take.
    fn budget(&self) -> Budget {
        let attached = self.attachments.as_ref();
        let bytes = attached.map_or(0, |attached| attached.bytes);
        Budget::new(self.max_expansion, self.json().len(), bytes)
    }

    /// Takes what stands behind `start` in a packet's text as its payload, attachments aside.
    pub(crate) fn parse(
        packet_type: PacketType,
        text: ByteString,
        start: usize,
        limits: &Limits,
    ) -> Result<Self, DecodeError> {
        let json = text.get(start..).ok_or(DecodeError::InvalidPayload)?;
        let shape = Shape::of(packet_type, json)?;
        let max_depth = limits.max_json_depth;
        let checked = match packet_type {
            PacketType::Event => syntax::check_list(json, max_depth),
            PacketType::Connect
            | PacketType::Disconnect
            | PacketType::Ack
            | PacketType::ConnectError => syntax::check(json, max_depth).map(|()| None),
        };
        let first = checked.map_err(|fault| match fault {
            Fault::Syntax => DecodeError::InvalidPayload,
            Fault::Depth => DecodeError::TooDeep {
                limit: max_depth.min(MAX_JSON_DEPTH),
            },
        })?;
        let shape = match packet_type {
            PacketType::Event => Shape::Event(Name::of(json, first)?),
            PacketType::Connect
            | PacketType::Disconnect
            | PacketType::Ack
            | PacketType::ConnectError => shape,
        };
        let json = json.trim_ascii_end();
        let (text, start, end) = if keeps_much(text.len(), json.len()) {
            (ByteString::from(json), 0, json.len())
        } else {
            let end = start.saturating_add(json.len());
            (text, start, end)
        };
        Ok(Self {
            text,
            start,
            end,
            shape,
            attachments: None,
            max_expansion: limits.max_expansion,
            compress: true,
        })
    }

    /// Takes JSON that is known to be valid, of a depth that is allowed, and attachments each of which has its one
    /// placeholder, and without white space around it.
    pub(crate) fn assemble(
        packet_type: PacketType,
        json: ByteString,
        attachments: Vec<Bytes>,
        limits: &Limits,
    ) -> Result<Self, DecodeError> {
        let shape = Shape::of(packet_type, &json)?.with_name(packet_type, &json)?;
        Ok(Self {
            start: 0,
            end: json.len(),
            text: json,
            shape,
            attachments: Attached::new(attachments, 0),
            max_expansion: limits.max_expansion,
            compress: true,
        })
    }

    /// Adds the attachments, for each of which there must be one if a placeholder names it. Repeats must stay within
    /// what reading may take.
    pub(crate) fn with_attachments(mut self, attachments: Vec<Bytes>) -> Result<Self, DecodeError> {
        let limit = self.max_expansion;
        let places = Places::find(self.json(), &attachments, limit).map_err(|why| match why {
            Misplaced::Unknown => DecodeError::Placeholder,
            Misplaced::Expansion => DecodeError::Expansion { limit },
        })?;
        self.attachments = Attached::new(attachments, places.repeated);
        Ok(self)
    }

    /// The payload of an event with a string behind its arguments.
    pub(crate) fn with_last(&self, text: &str) -> Self {
        let Some(args) = self.json().strip_suffix(']') else {
            return self.clone();
        };
        let json = build::append_string(args, text);
        Self {
            start: 0,
            end: json.len(),
            text: json,
            shape: self.shape.clone(),
            attachments: self.attachments.clone(),
            max_expansion: self.max_expansion,
            compress: self.compress,
        }
    }

    /// Whether a client may authenticate with it, whatever the parser: an object without attachments.
    pub(crate) fn is_auth(&self) -> bool {
        self.suits(PacketType::Connect) && self.attachments().is_empty()
    }

    /// Whether packets of the type carry payloads of this kind.
    pub(crate) fn suits(&self, packet_type: PacketType) -> bool {
        match packet_type {
            PacketType::Connect => self.json().starts_with('{'),
            PacketType::Disconnect => false,
            PacketType::Event => matches!(self.shape, Shape::Event(_)),
            PacketType::Ack => matches!(self.shape, Shape::Ack),
            PacketType::ConnectError => matches!(self.shape, Shape::Value),
        }
    }

    /// The place of the first argument, or of the bracket behind the last.
    fn args_cursor(&self) -> Result<Cursor<'_>, ReadError> {
        let mut cursor = Cursor::new(self.json());
        match &self.shape {
            Shape::Value => return Err(ReadError::new("the payload is no list of arguments")),
            Shape::Ack => {
                cursor.eat(b'[');
            }
            Shape::Event(Name::Span { end, .. }) => {
                cursor = cursor.at(*end);
                // Behind a string.
                cursor.eat(b'"');
                cursor.eat(b',');
            }
            Shape::Event(Name::Decoded(_)) => {
                cursor.eat(b'[');
                cursor.skip();
                cursor.eat(b',');
            }
        }
        Ok(cursor)
    }

    /// The arguments as they stand in the JSON, separated by commas.
    fn args_text(&self) -> &str {
        let Ok(mut cursor) = self.args_cursor() else {
            return "";
        };
        cursor.peek();
        let json = self.json();
        let end = json.len().saturating_sub(1);
        json.get(cursor.pos()..end).unwrap_or_default()
    }

    /// Takes out the attachments, for those who take over their buffers.
    fn take_slots(&mut self) -> Vec<Slot> {
        let slots: Vec<Slot> = match self.attachments.take() {
            None => return Vec::new(),
            Some(mut shared) => match Arc::get_mut(&mut shared) {
                Some(owned) => owned
                    .list
                    .iter_mut()
                    .map(|data| Slot::new(core::mem::take(data)))
                    .collect(),
                None => shared
                    .list
                    .iter()
                    .map(|data| Slot::new(data.clone()))
                    .collect(),
            },
        };
        for found in placeholder::find_all(self.json()) {
            let slot = found.num.and_then(|num| slots.get(num as usize));
            if let Some(slot) = slot {
                slot.expect_use();
            }
        }
        slots
    }
}

impl PartialEq for Payload {
    /// Whether JSON text, kind and attachments are equal byte for byte.
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
            && core::mem::discriminant(&self.shape) == core::mem::discriminant(&other.shape)
            && self.attachments() == other.attachments()
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("json", &Hidden(self.json()))
            .field("attachments", &Hidden(self.attachments()))
            .finish_non_exhaustive()
    }
}

/// The JSON of the arguments of a payload, made by [`Payload::raw_args`].
#[derive(Clone, Debug)]
pub struct RawArgs<'a> {
    cursor: Option<Cursor<'a>>,
    attachments: &'a [Bytes],
    /// What is left for all that is read.
    budget: Budget,
}

impl<'a> RawArgs<'a> {
    /// Reads the next argument as [`Payload::args`] does; `None` if there is none. The argument is passed, also if it
    /// cannot be read.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if it is of another type, or if all that was read so far
    /// [takes too much](Payload#how-much-reading-takes).
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::Payload;
    ///
    /// let payload = Payload::event("set").arg("volume")?.arg(&11)?.build()?;
    /// let mut args = payload.raw_args();
    /// let name: &str = args.read().ok_or("no name")??;
    /// let value: u8 = args.read().ok_or("no value")??;
    /// assert_eq!((name, value), ("volume", 11));
    /// assert!(args.read::<u8>().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read<T: Deserialize<'a>>(&mut self) -> Option<Result<T, ReadError>> {
        let cursor = self.cursor.clone();
        self.next()?;
        let attachments = Attachments::Shared(self.attachments);
        let mut reader = Reader::new(cursor?, attachments, self.budget.clone());
        let value = T::deserialize(&mut reader);
        self.budget = reader.into_budget();
        Some(value)
    }
}

impl<'a> Iterator for RawArgs<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let cursor = self.cursor.as_mut()?;
        if cursor.peek()? == b']' {
            return None;
        }
        let arg = cursor.skip();
        cursor.eat(b',');
        arg
    }
}

impl Shape {
    /// What a payload is that starts like `json`, before its name is read.
    fn of(packet_type: PacketType, json: &str) -> Result<Self, DecodeError> {
        match (packet_type, json.as_bytes().first()) {
            (PacketType::Connect | PacketType::ConnectError, Some(b'{'))
            | (PacketType::ConnectError, Some(b'"')) => Ok(Self::Value),
            (PacketType::Event | PacketType::Ack, Some(b'[')) => Ok(Self::Ack),
            _ => Err(DecodeError::InvalidPayload),
        }
    }

    /// The same with the name that the validated JSON of an event starts with.
    fn with_name(self, packet_type: PacketType, json: &str) -> Result<Self, DecodeError> {
        match packet_type {
            PacketType::Event => Name::read(json).map(Self::Event),
            PacketType::Connect
            | PacketType::Disconnect
            | PacketType::Ack
            | PacketType::ConnectError => Ok(self),
        }
    }
}

impl Name {
    /// The name that JSON starts with, of which it is known where it stands.
    fn of(json: &str, first: Option<First>) -> Result<Self, DecodeError> {
        let First {
            start,
            end,
            escaped,
        } = first.ok_or(DecodeError::InvalidPayload)?;
        if escaped {
            return Self::read(json);
        }
        let name = json.get(start..end).ok_or(DecodeError::InvalidPayload)?;
        if is_reserved_event(name) {
            return Err(DecodeError::InvalidPayload);
        }
        Ok(Self::Span { start, end })
    }

    /// Reads the name of the event whose validated JSON starts with `[`.
    fn read(json: &str) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(json);
        cursor.eat(b'[');
        let first = cursor.peek();
        let start = cursor.pos();
        match first {
            Some(b'"') => {
                let name = cursor.string().ok_or(DecodeError::InvalidPayload)?;
                if is_reserved_event(&name) {
                    return Err(DecodeError::InvalidPayload);
                }
                Ok(match name {
                    Cow::Borrowed(_) => Self::Span {
                        start: start.saturating_add(1),
                        end: cursor.pos().saturating_sub(1),
                    },
                    Cow::Owned(name) => Self::Decoded(name.into()),
                })
            }
            Some(b'-' | b'0'..=b'9') => {
                cursor.skip();
                Ok(Self::Span {
                    start,
                    end: cursor.pos(),
                })
            }
            _ => Err(DecodeError::InvalidPayload),
        }
    }
}

#[cfg(test)]
mod tests;
