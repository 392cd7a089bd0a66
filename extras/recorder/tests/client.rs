//! The behaviour and property tests of the client, with one that is recorded and replayed.
#![cfg(test)]
#![allow(
    clippy::duplicate_mod,
    reason = "the properties bring what they need along"
)]

mod machine;
#[path = "../../../socketio-proto/tests/client/support/mod.rs"]
mod support;

/// The parser that the scripts speak.
const PARSER: socketio_proto::parser::Parser = socketio_proto::parser::Parser::Json;

#[path = "../../../socketio-proto/tests/client/acks.rs"]
mod acks;
#[path = "../../../socketio-proto/tests/client/buffers.rs"]
mod buffers;
#[path = "../../../socketio-proto/tests/client/connect.rs"]
mod connect;
#[path = "../../../socketio-proto/tests/client/cuts.rs"]
mod cuts;
#[path = "../../../socketio-proto/tests/client/disconnect.rs"]
mod disconnect;
#[path = "../../../socketio-proto/tests/client/hostile.rs"]
mod hostile;
#[path = "../../../socketio-proto/tests/client/pitfalls.rs"]
mod pitfalls;
#[expect(
    dead_code,
    reason = "it makes its machines by itself where it is alone"
)]
#[path = "../../../socketio-proto/tests/prop_client.rs"]
mod prop_client;
#[path = "../../../socketio-proto/tests/client/reconnect.rs"]
mod reconnect;
#[path = "../../../socketio-proto/tests/client/recovery.rs"]
mod recovery;
#[path = "../../../socketio-proto/tests/client/retries.rs"]
mod retries;
#[path = "../../../socketio-proto/tests/client/sequences.rs"]
mod sequences;
