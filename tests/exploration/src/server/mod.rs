//! One session of a server, and a peer that does anything.
//!
//! In every order, the peer polls, posts, opens connections, sends valid and invalid packets, breaks off and falls
//! silent. The application sends, closes and discards. The driver takes frames at any time.

mod ending;
mod heart;
mod machine;
mod model;

use core::time::Duration;

use engineio_proto::server::{Config, SlowReader};
use engineio_proto::{
    ConnectionId, Encoded, Instant, RequestId, Revision, SendError, Transport, Transports,
};

use self::machine::Machine;
use self::model::{Connection, Model};
use crate::digest::digest;
use crate::packets;
use crate::report::Report;
use crate::search::World;

pub(crate) const INTERVAL: Duration = Duration::from_millis(1000);
pub(crate) const TIMEOUT: Duration = Duration::from_millis(200);
pub(crate) const UPGRADE: Duration = Duration::from_millis(300);
pub(crate) const CLOSING: Duration = Duration::from_millis(150);
/// The number of messages that may wait for the client.
pub(super) const WAITING: usize = 2;
/// The number of connections that a peer has at a time.
const CONNECTIONS: usize = 2;
/// The number of requests of a kind that a peer has at a time.
const REQUESTS: usize = 2;

/// The settings of a scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The whole server instead of a lone session.
    pub(crate) whole: bool,
    pub(crate) revision: Revision,
    /// The transport that the session opens on.
    pub(crate) on: Transport,
    /// The transport of its connections.
    pub(crate) to: Transport,
    /// The number of messages that each side sends.
    pub(crate) messages: u8,
    /// Whether the server cuts off a client that does not read.
    pub(crate) slow_reader: SlowReader,
}

impl Plan {
    /// The limit of a payload, if the scenario has one: exactly the first two messages.
    pub(super) fn max_payload(self) -> Option<usize> {
        let length = match self.revision {
            Revision::V3 => 12,
            _ => 8,
        };
        Some(length).filter(|_| self.on == Transport::Polling && self.to == Transport::WebSocket)
    }
}

/// Packets of the peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Word {
    Message,
    /// Two messages, in one body.
    Pair,
    /// A message, followed by bytes that are no packet.
    Half,
    Pong,
    Probe,
    Upgrade,
    Noop,
    Close,
    Ping,
    Garbage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum How {
    Closed,
    Failed,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Poll,
    Post(Word),
    /// The head of a POST arrives.
    Begin,
    /// The body of a POST that has begun arrives, or is too long.
    Finish(RequestId, Option<Word>),
    Abort(RequestId),
    Connect,
    Say(ConnectionId, Word),
    Cut(ConnectionId, How),
    /// The pipe of a connection takes a frame.
    Pull(ConnectionId),
    Send,
    Close,
    Discard,
    /// To the next deadline.
    Wait,
    /// To just before it.
    AlmostWait,
}

const BODIES: [Word; 7] = [
    Word::Message,
    Word::Pair,
    Word::Half,
    Word::Pong,
    Word::Close,
    Word::Ping,
    Word::Garbage,
];

const FRAMES: [Word; 8] = [
    Word::Message,
    Word::Pong,
    Word::Probe,
    Word::Upgrade,
    Word::Noop,
    Word::Close,
    Word::Ping,
    Word::Garbage,
];

pub(crate) struct ServerWorld {
    plan: Plan,
    machine: Machine,
    model: Model,
    report: Report,
    now: Instant,
    next: u64,
}

impl ServerWorld {
    pub(crate) fn new(plan: Plan) -> Self {
        let now = Instant::from_millis(10_000);
        // What waits is limited by messages, or by bytes: a message has one.
        let (bytes, messages) = match plan.revision {
            Revision::V3 => (WAITING, 10_000),
            _ => (10_000, WAITING),
        };
        let config = Config::default()
            .with_transports(Transports::default().with(Transport::WebTransport))
            .with_allow_eio3(true)
            .with_ping_interval(INTERVAL)
            .with_ping_timeout(TIMEOUT)
            .with_upgrade_timeout(UPGRADE)
            .with_close_timeout(CLOSING)
            .with_slow_reader(plan.slow_reader)
            .with_max_buffered(bytes, messages);
        let config = match plan.max_payload() {
            Some(length) => config.with_max_payload(length),
            None => config,
        };
        let machine = if plan.whole {
            Machine::server(config, plan.revision)
        } else {
            Machine::session(config, plan.on, plan.revision, now)
        };
        let mut world = Self {
            plan,
            machine: machine.expect("settings that work"),
            model: Model::new(plan, now),
            report: Report::default(),
            now,
            next: 0,
        };
        match plan.on {
            Transport::Polling => world.poll(),
            on => world.connect(on),
        }
        world.drain();
        if plan.on != Transport::Polling {
            world.model.carrier = world.model.connections.first().map(|open| open.id);
        }
        world.check();
        world
    }

    fn name(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn poll(&mut self) {
        let id = RequestId(self.name());
        let closing = self.model.closing_by.is_some() && self.model.waiting() == 0;
        self.model.may_close |= self.model.is_polling() && (self.model.holds_poll() || closing);
        self.model.must_close |= self.model.is_polling() && self.model.holds_poll();
        self.model.polls.push(id);
        self.machine.poll(id, self.now);
    }

    fn begin(&mut self) {
        let id = RequestId(self.name());
        let overlaps = self.model.is_polling() && !self.model.posts.is_empty();
        self.model.must_close |= overlaps;
        self.model.posts.push(id);
        self.machine.post_begun(id, self.now);
    }

    fn post(&mut self, id: RequestId, word: Option<Word>) {
        let overlaps = self.model.posts.iter().any(|other| *other != id);
        if !self.model.posts.contains(&id) {
            self.model.posts.push(id);
        }
        let Some(word) = word else {
            return self.machine.post_too_large(id, self.now);
        };
        let takes = self.model.open && self.model.is_polling() && !overlaps;
        self.model.must_close |= self.model.open && self.model.is_polling() && overlaps;
        let words: &[Word] = match word {
            Word::Pair => &[Word::Message, Word::Message],
            Word::Half => &[Word::Message, Word::Garbage],
            _ => &[word],
        };
        let packets: Vec<_> = words.iter().map(|word| self.packet(*word, takes)).collect();
        let body = packets::body(self.plan.revision, &packets);
        self.report.note(|| format!("POST of {body:?}"));
        self.machine.post(id, body, self.now);
    }

    fn connect(&mut self, to: Transport) {
        let id = ConnectionId(self.name());
        // The driver of a session by itself has accepted a stream before it knows where it belongs.
        let is_stream = to == Transport::WebTransport && !self.plan.whole;
        self.model.connections.push(Connection {
            id,
            is_accepted: is_stream,
            is_closed: false,
            is_announced: false,
        });
        self.machine.connected(id, to, self.now);
        let probes = self.model.open
            && self.model.closing_by.is_none()
            && self.model.is_polling()
            && self.model.probe.is_none();
        if probes && self.plan.on == Transport::Polling {
            self.model.start_probe(id, self.now + UPGRADE);
        }
    }

    fn say(&mut self, id: ConnectionId, word: Word) {
        let text = if self.model.carrier == Some(id) {
            let takes = self.model.open && self.model.closing_by.is_none();
            self.packet(word, takes)
        } else if self.model.probe == Some(id) {
            self.model.hear_probe(word, self.now);
            self.packet(word, false)
        } else {
            self.packet(word, false)
        };
        self.report.note(|| format!("frame {text:?}"));
        let frame = packets::frame(self.plan.revision, &text);
        self.machine.frame(id, frame, self.now);
    }

    /// A packet of the peer. If the session takes it, the model applies its effect.
    fn packet(&mut self, word: Word, takes: bool) -> String {
        if takes {
            self.model.hear(word, self.now);
        }
        match word {
            Word::Message | Word::Pair | Word::Half => {
                self.model.said += 1;
                let said = self.model.said;
                if takes && self.model.closing_by.is_none() {
                    self.model.expected.push(said);
                }
                format!("4{said}")
            }
            Word::Pong => "3".to_owned(),
            Word::Probe => "2probe".to_owned(),
            Word::Upgrade => "5".to_owned(),
            Word::Noop => "6".to_owned(),
            Word::Close => "1".to_owned(),
            Word::Ping => "2".to_owned(),
            Word::Garbage => "x".to_owned(),
        }
    }

    fn cut(&mut self, id: ConnectionId, how: How) {
        self.model.must_close |= self.model.open && self.model.carrier == Some(id);
        self.model.connections.retain(|other| other.id != id);
        self.model.lose_probe(id);
        match how {
            How::Closed => self.machine.closed(id, self.now),
            How::Failed => self.machine.failed(id, self.now),
        }
    }

    fn pull(&mut self, id: ConnectionId) {
        self.model.may_close |= self.model.closing_by.is_some();
        let frame = self.machine.poll_frame(id);
        self.report.note(|| format!("takes {frame:?}"));
        match frame {
            Some(frame) => {
                let packet = packets::of_frame(self.plan.revision, &frame);
                self.model.took_frame(id, &packet, &mut self.report);
            }
            None => self.model.took_all(id, &mut self.report),
        }
    }

    fn send(&mut self) {
        let number = self.model.sent + 1;
        let message = Encoded::new(&packets::message(number));
        let result = self.machine.send(&message);
        self.report.note(|| format!("send {number}: {result:?}"));
        let takes = self.model.open && self.model.closing_by.is_none();
        let full = self.model.waiting() >= WAITING;
        let wanted = match result {
            Ok(()) => takes && !full,
            Err(SendError::Full { .. }) => takes && full,
            Err(SendError::Closed) => !takes,
            Err(_) => false,
        };
        self.report
            .require(wanted, || format!("send said {result:?}"));
        match result {
            Ok(()) => self.model.sent = number,
            Err(SendError::Full { .. }) => {
                self.model.refused = true;
                self.model.must_close |= self.plan.slow_reader == SlowReader::Close;
            }
            Err(_) => {}
        }
    }

    fn close(&mut self) {
        if self.model.open && self.model.closing_by.is_none() {
            self.model.may_close = true;
            self.model.closing_by = Some(self.now + CLOSING);
            self.model.graceful = true;
        }
        self.machine.close(self.now);
    }

    fn discard(&mut self) {
        self.model.must_close |= self.model.open;
        self.model.graceful = false;
        self.machine.discard();
    }

    fn wait(&mut self) {
        self.wait_until(self.machine.poll_timeout());
    }

    fn wait_until(&mut self, due: Option<Instant>) {
        if let Some(due) = due {
            self.now = self.now.max(due);
            self.model.pass_time(self.now);
            self.machine.time(self.now);
        }
    }

    fn almost_wait(&mut self) {
        let Some(due) = self.machine.poll_timeout() else {
            return;
        };
        self.now = just_before(due);
        self.machine.time(self.now);
        let after = self.machine.poll_timeout();
        self.report.require(after >= Some(due), || {
            format!("the deadline moved from {due:?} to {after:?} before it came")
        });
        let output = self.machine.poll_output();
        self.report.require(output.is_none(), || {
            format!("{output:?} came before the deadline")
        });
    }

    /// Takes all outputs except the frames, which the pipes take when they can.
    fn drain(&mut self) {
        let mut taken = 0;
        while self.report.may_follow(taken)
            && let Some(output) = self.machine.poll_output()
        {
            taken += 1;
            self.report.note(|| format!("{output:?}"));
            self.model.take(output, self.now, &mut self.report);
        }
    }

    fn check(&mut self) {
        let (machine, report) = (&self.machine, &mut self.report);
        let due = machine.poll_timeout();
        self.model.check(due, self.now, report);
        let buffered = machine.buffered();
        if self.model.open {
            let waiting = self.model.waiting();
            // Each has one byte.
            let counted = (buffered.messages, buffered.bytes);
            report.require(counted == (waiting, waiting), || {
                format!("{buffered:?} wait instead of {waiting} messages")
            });
            let held = machine.bytes_held();
            report.require(held >= waiting, || {
                format!("{waiting} messages wait in {held} bytes")
            });
        } else {
            let held = machine.bytes_held();
            report.require(held == 0, || {
                format!("{held} bytes are held behind the end")
            });
        }
        let miscounts = machine.miscounts(self.model.open);
        report.require(miscounts.is_none(), || miscounts.unwrap_or_default());
    }

    fn connections(&self, actions: &mut Vec<Action>) {
        for connection in &self.model.connections {
            let id = connection.id;
            if connection.is_announced && connection.is_accepted {
                actions.push(Action::Pull(id));
            }
            if !connection.is_accepted {
                continue;
            }
            let is_heard = self.model.carrier == Some(id) || self.model.probe == Some(id);
            if is_heard && self.model.open {
                let may_say = self.model.said < self.plan.messages;
                let words = FRAMES.into_iter();
                let words = words.filter(|word| *word != Word::Message || may_say);
                actions.extend(words.map(|word| Action::Say(id, word)));
            } else if self.model.said < self.plan.messages {
                actions.push(Action::Say(id, Word::Message));
            }
            actions.push(Action::Cut(id, How::Closed));
            actions.push(Action::Cut(id, How::Failed));
        }
    }

    fn requests(&self, actions: &mut Vec<Action>) {
        let left = self.plan.messages - self.model.said;
        let can_say = |word: &Word| match word {
            Word::Pair => left >= 2,
            Word::Message | Word::Half => left >= 1,
            _ => true,
        };
        let words = BODIES.into_iter().filter(can_say);
        let words: Vec<_> = if self.model.open && self.model.is_polling() {
            words.collect()
        } else {
            vec![Word::Noop]
        };
        if self.model.polls.len() < REQUESTS {
            actions.push(Action::Poll);
        }
        if self.model.posts.len() < REQUESTS {
            actions.push(Action::Begin);
            actions.extend(words.iter().copied().map(Action::Post));
        }
        for id in &self.model.posts {
            actions.extend(words.iter().map(|word| Action::Finish(*id, Some(*word))));
            actions.push(Action::Finish(*id, None));
        }
        let open = self.model.polls.iter().chain(&self.model.posts);
        actions.extend(open.map(|id| Action::Abort(*id)));
    }
}

impl World for ServerWorld {
    type Action = Action;

    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        let due = self.machine.poll_timeout();
        if self.model.sent < self.plan.messages {
            actions.push(Action::Send);
        }
        self.requests(&mut actions);
        if self.model.connections.len() < CONNECTIONS {
            actions.push(Action::Connect);
        }
        self.connections(&mut actions);
        if self.model.open {
            actions.push(Action::Close);
            actions.push(Action::Discard);
        }
        if let Some(due) = due {
            actions.push(Action::Wait);
            if self.now < just_before(due) {
                actions.push(Action::AlmostWait);
            }
        }
        actions
    }

    fn act(&mut self, action: Action) {
        self.model.begin();
        match action {
            Action::Poll => self.poll(),
            Action::Post(word) => {
                let id = RequestId(self.name());
                self.post(id, Some(word));
            }
            Action::Begin => self.begin(),
            Action::Finish(id, word) => self.post(id, word),
            Action::Abort(id) => {
                self.model.must_close |= self.model.open && self.model.is_polling();
                self.model.forget(id);
                self.machine.aborted(id, self.now);
            }
            Action::Connect => self.connect(self.plan.to),
            Action::Say(id, word) => self.say(id, word),
            Action::Cut(id, how) => self.cut(id, how),
            Action::Pull(id) => self.pull(id),
            Action::Send => self.send(),
            Action::Close => self.close(),
            Action::Discard => self.discard(),
            Action::Wait => self.wait(),
            Action::AlmostWait => self.almost_wait(),
        }
        self.drain();
        self.check();
    }

    fn digest(&self) -> u128 {
        digest(self.now, &[&self.machine, &self.model])
    }

    fn endings(&self) -> usize {
        ending::ENDINGS
    }

    fn end(&mut self, ending: usize) {
        self.model.begin();
        self.come_to_rest(ending);
    }

    fn report(&mut self) -> &mut Report {
        &mut self.report
    }
}

pub(crate) fn just_before(instant: Instant) -> Instant {
    Instant::from_nanos(instant.as_nanos().saturating_sub(1))
}
