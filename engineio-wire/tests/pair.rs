//! Both ends in one process: bytes go between them in pieces of any size, and connections close while they are idle.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "tests"
)]

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use engineio_proto::client::{Client, Config, Endpoint, Event};
use engineio_proto::driver::{client as client_driver, server as server_driver};
use engineio_proto::server::{Config as ServerConfig, Event as SessionEvent, Server, ServerEvent};
use engineio_proto::{Encoded, Instant, Message, Seed, Transport};
use engineio_wire::{client, server};
use proptest::prelude::*;

/// Sends messages, and notes what comes back.
struct Talker {
    /// Those that are not sent yet.
    script: VecDeque<Message>,
    back: Vec<Message>,
    transport: Option<Transport>,
    closed: Option<String>,
}

impl Talker {
    /// Sends some messages: more than one at a time, so that payloads and batches hold several.
    fn send(&mut self, client: &mut Client) {
        for message in self.script.drain(..self.script.len().min(3)) {
            client.send(&Encoded::new(&message)).expect("room");
        }
    }
}

impl client_driver::App<Client> for Talker {
    type Command = ();

    fn started(&mut self, client: &mut Client, now: Instant) {
        client.open(now);
    }

    fn handle_event(&mut self, client: &mut Client, event: Event, _: Instant) -> ControlFlow<()> {
        match event {
            Event::Opened(_) => self.send(client),
            Event::Message(message) => {
                self.back.push(message);
                self.transport = client.transport();
                self.send(client);
            }
            Event::Closed(reason) => self.closed = Some(format!("{reason:?}")),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn handle_command(&mut self, _: &mut Client, (): (), _: Instant) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

struct Echo;

impl server_driver::App<Server> for Echo {
    type Command = ();

    fn handle_event(
        &mut self,
        server: &mut Server,
        event: ServerEvent,
        _: &mut server_driver::Context<'_, ()>,
    ) {
        if let ServerEvent::Session {
            session,
            event: SessionEvent::Message(message),
        } = event
        {
            server.send(session, &Encoded::new(&message)).expect("room");
        }
    }
}

struct World {
    client: client::Hosted<Client, Talker>,
    server: server::Hosted<Server, Echo>,
    links: BTreeMap<client::PipeId, Link>,
    now: Instant,
    /// The sizes of pieces, again and again.
    pieces: Vec<usize>,
    turn: usize,
    /// Idle connections that the server has closed.
    cut: usize,
}

/// The bytes on their way.
struct Link {
    pipe: server::PipeId,
    up: VecDeque<u8>,
    down: VecDeque<u8>,
    /// The server has closed it.
    is_closed: bool,
    is_websocket: bool,
    /// Everything that the server has read is answered.
    is_answered: bool,
}

impl World {
    fn new(
        transports: &[Transport],
        script: &[Message],
        options: client::Options,
        pieces: &[usize],
    ) -> Self {
        let endpoint = Endpoint::parse("http://server.test").expect("an address");
        let config = Config::new(endpoint).with_transports(transports);
        let seed = Seed::new([1; 32]);
        let talker = Talker {
            script: script.iter().cloned().collect(),
            back: Vec::new(),
            transport: None,
            closed: None,
        };
        let client = Client::new(config, &seed).expect("good settings");
        let server = Server::new(ServerConfig::default(), 0, &seed).expect("good settings");
        let now = Instant::from_millis(1);
        Self {
            client: client::Hosted::new(client, talker, options, &seed),
            server: server::Hosted::new(server, Echo, server::Options::new("/engine.io"), now),
            links: BTreeMap::new(),
            now,
            pieces: pieces.to_vec(),
            turn: 0,
            cut: 0,
        }
    }

    fn next(&mut self) -> usize {
        self.turn += 1;
        self.pieces[self.turn % self.pieces.len()]
    }

    /// Lets both do what they want.
    fn drain(&mut self) {
        while let Some(action) = self.client.poll_output() {
            match action {
                client::Action::Connect { pipe, host, port } => {
                    assert_eq!((&*host, port), ("server.test", 80));
                    let peer = server::Peer::default();
                    let link = Link {
                        pipe: self.server.handle_open(peer, self.now).expect("room"),
                        up: VecDeque::new(),
                        down: VecDeque::new(),
                        is_closed: false,
                        is_websocket: false,
                        is_answered: false,
                    };
                    self.links.insert(pipe, link);
                    self.client.handle_connected(pipe, self.now);
                }
                client::Action::StartTls { pipe, .. } => self.client.handle_secured(pipe, self.now),
                client::Action::Write(pipe) => {
                    let batch = self.client.poll_write(pipe).unwrap_or_default();
                    let link = self.links.get_mut(&pipe).expect("it is open");
                    link.up.extend(batch.chunks().flatten());
                    self.client.handle_written(pipe, batch.len(), self.now);
                }
                client::Action::Close(pipe) => {
                    let link = self.links.remove(&pipe).expect("it is open");
                    if !link.is_closed {
                        self.server.handle_closed(link.pipe, self.now);
                    }
                }
            }
        }
        while let Some(action) = self.server.poll_output() {
            match action {
                server::Action::Write(pipe) => {
                    let batch = self.server.poll_write(pipe).unwrap_or_default();
                    if let Some(link) = self.links.values_mut().find(|link| link.pipe == pipe) {
                        link.down.extend(batch.chunks().flatten());
                        link.is_answered = link.up.is_empty();
                    }
                    self.server.handle_written(pipe, batch.len(), self.now);
                }
                server::Action::Close(pipe) => {
                    if let Some(link) = self.links.values_mut().find(|link| link.pipe == pipe) {
                        link.is_closed = true;
                    }
                }
                server::Action::Read(_) | server::Action::Timeout => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Delivers a piece, closes a connection, or lets time pass.
    fn step(&mut self, cuts_idle: bool) {
        self.drain();
        let size = self.next();
        let ids: Vec<_> = self.links.keys().copied().collect();
        let start = size % ids.len().max(1);
        for id in ids.iter().cycle().skip(start).take(ids.len()) {
            let link = self.links.get_mut(id).expect("it is open");
            let (up, down) = (link.up.len().min(size), link.down.len().min(size));
            if down > 0 {
                let bytes: Vec<u8> = link.down.drain(..down).collect();
                return self.client.handle_bytes(*id, &bytes, self.now);
            }
            if link.is_closed {
                self.links.remove(id);
                return self.client.handle_closed(*id, self.now);
            }
            let is_idle = cuts_idle && link.is_answered && !link.is_websocket;
            if is_idle && size.is_multiple_of(3) && (up > 0 || size.is_multiple_of(2)) {
                // Whatever is on its way is never read.
                self.cut += usize::from(up > 0);
                let link = self.links.remove(id).expect("it is open");
                self.server.handle_closed(link.pipe, self.now);
                return self.client.handle_failed(*id, self.now);
            }
            if up > 0 {
                let bytes: Vec<u8> = link.up.drain(..up).collect();
                link.is_websocket |= bytes.windows(9).any(|word| word == b"websocket");
                link.is_answered = false;
                return self.server.handle_bytes(link.pipe, &bytes, self.now);
            }
        }
        let dues = [self.client.poll_timeout(), self.server.poll_timeout()];
        let due = dues.into_iter().flatten().min().expect("somebody waits");
        self.now = self.now.max(due);
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
    }

    /// Runs until everything has come back, then until all is closed.
    fn run(&mut self, script: &[Message], cuts_idle: bool) {
        self.client.start(self.now);
        let mut steps = 0;
        while self.client.app().back.len() < script.len() {
            self.step(cuts_idle);
            steps += 1;
            assert_eq!(self.client.app().closed, None);
            assert!(
                steps < 200_000,
                "{} came back",
                self.client.app().back.len()
            );
        }
        assert_eq!(self.client.app().back, script);
        self.client.stop(self.now);
        self.drain();
        while !self.client.is_over() {
            self.step(false);
            self.drain();
        }
        let ids: Vec<_> = self.links.values().map(|link| link.pipe).collect();
        for pipe in ids {
            self.server.handle_closed(pipe, self.now);
        }
        self.links.clear();
        self.drain();
        let server = self.server.wire();
        assert_eq!(
            (server.machine().session_count(), server.pipe_count()),
            (0, 0)
        );
        assert_eq!(self.client.wire().bytes_held(), 0);
    }
}

const POLLING: &[Transport] = &[Transport::Polling];
const WEBSOCKET: &[Transport] = &[Transport::WebSocket];
const UPGRADE: &[Transport] = &[Transport::Polling, Transport::WebSocket];

fn message() -> impl Strategy<Value = Message> {
    let length = prop_oneof![6 => 0_usize..20, 2 => 100_usize..3000, 1 => 60_000_usize..70_000];
    (length, any::<bool>()).prop_map(|(length, is_text)| {
        if is_text {
            Message::text("é".repeat(length / 2))
        } else {
            Message::Binary(Bytes::from(vec![7; length]))
        }
    })
}

fn pieces() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![1_usize..4, 4_usize..200, 1000_usize..100_000];
    prop::collection::vec(size, 1..12).prop_map(|mut pieces| {
        // Some progress, so that large messages come to an end.
        pieces.extend([65_536, 16_384]);
        pieces
    })
}

proptest! {
    #[test]
    fn everything_comes_back_in_order(
        script in prop::collection::vec(message(), 1..20),
        pieces in pieces(),
        transports in prop::sample::select(vec![POLLING, WEBSOCKET, UPGRADE]),
    ) {
        let mut world = World::new(transports, &script, client::Options::default(), &pieces);
        world.run(&script, false);
    }

    #[test]
    fn no_session_is_lost_to_connections_that_close_while_they_are_idle(
        script in prop::collection::vec(message(), 5..30),
        pieces in pieces(),
        transports in prop::sample::select(vec![POLLING, UPGRADE]),
    ) {
        let mut world = World::new(transports, &script, client::Options::default(), &pieces);
        world.run(&script, true);
    }
}

#[test]
fn connections_do_close_as_requests_leave() {
    let script: Vec<_> = (0..100).map(|n| Message::text(n.to_string())).collect();
    let mut world = World::new(POLLING, &script, client::Options::default(), &[999]);
    world.run(&script, true);
    assert!(world.cut > 3, "{}", world.cut);
}

#[test]
fn posts_may_share_connections() {
    let script: Vec<_> = (0..100).map(|n| Message::text(n.to_string())).collect();
    let options = client::Options::default().with_max_idle_for_post(Duration::from_secs(1));
    let mut world = World::new(POLLING, &script, options, &[1000]);
    world.run(&script, false);
    let mut world = World::new(UPGRADE, &script, client::Options::default(), &[1000]);
    world.run(&script, false);
    assert_eq!(world.client.app().transport, Some(Transport::WebSocket));
}
