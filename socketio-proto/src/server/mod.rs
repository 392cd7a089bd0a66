//! The server role: namespaces, events, acknowledgements, rooms and broadcasts over Engine.IO sessions.

mod commands;
mod config;
mod connection;
mod event;
mod incoming;
mod keys;
mod machine;
mod namespace;
mod namespaces;
mod reason;
mod target;

pub use commands::{EmitError, JoinError};
pub use config::Config;
pub use connection::{Connection, Received, Violation};
pub use event::Event;
pub use keys::{AckId, AckToken, ConnectToken, SocketId, SocketKey};
pub use machine::{Gone, InvalidNamespace, Server};
pub use reason::{AckError, DisconnectReason, ForcedClose};
pub use target::Target;
