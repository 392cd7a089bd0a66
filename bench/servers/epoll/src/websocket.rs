//! The opening handshake, and frames below 64 KiB.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// The opcode of a Close frame.
pub(crate) const CLOSE: u8 = 8;

/// A Close frame with the status 1000.
pub(crate) const CLOSED: [u8; 4] = [0x88, 2, 0x03, 0xe8];

const TEXT_AND_FINAL: u8 = 0x81;

/// A whole frame, unmasked.
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    pub(crate) payload: &'a [u8],
    /// Its length in bytes, with its header.
    pub(crate) length: usize,
}

/// Reads and unmasks the frame that the input begins with; `None` if it is not complete.
pub(crate) fn decode(input: &mut [u8]) -> Option<Frame<'_>> {
    let (length, start) = match *input {
        [_, short, ..] if short & 0x7f < 126 => (usize::from(short & 0x7f), 6),
        [_, _, high, low, ..] => (usize::from(u16::from_be_bytes([high, low])), 8),
        _ => return None,
    };
    let end = start + length;
    let frame = input.get_mut(..end)?;
    let opcode = frame[0] & 0x0f;
    let (head, payload) = frame.split_at_mut(start);
    let mask = &head[start - 4..];
    for chunk in payload.chunks_mut(4) {
        for (byte, mask) in chunk.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
    Some(Frame {
        opcode,
        payload,
        length: end,
    })
}

/// Appends a text frame.
pub(crate) fn encode(payload: &[u8], output: &mut Vec<u8>) {
    output.push(TEXT_AND_FINAL);
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => output.push(length),
        _ => {
            output.push(126);
            output.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        }
    }
    output.extend_from_slice(payload);
}

/// The answer to the opening handshake.
pub(crate) fn switching_protocols(key: &[u8]) -> Vec<u8> {
    let digest = Sha1::new()
        .chain_update(key)
        .chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        .finalize();
    let accept = STANDARD.encode(digest);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}
