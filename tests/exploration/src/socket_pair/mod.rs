//! A Socket.IO client and server with acknowledgements and recovery, and a network that delivers, loses and cuts in every
//! order.

mod ending;
mod model;

use core::time::Duration;

use engineio_proto::{Instant, Seed, Transport};
use socketio_proto::Payload;
use socketio_proto::client::{self, Client, SocketOptions};
use socketio_proto::engine;
use socketio_proto::server::{self, RecoveryConfig, Server, Target};

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
/// How long a client may be away.
const AWAY: Duration = Duration::from_millis(1500);
/// How long acknowledgements are awaited.
pub(super) const ANSWER: Duration = Duration::from_millis(700);

/// What is explored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The transports of the client, the first one to open on.
    pub(crate) transports: &'static [Transport],
    /// How many events each side sends.
    pub(crate) events: u8,
    /// How much is lost.
    pub(crate) losses: u8,
    /// Whether clients can come back.
    pub(crate) recovery: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Net(Move),
    /// To all clients, those that are away too.
    ServerBroadcasts,
    /// To one client, with an acknowledgement.
    ServerAsks,
    ServerAnswers,
    ServerTakesOut,
    ClientEmits,
    ClientAsks,
    ClientAnswers,
    ClientLeaves,
    ClientJoins,
}

pub(crate) struct SocketPair {
    plan: Plan,
    network: Network<Client, Server>,
    socket: client::SocketKey,
    model: Model,
}

impl SocketPair {
    pub(crate) fn new(plan: Plan) -> Self {
        let now = Instant::from_millis(10_000);
        let mut server = server(plan).expect("settings that work");
        server.add_namespace("/").expect("a name that is one");
        let mut client = client(plan).expect("settings that work");
        let socket = client.connect("/", SocketOptions::default(), now);
        let mut pair = Self {
            plan,
            network: Network::new(client, server, now),
            socket: socket.expect("a name that is one"),
            model: Model::default(),
        };
        pair.settle();
        pair.deliver();
        pair
    }

    fn settle(&mut self) {
        loop {
            self.network.settle();
            let told = self.tell_client() | self.tell_server();
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
            self.model.client_told(event, id, &mut self.network.report);
        }
        told
    }

    fn tell_server(&mut self) -> bool {
        let mut told = false;
        while let Some(event) = self.network.server_events.pop_front() {
            told = true;
            match event {
                server::Event::Connecting { token, .. } => {
                    if let Ok(socket) = self.network.server.accept(token) {
                        self.joined(socket, false);
                    }
                }
                server::Event::Recovered { socket, .. } => self.joined(socket, true),
                event => self.model.server_told(event, &mut self.network.report),
            }
        }
        told
    }

    fn joined(&mut self, socket: server::SocketKey, recovered: bool) {
        let id = self.network.server.socket_id(socket);
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        let report = &mut self.network.report;
        report.note(|| format!("server: {socket:?} is in as {id}, recovered: {recovered}"));
        self.model.joined(socket, id, recovered, report);
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
        report.require(sockets.0 == sockets.1, || {
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
        report.require(latest.is_none() || due.is_some() && due <= latest, || {
            format!("server: an acknowledgement is due at {latest:?}, the deadline is {due:?}")
        });
        let (due, latest) = (client.poll_timeout(), self.model.client_answer_by());
        report.require(latest.is_none() || due.is_some() && due <= latest, || {
            format!("client: an acknowledgement is due at {latest:?}, the deadline is {due:?}")
        });
        let waits = client.is_active(self.socket) && !self.model.gave_up;
        report.require(!waits || due.is_some_and(|due| due > *now), || {
            format!("client: the deadline is {due:?} at {now:?}")
        });
    }

    fn server_broadcasts(&mut self) {
        let number = self.model.next_down();
        let sent = self
            .network
            .server
            .broadcast(&Target::namespace("/"), &event("down", number));
        let count = sent.as_ref().map(|sent| sent.sent).ok();
        let expected = self.model.broadcast(number);
        self.network.report.require(count == Some(expected), || {
            format!("a broadcast reached {count:?} sockets instead of {expected}")
        });
    }

    fn server_asks(&mut self) {
        let Some(socket) = self.model.newest_member() else {
            return;
        };
        let number = self.model.next_down();
        let now = self.network.now;
        let asked = self
            .network
            .server
            .emit_with_ack(socket, &event("down", number), ANSWER, now);
        self.network
            .report
            .require(asked.is_ok(), || format!("{asked:?}"));
        if let Ok(id) = asked {
            self.model.server_asked(socket, number, id, now + ANSWER);
        }
    }

    fn server_answers(&mut self) {
        if let Some((token, number)) = self.model.take_server_token() {
            // The socket may have gone meanwhile.
            let answered = self.network.server.respond(token, &answer(number));
            let report = &mut self.network.report;
            report.note(|| format!("server answers {number}: {answered:?}"));
        }
    }

    fn server_takes_out(&mut self) {
        if let Some(socket) = self.model.newest_member() {
            self.model.interrupted = true;
            self.network.server.disconnect(socket);
        }
    }

    fn client_emits(&mut self, asks: bool) {
        let number = self.model.next_up();
        let now = self.network.now;
        let client = &mut self.network.client;
        let event = event("up", number);
        let asked = if asks {
            client
                .emit_with_ack(self.socket, &event, Some(ANSWER), now)
                .map(Some)
        } else {
            client.emit(self.socket, &event, now).map(|()| None)
        };
        self.network
            .report
            .require(asked.is_ok(), || format!("{asked:?}"));
        self.model
            .client_emitted(number, asked.ok().flatten(), now + ANSWER);
    }

    fn client_answers(&mut self) {
        if let Some((token, number)) = self.model.take_client_token() {
            let now = self.network.now;
            // The session of the event may be over.
            let answered = self.network.client.respond(token, &answer(number), now);
            let report = &mut self.network.report;
            report.note(|| format!("client answers {number}: {answered:?}"));
        }
    }

    fn client_leaves(&mut self) {
        self.model.interrupted = true;
        self.model.leaves();
        let now = self.network.now;
        let left = self.network.client.disconnect(self.socket, now);
        self.network
            .report
            .require(left.is_ok(), || "the socket is gone".to_owned());
    }

    fn client_joins(&mut self) {
        let now = self.network.now;
        let joins = self.network.client.connect_again(self.socket, now);
        self.network
            .report
            .require(joins.is_ok(), || "the socket is gone".to_owned());
    }
}

fn server(plan: Plan) -> Option<Server> {
    let served = engine::server::Config::default()
        .with_ping_interval(INTERVAL)
        .with_ping_timeout(TIMEOUT);
    let recovery = RecoveryConfig::default().with_max_disconnection_duration(AWAY);
    let config = server::Config::default()
        .with_engine(served)
        .with_connect_timeout(JOINING)
        .with_connection_state_recovery(Some(recovery).filter(|_| plan.recovery));
    Server::new(config, 0, &Seed::new([7; 32])).ok()
}

fn client(plan: Plan) -> Option<Client> {
    let endpoint = engine::client::Endpoint::parse("https://x.com").ok()?;
    let config = client::Config::new(endpoint)
        .with_engine(|engine| {
            engine
                .with_timestamp_requests(false)
                .with_transports(plan.transports)
        })
        .with_reconnection_delay(DELAY)
        .with_reconnection_delay_max(DELAY)
        .with_randomization_factor(0.0)
        .with_timeout(Some(OPENING))
        .with_namespace_timeout(Some(JOINING));
    Client::new(config, &Seed::new([3; 32])).ok()
}

fn event(name: &str, number: u8) -> Payload {
    let event = Payload::event(name).arg(&number);
    let event = event.and_then(socketio_proto::PayloadBuilder::build);
    event.expect("a number can be written")
}

fn answer(number: u8) -> Payload {
    let answer = Payload::ack().arg(&number);
    let answer = answer.and_then(socketio_proto::PayloadBuilder::build);
    answer.expect("a number can be written")
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
        if model.down < self.plan.events {
            actions.push(Action::ServerBroadcasts);
            if model.newest_member().is_some() {
                actions.push(Action::ServerAsks);
            }
        }
        if model.up < self.plan.events {
            actions.push(Action::ClientEmits);
            actions.push(Action::ClientAsks);
        }
        if model.has_server_token() {
            actions.push(Action::ServerAnswers);
        }
        if model.has_client_token() {
            actions.push(Action::ClientAnswers);
        }
        if losses && model.newest_member().is_some() {
            actions.push(Action::ServerTakesOut);
        }
        if losses && self.network.client.is_active(self.socket) {
            actions.push(Action::ClientLeaves);
        }
        if !self.network.client.is_active(self.socket) && model.joins < self.plan.losses {
            actions.push(Action::ClientJoins);
        }
        actions
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Net(step) => {
                self.model.interrupted |= matches!(step, Move::Wait | Move::Lose(_) | Move::Cut(_));
                self.network.make(step);
            }
            Action::ServerBroadcasts => self.server_broadcasts(),
            Action::ServerAsks => self.server_asks(),
            Action::ServerAnswers => self.server_answers(),
            Action::ServerTakesOut => {
                self.network.wires.losses += 1;
                self.server_takes_out();
            }
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
        }
        self.settle();
    }

    fn digest(&self) -> u128 {
        let network = &self.network;
        digest(
            network.now,
            &[
                &network.client,
                &network.server,
                &network.wires,
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
