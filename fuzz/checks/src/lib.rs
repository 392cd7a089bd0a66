//! Assertions of the fuzz targets. Each target has a function, which panics if a rule of the protocol or of the crate
//! is broken.
//!
//! libFuzzer calls them with its inputs, and the test `corpus` of the workspace with the committed seeds.

mod engine;
mod engine_v3;
mod input;
mod machines;
mod msgpack;
mod reading;
mod socket;
mod websocket;
mod webtransport;

pub use engine::{decode_frame, decode_open, decode_payload, roundtrip_packet};
pub use engine_v3::{decode_frame_v3, decode_payload_v3, roundtrip_packet_v3};
pub use machines::{
    client_vs_server, engine_client_ops, engine_server_ops, route, session_ops, socket_client_ops,
    socket_server_ops,
};
pub use msgpack::decode_msgpack;
pub use socket::{decode_socketio, roundtrip_socketio};
pub use websocket::{decode_websocket, roundtrip_websocket};
pub use webtransport::decode_webtransport;

/// A check, called with any bytes.
pub type Check = fn(&[u8]);

/// Every check by the name of its fuzz target, which is the name of its folder of seeds.
pub const CHECKS: &[(&str, Check)] = &[
    ("client_vs_server", client_vs_server),
    ("decode_frame", decode_frame),
    ("decode_frame_v3", decode_frame_v3),
    ("decode_msgpack", decode_msgpack),
    ("decode_open", decode_open),
    ("decode_payload", decode_payload),
    ("decode_payload_v3", decode_payload_v3),
    ("decode_socketio", decode_socketio),
    ("decode_websocket", decode_websocket),
    ("decode_webtransport", decode_webtransport),
    ("engine_client_ops", engine_client_ops),
    ("engine_server_ops", engine_server_ops),
    ("roundtrip_packet", roundtrip_packet),
    ("roundtrip_packet_v3", roundtrip_packet_v3),
    ("roundtrip_socketio", roundtrip_socketio),
    ("roundtrip_websocket", roundtrip_websocket),
    ("route", route),
    ("session_ops", session_ops),
    ("socket_client_ops", socket_client_ops),
    ("socket_server_ops", socket_server_ops),
];
