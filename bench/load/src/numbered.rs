//! Prebuilt bytes with a number that is replaced in place.

use crate::websocket;

/// The place of the number in a text.
pub const PLACE: &str = "######";

const DIGITS: usize = PLACE.len();

/// The least number of six digits, so that all numbers have the same length.
pub const FIRST: u64 = 100_000;

/// A text, or a frame of one, with a number of six digits.
#[derive(Clone, Debug)]
pub struct Numbered {
    bytes: Vec<u8>,
    at: usize,
    /// The bytes of the mask that the digits are combined with; zeros outside of frames.
    mask: [u8; DIGITS],
}

impl Numbered {
    /// A text as it is. The number is where [`PLACE`] stands, or the text does not change.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        let at = text.find(PLACE);
        Self {
            bytes: text.into(),
            at: at.unwrap_or(text.len()),
            mask: [0; DIGITS],
        }
    }

    /// The masked frame of a text of at most 125 bytes.
    #[must_use]
    pub fn frame(text: &str) -> Self {
        let Self { at, .. } = Self::plain(text);
        Self {
            bytes: websocket::encode(websocket::TEXT, text.as_bytes()),
            at: at + websocket::HEADER,
            mask: std::array::from_fn(|index| websocket::MASK[(at + index) % 4]),
        }
    }

    /// The bytes with the number, which counts from [`FIRST`] and begins again after six digits.
    pub fn with(&mut self, number: u64) -> &[u8] {
        let mut rest = FIRST + number % (9 * FIRST);
        if let Some(place) = self.bytes.get_mut(self.at..self.at + DIGITS) {
            for (byte, mask) in place.iter_mut().zip(self.mask).rev() {
                *byte = (b'0' + (rest % 10) as u8) ^ mask;
                rest /= 10;
            }
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_replaced_in_place() {
        let mut text = Numbered::plain(r#"42######["echo"]"#);
        assert_eq!(text.with(0), br#"42100000["echo"]"#);
        assert_eq!(text.with(7_654), br#"42107654["echo"]"#);
        assert_eq!(text.with(899_999), br#"42999999["echo"]"#);
        assert_eq!(text.with(900_000), br#"42100000["echo"]"#);
    }

    #[test]
    fn a_frame_stays_the_frame_of_the_text() {
        let mut frame = Numbered::frame(r#"42######["echo"]"#);
        let expected = websocket::encode(websocket::TEXT, br#"42123456["echo"]"#);
        assert_eq!(frame.with(23_456), expected);
    }
}
