//! Base64, written and read with the widest instructions that the processor has.
//!
//! Without the feature `simd`, and on processors that the library has none for, that is one digit after the other.

use alloc::vec::Vec;

use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use bytestring::ByteString;

use super::DecodeError;

/// The length of the base64 form of `len` bytes.
pub(crate) const fn encoded_len(len: usize) -> usize {
    len.div_ceil(3).saturating_mul(4)
}

/// Writes the standard form with padding into `out`, which has [its length](encoded_len).
pub(crate) fn encode(data: &[u8], out: &mut [u8]) {
    // What is written has the length of `out`, so that there is no error.
    let _ = match wide(data.len(), STANDARD_CONFIG) {
        Some(engine) => engine.encode_slice(data, out),
        None => STANDARD.encode_slice(data, out),
    };
}

/// Writes what announces base64, and the standard form with padding.
pub(crate) fn packet(prefix: &str, data: &[u8]) -> ByteString {
    let len = encoded_len(data.len()).saturating_add(prefix.len());
    let mut text = Vec::with_capacity(len);
    text.extend_from_slice(prefix.as_bytes());
    text.resize(len, 0);
    encode(data, text.get_mut(prefix.len()..).unwrap_or_default());
    // It is ASCII.
    ByteString::try_from(text).unwrap_or_default()
}

/// Reads base64 as leniently as the official decoder does where that is unambiguous: padding may be missing, and the last
/// digit may have bits that mean nothing.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    let decoded = match wide(text.len(), LENIENT_CONFIG) {
        Some(engine) => engine.decode(text),
        None => LENIENT.decode(text),
    };
    decoded.map_err(|_| DecodeError::Base64)
}

const STANDARD_CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new();
const LENIENT_CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT_CONFIG);

/// The engine with wide instructions, if there is one and so many bytes are worth making it.
#[cfg(all(feature = "simd", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn wide(len: usize, config: GeneralPurposeConfig) -> Option<base64::engine::simd::Simd> {
    /// Making the tables of an engine takes as long as some hundred bytes do without.
    const WORTH_IT: usize = 512;
    (len >= WORTH_IT).then(|| base64::engine::simd::Simd::standard(config))
}

#[cfg(not(all(feature = "simd", any(target_arch = "x86_64", target_arch = "aarch64"))))]
const fn wide(_: usize, _: GeneralPurposeConfig) -> Option<GeneralPurpose> {
    None
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A text of base64 digits with some bytes that may be none.
    fn text() -> impl Strategy<Value = String> {
        let digits = vec(any::<u8>(), 0..2000).prop_map(|data| STANDARD.encode(data));
        let other = prop_oneof![
            Just('='),
            Just('-'),
            Just('_'),
            Just(' '),
            Just('\n'),
            Just('€'),
            any::<char>()
        ];
        let others = vec((any::<prop::sample::Index>(), other), 0..3);
        (digits, others, 0_usize..5).prop_map(|(mut text, others, cut)| {
            for (at, other) in others {
                let mut at = at.index(text.len() + 1);
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                text.insert(at, other);
            }
            for _ in 0..cut {
                text.pop();
            }
            text
        })
    }

    proptest! {
        #[test]
        fn wide_instructions_write_the_same(data in vec(any::<u8>(), 0..2000)) {
            let mut out = vec![0; encoded_len(data.len())];
            encode(&data, &mut out);
            prop_assert_eq!(&out, &STANDARD.encode(&data).into_bytes());
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(decode(&text), Ok(data.clone()));
            prop_assert_eq!(decode(text.trim_end_matches('=')), Ok(data));
        }

        #[test]
        fn wide_instructions_read_and_refuse_the_same(text in text()) {
            let expected = LENIENT.decode(&text).map_err(|_| DecodeError::Base64);
            prop_assert_eq!(decode(&text), expected);
        }
    }

    #[test]
    fn every_byte_at_every_place_of_a_block_is_read_or_refused_the_same() {
        for byte in 0..=0x7f_u8 {
            for at in 512..580 {
                let mut text = vec![b'A'; 700];
                text[at] = byte;
                let text = String::from_utf8(text).unwrap();
                let expected = LENIENT.decode(&text).map_err(|_| DecodeError::Base64);
                assert_eq!(decode(&text), expected, "{byte:#x} at {at}");
            }
        }
    }
}
