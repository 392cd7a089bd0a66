//! The place of a session in its server.

use super::marked::Marked;
use super::session::Session;
use crate::Instant;
use crate::collections::Key;

/// A session in its server.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) session: Session,
    pub(super) ready: bool,
    pub(super) eventful: bool,
    /// Whether the deadline of the session is filed, and where: in two fields, since an `Option` takes a word for the first.
    is_filed: bool,
    filed_at: Instant,
    /// The number of sessions that opened before it.
    pub(super) number: u32,
}

impl Slot {
    /// A session that is neither marked nor filed.
    pub(super) const fn new(session: Session, number: u32) -> Self {
        Self {
            session,
            ready: false,
            eventful: false,
            is_filed: false,
            filed_at: Instant::ZERO,
            number,
        }
    }

    /// Where the deadline of the session is filed.
    pub(super) fn filed(&self) -> Option<Instant> {
        self.is_filed.then_some(self.filed_at)
    }

    pub(super) fn set_filed(&mut self, filed: Option<Instant>) {
        self.is_filed = filed.is_some();
        self.filed_at = filed.unwrap_or_default();
    }

    /// Puts the session among those that want something done, if it does.
    #[inline]
    pub(super) fn mark_ready(&mut self, key: Key, ready: &mut Marked) {
        if !self.ready && self.session.has_action() {
            self.ready = true;
            ready.mark(key);
        }
    }

    /// Puts the session among those that have something to tell, if it has.
    #[inline]
    pub(super) fn mark_event(&mut self, key: Key, eventful: &mut Marked) {
        if !self.eventful && self.session.has_event() {
            self.eventful = true;
            eventful.mark(key);
        }
    }
}
