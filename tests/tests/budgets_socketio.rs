//! The budgets of `socketio_proto`, as counted by an allocator and not by a clock.
#![cfg(test)]

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::server::Output;
use socketio_proto::engine::{ByteString, ConnectionId, Frame, Instant, Message, Seed};
use socketio_proto::parser::{Limits, Parser, encode_text};
use socketio_proto::server::{Config, Event, Server, SocketKey, Target};
use socketio_proto::{PacketRef, PacketType, Payload};

/// A number at which the memory of pages and trees evens out.
const MANY: u64 = 10_000;

/// A server whose clients are all on WebSocket and in `/`, and a driver that takes everything at once.
struct Net {
    server: Server,
    sockets: Vec<SocketKey>,
    now: Instant,
    frames: u64,
    events: u64,
}

impl Net {
    fn new() -> Self {
        Self {
            server: Server::new(Config::default(), 0, &Seed::new([5; 32])).unwrap(),
            sockets: Vec::with_capacity(MANY as usize),
            now: Instant::ZERO,
            frames: 0,
            events: 0,
        }
    }

    fn open(&mut self, connection: u64) {
        let head = RequestHead::new("GET", "/socket.io/", "EIO=4&transport=websocket");
        self.server
            .handle_upgrade(ConnectionId(connection), &head, self.now);
        self.drain();
        self.text(connection, "40");
    }

    fn text(&mut self, connection: u64, text: &'static str) {
        let frame = Frame::Text(ByteString::from_static(text));
        self.server
            .handle_frame(ConnectionId(connection), frame, self.now);
        self.drain();
    }

    /// Takes all outputs. Every client that asks is accepted, and events and pings are answered.
    fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Frames { connection } => {
                    while let Some(frame) = self.server.poll_frame(connection) {
                        self.frames += 1;
                        if matches!(frame, Frame::Text(text) if text == "2") {
                            let pong = Frame::Text(ByteString::from_static("3"));
                            self.server.handle_frame(connection, pong, self.now);
                        }
                    }
                }
                Output::Event(Event::Connecting { token, .. }) => {
                    self.sockets
                        .push(self.server.accept(token, self.now).unwrap());
                }
                Output::Event(Event::Event { payload, ack, .. }) => {
                    self.events += 1;
                    if let Some(ack) = ack {
                        let answer = Payload::ack().args_of(&payload).build().unwrap();
                        self.server.respond(ack, &answer).unwrap();
                    }
                }
                Output::Event(_)
                | Output::Accept { .. }
                | Output::Close { .. }
                | Output::Respond { .. }
                | Output::Refuse { .. } => {}
            }
        }
    }

    /// Opens clients spread over 10 s, as in practice.
    fn open_many(&mut self, count: u64) {
        for connection in 0..count {
            self.now = self.now + Duration::from_millis(1);
            self.open(connection);
        }
    }

    /// Events and acknowledgements in both directions, joining and leaving a room, pings and pongs.
    fn traffic(&mut self) {
        let hello = Payload::event("hello").arg(&1).build().unwrap();
        for _ in 0..2 {
            for connection in 0..MANY {
                self.text(connection, r#"42["hello","world"]"#);
                self.text(connection, r#"427["hello","world"]"#);
                let socket = self.sockets[connection as usize];
                self.server.join(socket, "room").unwrap();
                self.server.emit(socket, &hello, self.now).unwrap();
                let timeout = Duration::from_secs(10);
                self.server
                    .emit_with_ack(socket, &hello, timeout, self.now)
                    .unwrap();
                self.server.leave_room(socket, "room");
                self.drain();
            }
            let end = self.now + Duration::from_secs(30);
            while let Some(due) = self.server.poll_timeout().filter(|due| *due <= end) {
                self.now = self.now.max(due);
                self.server.handle_timeout(self.now);
                self.drain();
            }
            self.now = end;
        }
    }

    fn close_all(&mut self) {
        for connection in 0..MANY {
            self.server
                .handle_connection_closed(ConnectionId(connection), self.now);
            self.drain();
        }
        self.sockets.clear();
        assert_eq!(self.server.engine().session_count(), 0);
        assert_eq!(self.server.socket_count("/"), 0);
        assert_eq!(self.server.poll_timeout(), None);
    }
}

/// The bytes, rounded up, that one of `MANY` takes.
fn each(info: AllocationInfo) -> i64 {
    let many = MANY as i64;
    (info.bytes_current + many - 1) / many
}

#[test]
fn an_idle_client_in_the_main_namespace_takes_at_most_1_kib() {
    let mut net = Net::new();
    let opened = measure(|| net.open_many(MANY));
    assert_eq!(net.server.socket_count("/"), MANY as usize);
    let used = measure(|| net.traffic());
    assert_eq!(net.events, 4 * MANY);
    let fresh = each(opened);
    let after = fresh + each(used);
    println!("idle client with one socket: {fresh} B when opened, {after} B after traffic");
    assert!(fresh <= 1_024, "{fresh} B when opened");
    assert!(after <= 1_024, "{after} B after traffic");
}

#[test]
fn memory_is_back_where_it_was_once_all_clients_are_gone() {
    let mut net = Net::new();
    let mut round = || {
        let info = measure(|| {
            net.open_many(MANY);
            net.traffic();
            net.close_all();
        });
        info.bytes_current
    };
    let warm_up = round();
    let later = [round(), round()];
    println!("kept after {MANY} clients came and went: {warm_up} B, later {later:?} B");
    assert_eq!(later, [0, 0]);
}

/// The memory that a server may keep after all clients have left. It has four bytes for each page of 64 sessions and of
/// 64 sockets that ever existed, and room for a few items in each queue and tree.
const KEPT: i64 = 40 << 10;

#[test]
fn memory_is_given_back_after_100_000_clients_that_were_there_at_once() {
    const CLIENTS: u64 = 100_000;
    let mut net = Net::new();
    net.sockets.reserve(CLIENTS as usize);
    let mut held = 0;
    let info = measure(|| {
        let opened = measure(|| {
            for connection in 0..CLIENTS {
                net.open(connection);
            }
            for socket in &net.sockets {
                net.server.join(*socket, "room").unwrap();
            }
        });
        held = opened.bytes_current;
        let event = Payload::event("news").build().unwrap();
        let sent = net
            .server
            .broadcast(&Target::namespace("/"), &event, net.now);
        assert_eq!(sent.unwrap().sent as u64, CLIENTS);
        net.drain();
        // Nobody takes what all of this says until the end.
        for connection in 0..CLIENTS {
            net.server
                .handle_connection_closed(ConnectionId(connection), net.now);
        }
        net.drain();
        net.sockets.clear();
    });
    assert_eq!(net.server.engine().session_count(), 0);
    let kept = info.bytes_current;
    println!("{CLIENTS} clients at once: {held} B, {kept} B kept behind them");
    assert!(kept <= KEPT, "{kept}");
}

#[test]
fn memory_is_given_back_after_100_000_clients_that_came_one_after_another() {
    let mut net = Net::new();
    net.sockets.reserve(100_000);
    let info = measure(|| {
        for connection in 0..100_000 {
            net.open(connection);
            if let Some(earlier) = connection.checked_sub(10) {
                net.server
                    .handle_connection_closed(ConnectionId(earlier), net.now);
            }
            net.drain();
        }
        for connection in 99_990..100_000 {
            net.server
                .handle_connection_closed(ConnectionId(connection), net.now);
        }
        net.drain();
        net.sockets.clear();
    });
    assert_eq!(net.server.engine().session_count(), 0);
    println!("one after another: {} B kept", info.bytes_current);
    assert!(info.bytes_current <= KEPT, "{}", info.bytes_current);
}

#[test]
fn a_text_event_is_decoded_without_an_allocation() {
    let mut decoder = Parser::default().decoder(Limits::default());
    for text in [
        r#"2["hello","world",{"a":[1,2.5,null,true]},"é\n"]"#,
        r#"2/admin,456["hello",1]"#,
        r#"2[5,[]]"#,
    ] {
        // In a buffer that is shared already, as those of connections are: the first slice of one that is not
        // allocates its count of references.
        let message = Message::Text(ByteString::from_static(text));
        let mut seen = 0;
        let info = measure(|| {
            let packet = decoder.add(message).unwrap().unwrap();
            let payload = packet.payload.as_ref().unwrap();
            seen =
                packet.namespace.len() + payload.name().unwrap().len() + payload.raw_args().count();
            assert_eq!(packet.packet_type, PacketType::Event);
            std::hint::black_box((packet.id, payload.raw_args().last()));
        });
        println!("decoding {text}: {} allocations", info.count_total);
        assert_eq!(info.count_total, 0, "{text}");
        assert!(seen > 2);
    }
}

#[test]
fn a_text_event_is_encoded_with_one_allocation() {
    let payload = Payload::event("hello").arg("world").build().unwrap();
    let packet = PacketRef::new(PacketType::Event, "/admin")
        .with_id(456)
        .with_payload(&payload);
    let mut text = None;
    let info = measure(|| text = Some(encode_text(packet).unwrap()));
    assert_eq!(text.unwrap(), r#"2/admin,456["hello","world"]"#);
    assert_eq!(info.count_total, 1);

    let mut shared = None;
    let info = measure(|| shared = Some(Parser::default().encode(packet, 10).unwrap()));
    println!("encoding for sharing: {} allocations", info.count_total);
    assert_eq!(shared.unwrap().parts().len(), 1);
    assert!(
        info.count_total <= 3,
        "the text, what shares it, and its count of references"
    );
}

/// The allocations of one broadcast to this many sockets, from the payload to the last frame.
fn broadcast(net: &mut Net, payload: &Payload, receivers: u64) -> u64 {
    let info = measure(|| {
        let outcome = net
            .server
            .broadcast(&Target::namespace("/"), payload, Instant::ZERO)
            .unwrap();
        assert_eq!(outcome.sent as u64, receivers);
        net.drain();
    });
    info.count_total
}

#[test]
fn a_broadcast_allocates_the_same_for_ten_and_for_a_thousand_sockets() {
    let payload = Payload::event("news").arg(&"x".repeat(1_000));
    let payload = payload.binary(vec![1; 1_000]).build().unwrap();
    let counts = [10, 1_000].map(|receivers| {
        let mut net = Net::new();
        net.open_many(receivers);
        let first = broadcast(&mut net, &payload, receivers);
        let later = broadcast(&mut net, &payload, receivers);
        println!("broadcast to {receivers}: {first} allocations at first, then {later}");
        assert_eq!(later, broadcast(&mut net, &payload, receivers));
        later
    });
    assert_eq!(counts[0], counts[1]);
    assert!(counts[0] <= 10, "{counts:?}");
}

#[test]
fn a_broadcast_to_a_room_allocates_the_same_however_many_are_in_it() {
    let payload = Payload::event("news").arg(&1).build().unwrap();
    let mut net = Net::new();
    net.open_many(1_000);
    for (number, socket) in net.sockets.iter().enumerate() {
        if number < 10 {
            net.server.join(*socket, "few").unwrap();
            net.server.join(*socket, "same few").unwrap();
        }
        net.server.join(*socket, "many").unwrap();
    }
    let target = Target::namespace("/");
    let mut count = |rooms: &[&str]| {
        let info = measure(|| {
            net.server
                .broadcast(&target.rooms(rooms), &payload, net.now)
                .unwrap();
            net.drain();
        });
        info.count_total
    };
    count(&["few", "many"]);
    assert_eq!(count(&["few"]), count(&["many"]));
    assert_eq!(count(&["few", "same few"]), count(&["few", "many"]));
    let (one, unknown, two) = (
        count(&["many"]),
        count(&["many", "unknown"]),
        count(&["few", "many"]),
    );
    assert_eq!((unknown, two), (one + 1, one + 2), "a list of the rooms");
}

#[test]
fn the_frames_of_a_broadcast_share_their_bytes() {
    let data = vec![7; 1_000];
    let payload = Payload::event("news").binary(data).build().unwrap();
    let mut net = Net::new();
    net.open_many(1_000);
    net.server
        .broadcast(&Target::namespace("/"), &payload, net.now)
        .unwrap();
    let mut places = Vec::new();
    while let Some(output) = net.server.poll_output() {
        let Output::Frames { connection } = output else {
            panic!("{output:?}")
        };
        let mut frames = Vec::new();
        while let Some(frame) = net.server.poll_frame(connection) {
            frames.push(match frame {
                Frame::Text(text) => text.as_ptr(),
                Frame::Binary(data) => data.as_ptr(),
            });
        }
        places.push(frames);
    }
    assert_eq!((places.len(), places[0].len()), (1_000, 2));
    assert!(places.iter().all(|frames| *frames == places[0]));
    assert_eq!(places[0][1], payload.attachments()[0].as_ptr());
}
