//! The heartbeat of the client. It counts only packets that prove that the server reads.
//!
//! In revision 4 the server has to ping in time:
//!
//! | state | input | next | action |
//! |---|---|---|---|
//! | `Off` | handshake | `Awaiting { deadline: now + interval + timeout }` | – |
//! | `Awaiting`, no pong waits | ping | `Awaiting { deadline: now + interval + timeout }`, a pong waits | pong |
//! | `Awaiting`, a pong waits | ping | `Awaiting { claimed: now + interval + timeout }` | – (one pong for both) |
//! | `Awaiting`, a pong waits | it is handed over | `Awaiting { deadline: claimed }`, no pong waits | – |
//! | `Awaiting` | time ≥ `deadline` | `Expired` | timed out |
//!
//! While the client closes, it does not answer pings, as in the official client. Such a pong waits for ever, so one
//! ping counts.
//!
//! In revision 3 the client pings, and then any packet has to arrive in time:
//!
//! | state | input | next | action |
//! |---|---|---|---|
//! | `Off` | handshake | `Asking`, `Next { at: now + interval }`, `deadline: now + interval + timeout` | – |
//! | `Asking`, `Next` | time ≥ `at` | `Waits { most: now + interval + timeout }`, `deadline: now + timeout` | ping |
//! | `Asking`, `Waits` | any packet | `claimed: now + interval + timeout`, `deadline`: the same, but `most` at most | – |
//! | `Asking`, `Waits` | pong | as any packet | – (nobody can answer a ping that has not left) |
//! | `Asking`, `Waits` | the ping is handed over | `Left { again: None }`, `deadline: claimed` | – |
//! | `Asking`, `Next` or `Left` | any packet | `deadline: now + interval + timeout` | – |
//! | `Asking`, `Left { again: None }` | any packet | `again: now + interval` | – |
//! | `Asking`, `Left` | pong | `Next { at: now + interval }` | – |
//! | `Asking`, `Left` | time ≥ `again` | `Waits { most: now + interval + timeout }` | ping |
//! | `Asking` | time ≥ `deadline` | `Expired` | timed out |
//!
//! A packet is *handed over* when the driver pulls it as a frame, or when it is put into a POST. If a server reads
//! nothing, the packet stays in the queue, and the session ends. In revision 4 this takes at most `interval +
//! timeout` after the first ping whose pong waits. In revision 3 it takes as long after the first ping that waits.
//!
//! A server of revision 3 may answer a ping with any packet, as in the official client. If that packet is not a pong,
//! the client pings once more after each interval. Nothing else would show whether the server still reads.
//!
//! In both revisions the end of the session leads to `Off`, but `Expired` stays. Nothing else moves a deadline. Each
//! deadline is one value, so no number of packets can add another. The official client of revision 3 pings once more
//! after a suspension before it gives up. Here a session past its deadline is over, as in revision 4.
//!
//! Source: `engine.io-client/lib/socket.ts`, `_resetPingTimeout`, `_hasPingExpired`; in version 3.5 `setPing`,
//! `onHeartbeat`. The official client counts every packet, even from servers that read nothing.

use core::time::Duration;

use crate::{Instant, Revision};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Heartbeat {
    Off,
    Awaiting {
        period: Duration,
        deadline: Instant,
        /// The deadline by the last ping, which applies once the waiting pong has been handed over.
        claimed: Instant,
        pong_waits: bool,
    },
    Asking {
        interval: Duration,
        timeout: Duration,
        ping: Ping,
        deadline: Instant,
        /// The deadline by the last packet, which applies once the waiting ping has been handed over.
        claimed: Instant,
    },
    Expired,
}

/// The ping of a client of revision 3.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ping {
    Next {
        at: Instant,
    },
    /// It has not been handed over. No packet moves the deadline beyond `most` meanwhile.
    Waits {
        most: Instant,
    },
    /// A pong may answer it.
    Left {
        /// The time of another ping, if the first packet after the ping was no pong.
        again: Option<Instant>,
    },
}

/// The timer that is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Beat {
    Ping,
    TimedOut,
}

impl Ping {
    /// The time of the client's next ping.
    fn due(self) -> Option<Instant> {
        match self {
            Self::Next { at } => Some(at),
            Self::Left { again } => again,
            Self::Waits { .. } => None,
        }
    }
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
            Revision::V4 => Self::Awaiting {
                period,
                deadline,
                claimed: deadline,
                pong_waits: false,
            },
            Revision::V3 => Self::Asking {
                interval,
                timeout,
                ping: Ping::Next { at: now + interval },
                deadline,
                claimed: deadline,
            },
        }
    }

    /// A packet of any type arrived.
    pub(super) fn handle_packet(&mut self, now: Instant) {
        if let Self::Asking {
            interval,
            timeout,
            ping,
            deadline,
            claimed,
        } = self
        {
            *claimed = now + interval.saturating_add(*timeout);
            *deadline = match ping {
                Ping::Waits { most } => (*claimed).min(*most),
                Ping::Next { .. } => *claimed,
                Ping::Left { again } => {
                    again.get_or_insert(now + *interval);
                    *claimed
                }
            };
        }
    }

    /// A ping of the server arrived. It is answered unless a pong waits already.
    pub(super) fn handle_ping(&mut self, now: Instant) {
        if let Self::Awaiting {
            period,
            deadline,
            claimed,
            pong_waits,
        } = self
        {
            *claimed = now + *period;
            if !core::mem::replace(pong_waits, true) {
                *deadline = *claimed;
            }
        }
    }

    /// The client's part of the heartbeat was handed to the driver.
    pub(super) fn handle_handover(&mut self) {
        match self {
            Self::Awaiting {
                deadline,
                claimed,
                pong_waits,
                ..
            } => {
                *pong_waits = false;
                *deadline = *claimed;
            }
            Self::Asking {
                ping: ping @ Ping::Waits { .. },
                deadline,
                claimed,
                ..
            } => {
                *ping = Ping::Left { again: None };
                *deadline = *claimed;
            }
            Self::Asking { .. } | Self::Off | Self::Expired => {}
        }
    }

    /// Whether the pong was awaited.
    pub(super) fn handle_pong(&mut self, now: Instant) -> bool {
        if let Self::Asking {
            interval,
            ping: ping @ Ping::Left { .. },
            ..
        } = self
        {
            *ping = Ping::Next {
                at: now + *interval,
            };
            return true;
        }
        false
    }

    /// The timer that is due. Each is returned once.
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
            interval,
            timeout,
            ping,
            deadline,
            claimed,
        } = self
            && let Some(at) = ping.due()
            && at < Instant::MAX
            && now >= at
        {
            if let Ping::Next { .. } = ping {
                *deadline = now + *timeout;
            }
            *claimed = *deadline;
            *ping = Ping::Waits {
                most: now + interval.saturating_add(*timeout),
            };
            return Some(Beat::Ping);
        }
        None
    }

    /// Whether the deadline has passed, or had when the session ended.
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

    /// The time of the next timer; `None` also for an interval so long that it never ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let next = match self {
            Self::Off | Self::Expired => return None,
            Self::Awaiting { deadline, .. } => *deadline,
            Self::Asking { ping, deadline, .. } => {
                ping.due().map_or(*deadline, |at| at.min(*deadline))
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

    /// The time at which the server is given up unless a packet arrives.
    fn end(heartbeat: &Heartbeat) -> Instant {
        let ends = (1_000..5_000).map(ms);
        ends.take_while(|now| !heartbeat.has_expired(*now))
            .last()
            .unwrap()
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
        heartbeat.handle_handover();
        heartbeat.handle_packet(ms(1_400));
        assert_eq!(end(&heartbeat), ms(1_900));
        assert!(heartbeat.handle_pong(ms(1_450)));
        assert_eq!(heartbeat.deadline(), Some(ms(1_750)));
        assert_eq!(heartbeat.handle_timeout(ms(1_750)), Some(Beat::Ping));
        assert_eq!(heartbeat.deadline(), Some(ms(1_950)));
    }

    #[test]
    fn in_revision_4_pings_behind_a_pong_that_waits_count_once_it_was_handed_over() {
        let mut heartbeat = heartbeat(Revision::V4);
        heartbeat.handle_handover();
        assert_eq!(heartbeat.deadline(), Some(ms(1_500)), "nothing to claim");
        heartbeat.handle_ping(ms(1_100));
        heartbeat.handle_ping(ms(1_200));
        heartbeat.handle_ping(ms(1_400));
        assert_eq!(heartbeat.deadline(), Some(ms(1_600)));
        heartbeat.handle_handover();
        assert_eq!(heartbeat.deadline(), Some(ms(1_900)));
        heartbeat.handle_ping(ms(1_500));
        assert_eq!(heartbeat.deadline(), Some(ms(2_000)));
    }

    #[test]
    fn in_revision_3_what_comes_while_the_ping_waits_counts_in_full_once_it_was_handed_over() {
        let mut heartbeat = heartbeat(Revision::V3);
        assert_eq!(heartbeat.handle_timeout(ms(1_300)), Some(Beat::Ping));
        heartbeat.handle_packet(ms(1_310));
        assert!(!heartbeat.handle_pong(ms(1_310)), "it has not left");
        assert_eq!(heartbeat.deadline(), Some(ms(1_800)));
        heartbeat.handle_packet(ms(1_700));
        assert_eq!(heartbeat.deadline(), Some(ms(1_800)), "no further");
        heartbeat.handle_handover();
        assert_eq!(heartbeat.deadline(), Some(ms(2_200)));
        heartbeat.handle_packet(ms(1_900));
        heartbeat.handle_handover();
        assert_eq!(end(&heartbeat), ms(2_400));
        assert!(heartbeat.handle_pong(ms(1_900)));
    }

    #[test]
    fn in_revision_3_the_next_ping_comes_an_interval_after_the_first_packet_that_is_no_pong() {
        let mut heartbeat = heartbeat(Revision::V3);
        assert_eq!(heartbeat.handle_timeout(ms(1_300)), Some(Beat::Ping));
        heartbeat.handle_handover();
        assert_eq!(
            heartbeat.deadline(),
            Some(ms(1_500)),
            "none without a packet"
        );
        heartbeat.handle_packet(ms(1_400));
        heartbeat.handle_packet(ms(1_600));
        assert_eq!(heartbeat.deadline(), Some(ms(1_700)));
        assert_eq!(heartbeat.handle_timeout(ms(1_699)), None);
        assert_eq!(heartbeat.handle_timeout(ms(1_700)), Some(Beat::Ping));
        assert_eq!(end(&heartbeat), ms(2_100), "by the last packet");
        heartbeat.handle_packet(ms(2_000));
        assert_eq!(heartbeat.deadline(), Some(ms(2_200)), "it waits");
        heartbeat.handle_handover();
        assert_eq!(heartbeat.deadline(), Some(ms(2_500)));
        heartbeat.handle_packet(ms(2_050));
        assert_eq!(heartbeat.deadline(), Some(ms(2_350)), "each ping anew");
    }

    #[test]
    fn in_revision_3_a_ping_that_was_handed_over_late_has_the_timeout_of_its_time() {
        let mut heartbeat = heartbeat(Revision::V3);
        heartbeat.handle_packet(ms(1_290));
        assert_eq!(heartbeat.handle_timeout(ms(1_300)), Some(Beat::Ping));
        heartbeat.handle_handover();
        assert_eq!(heartbeat.deadline(), Some(ms(1_500)), "as officially");
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
