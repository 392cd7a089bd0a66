//! The scripts of `server` once more, with MessagePack: everything that leaves the server is the same, but for its form.
//!
//! Left out is what is about the default parser itself: packets that it cannot decode, and limits that count its bytes.
#![cfg(test)]

#[path = "../support/machine.rs"]
mod machine;
#[expect(dead_code, reason = "the properties use more of it")]
#[path = "../support/mod.rs"]
mod support;

/// The parser that the scripts speak.
const PARSER: socketio_proto::parser::Parser = socketio_proto::parser::Parser::MsgPack;

mod wire;

#[path = "../server/acks.rs"]
mod acks;
#[path = "../server/broadcast.rs"]
mod broadcast;
#[path = "../server/broadcast_acks.rs"]
mod broadcast_acks;
#[path = "../server/connect.rs"]
mod connect;
#[path = "../server/disconnect.rs"]
mod disconnect;
#[path = "../server/events.rs"]
mod events;
#[path = "../server/gate.rs"]
mod gate;
#[path = "../server/many.rs"]
mod many;
#[path = "../server/namespaces.rs"]
mod namespaces;
#[path = "../server/recovery.rs"]
mod recovery;
#[path = "../server/recovery_store.rs"]
mod recovery_store;
#[path = "../server/rooms.rs"]
mod rooms;
#[path = "../server/timeouts.rs"]
mod timeouts;
#[path = "../server/upgrade.rs"]
mod upgrade;
#[path = "../server/volatile.rs"]
mod volatile;
