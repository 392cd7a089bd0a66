//! The end of a head.

use super::Malformed;

/// Looks for the end of a head in bytes that come in pieces, and refuses line feeds without a carriage return.
///
/// It remembers how far it has looked, so that a head which comes byte by byte is looked at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ending {
    looked_at: usize,
}

impl Ending {
    /// The length of the head at the front of `bytes`, its last line included; `None` while it is not whole. `bytes` are
    /// those of the call before and more.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for a line feed that follows no carriage return.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let new = bytes.get(self.looked_at..).unwrap_or_default();
        for offset in memchr::memchr_iter(b'\n', new) {
            let at = self.looked_at.saturating_add(offset);
            let line = bytes.get(..at).unwrap_or_default();
            let Some(before) = line.strip_suffix(b"\r") else {
                return Err(Malformed::BareLineFeed);
            };
            if before.is_empty() || before.ends_with(b"\n") {
                return Ok(at.checked_add(1));
            }
        }
        self.looked_at = bytes.len();
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_an_empty_line_wherever_it_is_cut() {
        let bytes = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nrest";
        let end = bytes.len() - 4;
        for cut in 0..=bytes.len() {
            let mut ending = Ending::default();
            let first = ending.find(&bytes[..cut]);
            if cut >= end {
                assert_eq!(first, Ok(Some(end)));
                continue;
            }
            assert_eq!(first, Ok(None), "{cut}");
            assert_eq!(ending.find(bytes), Ok(Some(end)), "{cut}");
        }
    }

    #[test]
    fn a_bare_line_feed_is_refused() {
        for head in [
            "\n",
            "GET / HTTP/1.1\n",
            "GET / HTTP/1.1\r\na: b\n\r\n",
            "a\r\n\n",
        ] {
            let found = Ending::default().find(head.as_bytes());
            assert_eq!(found, Err(Malformed::BareLineFeed), "{head:?}");
        }
        assert_eq!(Ending::default().find(b"\r\n"), Ok(Some(2)));
    }
}
