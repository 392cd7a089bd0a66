//! What a server holds: `bytes_held` beside what the allocator counts, and what happens at the limit.
#![cfg(test)]

#[path = "../../../engineio-proto/tests/held/compare.rs"]
mod compare;
mod limit_socketio;
mod random;
mod socketio;
