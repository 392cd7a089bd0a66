//! Recipients of a broadcast, some at a time.

use core::array;
use core::hint::black_box;

use engineio_proto::server::{self as engine, SessionKey};

use super::keys::SocketKey;
use super::sockets::Sockets;

/// Some recipients with their sessions, which have been looked at.
///
/// In a large server a broadcast finds each session in memory that no cache has. A processor fetches many such places at
/// once, but only if it comes to them within a few hundred instructions, and one delivery takes more. So the sessions of
/// a batch are all looked at before anything is sent to the first.
pub(super) struct Batch([Option<(SocketKey, SessionKey)>; SIZE]);

/// What a processor fetches at once, about.
const SIZE: usize = 16;

impl Batch {
    /// The next recipients; `None` once all have been taken.
    pub(super) fn next(
        recipients: &mut impl Iterator<Item = SocketKey>,
        sockets: &Sockets,
        engine: &engine::Server,
    ) -> Option<Self> {
        let keys: [_; SIZE] = array::from_fn(|_| recipients.next());
        keys.first().copied().flatten()?;
        let batch = keys.map(|key| {
            let key = key?;
            Some((key, sockets.get(key.0)?.session))
        });
        for (_, session) in batch.iter().flatten() {
            let session = engine.session(*session);
            black_box(session.map(|session| (session.is_open(), session.buffered())));
        }
        Some(Self(batch))
    }

    pub(super) fn recipients(self) -> impl Iterator<Item = (SocketKey, SessionKey)> {
        self.0.into_iter().flatten()
    }
}
