//! Checks of the framing in WebTransport streams.

use bytes::Bytes;
use engineio_proto::Frame;
use engineio_proto::codec::DecodeError;
use engineio_proto::codec::webtransport::{self, Decoder};

/// A stream: two bytes are the limit, and the next is the length of the pieces in which it arrives, where zero means
/// whole.
///
/// The frames and the error are the same for every length. No frame is beyond the limit. A valid frame comes back when
/// it is encoded, and is read as an opening packet only if it is one.
pub fn decode_webtransport(data: &[u8]) {
    let Some((&[high, low, cut], stream)) = data.split_first_chunk() else {
        return;
    };
    let limit = usize::from(u16::from_be_bytes([high, low]));
    let stream = Bytes::copy_from_slice(stream);
    let (frames, error) = read(limit, &stream, stream.len());
    for step in [1, usize::from(cut)] {
        assert_eq!(read(limit, &stream, step), (frames.clone(), error));
    }
    if let Some(DecodeError::TooLong {
        length,
        limit: allowed,
    }) = error
    {
        assert!(length > allowed && allowed == limit as u64);
    }
    let mut encoded = Vec::new();
    for frame in &frames {
        assert!(!frame.is_empty() && frame.len() <= limit);
        let (header, content) = webtransport::encode(frame.clone());
        encoded.extend_from_slice(header.as_ref());
        encoded.extend_from_slice(&content);
        if let Ok(sid) = webtransport::decode_open(frame.clone()) {
            let again = webtransport::encode_open(sid.as_deref());
            assert_eq!(webtransport::decode_open(again), Ok(sid));
        }
    }
    // Headers may be shorter than they were.
    assert!(encoded.len() <= stream.len());
    assert_eq!(read(limit, &encoded.into(), 7), (frames, None));
}

/// Reads a stream that arrives in pieces of so many bytes.
fn read(limit: usize, stream: &Bytes, step: usize) -> (Vec<Frame>, Option<DecodeError>) {
    let mut decoder = Decoder::new(limit);
    let mut frames = Vec::new();
    let mut rest = stream.clone();
    while !rest.is_empty() {
        let mut chunk = rest.split_to(step.max(1).min(rest.len()));
        loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut chunk), Err(error), "it comes again");
                    assert_eq!(decoder.buffered_bytes(), 0);
                    return (frames, Some(error));
                }
            }
        }
        assert!(chunk.is_empty());
        assert!(decoder.buffered_bytes() < limit.max(1));
    }
    (frames, None)
}
