//! Making packed payloads.

use alloc::vec::Vec;

use bytes::Bytes;
use serde::ser::Serialize;

use super::read::{Item, Reader};
use super::ser::{Writer, Written};
use super::write::Opened;
use super::{EVENT_END, EVENT_HEAD, Left, Packed, PackedCursor, find_attachments, size};
use crate::payload::budget::MAX_EXPANSION;
use crate::payload::build::{FIRST_ROOM, JsonBuilder, most_spare, room_of};
use crate::payload::placeholder::FLAG;
use crate::payload::shape::{Name, Shape};
use crate::payload::syntax::MAX_JSON_DEPTH;
use crate::payload::{Attached, Body, Payload};
use crate::{EncodeError, PacketType, is_reserved_event};

/// MessagePack of a payload in the making.
#[derive(Debug)]
pub(in crate::payload) struct PackedBuilder {
    writer: Writer,
    list: Opened,
    /// The items in the list, the name of an event included.
    items: u32,
    packet_type: PacketType,
    /// The attachments that are shared, and their numbers.
    shared: Vec<(usize, Bytes)>,
    /// The length of the name of an event.
    name: usize,
    /// Whether the name is not one for applications.
    reserved: bool,
    /// The default, or that of a payload whose arguments were taken, if it is more.
    max_expansion: u16,
}

impl PackedBuilder {
    pub(in crate::payload) fn event(name: &str) -> Self {
        let around = EVENT_HEAD.len() + EVENT_END.len();
        let room = name.len().saturating_add(FIRST_ROOM + around);
        let mut writer = Writer::with_capacity(room);
        writer.raw(EVENT_HEAD);
        let list = writer.open_array(None);
        writer.text(name);
        Self {
            writer,
            list,
            items: 1,
            packet_type: PacketType::Event,
            shared: Vec::new(),
            name: name.len(),
            reserved: is_reserved_event(name),
            max_expansion: MAX_EXPANSION,
        }
    }

    pub(in crate::payload) fn ack() -> Self {
        let mut writer = Writer::with_capacity(FIRST_ROOM);
        Self {
            list: writer.open_array(None),
            writer,
            items: 0,
            packet_type: PacketType::Ack,
            shared: Vec::new(),
            name: 0,
            reserved: false,
            max_expansion: MAX_EXPANSION,
        }
    }

    pub(in crate::payload) fn arg<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.items = self.items.saturating_add(1);
        let room = room_of(value);
        if room > FIRST_ROOM {
            self.writer.reserve(room);
        }
        self.writer.value(value)
    }

    pub(in crate::payload) fn binary(&mut self, data: Bytes) {
        self.items = self.items.saturating_add(1);
        self.shared.push((self.writer.attachments(), data.clone()));
        self.writer.binary(data);
    }

    /// Appends the arguments of a packed payload that stand behind this place.
    pub(in crate::payload) fn args_from(
        &mut self,
        payload: &Payload,
        place: &PackedCursor<'_>,
        left: Left,
    ) {
        self.items = self.items.saturating_add(left.items());
        self.max_expansion = self.max_expansion.max(payload.max_expansion());
        let attachments = payload.attachments().len();
        let attachments = attachments.saturating_sub(place.attachments_passed());
        self.writer.taken(place.rest(), attachments);
    }

    pub(in crate::payload) fn build(mut self) -> Result<Payload, EncodeError> {
        let shared = core::mem::take(&mut self.shared);
        let max_expansion = self.max_expansion;
        let packet_type = self.packet_type;
        let reserved = self.reserved;
        let name = self.name_span();
        let (written, fault) = self.finish();
        if let Some(fault) = fault {
            return Err(fault);
        }
        if written.marked && written.attachments > 0 && has_lookalike(&written.packed) {
            // Whether it is one is found out there.
            return into_json(written, shared, packet_type, max_expansion, None).build();
        }
        let attached = written.attachments > 0;
        let packed = packed(written.packed, packet_type);
        if reserved {
            let name = packed.first_text().unwrap_or_default();
            return Err(EncodeError::ReservedEvent(name.into()));
        }
        let attachments = if attached {
            attachments(&packed, shared)
        } else {
            Vec::new()
        };
        let shape = match packet_type {
            PacketType::Event => Shape::Event(name),
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
    pub(in crate::payload) fn into_json(mut self) -> JsonBuilder {
        let shared = core::mem::take(&mut self.shared);
        let max_expansion = self.max_expansion;
        let packet_type = self.packet_type;
        let (written, fault) = self.finish();
        into_json(written, shared, packet_type, max_expansion, fault)
    }

    /// Where the name of an event is, behind the heads of the list and of the name.
    fn name_span(&self) -> Name {
        let end = size::container(self.items).saturating_add(size::text(self.name));
        Name::Span {
            start: end.saturating_sub(self.name),
            end,
        }
    }

    fn finish(mut self) -> (Written, Option<EncodeError>) {
        self.writer.close(self.list, self.items);
        if self.packet_type == PacketType::Event {
            self.writer.raw(EVENT_END);
        }
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

/// What was written: the frame of an event, or the payload of something else.
fn packed(mut written: Vec<u8>, packet_type: PacketType) -> Packed {
    keep_spare(&mut written);
    let capacity = written.capacity();
    let data = Bytes::from(written);
    if packet_type == PacketType::Event {
        Packed::framed(data, capacity)
    } else {
        Packed::part(data, capacity, 0)
    }
}

/// The attachments in what was written, those that are shared as they were given.
fn attachments(packed: &Packed, shared: Vec<(usize, Bytes)>) -> Vec<Bytes> {
    let mut attachments = find_attachments(&packed.data);
    for (num, data) in shared {
        if let Some(place) = attachments.get_mut(num) {
            *place = data;
        }
    }
    attachments
}

/// Leaves the unused end of a buffer where it is small, as for JSON.
fn keep_spare(written: &mut Vec<u8>) {
    let spare = written.capacity().saturating_sub(written.len());
    if spare > most_spare(written.len()) {
        written.shrink_to_fit();
    }
}

/// Goes on with the JSON of what was written.
fn into_json(
    written: Written,
    shared: Vec<(usize, Bytes)>,
    packet_type: PacketType,
    max_expansion: u16,
    fault: Option<EncodeError>,
) -> JsonBuilder {
    let packed = packed(written.packed, packet_type);
    let name = packed
        .first_text()
        .filter(|_| packet_type == PacketType::Event);
    let json = packed.json();
    let list = json.strip_suffix(']').unwrap_or(json);
    let attachments = attachments(&packed, shared);
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
