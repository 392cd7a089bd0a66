//! Changes that make a valid value nearly valid.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use bytestring::ByteString;

use crate::{Frame, Message};

/// The kinds of change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// One byte becomes another one.
    Set,
    /// One bit of a byte is flipped.
    Flip,
    /// A byte is one more than it was, so that a length or a type is off by one.
    More,
    /// A byte is one less than it was.
    Less,
    /// A byte is inserted.
    Insert,
    /// A byte is removed.
    Remove,
    /// A run of bytes stands there twice.
    Double,
    /// A byte and the next one change places.
    Swap,
    /// The value ends before its end.
    Cut,
}

impl Change {
    /// All kinds.
    pub const ALL: &[Self] = &[
        Self::Set,
        Self::Flip,
        Self::More,
        Self::Less,
        Self::Insert,
        Self::Remove,
        Self::Double,
        Self::Swap,
        Self::Cut,
    ];
}

/// A change at a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Mutation {
    /// The kind of change.
    pub change: Change,
    /// The place: zero is the beginning of the value, and the largest number is its end.
    pub at: u16,
    /// The new byte, the bit, or the length of the run, as the kind of change needs it.
    pub byte: u8,
    /// Whether the place is one of those that hold a type, a length or a separator, if the value knows them. A list
    /// loses or doubles whole elements then.
    pub structural: bool,
}

impl Mutation {
    /// Makes a change at any place.
    #[must_use]
    pub const fn new(change: Change, at: u16, byte: u8) -> Self {
        Self {
            change,
            at,
            byte,
            structural: false,
        }
    }

    /// Moves the change to a place that holds a type, a length or a separator.
    #[must_use]
    pub const fn at_structure(mut self) -> Self {
        self.structural = true;
        self
    }

    /// Changes bytes. Types, lengths and separators are at the places in `structure`.
    pub fn change_bytes(&self, bytes: &mut Vec<u8>, structure: &[usize]) {
        self.apply(bytes, structure);
    }

    /// Changes text by characters, so that it stays text. Places are counted in characters.
    pub fn change_text(&self, text: &mut String, structure: &[usize]) {
        let mut chars: Vec<char> = text.chars().collect();
        self.apply(&mut chars, structure);
        *text = chars.into_iter().collect();
    }

    /// The element of a list that the place is in, and the same change at the place within it.
    #[must_use]
    pub fn within(&self, elements: usize) -> (usize, Self) {
        let scaled = usize::from(self.at) * elements;
        let inner = Self {
            at: (scaled & 0xffff) as u16,
            ..*self
        };
        (scaled >> 16, inner)
    }

    fn apply<T: Unit>(&self, units: &mut Vec<T>, structure: &[usize]) {
        let at = self.place(units.len(), structure);
        match (self.change, units.get_mut(at)) {
            (Change::Set, Some(unit)) => {
                let new = T::of(self.byte);
                *unit = if *unit == new { new.stepped(true) } else { new };
            }
            (Change::Flip, Some(unit)) => *unit = unit.flipped(self.byte % 8),
            (Change::More, Some(unit)) => *unit = unit.stepped(true),
            (Change::Less, Some(unit)) => *unit = unit.stepped(false),
            (Change::Remove, Some(_)) => drop(units.remove(at)),
            (Change::Double, Some(_)) => double(units, at, usize::from(self.byte % 16)),
            (Change::Swap, Some(_)) => swap(units, at),
            (Change::Cut, _) => units.truncate(at),
            _ => units.insert(at.min(units.len()), T::of(self.byte)),
        }
    }

    fn place(&self, len: usize, structure: &[usize]) -> usize {
        if self.structural
            && let Some(at) = structure.get(self.within(structure.len()).0)
        {
            return *at;
        }
        let places = len + usize::from(self.change == Change::Insert);
        self.within(places).0
    }
}

fn double<T: Clone>(units: &mut Vec<T>, at: usize, more: usize) {
    let again: Vec<T> = units.iter().skip(at).take(more + 1).cloned().collect();
    units.splice(at..at, again);
}

/// The last one has no next one.
fn swap<T>(units: &mut [T], at: usize) {
    if at + 1 < units.len() {
        units.swap(at, at + 1);
    }
}

/// What a value consists of.
trait Unit: Copy + PartialEq {
    fn of(byte: u8) -> Self;
    fn flipped(self, bit: u8) -> Self;
    fn stepped(self, up: bool) -> Self;
}

impl Unit for u8 {
    fn of(byte: u8) -> Self {
        byte
    }

    fn flipped(self, bit: u8) -> Self {
        self ^ 1_u8.rotate_left(bit.into())
    }

    fn stepped(self, up: bool) -> Self {
        self.wrapping_add(if up { 1 } else { Self::MAX })
    }
}

impl Unit for char {
    fn of(byte: u8) -> Self {
        match byte {
            ascii @ ..=0x7f => ascii.into(),
            0x80..=0x9f => '\u{1e}',
            0xa0..=0xbf => '\u{feff}',
            0xc0..=0xdf => '€',
            _ => '😀',
        }
    }

    fn flipped(self, bit: u8) -> Self {
        Self::from_u32(u32::from(self) ^ 1_u32.rotate_left(bit.into())).unwrap_or('\0')
    }

    fn stepped(self, up: bool) -> Self {
        let next = u32::from(self).wrapping_add(if up { 1 } else { u32::MAX });
        Self::from_u32(next).unwrap_or('\0')
    }
}

/// A value that can be changed, so that it is nearly valid.
pub trait Mutate {
    /// Applies a change.
    fn mutate(&mut self, mutation: &Mutation);
}

impl Mutate for Bytes {
    fn mutate(&mut self, mutation: &Mutation) {
        let mut bytes = self.to_vec();
        mutation.change_bytes(&mut bytes, &[0]);
        *self = bytes.into();
    }
}

impl Mutate for String {
    fn mutate(&mut self, mutation: &Mutation) {
        mutation.change_text(self, &[0]);
    }
}

impl Mutate for ByteString {
    fn mutate(&mut self, mutation: &Mutation) {
        let mut text = String::from(&**self);
        text.mutate(mutation);
        *self = text.into();
    }
}

impl Mutate for Message {
    fn mutate(&mut self, mutation: &Mutation) {
        match self {
            Self::Text(text) => text.mutate(mutation),
            Self::Binary(data) => data.mutate(mutation),
        }
    }
}

impl Mutate for Frame {
    fn mutate(&mut self, mutation: &Mutation) {
        match self {
            Self::Text(text) => text.mutate(mutation),
            Self::Binary(data) => data.mutate(mutation),
        }
    }
}

/// A change is one of an element, or one of the list: an element is lost, doubled or in the wrong place.
impl<T: Mutate + Clone> Mutate for Vec<T> {
    fn mutate(&mut self, mutation: &Mutation) {
        let (at, inner) = mutation.within(self.len());
        match (mutation.change, self.get_mut(at)) {
            (Change::Remove, Some(_)) if mutation.structural => drop(self.remove(at)),
            (Change::Double, Some(_)) if mutation.structural => double(self, at, 0),
            (Change::Swap, Some(_)) if mutation.structural => swap(self, at),
            (Change::Cut, Some(_)) if mutation.structural => self.truncate(at),
            (_, Some(element)) => element.mutate(&inner),
            (_, None) => {}
        }
    }
}
