//! The deadlines of the sessions of one server.

use alloc::collections::BTreeSet;

use super::slot::Slot;
use crate::Instant;
use crate::collections::Slab;

/// What a [`TimerQueue`](crate::collections::TimerQueue) does, for sessions that know their deadlines themselves: beside
/// the order there is only where each session is filed, in its slot. So a deadline that moves later, as nearly all do,
/// takes a comparison and no search.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// Every slot that has a deadline once, under the instant it is filed under: never after the deadline.
    order: BTreeSet<Filed>,
}

/// Where a session is filed, by instant and slot. Without padding it takes 12 bytes of 16.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[repr(Rust, packed(4))]
struct Filed {
    at: Instant,
    slot: u32,
}

/// How many deadlines one call of `handle_timeout` fires at most.
pub(super) const TIMERS_PER_CALL: usize = 1024;

/// How many deadlines one call files anew at most: after a stall of the driver, all of them may have moved.
const REFILED_PER_CALL: usize = 64;

impl Deadlines {
    pub(super) const fn new() -> Self {
        Self {
            order: BTreeSet::new(),
        }
    }

    /// Sets, moves or (with `None`) removes the deadline of the session in a slot.
    pub(super) fn set(&mut self, slot: u32, entry: &mut Slot, deadline: Option<Instant>) {
        let filed = entry.filed();
        if let (Some(filed), Some(deadline)) = (filed, deadline)
            && deadline >= filed
        {
            return;
        }
        if let Some(filed) = filed {
            self.order.remove(&Filed { at: filed, slot });
        }
        entry.set_filed(deadline);
        if let Some(at) = deadline {
            self.order.insert(Filed { at, slot });
        }
    }

    /// The next deadline, or an instant before it at which [`pop_expired`](Self::pop_expired) will move it later.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|filed| filed.at)
    }

    /// Takes out the session whose deadline is the earliest, if that is not after `now`.
    ///
    /// A call files a bounded number of deadlines anew that had moved later. It gives `None` then, while
    /// [`next`](Self::next) is still not after `now`: the next call goes on.
    pub(super) fn pop_expired(&mut self, sessions: &mut Slab<Slot>, now: Instant) -> Option<u32> {
        for _ in 0..REFILED_PER_CALL {
            let Filed { at: filed, slot } = *self.order.first()?;
            if filed > now {
                return None;
            }
            self.order.pop_first();
            let key = sessions.at(slot).map(|(key, _)| key);
            let Some(entry) = key.and_then(|key| sessions.get_mut(key)) else {
                continue;
            };
            let later = entry.session.poll_timeout().filter(|next| *next > filed);
            entry.set_filed(later);
            match later {
                Some(at) => self.order.insert(Filed { at, slot }),
                None => return Some(slot),
            };
        }
        None
    }

    /// The number of sessions that have a deadline.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}
