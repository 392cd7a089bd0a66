//! Questions about the state of a server.

use super::config::Config;
use super::event::SessionKey;
use super::machine::Server;
use super::session::Session;
use super::slot::Slot;
use super::stats::Stats;
use crate::ledger::Ledger;
use crate::{ConnectionId, Sid, Transport};

impl Server {
    /// What the server has done so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// A session, to be looked at.
    #[must_use]
    pub fn session(&self, session: SessionKey) -> Option<&Session> {
        self.sessions.get(session.0).map(|slot| &slot.session)
    }

    /// The session of that id, unless it is closed. It looks at one slot for each 65,536 that exist.
    #[must_use]
    pub fn find(&self, sid: &Sid) -> Option<SessionKey> {
        if sid.shard() != self.shard() {
            return None;
        }
        let is_it = |slot: &Slot| slot.session.sid() == *sid && !slot.session.is_closed();
        let mut candidates = sid.candidate_slots(self.sessions.slots());
        candidates.find_map(|slot| {
            let (key, slot) = self.sessions.at(slot)?;
            is_it(slot).then_some(SessionKey(key))
        })
    }

    /// All sessions, by ascending slot; among them those that are closed and whose last event has not been taken.
    ///
    /// Cost: O(1) for each slot up to the highest that is in use.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        self.sessions
            .iter()
            .map(|(key, slot)| (SessionKey(key), &slot.session))
    }

    /// The number of sessions.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// The number of sessions that are on a transport and not over.
    #[must_use]
    pub fn sessions_on(&self, transport: Transport) -> u64 {
        self.present.get(transport)
    }

    /// The session that a connection belongs to, as its transport or as a probe.
    #[must_use]
    pub fn session_of(&self, connection: ConnectionId) -> Option<SessionKey> {
        self.connections.get(connection).map(SessionKey)
    }

    /// Whether the driver should read on from a connection; false while too much waits for the application, or while it
    /// decides on the session that a WebTransport stream asked for.
    #[must_use]
    pub fn wants_read(&self, connection: ConnectionId) -> bool {
        if self.waiting.has_stream(connection) {
            return false;
        }
        let key = self.connections.get(connection);
        key.and_then(|key| self.sessions.get(key))
            .is_none_or(|slot| slot.session.wants_read())
    }

    /// The number of deadlines that are armed: one for each session that is not over.
    #[must_use]
    pub fn timer_count(&self) -> usize {
        self.deadlines.len()
    }

    /// The bytes that are held for all clients together, as [`Config::max_bytes_held`] counts them. Constant time. Zero
    /// once all sessions are over and their outputs have been taken.
    ///
    /// It is never below what the allocator was asked for, and at most twice as much. A message of a few bytes counts up
    /// to 64 bytes more. A form of a message counts once this server has asked for it, and until it holds the
    /// message no longer. What another shard asks for counts there, and nowhere once only this server holds the message.
    #[must_use]
    pub fn bytes_held(&self) -> usize {
        self.ledger().total()
    }

    /// The ledger that everything held for clients is charged to. A layer above charges what it holds there too.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        self.config.ledger()
    }

    /// How often a session was looked at.
    #[cfg(feature = "count-steps")]
    #[doc(hidden)]
    #[must_use]
    pub fn steps(&self) -> usize {
        self.sessions.steps() + self.searched.taken()
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The shard that the session ids carry.
    #[must_use]
    pub fn shard(&self) -> u16 {
        self.generator.shard()
    }
}
