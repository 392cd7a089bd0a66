//! Properties that hold for any history of a client.
#![cfg(test)]

#[path = "support/cases.rs"]
mod cases;

use core::time::Duration;
use std::collections::BTreeSet;

use bytes::BytesMut;
use engineio_proto::Transport;
use engineio_proto::client::{Client, Config, Event, Output};
use engineio_proto::codec::{DecodeError, Packet, v3};
use engineio_proto::http::Answer;
use engineio_proto::{ConnectionId, Encoded, Frame, Instant, Message, RequestId, Revision, Seed};
use proptest::collection::vec;
use proptest::prelude::*;

const HANDSHAKES: [&str; 3] = [
    r#"0{"sid":"S","upgrades":["websocket","webtransport"],"pingInterval":300,"pingTimeout":200,"maxPayload":9}"#,
    r#"0{"sid":"S","upgrades":[],"pingInterval":300,"pingTimeout":200}"#,
    r#"0{"sid":"","upgrades":[]}"#,
];
const PACKETS: [&str; 12] = [
    "6", "2", "3", "4x", "4long", "bAQID", "b4AQ==", "1", "", "x", "3probe", "5",
];

/// The steps of a history. Numbers select among the open exchanges and connections.
#[derive(Clone, Debug)]
enum Op {
    /// The next action of a working network and server. Without it few histories get far.
    Onward,
    Open,
    Close,
    Discard,
    Send(String),
    SendBinary(Vec<u8>),
    Volatile(String),
    Respond(usize, u16, String),
    FailRequest(usize),
    Connected(usize),
    Frame(usize, String),
    BadFrame(usize),
    Disconnect(usize, bool),
    Advance(u64),
    Expired,
    Offline,
    Stranger(u64),
}

/// The same with the selected exchange or connection.
type Step = (Op, u64);

fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(&HANDSHAKES[..]).prop_map(String::from),
        6 => vec(prop::sample::select(&PACKETS[..]), 1..4).prop_map(|all| all.join("\x1e")),
        3 => Just("6".to_owned()),
        3 => Just("3probe".to_owned()),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let status = prop_oneof![12 => Just(200_u16), 1 => Just(400), 1 => any::<u16>()];
    prop_oneof![
        40 => Just(Op::Onward),
        4 => Just(Op::Open),
        1 => Just(Op::Close),
        1 => Just(Op::Discard),
        5 => "[a-c]{0,4}".prop_map(Op::Send),
        2 => vec(any::<u8>(), 0..5).prop_map(Op::SendBinary),
        2 => "[a-c]{0,4}".prop_map(Op::Volatile),
        14 => (0..3_usize, status, body()).prop_map(|(at, status, body)| Op::Respond(at, status, body)),
        1 => (0..3_usize).prop_map(Op::FailRequest),
        1 => (0..2_usize).prop_map(Op::BadFrame),
        6 => (0..2_usize).prop_map(Op::Connected),
        10 => (0..2_usize, body()).prop_map(|(at, body)| Op::Frame(at, body)),
        1 => (0..2_usize, any::<bool>()).prop_map(|(at, failed)| Op::Disconnect(at, failed)),
        4 => (0..260_u64).prop_map(Op::Advance),
        1 => Just(Op::Expired),
        1 => Just(Op::Offline),
        1 => any::<u64>().prop_map(Op::Stranger),
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    vec(op(), 1..60).prop_map(|mut ops| {
        ops.insert(0, Op::Open);
        ops
    })
}

fn configs() -> impl Strategy<Value = Config> {
    use Transport::{Polling, WebSocket, WebTransport};
    let transports = prop_oneof![
        3 => Just(vec![Polling, WebSocket]),
        1 => Just(vec![WebSocket, Polling]),
        1 => Just(vec![Polling]),
        2 => Just(vec![Polling, WebSocket, WebTransport]),
        1 => Just(vec![WebTransport, Polling]),
    ];
    let flags = any::<[bool; 6]>();
    (flags, transports).prop_map(
        |([try_all, remember, timed, tight, older, base64], transports)| {
            let older = older && !transports.contains(&WebTransport);
            let revision = if older { Revision::V3 } else { Revision::V4 };
            let mut config = Config::default()
                .with_revision(revision)
                .with_force_base64(base64)
                .with_transports(transports)
                .with_try_all_transports(try_all)
                .with_remember_upgrade(remember)
                .with_credentials_sent(timed)
                .with_open_timeout(Duration::from_millis(400));
            if timed {
                config = config
                    .with_request_timeout(Duration::from_millis(350))
                    .with_probe_timeout(Duration::from_millis(150));
            }
            if tight {
                config = config
                    .with_max_payload(110)
                    .with_max_packets_per_payload(2)
                    .with_max_packets_per_post(2)
                    .with_max_buffered(6, 3)
                    .with_max_undelivered(6, 3);
            }
            config
        },
    )
}

/// The times at which outputs are taken. Frames are pulled after every input in both cases, because the capacity of a
/// pipe is an input too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Drain {
    Each,
    Late,
}

#[derive(Debug, Default, PartialEq)]
struct Log {
    actions: Vec<String>,
    frames: Vec<String>,
    events: Vec<Event>,
    deadlines: Vec<Option<u64>>,
    /// The results of commands.
    results: Vec<String>,
}

struct Run {
    client: Client,
    drain: Drain,
    spurious: bool,
    /// The jump of the clock backwards at each input except the passing of time, once it has told the time.
    back: Option<Duration>,
    epoch: Instant,
    now: Instant,
    /// The open exchanges and connections of a driver that takes outputs after each input: GETs first, the rest by age.
    requests: Vec<u64>,
    connections: Vec<u64>,
    connected: BTreeSet<u64>,
    /// All possible connections.
    pulled: BTreeSet<u64>,
    opened: usize,
    steps: Vec<Step>,
    log: Log,
}

impl Run {
    fn new(config: &Config, drain: Drain) -> Self {
        Self {
            client: Client::new(config.clone(), &Seed::new([9; 32])).expect("good settings"),
            drain,
            spurious: false,
            back: None,
            epoch: Instant::ZERO,
            now: Instant::ZERO,
            requests: Vec::new(),
            connections: Vec::new(),
            connected: BTreeSet::new(),
            pulled: BTreeSet::new(),
            opened: 0,
            steps: Vec::new(),
            log: Log::default(),
        }
    }

    fn at(mut self, epoch: Instant) -> Self {
        (self.epoch, self.now) = (epoch, epoch);
        self
    }

    /// Plays a history, selecting ids among the open ones.
    fn play(mut self, ops: &[Op]) -> Self {
        for op in ops {
            let onward = matches!(op, Op::Onward).then(|| self.onward());
            let op = onward.as_ref().unwrap_or(op);
            let pick = |open: &[u64], at: usize| open.get(at).or(open.last()).copied();
            let id = match op {
                Op::Respond(at, ..) | Op::FailRequest(at) => pick(&self.requests, *at),
                Op::Connected(at) | Op::Frame(at, _) | Op::BadFrame(at) | Op::Disconnect(at, _) => {
                    pick(&self.connections, *at)
                }
                Op::Stranger(id) => Some(*id),
                Op::Onward
                | Op::Open
                | Op::Close
                | Op::Discard
                | Op::Send(_)
                | Op::SendBinary(_)
                | Op::Volatile(_)
                | Op::Advance(_)
                | Op::Expired
                | Op::Offline => Some(0),
            };
            if let Some(id) = id {
                self.steps.push((op.clone(), id));
                self.step(op, id);
            }
        }
        self.take();
        self
    }

    fn onward(&self) -> Op {
        let waits = self
            .connections
            .first()
            .filter(|id| !self.connected.contains(*id));
        match (self.client.is_closed(), self.client.sid(), waits) {
            (true, ..) => Op::Open,
            (false, _, Some(_)) => Op::Connected(0),
            (false, None, None) if self.connections.is_empty() => {
                Op::Respond(0, 200, HANDSHAKES[0].into())
            }
            (false, None, None) => Op::Frame(0, HANDSHAKES[0].into()),
            (false, Some(_), None) if self.client.is_upgrading() => Op::Respond(0, 200, "6".into()),
            (false, Some(_), None) => match self.client.transport() {
                Some(Transport::Polling) if self.connections.is_empty() => {
                    Op::Respond(self.steps.len() % 2, 200, "2\x1e3\x1e4x".into())
                }
                Some(Transport::Polling) => Op::Frame(0, "3probe".into()),
                _ => Op::Frame(0, ["2", "3"][self.steps.len() % 2].into()),
            },
        }
    }

    /// Plays the same history again.
    fn replay(mut self, steps: &[Step], pulled: &BTreeSet<u64>) -> Self {
        self.pulled.clone_from(pulled);
        for (op, id) in steps {
            self.step(op, *id);
        }
        self.take();
        self
    }

    /// Continues with the clock alone until there is no deadline any more.
    fn run_down(mut self) -> Self {
        for step in 0.. {
            let Some(due) = self.client.poll_timeout() else {
                break;
            };
            assert!(step < 30, "time never ends");
            let actions = self.log.actions.len();
            self.now = self.now.max(due);
            self.client.handle_timeout(self.now);
            self.take();
            let progress =
                self.client.poll_timeout() != Some(due) || self.log.actions.len() > actions;
            assert!(progress, "a deadline that is met moves something");
        }
        self
    }

    fn step(&mut self, op: &Op, id: u64) {
        let (request, connection) = (RequestId(id), ConnectionId(id));
        let now = match self.back {
            Some(back) => {
                self.client.handle_timeout(self.now);
                let back = u64::try_from(back.as_nanos()).expect("not that long");
                Instant::from_nanos(self.now.as_nanos().saturating_sub(back))
            }
            None => self.now,
        };
        let text = |text: &String| Encoded::new(&Message::text(text.clone()));
        match op {
            // Played as what it stands for.
            Op::Onward => {}
            Op::Open => {
                self.opened += usize::from(self.client.is_closed());
                self.client.open(now);
            }
            Op::Close => self.client.close(now),
            Op::Discard => self.client.discard(),
            Op::Send(message) => {
                let result = self.client.send(&text(message));
                self.log.results.push(format!("{result:-?}"));
            }
            Op::SendBinary(data) => {
                let result = self.client.send(&Encoded::binary(data.clone().into()));
                self.log.results.push(format!("{result:-?}"));
            }
            Op::Volatile(message) => {
                let result = self.client.send_volatile(&[text(message)]);
                self.log.results.push(format!("{result:-?}"));
            }
            Op::Respond(_, status, body) => {
                self.requests.retain(|open| *open != id);
                let answer = answer(self.client.config().revision, *status, body);
                let answer = answer.with_set_cookie("a=b; Max-Age=1");
                self.client.handle_response(request, answer, now);
            }
            Op::FailRequest(_) => {
                self.requests.retain(|open| *open != id);
                self.client.handle_request_failed(request, now);
            }
            Op::Connected(_) => {
                self.connected.insert(id);
                self.client.handle_connected(connection, now);
            }
            Op::Frame(_, body) => {
                let frame = Frame::Text(body.as_str().into());
                self.client.handle_frame(connection, frame, now);
            }
            Op::BadFrame(_) => {
                self.client
                    .handle_bad_frame(connection, DecodeError::Empty, now);
            }
            Op::Disconnect(_, failed) => {
                self.connections.retain(|open| *open != id);
                if *failed {
                    self.client.handle_connection_failed(connection, now);
                } else {
                    self.client.handle_connection_closed(connection, now);
                }
            }
            Op::Advance(millis) => self.advance(*millis),
            Op::Expired => drop(self.client.has_ping_expired(now)),
            Op::Offline => self.client.handle_offline(now),
            Op::Stranger(_) => {
                // An id that is far from any that was given out.
                let id = id | 1 << 40;
                self.client
                    .handle_response(RequestId(id), Answer::new(200, "1"), now);
                self.client
                    .handle_frame(ConnectionId(id), Frame::Text("1".into()), now);
                self.client.handle_connected(ConnectionId(id), now);
                self.client.handle_connection_closed(ConnectionId(id), now);
            }
        }
        self.after();
    }

    fn advance(&mut self, millis: u64) {
        let target = self.now + Duration::from_millis(millis);
        while let Some(due) = self.client.poll_timeout().filter(|due| *due <= target) {
            self.now = self.now.max(due);
            self.client.handle_timeout(self.now);
            self.after();
        }
        self.now = target;
    }

    fn after(&mut self) {
        if self.spurious && self.client.poll_timeout().is_none_or(|due| due > self.now) {
            self.client.handle_timeout(self.now);
        }
        match self.drain {
            Drain::Each => self.take(),
            Drain::Late => self.pull(),
        }
        let due = self.client.poll_timeout();
        let due = due.map(|due| due.saturating_duration_since(self.epoch).as_nanos() as u64);
        self.log.deadlines.push(due);
    }

    fn pull(&mut self) {
        for id in &self.pulled {
            while let Some(frame) = self.client.poll_frame(ConnectionId(*id)) {
                self.log.frames.push(format!("{id} {frame:?}"));
            }
        }
    }

    fn take(&mut self) {
        while let Some(action) = self.client.poll_action() {
            if let Output::Frames { .. } = action {
                self.pull();
                continue;
            }
            self.log.actions.push(format!("{action:-?}"));
            match action {
                Output::Request { request, message } if message.method == "GET" => {
                    self.requests.insert(0, request.0);
                }
                Output::Request { request, .. } => self.requests.push(request.0),
                Output::Abort { request } => self.requests.retain(|open| *open != request.0),
                Output::Connect { connection, .. } => {
                    self.connections.push(connection.0);
                    self.pulled.insert(connection.0);
                }
                Output::Close { connection } => {
                    self.connections.retain(|open| *open != connection.0);
                }
                Output::Frames { .. } | Output::Event(_) => {}
            }
        }
        self.log
            .events
            .extend(core::iter::from_fn(|| self.client.poll_event()));
    }

    /// Each attempt ended once, and nothing happened between its end and the next attempt.
    fn assert_over(&self) {
        assert!(self.client.is_closed());
        let closed = |event: &&Event| matches!(event, Event::Closed(_));
        assert_eq!(self.log.events.iter().filter(closed).count(), self.opened);
        if let Some(last) = self.log.events.last() {
            assert!(matches!(last, Event::Closed(_)));
        }
        let attempts = self
            .log
            .events
            .split(|event| matches!(event, Event::Closed(_)));
        for attempt in attempts {
            let opened = attempt
                .iter()
                .filter(|event| matches!(event, Event::Opened(_)));
            assert!(opened.count() <= 1);
        }
    }
}

/// A response whose packets are given with the separator of revision 4 between them. In revision 3 they get lengths
/// instead. If all of them are valid, every other response is in the binary form.
fn answer(revision: Revision, status: u16, body: &str) -> Answer {
    if revision == Revision::V4 {
        return Answer::new(status, body.to_owned());
    }
    let items = || body.split('\x1e');
    let packets: Result<Vec<Packet>, _> = items()
        .map(|item| v3::decode_frame(Frame::Text(item.into())))
        .collect();
    match packets {
        Ok(packets) if body.len().is_multiple_of(2) => {
            let mut octets = BytesMut::new();
            v3::encode_binary_payload(&packets, &mut octets);
            Answer::new(status, octets.freeze()).with_content_type("application/octet-stream")
        }
        Ok(_) | Err(_) => {
            let counted = items().map(|item| format!("{}:{item}", item.len()));
            Answer::new(status, counted.collect::<String>())
        }
    }
}

proptest! {
    #![proptest_config(cases::config(128))]

    #[test]
    fn any_history_stays_within_the_limits(ops in ops(), older in any::<bool>()) {
        let revision = if older { Revision::V3 } else { Revision::V4 };
        let config = Config::default()
            .with_revision(revision)
            .with_open_timeout(Duration::from_millis(400))
            .with_max_payload(110)
            .with_max_packets_per_payload(2)
            .with_max_buffered(6, 3)
            .with_max_undelivered(6, 3);
        let mut run = Run::new(&config, Drain::Each);
        let mut late = Run::new(&config, Drain::Late);
        for op in ops {
            let before = run.steps.len();
            run = run.play(&[op]);
            late.pulled.clone_from(&run.pulled);
            for (op, id) in run.steps.split_off(before) {
                late.step(&op, id);
            }
            for client in [&run.client, &late.client] {
                let buffered = client.buffered();
                prop_assert!(buffered.messages <= 3 && (buffered.bytes <= 6 || buffered.messages <= 1));
            }
        }
        let events = late.client.poll_event();
        let waiting = core::iter::successors(events, |_| late.client.poll_event());
        let (mut messages, mut bytes) = (0, 0);
        for event in waiting {
            if let Event::Message(message) = event {
                messages += 1;
                bytes += message.len();
            }
        }
        prop_assert!(messages <= 5 && bytes <= 116, "{} messages of {} bytes", messages, bytes);
    }

    #[test]
    fn after_any_history_time_alone_ends_everything(config in configs(), ops in ops()) {
        Run::new(&config, Drain::Each).play(&ops).run_down().assert_over();
    }

    #[test]
    fn the_same_history_gives_the_same_bytes(config in configs(), ops in ops()) {
        let log = || Run::new(&config, Drain::Each).play(&ops).run_down().log;
        prop_assert_eq!(log(), log());
    }

    #[test]
    fn when_outputs_are_taken_changes_neither_requests_nor_frames_nor_events(config in configs(), ops in ops()) {
        // Limits on what waits for the application are about when it is taken.
        let config = config.with_max_undelivered(10_000, 10_000);
        let each = Run::new(&config, Drain::Each).play(&ops);
        let late = Run::new(&config, Drain::Late).replay(&each.steps, &each.pulled).run_down();
        let each = each.run_down();
        prop_assert_eq!(&each.log.events, &late.log.events);
        prop_assert_eq!(&each.log.actions, &late.log.actions);
        prop_assert_eq!(&each.log.frames, &late.log.frames);
        prop_assert_eq!(&each.log.results, &late.log.results);
    }

    #[test]
    fn a_shift_of_the_clock_shifts_deadlines_and_changes_nothing_else(
        config in configs(),
        ops in ops(),
        shift in 0..1_u64 << 60,
    ) {
        let plain = Run::new(&config, Drain::Each).play(&ops).run_down().log;
        let shifted = Run::new(&config, Drain::Each).at(Instant::from_nanos(shift));
        prop_assert_eq!(plain, shifted.play(&ops).run_down().log);
    }

    #[test]
    fn a_clock_that_goes_back_stands_still(config in configs(), ops in ops(), back in 1..100_000_u64) {
        let play = |back| {
            let mut run = Run::new(&config, Drain::Each).at(Instant::from_millis(100_000));
            run.back = Some(back);
            run.play(&ops).run_down().log
        };
        prop_assert_eq!(play(Duration::ZERO), play(Duration::from_millis(back)));
    }

    #[test]
    fn a_timeout_that_is_not_due_changes_nothing(config in configs(), ops in ops()) {
        let plain = Run::new(&config, Drain::Each).play(&ops).run_down().log;
        let mut spurious = Run::new(&config, Drain::Each);
        spurious.spurious = true;
        prop_assert_eq!(plain, spurious.play(&ops).run_down().log);
    }

    #[test]
    fn packets_in_one_response_or_in_many_give_the_same_events(
        packets in vec(prop::sample::select(&PACKETS[..]), 1..8),
        chunks in 1..8_usize,
        older in any::<bool>(),
    ) {
        let revision = if older { Revision::V3 } else { Revision::V4 };
        let events = |size: usize| {
            let bodies = packets.chunks(size).map(|chunk| Op::Respond(0, 200, chunk.join("\x1e")));
            let handshake = Op::Respond(0, 200, HANDSHAKES[1].into());
            let ops: Vec<_> = [Op::Open, handshake].into_iter().chain(bodies).collect();
            let config = Config::default().with_revision(revision);
            Run::new(&config, Drain::Each).play(&ops).log.events
        };
        prop_assert_eq!(events(packets.len()), events(chunks));
    }
}
