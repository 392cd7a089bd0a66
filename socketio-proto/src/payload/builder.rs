//! Payloads in the making, in either form.

use alloc::boxed::Box;
use core::mem;

use bytes::Bytes;
use serde::ser::Serialize;

use super::build::JsonBuilder;
use super::packed::PackedBuilder;
use super::raw_args;
use super::{Payload, Placeholder};
use crate::EncodeError;

/// A payload in the making, by [`Payload::event`] or [`Payload::ack`], or in the form that a parser sends, by
/// [`Parser::event`](crate::parser::Parser::event) or [`Parser::ack`](crate::parser::Parser::ack).
///
/// Values are written as `serde_json` does; what is not finite becomes `null`, as in JavaScript. Bytes anywhere in a
/// value become an attachment: `bytes::Bytes`, and what uses `serde_bytes`; a `Vec<u8>` or `&[u8]` without it is a
/// list of numbers. serde hands out bytes by reference, and so they are copied; [`binary`](Self::binary) and
/// [`attach`](Self::attach) share them.
#[derive(Debug)]
#[must_use]
pub struct PayloadBuilder {
    form: Form,
    /// The first argument that could not be written, in a place that seldom takes memory.
    fault: Option<Box<EncodeError>>,
}

/// What is written.
#[derive(Debug)]
enum Form {
    Json(JsonBuilder),
    Packed(PackedBuilder),
}

impl PayloadBuilder {
    pub(super) fn json_event(name: &str) -> Self {
        Self::new(Form::Json(JsonBuilder::event(name)))
    }

    pub(super) const fn json_ack() -> Self {
        Self::new(Form::Json(JsonBuilder::ack()))
    }

    pub(crate) fn packed_event(name: &str) -> Self {
        Self::new(Form::Packed(PackedBuilder::event(name)))
    }

    pub(crate) fn packed_ack() -> Self {
        Self::new(Form::Packed(PackedBuilder::ack()))
    }

    const fn new(form: Form) -> Self {
        Self { form, fault: None }
    }

    /// Appends an argument. Whether that is possible is said by [`build`](Self::build).
    pub fn arg<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        let written = match &mut self.form {
            Form::Json(json) => json.arg(value),
            Form::Packed(packed) => packed.arg(value),
        };
        if let Err(fault) = written {
            self.fault.get_or_insert(Box::new(fault));
        }
        self
    }

    /// Appends an argument that is an attachment. Shares the buffer; MessagePack has a copy of it.
    pub fn binary(mut self, data: impl Into<Bytes>) -> Self {
        let data = data.into();
        match &mut self.form {
            // MessagePack has no longer ones.
            Form::Packed(packed) if u32::try_from(data.len()).is_ok() => packed.binary(data),
            Form::Json(json) => json.binary(data),
            Form::Packed(_) => self.go_on_with_json(|json| json.binary(data)),
        }
        self
    }

    /// Adds an attachment, for which the caller puts the placeholder into a value. Shares the buffer.
    pub fn attach(&mut self, data: impl Into<Bytes>) -> Placeholder {
        let data = data.into();
        self.go_on_with_json(|json| json.attach(data))
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
    /// let received = Payload::event("message").arg(&1).binary(vec![2]).build()?;
    /// let answer = Payload::ack().args_of(&received).build()?;
    /// assert_eq!(answer.json(), r#"[1,{"_placeholder":true,"num":0}]"#);
    /// # Ok::<(), socketio_proto::EncodeError>(())
    /// ```
    pub fn args_of(self, payload: &Payload) -> Self {
        self.args_from(payload, 0)
    }

    /// Appends the arguments of another payload from number `first` on, counted from 0, as [`args_of`](Self::args_of)
    /// appends all of them. Only the attachments that these arguments name come along.
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::Payload;
    ///
    /// let received = Payload::event("to").arg("news").arg("hello").binary(vec![2]).build()?;
    /// let (event,): (&str,) = received.args()?;
    /// let forwarded = Payload::event(event).args_from(&received, 1).build()?;
    /// assert_eq!(forwarded.json(), r#"["news","hello",{"_placeholder":true,"num":0}]"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn args_from(mut self, payload: &Payload, first: usize) -> Self {
        if let Some((mut cursor, mut left)) = payload.packed_args() {
            for _ in 0..first {
                if raw_args::pass(&mut cursor, &mut left).is_none() {
                    break;
                }
            }
            if let Form::Json(json) = &self.form
                && json.is_unused()
            {
                self.form = Form::Packed(match json.name() {
                    Some(name) => PackedBuilder::event(name),
                    None => PackedBuilder::ack(),
                });
            }
            if let Form::Packed(packed) = &mut self.form {
                packed.args_from(payload, &cursor, left);
                return self;
            }
        }
        self.go_on_with_json(|json| json.args_from(payload, first));
        self
    }

    /// Makes the payload.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Serialize`] if an argument refuses to be serialised, or has keys that are neither strings nor scalars:
    /// the first such error.
    ///
    /// [`EncodeError::ReservedEvent`], [`EncodeError::TooDeep`], and [`EncodeError::Placeholder`] if beside attachments
    /// there is data that looks like a placeholder, but is of none of them or of one that has its place already. The
    /// receiver would end the connection or put an attachment there; without attachments such data is sent as it is.
    /// [`EncodeError::Expansion`] if placeholders name attachments so often that receivers refuse it.
    pub fn build(self) -> Result<Payload, EncodeError> {
        if let Some(fault) = self.fault {
            return Err(*fault);
        }
        match self.form {
            Form::Json(json) => json.build(),
            Form::Packed(packed) => packed.build(),
        }
    }

    /// Goes on with JSON, in which a placeholder may stand for an attachment.
    fn go_on_with_json<T>(&mut self, go_on: impl FnOnce(&mut JsonBuilder) -> T) -> T {
        let form = match &mut self.form {
            Form::Json(json) => return go_on(json),
            Form::Packed(_) => mem::replace(&mut self.form, Form::Json(JsonBuilder::ack())),
        };
        let mut json = form.into_json();
        let value = go_on(&mut json);
        self.form = Form::Json(json);
        value
    }
}

impl Form {
    fn into_json(self) -> JsonBuilder {
        match self {
            Self::Json(json) => json,
            Self::Packed(packed) => packed.into_json(),
        }
    }
}
