//! A recorder for the machines of `socketio-proto`: every input and command is written down before it is made, so that
//! what happened in one place happens again in another, byte for byte.
//!
//! The machines read no clock and draw no randomness, so their inputs, their configuration and their seed are all there is
//! to know. [`Recorder`] stands in for the machine: it has the same methods for whatever changes the machine, and lends
//! the machine itself for all that only looks at it. [`Replay`] makes the calls again and finds out whether everything
//! that came out is the same; [`Diagram`] turns them into a sequence diagram.
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
//! # The format
//!
//! Version 1. Numbers are unsigned, seven bits a byte, the lowest first, with the high bit set where more follow; text and
//! bytes have their length in front. An instant is the distance in nanoseconds to the one written before it, its sign in
//! the lowest bit. A list has its length in front, what may be missing a byte that is 1 or 0.
//!
//! | part | is |
//! |---|---|
//! | header | `SIOREC`, a byte 2; the kind of machine (1 server, 2 client); the shard; 32 bytes of seed; the version of this crate; the configuration as JSON |
//! | call, any number of times | a byte that names the method; its arguments in their order; four bytes of digest |
//!
//! The digest is over the outcomes of all calls so far and the deadlines behind them, as FNV-1a of 64 bits folded to 32. It
//! is written with the call after it: a recording that ends with a call and no digest ends in the middle of that call,
//! as one does whose machine panicked. A recording that was cut off anywhere can be replayed up to there.
//!
//! A call takes some ten bytes and what the network brought with it; polls, which are calls too, take five or six.
//!
//! # Secrets
//!
//! A recording holds all that was sent, and the seed, from which every session id that the machine ever gave follows, those
//! to come too. Keep it as you keep a private key. The programs of `examples/` make files
//! for them that only their owner may read. [`redact`] makes another recording of one, without secrets, that replays.
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
