//! The heartbeat as the client sees it.
//!
//! In revision 4 the server pings, and has to do so in time:
//!
//! | state | input | next | action |
//! |---|---|---|---|
//! | `Off` | handshake | `Awaiting { deadline: now + interval + timeout }` | – |
//! | `Awaiting` | ping | `Awaiting { deadline: now + interval + timeout }` | – |
//! | `Awaiting` | time ≥ `deadline` | `Expired` | timed out |
//!
//! In revision 3 the client pings, and then anything has to come in time:
//!
//! | state | input | next | action |
//! |---|---|---|---|
//! | `Off` | handshake | `Asking { ping: now + interval, deadline: now + interval + timeout }` | – |
//! | `Asking` | time ≥ `ping` | `Asking { ping: none, deadline: now + timeout }` | ping |
//! | `Asking` | any packet | `Asking { deadline: now + interval + timeout }` | – |
//! | `Asking`, pinged | pong | `Asking { ping: now + interval }` | – |
//! | `Asking` | time ≥ `deadline` | `Expired` | timed out |
//!
//! In both the end of the connection leads to `Off`, but `Expired` stays. Nothing else moves a deadline, and each is one
//! value: no number of packets can add another. Officially a client of revision 3 that was suspended pings once more
//! before it gives up; here what is past its deadline is over, as in revision 4.
//!
//! Source: `engine.io-client/lib/socket.ts`, `_resetPingTimeout`, `_hasPingExpired`; in version 3.5 `setPing`,
//! `onHeartbeat`.

use core::time::Duration;

use crate::{Instant, Revision};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Heartbeat {
    Off,
    Awaiting {
        period: Duration,
        deadline: Instant,
    },
    Asking {
        interval: Duration,
        timeout: Duration,
        /// When to ping; `None` while a pong is awaited.
        ping: Option<Instant>,
        deadline: Instant,
    },
    Expired,
}

/// What is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Beat {
    Ping,
    TimedOut,
}

impl Heartbeat {
    pub(super) fn start(
        revision: Revision,
        interval: Duration,
        timeout: Duration,
        now: Instant,
    ) -> Self {
        let period = interval.saturating_add(timeout);
        let deadline = now + period;
        match revision {
            Revision::V4 => Self::Awaiting { period, deadline },
            Revision::V3 => Self::Asking {
                interval,
                timeout,
                ping: Some(now + interval),
                deadline,
            },
        }
    }

    /// A packet arrived, of whatever type.
    pub(super) fn handle_packet(&mut self, now: Instant) {
        if let Self::Asking {
            interval,
            timeout,
            deadline,
            ..
        } = self
        {
            *deadline = (*deadline).max(now + interval.saturating_add(*timeout));
        }
    }

    pub(super) fn handle_ping(&mut self, now: Instant) {
        if let Self::Awaiting { period, deadline } = self {
            // Time that goes backwards stands still.
            *deadline = (*deadline).max(now + *period);
        }
    }

    /// Whether the pong was awaited.
    pub(super) fn handle_pong(&mut self, now: Instant) -> bool {
        if let Self::Asking {
            interval,
            ping: ping @ None,
            ..
        } = self
        {
            *ping = Some(now + *interval);
            return true;
        }
        false
    }

    /// What is due; each is said once.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Beat> {
        let over = match *self {
            Self::Off | Self::Expired => false,
            Self::Awaiting { deadline, .. } | Self::Asking { deadline, .. } => {
                deadline < Instant::MAX && now >= deadline
            }
        };
        if over {
            *self = Self::Expired;
            return Some(Beat::TimedOut);
        }
        if let Self::Asking {
            timeout,
            ping: ping @ Some(_),
            deadline,
            ..
        } = self
            && ping.is_some_and(|at| at < Instant::MAX && now >= at)
        {
            *ping = None;
            *deadline = now + *timeout;
            return Some(Beat::Ping);
        }
        None
    }

    /// Whether the deadline has passed, or had when the connection ended.
    pub(super) fn has_expired(&self, now: Instant) -> bool {
        match self {
            Self::Off => false,
            Self::Awaiting { deadline, .. } | Self::Asking { deadline, .. } => now > *deadline,
            Self::Expired => true,
        }
    }

    pub(super) fn stop(&mut self) {
        if let Self::Awaiting { .. } | Self::Asking { .. } = self {
            *self = Self::Off;
        }
    }

    /// When something is due; `None` also for an interval so long that it never ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let next = match self {
            Self::Off | Self::Expired => return None,
            Self::Awaiting { deadline, .. } => *deadline,
            Self::Asking { ping, deadline, .. } => {
                ping.map_or(*deadline, |ping| ping.min(*deadline))
            }
        };
        (next < Instant::MAX).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn heartbeat(revision: Revision) -> Heartbeat {
        let (interval, timeout) = (Duration::from_millis(300), Duration::from_millis(200));
        Heartbeat::start(revision, interval, timeout, ms(1_000))
    }

    #[test]
    fn revision_4_ends_at_interval_and_timeout_and_not_before() {
        let mut heartbeat = heartbeat(Revision::V4);
        assert_eq!(heartbeat.deadline(), Some(ms(1_500)));
        assert_eq!(heartbeat.handle_timeout(ms(1_499)), None);
        assert_eq!(heartbeat.handle_timeout(ms(1_500)), Some(Beat::TimedOut));
        assert_eq!(heartbeat.handle_timeout(ms(1_501)), None, "once");
        assert_eq!(heartbeat.deadline(), None);
    }

    #[test]
    fn in_revision_4_a_ping_alone_starts_it_anew_from_its_arrival() {
        let mut heartbeat = heartbeat(Revision::V4);
        heartbeat.handle_packet(ms(1_400));
        assert!(!heartbeat.handle_pong(ms(1_400)));
        assert_eq!(heartbeat.deadline(), Some(ms(1_500)));
        heartbeat.handle_ping(ms(1_499));
        assert_eq!(heartbeat.deadline(), Some(ms(1_999)));
        heartbeat.handle_ping(ms(1_200));
        assert_eq!(
            heartbeat.deadline(),
            Some(ms(1_999)),
            "time does not go backwards"
        );
    }

    #[test]
    fn revision_3_pings_at_the_interval_and_ends_at_the_timeout_behind_it() {
        let mut heartbeat = heartbeat(Revision::V3);
        assert_eq!(heartbeat.deadline(), Some(ms(1_300)));
        assert_eq!(heartbeat.handle_timeout(ms(1_299)), None);
        assert_eq!(heartbeat.handle_timeout(ms(1_301)), Some(Beat::Ping));
        assert_eq!(heartbeat.handle_timeout(ms(1_301)), None, "once");
        assert_eq!(heartbeat.deadline(), Some(ms(1_501)));
        assert_eq!(heartbeat.handle_timeout(ms(1_500)), None);
        assert_eq!(heartbeat.handle_timeout(ms(1_501)), Some(Beat::TimedOut));
        assert_eq!(heartbeat.deadline(), None);
    }

    #[test]
    fn in_revision_3_a_pong_leads_to_the_next_ping_and_any_packet_keeps_it_going() {
        let mut heartbeat = heartbeat(Revision::V3);
        heartbeat.handle_ping(ms(1_100));
        assert!(!heartbeat.handle_pong(ms(1_100)), "nobody asked");
        assert_eq!(heartbeat.deadline(), Some(ms(1_300)));
        assert_eq!(heartbeat.handle_timeout(ms(1_300)), Some(Beat::Ping));
        heartbeat.handle_packet(ms(1_400));
        assert_eq!(heartbeat.deadline(), Some(ms(1_900)));
        assert!(heartbeat.handle_pong(ms(1_450)));
        assert_eq!(heartbeat.deadline(), Some(ms(1_750)));
        assert_eq!(heartbeat.handle_timeout(ms(1_750)), Some(Beat::Ping));
        assert_eq!(heartbeat.deadline(), Some(ms(1_950)));
    }

    #[test]
    fn who_comes_too_late_for_both_is_timed_out() {
        let mut heartbeat = heartbeat(Revision::V3);
        assert_eq!(heartbeat.handle_timeout(ms(1_500)), Some(Beat::TimedOut));
    }

    #[test]
    fn has_expired_only_after_the_deadline_and_from_then_on() {
        for revision in [Revision::V3, Revision::V4] {
            let mut heartbeat = heartbeat(revision);
            assert!(!Heartbeat::Off.has_expired(ms(9_999)));
            assert!(!heartbeat.has_expired(ms(1_500)));
            assert!(heartbeat.has_expired(ms(1_501)));
            heartbeat.handle_timeout(ms(1_501));
            heartbeat.stop();
            assert!(heartbeat.has_expired(ms(0)));
        }
    }

    #[test]
    fn an_endless_interval_has_no_deadline() {
        let endless = Duration::from_millis(u64::MAX);
        for revision in [Revision::V3, Revision::V4] {
            let mut heartbeat = Heartbeat::start(revision, endless, endless, ms(1));
            assert_eq!(heartbeat.deadline(), None);
            assert_eq!(heartbeat.handle_timeout(Instant::MAX), None);
            assert!(!heartbeat.has_expired(Instant::MAX));
        }
    }
}
