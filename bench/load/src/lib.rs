//! Loads Socket.IO servers, and checks every answer, so that a wrong server gives an error and no figure.
//!
//! | file | idea |
//! |---|---|
//! | `scenario/` | what the clients do: echo, broadcast, polling echo, churn |
//! | `drive.rs` | the loop over epoll, on one thread, that runs a scenario for a [`Phase`] |
//! | `phase.rs` | how much is done, and the latencies |
//! | `join.rs`, `connection.rs` | clients are joined one by one with blocking sockets, then served by epoll |
//! | `websocket.rs`, `http.rs`, `numbered.rs` | bytes of requests and frames, made beforehand; answers |
//!
//! The program around it starts servers, and measures them: `server.rs`, `measure.rs`, `callgrind.rs`, `report.rs`.

pub mod connection;
pub mod drive;
pub mod http;
pub mod join;
pub mod numbered;
pub mod phase;
pub mod scenario;
pub mod websocket;

use std::error::Error;

pub use phase::{Limit, Phase};

/// A wrong answer, or what the operating system says.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A wrong answer.
///
/// # Errors
///
/// Always.
pub fn fault<T>(message: impl Into<String>) -> Result<T> {
    Err(message.into().into())
}

/// Fails unless the server sent just what was expected.
///
/// # Errors
///
/// Both texts, if they differ.
pub fn expect(received: &[u8], expected: &[u8]) -> Result<()> {
    if received == expected {
        return Ok(());
    }
    let [received, expected] = [received, expected].map(String::from_utf8_lossy);
    fault(format!("received {received:?}, expected {expected:?}"))
}
