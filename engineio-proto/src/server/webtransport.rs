//! WebTransport streams that have not said yet what they are for.
//!
//! | stream | input | next |
//! |---|---|---|
//! | – | asked for | waiting, [`Output::Accept`]; or [`Output::Refuse`] |
//! | waiting | `0` | a handshake like any other, see `gate.rs` |
//! | waiting | `0{"sid":…}` of a session | its probe, see `session/mod.rs` and `upgrade.rs` |
//! | waiting | anything else, or nothing within `upgrade_timeout` | [`Output::Close`] |
//!
//! Source: `engine.io/lib/server.ts`, `onWebTransportSession`. The official server refuses WebTransport where a middleware
//! is registered, and asks `allowRequest` of other transports only; here the application decides on a stream as it does
//! on any handshake.

use super::deadlines::TIMERS_PER_CALL;
use super::machine::Server;
use super::output::Output;
use super::reject::{BadRequest, Reject};
use super::route::Handshake;
use super::stats;
use crate::codec::{DecodeError, webtransport};
use crate::http::{Headers, RequestHead};
use crate::{ConnectionId, Frame, HeadId, Instant, Sid, Transport};

impl Server {
    /// Takes a request for a WebTransport session. It is answered by [`Output::Accept`] or [`Output::Refuse`].
    ///
    /// Once accepted, the frames of the first bidirectional stream that the client opens are reported under this name,
    /// as [`webtransport::Decoder`] finds them. The first one says whether it opens a session or moves one here from
    /// polling; if none comes within [`Config::upgrade_timeout`](super::Config::upgrade_timeout), or another, the connection is closed.
    ///
    /// The application is [asked](super::Config::allow_request) about sessions that are opened here, once the first frame has
    /// come. Meanwhile the client has nothing to say: a frame before the answer closes the connection, so that a driver
    /// should heed [`wants_read`](Self::wants_read).
    ///
    /// Of the head, origin and host are looked at: what [`Config::origins`](super::Config::origins) do not allow is
    /// refused.
    pub fn handle_webtransport(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant) {
        let now = self.observe(now);
        stats::bump(&mut self.stats.webtransport_requests);
        if !self.config.transports.contains(Transport::WebTransport) {
            self.refuse(HeadId::Connection(id), Reject::UnknownTransport);
        } else if let Err(reject) = self.config.check_origin(head) {
            self.refuse(HeadId::Connection(id), reject);
        } else if self.streams.len() >= self.config.max_pending_streams {
            self.refuse(HeadId::Connection(id), Reject::TooManyHandshakes);
        } else if self.is_nearly_full() {
            self.refuse(HeadId::Connection(id), Reject::MemoryLimit);
        } else {
            let deadline = now + self.config.upgrade_timeout;
            self.streams.insert(id, deadline);
            self.outputs.push(Output::Accept {
                connection: id,
                headers: Headers::default(),
            });
        }
        self.settle();
    }

    /// Notes that a WebTransport stream brought bytes that are no frame. Ends its session with `parse error`, or just
    /// the probe.
    pub fn handle_bad_frame(&mut self, id: ConnectionId, error: DecodeError, now: Instant) {
        let now = self.observe(now);
        match self.connections.find(id) {
            Some(key) => self.with(key, |session| session.handle_bad_frame(id, error, now)),
            None => self.refuse_stream(id),
        }
        self.settle();
    }

    /// The WebTransport streams that have not said yet what they are for.
    #[must_use]
    pub fn pending_streams(&self) -> usize {
        self.streams.len()
    }

    /// Takes a frame of a connection that belongs to no session: the first one of a stream, or nothing that counts.
    pub(super) fn handle_first_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        if !self.streams.take(id) {
            return self.refuse_stream(id);
        }
        if frame.len() > self.config.max_payload {
            return self.close_stream(id, INVALID);
        }
        match webtransport::decode_open(frame) {
            Ok(None) => {
                let handshake = Handshake::new(Transport::WebTransport);
                self.begin(handshake, HeadId::Connection(id), now);
            }
            Ok(Some(sid)) => self.upgrade_to_stream(id, &sid, now),
            Err(_) => self.close_stream(id, INVALID),
        }
    }

    /// Gives up the streams that have not said anything in time.
    pub(super) fn expire_streams(&mut self, now: Instant) {
        for _ in 0..TIMERS_PER_CALL {
            match self.streams.pop_expired(now) {
                Some(id) => self.close_stream(id, INVALID),
                None => break,
            }
        }
    }

    /// Refuses what a stream asked for: it has been accepted, so that it can only be closed.
    pub(super) fn close_stream(&mut self, id: ConnectionId, reject: Reject) {
        self.note_refusal(HeadId::Connection(id), reject);
        self.outputs.push(Output::Close { connection: id });
    }

    fn upgrade_to_stream(&mut self, id: ConnectionId, sid: &str, now: Instant) {
        match Sid::parse(sid).and_then(|sid| self.find(&sid)) {
            Some(key) => self.connect(key.0, id, Transport::WebTransport, false, now),
            None => self.close_stream(id, Reject::UnknownSid),
        }
    }

    /// Gives up a stream that waits for its first frame or for the application, if it does.
    fn refuse_stream(&mut self, id: ConnectionId) {
        let waited = self.streams.take(id) || self.waiting.forget_stream(id);
        if waited {
            self.close_stream(id, INVALID);
        }
    }
}

/// A stream did not begin as it must.
const INVALID: Reject = Reject::BadRequest(BadRequest::TransportHandshake);
