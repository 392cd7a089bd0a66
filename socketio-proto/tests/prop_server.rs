//! Properties of the server that hold whatever clients and application do.
#![cfg(test)]

#[path = "support/machine.rs"]
mod machine;
#[path = "prop_server/script.rs"]
mod script;
#[expect(
    dead_code,
    reason = "the scripts of the behaviour tests use more of it"
)]
mod support;

/// The settings of scripts; the properties choose their own.
const PARSER: Parser = Parser::Json;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use socketio_proto::Payload;
use socketio_proto::engine::Instant;
use socketio_proto::engine::server::Config as EngineConfig;
use socketio_proto::parser::Parser;
use socketio_proto::server::{Config, Matcher, NamespacePattern, RecoveryConfig, Target};

use script::{Op, Say, ops};
use support::Net;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn any_history_ends_with_nothing_left_and_is_the_same_each_time(ops in ops()) {
        let first = play(&ops, Play::default());
        prop_assert_eq!(first, play(&ops, Play::default()));
    }

    #[test]
    fn how_often_outputs_are_taken_changes_nothing(ops in ops()) {
        let ops: Vec<_> = ops.into_iter().map(Op::not_volatile).collect();
        let gentle = Play { gentle: true, ..Play::default() };
        let lazy = Play { lazy: true, ..gentle };
        same_stories(play(&ops, gentle), play(&ops, lazy))?;
    }

    #[test]
    fn all_times_may_be_shifted(ops in ops()) {
        let shifted = Play { start: Instant::from_millis(987_654_321), ..Play::default() };
        prop_assert_eq!(play(&ops, Play::default()), play(&ops, shifted));
    }

    #[test]
    fn a_clock_that_goes_back_stands_still(ops in script::ops(), back in 1..100_000_u64) {
        let still = Play { back: Some(Duration::ZERO), ..Play::default() };
        let back = Play { back: Some(Duration::from_millis(back)), ..still };
        prop_assert_eq!(play(&ops, still), play(&ops, back));
    }

    #[test]
    fn calls_of_handle_timeout_before_anything_is_due_change_nothing(ops in ops()) {
        let spurious = Play { spurious: true, ..Play::default() };
        prop_assert_eq!(play(&ops, Play::default()).lines, play(&ops, spurious).lines);
    }

    #[test]
    fn packets_may_come_in_one_body_or_in_many(ops in ops()) {
        let gentle = Play { gentle: true, ..Play::default() };
        let apart = Play { apart: true, ..gentle };
        same_stories(play(&ops, gentle), play(&ops, apart))?;
    }

    #[test]
    fn every_parser_tells_the_same_stories(ops in ops()) {
        // What older clients say is not translated.
        let ops: Vec<_> = ops.into_iter().map(Op::not_volatile).map(Op::of_revision_5).collect();
        let gentle = Play { gentle: true, ..Play::default() };
        let msgpack = Play { config: msgpack_config, ..gentle };
        let told = |how| {
            let mut played = play(&ops, how);
            played.lines = played.lines.into_iter().map(without_decode_error).collect();
            played
        };
        same_stories(told(gentle), told(msgpack))?;
    }

    #[test]
    fn limits_hold_whatever_happens(ops in ops()) {
        let small = Play { config: small_config, ..Play::default() };
        let first = play(&ops, small);
        prop_assert_eq!(first, play(&ops, small));
    }
}

/// The number of cases that a debug build runs in a few seconds, or the number from the environment.
fn cases() -> u32 {
    const UNASKED: u32 = 256;
    match ProptestConfig::default().cases {
        UNASKED => 40,
        asked => asked,
    }
}

#[derive(Clone, Copy)]
struct Play {
    start: Instant,
    /// Takes outputs only where the script needs them.
    lazy: bool,
    spurious: bool,
    /// The jump of the clock backwards at each input except the passing of time, once it has told the time.
    back: Option<Duration>,
    /// Clients on polling take turns with the server: one poll at a time, and a close packet when they leave. Otherwise
    /// the grouping of packets would decide whether a poll is held at some point, and so how a session ends.
    gentle: bool,
    /// The packets of a body arrive one by one.
    apart: bool,
    config: fn() -> Config,
}

impl Default for Play {
    fn default() -> Self {
        Self {
            start: Instant::from_millis(1_000),
            lazy: false,
            spurious: false,
            back: None,
            gentle: false,
            apart: false,
            config: tidy_config,
        }
    }
}

fn tidy_config() -> Config {
    let recovery = RecoveryConfig::default()
        .with_max_disconnection_duration(Duration::from_secs(30))
        .with_max_packets(5);
    Config::default()
        .with_engine(EngineConfig::default().with_allow_eio3(true))
        .with_cleanup_empty_child_namespaces(true)
        .with_room_events(true)
        .with_connection_state_recovery(Some(recovery))
}

fn msgpack_config() -> Config {
    tidy_config().with_parser(Parser::MsgPack)
}

/// The kind of fault in bytes depends on the parser; the fact that they are faulty does not.
fn without_decode_error(line: String) -> String {
    match line.split_once(" (") {
        Some((reason, _)) if reason.ends_with("forced close") => reason.to_owned(),
        _ => line,
    }
}

/// Limits so low that scripts reach them.
fn small_config() -> Config {
    let engine = EngineConfig::default()
        .with_allow_eio3(true)
        .with_max_buffered(200, 3)
        .with_max_undelivered(20, 2)
        .with_max_packets_per_payload(2)
        .with_max_payload(80)
        .with_max_sessions(3);
    let recovery = RecoveryConfig::default()
        .with_skip_middlewares(false)
        .with_max_bytes(60)
        .with_max_sessions(2);
    Config::default()
        .with_engine(engine)
        .with_connection_state_recovery(Some(recovery))
        .with_max_namespaces_per_connection(2)
        .with_max_namespaces(4)
        .with_max_rooms_per_socket(1)
        .with_max_pending_acks(1)
}

/// All outputs.
#[derive(Debug, PartialEq)]
struct Played {
    lines: Vec<String>,
    /// The time to the next deadline after each step, in nanoseconds.
    deadlines: Vec<Option<u64>>,
    ids: Vec<String>,
    /// The client of each socket.
    owners: Vec<usize>,
}

/// Plays a script to its end, and continues until nothing is left. The driver checks each output when it arrives.
fn play(ops: &[Op], how: Play) -> Played {
    let mut net = Net::at((how.config)(), how.start);
    net.is_frank = true;
    let pattern = NamespacePattern::new("/made-{int}").unwrap();
    net.server.add_parent(Matcher::Ask);
    net.server.add_parent(pattern.into());
    net.server.add_parent(Matcher::Ask);
    for namespace in ["/a", "/b"] {
        net.add_namespace(namespace);
    }
    let mut played = Played {
        lines: Vec::new(),
        deadlines: Vec::new(),
        ids: Vec::new(),
        owners: Vec::new(),
    };
    for op in ops {
        if !how.lazy || op.needs_outputs() {
            played.lines.extend(net.drain());
        }
        if op.is_command() {
            // As drivers do, so that deadlines count from the command.
            net.server.handle_timeout(net.now);
        }
        match how.back {
            Some(back) if !matches!(op, Op::Advance { .. }) => {
                let now = net.now;
                net.server.handle_timeout(now);
                net.now = earlier(now, back);
                step(&mut net, op, how, &mut played.lines);
                net.now = now;
            }
            Some(_) | None => step(&mut net, op, how, &mut played.lines),
        }
        if how.spurious
            && net
                .server
                .poll_timeout()
                .is_none_or(|deadline| deadline > net.now)
        {
            net.server.handle_timeout(net.now);
            net.server.handle_timeout(Instant::ZERO);
        }
        if !how.lazy {
            played.lines.extend(net.drain());
            net.check_buffers();
        }
        let deadline = net.server.poll_timeout();
        played
            .deadlines
            .push(deadline.map(|deadline| deadline.as_nanos().wrapping_sub(net.now.as_nanos())));
    }
    played.lines.extend(net.drain());
    for client in 0..net.client_count() {
        go(&mut net, client, how);
    }
    played.lines.extend(net.drain());
    net.end(&mut played.lines);
    for socket in 0..net.socket_count() {
        played.ids.push(net.id(socket));
        played.owners.push(net.owner(socket));
    }
    played
}

fn earlier(now: Instant, by: Duration) -> Instant {
    let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Instant::from_nanos(now.as_nanos().saturating_sub(by))
}

fn step(net: &mut Net, op: &Op, how: Play, lines: &mut Vec<String>) {
    let client = |number: &usize| net.nth_client(*number);
    let socket = |number: &usize| net.nth_socket(*number);
    match op {
        Op::Open { websocket, old } => lines.extend(net.try_open(*websocket, *old)),
        Op::Enter {
            client: of,
            namespace,
        } => {
            let Some(client) = client(of) else { return };
            if net.is_in(client, namespace) {
                return;
            }
            let name = if *namespace == "/" { "" } else { namespace };
            net.text(client, &format!("0{name}"));
            lines.extend(net.drain());
            while net.has_asked() {
                let _too_late = net.allow();
                lines.extend(net.drain());
            }
            while net.has_token() {
                let _too_late = net.accept();
            }
        }
        Op::ComeBack {
            websocket,
            namespace,
            session,
            packet,
        } => {
            lines.extend(net.try_open(*websocket, false));
            let newest = net.client_count().checked_sub(1);
            if let Some(client) = newest.filter(|client| !net.is_in(*client, namespace)) {
                let _nobody = net.ask_for_kept(client, namespace, *session, *packet);
                // Sockets are numbered when they are told of.
                lines.extend(net.drain());
            }
        }
        Op::Say { socket: of, what } => {
            if let Some(socket) = socket(of) {
                say_one(net, socket, *what);
            }
        }
        Op::Text { client: of, text } => {
            if let Some(client) = client(of) {
                net.text(client, text);
            }
        }
        Op::Binary { client: of, data } => {
            if let Some(client) = client(of) {
                net.binary(client, data);
            }
        }
        Op::Post { socket: of, what } => {
            let Some(socket) = socket(of) else { return };
            let client = net.owner(socket);
            if !net.is_polling(client) || how.apart {
                return what.iter().for_each(|what| say_one(net, socket, *what));
            }
            let namespace = net.namespace(socket);
            let messages = what.iter().map(|what| what.messages(&namespace));
            net.post_messages(client, &messages.collect::<Vec<_>>());
        }
        Op::Packet { client: of, packet } => {
            if let Some(client) = client(of) {
                net.packet(client, packet);
            }
        }
        Op::Poll { client: of } => {
            let Some(client) = client(of).filter(|client| net.is_polling(*client)) else {
                return;
            };
            if !(how.gentle && net.holds_poll(client)) {
                net.poll(client);
            }
        }
        Op::Upgrade { client: of } => {
            if let Some(client) = client(of).filter(|client| net.is_polling(*client)) {
                net.upgrade(client);
            }
        }
        Op::Vanish { client: of } => {
            if let Some(client) = client(of) {
                go(net, client, how);
            }
        }
        Op::Fail { client: of } => {
            if let Some(client) = client(of).filter(|client| !net.is_polling(*client)) {
                net.fail(client);
            }
        }
        Op::Accept if net.has_token() => drop(net.accept()),
        Op::Reject if net.has_token() => drop(net.reject("no", Some("{}"))),
        Op::Allow if net.has_asked() => drop(net.allow()),
        Op::Deny if net.has_asked() => drop(net.deny()),
        Op::Accept | Op::Reject | Op::Allow | Op::Deny => {}
        Op::RemoveNamespace { namespace } => {
            let removed = net.server.remove_namespace(namespace, net.now);
            lines.push(format!("{namespace} is removed: {removed}"));
        }
        Op::Respond => {
            if let Some(token) = net.ack_token() {
                let answer = Payload::ack().arg(&1).build().unwrap();
                let _too_late = net.server.respond(token, &answer);
            }
        }
        Op::Emit {
            socket: of,
            attachments,
        } => {
            let Some(socket) = socket(of) else { return };
            let payload = (0..*attachments).fold(Payload::event("e"), |payload, byte| {
                payload.binary(vec![byte])
            });
            let result = net
                .server
                .emit(net.key(socket), &payload.build().unwrap(), net.now);
            lines.push(format!("${socket} emit {}", result.is_ok()));
        }
        Op::EmitVolatile { socket: of } => {
            let Some(socket) = socket(of) else { return };
            let result = net.emit_volatile(socket, r#"["v"]"#);
            lines.push(format!("${socket} volatile {result:?}"));
        }
        Op::EmitWithAck { socket: of, millis } => {
            let Some(socket) = socket(of) else { return };
            let result = net.emit_with_ack(socket, r#"["q"]"#, *millis);
            lines.push(format!("${socket} asks {}", result.is_ok()));
        }
        Op::Join { socket: of, room } => {
            let Some(socket) = socket(of) else { return };
            let result = net.server.join(net.key(socket), room);
            lines.push(format!("${socket} joins {}", result.is_ok()));
        }
        Op::Leave { socket: of, room } => {
            let Some(socket) = socket(of) else { return };
            net.server.leave_room(net.key(socket), room);
        }
        Op::LeaveOwn { socket: of } => {
            let Some(socket) = socket(of) else { return };
            let id = net.id(socket);
            net.server.leave_room(net.key(socket), &id);
        }
        Op::Broadcast {
            namespace,
            rooms,
            except,
            volatile,
        } => {
            let mut target = Target::namespace(namespace).rooms(rooms);
            if let Some(except) = socket(except) {
                target = target.except(net.key(except));
            }
            let target = if *volatile { target.volatile() } else { target };
            let count = net.server.sockets(target).count();
            let outcome = net.broadcast(target, r#"["b"]"#);
            assert_eq!(outcome.sent + outcome.full + outcome.gone, count);
            assert_eq!(outcome.gone, 0, "who is gone has left its namespaces");
        }
        Op::BroadcastWithAck {
            namespace,
            rooms,
            millis,
        } => {
            let target = Target::namespace(namespace).rooms(rooms);
            net.broadcast_with_ack(target, r#"["b"]"#, *millis);
        }
        Op::Disconnect { socket: of } => {
            if let Some(socket) = socket(of) {
                net.disconnect(socket);
            }
        }
        Op::DisconnectSession { client: of } => {
            if let Some(client) = client(of) {
                net.disconnect_session(client);
            }
        }
        Op::ShutDown => net.shut_down(),
        Op::Advance { millis } => net.advance(*millis),
    }
}

fn go(net: &mut Net, client: usize, how: Play) {
    if how.gentle && net.is_polling(client) {
        net.packet(client, "1");
    } else {
        net.vanish(client);
    }
}

fn say_one(net: &mut Net, socket: usize, what: Say) {
    let (text, attachment) = what.messages(&net.namespace(socket));
    let client = net.owner(socket);
    net.text(client, &text);
    if let Some(data) = attachment {
        net.binary(client, data);
    }
}

/// The packets that a client got, the events that the application got about it, and the results of its commands.
type Story = (Vec<String>, Vec<String>, Vec<String>);

/// The name under which the story of the namespaces is filed.
const NOBODY: usize = usize::MAX;

/// Checks that two plays give the same story of each client. The number of queued packets that a polling client has got
/// when it leaves depends on their grouping; their order does not.
fn same_stories(one: Played, other: Played) -> Result<(), TestCaseError> {
    let (one, other) = (by_client(one), by_client(other));
    prop_assert!(one.keys().eq(other.keys()));
    for ((wire, events, results), (other_wire, other_events, other_results)) in
        one.into_values().zip(other.into_values())
    {
        prop_assert_eq!(events, other_events);
        prop_assert_eq!(results, other_results);
        let common = wire.len().min(other_wire.len());
        prop_assert_eq!(&wire[..common], &other_wire[..common]);
    }
    Ok(())
}

/// The story of each client, without the parts that depend only on timing. These are the grouping of packets into the
/// answers of polls, heartbeats, and the end reasons of connections that the server was already closing.
fn by_client(played: Played) -> BTreeMap<usize, Story> {
    let mut clients: BTreeMap<usize, Story> = BTreeMap::new();
    for line in played.lines {
        if line.starts_with(['/', '*']) {
            let (_, events, _) = clients.entry(NOBODY).or_default();
            events.push(line);
            continue;
        }
        let (who, what) = line[1..].split_once(' ').expect("who and what");
        let who: usize = who.parse().expect("a number");
        if line.starts_with('$') {
            let (_, events, results) = clients.entry(played.owners[who]).or_default();
            let commands = ["emit", "asks", "joins"];
            let is_result = commands.iter().any(|command| what.starts_with(command));
            if is_result { results } else { events }.push(line);
            continue;
        }
        let (wire, events, _) = clients.entry(who).or_default();
        if let Some(packets) = what.strip_prefix("< ") {
            let payload = packets
                .split('|')
                .filter(|packet| !matches!(*packet, "1" | "2" | "3" | "6"));
            // In base64 or not, as the transport has it.
            let shown = |packet: &str| {
                if packet.starts_with('b') {
                    "attachment"
                } else {
                    packet
                }
                .to_owned()
            };
            wire.extend(payload.map(shown));
        } else if what.starts_with("closed:") {
            events.push("closed".to_owned());
        } else if !["post ", "get ", "closed by", "refused"]
            .iter()
            .any(|start| what.starts_with(start))
        {
            events.push(what.to_owned());
        }
    }
    clients
}
