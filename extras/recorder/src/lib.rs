//! A recorder for the machines of `socketio-proto`. It writes down every input and command before it makes the call. A
//! replay of the recording repeats everything elsewhere, byte for byte.
//!
//! The machines read no clock and draw no randomness. Their inputs, their configuration and their seed therefore
//! determine everything. [`Recorder`] wraps the machine. It has the same methods for everything that changes the
//! machine, and lends the machine itself for reading. [`Replay`] makes the calls again and compares all outputs.
//! [`Diagram`] turns them into a sequence diagram.
//!
//! # Examples
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use socketio_proto::engine::http::RequestHead;
//! use socketio_proto::engine::{ConnectionId, Frame, Instant, Seed};
//! use socketio_proto::server::Config;
//! use socketio_recorder::{Recorder, Replay, Ending};
//! # #[derive(Clone, Default)] struct Sink(Arc<Mutex<Vec<u8>>>);
//! # impl std::io::Write for Sink {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> { self.0.lock().unwrap().write(bytes) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//!
//! let sink = Sink::default(); // anything that is `Write`: a file, as a rule
//! let seed = Seed::new([1; 32]);
//! let mut server = Recorder::server(Config::default(), 0, &seed, sink.clone(), u64::MAX)?;
//! let (connection, now) = (ConnectionId(1), Instant::ZERO);
//! server.handle_upgrade(connection, &RequestHead::new("GET", "/", "EIO=4&transport=websocket"), now);
//! server.handle_frame(connection, Frame::Text("40".into()), now);
//! while server.poll_output().is_some() {}
//! drop(server); // as the end of a program does
//!
//! let recording = sink.0.lock().unwrap().clone();
//! let mut replay = Replay::new(&recording)?;
//! let calls: Vec<_> = replay.by_ref().map(|step| step.call).collect();
//! assert_eq!(calls[..3], ["handle_upgrade", "handle_frame", "poll_output"]);
//! assert_eq!(replay.ending(), &Ending::Complete); // and every output was the same
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An application that is generic over [`Commands`](socketio_proto::server::Commands) runs with a recorder and without one:
//!
//! ```
//! use socketio_proto::engine::driver::server::Machine;
//! use socketio_proto::engine::http::RequestHead;
//! use socketio_proto::engine::server::Output;
//! use socketio_proto::engine::{ConnectionId, Frame, Instant, Seed};
//! use socketio_proto::server::{Commands, Config, Event, Server};
//! use socketio_recorder::Recorder;
//!
//! fn let_in<S: Commands + Machine<Event = Event>>(server: &mut S) -> usize {
//!     let (connection, now) = (ConnectionId(1), Instant::ZERO);
//!     server.handle_upgrade(connection, &RequestHead::new("GET", "/", "EIO=4&transport=websocket"), now);
//!     server.handle_frame(connection, Frame::Text("40".into()), now);
//!     while let Some(output) = server.poll_output() {
//!         if let Output::Event(Event::Connecting { token, .. }) = output {
//!             server.accept(token, now).expect("it waits");
//!         }
//!     }
//!     server.socket_count("/")
//! }
//!
//! let seed = Seed::new([1; 32]);
//! let mut plain = Server::new(Config::default(), 0, &seed)?;
//! let mut recorded = Recorder::server(Config::default(), 0, &seed, std::io::sink(), u64::MAX)?;
//! assert_eq!((let_in(&mut plain), let_in(&mut recorded)), (1, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The format
//!
//! Version 1. Numbers are unsigned, seven bits a byte, the lowest first, with the high bit set where more follow. Text
//! and bytes have their length in front. An instant is the distance in nanoseconds to the previous one, with its sign
//! in the lowest bit. A list has its length in front. An optional value has a byte in front that is 1 or 0.
//!
//! | part | content |
//! |---|---|
//! | header | `SIOREC`, a byte 2; the kind of machine (1 server, 2 client); the shard; 32 bytes of seed; the version of this crate; the configuration as JSON |
//! | call, any number of times | a byte that names the method; its arguments in their order; four bytes of digest |
//!
//! The digest covers the outcomes of all calls so far and the deadlines after them, as FNV-1a of 64 bits folded to 32.
//! It is written together with the next call. A recording that ends with a call and no digest ends in the middle of
//! that call, for example because the machine panicked. A recording that was truncated anywhere can be replayed up to
//! there.
//!
//! A call takes about ten bytes and the data from the network. Polls, which are calls too, take five or six.
//!
//! # Secrets
//!
//! A recording holds all sent data, and the seed. Every past and future session id of the machine follows from the
//! seed. Keep a recording like a private key. The programs of `examples/` create recordings as files that only their
//! owner may read. [`redact`] makes a recording without secrets from another one. The result still replays.
#![forbid(unsafe_code)]

mod calls;
mod diagram;
mod driver;
mod file;
mod outcome;
mod recorder;
mod redact;
mod replay;
mod tape;
mod text;
mod values;
mod wire;

pub use diagram::{Diagram, Form};
pub use file::create_file;
pub use outcome::Party;
pub use recorder::{RecordError, Recorder};
pub use redact::{RedactError, redact};
pub use replay::{Ending, OpenError, Replay, Step};
pub use tape::Status;
