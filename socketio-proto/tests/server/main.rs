//! Behaviour of a server towards its clients.
#![cfg(test)]

#[path = "../support/machine.rs"]
mod machine;
#[expect(dead_code, reason = "the properties use more of it")]
#[path = "../support/mod.rs"]
mod support;

/// The parser of the scripts.
const PARSER: socketio_proto::parser::Parser = socketio_proto::parser::Parser::Json;

mod acks;
mod broadcast;
mod broadcast_acks;
mod connect;
mod disconnect;
mod events;
mod gate;
mod hostile;
mod limits;
mod many;
mod namespaces;
mod recovery;
mod recovery_store;
mod revision_4;
mod rooms;
mod timeouts;
mod upgrade;
mod violations;
mod volatile;
