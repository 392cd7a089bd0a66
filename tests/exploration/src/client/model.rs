//! A model of a client, from what the server and the application have seen of it.

use bytes::Bytes;
use engineio_proto::client::{CloseReason, Event, Output};
use engineio_proto::{ConnectionId, Instant, RequestId, Revision};

use super::heart::Heart;
use super::{DELAY, MAX_PACKETS, MAX_PAYLOAD, PROBE, Plan, WAITING, Word};
use crate::packets;
use crate::report::Report;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Closed,
    Opening { by: Instant },
    Open,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Handshake,
    Get,
    Post,
}

/// A request that was neither answered nor given up.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) kind: Kind,
    /// It belongs to the current connection, not to an earlier one.
    is_current: bool,
    /// It tells the server that the client is gone.
    is_farewell: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// It is meant to open the session.
    Opening,
    /// The probe has not left.
    Probe,
    /// The probe has left.
    Probed,
    /// The probe was answered.
    Answered,
    /// The client upgraded, and has not reported it.
    Moving,
    Carrier,
}

/// A connection that the client has not closed, and that is not lost.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) stage: Stage,
    pub(super) is_connected: bool,
    pub(super) is_announced: bool,
    probe_by: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Model {
    phase: Phase,
    pub(super) closing: bool,
    graceful: bool,
    pub(super) openings: u8,
    pub(super) requests: Vec<Request>,
    /// A GET that was given up.
    pub(super) stale: Option<RequestId>,
    pub(super) connections: Vec<Connection>,
    /// Messages of the application that were taken by the client, and that have left it.
    pub(super) sent: u8,
    taken: u8,
    pub(super) refused: bool,
    /// Messages of the server.
    pub(super) said: u8,
    revision: Revision,
    heart: Heart,
    /// Two transports are offered for an upgrade.
    offers_both: bool,
    /// The time at which the second one is tried.
    delayed_to: Option<Instant>,
    // What follows is of one step.
    pub(super) expected: Vec<u8>,
    heard: Vec<u8>,
    opens: bool,
    /// Pings, in revision 3 pongs, of which the application is told.
    pings: u8,
    pauses: bool,
    /// The client has to try the second transport.
    connects: bool,
    was_pausing: bool,
    requested: bool,
    failures: u8,
    pub(super) may_close: bool,
    pub(super) must_close: bool,
}

impl Model {
    pub(super) fn new(plan: Plan) -> Self {
        let revision = plan.revision;
        Self {
            phase: Phase::Closed,
            closing: false,
            graceful: false,
            openings: 0,
            requests: Vec::new(),
            stale: None,
            connections: Vec::new(),
            sent: 0,
            taken: 0,
            refused: false,
            said: 0,
            revision,
            heart: Heart::new(revision, Instant::ZERO),
            offers_both: plan.to.len() > 1,
            delayed_to: None,
            expected: Vec::new(),
            heard: Vec::new(),
            opens: false,
            pings: 0,
            pauses: false,
            connects: false,
            was_pausing: false,
            requested: false,
            failures: 0,
            may_close: false,
            must_close: false,
        }
    }

    /// A step begins.
    pub(super) fn begin(&mut self, is_pausing: bool) {
        self.expected.clear();
        self.heard.clear();
        self.opens = false;
        self.pings = 0;
        self.pauses = false;
        self.connects = false;
        self.was_pausing = is_pausing;
        self.requested = false;
        self.failures = 0;
        self.may_close = false;
        self.must_close = false;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    pub(super) fn is_there(&self) -> bool {
        self.phase == Phase::Open
    }

    pub(super) fn takes_messages(&self) -> bool {
        !self.is_closed() && !self.closing
    }

    /// The number of messages that have not left.
    pub(super) fn waiting(&self) -> usize {
        usize::from(self.sent - self.taken)
    }

    /// The messages that have not left, and no longer will.
    pub(super) fn take_unsent(&mut self) -> impl Iterator<Item = u8> + use<> {
        let taken = core::mem::replace(&mut self.taken, self.sent);
        taken + 1..=self.sent
    }

    pub(super) fn open(&mut self, by: Instant) {
        self.taken = self.sent;
        self.phase = Phase::Opening { by };
        self.closing = false;
        self.graceful = false;
        self.openings += 1;
        self.refused = false;
        for request in &mut self.requests {
            request.is_current = false;
        }
    }

    pub(super) fn close(&mut self) {
        match self.phase {
            Phase::Closed => {}
            Phase::Opening { .. } => self.must_close = true,
            Phase::Open => {
                self.may_close = true;
                self.closing = true;
                self.graceful = true;
            }
        }
    }

    pub(super) fn told_nothing(&mut self) {
        self.graceful = false;
    }

    /// A request is answered or fails. Returns whether the client waits for it.
    pub(super) fn answered(&mut self, id: RequestId) -> bool {
        let Some(index) = self.requests.iter().position(|other| other.id == id) else {
            return false;
        };
        let request = self.requests.remove(index);
        let is_on = request.is_current && !self.is_closed() && !request.is_farewell;
        self.may_close |= is_on && self.closing;
        is_on
    }

    /// The client takes a packet, out of the answer to a poll or from its connection.
    pub(super) fn hear(&mut self, word: Word, polled: bool, now: Instant) {
        match (self.phase, word) {
            (Phase::Opening { .. }, Word::Handshake) => {
                self.phase = Phase::Open;
                self.opens = true;
                self.delayed_to = Some(now + DELAY).filter(|_| self.offers_both);
                self.heart = Heart::new(self.revision, now);
            }
            (_, Word::Close | Word::Garbage | Word::Half) => self.must_close = true,
            // Officially the client would wait for ever.
            (Phase::Opening { .. }, _) => self.must_close = polled,
            (_, word) => {
                let told = self.heart.hear(word, self.closing, now);
                self.pings += u8::from(told);
            }
        }
    }

    /// A frame arrives on a connection. Returns whether the client takes it as a packet of the session.
    pub(super) fn hear_on(&mut self, id: ConnectionId, word: Word) -> bool {
        let closing = self.closing;
        let Some(connection) = self.connection(id) else {
            return false;
        };
        match connection.stage {
            // The server may answer a probe that it has not got: the client cannot tell.
            Stage::Probe | Stage::Probed if word == Word::Probe => {
                connection.stage = Stage::Answered;
                connection.is_announced = false;
                self.pauses = true;
                self.may_close |= closing;
                false
            }
            Stage::Probe | Stage::Probed | Stage::Answered => {
                self.failures += 1;
                self.may_close |= closing;
                false
            }
            Stage::Opening => {
                if word == Word::Handshake {
                    connection.stage = Stage::Carrier;
                }
                true
            }
            Stage::Moving | Stage::Carrier => true,
        }
    }

    pub(super) fn connected(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connection(id) {
            connection.is_connected = true;
        }
    }

    pub(super) fn lost(&mut self, id: ConnectionId) {
        let Some(index) = self.connections.iter().position(|other| other.id == id) else {
            return;
        };
        let connection = self.connections.remove(index);
        match connection.stage {
            Stage::Opening | Stage::Moving | Stage::Carrier => self.must_close = true,
            Stage::Probe | Stage::Probed | Stage::Answered => {
                self.failures += 1;
                self.may_close |= self.closing;
            }
        }
    }

    /// Whether the server has been silent for too long.
    pub(super) fn hears_nothing(&self, now: Instant) -> bool {
        self.is_there() && self.heart.is_over(now)
    }

    pub(super) fn pass_time(&mut self, now: Instant) {
        self.may_close |= match self.phase {
            Phase::Closed => false,
            Phase::Opening { by } => now >= by,
            Phase::Open => self.heart.is_over(now) || self.closing,
        };
        if self.is_there() {
            self.heart.pass_time(self.closing, now);
        }
        if self.delayed_to.is_some_and(|at| now >= at) {
            self.delayed_to = None;
            self.connects = true;
        }
        let due = |open: &&Connection| open.probe_by.is_some_and(|by| now >= by);
        let due = self.connections.iter().filter(due).count();
        self.failures += u8::try_from(due).unwrap_or(u8::MAX);
    }

    pub(super) fn take(&mut self, output: Output<Event>, now: Instant, report: &mut Report) {
        match output {
            Output::Request { request, message } => {
                let packets = packets::of_body(self.revision, &message.body);
                let is_get = message.method == "GET";
                let kind = match (is_get, message.url.contains("sid=")) {
                    (true, false) => Kind::Handshake,
                    (true, true) => Kind::Get,
                    (false, _) => Kind::Post,
                };
                let known = self.requests.iter().any(|other| other.id == request);
                report.require(!known, || format!("{request:?} was made twice"));
                let is_farewell = packets == ["1"];
                self.requested |= !is_farewell;
                self.requests.push(Request {
                    id: request,
                    kind,
                    is_current: true,
                    is_farewell,
                });
                if kind == Kind::Post && !is_farewell {
                    for packet in &packets {
                        self.took(packet, report);
                    }
                    self.check_length(&message.body, &packets, report);
                }
            }
            Output::Abort { request } => {
                let known = self.requests.iter().position(|other| other.id == request);
                report.require(known.is_some(), || format!("{request:?} is over"));
                if let Some(index) = known {
                    let request = self.requests.remove(index);
                    self.stale = Some(request.id).filter(|_| request.kind == Kind::Get);
                }
            }
            Output::Connect { connection, .. } => {
                let probes = self.phase == Phase::Open;
                self.connects = false;
                self.connections.push(Connection {
                    id: connection,
                    stage: if probes { Stage::Probe } else { Stage::Opening },
                    is_connected: false,
                    is_announced: false,
                    probe_by: Some(now + PROBE).filter(|_| probes),
                });
            }
            Output::Frames { connection } => {
                if let Some(found) = self.connection(connection) {
                    found.is_announced = true;
                }
            }
            Output::Close { connection } => {
                let known = self.connection(connection).is_some();
                report.require(known, || format!("{connection:?} is closed already"));
                self.connections.retain(|other| other.id != connection);
            }
            Output::Event(event) => self.told(event, report),
        }
    }

    fn told(&mut self, event: Event, report: &mut Report) {
        report.require(!self.is_closed(), || format!("{event:?} behind the end"));
        match event {
            Event::Opened(_) => {
                let opens = core::mem::take(&mut self.opens);
                report.require(opens, || "opened by nothing".to_owned());
            }
            Event::Message(message) => {
                let number = packets::number(&message);
                report.require(number.is_some(), || format!("{message:?} is of nobody"));
                self.heard.extend(number);
            }
            Event::Upgrading(_) => {
                self.delayed_to = None;
                let pauses = core::mem::take(&mut self.pauses);
                report.require(pauses, || "upgrading without an answer".to_owned());
            }
            Event::Upgraded(_) => self.upgraded(report),
            Event::UpgradeFailed { .. } => {
                let expected = self.failures > 0 || self.must_close || self.may_close;
                report.require(expected, || "a good probe failed".to_owned());
                self.failures = self.failures.saturating_sub(1);
            }
            Event::Ping | Event::Pong => {
                let pinged = self.pings > 0;
                report.require(pinged, || "a ping or pong that nobody sent".to_owned());
                self.pings = self.pings.saturating_sub(1);
            }
            Event::Drained => {
                let refused = core::mem::take(&mut self.refused);
                report.require(refused, || "drained without a refusal".to_owned());
                let waiting = self.waiting();
                report.require(waiting <= WAITING / 2, || {
                    format!("drained while {waiting} messages wait")
                });
            }
            Event::Closed(reason) => self.closed(&reason, report),
            _ => report.require(false, || format!("{event:?} is not known")),
        }
    }

    fn upgraded(&mut self, report: &mut Report) {
        let busy = self
            .requests
            .iter()
            .any(|request| request.is_current && !request.is_farewell);
        report.require(!busy, || "moved over while a request was open".to_owned());
        let probe = self
            .connections
            .iter_mut()
            .find(|open| open.stage == Stage::Answered);
        report.require(probe.is_some(), || {
            "moved over without an answer".to_owned()
        });
        if let Some(probe) = probe {
            probe.stage = Stage::Moving;
            probe.probe_by = None;
        }
    }

    fn closed(&mut self, reason: &CloseReason, report: &mut Report) {
        report.require(self.may_close || self.must_close, || {
            format!("closed for no reason: {reason:?}")
        });
        if *reason == CloseReason::ForcedClose && self.graceful {
            let waiting = self.waiting();
            report.require(waiting == 0, || {
                format!("a graceful close lost {waiting} messages")
            });
        }
        self.phase = Phase::Closed;
        self.closing = false;
        self.graceful = false;
        self.heart = Heart::new(self.revision, Instant::ZERO);
        self.failures = 0;
        self.delayed_to = None;
        self.refused = false;
        let forced = *reason == CloseReason::ForcedClose;
        let left = self.requests.iter().find(|request| match request.kind {
            Kind::Handshake | Kind::Post => request.is_current && !forced && !request.is_farewell,
            Kind::Get => request.is_current && !forced,
        });
        report.require(left.is_none(), || format!("{left:?} was not given up"));
    }

    /// A frame left.
    pub(super) fn took_frame(&mut self, id: ConnectionId, text: &str, report: &mut Report) {
        let Some(connection) = self.connection(id) else {
            return report.require(false, || format!("{text:?} left on a closed connection"));
        };
        match connection.stage {
            Stage::Opening | Stage::Probe if text.starts_with('0') => {}
            Stage::Probe if text == "2probe" => connection.stage = Stage::Probed,
            Stage::Moving if text == "5" => connection.stage = Stage::Carrier,
            Stage::Carrier => self.took(text, report),
            stage => report.require(false, || format!("{text:?} left in stage {stage:?}")),
        }
    }

    /// The pipe took all frames.
    pub(super) fn took_all(&mut self, id: ConnectionId, report: &mut Report) {
        let waits = self.waiting() > 0 || self.heart.owes();
        let Some(connection) = self.connection(id) else {
            return;
        };
        connection.is_announced = false;
        let owed = match connection.stage {
            Stage::Carrier => waits,
            Stage::Moving | Stage::Probe => true,
            Stage::Opening | Stage::Probed | Stage::Answered => false,
        };
        report.require(!owed, || "no frame where one waits".to_owned());
    }

    /// A packet left for the server.
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

    /// A body is as long as allowed and no longer, unless it has a single packet.
    fn check_length(&self, body: &Bytes, packets: &[String], report: &mut Report) {
        let next = packets::body(self.revision, &[format!("4{}", self.taken + 1)]);
        let (fits, holds_next) = match self.revision {
            Revision::V3 => (packets.len() <= MAX_PACKETS, packets.len() < MAX_PACKETS),
            _ => (
                body.len() <= MAX_PAYLOAD,
                body.len() + 1 + next.len() <= MAX_PAYLOAD,
            ),
        };
        report.require(fits || packets.len() == 1, || {
            format!("{body:?} is too long")
        });
        report.require(self.waiting() == 0 || !holds_next, || {
            format!("{body:?} leaves {next:?} out")
        });
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
        let untold = self.opens || self.pauses || self.connects || self.pings > 0;
        report.require(!untold || self.is_closed(), || {
            "an event is missing".to_owned()
        });
        report.require(!self.must_close || self.is_closed(), || {
            "still open".to_owned()
        });
        report.require(self.failures == 0, || {
            "a probe failed, and nobody was told".to_owned()
        });
        let probes = self.connections.iter().filter_map(|open| open.probe_by);
        let latest = match self.phase {
            Phase::Closed => {
                report.require(due.is_none(), || {
                    format!("a deadline at {due:?} behind the end")
                });
                return self.check_over(report);
            }
            Phase::Opening { by } => by,
            Phase::Open => self.heart.deadline(),
        };
        let latest = probes
            .chain(self.delayed_to)
            .chain([latest])
            .min()
            .unwrap_or(latest);
        report.require(due == Some(latest) && latest > now, || {
            format!("the deadline is {due:?}, now is {now:?}, what is due is at {latest:?}")
        });
    }

    fn check_over(&self, report: &mut Report) {
        let left = self.connections.len();
        report.require(left == 0, || {
            format!("{left} connections were never closed")
        });
        let is_open = |kind| {
            let mut requests = self.requests.iter();
            requests.any(|request| request.is_current && request.kind == kind)
        };
        report.require(!is_open(Kind::Get) || is_open(Kind::Post), || {
            "a poll that nobody ends".to_owned()
        });
    }

    /// The requests and connections that must be open while something waits.
    pub(super) fn check_work(&self, upgrading: bool, report: &mut Report) {
        let count = |kind| {
            let requests = self.requests.iter();
            let current = requests.filter(|request| request.is_current && !request.is_farewell);
            current.filter(|request| request.kind == kind).count()
        };
        let (gets, posts) = (count(Kind::Get), count(Kind::Post));
        report.require(gets <= 1 && posts <= 1, || {
            format!("{gets} polls and {posts} posts at a time")
        });
        let paused = self.was_pausing && upgrading;
        report.require(!paused || !self.requested, || {
            "a request during a pause".to_owned()
        });
        if self.phase != Phase::Open {
            return;
        }
        let carrier = self
            .connections
            .iter()
            .find(|open| matches!(open.stage, Stage::Carrier | Stage::Moving));
        let waits = self.waiting() > 0 || self.heart.owes();
        match carrier {
            Some(carrier) => {
                let waits = waits || carrier.stage == Stage::Moving;
                report.require(!waits || carrier.is_announced, || {
                    "frames wait, and nobody was told".to_owned()
                });
                report.require(gets + posts == 0, || {
                    "a request outlived an upgrade".to_owned()
                });
            }
            None if upgrading => {
                report.require(gets + posts > 0, || {
                    "an upgrade waits for nothing".to_owned()
                });
            }
            None => {
                report.require(gets == 1, || "nobody polls".to_owned());
                report.require(!waits || posts == 1, || {
                    "nobody posts what waits".to_owned()
                });
            }
        }
        let probe = self
            .connections
            .iter()
            .find(|open| open.stage == Stage::Probe && open.is_connected);
        report.require(probe.is_none_or(|probe| probe.is_announced), || {
            "a probe waits, and nobody was told".to_owned()
        });
        let refuses = self.closing || self.waiting() > WAITING / 2;
        report.require(!self.refused || refuses, || {
            "nobody was told that there is room again".to_owned()
        });
    }
}
