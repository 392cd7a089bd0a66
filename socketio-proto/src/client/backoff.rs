//! The delay before the next attempt to connect.

use core::time::Duration;

use engineio_proto::ConfigError;
use engineio_proto::settings::check_timer_or_zero;
use serde::{Deserialize, Serialize};

/// The settings of the delays between attempts, with the official names and defaults.
///
/// The delay before attempt `n`, counted from 0, is `reconnection_delay` times 2ⁿ, made shorter or longer by up to
/// `randomization_factor` of itself, and never more than `reconnection_delay_max`. All in whole milliseconds.
///
/// Where the official client overflows after some thousand attempts, so that half of its delays are 0, this one stays
/// at the longest delay.
///
/// Source: `socket.io-client/lib/contrib/backo2.ts`.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use socketio_proto::client::Backoff;
///
/// let backoff = Backoff::default();
/// assert_eq!(backoff.delay(0, 0.5), Duration::from_millis(1250));
/// assert_eq!(backoff.delay(9, 0.5), Duration::from_millis(5000));
/// ```
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Backoff {
    /// The delay before the first attempt, jitter aside. Default 1 s, which zero stands for too.
    pub reconnection_delay: Duration,
    /// The longest delay. Default 5 s, which zero stands for too.
    pub reconnection_delay_max: Duration,
    /// The part of a delay by which it may be shorter or longer. Default 0.5; what is not above 0 and at most 1 means
    /// that delays are exact.
    pub randomization_factor: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            reconnection_delay: DELAY,
            reconnection_delay_max: DELAY_MAX,
            randomization_factor: 0.5,
        }
    }
}

impl Backoff {
    /// The delay before attempt `attempt`, counted from 0, when `random`, at least 0 and less than 1, was drawn for it.
    #[must_use]
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let min = millis(self.reconnection_delay, DELAY);
        let max = millis(self.reconnection_delay_max, DELAY_MAX);
        let exact = min.saturating_mul(1_u64.checked_shl(attempt).unwrap_or(u64::MAX));
        let jitter = self.randomization_factor;
        let delay = if jitter > 0.0 && jitter <= 1.0 {
            // Conversions from floating point truncate and saturate, and what is not a number is 0.
            let deviation = (random * jitter * exact as f64) as u64;
            if ((random * 10.0) as u64).is_multiple_of(2) {
                exact.saturating_sub(deviation)
            } else {
                exact.saturating_add(deviation)
            }
        } else {
            exact
        };
        Duration::from_millis(delay.min(max))
    }

    /// Finds out whether these delays can be waited for.
    ///
    /// The longest delay is at most [`MAX_TIMER`](crate::engine::settings::MAX_TIMER); the official client wraps around beyond. The first delay may have any
    /// length, since the longest one bounds it.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] for [`reconnection_delay_max`](Self::reconnection_delay_max).
    pub fn check(&self) -> Result<(), ConfigError> {
        // A new option needs a rule here; `_` says that each value works.
        let Self {
            reconnection_delay: _,
            reconnection_delay_max,
            randomization_factor: _,
        } = self;
        check_timer_or_zero("reconnection_delay_max", *reconnection_delay_max)
    }
}

/// Whole milliseconds; `default` for what is less than one.
fn millis(duration: Duration, default: Duration) -> u64 {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match millis(duration) {
        0 => millis(default),
        millis => millis,
    }
}

const DELAY: Duration = Duration::from_millis(1_000);
const DELAY_MAX: Duration = Duration::from_millis(5_000);

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(backoff: &Backoff, random: f64) -> [u128; 5] {
        [0, 1, 2, 3, 4].map(|attempt| backoff.delay(attempt, random).as_millis())
    }

    #[test]
    fn delays_are_those_of_the_official_client() {
        let backoff = Backoff::default();
        for (random, expected) in [
            (0.0, [1000, 2000, 4000, 5000, 5000]),
            (0.05, [975, 1950, 3900, 5000, 5000]),
            (0.1, [1050, 2100, 4200, 5000, 5000]),
            (0.5, [1250, 2500, 5000, 5000, 5000]),
            (0.95, [1475, 2950, 5000, 5000, 5000]),
        ] {
            assert_eq!(delays(&backoff, random), expected, "{random}");
        }
    }

    #[test]
    fn a_factor_outside_of_zero_to_one_means_exact_delays() {
        for randomization_factor in [0.0, -0.5, 1.01, f64::NAN, f64::INFINITY] {
            let backoff = Backoff {
                randomization_factor,
                ..Backoff::default()
            };
            assert_eq!(delays(&backoff, 0.9), [1000, 2000, 4000, 5000, 5000]);
        }
        let whole = Backoff {
            randomization_factor: 1.0,
            ..Backoff::default()
        };
        assert_eq!(whole.delay(0, 0.99).as_millis(), 1990);
        assert_eq!(whole.delay(0, 0.89).as_millis(), 110);
    }

    #[test]
    fn delays_stay_at_the_longest_for_ever() {
        let backoff = Backoff::default();
        for attempt in (20..70).chain([1_015, 1_016, 1_017, u32::MAX]) {
            for random in [0.0, 0.05, 0.3, 0.999] {
                assert_eq!(backoff.delay(attempt, random).as_millis(), 5_000);
            }
        }
        let long = Backoff {
            reconnection_delay: Duration::MAX,
            reconnection_delay_max: Duration::MAX,
            ..backoff
        };
        assert!(long.delay(3, 0.999).as_millis() >= u128::from(u64::MAX / 2));
    }

    #[test]
    fn zero_stands_for_the_default() {
        let backoff = Backoff {
            reconnection_delay: Duration::ZERO,
            reconnection_delay_max: Duration::ZERO,
            ..Backoff::default()
        };
        assert_eq!(delays(&backoff, 0.5), delays(&Backoff::default(), 0.5));
    }
}
