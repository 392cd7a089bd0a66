//! Peers that stop reading and go on sending, in a small world of their own beside each other world.
//!
//! They are written by hand, since no machine of this workspace behaves so. Each reads for a while, slowly, and then
//! nothing any more, while it goes on sending heartbeats and more. Two promises are held against them:
//!
//! - a peer that reads, takes a frame in each half of the timeout and answers at once, is never closed by a `ping timeout`;
//! - a peer to which nothing was handed over since some time is closed within a bound that the heartbeat states, and
//!   what waits for it stays within its limits.

mod clients;
mod servers;

use std::time::Duration;

use socketio_proto::engine::{Instant, Revision};
use socketio_testkit::Random;

/// The step of time in these worlds: whatever happens is noticed so much later at most.
const TICK: Duration = Duration::from_millis(100);
/// The longest time that a peer reads.
const READS: Duration = Duration::from_secs(40);

/// The heartbeat of a world, and how a peer of it behaves.
#[derive(Clone, Copy, Debug)]
struct Pace {
    revision: Revision,
    interval: Duration,
    timeout: Duration,
    /// The time between two frames that the pipe takes, while the peer reads.
    takes_every: Duration,
    /// The time between two things that the peer sends, once it does not read.
    beats_every: Duration,
    /// The time at which it stops reading.
    reads_until: Instant,
    /// Its heartbeats go by the clock, and not by what it reads.
    by_clock: bool,
}

impl Pace {
    fn draw(random: &mut Random) -> Self {
        let timeout = random.duration(Duration::from_millis(1500), Duration::from_secs(8));
        Self {
            revision: if random.chance(500) {
                Revision::V3
            } else {
                Revision::V4
            },
            interval: random.duration(Duration::from_secs(2), Duration::from_secs(10)),
            timeout,
            takes_every: random.duration(TICK, timeout / 2 - TICK),
            beats_every: random.duration(TICK, Duration::from_secs(1)),
            reads_until: Instant::ZERO + random.duration(Duration::ZERO, READS),
            by_clock: random.chance(500),
        }
    }

    fn is_old(&self) -> bool {
        self.revision == Revision::V3
    }

    /// Until when everybody is gone that stopped reading: no bound is later.
    fn end(&self) -> Instant {
        self.reads_until + (self.interval + self.timeout) * 4 + Duration::from_secs(10)
    }
}

/// Something that happens again and again.
#[derive(Clone, Copy, Debug)]
struct Every {
    every: Duration,
    next: Instant,
}

impl Every {
    fn new(every: Duration) -> Self {
        Self {
            every,
            next: Instant::ZERO + every,
        }
    }

    /// Whether it happens now.
    fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now + self.every;
        }
        due
    }
}

/// Runs the worlds of a seed, and says which promise was broken.
pub(crate) fn run(seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    clients::run(&mut random)?;
    servers::run(&mut random)
}

#[cfg(test)]
mod tests {
    #[test]
    fn peers_that_stop_reading_are_given_up_in_time_and_others_are_not() {
        for seed in 0..300 {
            assert_eq!(super::run(seed), Ok(()), "seed {seed}");
        }
    }
}
