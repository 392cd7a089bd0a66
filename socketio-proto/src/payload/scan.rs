//! Finding what needs a look in the text between the quotes of a JSON string, eight bytes at a time.

/// The place of the first byte from `start` on that is a quote, a backslash or a control character, or where the text
/// ends.
#[inline]
pub(crate) fn unplain(bytes: &[u8], start: usize) -> usize {
    find(bytes, start, |word| {
        equals(word, b'"') | equals(word, b'\\') | is_control(word)
    })
}

/// The place of the first byte from `start` on that is a quote or a backslash, or where the text ends.
#[inline]
pub(crate) fn quote_or_backslash(bytes: &[u8], start: usize) -> usize {
    find(bytes, start, |word| {
        equals(word, b'"') | equals(word, b'\\')
    })
}

/// The place of the first byte from `start` on of which `marks` sets the highest bit. What it sets of bytes behind that one
/// does not matter, nor does any lower bit.
#[inline]
fn find(bytes: &[u8], start: usize, marks: impl Fn(u64) -> u64) -> usize {
    let mut rest = bytes.get(start..).unwrap_or_default();
    while let Some((&word, behind)) = rest.split_first_chunk() {
        let marked = marks(u64::from_le_bytes(word)) & HIGH;
        if marked != 0 {
            return behind_of(bytes, rest).saturating_add(first(marked));
        }
        rest = behind;
    }
    let marked = marks(last_word(bytes, rest)) & HIGH;
    behind_of(bytes, rest).saturating_add(first(marked).min(rest.len()))
}

/// The last bytes, fewer than eight, with zeros behind them.
#[inline]
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    if let Some(&last) = bytes.last_chunk() {
        let missing = 8_usize.saturating_sub(rest.len());
        let shift = u8::BITS.saturating_mul(missing as u32);
        return u64::from_le_bytes(last).checked_shr(shift).unwrap_or(0);
    }
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(rest) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}

/// Where `rest` starts, with which `bytes` ends.
#[inline]
fn behind_of(bytes: &[u8], rest: &[u8]) -> usize {
    bytes.len().saturating_sub(rest.len())
}

/// The number of bytes in front of the first that is marked.
#[inline]
fn first(marked: u64) -> usize {
    (marked.trailing_zeros() / u8::BITS) as usize
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Marks the bytes that are this one; exact up to the first.
#[inline]
fn equals(word: u64, byte: u8) -> u64 {
    let other = word ^ u64::from_ne_bytes([byte; 8]);
    other.wrapping_sub(ONES) & !other
}

/// Marks the bytes below 0x20; exact up to the first.
#[inline]
fn is_control(word: u64) -> u64 {
    word.wrapping_sub(u64::from_ne_bytes([0x20; 8])) & !word
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same byte by byte.
    fn position(bytes: &[u8], start: usize, is_marked: impl Fn(&u8) -> bool) -> usize {
        let rest = bytes.get(start..).unwrap_or_default();
        let found = rest.iter().position(is_marked);
        found.map_or(bytes.len(), |at| start + at)
    }

    fn check(bytes: &[u8], start: usize) {
        let quote = |byte: &u8| matches!(byte, b'"' | b'\\');
        assert_eq!(
            quote_or_backslash(bytes, start),
            position(bytes, start, quote),
            "{bytes:x?} from {start}"
        );
        assert_eq!(
            unplain(bytes, start),
            position(bytes, start, |byte| quote(byte) || *byte < 0x20),
            "{bytes:x?} from {start}"
        );
    }

    #[test]
    fn every_byte_is_told_from_every_other_one_in_front_of_it() {
        for byte in 0..=u8::MAX {
            for before in [b'a', b'!', b'#', b'[', b']', b' ', 0x7f, 0x80, 0xff, byte] {
                for at in 0..20 {
                    let mut bytes = [before; 20];
                    if let Some(place) = bytes.get_mut(at) {
                        *place = byte;
                    }
                    for start in [0, 1, at, 19, 20, 21] {
                        check(&bytes, start);
                    }
                }
            }
        }
    }

    proptest! {
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
