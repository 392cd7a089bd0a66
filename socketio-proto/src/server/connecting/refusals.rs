//! Clients that do not get into the namespace that they wait for.

use bytestring::ByteString;
use engineio_proto::collections::Key;
use engineio_proto::server::SessionKey;

use super::{Questions, Settled};
use crate::parser::Parser;
use crate::server::machine::{Server, Timer};
use crate::server::reason::{DisconnectReason, ForcedClose};
use crate::{PacketRef, PacketType, Payload};

impl Server {
    /// The time for a verdict is over.
    pub(in crate::server) fn verdict_timed_out(&mut self, key: Key) {
        match self.settle_question(key, Questions::answer_session) {
            Some(Settled { auth, .. }) => self.announce_new(key, auth, false),
            None => self.refuse(key, "timeout", None),
        }
    }

    /// Tells a client that it does not get into a namespace.
    pub(in crate::server) fn refuse(&mut self, key: Key, message: &str, data: Option<&Payload>) {
        if let Some((session, namespace)) = self.withdraw(key) {
            self.send_refusal(session, &namespace, message, data);
        }
    }

    /// Tells a client that there is no such namespace as it waits for.
    pub(in crate::server) fn deny(&mut self, key: Key) {
        if let Some((session, namespace)) = self.withdraw(key) {
            self.send_invalid_namespace(session, &namespace);
        }
    }

    /// Ends the socket of a client that waits to be let in, and tells where that was.
    fn withdraw(&mut self, key: Key) -> Option<(SessionKey, ByteString)> {
        let socket = self.sockets.get(key).filter(|socket| !socket.joined)?;
        let (session, namespace) = (socket.session, self.namespace_name(socket));
        self.settle_question(key, Questions::withdraw);
        self.timers.set(Timer::Verdict(key), None);
        if let Some(client) = self.client_mut(session) {
            client.peer_mut().refuse(&namespace);
        }
        if let Some(socket) = self.sockets.remove(key) {
            self.vacate(key, &socket);
            self.clean_up(socket.namespace);
        }
        Some((session, namespace))
    }

    pub(in crate::server) fn send_refusal(
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
    pub(in crate::server) fn send_invalid_namespace(
        &mut self,
        session: SessionKey,
        namespace: &str,
    ) {
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

    pub(in crate::server) fn connect_timed_out(&mut self, slot: u32) {
        let Some(client) = self.clients.at(slot) else {
            return;
        };
        let (session, mut sockets) = (client.session(), client.peer().sockets());
        if !sockets.any(|key| self.sockets.get(key).is_some_and(|socket| socket.joined)) {
            drop(sockets);
            self.kick(
                session,
                DisconnectReason::ForcedServerClose(ForcedClose::ConnectTimeout),
            );
        }
    }
}
