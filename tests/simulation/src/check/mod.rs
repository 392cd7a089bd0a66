//! The checker of the promises that must hold in every world.
//!
//! The applications report their actions and events to the checker, and it reports broken promises. Every emitted event
//! has its own number, which identifies it wherever it arrives.

mod down;
mod up;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use socketio_proto::Payload;
use socketio_proto::client;
use socketio_proto::engine::Instant;
use socketio_proto::engine::server::SessionKey;
use socketio_proto::server::{AckId, BroadcastId, SavedSession, SocketKey};

use crate::coverage::Coverage;

pub(crate) use self::down::{Logged, Sent, Stream};
pub(crate) use self::up::{Taken, Unsent, Upward};

/// The number of an event.
pub(crate) type Number = u64;

/// The totals of a world, for the report.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counts {
    /// Clients.
    pub clients: u64,
    /// Steps of the network.
    pub steps: u64,
    /// Faults.
    pub faults: u64,
    /// Events that were emitted, each copy of a broadcast.
    pub emitted: u64,
    /// Events that arrived.
    pub received: u64,
    /// Acknowledgements that arrived.
    pub acks: u64,
    /// The number of times that a socket joined its namespace.
    pub joined: u64,
    /// The number of recoveries.
    pub recovered: u64,
    /// Sessions that closed.
    pub closed: u64,
    /// Worlds that were not checked to their end.
    pub blind: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.clients += more.clients;
        self.steps += more.steps;
        self.faults += more.faults;
        self.emitted += more.emitted;
        self.received += more.received;
        self.acks += more.acks;
        self.joined += more.joined;
        self.recovered += more.recovered;
        self.closed += more.closed;
        self.blind += more.blind;
    }
}

#[derive(Debug, Default)]
pub(crate) struct Checker {
    pub(crate) fault: Option<String>,
    /// The checker can no longer identify the sockets, and stops checking.
    pub(crate) blind: bool,
    pub(crate) counts: Counts,
    pub(crate) coverage: Coverage,
    next: Number,
    pub(crate) servers: Vec<ServerModel>,
    pub(crate) clients: Vec<ClientModel>,
    pub(crate) streams: Vec<Stream>,
    /// The namespaces that servers know, or knew before they lost everything.
    pub(crate) logs: Vec<Vec<Logged>>,
    /// The stream that begins with an event.
    pub(crate) greetings: BTreeMap<Number, usize>,
    pub(crate) upward: BTreeMap<Number, Upward>,
    /// The events of servers that arrived somewhere.
    pub(crate) arrived: BTreeSet<(Number, usize)>,
    /// For each socket of a server that ever existed, the events that it received, and their sender.
    pub(crate) heard: Vec<Heard>,
}

/// The events that one socket of a server received.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) from: Option<(usize, usize)>,
    pub(crate) numbers: Vec<Number>,
}

/// The known state of a server.
#[derive(Debug, Default)]
pub(crate) struct ServerModel {
    pub(crate) sessions: BTreeSet<SessionKey>,
    pub(crate) members: BTreeMap<SocketKey, Member>,
    /// Events to recovered sockets, before their clients were told of the recovery.
    pub(crate) early: BTreeMap<SocketKey, Vec<Sent>>,
    pub(crate) acks: BTreeMap<(SocketKey, AckId), Number>,
    pub(crate) broadcasts: BTreeMap<BroadcastId, Broadcast>,
    /// The recovery data of each namespace.
    pub(crate) logs: BTreeMap<String, usize>,
    pub(crate) streams: BTreeMap<String, usize>,
    /// The stored sockets that may return, by the secret that their clients know.
    pub(crate) saved: BTreeMap<String, SavedSession>,
    /// The sessions whose application was told that they ended at the memory limit.
    pub(crate) ended_for_memory: u64,
    /// The last socket that left.
    pub(crate) departed: Option<SocketKey>,
}

/// A connected socket.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) namespace: String,
    pub(crate) session: SessionKey,
    pub(crate) stream: usize,
    pub(crate) rooms: BTreeSet<String>,
    /// The events that it received.
    pub(crate) heard: usize,
}

/// A broadcast that awaits acknowledgements.
#[derive(Debug)]
pub(crate) struct Broadcast {
    pub(crate) number: Number,
    pub(crate) replied: BTreeSet<SocketKey>,
    pub(crate) reached: usize,
}

/// The known state of a client.
#[derive(Debug)]
pub(crate) struct ClientModel {
    pub(crate) sockets: Vec<SocketModel>,
    pub(crate) open: bool,
    /// It speaks revision 4 of the protocol: its server joins it to the main namespace before it asks.
    pub(crate) old: bool,
}

/// The known state of a socket of a client.
#[derive(Debug)]
pub(crate) struct SocketModel {
    pub(crate) key: client::SocketKey,
    pub(crate) namespace: String,
    pub(crate) retries: bool,
    pub(crate) joined: bool,
    /// Its position in the events of its server: stream, segment, and place.
    pub(crate) at: Option<(usize, usize, usize)>,
    /// Its previous position, if it was disconnected.
    pub(crate) before: Option<(usize, usize, usize)>,
    /// It was disconnected by its own application.
    pub(crate) left_by_itself: bool,
    /// The last event with an offset that it received.
    pub(crate) last_logged: Option<Number>,
    /// The events that arrived before it was told that it is connected.
    pub(crate) replayed: Vec<Number>,
    /// The events that it sent in each of its sessions; the second value says that an event may be missing.
    pub(crate) sessions: Vec<Vec<(Number, bool)>>,
    /// The events that left before its session was known.
    pub(crate) early: Vec<(Number, bool)>,
    pub(crate) unsent: std::collections::VecDeque<Unsent>,
    pub(crate) acks: BTreeMap<client::AckId, Number>,
    /// The events that are sent again, in order, and whether each was given up.
    pub(crate) retried: Vec<(Number, bool)>,
}

impl Checker {
    /// A promise was broken.
    pub(crate) fn broken(&mut self, what: impl FnOnce() -> String) {
        if self.fault.is_none() && !self.blind {
            self.fault = Some(what());
        }
    }

    /// A client returned and left again before its application was told. It can no longer be identified.
    pub(crate) fn lost_track(&mut self) {
        self.counts.blind = 1;
        self.blind = true;
    }

    pub(crate) fn require(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken(what);
        }
    }

    pub(crate) fn number(&mut self) -> Number {
        self.next += 1;
        self.next
    }

    /// Reads the number of an event, and checks that it arrived whole.
    pub(crate) fn read(&mut self, payload: &Payload) -> Number {
        let Ok((number,)) = payload.args::<(Number,)>() else {
            self.broken(|| format!("no number in {payload:-?}"));
            return 0;
        };
        let whole = payload
            .attachments()
            .iter()
            .all(|data| *data == blob(number));
        self.require(whole, || {
            format!("the attachments of event {number} are not its own")
        });
        number
    }

    /// A server has lost everything.
    pub(crate) fn server_lost(&mut self, server: usize) {
        let model = std::mem::take(&mut self.servers[server]);
        for member in model.members.into_values() {
            self.streams[member.stream].lose(None);
        }
    }

    pub(crate) fn socket(
        &mut self,
        client: usize,
        key: client::SocketKey,
    ) -> (usize, &mut SocketModel) {
        let sockets = &mut self.clients[client].sockets;
        let index = sockets.iter().position(|socket| socket.key == key);
        let index = index.expect("events are of sockets that were made");
        (index, &mut sockets[index])
    }

    /// A client is told that its connection is open, or closed.
    pub(crate) fn manager(&mut self, client: usize, open: bool) {
        // What closes while it opens says so too.
        let was_open = std::mem::replace(&mut self.clients[client].open, open);
        self.require(!open || !was_open, || {
            format!("client {client} opened twice")
        });
    }
}

/// The attachment of an event.
pub(crate) fn blob(number: Number) -> Bytes {
    let times = usize::try_from(number % 5).unwrap_or(0) * 7;
    Bytes::from(number.to_be_bytes().repeat(times))
}

/// Makes an event, or an acknowledgement if it has no name.
pub(crate) fn payload(name: Option<&str>, number: Number, binary: bool, filler: usize) -> Payload {
    let builder = name.map_or_else(Payload::ack, Payload::event);
    let mut builder = builder.arg(&number);
    if filler > 0 {
        // The last argument is no text: it would be taken for an offset.
        builder = builder.arg(&"x".repeat(filler)).arg(&0);
    }
    if binary {
        builder = builder.binary(blob(number));
    }
    let built = builder.build();
    built.expect("numbers can be written")
}

/// Makes an event that repeats its attachment.
pub(crate) fn repeating(name: &str, number: Number, times: usize) -> Payload {
    let mut builder = Payload::event(name);
    let place = builder.attach(blob(number));
    let places = vec![place; times];
    let builder = builder.arg(&number).arg(&places);
    let built = builder.build();
    built.expect("so few may be repeated")
}

/// Whether a deadline is over.
pub(crate) fn is_over(deadline: Option<Instant>, now: Instant) -> bool {
    deadline.is_some_and(|deadline| deadline <= now)
}
