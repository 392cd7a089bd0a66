//! Admission of new sessions, and shutdown.
//!
//! | handshake | admission | `allow_request` | effect |
//! |---|---|---|---|
//! | good | closed | – | [`Reject::ShuttingDown`] |
//! | good, no room | open | – | [`Reject::TooManySessions`], [`Reject::TooManyHandshakes`], [`Reject::MemoryLimit`] |
//! | good | open | no | [`ServerEvent::Opened`] |
//! | good | open | yes | [`ServerEvent::Handshake`]; then, as the application decides, [`ServerEvent::Opened`] or [`Reject::Forbidden`] |
//!
//! Source: `engine.io/lib/server.ts`, `verify`, option `allowRequest`, and `close`.

use alloc::vec::Vec;
use core::time::Duration;

use super::admission::Admission;
use super::deadlines::TIMERS_PER_CALL;
use super::event::{ServerEvent, SessionKey};
use super::machine::Server;
use super::output::Output;
use super::reject::Reject;
use super::route::Handshake;
use super::waiting::HandshakeToken;
use crate::{Gone, HeadId, Instant, Transport};

impl Server {
    /// Opens the session that a handshake asks for, or asks the application for a verdict.
    pub(super) fn begin(&mut self, handshake: Handshake, by: HeadId, now: Instant) {
        let waiting = self.waiting.len();
        if self.admission == Admission::Closed {
            self.refuse_handshake(&handshake, by, Reject::ShuttingDown, None);
        } else if self.sessions.len().saturating_add(waiting) >= self.config.max_sessions {
            self.refuse_handshake(&handshake, by, Reject::TooManySessions, None);
        } else if self.is_nearly_full() {
            self.refuse_handshake(&handshake, by, Reject::MemoryLimit, None);
        } else if !self.config.allow_request {
            self.open(&handshake, by, now);
        } else if waiting >= self.config.max_pending_handshakes {
            self.refuse_handshake(&handshake, by, Reject::TooManyHandshakes, None);
        } else {
            let deadline = now + self.config.handshake_timeout;
            match self.waiting.insert(handshake, by, deadline) {
                Some(token) => self.opened.push(ServerEvent::Handshake { token, by }),
                None => self.refuse_handshake(&handshake, by, Reject::TooManyHandshakes, None),
            }
        }
    }

    /// Opens the session that a handshake asks for.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client left meanwhile, or waited too long and was refused.
    pub fn accept(&mut self, token: HandshakeToken, now: Instant) -> Result<SessionKey, Gone> {
        let now = self.observe(now);
        let (handshake, by) = self.waiting.take(token).ok_or(Gone)?;
        let opened = self.open(&handshake, by, now).ok_or(Gone);
        self.settle();
        opened
    }

    /// Refuses a handshake: 403 with code 4 and the message, or `Forbidden` without one. A WebSocket is answered 400
    /// with the message, as by the official server. A WebTransport stream is closed.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client left meanwhile, or waited too long and was refused.
    pub fn reject(&mut self, token: HandshakeToken, message: Option<&str>) -> Result<(), Gone> {
        let (handshake, by) = self.waiting.take(token).ok_or(Gone)?;
        self.refuse_handshake(&handshake, by, Reject::Forbidden, message);
        self.settle();
        Ok(())
    }

    /// The handshakes that wait for the application.
    #[must_use]
    pub fn pending_handshakes(&self) -> usize {
        self.waiting.len()
    }

    /// Sets whether new sessions may open, which is initially so. [`Admission::Closed`] also refuses the handshakes that
    /// wait for the application. The existing sessions continue, and may be upgraded.
    ///
    /// Cost: O(log n) for each of the n handshakes that wait and are refused.
    pub fn set_admission(&mut self, admission: Admission) {
        self.admission = admission;
        if admission == Admission::Open {
            self.drained_by = None;
            return;
        }
        for (handshake, by) in self.waiting.take_all() {
            self.refuse_handshake(&handshake, by, Reject::ShuttingDown, None);
        }
        self.settle();
    }

    /// Whether new sessions may open.
    #[must_use]
    pub fn admission(&self) -> Admission {
        self.admission
    }

    /// Prevents new sessions, and closes the existing ones once their buffered messages have left. Sessions that remain
    /// after `within` are discarded. The shutdown is complete when [`session_count`](Self::session_count) is zero.
    ///
    /// Cost: O(log n) for each of n sessions, and that of [`set_admission`](Self::set_admission). So does the deadline.
    pub fn shut_down(&mut self, within: Duration, now: Instant) {
        let now = self.observe(now);
        self.set_admission(Admission::Closed);
        self.drained_by = Some(now + within);
        for key in self.session_keys() {
            self.close(key, now);
        }
        self.note_idle();
    }

    /// Discards the sessions that have not left in time.
    pub(super) fn end_drain(&mut self, now: Instant) {
        if self.drained_by.is_some_and(|deadline| deadline <= now) {
            self.drained_by = None;
            for key in self.session_keys() {
                self.discard(key);
            }
        }
    }

    /// Ends the shutdown once no session is left.
    pub(super) fn note_idle(&mut self) {
        if self.sessions.is_empty() {
            self.drained_by = None;
        }
    }

    fn session_keys(&self) -> Vec<SessionKey> {
        self.sessions().map(|(key, _)| key).collect()
    }

    pub(super) fn expire_handshakes(&mut self, now: Instant) {
        for _ in 0..TIMERS_PER_CALL {
            let Some((handshake, by)) = self.waiting.pop_expired(now) else {
                break;
            };
            self.refuse_handshake(&handshake, by, Reject::Forbidden, None);
        }
    }

    fn open(&mut self, handshake: &Handshake, by: HeadId, now: Instant) -> Option<SessionKey> {
        let Some(key) = self.insert(handshake, now) else {
            self.refuse_handshake(handshake, by, Reject::TooManySessions, None);
            return None;
        };
        let session = SessionKey(key);
        self.stats.opened.count(handshake.transport);
        self.opened.push(ServerEvent::Opened { session, by });
        match by {
            HeadId::Request(id) => self.with(key, |session| session.handle_poll(id, now)),
            HeadId::Connection(id) => {
                self.connect(key, id, handshake.transport, handshake.text_only, now);
            }
        }
        Some(session)
    }

    /// Refuses a request of any kind.
    pub(super) fn refuse(&mut self, by: HeadId, reject: Reject) {
        self.refuse_with(by, reject, None);
    }

    /// Refuses the request for a session, in the form of its transport.
    fn refuse_handshake(
        &mut self,
        handshake: &Handshake,
        by: HeadId,
        reject: Reject,
        message: Option<&str>,
    ) {
        match by {
            HeadId::Connection(id) if handshake.transport == Transport::WebTransport => {
                self.close_stream(id, reject);
            }
            HeadId::Connection(_) | HeadId::Request(_) => self.refuse_with(by, reject, message),
        }
    }

    fn refuse_with(&mut self, by: HeadId, reject: Reject, message: Option<&str>) {
        self.note_refusal(by, reject);
        let output = match by {
            HeadId::Request(request) => Output::Respond {
                request,
                response: reject.response(message),
            },
            HeadId::Connection(connection) => Output::Refuse {
                connection,
                response: reject.refusal(message),
            },
        };
        self.outputs.push(output);
    }

    pub(super) fn note_refusal(&mut self, by: HeadId, reject: Reject) {
        self.stats.refused.count(reject);
        if self.config.report_refusals {
            self.opened.push(ServerEvent::Refused { by, reject });
        }
    }
}
