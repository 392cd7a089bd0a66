//! Bytes of a connection that wait for their turn.

use alloc::vec::Vec;

/// Bytes that came and cannot be read yet.
///
/// Taking small pieces off the front copies each byte twice at most, however many pieces there are.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    /// Where those begin that are left.
    start: usize,
}

impl Held {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            start: 0,
        }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.start)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes on the heap.
    pub(super) const fn bytes_held(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            *self = Self::new(self.as_slice());
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes bytes off the front until this many are left.
    pub(super) fn keep_last(&mut self, len: usize) {
        self.start = self.bytes.len().saturating_sub(len);
        if len == 0 {
            *self = Self::default();
        } else if self.start >= len {
            // What is read takes as much room as what is left.
            *self = Self::new(self.as_slice());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_kept_and_little_else() {
        let mut held = Held::new(&[7; 100]);
        held.push(&[8; 10]);
        for len in (0..110).rev() {
            held.keep_last(len);
            assert_eq!(held.len(), len);
            assert_eq!(held.is_empty(), len == 0);
            assert!(held.as_slice().iter().rev().take(10).all(|byte| *byte == 8));
            assert!(len >= 55 || held.bytes_held() <= 2 * len + 1, "{len}");
        }
        assert_eq!(held.bytes_held(), 0);
    }

    #[test]
    fn what_comes_later_stands_behind_what_is_left() {
        let mut held = Held::new(b"abcd");
        held.keep_last(3);
        held.push(b"ef");
        assert_eq!(held.as_slice(), b"bcdef");
    }
}
