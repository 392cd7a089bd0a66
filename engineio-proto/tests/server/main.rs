//! Behaviour of a server towards its clients. Every script runs through `Server` and through bare `Session`s.
#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod closing;
mod compress;
mod gate;
mod handshake;
mod heartbeat;
mod jsonp;
mod limits;
mod origins;
mod payloads;
mod polling;
mod reading;
mod regressions;
mod revision3;
mod stats;
mod upgrade;
mod upgrade_order;
mod verification;
mod websocket;
mod webtransport;
