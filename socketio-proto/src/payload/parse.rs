//! Payloads of text and messages that came in.

use alloc::vec::Vec;

use bytes::Bytes;
use bytestring::ByteString;
use engineio_proto::keeps_much;

use super::budget::MAX_EXPANSION;
use super::packed::Packed;
use super::placeholder::{Misplaced, Places};
use super::shape::{Name, Shape};
use super::syntax::{self, Fault, MAX_JSON_DEPTH};
use super::{Attached, Body, Payload};
use crate::{DecodeError, PacketType};

/// What holds for a payload that is read from JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most levels of arrays and objects; values above [`MAX_JSON_DEPTH`] count as that.
    pub(crate) max_depth: u16,
    /// See [`Limits::max_expansion`](crate::parser::Limits::max_expansion).
    pub(crate) max_expansion: u16,
}

impl Payload {
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
}
