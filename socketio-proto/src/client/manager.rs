//! Opening, closing and reconnecting.
//!
//! | phase | input | next | events |
//! |---|---|---|---|
//! | `Closed` | `open`, a socket connects, the delay is over | `Opening` | `ReconnectAttempt` after a delay |
//! | `Opening` | the session opens | `Open` | `ManagerOpened`, `Reconnected` after an attempt |
//! | `Opening` | it does not, in time | `Closed` | `ManagerError`, `ConnectError` of sockets, `Reconnecting` |
//! | `Open` | the session ends | `Closed` | `ManagerClosed`, `Disconnected` of sockets, `Reconnecting` |
//! | `Opening`, `Open` | the last active socket becomes inactive | `Closed` | `ManagerClosed` |
//!
//! Beside it runs whether an attempt is planned or made, [`Reconnect`].
//!
//! Source: `socket.io-client/lib/manager.ts`.

use alloc::string::String;
use alloc::vec::Vec;

use bytestring::ByteString;
use engineio_proto::collections::Key;
use engineio_proto::settings::check_optional_timer_or_zero;
use engineio_proto::{ConfigError, Instant};

use super::error::{ConnectError, DisconnectReason};
use super::event::Event;
use super::keys::SocketKey;
use super::legacy::main::Main;
use super::machine::{Client, Timer};
use super::phase::{Phase, Reconnect};
use super::socket::Link;

/// Who opens a connection that was lost, or did not come about, again.
#[expect(clippy::exhaustive_enums, reason = "the client does, or nobody does")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reconnection {
    /// The client, after a delay.
    Automatic,
    /// The application, by [`Client::open`].
    Manual,
}

impl Client {
    /// Opens the connection, unless it is open or opening. It takes the place of an attempt that is planned.
    ///
    /// A socket that connects does this by itself.
    pub fn open(&mut self, now: Instant) {
        self.catch_up(now);
        self.open_engine();
        self.pump();
    }

    /// Closes the connection, behind what is queued, and plans no attempt: the official `disconnect` of a manager.
    /// Sockets stay active: they join their namespaces at the next connection.
    ///
    /// Cost: O(log n) for each of n sockets and each acknowledgement that they await.
    pub fn close(&mut self, now: Instant) {
        self.catch_up(now);
        self.force_close();
        self.pump();
    }

    /// Sets who opens a connection after a loss. [`Reconnection::Manual`] also drops an attempt that is planned.
    pub fn set_reconnection(&mut self, reconnection: Reconnection) {
        self.config.reconnection = reconnection == Reconnection::Automatic;
        if reconnection == Reconnection::Manual {
            self.stop_waiting();
        }
        self.check();
    }

    /// Sets the attempts after which reconnection is given up; `None` and 0 for never.
    pub fn set_reconnection_attempts(&mut self, attempts: Option<u32>) {
        self.config.reconnection_attempts = attempts;
    }

    /// Sets the delays between attempts, from the next that is planned on.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`], as [`Backoff::check`](super::Backoff::check); nothing changes then.
    pub fn set_backoff(&mut self, backoff: super::Backoff) -> Result<(), ConfigError> {
        backoff.check()?;
        self.config.backoff = backoff;
        Ok(())
    }

    /// Sets how long a connection may take to open, from the next on; `None` for any time.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if it is longer than [`MAX_TIMER`](crate::engine::settings::MAX_TIMER); nothing changes then.
    pub fn set_timeout(
        &mut self,
        timeout: Option<core::time::Duration>,
    ) -> Result<(), ConfigError> {
        check_optional_timer_or_zero("timeout", timeout)?;
        self.config.timeout = timeout;
        Ok(())
    }

    /// Replaces the query parameters of the connection, from the next request on: for tokens that expire.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if they cannot be sent; nothing changes then.
    pub fn set_query(&mut self, query: Vec<(String, String)>) -> Result<(), ConfigError> {
        self.links.set_query(query.clone())?;
        self.config.engine.endpoint.query = None;
        self.config.engine.query = query;
        Ok(())
    }

    /// Replaces the headers of the connection, from the next request on: for tokens that expire.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if they cannot be sent; nothing changes then.
    pub fn set_extra_headers(&mut self, headers: Vec<(String, String)>) -> Result<(), ConfigError> {
        self.links.set_extra_headers(headers.clone())?;
        self.config.engine.extra_headers = headers;
        Ok(())
    }

    pub(super) fn open_engine(&mut self) {
        if self.phase != Phase::Closed {
            return;
        }
        self.stop_waiting();
        self.skip_reconnect = false;
        self.phase = Phase::Opening;
        self.decoder.reset();
        let now = self.now();
        let deadline = self.config.timeout.map(|timeout| now + timeout);
        self.timers.set(Timer::Open, deadline);
        self.links.open(now);
    }

    pub(super) fn opened(&mut self, sid: ByteString) {
        self.sid = Some(sid);
        self.main = Main::default();
        self.timers.set(Timer::Open, None);
        self.phase = Phase::Open;
        self.attempts = 0;
        self.push(Event::ManagerOpened);
        // As officially, `reconnect` precedes what sockets report; what they send is queued before it.
        let attempt = match core::mem::replace(&mut self.reconnect, Reconnect::No) {
            Reconnect::Attempting { attempt } => Some(attempt),
            Reconnect::No | Reconnect::Waiting { .. } => None,
        };
        if let Some(attempt) = attempt {
            self.push(Event::Reconnected { attempt });
        }
        for key in self.order.clone() {
            self.advance_socket(key);
        }
    }

    /// The connection did not come about.
    pub(super) fn open_failed(&mut self, error: ConnectError) {
        self.timers.set(Timer::Open, None);
        self.phase = Phase::Closed;
        self.links.discard();
        self.report_error(&error);
        if matches!(self.reconnect, Reconnect::Attempting { .. }) {
            self.reconnect = Reconnect::No;
            self.plan_attempt();
            self.push(Event::ReconnectError { error });
        } else {
            self.plan_attempt();
        }
    }

    /// Tells of an error: the manager, and each socket that is not connected but wants to be.
    pub(super) fn report_error(&mut self, error: &ConnectError) {
        self.push(Event::ManagerError {
            error: error.clone(),
        });
        for key in self.order.clone() {
            let waits = |socket: &super::socket::Socket| socket.active && !socket.is_joined();
            if self.sockets.get(key).is_some_and(waits) {
                self.push(Event::ConnectError {
                    socket: SocketKey(key),
                    error: error.clone(),
                });
            }
        }
    }

    /// Closes the connection without planning another.
    pub(super) fn force_close(&mut self) {
        self.skip_reconnect = true;
        self.stop_waiting();
        self.reconnect = Reconnect::No;
        self.attempts = 0;
        self.closed(DisconnectReason::ForcedClose);
    }

    /// The connection is over, or is to be.
    pub(super) fn closed(&mut self, reason: DisconnectReason) {
        let before = core::mem::replace(&mut self.phase, Phase::Closed);
        if before != Phase::Closed {
            let (now, within) = (self.now(), self.config.close_timeout);
            self.links.close(now, within);
            self.decoder.reset();
            self.timers.set(Timer::Open, None);
            self.push(Event::ManagerClosed {
                reason: reason.clone(),
            });
            for key in self.order.clone() {
                self.lose_socket(key, &reason, before == Phase::Open);
            }
        }
        self.plan_attempt();
    }

    fn lose_socket(&mut self, key: Key, reason: &DisconnectReason, was_open: bool) {
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        socket.link = Link::Out;
        socket.owes_disconnect = false;
        socket.receive_buffer.take();
        socket.id = None;
        self.timers.set(Timer::Join(key), None);
        if socket.active && was_open {
            self.push(Event::Disconnected {
                socket: SocketKey(key),
                reason: reason.clone(),
            });
            self.fail_lost_acks(key);
        }
    }

    fn plan_attempt(&mut self) {
        let planned = self.reconnect != Reconnect::No;
        if planned || self.skip_reconnect || !self.config.reconnection {
            return;
        }
        let limit = self.config.reconnection_attempts.filter(|limit| *limit > 0);
        if limit.is_some_and(|limit| self.attempts >= limit) {
            let attempts = core::mem::take(&mut self.attempts);
            return self.push(Event::ReconnectFailed { attempts });
        }
        let delay = self.config.backoff.delay(self.attempts, self.jitter.draw());
        self.attempts = self.attempts.saturating_add(1);
        let (attempt, at) = (self.attempts, self.now() + delay);
        self.reconnect = Reconnect::Waiting { attempt, at };
        self.timers.set(Timer::Reconnect, Some(at));
        self.push(Event::Reconnecting { attempt, at });
    }

    fn stop_waiting(&mut self) {
        if matches!(self.reconnect, Reconnect::Waiting { .. }) {
            self.reconnect = Reconnect::No;
            self.timers.set(Timer::Reconnect, None);
        }
    }

    /// The delay before an attempt is over.
    pub(super) fn attempt(&mut self) {
        let Reconnect::Waiting { attempt, .. } = self.reconnect else {
            return;
        };
        if self.events.len() >= self.config.engine.max_undelivered_messages.max(1) {
            // Nobody listens: attempts would pile up events without end.
            let at = self.now() + self.config.backoff.delay(attempt, self.jitter.draw());
            self.reconnect = Reconnect::Waiting { attempt, at };
            return self.timers.set(Timer::Reconnect, Some(at));
        }
        self.push(Event::ReconnectAttempt { attempt });
        self.open_engine();
        self.reconnect = Reconnect::Attempting { attempt };
    }
}
