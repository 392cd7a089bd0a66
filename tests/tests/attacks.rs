//! Costs of attacks on a server with default settings, as counted by an allocator. `docs/threat-model.md` names these
//! tests. `--nocapture` shows the numbers.
#![cfg(test)]

#[path = "attacks/rarer.rs"]
mod rarer;

use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use bytestring::ByteString;
use socketio_proto::Payload;
use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::server::{self as engine, CloseReason, Output};
use socketio_proto::engine::{ConnectionId, Frame, Instant, RequestId, Seed};
use socketio_proto::server::{
    Config, DisconnectReason, EmitError, Event, NamespacePattern, RecoveryConfig, Server, SocketKey,
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const ATTACKER: ConnectionId = ConnectionId(1);

/// A server under attack, and a driver that works, except where the attacker prevents it.
struct Target {
    server: Server,
    sockets: Vec<SocketKey>,
    statuses: Vec<u16>,
    reasons: Vec<DisconnectReason>,
    events: usize,
    now: Instant,
    requests: u64,
    /// The driver takes frames, which it cannot do while a client does not read.
    writes: bool,
    /// The application takes events.
    takes: bool,
}

impl Target {
    fn new() -> Self {
        Self {
            server: Server::new(Config::default(), 0, &Seed::new([7; 32])).unwrap(),
            sockets: Vec::new(),
            statuses: Vec::new(),
            reasons: Vec::new(),
            events: 0,
            now: Instant::ZERO,
            requests: 0,
            writes: true,
            takes: true,
        }
    }

    /// A server with one client in `/`, on a WebSocket.
    fn with_attacker() -> Self {
        let mut target = Self::new();
        target.open(ATTACKER);
        target.text(ATTACKER, "40");
        assert_eq!(target.sockets.len(), 1);
        target
    }

    fn open(&mut self, connection: ConnectionId) {
        let head = RequestHead::new("GET", "/socket.io/", "EIO=4&transport=websocket");
        self.server
            .handle_upgrade(connection, &head.with_upgrade(), self.now);
        self.drain();
    }

    fn text(&mut self, connection: ConnectionId, text: impl Into<ByteString>) {
        self.frame(connection, Frame::Text(text.into()));
    }

    fn frame(&mut self, connection: ConnectionId, frame: Frame) {
        self.server.handle_frame(connection, frame, self.now);
        self.drain();
    }

    fn request(&mut self, method: &str, query: &str, body: Bytes) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        let head = RequestHead::new(method, "/socket.io/", query);
        self.server.handle_request(id, &head, body, self.now);
        self.drain();
        id
    }

    fn drain(&mut self) {
        if !self.takes {
            return;
        }
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Frames { connection } if self.writes => {
                    while self.server.poll_frame(connection).is_some() {}
                }
                Output::Event(Event::Connecting { token, .. }) => {
                    self.sockets
                        .push(self.server.accept(token, self.now).unwrap());
                }
                Output::Event(Event::Event { .. }) => self.events += 1,
                Output::Event(Event::Disconnected { reason, .. }) => self.reasons.push(reason),
                Output::Respond { response, .. } => self.statuses.push(response.status),
                Output::Frames { .. }
                | Output::Event(_)
                | Output::Accept { .. }
                | Output::Refuse { .. }
                | Output::Close { .. } => {}
            }
        }
    }

    /// Lets time pass without any answer.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.server.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.server.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn sessions(&self) -> usize {
        self.server.engine().session_count()
    }
}

/// Runs the attack, and returns the maximum of additional bytes that it held.
fn cost(target: &mut Target, attack: impl FnOnce(&mut Target)) -> u64 {
    let name = std::thread::current().name().map(str::to_owned);
    let info = measure(|| attack(target));
    println!("{}: {} B at most", name.unwrap_or_default(), info.bytes_max);
    info.bytes_max
}

/// A client that reads nothing holds at most the buffer of one client, and is gone at its heartbeat.
#[test]
fn a_slow_reader_holds_what_may_be_buffered_for_one_client() {
    let mut target = Target::with_attacker();
    target.writes = false;
    let socket = target.sockets[0];
    let mut refused = false;
    let held = cost(&mut target, |target| {
        while !refused {
            let kilobyte = "x".repeat(1_000);
            let event = Payload::event("news").arg(&kilobyte).build();
            refused = match target.server.emit(socket, &event.unwrap(), Instant::ZERO) {
                Ok(()) => false,
                Err(EmitError::Full { .. }) => true,
                Err(error) => panic!("{error}"),
            };
        }
    });
    assert!(held < 24 * MIB, "{held}");
    target.pass(Duration::from_secs(50));
    assert_eq!(
        target.reasons,
        [DisconnectReason::Engine(CloseReason::PingTimeout)]
    );
    assert_eq!(target.sessions(), 0);
}

/// A broadcast to many slow readers is stored once. Each reader costs a slot in its queue.
#[test]
fn many_slow_readers_share_what_is_broadcast() {
    let mut target = Target::new();
    for number in 0..1_000 {
        target.open(ConnectionId(number));
        target.text(ConnectionId(number), "40");
    }
    target.writes = false;
    let held = cost(&mut target, |target| {
        for _ in 0..100 {
            let kilobyte = "x".repeat(1_000);
            let event = Payload::event("news").arg(&kilobyte).build();
            let everybody = socketio_proto::server::Target::namespace("/");
            target
                .server
                .broadcast(&everybody, &event.unwrap(), Instant::ZERO)
                .unwrap();
        }
    });
    // 100 kB of events, and 8 bytes in each of 100,000 slots, of which a queue that grows has up to twice as many.
    assert!(held < 3 * MIB, "{held}");
}

/// The driver holds a body that arrives slowly. The machine stores its number, and ends the session at its heartbeat.
#[test]
fn a_slow_writer_holds_nothing_in_the_machine() {
    let mut target = Target::new();
    target.request("GET", "EIO=4&transport=polling", Bytes::new());
    let sid = sid(&target);
    let query = format!("EIO=4&transport=polling&sid={sid}");
    let held = cost(&mut target, |target| {
        let head = RequestHead::new("POST", "/socket.io/", &query);
        target
            .server
            .handle_request_begun(RequestId(99), &head, target.now);
        target.drain();
    });
    assert!(held < KIB, "{held}");
    target.pass(Duration::from_secs(50));
    assert_eq!(target.sessions(), 0);
    assert_eq!(
        target.statuses,
        [200, 400],
        "the handshake, and the POST that never ended"
    );
}

fn sid(target: &Target) -> String {
    let session = target.server.engine().sessions().next();
    session
        .map(|(_, session)| session.sid().as_str().to_owned())
        .unwrap()
}

/// A handshake without further requests costs as much as an idle session, until its heartbeat ends it.
#[test]
fn a_flood_of_handshakes_costs_each_an_idle_session_until_its_heartbeat() {
    const MANY: u64 = 10_000;
    let mut target = Target::new();
    target.statuses.reserve(MANY as usize);
    let held = cost(&mut target, |target| {
        for _ in 0..MANY {
            target.request("GET", "EIO=4&transport=polling", Bytes::new());
        }
    });
    assert_eq!(target.sessions(), MANY as usize);
    assert!(held / MANY < KIB, "{held}");
    target.pass(Duration::from_secs(50));
    assert_eq!(target.sessions(), 0, "nobody answered a ping");
    assert_eq!(target.server.poll_timeout(), None);
}

/// Guesses of session ids find nothing, and leave nothing behind.
#[test]
fn guesses_at_session_ids_find_nothing_and_leave_nothing() {
    let mut target = Target::with_attacker();
    let right = sid(&target);
    // What the queue of answers takes is there from the first one on.
    target.request("GET", "EIO=4&transport=polling&sid=x", Bytes::new());
    target.statuses.reserve(20_000);
    let info = measure(|| {
        for guess in 0..20_000_u32 {
            // The shard and the slot are right, which takes no guessing; the rest is 88 random bits.
            let sid = format!("{}{guess:015}", &right[..5]);
            let query = format!("EIO=4&transport=polling&sid={sid}");
            target.request("GET", &query, Bytes::new());
        }
    });
    println!("20,000 guesses: {} B kept", info.bytes_current);
    assert!(target.statuses.iter().all(|status| *status == 400));
    assert_eq!(info.bytes_current, 0);
    assert_eq!(target.sessions(), 1);
}

/// The maximum number of packets in a body: all are delivered, and cost as much as a queue of that length.
#[test]
fn a_flood_of_packets_in_one_payload_costs_a_queue_of_that_length() {
    let mut target = Target::new();
    target.request("GET", "EIO=4&transport=polling", Bytes::new());
    let sid = sid(&target);
    let query = format!("EIO=4&transport=polling&sid={sid}");
    target.request("POST", &query, Bytes::from_static(b"40"));
    assert_eq!(target.sockets.len(), 1);
    target.takes = false;
    let most = Config::default().engine.max_packets_per_payload;
    let body = Bytes::from(vec![r#"42["x"]"#; most].join("\x1e"));
    let length = body.len() as u64;
    let held = cost(&mut target, |target| {
        target.request("POST", &query, body);
    });
    println!("for a body of {length} B");
    assert!(held < 28 * MIB, "{held}");
    target.takes = true;
    target.drain();
    assert_eq!(target.events, most, "none is lost");
    // One more than that is a fault.
    let body = Bytes::from(vec!["4"; most + 1].join("\x1e"));
    target.request("POST", &query, body);
    assert_eq!(target.sessions(), 0);
}

/// Attachments that never complete a packet are stored up to their number times the size of a frame, and are freed with
/// the connection.
#[test]
fn attachments_that_never_complete_hold_what_one_packet_may_be() {
    let mut target = Target::with_attacker();
    target.text(ATTACKER, r#"4510-["x"]"#);
    let mut after = 0_u64;
    let held = cost(&mut target, |target| {
        for _ in 0..9 {
            let attachment = Bytes::from(vec![0; 1_000_000]);
            target.frame(ATTACKER, Frame::Binary(attachment));
        }
        after = target.server.bytes_held() as u64;
    });
    assert!(
        after >= 9_000_000 && after < 2 * held,
        "{after} are counted"
    );
    assert!(held < 10 * MIB, "{held}");
    target
        .server
        .handle_connection_closed(ATTACKER, Instant::ZERO);
    target.drain();
    assert_eq!(target.sessions(), 0);
}

/// Acknowledgements that nobody waits for are dropped, whatever their ids.
#[test]
fn a_flood_of_acknowledgements_leaves_nothing() {
    let mut target = Target::with_attacker();
    let info = measure(|| {
        for id in 0..20_000_u32 {
            target.text(ATTACKER, format!("43{id}[]"));
        }
    });
    println!("20,000 acknowledgements: {} B kept", info.bytes_current);
    assert_eq!(info.bytes_current, 0);
    assert_eq!(target.sessions(), 1);
}

/// Events that ask for an acknowledgement leave nothing behind once the application has received them.
#[test]
fn a_flood_of_events_that_ask_for_acknowledgements_leaves_nothing() {
    let mut target = Target::with_attacker();
    let info = measure(|| {
        for id in 0..20_000_u32 {
            target.text(ATTACKER, format!("42{id}[\"x\"]"));
        }
    });
    println!("20,000 events: {} B kept", info.bytes_current);
    assert_eq!(target.events, 20_000);
    assert_eq!(info.bytes_current, 0);
}

/// Unknown names of namespaces are refused and forgotten. One connection joins a limited number of the others.
#[test]
fn a_flood_of_namespaces_leaves_as_many_as_one_connection_may_join() {
    let mut target = Target::with_attacker();
    let info = measure(|| {
        for number in 0..20_000_u32 {
            target.text(ATTACKER, format!("40/{number},"));
        }
    });
    println!("20,000 unknown names: {} B kept", info.bytes_current);
    assert_eq!(info.bytes_current, 0);

    let pattern = NamespacePattern::new("/*").unwrap();
    target.server.add_parent(pattern.into());
    let held = cost(&mut target, |target| {
        for number in 0..10_000_u32 {
            target.text(ATTACKER, format!("40/{number},"));
        }
    });
    let most = Config::default().max_namespaces_per_connection;
    assert_eq!(target.sockets.len(), most, "with the main one");
    assert!(held < MIB, "{held}");
}

/// Children without a client are removed once their clients are refused, and other clients may create the full number.
#[test]
fn a_flood_of_names_that_nobody_is_let_into_uses_no_namespace_up() {
    let mut target = Target::with_attacker();
    target
        .server
        .add_parent(NamespacePattern::new("/*").unwrap().into());
    let flood = |target: &mut Target| {
        for number in 0..2 * Config::default().max_namespaces {
            let frame = Frame::Text(format!("40/{number},").into());
            target.server.handle_frame(ATTACKER, frame, target.now);
            while let Some(output) = target.server.poll_output() {
                match output {
                    Output::Event(Event::Connecting { token, .. }) => {
                        target
                            .server
                            .reject(token, "no", None, Instant::ZERO)
                            .unwrap();
                    }
                    Output::Frames { connection } => {
                        while target.server.poll_frame(connection).is_some() {}
                    }
                    _ => {}
                }
            }
        }
    };
    // What a slab and queues keep for the next ones.
    flood(&mut target);
    let info = measure(|| flood(&mut target));
    println!("20,000 names, all refused: {} B kept", info.bytes_current);
    assert_eq!(info.bytes_current, 0);
    assert!(target.server.namespaces().eq(["/"]));
}

/// An application lets clients choose the names of rooms. Each client has a limited number of names of limited length.
#[test]
fn a_flood_of_rooms_costs_their_names() {
    let mut target = Target::with_attacker();
    let socket = target.sockets[0];
    let config = Config::default();
    let mut joined = 0;
    let held = cost(&mut target, |target| {
        for number in 0..5_000_usize {
            let name = format!("{number:0width$}", width = config.max_room_length);
            joined += usize::from(target.server.join(socket, &name).is_ok());
        }
    });
    assert_eq!(joined, config.max_rooms_per_socket);
    assert!(held < 6 * MIB, "{held}");
    let too_long = "x".repeat(config.max_room_length + 1);
    assert!(target.server.join(socket, &too_long).is_err());
}

/// JSON as deep as a frame is long costs only its frame, and no stack.
#[test]
fn deep_json_costs_its_frame_and_no_stack() {
    let frames = [
        format!("42{}", "[".repeat(999_000)),
        format!("42[\"x\",{}", r#"{"a":"#.repeat(190_000)),
        format!("42[\"x\",{}{}]", "[".repeat(400_000), "]".repeat(400_000)),
    ];
    let attack = move || {
        for frame in frames {
            let mut target = Target::with_attacker();
            let length = frame.len() as u64;
            let held = cost(&mut target, |target| target.text(ATTACKER, frame));
            assert!(held < length / 2, "the frame is moved and dropped: {held}");
            assert_eq!(target.sessions(), 0);
        }
    };
    let small = std::thread::Builder::new()
        .name("deep_json_costs_its_frame_and_no_stack".to_owned())
        .stack_size(128 * 1024);
    small.spawn(attack).unwrap().join().unwrap();
}

/// Duplicate keys, keys with a meaning in JavaScript, and numbers of any length cost only their text.
#[test]
fn odd_keys_and_huge_numbers_cost_their_text() {
    let mut target = Target::with_attacker();
    target.takes = false;
    for json in [
        format!("[\"x\",{{{}\"a\":1}}]", r#""a":1,"#.repeat(100_000)),
        format!("[\"x\",{{{}\"a\":1}}]", r#""__proto__":{},"#.repeat(60_000)),
        format!("[\"x\",{}]", "9".repeat(900_000)),
        format!("[\"x\",1e{}]", "9".repeat(900_000)),
    ] {
        let text = format!("42{json}");
        let held = cost(&mut target, |target| target.text(ATTACKER, text));
        assert!(held < 4 * KIB, "beside the frame itself: {held}");
    }
    target.takes = true;
    target.drain();
    assert_eq!(target.events, 4, "all of it is JSON");
}

/// Any number of heartbeats, probes and packets without effect costs nothing.
#[test]
fn a_flood_of_control_packets_leaves_nothing() {
    let mut target = Target::with_attacker();
    let info = measure(|| {
        for _ in 0..10_000 {
            for packet in ["3", "6", "5", "0{}", "3probe"] {
                target.text(ATTACKER, ByteString::from_static(packet));
            }
        }
    });
    println!("50,000 packets: {} B kept", info.bytes_current);
    assert_eq!(info.bytes_current, 0);
    assert_eq!(target.sessions(), 1);
    assert_eq!(target.server.engine().timer_count(), 1);
}

/// A client that knows a session id cannot take over a session that has its connection, and its probe is dropped.
#[test]
fn connections_for_the_session_of_another_are_closed_and_leave_nothing() {
    let mut target = Target::with_attacker();
    let sid = sid(&target);
    let query = format!("EIO=4&transport=websocket&sid={sid}");
    let info = measure(|| {
        for number in 1_000..3_000 {
            let head = RequestHead::new("GET", "/socket.io/", &query).with_upgrade();
            let thief = ConnectionId(number);
            target.server.handle_upgrade(thief, &head, target.now);
            target.text(thief, ByteString::from_static("2probe"));
            target.text(thief, ByteString::from_static("5"));
            target.server.handle_connection_closed(thief, target.now);
            target.drain();
        }
    });
    println!("2,000 connections: {} B kept", info.bytes_current);
    assert_eq!(info.bytes_current, 0);
    target.text(ATTACKER, r#"42["still here"]"#);
    assert_eq!(target.events, 1, "and the owner has not noticed");
}

/// The data for returning clients is stored up to the bounds of the store.
#[test]
fn clients_that_come_and_go_fill_the_recovery_store_and_no_more() {
    let recovery = RecoveryConfig::default().with_max_sessions(1_000);
    let config = Config::default().with_connection_state_recovery(Some(recovery));
    let mut target = Target::new();
    target.server = Server::new(config, 0, &Seed::new([7; 32])).unwrap();
    let held = cost(&mut target, |target| {
        for number in 0..5_000 {
            target.open(ConnectionId(number));
            target.text(ConnectionId(number), "40");
            target
                .server
                .handle_connection_closed(ConnectionId(number), target.now);
            target.drain();
            target.sockets.clear();
            target.reasons.clear();
        }
    });
    assert!(held < MIB, "{held}");
}
