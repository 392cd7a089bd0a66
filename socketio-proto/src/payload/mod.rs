//! The content of a packet.

mod args;
pub(crate) mod budget;
mod build;
mod builder;
pub(crate) mod cursor;
mod de;
pub(crate) mod escape;
mod forward;
mod number;
pub(crate) mod packed;
pub(crate) mod placeholder;
mod raw_args;
pub(crate) mod scan;
mod ser;
mod shape;
mod source;
pub(crate) mod syntax;

pub use args::Args;
pub use builder::PayloadBuilder;
pub use placeholder::Placeholder;
pub use raw_args::RawArgs;
pub use syntax::MAX_JSON_DEPTH;

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

use crate::{DecodeError, EncodeError, PacketType, ReadError};
use budget::{Budget, MAX_EXPANSION};
use build::EVENT_HEAD;
use cursor::Cursor;
use de::{Attachments, Reader, Slot};
use packed::{Left, Packed, PackedCursor};
use placeholder::{Misplaced, Places};
use shape::{Name, Shape};
use source::{Kind, Source};
use syntax::Fault;

/// The payload of a packet: validated JSON or MessagePack, still in the buffer it came in, and its attachments.
///
/// A payload that arrived as MessagePack keeps that form. Its parser reads and sends it without conversion. Everything
/// that is said of the JSON here holds for the equivalent JSON, which [`json`](Self::json) makes on first use.
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
/// attachment. JSON counts as 64 bytes longer than it is, so that small payloads can be read. Reading more is a
/// [`ReadError`] that [says so](ReadError::is_over_limit). The limit is
/// [`Limits::max_expansion`](crate::parser::Limits::max_expansion), by default 64.
///
/// | reading | what counts |
/// |---|---|
/// | [`args`](Self::args), [`into_args`](Self::into_args), [`data`](Self::data), [`into_data`](Self::into_data) | text and bytes by their length; lists and maps by what `Vec`, `BTreeSet`, `BTreeMap` and hash maps take for elements of that size; structs and tuples nothing of their own. What the reading of a value took that owns no memory, such as a number or `&[u8]`, is given back |
/// | untagged and internally tagged enums, flattened structs | serde's buffer, and as much again for what is made of it |
/// | [`to_value`](Self::to_value) | text, lists and maps, in the same way |
/// | [`json`](Self::json), [`raw_args`](Self::raw_args) | nothing, since the JSON is borrowed, or made once in its own length; [`RawArgs::read`] counts as `args` does, all arguments together |
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
///     .arg("a title")
///     .arg(&vec![Bytes::from_static(b"GIF"), Bytes::from_static(b"89a")])
///     .build()?;
/// assert_eq!(payload.name(), Some("picture"));
/// assert_eq!(payload.attachments().len(), 2);
/// let (title, parts): (String, Vec<Bytes>) = payload.args()?;
/// assert_eq!((title.as_str(), &parts[1][..]), ("a title", &b"89a"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Payload {
    body: Body,
    shape: Shape,
    attachments: Option<Arc<Attached>>,
    /// See [`Bounds::max_expansion`].
    max_expansion: u16,
    compress: bool,
}

/// What holds for a payload that is read from JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most levels of arrays and objects; values above [`MAX_JSON_DEPTH`] count as that.
    pub(crate) max_depth: u16,
    /// See [`Limits::max_expansion`](crate::parser::Limits::max_expansion).
    pub(crate) max_expansion: u16,
}

/// The form that a payload came in, or was made in.
#[derive(Clone)]
enum Body {
    Json {
        /// The buffer that the JSON is in.
        text: ByteString,
        /// Where the JSON starts.
        start: u32,
        /// The unused bytes of the buffer.
        spare: u32,
        /// Where the JSON ends.
        end: usize,
    },
    Packed(Packed),
}

impl Body {
    /// JSON that is the whole of its buffer.
    fn json(text: ByteString) -> Self {
        let end = text.len();
        Self::Json {
            text,
            start: 0,
            spare: 0,
            end,
        }
    }
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

impl HeapSize for Payload {
    fn heap_size(&self) -> usize {
        let name = match &self.shape {
            Shape::Event(Name::Decoded(name)) => ledger::buffer_size(name.len()),
            Shape::Event(Name::Span { .. }) | Shape::Ack | Shape::Value => 0,
        };
        let body = match &self.body {
            Body::Json { text, spare, .. } => {
                ledger::buffer_size(text.len()).saturating_add(*spare as usize)
            }
            Body::Packed(packed) => packed.heap_size(),
        };
        let text = body.saturating_add(name);
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
    /// Starts the payload of an event, as JSON. [`Parser::event`](crate::parser::Parser::event) starts it in
    /// the form that a parser sends.
    pub fn event(name: &str) -> PayloadBuilder {
        PayloadBuilder::json_event(name)
    }

    /// Starts the payload of an acknowledgement, as JSON. [`Parser::ack`](crate::parser::Parser::ack) starts
    /// it in the form that a parser sends.
    pub const fn ack() -> PayloadBuilder {
        PayloadBuilder::json_ack()
    }

    /// The payload of an acknowledgement without arguments. Allocates nothing.
    #[must_use]
    pub const fn no_args() -> Self {
        Self {
            body: Body::Json {
                text: ByteString::from_static("[]"),
                start: 0,
                spare: 0,
                end: 2,
            },
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

    /// Checks JSON as the payload of a packet, as strictly as a decoder with default
    /// [`Limits`](crate::parser::Limits) does, but to the depth of [`MAX_JSON_DEPTH`]. Attachments of packets other than
    /// events and acknowledgements are for MessagePack alone.
    ///
    /// # Errors
    ///
    /// [`DecodeError::InvalidPayload`] and [`DecodeError::TooDeep`]. If there are attachments, also
    /// [`DecodeError::Placeholder`] if a placeholder names none of them, and [`DecodeError::Expansion`] if reading the
    /// repeated ones takes more than 64 bytes for each byte of JSON.
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
        let bounds = Bounds {
            max_depth: MAX_JSON_DEPTH,
            max_expansion,
        };
        let payload = Self::parse(packet_type, json.into(), 0, bounds)?;
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
            Shape::Event(Name::Span { start, end }) => match &self.body {
                Body::Json { .. } => self.json().get(*start..*end),
                Body::Packed(packed) => packed.text(*start, *end),
            },
            Shape::Event(Name::Decoded(name)) => Some(name),
            Shape::Value | Shape::Ack => None,
        }
    }

    /// The JSON, with placeholders where the attachments belong. That of an event is an array with the name in front.
    ///
    /// A payload that came as MessagePack makes it at the first call, and keeps it.
    #[must_use]
    pub fn json(&self) -> &str {
        match &self.body {
            Body::Json {
                text, start, end, ..
            } => text.get(*start as usize..*end).unwrap_or_default(),
            Body::Packed(packed) => packed.json(),
        }
    }

    /// The frame that carries the payload as an event of the main namespace, without id and attachments, if its buffer is
    /// that, and the unused bytes of the buffer.
    pub(crate) fn event_frame(&self) -> Option<(&ByteString, u32)> {
        match &self.body {
            Body::Json {
                text,
                start,
                spare,
                end,
            } => {
                let is_frame =
                    text.get(..*start as usize) == Some(EVENT_HEAD) && *end == text.len();
                (is_frame && self.attachments.is_none()).then_some((text, *spare))
            }
            Body::Packed(_) => None,
        }
    }

    /// The length of the JSON, which is not made for that.
    pub(crate) fn json_len(&self) -> usize {
        match &self.body {
            Body::Json { start, end, .. } => end.saturating_sub(*start as usize),
            Body::Packed(packed) => packed.json_len(),
        }
    }

    /// What leaves by the parser for MessagePack as it is.
    pub(crate) fn packed(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Json { .. } => None,
            Body::Packed(packed) => Some(packed.data()),
        }
    }

    /// The message that carries the payload as an event of the main namespace, without id, if its buffer is that
    /// message of the parser for MessagePack. The unused bytes of the buffer come with it.
    pub(crate) fn packed_event(&self) -> Option<(&Bytes, usize)> {
        match &self.body {
            Body::Json { .. } => None,
            Body::Packed(packed) => packed.frame(),
        }
    }

    /// The attachments, in the order of their numbers.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        self.attachments
            .as_ref()
            .map_or(&[], |attached| &attached.list)
    }

    /// How many bytes reading may take for each byte of JSON: [`Limits::max_expansion`](crate::parser::Limits::max_expansion)
    /// of the decoder that made the payload. 64 for a payload that was made here.
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

    /// The length in bytes of the JSON and the attachments. Each attachment counts as often as it is named, because
    /// reading takes that much. An attachment that is not named counts once. Constant time.
    ///
    /// The figure that counts against limits such as `max_undelivered_bytes`.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        let attached = self.attachments.as_ref();
        let bytes = attached.map_or(0, |attached| attached.bytes);
        self.json_len()
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
    /// [`RawArgs::read`] makes no JSON of a payload that came as MessagePack; the iterator makes that of all.
    ///
    /// The JSON is borrowed. [`RawArgs::read`] reads one argument after the other; what another reader makes of the JSON
    /// is not bounded.
    #[must_use]
    pub fn raw_args(&self) -> RawArgs<'_> {
        RawArgs::new(self)
    }

    /// Reads the arguments, without the name of an event, into a tuple, a `Vec`, an array or a struct.
    ///
    /// A struct is read by position: its first field is the first argument. For an argument that is an object, read a tuple
    /// of one struct, or [`arg`](Self::arg).
    ///
    /// As with a JavaScript function, arguments beyond those of a tuple or struct are ignored. Arguments that are
    /// missing at the end read as absent: `None` for an `Option`, an error for others.
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
    /// let payload = Payload::event("move").arg("left").arg(&3).build()?;
    /// assert_eq!(payload.args::<(&str, u32)>()?, ("left", 3));
    /// assert_eq!(payload.args::<(&str, u32, Option<bool>)>()?, ("left", 3, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn args<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ReadError> {
        self.read_args(Attachments::Shared(self.attachments()), self.budget())
    }

    /// Reads the arguments as [`args`](Self::args) does; owned bytes take over the buffers of attachments that
    /// nothing else shares.
    ///
    /// # Errors
    ///
    /// As [`args`](Self::args).
    pub fn into_args<T: DeserializeOwned>(mut self) -> Result<T, ReadError> {
        let (budget, slots) = (self.budget(), self.take_slots());
        self.read_args(Attachments::Owned(&slots), budget)
    }

    fn read_args<'de, T: Deserialize<'de>>(
        &'de self,
        attachments: Attachments<'de>,
        budget: Budget,
    ) -> Result<T, ReadError> {
        let read = match self.packed_args() {
            Some((cursor, left)) => Reader::new(cursor, attachments, budget).args(left),
            None => self
                .json_args()
                .and_then(|cursor| Reader::new(cursor, attachments, budget).args(())),
        };
        read.map_err(|error| error.of_event(self.name()))
    }

    /// Reads the whole payload: the object of a connect packet, the array of an acknowledgement, the array of an event
    /// with its name in front.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if it is of another type, or [takes too much](Self#how-much-reading-takes).
    pub fn data<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ReadError> {
        self.read_whole(Attachments::Shared(self.attachments()), self.budget())
    }

    /// Reads the whole payload as [`data`](Self::data) does; owned bytes take over the buffers of attachments that
    /// nothing else shares.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    pub fn into_data<T: DeserializeOwned>(mut self) -> Result<T, ReadError> {
        let (budget, slots) = (self.budget(), self.take_slots());
        self.read_whole(Attachments::Owned(&slots), budget)
    }

    fn read_whole<'de, T: Deserialize<'de>>(
        &'de self,
        attachments: Attachments<'de>,
        budget: Budget,
    ) -> Result<T, ReadError> {
        match &self.body {
            Body::Json { .. } => Reader::new(Cursor::new(self.json()), attachments, budget).whole(),
            Body::Packed(packed) => Reader::new(packed.cursor(), attachments, budget).whole(),
        }
    }

    /// The whole payload as a dynamic value, placeholders left in their places: [`Placeholder::from_value`] knows
    /// them. A number too large for a 64-bit float is `null`. Every key is plain data, also those by which
    /// `serde_json::Value` knows values of its own.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the value [takes too much](Self#how-much-reading-takes).
    pub fn to_value(&self) -> Result<serde_json::Value, ReadError> {
        match &self.body {
            Body::Json { .. } => self.reader(self.json()).tree(),
            Body::Packed(packed) => {
                let attachments = Attachments::Shared(self.attachments());
                Reader::new(packed.cursor(), attachments, self.budget()).tree()
            }
        }
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
        Budget::new(self.max_expansion, self.json_len(), bytes)
    }

    /// Takes what stands behind `start` in a packet's text as its payload, attachments aside.
    pub(crate) fn parse(
        packet_type: PacketType,
        text: ByteString,
        start: usize,
        bounds: Bounds,
    ) -> Result<Self, DecodeError> {
        let json = text.get(start..).ok_or(DecodeError::InvalidPayload)?;
        let shape = Shape::of(packet_type, json)?;
        let Bounds {
            max_depth,
            max_expansion,
        } = bounds;
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
        let body = match u32::try_from(start) {
            Ok(place) if !keeps_much(text.len(), json.len()) => Body::Json {
                end: start.saturating_add(json.len()),
                text,
                start: place,
                spare: 0,
            },
            _ => Body::json(ByteString::from(json)),
        };
        Ok(Self {
            body,
            shape,
            attachments: None,
            max_expansion,
            compress: true,
        })
    }

    /// Takes what is packed, of a depth that is allowed, and the attachments in it.
    pub(crate) fn assemble(
        packet_type: PacketType,
        packed: Packed,
        attachments: Vec<Bytes>,
        max_expansion: u16,
    ) -> Result<Self, DecodeError> {
        let shape = match packet_type {
            PacketType::Event => Shape::Event(packed.event_name()?),
            PacketType::Ack => Shape::Ack,
            PacketType::Connect | PacketType::Disconnect | PacketType::ConnectError => Shape::Value,
        };
        Ok(Self {
            body: Body::Packed(packed),
            shape,
            attachments: Attached::new(attachments, 0),
            max_expansion,
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
        let (body, shape) = match &self.body {
            Body::Json { .. } => {
                let args = self.json().strip_suffix(']').unwrap_or_default();
                let json = build::append_string(args, text);
                (Body::json(json), self.shape.clone())
            }
            Body::Packed(packed) => {
                let packed = packed.with_last(text);
                let shape = packed.event_name().map_or(Shape::Ack, Shape::Event);
                (Body::Packed(packed), shape)
            }
        };
        Self {
            body,
            shape,
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
            PacketType::Connect => match &self.body {
                Body::Json { .. } => self.json().starts_with('{'),
                Body::Packed(packed) => packed.is_map(),
            },
            PacketType::Disconnect => false,
            PacketType::Event => matches!(self.shape, Shape::Event(_)),
            PacketType::Ack => matches!(self.shape, Shape::Ack),
            PacketType::ConnectError => matches!(self.shape, Shape::Value),
        }
    }

    /// The place of the first argument in what is packed, if the payload is that and has arguments.
    fn packed_args(&self) -> Option<(PackedCursor<'_>, Left)> {
        let Body::Packed(packed) = &self.body else {
            return None;
        };
        let mut cursor = packed.cursor();
        let mut left = match self.shape {
            Shape::Value => return None,
            Shape::Ack | Shape::Event(_) => cursor.open_array()?,
        };
        if let Shape::Event(_) = self.shape {
            cursor.next(&mut left, Kind::Array);
            cursor.skip()?;
        }
        Some((cursor, left))
    }

    /// The place of the first argument in the JSON, or of the bracket behind the last.
    fn json_args(&self) -> Result<Cursor<'_>, ReadError> {
        let mut cursor = Cursor::new(self.json());
        match &self.shape {
            Shape::Value => return Err(ReadError::new("the payload is no list of arguments")),
            Shape::Ack => {
                cursor.eat(b'[');
            }
            // The place in what is packed is another.
            Shape::Event(Name::Span { end, .. }) if self.packed().is_none() => {
                cursor = cursor.at(*end);
                // Behind a string.
                cursor.eat(b'"');
                cursor.eat(b',');
            }
            Shape::Event(_) => {
                cursor.eat(b'[');
                cursor.skip();
                cursor.eat(b',');
            }
        }
        Ok(cursor)
    }

    /// The arguments from number `first` on, as they stand in the JSON, separated by commas.
    fn args_text(&self, first: usize) -> &str {
        let Ok(mut cursor) = self.json_args() else {
            return "";
        };
        for _ in 0..first {
            if cursor.peek() == Some(b']') {
                break;
            }
            cursor.skip();
            cursor.eat(b',');
        }
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
        if let Body::Packed(_) = self.body {
            // Each has its one place.
            slots.iter().for_each(Slot::expect_use);
            return slots;
        }
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
        let same = match (&self.body, &other.body) {
            // What is packed has one JSON, and each JSON is that of one.
            (Body::Packed(one), Body::Packed(other)) => one.data() == other.data(),
            _ => self.json() == other.json(),
        };
        same && core::mem::discriminant(&self.shape) == core::mem::discriminant(&other.shape)
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

#[cfg(test)]
mod tests;
