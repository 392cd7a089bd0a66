//! From any MessagePack to that which stands for JSON.

use alloc::string::String;
use alloc::vec::Vec;

use super::date;
use crate::payload::packed::read::{Item, Reader};
use crate::payload::packed::write::{Opened, Packer};

use crate::payload::placeholder::FLAG;

/// Writes a value that was scanned in the form of a packed payload.
///
/// Linear time, no recursion.
pub(super) fn write(data: &[u8], attachments: bool) -> Vec<u8> {
    let mut writer = Writer {
        packer: Packer::with_capacity(data.len()),
        open: Vec::new(),
        attachments,
    };
    let mut reader = Reader::new(data);
    // What was scanned can be read.
    if let Some(first) = reader.read() {
        writer.value(first);
    }
    while writer.next(&mut reader).is_some() {}
    writer.packer.finish()
}

struct Writer<'a> {
    packer: Packer<'a>,
    open: Vec<Open>,
    /// Whether there are attachments, beside which nothing may look like a placeholder.
    attachments: bool,
}

/// An array or map that is not complete.
struct Open {
    opened: Opened,
    map: bool,
    /// The items that are still to come.
    left: u32,
    /// The items or members that were written.
    written: u32,
}

impl<'a> Writer<'a> {
    /// Writes the next item or member; `None` at the end.
    fn next(&mut self, reader: &mut Reader<'a>) -> Option<()> {
        let open = self.open.last_mut()?;
        if open.left == 0 {
            self.packer.close(open.opened, open.written);
            self.open.pop();
            return Some(());
        }
        if !open.map {
            open.left = open.left.saturating_sub(1);
            open.written = open.written.saturating_add(1);
            let item = reader.read()?;
            self.value(item);
            return Some(());
        }
        open.left = open.left.saturating_sub(2);
        let (key, value) = (reader.read()?, reader.read()?);
        if value != Item::Undefined {
            open.written = open.written.saturating_add(1);
            self.key(key);
            if self.attachments && value == Item::Bool(true) && key.text() == Some(FLAG) {
                self.packer.uint(1);
            } else {
                self.value(value);
            }
        }
        Some(())
    }

    /// Writes a key as the text that JavaScript makes of it.
    fn key(&mut self, key: Item<'_>) {
        match key {
            Item::Text(_) => self.packer.text(key.text().unwrap_or_default()),
            Item::Bool(value) => self.packer.text(if value { "true" } else { "false" }),
            Item::Uint(value) => self.packer.text(itoa::Buffer::new().format(value)),
            Item::Int(value) => self.packer.text(itoa::Buffer::new().format(value)),
            Item::Float(value) if value.is_finite() => {
                self.packer.text(zmij::Buffer::new().format_finite(value));
            }
            Item::Nil
            | Item::Float(_)
            | Item::Binary(_)
            | Item::Array(_)
            | Item::Map(_)
            | Item::Undefined
            | Item::Date(_)
            | Item::Ext(..) => self.packer.text("null"),
        }
    }

    fn value(&mut self, item: Item<'a>) {
        match item {
            Item::Nil | Item::Undefined => self.packer.nil(),
            Item::Bool(value) => self.packer.bool(value),
            Item::Uint(value) => self.packer.uint(value),
            Item::Int(value) => self.int(value),
            Item::Float(value) => self.packer.float(value),
            Item::Text(_) => self.packer.text(item.text().unwrap_or_default()),
            Item::Binary(data) => self.packer.binary(data),
            Item::Array(left) => {
                let opened = self.packer.open_array(usize::try_from(left).ok());
                self.open(opened, left, false);
            }
            Item::Map(left) => {
                let opened = self.packer.open_map(usize::try_from(left / 2).ok());
                self.open(opened, left, true);
            }
            Item::Date(millis) => {
                let mut json = String::new();
                date::write(millis, &mut json);
                match json
                    .strip_prefix('"')
                    .and_then(|date| date.strip_suffix('"'))
                {
                    Some(date) => self.packer.text(date),
                    None => self.packer.nil(),
                }
            }
            Item::Ext(ty, data) => {
                let opened = self.packer.open_array(Some(2));
                self.int(ty.into());
                self.packer.binary(data);
                self.packer.close(opened, 2);
            }
        }
    }

    fn int(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.packer.uint(value),
            Err(_) => self.packer.int(value),
        }
    }

    fn open(&mut self, opened: Opened, left: u32, map: bool) {
        self.open.push(Open {
            opened,
            map,
            left,
            written: 0,
        });
    }
}
