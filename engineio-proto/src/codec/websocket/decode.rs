//! Reading frames.

use alloc::vec::Vec;
use core::mem;

use bytes::Bytes;
use bytestring::ByteString;

use super::mask::Key;
use super::{
    BINARY, CLOSE, COMPRESSED, CONTINUATION, Close, MAX_CONTROL, PING, PONG, Role, TEXT, Violation,
};
use crate::Frame;

/// Reads the frames of a peer.
///
/// It takes bytes in pieces of any size and copies content once, from the caller's buffer into that of the message, where
/// the mask is taken off. Between two messages it holds no memory on the heap.
///
/// # Examples
///
/// ```
/// use engineio_proto::Frame;
/// use engineio_proto::codec::websocket::{Decoder, Received, Role};
///
/// let mut decoder = Decoder::new(Role::Client, 1_000_000);
/// // A message in two fragments, with a ping between them; they come in pieces that fit to nothing.
/// let mut received = Vec::new();
/// for mut piece in [&[0x01, 2, b'4'][..], &[b'h', 0x89, 0, 0x80], &[1, b'i']] {
///     while let Some(next) = decoder.decode(&mut piece)? {
///         received.push(next);
///     }
/// }
/// assert!(matches!(&received[0], Received::Ping(data) if data.is_empty()));
/// assert!(matches!(&received[1], Received::Message(Frame::Text(text)) if text == "4hi"));
/// # Ok::<(), engineio_proto::codec::websocket::Violation>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    max_message: usize,
    /// The header of the next frame, as far as it has come.
    header: [u8; MAX_HEADER],
    header_len: usize,
    /// The frame whose header has come.
    frame: Option<Current>,
    /// The message whose beginning has come.
    message: Option<Partial>,
    control: Vec<u8>,
    /// Messages may be compressed.
    takes_compressed: bool,
    /// The peer closed, or broke a rule: nothing more is read.
    over: bool,
}

/// What a peer sent.
#[expect(clippy::exhaustive_enums, reason = "the protocol knows these four")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Received {
    /// A whole message.
    Message(Frame),
    /// A whole message that is compressed, after [`Decoder::with_compressed`].
    Compressed {
        /// Whether it is text. That it is UTF-8 has not been checked.
        is_text: bool,
        /// The content as it came: a stream of DEFLATE without its last four bytes.
        content: Bytes,
    },
    /// A ping, to be answered by a pong with the same content.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// A close frame, the last that is read. `None` if it has no code.
    Close(Option<Close>),
}

#[derive(Debug)]
struct Current {
    opcode: u8,
    is_final: bool,
    /// The bytes of content that have not come.
    left: usize,
    key: Option<Key>,
}

#[derive(Debug)]
struct Partial {
    is_text: bool,
    is_compressed: bool,
    content: Vec<u8>,
}

/// Two bytes, eight of length, and four of the key.
const MAX_HEADER: usize = 14;

impl Decoder {
    /// Makes a decoder for the frames that come to this end. A message may have `max_message` bytes.
    #[must_use]
    pub const fn new(role: Role, max_message: usize) -> Self {
        Self {
            role,
            max_message,
            header: [0; MAX_HEADER],
            header_len: 0,
            frame: None,
            message: None,
            control: Vec::new(),
            takes_compressed: false,
            over: false,
        }
    }

    /// Takes compressed messages too, which the first reserved bit marks: the two ends have agreed on
    /// `permessage-deflate`. The limit is one of the bytes that come.
    ///
    /// Source: RFC 7692, sections 6 and 7.
    #[must_use]
    pub const fn with_compressed(mut self) -> Self {
        self.takes_compressed = true;
        self
    }

    /// Takes bytes from the front of `input` up to the end of the next message or control frame, and gives that. `None`
    /// once all are taken. After a close frame and after an error it takes everything and gives nothing.
    ///
    /// # Errors
    ///
    /// A [`Violation`] if the peer broke a rule. The connection is to be closed with its code.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Received>, Violation> {
        let received = self.advance(input);
        if matches!(received, Err(_) | Ok(Some(Received::Close(_)))) {
            self.over = true;
            self.message = None;
            self.control = Vec::new();
        }
        received
    }

    /// The bytes on the heap.
    #[must_use]
    pub fn bytes_held(&self) -> usize {
        let message = self.message.as_ref();
        let message = message.map_or(0, |message| message.content.capacity());
        message.saturating_add(self.control.capacity())
    }

    /// Whether a message or frame has begun and is not whole.
    #[must_use]
    pub const fn is_within(&self) -> bool {
        !self.over && (self.header_len > 0 || self.frame.is_some() || self.message.is_some())
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Received>, Violation> {
        if self.over {
            *input = &[];
        }
        while !input.is_empty() {
            if self.frame.is_none() && !self.take_header(input)? {
                break;
            }
            if let Some(received) = self.take_content(input)? {
                return Ok(Some(received));
            }
        }
        Ok(None)
    }

    /// Takes bytes of a header. Says whether it is whole now.
    fn take_header(&mut self, input: &mut &[u8]) -> Result<bool, Violation> {
        while let Some((byte, rest)) = input.split_first() {
            if let Some(slot) = self.header.get_mut(self.header_len) {
                *slot = *byte;
                self.header_len += 1;
            }
            *input = rest;
            if self.header_len < 2 {
                continue;
            }
            // Each check is made as soon as it can be, for nothing more need come.
            if self.header_len == 2 {
                self.check_start()?;
            }
            let (length, key) = self.lengths();
            if self.header_len == length {
                self.check_length()?;
            }
            if self.header_len == length + key {
                self.begin_frame();
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn start(&self) -> (u8, u8) {
        let [first, second, ..] = self.header;
        (first, second)
    }

    /// The bytes of a header that begins with these two: up to the length of the content, and of the key behind that.
    const fn lengths(&self) -> (usize, usize) {
        let [_, second, ..] = self.header;
        let length = match second & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        (length, if second & 0x80 == 0 { 0 } else { 4 })
    }

    /// The length of the content, which has come. One that does not fit is more than any limit.
    fn content_length(&self) -> usize {
        let (end, _) = self.lengths();
        if end == 2 {
            return usize::from(self.start().1 & 0x7f);
        }
        let length = self.header.get(2..end).unwrap_or_default().iter();
        let length = length.fold(0, |length: u64, byte| length << 8 | u64::from(*byte));
        usize::try_from(length).unwrap_or(usize::MAX)
    }

    /// Checks what the first two bytes of a frame tell.
    fn check_start(&self) -> Result<(), Violation> {
        let (first, second) = self.start();
        let (is_final, opcode) = (first & 0x80 != 0, first & 0x0f);
        // Only the first frame of a message is marked.
        let may_be_marked = self.takes_compressed && (opcode == TEXT || opcode == BINARY);
        let reserved = if may_be_marked { 0x30 } else { 0x70 };
        if first & reserved != 0 {
            return Err(Violation::ReservedBits);
        }
        match opcode {
            CONTINUATION if self.message.is_none() => return Err(Violation::Continuation),
            TEXT | BINARY if self.message.is_some() => return Err(Violation::Interrupted),
            CLOSE | PING | PONG if !is_final => return Err(Violation::FragmentedControl),
            CLOSE | PING | PONG if usize::from(second & 0x7f) > MAX_CONTROL => {
                return Err(Violation::LongControl);
            }
            // It would be half a code.
            CLOSE if second & 0x7f == 1 => return Err(Violation::CloseFrame),
            CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG => {}
            other => return Err(Violation::Opcode(other)),
        }
        match (self.role, second & 0x80 != 0) {
            (Role::Server, false) => Err(Violation::Unmasked),
            (Role::Client, true) => Err(Violation::Masked),
            _ => Ok(()),
        }
    }

    /// Checks the length of the content against the limit.
    fn check_length(&self) -> Result<(), Violation> {
        let before = self
            .message
            .as_ref()
            .map_or(0, |message| message.content.len());
        let is_data = self.start().0 & 0x0f < CLOSE;
        if is_data && self.content_length() > self.max_message.saturating_sub(before) {
            return Err(Violation::TooLarge);
        }
        Ok(())
    }

    /// Takes up the frame whose header is whole.
    fn begin_frame(&mut self) {
        let (first, second) = self.start();
        let opcode = first & 0x0f;
        let (length, _) = self.lengths();
        let key = self.header.get(length..).and_then(<[u8]>::first_chunk::<4>);
        let key = key.filter(|_| second & 0x80 != 0).copied();
        if opcode == TEXT || opcode == BINARY {
            self.message = Some(Partial {
                is_text: opcode == TEXT,
                is_compressed: first & COMPRESSED != 0,
                content: Vec::new(),
            });
        }
        self.frame = Some(Current {
            opcode,
            is_final: first & 0x80 != 0,
            left: self.content_length(),
            key: key.map(Key::new),
        });
        self.header_len = 0;
    }

    /// Takes content of the frame. Gives what is whole by it.
    fn take_content(&mut self, input: &mut &[u8]) -> Result<Option<Received>, Violation> {
        let Some(frame) = &mut self.frame else {
            return Ok(None);
        };
        let buffer = match (&mut self.message, frame.opcode) {
            (Some(message), CONTINUATION | TEXT | BINARY) => &mut message.content,
            _ => &mut self.control,
        };
        let (content, rest) = input.split_at_checked(frame.left).unwrap_or((input, &[]));
        *input = rest;
        frame.left = frame.left.saturating_sub(content.len());
        let start = buffer.len();
        if start == 0 && frame.left == 0 {
            buffer.reserve_exact(content.len());
        }
        buffer.extend_from_slice(content);
        if let (Some(key), Some(new)) = (&mut frame.key, buffer.get_mut(start..)) {
            key.apply(new);
        }
        if frame.left > 0 {
            return Ok(None);
        }
        let (opcode, is_final) = (frame.opcode, frame.is_final);
        self.frame = None;
        self.end_frame(opcode, is_final)
    }

    fn end_frame(&mut self, opcode: u8, is_final: bool) -> Result<Option<Received>, Violation> {
        match opcode {
            PING => Ok(Some(Received::Ping(mem::take(&mut self.control).into()))),
            PONG => Ok(Some(Received::Pong(mem::take(&mut self.control).into()))),
            CLOSE => Ok(Some(Received::Close(Close::read(&self.control)?))),
            _ if is_final => self.message.take().map(Partial::finish).transpose(),
            _ => Ok(None),
        }
    }
}

impl Partial {
    fn finish(mut self) -> Result<Received, Violation> {
        // What came in pieces has a buffer that grew.
        self.content.shrink_to_fit();
        let content = Bytes::from(self.content);
        if self.is_compressed {
            return Ok(Received::Compressed {
                is_text: self.is_text,
                content,
            });
        }
        Ok(Received::Message(if self.is_text {
            Frame::Text(ByteString::try_from(content).map_err(|_| Violation::Utf8)?)
        } else {
            Frame::Binary(content)
        }))
    }
}
