//! HTTP/1.1 and WebSocket around the machines of Engine.IO and Socket.IO: bytes in, bytes out.
//!
//! This crate does not open sockets, read clocks, start threads or draw randomness. A driver moves bytes between sockets
//! and a `Wire`, which knows requests, responses and frames and talks to the machine inside it.
//!
//! - [`server`] is a server's end. Its page tells how to write a driver for any runtime, and shows a complete one.
//! - [`client`] is a client's end.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod batch;
pub mod client;
mod compression;
mod http;
pub mod server;
mod websocket;

pub use batch::Batch;
pub use http::{BodyError, Malformed, TooLarge};
