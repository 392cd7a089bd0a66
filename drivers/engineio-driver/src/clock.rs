//! A clock that goes on while the host sleeps.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use engineio_proto::Instant;

/// The clock of a driver: [`Instant`]s since its start. Clones show the same time.
///
/// The time that the host spends asleep counts. On Linux, Android and OpenBSD that is `CLOCK_BOOTTIME`, on systems of
/// Apple `CLOCK_MONOTONIC`, elsewhere the clock of [`std::time::Instant`]; that of Windows counts sleep, others may not.
///
/// Timers of most runtimes do not count sleep. So a driver reads the clock at every wake-up, and before every command.
#[derive(Clone)]
pub struct Clock {
    source: Source,
    epoch: Duration,
}

#[derive(Clone)]
enum Source {
    System,
    Custom(Arc<dyn Fn() -> Duration + Send + Sync>),
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

impl Clock {
    /// Starts a clock at [`Instant::ZERO`].
    #[must_use]
    pub fn start() -> Self {
        Self {
            source: Source::System,
            epoch: system::now(),
        }
    }

    /// A clock that shows what a function gives: the time since its start, which must not go back. For tests, and for
    /// hosts with a clock of their own.
    pub fn from_fn(elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self {
            source: Source::Custom(Arc::new(elapsed)),
            epoch: Duration::ZERO,
        }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Instant {
        let time = match &self.source {
            Source::System => system::now(),
            Source::Custom(elapsed) => elapsed(),
        };
        Instant::ZERO + time.saturating_sub(self.epoch)
    }

    /// How long it is until then; zero if that is over.
    #[must_use]
    pub fn until(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.now())
    }
}

#[cfg(any(
    target_os = "android",
    target_os = "linux",
    target_os = "openbsd",
    target_vendor = "apple"
))]
mod system {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    #[cfg(not(target_vendor = "apple"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(target_vendor = "apple")]
    const CLOCK: ClockId = ClockId::Monotonic;

    /// The time since some moment before.
    pub(super) fn now() -> Duration {
        // Only a time before that moment is negative.
        clock_gettime(CLOCK).try_into().unwrap_or_default()
    }
}

#[cfg(not(any(
    target_os = "android",
    target_os = "linux",
    target_os = "openbsd",
    target_vendor = "apple"
)))]
mod system {
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    /// The time since the first call.
    pub(super) fn now() -> Duration {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        FIRST.get_or_init(Instant::now).elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn it_starts_at_zero_and_never_goes_back() {
        let clock = Clock::start();
        let copy = clock.clone();
        let mut last = clock.now();
        assert!(last.as_nanos() < 60_000_000_000, "{last:?}");
        for _ in 0..1000 {
            let now = copy.now();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn a_function_can_show_the_time() {
        let seconds = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&seconds);
        let clock = Clock::from_fn(move || Duration::from_secs(read.load(Ordering::Relaxed)));
        let due = clock.now() + Duration::from_secs(5);
        assert_eq!(clock.until(due), Duration::from_secs(5));
        seconds.store(4, Ordering::Relaxed);
        assert_eq!(clock.until(due), Duration::from_secs(1));
        seconds.store(7, Ordering::Relaxed);
        assert_eq!(clock.until(due), Duration::ZERO);
    }

    /// What the operating system says itself of the time since it started, asleep or not.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_time_asleep_counts() {
        let text = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = text.split(' ').next().unwrap().parse().unwrap();
        let now = system::now().as_secs_f64();
        assert!(
            (uptime - 1.0..uptime + 60.0).contains(&now),
            "{now} {uptime}"
        );
    }
}
