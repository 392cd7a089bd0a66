//! Payloads in the making, in either form.

use bytes::Bytes;
use serde::ser::Serialize;

use super::build::JsonBuilder;
use super::packed::PackedBuilder;
use super::{Payload, Placeholder};
use crate::EncodeError;
use crate::parser::Parser;

/// A payload in the making, by [`Payload::event`] or [`Payload::ack`], or by [`Parser::event`] or [`Parser::ack`] in the form
/// that a parser sends.
///
/// Values are written as `serde_json` does; what is not finite becomes `null`, as in JavaScript. Bytes anywhere in a
/// value become an attachment: `bytes::Bytes`, and what uses `serde_bytes`; a `Vec<u8>` or `&[u8]` without it is a
/// list of numbers. serde hands out bytes by reference, and so they are copied; [`binary`](Self::binary) and
/// [`attach`](Self::attach) share them.
#[derive(Debug)]
#[must_use]
pub struct PayloadBuilder {
    /// What is written, unless it is JSON.
    packed: Option<PackedBuilder>,
    json: JsonBuilder,
}

impl PayloadBuilder {
    pub(crate) fn event(name: &str, parser: Parser) -> Self {
        match parser {
            Parser::Json => Self::with_json(JsonBuilder::event(name)),
            Parser::MsgPack => Self::with_packed(PackedBuilder::event(name)),
        }
    }

    pub(crate) fn ack(parser: Parser) -> Self {
        match parser {
            Parser::Json => Self::with_json(JsonBuilder::ack()),
            Parser::MsgPack => Self::with_packed(PackedBuilder::ack()),
        }
    }

    const fn with_json(json: JsonBuilder) -> Self {
        Self { packed: None, json }
    }

    const fn with_packed(packed: PackedBuilder) -> Self {
        Self {
            packed: Some(packed),
            json: JsonBuilder::ack(),
        }
    }

    /// Appends an argument.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Serialize`] if `value` refuses to be serialised, or has keys that are neither strings nor
    /// scalars.
    pub fn arg<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self, EncodeError> {
        match &mut self.packed {
            Some(packed) => packed.arg(value)?,
            None => self.json.arg(value)?,
        }
        Ok(self)
    }

    /// Appends an argument that is an attachment. Shares the buffer.
    pub fn binary(mut self, data: impl Into<Bytes>) -> Self {
        self.go_on_with_json().binary(data.into());
        self
    }

    /// Adds an attachment, for which the caller puts the placeholder into a value. Shares the buffer.
    pub fn attach(&mut self, data: impl Into<Bytes>) -> Placeholder {
        self.go_on_with_json().attach(data.into())
    }

    /// Appends all arguments of another payload, attachments included. Copies the JSON and shares the attachments.
    ///
    /// What came as MessagePack is copied as that, with its attachments, if this payload is in that form or has no arguments
    /// yet.
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
        if let Some(args) = payload.packed_args() {
            if self.packed.is_none() {
                self.packed = self.json.while_empty();
            }
            if let Some(packed) = &mut self.packed {
                packed.args_of(payload, &args);
                return self;
            }
        }
        self.go_on_with_json().args_of(payload);
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
    pub fn build(self) -> Result<Payload, EncodeError> {
        match self.packed {
            Some(packed) => packed.build(),
            None => self.json.build(),
        }
    }

    /// Goes on with JSON: attachments that are shared stand beside that, and would have to be copied into MessagePack.
    fn go_on_with_json(&mut self) -> &mut JsonBuilder {
        if let Some(packed) = self.packed.take() {
            self.json = packed.into_json();
        }
        &mut self.json
    }
}
