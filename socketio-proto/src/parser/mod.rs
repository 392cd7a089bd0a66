//! Between packets and Engine.IO messages.
//!
//! # Parsers
//!
//! A [`Parser`] is chosen once, in the configuration, and both peers must use the same. It encodes packets without
//! keeping anything; what it keeps while decoding, the packet whose attachments are still to come, is the
//! connection's [`Decoder`]. Payloads are the same with every parser, and so is all that is built on packets.
//!
//! The states of the default parser's decoder; that of MessagePack has none:
//!
//! | state | text | bytes |
//! |---|---|---|
//! | idle | a packet, or the header of one: waiting | error |
//! | waiting for attachments | error, idle | one attachment less to wait for; at none the packet, idle |

mod json;
mod msgpack;

pub use crate::payload::MAX_JSON_DEPTH;

use alloc::boxed::Box;

use bytestring::ByteString;
use engineio_proto::settings::{check_at_least_one, check_count};
use engineio_proto::undelivered::Allowance;
use engineio_proto::{ConfigError, Message, Revision};
use serde::{Deserialize, Serialize};

use crate::packet::MAX_PACKET_ID;
use crate::payload::Bounds;
use crate::payload::budget::MAX_EXPANSION;
use crate::{
    DecodeError, EncodeError, EncodedPacket, Packet, PacketRef, PacketType, Payload, PayloadBuilder,
};

/// How packets are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Parser {
    /// The default parser: a text message with JSON, and a binary message for each attachment.
    #[default]
    Json,
    /// MessagePack, officially `socket.io-msgpack-parser` 3: a binary message for each packet, attachments within.
    ///
    /// Payloads are read and sent again without becoming JSON. A payload stands for JSON with attachments, whatever the
    /// parser. Values that JSON lacks become what JavaScript's `JSON.stringify` makes of them. A date is a string like
    /// `"2020-02-03T04:05:06.789Z"`. `undefined` is left out of objects, and is `null` in arrays, like a number that is
    /// not finite. Integers of 64 bits are kept exactly, and whole floats stay floats. An ext of an unknown type is an
    /// array of its type and an attachment.
    ///
    /// The packets with which clients join and are refused may have attachments here, and a namespace that a peer asks
    /// for may have commas in its name. Data that looks like a placeholder, a map whose `_placeholder` is `true`, is
    /// never one: beside attachments, where a payload could not tell them apart, that `true` becomes `1`.
    ///
    /// Event names are checked as strictly as in JSON, where the official decoder lets any value pass, so that an
    /// application is as safe from reserved ones.
    ///
    /// Its version 2, for peers of revision 4, writes some packets as text, and has two more types. A [decoder of that
    /// revision](Decoder::with_revision) reads these. The encoder writes the same in both revisions, except a refusal,
    /// which has only a string in revision 4.
    MsgPack,
}

impl Parser {
    /// Makes the decoder of a connection.
    #[must_use]
    pub const fn decoder(self, limits: Limits) -> Decoder {
        Decoder {
            limits: Packed::new(self, limits),
            waiting: None,
        }
    }

    /// Starts the payload of an event in the form that this parser sends, so that encoding copies it. The other parser sends
    /// it too; then it is converted.
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::Payload;
    /// use socketio_proto::parser::Parser;
    ///
    /// let payload = Parser::MsgPack.event("move").arg("left").arg(&3).build()?;
    /// assert_eq!(payload, Payload::event("move").arg("left").arg(&3).build()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn event(self, name: &str) -> PayloadBuilder {
        match self {
            Self::Json => Payload::event(name),
            Self::MsgPack => PayloadBuilder::packed_event(name),
        }
    }

    /// Starts the payload of an acknowledgement in the form that this parser sends, as [`event`](Self::event) does.
    pub fn ack(self) -> PayloadBuilder {
        match self {
            Self::Json => Payload::ack(),
            Self::MsgPack => PayloadBuilder::packed_ack(),
        }
    }

    /// Writes a packet in the form that is shared by all its recipients.
    ///
    /// With the default parser the JSON is copied once, behind its header, and attachments are shared. MessagePack is one
    /// message, into which attachments are copied; such as have no placeholder are left out.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Namespace`], [`EncodeError::IdOutOfRange`], [`EncodeError::PayloadKind`], and
    /// [`EncodeError::TooManyAttachments`] if the payload has more of them than `max_attachments`: the peer would end
    /// the connection. MessagePack is not bound by that, since its official decoder has no such limit, but by
    /// [`EncodeError::TooLong`].
    pub fn encode(
        self,
        packet: PacketRef<'_>,
        max_attachments: u16,
    ) -> Result<EncodedPacket, EncodeError> {
        match self {
            Self::Json => json::encode(packet, max_attachments),
            Self::MsgPack => msgpack::encode(packet),
        }
    }

    /// The most that may wait for the application: `read_until`, and what one input brings beside it. An input has at most
    /// `max_packets` packets, in messages of `max_message` bytes. The bytes that the event repeats take no memory yet, so
    /// they end no session.
    pub(crate) fn allowance(
        self,
        read_until: Allowance,
        (max_packets, max_message): (usize, usize),
        limits: &Limits,
        repeated: usize,
    ) -> Allowance {
        read_until
            .beside(max_packets, self.max_payload_len(max_message, limits))
            .beside(0, repeated)
    }

    /// The most bytes that the payload of one packet takes, repeats of attachments aside, if no message is longer than
    /// `max_message`.
    fn max_payload_len(self, max_message: usize, limits: &Limits) -> usize {
        match self {
            Self::Json => {
                let messages = usize::from(limits.max_attachments).saturating_add(1);
                max_message.saturating_mul(messages)
            }
            Self::MsgPack => msgpack::max_payload_len(max_message, limits),
        }
    }
}

/// Checks what holds for a packet in every form.
fn check(packet: &PacketRef<'_>) -> Result<(), EncodeError> {
    if !packet.namespace.starts_with('/') {
        return Err(EncodeError::Namespace);
    }
    if packet.id.is_some_and(|id| id > MAX_PACKET_ID) {
        return Err(EncodeError::IdOutOfRange);
    }
    let suits = match (packet.packet_type, packet.payload) {
        (packet_type, Some(payload)) => payload.suits(packet_type),
        (PacketType::Connect | PacketType::Disconnect | PacketType::ConnectError, None) => true,
        (PacketType::Event | PacketType::Ack, None) => false,
    };
    if suits {
        Ok(())
    } else {
        Err(EncodeError::PayloadKind)
    }
}

/// Writes the text of a packet as the default parser does: without the `4` of Engine.IO, attachments left out.
///
/// Makes one allocation, of the exact length.
///
/// # Errors
///
/// As [`Parser::encode`] without a limit of attachments.
///
/// # Examples
///
/// ```
/// use socketio_proto::parser::encode_text;
/// use socketio_proto::{PacketRef, PacketType, Payload};
///
/// let payload = Payload::event("hello").arg(&[1, 2]).build()?;
/// let packet = PacketRef::new(PacketType::Event, "/chat").with_id(7).with_payload(&payload);
/// assert_eq!(encode_text(packet)?, r#"2/chat,7["hello",[1,2]]"#);
/// # Ok::<(), socketio_proto::EncodeError>(())
/// ```
pub fn encode_text(packet: PacketRef<'_>) -> Result<ByteString, EncodeError> {
    json::encode_text(packet)
}

/// What a decoder accepts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Limits {
    /// The most attachments of one packet of the default parser (10). More are [`DecodeError::TooManyAttachments`].
    pub max_attachments: u16,
    /// The most attachments of one MessagePack packet: its binary values (1,024). More are
    /// [`DecodeError::TooManyAttachments`]. Officially there is no such limit; here it bounds what is kept beside the
    /// message, some 60 bytes for a binary value that takes two.
    pub max_msgpack_attachments: u16,
    /// The most levels of arrays and objects in a payload, its own array and placeholders included (128); values above
    /// [`MAX_JSON_DEPTH`] count as that. More are [`DecodeError::TooDeep`].
    pub max_json_depth: u16,
    /// How many bytes reading a payload may take for each byte of its JSON, beside one copy of each attachment (64). The
    /// rule is that of [`Payload`](crate::Payload#how-much-reading-takes): a read that takes more fails, and a packet whose
    /// placeholders repeat attachments beyond it is [`DecodeError::Expansion`].
    pub max_expansion: u16,
    /// The longest name of a namespace, in bytes, query string included (1024). Longer ones are
    /// [`DecodeError::NamespaceTooLong`].
    pub max_namespace_len: u32,
    /// Whether a DISCONNECT may have a payload, which is checked and dropped (false). `python-socketio` servers send
    /// one where they refuse a client that they let in first.
    pub lenient_disconnect: bool,
    /// Whether nil stands for an absent id, and in CONNECT and DISCONNECT for absent data, in MessagePack (true).
    /// `python-socketio` writes it; the official decoder refuses it.
    pub lenient_nil: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_attachments: 10,
            max_msgpack_attachments: 1024,
            max_json_depth: 128,
            max_expansion: MAX_EXPANSION,
            max_namespace_len: 1024,
            lenient_disconnect: false,
            lenient_nil: true,
        }
    }
}

impl Limits {
    engineio_proto::__setters! {
        with_max_attachments max_attachments: u16 = |attachments| attachments;
        with_max_msgpack_attachments max_msgpack_attachments: u16 = |attachments| attachments;
        with_max_json_depth max_json_depth: u16 = |depth| depth;
        with_max_expansion max_expansion: u16 = |bytes| bytes;
        with_max_namespace_len max_namespace_len: u32 = |bytes| bytes;
        with_lenient_disconnect lenient_disconnect: bool = |lenient| lenient;
        with_lenient_nil lenient_nil: bool = |lenient| lenient;
    }

    /// What holds for payloads in JSON.
    const fn of_json(&self) -> Bounds {
        Bounds {
            max_depth: self.max_json_depth,
            max_expansion: self.max_expansion,
        }
    }

    /// Finds out whether packets can be read with these limits. Attachments may be forbidden by a limit of zero.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first limit at fault, its value and the range that is allowed.
    pub fn check(&self) -> Result<(), ConfigError> {
        // A new limit needs a rule here; `_` says that each value works.
        let Self {
            max_attachments: _,
            max_msgpack_attachments: _,
            max_json_depth,
            max_expansion,
            max_namespace_len,
            lenient_disconnect: _,
            lenient_nil: _,
        } = self;
        let depths = 1..=u64::from(MAX_JSON_DEPTH);
        check_count("max_json_depth", *max_json_depth, depths)?;
        check_at_least_one("max_expansion", *max_expansion)?;
        // `/` has one byte.
        check_at_least_one("max_namespace_len", *max_namespace_len)
    }
}

/// A [`Parser`], its [`Limits`] and the revision in twelve bytes, since every idle session holds a decoder.
#[derive(Clone, Copy, Debug)]
struct Packed {
    /// The most attachments with this parser.
    max_attachments: u16,
    /// At most [`MAX_JSON_DEPTH`], which leaves bits free for what is only true or false.
    max_json_depth: u16,
    max_namespace_len: u32,
    max_expansion: u16,
}

const LENIENT_DISCONNECT: u16 = 1 << 15;
const LENIENT_NIL: u16 = 1 << 14;
const MSGPACK: u16 = 1 << 13;
const REVISION_4: u16 = 1 << 12;
const DEPTH: u16 = REVISION_4 - 1;

impl Packed {
    const fn new(parser: Parser, limits: Limits) -> Self {
        let mut bits = if limits.max_json_depth < MAX_JSON_DEPTH {
            limits.max_json_depth
        } else {
            MAX_JSON_DEPTH
        };
        if limits.lenient_disconnect {
            bits |= LENIENT_DISCONNECT;
        }
        if limits.lenient_nil {
            bits |= LENIENT_NIL;
        }
        let max_attachments = match parser {
            Parser::Json => limits.max_attachments,
            Parser::MsgPack => {
                bits |= MSGPACK;
                limits.max_msgpack_attachments
            }
        };
        Self {
            max_attachments,
            max_json_depth: bits,
            max_namespace_len: limits.max_namespace_len,
            max_expansion: limits.max_expansion,
        }
    }

    const fn parser(self) -> Parser {
        if self.max_json_depth & MSGPACK == 0 {
            Parser::Json
        } else {
            Parser::MsgPack
        }
    }

    const fn is_legacy(self) -> bool {
        self.max_json_depth & REVISION_4 != 0
    }

    /// The limits, of which that of the other parser's attachments is lost.
    const fn limits(self) -> Limits {
        Limits {
            max_attachments: self.max_attachments,
            max_msgpack_attachments: self.max_attachments,
            max_json_depth: self.max_json_depth & DEPTH,
            max_expansion: self.max_expansion,
            max_namespace_len: self.max_namespace_len,
            lenient_disconnect: self.max_json_depth & LENIENT_DISCONNECT != 0,
            lenient_nil: self.max_json_depth & LENIENT_NIL != 0,
        }
    }
}

/// Makes packets of the messages of one connection.
///
/// Three words while it is idle. While it waits it holds at most [`Limits::max_attachments`] messages.
///
/// # Examples
///
/// ```
/// use engineio_proto::{Message, Revision};
/// use socketio_proto::parser::{Limits, Parser};
///
/// let mut decoder = Parser::default().decoder(Limits::default());
/// let header = Message::text(r#"51-["picture",{"_placeholder":true,"num":0}]"#);
/// assert_eq!(decoder.add(header)?, None);
/// let packet = decoder.add(Message::binary(vec![1, 2, 3]))?.expect("complete");
/// let payload = packet.payload.expect("events have one");
/// assert_eq!(payload.name(), Some("picture"));
/// assert_eq!(payload.args::<(&[u8],)>()?, (&[1, 2, 3][..],));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: Packed,
    waiting: Option<Box<json::Waiting>>,
}

impl Decoder {
    /// Sets the revision of Engine.IO below, by default 4. Over revision 3, which carries revision 4 of Socket.IO,
    /// MessagePack may be that of version 2 of the official parser. The default parser reads the same in both.
    #[must_use]
    pub fn with_revision(mut self, revision: Revision) -> Self {
        self.limits.max_json_depth &= !REVISION_4;
        if revision == Revision::V3 {
            self.limits.max_json_depth |= REVISION_4;
        }
        self
    }

    /// Takes the next message; gives the packet that is complete with it, if one is.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] if the message is no packet or not what is due. The decoder is idle then, as after
    /// [`reset`](Self::reset).
    pub fn add(&mut self, message: Message) -> Result<Option<Packet>, DecodeError> {
        match (self.limits.parser(), message) {
            (Parser::Json, message) => self.add_json(message),
            (Parser::MsgPack, Message::Binary(data)) => {
                let older = self.limits.is_legacy();
                msgpack::decode(&data, &self.limits.limits(), older).map(Some)
            }
            (Parser::MsgPack, Message::Text(text)) if self.limits.is_legacy() => {
                msgpack::older::decode(&text, &self.limits.limits()).map(Some)
            }
            (Parser::MsgPack, Message::Text(_)) => Err(DecodeError::UnexpectedText),
        }
    }

    fn add_json(&mut self, message: Message) -> Result<Option<Packet>, DecodeError> {
        let waiting = self.waiting.take();
        match (message, waiting) {
            (Message::Text(text), None) => {
                json::decode(text, &self.limits.limits(), &mut self.waiting)
            }
            (Message::Text(_), Some(_)) => Err(DecodeError::UnexpectedText),
            (Message::Binary(_), None) => Err(DecodeError::UnexpectedBinary),
            (Message::Binary(data), Some(mut waiting)) => {
                waiting.attachments.push(data);
                if waiting.is_complete() {
                    return waiting.finish().map(Some);
                }
                self.waiting = Some(waiting);
                Ok(None)
            }
        }
    }

    /// Whether attachments of a packet are still to come.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// The number of bytes of attachments held for a packet that is not complete.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.waiting
            .as_ref()
            .map_or(0, |waiting| waiting.buffered_bytes())
    }

    /// The bytes that are held for a packet that is not complete, its header and what the allocator adds included.
    pub(crate) fn heap_size(&self) -> usize {
        self.waiting
            .as_ref()
            .map_or(0, |waiting| waiting.heap_size())
    }

    /// Forgets the packet that is waiting for attachments, if one is.
    pub fn reset(&mut self) {
        self.waiting = None;
    }
}
