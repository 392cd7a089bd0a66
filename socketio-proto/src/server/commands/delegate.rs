//! The commands of a server by its own methods, for what implements `Commands`.

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
