//! The end of a world: all clients reconnect, all messages arrive, all clients leave, and nothing is left.

use std::time::Duration;

use socketio_proto::client::{Buffered, State};
use socketio_proto::engine::Transport;
use socketio_proto::server::Parting;
use socketio_testkit::{ClientId, Effect, ServerId};

use crate::plan::{DYNAMIC, STATIC};
use crate::world::World;

/// Longer than the longest deadlines of servers and clients together.
const LONG: Duration = Duration::from_secs(60);
/// A duration in which everything arrives.
const A_WHILE: Duration = Duration::from_secs(20);

const TRANSPORTS: [Transport; 3] = [
    Transport::Polling,
    Transport::WebSocket,
    Transport::WebTransport,
];

/// The number of these durations that events which are sent again may take.
const MOST_WAITS: usize = 400;

/// The number of times that a client without reconnection is connected again. Each attempt may end with one event that
/// is refused.
const MOST_ATTEMPTS: usize = 200;

impl World {
    /// Runs the whole end.
    pub(crate) fn run(&mut self) {
        for client in self.network.clients().collect::<Vec<_>>() {
            self.connect_all(client, 700);
        }
        self.live(self.plan.chaos);
        self.network.note(format_args!("it calms down"));
        self.calm_down();
        self.rest(LONG);
        let before = self.effects();
        self.everybody_is_back();
        self.everything_arrives();
        self.everybody_leaves();
        self.nothing_is_left();
        let after = self.effects();
        self.checker.require(before == after, || {
            format!("faults outlive the calm: {before:?}, then {after:?}")
        });
    }

    /// Checks the effects of faults. A pipe may be full without a fault.
    fn effects(&self) -> Vec<(Effect, u64)> {
        let effects = Effect::ALL.iter();
        let of_faults =
            effects.filter(|effect| !matches!(effect, Effect::PipeFullUp | Effect::PipeFullDown));
        let counted = of_faults.map(|effect| (*effect, self.network.effects(*effect)));
        counted.collect()
    }

    /// Connects sockets of a client, each with this chance.
    pub(crate) fn connect_all(&mut self, client: ClientId, chance: u32) {
        let index = self.index_of(client);
        for socket in 0..self.checker.clients[index].sockets.len() {
            let key = self.checker.clients[index].sockets[socket].key;
            if self.random.chance(chance) {
                let (machine, now) = self.network.client_mut(client);
                let _known = machine.connect_again(key, now);
            }
        }
    }

    /// The clients that wanted to be connected are, and the others can connect.
    fn everybody_is_back(&mut self) {
        if self.checker.fault.is_some() {
            return;
        }
        let clients: Vec<ClientId> = self.network.clients().collect();
        for (client, plan) in clients.iter().zip(&self.plan.clients) {
            let machine = self.network.client(*client);
            // A manager that the application closed stays closed.
            let wants = machine.state() != State::Closed && !plan.is_old();
            let away = machine.sockets().find(|socket| {
                wants && machine.is_active(*socket) && !machine.is_connected(*socket)
            });
            let (socket, state) = (
                away.and_then(|key| machine.socket_namespace(key)),
                machine.state(),
            );
            let what = format!("{client} did not come back to {socket:?}: {state:?}");
            self.checker.require(away.is_none(), || what);
        }
        for client in &clients {
            if self.plan.clients[self.index_of(*client)].is_old() {
                // Who left the main namespace is in it again with the next connection only.
                let (machine, now) = self.network.client_mut(*client);
                machine.close(now);
            }
            self.connect_all(*client, 1000);
        }
        self.rest(A_WHILE);
        // All that somebody had kept goes out at once, and its server may close on that.
        for _ in 0..MOST_ATTEMPTS {
            let mut closed = false;
            for (client, plan) in clients.iter().zip(&self.plan.clients.clone()) {
                let is_closed = self.network.client(*client).state() == State::Closed;
                if is_closed && !plan.config.reconnection {
                    self.connect_all(*client, 1000);
                    closed = true;
                }
            }
            self.rest(A_WHILE);
            if !closed {
                break;
            }
        }
        for client in &clients {
            let machine = self.network.client(*client);
            let away = machine
                .sockets()
                .find(|socket| !machine.is_connected(*socket));
            let (socket, state) = (
                away.and_then(|key| machine.socket_namespace(key)),
                machine.state(),
            );
            let what = format!("{client} does not get into {socket:?}: {state:?}");
            self.checker.require(away.is_none(), || what);
        }
    }

    /// Every message that is sent now arrives, and so does every earlier one on these connections.
    fn everything_arrives(&mut self) {
        if self.checker.fault.is_some() {
            return;
        }
        for client in self.network.clients().collect::<Vec<_>>() {
            let index = self.index_of(client);
            for socket in 0..self.checker.clients[index].sockets.len() {
                let key = self.checker.clients[index].sockets[socket].key;
                self.client_emit(client, key, true);
                self.client_emit(client, key, false);
            }
        }
        for server in self.network.servers().collect::<Vec<_>>() {
            for namespace in STATIC.into_iter().chain(DYNAMIC) {
                self.broadcast_to(server, namespace, &[], &[], false);
                self.broadcast_to(server, namespace, &[], &[], true);
            }
        }
        self.rest(A_WHILE);
        // What is sent again goes one by one.
        for _ in 0..MOST_WAITS {
            if self.retries_wait() {
                self.rest(A_WHILE);
            }
        }
        let waits = self.retries_wait();
        self.checker.require(!waits, || {
            "what is sent again never comes to an end".to_owned()
        });
        if self.checker.fault.is_some() {
            return;
        }
        self.checker.all_heard();
        for client in 0..self.checker.clients.len() {
            for socket in 0..self.checker.clients[client].sockets.len() {
                let at = self.checker.clients[client].sockets[socket].at;
                match at {
                    Some(at) => {
                        let last = self.checker.streams[at.0].segments.len() - 1 == at.1;
                        self.checker
                            .require(last, || format!("client {client} is behind"));
                        self.checker.has_all(at, "while its client was there");
                    }
                    None => self
                        .checker
                        .broken(|| format!("client {client} was not greeted")),
                }
            }
        }
        self.counts_agree();
    }

    fn retries_wait(&self) -> bool {
        let mut clients = self.network.clients();
        clients.any(|client| {
            let machine = self.network.client(client);
            machine
                .sockets()
                .any(|socket| machine.buffered(socket).retries > 0)
        })
    }

    /// The gauges of the servers are correct.
    fn counts_agree(&mut self) {
        for server in self.network.servers().collect::<Vec<_>>() {
            let model = &self.checker.servers[self.number_of(server)];
            let machine = self.network.server(server);
            let engine = machine.engine();
            let counted = (machine.all_sockets_count(), engine.session_count());
            let known = (model.members.len(), model.sessions.len());
            self.checker.require(counted == known, || {
                format!("{server} has {counted:?} sockets and sessions instead of {known:?}")
            });
        }
    }

    /// All clients leave, in one way or another.
    fn everybody_leaves(&mut self) {
        if self.checker.fault.is_some() {
            return;
        }
        for client in self.network.clients().collect::<Vec<_>>() {
            let way = self.random.below(3);
            let (machine, now) = self.network.client_mut(client);
            let sockets: Vec<_> = machine.sockets().collect();
            match way {
                0 => machine.close(now),
                1 => {
                    for socket in &sockets {
                        let _known = machine.disconnect(*socket, now);
                    }
                }
                // Its server takes it out, below.
                _ => {}
            }
        }
        self.rest(A_WHILE);
        for server in self.network.servers().collect::<Vec<_>>() {
            let tells = self.random.chance(500);
            let (machine, now) = self.network.server_mut(server);
            if tells {
                machine.drain(Parting::StayAway, A_WHILE / 2, now);
            } else {
                let sessions: Vec<_> = machine.engine().sessions().map(|(key, _)| key).collect();
                for session in sessions {
                    machine.disconnect_session(session, now);
                }
            }
        }
        self.rest(LONG);
        for client in self.network.clients().collect::<Vec<_>>() {
            let (machine, now) = self.network.client_mut(client);
            machine.close(now);
            for socket in machine.sockets().collect::<Vec<_>>() {
                let _known = machine.disconnect(socket, now);
            }
        }
        // What servers keep for who comes back is forgotten too.
        self.rest(LONG * 2);
    }

    fn nothing_is_left(&mut self) {
        if self.checker.fault.is_some() {
            return;
        }
        for server in self.network.servers().collect::<Vec<_>>() {
            self.server_is_empty(server);
        }
        for client in self.network.clients().collect::<Vec<_>>() {
            self.client_is_empty(client);
        }
        let idle = self.network.is_idle() && self.network.next_step().is_none();
        self.checker
            .require(idle, || "something is still under way".to_owned());
    }

    fn server_is_empty(&mut self, server: ServerId) {
        let index = self.number_of(server);
        let machine = self.network.server(server);
        let engine = machine.engine();
        let stats = machine.stats();
        let present: u64 = TRANSPORTS
            .into_iter()
            .map(|transport| engine.sessions_on(transport))
            .sum();
        let left = [
            ("sessions", engine.session_count()),
            ("sockets", machine.all_sockets_count()),
            ("bytes", machine.bytes_held()),
            ("handshakes", engine.pending_handshakes()),
            ("gauges", usize::try_from(present).unwrap_or(1)),
            ("timers", usize::from(machine.poll_timeout().is_some())),
            ("deadlines", engine.timer_count()),
        ];
        let left = left.into_iter().find(|(_, count)| *count > 0);
        let opened = TRANSPORTS
            .into_iter()
            .map(|transport| stats.opened.get(transport));
        let opened: u64 = opened.sum();
        let balanced = opened == stats.closed.total();
        let kept = machine
            .namespaces()
            .find(|name| machine.recovery_store(name).is_some());
        let kept = kept.map(str::to_owned);
        let cleans = machine.config().cleanup_empty_child_namespaces;
        let namespaces = machine.namespaces().count();
        self.checker
            .require(left.is_none(), || format!("{server} still has {left:?}"));
        self.checker
            .require(balanced, || format!("{server}: {stats:?}"));
        self.checker
            .require(kept.is_none(), || format!("{server} still keeps {kept:?}"));
        self.checker
            .require(!cleans || namespaces == STATIC.len(), || {
                format!("{server} still has {namespaces} namespaces")
            });
        let model = &self.checker.servers[index];
        let ended = (model.ended_for_memory, stats.ended_by_memory_limit);
        let pending = (model.sessions.len(), model.members.len(), model.acks.len());
        let broadcasts = model.broadcasts.len();
        self.checker
            .require(pending == (0, 0, 0) && broadcasts == 0, || {
                format!("{server} never told of the end of {pending:?}, {broadcasts}")
            });
        self.checker.require(ended.0 == ended.1, || {
            format!(
                "{server} told of {} sessions that ended for memory of {}",
                ended.0, ended.1
            )
        });
    }

    fn client_is_empty(&mut self, client: ClientId) {
        let index = self.index_of(client);
        let keys: Vec<_> = self.network.client(client).sockets().collect();
        for key in &keys {
            let (machine, _) = self.network.client_mut(client);
            let forgotten = machine.forget(*key);
            self.checker
                .require(forgotten, || format!("{client} does not forget {key:?}"));
        }
        self.rest(Duration::from_millis(1));
        let machine = self.network.client(client);
        let waits = keys
            .iter()
            .any(|key| machine.buffered(*key) != Buffered::default());
        let state = machine.state();
        let timeout = machine.poll_timeout();
        let acks: usize = self.checker.clients[index]
            .sockets
            .iter()
            .map(|socket| socket.acks.len())
            .sum();
        let open = self.checker.clients[index].open;
        self.checker
            .require(state == State::Closed && !open && !waits, || {
                format!("{client} is {state:?}, and something waits: {waits}")
            });
        self.checker.require(timeout.is_none(), || {
            format!("{client} waits for {timeout:?}")
        });
        self.checker.require(acks == 0, || {
            format!("{client} never told of the end of {acks} acknowledgements")
        });
    }
}
