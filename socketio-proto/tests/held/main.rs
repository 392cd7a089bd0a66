//! Memory of a server: `bytes_held` compared with the count of the allocator, and the behaviour at the limit.
#![cfg(test)]

#[path = "../../../engineio-proto/tests/held/compare.rs"]
mod compare;
mod limit_socketio;
mod random;
mod socketio;
