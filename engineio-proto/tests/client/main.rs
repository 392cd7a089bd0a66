//! How a client behaves towards servers: scripted ones, and this crate's own.
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
