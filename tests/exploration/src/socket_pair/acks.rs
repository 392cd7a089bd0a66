//! The acknowledgements that the two applications await.

use std::collections::{BTreeMap, BTreeSet};

use engineio_proto::Instant;
use socketio_proto::client;
use socketio_proto::server::{AckId, BroadcastId, SocketKey};

use crate::report::Report;

/// An event that waits for its answer.
#[derive(Debug)]
struct Asked {
    number: u8,
    by: Instant,
}

/// An event that several are asked for their answers to.
#[derive(Debug)]
struct AskedAll {
    number: u8,
    by: Instant,
    expected: usize,
    missing: BTreeSet<SocketKey>,
}

#[derive(Debug, Default)]
pub(super) struct ServerAcks {
    asked: BTreeMap<(SocketKey, AckId), Asked>,
    asked_all: BTreeMap<BroadcastId, AskedAll>,
}

#[derive(Debug, Default)]
pub(super) struct ClientAcks {
    asked: BTreeMap<client::AckId, Asked>,
    /// Those whose event went to a session that is over.
    lost: BTreeSet<client::AckId>,
}

impl ServerAcks {
    pub(super) fn asked(&mut self, key: SocketKey, number: u8, id: AckId, by: Instant) {
        self.asked.insert((key, id), Asked { number, by });
    }

    pub(super) fn asked_all(
        &mut self,
        keys: Vec<SocketKey>,
        number: u8,
        id: BroadcastId,
        by: Instant,
    ) {
        let all = AskedAll {
            number,
            by,
            expected: keys.len(),
            missing: keys.into_iter().collect(),
        };
        self.asked_all.insert(id, all);
    }

    /// The number of awaited answers of connected sockets.
    pub(super) fn len(&self, is_there: impl Fn(SocketKey) -> bool) -> usize {
        let missing = self.asked_all.values().flat_map(|all| &all.missing);
        self.asked.len() + missing.filter(|key| is_there(**key)).count()
    }

    /// The number of unfinished ones.
    pub(super) fn open(&self) -> usize {
        self.asked.len() + self.asked_all.len()
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let single = self.asked.values().map(|asked| asked.by);
        let all = self.asked_all.values().map(|all| all.by);
        single.chain(all).min()
    }

    pub(super) fn awaits(&self, key: SocketKey) -> bool {
        self.asked.keys().any(|(asked, _)| *asked == key)
    }

    pub(super) fn answered(&mut self, key: SocketKey, id: AckId, number: u8, report: &mut Report) {
        check(self.asked.remove(&(key, id)).as_ref(), number, report);
    }

    /// An acknowledgement failed, for its time if that is given.
    pub(super) fn failed(
        &mut self,
        key: SocketKey,
        id: AckId,
        timed_out: Option<Instant>,
        report: &mut Report,
    ) {
        check_failed(self.asked.remove(&(key, id)).as_ref(), timed_out, report);
    }

    pub(super) fn replied(
        &mut self,
        id: BroadcastId,
        key: SocketKey,
        number: u8,
        report: &mut Report,
    ) {
        let all = self.asked_all.get_mut(&id);
        let fits = all.is_some_and(|all| all.number == number && all.missing.remove(&key));
        report.require(fits, || format!("{key:?} answers {number} to {id:?}"));
    }

    /// All have answered, or time is over.
    pub(super) fn ended(
        &mut self,
        id: BroadcastId,
        (expected, received): (usize, usize),
        missing: &[SocketKey],
        now: Instant,
        report: &mut Report,
    ) {
        let all = self.asked_all.remove(&id);
        let fits = all.as_ref().is_some_and(|all| {
            let counts = (all.expected, all.expected - all.missing.len());
            let over = all.missing.is_empty() || now >= all.by;
            over && (expected, received) == counts && missing.iter().eq(&all.missing)
        });
        report.require(fits, || {
            format!("{received} of {expected} answered, {missing:?} did not, instead of {all:?}")
        });
    }
}

impl ClientAcks {
    pub(super) fn asked(&mut self, id: client::AckId, number: u8, by: Instant) {
        self.asked.insert(id, Asked { number, by });
    }

    pub(super) fn len(&self) -> usize {
        self.asked.len()
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.asked.values().map(|asked| asked.by).min()
    }

    /// A session is over: what went to it is not answered any more.
    pub(super) fn lose_all_but(&mut self, unsent: impl Fn(client::AckId) -> bool) {
        let lost = self.asked.keys().copied().filter(|id| !unsent(*id));
        self.lost.extend(lost);
    }

    /// Whether one is awaited that cannot come any more.
    pub(super) fn awaits_lost(&self) -> bool {
        self.lost.iter().any(|id| self.asked.contains_key(id))
    }

    pub(super) fn answered(&mut self, id: client::AckId, number: u8, report: &mut Report) {
        self.lost.remove(&id);
        check(self.asked.remove(&id).as_ref(), number, report);
    }

    /// An acknowledgement failed, for its time if that is given.
    pub(super) fn failed(
        &mut self,
        id: client::AckId,
        timed_out: Option<Instant>,
        report: &mut Report,
    ) {
        self.lost.remove(&id);
        check_failed(self.asked.remove(&id).as_ref(), timed_out, report);
    }
}

fn check(asked: Option<&Asked>, number: u8, report: &mut Report) {
    report.require(asked.is_some_and(|asked| asked.number == number), || {
        format!("an answer to {number} for {asked:?}")
    });
}

fn check_failed(asked: Option<&Asked>, timed_out: Option<Instant>, report: &mut Report) {
    let over = asked.is_some_and(|asked| timed_out.is_none_or(|now| now >= asked.by));
    report.require(over, || {
        format!("{asked:?} ended twice, or before its time")
    });
}
