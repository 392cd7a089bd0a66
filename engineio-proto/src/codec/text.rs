//! The common part of the text packets of all revisions.

use alloc::string::String;

use bytestring::ByteString;

use super::{DecodeError, Packet};

/// Reads the text packet `item`, which lies within `owner`. What a `b` announces differs between the revisions.
pub(super) fn decode(
    owner: &ByteString,
    item: &str,
    base64: impl FnOnce(&str) -> Result<Packet, DecodeError>,
) -> Result<Packet, DecodeError> {
    let &digit = item.as_bytes().first().ok_or(DecodeError::Empty)?;
    // Only an ASCII first byte has a boundary behind it.
    let data = item.get(1..).ok_or(DecodeError::UnknownType(digit))?;
    if digit == b'b' {
        return base64(data);
    }
    let data = if data.is_empty() {
        ByteString::new()
    } else {
        owner.slice_ref(data)
    };
    Packet::from_type(digit, data).ok_or(DecodeError::UnknownType(digit))
}

/// Writes a packet that is no binary message. The text is copied once.
pub(super) fn encode(digit: char, data: &str) -> ByteString {
    let mut text = String::with_capacity(data.len().saturating_add(1));
    text.push(digit);
    text.push_str(data);
    text.into()
}
