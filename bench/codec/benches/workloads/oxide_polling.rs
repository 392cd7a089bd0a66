//! The codec of socketioxide, with the bodies of HTTP long-polling W6 and W7.

use core::fmt::Debug;
use core::hint::black_box;
use core::pin::pin;

use benchmarks::Run;
use benchmarks::wire::{self, Wire};
use bytes::Bytes;
use engineioxide_core::{PacketBuf, ProtocolVersion, payload};
use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::Full;
use serde::Serialize;
use socketioxide_core::packet::Packet;
use socketioxide_core::parser::Parse;
use socketioxide_parser_common::CommonParser;

use super::oxide::{Decoder, event_data, messages};
use super::w6_texts;

const BODIES: u32 = 5;
const MAX_PAYLOAD: u64 = 1_000_000;
const ATTACHMENT: usize = 65_536;

pub(super) fn w6_decode() -> Run {
    decode("W6", &w6_texts(), |packets| {
        let texts = packets.into_iter().map(|mut packet| {
            let data = event_data(&mut packet);
            CommonParser.read_event(data).unwrap();
            let (text,): (String,) = CommonParser.decode_value(data, true).unwrap();
            text
        });
        texts.collect()
    })
}

pub(super) fn w6_encode() -> Run {
    let texts = w6_texts();
    encode("W6", move || {
        let texts = texts.iter();
        texts.map(|text| event("chat message", &text)).collect()
    })
}

pub(super) fn w7_decode() -> Run {
    decode("W7", &ATTACHMENT, |mut packets| {
        let data = event_data(&mut packets[0]);
        CommonParser.read_event(data).unwrap();
        let (data,): (Bytes,) = CommonParser.decode_value(data, true).unwrap();
        data.len()
    })
}

pub(super) fn w7_encode() -> Run {
    let data = Bytes::from(wire::bytes(ATTACHMENT));
    encode("W7", move || vec![event("upload", &(&data,))])
}

fn decode<T: Debug + PartialEq + 'static>(
    workload: &str,
    expected: &T,
    read: impl Fn(Vec<Packet>) -> T + 'static,
) -> Run {
    let body = Bytes::from(wire::polling_body(&Wire::of(workload).frames()));
    let mut decoder = Decoder::new(CommonParser);
    Run::repeated(BODIES, expected, move || {
        let body = Full::new(black_box(&body).clone());
        let packets = payload::decoder(body, None, ProtocolVersion::V4, MAX_PAYLOAD);
        let mut packets = pin!(packets);
        let mut complete = Vec::new();
        // The body is there, so that nothing is waited for.
        while let Some(packet) = packets.next().now_or_never().unwrap() {
            complete.extend(decoder.add(packet.unwrap()));
        }
        read(complete)
    })
}

fn event(name: &str, args: &impl Serialize) -> Packet {
    let data = CommonParser.encode_value(args, Some(name)).unwrap();
    Packet::event("/", data)
}

fn encode(workload: &str, packets: impl Fn() -> Vec<Packet> + 'static) -> Run {
    let expected = Bytes::from(wire::polling_body(&Wire::of(workload).frames()));
    Run::repeated(BODIES, &expected, move || {
        let packets = packets().into_iter();
        let packets = packets.map(|packet| messages(CommonParser.encode(packet)).collect());
        let packets = stream::iter(packets.collect::<Vec<PacketBuf>>());
        let payload = payload::encoder(packets, ProtocolVersion::V4, true, MAX_PAYLOAD);
        payload.now_or_never().unwrap().data
    })
}
