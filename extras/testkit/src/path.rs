//! What lies between a client and its server.

use std::time::Duration;

/// What lies between one client and its server, and what goes wrong there.
///
/// All fields may be changed at any time, with [`Network::path_mut`](crate::Network::path_mut), and hold from then on.
/// Chances are out of 1,000, and drawn from the seed of the network.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use socketio_testkit::{Path, Websockets};
///
/// let mut path = Path::new(Duration::from_millis(50));
/// path.jitter = Duration::from_millis(20);
/// path.websockets = Websockets::Refused { status: 502 };
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Path {
    /// How long it takes to the server. Default 10 ms.
    pub latency_up: Duration,
    /// How long it takes to the client. Default 10 ms.
    pub latency_down: Duration,
    /// Up to how much longer it may take, drawn anew for everything that is sent. Frames of one WebSocket keep their
    /// order nevertheless. Default zero.
    pub jitter: Duration,
    /// The chance that a request is lost before it gets to the server; the client is told that it failed. Default 0.
    pub lost_requests: u32,
    /// The chance that a POST breaks off in its body; both sides are told. Default 0.
    pub lost_bodies: u32,
    /// The chance that a response is lost: the server has answered, and the client is told that its request failed.
    /// Default 0.
    pub lost_responses: u32,
    /// The chance that a WebSocket cannot be opened. Default 0.
    pub lost_connects: u32,
    /// The chance that the server sees an attempt to connect twice, an Engine.IO handshake or the one of a WebSocket, as
    /// when a proxy repeats it. Nobody is there for the second. Default 0.
    pub doubled_attempts: u32,
    /// The server is out of reach: requests and WebSockets fail at once. What is open stays. Default false.
    pub refused: bool,
    /// Nothing arrives, either way, and nobody is told. What is under way arrives once this is over. Default false.
    pub stalled: bool,
    /// What a proxy does to WebSockets. Default nothing.
    pub websockets: Websockets,
    /// Responses arrive together, at whole multiples of this time, as if a proxy collected them. Default zero: at once.
    pub collected: Duration,
    /// How long a proxy waits for a response before it answers 504 itself and leaves the server. Default for ever.
    pub gateway_timeout: Option<Duration>,
    /// How many frames fit into a WebSocket, each way, before its pipe takes no more. Default 64.
    pub pipe_frames: usize,
    /// The pipes of WebSockets to the server take nothing more. Default false.
    pub unwritable_up: bool,
    /// The pipes of WebSockets to the client take nothing more. Default false.
    pub unwritable_down: bool,
}

/// What a proxy does to WebSockets that are opened from now on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Websockets {
    /// They pass.
    #[default]
    Passed,
    /// Their handshake is answered with this status.
    Refused {
        /// An HTTP status code.
        status: u16,
    },
    /// They open, and what is sent over them gets nowhere.
    Swallowed,
    /// They open, and break after this many frames to the server, even if the path changes meanwhile:
    /// [`Network::spare_websockets`](crate::Network::spare_websockets) lifts that.
    Broken {
        /// The frames that pass.
        after: u32,
    },
}

/// How everything that is open between a client and its server is cut, by [`Network::cut`](crate::Network::cut).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Cut {
    /// WebSockets close behind what is under way, and requests fail; both sides are told.
    Clean,
    /// What is under way is lost; both sides are told.
    Reset,
    /// As `Reset`, but that some of what is under way in WebSockets still arrives.
    Midway,
    /// What is under way is lost, what follows too, and nobody is told: everything is half open. What is opened later
    /// works.
    Silent,
}

impl Path {
    /// Takes this long each way, and nothing goes wrong.
    #[must_use]
    pub const fn new(latency: Duration) -> Self {
        Self {
            latency_up: latency,
            latency_down: latency,
            jitter: Duration::ZERO,
            lost_requests: 0,
            lost_bodies: 0,
            lost_responses: 0,
            lost_connects: 0,
            doubled_attempts: 0,
            refused: false,
            stalled: false,
            websockets: Websockets::Passed,
            collected: Duration::ZERO,
            gateway_timeout: None,
            pipe_frames: 64,
            unwritable_up: false,
            unwritable_down: false,
        }
    }
}

impl Default for Path {
    fn default() -> Self {
        Self::new(Duration::from_millis(10))
    }
}
