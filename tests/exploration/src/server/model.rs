//! A model of a session, from what the peer and the application have seen of it.

use bytes::Bytes;
use engineio_proto::server::{CloseReason, Event, Output};
use engineio_proto::{ConnectionId, Instant, RequestId, Revision};

use super::heart::Heart;
use super::{Plan, WAITING, Word};
use crate::packets;
use crate::report::Report;

/// The model does not copy the rules of the session. It counts inputs and outputs.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) open: bool,
    /// The handshake has not left yet.
    pub(super) opens: bool,
    /// The current connection of the session; none while it polls.
    pub(super) carrier: Option<ConnectionId>,
    pub(super) probe: Option<ConnectionId>,
    upgrade_by: Option<Instant>,
    probed: bool,
    answers: u32,
    pub(super) closing_by: Option<Instant>,
    /// The waiting data must leave before the end.
    pub(super) graceful: bool,
    /// Requests that wait for their answers.
    pub(super) polls: Vec<RequestId>,
    pub(super) posts: Vec<RequestId>,
    pub(super) connections: Vec<Connection>,
    /// Messages of the application that were taken by the session, and that have left it.
    pub(super) sent: u8,
    taken: u8,
    pub(super) refused: bool,
    /// Messages of the peer.
    pub(super) said: u8,
    pub(super) heart: Heart,
    revision: Revision,
    /// The limit of a payload.
    max_payload: Option<usize>,
    /// Deadlines are never early.
    exact: bool,
    // What follows is of one step.
    pub(super) expected: Vec<u8>,
    heard: Vec<u8>,
    pub(super) may_close: bool,
    pub(super) must_close: bool,
    expects_upgrade: bool,
}

/// A connection that the peer has not closed.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) is_accepted: bool,
    /// Closed by the machine.
    pub(super) is_closed: bool,
    /// The machine announced frames, and they have not all been taken.
    pub(super) is_announced: bool,
}

impl Model {
    pub(super) fn new(plan: Plan, now: Instant) -> Self {
        let revision = plan.revision;
        Self {
            open: true,
            opens: true,
            carrier: None,
            probe: None,
            upgrade_by: None,
            probed: false,
            answers: 0,
            closing_by: None,
            graceful: false,
            polls: Vec::new(),
            posts: Vec::new(),
            connections: Vec::new(),
            sent: 0,
            taken: 0,
            refused: false,
            said: 0,
            heart: Heart::new(revision, now),
            revision,
            max_payload: plan.max_payload(),
            exact: !plan.whole,
            expected: Vec::new(),
            heard: Vec::new(),
            may_close: false,
            must_close: false,
            expects_upgrade: false,
        }
    }

    /// A step begins.
    pub(super) fn begin(&mut self) {
        self.expected.clear();
        self.heard.clear();
        self.may_close = false;
        self.must_close = false;
        self.expects_upgrade = false;
    }

    pub(super) fn is_polling(&self) -> bool {
        self.open && self.carrier.is_none()
    }

    pub(super) fn holds_poll(&self) -> bool {
        !self.polls.is_empty()
    }

    /// The number of messages that have not left.
    pub(super) fn waiting(&self) -> usize {
        usize::from(self.sent - self.taken)
    }

    pub(super) fn forget(&mut self, id: RequestId) {
        self.polls.retain(|other| *other != id);
        self.posts.retain(|other| *other != id);
    }

    pub(super) fn start_probe(&mut self, id: ConnectionId, by: Instant) {
        self.probe = Some(id);
        self.upgrade_by = Some(by);
    }

    pub(super) fn lose_probe(&mut self, id: ConnectionId) {
        if self.probe == Some(id) {
            self.end_probe();
        }
    }

    fn end_probe(&mut self) {
        self.probe = None;
        self.upgrade_by = None;
        self.probed = false;
        self.answers = 0;
    }

    /// The peer sends something on its probe.
    pub(super) fn hear_probe(&mut self, word: Word, now: Instant) {
        match word {
            Word::Probe => {
                self.probed = true;
                self.answers += 1;
            }
            Word::Upgrade => {
                self.carrier = self.probe;
                self.end_probe();
                self.expects_upgrade = true;
                self.may_close = self.closing_by.is_some();
                self.heart.move_over(now);
            }
            _ => self.end_probe(),
        }
    }

    /// The session takes a packet of the peer.
    pub(super) fn hear(&mut self, word: Word, now: Instant) {
        let closing = self.closing_by.is_some();
        let wrong_way = match self.revision {
            Revision::V3 => matches!(word, Word::Pong),
            _ => matches!(word, Word::Ping | Word::Probe),
        };
        match word {
            Word::Close => self.must_close = true,
            _ if closing => {}
            Word::Garbage => self.must_close = true,
            _ if wrong_way => self.must_close = true,
            // A ping with a text.
            Word::Probe => self.heart.hear(Word::Ping, now),
            word => self.heart.hear(word, now),
        }
    }

    pub(super) fn pass_time(&mut self, now: Instant) {
        self.may_close = true;
        if self.open {
            self.heart.pass_time(now, self.closing_by.is_some());
        }
        if self.upgrade_by.is_some_and(|by| now >= by) {
            self.end_probe();
        }
    }

    /// Takes an output.
    pub(super) fn take(&mut self, output: Output<Event>, now: Instant, report: &mut Report) {
        match output {
            Output::Respond { request, response } => {
                self.answered(request, response.status, &response.body, report);
            }
            Output::Accept { connection, .. } => {
                let found = self.connection(connection);
                let fresh =
                    found.is_some_and(|found| !core::mem::replace(&mut found.is_accepted, true));
                report.require(fresh, || format!("{connection:?} was accepted twice"));
            }
            Output::Refuse { connection, .. } => {
                let open = self.open;
                let found = self.connection(connection);
                let fresh = found.is_some_and(|found| !found.is_accepted);
                report.require(fresh && !open, || format!("{connection:?} was refused"));
                self.connections.retain(|other| other.id != connection);
            }
            Output::Frames { connection } => {
                if let Some(found) = self.connection(connection) {
                    found.is_announced = true;
                }
            }
            Output::Close { connection } => {
                if let Some(found) = self.connection(connection) {
                    let first = !core::mem::replace(&mut found.is_closed, true);
                    found.is_announced = false;
                    report.require(first, || format!("{connection:?} was closed twice"));
                }
            }
            Output::Event(event) => self.told(event, now, report),
        }
    }

    fn told(&mut self, event: Event, now: Instant, report: &mut Report) {
        report.require(self.open, || format!("{event:?} behind the end"));
        match event {
            Event::Message(message) => {
                let number = packets::number(&message);
                report.require(number.is_some(), || format!("{message:?} is of nobody"));
                self.heard.extend(number);
            }
            Event::Upgraded(_) => {
                let expected = core::mem::take(&mut self.expects_upgrade);
                report.require(expected, || "an upgrade that nobody completed".to_owned());
            }
            Event::Drained => {
                let refused = core::mem::take(&mut self.refused);
                report.require(refused, || "drained without a refusal".to_owned());
                let waiting = self.waiting();
                report.require(waiting <= WAITING / 2, || {
                    format!("drained while {waiting} messages wait")
                });
            }
            Event::Closed(reason) => self.closed(reason, now, report),
            _ => report.require(false, || format!("{event:?} is not known")),
        }
    }

    fn closed(&mut self, reason: CloseReason, now: Instant, report: &mut Report) {
        self.open = false;
        report.require(self.may_close || self.must_close, || {
            format!("closed for no reason: {reason:?}")
        });
        let over = self.closing_by.is_some_and(|by| now >= by);
        if reason == CloseReason::ForcedClose && self.graceful && !over && !self.must_close {
            let waiting = self.waiting();
            report.require(waiting == 0, || {
                format!("a graceful close lost {waiting} messages")
            });
        }
        if reason == CloseReason::PingTimeout {
            let over = self.heart.is_over(now);
            report.require(over, || "a ping timeout before its time".to_owned());
        }
        self.end_probe();
        self.closing_by = None;
        self.graceful = false;
        self.heart = Heart::new(self.revision, now);
        self.sent = self.taken;
        self.refused = false;
        self.opens = false;
        self.carrier = None;
    }

    fn answered(&mut self, id: RequestId, status: u16, body: &Bytes, report: &mut Report) {
        let polled = self.polls.contains(&id);
        let posted = self.posts.contains(&id);
        report.require(polled || posted, || format!("{id:?} was answered twice"));
        self.forget(id);
        if !polled || status != 200 {
            return;
        }
        let packets = packets::of_body(self.revision, body);
        for packet in &packets {
            match packet.as_bytes() {
                [b'0', ..] => {
                    let opens = core::mem::take(&mut self.opens);
                    report.require(opens, || "a second handshake".to_owned());
                }
                [b'1' | b'6'] => {
                    let texts: Vec<_> = packets.iter().map(String::as_str).collect();
                    let alone = matches!(*texts, ["1" | "6"] | ["6", "1"]);
                    report.require(alone, || format!("{body:?} mixes packets"));
                }
                _ => self.took(packet, report),
            }
        }
        if self.revision == Revision::V3 {
            let written = packets::is_binary_body(body);
            report.require(written == packets::any_binary(&packets), || {
                format!("{body:?} is in the wrong form")
            });
        }
        self.check_length(body, &packets, report);
    }

    /// A payload is as long as allowed and no longer, unless it has a single packet.
    fn check_length(&self, body: &Bytes, packets: &[String], report: &mut Report) {
        let Some(limit) = self.max_payload else {
            return;
        };
        report.require(body.len() <= limit || packets.len() == 1, || {
            format!("{body:?} has more than {limit} bytes")
        });
        // A handshake is longer than that, a noop or close stands alone.
        let may_hold_more = packets.iter().all(|packet| packet.starts_with(['2', '4']));
        if self.waiting() > 0 && may_hold_more {
            let next = format!("4{}", self.taken + 1);
            let with = match self.revision {
                // What is text counts as in a body with something binary: the form is not known before its end.
                Revision::V3 => packets
                    .iter()
                    .chain([&next])
                    .map(|packet| packet.len() + 3)
                    .sum(),
                _ => {
                    body.len()
                        + 1
                        + packets::body(self.revision, core::slice::from_ref(&next)).len()
                }
            };
            report.require(with > limit, || format!("{body:?} leaves {next:?} out"));
        }
    }

    /// A frame left.
    pub(super) fn took_frame(&mut self, id: ConnectionId, text: &str, report: &mut Report) {
        if self.probe == Some(id) {
            let owed = self.answers > 0 && text == "3probe";
            report.require(owed, || format!("{text:?} left on the probe"));
            self.answers = self.answers.saturating_sub(1);
            return;
        }
        let is_carrier = self.open && self.carrier == Some(id);
        report.require(is_carrier, || format!("{text:?} left on {id:?}"));
        let opens = core::mem::take(&mut self.opens);
        report.require(opens == text.starts_with('0'), || {
            format!("{text:?} is not the handshake, or a second one")
        });
        if !opens {
            self.took(text, report);
        }
    }

    /// The pipe took all frames.
    pub(super) fn took_all(&mut self, id: ConnectionId, report: &mut Report) {
        if let Some(connection) = self.connection(id) {
            connection.is_announced = false;
        }
        if self.open && self.carrier == Some(id) {
            let owed = self.owes() || self.opens;
            report.require(!owed, || "no frame where one waits".to_owned());
        }
    }

    /// Whether the heartbeat or a message has to leave.
    fn owes(&self) -> bool {
        self.waiting() > 0 || self.heart.owes()
    }

    /// A packet left for the client.
    fn took(&mut self, packet: &str, report: &mut Report) {
        if let Some(due) = self.heart.took(packet) {
            return report.require(due, || format!("{packet:?} was not due"));
        }
        let number = packet.strip_prefix('4').and_then(|text| text.parse().ok());
        let next = self.taken + 1;
        report.require(number == Some(next) && next <= self.sent, || {
            format!(
                "{packet:?} left where message {next} of {} was due",
                self.sent
            )
        });
        self.taken = next.min(self.sent);
    }

    fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|open| open.id == id)
    }

    /// The promises of every state once the outputs have been taken.
    pub(super) fn check(&self, due: Option<Instant>, now: Instant, report: &mut Report) {
        report.require(self.heard == self.expected, || {
            format!(
                "told of messages {:?} instead of {:?}",
                self.heard, self.expected
            )
        });
        report.require(!self.must_close || !self.open, || "still open".to_owned());
        report.require(!self.expects_upgrade, || "no upgrade was told".to_owned());
        let accepted = self.connections.iter().all(|open| open.is_accepted);
        report.require(accepted, || "a connection is not accepted".to_owned());
        if self.open {
            self.check_open(due, now, report);
        } else {
            self.check_over(due, report);
        }
    }

    fn check_open(&self, due: Option<Instant>, now: Instant, report: &mut Report) {
        let bounds = [
            Some(self.heart.deadline()),
            self.upgrade_by,
            self.closing_by,
        ];
        let latest = bounds.into_iter().flatten().min();
        report.require(due.is_some_and(|due| due > now) && due <= latest, || {
            format!("the deadline is {due:?} at {now:?}, what is due is at {latest:?}")
        });
        // A server may look early.
        report.require(!self.exact || due == latest, || {
            format!("the deadline is {due:?}, nothing is due before {latest:?}")
        });
        let stray = self.connections.iter().find(|open| {
            let is_known = self.carrier == Some(open.id) || self.probe == Some(open.id);
            is_known == open.is_closed
        });
        report.require(stray.is_none(), || {
            format!("{stray:?} was not closed, or wrongly")
        });
        for open in &self.connections {
            let waits = if self.carrier == Some(open.id) {
                self.owes() || self.opens
            } else {
                self.probe == Some(open.id) && self.answers > 0
            };
            report.require(!waits || open.is_announced, || {
                "frames wait, and nobody was told".to_owned()
            });
        }
        if self.carrier.is_some() {
            let open = self.polls.len() + self.posts.len();
            report.require(open == 0, || "a request outlived an upgrade".to_owned());
        }
        let held = self.holds_poll();
        let waits = self.owes() || self.probed;
        report.require(!held || !waits, || {
            "a poll is held although something waits".to_owned()
        });
        let overlaps = self.polls.len() > 1 || self.posts.len() > 1;
        report.require(!overlaps, || "requests overlap".to_owned());
        let refuses = self.closing_by.is_some() || self.waiting() > WAITING / 2;
        report.require(!self.refused || refuses, || {
            "nobody was told that there is room again".to_owned()
        });
    }

    fn check_over(&self, due: Option<Instant>, report: &mut Report) {
        report.require(due.is_none(), || {
            format!("a deadline at {due:?} behind the end")
        });
        let open = self.polls.len() + self.posts.len();
        report.require(open == 0, || "a request was never answered".to_owned());
        let left = self.connections.iter().find(|open| !open.is_closed);
        report.require(left.is_none(), || format!("{left:?} was never closed"));
    }
}
