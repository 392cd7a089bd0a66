//! Rare settings and actions: tight limits, and applications that make mistakes.

use std::time::Duration;

use bytes::Bytes;
use socketio_proto::Payload;
use socketio_proto::engine::http::RequestHead;
use socketio_proto::engine::server::Config as EngineConfig;
use socketio_proto::engine::{RequestId, Transport, Transports};
use socketio_proto::server::{EmitError, Parting};
use socketio_proto::{client, server};
use socketio_testkit::{ClientId, Random, ServerId};

use crate::check::{payload, repeating};
use crate::coverage::table;
use crate::faults::{Fault, Undo};
use crate::plan::{ClientPlan, Plan, SMALL_PAYLOAD, host};
use crate::world::{Later, World};

/// A busy application soon has more than that to read.
const FEW_MESSAGES: usize = 4;
/// Enough for the events at the end of a world, and for their answers. Bursts of applications exceed it.
const SHORT_PAYLOAD: usize = 32;
/// The maximum number of namespaces for that.
const FEW_NAMESPACES: usize = 3;
/// The memory limit of a server with a low limit, beside [`HELD_FOR_EACH`] client. It is enough for the calm.
const HELD: usize = 64 * 1024;
const HELD_FOR_EACH: usize = 4 * 1024;
/// The bytes of the largest event in worlds with large events. A server with a small payload accepts it.
const HEAVY: usize = 12_000;
/// The time that a server which shuts down waits for its clients.
const DRAIN: Duration = Duration::from_secs(2);
/// The bursts of clients at a slow server: the number of clients, the number of bursts, the time between them, and the
/// events of each. One burst fits into a [`SHORT_PAYLOAD`].
const PRESSING: usize = 3;
const BURSTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(700);
const BURST: usize = 20;
/// A server with this limit for each byte of JSON refuses a repeated attachment, unless it is short.
const SMALL_EXPANSION: u16 = 2;
const MOST_REPEATS: usize = 8;
/// A request that no client of this workspace makes. Nobody waits for the answer.
const STRANGER: RequestId = RequestId(u64::MAX);

impl Plan {
    /// Gives some servers and clients tight limits.
    pub(crate) fn add_limits(&mut self, random: &mut Random) {
        let keep: Vec<bool> = self
            .servers
            .iter()
            .map(|server| server.connection_state_recovery.is_some())
            .collect();
        for index in 0..self.servers.len() {
            self.limit_transports(index, random);
        }
        for client in &mut self.clients {
            let recovers = keep[client.server];
            limit_client(client, recovers, random);
        }
        for index in 0..self.servers.len() {
            self.limit_server(index, random);
        }
        for index in 0..self.servers.len() {
            self.limit_memory(index, random);
        }
    }

    /// Gives some servers a low memory limit for all their clients together. They need clients that reconnect: some are
    /// refused, and some lose their session.
    fn limit_memory(&mut self, index: usize, random: &mut Random) {
        let limited = random.chance(150);
        let mut clients = self.clients.iter().filter(|client| client.server == index);
        if limited && clients.clone().all(is_persistent) {
            let clients = clients.by_ref().count();
            let engine = &mut self.servers[index].engine;
            engine.max_bytes_held = HELD + clients * HELD_FOR_EACH;
            // All that a client has kept comes at once, and again if it is lost.
            engine.max_payload = SMALL_PAYLOAD;
            self.heavy = true;
        }
    }

    fn limit_server(&mut self, index: usize, random: &mut Random) {
        let clients = self.clients.iter().filter(|client| client.server == index);
        let all_persistent = clients.clone().all(is_persistent);
        let clients = clients.count();
        let config = &mut self.servers[index];
        config.engine.report_refusals = random.chance(500);
        if random.chance(50) {
            config.max_pending_acks = 3;
        }
        if random.chance(100) {
            config.max_rooms_per_socket = 2;
        }
        if random.chance(100) {
            config.max_room_length = 4;
        }
        if random.chance(100) {
            config.engine.max_undelivered_messages = FEW_MESSAGES;
            config.engine.max_packets_per_payload = SHORT_PAYLOAD;
            // Two bodies of a client wait for a slow application, and are too many.
            self.faults |= Fault::SlowServer.bit();
        }
        if random.chance(100) {
            config.limits.max_expansion = SMALL_EXPANSION;
        }
        // In a crowd somebody is turned away for a while, and has to come again.
        if !all_persistent {
            return;
        }
        if random.chance(200) {
            // Those of clients that were lost unseen count until their heartbeat is over.
            config.engine.max_sessions = clients + 1;
        }
        if config.engine.allow_request && random.chance(300) {
            config.engine.max_pending_handshakes = 1;
        }
        if config.engine.transports.contains(Transport::WebTransport) && random.chance(200) {
            config.engine.max_pending_streams = 1;
        }
    }

    /// Removes transports from a server whose clients can all work without them.
    fn limit_transports(&mut self, index: usize, random: &mut Random) {
        let of_server = |client: &&mut ClientPlan| client.server == index;
        let mut clients: Vec<_> = self.clients.iter_mut().filter(of_server).collect();
        let polls = |client: &&mut ClientPlan| {
            let engine = &client.config.engine;
            engine.transports.contains(&Transport::Polling)
        };
        if random.chance(100) && clients.iter().all(polls) {
            self.servers[index].engine.transports = Transports::NONE.with(Transport::Polling);
            for client in &mut clients {
                client.config.engine.try_all_transports = true;
            }
        }
    }
}

/// Whether a client reconnects however often it is refused.
fn is_persistent(client: &ClientPlan) -> bool {
    client.config.reconnection && client.config.reconnection_attempts.is_none()
}

fn limit_client(client: &mut ClientPlan, recovers: bool, random: &mut Random) {
    let config = &mut client.config;
    if random.chance(100) {
        let attempts = random.between(1, 3);
        config.reconnection_attempts = u32::try_from(attempts).ok();
    }
    if random.chance(50) {
        config.reconnection = false;
    }
    if random.chance(50) {
        config.max_pending_acks = 3;
    }
    if random.chance(100) {
        config.engine.open_timeout = Some(Duration::from_millis(random.between(2000, 8000)));
    }
    config.report_packets = random.chance(50);
    // Who is sent more than that again and again after each loss would never come back.
    let few = client.namespaces.len() <= FEW_NAMESPACES;
    if few && !recovers && random.chance(200) {
        config.engine.max_undelivered_messages = FEW_MESSAGES;
        config.engine.max_packets_per_payload = SHORT_PAYLOAD;
    }
}

/// Whether a server has a low memory limit.
pub(crate) fn holds_little(server: &server::Server) -> bool {
    server.config().engine.max_bytes_held < EngineConfig::default().max_bytes_held
}

impl World {
    /// An application does something rare or wrong.
    pub(crate) fn act_unusually(&mut self) {
        let count = self.network.servers().count();
        let server = self.network.servers().nth(self.seldom.index(count));
        if let Some(server) = server.filter(|server| self.network.is_running(*server)) {
            self.server_acts_unusually(server);
        }
        let count = self.network.clients().count();
        let client = self.network.clients().nth(self.seldom.index(count));
        if let Some(client) = client.filter(|client| !self.network.is_client_behind(*client)) {
            self.client_acts_unusually(client);
        }
    }

    fn server_acts_unusually(&mut self, server: ServerId) {
        let index = self.number_of(server);
        let model = &self.checker.servers[index];
        let (departed, member) = (model.departed, model.members.keys().next().copied());
        if let Some(departed) = departed {
            self.speak_to_departed(server, departed);
        }
        if let Some(member) = member {
            self.say_too_much(server, member);
        }
        let (machine, now) = self.network.server_mut(server);
        if let Some(member) = member {
            // An answer is no event.
            let refused = machine.emit(member, &payload(None, 0, false, 0), now).err();
            let present = machine.socket_namespace(member).is_some();
            self.checker.require(refused.is_some() || !present, || {
                format!("{server} took an event without a name")
            });
            self.judge_emit(server, index, member, refused);
        }
        if let Some(member) = member
            && self.seldom.chance(100)
        {
            self.close_session_of(server, member);
        }
        if self.seldom.chance(300) {
            self.stranger_calls(server);
        }
        // Who comes back finds a server that knows nothing, as after a fault.
        if self.seldom.chance(100) && self.draining.insert(server) {
            let parting = if self.seldom.chance(300) {
                Parting::StayAway
            } else {
                Parting::Reconnect
            };
            let (machine, _) = self.network.server_mut(server);
            machine.drain(parting, DRAIN, now);
            self.undo_later(20_000, Undo::Restart(server));
        }
    }

    /// A server closes the connection of a client, which may recover.
    fn close_session_of(&mut self, server: ServerId, member: server::SocketKey) {
        let (machine, now) = self.network.server_mut(server);
        if let Some(session) = machine.socket_session(member) {
            machine.close_session(session, now);
        }
    }

    /// A request arrives that no client of this workspace makes. It is refused, and leaves nothing behind.
    fn stranger_calls(&mut self, server: ServerId) {
        const POLLING: &str = "EIO=4&transport=polling";
        let host = host(self.number_of(server));
        let (method, query, origin): (_, _, Option<&[u8]>) = match self.seldom.below(5) {
            0 => ("GET", POLLING, Some(b"http://elsewhere.example")),
            1 => ("GET", POLLING, Some(b"http://\x01")),
            2 => ("POST", POLLING, None),
            3 => ("GET", "EIO=4&transport=polling&j=0", None),
            _ => ("GET", "EIO=3&transport=polling", None),
        };
        let (machine, now) = self.network.server_mut(server);
        if query.starts_with("EIO=3") && machine.config().engine.allow_eio3 {
            return;
        }
        let mut head = RequestHead::new(method, "/socket.io/", query).with_host(host.as_bytes());
        head.origin = origin;
        let of = |machine: &server::Server| {
            let engine = machine.engine();
            (engine.session_count(), engine.pending_handshakes())
        };
        let before = of(machine);
        machine.handle_request(STRANGER, &head, Bytes::new(), now);
        let after = of(machine);
        // Others may leave meanwhile, as at the limit of memory.
        let same = after.0 <= before.0 && after.1 <= before.1;
        self.checker.require(same, || {
            format!("{server} let a stranger in: {before:?}, then {after:?}")
        });
    }

    /// An event that takes more than the memory limit of a server is refused.
    fn say_too_much(&mut self, server: ServerId, member: server::SocketKey) {
        let index = self.number_of(server);
        let (machine, now) = self.network.server_mut(server);
        let limit = machine.config().engine.max_bytes_held;
        if !holds_little(machine) {
            return;
        }
        let refused = machine
            .emit(member, &payload(Some("e"), 0, false, limit), now)
            .err();
        let present = machine.socket_namespace(member).is_some();
        let what = matches!(
            refused,
            Some(EmitError::TooLarge { .. } | EmitError::Closed)
        );
        self.checker.require(what || !present, || {
            format!("{server} took an event that is too large: {refused:?}")
        });
        self.judge_emit(server, index, member, refused);
    }

    /// Whether the next event is a large one, and its size. It is never large during the calm.
    pub(crate) fn heavy_filler(&mut self) -> Option<usize> {
        let heavy = self.plan.heavy && !self.calm && self.seldom.chance(300);
        heavy.then(|| self.seldom.index(HEAVY))
    }

    /// No server holds more than its limit.
    pub(crate) fn judge_memory(&mut self) {
        for server in self.network.servers() {
            let machine = self.network.server(server);
            let (held, limit) = (machine.bytes_held(), machine.config().engine.max_bytes_held);
            self.checker.require(held <= limit, || {
                format!("{server} holds {held} bytes of {limit}")
            });
        }
    }

    /// Counts the effects of the memory limits at the end of a world.
    pub(crate) fn count_memory(&mut self) {
        for server in self.network.servers() {
            self.count_memory_of(server);
        }
    }

    /// The effects of the memory limit of a server since it was started. Returns whether there were any.
    fn count_memory_of(&mut self, server: ServerId) -> bool {
        let stats = self.network.server(server).stats();
        let counts = [
            ("turned away", stats.refused.memory_limit),
            ("forgot what it kept", stats.forgotten_by_memory_limit),
            ("ended a session", stats.ended_by_memory_limit),
        ];
        for (what, times) in counts {
            self.checker
                .coverage
                .add_to(table::MEMORY.name, what, times);
        }
        counts.iter().any(|(_, times)| *times > 0)
    }

    /// A server is about to lose its data, including its counters. It reported some of the sessions that it counted,
    /// because its application may be behind.
    pub(crate) fn judge_memory_of_stopped(&mut self, server: ServerId) {
        let told = self.checker.servers[self.number_of(server)].ended_for_memory;
        let ended = self.network.server(server).stats().ended_by_memory_limit;
        self.checker.require(told <= ended, || {
            format!("{server} told of {told} sessions that ended for memory of {ended}")
        });
        if self.count_memory_of(server) {
            let coverage = &mut self.checker.coverage;
            coverage.count(&table::MEMORY, "stopped after that");
        }
    }

    /// An event to a socket that has left is refused.
    fn speak_to_departed(&mut self, server: ServerId, departed: server::SocketKey) {
        let (machine, now) = self.network.server_mut(server);
        let sent = machine.emit(departed, &payload(Some("e"), 0, false, 0), now);
        let joined = machine.join(departed, "red");
        let coverage = &mut self.checker.coverage;
        match (&sent, &joined) {
            (Err(sent), Err(joined)) => {
                coverage.count_variant(&table::SERVER_EMIT, sent);
                coverage.count_variant(&table::JOIN, joined);
            }
            _ => self
                .checker
                .broken(|| format!("{departed:?} has left: {sent:?}, {joined:?}")),
        }
    }

    /// Some clients send bursts to a server, again and again while its application is slow.
    pub(crate) fn press(&mut self, server: ServerId) {
        let index = self.number_of(server);
        let clients = self.network.clients().zip(&self.plan.clients);
        let clients = clients.filter(|(_, plan)| plan.server == index && plan.retries == 0);
        let clients: Vec<ClientId> = clients.map(|(client, _)| client).collect();
        for _ in 0..PRESSING {
            let Some(client) = self.seldom.pick(&clients).copied() else {
                return;
            };
            for burst in 0..BURSTS {
                let at = self.network.now() + PAUSE * burst;
                self.later.push((at, Later::Burst(client)));
            }
        }
    }

    /// A client sends a burst.
    pub(crate) fn burst(&mut self, client: ClientId) {
        let sockets = &self.checker.clients[self.index_of(client)].sockets;
        let Some(socket) = sockets.first().map(|socket| socket.key) else {
            return;
        };
        if self.calm || self.network.is_client_behind(client) {
            return;
        }
        for _ in 0..BURST {
            self.client_emit(client, socket, false);
        }
    }

    fn client_acts_unusually(&mut self, client: ClientId) {
        let index = self.index_of(client);
        let sockets = self.checker.clients[index].sockets.iter();
        let sockets: Vec<(client::SocketKey, bool)> =
            sockets.map(|of| (of.key, of.retries)).collect();
        let Some((socket, retries)) = self.seldom.pick(&sockets).copied() else {
            return;
        };
        let (machine, now) = self.network.client_mut(client);
        // An answer is no event.
        match machine.emit(socket, &payload(None, 0, false, 0), now) {
            Ok(()) => self
                .checker
                .broken(|| format!("{client} took an event without a name")),
            Err(error) => {
                let coverage = &mut self.checker.coverage;
                coverage.count_variant(&table::CLIENT_EMIT, &error);
            }
        }
        let plan = &self.plan.servers[self.plan.clients[index].server];
        // What is sent again would be refused again.
        if retries {
            return;
        }
        if self.seldom.chance(200) {
            return self.repeat_attachment(client, socket);
        }
        if plan.engine.max_payload == SMALL_PAYLOAD && self.seldom.chance(300) {
            return self.client_emit_shaped(client, socket, false, (false, SMALL_PAYLOAD));
        }
        if self.seldom.chance(200) {
            self.drop_buffered(client, socket);
        }
    }

    /// A client names an attachment repeatedly, which some servers refuse.
    fn repeat_attachment(&mut self, client: ClientId, socket: client::SocketKey) {
        let number = self.checker.number();
        let times = self.seldom.index(MOST_REPEATS);
        let event = repeating("up", number, times);
        self.client_emit_event(client, socket, false, (number, &event));
    }

    /// A client drops its unsent events.
    fn drop_buffered(&mut self, client: ClientId, socket: client::SocketKey) {
        let index = self.index_of(client);
        let (machine, now) = self.network.client_mut(client);
        let waiting = machine.buffered(socket).events;
        let dropped = machine.clear_buffer(socket);
        let (_, model) = self.checker.socket(index, socket);
        model.sync(waiting, now);
        model.unsent.clear();
        self.checker.require(dropped == waiting, || {
            format!("{client} dropped {dropped} events of {waiting}")
        });
    }

    /// An invalid authentication, which is rare and never happens during the calm.
    pub(crate) fn unusual_auth(&mut self) -> Option<Payload> {
        if self.calm || !self.seldom.chance(100) {
            return None;
        }
        if self.seldom.chance(500) {
            return Some(payload(None, 0, false, 0));
        }
        // In revision 4 it becomes a query, which has texts.
        Payload::object(&std::collections::BTreeMap::from([("number", 1)])).ok()
    }
}

#[cfg(test)]
mod tests {
    use socketio_testkit::Recording;

    use super::*;

    #[test]
    fn what_a_server_counted_before_it_stopped_is_not_lost() {
        let counted = |world: &World| {
            ["turned away", "forgot what it kept", "ended a session"]
                .map(|what| world.checker.coverage.times(table::MEMORY.name, what))
        };
        let mut kinds = [false; 3];
        for seed in 0..2000 {
            let mut world = World::new(seed, Recording::Nothing);
            if !world
                .plan
                .servers
                .iter()
                .any(|config| config.engine.max_bytes_held < EngineConfig::default().max_bytes_held)
            {
                continue;
            }
            for client in world.network.clients().collect::<Vec<_>>() {
                world.connect_all(client, 1000);
            }
            world.live(world.plan.chaos);
            for server in world.network.servers().collect::<Vec<_>>() {
                let before = counted(&world);
                let stats = world.network.server(server).stats();
                let lost = [
                    stats.refused.memory_limit,
                    stats.forgotten_by_memory_limit,
                    stats.ended_by_memory_limit,
                ];
                world.stop(server);
                assert_eq!(
                    world.network.server(server).stats().ended_by_memory_limit,
                    0
                );
                let after = counted(&world);
                for kind in 0..3 {
                    assert_eq!(after[kind], before[kind] + lost[kind], "seed {seed}");
                    kinds[kind] |= lost[kind] > 0;
                }
                world.undo(Undo::Start(server));
            }
            world.count_memory();
            if kinds == [true; 3] {
                return;
            }
        }
        panic!("no server reached its limit in each way");
    }
}
