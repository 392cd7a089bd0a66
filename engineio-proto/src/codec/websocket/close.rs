//! Close frames.

use bytestring::ByteString;

use super::Violation;

/// What a close frame says.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Close {
    /// Why: 1000 for a purpose that is fulfilled, and so on.
    pub code: u16,
    /// A text for people; mostly empty.
    pub reason: ByteString,
}

impl Close {
    /// Makes what a close frame says.
    pub fn new(code: u16, reason: impl Into<ByteString>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// Reads the content of a close frame. `None` if it is empty, which means that there is no code.
    pub(super) fn read(content: &[u8]) -> Result<Option<Self>, Violation> {
        let Some((code, reason)) = content.split_first_chunk::<2>() else {
            return match content {
                [] => Ok(None),
                _ => Err(Violation::CloseFrame),
            };
        };
        let code = u16::from_be_bytes(*code);
        if !is_valid_code(code) {
            return Err(Violation::CloseFrame);
        }
        let reason = core::str::from_utf8(reason).map_err(|_| Violation::Utf8)?;
        Ok(Some(Self::new(code, reason)))
    }
}

/// Whether a close frame may have this code. Others are reserved, or stand for what is never sent: 1005 for a close frame
/// without a code, 1006 for none, 1015 for a failure of TLS.
#[must_use]
pub const fn is_valid_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
