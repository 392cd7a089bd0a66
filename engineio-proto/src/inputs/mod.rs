//! Inputs for properties and fuzz targets: types for what the network carries, and changes that make it nearly valid.
//!
//! The module exists with the feature `proptest` or `arbitrary`. With `proptest`, each type here and each message, frame
//! and packet of the crate has a [strategy](crate::strategies), and implements `proptest::arbitrary::Arbitrary`. With
//! `arbitrary` it implements `arbitrary::Arbitrary`, which cargo-fuzz and bolero use.
//!
//! [`Nearly`] wraps a valid value in which one to three places are changed.
//!
//! # Examples
//!
//! A property holds for all packets (the feature `proptest`):
//!
//! ```
//! # #[cfg(feature = "proptest")] {
//! use engineio_proto::codec::{Packet, v4};
//! use proptest::prelude::*;
//!
//! proptest! {
//!     fn a_packet_comes_back(packet: Packet) {
//!         prop_assert_eq!(v4::decode_frame(v4::encode_frame(&packet)), Ok(packet));
//!     }
//! }
//! a_packet_comes_back();
//! # }
//! ```
//!
//! A fuzz target takes the same type (the feature `arbitrary`):
//!
//! ```
//! # #[cfg(feature = "arbitrary")] {
//! use arbitrary::{Arbitrary, Unstructured};
//! use engineio_proto::codec::{Packet, v4};
//!
//! // With cargo-fuzz: fuzz_target!(|packet: Packet| check(&packet));
//! fn check(packet: &Packet) {
//!     assert_eq!(v4::decode_frame(v4::encode_frame(packet)).as_ref(), Ok(packet));
//! }
//! let bytes: Vec<u8> = (0..200).collect();
//! check(&Packet::arbitrary(&mut Unstructured::new(&bytes))?);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod head;
mod mutation;
mod payload;
mod websocket;
mod webtransport;

#[cfg(feature = "arbitrary")]
mod structured;

use core::fmt;
use core::ops::Deref;

pub use head::Head;
pub use mutation::{Change, Mutate, Mutation};
pub use payload::{PayloadKind, PollingPayload};
#[cfg(feature = "arbitrary")]
pub use structured::{arbitrary_bytes, arbitrary_text};
pub use websocket::{WebSocketPart, WebSocketStream};
pub use webtransport::WebTransportStream;

/// A value that is nearly valid: a valid one in which one to three places were changed.
///
/// Now and then the changes leave it valid. A property therefore says what holds for valid input, what holds for
/// invalid input, and lets the decoder say which of them it is.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper")]
pub struct Nearly<T>(pub T);

/// A value whose `Debug` shows the content, for failing examples.
///
/// Types that may hold secrets show only lengths; see [`hidden`](crate::hidden).
#[derive(Clone, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper")]
pub struct Shown<T>(pub T);

impl<T: fmt::Debug> fmt::Debug for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            write!(f, "{:-#?}", self.0)
        } else {
            write!(f, "{:-?}", self.0)
        }
    }
}

impl<T> Deref for Shown<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
