//! What follows from what clients send, and from their going.

use engineio_proto::collections::Key;
use engineio_proto::server as engine;
use engineio_proto::server::{ServerEvent, SessionKey};
use engineio_proto::{Message, Revision};

use super::connection::{Connection, Received, Violation};
use super::event::Event;
use super::keys::{AckToken, SocketKey};
use super::machine::{Client, Queued, Server, Timer};
use super::reason::{DisconnectReason, ForcedClose};

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
            } => self.ack_received(session, socket, id, payload),
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
}
