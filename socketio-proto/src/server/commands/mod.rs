//! The interface for applications: one set of commands for a server, however it is wrapped.

mod delegate;

use core::time::Duration;

use engineio_proto::server as engine;
use engineio_proto::server::{Admission, HandshakeToken, SentMany, SessionKey};
use engineio_proto::{Gone, Instant};

use super::config::Config;
use super::dynamic::InvalidNamespace;
use super::gate::Parting;
use super::keys::{
    AckId, AckToken, BroadcastId, ConnectToken, NamespaceToken, ParentKey, RestoreToken, SocketId,
    SocketKey,
};
use super::machine::Server;
use super::membership::{DisconnectFrom, JoinError, JoinedMany};
use super::namespace::Observed;
use super::namespaces::Matcher;
use super::recovery::{RecoveryStore, Restored};
use super::target::Target;
use crate::{EmitError, EncodeError, EncodedPacket, Payload};

/// What an application does with a server: a [`Server`] itself, or one that is wrapped, as a recorder does.
///
/// The methods have the names and meanings of those of [`Server`], where their costs and errors are documented. Code that is
/// generic over this trait runs in a driver, recorded or not, in a test kit and in a test alike. New methods get default
/// bodies.
///
/// Inputs and outputs are not among them: those are for drivers, which use
/// [`Machine`](crate::engine::driver::server::Machine).
///
/// # Examples
///
/// ```
/// use socketio_proto::Payload;
/// use socketio_proto::engine::Instant;
/// use socketio_proto::server::{Commands, Event, Target};
///
/// /// A chat: everybody hears what somebody says.
/// fn handle<S: Commands>(
///     server: &mut S,
///     event: Event,
///     now: Instant,
/// ) -> Result<(), Box<dyn std::error::Error>> {
///     match event {
///         Event::Connecting { token, .. } => {
///             let socket = server.accept(token, now)?;
///             server.join(socket, "chat")?;
///         }
///         Event::Event { payload, .. } if payload.name() == Some("say") => {
///             let said = Payload::event("said").args_of(&payload).build()?;
///             server.broadcast(&Target::namespace("/").rooms(&["chat"]), &said, now)?;
///         }
///         _ => {}
///     }
///     Ok(())
/// }
///
/// # use socketio_proto::engine::http::RequestHead;
/// # use socketio_proto::engine::server::Output;
/// # use socketio_proto::engine::{ConnectionId, Frame, Seed};
/// # use socketio_proto::server::{Config, Server};
/// let mut server = Server::new(Config::default(), 0, &Seed::new([1; 32]))?;
/// let (connection, now) = (ConnectionId(1), Instant::ZERO);
/// server.handle_upgrade(connection, &RequestHead::new("GET", "/", "EIO=4&transport=websocket"), now);
/// for text in ["40", r#"42["say","hello"]"#] {
///     server.handle_frame(connection, Frame::Text(text.into()), now);
///     while let Some(output) = server.poll_output() {
///         if let Output::Event(event) = output {
///             handle(&mut server, event, now)?;
///         }
///     }
/// }
/// let mut last = None;
/// while let Some(frame) = server.poll_frame(connection) {
///     last = Some(frame);
/// }
/// assert_eq!(last, Some(Frame::Text(r#"42["said","hello"]"#.into())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Commands {
    /// Opens the session that a handshake asks for. As [`Server::accept_handshake`].
    ///
    /// # Errors
    ///
    /// As [`Server::accept_handshake`].
    fn accept_handshake(&mut self, token: HandshakeToken, now: Instant)
    -> Result<SessionKey, Gone>;

    /// Refuses a handshake. As [`Server::reject_handshake`].
    ///
    /// # Errors
    ///
    /// As [`Server::reject_handshake`].
    fn reject_handshake(
        &mut self,
        token: HandshakeToken,
        message: Option<&str>,
    ) -> Result<(), Gone>;

    /// Sets whether new sessions may open. As [`Server::set_admission`].
    fn set_admission(&mut self, admission: Admission);

    /// Ends all sessions at once. As [`Server::shut_down`].
    fn shut_down(&mut self, now: Instant);

    /// Shuts down without loss. As [`Server::drain`].
    fn drain(&mut self, parting: Parting, within: Duration, now: Instant);

    /// Lets a client into the namespace that it waits for. As [`Server::accept`].
    ///
    /// # Errors
    ///
    /// As [`Server::accept`].
    fn accept(&mut self, token: ConnectToken, now: Instant) -> Result<SocketKey, Gone>;

    /// Refuses a client the namespace that it waits for. As [`Server::reject`].
    ///
    /// # Errors
    ///
    /// As [`Server::reject`].
    fn reject(
        &mut self,
        token: ConnectToken,
        message: &str,
        data: Option<&Payload>,
        now: Instant,
    ) -> Result<(), Gone>;

    /// Says that the namespace which a client asks for exists. As [`Server::allow_namespace`].
    ///
    /// # Errors
    ///
    /// As [`Server::allow_namespace`].
    fn allow_namespace(&mut self, token: NamespaceToken, now: Instant) -> Result<(), Gone>;

    /// Says that the parent which asked has no such child. As [`Server::deny_namespace`].
    ///
    /// # Errors
    ///
    /// As [`Server::deny_namespace`].
    fn deny_namespace(&mut self, token: NamespaceToken, now: Instant) -> Result<(), Gone>;

    /// Gives a client back the session that it had. As [`Server::restore`].
    ///
    /// # Errors
    ///
    /// As [`Server::restore`].
    fn restore(
        &mut self,
        token: RestoreToken,
        restored: Option<Restored>,
        now: Instant,
    ) -> Result<(), Gone>;

    /// Sends an event to a client that waits to be let in. As [`Server::emit_early`].
    ///
    /// # Errors
    ///
    /// As [`Server::emit_early`].
    fn emit_early(&mut self, token: &ConnectToken, event: &Payload) -> Result<(), EmitError>;

    /// Sends an event to one socket. As [`Server::emit`].
    ///
    /// # Errors
    ///
    /// As [`Server::emit`].
    fn emit(&mut self, socket: SocketKey, event: &Payload, now: Instant) -> Result<(), EmitError>;

    /// Sends an event to one socket if it can leave at once. As [`Server::emit_volatile`].
    ///
    /// # Errors
    ///
    /// As [`Server::emit_volatile`].
    fn emit_volatile(&mut self, socket: SocketKey, event: &Payload) -> Result<bool, EmitError>;

    /// Sends an event to one socket and awaits its acknowledgement. As [`Server::emit_with_ack`].
    ///
    /// # Errors
    ///
    /// As [`Server::emit_with_ack`].
    fn emit_with_ack(
        &mut self,
        socket: SocketKey,
        event: &Payload,
        timeout: Duration,
        now: Instant,
    ) -> Result<AckId, EmitError>;

    /// Acknowledges an event. As [`Server::respond`].
    ///
    /// # Errors
    ///
    /// As [`Server::respond`].
    fn respond(&mut self, ack: AckToken, args: &Payload) -> Result<(), EmitError>;

    /// Sends an event to many sockets. As [`Server::broadcast`].
    ///
    /// # Errors
    ///
    /// As [`Server::broadcast`].
    fn broadcast(
        &mut self,
        target: &Target<'_>,
        event: &Payload,
        now: Instant,
    ) -> Result<SentMany, EncodeError>;

    /// Sends a packet that is already encoded to many sockets. As [`Server::broadcast_encoded`].
    fn broadcast_encoded(&mut self, target: &Target<'_>, packet: &EncodedPacket) -> SentMany;

    /// Sends an event to many sockets and awaits their acknowledgements. As [`Server::broadcast_with_ack`].
    ///
    /// # Errors
    ///
    /// As [`Server::broadcast_with_ack`].
    fn broadcast_with_ack(
        &mut self,
        target: &Target<'_>,
        event: &Payload,
        timeout: Duration,
        now: Instant,
    ) -> Result<(BroadcastId, SentMany), EncodeError>;

    /// Broadcasts to each child of a parent. As [`Server::broadcast_to_children`].
    ///
    /// # Errors
    ///
    /// As [`Server::broadcast_to_children`].
    fn broadcast_to_children(
        &mut self,
        parent: ParentKey,
        target: &Target<'_>,
        event: &Payload,
        now: Instant,
    ) -> Result<SentMany, EncodeError>;

    /// Puts a socket into a room. As [`Server::join`].
    ///
    /// # Errors
    ///
    /// As [`Server::join`].
    fn join(&mut self, socket: SocketKey, room: &str) -> Result<(), JoinError>;

    /// Takes a socket out of a room. As [`Server::leave_room`].
    fn leave_room(&mut self, socket: SocketKey, room: &str) -> bool;

    /// Puts many sockets into a room. As [`Server::join_many`].
    fn join_many(&mut self, target: &Target<'_>, room: &str) -> JoinedMany;

    /// Takes many sockets out of a room. As [`Server::leave_many`].
    fn leave_many(&mut self, target: &Target<'_>, room: &str) -> usize;

    /// Takes a socket out of its namespace. As [`Server::disconnect`].
    fn disconnect(&mut self, socket: SocketKey, now: Instant);

    /// Takes many sockets out of their namespace, or their clients altogether. As [`Server::disconnect_many`].
    fn disconnect_many(&mut self, target: &Target<'_>, from: DisconnectFrom, now: Instant)
    -> usize;

    /// Takes a client out of all its namespaces and closes its connection. As [`Server::disconnect_session`].
    fn disconnect_session(&mut self, session: SessionKey, now: Instant);

    /// Closes the connection of a client. As [`Server::close_session`].
    fn close_session(&mut self, session: SessionKey, now: Instant);

    /// Adds a namespace. As [`Server::add_namespace`].
    ///
    /// # Errors
    ///
    /// As [`Server::add_namespace`].
    fn add_namespace(&mut self, name: &str) -> Result<(), InvalidNamespace>;

    /// Closes a namespace. As [`Server::remove_namespace`].
    fn remove_namespace(&mut self, name: &str, now: Instant) -> bool;

    /// Adds a parent of namespaces. As [`Server::add_parent`].
    fn add_parent(&mut self, matcher: Matcher) -> ParentKey;

    /// Sets what is told of a namespace. As [`Server::observe`].
    fn observe(&mut self, namespace: &str, observed: Observed) -> bool;

    /// Puts something aside for a socket. As [`Server::set_data`].
    fn set_data(&mut self, socket: SocketKey, data: Option<Payload>) -> bool;

    /// Takes out what is kept of a namespace. As [`Server::take_recovery_store`].
    fn take_recovery_store(&mut self, namespace: &str) -> Option<RecoveryStore>;

    /// Puts in what another server kept of a namespace. As [`Server::set_recovery_store`].
    fn set_recovery_store(&mut self, namespace: &str, store: RecoveryStore, now: Instant) -> bool;

    /// The settings. As [`Server::config`].
    fn config(&self) -> &Config;

    /// The Engine.IO server below. As [`Server::engine`].
    fn engine(&self) -> &engine::Server;

    /// Encodes an event for [`broadcast_encoded`](Self::broadcast_encoded). As [`Server::encode_event`].
    ///
    /// # Errors
    ///
    /// As [`Server::encode_event`].
    fn encode_event(&self, namespace: &str, event: &Payload) -> Result<EncodedPacket, EncodeError>;

    /// The id of a socket. As [`Server::socket_id`].
    fn socket_id(&self, socket: SocketKey) -> Option<SocketId>;

    /// The namespace of a socket. As [`Server::socket_namespace`].
    fn socket_namespace(&self, socket: SocketKey) -> Option<&str>;

    /// The session of a socket. As [`Server::socket_session`].
    fn socket_session(&self, socket: SocketKey) -> Option<SessionKey>;

    /// The socket with that id. As [`Server::find_socket`].
    fn find_socket(&self, namespace: &str, id: &str) -> Option<SocketKey>;

    /// The number of sockets in a namespace. As [`Server::socket_count`].
    fn socket_count(&self, namespace: &str) -> usize;

    /// Whether a socket is in a room. As [`Server::is_in`].
    fn is_in(&self, socket: SocketKey, room: &str) -> bool;

    /// Whether a socket came back with its earlier session. As [`Server::is_recovered`].
    fn is_recovered(&self, socket: SocketKey) -> bool;

    /// What was put aside for a socket. As [`Server::data`].
    fn data(&self, socket: SocketKey) -> Option<&Payload>;

    /// The parent of a namespace. As [`Server::parent`].
    fn parent(&self, namespace: &str) -> Option<ParentKey>;

    /// The acknowledgements of a socket that are awaited. As [`Server::pending_acks`].
    fn pending_acks(&self, socket: SocketKey) -> usize;

    /// What waits for the application of one client: events, and their bytes. As [`Server::undelivered`].
    fn undelivered(&self, session: SessionKey) -> (usize, usize);

    /// What is kept of a namespace for clients that come back. As [`Server::recovery_store`].
    fn recovery_store(&self, namespace: &str) -> Option<&RecoveryStore>;

    /// The sockets that a broadcast would be for. As [`Server::sockets`].
    fn sockets<'a>(&'a self, target: Target<'a>) -> impl Iterator<Item = SocketKey> + 'a
    where
        Self: Sized;

    /// The rooms that a socket is in. As [`Server::rooms`].
    fn rooms(&self, socket: SocketKey) -> impl Iterator<Item = &str>
    where
        Self: Sized;

    /// The sockets of a client. As [`Server::sockets_of`].
    fn sockets_of(&self, session: SessionKey) -> impl Iterator<Item = SocketKey>
    where
        Self: Sized;

    /// The names of all namespaces. As [`Server::namespaces`].
    fn namespaces(&self) -> impl Iterator<Item = &str>
    where
        Self: Sized;

    /// The names of the children that a parent has. As [`Server::children`].
    fn children(&self, parent: ParentKey) -> impl Iterator<Item = &str>
    where
        Self: Sized;
}

impl Commands for Server {
    crate::__delegate_commands!(Server);
}
