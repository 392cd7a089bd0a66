//! Making packed payloads.

use alloc::vec::Vec;

use bytes::Bytes;
use serde::ser::Serialize;

use super::read::{Item, Reader};
use super::ser::{Writer, Written};
use super::write::Opened;
use super::{Left, Packed, PackedCursor, find_attachments};
use crate::parser::MAX_JSON_DEPTH;
use crate::payload::budget::MAX_EXPANSION;
use crate::payload::build::JsonBuilder;
use crate::payload::placeholder::FLAG;
use crate::payload::shape::Shape;
use crate::payload::{Attached, Body, Payload};
use crate::{EncodeError, PacketType};

/// MessagePack of a payload in the making.
#[derive(Debug)]
pub(in crate::payload) struct PackedBuilder {
    writer: Writer,
    list: Opened,
    /// The items in the list, the name of an event included.
    items: u32,
    packet_type: PacketType,
    /// The default, or that of a payload whose arguments were taken, if it is more.
    max_expansion: u16,
}

impl PackedBuilder {
    pub(in crate::payload) fn event(name: &str) -> Self {
        let mut writer = Writer::with_capacity(name.len().saturating_add(64));
        let list = writer.open_array(None);
        writer.text(name);
        Self {
            writer,
            list,
            items: 1,
            packet_type: PacketType::Event,
            max_expansion: MAX_EXPANSION,
        }
    }

    pub(in crate::payload) fn ack() -> Self {
        let mut writer = Writer::with_capacity(64);
        Self {
            list: writer.open_array(None),
            writer,
            items: 0,
            packet_type: PacketType::Ack,
            max_expansion: MAX_EXPANSION,
        }
    }

    pub(in crate::payload) fn arg<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.items = self.items.saturating_add(1);
        self.writer.value(value)
    }

    /// Appends the arguments of a packed payload, which stand behind this place.
    pub(in crate::payload) fn args_of(
        &mut self,
        payload: &Payload,
        (args, left): &(PackedCursor<'_>, Left),
    ) {
        self.items = self.items.saturating_add(left.items());
        self.max_expansion = self.max_expansion.max(payload.max_expansion());
        let attachments = payload.attachments().len();
        self.writer.taken(args.rest(), attachments);
    }

    pub(in crate::payload) fn build(self) -> Result<Payload, EncodeError> {
        let max_expansion = self.max_expansion;
        let packet_type = self.packet_type;
        let (written, fault) = self.finish();
        if let Some(fault) = fault {
            return Err(fault);
        }
        if written.marked && written.attachments > 0 && has_lookalike(&written.packed) {
            // Whether it is one is found out there.
            return into_json(written, packet_type, max_expansion, None).build();
        }
        let data = Bytes::from(written.packed);
        let attachments = if written.attachments > 0 {
            find_attachments(&data)
        } else {
            Vec::new()
        };
        let packed = Packed::new(data, 0);
        let shape = match packet_type {
            PacketType::Event => Shape::Event(packed.event_name().map_err(|_| {
                let name = packed.first_text().unwrap_or_default();
                EncodeError::ReservedEvent(name.into())
            })?),
            PacketType::Connect
            | PacketType::Disconnect
            | PacketType::Ack
            | PacketType::ConnectError => Shape::Ack,
        };
        Ok(Payload {
            body: Body::Packed(packed),
            shape,
            attachments: Attached::new(attachments, 0),
            max_expansion,
            compress: true,
        })
    }

    /// The same as JSON, to which more can be added.
    pub(in crate::payload) fn into_json(self) -> JsonBuilder {
        let max_expansion = self.max_expansion;
        let packet_type = self.packet_type;
        let (written, fault) = self.finish();
        into_json(written, packet_type, max_expansion, fault)
    }

    fn finish(mut self) -> (Written, Option<EncodeError>) {
        self.writer.close(self.list, self.items);
        let written = self.writer.finish();
        let fault = if written.broken {
            Some(EncodeError::Serialize("the result is no JSON".into()))
        } else if written.deepest > usize::from(MAX_JSON_DEPTH) {
            Some(EncodeError::TooDeep {
                limit: MAX_JSON_DEPTH,
            })
        } else {
            None
        };
        (written, fault)
    }
}

/// Goes on with the JSON of what was written.
fn into_json(
    written: Written,
    packet_type: PacketType,
    max_expansion: u16,
    fault: Option<EncodeError>,
) -> JsonBuilder {
    let packed = Packed::new(written.packed.into(), 0);
    let name = packed
        .first_text()
        .filter(|_| packet_type == PacketType::Event);
    let json = packed.json();
    let list = json.strip_suffix(']').unwrap_or(json);
    let attachments = find_attachments(&packed.data);
    let marked = written.marked;
    JsonBuilder::going_on(list, name, attachments, max_expansion, marked, fault)
}

/// Whether a map may look like a placeholder.
fn has_lookalike(packed: &[u8]) -> bool {
    let mut reader = Reader::new(packed);
    while let Some(item) = reader.read() {
        if item == Item::Text(FLAG.as_bytes()) && reader.clone().read() == Some(Item::Bool(true)) {
            return true;
        }
    }
    false
}
