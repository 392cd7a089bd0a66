//! Values of payloads: JSON in which bytes may stand anywhere.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::ser::{Serialize, Serializer};

use crate::{EncodeError, Payload, PayloadBuilder};

/// An argument of an event: JSON, or bytes at any depth, which become attachments.
///
/// # Examples
///
/// ```
/// use socketio_proto::inputs::Content;
///
/// let args = [Content::Text("cat".into()), Content::List(vec![Content::Binary(vec![1, 2].into())])];
/// let payload = Content::event("picture", &args)?;
/// assert_eq!(payload.json(), r#"["picture","cat",[{"_placeholder":true,"num":0}]]"#);
/// # Ok::<(), socketio_proto::EncodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the kinds of JSON, and bytes")]
pub enum Content {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number without sign.
    Unsigned(u64),
    /// A finite number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes: an attachment.
    Binary(Bytes),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(BTreeMap<String, Self>),
}

impl Content {
    /// Makes the payload of an event.
    ///
    /// # Errors
    ///
    /// As [`PayloadBuilder::build`].
    pub fn event(name: &str, args: &[Self]) -> Result<Payload, EncodeError> {
        Self::fill(Payload::event(name), args)
    }

    /// Makes the payload of an acknowledgement.
    ///
    /// # Errors
    ///
    /// As [`PayloadBuilder::build`].
    pub fn ack(args: &[Self]) -> Result<Payload, EncodeError> {
        Self::fill(Payload::ack(), args)
    }

    fn fill(builder: PayloadBuilder, args: &[Self]) -> Result<Payload, EncodeError> {
        args.iter().fold(builder, PayloadBuilder::arg).build()
    }

    /// The JSON value, with `null` in the place of bytes.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        match self {
            Self::Null | Self::Binary(_) => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Unsigned(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(members) => {
                let members = members.iter();
                members
                    .map(|(key, value)| (key.clone(), value.to_value()))
                    .collect()
            }
        }
    }

    /// The number of attachments.
    #[must_use]
    pub fn attachments(&self) -> usize {
        match self {
            Self::Binary(_) => 1,
            Self::List(items) => items.iter().map(Self::attachments).sum(),
            Self::Object(members) => members.values().map(Self::attachments).sum(),
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Unsigned(_)
            | Self::Float(_)
            | Self::Text(_) => 0,
        }
    }

    /// Leaves only so many attachments; `null` stands for the others.
    pub(crate) fn keep_attachments(&mut self, left: &mut usize) {
        match self {
            Self::Binary(_) => match left.checked_sub(1) {
                Some(rest) => *left = rest,
                None => *self = Self::Null,
            },
            Self::List(items) => items
                .iter_mut()
                .for_each(|item| item.keep_attachments(left)),
            Self::Object(members) => members
                .values_mut()
                .for_each(|item| item.keep_attachments(left)),
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Unsigned(_)
            | Self::Float(_)
            | Self::Text(_) => {}
        }
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Binary(data) => serializer.serialize_bytes(data),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(members) => serializer.collect_map(members),
        }
    }
}
