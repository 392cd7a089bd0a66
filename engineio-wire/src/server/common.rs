//! The lines that every answer ends with.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use engineio_proto::Instant;

use super::options::Options;
use crate::http::date::imf_fixdate;
use crate::http::write::HeadWriter;

/// Those lines, written once for many answers.
#[derive(Debug)]
pub(super) struct Common {
    keep_alive: Vec<u8>,
    /// The last date, and the second that it is for.
    date: (u64, String),
}

impl Common {
    pub(super) fn new(options: &Options) -> Self {
        let mut keep_alive = b"Connection: keep-alive\r\nKeep-Alive: timeout=".to_vec();
        let seconds = options.keep_alive_timeout.as_secs();
        keep_alive.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes());
        keep_alive.extend_from_slice(b"\r\n");
        Self {
            keep_alive,
            date: (0, imf_fixdate(Duration::ZERO)),
        }
    }

    /// Ends the head of an answer, after which the connection is closed or kept.
    pub(super) fn end(
        &mut self,
        mut head: HeadWriter,
        time: Option<Duration>,
        closes: bool,
    ) -> Vec<u8> {
        if let Some(time) = time {
            if self.date.0 != time.as_secs() {
                self.date = (time.as_secs(), imf_fixdate(time));
            }
            head.field("date", self.date.1.as_bytes());
        }
        let kept = if closes {
            b"Connection: close\r\n"
        } else {
            self.keep_alive.as_slice()
        };
        head.lines(kept).end()
    }
}

/// The time since 1970, if the wire knows it.
pub(super) fn since_1970(options: &Options, now: Instant) -> Option<Duration> {
    let epoch = options.epoch?;
    Some(epoch.saturating_add(now.saturating_duration_since(Instant::ZERO)))
}
