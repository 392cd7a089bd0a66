//! The caller's clock.

use core::ops::Add;
use core::time::Duration;

/// A point in time, in nanoseconds since an epoch that the caller chooses.
///
/// The epoch may be the start of the process, zero in a test, or the time origin of a browser page. The machines only
/// compare instants and add durations to them. All arithmetic saturates, so that no interval can overflow. If an
/// instant is earlier than a previous one, the machines treat it as if time had stood still.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use engineio_proto::Instant;
///
/// let start = Instant::from_millis(500);
/// assert_eq!(start + Duration::from_secs(1), Instant::from_millis(1_500));
/// assert_eq!(start.saturating_duration_since(Instant::from_millis(900)), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(u64);

impl Instant {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);

    /// The last possible instant, some 584 years after the epoch. A deadline there never comes.
    pub const MAX: Self = Self(u64::MAX);

    /// Makes an instant from nanoseconds since the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Makes an instant from milliseconds since the epoch, [`Instant::MAX`] if that is too far.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Adds `duration`, [`Instant::MAX`] if that is too far.
    fn add(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addition_saturates() {
        assert_eq!(Instant::ZERO + Duration::MAX, Instant::MAX);
        assert_eq!(Instant::from_millis(u64::MAX), Instant::MAX);
        assert_eq!(Instant::MAX + Duration::from_nanos(1), Instant::MAX);
    }
}
