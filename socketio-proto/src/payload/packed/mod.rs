//! Payloads that stay MessagePack.
//!
//! A packed payload is what the parser for MessagePack writes of the JSON that stands for it, byte for byte. Keys are text.
//! Lengths and integers have their shortest form. Floats have 64 bits and are finite. A bin stands in the place of each
//! placeholder, in the order of the attachments.
//!
//! So it leaves as it is, it has one JSON, and it is equal to another if the bytes are. Other MessagePack is brought into
//! that form when it comes.

mod build;
mod cursor;
pub(crate) mod from_json;
pub(crate) mod json;
pub(crate) mod read;
mod ser;
pub(crate) mod size;
mod text;
pub(crate) mod write;

pub(super) use build::PackedBuilder;
pub(super) use cursor::{Left, PackedCursor};

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::str;
use core::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use bytestring::ByteString;
use engineio_proto::ledger;
use once_cell::race::OnceBox;

use self::json::Measure;
use self::read::{Item, Reader};
use self::write::Packer;
use super::shape::Name;
use crate::DecodeError;
use crate::reserved::is_reserved;

/// MessagePack in the form that the module describes, and its JSON once somebody has asked for it.
///
/// Many payloads may wait for an application, and so it is no longer than JSON with its place in a buffer.
pub(crate) struct Packed {
    /// What is packed, or the [frame](EVENT_HEAD) around it.
    data: Bytes,
    /// The capacity of the buffer that it is a part of, as an even number; a message is no longer than this counts. The lowest
    /// bit is set if `data` is a frame.
    buffer: u32,
    /// Zero as long as nobody has asked, since no JSON is empty, and where it is too large.
    json_len: AtomicU32,
    json: OnceBox<ByteString>,
}

/// An event is written in the frame that carries it in the main namespace, without id: so the payload's buffer is the frame.
/// This is what stands in front of the payload.
pub(crate) const EVENT_HEAD: &[u8] = b"\x83\xa4type\x02\xa4data";

/// What stands behind the payload.
pub(crate) const EVENT_END: &[u8] = b"\xa3nsp\xa1/";

const FRAMED: u32 = 1;

impl Packed {
    /// `json_len` is zero if it is not known.
    pub(crate) fn new(data: Bytes, json_len: usize) -> Self {
        let buffer = data.len();
        Self::part(data, buffer, json_len)
    }

    /// Takes a part of a buffer of this length.
    pub(crate) fn part(data: Bytes, buffer: usize, json_len: usize) -> Self {
        Self {
            data,
            buffer: u32::try_from(buffer).unwrap_or(u32::MAX).saturating_add(1) & !FRAMED,
            json_len: AtomicU32::new(json_len.try_into().unwrap_or(0)),
            json: OnceBox::new(),
        }
    }

    /// Takes the frame of an event, in a buffer of this capacity.
    fn framed(frame: Bytes, capacity: usize) -> Self {
        let mut packed = Self::part(frame, capacity, 0);
        packed.buffer |= FRAMED;
        packed
    }

    /// The frame that the buffer is, and the unused bytes of the buffer.
    pub(crate) fn frame(&self) -> Option<(&Bytes, usize)> {
        let spare = self.capacity().saturating_sub(self.data.len());
        self.is_framed().then_some((&self.data, spare))
    }

    const fn is_framed(&self) -> bool {
        self.buffer & FRAMED != 0
    }

    fn capacity(&self) -> usize {
        usize::try_from(self.buffer & !FRAMED).unwrap_or(usize::MAX)
    }

    #[inline]
    pub(crate) fn data(&self) -> &[u8] {
        if !self.is_framed() {
            return &self.data;
        }
        let end = self.data.len().saturating_sub(EVENT_END.len());
        self.data.get(EVENT_HEAD.len()..end).unwrap_or_default()
    }

    /// The length of the JSON, which is not made for that.
    pub(crate) fn json_len(&self) -> usize {
        // A pure function of the data: whoever is first writes the same as others do.
        let known = self.json_len.load(Ordering::Relaxed);
        if let Some(known) = usize::try_from(known).ok().filter(|known| *known > 0) {
            return known;
        }
        let len = Measure::of(self.data());
        let known = u32::try_from(len).unwrap_or(0);
        self.json_len.store(known, Ordering::Relaxed);
        len
    }

    /// The JSON, which is made once.
    pub(crate) fn json(&self) -> &str {
        self.json
            .get_or_init(|| Box::new(json::write(self.data(), self.json_len()).into()))
    }

    pub(super) fn cursor(&self) -> PackedCursor<'_> {
        PackedCursor::new(self)
    }

    /// Whether it starts with a map.
    pub(crate) fn is_map(&self) -> bool {
        matches!(Reader::new(self.data()).read(), Some(Item::Map(_)))
    }

    /// The name of the event that this is.
    pub(crate) fn event_name(&self) -> Result<Name, DecodeError> {
        let mut reader = Reader::new(self.data());
        let invalid = DecodeError::InvalidPayload;
        if !matches!(reader.read(), Some(Item::Array(1..))) {
            return Err(invalid);
        }
        match reader.read() {
            Some(Item::Text(text)) => {
                if is_reserved(text) {
                    return Err(invalid);
                }
                let end = self.data().len().saturating_sub(reader.rest().len());
                let start = end.saturating_sub(text.len());
                Ok(Name::Span { start, end })
            }
            Some(Item::Uint(value)) => Ok(Name::Decoded(value.to_string().into())),
            Some(Item::Int(value)) => Ok(Name::Decoded(value.to_string().into())),
            Some(Item::Float(value)) => {
                let mut buffer = zmij::Buffer::new();
                Ok(Name::Decoded(buffer.format_finite(value).into()))
            }
            _ => Err(invalid),
        }
    }

    /// The text that a list starts with.
    fn first_text(&self) -> Option<&str> {
        let mut reader = Reader::new(self.data());
        reader.read()?;
        reader.read()?.text()
    }

    /// The same array with a string behind its items.
    pub(super) fn with_last(&self, text: &str) -> Self {
        let mut reader = Reader::new(self.data());
        let items = match reader.read() {
            Some(Item::Array(items)) => items.saturating_add(1),
            _ => 1,
        };
        let mut packer = Packer::with_capacity(
            self.data()
                .len()
                .saturating_add(text.len())
                .saturating_add(8),
        );
        let opened = packer.open_array(usize::try_from(items).ok());
        packer.raw(reader.rest());
        packer.text(text);
        packer.close(opened, items);
        Self::new(packer.finish().into(), 0)
    }

    /// The text in this place.
    pub(crate) fn text(&self, start: usize, end: usize) -> Option<&str> {
        str::from_utf8(self.data().get(start..end)?).ok()
    }

    /// The bytes on the heap. Until there is JSON, what is packed counts as that if it is shorter: it may become it.
    pub(crate) fn heap_size(&self) -> usize {
        let packed = ledger::buffer_size(self.capacity());
        let json = ledger::buffer_size(self.json_len());
        if self.json.get().is_some() {
            let slot = size_of::<ByteString>();
            packed.saturating_add(json).saturating_add(slot)
        } else {
            packed.max(json)
        }
    }
}

/// The bins of a packed payload.
pub(crate) fn find_attachments(packed: &Bytes) -> Vec<Bytes> {
    let mut attachments = Vec::new();
    let mut reader = Reader::new(packed);
    while let Some(item) = reader.read() {
        if let Item::Binary(data) = item {
            attachments.push(part(packed, data));
        }
    }
    attachments
}

/// A part of a buffer, as a slice or, where it is a small part of a long one, as a copy.
pub(crate) fn part(buffer: &Bytes, data: &[u8]) -> Bytes {
    if ledger::keeps_buffer(data.len(), buffer.len()) {
        buffer.slice_ref(data)
    } else {
        Bytes::copy_from_slice(data)
    }
}

impl Clone for Packed {
    fn clone(&self) -> Self {
        Self {
            data: self.data.clone(),
            buffer: self.buffer,
            json_len: AtomicU32::new(self.json_len.load(Ordering::Relaxed)),
            json: self.json.clone(),
        }
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.data().len())
    }
}

#[cfg(test)]
mod tests;
