//! A world: servers, clients, what happens to them, and the checker beside.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use socketio_proto::client::SocketOptions;
use socketio_proto::engine::Instant;
use socketio_proto::server::{AckToken, Matcher, NamespacePattern};
use socketio_testkit::{ClientId, Network, Random, Recording, ServerId, Step};

use crate::check::{Checker, ClientModel, Number, ServerModel, SocketModel};
use crate::faults::{Fault, Undo};
use crate::plan::{PATTERN, Plan, STATIC, host};

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) checker: Checker,
    pub(crate) plan: Plan,
    /// The random generator of the applications.
    pub(crate) random: Random,
    /// Actions for later, with their times.
    pub(crate) later: Vec<(Instant, Later)>,
    /// Nothing goes wrong any more, and applications do what is expected of them.
    pub(crate) calm: bool,
    /// The faults that began, and what had been seen of each before.
    pub(crate) expected: BTreeMap<Fault, u64>,
    /// The servers that let nobody in any more and will be started anew.
    pub(crate) draining: BTreeSet<ServerId>,
    /// The random generator of rare actions. It is separate, so that a seed keeps the world that it has.
    pub(crate) seldom: Random,
}

/// Something that is to be done later.
#[derive(Debug)]
pub(crate) enum Later {
    Verdict(ServerId, u64, Verdict),
    ServerAnswer(ServerId, u64, AckToken, Number),
    ClientAnswer(ClientId, socketio_proto::client::AckToken, Number),
    Auth(ClientId, socketio_proto::client::AuthToken),
    Burst(ClientId),
    Undo(Undo),
}

/// A decision that an application was asked for.
#[derive(Debug)]
pub(crate) enum Verdict {
    Handshake(socketio_proto::engine::server::HandshakeToken),
    Namespace(socketio_proto::server::NamespaceToken),
    Socket(socketio_proto::server::ConnectToken),
}

/// Makes other numbers of a seed.
const SELDOM: u64 = 0x5e1d_0e00_5e1d_0e00;

impl World {
    pub(crate) fn new(seed: u64, recording: Recording) -> Self {
        let mut random = Random::new(seed);
        let mut plan = Plan::draw(&mut random).expect("the addresses are good");
        let mut seldom = Random::new(seed ^ SELDOM);
        plan.add_limits(&mut seldom);
        let mut network = Network::new(random.number());
        network.record(recording);
        let mut world = Self {
            network,
            checker: Checker::default(),
            random,
            later: Vec::new(),
            calm: false,
            expected: BTreeMap::new(),
            draining: BTreeSet::new(),
            seldom,
            plan,
        };
        world.populate();
        world
    }

    fn populate(&mut self) {
        self.network.note(format_args!("the plan: {:?}", self.plan));
        for (index, config) in self.plan.servers.clone().into_iter().enumerate() {
            let server = self.network.add_server(&host(index), config);
            self.checker.servers.push(ServerModel::default());
            self.set_up(server.expect("the settings are good"));
        }
        for plan in self.plan.clients.clone() {
            let old = plan.is_old();
            let client = self
                .network
                .add_client(plan.config)
                .expect("the settings are good");
            let path = self.network.path_mut(client);
            (path.latency_up, path.latency_down) = (plan.latency, plan.latency / 2);
            path.jitter = plan.jitter;
            let mut sockets = Vec::new();
            for namespace in &plan.namespaces {
                let mut options = SocketOptions::default().with_retries(plan.retries);
                options.ack_timeout = (plan.retries > 0).then_some(plan.ack_timeout);
                // The main namespace of old servers is not asked for.
                if self.random.chance(100) && !(old && namespace == "/") {
                    options = options.with_auth_asked();
                }
                let (machine, _) = self.network.client_mut(client);
                let key = machine
                    .socket(namespace, options)
                    .expect("the name is good");
                sockets.push(SocketModel::new(key, namespace, plan.retries > 0));
            }
            self.checker.clients.push(ClientModel {
                sockets,
                open: false,
                old,
            });
        }
        self.checker.counts.clients = self.plan.clients.len() as u64;
    }

    /// Gives a server that was started its namespaces.
    pub(crate) fn set_up(&mut self, server: ServerId) {
        let (machine, _) = self.network.server_mut(server);
        for name in STATIC {
            machine.add_namespace(name).expect("the name is good");
        }
        let pattern = NamespacePattern::new(PATTERN).expect("the pattern is good");
        machine.add_parent(pattern.into());
        machine.add_parent(Matcher::Ask);
    }

    /// Lets so much time pass in which things go on, and go wrong unless it is calm.
    pub(crate) fn live(&mut self, duration: Duration) {
        let end = self.network.now() + duration;
        let mut next_act = self.after(self.plan.acts_every);
        let mut next_fault = self.after(self.plan.faults_every);
        loop {
            let due = self.later.iter().map(|(at, _)| *at).min().unwrap_or(end);
            let by = end.min(next_act).min(next_fault).min(due);
            self.run_until(by);
            let now = self.network.now();
            if self.checker.fault.is_some() || now >= end {
                return;
            }
            self.do_what_is_due();
            if now >= next_act {
                self.act();
                next_act = self.after(self.plan.acts_every);
            }
            if now >= next_fault {
                self.go_wrong();
                next_fault = self.after(self.plan.faults_every);
            }
        }
    }

    /// Lets so much time pass in which nobody does anything but to react.
    pub(crate) fn rest(&mut self, duration: Duration) {
        let end = self.network.now() + duration;
        while self.checker.fault.is_none() && self.network.now() < end {
            let due = self.later.iter().map(|(at, _)| *at).min().unwrap_or(end);
            self.run_until(end.min(due));
            self.do_what_is_due();
        }
    }

    fn run_until(&mut self, by: Instant) {
        while self.checker.fault.is_none()
            && let Some(step) = self.network.step(by)
        {
            self.checker.counts.steps += 1;
            self.judge_memory();
            match step {
                Step::Server { server, event } => self.server_event(server, event),
                Step::Client { client, event } => self.client_event(client, event),
                Step::Network => {}
                _ => self.checker.broken(|| "an unknown step".to_owned()),
            }
            self.judge_memory();
        }
    }

    pub(crate) fn do_what_is_due(&mut self) {
        let now = self.network.now();
        let mut due = Vec::new();
        for (at, later) in std::mem::take(&mut self.later) {
            if at <= now {
                due.push(later);
            } else {
                self.later.push((at, later));
            }
        }
        for later in due {
            match later {
                Later::Verdict(server, starts, verdict) => self.decide(server, starts, verdict),
                Later::ServerAnswer(server, starts, token, number) => {
                    self.server_answer(server, starts, token, number);
                }
                Later::ClientAnswer(client, token, number) => {
                    self.client_answer(client, token, number);
                }
                Later::Auth(client, token) => self.give_auth(client, token),
                Later::Burst(client) => self.burst(client),
                Later::Undo(undo) => self.undo(undo),
            }
        }
    }

    /// A time about so much later.
    fn after(&mut self, mean: Duration) -> Instant {
        let wait = self.random.duration(Duration::ZERO, mean * 2);
        self.network.now() + wait
    }

    pub(crate) fn do_later(&mut self, within: Duration, later: Later) {
        let at = self.after(within / 2);
        self.later.push((at, later));
    }

    /// Whether an application takes its time; never where it is calm.
    pub(crate) fn is_late(&mut self) -> bool {
        !self.calm && self.random.chance(self.plan.late)
    }

    /// Somebody does something.
    fn act(&mut self) {
        self.act_now();
        self.judge_memory();
    }

    fn act_now(&mut self) {
        if self.seldom.chance(50) {
            self.act_unusually();
        }
        if self.random.chance(450) {
            let servers = self.network.servers().count();
            let server = self.network.servers().nth(self.random.index(servers));
            if let Some(server) = server {
                self.server_acts(server);
            }
        } else {
            let clients = self.network.clients().count();
            let client = self.network.clients().nth(self.random.index(clients));
            if let Some(client) = client {
                self.client_acts(client);
            }
        }
    }
}
