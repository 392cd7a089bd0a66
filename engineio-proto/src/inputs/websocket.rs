//! Streams of WebSockets.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::Frame;
use crate::codec::websocket::{Close, Received, Role};
use crate::hidden::Hidden;

use super::mutation::{Mutate, Mutation};

/// A part of a WebSocket stream, written as one frame or more.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WebSocketPart {
    /// A message.
    Message {
        /// The message.
        frame: Frame,
        /// The places where it is cut into fragments, in bytes. They need no order. Those past the end count from the
        /// beginning again.
        cuts: Vec<usize>,
        /// The content of pings that stand between the fragments, one behind each as long as there are some.
        pings: Vec<Bytes>,
    },
    /// A ping with up to 125 bytes.
    Ping(Bytes),
    /// A pong with up to 125 bytes.
    Pong(Bytes),
    /// The end of the stream.
    Close(Option<Close>),
}

/// The bytes of a WebSocket in one direction, behind the opening handshake.
///
/// Unlike the crate's own encoder it also fragments messages, and writes lengths in more bytes than they need.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct WebSocketStream {
    /// The end that reads the stream. What a server reads is masked.
    pub reader: Role,
    /// What the reader receives, as long as the bytes were not changed.
    pub received: Vec<Received>,
    /// The bytes.
    pub bytes: Bytes,
    /// The places of headers.
    structure: Vec<usize>,
}

impl WebSocketStream {
    /// Writes parts. Nothing is written behind the first close.
    ///
    /// `key` masks what a server reads. Lengths have their shortest form if `wide` is 0. With 1 every second length has at
    /// least two bytes, and with 2 two of three lengths have eight.
    #[must_use]
    pub fn new(reader: Role, parts: Vec<WebSocketPart>, key: [u8; 4], wide: u8) -> Self {
        let mut writer = Writer {
            bytes: Vec::new(),
            structure: Vec::new(),
            key: (reader == Role::Server).then_some(key),
            wide: usize::from(wide),
            frames: 0,
        };
        let mut received = Vec::new();
        for part in parts {
            match part {
                WebSocketPart::Message { frame, cuts, pings } => {
                    let sent = writer.message(&frame, cuts, pings);
                    received.extend(sent.into_iter().map(Received::Ping));
                    received.push(Received::Message(frame));
                }
                WebSocketPart::Ping(content) => {
                    writer.frame(0x89, &content);
                    received.push(Received::Ping(content));
                }
                WebSocketPart::Pong(content) => {
                    writer.frame(0x8a, &content);
                    received.push(Received::Pong(content));
                }
                WebSocketPart::Close(close) => {
                    writer.close(close.as_ref());
                    received.push(Received::Close(close));
                    break;
                }
            }
        }
        Self {
            reader,
            received,
            bytes: writer.bytes.into(),
            structure: writer.structure,
        }
    }
}

struct Writer {
    bytes: Vec<u8>,
    structure: Vec<usize>,
    key: Option<[u8; 4]>,
    wide: usize,
    frames: usize,
}

impl Writer {
    /// Writes a message, and returns the pings that were written between its fragments.
    fn message(&mut self, frame: &Frame, mut cuts: Vec<usize>, pings: Vec<Bytes>) -> Vec<Bytes> {
        let (mut opcode, content) = match frame {
            Frame::Text(text) => (1, &text.as_bytes()[..]),
            Frame::Binary(data) => (2, &data[..]),
        };
        for cut in &mut cuts {
            *cut %= content.len() + 1;
        }
        cuts.sort_unstable();
        let (mut rest, mut taken, mut sent) = (content, 0, Vec::new());
        let mut pings = pings.into_iter();
        for cut in cuts {
            let Some((fragment, behind)) = rest.split_at_checked(cut - taken) else {
                break;
            };
            self.frame(opcode, fragment);
            (opcode, rest, taken) = (0, behind, cut);
            if let Some(ping) = pings.next() {
                self.frame(0x89, &ping);
                sent.push(ping);
            }
        }
        self.frame(0x80 | opcode, rest);
        sent
    }

    fn close(&mut self, close: Option<&Close>) {
        let mut content = Vec::new();
        if let Some(close) = close {
            content.extend(close.code.to_be_bytes());
            content.extend_from_slice(close.reason.as_bytes());
        }
        self.frame(0x88, &content);
    }

    fn frame(&mut self, first: u8, content: &[u8]) {
        let start = self.bytes.len();
        let masked = if self.key.is_some() { 0x80 } else { 0 };
        self.bytes.push(first);
        self.frames += 1;
        // The length of a control frame has one form.
        let is_control = first & 8 != 0;
        let wide = if is_control || self.frames.is_multiple_of(self.wide + 1) {
            0
        } else {
            self.wide
        };
        match (content.len(), wide) {
            (short @ 0..=125, 0) => self.bytes.push(masked | short as u8),
            (medium @ 0..=0xffff, 0 | 1) => {
                self.bytes.push(masked | 126);
                self.bytes.extend((medium as u16).to_be_bytes());
            }
            (long, _) => {
                self.bytes.push(masked | 127);
                self.bytes.extend((long as u64).to_be_bytes());
            }
        }
        self.structure.extend(start..self.bytes.len());
        match self.key {
            None => self.bytes.extend_from_slice(content),
            Some(key) => {
                self.bytes.extend(key);
                let masked = content.iter().zip(key.iter().cycle());
                self.bytes.extend(masked.map(|(byte, key)| byte ^ key));
            }
        }
    }
}

impl fmt::Debug for WebSocketStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketStream")
            .field("reader", &self.reader)
            .field("received", &self.received)
            .field("bytes", &Hidden(&self.bytes))
            .finish_non_exhaustive()
    }
}

impl Mutate for WebSocketStream {
    fn mutate(&mut self, mutation: &Mutation) {
        let mut bytes = self.bytes.to_vec();
        mutation.change_bytes(&mut bytes, &self.structure);
        self.bytes = bytes.into();
    }
}
