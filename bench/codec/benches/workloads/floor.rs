//! The floors: serde_json, rmp-serde and base64-simd alone, with what the packets carry and no packet around it.
//!
//! With MessagePack the packet is an object as the rest, so that it is read and written whole.

use core::fmt::Debug;
use core::hint::black_box;

use base64_simd::STANDARD;
use benchmarks::Run;
use benchmarks::wire::{self, Wire};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::w6_texts;

const BODIES: u32 = 5;
const ATTACHMENT: usize = 65_536;

/// A packet of MessagePack.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Packet<T> {
    #[serde(rename = "type")]
    packet_type: u8,
    nsp: String,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
}

/// The JSON of a packet, without what stands in front of it.
fn json(workload: &str) -> String {
    match &Wire::of(workload).frames()[..] {
        [wire::Frame::Text(text), ..] => text[text.find(['[', '{']).unwrap()..].to_owned(),
        frames => panic!("{workload} starts with text: {frames:?}"),
    }
}

pub(super) fn json_decode<T>(workload: &str, operations: u32) -> Run
where
    T: DeserializeOwned + Debug + PartialEq + 'static,
{
    let json = json(workload);
    let expected: T = serde_json::from_str(&json).unwrap();
    Run::repeated(operations, &expected, move || {
        serde_json::from_str(black_box(&json)).unwrap()
    })
}

/// Reads the name of the event, and checks the rest.
pub(super) fn json_route(workload: &str, operations: u32) -> Run {
    #[derive(Deserialize)]
    struct Event<'a>(&'a str, IgnoredAny);
    let json = json(workload);
    let length = json.find(',').unwrap() - r#"[""#.len() - 1;
    Run::repeated(operations, &length, move || {
        let Event(name, _) = serde_json::from_str(black_box(&json)).unwrap();
        name.len()
    })
}

pub(super) fn json_encode<T>(workload: &str, operations: u32) -> Run
where
    T: DeserializeOwned + Serialize + 'static,
{
    let json = json(workload);
    let value: T = serde_json::from_str(&json).unwrap();
    Run::repeated(operations, &json, move || {
        serde_json::to_string(black_box(&value)).unwrap()
    })
}

pub(super) fn json_w6_decode() -> Run {
    let texts = w6_texts();
    let packets: Vec<_> = texts.iter().map(|text| w6_json(text)).collect();
    Run::repeated(BODIES, &texts, move || {
        let packets = black_box(&packets).iter();
        let texts = packets.map(|json| {
            let (_, text): (String, String) = serde_json::from_str(json).unwrap();
            text
        });
        texts.collect::<Vec<_>>()
    })
}

pub(super) fn json_w6_encode() -> Run {
    let texts = w6_texts();
    let packets: Vec<_> = texts.iter().map(|text| w6_json(text)).collect();
    Run::repeated(BODIES, &packets, move || {
        let texts = black_box(&texts).iter();
        texts.map(|text| w6_json(text)).collect::<Vec<_>>()
    })
}

fn w6_json(text: &str) -> String {
    serde_json::to_string(&("chat message", text)).unwrap()
}

pub(super) fn msgpack_decode<T>(workload: &str, operations: u32) -> Run
where
    T: DeserializeOwned + Debug + PartialEq + 'static,
{
    let data = Wire::of(workload).msgpack();
    let expected: Packet<T> = rmp_serde::from_slice(&data).unwrap();
    Run::repeated(operations, &expected, move || {
        rmp_serde::from_slice(black_box(&data)).unwrap()
    })
}

pub(super) fn msgpack_encode<T>(workload: &str, operations: u32) -> Run
where
    T: DeserializeOwned + Serialize + 'static,
{
    let data = Wire::of(workload).msgpack();
    let packet: Packet<T> = rmp_serde::from_slice(&data).unwrap();
    Run::repeated(operations, &data, move || {
        rmp_serde::to_vec_named(black_box(&packet)).unwrap()
    })
}

pub(super) fn base64_decode() -> Run {
    let data = wire::bytes(ATTACHMENT);
    let base64 = STANDARD.encode_to_string(&data);
    Run::repeated(BODIES, &data, move || {
        STANDARD.decode_to_vec(black_box(&base64)).unwrap()
    })
}

pub(super) fn base64_encode() -> Run {
    let data = wire::bytes(ATTACHMENT);
    let base64 = STANDARD.encode_to_string(&data);
    Run::repeated(BODIES, &base64, move || {
        STANDARD.encode_to_string(black_box(&data))
    })
}
