//! The heartbeat of revision 4 as the client sees it: the server has to ping in time.
//!
//! | state | input | next | action |
//! |---|---|---|---|
//! | `Off` | handshake | `On { deadline: now + interval + timeout }` | – |
//! | `On` | ping | `On { deadline: now + interval + timeout }` | – |
//! | `On` | time ≥ `deadline` | `Expired` | timed out |
//! | any | connection ends | `Off`; `Expired` stays | – |
//!
//! Nothing but a ping moves the deadline. It is one value: no number of pings can add another.
//!
//! Source: `engine.io-client/lib/socket.ts`, `_resetPingTimeout`, `_hasPingExpired`.

use core::time::Duration;

use crate::Instant;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Watchdog {
    Off,
    On { period: Duration, deadline: Instant },
    Expired,
}

impl Watchdog {
    pub(super) fn start(interval: Duration, timeout: Duration, now: Instant) -> Self {
        let period = interval.saturating_add(timeout);
        Self::On {
            period,
            deadline: now + period,
        }
    }

    pub(super) fn handle_ping(&mut self, now: Instant) {
        if let Self::On { period, deadline } = self {
            // Time that goes backwards stands still.
            *deadline = (*deadline).max(now + *period);
        }
    }

    /// Whether the deadline has come; said once.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        let due = self.deadline().is_some_and(|deadline| now >= deadline);
        if due {
            *self = Self::Expired;
        }
        due
    }

    /// Whether the deadline has passed, or had when the connection ended.
    pub(super) fn has_expired(&self, now: Instant) -> bool {
        match self {
            Self::Off => false,
            Self::On { deadline, .. } => now > *deadline,
            Self::Expired => true,
        }
    }

    pub(super) fn stop(&mut self) {
        if let Self::On { .. } = self {
            *self = Self::Off;
        }
    }

    /// `None` also for an interval so long that it never ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::On { deadline, .. } if *deadline < Instant::MAX => Some(*deadline),
            Self::Off | Self::On { .. } | Self::Expired => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn watchdog() -> Watchdog {
        Watchdog::start(
            Duration::from_millis(300),
            Duration::from_millis(200),
            ms(1_000),
        )
    }

    #[test]
    fn bites_at_interval_and_timeout_and_not_before() {
        let mut watchdog = watchdog();
        assert_eq!(watchdog.deadline(), Some(ms(1_500)));
        assert!(!watchdog.handle_timeout(ms(1_499)));
        assert!(watchdog.handle_timeout(ms(1_500)));
        assert!(!watchdog.handle_timeout(ms(1_501)), "once");
        assert_eq!(watchdog.deadline(), None);
    }

    #[test]
    fn a_ping_starts_it_anew_from_its_arrival() {
        let mut watchdog = watchdog();
        watchdog.handle_ping(ms(1_499));
        assert_eq!(watchdog.deadline(), Some(ms(1_999)));
        watchdog.handle_ping(ms(1_200));
        assert_eq!(
            watchdog.deadline(),
            Some(ms(1_999)),
            "time does not go backwards"
        );
    }

    #[test]
    fn has_expired_only_after_the_deadline_and_from_then_on() {
        let mut watchdog = watchdog();
        assert!(!Watchdog::Off.has_expired(ms(9_999)));
        assert!(!watchdog.has_expired(ms(1_500)));
        assert!(watchdog.has_expired(ms(1_501)));
        watchdog.handle_timeout(ms(1_501));
        watchdog.stop();
        assert!(watchdog.has_expired(ms(0)));
    }

    #[test]
    fn an_endless_interval_has_no_deadline() {
        let endless = Duration::from_millis(u64::MAX);
        let watchdog = Watchdog::start(endless, endless, ms(1));
        assert_eq!(watchdog.deadline(), None);
        assert!(!watchdog.has_expired(Instant::MAX));
    }
}
