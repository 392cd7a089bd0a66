//! The same session gives the same events over every transport, revision and parser.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an application looks at what concerns it"
)]

use std::time::Duration;

use bytes::Bytes;
use socketio_proto::client::{self, SocketKey, SocketOptions};
use socketio_proto::engine::client::Endpoint;
use socketio_proto::engine::{Revision, Transport, Transports};
use socketio_proto::parser::Parser;
use socketio_proto::server::Target;
use socketio_proto::{Payload, server};
use socketio_testkit::{ClientId, Network, Random, Script, ServerId};

/// The way in which a client reaches its server.
#[derive(Clone, Copy, Debug)]
struct Way {
    transports: &'static [Transport],
    /// The transport that the connection is on once it has come to rest.
    ends_on: Transport,
    revision: Revision,
    text_only: bool,
    parser: Parser,
}

const POLLING: &[Transport] = &[Transport::Polling];
const WEBSOCKET: &[Transport] = &[Transport::WebSocket];
const WEBTRANSPORT: &[Transport] = &[Transport::WebTransport];
const TO_WEBSOCKET: &[Transport] = &[Transport::Polling, Transport::WebSocket];
const TO_WEBTRANSPORT: &[Transport] = &[Transport::Polling, Transport::WebTransport];

/// All that there are.
fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for transports in [
        POLLING,
        WEBSOCKET,
        WEBTRANSPORT,
        TO_WEBSOCKET,
        TO_WEBTRANSPORT,
    ] {
        for revision in [Revision::V4, Revision::V3] {
            for text_only in [false, true] {
                for parser in [Parser::Json, Parser::MsgPack] {
                    let ends_on = *transports.last().unwrap();
                    // WebTransport came with revision 4, this MessagePack parser with the Socket.IO that goes with it.
                    let old = revision == Revision::V3;
                    if old && (ends_on == Transport::WebTransport || parser != Parser::Json) {
                        continue;
                    }
                    ways.push(Way {
                        transports,
                        ends_on,
                        revision,
                        text_only,
                        parser,
                    });
                }
            }
        }
    }
    ways
}

/// The events of the applications at both ends, in words that do not depend on the way.
#[derive(Default)]
struct Told {
    server: Vec<String>,
    client: Vec<String>,
    /// The sockets on the server, as they joined.
    sockets: Vec<(String, server::SocketKey)>,
    namespaces: Vec<(SocketKey, &'static str)>,
    transport: Option<Transport>,
}

fn words(payload: &Payload) -> String {
    format!("{} {:?}", payload.json(), payload.attachments())
}

impl Told {
    fn namespace_of(&self, socket: SocketKey) -> &'static str {
        let known = self.namespaces.iter().find(|(key, _)| *key == socket);
        known.map_or("?", |(_, namespace)| namespace)
    }

    fn socket_in(&self, namespace: &str) -> Option<server::SocketKey> {
        let mut joined = self.sockets.iter().rev();
        joined
            .find(|(name, _)| name == namespace)
            .map(|(_, key)| *key)
    }
}

impl Script for Told {
    fn server_event(&mut self, network: &mut Network, id: ServerId, event: server::Event) {
        let (server, now) = network.server_mut(id);
        let of = |server: &server::Server, socket| {
            server.socket_namespace(socket).unwrap_or("?").to_owned()
        };
        match event {
            server::Event::Connecting {
                token,
                namespace,
                auth,
                ..
            } => {
                let auth = auth.as_ref().map(words);
                self.server
                    .push(format!("{namespace} asks to join: {auth:?}"));
                if &*namespace == "/closed" {
                    server.reject(token, "not you", None, now).unwrap();
                } else {
                    let socket = server.accept(token, now).unwrap();
                    self.sockets.push((namespace.to_string(), socket));
                }
            }
            server::Event::Event {
                socket,
                payload,
                ack,
            } => {
                let namespace = of(server, socket);
                let asks = ack.is_some();
                self.server
                    .push(format!("{namespace} says {} {asks}", words(&payload)));
                if let Some(ack) = ack {
                    let answer = Payload::ack().args_of(&payload).build().unwrap();
                    server.respond(ack, &answer).unwrap();
                }
            }
            server::Event::Ack {
                socket, payload, ..
            } => {
                let namespace = of(server, socket);
                self.server
                    .push(format!("{namespace} answers {}", words(&payload)));
            }
            server::Event::AckFailed { error, .. } => {
                self.server.push(format!("no answer: {error}"));
            }
            server::Event::Disconnected { socket, reason, .. } => {
                let left = self.sockets.iter().position(|(_, key)| *key == socket);
                let (namespace, _) = self.sockets.remove(left.unwrap());
                self.server.push(format!("{namespace} left: {reason}"));
            }
            server::Event::Closed { reason, .. } => self.server.push(format!("closed: {reason}")),
            server::Event::Upgraded { transport, .. } => self.transport = Some(transport),
            _ => {}
        }
    }

    fn client_event(&mut self, network: &mut Network, id: ClientId, event: client::Event) {
        let (client, now) = network.client_mut(id);
        match event {
            client::Event::Connected { socket, recovered } => {
                let namespace = self.namespace_of(socket);
                self.client.push(format!("{namespace} joined {recovered}"));
            }
            client::Event::ConnectError { socket, error } => {
                let namespace = self.namespace_of(socket);
                self.client.push(format!("{namespace} refused: {error}"));
            }
            client::Event::Event {
                socket,
                payload,
                ack,
            } => {
                let namespace = self.namespace_of(socket);
                let asks = ack.is_some();
                self.client
                    .push(format!("{namespace} hears {} {asks}", words(&payload)));
                if let Some(ack) = ack {
                    let answer = Payload::ack().args_of(&payload).build().unwrap();
                    client.respond(ack, &answer, now).unwrap();
                }
            }
            client::Event::Ack {
                socket, payload, ..
            } => {
                let namespace = self.namespace_of(socket);
                self.client
                    .push(format!("{namespace} is answered {}", words(&payload)));
            }
            client::Event::AckFailed { error, .. } => {
                self.client.push(format!("no answer: {error}"));
            }
            client::Event::Disconnected { socket, reason } => {
                let namespace = self.namespace_of(socket);
                self.client.push(format!("{namespace} left: {reason}"));
            }
            _ => {}
        }
    }
}

/// One thing that an application does.
#[derive(Clone, Debug)]
enum Act {
    ClientEmits(&'static str, Payload),
    ClientAsks(&'static str, Payload),
    ServerEmits(&'static str, Payload),
    ServerAsks(&'static str, Payload),
    ServerBroadcasts(&'static str, Payload),
    ClientLeaves(&'static str),
    ClientJoins(&'static str),
    ServerTakesOut(&'static str),
    /// Time for some heartbeats.
    Wait,
}

const NAMESPACES: [&str; 3] = ["/", "/news", "/closed"];

/// The content of a script: text of all kinds, numbers, and binary at any depth.
fn payload(random: &mut Random) -> Payload {
    let texts = [
        "plain",
        "",
        "é€😀",
        "\u{1e}\"\\\n\u{2028}",
        "4",
        "b4AQID",
        "0{}",
    ];
    let mut payload = Payload::event("said");
    for _ in 0..random.below(4) {
        payload = match random.below(6) {
            0 => payload.arg(random.pick(&texts).unwrap()),
            1 => payload.arg(&random.number().cast_signed()),
            2 => payload.arg(&(true, None::<u8>, 1.5, [0.25, -1e300])),
            3 => payload.binary(vec![7; random.index(300)]),
            4 => {
                let data = payload.attach(Bytes::from_static(b"\x00\xff\x04"));
                let nested = serde_json::json!({ "a": [{ "b": data }, "c"], "d": {} });
                payload.arg(&nested)
            }
            _ => payload.arg(&"x".repeat(random.index(3000))),
        };
    }
    payload.build().unwrap()
}

fn script(seed: u64) -> Vec<Act> {
    let mut random = Random::new(seed);
    let mut acts = vec![
        Act::ClientJoins("/"),
        Act::ClientJoins("/news"),
        Act::ClientJoins("/closed"),
    ];
    for _ in 0..random.between(5, 30) {
        let place = if random.chance(500) { "/" } else { "/news" };
        acts.push(match random.below(12) {
            0 | 1 => Act::ClientEmits(place, payload(&mut random)),
            2 | 3 => Act::ClientAsks(place, payload(&mut random)),
            4 | 5 => Act::ServerEmits(place, payload(&mut random)),
            6 | 7 => Act::ServerAsks(place, payload(&mut random)),
            8 => Act::ServerBroadcasts(place, payload(&mut random)),
            // The main namespace of revision 4 is not left and joined again while others stay.
            9 => Act::ClientLeaves("/news"),
            10 => Act::ServerTakesOut("/news"),
            _ => Act::Wait,
        });
        if random.chance(300) {
            acts.push(Act::ClientJoins("/news"));
        }
    }
    acts.push(Act::ClientLeaves("/news"));
    acts.push(Act::ClientLeaves("/closed"));
    acts.push(Act::ClientLeaves("/"));
    acts
}

/// Plays a script over a way, all acts one after the other: each has had its effect before the next.
fn play(way: Way, acts: &[Act]) -> Told {
    let mut network = Network::new(1);
    let engine = socketio_proto::engine::server::Config::default()
        .with_allow_eio3(true)
        .with_transports(Transports::default().with(Transport::WebTransport));
    let config = server::Config::default()
        .with_engine(engine)
        .with_parser(way.parser);
    let server = network.add_server("example.com", config).unwrap();
    for name in &NAMESPACES[1..] {
        network.server_mut(server).0.add_namespace(name).unwrap();
    }
    let endpoint = Endpoint::parse("https://example.com").unwrap();
    let config = client::Config::new(endpoint)
        .with_parser(way.parser)
        .with_engine(|engine| {
            engine
                .with_transports(way.transports.to_vec())
                .with_revision(way.revision)
                .with_force_base64(way.text_only)
        });
    let client = network.add_client(config).unwrap();
    let mut told = Told {
        transport: way.transports.first().copied(),
        ..Told::default()
    };
    for name in NAMESPACES {
        let auth = Payload::object(&serde_json::json!({ "token": "a b&ü" })).unwrap();
        let options = match name {
            "/" => SocketOptions::default(),
            _ => SocketOptions::default().with_auth(auth),
        };
        let (machine, _) = network.client_mut(client);
        told.namespaces
            .push((machine.socket(name, options).unwrap(), name));
    }
    for act in acts {
        perform(&mut network, server, client, &mut told, act);
        network.run_until_idle(10_000, &mut told).unwrap();
    }
    told
}

fn perform(network: &mut Network, server: ServerId, client: ClientId, told: &mut Told, act: &Act) {
    let timeout = Duration::from_secs(5);
    let mine = |namespace: &str| {
        let known = told.namespaces.iter().find(|(_, name)| *name == namespace);
        known.map(|(key, _)| *key).unwrap()
    };
    let (machine, now) = network.client_mut(client);
    match act {
        Act::ClientJoins(namespace) => machine.connect_again(mine(namespace), now).unwrap(),
        Act::ClientLeaves(namespace) => machine.disconnect(mine(namespace), now).unwrap(),
        Act::ClientEmits(namespace, payload) => {
            machine.emit(mine(namespace), payload, now).unwrap()
        }
        Act::ClientAsks(namespace, payload) => {
            let timeout = Some(timeout);
            machine
                .emit_with_ack(mine(namespace), payload, timeout, now)
                .unwrap();
        }
        Act::Wait => {
            network.advance(Duration::from_secs(70), told);
        }
        Act::ServerEmits(namespace, payload) => {
            if let Some(socket) = told.socket_in(namespace) {
                network
                    .server_mut(server)
                    .0
                    .emit(socket, payload, now)
                    .unwrap();
            }
        }
        Act::ServerAsks(namespace, payload) => {
            if let Some(socket) = told.socket_in(namespace) {
                let (machine, now) = network.server_mut(server);
                machine
                    .emit_with_ack(socket, payload, timeout, now)
                    .unwrap();
            }
        }
        Act::ServerBroadcasts(namespace, payload) => {
            let all = Target::namespace(namespace);
            network
                .server_mut(server)
                .0
                .broadcast(&all, payload, now)
                .unwrap();
        }
        Act::ServerTakesOut(namespace) => {
            if let Some(socket) = told.socket_in(namespace) {
                network.server_mut(server).0.disconnect(socket, now);
            }
        }
    }
}

#[test]
fn a_session_gives_the_same_events_over_every_transport_revision_and_parser() {
    let ways = ways();
    assert_eq!(ways.len(), 26);
    for seed in 0..40 {
        let acts = script(seed);
        let mut first: Option<(Way, Told)> = None;
        for way in &ways {
            let told = play(*way, &acts);
            assert_eq!(told.transport, Some(way.ends_on), "{way:?}");
            let Some((by, expected)) = &first else {
                first = Some((*way, told));
                continue;
            };
            assert_eq!(expected.server, told.server, "seed {seed}: {by:?}, {way:?}");
            assert_eq!(expected.client, told.client, "seed {seed}: {by:?}, {way:?}");
        }
    }
}
