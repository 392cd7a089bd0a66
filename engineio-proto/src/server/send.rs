//! Messages for sessions.

use core::ops::AddAssign;

use super::event::SessionKey;
use super::machine::Server;
use super::parcel::Parcel;
use super::stats;
use crate::{Encoded, SendError};

/// How sending to many went.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SentMany {
    /// Sessions that got the message queued.
    pub sent: usize,
    /// Sessions that have too much queued already, or that were not ready for a volatile message; all of them if the
    /// message is larger than what may be held.
    pub full: usize,
    /// Sessions that are closing or gone.
    pub gone: usize,
}

impl SentMany {
    /// Counts one more recipient.
    pub fn count(&mut self, result: Result<(), SendError>) {
        match result {
            Ok(()) => self.sent += 1,
            Err(SendError::Full { .. } | SendError::TooLarge { .. }) => self.full += 1,
            Err(SendError::Closed) => self.gone += 1,
        }
    }
}

impl AddAssign for SentMany {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.full += other.full;
        self.gone += other.gone;
    }
}

impl Server {
    /// Queues a message for a session.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] for a closing or unknown session, [`SendError::Full`] if too much waits already.
    pub fn send(&mut self, session: SessionKey, message: &Encoded) -> Result<(), SendError> {
        self.send_parts(session, core::slice::from_ref(message))
    }

    /// Queues several messages for a session back to back, or none of them.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_parts(&mut self, session: SessionKey, parts: &[Encoded]) -> Result<(), SendError> {
        self.send_parcel(session, &Parcel::new(parts))
    }

    /// As [`send_parts`](Self::send_parts), with what was measured once for all recipients.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_parcel(
        &mut self,
        session: SessionKey,
        parcel: &Parcel<'_>,
    ) -> Result<(), SendError> {
        let sent = if self.queue_quietly(session, parcel) {
            Ok(())
        } else {
            self.send_loudly(session, parcel.parts())
        };
        match sent {
            Ok(()) => self.stats.sent(parcel),
            Err(SendError::Full { .. }) => stats::bump(&mut self.stats.full),
            Err(SendError::Closed | SendError::TooLarge { .. }) => {}
        }
        self.settle();
        sent
    }

    /// Queues for a session that is looked at in whole afterwards.
    #[inline(never)]
    fn send_loudly(&mut self, session: SessionKey, parts: &[Encoded]) -> Result<(), SendError> {
        self.with_result(session, |session| session.send_parts(parts))
            .unwrap_or(Err(SendError::Closed))
    }

    /// Queues for a session of which nothing changes by it but that it has something to do. False if it has to be looked
    /// at in whole.
    #[inline]
    fn queue_quietly(&mut self, SessionKey(key): SessionKey, parcel: &Parcel<'_>) -> bool {
        let Some(slot) = self.sessions.get_mut(key) else {
            return false;
        };
        let queued = slot.session.queue_quietly(parcel);
        if queued {
            slot.mark_ready(key, &mut self.ready);
        }
        queued
    }

    /// Queues the parts of one message for a session if they can leave at once; false if they were dropped.
    pub fn send_volatile(&mut self, session: SessionKey, parts: &[Encoded]) -> bool {
        let sent = self
            .with_result(session, |session| session.send_volatile(parts))
            .unwrap_or(false);
        if sent {
            self.stats.sent(&Parcel::new(parts));
        } else {
            stats::bump(&mut self.stats.dropped);
        }
        self.settle();
        sent
    }

    /// Queues one message for many sessions. Each copy is a reference count.
    ///
    /// Cost: O(1) for each session.
    pub fn send_many(
        &mut self,
        sessions: impl IntoIterator<Item = SessionKey>,
        message: &Encoded,
    ) -> SentMany {
        self.send_parcel_to_many(sessions, &Parcel::new(core::slice::from_ref(message)))
    }

    /// As [`send_many`](Self::send_many), with what was measured once.
    ///
    /// Cost: O(1) for each session.
    pub fn send_parcel_to_many(
        &mut self,
        sessions: impl IntoIterator<Item = SessionKey>,
        parcel: &Parcel<'_>,
    ) -> SentMany {
        let mut outcome = SentMany::default();
        for session in sessions {
            outcome.count(self.send_parcel(session, parcel));
        }
        outcome
    }
}
