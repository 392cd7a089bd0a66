//! Memory that a Socket.IO server holds.

use bytes::Bytes;
use socketio_proto::Payload;
use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::server::{self as engine, Output};
use socketio_proto::engine::{ConnectionId, Frame, Instant, RequestId, Seed, Sid};
use socketio_proto::parser::Parser;
use socketio_proto::server::{
    Config, Event, Matcher, RecoveryConfig, RecoveryStorage, RecoveryStore, SavedSession, Server,
    SocketId, SocketKey, Target,
};

use super::compare::compare;

pub(super) struct Net {
    pub(super) server: Server,
    pub(super) sockets: Vec<SocketKey>,
    /// The application accepts clients.
    pub(super) lets_in: bool,
    pub(super) now: Instant,
    requests: u64,
}

pub(super) const WEBSOCKET: &str = "EIO=4&transport=websocket";
const OLD: &str = "EIO=3&transport=websocket";

impl Net {
    pub(super) fn new(config: Config) -> Self {
        Self {
            server: Server::new(config, 0, &Seed::new([3; 32])).unwrap(),
            sockets: Vec::with_capacity(20_000),
            lets_in: true,
            now: Instant::ZERO,
            requests: 0,
        }
    }

    fn with(config: Config, query: &str, clients: u64) -> Self {
        let msgpack = config.parser == Parser::MsgPack;
        let mut net = Self::new(config);
        for number in 0..clients {
            net.open(number, query);
            if msgpack {
                net.frame(number, Frame::Binary(MSGPACK_CONNECT.into()));
            } else if query != OLD {
                net.text(number, "40");
            }
            net.drain();
        }
        assert_eq!(net.sockets.len() as u64, clients);
        net
    }

    pub(super) fn open(&mut self, number: u64, query: &str) {
        let head = RequestHead::new("GET", "/socket.io/", query);
        self.server
            .handle_upgrade(ConnectionId(number), &head.with_upgrade(), self.now);
        self.drain();
    }

    pub(super) fn text(&mut self, connection: u64, text: impl Into<String>) {
        let mut text = text.into();
        text.shrink_to_fit();
        self.frame(connection, Frame::Text(text.into()));
    }

    pub(super) fn frame(&mut self, connection: u64, frame: Frame) {
        self.server
            .handle_frame(ConnectionId(connection), frame, self.now);
    }

    fn close(&mut self, connection: u64) {
        self.server
            .handle_connection_closed(ConnectionId(connection), self.now);
    }

    pub(super) fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Frames { connection } => {
                    while self.server.poll_frame(connection).is_some() {}
                }
                Output::Event(Event::Connecting { token, .. }) if self.lets_in => {
                    self.sockets
                        .push(self.server.accept(token, self.now).unwrap());
                }
                Output::Event(_)
                | Output::Respond { .. }
                | Output::Accept { .. }
                | Output::Refuse { .. }
                | Output::Close { .. } => {}
            }
        }
    }

    fn end(mut self) {
        self.drain();
        self.server.shut_down(self.now);
        self.drain();
        self.now = Instant::from_millis(10_000_000);
        while self
            .server
            .poll_timeout()
            .is_some_and(|due| due <= self.now)
        {
            self.server.handle_timeout(self.now);
            self.drain();
        }
        assert_eq!(self.server.engine().session_count(), 0);
        assert_eq!(self.server.bytes_held(), 0);
    }
}

fn held(net: &Net) -> usize {
    net.server.bytes_held()
}

pub(super) fn event(len: usize) -> Payload {
    let text = "x".repeat(len);
    Payload::event("news").arg(&text).build().unwrap()
}

pub(super) fn with_attachments(count: usize, len: usize) -> Payload {
    let data = vec![Bytes::from(vec![9; len]); 1];
    let parts: Vec<Bytes> = (0..count).map(|_| Bytes::from(data[0].to_vec())).collect();
    Payload::event("file").arg(&parts).build().unwrap()
}

/// `{type: 0, nsp: "/"}`
const MSGPACK_CONNECT: &[u8] = b"\x82\xa4type\x00\xa3nsp\xa1/";

fn configs() -> [(Config, &'static str, &'static str); 3] {
    let old = engine::Config::default().with_allow_eio3(true);
    [
        (Config::default(), WEBSOCKET, "JSON"),
        (Config::default().with_engine(old), OLD, "revision 3"),
        (
            Config::default().with_parser(Parser::MsgPack),
            WEBSOCKET,
            "MessagePack",
        ),
    ]
}

#[test]
fn events_for_slow_readers() {
    for (config, query, name) in configs() {
        for (count, len) in [(1, 1), (1, 200_000), (100, 10), (50, 1_000)] {
            let mut net = Net::with(config.clone(), query, 50);
            let name = format!("{name}: a broadcast of {len} B, {count} times");
            compare(&name, &mut net, held, |net| {
                for _ in 0..count {
                    net.server
                        .broadcast(&Target::namespace("/"), &event(len), net.now)
                        .unwrap();
                }
            });
            net.end();
            let mut net = Net::with(config.clone(), query, 5);
            compare(&format!("{name}, each its own"), &mut net, held, |net| {
                for _ in 0..count {
                    for socket in net.sockets.clone() {
                        net.server.emit(socket, &event(len), net.now).unwrap();
                    }
                }
            });
            net.end();
            let mut net = Net::with(config.clone(), query, 5);
            compare(
                &format!("{name}, with attachments"),
                &mut net,
                held,
                |net| {
                    for _ in 0..count.min(10) {
                        let event = with_attachments(3, len);
                        net.server
                            .broadcast(&Target::namespace("/"), &event, net.now)
                            .unwrap();
                    }
                },
            );
            net.end();
        }
    }
}

#[test]
fn base64_over_polling() {
    let mut net = Net::new(Config::default());
    let mut sids = Vec::new();
    for number in 0..10 {
        let head = RequestHead::new("GET", "/socket.io/", "EIO=4&transport=polling");
        let id = RequestId(1_000 + number);
        net.server.handle_request(id, &head, Bytes::new(), net.now);
        net.drain();
    }
    for (_, session) in net.server.engine().sessions() {
        sids.push(format!(
            "EIO=4&transport=polling&sid={}",
            session.sid().as_str()
        ));
    }
    for query in &sids {
        for (method, body) in [("POST", "40"), ("GET", "")] {
            net.requests += 1;
            let head = RequestHead::new(method, "/socket.io/", query);
            let body = Bytes::from_static(body.as_bytes());
            net.server
                .handle_request(RequestId(net.requests), &head, body, net.now);
            net.drain();
        }
    }
    assert_eq!(net.sockets.len(), 10);
    compare("attachments over polling", &mut net, held, |net| {
        let event = with_attachments(2, 100_000);
        net.server
            .broadcast(&Target::namespace("/"), &event, net.now)
            .unwrap();
        for query in &sids[..6] {
            net.requests += 1;
            let head = RequestHead::new("GET", "/socket.io/", query);
            net.server
                .handle_request(RequestId(net.requests), &head, Bytes::new(), net.now);
        }
    });
    net.end();
}

#[test]
fn events_that_the_application_has_not_taken() {
    for (count, len) in [(1, 100), (3, 200_000), (500, 5), (200, 300)] {
        let mut net = Net::with(Config::default(), WEBSOCKET, 4);
        let name = format!("{count} events of {len} B from 4");
        compare(&name, &mut net, held, |net| {
            for connection in 0..4 {
                for _ in 0..count {
                    net.text(connection, format!("42[\"x\",\"{}\"]", "y".repeat(len)));
                }
            }
        });
        net.end();
        let mut net = Net::with(Config::default(), WEBSOCKET, 4);
        let name = format!("{count} events with attachments of {len} B from 4");
        compare(&name, &mut net, held, |net| {
            for connection in 0..4 {
                for _ in 0..count {
                    net.text(
                        connection,
                        r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
                    );
                    net.frame(connection, Frame::Binary(vec![0; len].into()));
                    net.frame(connection, Frame::Binary(vec![0; len].into()));
                }
            }
        });
        net.end();
        let msgpack = Config::default().with_parser(Parser::MsgPack);
        for attachments in [0, 1, 3] {
            let mut net = Net::with(msgpack.clone(), WEBSOCKET, 4);
            let name = format!("{count} MessagePack with {attachments} of {len} B from 4");
            compare(&name, &mut net, held, |net| {
                for connection in 0..4 {
                    for _ in 0..count {
                        let message = msgpack_event(attachments, len);
                        net.frame(connection, Frame::Binary(message.into()));
                    }
                }
            });
            net.end();
        }
    }
}

/// The slots of queues exist already, so little is allocated: up to 64 bytes may be counted on top.
#[test]
fn a_tiny_event_in_a_warm_queue_counts_little() {
    for (config, query, name) in configs() {
        let msgpack = config.parser == Parser::MsgPack;
        let mut net = Net::with(config, query, 1);
        let tiny = || match msgpack {
            true => Frame::Binary(msgpack_event(0, 1).into()),
            false => Frame::Text(r#"42["x"]"#.to_owned().into()),
        };
        for _ in 0..20 {
            net.frame(0, tiny());
        }
        net.drain();
        let before = held(&net);
        let info = allocation_counter::measure(|| net.frame(0, tiny()));
        let (counted, allocated) = ((held(&net) - before) as i64, info.bytes_current);
        println!("{name}: {allocated} B allocated, {counted} B counted");
        assert!((allocated..=2 * allocated + 64).contains(&counted));
        net.end();
    }
}

/// `{type: 2, nsp: "/", data: ["x", text, ...]}`
pub(super) fn msgpack_event(attachments: usize, len: usize) -> Vec<u8> {
    let mut message = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data".to_vec();
    message.push(0x92 + attachments as u8);
    message.extend(b"\xa1x");
    message.push(0xdb);
    message.extend((len as u32).to_be_bytes());
    message.extend(std::iter::repeat_n(b'y', len));
    for _ in 0..attachments {
        message.push(0xc6);
        message.extend((len as u32).to_be_bytes());
        message.extend(std::iter::repeat_n(7, len));
    }
    message.shrink_to_fit();
    message
}

#[test]
fn packets_whose_attachments_are_not_complete() {
    for len in [1, 1_000, 500_000] {
        let mut net = Net::with(Config::default(), WEBSOCKET, 4);
        compare(
            &format!("9 of 10 attachments of {len} B"),
            &mut net,
            held,
            |net| {
                for connection in 0..4 {
                    net.text(connection, r#"4510-["x"]"#);
                    for _ in 0..9 {
                        net.frame(connection, Frame::Binary(vec![0; len].into()));
                    }
                }
            },
        );
        net.end();
    }
}

fn recovering(storage: RecoveryStorage) -> Config {
    let recovery = RecoveryConfig::default()
        .with_storage(storage)
        .with_skip_middlewares(false);
    Config::default().with_connection_state_recovery(Some(recovery))
}

#[test]
fn packets_and_sessions_that_are_kept_for_clients_that_come_back() {
    for (count, len) in [(1, 1), (300, 10), (100, 2_000)] {
        let mut net = Net::with(recovering(RecoveryStorage::Inside), WEBSOCKET, 30);
        for (number, socket) in net.sockets.clone().into_iter().enumerate() {
            for room in 0..20 {
                net.server
                    .join(socket, &format!("room {room} of {}", number % 3))
                    .unwrap();
            }
        }
        net.drain();
        let name = format!("{count} packets of {len} B kept");
        compare(&name, &mut net, held, |net| {
            for number in 0..count {
                let room = format!("room {} of 1", number % 20);
                let rooms = [room.as_str(), "another", "one more"];
                let target = Target::namespace("/").rooms(&rooms);
                net.server.broadcast(&target, &event(len), net.now).unwrap();
            }
            net.drain();
        });
        net.end();
        let mut net = Net::with(recovering(RecoveryStorage::Outside), WEBSOCKET, 3);
        compare(&format!("{name} outside"), &mut net, held, |net| {
            for _ in 0..count {
                net.server
                    .broadcast(&Target::namespace("/"), &event(len), net.now)
                    .unwrap();
            }
        });
        net.end();
    }
}

/// A name is stored once for all sessions, whichever way they got it.
#[test]
fn names_of_rooms_that_saved_sessions_share_count_once() {
    let mut net = Net::new(recovering(RecoveryStorage::Inside));
    let session = |number: u8| SavedSession {
        socket: SocketId::parse(&format!("{number:020}")).unwrap(),
        pid: Sid::parse(&format!("{number:020}")).unwrap(),
        rooms: (0..10)
            .map(|room| format!("{room}").repeat(200).into())
            .collect(),
        data: None,
        disconnected_at: Instant::ZERO,
    };
    compare("sessions with the same rooms", &mut net, held, |net| {
        let mut store = RecoveryStore::new(RecoveryConfig::default());
        for number in 0..100 {
            store.save(session(number));
        }
        assert!(net.server.set_recovery_store("/", store, net.now));
    });
    net.now = Instant::from_millis(10_000_000);
    net.server.handle_timeout(net.now);
    net.end();
    let mut net = Net::new(recovering(RecoveryStorage::Inside));
    compare("a few of many sessions", &mut net, held, |net| {
        let few = RecoveryConfig::default().with_max_sessions(20);
        let mut store = RecoveryStore::new(few);
        for number in 0..200 {
            let mut session = session(number);
            session.rooms.insert(format!("{number}").repeat(200).into());
            store.save(session);
        }
        assert!(net.server.set_recovery_store("/", store, net.now));
    });
}

/// One client in twelve namespaces, which gets every event that a store keeps.
#[test]
fn twelve_namespaces_count() {
    let mut net = Net::new(recovering(RecoveryStorage::Inside));
    net.open(0, WEBSOCKET);
    for number in 0..12 {
        let name = format!("/{number}");
        net.server.add_namespace(&name).unwrap();
        net.text(0, format!("40{name},"));
        net.drain();
    }
    let kept = compare("twelve namespaces", &mut net, held, |net| {
        for number in 0..12 {
            let name = format!("/{number}");
            for _ in 0..100 {
                net.server
                    .broadcast(&Target::namespace(&name), &event(20_000), net.now)
                    .unwrap();
                net.drain();
            }
        }
    });
    assert!(kept > 12 * 100 * 20_000, "{kept}");
    net.close(0);
    net.drain();
    assert!(held(&net) as u64 >= kept, "they outlive the client");
    net.end();
}

#[test]
fn clients_about_whom_the_application_is_asked() {
    let auth = format!(r#"{{"token":"{}"}}"#, "x".repeat(20_000));
    let mut net = Net::new(Config::default());
    net.lets_in = false;
    net.server.add_parent(Matcher::Ask);
    for number in 0..20 {
        net.open(number, WEBSOCKET);
    }
    compare("namespaces asked for, not taken", &mut net, held, |net| {
        for number in 0..20 {
            net.text(number, format!("40/maybe,{auth}"));
        }
    });
    let before = held(&net);
    net.drain();
    assert!(held(&net) > 20 * 20_000 && held(&net) < before, "they wait");
    net.end();

    let mut net = Net::with(recovering(RecoveryStorage::Inside), WEBSOCKET, 20);
    net.lets_in = false;
    let ids: Vec<_> = net
        .sockets
        .iter()
        .map(|socket| net.server.socket_id(*socket).unwrap().to_string())
        .collect();
    assert_eq!(ids.len(), 20);
    net.end();
}
