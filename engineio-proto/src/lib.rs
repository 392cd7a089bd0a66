//! Engine.IO as pure state machines.
#![no_std]

extern crate alloc;

pub mod codec;
mod encoded;
mod ids;
mod message;
mod seed;
mod sid;
mod time;

pub use encoded::{Encoded, WebSocketHeader};
pub use ids::{ConnectionId, Exchange, RequestId};
pub use message::{Frame, Message};
pub use seed::Seed;
pub use sid::Sid;
pub use time::Instant;
