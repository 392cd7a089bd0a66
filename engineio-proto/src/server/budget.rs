//! The end of sessions when the server holds more than it may.
//!
//! | what is held | leads to |
//! |---|---|
//! | more than fifteen sixteenths of the limit | handshakes are refused: [`Reject::MemoryLimit`](super::Reject::MemoryLimit) |
//! | more than the limit | a layer above drops what it keeps for clients that are away, oldest first |
//! | still more | sessions end, those first whose removal frees most, and of equal ones the oldest |
//!
//! To find the largest session, each message that waits is looked at. One such search ends sessions until it has freed
//! a sixty-fourth of the limit at least, mostly with the first one. So it takes a sixty-fourth of the limit in new
//! messages before the next search, and at most 64 messages are looked at for each one that was queued, on average.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::sessions::{Server, SessionKey};
use super::stats;
use crate::ledger::Held;

impl Server {
    /// Leaves it to the caller to keep to [`Config::max_bytes_held`](super::Config::max_bytes_held): a layer above drops
    /// what it can do without before sessions end. It looks at [`is_over_limit`](Self::is_over_limit) after each of its
    /// own calls, and calls [`end_largest`](Self::end_largest).
    #[must_use]
    pub fn limited_by_caller(mut self) -> Self {
        self.enforcing = false;
        self
    }

    /// Whether more is held than [may be](super::Config::max_bytes_held). Constant time.
    #[must_use]
    #[inline]
    pub fn is_over_limit(&self) -> bool {
        self.bytes_held() > self.config.max_bytes_held
    }

    /// Ends the sessions whose removal frees most, of equal ones the oldest first, until a sixty-fourth of
    /// [`Config::max_bytes_held`](super::Config::max_bytes_held) is free at least. `above` says what a layer above holds
    /// for a session and frees with it. Gives the sessions that ended; none if none holds anything.
    ///
    /// What others hold too is not freed with a session, and does not count. If what a session alone holds is less than
    /// a 256th of the limit, an equal part of each message that it shares counts too: of a broadcast to slow readers these
    /// end, and not those who hold a little of their own.
    ///
    /// What waited for their clients is dropped, and so are the messages that the application has not taken.
    ///
    /// Cost: O(n) for n sessions and messages that wait.
    pub fn end_largest(&mut self, above: impl Fn(SessionKey) -> usize) -> Vec<SessionKey> {
        let goal = self.config.max_bytes_held / LEAST_FREED;
        let newest = self.opened_count();
        let sessions = self.sessions.iter();
        let sessions = sessions.filter(|(_, slot)| !slot.session.is_spent());
        let worth = self.config.max_bytes_held / LEAST_ALONE;
        let sizes = sessions.filter_map(|(key, slot)| {
            let held = Held::only(above(SessionKey(key))).with(slot.session.held(&self.searched));
            let alone = if held.alone < worth { 0 } else { held.alone };
            let age = newest.wrapping_sub(slot.number);
            (held.share > 0).then_some((alone, held.share, age, Reverse(key)))
        });
        let mut largest: BinaryHeap<_> = sizes.collect();
        let (mut ended, mut freed) = (Vec::new(), 0_usize);
        while let Some((_, _, _, Reverse(key))) = largest.pop() {
            freed = freed.saturating_add(above(SessionKey(key)));
            let before = self.bytes_held();
            let was_over = self
                .with_result(SessionKey(key), |session| {
                    let was_over = session.is_closed();
                    session.end_for_memory();
                    was_over
                })
                .unwrap_or(true);
            if !was_over {
                stats::bump(&mut self.stats.ended_by_memory_limit);
            }
            ended.push(SessionKey(key));
            freed = freed.saturating_add(before.saturating_sub(self.bytes_held()));
            if freed >= goal {
                break;
            }
        }
        ended
    }

    /// Counts what a layer above dropped because of the limit, for
    /// [`Stats::forgotten_by_memory_limit`](super::Stats::forgotten_by_memory_limit).
    pub fn note_forgotten(&mut self, count: usize) {
        let sum = self.stats.forgotten_by_memory_limit;
        self.stats.forgotten_by_memory_limit = sum.saturating_add(count as u64);
    }

    /// Whether so much is held that nobody new gets in.
    pub(super) fn is_nearly_full(&self) -> bool {
        let limit = self.config.max_bytes_held;
        self.bytes_held() > limit - limit / FOR_SESSIONS
    }

    /// Keeps to the limit, at the end of each call.
    #[inline]
    pub(super) fn settle(&mut self) {
        if self.enforcing && self.is_worth_a_search() {
            self.end_until_within();
        }
    }

    #[cold]
    fn end_until_within(&mut self) {
        while self.is_over_limit() && !self.end_largest(|_| 0).is_empty() {}
        self.note_searched();
    }

    /// Whether more is held than may be, and sessions may be found that can end. Constant time.
    ///
    /// Answers and events that are not taken cannot be dropped. While they alone exceed the limit, the next search is
    /// due once an eighth more is held, and not with each call.
    #[inline]
    pub fn is_worth_a_search(&mut self) -> bool {
        if self.is_over_limit() {
            return self.is_much_more_than_in_vain();
        }
        self.fruitless = None;
        false
    }

    #[cold]
    fn is_much_more_than_in_vain(&mut self) -> bool {
        let held = self.bytes_held();
        self.fruitless = self.fruitless.map(|before| before.min(held));
        let next = |before: usize| before.saturating_add(before / SEARCHED_AGAIN);
        self.fruitless.is_none_or(|before| held >= next(before))
    }

    /// Notes that all was ended and dropped that could be, for [`is_worth_a_search`](Self::is_worth_a_search).
    pub fn note_searched(&mut self) {
        self.fruitless = self.is_over_limit().then(|| self.bytes_held());
    }
}

/// The part of the limit that is kept free of new sessions.
const FOR_SESSIONS: usize = 16;

/// The part of the limit that a session holds alone at least, if what it shares is not to count.
const LEAST_ALONE: usize = 256;

/// The part of what was held in vain that is to be held on top before the next search.
const SEARCHED_AGAIN: usize = 8;

/// The part of the limit that one search for the largest sessions frees at least.
const LEAST_FREED: usize = 64;
