//! Making payloads.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use bytestring::ByteString;
use serde::ser::Serialize;

use super::budget::MAX_EXPANSION;
use super::escape::append_escaped;
use super::placeholder::{self, Misplaced, Placeholder, Places};
use super::ser::{self, Writer};
use super::shape::{Name, Shape};
use super::syntax::{self, Fault, MAX_JSON_DEPTH};
use super::{Attached, Body, Payload};
use crate::{EncodeError, is_reserved_event};

/// An event is written behind what the frame of its packet starts with: message, event. So the frame for the main namespace
/// is the buffer of the payload.
pub(crate) const EVENT_HEAD: &str = "42";

/// [`EVENT_HEAD`] and what stands before the name.
const BEFORE_NAME: &str = "42[\"";

/// JSON of a payload in the making.
#[derive(Debug)]
pub(super) struct JsonBuilder {
    writer: Writer,
    shape: Shape,
    /// Whether there is something in the list already.
    begun: bool,
    /// Whether there are arguments or attachments.
    used: bool,
    /// Whether the name is not one for applications.
    reserved: bool,
    /// The default, or that of a payload whose arguments were taken, if it is more.
    max_expansion: u16,
    /// What was wrong before it was JSON.
    fault: Option<EncodeError>,
}

/// The bytes that a list of unknown length starts with.
pub(super) const FIRST_ROOM: usize = 64;

/// The most bytes that are asked for before it is known what a value takes.
const MOST_ROOM: usize = 512;

impl JsonBuilder {
    pub(super) fn event(name: &str) -> Self {
        let mut json = String::with_capacity(name.len().saturating_add(FIRST_ROOM));
        json.push_str(BEFORE_NAME);
        append_escaped(name, &mut json);
        let end = json.len().saturating_sub(EVENT_HEAD.len());
        json.push('"');
        let reserved = is_reserved_event(name);
        let name = if end == name.len().saturating_add(2) {
            Name::Span { start: 2, end }
        } else {
            Name::Decoded(name.into())
        };
        let mut builder = Self::new(json, Shape::Event(name), true);
        builder.reserved = reserved;
        builder
    }

    /// Its buffer is made with the first argument, when it is known how much that takes.
    pub(super) const fn ack() -> Self {
        Self::new(String::new(), Shape::Ack, false)
    }

    const fn new(json: String, shape: Shape, begun: bool) -> Self {
        Self {
            writer: Writer::new(json, 1),
            shape,
            begun,
            used: false,
            reserved: false,
            max_expansion: MAX_EXPANSION,
            fault: None,
        }
    }

    /// Goes on with a list that lacks its end, and its attachments, each of which has its place. It is marked if a key in
    /// it may make a placeholder.
    pub(super) fn going_on(
        list: &str,
        name: Option<&str>,
        attachments: Vec<Bytes>,
        max_expansion: u16,
        marked: bool,
        fault: Option<EncodeError>,
    ) -> Self {
        let shape = name.map_or(Shape::Ack, |name| Shape::Event(Name::Decoded(name.into())));
        let begun = list.len() > 1;
        let mut json = String::with_capacity(list.len().saturating_add(FIRST_ROOM));
        if name.is_some() {
            json.push_str(EVENT_HEAD);
        }
        if begun {
            json.push_str(list);
        }
        let mut builder = Self::new(json, shape, begun);
        builder.reserved = name.is_some_and(is_reserved_event);
        if marked {
            // What looks like a placeholder beside them has to be found.
            builder.writer.json("");
        }
        for data in attachments {
            builder.writer.attach(data, true);
        }
        builder.used = true;
        builder.max_expansion = max_expansion;
        builder.fault = fault;
        builder
    }

    /// Whether there is nothing but the name in it.
    pub(super) const fn is_unused(&self) -> bool {
        !self.used
    }

    /// The name of the event; `None` for an acknowledgement.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.shape {
            Shape::Event(Name::Span { start, end }) => {
                let json = self.writer.written().get(EVENT_HEAD.len()..)?;
                json.get(*start..*end)
            }
            Shape::Event(Name::Decoded(name)) => Some(name),
            Shape::Ack | Shape::Value => None,
        }
    }

    pub(super) fn arg<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let room = room_of(value);
        self.separate(room.max(FIRST_ROOM));
        if room > FIRST_ROOM {
            self.writer.reserve(room);
        }
        self.writer.value(value)
    }

    pub(super) fn binary(&mut self, data: Bytes) {
        let placeholder = self.writer.attach(data, true);
        self.separate(FIRST_ROOM);
        self.writer.placeholder(placeholder);
    }

    pub(super) fn attach(&mut self, data: Bytes) -> Placeholder {
        self.used = true;
        self.writer.attach(data, false)
    }

    /// Appends the arguments of a payload from number `first` on.
    pub(super) fn args_from(&mut self, payload: &Payload, first: usize) {
        let args = payload.args_text(first);
        if args.is_empty() {
            return;
        }
        // With the two brackets; numbers of attachments may take more.
        self.separate(args.len().saturating_add(2));
        self.max_expansion = self.max_expansion.max(payload.max_expansion);
        if first > 0 && !payload.attachments().is_empty() {
            return self.args_with_named(args, payload);
        }
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
    }

    /// Appends some arguments of a payload, with the attachments that they name.
    fn args_with_named(&mut self, args: &str, payload: &Payload) {
        let mut named = BTreeMap::new();
        let mut copied = 0;
        for found in placeholder::find_in_args(args) {
            let data = found.num.and_then(|num| {
                let data = payload.attachments().get(usize::try_from(num).ok()?)?;
                Some((num, data))
            });
            let Some((num, data)) = data else {
                continue;
            };
            let text = args.get(copied..found.start).unwrap_or_default();
            self.writer.json(text);
            copied = found.end;
            let placeholder = *named
                .entry(num)
                .or_insert_with(|| self.writer.attach(data.clone(), false));
            self.writer.placeholder(placeholder);
        }
        self.writer.json(args.get(copied..).unwrap_or_default());
    }

    pub(super) fn build(mut self) -> Result<Payload, EncodeError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if !self.begun {
            self.writer.begin_list(2);
        }
        self.writer.sign(']');
        let written = self.writer.finish();
        let start = match self.shape {
            Shape::Event(_) => EVENT_HEAD.len() as u32,
            Shape::Ack | Shape::Value => 0,
        };
        let mut payload = finish(written.json, start, self.shape, written.doubtful)?;
        payload.max_expansion = self.max_expansion;
        if self.reserved {
            let name = payload.name().unwrap_or_default();
            return Err(EncodeError::ReservedEvent(name.into()));
        }
        if written.attachments.is_empty() {
            return Ok(payload);
        }
        attach(payload, written.attachments, written.marked)
    }

    /// Puts what goes before an argument, which is the beginning of the list if it has none and takes `room` bytes.
    fn separate(&mut self, room: usize) {
        if self.begun {
            self.writer.sign(',');
        } else {
            self.writer.begin_list(room);
        }
        self.begun = true;
        self.used = true;
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
    let mut writer = Writer::new(String::with_capacity(128), 0).without_attachments();
    writer.value(value)?;
    let written = writer.finish();
    match written.json.as_bytes().first() {
        Some(b'{' | b'"') => {
            let doubtful = written.doubtful;
            finish(written.json, 0, Shape::Value, doubtful)
        }
        _ => Err(EncodeError::PayloadKind),
    }
}

/// See [`Payload::connect_error`].
pub(super) fn connect_error(message: &str, data: Option<&Payload>) -> Result<Payload, EncodeError> {
    let mut json = String::with_capacity(message.len().saturating_add(32));
    json.push_str("{\"message\":\"");
    append_escaped(message, &mut json);
    json.push('"');
    if let Some(data) = data {
        if !data.attachments().is_empty() {
            return Err(EncodeError::Serialize("no bytes are allowed here".into()));
        }
        json.push_str(",\"data\":");
        json.push_str(data.json());
    }
    json.push('}');
    // It is a level deeper than the data.
    finish(json, 0, Shape::Value, true)
}

/// Makes a payload of what was written from `start` on. If that is `doubtful`, it is checked.
fn finish(
    mut json: String,
    start: u32,
    shape: Shape,
    doubtful: bool,
) -> Result<Payload, EncodeError> {
    let invalid = || EncodeError::Serialize("the result is no JSON".into());
    if doubtful {
        let text = json.get(start as usize..).unwrap_or_default();
        syntax::check(text, MAX_JSON_DEPTH).map_err(|fault| match fault {
            Fault::Syntax => invalid(),
            Fault::Depth => EncodeError::TooDeep {
                limit: MAX_JSON_DEPTH,
            },
        })?;
    }
    let spare = keep_spare(&mut json);
    let text = ByteString::from(json);
    Ok(Payload {
        body: Body::Json {
            end: text.len(),
            text,
            start,
            spare,
        },
        shape,
        attachments: None,
        max_expansion: MAX_EXPANSION,
        compress: true,
    })
}

/// The bytes that a value may take. Its size says something about that, unless it is a list.
pub(super) fn room_of<T: ?Sized>(value: &T) -> usize {
    size_of_val(value).saturating_mul(2).min(MOST_ROOM)
}

/// The most unused bytes behind so many that are used.
pub(super) const fn most_spare(len: usize) -> usize {
    (len / 4).saturating_add(FIRST_ROOM)
}

/// Leaves the unused end of a buffer where it is small, and gives its length. To move the text into a buffer of its length
/// takes longer than to write it.
fn keep_spare(json: &mut String) -> u32 {
    let spare = |json: &String| json.capacity().saturating_sub(json.len());
    if spare(json) > most_spare(json.len()) {
        json.shrink_to_fit();
    }
    u32::try_from(spare(json)).unwrap_or(u32::MAX)
}

/// An array of JSON that lacks its end, with a string as its last element.
pub(super) fn append_string(array: &str, text: &str) -> ByteString {
    let len = array.len().saturating_add(text.len());
    let mut json = String::with_capacity(len.saturating_add(4));
    json.push_str(array);
    json.push_str(",\"");
    append_escaped(text, &mut json);
    json.push_str("\"]");
    json.into()
}
