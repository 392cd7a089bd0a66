//! Bodies of HTTP long-polling, with both parsers: W6, a hundred small packets, and W7, an attachment of 64 kB as base64.
//! MessagePack is base64 in any case.
//!
//! An operation is one body.

use core::fmt::Debug;
use core::hint::black_box;

use benchmarks::Run;
use benchmarks::wire::{self, Wire};
use bytes::{Bytes, BytesMut};
use socketio_proto::engine::codec::{Packet as EnginePacket, v4};
use socketio_proto::parser::{Decoder, Limits, Parser};
use socketio_proto::{EncodeError, Packet, PacketRef, PacketType, Payload};

use super::codec::{MAX_ATTACHMENTS, payload};

const BODIES: u32 = 5;

/// More than any body here has.
const MAX_PACKETS: usize = 1_000;

const ATTACHMENT: usize = 65_536;

/// Reads each argument into a string.
pub(super) fn w6_decode(parser: Parser) -> Run {
    decode(parser, small_packets(parser), &w6_texts(), |packets| {
        let texts = packets.map(|packet| payload(&packet).args::<(String,)>().unwrap().0);
        texts.collect()
    })
}

/// Looks at the name of each event.
pub(super) fn w6_route(parser: Parser) -> Run {
    decode(parser, small_packets(parser), &100, |packets| {
        let named = packets.filter(|packet| payload(packet).name() == Some("chat message"));
        named.count()
    })
}

pub(super) fn w6_encode(parser: Parser) -> Run {
    let texts = w6_texts();
    encode(parser, small_packets(parser), 100, move |index| {
        let event = parser.event("chat message").arg(&texts[index]);
        event.build()
    })
}

/// Borrows the attachment.
pub(super) fn w7_decode(parser: Parser) -> Run {
    decode(parser, large_packet(parser), &ATTACHMENT, |packets| {
        let packet = packets.next().unwrap();
        let (data,): (&[u8],) = payload(&packet).args().unwrap();
        data.len()
    })
}

pub(super) fn w7_encode(parser: Parser) -> Run {
    let data = Bytes::from(wire::bytes(ATTACHMENT));
    encode(parser, large_packet(parser), 1, move |_| {
        Payload::event("upload").binary(data.clone()).build()
    })
}

fn w6_texts() -> Vec<String> {
    let wire = Wire::of("W6");
    let args = wire.args_of_packets();
    args.iter()
        .map(|args| args[0].as_str().unwrap().to_owned())
        .collect()
}

/// The frames of W6.
fn small_packets(parser: Parser) -> Vec<wire::Frame> {
    if parser == Parser::Json {
        return Wire::of("W6").frames();
    }
    // All but the text is as in W1, whose text is the last that the packet has.
    let mut head = Wire::of("W1").msgpack();
    head.truncate(head.len() - "?hello world".len());
    let packet = |text: String| {
        let length = 0xa0 | text.len() as u8;
        wire::Frame::Binary([&head[..], &[length], text.as_bytes()].concat())
    };
    w6_texts().into_iter().map(packet).collect()
}

/// The frames of W7.
fn large_packet(parser: Parser) -> Vec<wire::Frame> {
    if parser == Parser::Json {
        return Wire::of("W7").frames();
    }
    let head = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa6upload\xc6\x00\x01\x00\x00";
    vec![wire::Frame::Binary(
        [&head[..], &wire::bytes(ATTACHMENT)].concat(),
    )]
}

/// Takes a body, and `read`s its packets.
fn decode<T: Debug + PartialEq + 'static>(
    parser: Parser,
    frames: Vec<wire::Frame>,
    expected: &T,
    read: impl Fn(&mut dyn Iterator<Item = Packet>) -> T + 'static,
) -> Run {
    let body = Bytes::from(wire::polling_body(&frames));
    let mut decoder = parser.decoder(Limits::default());
    Run::repeated(BODIES, expected, move || {
        read(&mut packets_of(&mut decoder, black_box(&body)))
    })
}

fn packets_of(decoder: &mut Decoder, body: &Bytes) -> impl Iterator<Item = Packet> {
    let packets = v4::decode_payload(body.clone(), MAX_PACKETS);
    packets.filter_map(move |packet| {
        let packet = packet.unwrap();
        let EnginePacket::Message(message) = packet else {
            panic!("no message: {packet:?}")
        };
        decoder.add(message).unwrap()
    })
}

/// Makes the body of so many packets, of which `payload` makes the payloads.
fn encode(
    parser: Parser,
    frames: Vec<wire::Frame>,
    packets: usize,
    payload: impl Fn(usize) -> Result<Payload, EncodeError> + 'static,
) -> Run {
    let encode = move || {
        let mut messages = Vec::with_capacity(packets);
        for index in 0..packets {
            let payload = payload(index).unwrap();
            let packet = PacketRef::new(PacketType::Event, "/").with_payload(&payload);
            let encoded = parser.encode(packet, MAX_ATTACHMENTS).unwrap();
            let parts = encoded.parts().iter();
            messages.extend(parts.map(|part| EnginePacket::Message(part.message())));
        }
        let mut body = BytesMut::new();
        v4::encode_payload(&messages, &mut body);
        body.freeze()
    };
    let expected = Bytes::from(wire::polling_body(&frames));
    if parser == Parser::Json {
        return Run::repeated(BODIES, &expected, encode);
    }
    // The members of a packet stand in another order than in that of the official encoder.
    let mut decoder = parser.decoder(Limits::default());
    let mut read = |body| packets_of(&mut decoder, body).collect::<Vec<_>>();
    let body = encode();
    assert_eq!(read(&body), read(&expected), "the result of a benchmark");
    Run::repeated(BODIES, &body, encode)
}
