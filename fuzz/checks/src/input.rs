//! Values read from the bytes of a fuzzer, so that every input means something and small changes stay small.

use bytes::Bytes;
use bytestring::ByteString;

/// The rest of the fuzzer's bytes. Past their end everything is zero or empty.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    /// The bytes up to the next 0xff, which no UTF-8 text contains, or up to the end.
    pub(crate) fn chunk(&mut self) -> &'a [u8] {
        let mut parts = self.0.splitn(2, |&byte| byte == 0xff);
        let chunk = parts.next().unwrap_or_default();
        self.0 = parts.next().unwrap_or_default();
        chunk
    }

    /// The next chunk as text, with U+FFFD for what is not UTF-8.
    pub(crate) fn text(&mut self) -> ByteString {
        String::from_utf8_lossy(self.chunk()).into_owned().into()
    }

    /// As many bytes as the next byte says: any bytes at all.
    pub(crate) fn binary(&mut self) -> Bytes {
        let len = usize::from(self.byte()).min(self.0.len());
        let (binary, rest) = self.0.split_at(len);
        self.0 = rest;
        Bytes::copy_from_slice(binary)
    }
}
