//! Checks of events from clients to servers, and of acknowledgements in both directions.

use std::collections::BTreeMap;

use socketio_proto::Payload;
use socketio_proto::client;
use socketio_proto::engine::Instant;
use socketio_proto::server::{AckId, BroadcastId, SocketKey};

use crate::coverage::table;

use super::{Checker, Number, SocketModel, is_over};

/// An event of a client.
#[derive(Debug)]
pub(crate) struct Upward {
    client: usize,
    socket: usize,
    arrived: bool,
    answered: bool,
}

/// An event that waits in a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsent {
    number: Number,
    /// The time at which it is removed.
    deadline: Option<Instant>,
    /// It may have left already.
    doubtful: bool,
}

/// The way in which a client took an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// The number of events that wait in the socket since then.
    pub(crate) waiting: usize,
    /// It is one of them.
    pub(crate) waits: bool,
    pub(crate) deadline: Option<Instant>,
}

impl SocketModel {
    /// Notes the events that have left, given the number of those that wait.
    pub(crate) fn sync(&mut self, waiting: usize, now: Instant) {
        loop {
            let surely = self
                .unsent
                .iter()
                .filter(|unsent| !is_over(unsent.deadline, now))
                .count();
            if surely <= waiting && (waiting > 0 || self.unsent.is_empty()) {
                return self.doubt(waiting);
            }
            if let Some(unsent) = self.unsent.pop_front() {
                let optional = unsent.doubtful || is_over(unsent.deadline, now);
                self.left(unsent.number, optional);
            }
        }
    }

    /// Notes the events that may have left. A client that wakes up removes expired events late. An expired event may
    /// therefore still wait in the place of one that has left.
    fn doubt(&mut self, waiting: usize) {
        let gone = self.unsent.len().saturating_sub(waiting);
        let mut doubtful = Vec::new();
        for unsent in self.unsent.iter_mut().take(gone) {
            if !std::mem::replace(&mut unsent.doubtful, true) {
                doubtful.push(unsent.number);
            }
        }
        for number in doubtful {
            self.left(number, true);
        }
    }

    /// An event left for the server.
    fn left(&mut self, number: Number, optional: bool) {
        match self.sessions.last_mut().filter(|_| self.joined) {
            Some(session) => session.push((number, optional)),
            None => self.early.push((number, optional)),
        }
    }

    /// A session begins.
    pub(crate) fn begin(&mut self, waiting: usize, now: Instant) {
        self.joined = false;
        self.sync(waiting, now);
        let early = std::mem::take(&mut self.early);
        self.sessions.push(early);
    }
}

impl Checker {
    /// A client emitted an event.
    pub(crate) fn emitted(
        &mut self,
        client: usize,
        key: client::SocketKey,
        number: Number,
        taken: Taken,
        now: Instant,
    ) {
        self.counts.emitted += 1;
        let (socket, model) = self.socket(client, key);
        if model.retries {
            model.retried.push((number, false));
        } else if taken.waits {
            model.unsent.push_back(Unsent {
                number,
                deadline: taken.deadline,
                doubtful: false,
            });
            model.sync(taken.waiting, now);
        } else {
            model.sync(taken.waiting, now);
            model.left(number, false);
        }
        let upward = Upward {
            client,
            socket,
            arrived: false,
            answered: false,
        };
        self.upward.insert(number, upward);
    }

    /// A server got an event.
    pub(crate) fn heard(&mut self, server: usize, key: SocketKey, number: Number) {
        self.counts.received += 1;
        let Some(member) = self.servers[server].members.get(&key) else {
            return self
                .broken(|| format!("server {server} got {number} of {key:?}, who is not there"));
        };
        let namespace = member.namespace.clone();
        let heard = member.heard;
        let Some(upward) = self.upward.get_mut(&number) else {
            return self.broken(|| format!("server {server} got {number}, which nobody emitted"));
        };
        upward.arrived = true;
        let from = (upward.client, upward.socket);
        let socket = &self.clients[from.0].sockets[from.1];
        let (of, retries) = (socket.namespace.clone(), socket.retries);
        let heard = &mut self.heard[heard];
        if heard.numbers.last() == Some(&number) {
            self.coverage.count(&table::RETRY, "arrived again");
        }
        let last = heard.numbers.last().copied().unwrap_or(0);
        let before = *heard.from.get_or_insert(from);
        heard.numbers.push(number);
        self.require(before == from, || {
            format!("{key:?} got {number} of another client")
        });
        self.require(of == namespace, || {
            format!("{namespace} got {number} of {of}")
        });
        self.require(last < number || (retries && last == number), || {
            format!("server {server} got {number} behind {last}")
        });
    }

    /// A server acknowledged an event.
    pub(crate) fn answered(&mut self, number: Number) {
        if let Some(upward) = self.upward.get_mut(&number) {
            upward.answered = true;
        }
    }

    /// A client got an acknowledgement.
    pub(crate) fn acknowledged(
        &mut self,
        client: usize,
        key: client::SocketKey,
        id: client::AckId,
        payload: &Payload,
    ) {
        self.counts.acks += 1;
        let number = self.read(payload);
        let (_, socket) = self.socket(client, key);
        let awaited = socket.acks.remove(&id);
        let joined = socket.joined || !socket.replayed.is_empty();
        if socket.retries {
            self.coverage.count(&table::RETRY, "answered");
        }
        let answered = self
            .upward
            .get(&number)
            .is_some_and(|upward| upward.answered);
        self.require(awaited == Some(number), || {
            format!("client {client} got the acknowledgement of {number} for {awaited:?}")
        });
        self.require(answered, || format!("nobody acknowledged {number}"));
        // The answer may be there before the client is told that it is connected: what waited left already.
        let _told = joined;
    }

    /// A client is told that an acknowledgement will not arrive.
    pub(crate) fn unacknowledged(
        &mut self,
        client: usize,
        key: client::SocketKey,
        id: client::AckId,
    ) {
        let (_, socket) = self.socket(client, key);
        let number = socket.acks.remove(&id);
        if let Some(entry) = socket
            .retried
            .iter_mut()
            .find(|(of, _)| Some(*of) == number)
        {
            entry.1 = true;
            self.coverage.count(&table::RETRY, "given up");
        }
        self.require(number.is_some(), || {
            format!("client {client}: {id:?} failed twice")
        });
    }

    /// A client is told that an event was given up.
    pub(crate) fn given_up(&mut self, client: usize, key: client::SocketKey, number: Number) {
        let (_, socket) = self.socket(client, key);
        let entry = socket.retried.iter_mut().find(|(of, _)| *of == number);
        let again = entry.is_none_or(|entry| std::mem::replace(&mut entry.1, true));
        self.coverage.count(&table::RETRY, "given up");
        self.require(!again, || format!("client {client} gave {number} up twice"));
    }

    /// A server got an acknowledgement.
    pub(crate) fn server_acknowledged(
        &mut self,
        server: usize,
        key: SocketKey,
        id: AckId,
        payload: &Payload,
    ) {
        self.counts.acks += 1;
        let number = self.read(payload);
        let model = &mut self.servers[server];
        let awaited = model.acks.remove(&(key, id));
        let there = model.members.contains_key(&key);
        let arrived = self
            .arrived
            .range((number, 0)..=(number, usize::MAX))
            .next()
            .is_some();
        self.require(awaited == Some(number) && there && arrived, || {
            format!("server {server} got the acknowledgement of {number} for {awaited:?}")
        });
    }

    /// A server is told that an acknowledgement will not arrive.
    pub(crate) fn server_unacknowledged(&mut self, server: usize, key: SocketKey, id: AckId) {
        let model = &mut self.servers[server];
        let ends = model.acks.remove(&(key, id)).is_some() && model.members.contains_key(&key);
        self.require(ends, || {
            format!("server {server}: {id:?} of {key:?} failed twice")
        });
    }

    /// A server got an acknowledgement of a broadcast.
    pub(crate) fn replied(
        &mut self,
        server: usize,
        id: BroadcastId,
        key: SocketKey,
        payload: &Payload,
    ) {
        self.counts.acks += 1;
        let number = self.read(payload);
        let model = &mut self.servers[server];
        let there = model.members.contains_key(&key);
        let broadcast = model.broadcasts.get_mut(&id);
        let good = broadcast
            .is_some_and(|broadcast| broadcast.number == number && broadcast.replied.insert(key));
        self.require(good && there, || {
            format!("server {server} got a reply to {number} of {key:?} twice, or too late")
        });
    }

    /// A server is told that a broadcast has ended.
    pub(crate) fn ended(
        &mut self,
        server: usize,
        id: BroadcastId,
        expected: usize,
        received: usize,
        missing: &[SocketKey],
    ) {
        let Some(broadcast) = self.servers[server].broadcasts.remove(&id) else {
            return self.broken(|| format!("server {server}: {id:?} ended twice"));
        };
        let good = expected == broadcast.reached
            && received == broadcast.replied.len()
            && missing.len() == expected - received
            && missing.iter().all(|key| !broadcast.replied.contains(key));
        self.require(good, || {
            format!("{broadcast:?} ended with {received} of {expected}, without {missing:?}")
        });
    }

    /// Each socket of a server received the start of the events of one client session, and all of them if both still
    /// exist. Events that are sent again arrived.
    pub(crate) fn all_heard(&mut self) {
        let mut alive = BTreeMap::new();
        for model in &self.servers {
            alive.extend(
                model
                    .members
                    .values()
                    .map(|member| (member.heard, member.stream)),
            );
        }
        let heard = std::mem::take(&mut self.heard);
        for (index, heard) in heard.iter().enumerate() {
            // A stream names the client, even if nothing was heard of it.
            let bound = alive
                .get(&index)
                .and_then(|stream| self.streams[*stream].bound);
            let Some((client, socket)) = heard.from.or(bound) else {
                continue;
            };
            let socket = &self.clients[client].sockets[socket];
            let fault = if socket.retries {
                misses_retried(socket, &heard.numbers)
            } else {
                misses(socket, &heard.numbers, alive.contains_key(&index))
            };
            if let Some(number) = fault {
                self.broken(|| {
                    format!(
                        "of client {client} its server heard {:?} without {number}",
                        heard.numbers
                    )
                });
            }
        }
        self.heard = heard;
        for model in 0..self.clients.len() {
            let sockets = self.clients[model].sockets.iter();
            let retried = sockets.flat_map(|socket| &socket.retried);
            let lost = retried
                .filter(|(_, given_up)| !given_up)
                .find(|(number, _)| {
                    self.upward
                        .get(number)
                        .is_some_and(|upward| !upward.arrived)
                });
            if let Some((number, _)) = lost.copied() {
                self.broken(|| format!("{number} was sent again and again and never arrived"));
            }
        }
    }
}

/// The first event that is missing among those that a server heard in one session.
fn misses(socket: &SocketModel, heard: &[Number], alive: bool) -> Option<Number> {
    let Some(first) = heard.first() else {
        let session = socket.sessions.last().filter(|_| alive);
        return session.and_then(|session| misses_of(session, heard, alive));
    };
    // An event that may have left in one session stands in the next one too: several may begin with the first.
    let begins = |session: &&Vec<(Number, bool)>| {
        let sure = session.iter().position(|(_, optional)| !optional);
        let start = session.iter().take(sure.unwrap_or(session.len()) + 1);
        start
            .map(|(number, _)| number)
            .any(|number| number == first)
    };
    let sessions = socket.sessions.iter().filter(begins);
    let mut faults = sessions.map(|session| misses_of(session, heard, alive));
    let fault = faults.next().unwrap_or(Some(*first))?;
    faults.all(|fault| fault.is_some()).then_some(fault)
}

/// The first event that is missing among those that a server heard, if it heard them in this session.
fn misses_of(session: &[(Number, bool)], heard: &[Number], alive: bool) -> Option<Number> {
    let mut rest = heard.iter().copied().peekable();
    for (number, optional) in session {
        if rest.peek() == Some(number) {
            rest.next();
        } else if rest.peek().is_none() && !alive {
            break;
        } else if !optional {
            return Some(*number);
        }
    }
    rest.next()
}

/// The first event that is missing between those that a server heard in one session, where they are sent again.
fn misses_retried(socket: &SocketModel, heard: &[Number]) -> Option<Number> {
    let mut heard = heard.to_vec();
    heard.dedup();
    heard.windows(2).find_map(|pair| {
        let between = socket.retried.iter().filter(|(number, given_up)| {
            pair.first() < Some(number) && Some(number) < pair.last() && !given_up
        });
        between.map(|(number, _)| *number).next()
    })
}
