//! The server role: requests and connections in, sessions inside, messages out.

mod budget;
mod close;
mod config;
mod connections;
mod cors;
mod gate;
mod heartbeat;
mod jsonp;
mod marked;
mod origins;
mod outbox;
mod output;
mod parameters;
mod query;
mod requests;
mod route;
mod session;
mod sessions;
mod shared;
mod stats;
mod streams;
mod upgrade;
mod wire;

pub use crate::ConfigError;
pub use close::{CloseReason, TransportFault};
pub use config::{Config, Cookie, SameSite, SlowReader};
pub use cors::Cors;
pub use gate::{Gone, HandshakeToken};
pub use jsonp::JsonpIndex;
pub use origins::{Origin, OriginError, Origins};
pub use output::Output;
pub use route::{Action, BadRequest, Handshake, PostContent, Reject, Route, SessionRequest};
pub use session::{Event, Session, Timer};
pub use sessions::{SentMany, Server, ServerEvent, SessionKey};
pub use stats::{ByReason, ByReject, ByTransport, Stats};
