//! A model of both sides, from what the two applications have sent and received.

use std::collections::BTreeSet;
use std::collections::VecDeque;

use engineio_proto::Instant;
use socketio_proto::client::{self, Buffered};
use socketio_proto::server::{self, DisconnectReason};

use super::Plan;
use super::acks::{ClientAcks, ServerAcks};
use super::payloads::number_of;
use crate::report::Report;

/// One socket of the server, from the time that a client joined, over every recovery.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) id: String,
    /// The socket, while it is connected.
    pub(super) key: Option<server::SocketKey>,
    /// The time since when it is stored for its client to return.
    pub(super) away_since: Option<Instant>,
    pub(super) is_bystander: bool,
    /// The events that were sent to it, and the number of those that its client received.
    pub(super) sent: Vec<Sent>,
    pub(super) heard: usize,
    /// The last event that it received.
    last_up: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) number: u8,
    /// A returning client gets it, because it awaits no acknowledgement.
    pub(super) is_kept: bool,
}

#[derive(Debug)]
pub(super) struct Model {
    /// The number of events that the server and the client sent.
    pub(super) down: u8,
    pub(super) up: u8,
    pub(super) joins: u8,
    /// Something was lost, or time passed. Acknowledgements may have failed, and events may not have arrived.
    pub(super) interrupted: bool,
    /// The client closed its connection for good.
    pub(super) gave_up: bool,
    /// Clients that wait for the verdict of the application, and whether they are returning.
    pub(super) tokens: Vec<(server::ConnectToken, bool)>,
    pub(super) lives: Vec<Life>,
    /// The stored events for returning clients, and the times at which they were sent.
    pub(super) kept: Vec<(u8, Instant)>,
    /// The socket that the client was told to be.
    client_in: Option<usize>,
    /// The last socket that it was.
    pub(super) client_was_in: Option<usize>,
    /// The events that it received before it was told that it joined.
    early: Vec<u8>,
    /// The last event that it can name when it returns.
    pub(super) last_kept: Option<u8>,
    /// The events that wait in it until it joins.
    unsent: VecDeque<(u8, Option<client::AckId>)>,
    /// Events that waited until they were dropped, at their timeout or by the application.
    dropped: BTreeSet<u8>,
    heard_up: BTreeSet<u8>,
    pub(super) server_acks: ServerAcks,
    pub(super) client_acks: ClientAcks,
    server_tokens: VecDeque<(server::AckToken, u8)>,
    client_tokens: VecDeque<(client::AckToken, u8)>,
    failed: u8,
    bystander: bool,
    retries: bool,
    recovers: bool,
    waiting: usize,
    recovery_limit: usize,
}

impl Model {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            down: 0,
            up: 0,
            joins: 0,
            interrupted: false,
            gave_up: false,
            tokens: Vec::new(),
            lives: Vec::new(),
            kept: Vec::new(),
            client_in: None,
            client_was_in: None,
            early: Vec::new(),
            last_kept: None,
            unsent: VecDeque::new(),
            dropped: BTreeSet::new(),
            heard_up: BTreeSet::new(),
            server_acks: ServerAcks::default(),
            client_acks: ClientAcks::default(),
            server_tokens: VecDeque::new(),
            client_tokens: VecDeque::new(),
            failed: 0,
            bystander: plan.bystander,
            retries: plan.retries,
            recovers: plan.recovery.is_some(),
            waiting: plan.waiting,
            recovery_limit: plan.recovery.map_or(0, |recovery| recovery.events),
        }
    }

    pub(super) fn next_down(&mut self) -> u8 {
        self.down += 1;
        self.down
    }

    /// A client joined, or returned.
    pub(super) fn joined(
        &mut self,
        key: server::SocketKey,
        id: String,
        recovered: bool,
        now: Instant,
        report: &mut Report,
    ) {
        let known = self.lives.iter_mut().find(|life| life.id == id);
        match known {
            Some(life) => {
                report.require(recovered && life.key.is_none(), || {
                    format!("{id} is there a second time")
                });
                let in_time = life
                    .away_since
                    .is_some_and(|since| now <= since + super::AWAY);
                report.require(in_time, || format!("{id} came back too late"));
                life.key = Some(key);
                life.away_since = None;
                life.last_up = None;
                let missed = life.sent.split_off(life.heard);
                life.sent.extend(missed.iter().filter(|sent| sent.is_kept));
            }
            None => {
                report.require(!recovered, || format!("{id} came back from nowhere"));
                // The bystander comes first, and stays.
                let is_bystander = self.bystander && self.lives.is_empty();
                self.lives.push(Life {
                    id,
                    key: Some(key),
                    away_since: None,
                    is_bystander,
                    sent: Vec::new(),
                    heard: 0,
                    last_up: None,
                });
            }
        }
    }

    /// A client is treated as a new one. The session that it named is not stored, or no longer is. While the
    /// application decides on its return over another connection, its session cannot be restored a second time, and
    /// that return may still succeed.
    pub(super) fn starts_anew(&mut self, now: Instant, report: &mut Report) {
        if self.tokens.iter().any(|(_, recovered)| *recovered) {
            return;
        }
        let comes_back = self.comes_back(now);
        report.require(!comes_back, || {
            "a client that came back in time is new".to_owned()
        });
        let life = self
            .client_was_in
            .and_then(|index| self.lives.get_mut(index));
        if let (Some(life), Some(_)) = (life, self.last_kept) {
            life.away_since = None;
        }
    }

    /// Whether a client that asks to join now must be recovered, because the event that it names is still stored.
    fn comes_back(&self, now: Instant) -> bool {
        let life = self.client_was_in.and_then(|index| self.lives.get(index));
        let since = life.and_then(|life| life.away_since);
        let kept = self.kept.iter().rev().take(self.recovery_limit);
        let mut kept = kept.filter(|(_, at)| now <= *at + super::AWAY);
        let names_one = kept.any(|(number, _)| Some(*number) == self.last_kept);
        names_one && since.is_some_and(|since| now <= since + super::AWAY)
    }

    pub(super) fn is_bystander(&self, key: server::SocketKey) -> bool {
        self.life_of(key).is_some_and(|life| life.is_bystander)
    }

    pub(super) fn life_of(&self, key: server::SocketKey) -> Option<&Life> {
        self.lives.iter().find(|life| life.key == Some(key))
    }

    pub(super) fn members(&self) -> usize {
        self.lives.iter().filter(|life| life.key.is_some()).count()
    }

    pub(super) fn newest_member(&self) -> Option<server::SocketKey> {
        self.lives.iter().rev().find_map(|life| life.key)
    }

    /// The socket of the client that is not a bystander.
    pub(super) fn client_member(&self) -> Option<server::SocketKey> {
        let mut lives = self.lives.iter().rev().filter(|life| !life.is_bystander);
        lives.find_map(|life| life.key)
    }

    /// An event for several sockets. Returns the number of connected ones.
    pub(super) fn broadcast(
        &mut self,
        number: u8,
        to_client: bool,
        to_bystander: bool,
        now: Instant,
    ) -> usize {
        self.keep(number, now);
        let mut there = 0;
        for life in &mut self.lives {
            let is_for = if life.is_bystander {
                to_bystander
            } else {
                to_client
            };
            if is_for && (life.key.is_some() || life.away_since.is_some()) {
                there += usize::from(life.key.is_some());
                life.sent.push(Sent {
                    number,
                    is_kept: true,
                });
            }
        }
        there
    }

    fn keep(&mut self, number: u8, now: Instant) {
        if self.recovers {
            self.kept.push((number, now));
        }
    }

    pub(super) fn server_emitted(&mut self, key: server::SocketKey, number: u8, now: Instant) {
        self.keep(number, now);
        self.send(key, number, true);
    }

    fn send(&mut self, key: server::SocketKey, number: u8, is_kept: bool) {
        if let Some(life) = self.lives.iter_mut().find(|life| life.key == Some(key)) {
            life.sent.push(Sent { number, is_kept });
        }
    }

    pub(super) fn server_asked(
        &mut self,
        key: server::SocketKey,
        number: u8,
        id: server::AckId,
        by: Instant,
    ) {
        self.send(key, number, false);
        self.server_acks.asked(key, number, id, by);
    }

    /// All sockets are asked. Returns the number of connected ones.
    pub(super) fn server_asked_all(
        &mut self,
        number: u8,
        id: server::BroadcastId,
        by: Instant,
    ) -> usize {
        let keys: Vec<_> = self.lives.iter().filter_map(|life| life.key).collect();
        for key in &keys {
            self.send(*key, number, false);
        }
        let count = keys.len();
        self.server_acks.asked_all(keys, number, id, by);
        count
    }

    pub(super) fn client_emitted(&mut self, number: u8, id: Option<client::AckId>, by: Instant) {
        self.up = number;
        if let Some(id) = id {
            self.client_acks.asked(id, number, by);
        }
        if self.client_in.is_none() && !self.retries {
            self.unsent.push_back((number, id));
        }
    }

    /// Whether the client refuses to take an event.
    pub(super) fn is_full(&self) -> bool {
        self.client_in.is_none() && self.unsent.len() >= self.waiting
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty() && self.waiting <= usize::from(u8::MAX)
    }

    /// The waiting events are dropped. Returns their number.
    pub(super) fn clear(&mut self) -> usize {
        let unsent = core::mem::take(&mut self.unsent);
        self.dropped
            .extend(unsent.iter().map(|(number, _)| *number));
        unsent.len()
    }

    pub(super) fn check_buffer(&self, buffered: Buffered, report: &mut Report) {
        let unsent = self.unsent.len();
        report.require(self.retries || buffered.events == unsent, || {
            format!("{buffered:?} wait instead of {unsent} events")
        });
        let some = |count: usize, bytes: usize| (count == 0) == (bytes == 0);
        let counted = some(buffered.events, buffered.bytes)
            && some(buffered.retries, buffered.retry_bytes)
            && some(buffered.received, buffered.received_bytes);
        report.require(counted, || format!("{buffered:?} are miscounted"));
        let lost = self.client_acks.awaits_lost();
        report.require(!lost, || {
            "an acknowledgement outlived its session".to_owned()
        });
        let asked = self.client_acks.len();
        report.require(!self.retries || buffered.retries >= asked, || {
            format!("{buffered:?} are tried, and {asked} acknowledgements awaited")
        });
    }

    pub(super) fn server_pending(&self) -> usize {
        let is_there = |key| self.life_of(key).is_some();
        self.server_acks.len(is_there)
    }

    /// The unfinished acknowledgements and broadcasts.
    pub(super) fn pending(&self) -> usize {
        self.server_acks.open() + self.client_acks.len()
    }

    pub(super) fn server_answer_by(&self) -> Option<Instant> {
        self.server_acks.due()
    }

    /// With retries each try has a deadline of its own.
    pub(super) fn client_answer_by(&self) -> Option<Instant> {
        self.client_acks.due().filter(|_| !self.retries)
    }

    pub(super) fn has_server_token(&self) -> bool {
        !self.server_tokens.is_empty()
    }

    pub(super) fn has_client_token(&self) -> bool {
        !self.client_tokens.is_empty()
    }

    pub(super) fn take_server_token(&mut self) -> Option<(server::AckToken, u8)> {
        self.server_tokens.pop_front()
    }

    pub(super) fn take_client_token(&mut self) -> Option<(client::AckToken, u8)> {
        self.client_tokens.pop_front()
    }

    /// The client leaves, and receives nothing more.
    pub(super) fn leaves(&mut self) {
        self.early.clear();
    }

    pub(super) fn client_told(
        &mut self,
        event: client::Event,
        id: Option<String>,
        now: Instant,
        report: &mut Report,
    ) {
        match event {
            client::Event::Connected { recovered, .. } => {
                let id = id.unwrap_or_default();
                let life = self.lives.iter().position(|life| life.id == id);
                report.require(life.is_some(), || format!("{id} is nobody's"));
                report.require(self.client_in.is_none(), || "connected twice".to_owned());
                let same = life == self.client_was_in;
                report.require(recovered == same, || {
                    format!("recovered is {recovered}, the socket is the same: {same}")
                });
                self.client_in = life;
                self.client_was_in = life;
                self.unsent.clear();
                for number in core::mem::take(&mut self.early) {
                    self.heard_down(number, report);
                }
                if !recovered {
                    self.last_kept = None;
                }
            }
            client::Event::Disconnected { .. } => {
                // Officially it is told too if the connection ends while the namespace is being joined.
                self.client_in = None;
                self.early.clear();
                let unsent = &self.unsent;
                if !self.retries {
                    self.client_acks
                        .lose_all_but(|id| unsent.iter().any(|(_, other)| *other == Some(id)));
                }
            }
            client::Event::Event { payload, ack, .. } => {
                let number = number_of(&payload, report);
                if self.client_in.is_some() {
                    self.heard_down(number, report);
                } else {
                    self.early.push(number);
                }
                self.client_tokens.extend(ack.map(|token| (token, number)));
            }
            client::Event::Ack { id, payload, .. } => {
                self.client_acks
                    .answered(id, number_of(&payload, report), report);
            }
            client::Event::AckFailed { id, error, .. } => {
                let early = error == client::AckError::TimedOut && !self.retries;
                self.client_acks.failed(id, early.then_some(now), report);
                let dropped = self.unsent.iter().find(|(_, asked)| *asked == Some(id));
                self.dropped.extend(dropped.map(|(number, _)| *number));
                self.unsent.retain(|(_, asked)| *asked != Some(id));
                self.failed += 1;
            }
            _ => {}
        }
    }

    fn heard_down(&mut self, number: u8, report: &mut Report) {
        let Some(life) = self.client_in.and_then(|index| self.lives.get_mut(index)) else {
            return;
        };
        let next = life.sent.get(life.heard).copied();
        report.require(next.is_some_and(|next| next.number == number), || {
            format!("the client heard {number} instead of {next:?}")
        });
        life.heard += 1;
        if next.is_some_and(|next| next.is_kept) && self.recovers {
            self.last_kept = Some(number);
        }
    }

    pub(super) fn bystander_heard(&mut self, number: u8, report: &mut Report) {
        let Some(life) = self.lives.iter_mut().find(|life| life.is_bystander) else {
            return;
        };
        let next = life.sent.get(life.heard).map(|sent| sent.number);
        report.require(next == Some(number), || {
            format!("the bystander heard {number} instead of {next:?}")
        });
        life.heard += 1;
    }

    pub(super) fn server_told(&mut self, event: server::Event, now: Instant, report: &mut Report) {
        match event {
            server::Event::Event {
                socket,
                payload,
                ack,
            } => {
                let number = number_of(&payload, report);
                self.heard_up(socket, number, report);
                self.server_tokens.extend(ack.map(|token| (token, number)));
            }
            server::Event::Ack {
                socket,
                id,
                payload,
            } => {
                let number = number_of(&payload, report);
                self.server_acks.answered(socket, id, number, report);
            }
            server::Event::BroadcastReply {
                id,
                socket,
                payload,
            } => {
                let number = number_of(&payload, report);
                self.server_acks.replied(id, socket, number, report);
            }
            server::Event::BroadcastEnded {
                id,
                expected,
                received,
                missing,
            } => {
                let counts = (expected, received);
                self.server_acks.ended(id, counts, &missing, now, report);
                self.failed += u8::from(!missing.is_empty());
            }
            server::Event::AckFailed { socket, id, error } => {
                let early = error == server::AckError::TimedOut;
                self.server_acks
                    .failed(socket, id, early.then_some(now), report);
                self.failed += 1;
            }
            server::Event::Disconnected { socket, reason, .. } => {
                self.left(socket, &reason, now, report);
            }
            _ => {}
        }
    }

    fn heard_up(&mut self, socket: server::SocketKey, number: u8, report: &mut Report) {
        let life = self.lives.iter_mut().find(|life| life.key == Some(socket));
        report.require(life.is_some(), || format!("{number} from nobody"));
        let last = life.and_then(|life| life.last_up.replace(number));
        let again = self.retries && self.interrupted;
        let follows = last.is_none_or(|last| {
            let left_out = (last + 1..number).all(|before| self.dropped.contains(&before));
            number > last && left_out || again && number == last
        });
        report.require(follows, || format!("{number} behind {last:?}"));
        let new = self.heard_up.insert(number);
        report.require(new || again, || format!("{number} was heard twice"));
        let all_before = (1..number).all(|before| self.heard_up.contains(&before));
        report.require(all_before || !self.retries, || {
            format!("{number} was heard before {:?}", self.heard_up)
        });
    }

    fn left(
        &mut self,
        socket: server::SocketKey,
        reason: &DisconnectReason,
        now: Instant,
        report: &mut Report,
    ) {
        let recovers = self.recovers;
        let life = self.lives.iter_mut().find(|life| life.key == Some(socket));
        report.require(life.is_some(), || format!("{socket:?} left twice"));
        if let Some(life) = life {
            life.key = None;
            let for_good = matches!(
                reason,
                DisconnectReason::ClientNamespaceDisconnect
                    | DisconnectReason::ServerNamespaceDisconnect
            );
            life.away_since = Some(now).filter(|_| recovers && !for_good);
        }
        let left = self.server_acks.awaits(socket);
        report.require(!left, || {
            "an acknowledgement outlived its socket".to_owned()
        });
    }

    /// The promises once everything in flight has arrived and the client has joined.
    pub(super) fn all_is_well(&self, report: &mut Report) {
        let life = self.client_in.and_then(|index| self.lives.get(index));
        report.require(life.is_some_and(|life| life.key.is_some()), || {
            "the client is not in".to_owned()
        });
        let bystander = self.lives.iter().find(|life| life.is_bystander);
        for life in life.into_iter().chain(bystander) {
            let missing = life.sent.get(life.heard..).unwrap_or_default();
            report.require(missing.is_empty(), || {
                format!("{} never heard {missing:?}", life.id)
            });
        }
        let pending = self.pending();
        report.require(pending == 0, || {
            format!("{pending} acknowledgements never end")
        });
        if !self.interrupted || self.retries {
            let heard = self.heard_up.len();
            report.require(heard == usize::from(self.up), || {
                format!("the server heard {heard} of {}", self.up)
            });
        }
        if !self.interrupted {
            report.require(self.failed == 0, || {
                "an acknowledgement was lost".to_owned()
            });
        }
    }
}
