//! The client role: one connection to a server, shared by many namespaces, and made anew for as long as that is wanted.
//!
//! [`Client`] is the official manager and its sockets in one machine. The revision of Engine.IO below decides that of
//! Socket.IO: revision 5, or 4 over Engine.IO 3.

mod acks;
mod address;
mod backoff;
mod buffers;
mod config;
mod emit;
mod error;
mod event;
mod incoming;
mod jitter;
mod keys;
mod legacy;
mod links;
mod machine;
mod manager;
mod phase;
mod retry;
mod socket;
mod sockets;
mod state;

pub use crate::EmitError;
pub use engineio_proto::Gone;

pub use address::{Address, Lookup, Managers, Sharing};
pub use backoff::Backoff;
pub use config::{Auth, Config, SocketOptions};
pub use error::{
    AckError, AuthError, ConnectError, DisconnectReason, Refusal, SocketError, Violation,
};
pub use event::Event;
pub use keys::{AckId, AckToken, AuthToken, SocketKey};
pub use machine::Client;
pub use manager::Reconnection;
pub use state::{Buffered, State};
