//! The bytes in front of a frame's content on the wire.

use crate::Frame;

/// The header of a WebSocket frame or of a frame in a WebTransport stream; read it as a byte slice.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FrameHeader {
    bytes: [u8; 14],
    len: u8,
}

impl FrameHeader {
    const EMPTY: Self = Self {
        bytes: [0; 14],
        len: 0,
    };

    /// The header of a whole, final, unmasked WebSocket frame.
    pub(crate) fn websocket(frame: &Frame) -> Self {
        let opcode = match frame {
            Frame::Text(_) => 1,
            Frame::Binary(_) => 2,
        };
        Self::of_opcode(opcode, None, frame.len())
    }

    /// The header of a whole, final WebSocket frame, masked if there is a key.
    pub(crate) fn of_opcode(opcode: u8, key: Option<[u8; 4]>, length: usize) -> Self {
        let mut header = Self::EMPTY;
        header.push(&[0x80 | opcode]);
        match key {
            None => header.push_length(0, length),
            Some(key) => {
                header.push_length(0x80, length);
                header.push(&key);
            }
        }
        header
    }

    /// The header of a frame in a WebTransport stream.
    pub(crate) fn webtransport(frame: &Frame) -> Self {
        let kind = match frame {
            Frame::Text(_) => 0,
            Frame::Binary(_) => 0x80,
        };
        let mut header = Self::EMPTY;
        header.push_length(kind, frame.len());
        header
    }

    /// A length in 1, 3 or 9 bytes, with a bit set in the first. The two transports write it alike.
    fn push_length(&mut self, bit: u8, length: usize) {
        if let Ok(short @ 0..=125) = u8::try_from(length) {
            self.push(&[bit | short]);
        } else if let Ok(medium) = u16::try_from(length) {
            self.push(&[bit | 126]);
            self.push(&medium.to_be_bytes());
        } else {
            self.push(&[bit | 127]);
            self.push(&(length as u64).to_be_bytes());
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(slot) = self.bytes.get_mut(usize::from(self.len)) {
                *slot = *byte;
                self.len += 1;
            }
        }
    }
}

impl AsRef<[u8]> for FrameHeader {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const BOUNDARIES: [(usize, &[u8]); 5] = [
        (0, &[0]),
        (125, &[125]),
        (126, &[126, 0, 126]),
        (65_535, &[126, 0xff, 0xff]),
        (65_536, &[127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ];

    fn binary(length: usize) -> Frame {
        Frame::Binary(vec![0; length].into())
    }

    #[test]
    fn websocket_headers_at_every_length_boundary() {
        for (length, field) in BOUNDARIES {
            let header = FrameHeader::websocket(&binary(length));
            assert_eq!(header.as_ref(), [&[0x82], field].concat());
        }
        let text = FrameHeader::websocket(&Frame::Text("4".into()));
        assert_eq!(text.as_ref(), [0x81, 1]);
    }

    #[test]
    fn webtransport_headers_at_every_length_boundary() {
        for (length, field) in BOUNDARIES {
            let mut expected = field.to_vec();
            expected[0] |= 0x80;
            assert_eq!(
                FrameHeader::webtransport(&binary(length)).as_ref(),
                expected
            );
        }
        let text = FrameHeader::webtransport(&Frame::Text("4".into()));
        assert_eq!(text.as_ref(), [1]);
    }
}
