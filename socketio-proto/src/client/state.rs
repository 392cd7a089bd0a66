//! Queries about the state of a client.

use engineio_proto::Instant;
use engineio_proto::client as engine;

use super::config::Config;
use super::keys::SocketKey;
use super::machine::Client;
use super::phase::{Phase, Reconnect};

/// What the client does about its connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// There is none, and none will be made by itself.
    Closed,
    /// There is none, and the next attempt begins at that time.
    Waiting {
        /// The number of the attempt, counted from 1.
        attempt: u32,
        /// When it begins.
        at: Instant,
    },
    /// It is being opened.
    Opening,
    /// It is open.
    Open,
}

/// What waits in a socket.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Buffered {
    /// The events that were emitted and not sent.
    pub events: usize,
    /// Their bytes.
    pub bytes: usize,
    /// The events that are sent until they are acknowledged.
    pub retries: usize,
    /// Their bytes.
    pub retry_bytes: usize,
    /// The events that arrived before the answer to CONNECT.
    pub received: usize,
    /// Their bytes.
    pub received_bytes: usize,
    /// The acknowledgements that are awaited, each try of a retried event being one.
    pub acks: usize,
}

impl Client {
    /// What the client does about its connection.
    #[must_use]
    pub fn state(&self) -> State {
        match (self.phase, self.reconnect) {
            (Phase::Closed, Reconnect::Waiting { attempt, at }) => State::Waiting { attempt, at },
            (Phase::Closed, Reconnect::No | Reconnect::Attempting { .. }) => State::Closed,
            (Phase::Opening, _) => State::Opening,
            (Phase::Open, _) => State::Open,
        }
    }

    /// The sockets, active or not, in the order in which they were made.
    ///
    /// Cost: O(1) for each socket.
    pub fn sockets(&self) -> impl Iterator<Item = SocketKey> {
        self.order.iter().map(|key| SocketKey(*key))
    }

    /// The socket of a namespace, if there is one.
    #[must_use]
    pub fn find_socket(&self, namespace: &str) -> Option<SocketKey> {
        self.names.get(namespace).map(|key| SocketKey(*key))
    }

    /// The namespace of a socket; `None` if it was forgotten.
    #[must_use]
    pub fn socket_namespace(&self, socket: SocketKey) -> Option<&str> {
        self.sockets.get(socket.0).map(|socket| &*socket.namespace)
    }

    /// The id that the server gave a socket; `None` unless it is connected.
    #[must_use]
    pub fn socket_id(&self, socket: SocketKey) -> Option<&str> {
        self.sockets.get(socket.0)?.id.as_deref()
    }

    /// Whether a socket is in its namespace.
    #[must_use]
    pub fn is_connected(&self, socket: SocketKey) -> bool {
        self.sockets
            .get(socket.0)
            .is_some_and(|socket| socket.is_joined())
    }

    /// Whether a socket is in its namespace, or joins it as soon as there is a connection.
    #[must_use]
    pub fn is_active(&self, socket: SocketKey) -> bool {
        self.sockets
            .get(socket.0)
            .is_some_and(|socket| socket.active)
    }

    /// Whether the server continued the session before when the socket connected last.
    #[must_use]
    pub fn is_recovered(&self, socket: SocketKey) -> bool {
        self.sockets
            .get(socket.0)
            .is_some_and(|socket| socket.recovered)
    }

    /// What waits in a socket; nothing if it was forgotten.
    #[must_use]
    pub fn buffered(&self, socket: SocketKey) -> Buffered {
        let Some(socket) = self.sockets.get(socket.0) else {
            return Buffered::default();
        };
        Buffered {
            events: socket.send_buffer.len(),
            bytes: socket.send_buffer.bytes(),
            retries: socket.retries.len(),
            retry_bytes: socket.retries.bytes(),
            received: socket.receive_buffer.len(),
            received_bytes: socket.receive_buffer.bytes(),
            acks: socket.acks.len(),
        }
    }

    /// The Engine.IO client of the connection that is opening or open, to be looked at.
    #[must_use]
    pub fn engine(&self) -> Option<&engine::Client> {
        self.links.current()
    }

    /// How often a socket was looked at.
    #[cfg(feature = "count-steps")]
    #[doc(hidden)]
    #[must_use]
    pub fn steps(&self) -> usize {
        self.sockets.steps()
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }
}
