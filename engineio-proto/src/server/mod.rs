//! The server role: requests and connections in, sessions inside, messages out.

mod close;
mod config;
mod heartbeat;
mod outbox;
mod output;
mod route;
mod session;
mod sessions;
mod upgrade;

pub use close::{CloseReason, TransportFault};
pub use config::{Config, ConfigError, Cookie, SameSite};
pub use output::Output;
pub use route::{
    Action, BadRequest, Handshake, PostContent, Reject, Revision, Route, SessionRequest,
};
pub use session::{Event, Session, Timer};
pub use sessions::{SentMany, Server, ServerEvent, SessionKey};
