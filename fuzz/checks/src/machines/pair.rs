//! The client against the server, over a network that fails.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engineio_proto::Transport;
use engineio_proto::client::Endpoint;
use engineio_proto::server as engine;
use socketio_proto::parser::Parser;
use socketio_proto::{Payload, client, server};
use socketio_testkit::{ClientId, Cut, Network, Script, ServerId, Websockets};

use super::MOST_STEPS;
use crate::input::Input;

const NAMESPACES: [&str; 2] = ["/", "/chat"];

/// A schedule of deliveries, losses, cuts, pauses and commands of both applications.
///
/// Within a connection nothing is lost, doubled or out of order, in either direction and through upgrades. Nothing is
/// ever delivered twice. Each acknowledgement ends once. Once the client has left for good, the server holds nothing of
/// it: no session, no byte, no deadline.
pub fn client_vs_server(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.byte();
    let mut network = Network::new(u64::from(input.byte()));
    let parser = if choice & 1 == 0 {
        Parser::Json
    } else {
        Parser::MsgPack
    };
    let server = network
        .add_server("localhost", server_config(parser))
        .expect("good settings");
    let client = network
        .add_client(client_config(choice, parser))
        .expect("good settings");
    for namespace in NAMESPACES {
        let (machine, now) = network.client_mut(client);
        machine
            .connect(namespace, client::SocketOptions::default(), now)
            .expect("a good name");
    }
    let mut world = World {
        server,
        client,
        both: Both::default(),
    };
    network.advance(
        Duration::from_millis(u64::from(input.byte())),
        &mut world.both,
    );
    for _ in 0..MOST_STEPS / 3 {
        if input.is_empty() {
            break;
        }
        world.step(&mut network, &mut input);
    }
    world.end(&mut network);
}

struct World {
    server: ServerId,
    client: ClientId,
    both: Both,
}

/// The applications of both sides.
#[derive(Default)]
struct Both {
    /// The last number that the client sent, by namespace.
    sent_up: BTreeMap<&'static str, u32>,
    /// The last number that each socket of the server received, and the last one of a whole namespace.
    got_up: BTreeMap<server::SocketKey, u32>,
    got: BTreeMap<String, u32>,
    /// The numbers that each socket of the server sent, and their receivers. Sockets are numbered in order of arrival.
    sent_down: BTreeMap<server::SocketKey, (u32, u32)>,
    sockets: u32,
    /// The numbers that the client received of each of them.
    got_down: BTreeMap<u32, u32>,
    joined: BTreeSet<server::SocketKey>,
    awaited_up: BTreeMap<client::AckId, (&'static str, u32)>,
    /// Those whose acknowledgement failed, which takes them out of the client's buffer.
    given_up: BTreeSet<(String, u32)>,
    awaited_down: BTreeSet<(server::SocketKey, server::AckId)>,
}

impl World {
    fn step(&mut self, network: &mut Network, input: &mut Input<'_>) {
        let (client, server) = (self.client, self.server);
        match input.byte() % 24 {
            0..=2 => self.emit_up(network, input, false),
            3 | 4 => self.emit_up(network, input, true),
            5 | 6 => self.emit_down(network, input, false),
            7 => self.emit_down(network, input, true),
            8 => network.cut(client, cut(input)),
            9 => network.cut_websockets(client, cut(input)),
            10 => network.cut_requests(client, cut(input)),
            11 => {
                network.restart_server(server);
                self.both.joined.clear();
                self.both.got_up.clear();
                self.both.awaited_down.clear();
            }
            12 => network.set_server_busy(server, input.byte().is_multiple_of(2)),
            13 => network.set_client_busy(client, input.byte().is_multiple_of(2)),
            14 => self.path(network, input),
            15 => network.jump(Duration::from_millis(u64::from(input.byte()) * 100)),
            16 => self.connection(network, input),
            _ => {
                let millis = [1, 5, 10, 20, 50, 500, 5_000, 50_000][usize::from(input.byte()) % 8];
                network.advance(Duration::from_millis(millis), &mut self.both);
            }
        }
        if network.is_running(server) {
            let machine = network.server(server);
            let (held, sessions) = (machine.bytes_held(), machine.engine().session_count());
            // The events about each session wait for an application that is busy, and nothing may drop them.
            let most = 200_000 + 2_000 * sessions;
            assert!(held < most, "{held} bytes for {sessions} sessions");
        }
    }

    /// The client sends the next number, in one of its namespaces.
    fn emit_up(&mut self, network: &mut Network, input: &mut Input<'_>, ack: bool) {
        let namespace = NAMESPACES[usize::from(input.byte()) % 2];
        let (machine, now) = network.client_mut(self.client);
        let Some(socket) = machine.find_socket(namespace) else {
            return;
        };
        let sent = self.both.sent_up.entry(namespace).or_default();
        let event = numbered(&[*sent + 1]);
        if ack {
            let timeout = Some(Duration::from_millis(300));
            if let Ok(id) = machine.emit_with_ack(socket, &event, timeout, now) {
                *sent += 1;
                let known = self.both.awaited_up.insert(id, (namespace, *sent));
                assert_eq!(known, None, "no id is used twice");
            }
        } else if machine.emit(socket, &event, now).is_ok() {
            *sent += 1;
        }
    }

    /// The server sends one of its sockets the next number.
    fn emit_down(&mut self, network: &mut Network, input: &mut Input<'_>, ack: bool) {
        let joined: Vec<_> = self.both.joined.iter().copied().collect();
        let Some(&socket) = super::pick(&joined, input.byte()) else {
            return;
        };
        let (machine, now) = network.server_mut(self.server);
        let (number, sent) = self.both.sent_down.get_mut(&socket).expect("it joined");
        let event = numbered(&[*number, *sent + 1]);
        if ack {
            if let Ok(id) = machine.emit_with_ack(socket, &event, Duration::from_millis(300), now) {
                *sent += 1;
                assert!(
                    self.both.awaited_down.insert((socket, id)),
                    "no id is used twice"
                );
            }
        } else if machine.emit(socket, &event, now).is_ok() {
            *sent += 1;
        }
    }

    fn path(&self, network: &mut Network, input: &mut Input<'_>) {
        let path = network.path_mut(self.client);
        let (what, value) = (input.byte() % 12, input.byte());
        let chance = u32::from(value % 4) * 100;
        match what {
            0 => path.lost_requests = chance,
            1 => path.lost_bodies = chance,
            2 => path.lost_responses = chance,
            3 => path.lost_connects = chance,
            4 => path.doubled_attempts = chance,
            5 => path.refused = value.is_multiple_of(2),
            6 => path.stalled = value.is_multiple_of(2),
            7 => path.jitter = Duration::from_millis(u64::from(value % 64)),
            8 => path.collected = Duration::from_millis(u64::from(value % 64)),
            9 => path.pipe_frames = 1 + usize::from(value % 8),
            10 => (path.unwritable_up, path.unwritable_down) = (value & 1 != 0, value & 2 != 0),
            _ => {
                path.websockets = match value % 4 {
                    0 => Websockets::Refused { status: 502 },
                    1 => Websockets::Swallowed,
                    2 => Websockets::Broken {
                        after: u32::from(value),
                    },
                    _ => Websockets::Passed,
                }
            }
        }
    }

    /// One of the applications disconnects or connects something.
    fn connection(&self, network: &mut Network, input: &mut Input<'_>) {
        let namespace = NAMESPACES[usize::from(input.byte()) % 2];
        let (machine, now) = network.client_mut(self.client);
        let socket = machine.find_socket(namespace).expect("nothing forgets it");
        match input.byte() % 4 {
            0 => machine.disconnect(socket, now).expect("it is there"),
            1 | 2 => machine.connect_again(socket, now).expect("it is there"),
            _ => {
                if let Some(&socket) = self.both.joined.first() {
                    network.server_mut(self.server).0.disconnect(socket, now);
                }
            }
        }
    }

    /// The client leaves for good; after that nobody holds anything.
    fn end(mut self, network: &mut Network) {
        *network.path_mut(self.client) = Default::default();
        network.set_server_busy(self.server, false);
        network.set_client_busy(self.client, false);
        let (machine, now) = network.client_mut(self.client);
        machine.set_reconnection(client::Reconnection::Manual);
        for socket in machine.sockets().collect::<Vec<_>>() {
            machine.clear_buffer(socket);
            machine.disconnect(socket, now).expect("it is there");
            machine.clear_buffer(socket);
        }
        machine.close(now);
        network.advance(Duration::from_secs(300), &mut self.both);
        let (client, server) = (network.client(self.client), network.server(self.server));
        assert_eq!(
            self.both.awaited_up,
            BTreeMap::new(),
            "every acknowledgement ends"
        );
        assert_eq!(
            self.both.awaited_down,
            BTreeSet::new(),
            "every acknowledgement ends"
        );
        assert!(self.both.joined.is_empty(), "every socket leaves");
        assert_eq!(
            (server.bytes_held(), server.engine().session_count()),
            (0, 0)
        );
        assert_eq!((server.poll_timeout(), client.poll_timeout()), (None, None));
    }
}

impl Both {
    /// Checks that an arrival continues the previous ones.
    fn arrived(&mut self, socket: server::SocketKey, namespace: &str, number: u32) {
        let last = self.got.insert(namespace.to_owned(), number);
        assert!(last < Some(number), "{number} after {last:?}");
        if let Some(last) = self.got_up.insert(socket, number) {
            let given_up =
                |missing: &u32| self.given_up.contains(&(namespace.to_owned(), *missing));
            let lost = (last + 1..number).find(|missing| !given_up(missing));
            assert_eq!(lost, None, "nothing is lost within a connection");
        }
    }
}

impl Script for Both {
    fn server_event(&mut self, network: &mut Network, id: ServerId, event: server::Event) {
        let (machine, now) = network.server_mut(id);
        match event {
            server::Event::Connecting { token, .. } => {
                if let Ok(socket) = machine.accept(token, now) {
                    self.sockets += 1;
                    self.sent_down.insert(socket, (self.sockets, 0));
                    self.joined.insert(socket);
                }
            }
            server::Event::Event {
                socket,
                payload,
                ack,
            } => {
                assert!(self.joined.contains(&socket), "no event of one that left");
                let number = numbers(&payload)[0];
                let namespace = machine.socket_namespace(socket).map(str::to_owned);
                if let Some(namespace) = namespace {
                    self.arrived(socket, &namespace, number);
                }
                if let Some(ack) = ack {
                    // The client may be gone.
                    let _gone = machine.respond(ack, &payload_of(number));
                }
            }
            server::Event::Ack { socket, id, .. } | server::Event::AckFailed { socket, id, .. } => {
                assert!(self.awaited_down.remove(&(socket, id)), "each ends once");
            }
            server::Event::Disconnected { socket, .. } => {
                assert!(self.joined.remove(&socket), "each leaves once");
            }
            _ => {}
        }
    }

    fn client_event(&mut self, network: &mut Network, id: ClientId, event: client::Event) {
        match event {
            client::Event::Event { payload, ack, .. } => {
                let [socket, number] = numbers(&payload)[..] else {
                    panic!("two numbers");
                };
                let last = self.got_down.insert(socket, number).unwrap_or_default();
                assert_eq!(number, last + 1, "nothing is lost within a connection");
                if let Some(ack) = ack {
                    let (machine, now) = network.client_mut(id);
                    let _over = machine.respond(ack, &Payload::no_args(), now);
                }
            }
            client::Event::Ack { id, .. } => {
                assert!(self.awaited_up.remove(&id).is_some(), "each ends once");
            }
            client::Event::AckFailed { id, .. } => {
                let (namespace, number) = self.awaited_up.remove(&id).expect("each ends once");
                self.given_up.insert((namespace.to_owned(), number));
            }
            _ => {}
        }
    }
}

fn cut(input: &mut Input<'_>) -> Cut {
    [Cut::Clean, Cut::Reset, Cut::Midway, Cut::Silent][usize::from(input.byte()) % 4]
}

fn numbered(numbers: &[u32]) -> Payload {
    let event = numbers
        .iter()
        .fold(Payload::event("n"), |event, number| event.arg(number));
    event.build().expect("a payload")
}

fn payload_of(number: u32) -> Payload {
    Payload::ack().arg(&number).build().expect("a payload")
}

fn numbers(payload: &Payload) -> Vec<u32> {
    payload.args().expect("numbers")
}

fn server_config(parser: Parser) -> server::Config {
    let engine = engine::Config::default()
        .with_ping_interval(Duration::from_millis(2_000))
        .with_ping_timeout(Duration::from_millis(1_000))
        .with_max_buffered(20_000, 200);
    server::Config::default()
        .with_engine(engine)
        .with_parser(parser)
}

fn client_config(choice: u8, parser: Parser) -> client::Config {
    let transports = match choice >> 1 & 3 {
        0 => vec![Transport::Polling],
        1 => vec![Transport::WebSocket],
        _ => vec![Transport::Polling, Transport::WebSocket],
    };
    client::Config::new(Endpoint::default())
        .with_parser(parser)
        .with_engine(|engine| {
            engine
                .with_transports(transports)
                .with_remember_upgrade(choice & 8 != 0)
        })
        .with_max_buffered(50, 10_000)
}
