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

use engineio_proto::client::{Client as EngineClient, Event as EngineEvent, Output};
use engineio_proto::codec::DecodeError;
use engineio_proto::http::Answer;
use engineio_proto::{ConnectionId, Frame, Instant, RequestId};
use socketio_proto::client::{Client as SocketClient, Event as SocketEvent};
use socketio_recorder::Recorder;

pub use tls::Tls;

/// A client without IO: the methods that the clients of both crates share, with their meaning there.
///
/// A driver hands over every event at once, so it has no use for `wants_read`.
pub trait Machine: Send + 'static {
    /// What the application is told.
    type Event: Send;

    /// The bytes that a response body or a frame may have.
    fn max_payload(&self) -> usize;
    /// Takes the response to a request.
    fn handle_response(&mut self, id: RequestId, answer: Answer, now: Instant);
    /// Notes that a request failed without a response.
    fn handle_request_failed(&mut self, id: RequestId, now: Instant);
    /// Notes that a connection is open.
    fn handle_connected(&mut self, id: ConnectionId, now: Instant);
    /// Takes a frame.
    fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant);
    /// Notes that a WebTransport stream brought what is no frame.
    fn handle_bad_frame(&mut self, id: ConnectionId, error: DecodeError, now: Instant);
    /// Notes that a connection closed, with the code of the close frame if there was one.
    fn handle_connection_closed(&mut self, id: ConnectionId, code: Option<u16>, now: Instant);
    /// Notes that a connection failed, or was refused by this response.
    fn handle_connection_failed(&mut self, id: ConnectionId, by: Option<Answer>, now: Instant);
    /// Fires what is due.
    fn handle_timeout(&mut self, now: Instant);
    /// The next thing to do or to know.
    fn poll_output(&mut self) -> Option<Output<Self::Event>>;
    /// The next frame for a connection.
    fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame>;
    /// When to call `handle_timeout`.
    fn poll_timeout(&self) -> Option<Instant>;
    /// Begins to close the connection for good.
    fn close(&mut self, now: Instant);
}

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

/// Passes the methods on to the machine's own ones of the same name and meaning.
macro_rules! delegate {
    ($machine:ty) => {
        delegate!($machine, $machine);
    };
    // A machine in a coat, which only lends it for what changes nothing.
    ($machine:ty, $inner:ty) => {
        fn handle_response(&mut self, id: RequestId, answer: Answer, now: Instant) {
            <$machine>::handle_response(self, id, answer, now);
        }

        fn handle_request_failed(&mut self, id: RequestId, now: Instant) {
            <$machine>::handle_request_failed(self, id, now);
        }

        fn handle_connected(&mut self, id: ConnectionId, now: Instant) {
            <$machine>::handle_connected(self, id, now);
        }

        fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
            <$machine>::handle_frame(self, id, frame, now);
        }

        fn handle_bad_frame(&mut self, id: ConnectionId, error: DecodeError, now: Instant) {
            <$machine>::handle_bad_frame(self, id, error, now);
        }

        fn handle_connection_closed(&mut self, id: ConnectionId, code: Option<u16>, now: Instant) {
            match code {
                Some(code) => <$machine>::handle_connection_closed_with(self, id, code, now),
                None => <$machine>::handle_connection_closed(self, id, now),
            }
        }

        fn handle_connection_failed(&mut self, id: ConnectionId, by: Option<Answer>, now: Instant) {
            match by {
                Some(answer) => <$machine>::handle_connection_refused(self, id, &answer, now),
                None => <$machine>::handle_connection_failed(self, id, now),
            }
        }

        fn handle_timeout(&mut self, now: Instant) {
            <$machine>::handle_timeout(self, now);
        }

        fn poll_output(&mut self) -> Option<Output<Self::Event>> {
            <$machine>::poll_output(self)
        }

        fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame> {
            <$machine>::poll_frame(self, connection)
        }

        fn poll_timeout(&self) -> Option<Instant> {
            <$inner>::poll_timeout(self)
        }

        fn close(&mut self, now: Instant) {
            <$machine>::close(self, now);
        }
    };
}

impl Machine for EngineClient {
    type Event = EngineEvent;

    fn max_payload(&self) -> usize {
        self.config().max_payload
    }

    delegate!(EngineClient);
}

impl Machine for SocketClient {
    type Event = SocketEvent;

    fn max_payload(&self) -> usize {
        self.config().engine.max_payload
    }

    delegate!(SocketClient);
}

/// A client that may be recorded.
impl Machine for Recorder<SocketClient> {
    type Event = SocketEvent;

    fn max_payload(&self) -> usize {
        self.config().engine.max_payload
    }

    delegate!(Recorder<SocketClient>, SocketClient);
}
