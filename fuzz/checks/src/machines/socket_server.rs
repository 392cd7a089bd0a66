//! The Socket.IO server with an application that does anything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use engineio_proto::Instant;
use engineio_proto::server::HandshakeToken;
use socketio_proto::Payload;
use socketio_proto::parser::Parser;
use socketio_proto::server::{
    AckId, AckToken, BroadcastId, Config, ConnectToken, DisconnectFrom, Event, Matcher,
    NamespacePattern, NamespaceToken, Observed, Parting, RecoveryConfig, Server, SocketKey, Target,
};

use super::server::{Life, Machine, NETWORK_OPS, Rig, seed};
use super::socket_client::event;
use super::{MOST_STEPS, engine_server, pick};
use crate::input::Input;

impl Machine for Server {
    fn engine(&self) -> &engineio_proto::server::Server {
        Self::engine(self)
    }

    fn life(event: &Event) -> Life {
        life(event)
    }
}

const NAMESPACES: [&str; 4] = ["/", "/a", "/made-1", "/nowhere"];
const ROOMS: [&str; 3] = ["r", "s", ""];

/// A history of clients, application and clock; the first byte chooses the settings.
///
/// Everything that holds for the Engine.IO server holds here too. In addition, each socket leaves once and is silent
/// afterwards, and each acknowledgement and broadcast ends once. In the end no namespace has a socket.
pub fn socket_server_ops(data: &[u8]) {
    let mut input = Input::new(data);
    let config = config(input.byte());
    let limit = config.engine.max_bytes_held;
    let mut server = Server::new(config, 3, &seed()).expect("good settings");
    server.add_namespace("/a").expect("a good name");
    let pattern = NamespacePattern::new("/made-{int}").expect("a pattern");
    server.add_parent(Matcher::Pattern(pattern));
    server.add_parent(Matcher::Ask);
    let (mut rig, mut app) = (Rig::new(server), App::default());
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        let op = input.byte() % (NETWORK_OPS + 28);
        match op.checked_sub(NETWORK_OPS) {
            None => rig.network(op, &mut input),
            Some(op) => app.act(&mut rig, op, &mut input),
        }
        if !op.is_multiple_of(3) {
            let events = rig.take();
            app.take(&mut rig.machine, events);
        }
        let events = rig.check_held(limit);
        app.take(&mut rig.machine, events);
    }
    if data.len().is_multiple_of(2) {
        app.let_all_in(&mut rig);
        rig.go_blind(|rig, events| app.take(&mut rig.machine, events));
    }
    let server = rig.end(|rig, events| app.take(&mut rig.machine, events));
    assert_eq!(app.awaited, BTreeSet::new(), "every acknowledgement ends");
    assert_eq!(app.broadcasts, BTreeSet::new(), "every broadcast ends");
    assert!(
        app.sockets.values().all(|gone| *gone),
        "every socket leaves"
    );
    assert_eq!(server.all_sockets_count(), 0);
    for namespace in server.namespaces() {
        assert_eq!(server.socket_count(namespace), 0);
    }
}

#[derive(Default)]
struct App {
    handshakes: Vec<HandshakeToken>,
    tokens: VecDeque<ConnectToken>,
    questions: VecDeque<NamespaceToken>,
    acks: VecDeque<AckToken>,
    /// Whether each is gone.
    sockets: BTreeMap<SocketKey, bool>,
    awaited: BTreeSet<(SocketKey, AckId)>,
    broadcasts: BTreeSet<BroadcastId>,
}

impl App {
    fn act(&mut self, rig: &mut Rig<Server>, op: u8, input: &mut Input<'_>) {
        let (sessions, now) = (rig.open_sessions(), rig.now);
        let sockets: Vec<_> = self.sockets.keys().copied().collect();
        let socket = pick(&sockets, input.byte()).copied();
        let (namespace, room) = (
            NAMESPACES[usize::from(input.byte()) % 4],
            ROOMS[usize::from(input.byte()) % 3],
        );
        let rooms = [room];
        let target = Target::namespace(namespace);
        let target = if input.byte().is_multiple_of(2) {
            target.rooms(&rooms)
        } else {
            target
        };
        // Half of the steps need no event, and building one takes longer than most of them.
        let (choice, millis) = (input.byte(), u64::from(input.byte()) * 10);
        let event = || event(choice);
        let server = &mut rig.machine;
        match (op, socket) {
            (0..=3, _) => self.verdict(server, !input.byte().is_multiple_of(8), now),
            (4, _) => {
                if let Some(token) = self.questions.pop_front() {
                    let _gone = if millis.is_multiple_of(40) {
                        server.deny_namespace(token, now)
                    } else {
                        server.allow_namespace(token, now)
                    };
                }
            }
            (5, _) => {
                if let Some(token) = self.handshakes.pop() {
                    let _gone = server.accept_handshake(token, now);
                }
            }
            (6, _) => {
                if let Some(token) = self.acks.pop_front() {
                    let _gone = server.respond(token, &Payload::no_args());
                }
            }
            (7 | 8, Some(socket)) => drop(server.emit(socket, &event(), now)),
            (9, Some(socket)) => drop(server.emit_volatile(socket, &event())),
            (10..=12, Some(socket)) => {
                if let Ok(id) =
                    server.emit_with_ack(socket, &event(), Duration::from_millis(millis), now)
                {
                    assert!(self.awaited.insert((socket, id)), "no id is used twice");
                }
            }
            (13, Some(socket)) => drop(server.join(socket, room)),
            (14, Some(socket)) => drop(server.leave_room(socket, room)),
            (15, Some(socket)) => server.disconnect(socket, now),
            (16, Some(socket)) => drop(server.set_data(socket, Some(event()))),
            (17 | 18, _) => drop(server.broadcast(&target, &event(), now)),
            (19, _) => drop(server.broadcast(&target.volatile(), &event(), now)),
            (20 | 21, _) => {
                let timeout = Duration::from_millis(millis);
                if let Ok((id, _)) = server.broadcast_with_ack(&target, &event(), timeout, now) {
                    assert!(self.broadcasts.insert(id), "no id is used twice");
                }
            }
            (22, _) => drop(server.join_many(&target, "t")),
            (23, _) => drop(server.leave_many(&target, "t")),
            (24, _) if millis == 0 => {
                let from = match input.byte().is_multiple_of(2) {
                    true => DisconnectFrom::Server,
                    false => DisconnectFrom::Namespace,
                };
                let _count = server.disconnect_many(&target, from, now);
            }
            (25, _) => {
                if let Some(session) = pick(&sessions, input.byte()) {
                    if millis == 0 {
                        server.close_session(*session, now);
                    } else {
                        server.disconnect_session(*session, now);
                    }
                }
            }
            (26, _) if namespace == "/made-1" => drop(server.remove_namespace(namespace, now)),
            (27, _) => match millis {
                0 => server.shut_down(now),
                10 => server.drain(Parting::StayAway, Duration::from_millis(100), now),
                _ => {
                    let observed = if millis.is_multiple_of(20) {
                        Observed::Sent
                    } else {
                        Observed::Nothing
                    };
                    server.observe(namespace, observed);
                }
            },
            _ => {}
        }
    }

    fn verdict(&mut self, server: &mut Server, good: bool, now: Instant) {
        let Some(token) = self.tokens.pop_front() else {
            return;
        };
        if !good {
            let _gone = server.reject(token, "no", None, now);
        } else if let Ok(socket) = server.accept(token, now) {
            assert_eq!(
                self.sockets.insert(socket, false),
                None,
                "no key is used twice"
            );
        }
    }

    /// Clients without a namespace ask for the main one, and every waiting client is accepted.
    fn let_all_in(&mut self, rig: &mut Rig<Server>) {
        for session in rig.open_sessions() {
            if rig.machine.sockets_of(session).next().is_none() {
                rig.say(session, &["40"]);
            }
        }
        let events = rig.take();
        self.take(&mut rig.machine, events);
        while !self.tokens.is_empty() {
            self.verdict(&mut rig.machine, true, rig.now);
        }
    }

    fn take(&mut self, server: &mut Server, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Handshake { token, .. } => self.handshakes.push(token),
                Event::Connecting { token, .. } => self.tokens.push_back(token),
                Event::NamespaceRequested { token, .. } => self.questions.push_back(token),
                Event::Recovered { socket, .. } => {
                    assert_eq!(
                        self.sockets.insert(socket, false),
                        None,
                        "no key is used twice"
                    );
                }
                Event::Event { socket, ack, .. } => {
                    self.is_there(socket);
                    self.acks.extend(ack);
                }
                Event::Ack { socket, id, .. } | Event::AckFailed { socket, id, .. } => {
                    self.is_there(socket);
                    assert!(self.awaited.remove(&(socket, id)), "each ends once");
                }
                Event::BroadcastReply { id, socket, .. } => {
                    self.is_there(socket);
                    assert!(self.broadcasts.contains(&id));
                }
                Event::BroadcastEnded { id, .. } => {
                    assert!(self.broadcasts.remove(&id), "each ends once")
                }
                Event::Disconnected { socket, .. } => {
                    self.is_there(socket);
                    self.sockets.insert(socket, true);
                    assert_eq!(server.rooms(socket).count(), 0);
                    assert!(
                        !self.awaited.iter().any(|(owing, _)| *owing == socket),
                        "they fail before"
                    );
                }
                _ => {}
            }
        }
    }

    fn is_there(&self, socket: SocketKey) {
        assert_eq!(
            self.sockets.get(&socket),
            Some(&false),
            "no event of one that left"
        );
    }
}

fn config(choice: u8) -> Config {
    let recovery = RecoveryConfig::default()
        .with_max_disconnection_duration(Duration::from_secs(1))
        .with_skip_middlewares(choice & 32 != 0)
        .with_max_packets(5);
    let config = Config::default()
        .with_engine(engine_server::config(choice))
        .with_connect_timeout(Duration::from_millis(700))
        .with_cleanup_empty_child_namespaces(choice & 8 != 0)
        .with_room_events(choice & 16 != 0)
        .with_connection_state_recovery((choice & 64 != 0).then_some(recovery))
        .with_max_namespaces_per_connection(3)
        .with_max_namespaces(5)
        .with_max_rooms_per_socket(2)
        .with_max_pending_acks(3);
    if choice & 128 != 0 {
        return config.with_parser(Parser::MsgPack);
    }
    config
}

fn life(event: &Event) -> Life {
    match event {
        Event::Opened { session, .. } => Life::Opened(*session),
        Event::Closed { session, .. } => Life::Closed(*session),
        Event::Connecting { session, .. }
        | Event::NamespaceRequested { session, .. }
        | Event::Recovered { session, .. }
        | Event::Upgraded { session, .. }
        | Event::Drained { session, .. } => Life::Of(*session),
        _ => Life::Other,
    }
}
