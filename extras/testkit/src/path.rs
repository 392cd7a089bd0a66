//! The path between a client and its server.

use std::time::Duration;

/// The path between one client and its server, and its faults.
///
/// All fields may change at any time, with [`Network::path_mut`](crate::Network::path_mut), and apply from then on.
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
    /// The latency to the server. Default 10 ms.
    pub latency_up: Duration,
    /// The latency to the client. Default 10 ms.
    pub latency_down: Duration,
    /// The maximum additional latency, drawn separately for everything that is sent. Frames of one WebSocket keep their
    /// order nevertheless. Default zero.
    pub jitter: Duration,
    /// The chance that a request is lost before it reaches the server. The client is told that it failed. Default 0.
    pub lost_requests: u32,
    /// The chance that a POST breaks off in its body. Both sides are told. Default 0.
    pub lost_bodies: u32,
    /// The chance that a response is lost. The server has answered, and the client is told that its request failed.
    /// Default 0.
    pub lost_responses: u32,
    /// The chance that a WebSocket cannot be opened. Default 0.
    pub lost_connects: u32,
    /// The chance that the server sees an attempt to connect twice, as when a proxy repeats it. The attempt is an
    /// Engine.IO handshake or that of a WebSocket. The second one has no client. Default 0.
    pub doubled_attempts: u32,
    /// The server is out of reach: requests and WebSockets fail at once. Open connections stay. Default false.
    pub refused: bool,
    /// Nothing arrives, in either direction, and nobody is told. Traffic in flight arrives once this is over. Default
    /// false.
    pub stalled: bool,
    /// The behaviour of a proxy for WebSockets. Default none.
    pub websockets: Websockets,
    /// Responses arrive together, at whole multiples of this time, as if a proxy collected them. Default zero: at once.
    pub collected: Duration,
    /// The time after which a proxy answers 504 itself and leaves the server. Default for ever.
    pub gateway_timeout: Option<Duration>,
    /// The number of frames that fit into a WebSocket, in each direction, before its pipe takes no more. Default 64.
    pub pipe_frames: usize,
    /// The pipes of WebSockets to the server take nothing more. Default false.
    pub unwritable_up: bool,
    /// The pipes of WebSockets to the client take nothing more. Default false.
    pub unwritable_down: bool,
}

/// The behaviour of a proxy for WebSockets that open from now on.
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
    /// They open, and frames over them get lost.
    Swallowed,
    /// They open, and break after this many frames to the server, even if the path changes meanwhile.
    /// [`Network::spare_websockets`](crate::Network::spare_websockets) prevents that.
    Broken {
        /// The frames that pass.
        after: u32,
    },
}

/// The way in which [`Network::cut`](crate::Network::cut) cuts everything that is open between a client and its server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Cut {
    /// WebSockets close after the traffic in flight, and requests fail. Both sides are told.
    Clean,
    /// The traffic in flight is lost. Both sides are told.
    Reset,
    /// Like `Reset`, but some of the traffic in flight in WebSockets still arrives.
    Midway,
    /// The traffic in flight is lost, and so is all later traffic of these connections. Nobody is told, so everything
    /// is half open. Later connections work.
    Silent,
}

impl Path {
    /// A path with this latency in each direction, and no faults.
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
