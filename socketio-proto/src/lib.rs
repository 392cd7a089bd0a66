//! Socket.IO as pure state machines: namespaces, events, acknowledgements and rooms, without IO.
//!
//! It stands on [`engineio_proto`], which is [`engine`] here, and keeps the same contract: `handle_*` methods take what
//! network and clock bring, commands are plain verbs, outputs are polled; no input panics, and what waits is bounded.
//! Packets and payloads, between bytes and values.
#![no_std]

extern crate alloc;

mod error;
mod packet;
pub mod parser;
mod payload;

pub use error::{DecodeError, EncodeError, ReadError};
pub use packet::{EncodedPacket, MAX_PACKET_ID, Packet, PacketRef, PacketType, is_reserved_event};
pub use payload::{Payload, PayloadBuilder, Placeholder, RawArgs};

pub use engineio_proto as engine;
