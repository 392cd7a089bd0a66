//! The tape: the header of a recording, its calls and the digest of their outcomes.

use std::fmt;
use std::io::{self, Write};
use std::mem;

use socketio_proto::engine::{Instant, Seed};

use crate::outcome::Outcome;
use crate::wire::{Fault, Reader, Wire, Writer};

/// The start of a recording: a name, and the version of the format.
pub(crate) const MAGIC: &[u8; 7] = b"SIOREC\x02";

/// The header: everything that a machine was created from.
#[derive(Clone)]
pub(crate) struct Header<'a> {
    pub(crate) kind: u8,
    pub(crate) shard: u16,
    pub(crate) seed: Seed,
    /// The version of this crate.
    pub(crate) version: &'a str,
    /// The configuration, JSON.
    pub(crate) settings: &'a str,
}

impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("kind", &self.kind)
            .field("shard", &self.shard)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl<'a> Header<'a> {
    pub(crate) fn write(&self, out: &mut Writer) {
        out.bytes.extend_from_slice(MAGIC);
        self.kind.write(out);
        self.shard.write(out);
        out.bytes.extend_from_slice(self.seed.as_bytes());
        self.version.write(out);
        self.settings.write(out);
    }

    pub(crate) fn read(input: &mut Reader<'a>) -> Result<Self, Fault> {
        let magic = input.take(MAGIC.len())?;
        if magic != MAGIC {
            return Err(Fault::Malformed("it does not start as one"));
        }
        let (kind, shard) = (u8::read(input)?, u16::read(input)?);
        let seed: [u8; 32] = input.take(32)?.try_into().map_err(|_| Fault::End)?;
        Ok(Self {
            kind,
            shard,
            seed: Seed::new(seed),
            version: Wire::read(input)?,
            settings: Wire::read(input)?,
        })
    }
}

/// The digest of all outputs so far: FNV-1a of 64 bits over their `Debug` output.
///
/// Half of it follows each call, so that a difference shows at once, and at each later call.
pub(crate) struct Digest {
    state: u64,
    /// The text that the digest took since the last query, if that is wanted.
    heard: Option<String>,
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Digest {
    pub(crate) const fn new() -> Self {
        Self {
            state: 0xcbf2_9ce4_8422_2325,
            heard: None,
        }
    }

    /// A digest that can be asked for the text that it took.
    pub(crate) fn listening() -> Self {
        Self {
            heard: Some(String::new()),
            ..Self::new()
        }
    }

    /// The text that it took since the last query.
    pub(crate) fn heard(&mut self) -> String {
        self.heard.as_mut().map(mem::take).unwrap_or_default()
    }

    /// Takes the outcome of a call, and the deadline after it.
    pub(crate) fn take(&mut self, outcome: &impl Outcome, deadline: Option<Instant>) -> [u8; 4] {
        outcome.digest(self);
        let deadline = deadline.map_or(u64::MAX, Instant::as_nanos);
        self.bytes(&deadline.to_be_bytes());
        if let Some(heard) = &mut self.heard {
            heard.push_str(&format!(" {deadline}"));
        }
        ((self.state >> 32 ^ self.state) as u32).to_be_bytes()
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.state = (self.state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        if let Some(heard) = &mut self.heard {
            heard.push_str(text);
        }
        Ok(())
    }
}

/// An unfinished recording.
pub(crate) struct Tape {
    sink: Box<dyn Write + Send>,
    out: Writer,
    digest: Digest,
    written: u64,
    limit: u64,
    end: Option<End>,
}

/// The reason why nothing is written any more.
#[derive(Debug)]
enum End {
    Full,
    Failed(io::Error),
}

/// The state of a recording.
#[derive(Debug)]
#[non_exhaustive]
pub enum Status<'a> {
    /// Nothing is recorded.
    Off,
    /// The calls up to the present one are recorded.
    Recording {
        /// The bytes written so far.
        bytes: u64,
    },
    /// The recording has reached its maximum length. It can be replayed.
    Full,
    /// Writing failed. The data before that can be replayed.
    Failed(&'a io::Error),
}

impl Tape {
    pub(crate) fn start(
        header: &Header<'_>,
        sink: Box<dyn Write + Send>,
        limit: u64,
    ) -> io::Result<Self> {
        let mut tape = Self {
            sink,
            out: Writer::default(),
            digest: Digest::new(),
            written: 0,
            limit,
            end: None,
        };
        header.write(&mut tape.out);
        tape.flush();
        match tape.end.take() {
            Some(End::Failed(error)) => Err(error),
            end => {
                tape.end = end;
                Ok(tape)
            }
        }
    }

    /// Writes down a call that is about to be made. Polls wait for the next other call, because their results follow
    /// from the calls before them.
    pub(crate) fn call(&mut self, tag: u8, is_poll: bool, arguments: impl FnOnce(&mut Writer)) {
        if self.end.is_some() {
            return;
        }
        self.out.bytes.push(tag);
        arguments(&mut self.out);
        if !is_poll {
            self.flush();
        }
    }

    /// Writes down the outcome, together with the next call.
    pub(crate) fn outcome(&mut self, outcome: &impl Outcome, deadline: Option<Instant>) {
        if self.end.is_none() {
            let digest = self.digest.take(outcome, deadline);
            self.out.bytes.extend_from_slice(&digest);
        }
    }

    pub(crate) fn status(&self) -> Status<'_> {
        match &self.end {
            None => Status::Recording {
                bytes: self.written + self.out.bytes.len() as u64,
            },
            Some(End::Full) => Status::Full,
            Some(End::Failed(error)) => Status::Failed(error),
        }
    }

    fn flush(&mut self) {
        let bytes = self.out.bytes.as_slice();
        self.written += bytes.len() as u64;
        if self.written > self.limit {
            self.end = Some(End::Full);
        } else if let Err(error) = self.sink.write_all(bytes) {
            self.end = Some(End::Failed(error));
        }
        self.out.bytes.clear();
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        if self.end.is_none() {
            self.flush();
        }
        // Whoever wants to know of errors flushes the sink after it.
        let _lost = self.sink.flush();
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tape").field(&self.status()).finish()
    }
}
