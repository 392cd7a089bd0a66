//! The behaviour and property tests of the server, with one that is recorded and replayed.
#![cfg(test)]
#![allow(
    clippy::duplicate_mod,
    reason = "the properties bring what they need along"
)]

mod machine;
#[expect(dead_code, reason = "the properties use more of it")]
#[path = "../../../socketio-proto/tests/support/mod.rs"]
mod support;

/// The parser that the scripts speak.
const PARSER: socketio_proto::parser::Parser = socketio_proto::parser::Parser::Json;

#[path = "../../../socketio-proto/tests/server/acks.rs"]
mod acks;
#[path = "../../../socketio-proto/tests/server/broadcast.rs"]
mod broadcast;
#[path = "../../../socketio-proto/tests/server/broadcast_acks.rs"]
mod broadcast_acks;
#[path = "../../../socketio-proto/tests/server/connect.rs"]
mod connect;
#[path = "../../../socketio-proto/tests/server/disconnect.rs"]
mod disconnect;
#[path = "../../../socketio-proto/tests/server/events.rs"]
mod events;
#[path = "../../../socketio-proto/tests/server/gate.rs"]
mod gate;
#[path = "../../../socketio-proto/tests/server/hostile.rs"]
mod hostile;
#[path = "../../../socketio-proto/tests/server/limits.rs"]
mod limits;
#[path = "../../../socketio-proto/tests/server/many.rs"]
mod many;
#[path = "../../../socketio-proto/tests/server/namespaces.rs"]
mod namespaces;
#[expect(
    dead_code,
    reason = "it makes its machines by itself where it is alone"
)]
#[path = "../../../socketio-proto/tests/prop_server.rs"]
mod prop_server;
#[path = "../../../socketio-proto/tests/server/recovery.rs"]
mod recovery;
#[path = "../../../socketio-proto/tests/server/recovery_store.rs"]
mod recovery_store;
#[path = "../../../socketio-proto/tests/server/rooms.rs"]
mod rooms;
#[path = "../../../socketio-proto/tests/server/timeouts.rs"]
mod timeouts;
#[path = "../../../socketio-proto/tests/server/upgrade.rs"]
mod upgrade;
#[path = "../../../socketio-proto/tests/server/violations.rs"]
mod violations;
#[path = "../../../socketio-proto/tests/server/volatile.rs"]
mod volatile;
