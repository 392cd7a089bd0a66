//! The JSON of a packed payload.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::read::{Item, Reader};
use super::text::{Look, is_simple, is_simple_and_long};
use crate::payload::escape::escape;

/// What stands around the number of a placeholder.
pub(super) const PLACEHOLDER: [&str; 2] = ["{\"_placeholder\":true,\"num\":", "}"];

/// Counts the bytes of JSON that one item after the other becomes.
#[derive(Default)]
pub(crate) struct Measure {
    len: usize,
    attachments: u32,
}

impl Measure {
    /// The length of the JSON of all items.
    pub(crate) fn of(packed: &[u8]) -> usize {
        let mut measure = Self::default();
        let mut reader = Reader::new(packed);
        while let Some(item) = reader.read() {
            measure.add(item);
        }
        measure.len()
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Counts bytes of JSON.
    #[inline]
    pub(crate) const fn count(&mut self, bytes: usize) {
        self.len = self.len.saturating_add(bytes);
    }

    /// Counts an item, of which what is in it comes later.
    #[inline]
    pub(crate) fn add(&mut self, item: Item<'_>) {
        let len = match item {
            Item::Text(text) => Look::at(text).json_len(text),
            Item::Nil | Item::Bool(true) => 4,
            Item::Bool(false) => 5,
            Item::Uint(value) => digits(value),
            Item::Int(value) => digits(value.unsigned_abs()).saturating_add(1),
            Item::Float(value) => float_len(value),
            Item::Array(items) | Item::Map(items) => container(items),
            Item::Binary(_) => {
                let num = self.attachments;
                self.attachments = num.saturating_add(1);
                let around = const { PLACEHOLDER[0].len() + PLACEHOLDER[1].len() };
                digits(num.into()).saturating_add(around)
            }
            // Not in packed payloads.
            Item::Undefined | Item::Date(_) | Item::Ext(..) => 0,
        };
        self.len = self.len.saturating_add(len);
    }

    /// Counts a string, which is the first bytes of `rest`; false if it is not UTF-8.
    #[inline]
    pub(crate) fn text(&mut self, text: &[u8], rest: &[u8]) -> bool {
        if is_simple(rest, text.len()) {
            self.count(text.len().saturating_add(2));
            return true;
        }
        self.other_text(text)
    }

    #[inline(never)]
    fn other_text(&mut self, text: &[u8]) -> bool {
        if is_simple_and_long(text) {
            self.count(text.len().saturating_add(2));
            return true;
        }
        let look = Look::at(text);
        self.len = self.len.saturating_add(look.json_len(text));
        look.is_utf8(text)
    }
}

/// The brackets of an array or object, and the commas and colons between so many items.
#[inline]
pub(crate) fn container(items: u32) -> usize {
    usize::try_from(items.saturating_sub(1)).map_or(usize::MAX, |signs| signs.saturating_add(2))
}

/// The length of a finite float.
pub(crate) fn float_len(value: f64) -> usize {
    short_float_len(value).unwrap_or_else(|| zmij::Buffer::new().format_finite(value).len())
}

/// The same for a float with three decimals at most that is not too large. No two numbers of fifteen digits become the same
/// float, so that its shortest form has them.
fn short_float_len(value: f64) -> Option<usize> {
    let magnitude = value.abs();
    let sign = usize::from(value.is_sign_negative());
    for (decimals, power) in [(0, 1.0), (1, 10.0), (2, 100.0), (3, 1000.0)] {
        let whole = (magnitude * power + 0.5) as u32;
        // 32 bits are a float exactly, so that the quotient is rounded once.
        if f64::from(whole) / power == magnitude {
            let least = decimals.max(1) + 1;
            let digits = digits(whole.into()) + usize::from(decimals == 0);
            return Some(sign + digits.max(least) + 1);
        }
    }
    None
}

pub(crate) fn digits(value: u64) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Writes the JSON of one value, which has this length. Linear time, no recursion.
pub(super) fn write(packed: &[u8], len: usize) -> String {
    let mut json = String::with_capacity(len);
    let mut reader = Reader::new(packed);
    let mut open: Vec<Open> = Vec::new();
    let mut attachments = 0_u32;
    while let Some(item) = reader.read() {
        write_item(item, &mut attachments, &mut json);
        if let Item::Array(items) | Item::Map(items) = item {
            open.push(Open::new(items, matches!(item, Item::Map(_))));
        }
        while let Some(innermost) = open.last_mut() {
            if let Some(sign) = innermost.next_sign() {
                json.push_str(sign);
                break;
            }
            json.push(if innermost.map { '}' } else { ']' });
            open.pop();
        }
    }
    json
}

/// An array or map that is not complete.
struct Open {
    map: bool,
    items: u32,
    left: u32,
}

impl Open {
    const fn new(items: u32, map: bool) -> Self {
        Self {
            map,
            items,
            left: items,
        }
    }

    /// What stands before the next item; `None` at the end.
    fn next_sign(&mut self) -> Option<&'static str> {
        let first = self.left == self.items;
        let value = self.map && self.left % 2 == 1;
        self.left = self.left.checked_sub(1)?;
        Some(match (first, value) {
            (true, _) => "",
            (false, true) => ":",
            (false, false) => ",",
        })
    }
}

/// Writes a scalar, or how an array or map begins.
fn write_item(item: Item<'_>, attachments: &mut u32, json: &mut String) {
    // Writing to a string does not fail.
    let _ = match item {
        Item::Nil => json.write_str("null"),
        Item::Bool(value) => json.write_str(if value { "true" } else { "false" }),
        Item::Uint(value) => write!(json, "{value}"),
        Item::Int(value) => write!(json, "{value}"),
        Item::Float(value) => json.write_str(zmij::Buffer::new().format_finite(value)),
        Item::Text(_) => {
            json.push('"');
            escape(item.text().unwrap_or_default(), |piece| {
                json.push_str(piece);
            });
            json.write_str("\"")
        }
        Item::Array(_) => json.write_str("["),
        Item::Map(_) => json.write_str("{"),
        Item::Binary(_) => {
            let num = *attachments;
            *attachments = num.saturating_add(1);
            let [before, behind] = PLACEHOLDER;
            write!(json, "{before}{num}{behind}")
        }
        // Not in packed payloads.
        Item::Undefined | Item::Date(_) | Item::Ext(..) => Ok(()),
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(value: f64) {
        let expected = zmij::Buffer::new().format_finite(value).len();
        assert_eq!(float_len(value), expected, "{value}");
    }

    #[test]
    fn small_numbers_with_few_decimals_are_as_long_as_they_are_written() {
        for whole in (0..12_000).chain((0..32).map(|bit| (1_u32 << bit) - 1)) {
            for power in [1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0, 1e6] {
                for sign in [1.0, -1.0] {
                    check(sign * f64::from(whole) / power);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn floats_are_as_long_as_they_are_written(bits in any::<u64>(), whole in any::<i64>(), decimals in 0..20) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                check(value);
            }
            check(whole as f64 / 10_f64.powi(decimals));
            check((whole >> 32) as f64 / 10_f64.powi(decimals % 5));
        }
    }
}
