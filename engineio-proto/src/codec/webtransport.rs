//! Frames in a WebTransport stream, and the packet that a client opens it with.
//!
//! One bidirectional stream, opened by the client, carries a session. Each frame is a header and the content that it
//! gives the length of:
//!
//! | content, bytes | header |
//! |---|---|
//! | 1 to 125 | one byte, the length |
//! | 126 to 65,535 | 126, and the length in two bytes |
//! | more | 127, and the length in eight bytes |
//!
//! Lengths are big-endian, and the highest bit of the first byte is set if the content is binary. From there on a frame
//! is what it is on a WebSocket: see [`v4`].
//!
//! Source: `engine.io-parser` 5.2, `createPacketEncoderStream` and `createPacketDecoderStream`.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use bytes::{Buf, Bytes};
use bytestring::ByteString;
use serde::{Deserialize, Serialize};

use super::{DecodeError, Packet, v4};
use crate::{Frame, FrameHeader, keeps_much};

/// Writes a frame: the bytes of both go to the stream, one behind the other. Never copies the content.
///
/// An empty binary frame has no form of its own, for receivers refuse a length of zero; it goes as the text `b`, which
/// they read as the same message.
///
/// # Examples
///
/// ```
/// use engineio_proto::Frame;
/// use engineio_proto::codec::webtransport;
///
/// let (header, content) = webtransport::encode(Frame::Text("4hello".into()));
/// assert_eq!((header.as_ref(), &content[..]), (&[6][..], &b"4hello"[..]));
///
/// let (header, content) = webtransport::encode(Frame::Binary(vec![1, 2, 3].into()));
/// assert_eq!((header.as_ref(), &content[..]), (&[0x83][..], &[1, 2, 3][..]));
/// ```
#[must_use]
pub fn encode(frame: Frame) -> (FrameHeader, Bytes) {
    let frame = match frame {
        Frame::Binary(data) if data.is_empty() => Frame::Text(ByteString::from_static("b")),
        frame @ (Frame::Text(_) | Frame::Binary(_)) => frame,
    };
    let header = FrameHeader::webtransport(&frame);
    let content = match frame {
        Frame::Text(text) => text.into_bytes(),
        Frame::Binary(data) => data,
    };
    (header, content)
}

/// The first frame of a stream, from the client: a session of its own, or the one of that id is to move here.
#[must_use]
pub fn encode_open(sid: Option<&str>) -> Frame {
    let sid = sid.map(|sid| OpenJson { sid: sid.into() });
    // A string is always serialised.
    let json = sid.and_then(|sid| serde_json::to_string(&sid).ok());
    v4::encode_frame(&Packet::Open(json.unwrap_or_default().into()))
}

/// Reads the first frame of a stream: the id of the session that is to move here, or `None` for a session of its own.
///
/// # Errors
///
/// [`DecodeError::Handshake`] if it is another packet, or its data is neither nothing nor a JSON object with a string
/// `sid`; those of [`v4::decode_frame`].
///
/// # Examples
///
/// ```
/// use engineio_proto::Frame;
/// use engineio_proto::codec::webtransport;
///
/// assert_eq!(webtransport::decode_open(Frame::Text("0".into())), Ok(None));
/// let upgrade = Frame::Text(r#"0{"sid":"lv_VI97HAXpY6yYWAAAC"}"#.into());
/// assert_eq!(webtransport::decode_open(upgrade), Ok(Some("lv_VI97HAXpY6yYWAAAC".into())));
/// assert!(webtransport::decode_open(Frame::Text("2probe".into())).is_err());
/// ```
pub fn decode_open(frame: Frame) -> Result<Option<ByteString>, DecodeError> {
    match v4::decode_frame(frame)? {
        Packet::Open(json) if json.is_empty() => Ok(None),
        Packet::Open(json) => match serde_json::from_str::<OpenJson<'_>>(&json) {
            Ok(open) if json.trim_start().starts_with('{') => Ok(Some(open.sid.as_ref().into())),
            Ok(_) | Err(_) => Err(DecodeError::Handshake),
        },
        Packet::Close(_)
        | Packet::Ping(_)
        | Packet::Pong(_)
        | Packet::Message(_)
        | Packet::Upgrade(_)
        | Packet::Noop(_) => Err(DecodeError::Handshake),
    }
}

#[derive(Deserialize, Serialize)]
struct OpenJson<'a> {
    #[serde(borrow)]
    sid: Cow<'a, str>,
}

/// Finds the frames in the bytes of a stream, however they are cut.
///
/// It holds at most one frame that is not complete, and no more memory than what has arrived of it, doubled. After an
/// error the stream is of no use: the error comes again.
///
/// # Examples
///
/// ```
/// use engineio_proto::codec::webtransport::Decoder;
/// use engineio_proto::{Bytes, Frame};
///
/// let mut decoder = Decoder::new(1_000_000);
/// let mut chunk = Bytes::from_static(b"\x064he");
/// assert_eq!(decoder.decode(&mut chunk)?, None);
/// let mut chunk = Bytes::from_static(b"llo\x012");
/// assert_eq!(decoder.decode(&mut chunk)?, Some(Frame::Text("4hello".into())));
/// assert_eq!(decoder.decode(&mut chunk)?, Some(Frame::Text("2".into())));
/// assert_eq!(decoder.decode(&mut chunk)?, None);
/// # Ok::<(), engineio_proto::codec::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct Decoder {
    limit: u64,
    state: State,
    /// The length that the chunk in use had at first.
    chunk: usize,
    /// What was left of it after the last call.
    left: usize,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("limit", &self.limit)
            .field("buffered_bytes", &self.buffered_bytes())
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
enum State {
    /// So many bytes of the header have arrived.
    Header {
        bytes: [u8; 9],
        len: usize,
    },
    Content {
        binary: bool,
        length: usize,
        /// What has arrived: less than `length` bytes.
        bytes: Vec<u8>,
    },
    Failed(DecodeError),
}

impl State {
    const START: Self = Self::Header {
        bytes: [0; 9],
        len: 0,
    };
}

impl Decoder {
    /// Makes a decoder for one stream, whose frames have at most `max_payload` bytes of content.
    #[must_use]
    pub fn new(max_payload: usize) -> Self {
        Self {
            limit: (max_payload as u64).min(MAX_SAFE_INTEGER),
            state: State::START,
            chunk: 0,
            left: 0,
        }
    }

    /// Takes bytes from the front of the chunk, up to the end of a frame. `None` says that the chunk is empty and the
    /// next one is needed.
    ///
    /// Content that lies whole within the chunk is sliced from it, not copied, unless it is a [small part](crate::keeps_much)
    /// of the chunk.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Empty`] for a length of zero, [`DecodeError::TooLong`] for one beyond the limit, as soon as the
    /// header is there, and [`DecodeError::Utf8`] for text that is none. Lengths that could be written shorter are
    /// good. Whether a text frame is a packet is for [`v4::decode_frame`] to say.
    pub fn decode(&mut self, chunk: &mut Bytes) -> Result<Option<Frame>, DecodeError> {
        self.chunk = if self.left == 0 {
            chunk.len()
        } else {
            self.chunk.max(chunk.len())
        };
        let decoded = self.step(chunk);
        self.left = chunk.len();
        if let Err(error) = decoded {
            self.state = State::Failed(error);
        }
        decoded
    }

    /// The bytes of the frame that has begun, without its header.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        match &self.state {
            State::Content { bytes, .. } => bytes.len(),
            State::Header { .. } | State::Failed(_) => 0,
        }
    }

    fn step(&mut self, chunk: &mut Bytes) -> Result<Option<Frame>, DecodeError> {
        while let State::Header { bytes, len } = &mut self.state {
            let Some(slot) = bytes.get_mut(*len) else {
                break;
            };
            if chunk.is_empty() {
                return Ok(None);
            }
            *slot = chunk.get_u8();
            *len += 1;
            let header = bytes.get(..*len).unwrap_or_default();
            if let Some((binary, length)) = read_header(header, self.limit)? {
                self.state = State::Content {
                    binary,
                    length,
                    bytes: Vec::new(),
                };
            }
        }
        let (binary, content) = match &mut self.state {
            State::Failed(error) => return Err(*error),
            // The longest header is as long as the buffer for it.
            State::Header { .. } => return Ok(None),
            State::Content {
                binary,
                length,
                bytes,
            } => match take(bytes, *length, chunk, self.chunk) {
                Some(content) => (*binary, content),
                None => return Ok(None),
            },
        };
        self.state = State::START;
        if binary {
            return Ok(Some(Frame::Binary(content)));
        }
        let text = ByteString::try_from(content).map_err(|_| DecodeError::Utf8)?;
        Ok(Some(Frame::Text(text)))
    }
}

/// Kind and length, once the header is complete.
fn read_header(header: &[u8], limit: u64) -> Result<Option<(bool, usize)>, DecodeError> {
    let Some((&first, extended)) = header.split_first() else {
        return Ok(None);
    };
    let size = match first & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if extended.len() < size {
        return Ok(None);
    }
    let length = match size {
        0 => u64::from(first & 0x7f),
        _ => extended
            .iter()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
    };
    match usize::try_from(length) {
        Ok(0) => Err(DecodeError::Empty),
        Ok(short) if length <= limit => Ok(Some((first & 0x80 != 0, short))),
        Ok(_) | Err(_) => Err(DecodeError::TooLong { length, limit }),
    }
}

/// The content of a frame once it is complete: a slice of the chunk, or what was collected.
fn take(bytes: &mut Vec<u8>, length: usize, chunk: &mut Bytes, whole: usize) -> Option<Bytes> {
    let missing = length.saturating_sub(bytes.len());
    if bytes.is_empty() && chunk.len() >= missing {
        let content = chunk.split_to(missing);
        return Some(if keeps_much(whole, length) {
            Bytes::copy_from_slice(&content)
        } else {
            content
        });
    }
    let part = chunk.split_to(missing.min(chunk.len()));
    let needed = bytes.len().saturating_add(part.len());
    if needed > bytes.capacity() {
        // What is announced is not believed: memory grows with what arrives, by doubling so that no byte is moved often.
        let capacity = bytes.capacity().saturating_mul(2).clamp(needed, length);
        bytes.reserve_exact(capacity.saturating_sub(bytes.len()));
    }
    bytes.extend_from_slice(&part);
    (needed == length).then(|| core::mem::take(bytes).into())
}

/// What JavaScript can count to; peers take longer frames for errors, whatever their limit.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn decode(limit: usize, bytes: &[u8]) -> Result<Vec<Frame>, DecodeError> {
        let mut decoder = Decoder::new(limit);
        let mut chunk = Bytes::copy_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(frame) = decoder.decode(&mut chunk)? {
            frames.push(frame);
        }
        Ok(frames)
    }

    fn text(text: &'static str) -> Frame {
        Frame::Text(text.into())
    }

    fn binary(bytes: &[u8]) -> Frame {
        Frame::Binary(Bytes::copy_from_slice(bytes))
    }

    fn wire(frame: Frame) -> Vec<u8> {
        let (header, content) = encode(frame);
        [header.as_ref(), &content].concat()
    }

    #[test]
    fn known_answers_both_ways() {
        for (frame, bytes) in [
            (text("0"), &b"\x010"[..]),
            (text("41€"), b"\x0541\xe2\x82\xac"),
            (binary(&[1, 2, 3]), b"\x83\x01\x02\x03"),
        ] {
            assert_eq!(wire(frame.clone()), bytes);
            assert_eq!(decode(100, bytes), Ok(vec![frame]));
        }
    }

    #[test]
    fn an_empty_binary_frame_goes_as_base64_of_nothing() {
        assert_eq!(wire(binary(&[])), b"\x01b");
        let packet = v4::decode_frame(text("b"));
        assert_eq!(packet, v4::decode_frame(binary(&[])));
    }

    #[test]
    fn content_is_neither_copied_when_written_nor_when_it_came_whole() {
        let data = Bytes::from(vec![7; 1000]);
        let (_, content) = encode(Frame::Binary(data.clone()));
        assert_eq!(content.as_ptr(), data.as_ptr());

        let chunk = Bytes::from(wire(Frame::Binary(data)));
        let decoded = Decoder::new(1000).decode(&mut chunk.clone());
        let Ok(Some(Frame::Binary(content))) = decoded else {
            panic!("{decoded:?}")
        };
        assert_eq!(content.as_ptr(), chunk[3..].as_ptr());
    }

    #[test]
    fn a_length_at_the_limit_is_good_and_one_beyond_it_is_refused_at_the_header() {
        assert_eq!(decode(3, b"\x83abc"), Ok(vec![binary(b"abc")]));
        let too_long = |length, limit| Err(DecodeError::TooLong { length, limit });
        assert_eq!(decode(3, b"\x84"), too_long(4, 3));
        assert_eq!(decode(1000, b"\xfe\x03\xe9"), too_long(1001, 1000));
        let mut header = vec![0xff];
        header.extend(65_537_u64.to_be_bytes());
        assert_eq!(decode(65_536, &header), too_long(65_537, 65_536));
    }

    #[test]
    fn a_length_beyond_what_javascript_counts_to_is_refused_without_any_limit() {
        let mut header = vec![0x7f];
        header.extend((1_u64 << 53).to_be_bytes());
        let error = decode(usize::MAX, &header).unwrap_err();
        assert!(matches!(error, DecodeError::TooLong { length, .. } if length == 1 << 53));
        let error = decode(usize::MAX, &[0xff; 9]).unwrap_err();
        assert!(matches!(
            error,
            DecodeError::TooLong {
                length: u64::MAX,
                ..
            }
        ));
    }

    #[test]
    fn a_length_may_be_written_longer_than_necessary_even_where_the_limit_is_small() {
        assert_eq!(decode(2, b"\x7e\x00\x024a"), Ok(vec![text("4a")]));
        assert_eq!(decode(2, b"\x7f\0\0\0\0\0\0\0\x024a"), Ok(vec![text("4a")]));
    }

    #[test]
    fn a_length_of_zero_is_refused_in_every_form() {
        for header in [
            &b"\x00"[..],
            b"\x80",
            b"\x7e\0\0",
            b"\xfe\0\0",
            b"\x7f\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(decode(10, header), Err(DecodeError::Empty));
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_and_binary_is_not_looked_at() {
        assert_eq!(decode(10, b"\x024\xff"), Err(DecodeError::Utf8));
        assert_eq!(decode(10, b"\x824\xff"), Ok(vec![binary(b"4\xff")]));
    }

    #[test]
    fn an_error_comes_again() {
        let mut decoder = Decoder::new(10);
        let mut chunk = Bytes::from_static(b"\x00\x014");
        for _ in 0..2 {
            assert_eq!(decoder.decode(&mut chunk), Err(DecodeError::Empty));
        }
    }

    #[test]
    fn memory_grows_with_what_arrives_and_not_with_what_is_announced() {
        let mut decoder = Decoder::new(1 << 40);
        let header = [&[0xff_u8][..], &(1_u64 << 40).to_be_bytes()].concat();
        decoder.decode(&mut header.into()).unwrap();
        for arrived in 1..=10_000 {
            let mut byte = Bytes::from_static(b"x");
            assert_eq!(decoder.decode(&mut byte), Ok(None));
            assert_eq!(decoder.buffered_bytes(), arrived);
            let State::Content { bytes, .. } = &decoder.state else {
                panic!("content")
            };
            assert!(bytes.capacity() <= 2 * arrived, "{}", bytes.capacity());
        }
    }

    #[test]
    fn what_opens_a_stream() {
        assert_eq!(encode_open(None), text("0"));
        assert_eq!(encode_open(Some("a\"b")), text(r#"0{"sid":"a\"b"}"#));
        assert_eq!(
            decode_open(encode_open(Some("a\"b"))),
            Ok(Some("a\"b".into()))
        );
        assert_eq!(
            decode_open(text(r#"0{"x":1,"sid":"a"}"#)),
            Ok(Some("a".into()))
        );
        for wrong in [
            text("0{}"),
            text(r#"0{"sid":1}"#),
            text(r#"0["a"]"#),
            text("0null"),
            text("0{"),
            text("4{}"),
            text("2probe"),
            binary(b"0"),
        ] {
            assert_eq!(decode_open(wrong), Err(DecodeError::Handshake));
        }
        assert_eq!(decode_open(text("x")), Err(DecodeError::UnknownType(b'x')));
    }
}
