//! Inputs of a client from the network and the clock.

use super::{Carrier, Client, Deadline, Event, State};
use crate::client::close::{CloseDetail, CloseReason, ProbeError, RequestError, TransportError};
use crate::client::heartbeat::Beat;
use crate::client::upgrade::{self, Stage};
use crate::codec::{DecodeError, Packet};
use crate::http::Answer;
use crate::{ConnectionId, Frame, Instant, Message, RequestId, Revision, Transport};

/// The two exchanges of polling.
#[derive(Clone, Copy)]
enum Role {
    Get,
    Post,
}

impl Client {
    /// Takes the response to a request. A response that the client does not wait for is ignored.
    ///
    /// Any status but 200 is a failure. The body of the answer to a POST does not matter.
    pub fn handle_response(&mut self, request: RequestId, answer: Answer, now: Instant) {
        self.observe(now);
        let Some(role) = self.take_pending(request) else {
            self.pay_farewell(request, Some(answer));
            return self.check();
        };
        if self.config.with_credentials {
            self.cookies.store(&answer, self.now);
        }
        let failure =
            (answer.status != 200).then(|| RequestError::new(answer.status, &answer.body));
        match (role, failure) {
            (Role::Get, _) if self.is_of_another_revision(&answer) => {}
            (Role::Get, Some(error)) => self.fail(TransportError::Poll(error)),
            (Role::Post, Some(error)) => self.fail(TransportError::Post(error)),
            (Role::Get, None) => self.handle_payload(answer),
            (Role::Post, None) => {}
        }
        self.settle();
        self.check();
    }

    /// Notes that a request failed without a response.
    pub fn handle_request_failed(&mut self, request: RequestId, now: Instant) {
        self.observe(now);
        match self.take_pending(request) {
            Some(role) => self.request_failed(role),
            None => self.pay_farewell(request, None),
        }
        self.check();
    }

    /// Notes that a connection is open.
    pub fn handle_connected(&mut self, connection: ConnectionId, now: Instant) {
        self.observe(now);
        match self.carrier {
            Carrier::Connecting {
                transport,
                connection: current,
            } if current == connection => {
                self.carrier = Carrier::Connected {
                    transport,
                    connection,
                    announced: false,
                    greets: transport == Transport::WebTransport,
                };
            }
            _ if self.upgrade.is_on(connection) => self.upgrade.handle_connected(connection),
            Carrier::None
            | Carrier::Polling { .. }
            | Carrier::Connecting { .. }
            | Carrier::Connected { .. } => {}
        }
        self.check();
    }

    /// Takes a frame. A frame of an unknown connection is ignored.
    pub fn handle_frame(&mut self, connection: ConnectionId, frame: Frame, now: Instant) {
        self.observe(now);
        if self.upgrade.is_on(connection) {
            self.handle_probe_frame(connection, frame);
        } else if self.is_connected(connection) && self.state != State::Closed {
            if frame.len() > self.config.max_payload {
                self.fail(TransportError::PayloadTooLarge);
            } else {
                let transport = self.transport().unwrap_or(Transport::WebSocket);
                match self.wire(transport).decode_frame(frame) {
                    Ok(packet) => self.handle_packet(packet),
                    Err(error) => self.fail(TransportError::Parse(error)),
                }
            }
        }
        self.settle();
        self.check();
    }

    /// Notes that a WebTransport stream delivered bytes that are no frame. This ends the client's session with
    /// `transport error`, or only the probe.
    pub fn handle_bad_frame(&mut self, connection: ConnectionId, error: DecodeError, now: Instant) {
        self.observe(now);
        if let Some(probe) = self.upgrade.take(connection) {
            self.abort_probe(probe, ProbeError::WrongAnswer);
            self.resume();
        } else if self.is_connected(connection) {
            self.fail(TransportError::Parse(error));
        }
        self.check();
    }

    /// Notes that a connection closed, cleanly or not. This ends the client's session with `transport close`, or
    /// only the probe. A connection that had not opened yet has failed.
    pub fn handle_connection_closed(&mut self, connection: ConnectionId, now: Instant) {
        self.connection_closed(connection, None, now);
    }

    /// As [`handle_connection_closed`](Self::handle_connection_closed), with the status code of the close frame.
    pub fn handle_connection_closed_with(
        &mut self,
        connection: ConnectionId,
        code: u16,
        now: Instant,
    ) {
        self.connection_closed(connection, Some(code), now);
    }

    /// Notes that a connection could not be opened, or violated the rules of its transport. This ends the client's
    /// session with `transport error`, or only the probe.
    pub fn handle_connection_failed(&mut self, connection: ConnectionId, now: Instant) {
        self.connection_failed(connection, RequestError::NETWORK, None, now);
    }

    /// As [`handle_connection_failed`](Self::handle_connection_failed), for a handshake that was answered with this
    /// response instead of being accepted.
    pub fn handle_connection_refused(
        &mut self,
        connection: ConnectionId,
        answer: &Answer,
        now: Instant,
    ) {
        self.observe(now);
        let other = match self.carrier {
            Carrier::Connecting {
                transport,
                connection: current,
            } if current == connection => self.wire(transport).other_revision(answer),
            Carrier::None
            | Carrier::Polling { .. }
            | Carrier::Connecting { .. }
            | Carrier::Connected { .. } => None,
        };
        let error = RequestError::new(answer.status, &answer.body);
        self.connection_failed(connection, error, other, now);
    }

    /// Notes that the host lost its network. This ends the session with `transport close`, except one to
    /// `localhost`.
    pub fn handle_offline(&mut self, now: Instant) {
        self.observe(now);
        if self.config.endpoint.host != "localhost" {
            self.finish(CloseReason::TransportClose(CloseDetail::Offline));
        }
        self.check();
    }

    /// Runs the due timers: a step of the heartbeat, the end of opening, of a request, of a probe. An early call does
    /// nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.observe(now);
        let now = self.now;
        match self.heartbeat.handle_timeout(now) {
            Some(Beat::TimedOut) => self.finish(CloseReason::PingTimeout),
            Some(Beat::Ping) => {
                self.beat();
                self.settle();
            }
            None => {}
        }
        if let State::Opening {
            deadline: Some(deadline),
        } = self.state
            && now >= deadline
        {
            self.finish(CloseReason::TransportError(TransportError::OpenTimeout));
        }
        if let Carrier::Polling { get, post } = self.carrier {
            for request in [get, post].into_iter().flatten() {
                if matches!(request.deadline, Deadline::At(deadline) if now >= deadline)
                    && let Some(role) = self.take_pending(request.id)
                {
                    self.abort(request.id);
                    self.request_failed(role);
                }
            }
        }
        while let Some(probe) = self.upgrade.take_due(now) {
            match probe.stage {
                Stage::Delayed => self.start_probe(probe.to),
                Stage::Connecting { .. } | Stage::Probing { .. } | Stage::Pausing { .. } => {
                    self.abort_probe(probe, ProbeError::Timeout);
                    self.resume();
                }
            }
        }
        self.check();
    }

    /// Removes the open request with this name.
    fn take_pending(&mut self, request: RequestId) -> Option<Role> {
        let Carrier::Polling { get, post } = &mut self.carrier else {
            return None;
        };
        for (pending, role) in [(get, Role::Get), (post, Role::Post)] {
            if pending.is_some_and(|pending| pending.id == request) {
                *pending = None;
                return Some(role);
            }
        }
        None
    }

    fn request_failed(&mut self, role: Role) {
        self.fail(match role {
            Role::Get => TransportError::Poll(RequestError::NETWORK),
            Role::Post => TransportError::Post(RequestError::NETWORK),
        });
    }

    /// Ends the attempt if the answer to its handshake shows that the server speaks another revision.
    fn is_of_another_revision(&mut self, answer: &Answer) -> bool {
        let opening = matches!(self.state, State::Opening { .. });
        let other = opening.then(|| self.wire(Transport::Polling).other_revision(answer));
        let Some(other) = other.flatten() else {
            return false;
        };
        self.fail(TransportError::Revision(other));
        true
    }

    fn handle_payload(&mut self, answer: Answer) {
        if answer.body.len() > self.config.max_payload {
            return self.fail(TransportError::PayloadTooLarge);
        }
        let wire = self.wire(Transport::Polling);
        let length = answer.body.len();
        for packet in wire.decode_body(answer, self.config.max_packets_per_payload) {
            match packet {
                Ok(Packet::Message(message)) => {
                    let message = message.detached_from(length);
                    self.handle_packet(Packet::Message(message));
                }
                Ok(packet) => self.handle_packet(packet),
                Err(error) => self.fail(TransportError::Parse(error)),
            }
            // The rest of the body belongs to a transport that is gone.
            if !matches!(self.carrier, Carrier::Polling { get: None, .. }) {
                return;
            }
        }
        if let State::Opening { .. } = self.state {
            // Officially the client would wait for ever.
            return self.fail(TransportError::Parse(DecodeError::Handshake));
        }
        self.poll_again();
    }

    fn handle_packet(&mut self, packet: Packet) {
        self.heartbeat.handle_packet(self.now);
        match packet {
            Packet::Open(json) if matches!(self.state, State::Opening { .. }) => {
                self.handle_handshake(&json);
            }
            Packet::Close(_) => {
                self.finish(CloseReason::TransportClose(CloseDetail::ByServer));
            }
            Packet::Ping(_) if self.config.revision == Revision::V4 => self.handle_ping(),
            Packet::Pong(_) if self.heartbeat.handle_pong(self.now) => {
                self.tell_heartbeat(Event::Pong);
            }
            Packet::Message(message) => self.handle_message(message),
            Packet::Open(_)
            | Packet::Ping(_)
            | Packet::Pong(_)
            | Packet::Upgrade(_)
            | Packet::Noop(_) => {}
        }
    }

    fn handle_ping(&mut self) {
        self.heartbeat.handle_ping(self.now);
        self.beat();
        self.tell_heartbeat(Event::Ping);
    }

    /// Queues a packet that keeps the session alive: a pong, in revision 3 a ping.
    fn beat(&mut self) {
        if self.state == State::Open {
            self.outbox.push_beat();
        }
    }

    fn tell_heartbeat(&mut self, event: Event) {
        if self.state == State::Open && self.has_room(0) {
            self.events.push(event);
        }
    }

    fn handle_message(&mut self, message: Message) {
        if self.has_room(message.len()) {
            self.undelivered_bytes = self.undelivered_bytes.saturating_add(message.len());
            self.events.push(Event::Message(message));
        }
    }

    /// Whether one more event with this many bytes may wait. If not, the session ends.
    fn has_room(&mut self, length: usize) -> bool {
        let (mut waiting, config) = (self.undelivered(), &self.config);
        waiting.add(length);
        let read = (config.max_packets_per_payload, config.max_payload);
        let room = waiting.fits(&config.read_until().beside(read.0, read.1));
        if !room {
            self.finish(CloseReason::TransportError(
                TransportError::TooManyUndelivered,
            ));
        }
        room
    }

    fn handle_probe_frame(&mut self, connection: ConnectionId, frame: Frame) {
        match self.upgrade.handle_frame(connection, frame) {
            upgrade::Action::Pause(transport) => self.pause_for(transport),
            upgrade::Action::Abort => {
                if let Some(probe) = self.upgrade.take(connection) {
                    self.abort_probe(probe, ProbeError::WrongAnswer);
                }
                self.resume();
            }
        }
    }

    fn connection_closed(&mut self, connection: ConnectionId, code: Option<u16>, now: Instant) {
        self.observe(now);
        if let Some(probe) = self.upgrade.take(connection) {
            self.upgrade_failed(probe.to, ProbeError::TransportClosed);
            self.resume();
            return self.check();
        }
        match self.carrier {
            Carrier::Connecting {
                transport,
                connection: current,
            } if current == connection => {
                let error = TransportError::of(transport, RequestError::NETWORK);
                self.connection_lost(transport, error);
            }
            Carrier::Connected {
                transport,
                connection: current,
                ..
            } if current == connection => {
                self.carrier = Carrier::None;
                self.finish(CloseReason::TransportClose(CloseDetail::Connection {
                    transport,
                    code,
                }));
            }
            Carrier::None
            | Carrier::Polling { .. }
            | Carrier::Connecting { .. }
            | Carrier::Connected { .. } => {}
        }
        self.check();
    }

    /// `other` is the revision of a server that speaks another one.
    fn connection_failed(
        &mut self,
        connection: ConnectionId,
        error: RequestError,
        other: Option<Revision>,
        now: Instant,
    ) {
        self.observe(now);
        if let Some(probe) = self.upgrade.take(connection) {
            let error = TransportError::of(probe.to, error);
            self.upgrade_failed(probe.to, ProbeError::Transport(error));
            self.resume();
            return self.check();
        }
        match self.carrier {
            Carrier::Connecting {
                transport,
                connection: current,
            }
            | Carrier::Connected {
                transport,
                connection: current,
                ..
            } if current == connection => {
                let error = match other {
                    Some(other) => TransportError::Revision(other),
                    None => TransportError::of(transport, error),
                };
                self.connection_lost(transport, error);
            }
            Carrier::None
            | Carrier::Polling { .. }
            | Carrier::Connecting { .. }
            | Carrier::Connected { .. } => {}
        }
        self.check();
    }

    /// The client's current connection, or the one that it was opening, is gone.
    fn connection_lost(&mut self, transport: Transport, error: TransportError) {
        self.untried.retain(|untried| *untried != transport);
        self.carrier = Carrier::None;
        self.fail(error);
    }

    /// The probe ended without an upgrade. Polling continues where it paused.
    fn resume(&mut self) {
        self.poll_again();
        self.settle();
    }
}
