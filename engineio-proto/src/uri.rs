//! Percent-encoding of the parts of addresses.

use alloc::string::String;
use alloc::vec::Vec;

/// Writes text as JavaScript's `encodeURIComponent`.
///
/// # Examples
///
/// ```
/// let mut query = String::from("token=");
/// engineio_proto::uri::encode_component("a b&c", &mut query);
/// assert_eq!(query, "token=a%20b%26c");
/// ```
pub fn encode_component(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                for nibble in [byte >> 4, byte & 15] {
                    let digit = char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                    out.push(digit.to_ascii_uppercase());
                }
            }
        }
    }
}

/// Reads text as JavaScript's `decodeURIComponent`, but never fails: what is no percent-encoding stays as it is.
pub(crate) fn decode_component(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => digit(*high)
                .zip(digit(*low))
                .map(|(high, low)| (high << 4 | low, tail)),
            _ => None,
        };
        let (byte, tail) = escaped.unwrap_or((byte, tail));
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.into())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_written_and_read_as_in_javascript() {
        for (text, written) in [
            ("", ""),
            ("aZ09-_.!~*'()", "aZ09-_.!~*'()"),
            ("a b&c=d", "a%20b%26c%3Dd"),
            ("\u{e9}\u{1f600}/%", "%C3%A9%F0%9F%98%80%2F%25"),
        ] {
            let mut out = String::new();
            encode_component(text, &mut out);
            assert_eq!(out, written);
            assert_eq!(decode_component(&out), text);
        }
        for text in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decode_component(text), text);
        }
    }
}
