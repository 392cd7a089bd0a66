//! The scripts of `client` once more, with MessagePack: everything that leaves the client is the same, but for its form.
//!
//! Left out is what is about the default parser itself: packets that it cannot decode, and limits that count its bytes.
#![cfg(test)]

#[path = "../support/machine.rs"]
mod machine;
#[path = "../client/support/mod.rs"]
mod support;

/// The parser that the scripts speak.
const PARSER: socketio_proto::parser::Parser = socketio_proto::parser::Parser::MsgPack;

mod wire;

#[path = "../client/acks.rs"]
mod acks;
#[path = "../client/buffers.rs"]
mod buffers;
#[path = "../client/connect.rs"]
mod connect;
#[path = "../client/cuts.rs"]
mod cuts;
#[path = "../client/disconnect.rs"]
mod disconnect;
#[path = "../client/reconnect.rs"]
mod reconnect;
#[path = "../client/recovery.rs"]
mod recovery;
#[path = "../client/retries.rs"]
mod retries;
#[path = "../client/sequences.rs"]
mod sequences;
