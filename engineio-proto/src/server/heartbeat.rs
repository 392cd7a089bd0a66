//! The heartbeat. It counts only what proves that the client reads.
//!
//! In revision 4 the server pings, and the client answers:
//!
//! | state | input | next | action |
//! |---|---|---|---|
//! | `Idle { ping_at }` | time ≥ `ping_at` | `Waiting { pong_by: now + timeout }` | send a ping |
//! | `Idle` | pong | `Idle` | – (an answer to nothing moves nothing) |
//! | `Waiting` | the ping is handed over | `Waiting`, handed over | – |
//! | `Waiting`, handed over | pong | `Idle { ping_at: now + interval }` | – |
//! | `Waiting`, not handed over | pong | `Waiting` | – (nobody can answer a ping that has not left) |
//! | `Waiting`, first packet other than a pong | packet | `Waiting { pong_by: now + timeout }` | – |
//! | `Waiting` | upgrade | `Waiting { pong_by: now + timeout }` | – |
//! | `Waiting` | time ≥ `pong_by` | `Off` | timed out |
//!
//! In revision 3 the client pings:
//!
//! | state | input | next | action |
//! |---|---|---|---|
//! | `Listening`, no answer waits | ping | `Listening { ping_by: now + interval + timeout }`, an answer waits | answer it |
//! | `Listening`, an answer waits | ping | `Listening { claimed_by: now + interval + timeout }` | – (one answer for both) |
//! | `Listening`, an answer waits | it is handed over | `Listening { ping_by: claimed_by }`, no answer waits | – |
//! | `Listening` | upgrade | `Listening { ping_by: now + interval + timeout }` | – |
//! | `Listening` | any other packet | `Listening` | – |
//! | `Listening` | time ≥ `ping_by` | `Off` | timed out |
//!
//! A packet is *handed over* when the driver pulls it as a frame, or when it is put into the answer to a poll. A client that
//! reads nothing leaves the pipe full, so the packet stays in the queue: whatever the client sends blindly, its session ends.
//! In revision 4 that is at most `interval + timeout` after it opened, in revision 3 after its first ping. The one-time grace
//! for other packets and the one for an upgrade add `timeout` each in revision 4; the upgrade adds `interval + timeout` in
//! revision 3. The grace does not depend on whether the ping was handed over: officially it does not, and a client that
//! reads slowly must not be closed earlier than officially.
//!
//! Deadlines are values, one per session, so that nothing a client sends can add another. A late call finds at most
//! one ping due, however long it was late.
//!
//! Source: `engine.io/lib/socket.ts`, `schedulePing`, `resetPingTimeout`; the one-time grace is that of release 6.6.11. An upgrade
//! officially ends the watch over a client, for good in revision 3. Officially pongs and pings count from clients that read
//! nothing, too.

use core::time::Duration;

use crate::Instant;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Heartbeat {
    Idle {
        ping_at: Instant,
    },
    Waiting {
        pong_by: Instant,
        /// The ping was handed over: a pong may answer it.
        handed_over: bool,
        /// Another packet has bought time already.
        refreshed: bool,
    },
    Listening {
        ping_by: Instant,
        /// The deadline by the last ping, which holds once the answer that waits has been handed over.
        claimed_by: Instant,
        answer_waits: bool,
    },
    Off,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    SendPing,
    TimedOut,
}

impl Heartbeat {
    pub(super) fn start(interval: Duration, now: Instant) -> Self {
        Self::Idle {
            ping_at: now + interval,
        }
    }

    /// Waits for the pings of a client of revision 3.
    pub(super) fn listen(interval: Duration, timeout: Duration, now: Instant) -> Self {
        let ping_by = now + interval + timeout;
        Self::Listening {
            ping_by,
            claimed_by: ping_by,
            answer_waits: false,
        }
    }

    pub(super) fn handle_timeout(&mut self, timeout: Duration, now: Instant) -> Option<Action> {
        match *self {
            Self::Idle { ping_at } if now >= ping_at => {
                *self = Self::Waiting {
                    pong_by: now + timeout,
                    handed_over: false,
                    refreshed: false,
                };
                Some(Action::SendPing)
            }
            Self::Waiting { pong_by, .. } if now >= pong_by => {
                *self = Self::Off;
                Some(Action::TimedOut)
            }
            Self::Listening { ping_by, .. } if now >= ping_by => {
                *self = Self::Off;
                Some(Action::TimedOut)
            }
            Self::Idle { .. } | Self::Waiting { .. } | Self::Listening { .. } | Self::Off => None,
        }
    }

    /// A ping of the client arrived, to be answered unless an answer waits already.
    pub(super) fn handle_ping(&mut self, interval: Duration, timeout: Duration, now: Instant) {
        if let Self::Listening {
            ping_by,
            claimed_by,
            answer_waits,
        } = self
        {
            *claimed_by = now + interval + timeout;
            if !core::mem::replace(answer_waits, true) {
                *ping_by = *claimed_by;
            }
        }
    }

    pub(super) fn handle_pong(&mut self, interval: Duration, now: Instant) {
        if let Self::Waiting {
            handed_over: true, ..
        } = self
        {
            *self = Self::start(interval, now);
        }
    }

    /// The ping, or the answer to the client's, was handed to the driver.
    pub(super) fn handle_handover(&mut self) {
        match self {
            Self::Waiting { handed_over, .. } => *handed_over = true,
            Self::Listening {
                ping_by,
                claimed_by,
                answer_waits,
            } => {
                *answer_waits = false;
                // An upgrade may have given more.
                *ping_by = (*ping_by).max(*claimed_by);
            }
            Self::Idle { .. } | Self::Off => {}
        }
    }

    /// A packet that is no pong arrived: a large one may have held up the pong behind it.
    pub(super) fn handle_other_packet(&mut self, timeout: Duration, now: Instant) {
        if let Self::Waiting {
            pong_by,
            refreshed: refreshed @ false,
            ..
        } = self
        {
            *pong_by = now + timeout;
            *refreshed = true;
        }
    }

    /// The session moved to another transport: a ping that went out on the old one gets the full time again, and so
    /// does the client that sends them.
    pub(super) fn handle_upgrade(&mut self, interval: Duration, timeout: Duration, now: Instant) {
        match self {
            Self::Waiting { pong_by, .. } => *pong_by = now + timeout,
            Self::Listening { ping_by, .. } => *ping_by = now + interval + timeout,
            Self::Idle { .. } | Self::Off => {}
        }
    }

    pub(super) fn stop(&mut self) {
        *self = Self::Off;
    }

    /// Whether no packet of the client changes anything, as between a pong and the next ping.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle { .. })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Idle { ping_at } => Some(*ping_at),
            Self::Waiting { pong_by, .. } => Some(*pong_by),
            Self::Listening { ping_by, .. } => Some(*ping_by),
            Self::Off => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(300);
    const TIMEOUT: Duration = Duration::from_millis(200);

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn at(heartbeat: &mut Heartbeat, millis: u64) -> Option<Action> {
        heartbeat.handle_timeout(TIMEOUT, ms(millis))
    }

    #[test]
    fn pings_at_the_interval_and_not_before() {
        let mut heartbeat = Heartbeat::start(INTERVAL, ms(0));
        assert_eq!(heartbeat.deadline(), Some(ms(300)));
        assert_eq!(at(&mut heartbeat, 299), None);
        assert_eq!(at(&mut heartbeat, 300), Some(Action::SendPing));
        assert_eq!(at(&mut heartbeat, 301), None);
        assert_eq!(heartbeat.deadline(), Some(ms(500)));
    }

    #[test]
    fn times_out_at_the_timeout_and_not_before() {
        let mut heartbeat = Heartbeat::start(INTERVAL, ms(0));
        at(&mut heartbeat, 300);
        assert_eq!(at(&mut heartbeat, 499), None);
        assert_eq!(at(&mut heartbeat, 500), Some(Action::TimedOut));
        assert_eq!(
            (at(&mut heartbeat, 501), heartbeat.deadline()),
            (None, None)
        );
    }

    #[test]
    fn a_pong_starts_the_interval_anew_from_its_arrival() {
        let mut heartbeat = Heartbeat::start(INTERVAL, ms(0));
        at(&mut heartbeat, 300);
        heartbeat.handle_handover();
        heartbeat.handle_pong(INTERVAL, ms(450));
        assert_eq!(heartbeat.deadline(), Some(ms(750)));
    }

    #[test]
    fn a_pong_to_a_ping_that_was_not_handed_over_postpones_nothing() {
        let mut heartbeat = Heartbeat::start(INTERVAL, ms(0));
        heartbeat.handle_handover();
        at(&mut heartbeat, 300);
        heartbeat.handle_pong(INTERVAL, ms(400));
        assert_eq!(heartbeat.deadline(), Some(ms(500)));
        heartbeat.handle_handover();
        heartbeat.handle_pong(INTERVAL, ms(450));
        at(&mut heartbeat, 750);
        heartbeat.handle_pong(INTERVAL, ms(800));
        assert_eq!(heartbeat.deadline(), Some(ms(950)), "each ping anew");
    }

    #[test]
    fn an_unsolicited_pong_postpones_nothing() {
        let mut heartbeat = Heartbeat::start(INTERVAL, ms(0));
        heartbeat.handle_pong(INTERVAL, ms(200));
        assert_eq!(heartbeat.deadline(), Some(ms(300)));
    }

    #[test]
    fn only_the_first_other_packet_after_a_ping_buys_time() {
        let mut heartbeat = Heartbeat::start(INTERVAL, ms(0));
        heartbeat.handle_other_packet(TIMEOUT, ms(100));
        assert_eq!(heartbeat.deadline(), Some(ms(300)));
        at(&mut heartbeat, 300);
        heartbeat.handle_other_packet(TIMEOUT, ms(400));
        assert_eq!(heartbeat.deadline(), Some(ms(600)));
        heartbeat.handle_other_packet(TIMEOUT, ms(500));
        assert_eq!(heartbeat.deadline(), Some(ms(600)));
    }

    #[test]
    fn after_a_long_stall_exactly_one_ping_is_due() {
        let mut heartbeat = Heartbeat::start(INTERVAL, ms(0));
        assert_eq!(at(&mut heartbeat, 1_000_000), Some(Action::SendPing));
        assert_eq!(at(&mut heartbeat, 1_000_000), None);
    }

    #[test]
    fn an_upgrade_rearms_an_outstanding_ping_and_keeps_the_schedule_otherwise() {
        let mut heartbeat = Heartbeat::start(INTERVAL, ms(0));
        heartbeat.handle_upgrade(INTERVAL, TIMEOUT, ms(100));
        assert_eq!(heartbeat.deadline(), Some(ms(300)));
        at(&mut heartbeat, 300);
        heartbeat.handle_upgrade(INTERVAL, TIMEOUT, ms(450));
        assert_eq!(heartbeat.deadline(), Some(ms(650)));
    }

    #[test]
    fn a_client_that_pings_is_waited_for_from_each_ping_on() {
        let mut heartbeat = Heartbeat::listen(INTERVAL, TIMEOUT, ms(0));
        assert_eq!(at(&mut heartbeat, 499), None);
        heartbeat.handle_ping(INTERVAL, TIMEOUT, ms(499));
        heartbeat.handle_other_packet(TIMEOUT, ms(900));
        heartbeat.handle_pong(INTERVAL, ms(900));
        assert_eq!(at(&mut heartbeat, 998), None);
        assert_eq!(at(&mut heartbeat, 999), Some(Action::TimedOut));
        assert_eq!(heartbeat.deadline(), None);
    }

    #[test]
    fn pings_behind_an_answer_that_waits_count_once_it_was_handed_over() {
        let mut heartbeat = Heartbeat::listen(INTERVAL, TIMEOUT, ms(0));
        heartbeat.handle_ping(INTERVAL, TIMEOUT, ms(100));
        heartbeat.handle_ping(INTERVAL, TIMEOUT, ms(200));
        heartbeat.handle_ping(INTERVAL, TIMEOUT, ms(400));
        assert_eq!(heartbeat.deadline(), Some(ms(600)), "the first one counts");
        heartbeat.handle_handover();
        assert_eq!(heartbeat.deadline(), Some(ms(900)), "as of its arrival");
        heartbeat.handle_ping(INTERVAL, TIMEOUT, ms(500));
        assert_eq!(heartbeat.deadline(), Some(ms(1_000)));
        heartbeat.handle_upgrade(INTERVAL, TIMEOUT, ms(600));
        heartbeat.handle_ping(INTERVAL, TIMEOUT, ms(550));
        heartbeat.handle_handover();
        assert_eq!(heartbeat.deadline(), Some(ms(1_100)), "the later of both");
    }

    #[test]
    fn a_client_that_pings_gets_the_full_time_after_an_upgrade() {
        let mut heartbeat = Heartbeat::listen(INTERVAL, TIMEOUT, ms(0));
        heartbeat.handle_upgrade(INTERVAL, TIMEOUT, ms(400));
        assert_eq!(heartbeat.deadline(), Some(ms(900)));
    }
}
