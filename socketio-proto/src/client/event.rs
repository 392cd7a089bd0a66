//! Events for the application.

use engineio_proto::Instant;
use engineio_proto::Transport;
use engineio_proto::client as engine;

use super::error::{AckError, ConnectError, DisconnectReason, Refusal};
use super::keys::{AckId, AckToken, AuthToken, SocketKey};
use crate::{Packet, Payload};

/// Something for the application to know: the events of the official manager, which name no socket, and those of its
/// sockets.
///
/// They come in the order of the official client. One session of a socket lasts from [`Connected`](Self::Connected) to
/// [`Disconnected`](Self::Disconnected), and its received events come between. Events that arrived before the answer to
/// CONNECT are an exception: they come first, as in the official client. If the connection is lost before a CONNECT is
/// answered, the socket gets `Disconnected` too.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The connection is open; the namespaces are being joined. Officially `open`.
    ManagerOpened,
    /// The connection did not come about, or broke. Officially `error`.
    ManagerError {
        /// Why.
        error: ConnectError,
    },
    /// The connection is closed, or is closing behind what is queued. Officially `close`.
    ManagerClosed {
        /// Why.
        reason: DisconnectReason,
    },
    /// A new attempt to connect is planned.
    Reconnecting {
        /// The number of the attempt, counted from 1.
        attempt: u32,
        /// When it will begin.
        at: Instant,
    },
    /// A new attempt to connect begins. Officially `reconnect_attempt`.
    ReconnectAttempt {
        /// The number of the attempt, counted from 1.
        attempt: u32,
    },
    /// An attempt succeeded. Officially `reconnect`.
    Reconnected {
        /// The number of the attempt, counted from 1.
        attempt: u32,
    },
    /// An attempt failed. Officially `reconnect_error`.
    ReconnectError {
        /// Why.
        error: ConnectError,
    },
    /// No further attempt will be made. Officially `reconnect_failed`.
    ReconnectFailed {
        /// The number of attempts that were made.
        attempts: u32,
    },
    /// The server sent a heartbeat. Officially `ping`. Not in revision 4.
    Ping,
    /// The server answered a heartbeat of the client. Officially `pong`. Only in revision 4.
    Pong,
    /// A packet arrived, if the configuration asks for that. Officially `packet`.
    Packet(Packet),
    /// The connection moved to another transport.
    Upgraded {
        /// The transport it is on.
        transport: Transport,
    },
    /// The connection could not move to another transport; it stays on the one it has. Officially `upgradeError` of the
    /// Engine.IO socket.
    UpgradeFailed {
        /// The transport that was tried.
        transport: Transport,
        /// Why.
        error: engine::ProbeError,
    },
    /// The connection is open and the socket wants to join its namespace: the application is to give the
    /// authentication with [`Client::provide_auth`](super::Client::provide_auth), at once or later.
    AuthRequired {
        /// The socket.
        socket: SocketKey,
        /// To be given with the answer.
        token: AuthToken,
    },
    /// The socket is in its namespace. Officially `connect`.
    Connected {
        /// The socket.
        socket: SocketKey,
        /// Whether the server continued the session that was lost, and sent what was missed.
        recovered: bool,
    },
    /// The socket did not get into its namespace, whether or not it is tried again. Officially `connect_error`.
    ConnectError {
        /// The socket.
        socket: SocketKey,
        /// Why. After a refusal the socket is inactive; else it is tried again if reconnection is on.
        error: ConnectError,
    },
    /// An event arrived.
    Event {
        /// The socket that received it.
        socket: SocketKey,
        /// Its name and arguments.
        payload: Payload,
        /// To be given with the acknowledgement, if the server wants one.
        ack: Option<AckToken>,
    },
    /// The server told a socket that is connected of an error: a middleware of the application there refused one of its
    /// events. Officially `error`. Only in revision 4.
    Error {
        /// The socket.
        socket: SocketKey,
        /// What the server said.
        error: Refusal,
    },
    /// The acknowledgement of an event arrived.
    Ack {
        /// The socket that received it.
        socket: SocketKey,
        /// The event.
        id: AckId,
        /// The arguments.
        payload: Payload,
    },
    /// The acknowledgement of an event will not come.
    AckFailed {
        /// The socket that sent the event.
        socket: SocketKey,
        /// The event.
        id: AckId,
        /// Why.
        error: AckError,
    },
    /// An event that was emitted with retries but without interest in its acknowledgement was given up.
    GivenUp {
        /// The socket.
        socket: SocketKey,
        /// The event.
        payload: Payload,
        /// Why its last try failed.
        error: AckError,
    },
    /// After a refused emit of the socket: there is room again.
    Drained {
        /// The socket.
        socket: SocketKey,
    },
    /// The socket is out of its namespace. Officially `disconnect`.
    Disconnected {
        /// The socket.
        socket: SocketKey,
        /// Why.
        reason: DisconnectReason,
    },
}

impl Event {
    /// The bytes that the payload of the server repeats, which count but take no memory yet.
    pub(super) fn repeated_len(&self) -> usize {
        if let Self::Event { payload, .. } | Self::Ack { payload, .. } = self {
            payload.repeated_len()
        } else if let Self::Packet(packet) = self {
            packet.payload.as_ref().map_or(0, Payload::repeated_len)
        } else {
            0
        }
    }
}
