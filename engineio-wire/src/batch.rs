//! Bytes on their way to a connection.

use alloc::collections::VecDeque;

use bytes::{Buf, Bytes};
use engineio_proto::FrameHeader;

/// Bytes for one connection, to be written in order. One batch of a connection is under way at a time.
///
/// A driver writes it through [`Buf`], best with [`chunks_vectored`](Buf::chunks_vectored), and tells how much it has
/// written. Content is shared with other batches where the same message goes to several connections.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The piece whose bytes are next. Most batches have no other.
    first: Piece,
    rest: VecDeque<Piece>,
    remaining: usize,
}

#[derive(Clone, Debug, Default)]
struct Piece {
    header: FrameHeader,
    /// The bytes of the header that are written.
    written: usize,
    content: Bytes,
}

impl Piece {
    fn header_left(&self) -> &[u8] {
        self.header.as_ref().get(self.written..).unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.header_left().len().saturating_add(self.content.len())
    }
}

impl Batch {
    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.remaining == 0
    }

    /// The number of bytes that are left to write.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.remaining
    }

    /// The bytes that are left to write, in pieces.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let pieces = core::iter::once(&self.first).chain(&self.rest);
        let chunks = pieces.flat_map(|piece| [piece.header_left(), &piece.content]);
        chunks.filter(|chunk| !chunk.is_empty())
    }

    /// Writes as much as a writer takes at once, and takes that off the front. Gives the number of bytes: zero if nothing is
    /// left, for which the writer is not called.
    ///
    /// # Errors
    ///
    /// Those of the writer, among them `WouldBlock`: nothing is taken off then. A writer that takes nothing fails with
    /// `WriteZero`.
    #[cfg(feature = "std")]
    pub fn write_to(&mut self, writer: &mut impl std::io::Write) -> std::io::Result<usize> {
        if self.is_empty() {
            return Ok(0);
        }
        // Few batches have more pieces than one, and to clear many slices takes longer than to write a short message.
        let len = if self.rest.is_empty() {
            let header = std::io::IoSlice::new(self.first.header_left());
            let content = std::io::IoSlice::new(&self.first.content);
            writer.write_vectored(&[header, content])?
        } else {
            self.write_slices(writer, [std::io::IoSlice::new(&[]); 64])?
        };
        if len == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        self.advance(len);
        Ok(len)
    }

    fn clear(&mut self) {
        self.first = Piece::default();
        self.remaining = 0;
        if !self.rest.is_empty() {
            self.rest = VecDeque::new();
        }
    }

    #[cfg(feature = "std")]
    fn write_slices<'a, const N: usize>(
        &'a self,
        writer: &mut impl std::io::Write,
        mut slices: [std::io::IoSlice<'a>; N],
    ) -> std::io::Result<usize> {
        let count = self.chunks_vectored(&mut slices);
        writer.write_vectored(slices.get(..count).unwrap_or_default())
    }

    pub(crate) fn push(&mut self, content: Bytes) {
        self.push_frame(FrameHeader::default(), content);
    }

    pub(crate) fn push_frame(&mut self, header: FrameHeader, content: Bytes) {
        let piece = Piece {
            header,
            written: 0,
            content,
        };
        let len = piece.len();
        if len == 0 {
            return;
        }
        if self.remaining == 0 {
            self.first = piece;
        } else {
            self.rest.push_back(piece);
        }
        self.remaining = self.remaining.saturating_add(len);
    }
}

impl Buf for Batch {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        match self.first.header_left() {
            [] => &self.first.content,
            header => header,
        }
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let mut free = slices.iter_mut();
        let mut count = 0;
        let pieces = core::iter::once(&self.first).chain(&self.rest);
        for chunk in pieces.flat_map(|piece| [piece.header_left(), &piece.content]) {
            if chunk.is_empty() {
                continue;
            }
            let Some(slice) = free.next() else { break };
            *slice = std::io::IoSlice::new(chunk);
            count += 1;
        }
        count
    }

    /// Takes bytes off the front. More than there are take all.
    fn advance(&mut self, count: usize) {
        if count >= self.remaining {
            return self.clear();
        }
        let mut count = count;
        self.remaining = self.remaining.saturating_sub(count);
        loop {
            let of_header = count.min(self.first.header_left().len());
            self.first.written = self.first.written.saturating_add(of_header);
            count = count.saturating_sub(of_header);
            let of_content = count.min(self.first.content.len());
            self.first.content.advance(of_content);
            count = count.saturating_sub(of_content);
            if self.first.len() > 0 {
                return;
            }
            // The content of what is written is given back at once.
            self.first = self.rest.pop_front().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use engineio_proto::Frame;
    use engineio_proto::codec::websocket::Encoder;

    use super::*;

    fn batch() -> (Batch, Vec<u8>) {
        let mut batch = Batch::default();
        batch.push(Bytes::from_static(b"head"));
        batch.push(Bytes::new());
        let mut expected = b"head".to_vec();
        for frame in [
            Frame::Text("4a".into()),
            Frame::Binary(vec![7; 130].into()),
            Frame::Text("".into()),
        ] {
            let (header, content) = Encoder::server().message(frame);
            expected.extend_from_slice(header.as_ref());
            expected.extend_from_slice(&content);
            batch.push_frame(header, content);
        }
        (batch, expected)
    }

    #[test]
    fn the_bytes_are_the_same_in_steps_of_any_size() {
        for step in 1..200 {
            let (mut batch, expected) = batch();
            let mut written = Vec::new();
            while batch.has_remaining() {
                assert_eq!(batch.len(), expected.len() - written.len());
                let count = step.min(batch.chunk().len());
                written.extend_from_slice(&batch.chunk()[..count]);
                batch.advance(count);
            }
            assert_eq!(written, expected, "{step}");
            assert!(batch.is_empty() && batch.chunk().is_empty());
        }
    }

    #[test]
    fn advancing_crosses_pieces() {
        for count in 0..200 {
            let (mut batch, expected) = batch();
            batch.advance(count);
            let rest = batch.copy_to_bytes(batch.remaining());
            assert_eq!(rest, expected[count.min(expected.len())..], "{count}");
        }
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_writer_takes_what_it_can() {
        let (mut batch, expected) = batch();
        let mut room = [0_u8; 9];
        let len = batch.write_to(&mut &mut room[..]).unwrap();
        assert!(len > 0 && len <= 9 && room[..len] == expected[..len]);
        let full = batch.write_to(&mut &mut [][..]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::WriteZero);
        assert_eq!(batch.len(), expected.len() - len);
        assert_eq!(Batch::default().write_to(&mut &mut [][..]).unwrap(), 0);
    }

    #[test]
    fn the_pieces_are_all_that_is_left() {
        for count in 0..200 {
            let (mut batch, expected) = batch();
            batch.advance(count);
            let chunks: Vec<_> = batch.chunks().collect();
            assert_eq!(
                chunks.concat(),
                expected[count.min(expected.len())..],
                "{count}"
            );
        }
    }
}
