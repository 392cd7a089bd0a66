//! Finding what needs a look in the text between the quotes of a JSON string, eight bytes at a time.

use core::num::NonZeroU64;

/// The place of the first byte from `start` on that is a quote, a backslash or a control character, or where the text
/// ends.
#[inline]
pub(crate) fn unplain(bytes: &[u8], start: usize) -> usize {
    match bytes.get(start..) {
        Some(rest) => start + plain(rest),
        None => bytes.len(),
    }
}

/// What stands behind a string without escapes, given what stands behind its opening quote. `None` if the string is of
/// another kind, has no end, or is long.
#[inline]
pub(crate) fn behind_short_string(content: &[u8]) -> Option<&[u8]> {
    let &word = content.first_chunk()?;
    let at = first_mark(word)?;
    match content.get(at..) {
        Some([b'"', behind @ ..]) => Some(behind),
        _ => None,
    }
}

/// A string without escapes, given what stands behind its opening quote. `None` if it is of another kind, or long.
#[inline]
pub(crate) fn short_string(content: &str) -> Option<&str> {
    let bytes = content.as_bytes();
    let &word = bytes.first_chunk()?;
    let len = first_mark(word)?;
    if bytes.get(len) == Some(&b'"') {
        content.get(..len)
    } else {
        None
    }
}

/// The number of bytes in front of the first that is a quote, a backslash or a control character.
#[inline]
pub(crate) fn plain(text: &[u8]) -> usize {
    // Most strings are short.
    if text.len() < 8 {
        return plain_in_short(text);
    }
    first_mark_of_two(text).unwrap_or_else(|| plain_in_long(text))
}

/// The number of bytes in front of the first that is marked, if it is in one of the first two words.
#[inline]
fn first_mark_of_two(text: &[u8]) -> Option<usize> {
    let (&one, behind) = text.split_first_chunk()?;
    match first_mark(one) {
        Some(at) => Some(at),
        None => Some(8 + first_mark(*behind.first_chunk()?)?),
    }
}

/// The number of bytes in front of the first that is marked.
#[inline]
fn first_mark(word: [u8; 8]) -> Option<usize> {
    let marked = NonZeroU64::new(marks(u64::from_le_bytes(word)))?;
    // The compiler knows that it is less than eight.
    Some((marked.trailing_zeros() / u8::BITS) as usize)
}

/// The same for longer text.
#[inline(never)]
fn plain_in_long(text: &[u8]) -> usize {
    plain_by_pairs(text)
}

/// The same, sixteen bytes at a time.
#[inline(always)]
pub(crate) fn plain_by_pairs(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((pair, behind)) = rest.split_first_chunk::<16>() {
        let [one, two] = words(pair).map(marks);
        if one | two != 0 {
            let at = if one == 0 { 8 + first(two) } else { first(one) };
            return text.len() - rest.len() + at;
        }
        rest = behind;
    }
    if let Some((&word, behind)) = rest.split_first_chunk() {
        if let Some(at) = first_mark(word) {
            return text.len() - rest.len() + at;
        }
        rest = behind;
    }
    text.len() - rest.len() + plain_in_short(rest)
}

/// The same for fewer than eight bytes.
#[inline]
fn plain_in_short(text: &[u8]) -> usize {
    let marked = marks(short_word(text));
    if marked == 0 {
        return text.len();
    }
    let at = first(marked);
    // The second half of the word is the last four bytes of more than four.
    if at < 4 { at } else { text.len() + at - 8 }
}

#[inline]
fn words(pair: &[u8; 16]) -> [u64; 2] {
    let pair = u128::from_le_bytes(*pair);
    [pair as u64, (pair >> 64) as u64]
}

/// The number of bytes in front of the first that is marked.
#[inline]
fn first(marked: u64) -> usize {
    (marked.trailing_zeros() / u8::BITS) as usize
}

/// The number of decimal digits in front of the first byte that is none.
#[inline]
pub(crate) fn digits(word: [u8; 8]) -> usize {
    // A digit becomes its value.
    let values = u64::from_le_bytes(word) ^ all(b'0');
    // Exact up to the first byte that is no digit: only from there on are there carries.
    let others = (values.wrapping_add(all(0x76)) | values) & HIGH;
    first(others)
}

/// Whether there is no quote, no backslash and no control character in the text.
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    if text.len() < 8 {
        marks(short_word(text)) == 0
    } else {
        is_long_and_plain(text)
    }
}

/// The same for at least eight bytes.
#[inline(never)]
fn is_long_and_plain(text: &[u8]) -> bool {
    let Some(&last) = text.last_chunk() else {
        return false;
    };
    let (words, _) = text.as_chunks();
    let marked = |word: &[u8; 8]| marks(u64::from_le_bytes(*word));
    words
        .iter()
        .fold(marked(&last), |all, word| all | marked(word))
        == 0
}

/// Fewer than eight bytes, with others behind them that are not marked.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    if let (Some(&first), Some(&last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // They overlap, or touch each other.
        let [first, last] = [first, last].map(u32::from_le_bytes).map(u64::from);
        return first | last << 32;
    }
    match *bytes {
        [] => HIGH,
        [one] => u64::from(one) | (HIGH << 8),
        [one, two] => u64::from(one) | u64::from(two) << 8 | (HIGH << 16),
        [one, two, three, ..] => {
            u64::from(one) | u64::from(two) << 8 | u64::from(three) << 16 | (HIGH << 24)
        }
    }
}

/// The highest bit of each byte that is a quote, a backslash or a control character. Exact up to the first of them: one of
/// the bytes behind it may be marked wrongly.
#[inline]
pub(super) fn marks(word: u64) -> u64 {
    // With the second bit turned round, a quote comes right behind the control characters.
    let quote_or_control = (word ^ all(0x02)).wrapping_sub(all(0x21));
    let backslash = (word ^ all(b'\\')).wrapping_sub(all(1));
    (quote_or_control | backslash) & !word & HIGH
}

const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

const HIGH: u64 = all(0x80);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_unplain(byte: u8) -> bool {
        matches!(byte, b'"' | b'\\' | 0..=0x1f)
    }

    fn check(bytes: &[u8], start: usize) {
        let rest = bytes.get(start..).unwrap_or_default();
        let found = rest.iter().position(|&byte| is_unplain(byte));
        let expected = found.map_or(bytes.len(), |at| start + at);
        assert_eq!(unplain(bytes, start), expected, "{bytes:x?} from {start}");
        assert_eq!(is_plain(rest), found.is_none(), "{rest:x?}");
        let string = found.filter(|&at| rest[at] == b'"');
        if let Some(behind) = behind_short_string(rest) {
            assert_eq!(string, Some(rest.len() - behind.len() - 1), "{rest:x?}");
        } else {
            let words = rest.len() / 8 * 8;
            assert!(string.is_none_or(|at| at >= words.min(8)), "{rest:x?}");
        }
        if let Ok(text) = core::str::from_utf8(rest) {
            let expected = string.filter(|&at| at < (rest.len() / 8 * 8).min(8));
            assert_eq!(short_string(text), expected.map(|at| &text[..at]));
        }
    }

    #[test]
    fn every_byte_is_told_from_every_other_one_around_it() {
        for byte in 0..=u8::MAX {
            for other in [b'a', b'!', b'#', b'[', b']', b' ', 0x7f, 0x80, 0xff, byte] {
                for len in 0..20 {
                    for at in 0..len {
                        let mut bytes = alloc::vec![other; len];
                        bytes[at] = byte;
                        for start in [0, 1, at] {
                            check(&bytes, start);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_place_behind_the_end_finds_the_end() {
        for start in 0..12 {
            check(b"abcdefghi", start);
            check(b"", start);
        }
    }

    proptest! {
        #[test]
        fn digits_are_counted_as_byte_by_byte(
            word in proptest::array::uniform8(prop_oneof![3 => b'0'..=b'9', 1 => any::<u8>(), 1 => b'/'..=b':'])
        ) {
            let count = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
            assert_eq!(digits(word), count, "{word:x?}");
        }

        #[test]
        fn what_is_found_is_what_is_found_byte_by_byte(
            bytes in proptest::collection::vec(
                prop_oneof![4 => any::<u8>(), 1 => Just(b'"'), 1 => Just(b'\\'), 2 => 0x1e_u8..0x24], 0..40
            ),
            start in 0_usize..42,
        ) {
            check(&bytes, start);
        }

        #[test]
        fn long_plain_text_is_passed(len in 0_usize..100, start in 0_usize..100, byte in 0x23_u8..0x5c) {
            check(&alloc::vec![byte; len], start);
        }
    }
}
