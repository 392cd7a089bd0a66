//! Whole scripts of clients and a server: what is said, who connects and leaves, what fails, and how time passes.
//!
//! A [`Scenario`] is a value, so that a test can write it down, generate it, shrink it and print it. It can be written by
//! hand. With the feature `proptest` there are strategies, and with `arbitrary` it can be the input of a fuzz
//! target.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! use socketio_proto::engine::client::Endpoint;
//! use socketio_proto::{Payload, client, server};
//! use socketio_testkit::scenario::{Action, Scenario, Turn};
//! use socketio_testkit::{ClientId, Cut, Network, Script, ServerId};
//!
//! #[derive(Default)]
//! struct App {
//!     heard: usize,
//! }
//!
//! impl Script for App {
//!     fn server_event(&mut self, network: &mut Network, id: ServerId, event: server::Event) {
//!         let (server, now) = network.server_mut(id);
//!         match event {
//!             server::Event::Connecting { token, .. } => drop(server.accept(token, now)),
//!             server::Event::Event { .. } => self.heard += 1,
//!             _ => {}
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut network = Network::new(7);
//! let server = network.add_server("example.com", server::Config::default())?;
//! let client = network.add_client(client::Config::new(Endpoint::parse("http://example.com")?))?;
//!
//! // The connection breaks, and something is said before the client is back.
//! let scenario = Scenario::new(vec![
//!     Turn::new(0, Action::Wait(Duration::from_secs(1))),
//!     Turn::new(0, Action::Cut(Cut::Reset)),
//!     Turn::new(0, Action::Wait(Duration::from_millis(100))),
//!     Turn::new(0, Action::Say { event: Payload::event("hello").build()?, ack: None }),
//! ]);
//! let mut app = App::default();
//! scenario.run(&mut network, server, &[client], &mut app);
//! assert_eq!(app.heard, 1);
//! # Ok(())
//! # }
//! ```

#[cfg(any(feature = "proptest", feature = "arbitrary"))]
mod mutate;
#[cfg(feature = "proptest")]
pub mod strategies;
#[cfg(feature = "arbitrary")]
mod structured;

use std::time::Duration;

use socketio_proto::server::{DisconnectFrom, Target};
use socketio_proto::{Payload, client};

use crate::network::{ClientId, Network, ServerId};
use crate::path::{Cut, Path, Websockets};
use crate::script::Script;

/// The namespace in which scenarios take place.
const NAMESPACE: &str = "/";

/// The time that passes behind the last turn, without faults. A half-open connection is noticed in it, and a client
/// comes back.
const REST: Duration = Duration::from_secs(120);

/// Turns one after another, in the namespace `/`.
///
/// `E` is what is said: the payload of an event, or the application's own type.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Scenario<E = Payload> {
    /// The turns.
    pub turns: Vec<Turn<E>>,
}

/// Something that happens to a client, its server or the path between them.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Turn<E = Payload> {
    /// The number of the client, modulo the number of clients.
    pub client: u8,
    /// What happens.
    pub action: Action<E>,
}

/// What happens in a turn.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Action<E = Payload> {
    /// Time passes, and everything happens that happens in it.
    Wait(Duration),
    /// The client says something, and awaits the acknowledgement for so long, if at all.
    Say {
        /// What it says.
        event: E,
        /// The timeout of the acknowledgement.
        ack: Option<Duration>,
    },
    /// The server says something to all.
    Broadcast {
        /// What it says.
        event: E,
        /// The timeout of the acknowledgements.
        ack: Option<Duration>,
    },
    /// The client joins the namespace, for the first time or again.
    Connect,
    /// The client leaves the namespace.
    Disconnect,
    /// The server takes all clients out of the namespace.
    DisconnectAll,
    /// Everything that is open between the client and the server is cut.
    Cut(Cut),
    /// The WebSockets of the client are cut.
    CutWebSockets(Cut),
    /// The requests of the client are cut.
    CutRequests(Cut),
    /// The server restarts and has lost its data.
    RestartServer,
    /// The path has this fault from now on, beside those that it has.
    Fault(Fault),
    /// The path has no faults any more.
    Mend,
    /// The application of the server has no time, or has some again.
    BusyServer(bool),
    /// The application of the client has no time, or has some again.
    BusyClient(bool),
    /// The clock jumps.
    Jump(Duration),
}

/// A fault of a [`Path`]. Chances are out of 1,000.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// See [`Path::lost_requests`].
    LostRequests(u16),
    /// See [`Path::lost_bodies`].
    LostBodies(u16),
    /// See [`Path::lost_responses`].
    LostResponses(u16),
    /// See [`Path::lost_connects`].
    LostConnects(u16),
    /// See [`Path::doubled_attempts`].
    DoubledAttempts(u16),
    /// See [`Path::refused`].
    Refused,
    /// See [`Path::stalled`].
    Stalled,
    /// See [`Path::jitter`].
    Jitter(Duration),
    /// See [`Path::collected`].
    Collected(Duration),
    /// See [`Path::pipe_frames`].
    PipeFrames(u8),
    /// See [`Path::unwritable_up`].
    UnwritableUp,
    /// See [`Path::unwritable_down`].
    UnwritableDown,
    /// See [`Path::websockets`].
    Websockets(Websockets),
}

/// The one who says something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum Speaker {
    /// A client, to its server.
    Client(ClientId),
    /// The server, to all its clients.
    Server(ServerId),
}

/// Something that is to be said.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Said<'a, E> {
    /// The one who says it.
    pub by: Speaker,
    /// What is said.
    pub event: &'a E,
    /// The time to await acknowledgements for, if any are awaited.
    pub ack: Option<Duration>,
}

impl Said<'_, Payload> {
    /// Says it, in the namespace `/`. Gives whether that was possible: a client that never joined cannot, nor one whose
    /// buffer is full.
    pub fn emit(&self, network: &mut Network) -> bool {
        self.emit_as(network, self.event)
    }
}

impl<E> Said<'_, E> {
    /// Says it by the payload of an event. See [`emit`](Said::emit).
    pub fn emit_as(&self, network: &mut Network, payload: &Payload) -> bool {
        match self.by {
            Speaker::Client(id) => {
                let (machine, now) = network.client_mut(id);
                let Some(socket) = machine.find_socket(NAMESPACE) else {
                    return false;
                };
                match self.ack {
                    None => machine.emit(socket, payload, now).is_ok(),
                    timeout => machine.emit_with_ack(socket, payload, timeout, now).is_ok(),
                }
            }
            Speaker::Server(id) => {
                let (machine, now) = network.server_mut(id);
                let all = Target::namespace(NAMESPACE);
                match self.ack {
                    None => machine.broadcast(&all, payload, now).is_ok(),
                    Some(timeout) => machine
                        .broadcast_with_ack(&all, payload, timeout, now)
                        .is_ok(),
                }
            }
        }
    }
}

impl<E> Turn<E> {
    /// Makes a turn.
    #[must_use]
    pub const fn new(client: u8, action: Action<E>) -> Self {
        Self { client, action }
    }
}

impl<E> Scenario<E> {
    /// Makes a scenario.
    #[must_use]
    pub const fn new(turns: Vec<Turn<E>>) -> Self {
        Self { turns }
    }

    /// Runs the turns with these clients of a server. `say` says what is to be said, and may keep a record of it.
    ///
    /// Each client joins the namespace `/` before the first turn if it has not done so. Behind the last turn all faults end,
    /// and two minutes pass.
    pub fn play<S: Script>(
        &self,
        network: &mut Network,
        server: ServerId,
        clients: &[ClientId],
        script: &mut S,
        mut say: impl FnMut(&mut S, &mut Network, Said<'_, E>),
    ) {
        for client in clients {
            join(network, *client);
        }
        for turn in &self.turns {
            let client = usize::from(turn.client).checked_rem(clients.len());
            let Some(client) = client.and_then(|index| clients.get(index)) else {
                break;
            };
            let said = |by, event, ack| Said { by, event, ack };
            if let Action::Wait(time) = &turn.action {
                network.advance(*time, script);
            } else if let Action::Say { event, ack } = &turn.action {
                say(script, network, said(Speaker::Client(*client), event, *ack));
            } else if let Action::Broadcast { event, ack } = &turn.action {
                say(script, network, said(Speaker::Server(server), event, *ack));
            } else {
                act(&turn.action, network, server, *client);
            }
        }
        for client in clients {
            mend(network.path_mut(*client));
            network.spare_websockets(*client);
            network.set_client_busy(*client, false);
        }
        network.set_server_busy(server, false);
        network.advance(REST, script);
    }
}

impl Scenario {
    /// Runs the turns with these clients of a server: [`play`](Self::play) where everything is simply said.
    pub fn run(
        &self,
        network: &mut Network,
        server: ServerId,
        clients: &[ClientId],
        script: &mut impl Script,
    ) {
        self.play(network, server, clients, script, |_, network, said| {
            said.emit(network);
        });
    }
}

/// Does what needs neither time nor words.
fn act<E>(action: &Action<E>, network: &mut Network, server: ServerId, client: ClientId) {
    match action {
        Action::Wait(_) | Action::Say { .. } | Action::Broadcast { .. } => {}
        Action::Connect => join(network, client),
        Action::Disconnect => {
            let (machine, now) = network.client_mut(client);
            if let Some(socket) = machine.find_socket(NAMESPACE) {
                let _gone = machine.disconnect(socket, now);
            }
        }
        Action::DisconnectAll => {
            let (machine, now) = network.server_mut(server);
            machine.disconnect_many(
                &Target::namespace(NAMESPACE),
                DisconnectFrom::Namespace,
                now,
            );
        }
        Action::Cut(how) => network.cut(client, *how),
        Action::CutWebSockets(how) => network.cut_websockets(client, *how),
        Action::CutRequests(how) => network.cut_requests(client, *how),
        Action::RestartServer => network.restart_server(server),
        Action::Fault(fault) => fault.set(network.path_mut(client)),
        Action::Mend => mend(network.path_mut(client)),
        Action::BusyServer(busy) => network.set_server_busy(server, *busy),
        Action::BusyClient(busy) => network.set_client_busy(client, *busy),
        Action::Jump(time) => network.jump(*time),
    }
}

fn join(network: &mut Network, client: ClientId) {
    let (machine, now) = network.client_mut(client);
    match machine.find_socket(NAMESPACE) {
        Some(socket) => {
            let _gone = machine.connect_again(socket, now);
        }
        None => {
            let _invalid = machine.connect(NAMESPACE, client::SocketOptions::default(), now);
        }
    }
}

/// Takes the faults away and leaves the latency.
fn mend(path: &mut Path) {
    let (up, down) = (path.latency_up, path.latency_down);
    *path = Path::default();
    (path.latency_up, path.latency_down) = (up, down);
}

impl Fault {
    /// Gives a path this fault.
    pub fn set(self, path: &mut Path) {
        match self {
            Self::LostRequests(chance) => path.lost_requests = chance.into(),
            Self::LostBodies(chance) => path.lost_bodies = chance.into(),
            Self::LostResponses(chance) => path.lost_responses = chance.into(),
            Self::LostConnects(chance) => path.lost_connects = chance.into(),
            Self::DoubledAttempts(chance) => path.doubled_attempts = chance.into(),
            Self::Refused => path.refused = true,
            Self::Stalled => path.stalled = true,
            Self::Jitter(time) => path.jitter = time,
            Self::Collected(time) => path.collected = time,
            Self::PipeFrames(frames) => path.pipe_frames = usize::from(frames).max(1),
            Self::UnwritableUp => path.unwritable_up = true,
            Self::UnwritableDown => path.unwritable_down = true,
            Self::Websockets(websockets) => path.websockets = websockets,
        }
    }
}
