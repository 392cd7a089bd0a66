//! The client's side of the WebSocket protocol, for frames below 64 KiB without extensions.

use std::net::SocketAddr;

use crate::{Result, fault, http};

/// The opcode of a text frame.
pub const TEXT: u8 = 1;

/// The opcode of a Close frame.
pub const CLOSE: u8 = 8;

/// The mask of all frames: servers have the work of unmasking, and the frames are made beforehand.
pub const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The bytes before the payload of a frame of at most 125 bytes.
pub const HEADER: usize = 6;

/// A Close frame with the status 1000, masked.
pub const CLOSING: [u8; 8] = [
    0x88,
    0x82,
    MASK[0],
    MASK[1],
    MASK[2],
    MASK[3],
    MASK[0] ^ 0x03,
    MASK[1] ^ 0xe8,
];

// The example of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A frame of a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame<'a> {
    /// [`TEXT`] or [`CLOSE`].
    pub opcode: u8,
    /// Its content.
    pub payload: &'a [u8],
}

/// The masked frame of a payload of at most 125 bytes.
#[must_use]
pub fn encode(opcode: u8, payload: &[u8]) -> Vec<u8> {
    assert!(
        payload.len() < 126,
        "the payload is too long for a short frame"
    );
    let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8];
    frame.extend_from_slice(&MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// Takes the frame that the input begins with off it; `None` if it is not complete.
///
/// # Errors
///
/// The server sent what is neither a whole text nor a Close frame, or masked it.
pub fn decode<'a>(input: &mut &'a [u8]) -> Result<Option<Frame<'a>>> {
    let (opcode, length, start) = match **input {
        [first, short, ..] if short < 126 => (first, usize::from(short), 2),
        [first, 126, high, low, ..] => (first, usize::from(u16::from_be_bytes([high, low])), 4),
        [] | [_] | [_, 126] | [_, 126, _] => return Ok(None),
        [_, length, ..] => return fault(format!("a frame is masked or too long: {length:#x}")),
    };
    let Some(opcode @ (TEXT | CLOSE)) = opcode.checked_sub(0x80) else {
        return fault(format!("an unexpected kind of frame: {opcode:#x}"));
    };
    let Some((frame, rest)) = input.split_at_checked(start + length) else {
        return Ok(None);
    };
    *input = rest;
    let payload = &frame[start..];
    Ok(Some(Frame { opcode, payload }))
}

/// The request for a WebSocket, of a session or for a new one.
#[must_use]
pub fn opening(server: SocketAddr, sid: Option<&str>) -> String {
    let sid = sid.map_or(String::new(), |sid| format!("&sid={sid}"));
    format!(
        "GET /socket.io/?EIO=4&transport=websocket{sid} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
}

/// Takes the answer to [`opening`] off the input; whether it was complete.
///
/// # Errors
///
/// The server refused, or accepted another key.
pub fn take_opened(input: &mut &[u8]) -> Result<bool> {
    let mut headers = [httparse::EMPTY_HEADER; http::MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(input)? else {
        return Ok(false);
    };
    let accept = http::header(head.headers, "Sec-WebSocket-Accept");
    if head.code != Some(101) || accept != Some(ACCEPT) {
        return fault(format!(
            "no WebSocket: status {:?}, accept {accept:?}",
            head.code
        ));
    }
    *input = &input[length..];
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_frames_are_taken_one_by_one() {
        let mut long = vec![0x81, 126, 0, 130];
        long.extend([b'x'; 130]);
        let bytes = [
            &b"\x81\x02hi"[..],
            &long,
            b"\x88\x02\x03\xe8",
            b"\x81\x05par",
        ]
        .concat();
        let mut input = &bytes[..];
        let hi = Frame {
            opcode: TEXT,
            payload: b"hi",
        };
        assert_eq!(decode(&mut input).unwrap(), Some(hi));
        assert_eq!(decode(&mut input).unwrap().unwrap().payload.len(), 130);
        assert_eq!(decode(&mut input).unwrap().unwrap().opcode, CLOSE);
        assert_eq!(decode(&mut input).unwrap(), None);
        assert_eq!(input, b"\x81\x05par");
        for length in 0..long.len() {
            assert_eq!(decode(&mut &long[..length]).unwrap(), None, "{length}");
        }
    }

    #[test]
    fn masked_fragmented_compressed_and_huge_frames_are_faults() {
        for bytes in [
            &b"\x81\x82\0\0\0\0hi"[..],
            b"\x01\x02hi",
            b"\xc1\x02hi",
            b"\x82\x01x",
            b"\x89\0",
        ] {
            assert!(decode(&mut &bytes[..]).is_err(), "{bytes:?}");
        }
        assert!(decode(&mut &b"\x81\x7f\0\0\0\0\0\x01\0\0"[..]).is_err());
    }

    #[test]
    fn another_key_or_status_is_no_websocket() {
        let good = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        let mut input = good.as_bytes();
        assert!(take_opened(&mut input).unwrap());
        assert!(input.is_empty());
        assert!(!take_opened(&mut &good.as_bytes()[..good.len() - 1]).unwrap());
        for bad in [good.replace("s3p", "S3P"), good.replace("101", "200")] {
            assert!(take_opened(&mut bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
