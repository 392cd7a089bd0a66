//! Behaviour of the client, in scripts against a hand-driven server, and against the server of this crate.
#![cfg(test)]

#[path = "../support/machine.rs"]
mod machine;
mod support;

/// The parser of the scripts.
const PARSER: socketio_proto::parser::Parser = socketio_proto::parser::Parser::Json;

mod acks;
mod buffers;
mod connect;
mod cuts;
mod disconnect;
mod hostile;
mod pitfalls;
mod reconnect;
mod recovery;
mod retries;
mod revision_4;
mod sequences;
mod size;
