//! Packets between bytes and values, with both parsers: W1 to W5 and W8.
//!
//! *Decode* takes the frames of one packet and reads its arguments into a type of the application. *Route* takes them and
//! looks at the name of the event only. *Encode* makes the frames of one packet from such a type. The codec of Engine.IO
//! is part of each.

use core::fmt::Debug;
use core::hint::black_box;

use benchmarks::Run;
use benchmarks::wire::{self, Wire};
use serde::de::DeserializeOwned;
use serde_json::Value;
use socketio_proto::engine::codec::{Packet as EnginePacket, v4};
use socketio_proto::engine::{Bytes, Encoded, Frame};
use socketio_proto::parser::{Decoder, Limits, Parser};
use socketio_proto::{EncodeError, Packet, PacketRef, PacketType, Payload};

use super::values::{Auth, Row, Update};

/// Enough operations that what a run takes besides does not show.
const SMALL: u32 = 100;
const LARGE: u32 = 5;

pub(super) const MAX_ATTACHMENTS: u16 = 10;

pub(super) fn w1_decode(parser: Parser) -> Run {
    decode_args::<(String,)>(parser, "W1", SMALL)
}

pub(super) fn w1_route(parser: Parser) -> Run {
    route(parser, "W1", "chat message", SMALL)
}

pub(super) fn w2_encode(parser: Parser) -> Run {
    encode(parser, "W2", SMALL, move || {
        parser.event("chat message").arg("hello world").build()
    })
}

pub(super) fn w3_decode(parser: Parser) -> Run {
    decode_args::<(Update,)>(parser, "W3", SMALL)
}

pub(super) fn w3_route(parser: Parser) -> Run {
    route(parser, "W3", "update", SMALL)
}

pub(super) fn w3_encode(parser: Parser) -> Run {
    let update: Update = argument("W3");
    encode(parser, "W3", SMALL, move || {
        parser.event("update").arg(&update).build()
    })
}

pub(super) fn w4_decode(parser: Parser) -> Run {
    decode_args::<(Vec<Row>,)>(parser, "W4", LARGE)
}

pub(super) fn w4_route(parser: Parser) -> Run {
    route(parser, "W4", "rows", LARGE)
}

pub(super) fn w4_encode(parser: Parser) -> Run {
    let rows: Vec<Row> = argument("W4");
    encode(parser, "W4", LARGE, move || {
        parser.event("rows").arg(&rows).build()
    })
}

/// The attachments are borrowed, as an application does that writes them to a file.
pub(super) fn w5_decode(parser: Parser) -> Run {
    let expected = ("file.bin".to_owned(), 1024, 65_536);
    decode(parser, "W5", SMALL, &expected, |packet| {
        let (name, small, large): (String, &[u8], &[u8]) = payload(packet).args().unwrap();
        (name, small.len(), large.len())
    })
}

pub(super) fn w5_route(parser: Parser) -> Run {
    route(parser, "W5", "upload", SMALL)
}

pub(super) fn w5_encode(parser: Parser) -> Run {
    let [small, large] = [1024, 65_536].map(|length| Bytes::from(wire::bytes(length)));
    encode(parser, "W5", SMALL, move || {
        let event = parser.event("upload").arg("file.bin");
        event.binary(small.clone()).binary(large.clone()).build()
    })
}

pub(super) fn w8_decode(parser: Parser) -> Run {
    let expected: Auth = auth();
    decode(parser, "W8", SMALL, &expected, |packet| {
        assert_eq!(packet.packet_type, PacketType::Connect);
        payload(packet).data().unwrap()
    })
}

pub(super) fn w8_encode(parser: Parser) -> Run {
    let auth: Auth = auth();
    encode(parser, "W8", SMALL, move || Payload::object(&auth))
}

/// Reads the arguments of an event into `T`.
fn decode_args<T>(parser: Parser, workload: &str, operations: u32) -> Run
where
    T: DeserializeOwned + Debug + PartialEq + 'static,
{
    let args = Value::from(Wire::of(workload).args().to_vec());
    let expected: T = serde_json::from_value(args).unwrap();
    decode(parser, workload, operations, &expected, |packet| {
        payload(packet).args().unwrap()
    })
}

/// Looks at the name of an event.
fn route(parser: Parser, workload: &str, name: &'static str, operations: u32) -> Run {
    decode(parser, workload, operations, &true, move |packet| {
        black_box(payload(packet).name()) == Some(name)
    })
}

pub(super) fn payload(packet: &Packet) -> &Payload {
    packet.payload.as_ref().unwrap()
}

fn argument<T: DeserializeOwned>(workload: &str) -> T {
    serde_json::from_value(Wire::of(workload).args()[0].clone()).unwrap()
}

fn auth<T: DeserializeOwned>() -> T {
    serde_json::from_value(Wire::of("W8").auth().clone()).unwrap()
}

/// Takes the frames of a packet, and `read`s it.
fn decode<T: Debug + PartialEq + 'static>(
    parser: Parser,
    workload: &str,
    operations: u32,
    expected: &T,
    read: impl Fn(&Packet) -> T + 'static,
) -> Run {
    let frames = frames(parser, &Wire::of(workload));
    let mut decoder = parser.decoder(Limits::default());
    Run::repeated(operations, expected, move || {
        read(&packet_of(&mut decoder, black_box(&frames)))
    })
}

/// Gives the packet that is complete with the last of these frames.
fn packet_of(decoder: &mut Decoder, frames: &[Frame]) -> Packet {
    let mut complete = None;
    for frame in frames {
        let packet = v4::decode_frame(frame.clone()).unwrap();
        let EnginePacket::Message(message) = packet else {
            panic!("no message: {packet:?}")
        };
        complete = decoder.add(message).unwrap();
    }
    complete.unwrap()
}

/// Makes the frames of a packet with the type, namespace and id of the workload.
fn encode(
    parser: Parser,
    workload: &str,
    operations: u32,
    payload: impl Fn() -> Result<Payload, EncodeError> + 'static,
) -> Run {
    let wire = Wire::of(workload);
    let expected = frames(parser, &wire);
    let (namespace, id) = (wire.namespace().to_owned(), wire.ack_id());
    let packet_type = if workload == "W8" {
        PacketType::Connect
    } else {
        PacketType::Event
    };
    let encode = move || {
        let payload = payload().unwrap();
        let mut packet = PacketRef::new(packet_type, &namespace).with_payload(&payload);
        packet.id = id;
        parser.encode(packet, MAX_ATTACHMENTS).unwrap()
    };
    let frames: Vec<_> = encode().parts().iter().map(Encoded::frame).collect();
    if parser == Parser::Json {
        assert_eq!(frames, expected, "the result of a benchmark");
    } else {
        // The members of a packet stand in another order than in that of the official encoder.
        let mut decoder = parser.decoder(Limits::default());
        let [packet, expected] = [&frames, &expected].map(|frames| packet_of(&mut decoder, frames));
        assert_eq!(packet, expected, "the result of a benchmark");
    }
    Run::new(operations, move || {
        for _ in 0..operations {
            for part in encode().parts() {
                black_box(part.frame());
            }
        }
    })
}

/// The frames of a packet as they are on the wire.
fn frames(parser: Parser, wire: &Wire) -> Vec<Frame> {
    let frames = if parser == Parser::Json {
        wire.frames()
    } else {
        vec![wire::Frame::Binary(wire.msgpack())]
    };
    let frame = |frame| match frame {
        wire::Frame::Text(text) => Frame::Text(text.into()),
        wire::Frame::Binary(data) => Frame::Binary(data.into()),
    };
    frames.into_iter().map(frame).collect()
}
