//! A client, and a server and network that do anything.
//!
//! Requests and connections are answered well, badly, late or never, in every order; the application opens, sends, closes
//! and discards; the driver takes frames when it likes.

mod ending;
mod heart;
mod model;

use core::time::Duration;

use engineio_proto::client::{Client, Config, Endpoint, Output};
use engineio_proto::http::Answer;
use engineio_proto::{
    ConnectionId, Encoded, Instant, RequestId, Revision, Seed, SendError, Transport,
};

use self::model::{Kind, Model, Stage};
use crate::digest::digest;
use crate::packets;
use crate::report::Report;
use crate::search::World;
use crate::server::just_before;

const INTERVAL: Duration = Duration::from_millis(1000);
const TIMEOUT: Duration = Duration::from_millis(200);
const OPENING: Duration = Duration::from_millis(500);
const PROBE: Duration = Duration::from_millis(300);
/// The time for which the probe of a WebSocket waits for that of WebTransport.
const DELAY: Duration = Duration::from_millis(200);
/// As many messages as may wait for the server.
pub(super) const WAITING: usize = 2;
/// The limit of a posted body in revision 4: exactly the first two messages.
pub(super) const MAX_PAYLOAD: usize = 8;
/// The maximum number of packets in a posted body of revision 3.
pub(super) const MAX_PACKETS: usize = 2;
/// The number of times that the application opens the client.
const OPENINGS: u8 = 2;

/// The settings of a scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) revision: Revision,
    /// The transport that the client opens on.
    pub(crate) on: Transport,
    /// The transports that it may move to.
    pub(crate) to: &'static [Transport],
    /// The number of messages that each side sends.
    pub(crate) messages: u8,
}

/// Packets of the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Word {
    Handshake,
    Message,
    /// A message, and behind it something that is no packet.
    Half,
    /// A ping, in revision 3 a pong.
    Beat,
    Noop,
    Close,
    /// The answer to the probe.
    Probe,
    Garbage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Open,
    Close,
    Discard,
    Send,
    /// A GET is answered.
    Answer(RequestId, Word),
    /// A POST is answered.
    Accept(RequestId),
    Refuse(RequestId),
    Fail(RequestId),
    /// The answer to a GET that was given up comes all the same.
    Late(RequestId),
    Connected(ConnectionId),
    Say(ConnectionId, Word),
    Closed(ConnectionId),
    Failed(ConnectionId),
    /// The pipe of a connection takes a frame.
    Pull(ConnectionId),
    TakeUnsent,
    Wait,
    AlmostWait,
    /// The client sleeps until just behind the next deadline, and the application asks whether the server is still there.
    Sleep,
}

const ANSWERS: [Word; 6] = [
    Word::Message,
    Word::Half,
    Word::Beat,
    Word::Noop,
    Word::Close,
    Word::Garbage,
];

const FRAMES: [Word; 6] = [
    Word::Message,
    Word::Probe,
    Word::Beat,
    Word::Noop,
    Word::Close,
    Word::Garbage,
];

pub(crate) struct ClientWorld {
    plan: Plan,
    machine: Client,
    model: Model,
    report: Report,
    now: Instant,
}

impl ClientWorld {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut transports = vec![plan.on];
        transports.extend(plan.to);
        // What waits is limited by messages, or by bytes: a message has one.
        let (bytes, messages) = match plan.revision {
            Revision::V3 => (WAITING, 10_000),
            _ => (10_000, WAITING),
        };
        let endpoint = Endpoint::parse("https://x.com").expect("an address");
        let mut config = Config::new(endpoint)
            .with_timestamp_requests(false)
            .with_transports(transports)
            .with_open_timeout(OPENING)
            .with_max_buffered(bytes, messages);
        config.revision = plan.revision;
        config.max_packets_per_post = Some(MAX_PACKETS).filter(|_| plan.revision == Revision::V3);
        config.probe_timeout = Some(PROBE);
        let machine = Client::new(config, &Seed::new([3; 32]));
        let mut world = Self {
            plan,
            machine: machine.expect("settings that work"),
            model: Model::new(plan),
            report: Report::default(),
            now: Instant::from_millis(10_000),
        };
        world.act(Action::Open);
        world
    }

    fn open(&mut self) {
        self.model.open(self.now + OPENING);
        self.machine.open(self.now);
    }

    fn close(&mut self) {
        self.model.close();
        self.machine.close(self.now);
    }

    fn send(&mut self) {
        let number = self.model.sent + 1;
        let message = Encoded::new(&packets::message(number));
        let takes = self.model.takes_messages();
        let full = self.model.waiting() >= WAITING;
        let result = self.machine.send(&message);
        self.report.note(|| format!("send {number}: {result:?}"));
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
            Err(SendError::Full { .. }) => self.model.refused = true,
            Err(_) => {}
        }
    }

    /// The packets of the server. If the client takes them, the model knows what they do.
    fn packets(&mut self, word: Word, takes: bool, polled: bool) -> Vec<String> {
        let mut packets = vec![self.packet(word, takes)];
        if takes {
            self.model.hear(word, polled, self.now);
        }
        if word == Word::Half {
            packets.push("x".to_owned());
        }
        packets
    }

    fn packet(&mut self, word: Word, takes: bool) -> String {
        let message = |model: &mut Model| {
            model.said += 1;
            if takes {
                model.expected.push(model.said);
            }
            format!("4{}", model.said)
        };
        match word {
            Word::Handshake => {
                let upgrades: Vec<_> = self.plan.to.iter().map(|to| to.name()).collect();
                let (interval, timeout) = (INTERVAL.as_millis(), TIMEOUT.as_millis());
                let most = match self.plan.revision {
                    Revision::V3 => String::new(),
                    _ => format!(r#","maxPayload":{MAX_PAYLOAD}"#),
                };
                format!(
                    r#"0{{"sid":"S","upgrades":{upgrades:?},"pingInterval":{interval},"pingTimeout":{timeout}{most}}}"#
                )
            }
            Word::Message | Word::Half => message(&mut self.model),
            Word::Beat => match self.plan.revision {
                Revision::V3 => "3".to_owned(),
                _ => "2".to_owned(),
            },
            Word::Noop => "6".to_owned(),
            Word::Close => "1".to_owned(),
            Word::Probe => "3probe".to_owned(),
            Word::Garbage => "x".to_owned(),
        }
    }

    /// A GET is answered.
    fn answer(&mut self, id: RequestId, word: Word) {
        let takes = self.model.answered(id);
        let packets = self.packets(word, takes, true);
        let body = packets::body(self.plan.revision, &packets);
        self.report.note(|| format!("answered with {body:?}"));
        let answer = Answer::new(200, body);
        self.machine.handle_response(id, answer, self.now);
    }

    fn say(&mut self, id: ConnectionId, word: Word) {
        let takes = self.model.hear_on(id, word);
        let packet = self.packets(word, takes, false).concat();
        self.report.note(|| format!("frame {packet:?}"));
        let frame = packets::frame(self.plan.revision, &packet);
        self.machine.handle_frame(id, frame, self.now);
    }

    fn pull(&mut self, id: ConnectionId) {
        self.model.may_close |= self.model.closing;
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

    fn take_unsent(&mut self) {
        let taken = self.machine.take_unsent();
        let taken: Vec<_> = taken
            .map(|message| packets::number(&message.message()))
            .collect();
        let unsent: Vec<_> = self.model.take_unsent().map(Some).collect();
        self.report.require(taken == unsent, || {
            format!("{taken:?} were unsent instead of {unsent:?}")
        });
    }

    fn wait(&mut self) {
        if let Some(due) = self.machine.poll_timeout() {
            self.now = self.now.max(due);
            self.model.pass_time(self.now);
            self.machine.handle_timeout(self.now);
        }
    }

    fn almost_wait(&mut self) {
        let Some(due) = self.machine.poll_timeout() else {
            return;
        };
        self.now = just_before(due);
        self.machine.handle_timeout(self.now);
        let after = self.machine.poll_timeout();
        self.report.require(after == Some(due), || {
            format!("the deadline moved from {due:?} to {after:?} before it came")
        });
        let output = self.machine.poll_output();
        self.report.require(output.is_none(), || {
            format!("{output:?} came before the deadline")
        });
    }

    fn sleep(&mut self) {
        let Some(due) = self.machine.poll_timeout() else {
            return;
        };
        self.now = Instant::from_nanos(due.as_nanos().saturating_add(1));
        let silent = self.model.hears_nothing(self.now);
        self.model.must_close |= silent;
        let told = self.machine.has_ping_expired(self.now);
        self.report.require(told == silent, || {
            format!("the server is silent: {silent}, the client says {told}")
        });
        self.model.pass_time(self.now);
        self.machine.handle_timeout(self.now);
    }

    fn drain(&mut self) {
        let mut taken = 0;
        while self.report.may_follow(taken)
            && let Some(output) = self.machine.poll_output()
        {
            taken += 1;
            self.report.note(|| described(&output));
            self.model.take(output, self.now, &mut self.report);
        }
    }

    fn check(&mut self) {
        let due = self.machine.poll_timeout();
        self.model.check(due, self.now, &mut self.report);
        let upgrading = self.machine.is_upgrading();
        self.model.check_work(upgrading, &mut self.report);
        let buffered = self.machine.buffered();
        let waiting = self.model.waiting();
        // Each has one byte.
        let counted = (buffered.messages, buffered.bytes);
        self.report.require(counted == (waiting, waiting), || {
            format!("{buffered:?} wait instead of {waiting} messages")
        });
    }

    fn requests(&self, actions: &mut Vec<Action>) {
        for request in &self.model.requests {
            let id = request.id;
            match request.kind {
                Kind::Handshake => {
                    actions.push(Action::Answer(id, Word::Handshake));
                    actions.push(Action::Answer(id, Word::Noop));
                }
                Kind::Get => {
                    let may_say = self.model.said < self.plan.messages;
                    let words = ANSWERS.into_iter().filter(|word| may_say || !word.says());
                    actions.extend(words.map(|word| Action::Answer(id, word)));
                }
                Kind::Post => actions.push(Action::Accept(id)),
            }
            actions.push(Action::Refuse(id));
            actions.push(Action::Fail(id));
        }
        if self.model.said < self.plan.messages
            && let Some(id) = self.model.stale
        {
            actions.push(Action::Late(id));
        }
    }

    fn connections(&self, actions: &mut Vec<Action>) {
        for connection in &self.model.connections {
            let id = connection.id;
            if connection.is_announced {
                actions.push(Action::Pull(id));
            }
            if connection.is_connected {
                let may_say = self.model.said < self.plan.messages;
                let words = FRAMES.into_iter().filter(|word| may_say || !word.says());
                if connection.stage == Stage::Opening {
                    actions.push(Action::Say(id, Word::Handshake));
                }
                actions.extend(words.map(|word| Action::Say(id, word)));
            } else {
                actions.push(Action::Connected(id));
            }
            actions.push(Action::Closed(id));
            actions.push(Action::Failed(id));
        }
    }
}

impl Word {
    fn says(self) -> bool {
        matches!(self, Self::Message | Self::Half)
    }
}

/// An output without the headers of requests.
fn described(output: &Output<engineio_proto::client::Event>) -> String {
    match output {
        Output::Request { request, message } => {
            format!("{request:?}: {} {:?}", message.method, message.body)
        }
        Output::Connect { connection, .. } => format!("Connect {connection:?}"),
        output => format!("{output:?}"),
    }
}

impl World for ClientWorld {
    type Action = Action;

    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.model.is_closed() {
            if self.model.openings < OPENINGS {
                actions.push(Action::Open);
            }
            if self.model.waiting() > 0 {
                actions.push(Action::TakeUnsent);
            }
        } else {
            actions.push(Action::Close);
            actions.push(Action::Discard);
        }
        if self.model.sent < self.plan.messages {
            actions.push(Action::Send);
        }
        self.requests(&mut actions);
        self.connections(&mut actions);
        if let Some(due) = self.machine.poll_timeout() {
            actions.push(Action::Wait);
            actions.push(Action::Sleep);
            if self.now < just_before(due) {
                actions.push(Action::AlmostWait);
            }
        }
        actions
    }

    fn act(&mut self, action: Action) {
        self.model.begin(self.machine.is_upgrading());
        match action {
            Action::Open => self.open(),
            Action::Close => self.close(),
            Action::Discard => {
                self.model.must_close |= !self.model.is_closed();
                self.model.told_nothing();
                self.machine.discard();
            }
            Action::Send => self.send(),
            Action::Answer(id, word) => self.answer(id, word),
            Action::Accept(id) => {
                self.model.answered(id);
                self.model.may_close |= self.model.closing;
                let answer = Answer::new(200, "ok");
                self.machine.handle_response(id, answer, self.now);
            }
            Action::Refuse(id) => {
                self.model.must_close |= self.model.answered(id);
                let answer = Answer::new(400, "");
                self.machine.handle_response(id, answer, self.now);
            }
            Action::Fail(id) => {
                self.model.must_close |= self.model.answered(id);
                self.machine.handle_request_failed(id, self.now);
            }
            Action::Late(id) => {
                self.model.stale = None;
                let packets = self.packets(Word::Message, false, true);
                let body = packets::body(self.plan.revision, &packets);
                let answer = Answer::new(200, body);
                self.machine.handle_response(id, answer, self.now);
            }
            Action::Connected(id) => {
                self.model.connected(id);
                self.machine.handle_connected(id, self.now);
            }
            Action::Say(id, word) => self.say(id, word),
            Action::Closed(id) => {
                self.model.lost(id);
                self.machine.handle_connection_closed(id, self.now);
            }
            Action::Failed(id) => {
                self.model.lost(id);
                self.machine.handle_connection_failed(id, self.now);
            }
            Action::Pull(id) => self.pull(id),
            Action::TakeUnsent => self.take_unsent(),
            Action::Wait => self.wait(),
            Action::AlmostWait => self.almost_wait(),
            Action::Sleep => self.sleep(),
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
        self.come_to_rest(ending);
    }

    fn report(&mut self) -> &mut Report {
        &mut self.report
    }
}
