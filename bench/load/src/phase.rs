//! A stretch of a run: so many operations, or so long.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Result;

/// The length of a phase.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// So many exchanges: an echo, a cycle, or a broadcast with all of its deliveries.
    Exchanges(u64),
    /// As much as fits into this time. Operations that have begun by then are finished.
    Time(Duration),
}

/// The exchanges of a phase and their latencies.
#[derive(Debug)]
pub struct Phase {
    limit: Limit,
    began: Instant,
    begun: u64,
    ended: u64,
    /// Whether the limit was reached.
    is_closed: bool,
    /// Nanoseconds, one value for each operation.
    latencies: Histogram<u64>,
}

/// No operation takes longer than a run.
const MAX_LATENCY: Duration = Duration::from_secs(3600);

impl Phase {
    /// Begins now.
    ///
    /// # Errors
    ///
    /// None, but the histogram has a fallible constructor.
    pub fn new(limit: Limit) -> Result<Self> {
        Ok(Self {
            limit,
            began: Instant::now(),
            begun: 0,
            ended: 0,
            is_closed: false,
            latencies: Histogram::new_with_bounds(1, MAX_LATENCY.as_nanos() as u64, 3)?,
        })
    }

    /// Begins an exchange, if there may be one more.
    pub fn begin(&mut self, now: Instant) -> bool {
        let is_open = match self.limit {
            Limit::Exchanges(count) => self.begun < count,
            Limit::Time(duration) => now.duration_since(self.began) < duration,
        };
        self.is_closed |= !is_open;
        self.begun += u64::from(is_open);
        is_open
    }

    /// Ends an exchange.
    pub fn end(&mut self) {
        self.ended += 1;
    }

    /// Counts an operation: an exchange, or one delivery of a broadcast.
    pub fn count(&mut self, began: Instant, now: Instant) {
        self.latencies
            .saturating_record(now.duration_since(began).as_nanos() as u64);
    }

    /// Whether the limit is reached and all that began has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_closed && self.begun == self.ended
    }

    /// The latencies of all operations, in nanoseconds. Their number is that of the operations.
    #[must_use]
    pub fn latencies(&self) -> &Histogram<u64> {
        &self.latencies
    }

    /// The time since it began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
