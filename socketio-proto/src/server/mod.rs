//! The server role: namespaces, events, acknowledgements, rooms and broadcasts over Engine.IO sessions.

mod broadcast;
mod config;
mod connection;
mod dynamic;
mod emit;
mod event;
mod gate;
mod incoming;
mod keys;
mod leaving;
mod machine;
mod membership;
mod namespace;
mod namespaces;
mod pattern;
mod query;
mod reason;
mod recovery;
mod revision_4;
mod sockets;
mod target;
mod verdicts;

pub use config::Config;
pub use connection::{Connection, Received, Violation};
pub use dynamic::InvalidNamespace;
pub use emit::EmitError;
pub use event::Event;
pub use keys::{
    AckId, AckToken, BroadcastId, ConnectToken, NamespaceToken, ParentKey, RestoreToken, SocketId,
    SocketKey,
};
pub use machine::{Gone, Server};
pub use membership::{JoinError, JoinedMany};
pub use namespaces::Matcher;
pub use pattern::{NamespacePattern, PatternError};
pub use reason::{AckError, DisconnectReason, ForcedClose};
pub use recovery::{
    LoggedPacket, Recipients, RecoveryConfig, RecoveryStorage, RecoveryStore, Restored,
    SavedSession,
};
pub use target::Target;
