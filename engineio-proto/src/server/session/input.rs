//! Inputs of a session from the network and the clock.

use bytes::Bytes;

use super::{Carrier, Event, Release, Session, State};
use crate::codec::{DecodeError, Packet};
use crate::http::{Headers, Response};
use crate::server::close::{CloseReason, TransportFault};
use crate::server::output::Output;
use crate::server::reject::{BadRequest, Reject};
use crate::server::route::PostContent;
use crate::server::upgrade::Upgrade;
use crate::server::wire::Control;
use crate::server::{heartbeat, jsonp, upgrade};
use crate::{ConnectionId, Frame, Instant, Message, RequestId, Revision, Transport};

impl Session {
    /// Answers the poll with the queued packets, or holds it until there are some.
    ///
    /// A second poll while one is held ends the session: the held one gets `1` (close), the second status 400.
    ///
    /// Source: Engine.IO protocol revision 4, "HTTP long-polling"; `engine.io/lib/transports/polling.ts`,
    /// `onPollRequest`.
    pub fn handle_poll(&mut self, request: RequestId, now: Instant) {
        self.observe(now);
        match (self.state, &mut self.carrier) {
            (State::Closed, _) => self.respond(request, Reject::UnknownSid.into_response()),
            (_, Carrier::Awaited(_) | Carrier::Connected { .. }) => {
                self.respond(request, mismatch())
            }
            (_, Carrier::Polling { held: Some(_), .. }) => {
                self.respond(request, Response::new(400, ""));
                self.finish(
                    CloseReason::TransportError(TransportFault::PollOverlap),
                    Release::Close,
                );
            }
            (State::Closing, Carrier::Polling { .. }) if self.outbox.is_empty() => {
                self.respond_control(request, Control::NoopAndClose);
                self.finish(CloseReason::ForcedClose, Release::Close);
            }
            (State::Open | State::Closing, Carrier::Polling { held, .. }) => {
                *held = Some(request);
                self.flush_poll();
            }
        }
        self.check();
    }

    /// Notes that a POST is arriving whose body is not complete. This is optional. It lets the session notice
    /// overlapping and broken POSTs as the official server does. [`handle_post`](Self::handle_post) or
    /// [`handle_request_aborted`](Self::handle_request_aborted) follows.
    ///
    /// A second one before that ends the session; both are answered with 400.
    pub fn handle_post_begun(&mut self, request: RequestId, now: Instant) {
        self.observe(now);
        match (self.state, &mut self.carrier) {
            (State::Closed, _) => self.respond(request, Reject::UnknownSid.into_response()),
            (_, Carrier::Awaited(_) | Carrier::Connected { .. }) => {
                self.respond(request, mismatch())
            }
            (
                _,
                Carrier::Polling {
                    posting: Some(_), ..
                },
            ) => self.overlapping_post(request),
            (_, Carrier::Polling { posting, .. }) => *posting = Some(request),
        }
        self.check();
    }

    /// Takes the packets of a POST and answers it with `ok`. A body larger than `max_payload` is answered with 413. An
    /// invalid packet is answered with 400, and ends the session.
    ///
    /// Source: `engine.io/lib/transports/polling.ts`, `onDataRequest`. The official server answers `ok` to an invalid
    /// packet, contrary to the protocol specification.
    pub fn handle_post(
        &mut self,
        request: RequestId,
        content: PostContent,
        body: Bytes,
        now: Instant,
    ) {
        let now = self.observe(now);
        match (self.state, &mut self.carrier) {
            (State::Closed, _) => self.respond_late(request, Reject::UnknownSid.into_response()),
            (_, Carrier::Awaited(_) | Carrier::Connected { .. }) => {
                self.respond_late(request, mismatch());
            }
            (
                _,
                Carrier::Polling {
                    posting: Some(posting),
                    ..
                },
            ) if *posting != request => {
                self.overlapping_post(request);
            }
            (_, Carrier::Polling { posting, .. }) => {
                *posting = None;
                self.handle_body(request, content, body, now);
            }
        }
        self.check();
    }

    /// Answers a POST whose body is larger than `max_payload` with 413. The session continues.
    pub fn handle_post_too_large(&mut self, request: RequestId, now: Instant) {
        self.observe(now);
        match &mut self.carrier {
            Carrier::Polling { posting, .. } if *posting == Some(request) => {
                *posting = None;
                self.respond(request, Response::new(413, ""));
            }
            Carrier::Polling { .. } | Carrier::Awaited(_) | Carrier::Connected { .. } => {
                self.respond_late(request, Response::new(413, ""));
            }
        }
        self.check();
    }

    /// Notes that the client left before a request was answered. If it was open, this ends the session with `transport
    /// error`. A response that was decided before may still follow, and has no receiver.
    pub fn handle_request_aborted(&mut self, request: RequestId, now: Instant) {
        self.observe(now);
        if let Carrier::Polling { held, posting } = &mut self.carrier {
            if *held == Some(request) {
                *held = None;
                self.finish(
                    CloseReason::TransportError(TransportFault::PollAborted),
                    Release::Close,
                );
            } else if *posting == Some(request) {
                *posting = None;
                self.finish(
                    CloseReason::TransportError(TransportFault::PostAborted),
                    Release::Close,
                );
            }
        }
        self.check();
    }

    /// Takes a new connection: the one that opens the session, or a probe.
    ///
    /// A connection is accepted and closed at once, and changes nothing, if there is no place for it. This is so if the
    /// session has one, a probe is active, upgrades are off, or the session is closing. A probe starts the upgrade
    /// timeout.
    pub fn handle_connection(&mut self, connection: ConnectionId, now: Instant) {
        self.connect(connection, Transport::WebSocket, false, now);
    }

    /// As [`handle_connection`](Self::handle_connection), for a connection whose request asked for text frames only
    /// ([`Action::Upgrade`](crate::server::Action::Upgrade), [`Handshake::text_only`](crate::server::Handshake)):
    /// binary messages go out as `b` and base64.
    pub fn handle_text_connection(&mut self, connection: ConnectionId, now: Instant) {
        self.connect(connection, Transport::WebSocket, true, now);
    }

    /// As [`handle_connection`](Self::handle_connection), for a WebTransport stream whose first frame
    /// [says](crate::codec::webtransport::decode_open) that it belongs to the session, or opens it. The driver has
    /// already accepted it, so it is not told to.
    pub fn handle_webtransport(&mut self, connection: ConnectionId, now: Instant) {
        self.connect(connection, Transport::WebTransport, false, now);
    }

    fn connect(
        &mut self,
        connection: ConnectionId,
        transport: Transport,
        text_only: bool,
        now: Instant,
    ) {
        let now = self.observe(now);
        match (self.state, self.carrier, &self.upgrade) {
            (State::Closed, ..) if transport == Transport::WebTransport => {
                self.act(Output::Close { connection });
            }
            (State::Closed, ..) => {
                let response = Reject::UnknownSid.into_refusal();
                self.act(Output::Refuse {
                    connection,
                    response,
                });
            }
            (_, Carrier::Awaited(_), _) => {
                self.accept(connection, transport);
                self.text_only = text_only;
                self.carrier = Carrier::Connected {
                    transport,
                    connection,
                    announced: false,
                };
            }
            (State::Open, Carrier::Polling { .. }, Upgrade::None)
                if self.may_move_to(transport) =>
            {
                self.accept(connection, transport);
                self.text_only = text_only;
                let deadline = now + self.config.upgrade_timeout;
                self.upgrade = Upgrade::start(transport, connection, deadline);
            }
            (
                State::Open | State::Closing,
                Carrier::Polling { .. } | Carrier::Connected { .. },
                _,
            ) => {
                self.accept(connection, transport);
                self.act(Output::Close { connection });
            }
        }
        self.check();
    }

    fn may_move_to(&self, transport: Transport) -> bool {
        let is_known = transport != Transport::WebTransport || self.revision() == Revision::V4;
        is_known && self.config.allow_upgrades
    }

    fn accept(&mut self, connection: ConnectionId, transport: Transport) {
        if transport != Transport::WebTransport {
            self.act(Output::Accept {
                connection,
                headers: Headers::default(),
            });
        }
    }

    /// Takes a frame. A frame of an unknown connection is ignored.
    pub fn handle_frame(&mut self, connection: ConnectionId, frame: Frame, now: Instant) {
        let now = self.observe(now);
        if self.upgrade.connection() == Some(connection) {
            self.handle_probe_frame(frame, now);
        } else if self.is_connected(connection) && self.state == State::Open {
            if frame.len() > self.config.max_payload {
                self.finish(
                    CloseReason::TransportError(TransportFault::PayloadTooLarge),
                    Release::Close,
                );
            } else {
                match self.outbox.wire().decode_frame(frame) {
                    Ok(packet) => self.handle_packet(packet, now),
                    Err(error) => self.finish(CloseReason::ParseError(error), Release::Close),
                }
            }
        }
        self.check();
    }

    /// Notes that a connection closed, cleanly or not. This ends the session with `transport close`, or only the probe.
    pub fn handle_connection_closed(&mut self, connection: ConnectionId, now: Instant) {
        self.observe(now);
        self.connection_lost(connection, CloseReason::TransportClose);
    }

    /// Notes that a connection violated the rules of its transport: an invalid or oversized frame, a failed write. This
    /// ends the session with `transport error`, or only the probe.
    pub fn handle_connection_failed(&mut self, connection: ConnectionId, now: Instant) {
        self.observe(now);
        self.connection_lost(
            connection,
            CloseReason::TransportError(TransportFault::Connection),
        );
    }

    /// Notes that a WebTransport stream delivered bytes that are no frame. This ends the session with `parse error`, or
    /// only the probe.
    pub fn handle_bad_frame(&mut self, connection: ConnectionId, error: DecodeError, now: Instant) {
        self.observe(now);
        if self.upgrade.connection() == Some(connection) {
            self.abort_upgrade();
        } else if self.is_connected(connection) {
            self.finish(CloseReason::ParseError(error), Release::Close);
        }
        self.check();
    }

    /// Runs the due timers: a ping, its timeout, the end of a probe or of a graceful close. An early call does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.observe(now);
        if self
            .upgrade
            .deadline()
            .is_some_and(|deadline| now >= deadline)
        {
            self.abort_upgrade();
        }
        if self.state == State::Closing && now >= self.closes_at {
            self.finish(CloseReason::ForcedClose, Release::Close);
        }
        match self.heartbeat.handle_timeout(self.config.ping_timeout, now) {
            Some(heartbeat::Action::SendPing) if self.state == State::Open => self.push_heartbeat(),
            Some(heartbeat::Action::TimedOut) => {
                self.finish(CloseReason::PingTimeout, Release::Close)
            }
            Some(heartbeat::Action::SendPing) | None => {}
        }
        self.check();
    }

    pub(super) fn handle_body(
        &mut self,
        request: RequestId,
        content: PostContent,
        body: Bytes,
        now: Instant,
    ) {
        if content == PostContent::Binary && self.revision() == Revision::V4 {
            self.respond(request, Response::new(400, ""));
            return self.finish(
                CloseReason::TransportError(TransportFault::InvalidContent),
                Release::Close,
            );
        }
        if body.len() > self.config.max_payload {
            return self.respond(request, Response::new(413, ""));
        }
        match self.payload_of(content, body) {
            Some(payload) => self.handle_payload(request, content, payload, now),
            None => self.respond_ok(request),
        }
    }

    /// The payload in a body; `None` for a form without it, which is not an error.
    fn payload_of(&self, content: PostContent, body: Bytes) -> Option<Bytes> {
        match (self.outbox.is_jsonp(), content) {
            (false, _) => Some(body),
            (true, PostContent::Text) => jsonp::payload_of(&body),
            (true, PostContent::Binary) => None,
        }
    }

    fn handle_payload(
        &mut self,
        request: RequestId,
        content: PostContent,
        payload: Bytes,
        now: Instant,
    ) {
        let most = self.config.max_packets_per_payload;
        let length = payload.len();
        let packets = self.outbox.wire().decode_payload(content, payload, most);
        let mut error = None;
        for packet in packets {
            match (self.state, packet) {
                (State::Closed, _) => break,
                (State::Open, Ok(Packet::Message(message))) => {
                    let message = message.detached_from(length);
                    self.handle_packet(Packet::Message(message), now);
                }
                (State::Open, Ok(packet)) => self.handle_packet(packet, now),
                (State::Open, Err(fault)) => error = Some(fault),
                (State::Closing, Ok(Packet::Close(_))) => {
                    self.finish(CloseReason::TransportClose, Release::Noop);
                }
                (State::Closing, _) => {}
            }
        }
        match error {
            Some(error) => {
                self.respond(request, Response::new(400, ""));
                self.finish(CloseReason::ParseError(error), Release::Close);
            }
            None => self.respond_ok(request),
        }
    }

    fn respond_ok(&mut self, request: RequestId) {
        let headers = self.headers("text/html");
        self.respond(request, Response::new(200, "ok").with_headers(headers));
    }

    pub(super) fn handle_packet(&mut self, packet: Packet, now: Instant) {
        let (interval, timeout) = (self.config.ping_interval, self.config.ping_timeout);
        match (packet, self.revision()) {
            (Packet::Pong(_), Revision::V4) => return self.heartbeat.handle_pong(interval, now),
            (Packet::Ping(_), Revision::V3) => {
                self.heartbeat.handle_ping(interval, timeout, now);
                self.push_heartbeat();
            }
            (Packet::Message(message), _) => self.handle_message(message),
            (Packet::Ping(_) | Packet::Pong(_), _) => {
                let fault = TransportFault::HeartbeatDirection;
                self.finish(CloseReason::TransportError(fault), Release::Close);
            }
            (Packet::Close(_), _) => self.finish(CloseReason::TransportClose, Release::Noop),
            (Packet::Open(_) | Packet::Upgrade(_) | Packet::Noop(_), _) => {}
        }
        self.heartbeat.handle_other_packet(timeout, now);
    }

    pub(super) fn handle_message(&mut self, message: Message) {
        let (mut waiting, config) = (self.undelivered(), &self.config);
        waiting.add(message.len());
        let read = (config.max_packets_per_payload, config.max_payload);
        if !waiting.fits(&config.read_until().beside(read.0, read.1)) {
            let fault = TransportFault::TooManyUndelivered;
            return self.finish(CloseReason::TransportError(fault), Release::Close);
        }
        self.undelivered_bytes = waiting.bytes();
        self.tell(Event::Message(message));
    }

    pub(super) fn handle_probe_frame(&mut self, frame: Frame, now: Instant) {
        match self.upgrade.handle_frame(frame, self.outbox.wire()) {
            upgrade::Action::Answered => self.flush_poll(),
            upgrade::Action::Abort => self.abort_upgrade(),
            upgrade::Action::Complete => self.complete_upgrade(now),
        }
    }

    pub(super) fn complete_upgrade(&mut self, now: Instant) {
        if let Carrier::Polling { held, posting } = self.carrier {
            if let Some(held) = held {
                self.respond_control(held, Control::Close);
            }
            if let Some(posting) = posting {
                self.respond(posting, Response::new(400, ""));
            }
        }
        let Some((transport, connection)) = self.upgrade.take() else {
            return;
        };
        self.carrier = Carrier::Connected {
            transport,
            connection,
            announced: false,
        };
        let (interval, timeout) = (self.config.ping_interval, self.config.ping_timeout);
        self.heartbeat.handle_upgrade(interval, timeout, now);
        self.tell(Event::Upgraded(transport));
        self.after_departure();
    }

    pub(super) fn abort_upgrade(&mut self) {
        if let Some((_, connection)) = self.upgrade.take() {
            self.act(Output::Close { connection });
        }
    }

    pub(super) fn connection_lost(&mut self, connection: ConnectionId, reason: CloseReason) {
        if self.upgrade.connection() == Some(connection) {
            self.upgrade = Upgrade::None;
        } else if self.is_connected(connection) {
            self.finish(reason, Release::Gone);
        }
        self.check();
    }

    /// Answers a POST that may have been answered when the session ended or upgraded, before the driver has seen that.
    fn respond_late(&mut self, request: RequestId, response: Response) {
        let answered = |action: &Output<_>| matches!(action, Output::Respond { request: other, .. } if *other == request);
        if !self.actions.iter().any(answered) {
            self.respond(request, response);
        }
    }

    pub(super) fn overlapping_post(&mut self, request: RequestId) {
        self.respond(request, Response::new(400, ""));
        self.finish(
            CloseReason::TransportError(TransportFault::PostOverlap),
            Release::Close,
        );
    }
}

fn mismatch() -> Response {
    Reject::BadRequest(BadRequest::TransportMismatch).into_response()
}
