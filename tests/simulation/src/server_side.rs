//! The applications of servers.

use std::collections::BTreeSet;
use std::time::Duration;

use socketio_proto::engine::server::{CloseReason, SessionKey, SlowReader, TransportFault};
use socketio_proto::server::{AckToken, EmitError, Event, SocketKey, Target};
use socketio_testkit::ServerId;

use crate::coverage::table;

use crate::check::{Broadcast, Logged, Number, Sent, payload};
use crate::plan::{DYNAMIC, ROOMS, STATIC};
use crate::world::{Later, Verdict, World};

/// The maximum delay of late verdicts and answers.
const LATE: Duration = Duration::from_secs(6);

impl World {
    pub(crate) fn server_event(&mut self, server: ServerId, event: Event) {
        let index = self.number_of(server);
        self.checker.coverage.server_event(&event);
        let checker = &mut self.checker;
        match event {
            Event::Handshake { token, .. } => self.asked(server, Verdict::Handshake(token)),
            Event::NamespaceRequested { token, .. } => {
                self.asked(server, Verdict::Namespace(token))
            }
            Event::Connecting {
                token,
                session,
                namespace,
                auth,
                recovered,
            } => {
                if !recovered {
                    self.count_refused_recovery(server, session, &namespace, auth.as_ref());
                }
                self.asked(server, Verdict::Socket(token));
            }
            Event::Opened { session, .. } => {
                let fresh = checker.servers[index].sessions.insert(session);
                checker.require(fresh, || {
                    format!("server {index}: {session:?} opened twice")
                });
            }
            Event::Closed { session, reason } => self.closed(index, session, reason),
            Event::Recovered { socket, .. } => self.entered(server, socket),
            Event::Event {
                socket,
                payload,
                ack,
            } => {
                let number = checker.read(&payload);
                checker.heard(index, socket, number);
                if let Some(token) = ack {
                    self.wants_answer(server, token, number);
                }
                if self.random.chance(30) {
                    self.emit(server, socket);
                }
            }
            Event::Ack {
                socket,
                id,
                payload,
            } => {
                checker.server_acknowledged(index, socket, id, &payload);
            }
            Event::AckFailed { socket, id, .. } => checker.server_unacknowledged(index, socket, id),
            Event::BroadcastReply {
                id,
                socket,
                payload,
            } => {
                checker.replied(index, id, socket, &payload);
            }
            Event::BroadcastEnded {
                id,
                expected,
                received,
                missing,
            } => {
                checker.ended(index, id, expected, received, &missing);
            }
            Event::Disconnected {
                socket,
                reason,
                rooms,
            } => {
                let rooms: BTreeSet<String> =
                    rooms.iter().map(|room| (**room).to_owned()).collect();
                if reason.is_recoverable() {
                    self.remember_saved(server, socket);
                }
                let checker = &mut self.checker;
                checker.left(index, socket, rooms, reason.is_recoverable());
            }
            Event::Upgraded { session, .. } | Event::Drained { session } => {
                let known = checker.servers[index].sessions.contains(&session);
                checker.require(known, || {
                    format!("server {index}: {session:?} is not there")
                });
            }
            _ => {}
        }
    }

    pub(crate) fn number_of(&self, server: ServerId) -> usize {
        self.network
            .servers()
            .position(|other| other == server)
            .unwrap_or(0)
    }

    fn closed(&mut self, index: usize, session: SessionKey, reason: CloseReason) {
        self.checker.counts.closed += 1;
        if reason == CloseReason::TransportError(TransportFault::SlowReader) {
            let coverage = &mut self.checker.coverage;
            coverage.count_variant(&table::SLOW_READER, &SlowReader::Close);
        }
        let model = &mut self.checker.servers[index];
        if reason == CloseReason::TransportError(TransportFault::MemoryLimit) {
            model.ended_for_memory += 1;
        }
        let there = model.sessions.remove(&session);
        let left = model
            .members
            .values()
            .any(|member| member.session == session);
        self.checker.require(there, || {
            format!("server {index}: {session:?} closed twice")
        });
        self.checker.require(!left, || {
            format!("{session:?} closed before its sockets left")
        });
    }

    /// The application is asked for a decision.
    fn asked(&mut self, server: ServerId, verdict: Verdict) {
        let starts = self.starts(server);
        if !self.is_late() {
            self.decide(server, starts, verdict);
        } else if self.random.chance(800) {
            self.do_later(LATE, Later::Verdict(server, starts, verdict));
        }
        // Else it never decides.
    }

    /// The number of starts of a server. Keys of an earlier start must not be passed to it.
    fn starts(&self, server: ServerId) -> u64 {
        self.network.starts(server)
    }

    pub(crate) fn decide(&mut self, server: ServerId, starts: u64, verdict: Verdict) {
        if self.starts(server) != starts {
            return;
        }
        let yes = self.calm || !self.random.chance(80);
        let (machine, now) = self.network.server_mut(server);
        // A client that is gone is told by events, if it had been let in.
        let (what, in_time) = match verdict {
            Verdict::Handshake(token) if yes => {
                let accepted = machine.accept_handshake(token, now);
                ("handshake accepted", accepted.is_ok())
            }
            Verdict::Handshake(token) => {
                let refused = machine.reject_handshake(token, None);
                ("handshake refused", refused.is_ok())
            }
            Verdict::Namespace(token) if yes => (
                "namespace allowed",
                machine.allow_namespace(token, now).is_ok(),
            ),
            Verdict::Namespace(token) => (
                "namespace denied",
                machine.deny_namespace(token, now).is_ok(),
            ),
            Verdict::Socket(token) if yes => {
                let accepted = machine.accept(token, now);
                if let Ok(socket) = accepted {
                    self.entered(server, socket);
                }
                ("socket accepted", accepted.is_ok())
            }
            Verdict::Socket(token) => {
                let refused = machine.reject(token, "not you", None, now);
                ("socket refused", refused.is_ok())
            }
        };
        let what = if in_time { what } else { "too late" };
        self.checker.coverage.count(&table::VERDICT, what);
    }

    /// A client is in a namespace.
    fn entered(&mut self, server: ServerId, socket: SocketKey) {
        let index = self.number_of(server);
        let (machine, _) = self.network.server_mut(server);
        let found = machine
            .socket_session(socket)
            .zip(machine.socket_id(socket));
        let found = found.zip(machine.socket_namespace(socket).map(str::to_owned));
        let rooms = machine.rooms(socket).map(str::to_owned).collect();
        let recovered = machine.is_recovered(socket).then_some(rooms);
        let Some(((session, id), namespace)) = found else {
            // It has left already, which will be told: it cannot be known any more who it was.
            return self.checker.lost_track();
        };
        let what = (session, &*namespace, id.as_str());
        if let Some(number) = self.checker.entered(index, socket, what, recovered) {
            self.send(server, socket, number, "hello");
        }
    }

    fn wants_answer(&mut self, server: ServerId, token: AckToken, number: Number) {
        let starts = self.starts(server);
        if !self.is_late() {
            self.server_answer(server, starts, token, number);
        } else if self.random.chance(700) {
            self.do_later(LATE, Later::ServerAnswer(server, starts, token, number));
        }
    }

    pub(crate) fn server_answer(
        &mut self,
        server: ServerId,
        starts: u64,
        token: AckToken,
        number: Number,
    ) {
        if self.starts(server) != starts {
            return;
        }
        let index = self.number_of(server);
        let (binary, socket) = (self.random.chance(100), token.socket());
        let answer = payload(None, number, binary, 0);
        let (machine, _) = self.network.server_mut(server);
        let answered = machine.respond(token, &answer);
        if answered.is_ok() {
            self.checker.answered(number);
        }
        self.judge_emit(server, index, socket, answered.err());
    }

    /// A refused emit must have a reason that can be seen.
    pub(crate) fn judge_emit(
        &mut self,
        server: ServerId,
        index: usize,
        socket: SocketKey,
        error: Option<EmitError>,
    ) {
        let policy = self.network.server(server).config().engine.slow_reader;
        if let Some(error) = &error {
            self.checker.coverage.server_refused(error, policy);
        }
        let member = self.checker.servers[index].members.get(&socket);
        let present = self
            .network
            .server(server)
            .socket_namespace(socket)
            .is_some();
        let session = member.map(|member| member.session);
        let engine = self.network.server(server).engine();
        let open = session.and_then(|session| engine.session(session));
        let open = open.is_some_and(|session| session.is_open());
        if error == Some(EmitError::Closed) && present {
            self.checker
                .require(!open, || format!("{socket:?} is there and takes nothing"));
        }
        let closes = policy == SlowReader::Close;
        if matches!(error, Some(EmitError::Full { .. })) && closes {
            self.checker.require(!open, || {
                format!("{socket:?} reads too slowly and its session is open")
            });
        }
    }

    /// Sends an event with a number to a socket.
    fn send(&mut self, server: ServerId, socket: SocketKey, number: Number, name: &str) {
        let index = self.number_of(server);
        let (binary, filler) = self.shape();
        let event = payload(Some(name), number, binary, filler);
        let (machine, now) = self.network.server_mut(server);
        let (id, namespace) = (machine.socket_id(socket), machine.socket_namespace(socket));
        let logged = id.zip(namespace.map(str::to_owned));
        match machine.emit(socket, &event, now) {
            Ok(()) => {
                self.checker.sent(
                    index,
                    socket,
                    Sent {
                        number,
                        optional: false,
                    },
                );
                if let Some((id, namespace)) = logged
                    && self.keeps(server)
                {
                    let only = Some(id.as_str().to_owned());
                    self.checker.logged(
                        index,
                        &namespace,
                        Logged {
                            only,
                            ..logged_all(number)
                        },
                    );
                }
            }
            Err(error) => {
                if name == "hello" {
                    // Whoever was not greeted is not known.
                    let (machine, now) = self.network.server_mut(server);
                    machine.disconnect(socket, now);
                }
                self.judge_emit(server, index, socket, Some(error));
            }
        }
    }

    pub(crate) fn keeps(&self, server: ServerId) -> bool {
        self.network
            .server(server)
            .config()
            .connection_state_recovery
            .is_some()
    }

    /// Whether the next event has an attachment, and how much besides.
    pub(crate) fn shape(&mut self) -> (bool, usize) {
        if let Some(filler) = self.heavy_filler() {
            return (false, filler);
        }
        let filler = match self.random.below(20) {
            0 => self.random.index(3000),
            1..=3 => self.random.index(200),
            _ => 0,
        };
        (self.random.chance(150), filler)
    }

    fn emit(&mut self, server: ServerId, socket: SocketKey) {
        let number = self.checker.number();
        self.send(server, socket, number, "e");
    }

    fn emit_with_ack(&mut self, server: ServerId, socket: SocketKey) {
        let index = self.number_of(server);
        let number = self.checker.number();
        let (binary, filler) = self.shape();
        let event = payload(Some("a"), number, binary, filler);
        let timeout = self
            .random
            .duration(Duration::from_millis(100), Duration::from_secs(8));
        let (machine, now) = self.network.server_mut(server);
        let emitted = machine.emit_with_ack(socket, &event, timeout, now);
        match emitted {
            Ok(id) => {
                self.checker.servers[index]
                    .acks
                    .insert((socket, id), number);
                self.checker.sent(
                    index,
                    socket,
                    Sent {
                        number,
                        optional: false,
                    },
                );
            }
            Err(error) => self.judge_emit(server, index, socket, Some(error)),
        }
    }

    fn emit_volatile(&mut self, server: ServerId, socket: SocketKey) {
        let index = self.number_of(server);
        let number = self.checker.number();
        let event = payload(Some("v"), number, self.random.chance(200), 0);
        let (machine, _) = self.network.server_mut(server);
        if machine.emit_volatile(socket, &event) == Ok(true) {
            self.checker.sent(
                index,
                socket,
                Sent {
                    number,
                    optional: false,
                },
            );
        }
    }

    /// A server does something of its own accord.
    pub(crate) fn server_acts(&mut self, server: ServerId) {
        if self.network.is_server_behind(server) || !self.network.is_running(server) {
            return;
        }
        let index = self.number_of(server);
        let members: Vec<SocketKey> = self.checker.servers[index]
            .members
            .keys()
            .copied()
            .collect();
        let Some(&socket) = self.random.pick(&members) else {
            return;
        };
        match self.random.below(100) {
            0..=24 => self.emit(server, socket),
            25..=34 => {
                for _ in 0..self.random.between(2, 30) {
                    self.emit(server, socket);
                }
            }
            35..=49 => self.emit_with_ack(server, socket),
            50..=57 => self.emit_volatile(server, socket),
            58..=74 => self.broadcast(server, false),
            75..=82 => self.broadcast(server, true),
            83..=93 => self.change_rooms(server, socket),
            94..=96 => {
                let (machine, now) = self.network.server_mut(server);
                machine.disconnect(socket, now);
            }
            _ => {
                let (machine, now) = self.network.server_mut(server);
                if let Some(session) = machine.socket_session(socket) {
                    machine.disconnect_session(session, now);
                }
            }
        }
    }

    fn change_rooms(&mut self, server: ServerId, socket: SocketKey) {
        let index = self.number_of(server);
        let room = *self.random.pick(&ROOMS).unwrap_or(&"red");
        let joins = self.random.chance(700);
        let (machine, _) = self.network.server_mut(server);
        let Some(member) = self.checker.servers[index].members.get_mut(&socket) else {
            return;
        };
        let (done, expected) = if joins {
            let joined = machine.join(socket, room);
            let config = machine.config();
            let had = member.rooms.contains(room);
            // Its own room does not count.
            let fits = had || member.rooms.len() <= config.max_rooms_per_socket;
            let allowed = fits && room.len() <= config.max_room_length;
            if allowed {
                member.rooms.insert(room.to_owned());
            }
            if let Err(error) = &joined {
                self.checker.coverage.count_variant(&table::JOIN, error);
            }
            (joined.is_ok(), allowed)
        } else {
            (machine.leave_room(socket, room), member.rooms.remove(room))
        };
        let rooms: BTreeSet<_> = machine.rooms(socket).map(str::to_owned).collect();
        let same = done == expected && rooms == member.rooms;
        self.checker
            .require(same, || format!("{socket:?} is in {rooms:?}"));
    }

    pub(crate) fn broadcast(&mut self, server: ServerId, with_ack: bool) {
        let names: Vec<&str> = STATIC.into_iter().chain(DYNAMIC).collect();
        let namespace = if self.random.chance(600) {
            "/"
        } else {
            *self.random.pick(&names).unwrap_or(&"/")
        };
        let rooms = self.some_rooms(600);
        let except_rooms = self.some_rooms(850);
        self.broadcast_to(server, namespace, &rooms, &except_rooms, with_ack);
    }

    fn some_rooms(&mut self, none: u32) -> Vec<&'static str> {
        if self.random.chance(none) {
            return Vec::new();
        }
        let mut rooms = ROOMS.to_vec();
        rooms.retain(|_| self.random.chance(400));
        rooms
    }

    pub(crate) fn broadcast_to(
        &mut self,
        server: ServerId,
        namespace: &str,
        rooms: &[&str],
        except_rooms: &[&str],
        with_ack: bool,
    ) {
        let index = self.number_of(server);
        let behind = self.network.is_server_behind(server);
        let number = self.checker.number();
        let (binary, filler) = self.shape();
        let event = payload(Some("b"), number, binary, filler);
        let volatile = !with_ack && !self.calm && self.random.chance(150);
        let timeout = self
            .random
            .duration(Duration::from_millis(100), Duration::from_secs(8));
        let members = &self.checker.servers[index].members;
        let of_namespace = members
            .iter()
            .filter(|(_, member)| member.namespace == namespace);
        let all: Vec<SocketKey> = of_namespace.map(|(key, _)| *key).collect();
        let except = self
            .random
            .pick(&all)
            .copied()
            .filter(|_| self.random.chance(200));
        let mut target = Target::namespace(namespace)
            .rooms(rooms)
            .except_rooms(except_rooms);
        if let Some(except) = except {
            target = target.except(except);
        }
        if volatile {
            target = target.volatile();
        }
        if !behind {
            self.judge_recipients(server, &target, (rooms, except_rooms, except), &all);
        }
        let (machine, now) = self.network.server_mut(server);
        let recipients: Vec<SocketKey> = machine.sockets(target).collect();
        let except_id = except.and_then(|socket| machine.socket_id(socket));
        let exists = machine.namespaces().any(|name| name == namespace);
        let outcome = if with_ack {
            let sent = machine.broadcast_with_ack(&target, &event, timeout, now);
            let (id, outcome) = sent.expect("it can be written");
            let broadcast = Broadcast {
                number,
                replied: BTreeSet::new(),
                reached: outcome.sent,
            };
            self.checker.servers[index].broadcasts.insert(id, broadcast);
            outcome
        } else {
            machine
                .broadcast(&target, &event, now)
                .expect("it can be written")
        };
        let coverage = &mut self.checker.coverage;
        for (how, many) in [
            ("reached all", usize::from(outcome.sent == recipients.len())),
            ("found a full queue", outcome.full),
            ("found a closing connection", outcome.gone),
        ] {
            coverage.add_to(table::SENT_MANY.name, how, many as u64);
        }
        let total = outcome.sent + outcome.full + outcome.gone;
        self.checker.require(total == recipients.len(), || {
            format!("{number} was for {recipients:?} and reached {outcome:?}")
        });
        let optional = outcome.sent < recipients.len();
        for socket in recipients {
            self.checker.sent(index, socket, Sent { number, optional });
        }
        if !with_ack && !volatile && exists && self.keeps(server) {
            let owned = |rooms: &[&str]| rooms.iter().map(|room| (*room).to_owned()).collect();
            let logged = Logged {
                rooms: owned(rooms),
                except: except_id.map(|id| id.as_str().to_owned()),
                except_rooms: owned(except_rooms),
                ..logged_all(number)
            };
            self.checker.logged(index, namespace, logged);
        }
    }

    /// A broadcast is for those who are in the rooms by what was done to them.
    fn judge_recipients(
        &mut self,
        server: ServerId,
        target: &Target<'_>,
        what: (&[&str], &[&str], Option<SocketKey>),
        all: &[SocketKey],
    ) {
        let index = self.number_of(server);
        let (rooms, except_rooms, except) = what;
        let members = &self.checker.servers[index].members;
        let is_in = |socket: &SocketKey, rooms: &[&str]| {
            members
                .get(socket)
                .is_some_and(|member| rooms.iter().any(|room| member.rooms.contains(*room)))
        };
        let expected: BTreeSet<SocketKey> = all
            .iter()
            .copied()
            .filter(|socket| rooms.is_empty() || is_in(socket, rooms))
            .filter(|socket| !is_in(socket, except_rooms) && Some(*socket) != except)
            .collect();
        let selected: Vec<_> = self.network.server(server).sockets(*target).collect();
        let once: BTreeSet<_> = selected.iter().copied().collect();
        self.checker
            .require(once == expected && once.len() == selected.len(), || {
                format!("{target:?} is for {selected:?} instead of {expected:?}")
            });
    }
}

/// An event that is for everyone in a namespace.
fn logged_all(number: Number) -> Logged {
    Logged {
        number,
        only: None,
        rooms: Vec::new(),
        except: None,
        except_rooms: Vec::new(),
    }
}
