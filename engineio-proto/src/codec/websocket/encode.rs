//! Writing frames.

use bytes::Bytes;

use super::mask::{Key, Keys};
use super::{BINARY, CLOSE, COMPRESSED, Close, MAX_CONTROL, PING, PONG, Role, TEXT};
use crate::{Frame, FrameHeader, Seed};

/// Writes the frames of one end of a WebSocket. The bytes of header and content go to the network, one behind the other.
///
/// A server's content is never copied. A client's is, for it is masked.
///
/// # Examples
///
/// ```
/// use engineio_proto::Frame;
/// use engineio_proto::codec::websocket::Encoder;
///
/// let (header, content) = Encoder::server().message(Frame::Text("4hi".into()));
/// assert_eq!((header.as_ref(), &content[..]), (&[0x81, 3][..], &b"4hi"[..]));
/// ```
#[derive(Debug)]
pub struct Encoder {
    /// What a client masks with.
    keys: Option<Keys>,
}

impl Encoder {
    /// Makes the encoder of a server.
    #[must_use]
    pub const fn server() -> Self {
        Self { keys: None }
    }

    /// Makes the encoder of a client. Connections of one seed have different numbers, and so different keys.
    #[must_use]
    pub fn client(seed: &Seed, connection: u64) -> Self {
        Self {
            keys: Some(Keys::new(seed, connection)),
        }
    }

    /// The end whose frames it writes.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self.keys {
            Some(_) => Role::Client,
            None => Role::Server,
        }
    }

    /// Writes a message, in one frame.
    ///
    /// Cost: for a client, a copy of the content.
    pub fn message(&mut self, frame: Frame) -> (FrameHeader, Bytes) {
        match frame {
            Frame::Text(text) => self.frame(TEXT, text.into_bytes()),
            Frame::Binary(data) => self.frame(BINARY, data),
        }
    }

    /// Writes a message whose content is compressed already: a stream of DEFLATE without its last four bytes.
    ///
    /// Cost: for a client, a copy of the content.
    pub fn compressed(&mut self, is_text: bool, content: Bytes) -> (FrameHeader, Bytes) {
        let opcode = if is_text { TEXT } else { BINARY };
        self.frame(COMPRESSED | opcode, content)
    }

    /// Writes a ping. Content beyond 125 bytes is left out.
    pub fn ping(&mut self, content: &Bytes) -> (FrameHeader, Bytes) {
        self.frame(PING, content.slice(..content.len().min(MAX_CONTROL)))
    }

    /// Writes a pong. Content beyond 125 bytes is left out; no ping has more.
    pub fn pong(&mut self, content: &Bytes) -> (FrameHeader, Bytes) {
        self.frame(PONG, content.slice(..content.len().min(MAX_CONTROL)))
    }

    /// Writes a close frame. The reason is cut at the end of a character if it has more than 123 bytes.
    pub fn close(&mut self, close: Option<&Close>) -> (FrameHeader, Bytes) {
        let content = close.map(|close| {
            let mut content = close.code.to_be_bytes().to_vec();
            content.extend_from_slice(start_of(&close.reason, MAX_CONTROL - 2).as_bytes());
            content
        });
        self.frame(CLOSE, content.unwrap_or_default().into())
    }

    fn frame(&mut self, opcode: u8, content: Bytes) -> (FrameHeader, Bytes) {
        let Some(keys) = &mut self.keys else {
            return (FrameHeader::of_opcode(opcode, None, content.len()), content);
        };
        let key = keys.next();
        let mut masked = content.to_vec();
        Key::new(key).apply(&mut masked);
        let header = FrameHeader::of_opcode(opcode, Some(key), content.len());
        (header, masked.into())
    }
}

/// The start of a text with at most so many bytes.
fn start_of(text: &str, max: usize) -> &str {
    let mut ends = (0..=max.min(text.len())).rev();
    ends.find_map(|end| text.get(..end)).unwrap_or_default()
}
