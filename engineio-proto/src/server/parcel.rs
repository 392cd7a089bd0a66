//! The parts of one message, measured once.

use crate::Encoded;

/// The parts of one message that go out back to back, with what each recipient's queue has to know of them: it is measured
/// once, however many recipients there are.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    parts: &'a [Encoded],
    /// The bytes of the messages, without packet types and encoding.
    bytes: usize,
    /// The bytes of memory that they take.
    size: usize,
}

impl<'a> Parcel<'a> {
    /// Measures the parts of a message.
    ///
    /// Cost: O(p) for p parts.
    #[must_use]
    pub fn new(parts: &'a [Encoded]) -> Self {
        let sum =
            |size: fn(&Encoded) -> usize| parts.iter().map(size).fold(0, usize::saturating_add);
        Self {
            parts,
            bytes: sum(Encoded::payload_len),
            size: sum(Encoded::fixed_size),
        }
    }

    /// The parts.
    #[must_use]
    pub const fn parts(&self) -> &'a [Encoded] {
        self.parts
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }
}
