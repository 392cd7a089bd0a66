//! Checks for fuzzers of Engine.IO and Socket.IO. Each check is a function from bytes, which panics if a promise of the
//! protocol or of the crates is broken.
//!
//! The crates of the workspace are fuzzed with these checks. A project that uses them can run the same checks for its own
//! versions, features and platforms. It can also take them as examples for checks of its own parsers and machines.
//!
//! # The checks
//!
//! | check | its bytes are | it asserts |
//! |---|---|---|
//! | [`decode_frame`], [`decode_frame_v3`] | one frame | a valid packet comes back when encoded, an error names the fault, text is not copied |
//! | [`decode_payload`], [`decode_payload_v3`] | a polling payload and a limit | decoding ends at the first fault and at the limit; what is valid comes back |
//! | [`decode_open`] | the JSON of a handshake | a valid handshake comes back, and its encoding is a fixed point |
//! | [`decode_websocket`], [`decode_webtransport`] | a stream, a limit, and where the stream is cut | cuts change nothing; no message is beyond the limit, and no memory beyond what came |
//! | [`decode_socketio`], [`decode_msgpack`] | messages, and limits | packets are within the limits and survive encoding; a fault leaves a decoder that is like new |
//! | [`roundtrip_packet`], [`roundtrip_packet_v3`], [`roundtrip_socketio`], [`roundtrip_websocket`] | the content of packets or messages | each comes back from every form that carries it |
//! | [`route`] | a request head, and settings | routing is the same twice; foreign pages open nothing; no answer has a header that bytes of the request could end |
//! | [`session_ops`], [`engine_server_ops`], [`engine_client_ops`] | a history of inputs, commands and time | requests are answered once, memory is bounded, in the end nothing is left |
//! | [`socket_server_ops`], [`socket_client_ops`] | the same for Socket.IO | the same, and every acknowledgement ends once |
//! | [`wire_client`] | a history of a client's connections, and the length of pieces | pieces change nothing; no memory beyond what came; in the end nothing is left |
//! | [`serve_wire`] | a history of connections that carry any bytes | what is written is whole, limits hold, pieces change nothing, in the end nothing is left |
//! | [`client_vs_server`] | a schedule of a network that fails | nothing is lost within a connection, doubled or out of order |
//!
//! # Use
//!
//! **A plain loop** needs no tools. [`near`] has inputs for it, and `cargo run --example fuzz-loop` is one for the seeds in
//! the repository.
//!
//! ```
//! for seed in [&b"\x002probe"[..], b"\0", b"\x01\xff"] {
//!     socketio_fuzz_checks::decode_frame(seed);
//! }
//! for (name, check) in socketio_fuzz_checks::CHECKS {
//!     println!("{name}");
//!     check(b"any bytes");
//! }
//! ```
//!
//! **libFuzzer**, by `cargo fuzz run TARGET`, with one file for each check:
//!
//! ```ignore
//! #![no_main]
//! libfuzzer_sys::fuzz_target!(|data: &[u8]| socketio_fuzz_checks::decode_frame(data));
//! ```
//!
//! **AFL++**, by `cargo afl build` and `cargo afl fuzz -i seeds -o findings target/debug/NAME`:
//!
//! ```ignore
//! fn main() {
//!     afl::fuzz!(|data: &[u8]| socketio_fuzz_checks::decode_frame(data));
//! }
//! ```
//!
//! **bolero**, by `cargo bolero test NAME`, or by `cargo test` with random inputs:
//!
//! ```ignore
//! #[test]
//! fn decode_frame() {
//!     bolero::check!().for_each(|data: &[u8]| socketio_fuzz_checks::decode_frame(data));
//! }
//! ```
//!
//! Seeds for each check are in the folder `fuzz/corpus` of the repository, under the name of the check.

mod engine;
mod engine_v3;
mod input;
mod machines;
mod msgpack;
pub mod near;
mod reading;
mod socket;
mod websocket;
mod webtransport;
mod wire_client;

pub use engine::{decode_frame, decode_open, decode_payload, roundtrip_packet};
pub use engine_v3::{decode_frame_v3, decode_payload_v3, roundtrip_packet_v3};
pub use machines::{
    client_vs_server, engine_client_ops, engine_server_ops, route, serve_wire, session_ops,
    socket_client_ops, socket_server_ops,
};
pub use msgpack::decode_msgpack;
pub use socket::{decode_socketio, roundtrip_socketio};
pub use socketio_testkit::Random;
pub use websocket::{decode_websocket, roundtrip_websocket};
pub use webtransport::decode_webtransport;
pub use wire_client::wire_client;

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
    ("serve_wire", serve_wire),
    ("session_ops", session_ops),
    ("socket_client_ops", socket_client_ops),
    ("socket_server_ops", socket_server_ops),
    ("wire_client", wire_client),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_in_the_table_and_takes_any_bytes() {
        let table = include_str!("lib.rs")
            .lines()
            .filter(|line| line.starts_with("//! | ["));
        let table: Vec<&str> = table.collect();
        for (name, check) in CHECKS {
            let row = format!("[`{name}`]");
            assert!(
                table.iter().any(|line| line.contains(&row)),
                "{name} is in no row"
            );
            for input in [&b""[..], b"\0", b"\xff\xff\xff\xff", &[0x42; 300]] {
                check(input);
            }
        }
    }
}
