//! Packets between bytes and messages.

use core::hint::black_box;

use benchmarks::Run;
use benchmarks::wire::{self, Wire};
use bytes::{Bytes, BytesMut};
use engineio_proto::codec::{Packet, v4, webtransport};
use engineio_proto::{Encoded, Frame, Message};

const FRAMES: u32 = 100;
const BODIES: u32 = 5;

/// More than any body here has.
const MAX_PACKETS: usize = 1_000;
/// More than any frame here has, in bytes.
const MAX_PAYLOAD: usize = 1_000_000;

/// The text frame of W1.
pub(super) fn frame_decode() -> Run {
    let (frame, message) = small();
    Run::repeated(FRAMES, &Packet::Message(message), move || {
        v4::decode_frame(black_box(&frame).clone()).unwrap()
    })
}

pub(super) fn frame_encode() -> Run {
    let (frame, message) = small();
    Run::repeated(FRAMES, &frame, move || {
        Encoded::new(black_box(&message)).frame()
    })
}

/// A stream with the frame of W1 again and again, in chunks of some kilobytes; an operation is one frame.
pub(super) fn webtransport_decode() -> Run {
    let (frame, _) = small();
    let (header, content) = webtransport::encode(frame.clone());
    let stream = [header.as_ref(), &content].concat().repeat(FRAMES as usize);
    let stream = Bytes::from(stream);
    let mut decoder = webtransport::Decoder::new(MAX_PAYLOAD);
    let mut decode = move || {
        let mut chunk = black_box(&stream).clone();
        let mut found = 0;
        while let Some(decoded) = decoder.decode(&mut chunk).unwrap() {
            found += u32::from(decoded == frame);
        }
        found
    };
    assert_eq!(decode(), FRAMES, "the result of a benchmark");
    Run::new(FRAMES, move || {
        black_box(decode());
    })
}

pub(super) fn webtransport_encode() -> Run {
    let (frame, _) = small();
    let Frame::Text(text) = frame.clone() else {
        panic!("W1 is a text frame")
    };
    let expected = (vec![text.len() as u8], text.into_bytes());
    let encode = move || webtransport::encode(black_box(&frame).clone());
    let (header, content) = encode();
    assert_eq!((header.as_ref().to_vec(), content), expected);
    Run::new(FRAMES, move || {
        for _ in 0..FRAMES {
            black_box(encode());
        }
    })
}

/// A body of HTTP long-polling; an operation is the whole of it.
pub(super) fn polling_decode(workload: &str) -> Run {
    let frames = Wire::of(workload).frames();
    let body = Bytes::from(wire::polling_body(&frames));
    Run::repeated(BODIES, &packets(&frames), move || {
        let packets = v4::decode_payload(black_box(&body).clone(), MAX_PACKETS);
        packets.map(Result::unwrap).collect::<Vec<_>>()
    })
}

pub(super) fn polling_encode(workload: &str) -> Run {
    let frames = Wire::of(workload).frames();
    let body = Bytes::from(wire::polling_body(&frames));
    let packets = packets(&frames);
    Run::repeated(BODIES, &body, move || {
        let mut body = BytesMut::new();
        v4::encode_payload(black_box(&packets), &mut body);
        body.freeze()
    })
}

/// The only frame of W1, and the message in it.
fn small() -> (Frame, Message) {
    match &Wire::of("W1").frames()[..] {
        [wire::Frame::Text(text)] => {
            let message = Message::text(text.strip_prefix('4').unwrap());
            (Frame::Text(text.as_str().into()), message)
        }
        frames => panic!("W1 has one text frame: {frames:?}"),
    }
}

/// The packets that frames carry, which are all messages.
fn packets(frames: &[wire::Frame]) -> Vec<Packet> {
    let message = |frame: &wire::Frame| match frame {
        wire::Frame::Text(text) => Message::text(text.strip_prefix('4').unwrap()),
        wire::Frame::Binary(data) => Message::binary(data.clone()),
    };
    frames.iter().map(message).map(Packet::Message).collect()
}
