//! Recordings without secrets, which still replay.
//!
//! Masked text keeps its length and its shape, so that every limit and every rule still applies. A machine looks
//! neither at the values of an authentication nor at those of headers.
//!
//! Ids need another method, because a server makes them from its seed and recognises them. A redacted recording has
//! another seed. The calls are made on a machine with the old seed and on one with the new seed, side by side. Where
//! their outputs differ, there are an old id and the new id that replaces it from there on.

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

/// The reason why a recording cannot be redacted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedactError {
    /// It cannot be replayed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The replay differs, so the ids cannot be matched.
    #[error("the recording does not replay the same here: {0:?}")]
    Differs(Ending),
    /// A call had another outcome without the secrets.
    #[error("call {number} comes to something else without the secrets")]
    Unfaithful {
        /// The number of the call.
        number: u64,
    },
}

/// Makes a recording without secrets from another one. It replays with the same outcomes, except for
///
/// - ids of sessions and sockets, pids, and offsets. On a server they become other ids, and `seed` replaces the seed
///   that ids can be computed from. On a client the ids that a server gave are replaced;
/// - text in the authentication of clients at each CONNECT, and the values of unknown parameters in queries;
/// - the values of cookies, and of headers and parameters that a client was configured to send.
///
/// Each character of these becomes an `x`. Names of events, namespaces and rooms stay, and so do the contents of
/// events, since a fault often depends on them. A recording without secrets may therefore still have private data.
/// CONNECT packets of MessagePack stay unchanged.
///
/// # Errors
///
/// A [`RedactError`]. It is [`Unfaithful`](RedactError::Unfaithful) where other ids lead to another outcome. This
/// happens where the order of sockets depends on rooms that are named after them. Such a recording cannot be redacted.
/// A truncated recording is redacted up to its end.
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
    // The seed of a client makes delays and no secrets. Other delays would be another history.
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

/// The calls of a recording, each without the digest after it.
struct Calls<'a> {
    finished: Vec<&'a [u8]>,
    /// The call from which the machine did not return.
    unfinished: Option<&'a [u8]>,
}

/// Finds the calls of a recording that replays. If the machine panicked at the last call, it panics again.
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

/// The original machine and the one that replaces it, with their outputs.
struct Work {
    kind: u8,
    old: (Replayed, Digest),
    new: (Replayed, Digest),
    /// The last time in the recording.
    time: Instant,
    ids: Ids,
    out: Writer,
}

impl Work {
    /// A call with its secrets masked, and the same call with the new ids.
    fn without_secrets(&mut self, call: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let masked = mask::call(self.kind, call, self.time)?;
        if self.kind != Server::KIND {
            self.ids.invent(&masked);
        }
        let changed = self.ids.replace(&masked);
        Some((masked, changed))
    }

    /// Makes a call on both machines; `None` if their outcomes differ.
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
