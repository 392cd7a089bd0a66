//! What follows from what clients send, and from their going.

use alloc::vec::Vec;

use bytestring::ByteString;
use engineio_proto::collections::Key;
use engineio_proto::server as engine;
use engineio_proto::server::{ServerEvent, SessionKey};
use engineio_proto::{Encoded, Message, Revision, SendError};

use super::connection::{Connection, Received, Violation};
use super::event::Event;
use super::keys::{AckId, AckToken, SocketKey};
use super::machine::{Client, Queued, Server, Timer};
use super::reason::{AckError, DisconnectReason, ForcedClose};
use crate::parser::Parser;
use crate::{PacketRef, PacketType, Payload};

/// Why a client goes that has no room for what the protocol owes it.
pub(super) const OWED: DisconnectReason = DisconnectReason::ForcedServerClose(ForcedClose::Full);

impl Server {
    /// Ends a call: lets the events of the layer below take effect at once, so that no state waits for outputs to be
    /// polled, and keeps to the limit of what may be held.
    #[inline]
    pub(super) fn pump(&mut self) {
        if self.engine.may_have_event() {
            self.take_events();
        }
        self.keep_to_limit();
    }

    /// Lets the events of the layer below take effect.
    pub(super) fn take_events(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.handle_engine_event(event);
        }
    }

    pub(super) fn handle_engine_event(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Opened { session, by } => {
                let config = &self.config;
                let limit = config.max_namespaces_per_connection;
                let revision = self.engine.session(session).map(engine::Session::revision);
                let connection = Connection::new(config.parser, config.limits, limit)
                    .with_revision(revision.unwrap_or(Revision::V4));
                let client = Client {
                    session,
                    connection,
                    closing: false,
                    undelivered_events: 0,
                    undelivered_bytes: 0,
                    partial: self.engine.ledger().charge(0),
                };
                self.clients.insert(session.slot(), client);
                self.timers.set(
                    Timer::Connect(session.slot()),
                    Some(self.now() + self.config.connect_timeout),
                );
                self.push(Event::Opened { session, by });
                self.join_main_unasked(session);
            }
            ServerEvent::Handshake { token, by } => self.push(Event::Handshake { token, by }),
            ServerEvent::Refused { by, reject } => self.push(Event::Refused { by, reject }),
            ServerEvent::Session { session, event } => match event {
                engine::Event::Message(message) => self.handle_message(session, message),
                engine::Event::Upgraded(transport) => {
                    self.push(Event::Upgraded { session, transport })
                }
                engine::Event::Drained => self.push(Event::Drained { session }),
                engine::Event::Closed(reason) => {
                    self.drop_sockets(session, DisconnectReason::Engine(reason));
                    self.timers.set(Timer::Connect(session.slot()), None);
                    if let Some(client) = self.clients.remove(session.slot()) {
                        self.gone.add(client.connection.steps());
                    }
                    self.push(Event::Closed { session, reason });
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn handle_message(&mut self, session: SessionKey, message: Message) {
        let Some(client) = self.client_mut(session).filter(|client| !client.closing) else {
            return;
        };
        let received = client.connection.handle_message(message);
        client.partial.set(client.connection.heap_size());
        match received {
            Ok(None) => {}
            Ok(Some(received)) => self.handle_received(session, received),
            Err(violation @ Violation::Decode(_)) => {
                self.kick(session, DisconnectReason::ForcedClose(violation))
            }
            Err(violation) => {
                self.kick(
                    session,
                    DisconnectReason::ForcedServerClose(ForcedClose::Violation(violation)),
                );
            }
        }
    }

    pub(super) fn handle_received(&mut self, session: SessionKey, received: Received<Key>) {
        match received {
            Received::Connect { namespace, auth } => self.handle_connect(session, namespace, auth),
            Received::TooManyNamespaces { namespace } => {
                self.send_refusal(session, &namespace, "too many namespaces", None);
            }
            Received::Event {
                socket,
                payload,
                id,
            } => {
                let socket = SocketKey(socket);
                let ack = id.map(|id| AckToken { socket, id });
                self.push_counted(
                    session,
                    payload.payload_len(),
                    Event::Event {
                        socket,
                        payload,
                        ack,
                    },
                );
            }
            Received::Ack {
                socket,
                id,
                payload,
            } => {
                self.timers.set(Timer::Ack(socket, id), None);
                let broadcast = self.broadcast_of(socket, id);
                let (socket, id) = (SocketKey(socket), AckId(id));
                let bytes = payload.payload_len();
                let event = match broadcast {
                    Some(id) => Event::BroadcastReply {
                        id,
                        socket,
                        payload,
                    },
                    None => Event::Ack {
                        socket,
                        id,
                        payload,
                    },
                };
                if self.push_counted(session, bytes, event)
                    && let Some(id) = broadcast
                {
                    self.answer_broadcast(id, socket);
                }
            }
            Received::Disconnect { socket, acks } => {
                self.remove_socket(socket, acks, DisconnectReason::ClientNamespaceDisconnect);
            }
        }
    }

    /// Tells of something that counts against the limits of a client; false if that is over them.
    pub(super) fn push_counted(&mut self, session: SessionKey, bytes: usize, event: Event) -> bool {
        let engine = &self.config.engine;
        let max_events = engine
            .max_undelivered_messages
            .saturating_add(engine.max_packets_per_payload);
        let parser = self.config.parser;
        let one_more = parser.max_payload_len(engine.max_payload, &self.config.limits);
        // What an event repeats counts, but it takes no memory yet, and does not end the session that brought it.
        let max_bytes = engine
            .max_undelivered_bytes
            .saturating_add(one_more)
            .saturating_add(event.repeated_len());
        let Some(client) = self.client_mut(session) else {
            return false;
        };
        client.undelivered_events = client.undelivered_events.saturating_add(1);
        client.undelivered_bytes = client.undelivered_bytes.saturating_add(bytes);
        if client.undelivered_events > max_events || client.undelivered_bytes > max_bytes {
            let reason = DisconnectReason::ForcedServerClose(ForcedClose::TooManyUndelivered);
            self.kick(session, reason);
            return false;
        }
        self.events.push(Queued {
            event,
            counted: Some((session, bytes)),
            undroppable: 0,
            packet: None,
        });
        true
    }

    pub(super) fn connect_timed_out(&mut self, slot: u32) {
        let Some(client) = self.clients.get(slot) else {
            return;
        };
        let (session, mut sockets) = (client.session, client.connection.sockets());
        if !sockets.any(|key| self.sockets.get(key).is_some_and(|socket| socket.joined)) {
            drop(sockets);
            self.kick(
                session,
                DisconnectReason::ForcedServerClose(ForcedClose::ConnectTimeout),
            );
        }
    }

    pub(super) fn ack_timed_out(&mut self, key: Key, id: u64) {
        let Some(socket) = self.sockets.get(key) else {
            return;
        };
        let (session, namespace) = (socket.session, self.namespace_name(socket));
        if self
            .client_mut(session)
            .is_some_and(|client| client.connection.cancel_ack(&namespace, id))
        {
            self.push(Event::AckFailed {
                socket: SocketKey(key),
                id: AckId(id),
                error: AckError::TimedOut,
            });
        }
    }

    /// Tells a client that it does not get into a namespace.
    pub(super) fn refuse(&mut self, key: Key, message: &str, data: Option<&Payload>) {
        if let Some((session, namespace)) = self.withdraw(key) {
            self.send_refusal(session, &namespace, message, data);
        }
    }

    /// Tells a client that there is no such namespace as it waits for.
    pub(super) fn deny(&mut self, key: Key) {
        if let Some((session, namespace)) = self.withdraw(key) {
            self.send_invalid_namespace(session, &namespace);
        }
    }

    /// Ends the socket of a client that waits to be let in, and tells where that was.
    fn withdraw(&mut self, key: Key) -> Option<(SessionKey, ByteString)> {
        let socket = self.sockets.get(key).filter(|socket| !socket.joined)?;
        let (session, namespace) = (socket.session, self.namespace_name(socket));
        self.take_asking(key, |_| true);
        self.timers.set(Timer::Verdict(key), None);
        if let Some(client) = self.client_mut(session) {
            client.connection.refuse(&namespace);
        }
        if let Some(socket) = self.sockets.remove(key) {
            self.vacate(key, &socket);
            self.clean_up(socket.namespace);
        }
        Some((session, namespace))
    }

    pub(super) fn send_refusal(
        &mut self,
        session: SessionKey,
        namespace: &str,
        message: &str,
        data: Option<&Payload>,
    ) {
        if let Some(payload) = self.refusal(session, message, data) {
            self.send_connect_error(session, namespace, &payload);
        }
    }

    /// Officially an object for clients of revision 4 too, which their parser for MessagePack does not take.
    pub(super) fn send_invalid_namespace(&mut self, session: SessionKey, namespace: &str) {
        const MESSAGE: &str = "Invalid namespace";
        if self.config.parser == Parser::MsgPack {
            self.send_refusal(session, namespace, MESSAGE, None);
        } else if let Ok(payload) = Payload::connect_error(MESSAGE, None) {
            self.send_connect_error(session, namespace, &payload);
        }
    }

    fn send_connect_error(&mut self, session: SessionKey, namespace: &str, payload: &Payload) {
        let packet = PacketRef::new(PacketType::ConnectError, namespace).with_payload(payload);
        self.send_control(session, packet);
    }

    /// Sends what the protocol owes a client. One that has no room for it does not read: it is dropped.
    pub(super) fn send_control(&mut self, session: SessionKey, packet: PacketRef<'_>) {
        let encoded = self
            .config
            .parser
            .encode(packet, self.config.limits.max_attachments);
        match encoded {
            Ok(packet) => self.send_owed(session, packet.parts()),
            Err(_) => self.kick(session, OWED),
        }
    }

    /// As [`send_control`](Self::send_control), with what is encoded already.
    pub(super) fn send_owed(&mut self, session: SessionKey, parts: &[Encoded]) {
        let sent = self.engine.send_parts(session, parts);
        if matches!(
            sent,
            Err(SendError::Full { .. } | SendError::TooLarge { .. })
        ) {
            self.kick(session, OWED);
        }
    }

    /// Closes a client's connection, behind what is queued for it.
    pub(super) fn kick(&mut self, session: SessionKey, reason: DisconnectReason) {
        if let Some(client) = self.client_mut(session) {
            client.closing = true;
        }
        self.drop_sockets(session, reason);
        self.engine.close(session, self.now());
    }

    /// Takes all sockets of a client out of their namespaces, without telling it.
    pub(super) fn drop_sockets(&mut self, session: SessionKey, reason: DisconnectReason) {
        for key in self.sockets_of_client(session) {
            let acks = self.leave(key);
            self.remove_socket(key, acks, reason);
        }
    }

    pub(super) fn sockets_of_client(&self, session: SessionKey) -> Vec<Key> {
        self.client(session)
            .map(|client| client.connection.sockets().collect())
            .unwrap_or_default()
    }

    /// Notes that the client is no longer in the namespace of a socket; gives the acknowledgements that will not come.
    pub(super) fn leave(&mut self, key: Key) -> Vec<u64> {
        let Some(socket) = self.sockets.get(key) else {
            return Vec::new();
        };
        let (session, namespace) = (socket.session, self.namespace_name(socket));
        self.client_mut(session)
            .map(|client| client.connection.leave(&namespace))
            .unwrap_or_default()
    }

    /// Ends a socket: its acknowledgements fail, its rooms are left, and if it had joined, the application is told.
    pub(super) fn remove_socket(&mut self, key: Key, acks: Vec<u64>, reason: DisconnectReason) {
        self.take_asking(key, |_| true);
        let Some(socket) = self.sockets.remove(key) else {
            return;
        };
        if !socket.joined {
            self.timers.set(Timer::Verdict(key), None);
        }
        let name = SocketKey(key);
        for id in acks {
            // A broadcast goes on waiting.
            if self.broadcast_in(socket.namespace, id).is_some() {
                continue;
            }
            self.timers.set(Timer::Ack(key, id), None);
            self.push(Event::AckFailed {
                socket: name,
                id: AckId(id),
                error: AckError::Disconnected,
            });
        }
        self.vacate(key, &socket);
        let rooms = self.leave_rooms(key, &socket);
        let (namespace, joined) = (socket.namespace, socket.joined);
        self.save_socket(socket, &reason, &rooms);
        if joined {
            self.push(Event::Disconnected {
                socket: name,
                reason,
                rooms,
            });
        }
        self.clean_up(namespace);
        self.check();
    }
}
