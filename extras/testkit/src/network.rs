//! Servers, clients, and the time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use socketio_proto::client::{self, Client};
use socketio_proto::engine::driver::server::{Handshakes, Lifecycle, Machine};
use socketio_proto::engine::server::Output;
use socketio_proto::engine::{ConfigError, ConnectionId, HeadId, Instant, RequestId, Seed};
use socketio_proto::server::{self, Server};

use crate::delivery::Delivery;
use crate::exchange::Exchange;
use crate::hosted::handshake;
use crate::lateness::Lateness;
use crate::path::Path;
use crate::pipe::Pipe;
use crate::random::Random;
use crate::tally::{Effect, Tally};
use crate::trace::{Recorder, Recording};

/// Names a server of a [`Network`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerId(pub(crate) usize);

/// Names a client of a [`Network`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(pub(crate) usize);

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {}", self.0)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {}", self.0)
    }
}

/// The kind of a step.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// A server tells its application something.
    Server {
        /// Which.
        server: ServerId,
        /// What.
        event: server::Event,
    },
    /// A client tells its application something.
    Client {
        /// Which.
        client: ClientId,
        /// What.
        event: client::Event,
    },
    /// Something moved below the applications: it arrived or was lost, or a deadline was due.
    Network,
}

/// Servers and clients in one thread, with a clock of their own and a network between that does what it is told.
///
/// What happens next is whatever is due first: something that arrives, or a deadline of a machine; where both are due at
/// the same time, the seed decides. Nothing happens but in [`step`](Self::step), and in what calls it:
/// [`advance`](Self::advance), [`run_until`](Self::run_until) and [`run_until_idle`](Self::run_until_idle).
#[derive(Debug)]
pub struct Network {
    pub(crate) now: Instant,
    pub(crate) random: Random,
    /// The source of the machines' seeds, which do not depend on other draws.
    seeds: Random,
    pub(crate) clients: Vec<ClientSide>,
    pub(crate) servers: Vec<ServerSide>,
    /// Traffic in flight, in the order of arrival.
    pub(crate) queue: BTreeMap<(Instant, u64), Delivery>,
    sequence: u64,
    deadlines: BTreeSet<(Instant, Peer)>,
    /// Those who may have something to do or to tell.
    pub(crate) dirty: BTreeSet<Peer>,
    /// Those who have something to tell, in that order.
    eventful: VecDeque<Peer>,
    /// The clients whose path was changed.
    pub(crate) changed: BTreeSet<usize>,
    pub(crate) exchanges: BTreeMap<u64, Exchange>,
    pub(crate) pipes: BTreeMap<u64, Pipe>,
    /// The WebSockets of which servers have left something unread.
    pub(crate) unread: BTreeSet<u64>,
    /// Numbers exchanges and WebSockets, under names that all servers know them by.
    next_number: u64,
    pub(crate) recorder: Recorder,
    pub(crate) tally: Tally,
    /// The steps since the clock moved.
    still: u32,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Peer {
    Client(usize),
    Server(usize),
}

#[derive(Debug)]
pub(crate) struct ClientSide {
    pub(crate) client: Client,
    pub(crate) path: Path,
    pub(crate) suspended: bool,
    pub(crate) late: Lateness,
    pending: Option<client::Event>,
    deadline: Option<Instant>,
    /// Traffic that would have arrived if no fault held it back.
    pub(crate) parked: Vec<((Instant, u64), Delivery)>,
    pub(crate) exchanges: BTreeMap<RequestId, u64>,
    pub(crate) pipes: BTreeMap<ConnectionId, u64>,
}

#[derive(Debug)]
pub(crate) struct ServerSide {
    pub(crate) server: Server,
    pub(crate) host: String,
    seed: Seed,
    pub(crate) starts: u64,
    pub(crate) running: bool,
    pub(crate) suspended: bool,
    pub(crate) late: Lateness,
    /// For an application that is told of them as a driver would.
    pub(crate) handshakes: Handshakes,
    pending: Option<server::Event>,
    deadline: Option<Instant>,
}

/// The start of the clock. It is not zero, because machines must not treat that specially.
const START: Instant = Instant::from_millis(1_000_000);

/// So many steps without the clock moving are taken for a machine that never comes to rest.
const MOST_STILL: u32 = 1_000_000;

impl Network {
    /// A network without anybody. All that is left to chance is drawn from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            now: START,
            seeds: random.fork(),
            random,
            clients: Vec::new(),
            servers: Vec::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            deadlines: BTreeSet::new(),
            dirty: BTreeSet::new(),
            eventful: VecDeque::new(),
            changed: BTreeSet::new(),
            exchanges: BTreeMap::new(),
            pipes: BTreeMap::new(),
            unread: BTreeSet::new(),
            next_number: 0,
            recorder: Recorder::new(),
            tally: Tally::default(),
            still: 0,
        }
    }

    /// Adds a server that is reached at `host`: host and port as they stand in the addresses of clients, without a
    /// port that is the default.
    ///
    /// # Errors
    ///
    /// As [`Server::new`].
    pub fn add_server(
        &mut self,
        host: &str,
        config: server::Config,
    ) -> Result<ServerId, ConfigError> {
        let id = self.servers.len();
        let seed = self.seeds.seed();
        let shard = u16::try_from(id).unwrap_or_default();
        self.servers.push(ServerSide {
            server: Server::new(config, shard, &seed.child(0))?,
            host: host.to_owned(),
            seed,
            starts: 0,
            running: true,
            suspended: false,
            late: Lateness::NONE,
            handshakes: Handshakes::default(),
            pending: None,
            deadline: None,
        });
        Ok(ServerId(id))
    }

    /// Adds a client, whose server is the one at the address in its settings, by then or later. Its path is the default
    /// one.
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    pub fn add_client(&mut self, config: client::Config) -> Result<ClientId, ConfigError> {
        let id = self.clients.len();
        self.clients.push(ClientSide {
            client: Client::new(config, &self.seeds.seed())?,
            path: Path::default(),
            suspended: false,
            late: Lateness::NONE,
            pending: None,
            deadline: None,
            parked: Vec::new(),
            exchanges: BTreeMap::new(),
            pipes: BTreeMap::new(),
        });
        Ok(ClientId(id))
    }

    /// The current time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Lets the time jump ahead, for everybody: what happens meanwhile happens late.
    pub fn jump(&mut self, duration: Duration) {
        self.now = self.now + duration;
        if self.next_step().is_some_and(|due| due < self.now) {
            self.count(Effect::Jumped);
        }
        self.note(format_args!("the clock jumps by {duration:?}"));
    }

    /// The random generator of the network.
    pub const fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// All servers.
    pub fn servers(&self) -> impl Iterator<Item = ServerId> + use<> {
        (0..self.servers.len()).map(ServerId)
    }

    /// All clients.
    pub fn clients(&self) -> impl Iterator<Item = ClientId> + use<> {
        (0..self.clients.len()).map(ClientId)
    }

    /// A server, to be looked at.
    ///
    /// # Panics
    ///
    /// If `id` is of another network; so do all methods that take one.
    #[must_use]
    pub fn server(&self, id: ServerId) -> &Server {
        &self.servers[id.0].server
    }

    /// A client, to be looked at.
    #[must_use]
    pub fn client(&self, id: ClientId) -> &Client {
        &self.clients[id.0].client
    }

    /// A server, to be given commands, and what time it is.
    pub fn server_mut(&mut self, id: ServerId) -> (&mut Server, Instant) {
        self.dirty.insert(Peer::Server(id.0));
        (&mut self.servers[id.0].server, self.now)
    }

    /// A client, to be given commands, and what time it is.
    pub fn client_mut(&mut self, id: ClientId) -> (&mut Client, Instant) {
        self.dirty.insert(Peer::Client(id.0));
        (&mut self.clients[id.0].client, self.now)
    }

    /// The path of a client.
    #[must_use]
    pub fn path(&self, id: ClientId) -> &Path {
        &self.clients[id.0].path
    }

    /// The path of a client, to be changed.
    pub fn path_mut(&mut self, id: ClientId) -> &mut Path {
        self.changed.insert(id.0);
        &mut self.clients[id.0].path
    }

    /// Whether there may be events that the application of a server has not been told yet.
    #[must_use]
    pub fn is_server_behind(&self, id: ServerId) -> bool {
        let side = &self.servers[id.0];
        let waits = side.pending.is_some() || side.late.is_undrained();
        waits || side.suspended || self.dirty.contains(&Peer::Server(id.0))
    }

    /// Whether there may be events that the application of a client has not been told yet.
    #[must_use]
    pub fn is_client_behind(&self, id: ClientId) -> bool {
        let side = &self.clients[id.0];
        let waits = side.pending.is_some() || side.late.is_undrained();
        waits || side.suspended || self.dirty.contains(&Peer::Client(id.0))
    }

    /// The requests that opened the sessions of a server, as a driver keeps them for an application.
    #[must_use]
    pub fn handshakes(&self, id: ServerId) -> &Handshakes {
        &self.servers[id.0].handshakes
    }

    /// A server with what its application is called with.
    pub(crate) fn server_and_handshakes(
        &mut self,
        id: ServerId,
    ) -> (&mut Server, &mut Handshakes, Instant) {
        self.dirty.insert(Peer::Server(id.0));
        let side = &mut self.servers[id.0];
        (&mut side.server, &mut side.handshakes, self.now)
    }

    /// Sets the kind of record that is kept from now on. It is initially empty.
    pub fn record(&mut self, recording: Recording) {
        self.recorder.set(recording);
    }

    /// The [recorded](Self::record) events, one in a line.
    #[must_use]
    pub fn trace(&self) -> &[String] {
        self.recorder.lines()
    }

    /// A number that stands for all that was [recorded](Self::record): two runs in which the same happened have the same.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.recorder.digest()
    }

    /// Adds a line of the test's to the trace.
    pub fn note(&mut self, what: fmt::Arguments<'_>) {
        self.recorder.note(self.now, what);
    }

    /// Lets the next thing happen that is due by then; `None` if there is none, and then it is that time.
    ///
    /// # Panics
    ///
    /// If a million steps were made without the clock moving: somebody never comes to rest.
    pub fn step(&mut self, by: Instant) -> Option<Step> {
        self.settle();
        if let Some(step) = self.take_event() {
            self.count_step();
            return Some(step);
        }
        let Some((at, peer)) = self.next_due().filter(|(at, _)| *at <= by) else {
            if by != Instant::MAX && by > self.now {
                self.now = by;
                self.still = 0;
            }
            return None;
        };
        if at > self.now {
            self.now = at;
            self.still = 0;
        }
        self.count_step();
        match peer {
            Some(peer) => self.fire(peer),
            None => {
                if let Some((key, delivery)) = self.queue.pop_first() {
                    self.arrive(key, delivery);
                }
            }
        }
        self.settle();
        Some(Step::Network)
    }

    /// The time of the next event, if nobody gives a machine anything before; `None` for never.
    #[must_use]
    pub fn next_step(&self) -> Option<Instant> {
        self.next_sources().into_iter().flatten().min()
    }

    /// Whether nothing is under way, and nobody has anything to do or to be told until a deadline is due.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.dirty.is_empty()
            && self.changed.is_empty()
            && !self.can_tell()
    }

    pub(crate) fn count_step(&mut self) {
        self.still += 1;
        assert!(
            self.still < MOST_STILL,
            "at {:?} it never comes to rest",
            self.now
        );
    }

    fn next_sources(&self) -> [Option<Instant>; 2] {
        let arrival = self.queue.first_key_value().map(|((at, _), _)| *at);
        [arrival, self.deadlines.first().map(|(at, _)| *at)]
    }

    /// The next due event, and the machine if it is a deadline.
    fn next_due(&mut self) -> Option<(Instant, Option<Peer>)> {
        let [arrival, _] = self.next_sources();
        let deadline = self.deadlines.first().copied();
        match (arrival, deadline) {
            (Some(at), Some((due, peer))) if due < at => Some((due, Some(peer))),
            (Some(at), Some((due, peer))) if due == at && self.random.chance(500) => {
                Some((due, Some(peer)))
            }
            (Some(at), _) => Some((at, None)),
            (None, deadline) => deadline.map(|(due, peer)| (due, Some(peer))),
        }
    }

    fn fire(&mut self, peer: Peer) {
        let now = self.now;
        match peer {
            Peer::Client(index) => self.clients[index].client.handle_timeout(now),
            Peer::Server(index) => self.servers[index].server.handle_timeout(now),
        }
        self.dirty.insert(peer);
    }

    /// Lets everybody do what there is to do, up to what is to be told.
    pub(crate) fn settle(&mut self) {
        while let Some(index) = self.changed.pop_first() {
            self.loosen(index);
        }
        while let Some(peer) = self.dirty.pop_first() {
            match peer {
                Peer::Client(index) => self.settle_client(index),
                Peer::Server(index) => self.settle_server(index),
            }
        }
    }

    fn settle_client(&mut self, index: usize) {
        if self.clients[index].suspended {
            return self.set_deadline(Peer::Client(index), None);
        }
        if self.leaves_outputs(Peer::Client(index)) {
            return;
        }
        while self.clients[index].pending.is_none()
            && let Some(output) = self.clients[index].client.poll_output()
        {
            if let Some(event) = self.perform_client(index, output) {
                self.clients[index].pending = Some(event);
                self.eventful.push_back(Peer::Client(index));
                self.count_untold(Peer::Client(index));
            }
        }
        self.read_on_client(index);
        let deadline = self.clients[index].client.poll_timeout();
        self.set_deadline(Peer::Client(index), deadline);
    }

    fn settle_server(&mut self, index: usize) {
        if self.servers[index].suspended || !self.servers[index].running {
            return self.set_deadline(Peer::Server(index), None);
        }
        if self.leaves_outputs(Peer::Server(index)) {
            return;
        }
        while self.servers[index].pending.is_none()
            && let Some(output) = self.servers[index].server.poll_output()
        {
            self.note_answer(index, &output);
            if let Some(event) = self.perform_server(output) {
                self.servers[index].pending = Some(event);
                self.eventful.push_back(Peer::Server(index));
                self.count_untold(Peer::Server(index));
            }
        }
        if self.servers[index].pending.is_none() {
            self.servers[index].handshakes.end_step();
        }
        self.read_on_server(index);
        let deadline = self.servers[index].server.poll_timeout();
        self.set_deadline(Peer::Server(index), deadline);
    }

    pub(crate) fn set_deadline(&mut self, peer: Peer, deadline: Option<Instant>) {
        let place = match peer {
            Peer::Client(index) => &mut self.clients[index].deadline,
            Peer::Server(index) => &mut self.servers[index].deadline,
        };
        if *place == deadline {
            return;
        }
        let before = std::mem::replace(place, deadline);
        if let Some(before) = before {
            self.deadlines.remove(&(before, peer));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, peer));
        }
    }

    fn can_be_told(&self, peer: Peer) -> bool {
        let (late, suspended) = match peer {
            Peer::Client(index) => (&self.clients[index].late, self.clients[index].suspended),
            Peer::Server(index) => (&self.servers[index].late, self.servers[index].suspended),
        };
        !suspended && late.takes_events(self.now)
    }

    /// Whether an event waits for the application.
    pub(crate) fn has_pending(&self, peer: Peer) -> bool {
        match peer {
            Peer::Client(index) => self.clients[index].pending.is_some(),
            Peer::Server(index) => self.servers[index].pending.is_some(),
        }
    }

    fn can_tell(&self) -> bool {
        self.eventful.iter().any(|peer| self.can_be_told(*peer))
    }

    fn take_event(&mut self) -> Option<Step> {
        let place = self
            .eventful
            .iter()
            .position(|peer| self.can_be_told(*peer))?;
        let peer = self.eventful.remove(place)?;
        self.dirty.insert(peer);
        self.begin_event(peer);
        match peer {
            Peer::Client(index) => {
                let event = self.clients[index].pending.take()?;
                let client = ClientId(index);
                self.note(format_args!("{client} is told {event:-?}"));
                Some(Step::Client { client, event })
            }
            Peer::Server(index) => {
                let event = self.servers[index].pending.take()?;
                let server = ServerId(index);
                self.note_handshake(index, Server::lifecycle(&event));
                self.note(format_args!("{server} is told {event:-?}"));
                Some(Step::Server { server, event })
            }
        }
    }

    /// An answered request is no longer awaited, once the application has been told.
    fn note_answer(&mut self, index: usize, output: &Output<server::Event>) {
        let by = match output {
            Output::Respond { request, .. } => HeadId::Request(*request),
            Output::Accept { connection, .. }
            | Output::Refuse { connection, .. }
            | Output::Close { connection } => HeadId::Connection(*connection),
            Output::Frames { .. } | Output::Event(_) => return,
        };
        self.servers[index].handshakes.answer(by);
    }

    /// Keeps the head of the request that an event is about, if the application may ask for it.
    fn note_handshake(&mut self, index: usize, lifecycle: Lifecycle) {
        let (exchanges, pipes, now) = (&self.exchanges, &self.pipes, self.now);
        self.servers[index].handshakes.note(lifecycle, |by| {
            let (client, request) = match by {
                HeadId::Request(id) => exchanges.get(&id.0).map(Exchange::asked)?,
                HeadId::Connection(id) => pipes.get(&id.0).map(Pipe::asked)?,
            };
            Some(handshake(client, request, now))
        });
    }

    /// Puts another server in the place of one.
    pub(crate) fn replace_server(&mut self, index: usize) {
        let side = &mut self.servers[index];
        side.starts += 1;
        let config = side.server.config().clone();
        let shard = u16::try_from(index).unwrap_or_default();
        match Server::new(config, shard, &side.seed.child(side.starts)) {
            Ok(server) => side.server = server,
            Err(error) => unreachable!("the settings were good before: {error}"),
        }
        side.pending = None;
        side.handshakes = Handshakes::default();
        side.late.forget();
        self.eventful.retain(|peer| *peer != Peer::Server(index));
        self.dirty.insert(Peer::Server(index));
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    pub(crate) fn queue_at(&mut self, at: Instant, delivery: Delivery) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), delivery);
    }

    pub(crate) fn time_up(&mut self, client: usize) -> Instant {
        let path = &self.clients[client].path;
        let jitter = self.random.duration(Duration::ZERO, path.jitter);
        self.now + path.latency_up + jitter
    }

    pub(crate) fn time_down(&mut self, client: usize) -> Instant {
        let path = &self.clients[client].path;
        let jitter = self.random.duration(Duration::ZERO, path.jitter);
        self.now + path.latency_down + jitter
    }

    /// The number of a server that is reached at an authority.
    pub(crate) fn find_server(&self, authority: &str) -> Option<usize> {
        self.servers.iter().position(|side| side.host == authority)
    }
}
