//! The applications of clients.

use std::time::Duration;

use socketio_proto::Payload;
use socketio_proto::client::{AckToken, AuthToken, Event, SocketKey};
use socketio_testkit::ClientId;

use crate::coverage::table;

use crate::check::{Number, Taken, payload};
use crate::world::{Later, World};

/// The maximum delay of late answers.
const LATE: Duration = Duration::from_secs(6);

impl World {
    pub(crate) fn client_event(&mut self, client: ClientId, event: Event) {
        let index = self.index_of(client);
        let now = self.network.now();
        let waiting = |world: &Self, socket| world.network.client(client).buffered(socket).events;
        self.checker.coverage.client_event(&event);
        match event {
            Event::ManagerOpened => self.checker.manager(index, true),
            Event::ManagerClosed { .. } => self.checker.manager(index, false),
            Event::AuthRequired { token, .. } => {
                if self.is_late() {
                    self.do_later(LATE, Later::Auth(client, token));
                } else {
                    self.give_auth(client, token);
                }
            }
            Event::Connected { socket, recovered } => {
                let waiting = waiting(self, socket);
                let (_, model) = self.checker.socket(index, socket);
                model.begin(waiting, now);
                self.checker.connected(index, socket, recovered);
                if self.random.chance(200) {
                    self.client_emit(client, socket, false);
                }
            }
            Event::Disconnected { socket, reason } => {
                let waiting = waiting(self, socket);
                let (_, model) = self.checker.socket(index, socket);
                model.sync(waiting, now);
                self.checker.disconnected(index, socket, &reason);
            }
            Event::Event {
                socket,
                payload,
                ack,
            } => {
                let number = self.checker.read(&payload);
                let id = self.network.client(client).socket_id(socket);
                self.checker.arrived(index, socket, number, id);
                if let Some(token) = ack {
                    if !self.is_late() {
                        self.client_answer(client, token, number);
                    } else if self.random.chance(700) {
                        self.do_later(LATE, Later::ClientAnswer(client, token, number));
                    }
                }
                if self.random.chance(30) {
                    self.client_emit(client, socket, false);
                }
            }
            Event::Ack {
                socket,
                id,
                payload,
            } => {
                self.checker.acknowledged(index, socket, id, &payload);
            }
            Event::AckFailed { socket, id, .. } => {
                let waiting = waiting(self, socket);
                let (_, model) = self.checker.socket(index, socket);
                model.sync(waiting, now);
                self.checker.unacknowledged(index, socket, id);
            }
            Event::GivenUp {
                socket, payload, ..
            } => {
                let number = self.checker.read(&payload);
                self.checker.given_up(index, socket, number);
            }
            _ => {}
        }
    }

    pub(crate) fn index_of(&self, client: ClientId) -> usize {
        self.network
            .clients()
            .position(|other| other == client)
            .unwrap_or(0)
    }

    pub(crate) fn give_auth(&mut self, client: ClientId, token: AuthToken) {
        let auth = Payload::object(&std::collections::BTreeMap::from([("user", "me")]));
        let auth = self.unusual_auth().or(auth.ok());
        let (machine, now) = self.network.client_mut(client);
        // The question may be out of date; then it is asked again.
        if let Err(error) = machine.provide_auth(token, auth, now) {
            self.checker.coverage.count_variant(&table::AUTH, &error);
        }
    }

    pub(crate) fn client_answer(&mut self, client: ClientId, token: AckToken, number: Number) {
        let answer = payload(None, number, self.random.chance(100), 0);
        let (machine, now) = self.network.client_mut(client);
        // The session in which it was asked for may be over.
        if let Err(error) = machine.respond(token, &answer, now) {
            self.checker
                .coverage
                .count_variant(&table::CLIENT_EMIT, &error);
        }
    }

    /// A client emits an event.
    pub(crate) fn client_emit(&mut self, client: ClientId, socket: SocketKey, with_ack: bool) {
        let shape = self.shape();
        self.client_emit_shaped(client, socket, with_ack, shape);
    }

    /// A client emits an event with an attachment or not, and with so much besides.
    pub(crate) fn client_emit_shaped(
        &mut self,
        client: ClientId,
        socket: SocketKey,
        with_ack: bool,
        (binary, filler): (bool, usize),
    ) {
        let number = self.checker.number();
        let event = payload(Some("up"), number, binary, filler);
        self.client_emit_event(client, socket, with_ack, (number, &event));
    }

    /// A client emits an event that has a number.
    pub(crate) fn client_emit_event(
        &mut self,
        client: ClientId,
        socket: SocketKey,
        with_ack: bool,
        (number, event): (Number, &Payload),
    ) {
        let index = self.index_of(client);
        let timeout = self
            .random
            .duration(Duration::from_millis(100), Duration::from_secs(8));
        let timeout = Some(timeout).filter(|_| !self.random.chance(200));
        let (_, model) = self.checker.socket(index, socket);
        let retries = model.retries;
        let (machine, now) = self.network.client_mut(client);
        let before = machine.buffered(socket).events;
        let taken = if with_ack {
            let timeout = timeout.filter(|_| !retries);
            machine.emit_with_ack(socket, event, timeout, now).map(Some)
        } else {
            machine.emit(socket, event, now).map(|()| None)
        };
        let waiting = machine.buffered(socket).events;
        let id = match taken {
            Ok(id) => id,
            Err(error) => {
                let coverage = &mut self.checker.coverage;
                return coverage.count_variant(&table::CLIENT_EMIT, &error);
            }
        };
        let taken = Taken {
            waiting,
            waits: waiting > before,
            deadline: timeout.filter(|_| with_ack).map(|timeout| now + timeout),
        };
        self.checker.emitted(index, socket, number, taken, now);
        if let Some(id) = id {
            let (_, model) = self.checker.socket(index, socket);
            model.acks.insert(id, number);
        }
    }

    fn client_emit_volatile(&mut self, client: ClientId, socket: SocketKey) {
        let index = self.index_of(client);
        let number = self.checker.number();
        let event = payload(Some("up"), number, self.random.chance(200), 0);
        let (_, model) = self.checker.socket(index, socket);
        if model.retries {
            return;
        }
        let (machine, now) = self.network.client_mut(client);
        let sent = machine.emit_volatile(socket, &event, now);
        if let Err(error) = &sent {
            self.checker
                .coverage
                .count_variant(&table::CLIENT_EMIT, error);
        }
        if sent == Ok(true) {
            let waiting = machine.buffered(socket).events;
            let taken = Taken {
                waiting,
                waits: false,
                deadline: None,
            };
            self.checker.emitted(index, socket, number, taken, now);
        }
    }

    /// A client does something of its own accord.
    pub(crate) fn client_acts(&mut self, client: ClientId) {
        if self.network.is_client_behind(client) {
            return;
        }
        let index = self.index_of(client);
        let sockets = self.checker.clients[index].sockets.iter();
        let sockets: Vec<SocketKey> = sockets.map(|socket| socket.key).collect();
        let Some(&socket) = self.random.pick(&sockets) else {
            return;
        };
        let machine = self.network.client(client);
        let active = machine.is_active(socket);
        let state = machine.state();
        self.checker
            .coverage
            .count_variant(&table::CLIENT_STATE, &state);
        match self.random.below(100) {
            _ if !active && self.random.chance(600) => {
                let (machine, now) = self.network.client_mut(client);
                let _known = machine.connect_again(socket, now);
            }
            0..=39 => self.client_emit(client, socket, false),
            40..=54 => self.client_emit(client, socket, true),
            55..=64 => {
                for _ in 0..self.random.between(2, 25) {
                    let with_ack = self.random.chance(200);
                    self.client_emit(client, socket, with_ack);
                }
            }
            65..=74 => self.client_emit_volatile(client, socket),
            75..=80 => {
                let (machine, now) = self.network.client_mut(client);
                let _known = machine.disconnect(socket, now);
                if self.random.chance(300) {
                    let (machine, now) = self.network.client_mut(client);
                    let _known = machine.connect_again(socket, now);
                }
            }
            81..=82 => {
                let (machine, now) = self.network.client_mut(client);
                machine.close(now);
            }
            83..=86 => {
                let (machine, now) = self.network.client_mut(client);
                machine.open(now);
            }
            87 => {
                let (machine, now) = self.network.client_mut(client);
                machine.handle_offline(now);
            }
            _ => {
                let (machine, now) = self.network.client_mut(client);
                let _known = machine.connect_again(socket, now);
            }
        }
    }
}
