//! Recipients of a broadcast, some at a time.

use core::hint::black_box;

use engineio_proto::collections::Key;
use engineio_proto::server::{self as engine, SessionKey};

use super::keys::SocketKey;
use super::sockets::Sockets;

/// Some recipients with their sessions, which have been looked at.
///
/// In a large server a broadcast finds each session in memory that no cache has. A processor fetches many such places at
/// once, but only if it comes to them within a few hundred instructions, and one delivery takes more. So the sessions of
/// a batch are all looked at before anything is sent to the first.
pub(super) struct Batch {
    recipients: [(SocketKey, SessionKey); SIZE],
    count: usize,
}

/// What a processor fetches at once, about.
const SIZE: usize = 16;

impl Batch {
    /// The next recipients; `None` once all have been taken.
    pub(super) fn next(
        recipients: &mut impl Iterator<Item = SocketKey>,
        sockets: &Sockets,
        engine: &engine::Server,
    ) -> Option<Self> {
        let nobody = (SocketKey(Key::from_bits(0)), SessionKey::from_bits(0));
        let mut batch = Self {
            recipients: [nobody; SIZE],
            count: 0,
        };
        let found = recipients.filter_map(|key| Some((key, sockets.get(key.0)?.session)));
        for (place, recipient) in batch.recipients.iter_mut().zip(found) {
            *place = recipient;
            batch.count = batch.count.saturating_add(1);
        }
        for (_, session) in batch.recipients() {
            let session = engine.session(session);
            black_box(session.map(|session| (session.is_open(), session.buffered())));
        }
        (batch.count > 0).then_some(batch)
    }

    pub(super) fn recipients(&self) -> impl Iterator<Item = (SocketKey, SessionKey)> {
        let recipients = self.recipients.get(..self.count).unwrap_or_default();
        recipients.iter().copied()
    }
}
