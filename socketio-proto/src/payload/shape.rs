//! The kinds of payloads, and the names of events.

use alloc::borrow::Cow;
use alloc::sync::Arc;

use super::cursor::Cursor;
use super::syntax::First;
use crate::{DecodeError, PacketType, is_reserved_event};

#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// An object or a string.
    Value,
    /// An array of arguments.
    Ack,
    /// An array of a name and arguments.
    Event(Name),
}

/// The name of an event.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    /// From `start` to `end` within the JSON, or within what is packed.
    Span { start: usize, end: usize },
    /// Unescaped.
    Decoded(Arc<str>),
}

impl Shape {
    /// What a payload is that starts like `json`, before its name is read.
    pub(super) fn of(packet_type: PacketType, json: &str) -> Result<Self, DecodeError> {
        match (packet_type, json.as_bytes().first()) {
            (PacketType::Connect | PacketType::ConnectError, Some(b'{'))
            | (PacketType::ConnectError, Some(b'"')) => Ok(Self::Value),
            (PacketType::Event | PacketType::Ack, Some(b'[')) => Ok(Self::Ack),
            _ => Err(DecodeError::InvalidPayload),
        }
    }
}

impl Name {
    /// The name that JSON starts with, of which it is known where it stands.
    pub(super) fn of(json: &str, first: Option<First>) -> Result<Self, DecodeError> {
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
