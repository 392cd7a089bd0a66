//! Checks of the framing on WebSockets.

use bytes::Bytes;
use engineio_proto::Frame;
use engineio_proto::Seed;
use engineio_proto::codec::websocket::{Decoder, Encoder, Received, Role, Violation};

/// A stream. The first two bytes are the limit. The highest bit of the third says which end reads, and its other bits are
/// the length of the pieces in which the stream arrives; zero means whole.
///
/// The messages, control frames and the violation are the same for every length. No message is beyond the limit, and no
/// more memory is held than what came. What was read comes back when the other end writes it.
pub fn decode_websocket(data: &[u8]) {
    let Some((&[high, low, cut], stream)) = data.split_first_chunk() else {
        return;
    };
    let limit = usize::from(u16::from_be_bytes([high, low]));
    let role = if cut & 0x80 == 0 {
        Role::Client
    } else {
        Role::Server
    };
    let (received, violation) = read(role, limit, stream, stream.len());
    for step in [1, usize::from(cut & 0x7f)] {
        let again = read(role, limit, stream, step);
        assert_eq!(again, (received.clone(), violation));
    }
    if let Some(violation) = violation {
        assert!([1002, 1007, 1009].contains(&violation.close_code()));
    }
    let mut encoder = match role {
        Role::Client => Encoder::server(),
        Role::Server => Encoder::client(&Seed::new([1; 32]), 0),
    };
    let mut written = Vec::new();
    for one in &received {
        let (header, content) = match one.clone() {
            Received::Message(frame) => {
                assert!(frame.len() <= limit);
                encoder.message(frame)
            }
            Received::Compressed { is_text, content } => encoder.compressed(is_text, content),
            Received::Ping(content) => encoder.ping(&content),
            Received::Pong(content) => encoder.pong(&content),
            Received::Close(close) => encoder.close(close.as_ref()),
        };
        written.extend_from_slice(header.as_ref());
        written.extend_from_slice(&content);
    }
    assert_eq!(read(role, limit, &written, 7), (received, None));
}

/// Reads a stream that arrives in pieces of so many bytes.
fn read(
    role: Role,
    limit: usize,
    stream: &[u8],
    step: usize,
) -> (Vec<Received>, Option<Violation>) {
    let mut decoder = Decoder::new(role, limit);
    let mut all = Vec::new();
    let mut came = 0;
    for mut piece in stream.chunks(step.max(1)) {
        came += piece.len();
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(received)) => all.push(received),
                Ok(None) => break,
                Err(violation) => {
                    assert_eq!(decoder.bytes_held(), 0);
                    assert_eq!(decoder.decode(&mut &b"\x81\0"[..]), Ok(None), "it is over");
                    return (all, Some(violation));
                }
            }
        }
        assert!(piece.is_empty());
        // A buffer grows by doubling, and has eight bytes at least; there may be one for a message and one for a control frame.
        assert!(decoder.bytes_held() <= 2 * came + 16);
    }
    (all, None)
}

/// A message of the input comes back from either end, whatever its length.
pub fn roundtrip_websocket(data: &[u8]) {
    let binary = Frame::Binary(Bytes::copy_from_slice(data));
    let text = Frame::Text(String::from_utf8_lossy(data).into_owned().into());
    for frame in [binary, text] {
        let client = Encoder::client(&Seed::new([2; 32]), data.len() as u64);
        for (mut encoder, role) in [(Encoder::server(), Role::Client), (client, Role::Server)] {
            let (header, content) = encoder.message(frame.clone());
            let bytes = [header.as_ref(), &content].concat();
            let expected = vec![Received::Message(frame.clone())];
            assert_eq!(read(role, frame.len(), &bytes, 5), (expected, None));
        }
    }
}
