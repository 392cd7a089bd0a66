//! The server role: namespaces, events, acknowledgements, rooms and broadcasts over Engine.IO sessions.
//!
//! # Coming from the official server
//!
//! What an application there is told by callbacks is an [`Event`] here, and what it calls is a method of [`Server`]. Where
//! a callback would answer, the event has a token that the application gives back with its answer, at once or later.
//! Code that is generic over [`Commands`] runs against any server, recorded or not.
//! Options are the fields of [`Config`], of its [`engine`](Config::engine) and of [`RecoveryConfig`].
//!
//! | officially | here |
//! |---|---|
//! | `io.of(name)`, `io.of(/…/)`, `io.of(fn)` | [`Server::add_namespace`], [`Server::add_parent`] with a [`NamespacePattern`] or [`Matcher::Ask`] |
//! | `new_namespace` | [`Event::NamespaceAdded`] |
//! | `parent.emit` | [`Server::broadcast_to_children`] |
//! | closing a namespace | [`Server::remove_namespace`] |
//! | `allowRequest` | [`Event::Handshake`], once [switched on](engineio_proto::server::Config::allow_request) |
//! | `cors` | [`origins`](engineio_proto::server::Config::origins), which refuses as well, and [`cors`](engineio_proto::server::Config::cors) |
//! | `connection_error` | [`Event::Refused`], once [switched on](engineio_proto::server::Config::report_refusals) |
//! | `io.engine.on("connection")` | [`Event::Opened`] |
//! | `io.use(fn)`, `connection` | [`Event::Connecting`]; then [`Server::accept`], or [`Server::reject`] with a message and data |
//! | `socket.emit` in a middleware | [`Server::emit_early`] |
//! | `socket.handshake.auth` | `auth` of [`Event::Connecting`] |
//! | the rest of `socket.handshake`, `socket.request` | the driver has the request that `by` of [`Event::Opened`] names |
//! | `socket.id`, `socket.nsp`, `socket.conn` | [`Server::socket_id`], [`Server::socket_namespace`], [`Server::socket_session`] |
//! | `io.sockets.sockets.get(id)` | [`Server::find_socket`] |
//! | `socket.data` | [`Server::set_data`], [`Server::data`] |
//! | `socket.on(name)`, `socket.onAny`, `socket.use` | [`Event::Event`]: the application looks at each event |
//! | calling the acknowledgement of an event | [`Server::respond`] |
//! | `socket.emit`, `socket.send` | [`Server::emit`]; `send` has the name `message` |
//! | `socket.emit` with a callback, `emitWithAck`, `timeout` | [`Server::emit_with_ack`]; [`Event::Ack`] or [`Event::AckFailed`] |
//! | `socket.volatile.emit` | [`Server::emit_volatile`] |
//! | `compress(false)` | [`Payload::uncompressed`](crate::Payload::uncompressed) |
//! | `io.emit`, `to`, `in`, `except`, `socket.broadcast`, `local`, `volatile` | [`Server::broadcast`] to a [`Target`] |
//! | `io.timeout(ms).emit` with a callback | [`Server::broadcast_with_ack`]; [`Event::BroadcastReply`], [`Event::BroadcastEnded`] |
//! | `onAnyOutgoing` | [`Server::observe`], [`Event::Sent`] |
//! | `socket.join`, `leave`, `rooms` | [`Server::join`], [`Server::leave_room`], [`Server::rooms`] |
//! | `fetchSockets`, `allSockets` | [`Server::sockets`] |
//! | `socketsJoin`, `socketsLeave`, `disconnectSockets` | [`Server::join_many`], [`Server::leave_many`], [`Server::disconnect_many`] |
//! | `socket.disconnect()`, `socket.disconnect(true)` | [`Server::disconnect`], [`Server::disconnect_session`] |
//! | `socket.conn.close()` | [`Server::close_session`] |
//! | `disconnecting`, `disconnect` | [`Event::Disconnected`], with the rooms that the socket was in |
//! | `error` of a socket | the [`ForcedClose`](DisconnectReason::ForcedClose) of [`Event::Disconnected`]; an event of that name is ordinary |
//! | `socket.recovered` | [`Event::Recovered`], [`Server::is_recovered`] |
//! | `create-room`, `join-room`, `leave-room`, `delete-room` of an adapter | [`Event::RoomCreated`] and those behind it, once [switched on](Config::room_events) |
//! | `io.close()` | [`Server::shut_down`]; without loss [`Server::drain`] |
//! | `io.engine.clientsCount` | `session_count` of [`Server::engine`], and [`Server::stats`] |
//! | `socket.conn.on("upgrade")`, `"drain"`, `"close"` | [`Event::Upgraded`], [`Event::Drained`], [`Event::Closed`] |
//!
//! What the official server does with HTTP is left to the driver: `path`, `httpCompression`, `serveClient`,
//! `destroyUpgrade`, headers and middlewares of the engine. The message path between several servers, and so
//! `serverSideEmit`, is left to adapters, for which [`Server::encode_event`] and [`Server::broadcast_encoded`] are there.

mod acks;
mod batch;
mod broadcast;
mod broadcasts;
mod budget;
mod clients;
mod commands;
mod config;
mod connecting;
mod dynamic;
mod emit;
mod event;
mod gate;
mod held;
mod incoming;
mod keys;
mod leaving;
mod legacy;
mod machine;
mod members;
mod membership;
mod namespace;
mod namespaces;
mod owed;
mod pattern;
mod peer;
mod query;
mod queued;
mod reason;
mod recovery;
mod sockets;
mod target;
mod violation;

pub use crate::EmitError;
pub use commands::Commands;
pub use config::Config;
pub use dynamic::InvalidNamespace;
pub use engineio_proto::Gone;
pub use engineio_proto::server::Admission;
pub use event::Event;
pub use gate::Parting;
pub use keys::{
    AckId, AckToken, BroadcastId, ConnectToken, NamespaceToken, ParentKey, RestoreToken, SocketId,
    SocketKey,
};
pub use machine::Server;
pub use membership::{DisconnectFrom, JoinError, JoinedMany};
pub use namespace::Observed;
pub use namespaces::Matcher;
pub use pattern::{NamespacePattern, PatternError};
pub use peer::{Peer, Received};
pub use reason::{AckError, DisconnectReason, ForcedClose};
pub use recovery::{
    LoggedPacket, Recipients, RecoveryConfig, RecoveryStorage, RecoveryStore, Restored,
    SavedSession,
};
pub use target::Target;
pub use violation::Violation;
