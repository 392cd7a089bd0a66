//! `bytes_held` compared with what the allocator counts, after random operations of all kinds.

use allocation_counter::measure;
use bytes::Bytes;
use proptest::prelude::*;
use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::server::{self as engine, Output};
use socketio_proto::engine::{ConnectionId, Frame, Instant, RequestId, Seed};
use socketio_proto::parser::Parser;
use socketio_proto::server::{
    Config, ConnectToken, Event, RecoveryConfig, RecoveryStorage, RestoreToken, Server, SocketKey,
    Target,
};

use super::socketio::{event, msgpack_event, with_attachments};

const CLIENTS: usize = 12;

/// The maximum memory of sessions, sockets, rooms and the permanent slots of queues.
const BASELINE: i64 = 64 << 10;

/// The maximum memory that sessions and sockets of one server free when they end.
const FREED: i64 = 40 << 10;

const QUERIES: [&str; 4] = [
    "EIO=4&transport=websocket",
    "EIO=3&transport=websocket",
    "EIO=4&transport=polling",
    "EIO=3&transport=polling",
];

/// Machines that share messages, and what was allocated for them.
struct World {
    servers: Vec<Server>,
    msgpack: bool,
    now: Instant,
    /// By server and client.
    sockets: Vec<[Option<SocketKey>; CLIENTS]>,
    sids: Vec<[Option<String>; CLIENTS]>,
    connections: Vec<[u64; CLIENTS]>,
    /// The session that the client names when it returns.
    claims: Vec<[Option<String>; CLIENTS]>,
    connecting: Vec<ConnectToken>,
    restoring: Vec<RestoreToken>,
    next: u64,
    allocated: i64,
}

#[derive(Clone, Debug)]
struct Step {
    server: usize,
    client: usize,
    what: u8,
    len: usize,
    count: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let len = prop_oneof![3 => 0..300_usize, 3 => 300..5_000_usize, 1 => 5_000..60_000_usize];
    let step = (0..2_usize, 0..CLIENTS, 0..16_u8, len, 1..8_usize);
    let step = step.prop_map(|(server, client, what, len, count)| Step {
        server,
        client,
        what,
        len,
        count,
    });
    prop::collection::vec(step, 20..150)
}

fn room(number: usize) -> String {
    format!(
        "{} {}",
        "a room with a long name".repeat(number % 5),
        number % 5
    )
}

impl World {
    fn new(count: usize, msgpack: bool, storage: Option<RecoveryStorage>) -> Self {
        let recovery = storage.map(|storage| {
            RecoveryConfig::default()
                .with_storage(storage)
                .with_skip_middlewares(false)
        });
        let config = Config::default()
            .with_engine(engine::Config::default().with_allow_eio3(true))
            .with_connection_state_recovery(recovery)
            .with_parser(if msgpack {
                Parser::MsgPack
            } else {
                Parser::Json
            });
        let server = |shard| Server::new(config.clone(), shard, &Seed::new([3; 32])).unwrap();
        let mut world = Self {
            servers: (0..count as u16).map(server).collect(),
            msgpack,
            now: Instant::ZERO,
            sockets: vec![[None; CLIENTS]; count],
            sids: vec![Default::default(); count],
            connections: vec![[0; CLIENTS]; count],
            claims: vec![Default::default(); count],
            connecting: Vec::with_capacity(1_000),
            restoring: Vec::with_capacity(1_000),
            next: 0,
            allocated: 0,
        };
        for server in 0..count {
            for client in 0..CLIENTS {
                world.open(server, client);
                world.connect(server, client, None);
                world.take(server, usize::MAX, Some(client));
                world.read(server, client, usize::MAX);
            }
            let news = event(3);
            let _sent = world.servers[server].broadcast(&Target::namespace("/"), &news, world.now);
            for client in 0..CLIENTS {
                world.read(server, client, usize::MAX);
            }
            world.take(server, usize::MAX, None);
            for client in 0..CLIENTS {
                for number in 0..3 {
                    let socket = world.sockets[server][client].unwrap();
                    let _full = world.servers[server].join(socket, &room(number));
                }
            }
            world.take(server, usize::MAX, None);
        }
        world.allocated = 0;
        world
    }

    fn query(&self, client: usize) -> &'static str {
        // MessagePack over polling is left out: that is base64, which attachments are too.
        let kinds = if self.msgpack { 2 } else { QUERIES.len() };
        QUERIES[client % kinds]
    }

    fn is_polling(&self, client: usize) -> bool {
        self.query(client).ends_with("polling")
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn open(&mut self, server: usize, client: usize) {
        let number = self.number();
        self.connections[server][client] = number;
        let (query, polling) = (self.query(client), self.is_polling(client));
        let head = RequestHead::new("GET", "/socket.io/", query);
        let (machine, now) = (&mut self.servers[server], self.now);
        let before: Vec<_> = machine.engine().sessions().map(|(key, _)| key).collect();
        if polling {
            machine.handle_request(RequestId(number), &head, Bytes::new(), now);
        } else {
            machine.handle_upgrade(ConnectionId(number), &head.with_upgrade(), now);
        }
        let mut sessions = machine.engine().sessions();
        let new = sessions.find(|(key, _)| !before.contains(key));
        self.sids[server][client] = new.map(|(_, session)| session.sid().as_str().to_owned());
    }

    fn connect(&mut self, server: usize, client: usize, auth: Option<&str>) {
        if self.query(client).contains("EIO=3") {
            return;
        }
        if self.msgpack {
            self.send(server, client, Frame::Binary(CONNECT.into()));
        } else {
            let text = format!("0{}", auth.unwrap_or_default());
            self.send(
                server,
                client,
                Frame::Text(text.into_boxed_str().into_string().into()),
            );
        }
    }

    /// A message from a client.
    fn send(&mut self, server: usize, client: usize, frame: Frame) {
        let number = self.number();
        let (query, polling) = (self.query(client), self.is_polling(client));
        let old = query.contains("EIO=3");
        let (machine, now) = (&mut self.servers[server], self.now);
        if !polling {
            let frame = match frame {
                Frame::Text(text) => Frame::Text(format!("4{text}").into()),
                Frame::Binary(data) if old => Frame::Binary([&[4], &*data].concat().into()),
                binary => binary,
            };
            let id = ConnectionId(self.connections[server][client]);
            return machine.handle_frame(id, frame, now);
        }
        let Some(sid) = &self.sids[server][client] else {
            return;
        };
        // Attachments from polling clients are left out.
        let Frame::Text(text) = frame else { return };
        let packet = format!("4{text}");
        let body = match old {
            true => format!("{}:{packet}", packet.encode_utf16().count()),
            false => packet,
        };
        let query = format!("{query}&sid={sid}");
        let head = RequestHead::new("POST", "/socket.io/", &query);
        machine.handle_request(RequestId(number), &head, body.into(), now);
    }

    /// The client takes what there is for it.
    fn read(&mut self, server: usize, client: usize, most: usize) {
        let number = self.number();
        let (query, polling) = (self.query(client), self.is_polling(client));
        let (machine, now) = (&mut self.servers[server], self.now);
        if polling {
            if let Some(sid) = &self.sids[server][client] {
                let query = format!("{query}&sid={sid}");
                let head = RequestHead::new("GET", "/socket.io/", &query);
                machine.handle_request(RequestId(number), &head, Bytes::new(), now);
            }
            return;
        }
        let id = ConnectionId(self.connections[server][client]);
        for _ in 0..most {
            let Some(frame) = machine.poll_frame(id) else {
                break;
            };
            if self.allocated == 0
                && let Frame::Text(text) = frame
            {
                let quoted = text.rsplit('"').nth(1).unwrap_or_default().to_owned();
                let claim = &mut self.claims[server][client];
                if text.contains("\"pid\"") {
                    *claim = Some(quoted);
                } else if let Some(pid) = claim.take_if(|_| text.starts_with("42")) {
                    *claim = Some(format!(r#"{{"pid":"{pid}","offset":"{quoted}"}}"#));
                }
            }
        }
    }

    /// The driver and the application take some outputs.
    fn take(&mut self, server: usize, most: usize, accepted: Option<usize>) {
        for _ in 0..most {
            let Some(output) = self.servers[server].poll_output() else {
                break;
            };
            match output {
                Output::Event(Event::Connecting { token, .. }) => match accepted {
                    Some(client) => {
                        let socket = self.servers[server].accept(token, self.now);
                        self.sockets[server][client] = socket.ok();
                    }
                    None if self.connecting.len() < 900 => self.connecting.push(token),
                    None => {}
                },
                Output::Event(Event::Restoring { token, .. }) if self.restoring.len() < 900 => {
                    self.restoring.push(token);
                }
                Output::Event(_)
                | Output::Respond { .. }
                | Output::Accept { .. }
                | Output::Refuse { .. }
                | Output::Frames { .. }
                | Output::Close { .. } => {}
            }
        }
    }

    fn act(&mut self, step: &Step) {
        let Step {
            client, len, count, ..
        } = *step;
        let server = step.server % self.servers.len();
        let everybody = Target::namespace("/");
        let name = room(count);
        let rooms = [&*name];
        let socket = self.sockets[server][client];
        match step.what {
            0 => {
                if let Some(socket) = socket {
                    let _full = self.servers[server].emit(socket, &event(len), self.now);
                }
            }
            1 => {
                let target = everybody.rooms(&rooms);
                let _sent = self.servers[server].broadcast(&target, &event(len), self.now);
            }
            2 => {
                let news = with_attachments(count, len / count);
                let _sent = self.servers[server].broadcast(&everybody, &news, self.now);
            }
            3 => {
                // One message for all machines. It is text: forms of binary ones count where they are asked for only.
                let packet = self.servers[server].encode_event("/", &event(len));
                let packet = packet.unwrap();
                let machines = if self.msgpack { 1 } else { self.servers.len() };
                for server in &mut self.servers[..machines] {
                    server.broadcast_encoded(&everybody, &packet);
                }
            }
            4 | 5 => self.read(server, client, count * 4),
            6 => self.take(server, count * 2, None),
            7 | 8 if self.msgpack => {
                let message = msgpack_event(count % 3, len / 2);
                self.send(server, client, Frame::Binary(message.into()));
            }
            7 => {
                let text = format!(r#"2["x","{}"]"#, "y".repeat(len));
                self.send(server, client, Frame::Text(text.into()));
            }
            8 => {
                if !self.is_polling(client) {
                    self.send(server, client, Frame::Text(r#"53-["x"]"#.into()));
                    for _ in 0..count.min(3) {
                        self.send(server, client, Frame::Binary(vec![1; len].into()));
                    }
                }
            }
            9 => {
                let id = ConnectionId(self.connections[server][client]);
                self.servers[server].handle_connection_closed(id, self.now);
            }
            10 => {
                let claim = self.claims[server][client].clone();
                self.open(server, client);
                self.connect(server, client, claim.as_deref());
            }
            11 => {
                if let Some(token) = self.connecting.pop() {
                    let _gone = self.servers[server].accept(token, self.now);
                }
            }
            12 => {
                if let Some(token) = self.restoring.pop() {
                    let _gone = self.servers[server].restore(token, None, self.now);
                }
            }
            13 => {
                if let Some(socket) = socket {
                    self.servers[server].leave_room(socket, &name);
                }
            }
            14 => {
                self.now = Instant::from_nanos(self.now.as_nanos() + 1_000_000 * len as u64);
                let now = self.now;
                self.servers[server].handle_timeout(now);
            }
            _ => {
                let auth = format!(r#"/other,{{"token":"{}"}}"#, "z".repeat(len));
                if !self.msgpack {
                    self.connect(server, client, Some(&auth));
                }
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let info = measure(|| self.act(step));
        self.allocated += info.bytes_current;
        self.compare(step);
    }

    fn compare(&self, step: &Step) {
        let held = self.servers.iter().map(Server::bytes_held).sum::<usize>() as i64;
        let allocated = self.allocated;
        assert!(
            allocated <= held + BASELINE,
            "{step:?}: {allocated} B allocated, {held} B counted"
        );
        // What several machines hold counts in each. What sessions took that are gone counts as allocated.
        let servers = self.servers.len() as i64;
        let most = 2 * servers * (allocated + servers * FREED);
        assert!(
            held <= most,
            "{step:?}: {allocated} B allocated, {held} B counted"
        );
    }

    fn end(mut self) {
        let now = Instant::from_millis(10_000_000);
        for server in 0..self.servers.len() {
            self.take(server, usize::MAX, None);
            self.servers[server].shut_down(now);
            for _ in 0..100 {
                self.take(server, usize::MAX, None);
                self.servers[server].handle_timeout(Instant::from_millis(20_000_000));
            }
            assert_eq!(self.servers[server].engine().session_count(), 0);
            assert_eq!(self.servers[server].bytes_held(), 0);
        }
    }
}

/// `{type: 0, nsp: "/"}`
const CONNECT: &[u8] = b"\x82\xa4type\x00\xa3nsp\xa1/";

fn storages() -> impl Strategy<Value = Option<RecoveryStorage>> {
    prop::sample::select(vec![
        None,
        Some(RecoveryStorage::Inside),
        Some(RecoveryStorage::Outside),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_server_says_that_it_holds_is_what_is_allocated(
        steps in steps(),
        servers in 1..3_usize,
        msgpack in any::<bool>(),
        storage in storages(),
    ) {
        let mut world = World::new(servers, msgpack, storage);
        for step in &steps {
            world.step(step);
        }
        world.end();
    }
}
