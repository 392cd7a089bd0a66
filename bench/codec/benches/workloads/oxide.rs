//! The codec of socketioxide, with the packets W1 to W5 and W8 on a WebSocket.
//!
//! The operations are those of its server for a frame and of its application for an event, in the same order.

use core::fmt::Debug;
use core::hint::black_box;

use benchmarks::Run;
use benchmarks::wire::{self, Wire};
use bytes::Bytes;
use engineioxide_core::{Packet as EnginePacket, ProtocolVersion, Str};
use serde::Serialize;
use serde::de::DeserializeOwned;
use socketioxide_core::Value;
use socketioxide_core::packet::{Packet, PacketData};
use socketioxide_core::parser::{Parse, ParseConfig, ParseError, ParserState};
use socketioxide_parser_msgpack::MsgPackParser;

use super::values::{Row, Update};
use super::{LARGE, SMALL, args, auth};

pub(super) trait Parser: Parse + 'static {}

impl<P: Parse + 'static> Parser for P {}

pub(super) fn w1_decode(parser: impl Parser) -> Run {
    decode_args::<(String,)>(parser, "W1", SMALL)
}

pub(super) fn w1_route(parser: impl Parser) -> Run {
    route(parser, "W1", "chat message", SMALL)
}

pub(super) fn w2_encode(parser: impl Parser) -> Run {
    encode_event(parser, "W2", "chat message", "hello world", SMALL)
}

pub(super) fn w3_decode(parser: impl Parser) -> Run {
    decode_args::<(Update,)>(parser, "W3", SMALL)
}

pub(super) fn w3_route(parser: impl Parser) -> Run {
    route(parser, "W3", "update", SMALL)
}

pub(super) fn w3_encode(parser: impl Parser) -> Run {
    let args: (Update,) = args("W3");
    encode_event(parser, "W3", "update", args, SMALL)
}

pub(super) fn w4_decode(parser: impl Parser) -> Run {
    decode_args::<(Vec<Row>,)>(parser, "W4", LARGE)
}

pub(super) fn w4_route(parser: impl Parser) -> Run {
    route(parser, "W4", "rows", LARGE)
}

pub(super) fn w4_encode(parser: impl Parser) -> Run {
    let args: (Vec<Row>,) = args("W4");
    encode_event(parser, "W4", "rows", args, LARGE)
}

pub(super) fn w5_decode(parser: impl Parser) -> Run {
    let expected = (
        "file.bin".to_owned(),
        Bytes::from(wire::bytes(1024)),
        Bytes::from(wire::bytes(65_536)),
    );
    decode(parser, "W5", SMALL, &expected, move |mut packet| {
        parser.decode_value(event_data(&mut packet), true).unwrap()
    })
}

pub(super) fn w5_encode(parser: impl Parser) -> Run {
    let [small, large] = [1024, 65_536].map(|length| Bytes::from(wire::bytes(length)));
    encode_event(parser, "W5", "upload", ("file.bin", small, large), SMALL)
}

pub(super) fn w8_decode(parser: impl Parser) -> Run {
    decode(parser, "W8", SMALL, &auth(), move |packet| {
        match &packet.inner {
            PacketData::Connect(auth) => parser.decode_default(auth.as_ref()).unwrap(),
            other => panic!("no connect packet: {other:?}"),
        }
    })
}

pub(super) fn w8_encode(parser: impl Parser) -> Run {
    let auth = auth();
    encode(parser, "W8", SMALL, move || {
        let data = parser.encode_default(black_box(&auth)).unwrap();
        Packet::connect("/admin", Some(data))
    })
}

/// Reads the arguments of an event into `T`.
fn decode_args<T>(parser: impl Parser, workload: &str, operations: u32) -> Run
where
    T: DeserializeOwned + Debug + PartialEq + 'static,
{
    let expected: T = args(workload);
    decode(
        parser,
        workload,
        operations,
        &expected,
        move |mut packet| {
            let data = event_data(&mut packet);
            parser.read_event(data).unwrap();
            parser.decode_value(data, true).unwrap()
        },
    )
}

/// Looks at the name of an event.
fn route(parser: impl Parser, workload: &str, name: &'static str, operations: u32) -> Run {
    decode(parser, workload, operations, &true, move |mut packet| {
        black_box(parser.read_event(event_data(&mut packet)).unwrap()) == name
    })
}

pub(super) fn event_data(packet: &mut Packet) -> &mut Value {
    match &mut packet.inner {
        PacketData::Event(data, _) | PacketData::BinaryEvent(data, _) => data,
        other => panic!("no event: {other:?}"),
    }
}

/// Takes the frames of a packet, and `read`s it.
fn decode<T: Debug + PartialEq + 'static>(
    parser: impl Parser,
    workload: &str,
    operations: u32,
    expected: &T,
    read: impl Fn(Packet) -> T + 'static,
) -> Run {
    let frames = frames(parser, &Wire::of(workload));
    let mut decoder = Decoder::new(parser);
    Run::repeated(operations, expected, move || {
        let mut complete = None;
        for frame in black_box(&frames) {
            complete = match frame.clone() {
                Frame::Text(text) => {
                    let packet = EnginePacket::parse(ProtocolVersion::V4, text).unwrap();
                    decoder.add(packet)
                }
                Frame::Binary(data) => decoder.add(EnginePacket::Binary(data)),
            };
        }
        read(complete.unwrap())
    })
}

/// A connection's part in decoding.
pub(super) struct Decoder<P> {
    parser: P,
    config: ParseConfig,
    state: ParserState,
}

impl<P: Parser> Decoder<P> {
    pub(super) fn new(parser: P) -> Self {
        Self {
            parser,
            config: ParseConfig::default(),
            state: ParserState::default(),
        }
    }

    pub(super) fn add(&mut self, packet: EnginePacket) -> Option<Packet> {
        let (config, state) = (&self.config, &self.state);
        let decoded = match packet {
            EnginePacket::Message(text) => self.parser.decode_str(config, state, text),
            EnginePacket::Binary(data) => self.parser.decode_bin(config, state, data),
            packet => panic!("no message: {packet:?}"),
        };
        match decoded {
            Ok(packet) => Some(packet),
            Err(ParseError::NeedsMoreBinaryData) => None,
            Err(error) => panic!("{error}"),
        }
    }
}

fn encode_event(
    parser: impl Parser,
    workload: &str,
    name: &'static str,
    args: impl Serialize + 'static,
    operations: u32,
) -> Run {
    let id = Wire::of(workload).ack_id();
    let namespace = Str::from(Wire::of(workload).namespace().to_owned());
    encode(parser, workload, operations, move || {
        let data = parser.encode_value(black_box(&args), Some(name)).unwrap();
        let mut packet = Packet::event(namespace.clone(), data);
        if let Some(id) = id {
            packet.inner.set_ack_id(id as i64);
        }
        packet
    })
}

/// Makes the frames of a packet.
fn encode(
    parser: impl Parser,
    workload: &str,
    operations: u32,
    packet: impl Fn() -> Packet + 'static,
) -> Run {
    let expected = frames(parser, &Wire::of(workload));
    let encoded: Vec<_> = messages(parser.encode(packet())).map(into_frame).collect();
    if is_msgpack(&parser) {
        // The members of a packet stand in another order than in that of the official encoder.
        let mut decoder = Decoder::new(parser);
        let mut read = |frames: &[Frame]| match &frames[0] {
            Frame::Binary(data) => decoder.add(EnginePacket::Binary(data.clone())),
            Frame::Text(text) => panic!("a text frame: {text}"),
        };
        assert_eq!(read(&encoded), read(&expected), "the result of a benchmark");
    } else {
        assert_eq!(encoded, expected, "the result of a benchmark");
    }
    Run::new(operations, move || {
        for _ in 0..operations {
            for message in messages(parser.encode(packet())) {
                black_box(into_frame(message));
            }
        }
    })
}

/// The packets of Engine.IO that carry a packet.
pub(super) fn messages(encoded: Value) -> impl Iterator<Item = EnginePacket> {
    let (first, attachments) = match encoded {
        Value::Str(text, attachments) => (EnginePacket::Message(text), attachments),
        Value::Bytes(data) => (EnginePacket::Binary(data), None),
    };
    let attachments = attachments.into_iter().flatten();
    core::iter::once(first).chain(attachments.map(EnginePacket::Binary))
}

#[derive(Clone, Debug, PartialEq)]
enum Frame {
    Text(Str),
    Binary(Bytes),
}

fn into_frame(packet: EnginePacket) -> Frame {
    match packet {
        EnginePacket::Binary(data) => Frame::Binary(data),
        packet => Frame::Text(String::from(packet).into()),
    }
}

/// The frames of a packet as they are on the wire.
fn frames(parser: impl Parser, wire: &Wire) -> Vec<Frame> {
    let frames = if is_msgpack(&parser) {
        vec![wire::Frame::Binary(wire.msgpack())]
    } else {
        wire.frames()
    };
    let frame = |frame| match frame {
        wire::Frame::Text(text) => Frame::Text(text.into()),
        wire::Frame::Binary(data) => Frame::Binary(data.into()),
    };
    frames.into_iter().map(frame).collect()
}

fn is_msgpack(parser: &dyn core::any::Any) -> bool {
    parser.is::<MsgPackParser>()
}
