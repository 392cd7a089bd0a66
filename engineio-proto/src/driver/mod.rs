//! The interface between machines and drivers.
//!
//! A *driver* moves bytes and reads the clock. A *machine* is one of the servers and clients of this crate and of
//! `socketio-proto`, or something around one: a recorder, a log. The traits here name their inputs and outputs once, so that
//! a driver is written for all of them.
//!
//! | trait | implemented by |
//! |---|---|
//! | [`server::Machine`] | [`crate::server::Server`], the server of `socketio-proto`, recorders of it |
//! | [`client::Machine`] | [`crate::client::Client`], the client of `socketio-proto`, recorders of it |
//!
//! [`server::App`] and [`client::App`] are what a program puts on top of a machine. What drivers have in common beside the
//! traits is here too: [`server::Handshakes`] and [`server::Schedule`] for the application, [`Pipes`] for connections.
//!
//! # Inputs of a server
//!
//! | input | a driver | otherwise |
//! |---|---|---|
//! | `handle_request` | must give it for each request, once its whole body is there | the client waits until it gives up |
//! | `handle_request_begun` | may give it when the head of a POST has arrived before its body; then one of the three others follows | POSTs that overlap or break off do not end the session, and a body is read that is refused afterwards |
//! | `handle_request_too_large` | should give it for a body above `max_payload`, before all of it has been read | `handle_request` refuses the body too, once it is in memory |
//! | `handle_request_aborted` | must give it when the client of a request goes away before the answer | the next payload goes into an answer that nobody takes |
//! | `handle_upgrade` | must give it for each WebSocket handshake | the client waits, or stays on polling |
//! | `handle_webtransport` | must give it for each WebTransport session, if there is WebTransport | the client uses another transport |
//! | `handle_frame` | must give each message of an accepted connection, in order | messages are lost |
//! | `handle_bad_frame` | must give it when a WebTransport stream brings bytes that are no frame | the session goes on until its heartbeat ends it |
//! | `handle_connection_closed` | must give it when a connection ends, also one that is not accepted yet; behind `Close` and `Refuse` it may | the session goes on until its heartbeat ends it |
//! | `handle_connection_failed` | should give it instead, if the peer broke the rules of its transport or writing failed | the reason is `transport close` instead of `transport error` |
//! | `handle_timeout` | must give it at `poll_timeout`, and should give it before an input that comes later than that | nothing ends by itself |
//!
//! # Inputs of a client
//!
//! | input | a driver | otherwise |
//! |---|---|---|
//! | `handle_response` | must give it for each request that was answered; behind `Abort` it may | the client waits until its deadline |
//! | `handle_request_failed` | must give it for each request that will have no answer; behind `Abort` it may | the same |
//! | `handle_connected` | must give it when a connection is open | the same |
//! | `handle_frame`, `handle_bad_frame` | as those of a server | the same |
//! | `handle_connection_closed_with` | should give it when a connection ends with a close frame that has a code | the application does not learn the code |
//! | `handle_connection_closed` | must give it when a connection ends otherwise; behind `Close` it may | the connection goes on until its heartbeat ends it |
//! | `handle_connection_refused` | should give it when a handshake was answered with a response that does not open the connection | the error has no status, and the revision that the server asks for is not tried |
//! | `handle_connection_failed` | must give it for each other connection that could not be opened, or broke the rules of its transport | the client waits until its deadline |
//! | `handle_offline` | may give it when the host has lost its network | the loss is noticed by the heartbeat |
//! | `handle_timeout` | as that of a server | the same |
//!
//! # Rules for both
//!
//! The driver of a server names requests and connections; a client names its own. No name is given twice. A machine
//! does not look at the path of a request: the driver decides which paths are the machine's.
//!
//! A driver should not read from a connection while `wants_read` is false. One that reads on loses the session after
//! another payload or two, by the limits `max_undelivered_bytes` and `max_undelivered_messages`.
//!
//! # Time
//!
//! Inputs take the time last. It never goes back: an input that is earlier than the one before counts as made at the same
//! time. The clock of a driver goes on while the host sleeps.

mod app;
pub mod client;
mod handshake;
mod pipes;
mod schedule;
pub mod server;

pub use pipes::Pipes;
