//! A simulated network that connects applications with servers and clients of [`socketio_proto`]. It runs in memory and
//! in one thread, without sockets and sleeps.
//!
//! A test of an application needs a peer, a network that fails on command, and a clock that the test controls. A
//! [`Network`] has any number of [servers](Network::add_server) and [clients](Network::add_client), one clock, and a
//! [`Path`] between each client and its server. The calls of the test and one seed determine everything that happens. A
//! failed run can therefore be repeated with a [trace](Network::record), bit for bit.
//!
//! # Examples
//!
//! A server echoes everything, and its client notices a short loss of the connection:
//!
//! ```
//! use std::time::Duration;
//!
//! use socketio_proto::engine::client::Endpoint;
//! use socketio_proto::{Payload, client, server};
//! use socketio_testkit::{ClientId, Cut, Network, Script, ServerId};
//!
//! /// The application under test, and what the test wants to know of it.
//! #[derive(Default)]
//! struct Echo {
//!     heard: Vec<String>,
//!     losses: usize,
//! }
//!
//! impl Script for Echo {
//!     fn server_event(&mut self, network: &mut Network, id: ServerId, event: server::Event) {
//!         let (server, now) = network.server_mut(id);
//!         match event {
//!             server::Event::Connecting { token, .. } => drop(server.accept(token, now)),
//!             server::Event::Event { socket, payload, .. } => drop(server.emit(socket, &payload, now)),
//!             _ => {}
//!         }
//!     }
//!
//!     fn client_event(&mut self, _network: &mut Network, _id: ClientId, event: client::Event) {
//!         match event {
//!             client::Event::Event { payload, .. } => {
//!                 self.heard.push(payload.args::<(String,)>().expect("a text").0);
//!             }
//!             client::Event::Disconnected { .. } => self.losses += 1,
//!             _ => {}
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut network = Network::new(7);
//! network.add_server("example.com", server::Config::default())?;
//! let endpoint = Endpoint::parse("http://example.com")?;
//! let client = network.add_client(client::Config::new(endpoint))?;
//! let mut app = Echo::default();
//!
//! // The client connects, moves from polling to a WebSocket, and says something.
//! let (machine, now) = network.client_mut(client);
//! let socket = machine.connect("/", client::SocketOptions::default(), now)?;
//! network.run_until_idle(1000, &mut app)?;
//! let (machine, now) = network.client_mut(client);
//! machine.emit(socket, &Payload::event("say").arg("one").build()?, now)?;
//! network.run_until_idle(1000, &mut app)?;
//! assert_eq!(app.heard, ["one"]);
//!
//! // The connection breaks. What is said meanwhile waits; some seconds later it is there.
//! network.cut(client, Cut::Reset);
//! network.run_until_idle(1000, &mut app)?;
//! let (machine, now) = network.client_mut(client);
//! machine.emit(socket, &Payload::event("say").arg("two").build()?, now)?;
//! network.advance(Duration::from_secs(10), &mut app);
//! assert_eq!((app.heard, app.losses), (vec!["one".to_owned(), "two".to_owned()], 1));
//! # Ok(())
//! # }
//! ```
//!
//! A test that needs to see each single event calls [`Network::step`] itself:
//!
//! ```
//! use std::time::Duration;
//!
//! use socketio_proto::engine::client::Endpoint;
//! use socketio_proto::{client, server};
//! use socketio_testkit::{Network, Step};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut network = Network::new(7);
//! let endpoint = Endpoint::parse("http://example.com")?;
//! let config = client::Config::new(endpoint).with_reconnection_attempts(Some(2));
//! let client = network.add_client(config)?;
//! let (machine, now) = network.client_mut(client);
//! machine.connect("/", client::SocketOptions::default(), now)?;
//!
//! // There is no such server. A minute later the client has given up.
//! let (by, mut given_up) = (network.now() + Duration::from_secs(60), false);
//! while let Some(step) = network.step(by) {
//!     if let Step::Client { event: client::Event::ReconnectFailed { attempts }, .. } = step {
//!         given_up = attempts == 2;
//!     }
//! }
//! assert!(given_up);
//! # Ok(())
//! # }
//! ```
//!
//! # Faults
//!
//! | fault | method or field |
//! |---|---|
//! | latency, different in each direction, with jitter | [`Path::latency_up`], [`Path::latency_down`], [`Path::jitter`] |
//! | requests, their bodies, responses, WebSocket handshakes are lost | [`Path::lost_requests`], [`Path::lost_bodies`], [`Path::lost_responses`], [`Path::lost_connects`] |
//! | an attempt to connect reaches the server twice | [`Path::doubled_attempts`] |
//! | connections are cut: cleanly, with a reset, midway, silently | [`Network::cut`], [`Cut`] |
//! | nothing arrives for a while, or for ever | [`Path::stalled`] |
//! | a server cannot be reached | [`Path::refused`] |
//! | a server stops, starts, or restarts without its data | [`Network::stop_server`], [`Network::start_server`], [`Network::restart_server`] |
//! | a proxy refuses, swallows or breaks WebSockets | [`Path::websockets`], [`Network::spare_websockets`] |
//! | a proxy collects responses, or answers instead of the server | [`Path::collected`], [`Path::gateway_timeout`] |
//! | a peer does not read: pipes are full | [`Path::unwritable_up`], [`Path::unwritable_down`], [`Path::pipe_frames`] |
//! | an application has no time | [`Network::set_server_busy`], [`Network::set_client_busy`] |
//! | an application is slow: it takes a while for each event | [`Network::set_server_pace`] |
//! | a driver polls its machine late | [`Network::set_server_lag`], [`Network::set_client_lag`] |
//! | a host stands still and resumes later | [`Network::suspend_server`], [`Network::suspend_client`] |
//! | the clock jumps | [`Network::jump`] |
//!
//! [`Network::effects`] counts how often each of these took effect. [`Network::interrupted_upgrades`] counts failed
//! upgrades by the step that they had reached. A test that draws its faults can therefore see what it covers.
//!
//! # Properties
//!
//! A [`Scenario`](scenario::Scenario) is a whole script of clients and a server as a value. With the features `proptest` and
//! `arbitrary` it can be generated: a property of an application then holds whatever happens, and a failing scenario shrinks
//! to the turns that matter.
#![expect(
    clippy::indexing_slicing,
    reason = "ids come from the network itself, and a test may panic"
)]

mod delivery;
mod exchange;
mod faults;
mod hosted;
mod lateness;
mod network;
mod path;
mod pipe;
mod random;
pub mod scenario;
mod script;
mod tally;
mod trace;

pub use hosted::{OnClient, OnServer};
pub use network::{ClientId, Network, ServerId, Step};
pub use path::{Cut, Path, Websockets};
pub use random::Random;
pub use script::{NotIdle, Script};
pub use tally::{Effect, UpgradeStep};
pub use trace::Recording;
