//! Strings, looked at eight bytes at a time.

use core::str;

use crate::payload::scan;

/// Whether the text in front of `rest`, of so many bytes, is ASCII that stands for itself in JSON. `rest` starts with it, and
/// may be longer, in which case it is looked at in one piece. False for text of more than sixteen bytes.
#[inline]
pub(super) fn is_simple(rest: &[u8], len: usize) -> bool {
    let Some(&first) = rest.first_chunk() else {
        return false;
    };
    let Some(last) = len.checked_sub(8) else {
        // What is marked wrongly stands behind what is marked rightly, and so behind the text as well.
        return others(first) & !(u64::MAX << (8 * len)) == 0;
    };
    let last = rest.get(last..).and_then(<[u8]>::first_chunk);
    len <= 16 && last.is_some_and(|&last| others(first) | others(last) == 0)
}

/// The same for text of at least eight bytes; false for shorter text.
#[inline]
pub(super) fn is_simple_and_long(text: &[u8]) -> bool {
    let Some(&last) = text.last_chunk() else {
        return false;
    };
    let (words, _) = text.as_chunks();
    let marked = words
        .iter()
        .fold(others(last), |marked, &word| marked | others(word));
    marked == 0
}

/// The highest bit of each byte that is not ASCII or does not stand for itself in JSON. Exact up to the first of them.
#[inline]
fn others(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    scan::marks(word) | (word & HIGH)
}

/// The highest bit of each byte.
const HIGH: u64 = 0x8080_8080_8080_8080;
/// The lowest bit of each byte.
const LOW: u64 = 0x0101_0101_0101_0101;

/// What has to be known of a string.
#[derive(Clone, Copy, Default)]
pub(super) struct Look {
    /// Not zero if a byte is not ASCII.
    high: u64,
    /// Not zero if a byte has an escape in JSON.
    escaped: u64,
}

impl Look {
    #[inline]
    pub(super) fn at(text: &[u8]) -> Self {
        let mut look = Self::default();
        if let Some(last) = text.last_chunk() {
            for chunk in text.as_chunks().0 {
                look.add(u64::from_le_bytes(*chunk));
            }
            look.add(u64::from_le_bytes(*last));
        } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            let [first, last] = [first, last].map(|chunk| u64::from(u32::from_le_bytes(*chunk)));
            look.add(first | last << 32);
        } else {
            // What stands for bytes that are not there is plain.
            let mut chunk = u64::from_le_bytes(*b"        ");
            for byte in text {
                chunk = chunk << 8 | u64::from(*byte);
            }
            look.add(chunk);
        }
        look
    }

    #[inline]
    const fn add(&mut self, chunk: u64) {
        self.high |= chunk & HIGH;
        let quote = chunk ^ LOW.wrapping_mul(b'"' as u64);
        let backslash = chunk ^ LOW.wrapping_mul(b'\\' as u64);
        // Exact as to whether there is such a byte. See "Bit Twiddling Hacks", `haszero` and `hasless`.
        self.escaped |= HIGH
            & ((chunk.wrapping_sub(LOW.wrapping_mul(0x20)) & !chunk)
                | (quote.wrapping_sub(LOW) & !quote)
                | (backslash.wrapping_sub(LOW) & !backslash));
    }

    /// Whether the bytes are UTF-8.
    pub(super) fn is_utf8(self, text: &[u8]) -> bool {
        self.high == 0 || str::from_utf8(text).is_ok()
    }

    /// The length of the string in JSON.
    pub(super) fn json_len(self, text: &[u8]) -> usize {
        let plain = text.len().saturating_add(2);
        if self.escaped == 0 {
            plain
        } else {
            Self::escaped_len(text).saturating_add(plain)
        }
    }

    /// How much longer escapes make a string.
    #[cold]
    fn escaped_len(text: &[u8]) -> usize {
        text.iter().map(|byte| more(*byte)).sum()
    }
}

/// Whether bytes are UTF-8.
pub(super) fn is_utf8(text: &[u8]) -> bool {
    Look::at(text).is_utf8(text)
}

/// How much longer a byte gets by an escape, as `serde_json` and `JSON.stringify` write it.
const fn more(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 1,
        0..0x20 => 5,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// Texts of every length around a chunk with each byte in each place.
    #[test]
    fn simple_text_is_told_by_its_own_bytes() {
        for len in 0..=16 {
            for place in 0..20 {
                for byte in 0..=0xff_u8 {
                    let mut rest = [b'!'; 20];
                    rest[place] = byte;
                    let simple =
                        place >= len || matches!(byte, 0x20..0x80 if !b"\"\\".contains(&byte));
                    assert_eq!(is_simple(&rest, len), simple, "{len} of {rest:?}");
                    assert!(!is_simple(&rest[..7], len));
                }
            }
        }
    }

    #[test]
    fn each_byte_is_seen_in_each_place() {
        for len in 0..20 {
            for place in 0..len {
                for byte in 0..=0xff_u8 {
                    let mut text: Vec<u8> = Vec::new();
                    text.resize(len, b'!');
                    text[place] = byte;
                    assert_eq!(is_utf8(&text), byte < 0x80, "{text:?}");
                    let Ok(string) = str::from_utf8(&text) else {
                        continue;
                    };
                    let json = serde_json::to_string(string).map(|json| json.len());
                    let len = Look::at(&text).json_len(&text);
                    assert_eq!(json.ok(), Some(len), "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn texts_are_what_the_standard_library_takes_them_for(
            bytes in proptest::collection::vec(any::<u8>(), 0..24), text in "[ -~\n\u{1}é€😀]{0,24}",
        ) {
            prop_assert_eq!(is_utf8(&bytes), str::from_utf8(&bytes).is_ok());
            prop_assert!(is_utf8(text.as_bytes()));
            let json: String = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(Look::at(text.as_bytes()).json_len(text.as_bytes()), json.len());
        }
    }
}
