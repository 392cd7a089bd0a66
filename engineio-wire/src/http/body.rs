//! Bodies: where they end, and how they are gathered.

use alloc::vec::Vec;
use core::mem;

use super::chunked::{Chunk, Chunks};
use super::{BodyError, Malformed, TooLarge, fields};

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Framing {
    /// By its length; zero if there is none.
    Length(u64),
    Chunked,
    /// By the end of the connection: only responses have this.
    #[allow(dead_code, reason = "the client's end reads responses")]
    UntilClose,
}

/// The fields of a head that tell where its body ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lengths {
    length: Option<u64>,
    is_chunked: bool,
}

impl Lengths {
    /// Takes a `Content-Length`.
    ///
    /// # Errors
    ///
    /// [`Malformed::ContentLength`] if it is not a number, or not the first.
    pub(crate) fn add_length(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let length = fields::decimal(value).ok_or(Malformed::ContentLength)?;
        match self.length.replace(length) {
            None => Ok(()),
            Some(_) => Err(Malformed::ContentLength),
        }
    }

    /// Takes a `Transfer-Encoding`.
    ///
    /// # Errors
    ///
    /// [`Malformed::TransferEncoding`] if it is not `chunked`, or not the first.
    pub(crate) fn add_encoding(&mut self, value: &[u8]) -> Result<(), Malformed> {
        if !value.eq_ignore_ascii_case(b"chunked") || mem::replace(&mut self.is_chunked, true) {
            return Err(Malformed::TransferEncoding);
        }
        Ok(())
    }

    /// Where the body ends; `None` if no field says so.
    ///
    /// # Errors
    ///
    /// [`Malformed::AmbiguousLength`] if there are both fields, or a transfer encoding in HTTP/1.0.
    pub(crate) const fn framing(self, is_http_1_0: bool) -> Result<Option<Framing>, Malformed> {
        match (self.length, self.is_chunked) {
            (Some(_), true) => Err(Malformed::AmbiguousLength),
            (None, true) if is_http_1_0 => Err(Malformed::AmbiguousLength),
            (None, true) => Ok(Some(Framing::Chunked)),
            (Some(length), false) => Ok(Some(Framing::Length(length))),
            (None, false) => Ok(None),
        }
    }
}

/// A body that is being read. It takes memory for the bytes that have come, whatever length was announced.
#[derive(Debug)]
pub(crate) struct Body {
    left: Left,
    max: usize,
    content: Vec<u8>,
    /// The bytes of content that have come, and were thrown away.
    skipped: usize,
    is_skipped: bool,
}

#[derive(Clone, Copy, Debug)]
enum Left {
    Length(u64),
    Chunks(Chunks),
    UntilClose,
}

/// Whether a body is whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    More,
    Whole,
}

impl Body {
    /// Begins a body that may have `max` bytes.
    ///
    /// # Errors
    ///
    /// [`TooLarge::Body`] if its length is announced and above that.
    pub(crate) fn new(framing: Framing, max: usize) -> Result<Self, TooLarge> {
        let left = match framing {
            Framing::Length(length) if length > max as u64 => return Err(TooLarge::Body),
            Framing::Length(length) => Left::Length(length),
            Framing::Chunked => Left::Chunks(Chunks::new()),
            Framing::UntilClose => Left::UntilClose,
        };
        Ok(Self {
            left,
            max,
            content: Vec::new(),
            skipped: 0,
            is_skipped: false,
        })
    }

    /// Takes what belongs to the body off the front of `input`.
    ///
    /// # Errors
    ///
    /// [`BodyError`] if the body breaks the rules or a limit. Nothing more can be read from the connection then.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Result<Progress, BodyError> {
        match self.left {
            Left::Length(left) => Ok(self.read_length(left, input)),
            Left::Chunks(mut chunks) => {
                let progress = self.read_chunks(&mut chunks, input);
                self.left = Left::Chunks(chunks);
                progress
            }
            Left::UntilClose => {
                self.append(mem::take(input))?;
                Ok(Progress::More)
            }
        }
    }

    /// The content, as far as it has come.
    pub(crate) fn into_content(self) -> Vec<u8> {
        self.content
    }

    /// Throws away what has come and what still comes.
    pub(crate) fn skip(&mut self) {
        self.skipped = self.content.len();
        self.content = Vec::new();
        self.is_skipped = true;
    }

    /// Whether the body is whole when the connection ends here.
    #[allow(dead_code, reason = "the client's end reads responses")]
    pub(crate) const fn ends_with_connection(&self) -> bool {
        matches!(self.left, Left::UntilClose | Left::Length(0))
    }

    /// The bytes on the heap.
    pub(crate) fn bytes_held(&self) -> usize {
        self.content.capacity()
    }

    fn read_length(&mut self, left: u64, input: &mut &[u8]) -> Progress {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        if let Some((content, rest)) = input.split_at_checked(count) {
            self.add(content);
            *input = rest;
        }
        let left = left.saturating_sub(count as u64);
        self.left = Left::Length(left);
        match left {
            0 => Progress::Whole,
            _ => Progress::More,
        }
    }

    fn read_chunks(
        &mut self,
        chunks: &mut Chunks,
        input: &mut &[u8],
    ) -> Result<Progress, BodyError> {
        loop {
            match chunks.next(input, self.max as u64)? {
                Chunk::Content(content) => self.append(content)?,
                Chunk::More => return Ok(Progress::More),
                Chunk::End => return Ok(Progress::Whole),
            }
        }
    }

    fn append(&mut self, content: &[u8]) -> Result<(), TooLarge> {
        let before = self.content.len().max(self.skipped);
        if content.len() > self.max.saturating_sub(before) {
            return Err(TooLarge::Body);
        }
        self.add(content);
        Ok(())
    }

    fn add(&mut self, content: &[u8]) {
        if self.is_skipped {
            self.skipped = self.skipped.saturating_add(content.len());
        } else {
            self.content.extend_from_slice(content);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        framing: Framing,
        max: usize,
        mut input: &[u8],
    ) -> Result<(Vec<u8>, Progress, usize), BodyError> {
        let mut body = Body::new(framing, max)?;
        let progress = body.read(&mut input)?;
        Ok((body.into_content(), progress, input.len()))
    }

    #[test]
    fn a_body_ends_at_its_length() {
        let length = Framing::Length(3);
        assert_eq!(
            read(length, 3, b"abcd"),
            Ok((b"abc".to_vec(), Progress::Whole, 1))
        );
        assert_eq!(
            read(length, 3, b"ab"),
            Ok((b"ab".to_vec(), Progress::More, 0))
        );
        assert_eq!(
            read(Framing::Length(0), 0, b"a"),
            Ok((Vec::new(), Progress::Whole, 1))
        );
        assert_eq!(read(length, 2, b""), Err(TooLarge::Body.into()));
        assert_eq!(
            read(Framing::Length(u64::MAX), 2, b""),
            Err(TooLarge::Body.into())
        );
    }

    #[test]
    fn a_body_in_chunks_has_the_same_limit() {
        let chunks = b"2\r\nab\r\n2\r\ncd\r\n0\r\n\r\ne";
        let whole = Ok((b"abcd".to_vec(), Progress::Whole, 1));
        assert_eq!(read(Framing::Chunked, 4, chunks), whole);
        assert_eq!(
            read(Framing::Chunked, 3, chunks),
            Err(TooLarge::Body.into())
        );
        assert_eq!(
            read(Framing::Chunked, 1, chunks),
            Err(TooLarge::Body.into())
        );
    }

    #[test]
    fn a_body_may_end_with_its_connection() {
        let mut body = Body::new(Framing::UntilClose, 3).unwrap();
        assert_eq!(body.read(&mut &b"abc"[..]), Ok(Progress::More));
        assert!(body.ends_with_connection());
        assert_eq!(body.read(&mut &b"d"[..]), Err(TooLarge::Body.into()));
        assert!(
            !Body::new(Framing::Length(1), 1)
                .unwrap()
                .ends_with_connection()
        );
    }

    #[test]
    fn a_body_that_is_skipped_takes_no_memory_and_has_the_same_limit() {
        let mut body = Body::new(Framing::Chunked, 5).unwrap();
        let mut rest = &b"2\r\nab\r\n"[..];
        assert_eq!(body.read(&mut rest), Ok(Progress::More));
        body.skip();
        assert_eq!(body.bytes_held(), 0);
        assert_eq!(body.read(&mut &b"3\r\ncde\r\n"[..]), Ok(Progress::More));
        assert_eq!(body.bytes_held(), 0);
        assert_eq!(body.read(&mut &b"1\r\nf"[..]), Err(TooLarge::Body.into()));
    }

    #[test]
    fn memory_is_taken_for_what_has_come() {
        let mut body = Body::new(Framing::Length(1 << 40), 1 << 41).unwrap();
        assert_eq!(body.bytes_held(), 0);
        assert_eq!(body.read(&mut &b"ab"[..]), Ok(Progress::More));
        assert!(body.bytes_held() <= 64);
    }

    #[test]
    fn fields_that_contradict_each_other_are_refused() {
        let framing = |lengths: &[&str], encodings: &[&str], is_http_1_0| {
            let mut fields = Lengths::default();
            for length in lengths {
                fields.add_length(length.as_bytes())?;
            }
            for encoding in encodings {
                fields.add_encoding(encoding.as_bytes())?;
            }
            fields.framing(is_http_1_0)
        };
        assert_eq!(framing(&[], &[], false), Ok(None));
        assert_eq!(framing(&["3"], &[], true), Ok(Some(Framing::Length(3))));
        assert_eq!(
            framing(&[], &["Chunked"], false),
            Ok(Some(Framing::Chunked))
        );
        for lengths in [&["3", "3"][..], &["3, 3"], &["+3"], &[""]] {
            assert_eq!(framing(lengths, &[], false), Err(Malformed::ContentLength));
        }
        for encodings in [
            &["chunked", "chunked"][..],
            &["gzip, chunked"],
            &["identity"],
            &[""],
        ] {
            assert_eq!(
                framing(&[], encodings, false),
                Err(Malformed::TransferEncoding)
            );
        }
        assert_eq!(
            framing(&["3"], &["chunked"], false),
            Err(Malformed::AmbiguousLength)
        );
        assert_eq!(
            framing(&[], &["chunked"], true),
            Err(Malformed::AmbiguousLength)
        );
    }
}
