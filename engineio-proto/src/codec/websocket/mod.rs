//! Frames of a WebSocket, between bytes and messages.
//!
//! A [`Decoder`] takes bytes as they come from the network and gives whole messages and control frames. An [`Encoder`] makes
//! the frames of what is sent. Neither has IO: the opening handshake, and the decision on what to answer to a ping or a
//! close frame, are the caller's.
//!
//! What a peer sends against the rules is a [`Violation`], which names the code to close with. These rules hold:
//!
//! | rule | otherwise |
//! |---|---|
//! | a client masks its frames, and a server does not | 1002 |
//! | the reserved bits are zero, but for the one that marks a compressed message, if that was agreed on | 1002 |
//! | opcodes are 0, 1, 2, 8, 9 and 10 | 1002 |
//! | a control frame is whole and has at most 125 bytes of content | 1002 |
//! | a continuation follows the beginning of a message, and nothing else but control frames does | 1002 |
//! | a close frame is empty, or has a code that may be sent and a reason | 1002 |
//! | text, and the reason of a close frame, are UTF-8 | 1007 |
//! | a message has no more bytes than the limit, which its headers tell before memory is taken | 1009 |
//!
//! A length may be written in more bytes than it needs, as `ws` and other implementations have it.
//!
//! Source: RFC 6455, sections 5, 7.1.5, 7.4 and 8.1; RFC 7692; the npm package `ws` 8.

mod close;
mod decode;
mod encode;
mod mask;
mod violation;

pub use close::{Close, is_valid_code};
pub use decode::{Decoder, Received};
pub use encode::Encoder;
pub use violation::Violation;

/// The end of a WebSocket that uses this code.
#[expect(clippy::exhaustive_enums, reason = "a WebSocket has two ends")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// It connected: what it sends is masked.
    Client,
    /// It accepted: what it receives is masked.
    Server,
}

/// The bit of the first byte that marks a compressed message.
const COMPRESSED: u8 = 0x40;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The bytes of content that a control frame may have.
const MAX_CONTROL: usize = 125;

#[cfg(test)]
mod tests;
