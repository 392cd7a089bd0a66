//! A trace of events in the network, line by line.

use std::fmt;
use std::fmt::Write as _;

use socketio_proto::engine::{Frame, Instant};

/// The record that a network keeps of its events.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Recording {
    /// Nothing.
    #[default]
    Nothing,
    /// A number that represents the whole history, to see whether two runs were the same.
    Digest,
    /// That number, and a line for each thing that was sent, arrived, was reported or failed.
    Trace,
}

/// Records events.
#[derive(Debug)]
pub(crate) struct Recorder {
    recording: Recording,
    lines: Vec<String>,
    digest: u64,
}

/// FNV-1a, 64 bits: the initial value and the multiplier.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Recorder {
    pub(crate) const fn new() -> Self {
        Self {
            recording: Recording::Nothing,
            lines: Vec::new(),
            digest: OFFSET,
        }
    }

    pub(crate) fn set(&mut self, recording: Recording) {
        self.recording = recording;
    }

    pub(crate) fn note(&mut self, now: Instant, what: fmt::Arguments<'_>) {
        if self.recording == Recording::Nothing {
            return;
        }
        let micros = now.as_nanos() / 1000;
        let mut digest = Digest(self.digest);
        // Writing to a digest or a string does not fail.
        let _ok = write!(digest, "{micros} {what}");
        self.digest = digest.0;
        if self.recording == Recording::Trace {
            let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
            self.lines.push(format!("{seconds:5}.{rest:06}  {what}"));
        }
    }

    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }
}

struct Digest(u64);

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        Ok(())
    }
}

/// Shows a frame: text unchanged, binary in hexadecimal digits, both truncated where they are long.
pub(crate) struct Shown<'a>(pub(crate) &'a Frame);

/// The maximum length of a frame in the trace.
const SHOWN: usize = 400;

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Frame::Text(text) => f.write_str(&short(text)),
            Frame::Binary(data) => {
                write!(f, "{} bytes ", data.len())?;
                for byte in data.iter().take(SHOWN / 2) {
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

/// Shows the start of a body. It is read only if somebody records the events.
pub(crate) struct Start<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Start<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&short(&String::from_utf8_lossy(self.0)))
    }
}

/// The start of a text.
fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    // The separator of packets in a payload is not visible.
    shown.replace('\u{1e}', "␞")
}
