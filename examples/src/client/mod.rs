//! Drives the client machines: three times the same thing, each time with other tools.
//!
//! | file | runs on | HTTP | WebSocket | WebTransport |
//! |---|---|---|---|---|
//! | `tokio.rs` | tokio | hyper | tokio-tungstenite | wtransport |
//! | `smol.rs` | smol | hyper | async-tungstenite | none |
//! | `threads.rs` | threads that block | ureq | tungstenite | none |
//!
//! Where there is no WebTransport every attempt at it fails at once, as `TransportError::WebTransport` or
//! `Event::UpgradeFailed`, and the machine goes on to what else its configuration lists.
//!
//! Each is a whole to be copied from: they share what is in this file, which says what a driver asks of a machine
//! ([`Machine`]) and of the application on top ([`App`]), and which servers to trust ([`Tls`]).
//!
//! A driver is a loop that owns both. It does what the machine wants done, tells the application what happened, and
//! waits for the next input: a response, a frame, a command of the application, or a deadline.

pub mod smol;
pub mod threads;
mod tls;
pub mod tokio;

use std::ops::ControlFlow;

use engineio_proto::http::Answer;
use engineio_proto::{ConnectionId, Instant};

pub use engineio_proto::driver::client::Machine;
pub use tls::Tls;

/// What a program does with a client.
///
/// Nothing here may wait: what takes long belongs elsewhere, and comes back as a command.
pub trait App<M: Machine>: Send + 'static {
    /// What the rest of the program may ask of it.
    type Command: Send + 'static;

    /// Runs first: the place to open the client.
    fn started(&mut self, machine: &mut M, now: Instant);

    /// Takes an event. `Break` stops the driver, which closes what is open and returns the application.
    fn handle_event(&mut self, machine: &mut M, event: M::Event, now: Instant) -> ControlFlow<()>;

    /// Takes a command. `Break` as for an event.
    fn handle_command(
        &mut self,
        machine: &mut M,
        command: Self::Command,
        now: Instant,
    ) -> ControlFlow<()>;
}

/// Tells that a connection closed, with the code of the close frame if there was one.
fn closed<M: Machine>(machine: &mut M, id: ConnectionId, code: Option<u16>, now: Instant) {
    match code {
        Some(code) => machine.handle_connection_closed_with(id, code, now),
        None => machine.handle_connection_closed(id, now),
    }
}

/// Tells that a connection failed, or was refused by this response.
fn failed<M: Machine>(machine: &mut M, id: ConnectionId, by: Option<&Answer>, now: Instant) {
    match by {
        Some(answer) => machine.handle_connection_refused(id, answer, now),
        None => machine.handle_connection_failed(id, now),
    }
}
