//! Engine.IO as pure state machines.
#![no_std]

extern crate alloc;

pub mod codec;
pub mod collections;
mod encoded;
pub mod http;
mod ids;
mod message;
mod queue;
mod seed;
pub mod server;
mod sid;
mod time;

pub use encoded::{Encoded, WebSocketHeader};
pub use ids::{ConnectionId, Exchange, RequestId};
pub use message::{Frame, Message};
pub use seed::Seed;
pub use sid::{Sid, SidGenerator};
pub use time::Instant;

pub use bytes::Bytes;
pub use bytestring::ByteString;
