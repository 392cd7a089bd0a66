//! Making payloads.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use bytestring::ByteString;
use serde::ser::Serialize;

use super::budget::MAX_EXPANSION;
use super::escape::{append_escaped, escape};
use super::placeholder::{self, Misplaced, Placeholder, Places};
use super::ser::{self, Writer};
use super::shape::{Name, Shape};
use super::{Attached, Body, Payload};
use crate::parser::MAX_JSON_DEPTH;
use crate::parser::syntax::{self, Fault};
use crate::{EncodeError, is_reserved_event};

/// An event is written behind what the frame of its packet starts with: message, event. So the frame for the main namespace
/// is the buffer of the payload.
pub(crate) const EVENT_HEAD: &str = "42";

/// A payload in the making, by [`Payload::event`] or [`Payload::ack`].
///
/// Values are written as `serde_json` does; what is not finite becomes `null`, as in JavaScript. Bytes anywhere in a
/// value become an attachment: `bytes::Bytes`, and what uses `serde_bytes`; a `Vec<u8>` or `&[u8]` without it is a
/// list of numbers. serde hands out bytes by reference, and so they are copied; [`binary`](Self::binary) and
/// [`attach`](Self::attach) share them.
#[derive(Debug)]
#[must_use]
pub struct PayloadBuilder {
    writer: Writer,
    shape: Shape,
    /// Whether there is something in the list already.
    begun: bool,
    /// The default, or that of a payload whose arguments were taken, if it is more.
    max_expansion: u16,
}

impl PayloadBuilder {
    pub(super) fn event(name: &str) -> Self {
        let mut json = Vec::with_capacity(name.len().saturating_add(64));
        json.extend_from_slice(EVENT_HEAD.as_bytes());
        json.extend_from_slice(b"[\"");
        append_escaped(name, &mut json);
        let end = json.len().saturating_sub(EVENT_HEAD.len());
        json.push(b'"');
        let name = if end == name.len().saturating_add(2) {
            Name::Span { start: 2, end }
        } else {
            Name::Decoded(name.into())
        };
        Self::new(json, Shape::Event(name), true)
    }

    pub(super) fn ack() -> Self {
        Self::new(vec![b'['], Shape::Ack, false)
    }

    const fn new(json: Vec<u8>, shape: Shape, begun: bool) -> Self {
        Self {
            writer: Writer::new(json, 1),
            shape,
            begun,
            max_expansion: MAX_EXPANSION,
        }
    }

    /// Appends an argument.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Serialize`] if `value` refuses to be serialised, or has keys that are neither strings nor
    /// scalars.
    pub fn arg<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self, EncodeError> {
        self.separate();
        self.writer.value(value)?;
        Ok(self)
    }

    /// Appends an argument that is an attachment. Shares the buffer.
    pub fn binary(mut self, data: impl Into<Bytes>) -> Self {
        let placeholder = self.writer.attach(data.into(), true);
        self.separate();
        self.writer.placeholder(placeholder);
        self
    }

    /// Adds an attachment, for which the caller puts the placeholder into a value. Shares the buffer.
    pub fn attach(&mut self, data: impl Into<Bytes>) -> Placeholder {
        self.writer.attach(data.into(), false)
    }

    /// Appends all arguments of another payload, attachments included. Copies the JSON and shares the attachments.
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::Payload;
    ///
    /// let received = Payload::event("message").arg(&1)?.binary(vec![2]).build()?;
    /// let answer = Payload::ack().args_of(&received).build()?;
    /// assert_eq!(answer.json(), r#"[1,{"_placeholder":true,"num":0}]"#);
    /// # Ok::<(), socketio_proto::EncodeError>(())
    /// ```
    pub fn args_of(mut self, payload: &Payload) -> Self {
        let args = payload.args_text();
        if args.is_empty() {
            return self;
        }
        self.separate();
        self.max_expansion = self.max_expansion.max(payload.max_expansion);
        let mut copied = 0;
        if !payload.attachments().is_empty() {
            let before = self.writer.attachments();
            for data in payload.attachments() {
                self.writer.attach(data.clone(), false);
            }
            if before > 0 {
                for found in placeholder::find_in_args(args) {
                    let text = args.get(copied..found.start).unwrap_or_default();
                    self.writer.json(text);
                    copied = found.end;
                    let num = u32::try_from(before)
                        .unwrap_or(u32::MAX)
                        .saturating_add(found.num.unwrap_or(u32::MAX));
                    self.writer.placeholder(Placeholder::new(num));
                }
            }
        }
        self.writer.json(args.get(copied..).unwrap_or_default());
        self
    }

    /// Makes the payload.
    ///
    /// # Errors
    ///
    /// [`EncodeError::ReservedEvent`], [`EncodeError::TooDeep`], and [`EncodeError::Placeholder`] if beside attachments
    /// there is data that looks like a placeholder, but is of none of them or of one that has its place already. The
    /// receiver would end the connection or put an attachment there; without attachments such data is sent as it is.
    /// [`EncodeError::Expansion`] if placeholders name attachments so often that receivers refuse it.
    pub fn build(mut self) -> Result<Payload, EncodeError> {
        self.writer.sign(b']');
        let written = self.writer.finish();
        let start = match self.shape {
            Shape::Event(_) => EVENT_HEAD.len(),
            Shape::Ack | Shape::Value => 0,
        };
        let payload = finish(written.json, start, self.shape, written.doubtful)?;
        let payload = Payload {
            max_expansion: self.max_expansion,
            ..payload
        };
        if let Some(name) = payload.name().filter(|name| is_reserved_event(name)) {
            return Err(EncodeError::ReservedEvent(name.into()));
        }
        if written.attachments.is_empty() {
            return Ok(payload);
        }
        attach(payload, written.attachments, written.marked)
    }

    fn separate(&mut self) {
        if self.begun {
            self.writer.sign(b',');
        }
        self.begun = true;
    }
}

/// Adds the attachments to a payload; `marked` says whether there may be other placeholders than that of each that was
/// placed.
fn attach(
    mut payload: Payload,
    attached: Vec<ser::Attached>,
    marked: bool,
) -> Result<Payload, EncodeError> {
    let (placed, list): (Vec<bool>, Vec<Bytes>) = attached
        .into_iter()
        .map(|attached| (attached.placed, attached.data))
        .unzip();
    let mut repeated = 0;
    if marked {
        let limit = payload.max_expansion;
        let places = Places::find(payload.json(), &list, limit).map_err(|why| match why {
            Misplaced::Unknown => EncodeError::Placeholder,
            Misplaced::Expansion => EncodeError::Expansion { limit },
        })?;
        let mut counts = placed.iter().zip(&places.counts);
        if counts.any(|(placed, count)| *placed && *count != 1) {
            return Err(EncodeError::Placeholder);
        }
        repeated = places.repeated;
    }
    payload.attachments = Attached::new(list, repeated);
    Ok(payload)
}

/// See [`Payload::object`].
pub(super) fn object<T: Serialize + ?Sized>(value: &T) -> Result<Payload, EncodeError> {
    let mut writer = Writer::new(Vec::with_capacity(128), 0).without_attachments();
    writer.value(value)?;
    let written = writer.finish();
    match written.json.first() {
        Some(b'{' | b'"') => {
            let doubtful = written.doubtful;
            finish(written.json, 0, Shape::Value, doubtful)
        }
        _ => Err(EncodeError::PayloadKind),
    }
}

/// See [`Payload::connect_error`].
pub(super) fn connect_error(message: &str, data: Option<&Payload>) -> Result<Payload, EncodeError> {
    let mut json = Vec::with_capacity(message.len().saturating_add(32));
    json.extend_from_slice(b"{\"message\":\"");
    append_escaped(message, &mut json);
    json.push(b'"');
    if let Some(data) = data {
        if !data.attachments().is_empty() {
            return Err(EncodeError::Serialize("no bytes are allowed here".into()));
        }
        json.extend_from_slice(b",\"data\":");
        json.extend_from_slice(data.json().as_bytes());
    }
    json.push(b'}');
    // It is a level deeper than the data.
    finish(json, 0, Shape::Value, true)
}

/// Makes a payload of what was written from `start` on. If that is `doubtful`, it is checked.
fn finish(
    mut json: Vec<u8>,
    start: usize,
    shape: Shape,
    doubtful: bool,
) -> Result<Payload, EncodeError> {
    let invalid = || EncodeError::Serialize("the result is no JSON".into());
    json.shrink_to_fit();
    let text = ByteString::try_from(json).map_err(|_| invalid())?;
    if doubtful {
        let json = text.get(start..).unwrap_or_default();
        syntax::check(json, MAX_JSON_DEPTH).map_err(|fault| match fault {
            Fault::Syntax => invalid(),
            Fault::Depth => EncodeError::TooDeep {
                limit: MAX_JSON_DEPTH,
            },
        })?;
    }
    Ok(Payload {
        body: Body::Json {
            end: text.len(),
            text,
            start,
        },
        shape,
        attachments: None,
        max_expansion: MAX_EXPANSION,
        compress: true,
    })
}

/// An array of JSON that lacks its end, with a string as its last element.
pub(super) fn append_string(array: &str, text: &str) -> ByteString {
    let len = array.len().saturating_add(text.len());
    let mut json = Vec::with_capacity(len.saturating_add(4));
    json.extend_from_slice(array.as_bytes());
    json.extend_from_slice(b",\"");
    escape(text, |piece| json.extend_from_slice(piece.as_bytes()));
    json.extend_from_slice(b"\"]");
    ByteString::try_from(json).unwrap_or_default()
}
