//! Properties that hold for any WebTransport stream.
#![cfg(test)]

#[path = "support/cases.rs"]
mod cases;

use engineio_proto::codec::webtransport::{self, Decoder};
use engineio_proto::codec::{DecodeError, v4};
use engineio_proto::inputs::WebTransportStream;
use engineio_proto::{Bytes, Frame, strategies};
use proptest::collection::vec;
use proptest::prelude::*;

const LIMIT: usize = 70_000;

fn wire(frames: &[Frame]) -> Bytes {
    WebTransportStream::new(frames.to_vec()).bytes
}

/// The frames from chunks, and the error that ended the stream.
fn read(
    limit: usize,
    chunks: impl IntoIterator<Item = Bytes>,
) -> (Vec<Frame>, Option<DecodeError>) {
    let mut decoder = Decoder::new(limit);
    let mut frames = Vec::new();
    for mut chunk in chunks {
        loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        assert!(chunk.is_empty(), "a chunk is read to its end");
        assert!(
            decoder.buffered_bytes() < limit,
            "no frame beyond the limit is held"
        );
    }
    (frames, None)
}

/// Cuts the bytes at these places, modulo the remaining length.
fn cut(mut bytes: Bytes, cuts: &[usize]) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    for cut in cuts {
        chunks.push(bytes.split_to(cut % (bytes.len() + 1)));
    }
    chunks.push(bytes);
    chunks
}

proptest! {
    #![proptest_config(cases::config(256))]

    #[test]
    fn what_was_encoded_comes_back(frames in vec(strategies::webtransport_frame(), 0..6)) {
        prop_assert_eq!(read(LIMIT, [wire(&frames)]), (frames, None));
    }

    #[test]
    fn a_frame_of_any_packet_means_the_same_behind_the_framing(frame in strategies::webtransport_frame()) {
        let (mut read, error) = read(LIMIT, [wire(core::slice::from_ref(&frame))]);
        prop_assert_eq!(error, None);
        let read = read.pop().map(v4::decode_frame);
        prop_assert_eq!(read, Some(v4::decode_frame(frame)));
    }

    #[test]
    fn cuts_change_nothing(stream in strategies::webtransport_bytes(), cuts in vec(any::<usize>(), 0..12), limit in prop_oneof![1..200_usize, Just(LIMIT)]) {
        let whole = read(limit, [stream.clone()]);
        prop_assert_eq!(&read(limit, cut(stream.clone(), &cuts)), &whole);
        let bytes = stream.iter().map(|byte| Bytes::copy_from_slice(&[*byte]));
        prop_assert_eq!(&read(limit, bytes), &whole);
    }

    #[test]
    fn frames_are_within_the_limit_and_none_is_empty(stream in strategies::webtransport_bytes(), limit in prop_oneof![1..200_usize, Just(LIMIT)]) {
        let (frames, error) = read(limit, [stream]);
        for frame in frames {
            prop_assert!(!frame.is_empty() && frame.len() <= limit);
        }
        if let Some(DecodeError::TooLong { length, limit: allowed }) = error {
            prop_assert!(length > allowed && allowed == limit as u64);
        }
    }

    #[test]
    fn any_session_id_comes_back_from_an_opening_frame(sid: Option<String>) {
        let opened = webtransport::decode_open(webtransport::encode_open(sid.as_deref()));
        prop_assert_eq!(opened, Ok(sid.map(Into::into)));
    }
}
