//! Effects of messages from clients, and of their leaving.

use engineio_proto::collections::Key;
use engineio_proto::server as engine;
use engineio_proto::server::{ServerEvent, SessionKey};
use engineio_proto::{Message, Revision};

use super::event::Event;
use super::keys::{AckToken, SocketKey};
use super::machine::{Server, Timer};
use super::peer::{Peer, Received};
use super::reason::{DisconnectReason, ForcedClose};
use super::violation::Violation;

impl Server {
    /// Ends a call. Events of the layer below take effect at once, so that no state waits for outputs to be polled. The
    /// memory limit is enforced.
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
                let peer = Peer::new(config.parser, config.limits, limit)
                    .with_revision(revision.unwrap_or(Revision::V4));
                let ledger = self.engine.ledger();
                self.clients.insert(session, peer, ledger);
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
                    self.clients.remove(session);
                    self.push(Event::Closed { session, reason });
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn handle_message(&mut self, session: SessionKey, message: Message) {
        let Some(client) = self.client_mut(session) else {
            return;
        };
        match client.handle_message(message) {
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
        let allowed = self.config.parser.allowance(
            engine.read_until(),
            (engine.max_packets_per_payload, engine.max_payload),
            &self.config.limits,
            event.repeated_len(),
        );
        let Some(client) = self.client_mut(session) else {
            return false;
        };
        if !client.add_undelivered(bytes, &allowed) {
            let reason = DisconnectReason::ForcedServerClose(ForcedClose::TooManyUndelivered);
            self.kick(session, reason);
            return false;
        }
        self.events.push_counted(session, bytes, event);
        true
    }
}
