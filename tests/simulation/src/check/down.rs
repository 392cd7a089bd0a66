//! From servers to clients: order, no duplicate, no loss within a connection, and everything back after a recovery.

use std::collections::BTreeSet;

use socketio_proto::client::{DisconnectReason, Violation};
use socketio_proto::engine::server::SessionKey;
use socketio_proto::server::SocketKey;

use crate::coverage::table;

use super::{Checker, Heard, Member, Number, SocketModel};

/// All that one socket of a server is sent, over all the times that its client came back to it.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) namespace: String,
    log: usize,
    /// The client's socket that it belongs to, once that is known.
    pub(crate) bound: Option<(usize, usize)>,
    id: String,
    pub(crate) segments: Vec<Segment>,
    /// The rooms it was in when its client was lost; `None` while it is there, and if it cannot come back.
    rooms: Option<BTreeSet<String>>,
}

/// Events to a client while it is connected.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    pub(crate) sent: Vec<Sent>,
    /// The end of the log when the client returned, and its rooms at that time.
    resumed: Option<(usize, BTreeSet<String>)>,
    pub(crate) ended: bool,
}

/// An event for a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) number: Number,
    /// It may not have been sent after all.
    pub(crate) optional: bool,
}

/// An event that is kept for who comes back, and whom it was for.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) number: Number,
    pub(crate) only: Option<String>,
    pub(crate) rooms: Vec<String>,
    pub(crate) except: Option<String>,
    pub(crate) except_rooms: Vec<String>,
}

impl Logged {
    fn is_for(&self, id: &str, rooms: &BTreeSet<String>) -> bool {
        let is_in = |room: &String| rooms.contains(room);
        self.only.as_deref().is_none_or(|only| only == id)
            && self.except.as_deref() != Some(id)
            && (self.rooms.is_empty() || self.rooms.iter().any(is_in))
            && !self.except_rooms.iter().any(is_in)
    }
}

impl Stream {
    /// The client is gone, and may come back if rooms are given.
    pub(crate) fn lose(&mut self, rooms: Option<BTreeSet<String>>) {
        self.rooms = rooms;
        if let Some(segment) = self.segments.last_mut() {
            segment.ended = true;
        }
    }
}

impl Checker {
    /// A server let a client in. Gives the number with which it greets it, if it is a new one.
    pub(crate) fn entered(
        &mut self,
        server: usize,
        key: SocketKey,
        what: (SessionKey, &str, &str),
        recovered: Option<BTreeSet<String>>,
    ) -> Option<Number> {
        let (session, namespace, id) = what;
        let known = self.servers[server].sessions.contains(&session);
        self.require(known, || {
            format!("server {server} let in who has no session: {key:?}")
        });
        let early = self.servers[server].early.remove(&key).unwrap_or_default();
        let fresh = recovered.is_none();
        let (stream, rooms) = match recovered {
            Some(rooms) => (self.resumed(server, id, &rooms, early), rooms),
            None => (
                self.began(server, namespace, id),
                BTreeSet::from([id.to_owned()]),
            ),
        };
        self.heard.push(Heard::default());
        let member = Member {
            namespace: namespace.to_owned(),
            session,
            stream,
            rooms,
            heard: self.heard.len() - 1,
        };
        let before = self.servers[server].members.insert(key, member);
        self.require(before.is_none(), || {
            format!("server {server} used key {key:?} twice")
        });
        fresh.then(|| {
            let number = self.number();
            self.greetings.insert(number, stream);
            number
        })
    }

    fn began(&mut self, server: usize, namespace: &str, id: &str) -> usize {
        let log = self.log_of(server, namespace);
        self.streams.push(Stream {
            namespace: namespace.to_owned(),
            log,
            id: id.to_owned(),
            segments: vec![Segment::default()],
            ..Stream::default()
        });
        let index = self.streams.len() - 1;
        let before = self.servers[server].streams.insert(id.to_owned(), index);
        // In revision 4 of the protocol ids are made of those of sessions, which may join again.
        self.require(before.is_none() || id.contains('#'), || {
            format!("server {server} gave the id {id} twice")
        });
        index
    }

    fn resumed(
        &mut self,
        server: usize,
        id: &str,
        rooms: &BTreeSet<String>,
        early: Vec<Sent>,
    ) -> usize {
        let Some(&index) = self.servers[server].streams.get(id) else {
            self.broken(|| format!("server {server} got back {id}, which it never had"));
            return 0;
        };
        let log = &self.logs[self.streams[index].log];
        let end = log.partition_point(|logged| {
            early
                .first()
                .is_none_or(|first| logged.number < first.number)
        });
        let stream = &mut self.streams[index];
        let had = stream.rooms.take();
        let ended = stream.segments.last().is_some_and(|segment| segment.ended);
        stream.segments.push(Segment {
            sent: early,
            resumed: Some((end, rooms.clone())),
            ended: false,
        });
        self.require(ended, || format!("{id} came back while it was there"));
        self.require(had.as_ref() == Some(rooms), || {
            format!("{id} had the rooms {had:?} and got back {rooms:?}")
        });
        index
    }

    /// A server sent an event to a socket.
    pub(crate) fn sent(&mut self, server: usize, key: SocketKey, sent: Sent) {
        self.counts.emitted += 1;
        let model = &mut self.servers[server];
        match model.members.get(&key) {
            Some(member) => {
                if let Some(segment) = self.streams[member.stream].segments.last_mut() {
                    segment.sent.push(sent);
                }
            }
            None => model.early.entry(key).or_default().push(sent),
        }
    }

    /// A server keeps an event for who comes back.
    pub(crate) fn logged(&mut self, server: usize, namespace: &str, logged: Logged) {
        let log = self.log_of(server, namespace);
        self.logs[log].push(logged);
    }

    /// The log of a namespace, since its server was started.
    fn log_of(&mut self, server: usize, namespace: &str) -> usize {
        let logs = &mut self.servers[server].logs;
        *logs.entry(namespace.to_owned()).or_insert_with(|| {
            self.logs.push(Vec::new());
            self.logs.len() - 1
        })
    }

    /// A client got an event.
    pub(crate) fn arrived(
        &mut self,
        client: usize,
        key: socketio_proto::client::SocketKey,
        number: Number,
        id: Option<&str>,
    ) {
        self.counts.received += 1;
        let fresh = self.arrived.insert((number, client));
        let (index, socket) = self.socket(client, key);
        if !socket.joined {
            return socket.replayed.push(number);
        }
        self.require(fresh, || format!("client {client} got {number} twice"));
        let (_, socket) = self.socket(client, key);
        let Some((stream, segment, place)) = socket.at else {
            return self.greeted(client, index, number, id);
        };
        let sent = self.streams[stream].segments[segment]
            .sent
            .get(place..)
            .unwrap_or_default();
        let found = sent.iter().position(|sent| sent.number == number);
        let skipped = found.and_then(|found| sent.get(..found));
        let lost = skipped.and_then(|skipped| skipped.iter().find(|sent| !sent.optional).copied());
        let Some(found) = found else {
            let id = self.streams[stream].id.clone();
            return self.broken(|| {
                format!("client {client} got {number}, which {id} has had or was never sent")
            });
        };
        if let Some(lost) = lost {
            self.broken(|| {
                format!(
                    "client {client} got {number} without {} before it",
                    lost.number
                )
            });
        }
        let is_logged = self.is_logged(stream, number);
        let (_, socket) = self.socket(client, key);
        socket.at = Some((stream, segment, place + found + 1));
        if is_logged {
            socket.last_logged = Some(number);
        }
    }

    /// The position of an old client in its main namespace, which its server joined it to before its application asked.
    fn joined_unasked(&self, id: &str, number: Number) -> Option<(usize, usize, usize)> {
        // Its server may have lost everything since.
        let stream = self.streams.iter().rposition(|stream| stream.id == id)?;
        let sent = &self.streams[stream].segments.first()?.sent;
        let place = sent.iter().position(|sent| sent.number == number)?;
        Some((stream, 0, place + 1))
    }

    fn is_logged(&self, stream: usize, number: Number) -> bool {
        let log = &self.logs[self.streams[stream].log];
        log.binary_search_by_key(&number, |logged| logged.number)
            .is_ok()
    }

    /// A client got the first event of a session, which must be the greeting.
    fn greeted(&mut self, client: usize, index: usize, number: Number, id: Option<&str>) {
        let Some(&stream) = self.greetings.get(&number) else {
            let unasked =
                self.clients[client].old && self.clients[client].sockets[index].namespace == "/";
            // One that has left already does not know its id any more.
            let Some(id) = id.or((!unasked).then_some("")) else {
                return;
            };
            let at = self.joined_unasked(id, number).filter(|_| unasked);
            self.require(at.is_some(), || {
                format!("client {client} got {number} before the greeting")
            });
            self.clients[client].sockets[index].at = at;
            return;
        };
        let found = &mut self.streams[stream];
        let before = found.bound.replace((client, index));
        let namespace = found.namespace.clone();
        let recovers = self.is_logged(stream, number);
        let socket = &mut self.clients[client].sockets[index];
        socket.at = Some((stream, 0, 1));
        socket.last_logged = recovers.then_some(number);
        let of = socket.namespace.clone();
        self.require(before.is_none(), || format!("greeting {number} came twice"));
        self.require(of == namespace, || {
            format!("{of} got what is for {namespace}")
        });
    }

    /// A client is told that it is connected.
    pub(crate) fn connected(
        &mut self,
        client: usize,
        key: socketio_proto::client::SocketKey,
        recovered: bool,
    ) {
        self.counts.joined += 1;
        let (index, socket) = self.socket(client, key);
        let twice = std::mem::replace(&mut socket.joined, true);
        let replayed = std::mem::take(&mut socket.replayed);
        let (before, last) = (socket.before.take(), socket.last_logged);
        if !recovered {
            (socket.at, socket.last_logged) = (None, None);
        }
        let late = std::mem::take(&mut socket.left_by_itself);
        self.require(!twice, || format!("client {client} connected twice"));
        if !recovered {
            return self.late((client, index), before.filter(|_| late), &replayed);
        }
        self.counts.recovered += 1;
        self.coverage.count(
            &table::RECOVERY,
            if replayed.is_empty() {
                "missed nothing"
            } else {
                "missed something"
            },
        );
        let Some(((stream, ..), last)) = before.zip(last) else {
            return self.broken(|| format!("client {client} got back what it never had"));
        };
        let newest = self.streams[stream].segments.len() - 1;
        let found = &self.streams[stream];
        let Some((end, rooms)) = found.segments[newest].resumed.clone() else {
            return self
                .broken(|| format!("client {client} got back what its server did not give"));
        };
        let log = &self.logs[found.log];
        let start = log.partition_point(|logged| logged.number <= last);
        let missed = log.get(start..end).unwrap_or_default();
        let missed = missed
            .iter()
            .filter(|logged| logged.is_for(&found.id, &rooms));
        let missed: Vec<_> = missed.map(|logged| logged.number).collect();
        let last = missed.last().copied().unwrap_or(last);
        let late = replayed.len().saturating_sub(missed.len());
        let (late, replayed) = replayed.split_at(late);
        self.late((client, index), before, late);
        self.require(missed == replayed, || {
            format!("client {client} missed {missed:?} from {start} to {end} and got {replayed:?} behind {last}")
        });
        let (_, socket) = self.socket(client, key);
        (socket.at, socket.last_logged) = (Some((stream, newest, 0)), Some(last));
    }

    /// A client that left by itself and came back on the same connection got what was under way when it left. It comes
    /// before its new session, as officially, and goes on where it was.
    fn late(
        &mut self,
        of: (usize, usize),
        mut at: Option<(usize, usize, usize)>,
        replayed: &[Number],
    ) {
        for number in replayed {
            let found = at.and_then(|(stream, segment, place)| {
                // What came after it had left and before it asked again is lost.
                let rest = self.streams[stream].segments[segment].sent.get(place..)?;
                let found = rest.iter().position(|sent| sent.number == *number)?;
                Some((stream, segment, place + found + 1))
            });
            // It may be of a session that the client left before it was told of it.
            at = found.or_else(|| self.find_abandoned(of, *number));
            self.require(at.is_some(), || {
                format!("{of:?} got {number} of {replayed:?} before it was connected")
            });
        }
    }

    fn find_abandoned(&self, of: (usize, usize), number: Number) -> Option<(usize, usize, usize)> {
        let streams = self.streams.iter().enumerate();
        let mut own = streams.filter(|(_, stream)| stream.bound.is_none_or(|bound| bound == of));
        own.find_map(|(index, stream)| {
            stream
                .segments
                .iter()
                .enumerate()
                .find_map(|(segment, found)| {
                    let place = found.sent.iter().position(|sent| sent.number == number)?;
                    Some((index, segment, place + 1))
                })
        })
    }

    /// A client is told that it is disconnected.
    pub(crate) fn disconnected(
        &mut self,
        client: usize,
        key: socketio_proto::client::SocketKey,
        reason: &DisconnectReason,
    ) {
        let (_, socket) = self.socket(client, key);
        socket.joined = false;
        let replayed = std::mem::take(&mut socket.replayed);
        let at = socket.at.take();
        socket.before = at.or(socket.before);
        socket.left_by_itself = *reason == DisconnectReason::IoClientDisconnect;
        // What came before the answer to CONNECT may be more than may wait for the application.
        let flooded = DisconnectReason::ParseError(Violation::TooManyUndelivered);
        self.require(replayed.is_empty() || *reason == flooded, || {
            format!("client {client} got {replayed:?} after it was disconnected")
        });
        if let (DisconnectReason::IoServerDisconnect, Some(at)) = (reason, at) {
            self.has_all(at, "before its server took it out");
        }
    }

    /// A client has got all that it was sent.
    pub(crate) fn has_all(&mut self, at: (usize, usize, usize), when: &str) {
        let (stream, segment, place) = at;
        let sent = &self.streams[stream].segments[segment].sent;
        let rest = sent.get(place..).unwrap_or_default();
        let missing = rest
            .iter()
            .find(|sent| !sent.optional)
            .map(|sent| sent.number);
        self.require(missing.is_none(), || {
            format!("event {missing:?} did not arrive {when}")
        });
    }

    /// The namespace of a socket that is there, and its id.
    pub(crate) fn place_of(&self, server: usize, key: SocketKey) -> Option<(String, String)> {
        let member = self.servers[server].members.get(&key)?;
        let id = self.streams[member.stream].id.clone();
        Some((member.namespace.clone(), id))
    }

    /// A server is told that a socket left, with the rooms that it was in.
    pub(crate) fn left(
        &mut self,
        server: usize,
        key: SocketKey,
        id_and_rooms: BTreeSet<String>,
        comes_back: bool,
    ) {
        let Some(member) = self.servers[server].members.remove(&key) else {
            return self
                .broken(|| format!("server {server}: {key:?} left twice, or was never there"));
        };
        self.servers[server].departed = Some(key);
        let stream = &mut self.streams[member.stream];
        let mut rooms = id_and_rooms;
        rooms.insert(stream.id.clone());
        stream.lose(comes_back.then(|| rooms.clone()));
        self.require(rooms == member.rooms, || {
            format!("{key:?} was in {:?} and left {rooms:?}", member.rooms)
        });
        let awaited = self.servers[server]
            .acks
            .keys()
            .any(|(socket, _)| *socket == key);
        self.require(!awaited, || {
            format!("{key:?} left with acknowledgements that never ended")
        });
    }
}

impl SocketModel {
    pub(crate) fn new(
        key: socketio_proto::client::SocketKey,
        namespace: &str,
        retries: bool,
    ) -> Self {
        Self {
            key,
            namespace: namespace.to_owned(),
            retries,
            joined: false,
            at: None,
            before: None,
            left_by_itself: false,
            last_logged: None,
            replayed: Vec::new(),
            sessions: Vec::new(),
            early: Vec::new(),
            unsent: std::collections::VecDeque::new(),
            acks: std::collections::BTreeMap::new(),
            retried: Vec::new(),
        }
    }
}
