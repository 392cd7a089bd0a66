//! Reading payloads, as a whole and by arguments.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::de::{Deserialize, DeserializeOwned};

use super::budget::Budget;
use super::cursor::Cursor;
use super::de::{Attachments, Reader, Slot};
use super::packed::{Left, PackedCursor};
use super::placeholder;
use super::shape::{Name, Shape};
use super::source::{Kind, Source};
use super::{Body, Payload, RawArgs};
use crate::ReadError;

impl Payload {
    /// The JSON of each argument, without the name of an event. Empty for a payload that is no array.
    ///
    /// [`RawArgs::read`] makes no JSON of a payload that came as MessagePack; the iterator makes that of all.
    ///
    /// The JSON is borrowed. [`RawArgs::read`] reads one argument after the other; what another reader makes of the JSON
    /// is not bounded.
    #[must_use]
    pub fn raw_args(&self) -> RawArgs<'_> {
        RawArgs::new(self)
    }

    /// Reads the arguments, without the name of an event, into a tuple, a `Vec`, an array or a struct.
    ///
    /// A struct is read by position: its first field is the first argument. For an argument that is an object, read a tuple
    /// of one struct, or [`arg`](Self::arg).
    ///
    /// As with a JavaScript function, arguments beyond those of a tuple or struct are ignored. Arguments that are
    /// missing at the end read as absent: `None` for an `Option`, an error for others.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if an argument is of another type, for a payload that is no array, and if the arguments
    /// [take too much](Self#how-much-reading-takes).
    ///
    /// # Examples
    ///
    /// ```
    /// use socketio_proto::Payload;
    ///
    /// let payload = Payload::event("move").arg("left").arg(&3).build()?;
    /// assert_eq!(payload.args::<(&str, u32)>()?, ("left", 3));
    /// assert_eq!(payload.args::<(&str, u32, Option<bool>)>()?, ("left", 3, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn args<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ReadError> {
        self.read_args(Attachments::Shared(self.attachments()), self.budget())
    }

    /// Reads the arguments as [`args`](Self::args) does; owned bytes take over the buffers of attachments that
    /// nothing else shares.
    ///
    /// # Errors
    ///
    /// As [`args`](Self::args).
    pub fn into_args<T: DeserializeOwned>(mut self) -> Result<T, ReadError> {
        let (budget, slots) = (self.budget(), self.take_slots());
        self.read_args(Attachments::Owned(&slots), budget)
    }

    fn read_args<'de, T: Deserialize<'de>>(
        &'de self,
        attachments: Attachments<'de>,
        budget: Budget,
    ) -> Result<T, ReadError> {
        let read = match self.packed_args() {
            Some((cursor, left)) => Reader::new(cursor, attachments, budget).args(left),
            None => self
                .json_args()
                .and_then(|cursor| Reader::new(cursor, attachments, budget).args(())),
        };
        read.map_err(|error| error.of_event(self.name()))
    }

    /// Reads the whole payload: the object of a connect packet, the array of an acknowledgement, the array of an event
    /// with its name in front.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if it is of another type, or [takes too much](Self#how-much-reading-takes).
    pub fn data<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ReadError> {
        self.read_whole(Attachments::Shared(self.attachments()), self.budget())
    }

    /// Reads the whole payload as [`data`](Self::data) does; owned bytes take over the buffers of attachments that
    /// nothing else shares.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data).
    pub fn into_data<T: DeserializeOwned>(mut self) -> Result<T, ReadError> {
        let (budget, slots) = (self.budget(), self.take_slots());
        self.read_whole(Attachments::Owned(&slots), budget)
    }

    fn read_whole<'de, T: Deserialize<'de>>(
        &'de self,
        attachments: Attachments<'de>,
        budget: Budget,
    ) -> Result<T, ReadError> {
        match &self.body {
            Body::Json { .. } => Reader::new(Cursor::new(self.json()), attachments, budget).whole(),
            Body::Packed(packed) => Reader::new(packed.cursor(), attachments, budget).whole(),
        }
    }

    /// The whole payload as a dynamic value, placeholders left in their places: [`Placeholder::from_value`](super::Placeholder::from_value) knows
    /// them. A number too large for a 64-bit float is `null`. Every key is plain data, also those by which
    /// `serde_json::Value` knows values of its own.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the value [takes too much](Self#how-much-reading-takes).
    pub fn to_value(&self) -> Result<serde_json::Value, ReadError> {
        match &self.body {
            Body::Json { .. } => self.reader(self.json()).tree(),
            Body::Packed(packed) => {
                let attachments = Attachments::Shared(self.attachments());
                Reader::new(packed.cursor(), attachments, self.budget()).tree()
            }
        }
    }

    /// A reader of JSON that is a part of this payload's.
    pub(crate) fn reader<'de>(&'de self, json: &'de str) -> Reader<'de> {
        let attachments = Attachments::Shared(self.attachments());
        Reader::new(Cursor::new(json), attachments, self.budget())
    }

    /// What one reading may take.
    pub(super) fn budget(&self) -> Budget {
        let attached = self.attachments.as_ref();
        let bytes = attached.map_or(0, |attached| attached.bytes);
        Budget::new(self.max_expansion, self.json_len(), bytes)
    }

    /// The place of the first argument in what is packed, if the payload is that and has arguments.
    pub(super) fn packed_args(&self) -> Option<(PackedCursor<'_>, Left)> {
        let Body::Packed(packed) = &self.body else {
            return None;
        };
        let mut cursor = packed.cursor();
        let mut left = match self.shape {
            Shape::Value => return None,
            Shape::Ack | Shape::Event(_) => cursor.open_array()?,
        };
        if let Shape::Event(_) = self.shape {
            cursor.next(&mut left, Kind::Array);
            cursor.skip()?;
        }
        Some((cursor, left))
    }

    /// The place of the first argument in the JSON, or of the bracket behind the last.
    pub(super) fn json_args(&self) -> Result<Cursor<'_>, ReadError> {
        let mut cursor = Cursor::new(self.json());
        match &self.shape {
            Shape::Value => return Err(ReadError::new("the payload is no list of arguments")),
            Shape::Ack => {
                cursor.eat(b'[');
            }
            // The place in what is packed is another.
            Shape::Event(Name::Span { end, .. }) if self.packed().is_none() => {
                cursor = cursor.at(*end);
                // Behind a string.
                cursor.eat(b'"');
                cursor.eat(b',');
            }
            Shape::Event(_) => {
                cursor.eat(b'[');
                cursor.skip();
                cursor.eat(b',');
            }
        }
        Ok(cursor)
    }

    /// The arguments from number `first` on, as they stand in the JSON, separated by commas.
    pub(super) fn args_text(&self, first: usize) -> &str {
        let Ok(mut cursor) = self.json_args() else {
            return "";
        };
        for _ in 0..first {
            if cursor.peek() == Some(b']') {
                break;
            }
            cursor.skip();
            cursor.eat(b',');
        }
        cursor.peek();
        let json = self.json();
        let end = json.len().saturating_sub(1);
        json.get(cursor.pos()..end).unwrap_or_default()
    }

    /// Takes out the attachments, for those who take over their buffers.
    fn take_slots(&mut self) -> Vec<Slot> {
        let slots: Vec<Slot> = match self.attachments.take() {
            None => return Vec::new(),
            Some(mut shared) => match Arc::get_mut(&mut shared) {
                Some(owned) => owned
                    .list
                    .iter_mut()
                    .map(|data| Slot::new(core::mem::take(data)))
                    .collect(),
                None => shared
                    .list
                    .iter()
                    .map(|data| Slot::new(data.clone()))
                    .collect(),
            },
        };
        if let Body::Packed(_) = self.body {
            // Each has its one place.
            slots.iter().for_each(Slot::expect_use);
            return slots;
        }
        for found in placeholder::find_all(self.json()) {
            let slot = found.num.and_then(|num| slots.get(num as usize));
            if let Some(slot) = slot {
                slot.expect_use();
            }
        }
        slots
    }
}
