//! The end of sessions when the server holds more than its limit.
//!
//! | memory held | effect |
//! |---|---|
//! | more than fifteen sixteenths of the limit | handshakes are refused: [`Reject::MemoryLimit`](super::Reject::MemoryLimit) |
//! | more than the limit | a layer above drops its data for clients that are away, oldest first |
//! | still more | sessions end, those first whose removal frees most, and of equal ones the oldest |
//!
//! A search for the largest sessions looks at each waiting message. One search ends sessions until it has freed at
//! least a sixty-fourth of the limit, mostly with the first one. The next search therefore comes only after a
//! sixty-fourth of the limit in new messages. On average the server looks at no more than 64 messages for each one that
//! was queued.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::event::SessionKey;
use super::machine::Server;
use super::stats;
use crate::ledger::Held;

impl Server {
    /// Makes the caller responsible for [`Config::max_bytes_held`](super::Config::max_bytes_held). A layer above then
    /// drops its dispensable data before sessions end. It checks [`is_over_limit`](Self::is_over_limit) after each of
    /// its own calls, and calls [`end_largest`](Self::end_largest).
    #[must_use]
    pub fn limited_by_caller(mut self) -> Self {
        self.enforcing = false;
        self
    }

    /// Whether the server holds more than [its limit](super::Config::max_bytes_held). Constant time.
    #[must_use]
    #[inline]
    pub fn is_over_limit(&self) -> bool {
        self.bytes_held() > self.config.max_bytes_held
    }

    /// Ends the sessions whose removal frees most, of equal ones the oldest first, until at least a sixty-fourth of
    /// [`Config::max_bytes_held`](super::Config::max_bytes_held) is free. `above` returns the memory that a layer above
    /// holds for a session and frees with it. Returns the ended sessions; none if none holds anything.
    ///
    /// Data that others hold too is not freed with a session, and does not count. If a session alone holds less than a
    /// 256th of the limit, an equal part of each message that it shares counts too. The slow readers of one broadcast
    /// then end, and not sessions with little data of their own.
    ///
    /// The messages that waited for their clients are dropped, and so are those that the application has not taken.
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

    /// Counts the data that a layer above dropped because of the limit, for
    /// [`Stats::forgotten_by_memory_limit`](super::Stats::forgotten_by_memory_limit).
    pub fn note_forgotten(&mut self, count: usize) {
        let sum = self.stats.forgotten_by_memory_limit;
        self.stats.forgotten_by_memory_limit = sum.saturating_add(count as u64);
    }

    /// Whether so much is held that no new client is admitted.
    pub(super) fn is_nearly_full(&self) -> bool {
        let limit = self.config.max_bytes_held;
        self.bytes_held() > limit - limit / FOR_SESSIONS
    }

    /// Enforces the limit at the end of each call.
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

    /// Whether the limit is exceeded, and a search may find sessions that can end. Constant time.
    ///
    /// Answers and events that nobody took cannot be dropped. While they alone exceed the limit, the next search is due
    /// only once the memory has grown by another eighth, instead of in each call.
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

    /// Notes that everything that could end or be dropped did, for [`is_worth_a_search`](Self::is_worth_a_search).
    pub fn note_searched(&mut self) {
        self.fruitless = self.is_over_limit().then(|| self.bytes_held());
    }
}

/// The part of the limit that is kept free of new sessions.
const FOR_SESSIONS: usize = 16;

/// The minimum part of the limit that a session must hold alone, so that its shared messages do not count.
const LEAST_ALONE: usize = 256;

/// The part by which the memory must grow after a search without result, before the next search.
const SEARCHED_AGAIN: usize = 8;

/// The minimum part of the limit that one search for the largest sessions frees.
const LEAST_FREED: usize = 64;
