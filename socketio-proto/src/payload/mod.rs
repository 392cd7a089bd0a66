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
mod parse;
pub(crate) mod placeholder;
mod raw_args;
mod reading;
pub(crate) mod scan;
mod ser;
mod shape;
mod source;
pub(crate) mod syntax;

pub use args::Args;
pub use builder::PayloadBuilder;
pub(crate) use parse::Bounds;
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
use engineio_proto::ledger::{self, HeapSize};
use serde::ser::Serialize;

use crate::{EncodeError, PacketType};
use budget::MAX_EXPANSION;
use build::EVENT_HEAD;
use packed::Packed;
use shape::{Name, Shape};

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
/// [`ReadError`](crate::ReadError) that [says so](crate::ReadError::is_over_limit). The limit is
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
/// [`ReadError`](crate::ReadError). A value that serde buffers is one wherever it has such a key.
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
