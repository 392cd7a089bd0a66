//! Socket.IO as pure state machines: namespaces, events, acknowledgements and rooms, without IO.
//!
//! It is built on [`engineio_proto`], which it re-exports as [`engine`], and has the same contract. `handle_*` methods
//! take input from the network and the clock, commands are plain verbs, and outputs are polled. No input panics, and
//! all waiting data is bounded. A driver of an Engine.IO server can drive this one too, because inputs and outputs have
//! the same names and types. Only the events differ.
//!
//! # Layers
//!
//! - [`parser`] and [`Payload`]: conversion of packets and their contents between bytes and values.
//! - [`server::Peer`] and [`Rooms`]: the namespaces of one client, and the members of rooms.
//! - [`server::Server`]: many clients.
//! - [`client::Client`]: the client role, with all its namespaces.
//!
//! # An application
//!
//! This example handles the events of a [`server::Server`]: a chat in one room.
//!
//! ```
//! use socketio_proto::Payload;
//! use socketio_proto::engine::Instant;
//! use socketio_proto::server::{Event, Server, Target};
//!
//! fn handle(server: &mut Server, event: Event, now: Instant) -> Result<(), Box<dyn std::error::Error>> {
//!     match event {
//!         Event::Connecting { token, auth, .. } => {
//!             #[derive(serde::Deserialize)]
//!             struct Auth {
//!                 token: String,
//!             }
//!             match auth.as_ref().map(|auth| auth.data::<Auth>()) {
//!                 Some(Ok(auth)) if auth.token == "let me in" => {
//!                     let socket = server.accept(token, now)?;
//!                     server.join(socket, "chat")?;
//!                 }
//!                 _ => server.reject(token, "not authorized", None, now)?,
//!             }
//!         }
//!         Event::Event { socket, payload, ack } if payload.name() == Some("say") => {
//!             let (text,): (String,) = payload.args()?;
//!             let said = Payload::event("said").arg(&text).build()?;
//!             server.broadcast(&Target::namespace("/").rooms(&["chat"]).except(socket), &said, now)?;
//!             if let Some(ack) = ack {
//!                 server.respond(ack, &Payload::ack().arg(&true).build()?)?;
//!             }
//!         }
//!         _ => {}
//!     }
//!     Ok(())
//! }
//! ```
#![no_std]

extern crate alloc;

pub mod client;
mod directory;
mod driver;
mod error;
mod hidden;
#[cfg(any(feature = "proptest", feature = "arbitrary"))]
pub mod inputs;
mod packet;
mod packet_type;
pub mod parser;
mod payload;
mod reserved;
mod rooms;
pub mod server;
#[cfg(feature = "proptest")]
pub mod strategies;
mod union;

pub use error::{DecodeError, EmitError, EncodeError, ReadError};
pub use packet::{EncodedPacket, MAX_PACKET_ID, Packet, PacketRef};
pub use packet_type::PacketType;
pub use payload::{Args, Payload, PayloadBuilder, Placeholder, RawArgs};
pub use reserved::is_reserved_event;
pub use rooms::Rooms;

pub use engineio_proto as engine;
