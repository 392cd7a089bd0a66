//! Finding what needs a look in the text between the quotes of a JSON string, eight bytes at a time.

/// The place of the first byte from `start` on that is a quote, a backslash or a control character, or where the text
/// ends.
#[inline]
pub(crate) fn unplain(bytes: &[u8], start: usize) -> usize {
    // Most strings are short.
    let Some(&word) = bytes.get(start..).and_then(<[u8]>::first_chunk) else {
        return unplain_in_rest(bytes, start);
    };
    let marked = marks(u64::from_le_bytes(word));
    if marked != 0 {
        return start + first(marked);
    }
    unplain_behind(bytes, start + 8)
}

/// The same for long text.
#[inline(never)]
fn unplain_behind(bytes: &[u8], start: usize) -> usize {
    let mut pos = start;
    while let Some(&word) = bytes.get(pos..).and_then(<[u8]>::first_chunk) {
        let marked = marks(u64::from_le_bytes(word));
        if marked != 0 {
            return pos + first(marked);
        }
        pos += 8;
    }
    unplain_in_rest(bytes, pos)
}

/// The number of bytes in front of the first that is marked.
#[inline]
fn first(marked: u64) -> usize {
    (marked.trailing_zeros() / u8::BITS) as usize
}

/// The same for the last bytes, fewer than eight.
#[inline(never)]
fn unplain_in_rest(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let found = rest.iter().position(|&byte| is_unplain(byte));
    found.map_or(bytes.len(), |at| start + at)
}

/// Whether there is no quote, no backslash and no control character in the text.
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let Some(&last) = text.last_chunk() else {
        return marks(short_word(text)) == 0;
    };
    let mut rest = text;
    while let Some((&word, behind)) = rest.split_first_chunk() {
        if marks(u64::from_le_bytes(word)) != 0 {
            return false;
        }
        rest = behind;
    }
    marks(u64::from_le_bytes(last)) == 0
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

fn is_unplain(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1f)
}

/// The highest bit of each byte that is a quote, a backslash or a control character. Exact up to the first of them: one of
/// the bytes behind it may be marked wrongly.
#[inline]
fn marks(word: u64) -> u64 {
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

    fn check(bytes: &[u8], start: usize) {
        let rest = bytes.get(start..).unwrap_or_default();
        let found = rest.iter().position(|&byte| is_unplain(byte));
        let expected = found.map_or(bytes.len(), |at| start + at);
        assert_eq!(unplain(bytes, start), expected, "{bytes:x?} from {start}");
        assert_eq!(is_plain(rest), found.is_none(), "{rest:x?}");
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
