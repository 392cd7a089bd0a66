//! Behaviour of a client towards scripted servers, and towards this crate's own server.
#![cfg(test)]

mod support;

mod closing;
mod hostile;
mod limits;
mod opening;
mod pair;
mod polling;
mod reading;
mod revision_3;
mod upgrade;
mod websocket;
mod webtransport;
