//! Commands of the application to a client.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Client, Remembered, State};
use crate::client::checks::{check_headers, check_query};
use crate::client::close::CloseReason;
use crate::settings::ConfigError;
use crate::{Encoded, Instant, SendError};

impl Client {
    /// Queues a message for the server. While the session is being opened it waits for the handshake.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] unless the session is open or being opened, and [`SendError::Full`] if it would exceed
    /// what may wait; nothing is queued then.
    pub fn send(&mut self, message: &Encoded) -> Result<(), SendError> {
        self.send_parts(core::slice::from_ref(message))
    }

    /// Queues several messages back to back, or none of them.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_parts(&mut self, parts: &[Encoded]) -> Result<(), SendError> {
        if !matches!(self.state, State::Opening { .. } | State::Open) {
            return Err(SendError::Closed);
        }
        self.outbox.push(parts, &self.config)?;
        self.settle();
        self.check();
        Ok(())
    }

    /// Queues the parts of one message if they can leave at once: no POST is on its way or the connection is idle, and
    /// nothing else waits. Otherwise drops them all and returns false.
    pub fn send_volatile(&mut self, parts: &[Encoded]) -> bool {
        self.is_writable() && self.send_parts(parts).is_ok()
    }

    /// Closes the session once what waits has left and an upgrade on its way is over; at once while it is being
    /// opened. Sends are refused from here on; messages still arrive. The heartbeat still has to be in time.
    pub fn close(&mut self, now: Instant) {
        self.observe(now);
        match self.state {
            State::Opening { .. } => self.finish(CloseReason::ForcedClose),
            State::Open => {
                self.state = State::Closing;
                self.settle();
            }
            State::Closing | State::Closed => {}
        }
        self.check();
    }

    /// Ends the session now. What waits does not leave any more.
    pub fn discard(&mut self) {
        self.finish(CloseReason::ForcedClose);
        self.check();
    }

    /// Takes the messages that had not left when the session ended, in order. They are dropped when another is
    /// opened. Those of a POST or in the pipe of a connection count as having left. Empty until the session is closed.
    pub fn take_unsent(&mut self) -> impl Iterator<Item = Encoded> + use<> {
        let unsent = match self.state {
            State::Closed => self.outbox.take(),
            State::Opening { .. } | State::Open | State::Closing => VecDeque::new(),
        };
        unsent.into_iter()
    }

    /// Whether the server failed to ping, or in revision 3 to say anything, in time: decided by the given time, not by a
    /// timer, for hosts that were suspended. If so the session is closed with `ping timeout`. To be asked before
    /// something is sent that must not be lost.
    ///
    /// Source: `engine.io-client/lib/socket.ts`, `_hasPingExpired`.
    pub fn has_ping_expired(&mut self, now: Instant) -> bool {
        self.observe(now);
        let expired = self.heartbeat.has_expired(self.now);
        if expired {
            self.heartbeat.handle_timeout(self.now);
            self.finish(CloseReason::PingTimeout);
        }
        expired
    }

    /// Replaces [`Config::query`](crate::client::Config::query) and that of the endpoint, from the next request on: for tokens that expire.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if names and values have more than 8,000 bytes; nothing changes then.
    pub fn set_query(&mut self, query: Vec<(String, String)>) -> Result<(), ConfigError> {
        check_query(&query)?;
        self.config.endpoint.query = None;
        self.config.query = query;
        Ok(())
    }

    /// Replaces [`Config::extra_headers`](crate::client::Config::extra_headers), from the next request on.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if a name is no token or a value has control characters; nothing changes then.
    pub fn set_extra_headers(&mut self, headers: Vec<(String, String)>) -> Result<(), ConfigError> {
        check_headers(&headers)?;
        self.config.extra_headers = headers;
        Ok(())
    }

    /// Sets what is remembered, for a memory that outlives the machine.
    pub fn set_remembered(&mut self, remembered: Remembered) {
        self.remembered = remembered;
    }
}
