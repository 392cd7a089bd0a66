//! Inputs for properties and fuzz targets: contents of payloads, packets as messages, and changes that make them nearly
//! valid.
//!
//! The module exists with the feature `proptest` or `arbitrary`. With `proptest`, each type here, [`Packet`], [`Payload`] and
//! [`Parser`] have a [strategy](crate::strategies) and implement `proptest::arbitrary::Arbitrary`. With `arbitrary` they
//! implement `arbitrary::Arbitrary`, which cargo-fuzz and bolero use. [`engine::inputs`](engineio_proto::inputs) has the
//! inputs of Engine.IO.
//!
//! # Examples
//!
//! An event of an application comes back from the wire:
//!
//! ```
//! # #[cfg(feature = "proptest")] {
//! use proptest::prelude::*;
//! use socketio_proto::Payload;
//! use socketio_proto::inputs::received;
//! use socketio_proto::parser::Parser;
//!
//! proptest! {
//!     fn a_message_comes_back(text: String, urgent: bool, parser: Parser) {
//!         let sent = Payload::with_args("say", (&text, urgent))?;
//!         prop_assert_eq!(received(parser, &sent)?.args::<(String, bool)>()?, (text, urgent));
//!     }
//! }
//! a_message_comes_back();
//! # }
//! ```
//!
//! A fuzz target for code that takes messages of any peer (the feature `arbitrary`):
//!
//! ```
//! # #[cfg(feature = "arbitrary")] {
//! use arbitrary::{Arbitrary, Unstructured};
//! use socketio_proto::inputs::{Nearly, PacketMessages};
//!
//! // With cargo-fuzz: fuzz_target!(|input: Nearly<PacketMessages>| check(input));
//! fn check(Nearly(input): Nearly<PacketMessages>) {
//!     let mut decoder = input.decoder();
//!     for message in input.messages {
//!         if decoder.add(message).is_err() {
//!             assert!(!decoder.is_waiting());
//!         }
//!     }
//! }
//! let bytes: Vec<u8> = (0..200).collect();
//! check(Nearly::arbitrary(&mut Unstructured::new(&bytes))?);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod content;
mod messages;
mod msgpack;
mod structure;

#[cfg(feature = "arbitrary")]
mod structured;

use engineio_proto::Revision;

use crate::parser::Parser;
use crate::{Packet, PacketType, Payload};

pub use content::Content;
pub use engineio_proto::inputs::{Change, Mutate, Mutation, Nearly, Shown};
#[cfg(feature = "arbitrary")]
pub use engineio_proto::inputs::{arbitrary_bytes, arbitrary_text};
pub use messages::{NotReceived, PacketMessages};
pub use msgpack::MsgPackMessage;

/// The payload of an event or an acknowledgement as the other side receives it.
///
/// The bytes go through the encoder and the decoder of the parser.
///
/// # Errors
///
/// [`NotReceived`] if the payload cannot be sent or is refused by the other side.
pub fn received(parser: Parser, payload: &Payload) -> Result<Payload, NotReceived> {
    let packet_type = match payload.name() {
        Some(_) => PacketType::Event,
        None => PacketType::Ack,
    };
    let packet = Packet::new(packet_type, "/").with_payload(payload.clone());
    let received = PacketMessages::new(parser, Revision::V4, packet)?.decode()?;
    received.payload.ok_or(NotReceived::Incomplete)
}
