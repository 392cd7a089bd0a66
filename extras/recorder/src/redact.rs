//! Recordings without secrets, which replay nevertheless.
//!
//! What is masked has the same length and the same shape, so that every limit and every rule is met as before: a machine
//! looks at neither the values of an authentication nor those of headers. Ids are another matter, for a server makes them
//! from its seed and knows them again. So a redacted recording has another seed; the calls are made on a machine with the
//! old one and on a machine with the new one, side by side, and wherever the two say different things, there are the old id
//! and the new one that takes its place from there on.

mod ids;
mod mask;

use std::panic::{self, AssertUnwindSafe};

use socketio_proto::engine::{Instant, Seed};
use socketio_proto::server::Server;

use crate::calls::Machine;
use crate::replay::{Ending, OpenError, Replay, Replayed};
use crate::tape::{Digest, Header};
use crate::wire::{Reader, Writer};
use ids::Ids;

/// Why a recording cannot be redacted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedactError {
    /// It cannot be replayed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is not replayed the same, so nobody can tell what stands for what.
    #[error("the recording does not replay the same here: {0:?}")]
    Differs(Ending),
    /// A call came to something else without the secrets.
    #[error("call {number} comes to something else without the secrets")]
    Unfaithful {
        /// The number of the call.
        number: u64,
    },
}

/// Makes a recording without secrets of one: it replays, and says the same, but for
///
/// - ids of sessions and sockets, pids, and offsets: others, which lead to nothing, and `seed` in place of the one that
///   ids can be computed from (a server); ids that a server gave (a client);
/// - text in what clients show at each CONNECT, and the values of parameters that the protocol does not know, in queries;
/// - the values of cookies, and of headers and parameters that a client was told to send.
///
/// Each character of these becomes an `x`. Names of events, namespaces and rooms stay, and so do the contents of events,
/// which a fault is likely to be about: a recording without secrets is not one without private data. CONNECT packets of
/// MessagePack stay as they are.
///
/// # Errors
///
/// A [`RedactError`]. It is [`Unfaithful`](RedactError::Unfaithful) where other ids lead to something else, as where sockets are
/// told in the order of rooms that are called by them: that recording can only be kept as it is. What was cut off is
/// redacted up to there.
///
/// # Examples
///
/// ```no_run
/// use socketio_proto::engine::Seed;
/// use socketio_recorder::redact;
///
/// let recording = std::fs::read("chat.rec")?;
/// std::fs::write("chat-redacted.rec", redact(&recording, &Seed::new([7; 32]))?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn redact(recording: &[u8], seed: &Seed) -> Result<Vec<u8>, RedactError> {
    let calls = calls(recording)?;
    let header = Header::read(&mut Reader::new(recording)).map_err(OpenError::from)?;
    let settings = mask::settings(header.settings);
    // The seed of a client makes delays and no secrets, and other delays would be another history.
    let seed = if header.kind == Server::KIND {
        seed
    } else {
        &header.seed
    };
    let old = Header {
        settings: &settings,
        seed: header.seed.clone(),
        ..header
    };
    let new = Header {
        seed: seed.clone(),
        ..old
    };
    let mut work = Work {
        kind: header.kind,
        old: (Replayed::new(&old)?, Digest::listening()),
        new: (Replayed::new(&new)?, Digest::listening()),
        time: Instant::ZERO,
        ids: Ids::default(),
        out: Writer::default(),
    };
    new.write(&mut work.out);
    for (number, call) in (1..).zip(&calls.finished) {
        work.call(call).ok_or(RedactError::Unfaithful { number })?;
    }
    if let Some(call) = calls.unfinished {
        let number = calls.finished.len() as u64 + 1;
        let (_, call) = work
            .without_secrets(call)
            .ok_or(RedactError::Unfaithful { number })?;
        work.out.bytes.extend_from_slice(&call);
    }
    Ok(work.out.bytes)
}

/// The calls of a recording, each without what stands behind it.
struct Calls<'a> {
    finished: Vec<&'a [u8]>,
    /// The one that the machine did not come back from.
    unfinished: Option<&'a [u8]>,
}

/// Finds the calls of a recording that replays. A machine that panics at the last one does what it did then.
fn calls(recording: &[u8]) -> Result<Calls<'_>, RedactError> {
    let mut replay = Replay::new(recording)?;
    let mut starts = Vec::new();
    let panicked = loop {
        let start = replay.offset();
        match panic::catch_unwind(AssertUnwindSafe(|| replay.next().is_some())) {
            Ok(true) => starts.push(start),
            Ok(false) => break None,
            Err(_) => break Some(start),
        }
    };
    let (end, unfinished) = match (panicked, replay.ending()) {
        (Some(start), _) => (start, recording.get(start..)),
        (None, Ending::Complete) => (recording.len(), None),
        (None, Ending::CutOff { offset }) => (*offset, None),
        (None, Ending::Unfinished { .. }) => {
            let start = starts.pop().unwrap_or_default();
            (start, recording.get(start..replay.offset()))
        }
        (None, other) => return Err(RedactError::Differs(other.clone())),
    };
    let ends = starts.iter().skip(1).copied().chain([end]);
    let spans = starts.iter().zip(ends);
    Ok(Calls {
        finished: spans
            .filter_map(|(start, end)| recording.get(*start..end.checked_sub(4)?))
            .collect(),
        unfinished,
    })
}

/// Two machines, the one as it was and the one that takes its place, with what they say.
struct Work {
    kind: u8,
    old: (Replayed, Digest),
    new: (Replayed, Digest),
    /// The last time that was read.
    time: Instant,
    ids: Ids,
    out: Writer,
}

impl Work {
    /// A call with its secrets masked, and that with other ids too.
    fn without_secrets(&mut self, call: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let masked = mask::call(self.kind, call, self.time)?;
        if self.kind != Server::KIND {
            self.ids.invent(&masked);
        }
        let changed = self.ids.replace(&masked);
        Some((masked, changed))
    }

    /// Makes a call on both machines; `None` if they come to different things.
    fn call(&mut self, call: &[u8]) -> Option<()> {
        let (masked, changed) = self.without_secrets(call)?;
        let mut input = Reader::at(&changed, self.time);
        let made = self.new.0.make(&mut input, &mut self.new.1, false).ok()?;
        let mut input = Reader::at(&masked, self.time);
        self.old.0.make(&mut input, &mut self.old.1, false).ok()?;
        self.time = input.time();
        self.ids.learn(&self.old.1.heard(), &self.new.1.heard())?;
        self.out.bytes.extend_from_slice(&changed);
        self.out.bytes.extend_from_slice(&made.digest);
        Some(())
    }
}
