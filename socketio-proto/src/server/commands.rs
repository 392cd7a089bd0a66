//! The interface for applications: one set of commands for a server, however it is wrapped.

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

/// The methods of [`Commands`](crate::server::Commands), by a server's own methods of the same names. The second type has
/// the methods that change nothing, if that is another one.
///
/// Not part of the interface: it is for the crates of this workspace.
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_commands {
    ($machine:ty) => {
        $crate::__delegate_commands!($machine, $machine);
    };
    ($machine:ty, $inner:ty) => {
        fn accept_handshake(
            &mut self,
            token: $crate::engine::server::HandshakeToken,
            now: $crate::engine::Instant,
        ) -> Result<$crate::engine::server::SessionKey, $crate::server::Gone> {
            <$machine>::accept_handshake(self, token, now)
        }

        fn reject_handshake(
            &mut self,
            token: $crate::engine::server::HandshakeToken,
            message: Option<&str>,
        ) -> Result<(), $crate::server::Gone> {
            <$machine>::reject_handshake(self, token, message)
        }

        fn set_admission(&mut self, admission: $crate::server::Admission) {
            <$machine>::set_admission(self, admission)
        }

        fn shut_down(&mut self, now: $crate::engine::Instant) {
            <$machine>::shut_down(self, now)
        }

        fn drain(
            &mut self,
            parting: $crate::server::Parting,
            within: core::time::Duration,
            now: $crate::engine::Instant,
        ) {
            <$machine>::drain(self, parting, within, now)
        }

        fn accept(
            &mut self,
            token: $crate::server::ConnectToken,
            now: $crate::engine::Instant,
        ) -> Result<$crate::server::SocketKey, $crate::server::Gone> {
            <$machine>::accept(self, token, now)
        }

        fn reject(
            &mut self,
            token: $crate::server::ConnectToken,
            message: &str,
            data: Option<&$crate::Payload>,
            now: $crate::engine::Instant,
        ) -> Result<(), $crate::server::Gone> {
            <$machine>::reject(self, token, message, data, now)
        }

        fn allow_namespace(
            &mut self,
            token: $crate::server::NamespaceToken,
            now: $crate::engine::Instant,
        ) -> Result<(), $crate::server::Gone> {
            <$machine>::allow_namespace(self, token, now)
        }

        fn deny_namespace(
            &mut self,
            token: $crate::server::NamespaceToken,
            now: $crate::engine::Instant,
        ) -> Result<(), $crate::server::Gone> {
            <$machine>::deny_namespace(self, token, now)
        }

        fn restore(
            &mut self,
            token: $crate::server::RestoreToken,
            restored: Option<$crate::server::Restored>,
            now: $crate::engine::Instant,
        ) -> Result<(), $crate::server::Gone> {
            <$machine>::restore(self, token, restored, now)
        }

        fn emit_early(
            &mut self,
            token: &$crate::server::ConnectToken,
            event: &$crate::Payload,
        ) -> Result<(), $crate::server::EmitError> {
            <$machine>::emit_early(self, token, event)
        }

        fn emit(
            &mut self,
            socket: $crate::server::SocketKey,
            event: &$crate::Payload,
            now: $crate::engine::Instant,
        ) -> Result<(), $crate::server::EmitError> {
            <$machine>::emit(self, socket, event, now)
        }

        fn emit_volatile(
            &mut self,
            socket: $crate::server::SocketKey,
            event: &$crate::Payload,
        ) -> Result<bool, $crate::server::EmitError> {
            <$machine>::emit_volatile(self, socket, event)
        }

        fn emit_with_ack(
            &mut self,
            socket: $crate::server::SocketKey,
            event: &$crate::Payload,
            timeout: core::time::Duration,
            now: $crate::engine::Instant,
        ) -> Result<$crate::server::AckId, $crate::server::EmitError> {
            <$machine>::emit_with_ack(self, socket, event, timeout, now)
        }

        fn respond(
            &mut self,
            ack: $crate::server::AckToken,
            args: &$crate::Payload,
        ) -> Result<(), $crate::server::EmitError> {
            <$machine>::respond(self, ack, args)
        }

        fn broadcast(
            &mut self,
            target: &$crate::server::Target<'_>,
            event: &$crate::Payload,
            now: $crate::engine::Instant,
        ) -> Result<$crate::engine::server::SentMany, $crate::EncodeError> {
            <$machine>::broadcast(self, target, event, now)
        }

        fn broadcast_encoded(
            &mut self,
            target: &$crate::server::Target<'_>,
            packet: &$crate::EncodedPacket,
        ) -> $crate::engine::server::SentMany {
            <$machine>::broadcast_encoded(self, target, packet)
        }

        fn broadcast_with_ack(
            &mut self,
            target: &$crate::server::Target<'_>,
            event: &$crate::Payload,
            timeout: core::time::Duration,
            now: $crate::engine::Instant,
        ) -> Result<
            (
                $crate::server::BroadcastId,
                $crate::engine::server::SentMany,
            ),
            $crate::EncodeError,
        > {
            <$machine>::broadcast_with_ack(self, target, event, timeout, now)
        }

        fn broadcast_to_children(
            &mut self,
            parent: $crate::server::ParentKey,
            target: &$crate::server::Target<'_>,
            event: &$crate::Payload,
            now: $crate::engine::Instant,
        ) -> Result<$crate::engine::server::SentMany, $crate::EncodeError> {
            <$machine>::broadcast_to_children(self, parent, target, event, now)
        }

        fn join(
            &mut self,
            socket: $crate::server::SocketKey,
            room: &str,
        ) -> Result<(), $crate::server::JoinError> {
            <$machine>::join(self, socket, room)
        }

        fn leave_room(&mut self, socket: $crate::server::SocketKey, room: &str) -> bool {
            <$machine>::leave_room(self, socket, room)
        }

        fn join_many(
            &mut self,
            target: &$crate::server::Target<'_>,
            room: &str,
        ) -> $crate::server::JoinedMany {
            <$machine>::join_many(self, target, room)
        }

        fn leave_many(&mut self, target: &$crate::server::Target<'_>, room: &str) -> usize {
            <$machine>::leave_many(self, target, room)
        }

        fn disconnect(&mut self, socket: $crate::server::SocketKey, now: $crate::engine::Instant) {
            <$machine>::disconnect(self, socket, now)
        }

        fn disconnect_many(
            &mut self,
            target: &$crate::server::Target<'_>,
            from: $crate::server::DisconnectFrom,
            now: $crate::engine::Instant,
        ) -> usize {
            <$machine>::disconnect_many(self, target, from, now)
        }

        fn disconnect_session(
            &mut self,
            session: $crate::engine::server::SessionKey,
            now: $crate::engine::Instant,
        ) {
            <$machine>::disconnect_session(self, session, now)
        }

        fn close_session(
            &mut self,
            session: $crate::engine::server::SessionKey,
            now: $crate::engine::Instant,
        ) {
            <$machine>::close_session(self, session, now)
        }

        fn add_namespace(&mut self, name: &str) -> Result<(), $crate::server::InvalidNamespace> {
            <$machine>::add_namespace(self, name)
        }

        fn remove_namespace(&mut self, name: &str, now: $crate::engine::Instant) -> bool {
            <$machine>::remove_namespace(self, name, now)
        }

        fn add_parent(&mut self, matcher: $crate::server::Matcher) -> $crate::server::ParentKey {
            <$machine>::add_parent(self, matcher)
        }

        fn observe(&mut self, namespace: &str, observed: $crate::server::Observed) -> bool {
            <$machine>::observe(self, namespace, observed)
        }

        fn set_data(
            &mut self,
            socket: $crate::server::SocketKey,
            data: Option<$crate::Payload>,
        ) -> bool {
            <$machine>::set_data(self, socket, data)
        }

        fn take_recovery_store(
            &mut self,
            namespace: &str,
        ) -> Option<$crate::server::RecoveryStore> {
            <$machine>::take_recovery_store(self, namespace)
        }

        fn set_recovery_store(
            &mut self,
            namespace: &str,
            store: $crate::server::RecoveryStore,
            now: $crate::engine::Instant,
        ) -> bool {
            <$machine>::set_recovery_store(self, namespace, store, now)
        }

        fn config(&self) -> &$crate::server::Config {
            <$inner>::config(self)
        }

        fn engine(&self) -> &$crate::engine::server::Server {
            <$inner>::engine(self)
        }

        fn encode_event(
            &self,
            namespace: &str,
            event: &$crate::Payload,
        ) -> Result<$crate::EncodedPacket, $crate::EncodeError> {
            <$inner>::encode_event(self, namespace, event)
        }

        fn socket_id(&self, socket: $crate::server::SocketKey) -> Option<$crate::server::SocketId> {
            <$inner>::socket_id(self, socket)
        }

        fn socket_namespace(&self, socket: $crate::server::SocketKey) -> Option<&str> {
            <$inner>::socket_namespace(self, socket)
        }

        fn socket_session(
            &self,
            socket: $crate::server::SocketKey,
        ) -> Option<$crate::engine::server::SessionKey> {
            <$inner>::socket_session(self, socket)
        }

        fn find_socket(&self, namespace: &str, id: &str) -> Option<$crate::server::SocketKey> {
            <$inner>::find_socket(self, namespace, id)
        }

        fn socket_count(&self, namespace: &str) -> usize {
            <$inner>::socket_count(self, namespace)
        }

        fn is_in(&self, socket: $crate::server::SocketKey, room: &str) -> bool {
            <$inner>::is_in(self, socket, room)
        }

        fn is_recovered(&self, socket: $crate::server::SocketKey) -> bool {
            <$inner>::is_recovered(self, socket)
        }

        fn data(&self, socket: $crate::server::SocketKey) -> Option<&$crate::Payload> {
            <$inner>::data(self, socket)
        }

        fn parent(&self, namespace: &str) -> Option<$crate::server::ParentKey> {
            <$inner>::parent(self, namespace)
        }

        fn pending_acks(&self, socket: $crate::server::SocketKey) -> usize {
            <$inner>::pending_acks(self, socket)
        }

        fn undelivered(&self, session: $crate::engine::server::SessionKey) -> (usize, usize) {
            <$inner>::undelivered(self, session)
        }

        fn recovery_store(&self, namespace: &str) -> Option<&$crate::server::RecoveryStore> {
            <$inner>::recovery_store(self, namespace)
        }

        fn sockets<'a>(
            &'a self,
            target: $crate::server::Target<'a>,
        ) -> impl Iterator<Item = $crate::server::SocketKey> + 'a
        where
            Self: Sized,
        {
            <$inner>::sockets(self, target)
        }

        fn rooms(&self, socket: $crate::server::SocketKey) -> impl Iterator<Item = &str>
        where
            Self: Sized,
        {
            <$inner>::rooms(self, socket)
        }

        fn sockets_of(
            &self,
            session: $crate::engine::server::SessionKey,
        ) -> impl Iterator<Item = $crate::server::SocketKey>
        where
            Self: Sized,
        {
            <$inner>::sockets_of(self, session)
        }

        fn namespaces(&self) -> impl Iterator<Item = &str>
        where
            Self: Sized,
        {
            <$inner>::namespaces(self)
        }

        fn children(&self, parent: $crate::server::ParentKey) -> impl Iterator<Item = &str>
        where
            Self: Sized,
        {
            <$inner>::children(self, parent)
        }
    };
}

impl Commands for Server {
    crate::__delegate_commands!(Server);
}
