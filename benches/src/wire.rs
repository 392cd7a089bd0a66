//! The packets of `workloads.json`: as they are on the wire, and the values in them.
//!
//! The file says itself what its fields mean. All functions panic for a workload that is not in it, or that has no such
//! form: benchmarks name them as constants.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark whose data is missing cannot go on"
)]

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;

/// The content of a WebSocket frame.
#[expect(
    clippy::exhaustive_enums,
    reason = "the two kinds of data frames are what the protocol has"
)]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Frame {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Vec<u8>),
}

/// One workload of the file.
#[derive(Clone, Debug)]
pub struct Wire(Value);

impl Wire {
    /// Finds a workload by its id, such as `W1`.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let file = include_str!("../workloads.json");
        let file: Value = serde_json::from_str(file).expect("workloads.json is JSON");
        let all = file["workloads"].as_array().expect("a list of workloads");
        let found = all.iter().find(|workload| workload["id"] == id);
        Self(found.unwrap_or_else(|| panic!("no workload {id}")).clone())
    }

    /// The frames in their order.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        let frames = self.0["frames"].as_array().expect("a list of frames");
        let frame = |frame: &Value| match frame["kind"].as_str() {
            Some("text") => Frame::Text(text(&frame["data"])),
            Some("binary" | "base64") => Frame::Binary(bytes(length(&frame["len"]))),
            kind => panic!("unknown kind of frame: {kind:?}"),
        };
        frames.iter().map(frame).collect()
    }

    /// The packet as `socket.io-msgpack-parser` writes it.
    #[must_use]
    pub fn msgpack(&self) -> Vec<u8> {
        let parts = self.0["msgpack"].as_array().expect("a list of parts");
        let part = |part: &Value| match part["b64"].as_str() {
            Some(base64) => BASE64_STANDARD.decode(base64).expect("base64"),
            None => bytes(length(&part["bin"])),
        };
        parts.iter().flat_map(part).collect()
    }

    /// The namespace of the packet.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0["packet"]["ns"].as_str().expect("a namespace")
    }

    /// The id by which the packet asks for an acknowledgement.
    #[must_use]
    pub fn ack_id(&self) -> Option<u64> {
        self.0["packet"]["id"].as_u64()
    }

    /// The arguments of the event behind its name. A binary one is an object `{"$bin": length}`.
    #[must_use]
    pub fn args(&self) -> &[Value] {
        args(&self.0["packet"])
    }

    /// The authentication of a client.
    #[must_use]
    pub fn auth(&self) -> &Value {
        &self.0["packet"]["auth"]
    }

    /// The arguments of each packet of a polling payload.
    #[must_use]
    pub fn args_of_packets(&self) -> Vec<&[Value]> {
        let packets = self.0["packets"].as_array().expect("a list of packets");
        packets.iter().map(args).collect()
    }
}

/// The body of a request or response that carries frames by HTTP long-polling.
#[must_use]
pub fn polling_body(frames: &[Frame]) -> String {
    let packets = frames.iter().map(|frame| match frame {
        Frame::Text(text) => text.clone(),
        Frame::Binary(data) => format!("b{}", BASE64_STANDARD.encode(data)),
    });
    packets.collect::<Vec<_>>().join("\u{1e}")
}

/// The content of a binary value of that length, which is the same in every workload.
#[must_use]
pub fn bytes(length: usize) -> Vec<u8> {
    let byte = |index: usize| (index * 131 + (index >> 8) * 17 + 7) as u8;
    (0..length).map(byte).collect()
}

fn args(packet: &Value) -> &[Value] {
    packet["args"].as_array().expect("a list of arguments")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn length(value: &Value) -> usize {
    let length = value.as_u64().and_then(|length| length.try_into().ok());
    length.expect("a length")
}
