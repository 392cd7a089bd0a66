//! The server role: namespaces, events, acknowledgements, rooms and broadcasts over Engine.IO sessions.

mod commands;
mod config;
mod connection;
mod dynamic;
mod event;
mod incoming;
mod keys;
mod machine;
mod namespace;
mod namespaces;
mod pattern;
mod reason;
mod target;

pub use commands::{EmitError, JoinError};
pub use config::Config;
pub use connection::{Connection, Received, Violation};
pub use dynamic::InvalidNamespace;
pub use event::Event;
pub use keys::{AckId, AckToken, ConnectToken, NamespaceToken, ParentKey, SocketId, SocketKey};
pub use machine::{Gone, Server};
pub use namespaces::Matcher;
pub use pattern::{NamespacePattern, PatternError};
pub use reason::{AckError, DisconnectReason, ForcedClose};
pub use target::Target;
