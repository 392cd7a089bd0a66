//! Engine.IO as pure state machines: packets, sessions, heartbeat and transport upgrade, without IO.
//!
//! This crate does not open sockets, read clocks, start threads or draw randomness. Its input is requests, frames, the
//! time and a seed. Its output is responses, frames, deadlines and events. The code that moves them is the *driver*,
//! which the caller supplies, on any runtime. A simulator or a fuzzer is a driver too. The same seed and the same
//! inputs give the same outputs, byte for byte.
//!
//! # Layers
//!
//! - [`codec`]: plain functions between bytes and packets.
//! - [`server::Session`] and [`server::Route`]: one session, and the parsing of its requests.
//! - [`server::Server`]: many sessions, with their ids and deadlines.
//! - [`client::Client`]: one connection of a client, which can be opened any number of times.
//!
//! Each is usable without the ones below it in this list.
//!
//! # The contract of the machines
//!
//! | kind of method | takes | returns |
//! |---|---|---|
//! | `handle_*`: input from the network and the clock | `now` last | nothing: a peer's mistake becomes outputs |
//! | commands such as `send`, `close` | `now` if they start a timer | typed results |
//! | `poll_output`, `poll_frame`, `poll_timeout` | | the next action, event, frame or deadline |
//!
//! No input panics. Outputs may be taken after each input or much later: the messages and events are the same, in the
//! same order. The configuration bounds all waiting data. `handle_timeout` does nothing when it is early, and always
//! makes progress at the polled deadline.
//!
//! # When to pull frames
//!
//! Pulling a frame is an input: it tells the machine that the pipe of the connection can take one. All rules for slow
//! peers depend on it: the limits of waiting data, *volatile* messages, the end of a graceful close, and the heartbeat.
//! A heartbeat counts only if the machine's own part of it was pulled before, or was put into a request or a response.
//! A driver therefore follows these rules:
//!
//! - It pulls only while the pipe can take a frame, and buffers a bounded number of frames itself. One batch of some 64
//!   KiB for each connection is enough.
//! - It pulls again once these frames are written, not once they are queued elsewhere.
//! - If the pipe has room, it pulls before it reports the next input of the peer. A ping that is pulled late is
//!   answered late. The machine tolerates this only until the peer's deadline.
//!
//! If a driver pulls into an unbounded queue, the heartbeat proves nothing: peers that read nothing look alive, and
//! their frames grow outside of the limits.
//!
//! # A driver
//!
//! A driver passes inputs on in the order of their arrival, and performs the actions of the machine. If a deadline has
//! passed when an input arrives, it calls `handle_timeout` first. A late input is then treated as late, as in Node.js,
//! whose event loop runs due timers before it reads from sockets. A driver that does not do this still keeps all other
//! promises.
//!
//! The following is a whole driver, with its sockets behind a trait:
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
#[cfg(any(feature = "proptest", feature = "arbitrary"))]
pub mod inputs;
pub mod ledger;
mod message;
mod queue;
mod revision;
mod seed;
pub mod server;
pub mod settings;
mod sid;
#[cfg(feature = "proptest")]
pub mod strategies;
mod time;
mod transport;
pub mod undelivered;
pub mod uri;

pub use buffered::{Buffered, Counted, SendError};
pub use encoded::Encoded;
pub use frame_header::FrameHeader;
pub use gone::Gone;
pub use ids::{ConnectionId, HeadId, RequestId};
pub use message::{Frame, Message, keeps_much};
pub use revision::Revision;
pub use seed::{Purpose, Seed};
pub use settings::ConfigError;
pub use sid::{Sid, SidGenerator};
pub use time::Instant;
pub use transport::{Transport, Transports};

pub use bytes::Bytes;
pub use bytestring::ByteString;
