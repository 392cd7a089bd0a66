//! The plan of a world: everything that is drawn before it begins.

use std::time::Duration;

use socketio_proto::client;
use socketio_proto::engine::client::{Endpoint, EndpointError};
use socketio_proto::engine::server::{Config as EngineConfig, SlowReader};
use socketio_proto::engine::{Revision, Transport};
use socketio_proto::parser::Parser;
use socketio_proto::server::{self, RecoveryConfig};
use socketio_testkit::Random;

/// The plan of a world.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) servers: Vec<server::Config>,
    pub(crate) clients: Vec<ClientPlan>,
    /// The duration of the faults.
    pub(crate) chaos: Duration,
    /// The mean time between two actions of the applications, and between two faults.
    pub(crate) acts_every: Duration,
    pub(crate) faults_every: Duration,
    /// How many of 1,000 verdicts, and of 1,000 acknowledgements, are not given at once.
    pub(crate) late: u32,
    /// The kinds of faults, one bit for each.
    pub(crate) faults: u64,
    /// Applications send large events, because the memory limit of some server is low.
    pub(crate) heavy: bool,
}

/// The plan of a client.
#[derive(Clone, Debug)]
pub(crate) struct ClientPlan {
    /// The number of its server.
    pub(crate) server: usize,
    pub(crate) config: client::Config,
    pub(crate) namespaces: Vec<String>,
    /// The number of times that events are sent again, and the timeout for that.
    pub(crate) retries: u32,
    pub(crate) ack_timeout: Duration,
    pub(crate) latency: Duration,
    pub(crate) jitter: Duration,
}

impl ClientPlan {
    /// Whether it speaks revision 3 of Engine.IO, and with it revision 4 of Socket.IO.
    pub(crate) fn is_old(&self) -> bool {
        self.config.engine.revision == Revision::V3
    }
}

/// The namespaces that every server has from the start.
pub(crate) const STATIC: [&str; 3] = ["/", "/chat", "/news"];
/// Those that clients create: children of a pattern, and those that the application decides on.
pub(crate) const DYNAMIC: [&str; 4] = ["/p-1", "/p-2", "/asked-1", "/asked-2"];
/// The maximum payloads of servers in some worlds, in bytes.
pub(crate) const SMALL_PAYLOAD: usize = 20_000;
pub(crate) const PATTERN: &str = "/p-{int}";
pub(crate) const ROOMS: [&str; 4] = ["red", "green", "blue", "black"];

/// The address of the server with this number.
pub(crate) fn host(server: usize) -> String {
    format!("s{server}.example")
}

impl Plan {
    pub(crate) fn draw(random: &mut Random) -> Result<Self, EndpointError> {
        // Most worlds are small, since it is in small ones that rare things are soon found.
        let clients = match random.below(200) {
            0 => random.between(100, 300),
            1..=9 => random.between(20, 60),
            _ => random.between(1, 8),
        };
        let servers = if random.chance(200) {
            random.between(2, 3)
        } else {
            1
        };
        let servers = (0..servers)
            .map(|_| draw_server(random))
            .collect::<Vec<_>>();
        let clients = (0..clients)
            .map(|_| draw_client(random, &servers))
            .collect::<Result<Vec<_>, _>>()?;
        let crowd = u32::try_from(clients.len()).unwrap_or(1).max(4);
        // In a crowd there is as much to do for each, but for a shorter time.
        let chaos = Duration::from_secs(random.between(10, 60)) * 4 / crowd.min(24);
        Ok(Self {
            acts_every: millis(random, 20, 800) * 2 / crowd,
            faults_every: millis(random, 300, 8000) * 4 / crowd.max(4),
            late: if random.chance(500) {
                0
            } else {
                u32::try_from(random.below(400)).unwrap_or(0)
            },
            faults: random.number() & random.number().rotate_left(7) | random.number() & 0x55,
            heavy: false,
            servers,
            clients,
            chaos,
        })
    }
}

fn millis(random: &mut Random, least: u64, most: u64) -> Duration {
    Duration::from_millis(random.between(least, most))
}

fn draw_server(random: &mut Random) -> server::Config {
    let mut engine = EngineConfig::default()
        .with_ping_interval(millis(random, 2000, 10_000))
        .with_ping_timeout(millis(random, 1500, 8000))
        // Long enough for the slowest path: a client whose upgrade is refused in its last step starts anew.
        .with_upgrade_timeout(millis(random, 2500, 10_000))
        .with_close_timeout(millis(random, 1000, 10_000))
        .with_handshake_timeout(millis(random, 1000, 10_000));
    if random.chance(200) {
        engine = engine.with_max_payload(SMALL_PAYLOAD);
    }
    if random.chance(200) {
        engine = engine.with_max_buffered(16_000, 40);
    }
    if random.chance(300) {
        engine = engine.with_slow_reader(SlowReader::Close);
    }
    engine.allow_upgrades = !random.chance(50);
    engine.allow_request = random.chance(150);
    engine.allow_eio3 = random.chance(300);
    if random.chance(300) {
        engine.transports = engine.transports.with(Transport::WebTransport);
    }
    let mut config = server::Config::default()
        .with_engine(engine)
        .with_connect_timeout(millis(random, 2000, 10_000));
    if random.chance(300) {
        config.parser = Parser::MsgPack;
    }
    config.cleanup_empty_child_namespaces = random.chance(500);
    if random.chance(600) {
        let mut recovery = RecoveryConfig::default();
        recovery.max_disconnection_duration = millis(random, 2000, 30_000);
        recovery.skip_middlewares = random.chance(700);
        if random.chance(200) {
            recovery.max_packets = 30;
            recovery.max_sessions = 3;
        }
        config.connection_state_recovery = Some(recovery);
    }
    config
}

fn draw_client(
    random: &mut Random,
    servers: &[server::Config],
) -> Result<ClientPlan, EndpointError> {
    let number = random.index(servers.len());
    let endpoint = Endpoint::parse(&format!("http://{}", host(number)))?;
    let server = servers.get(number);
    let parser = server.map(|server| server.parser).unwrap_or_default();
    let old = server.is_some_and(|server| server.engine.allow_eio3) && random.chance(300);
    let revision = if old { Revision::V3 } else { Revision::V4 };
    let offered = server.map(|server| server.engine.transports);
    let has_streams = offered.is_some_and(|offered| offered.contains(Transport::WebTransport));
    let transports: &[Transport] = match random.below(8) {
        0 if has_streams && !old => &[Transport::WebTransport],
        1 if has_streams && !old => &[
            Transport::Polling,
            Transport::WebSocket,
            Transport::WebTransport,
        ],
        0..=1 => &[Transport::Polling],
        2 => &[Transport::WebSocket],
        3 => &[Transport::WebSocket, Transport::Polling],
        _ => &[Transport::Polling, Transport::WebSocket],
    };
    let (remember, all, base64) = (random.chance(200), random.chance(300), random.chance(100));
    let probe = random.chance(300).then(|| millis(random, 500, 5000));
    let small = random.chance(100);
    let mut config = client::Config::new(endpoint)
        .with_engine(|mut engine| {
            engine.probe_timeout = probe;
            if small {
                engine = engine.with_max_buffered(16_000, 40);
            }
            engine
                .with_revision(revision)
                .with_transports(transports.to_vec())
                .with_remember_upgrade(remember)
                .with_try_all_transports(all)
                .with_force_base64(base64)
        })
        .with_parser(parser)
        .with_reconnection_delay(millis(random, 50, 1000))
        .with_reconnection_delay_max(millis(random, 1000, 5000))
        .with_timeout(Some(millis(random, 2000, 20_000)))
        .with_close_timeout(millis(random, 500, 10_000));
    if random.chance(200) {
        config.namespace_timeout = Some(millis(random, 3000, 20_000));
    }
    if random.chance(100) {
        config = config.with_max_buffered(20, 20_000);
    }
    let mut namespaces = vec!["/".to_owned()];
    for name in STATIC.iter().skip(1).chain(&DYNAMIC) {
        if random.chance(200) {
            namespaces.push((*name).to_owned());
        }
    }
    if namespaces.len() > 1 && random.chance(200) {
        namespaces.swap_remove(random.index(namespaces.len()));
    }
    let retries = if random.chance(250) {
        random.between(1, 4)
    } else {
        0
    };
    Ok(ClientPlan {
        server: number,
        config,
        namespaces,
        retries: u32::try_from(retries).unwrap_or(0),
        ack_timeout: millis(random, 500, 6000),
        // Not zero: while the answer to a probe cannot be delivered, a client polls as fast as its path lets it.
        latency: millis(random, 2, 150),
        jitter: if random.chance(500) {
            millis(random, 0, 120)
        } else {
            Duration::ZERO
        },
    })
}
