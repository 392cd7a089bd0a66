//! Enforcement of the memory limit of the server.
//!
//! | what is held beyond the limit | leads to |
//! |---|---|
//! | anything | the oldest packets and sessions that are kept for clients that come back are forgotten, of all namespaces |
//! | still too much, a part of it from clients that are gone | their events that the application has not taken are dropped |
//! | still too much | sessions end, those first whose removal frees most, and of equal ones the oldest |
//!
//! The Engine.IO server refuses handshakes before that. What the application is told of ends, and responses that the
//! driver has not taken, cannot be dropped.
//!
//! Of a session that ends, events and acknowledgements that the application has not taken are dropped. An
//! acknowledgement that was awaited has failed then, and a broadcast counts it as missing.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use engineio_proto::collections::Key;
use engineio_proto::server::SessionKey;
use engineio_proto::{Counted, SendError};

use super::machine::Server;
use super::recovery::{Extras, RecoveryStorage};
use crate::Payload;

/// The part of the limit for which the events of clients that are gone are looked for.
const WORTH_A_SEARCH: usize = 64;

/// The part of the limit that events may take which tell of what is sent.
const FOR_TOLD: usize = 2;

impl Server {
    /// Keeps to the limit, at the end of each call.
    #[inline]
    pub(super) fn keep_to_limit(&mut self) {
        if self.engine.is_worth_a_search() {
            self.shrink_to_limit();
        }
    }

    #[cold]
    fn shrink_to_limit(&mut self) {
        self.forget_oldest();
        while self.engine.is_over_limit() && self.end_largest() {
            self.forget_oldest();
        }
        self.engine.note_searched();
    }

    /// Whether one more event may tell the application of something that is sent. Such events cannot be dropped: half of
    /// the limit is for them.
    pub(super) fn check_told(
        &self,
        namespace: &str,
        logged: bool,
        event: &Payload,
    ) -> Result<(), SendError> {
        let observed = self
            .namespaces
            .get(namespace)
            .is_some_and(|namespace| namespace.observed);
        let recovery = self.config.connection_state_recovery;
        let outside = recovery.is_some_and(|config| config.storage == RecoveryStorage::Outside);
        let copies = usize::from(observed).saturating_add(usize::from(logged && outside));
        if copies == 0 {
            return Ok(());
        }
        let limit = self.config.engine.max_bytes_held / FOR_TOLD;
        let size = event.payload_len().saturating_mul(copies);
        let buffered = self.events.undroppable();
        if buffered.saturating_add(size) > limit {
            return Err(SendError::Full {
                counted: Counted::Bytes,
                buffered,
                limit,
            });
        }
        Ok(())
    }

    /// Forgets what is kept for clients that come back, the oldest first, until enough is free or nothing is left.
    fn forget_oldest(&mut self) {
        let mut sum = 0_usize;
        while let Some((namespace, forgotten)) =
            self.kept.forget_oldest(|| self.engine.is_over_limit())
        {
            self.clean_up(namespace);
            sum = sum.saturating_add(forgotten);
        }
        self.engine.note_forgotten(sum);
    }

    /// Ends the largest sessions, or drops what clients that are gone have left. False if there is nothing of either.
    fn end_largest(&mut self) -> bool {
        let sizes = self.events.droppable_sizes();
        let gone: Vec<_> = sizes
            .iter()
            .filter(|(session, _)| self.client(**session).is_none())
            .map(|(session, size)| (*session, *size))
            .collect();
        let left: usize = gone.iter().map(|(_, size)| size).sum();
        let gone: Vec<_> = gone.into_iter().map(|(session, _)| session).collect();
        if left >= self.config.engine.max_bytes_held / WORTH_A_SEARCH {
            self.drop_undelivered(&gone);
            return true;
        }
        let (clients, sockets) = (&self.clients, &self.sockets);
        let waiting = |key: Key| {
            let socket = sockets.get(key);
            let extras = socket.and_then(|socket| socket.extras.as_deref());
            extras
                .map_or(0, Extras::held_alone)
                .saturating_add(self.questions.size(key))
        };
        let above: BTreeMap<SessionKey, usize> = self
            .engine
            .sessions()
            .filter_map(|(session, _)| {
                let client = clients.get(session)?;
                let undelivered = sizes.get(&session).copied().unwrap_or_default();
                let waiting = client.peer().sockets().map(waiting);
                let size = undelivered.saturating_add(client.partial_bytes());
                let size = waiting.fold(size, usize::saturating_add);
                (size > 0).then_some((session, size))
            })
            .collect();
        let size = |session: SessionKey| above.get(&session).copied().unwrap_or_default();
        let ended = self.engine.end_largest(size);
        if ended.is_empty() {
            self.drop_undelivered(&gone);
            return !gone.is_empty();
        }
        self.take_events();
        self.drop_undelivered(&ended);
        true
    }

    /// Drops the undelivered events of sessions that are over.
    fn drop_undelivered(&mut self, sessions: &[SessionKey]) {
        let lost = self.events.drop_of(sessions);
        for (id, sockets) in lost {
            self.broadcasts.await_again(id, sockets);
        }
    }
}
