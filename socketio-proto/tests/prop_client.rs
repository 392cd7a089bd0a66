//! Properties of the client that hold whatever server, network and application do.
#![cfg(test)]

#[path = "support/machine.rs"]
mod machine;
#[expect(
    dead_code,
    reason = "the scripts of the behaviour tests use more of it"
)]
#[path = "client/support/mod.rs"]
mod support;

/// The parser that the scripts speak.
const PARSER: socketio_proto::parser::Parser = socketio_proto::parser::Parser::Json;

use std::time::Duration;

use proptest::prelude::*;
use socketio_proto::client::{Client, Config, Event, Reconnection, SocketOptions, State};
use socketio_proto::engine::Transport;
use socketio_proto::engine::client::Output;
use socketio_proto::engine::http::Answer;
use socketio_proto::engine::{Instant, RequestId, Revision, Seed};

use support::{Rig, auth, config};

const NAMESPACES: [&str; 3] = ["/", "/a", "/ask"];

#[derive(Clone, Debug)]
enum Op {
    Connect(usize),
    Disconnect(usize),
    Forget(usize),
    Emit(usize),
    EmitWithAck(usize, Option<u64>),
    Volatile(usize),
    Clear(usize),
    Respond,
    Authenticate(bool),
    Open,
    Close,
    Reconnection(Reconnection),
    Accept(u64),
    Fail,
    Cut,
    /// The server does all that it owes the client.
    Serve,
    /// It acknowledges what it was asked to first.
    Acknowledge,
    Text(String),
    Binary,
    Stall(bool),
    Advance(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let namespace = || 0..NAMESPACES.len();
    prop_oneof![
        6 => namespace().prop_map(Op::Connect),
        1 => namespace().prop_map(Op::Disconnect),
        1 => namespace().prop_map(Op::Forget),
        4 => namespace().prop_map(Op::Emit),
        4 => (namespace(), prop::option::of(0..5000_u64)).prop_map(|(n, t)| Op::EmitWithAck(n, t)),
        1 => namespace().prop_map(Op::Volatile),
        1 => namespace().prop_map(Op::Clear),
        2 => Just(Op::Respond),
        3 => any::<bool>().prop_map(Op::Authenticate),
        1 => Just(Op::Open),
        1 => Just(Op::Close),
        1 => prop_oneof![Just(Reconnection::Automatic), Just(Reconnection::Manual)].prop_map(Op::Reconnection),
        2 => (0..3_u64).prop_map(Op::Accept),
        1 => Just(Op::Fail),
        2 => Just(Op::Cut),
        14 => Just(Op::Serve),
        4 => Just(Op::Acknowledge),
        6 => packet().prop_map(Op::Text),
        1 => Just(Op::Binary),
        1 => any::<bool>().prop_map(Op::Stall),
        4 => (0..7000_u64).prop_map(Op::Advance),
    ]
}

fn packet() -> impl Strategy<Value = String> {
    let prefix = prop_oneof![Just(""), Just("/a,"), Just("/ask,"), Just("/other,")];
    let body = prop_oneof![
        5 => Just((r#"{"sid":"s"}"#.to_owned(), '0')),
        2 => Just((r#"{"sid":"s","pid":"p"}"#.to_owned(), '0')),
        1 => Just((String::new(), '0')),
        1 => Just((String::new(), '1')),
        1 => Just((r#"{"message":"no"}"#.to_owned(), '4')),
        3 => Just((r#"["e","offset"]"#.to_owned(), '2')),
        2 => (0..3_u32).prop_map(|id| (format!(r#"{id}["e"]"#), '2')),
        4 => (0..6_u32).prop_map(|id| (format!("{id}[1]"), '3')),
    ];
    prop_oneof![
        20 => (prefix, body).prop_map(|(prefix, (body, kind))| format!("{kind}{prefix}{body}")),
        1 => Just(r#"51-["b",{"_placeholder":true,"num":0}]"#.to_owned()),
        1 => "\\PC{0,6}",
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 0..80)
}

#[derive(Clone, Copy)]
struct Play {
    start: u64,
    lazy: bool,
    spurious: bool,
    /// The jump of the clock backwards at each input except the passing of time, once it has told the time.
    back: Option<Duration>,
    config: fn() -> Config,
    revision: Revision,
}

impl Default for Play {
    fn default() -> Self {
        Self {
            start: 1_000_000,
            lazy: false,
            spurious: false,
            back: None,
            config,
            revision: Revision::V4,
        }
    }
}

fn revision() -> impl Strategy<Value = Revision> {
    prop::sample::select(vec![Revision::V3, Revision::V4])
}

fn small() -> Config {
    config()
        .with_engine(|engine| {
            engine
                .with_max_buffered(64, 2)
                .with_max_undelivered(256, 16)
        })
        .with_max_buffered(2, 32)
        .with_max_pending_acks(2)
        .with_max_namespaces(2)
        .with_timeout(Some(Duration::from_millis(900)))
        .with_namespace_timeout(Some(Duration::from_millis(800)))
        .with_reconnection_attempts(Some(3))
}

fn options(namespace: usize) -> SocketOptions {
    match NAMESPACES[namespace] {
        "/a" => SocketOptions::default()
            .with_retries(2)
            .with_ack_timeout(Some(Duration::from_millis(700))),
        "/ask" => SocketOptions::default().with_auth_asked(),
        _ => SocketOptions::default(),
    }
}

/// Plays a history to its end; gives all lines.
fn play(ops: &[Op], how: Play) -> Vec<String> {
    let config = (how.config)().with_engine(|engine| engine.with_revision(how.revision));
    let mut rig = Rig::at(config, Instant::from_millis(how.start));
    let mut lines = Vec::new();
    for op in ops {
        if how.spurious {
            rig.client.handle_timeout(rig.now);
        }
        match how.back {
            Some(back) if !matches!(op, Op::Advance(_)) => {
                let now = rig.now;
                rig.client.handle_timeout(now);
                rig.now = earlier(now, back);
                step(&mut rig, op);
                rig.now = now;
            }
            Some(_) | None => step(&mut rig, op),
        }
        check_limits(&rig);
        if !how.lazy {
            lines.extend(rig.drain());
        }
    }
    lines.extend(rig.drain());
    rig.end();
    assert_eq!(rig.client.poll_output(), None);
    lines
}

fn earlier(now: Instant, by: Duration) -> Instant {
    let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Instant::from_nanos(now.as_nanos().saturating_sub(by))
}

fn step(rig: &mut Rig, op: &Op) {
    let socket = |rig: &Rig, namespace: usize| rig.client.find_socket(NAMESPACES[namespace]);
    // What the network does depends on what it was asked to.
    let network = matches!(
        op,
        Op::Respond
            | Op::Authenticate(_)
            | Op::Accept(_)
            | Op::Fail
            | Op::Cut
            | Op::Serve
            | Op::Acknowledge
            | Op::Text(_)
            | Op::Binary
            | Op::Stall(_)
    );
    if network {
        rig.take();
    }
    match op {
        Op::Connect(n) => {
            let _limit = rig.client.connect(NAMESPACES[*n], options(*n), rig.now);
        }
        Op::Disconnect(n) => {
            if let Some(socket) = socket(rig, *n) {
                rig.disconnect(socket);
            }
        }
        Op::Forget(n) => {
            if let Some(socket) = socket(rig, *n) {
                rig.client.forget(socket);
            }
        }
        Op::Emit(n) => {
            if let Some(socket) = socket(rig, *n) {
                let _full = rig.emit(socket, r#"["e"]"#);
            }
        }
        Op::EmitWithAck(n, timeout) => {
            if let Some(socket) = socket(rig, *n) {
                let _full = rig.emit_with_ack(socket, r#"["a"]"#, *timeout);
            }
        }
        Op::Volatile(n) => {
            if let Some(socket) = socket(rig, *n) {
                let _sent = rig.volatile(socket, r#"["v"]"#);
            }
        }
        Op::Clear(n) => {
            if let Some(socket) = socket(rig, *n) {
                rig.client.clear_buffer(socket);
            }
        }
        Op::Respond => {
            if !rig.tokens.is_empty() {
                let _over = rig.respond("[]");
            }
        }
        Op::Authenticate(some) => {
            if let Some(question) = rig.questions.pop_front() {
                let auth = some.then(|| auth(r#"{"token":1}"#));
                let _over = rig.client.provide_auth(question, auth, rig.now);
            }
        }
        Op::Open => rig.client.open(rig.now),
        Op::Close => rig.client.close(rig.now),
        Op::Reconnection(on) => rig.client.set_reconnection(*on),
        Op::Accept(interval) if rig.has_connection() => {
            rig.accept_with(1 + interval * 20_000, 1000);
        }
        Op::Fail if rig.has_connection() => rig.fail(),
        Op::Cut if rig.has_connection() => rig.cut(),
        Op::Serve => serve(rig),
        Op::Acknowledge => {
            if let Some(answer) = rig.answers.pop_front() {
                rig.text(&format!("{answer}[1]"));
            }
        }
        Op::Text(text) if rig.has_connection() => rig.text(text),
        Op::Binary if rig.has_connection() => rig.binary(b"x"),
        Op::Accept(_) | Op::Fail | Op::Cut | Op::Text(_) | Op::Binary => {}
        Op::Stall(stalled) => rig.stalled = *stalled,
        Op::Advance(millis) => rig.advance(*millis),
    }
}

/// A server that does what it should.
fn serve(rig: &mut Rig) {
    if rig.client.state() == State::Opening {
        rig.accept_with(20_000, 1000);
        rig.take();
    }
    while let Some(question) = rig.questions.pop_front() {
        let _over = rig.client.provide_auth(question, None, rig.now);
    }
    rig.take();
    for namespace in NAMESPACES {
        let waits = rig
            .client
            .find_socket(namespace)
            .is_some_and(|socket| rig.client.is_active(socket) && !rig.client.is_connected(socket));
        if waits && rig.client.state() == State::Open {
            let prefix = if namespace == "/" {
                String::new()
            } else {
                format!("{namespace},")
            };
            rig.text(&format!(r#"0{prefix}{{"sid":"s","pid":"p"}}"#));
        }
    }
}

fn check_limits(rig: &Rig) {
    let config = rig.client.config();
    for socket in rig.client.sockets() {
        let buffered = rig.client.buffered(socket);
        // A try of the retry queue may wait beyond the limit.
        assert!(buffered.events <= config.max_buffered_events + 1);
        assert!(buffered.received <= config.max_buffered_events);
        assert!(buffered.retries <= config.max_buffered_events);
        assert!(buffered.bytes <= config.max_buffered_bytes + 16 || buffered.events <= 2);
        assert!(buffered.acks <= config.max_pending_acks + 1);
    }
    assert!(rig.client.sockets().count() <= config.max_namespaces);
}

/// The events of the application, without the parts that depend on the time of its look.
fn story(lines: Vec<String>) -> Vec<String> {
    let told = |line: &String| {
        !["> ", "connect", "close", "b\""]
            .iter()
            .any(|start| line.starts_with(start))
            || line.starts_with("closed")
    };
    let timeless = |line: String| match line.split_once(" in ") {
        Some((before, _)) if line.starts_with("reconnecting") => before.to_owned(),
        _ => line,
    };
    lines.into_iter().filter(told).map(timeless).collect()
}

/// As many as a debug build does in a few seconds, or what the environment asks for.
fn cases() -> u32 {
    const UNASKED: u32 = 256;
    match ProptestConfig::default().cases {
        UNASKED => 120,
        asked => asked,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn any_history_ends_with_nothing_left_and_is_the_same_each_time(ops in ops(), revision in revision()) {
        let how = Play { revision, ..Play::default() };
        prop_assert_eq!(play(&ops, how), play(&ops, how));
    }

    #[test]
    fn limits_hold_whatever_happens(ops in ops(), revision in revision()) {
        let how = Play { config: small, revision, ..Play::default() };
        prop_assert_eq!(play(&ops, how), play(&ops, how));
    }

    #[test]
    fn how_often_outputs_are_taken_changes_nothing(ops in ops(), revision in revision()) {
        // What is volatile, and what an application sees of sockets it forgot, depends on when it looks.
        let steady = |op: &Op| !matches!(op, Op::Volatile(_) | Op::Forget(_));
        let ops: Vec<_> = ops.into_iter().filter(steady).collect();
        let each = Play { revision, ..Play::default() };
        let lazy = Play { lazy: true, ..each };
        prop_assert_eq!(story(play(&ops, each)), story(play(&ops, lazy)));
    }

    #[test]
    fn all_times_may_be_shifted(ops in ops(), revision in revision()) {
        let plain = Play { revision, ..Play::default() };
        let shifted = Play { start: 987_654_321, ..plain };
        prop_assert_eq!(play(&ops, plain), play(&ops, shifted));
    }

    #[test]
    fn a_clock_that_goes_back_stands_still(ops in ops(), revision in revision(), back in 1..100_000_u64) {
        let still = Play { revision, back: Some(Duration::ZERO), ..Play::default() };
        let back = Play { back: Some(Duration::from_millis(back)), ..still };
        prop_assert_eq!(play(&ops, still), play(&ops, back));
    }

    #[test]
    fn calls_of_handle_timeout_before_anything_is_due_change_nothing(ops in ops(), revision in revision()) {
        let plain = Play { revision, ..Play::default() };
        let spurious = Play { spurious: true, ..plain };
        prop_assert_eq!(play(&ops, plain), play(&ops, spurious));
    }

    #[test]
    fn packets_may_come_in_one_body_or_in_many(
        packets in prop::collection::vec(packet(), 0..20),
        revision in revision(),
    ) {
        let packets: Vec<_> = packets.into_iter().filter(|packet| !packet.contains('\x1e')).collect();
        prop_assert_eq!(poll(&packets, true, revision), poll(&packets, false, revision));
    }
}

/// A client on polling gets packets in one body or one by one; gives its events.
fn poll(packets: &[String], together: bool, revision: Revision) -> Vec<String> {
    let now = Instant::ZERO;
    let config = config().with_engine(|engine| {
        engine
            .with_transports([Transport::Polling])
            .with_revision(revision)
    });
    let mut client = Client::new(config, &Seed::new([5; 32])).unwrap();
    for (n, namespace) in NAMESPACES.into_iter().enumerate() {
        client.connect(namespace, options(n), now).unwrap();
    }
    let (mut events, mut get) = (Vec::new(), None);
    let mut take = |client: &mut Client, get: &mut Option<RequestId>| {
        let mut posts = Vec::new();
        while let Some(output) = client.poll_output() {
            match output {
                Output::Request { request, message } if message.method == "GET" => {
                    *get = Some(request);
                }
                Output::Request { request, .. } => posts.push(request),
                Output::Event(Event::AuthRequired { token, .. }) => {
                    client.provide_auth(token, None, now).unwrap();
                }
                Output::Event(event) => events.push(format!("{event:-?}")),
                Output::Abort { .. }
                | Output::Connect { .. }
                | Output::Frames { .. }
                | Output::Close { .. } => {}
            }
        }
        posts
    };
    let greeting = r#"0{"sid":"e","upgrades":[],"pingInterval":60000,"pingTimeout":1000}"#;
    let counted = |packet: &String| format!("{}:{packet}", packet.encode_utf16().count());
    let body = |packets: &[String]| match revision {
        Revision::V3 => packets.iter().map(counted).collect(),
        Revision::V4 | _ => packets.join("\x1e"),
    };
    let texts: Vec<_> = packets.iter().map(|packet| format!("4{packet}")).collect();
    let size = if together { texts.len().max(1) } else { 1 };
    let mut bodies = vec![body(&[greeting.to_owned()])];
    bodies.extend(texts.chunks(size).map(body));
    for body in bodies {
        let mut posts = take(&mut client, &mut get);
        while let Some(post) = posts.pop() {
            client.handle_response(post, Answer::new(200, "ok"), now);
            posts.extend(take(&mut client, &mut get));
        }
        let Some(get) = get.take() else { break };
        client.handle_response(get, Answer::new(200, body), now);
    }
    take(&mut client, &mut get);
    events
}
