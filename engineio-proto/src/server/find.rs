//! A search in short texts.

/// The place of the first of some ASCII characters. It looks at eight bytes at a time: for texts as short as a parameter or
/// a header, a search that first chooses among instructions costs more.
pub(super) fn find<const N: usize>(text: &[u8], characters: [u8; N]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let (chunks, rest) = text.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let bytes = u64::from_le_bytes(*chunk);
        // The highest bit of a byte that is zero, and maybe of some behind it.
        let zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes & HIGH;
        let found = characters.iter().fold(0, |found, character| {
            found | zero(bytes ^ ONES.wrapping_mul(u64::from(*character)))
        });
        if found != 0 {
            let place = found.trailing_zeros() / u8::BITS;
            return Some(index.saturating_mul(8).saturating_add(place as usize));
        }
    }
    let place = rest.iter().position(|byte| characters.contains(byte))?;
    Some(chunks.len().saturating_mul(8).saturating_add(place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_character_is_found_where_a_search_byte_by_byte_finds_it(text in "[%+&=aé]{0,40}") {
            let place = |of: &[u8]| text.bytes().position(|byte| of.contains(&byte));
            prop_assert_eq!(find(text.as_bytes(), *b"&"), place(b"&"));
            prop_assert_eq!(find(text.as_bytes(), *b"%+"), place(b"%+"));
        }
    }
}
