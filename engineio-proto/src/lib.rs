//! Engine.IO as pure state machines: packets, sessions, heartbeat and transport upgrade, without IO.
//!
//! Nothing here opens a socket, reads a clock, starts a thread or draws randomness. Requests, frames, the time and a
//! seed come in; responses, frames, deadlines and events come out. The code that moves them, the *driver*, is the
//! caller's, on whichever runtime it likes; a simulator or a fuzzer is a driver too. The same seed and the same inputs
//! give the same outputs, byte for byte.
//!
//! # Layers
//!
//! - [`codec`]: plain functions between bytes and packets.
//! - [`server::Session`] and [`server::Route`]: one session, and what a request asks for.
//! - [`server::Server`]: many sessions, with their ids and deadlines.
//! - [`client::Client`]: one connection of a client, which may be opened again and again.
//!
//! Each is usable without the ones below it in this list.
//!
//! # The contract of the machines
//!
//! | kind of method | takes | gives |
//! |---|---|---|
//! | `handle_*`: what network and clock bring | `now` last | nothing: a peer's mistake becomes outputs |
//! | commands such as `send`, `close` | `now` if they arm a timer | typed results |
//! | `poll_output`, `poll_frame`, `poll_timeout` | | what is to be done or known next |
//!
//! No input panics. Outputs may be taken after each input or much later: the messages and events are the same, in the
//! same order. What waits is bounded by the configuration. `handle_timeout` does nothing when it is early and always
//! makes progress at the polled deadline.
//!
//! # When to pull frames
//!
//! Pulling a frame is an input: it tells the machine that the pipe of the connection can take one. Everything that depends
//! on a slow peer follows from it: the limits of what waits, *volatile* messages, the end of a graceful close, and the
//! heartbeat. A heartbeat counts only if the machine's own part of it was pulled before, or was put into a request or a
//! response. So a driver
//!
//! - pulls only while the pipe can take a frame, and keeps a bounded number of frames of its own: one batch of some
//!   64 KiB for each connection is enough;
//! - pulls again once these frames are written, not once they are queued elsewhere;
//! - pulls before it reports what the peer said next, wherever the pipe has room. A ping that is pulled late is answered
//!   late, and a peer is not blamed for it only as long as its deadline is not over.
//!
//! A driver that pulls into a queue without a bound takes that proof away: peers that read nothing look alive, and
//! their frames grow outside of the limits.
//!
//! # A driver
//!
//! A driver hands over what arrives in its order, and does what the machine asks for. If a deadline is over when
//! something arrives, it calls `handle_timeout` first. Input that came too late is then too late, as in Node.js: its event
//! loop runs due timers before it reads from sockets. A driver that does not still keeps all other promises.
//!
//! All a driver does, here with its sockets behind a trait:
//!
//! ```
//! use engineio_proto::http::{Headers, RequestHead};
//! use engineio_proto::server::{Event, Output, Server, ServerEvent};
//! use engineio_proto::{Bytes, ConnectionId, Encoded, Frame, Instant, RequestId};
//!
//! enum Input {
//!     Request(RequestId, http::request::Parts, Bytes),
//!     Upgrade(ConnectionId, http::request::Parts),
//!     Frame(ConnectionId, Frame),
//!     Closed(ConnectionId),
//!     Time,
//! }
//!
//! trait Sockets {
//!     /// Waits for the next input, or until the deadline.
//!     fn wait(&mut self, deadline: Option<Instant>) -> Option<(Input, Instant)>;
//!     fn respond(&mut self, to: RequestId, response: http::Response<Bytes>);
//!     fn accept(&mut self, connection: ConnectionId, headers: Headers);
//!     fn refuse(&mut self, connection: ConnectionId, response: http::Response<Bytes>);
//!     fn write(&mut self, connection: ConnectionId, frame: Frame);
//!     fn close(&mut self, connection: ConnectionId);
//! }
//!
//! /// An echo server.
//! fn run(server: &mut Server, sockets: &mut impl Sockets) {
//!     while let Some((input, now)) = sockets.wait(server.poll_timeout()) {
//!         server.handle_timeout(now);
//!         match input {
//!             Input::Request(id, head, body) => server.handle_request(id, &RequestHead::from(&head), body, now),
//!             Input::Upgrade(id, head) => server.handle_upgrade(id, &RequestHead::from(&head), now),
//!             Input::Frame(id, frame) => server.handle_frame(id, frame, now),
//!             Input::Closed(id) => server.handle_connection_closed(id, now),
//!             Input::Time => {}
//!         }
//!         while let Some(output) = server.poll_output() {
//!             match output {
//!                 Output::Respond { request, response } => sockets.respond(request, response.into()),
//!                 Output::Accept { connection, headers } => sockets.accept(connection, headers),
//!                 Output::Refuse { connection, response } => sockets.refuse(connection, response.into()),
//!                 Output::Close { connection } => sockets.close(connection),
//!                 Output::Frames { connection } => {
//!                     // A driver with back-pressure stops while the pipe is full, and goes on when it is not.
//!                     while let Some(frame) = server.poll_frame(connection) {
//!                         sockets.write(connection, frame);
//!                     }
//!                 }
//!                 Output::Event(ServerEvent::Session { session, event: Event::Message(message) }) => {
//!                     let _too_slow_or_gone = server.send(session, &Encoded::new(&message));
//!                 }
//!                 Output::Event(_) => {}
//!             }
//!         }
//!     }
//! }
//! ```
#![no_std]

extern crate alloc;

mod buffered;
pub mod client;
pub mod codec;
pub mod collections;
pub mod driver;
mod encoded;
mod frame_header;
mod gone;
pub mod hidden;
pub mod http;
mod ids;
pub mod ledger;
mod message;
mod queue;
mod revision;
mod seed;
pub mod server;
pub mod settings;
mod sid;
mod time;
mod transport;
pub mod undelivered;
pub mod uri;

pub use buffered::{Buffered, Counted, SendError};
pub use encoded::Encoded;
pub use frame_header::FrameHeader;
pub use gone::Gone;
pub use ids::{ConnectionId, Exchange, RequestId};
pub use message::{Frame, Message, keeps_much};
pub use revision::Revision;
pub use seed::{Purpose, Seed};
pub use settings::ConfigError;
pub use sid::{Sid, SidGenerator};
pub use time::Instant;
pub use transport::{Transport, Transports};

pub use bytes::Bytes;
pub use bytestring::ByteString;
