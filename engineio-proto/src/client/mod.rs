//! The client role: one session with a server, opened, upgraded, watched and closed.
//!
//! [`Client`] says which requests to make and which connections to open; the driver does it and reports back.

mod checks;
mod close;
mod config;
mod cookies;
mod endpoint;
mod heartbeat;
mod machine;
mod outbox;
mod output;
mod per_transport;
mod query;
mod transport_options;
mod upgrade;
mod url;
mod wire;

pub use crate::ConfigError;
pub use close::{CloseDetail, CloseReason, ProbeError, RequestError, TransportError};
pub use config::Config;
pub use endpoint::{Endpoint, EndpointError};
pub use machine::{Client, Remembered, Timer};
pub use output::{Event, Output};
pub use transport_options::TransportOptions;
