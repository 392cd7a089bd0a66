//! The server's end, driven without sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "tests"
)]

#[path = "server/attacks.rs"]
mod attacks;
#[cfg(feature = "compression")]
#[path = "server/compression.rs"]
mod compression;
#[path = "server/http.rs"]
mod http;
#[path = "server/orders.rs"]
mod orders;
#[path = "server/splits.rs"]
mod splits;
#[path = "server/support.rs"]
mod support;
#[path = "server/websocket.rs"]
mod websocket;
