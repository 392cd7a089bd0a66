//! A Socket.IO client and server with acknowledgements and recovery, and a network that delivers, loses and cuts in every
//! order.

mod acks;
mod bystander;
mod ending;
mod events;
mod model;
mod payloads;
mod recovery;

use core::time::Duration;

use engineio_proto::{Instant, Seed, Transport};
use socketio_proto::client::{self, Client, SocketOptions};
use socketio_proto::engine;
use socketio_proto::parser::Parser;
use socketio_proto::server::{self, RecoveryConfig, Server};

use self::bystander::Bystander;
pub(crate) use self::bystander::CONNECTION;
use self::model::Model;
use crate::digest::digest;
use crate::network::{Move, Network};
use crate::report::Report;
use crate::search::World;

const INTERVAL: Duration = Duration::from_millis(1000);
const TIMEOUT: Duration = Duration::from_millis(200);
const DELAY: Duration = Duration::from_millis(100);
const OPENING: Duration = Duration::from_millis(500);
const JOINING: Duration = Duration::from_millis(400);
/// The maximum absence of a client.
const AWAY: Duration = Duration::from_millis(1500);
/// The timeout of acknowledgements.
const ANSWER: Duration = Duration::from_millis(700);
/// The room of the client.
const ROOM: &str = "r";
/// More tries than there are in any path.
const RETRIES: u32 = 50;

/// The settings of a scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The transports of the client, the first one to open on.
    pub(crate) transports: &'static [Transport],
    pub(crate) parser: Parser,
    /// The number of events that each side sends.
    pub(crate) events: u8,
    /// The number of losses.
    pub(crate) losses: u8,
    /// Whether clients can come back.
    pub(crate) recovery: Option<Recovery>,
    /// A second client is there.
    pub(crate) bystander: bool,
    /// The client sends each event until it is acknowledged.
    pub(crate) retries: bool,
    /// The number of events that may wait in the client until it joins.
    pub(crate) waiting: usize,
    /// One event waits, and its bytes leave no room for another.
    pub(crate) in_bytes: bool,
}

/// The recovery data that a server keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recovery {
    pub(crate) events: usize,
    pub(crate) clients: usize,
    /// The application is asked about those who come back too.
    pub(crate) asks: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Net(Move),
    /// To those that an event of this number is for, those that are away too.
    ServerBroadcasts,
    /// To one client.
    ServerEmits,
    /// To one client, with an acknowledgement.
    ServerAsks,
    /// To all clients, with their acknowledgements.
    ServerAsksAll,
    ServerAnswers,
    ServerTakesOut,
    ServerAccepts,
    BystanderAnswers,
    ClientEmits,
    ClientAsks,
    ClientAnswers,
    ClientLeaves,
    ClientJoins,
    /// Drops what waits until it is in.
    ClientClears,
}

pub(crate) struct SocketPair {
    plan: Plan,
    network: Network<Client, Server>,
    socket: client::SocketKey,
    bystander: Option<Bystander>,
    model: Model,
}

impl SocketPair {
    pub(crate) fn new(plan: Plan) -> Self {
        let now = Instant::from_millis(10_000);
        let mut server = server(plan).expect("settings that work");
        server.add_namespace("/").expect("a name that is one");
        let mut client = client(plan).expect("settings that work");
        let options = SocketOptions::default();
        let options = if plan.retries {
            options.with_retries(RETRIES).with_ack_timeout(Some(ANSWER))
        } else {
            options
        };
        let socket = client.connect("/", options, now);
        let mut pair = Self {
            plan,
            network: Network::new(client, server, now),
            socket: socket.expect("a name that is one"),
            bystander: plan.bystander.then(Bystander::default),
            model: Model::new(plan),
        };
        if let Some(bystander) = &pair.bystander {
            bystander.connect(&mut pair.network.server, now);
            pair.settle();
        }
        pair.settle();
        pair.deliver();
        if plan.recovery.is_some_and(|recovery| recovery.asks) {
            pair.come_back();
        }
        pair
    }

    fn settle(&mut self) {
        loop {
            self.network.settle();
            let told = self.tell_client() | self.tell_server() | self.tell_bystander();
            if !told {
                break;
            }
        }
        self.check();
    }

    fn tell_client(&mut self) -> bool {
        let mut told = false;
        while let Some(event) = self.network.client_events.pop_front() {
            told = true;
            let id = self.network.client.socket_id(self.socket);
            let id = id.map(ToString::to_string);
            let now = self.network.now;
            self.model
                .client_told(event, id, now, &mut self.network.report);
        }
        told
    }

    fn tell_server(&mut self) -> bool {
        let mut told = false;
        while let Some(event) = self.network.server_events.pop_front() {
            told = true;
            if let server::Event::Connecting {
                recovered: false, ..
            } = event
            {
                let now = self.network.now;
                self.model.starts_anew(now, &mut self.network.report);
            }
            match event {
                server::Event::Connecting {
                    token, recovered, ..
                } if self.plan.recovery.is_some_and(|recovery| recovery.asks) => {
                    self.model.tokens.push((token, recovered));
                }
                server::Event::Connecting { token, .. } => {
                    if let Ok(socket) = self.network.server.accept(token, self.network.now) {
                        self.joined(socket, false);
                    }
                }
                server::Event::Recovered {
                    socket, namespace, ..
                } => {
                    let report = &mut self.network.report;
                    report.require(namespace == "/", || {
                        format!("{socket:?} came back to {namespace:?}")
                    });
                    self.joined(socket, true);
                }
                event => {
                    let now = self.network.now;
                    self.model.server_told(event, now, &mut self.network.report);
                }
            }
        }
        told
    }

    fn tell_bystander(&mut self) -> bool {
        let Some(bystander) = &mut self.bystander else {
            return false;
        };
        let Network {
            server,
            now,
            report,
            aside,
            ..
        } = &mut self.network;
        if !core::mem::take(aside) {
            return false;
        }
        while let Some(frame) = server.poll_frame(CONNECTION) {
            if let Some(number) = bystander.hear(&frame, server, *now, report) {
                self.model.bystander_heard(number, report);
            }
        }
        true
    }

    fn joined(&mut self, socket: server::SocketKey, recovered: bool) {
        let Network {
            server,
            now,
            report,
            ..
        } = &mut self.network;
        let id = server.socket_id(socket);
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        report.note(|| format!("server: {socket:?} is in as {id}, recovered: {recovered}"));
        self.model.joined(socket, id, recovered, *now, report);
        if recovered {
            let is_back = server.is_in(socket, ROOM) && server.data(socket).is_some();
            report.require(is_back && server.is_recovered(socket), || {
                "a client that came back has neither its room nor its data".to_owned()
            });
        } else if !self.model.is_bystander(socket) {
            let joined = server.join(socket, ROOM);
            report.require(joined.is_ok(), || format!("{joined:?}"));
            let set = server.set_data(socket, Some(payloads::answer(1)));
            let is_set = set && server.data(socket).is_some();
            report.require(is_set, || "a client has no data".to_owned());
        }
    }

    fn check(&mut self) {
        let Network {
            client,
            server,
            now,
            report,
            ..
        } = &mut self.network;
        let sessions = server.engine().session_count();
        let due = server.poll_timeout();
        report.require(sessions == 0 || due.is_some_and(|due| due > *now), || {
            format!("server: the deadline is {due:?} at {now:?}")
        });
        let sockets = (server.all_sockets_count(), self.model.members());
        let asked = self.model.tokens.len();
        report.require((sockets.1..=sockets.1 + asked).contains(&sockets.0), || {
            format!("{} sockets instead of {}", sockets.0, sockets.1)
        });
        let pending = (server.all_pending_acks_count(), self.model.server_pending());
        report.require(pending.0 == pending.1, || {
            format!(
                "{} acknowledgements are awaited instead of {}",
                pending.0, pending.1
            )
        });
        let latest = self.model.server_answer_by();
        let in_time = latest.is_none_or(|latest| latest > *now && due <= Some(latest));
        report.require(in_time && (latest.is_none() || due.is_some()), || {
            format!("server: an acknowledgement is due at {latest:?}, the deadline is {due:?}")
        });
        let (due, latest) = (client.poll_timeout(), self.model.client_answer_by());
        let in_time = latest.is_none_or(|latest| latest > *now && due <= Some(latest));
        report.require(in_time && (latest.is_none() || due.is_some()), || {
            format!("client: an acknowledgement is due at {latest:?}, the deadline is {due:?}")
        });
        let waits = client.is_active(self.socket) && !self.model.gave_up;
        report.require(!waits || due.is_some_and(|due| due > *now), || {
            format!("client: the deadline is {due:?} at {now:?}")
        });
        self.model
            .check_buffer(client.buffered(self.socket), report);
        if let Some(recovery) = self.plan.recovery {
            self.model
                .check_store(server.recovery_store("/"), recovery, *now, report);
        }
    }
}

fn server(plan: Plan) -> Option<Server> {
    let served = engine::server::Config::default()
        .with_ping_interval(INTERVAL)
        .with_ping_timeout(TIMEOUT);
    let recovery = plan.recovery.map(|recovery| {
        RecoveryConfig::default()
            .with_max_disconnection_duration(AWAY)
            .with_max_packets(recovery.events)
            .with_max_sessions(recovery.clients)
            .with_skip_middlewares(!recovery.asks)
    });
    let config = server::Config::default()
        .with_engine(served)
        .with_parser(plan.parser)
        .with_connect_timeout(JOINING)
        .with_connection_state_recovery(recovery);
    Server::new(config, 0, &Seed::new([7; 32])).ok()
}

fn client(plan: Plan) -> Option<Client> {
    let endpoint = engine::client::Endpoint::parse("https://x.com").ok()?;
    let (events, bytes) = if plan.in_bytes {
        (1_000, 10)
    } else {
        (plan.waiting, 10_000)
    };
    let config = client::Config::new(endpoint)
        .with_engine(|engine| {
            engine
                .with_timestamp_requests(false)
                .with_transports(plan.transports)
        })
        .with_parser(plan.parser)
        .with_max_buffered(events, bytes)
        .with_reconnection_delay(DELAY)
        .with_reconnection_delay_max(DELAY)
        .with_randomization_factor(0.0)
        .with_timeout(Some(OPENING))
        .with_namespace_timeout(Some(JOINING));
    Client::new(config, &Seed::new([3; 32])).ok()
}

impl World for SocketPair {
    type Action = Action;

    fn actions(&self) -> Vec<Action> {
        let model = &self.model;
        let losses = self.network.wires.losses < self.plan.losses;
        let mut actions: Vec<_> = self
            .network
            .moves(losses)
            .into_iter()
            .map(Action::Net)
            .collect();
        let mut may = |possible: bool, action| actions.extend(possible.then_some(action));
        let is_in = model.newest_member().is_some();
        let says = model.down < self.plan.events;
        may(says, Action::ServerBroadcasts);
        may(
            says && is_in && self.plan.recovery.is_some(),
            Action::ServerEmits,
        );
        may(says && is_in, Action::ServerAsks);
        may(says && self.plan.bystander, Action::ServerAsksAll);
        may(model.up < self.plan.events, Action::ClientEmits);
        may(model.up < self.plan.events, Action::ClientAsks);
        may(model.has_server_token(), Action::ServerAnswers);
        may(model.has_client_token(), Action::ClientAnswers);
        may(!model.tokens.is_empty(), Action::ServerAccepts);
        let asked = self.bystander.as_ref().is_some_and(Bystander::is_asked);
        may(asked, Action::BystanderAnswers);
        let active = self.network.client.is_active(self.socket);
        may(
            losses && model.client_member().is_some(),
            Action::ServerTakesOut,
        );
        may(losses && active, Action::ClientLeaves);
        may(
            !active && model.joins < self.plan.losses,
            Action::ClientJoins,
        );
        may(model.has_unsent(), Action::ClientClears);
        actions
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Net(step) => {
                self.model.interrupted |= matches!(step, Move::Wait | Move::Lose(_) | Move::Cut(_));
                self.network.make(step);
            }
            Action::ServerBroadcasts => self.server_broadcasts(),
            Action::ServerEmits => self.server_emits(),
            Action::ServerAsks => self.server_asks(),
            Action::ServerAsksAll => self.server_asks_all(),
            Action::ServerAnswers => self.server_answers(),
            Action::ServerTakesOut => {
                self.network.wires.losses += 1;
                self.server_takes_out();
            }
            Action::ServerAccepts => self.server_accepts(),
            Action::BystanderAnswers => self.bystander_answers(),
            Action::ClientEmits => self.client_emits(false),
            Action::ClientAsks => self.client_emits(true),
            Action::ClientAnswers => self.client_answers(),
            Action::ClientLeaves => {
                self.network.wires.losses += 1;
                self.client_leaves();
            }
            Action::ClientJoins => {
                self.model.joins += 1;
                self.client_joins();
            }
            Action::ClientClears => self.client_clears(),
        }
        self.settle();
    }

    fn digest(&self) -> u128 {
        let network = &self.network;
        // A store tells neither what it keeps nor since when.
        let store = network.server.recovery_store("/");
        let packets: Vec<_> = store.iter().flat_map(|store| store.packets()).collect();
        let sessions: Vec<_> = store.iter().flat_map(|store| store.sessions()).collect();
        digest(
            network.now,
            &[
                &network.client,
                &network.server,
                &network.wires,
                &packets,
                &sessions,
                &self.bystander,
                &self.model,
            ],
        )
    }

    fn endings(&self) -> usize {
        ending::ENDINGS
    }

    fn end(&mut self, ending: usize) {
        self.come_to_rest(ending);
    }

    fn report(&mut self) -> &mut Report {
        &mut self.network.report
    }
}
