//! The server: clients in, events out.

use bytes::Bytes;
use bytestring::ByteString;
use engineio_proto::ConfigError;
use engineio_proto::codec::DecodeError as FrameError;
use engineio_proto::collections::{Key, TimerQueue};
use engineio_proto::http::RequestHead;
use engineio_proto::server as engine;
use engineio_proto::server::{Output, SessionKey};
use engineio_proto::{ConnectionId, Frame, Instant, Purpose, RequestId, Seed, SidGenerator};

use super::broadcasts::Broadcasts;
use super::clients::{Client, Clients};
use super::config::Config;
use super::connecting::Questions;
use super::event::Event;
use super::keys::{BroadcastId, SocketId, SocketKey};
use super::namespace::Namespace;
use super::namespaces::Namespaces;
use super::queued::Events;
use super::recovery::Kept;
use super::sockets::Socket;
use super::sockets::Sockets;

/// The Socket.IO server of one shard: one thread's worth, without locks.
///
/// It owns the Engine.IO server below and takes its inputs under the same names. What comes out is the same too, but
/// for the events: those of Engine.IO are consumed here.
///
/// A command gets the time if its effect depends on it: if it sets a deadline, stores recovery data, or may close a
/// connection. If a deadline has passed, a driver calls [`handle_timeout`](Self::handle_timeout) before the command.
/// Sessions that end in another call, at the [memory limit](engine::Config::max_bytes_held), end at the latest time
/// that the server has seen.
///
/// # Cost
///
/// An operation takes O(log n) for all that the server has of sessions, sockets, rooms, namespaces and deadlines, beside
/// reading or writing its message, unless its documentation states another cost. An input costs that for each packet that
/// it brings. A session that ends costs, for each socket of its client, as much as [`disconnect`](Self::disconnect). A call
/// after which more is held than [`max_bytes_held`](engine::Config::max_bytes_held) looks at all sessions and events once
/// for each part of the limit that it frees.
///
/// # Examples
///
/// One client over a WebSocket, whose connection the driver calls 1:
///
/// ```
/// use socketio_proto::engine::http::RequestHead;
/// use socketio_proto::engine::server::Output;
/// use socketio_proto::engine::{ConnectionId, Frame, Instant, Seed};
/// use socketio_proto::server::{Config, Event, Server};
/// use socketio_proto::Payload;
///
/// let mut server = Server::new(Config::default(), 0, &Seed::new([1; 32]))?;
/// let (connection, now) = (ConnectionId(1), Instant::ZERO);
/// let mut events = |server: &mut Server| loop {
///     match server.poll_output() {
///         Some(Output::Event(event)) => return Some(event),
///         Some(_) => {} // a driver accepts, answers, writes
///         None => return None,
///     }
/// };
/// server.handle_upgrade(connection, &RequestHead::new("GET", "/socket.io/", "EIO=4&transport=websocket"), now);
/// assert!(matches!(events(&mut server), Some(Event::Opened { .. })));
///
/// server.handle_frame(connection, Frame::Text(r#"40{"token":"123"}"#.into()), now);
/// let Some(Event::Connecting { token, auth: Some(auth), .. }) = events(&mut server) else { panic!("a client") };
/// assert_eq!(auth.json(), r#"{"token":"123"}"#);
/// let socket = server.accept(token, now)?;
///
/// server.handle_frame(connection, Frame::Text(r#"42["hello","world"]"#.into()), now);
/// let Some(Event::Event { payload, .. }) = events(&mut server) else { panic!("an event") };
/// assert_eq!(payload.args::<(String,)>()?, ("world".to_owned(),));
///
/// server.emit(socket, &Payload::event("hi").arg(&1).build()?, now)?;
/// # let mut last = None;
/// # while let Some(frame) = server.poll_frame(connection) { last = Some(frame); }
/// # assert_eq!(last, Some(Frame::Text(r#"42["hi",1]"#.into())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    pub(super) engine: engine::Server,
    pub(super) config: Config,
    pub(super) generator: SidGenerator,
    pub(super) clients: Clients,
    pub(super) sockets: Sockets,
    pub(super) namespaces: Namespaces,
    pub(super) broadcasts: Broadcasts,
    pub(super) questions: Questions,
    pub(super) kept: Kept,
    pub(super) timers: TimerQueue<Timer>,
    pub(super) events: Events,
    /// The latest time seen: a clock that goes backwards stands still.
    now: Instant,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Timer {
    /// The client in this slot must have joined a namespace.
    Connect(u32),
    /// The application must have decided on this socket.
    Verdict(Key),
    /// This socket must have sent this acknowledgement.
    Ack(Key, u64),
    /// All recipients of this broadcast must have acknowledged it.
    Broadcast(BroadcastId),
    /// Look for what has been kept too long for clients that come back.
    Expiry,
}

/// Up to how many clients, and namespaces, a debug build checks the whole state after each input.
const MOST_CHECKED: usize = 100;

/// How many deadlines one call of `handle_timeout` fires at most, at this layer.
const TIMERS_PER_CALL: usize = 1024;

impl Server {
    /// Makes a server with the namespace `/` and no client. Ids carry `shard` and are drawn from `seed`, which must be
    /// fresh entropy outside of tests.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if the settings cannot work, those of the Engine.IO server included.
    pub fn new(config: Config, shard: u16, seed: &Seed) -> Result<Self, ConfigError> {
        config.check()?;
        let derive = |purpose| seed.derive(purpose, shard.into());
        let below = derive(Purpose::EngineServer);
        let engine = engine::Server::new(config.engine.clone(), shard, &below)?;
        let ledger = engine.ledger().clone();
        let recovery = config.connection_state_recovery;
        let mut server = Self {
            engine: engine.limited_by_caller(),
            config,
            generator: SidGenerator::new(shard, &derive(Purpose::SocketIds)),
            clients: Clients::new(),
            sockets: Sockets::new(),
            namespaces: Namespaces::new(),
            broadcasts: Broadcasts::new(),
            questions: Questions::new(&ledger),
            kept: Kept::new(recovery, &derive(Purpose::Offsets), &ledger),
            timers: TimerQueue::new(),
            events: Events::new(&ledger),
            now: Instant::ZERO,
        };
        if let Some(main) = server.namespaces.insert(ByteString::from_static("/")) {
            server.namespaces.establish(main, None);
        }
        Ok(server)
    }

    /// Takes a whole plain request, as [`engine::Server::handle_request`].
    pub fn handle_request(
        &mut self,
        id: RequestId,
        head: &RequestHead<'_>,
        body: Bytes,
        now: Instant,
    ) {
        self.advance(now);
        self.engine.handle_request(id, head, body, self.now);
        self.pump();
    }

    /// Notes that a POST has begun, as [`engine::Server::handle_request_begun`].
    pub fn handle_request_begun(&mut self, id: RequestId, head: &RequestHead<'_>, now: Instant) {
        self.advance(now);
        self.engine.handle_request_begun(id, head, self.now);
        self.pump();
    }

    /// Answers a request whose body is too large, as [`engine::Server::handle_request_too_large`].
    pub fn handle_request_too_large(&mut self, id: RequestId, now: Instant) {
        self.advance(now);
        self.engine.handle_request_too_large(id, self.now);
        self.pump();
    }

    /// Notes that the client of a request went away, as [`engine::Server::handle_request_aborted`].
    pub fn handle_request_aborted(&mut self, id: RequestId, now: Instant) {
        self.advance(now);
        self.engine.handle_request_aborted(id, self.now);
        self.pump();
    }

    /// Takes a request to become a WebSocket, as [`engine::Server::handle_upgrade`].
    pub fn handle_upgrade(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant) {
        self.advance(now);
        self.engine.handle_upgrade(id, head, self.now);
        self.pump();
    }

    /// Takes a request for a WebTransport session, as [`engine::Server::handle_webtransport`].
    pub fn handle_webtransport(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant) {
        self.advance(now);
        self.engine.handle_webtransport(id, head, self.now);
        self.pump();
    }

    /// Takes a frame of a connection, as [`engine::Server::handle_frame`].
    pub fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        self.advance(now);
        self.engine.handle_frame(id, frame, self.now);
        self.pump();
    }

    /// Notes that a WebTransport stream brought bytes that are no frame, as [`engine::Server::handle_bad_frame`].
    pub fn handle_bad_frame(&mut self, id: ConnectionId, error: FrameError, now: Instant) {
        self.advance(now);
        self.engine.handle_bad_frame(id, error, self.now);
        self.pump();
    }

    /// Notes that a connection closed, as [`engine::Server::handle_connection_closed`].
    pub fn handle_connection_closed(&mut self, id: ConnectionId, now: Instant) {
        self.advance(now);
        self.engine.handle_connection_closed(id, self.now);
        self.pump();
    }

    /// Notes that a connection broke, as [`engine::Server::handle_connection_failed`].
    pub fn handle_connection_failed(&mut self, id: ConnectionId, now: Instant) {
        self.advance(now);
        self.engine.handle_connection_failed(id, self.now);
        self.pump();
    }

    /// Fires what is due, at most 1,024 deadlines of each layer a call: if more are due,
    /// [`poll_timeout`](Self::poll_timeout) stays in the past and the driver calls again.
    ///
    /// Cost: for each deadline, that of what it ends. Of what is kept for clients that come back, a call forgets at most
    /// 16,384 packets, sessions and names of their rooms, at O(log n) each.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        self.engine.handle_timeout(self.now);
        self.pump();
        for _ in 0..TIMERS_PER_CALL {
            let Some(timer) = self.timers.pop_expired(self.now) else {
                break;
            };
            match timer {
                Timer::Connect(slot) => self.connect_timed_out(slot),
                Timer::Verdict(key) => self.verdict_timed_out(key),
                Timer::Ack(key, id) => self.ack_timed_out(key, id),
                Timer::Broadcast(id) => self.broadcast_timed_out(id),
                Timer::Expiry => {
                    if !self.expire() {
                        break;
                    }
                }
            }
        }
        self.pump();
    }

    /// The next thing to do or to know. All that is to be done comes before the events.
    ///
    /// Cost: O(1), and for a session that ends with its last action, that of its sockets.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<Event>> {
        loop {
            if self.engine.may_have_action() {
                if let Some(connection) = self.engine.poll_frames() {
                    self.keep_to_limit();
                    return Some(Output::Frames { connection });
                }
                if let Some(action) = self.engine.poll_action() {
                    self.keep_to_limit();
                    return Some(action.map_event(|never| match never {}));
                }
            }
            if !self.engine.may_have_event() {
                return self.next_event();
            }
            // Made by an action that was taken just now, such as the last answer of a session that closes.
            self.take_events();
        }
    }

    fn next_event(&mut self) -> Option<Output<Event>> {
        self.count_taken();
        if self.engine.is_over_limit() {
            return self.next_event_over_limit();
        }
        // Nothing is to be done for the limit, and less is held behind this: the event is moved once, to the caller.
        self.keep_to_limit();
        self.events.pop()
    }

    #[cold]
    fn next_event_over_limit(&mut self) -> Option<Output<Event>> {
        let event = self.events.pop();
        self.keep_to_limit();
        event
    }

    /// Counts the next event as taken.
    fn count_taken(&mut self) {
        let Some(taken) = self.events.count_taken() else {
            return;
        };
        if let Some((key, size)) = taken.asked {
            self.questions.event_taken(key, size);
        }
        if let Some((session, bytes)) = taken.counted
            && let Some(client) = self.client_mut(session)
        {
            client.undelivered_mut().remove(bytes);
        }
    }

    /// The next frame for a connection, as [`engine::Server::poll_frame`].
    #[must_use]
    pub fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame> {
        self.poll_frame_with_hint(connection)
            .map(|(frame, _)| frame)
    }

    /// The next frame and whether it may be compressed, as [`engine::Server::poll_frame_with_hint`].
    #[must_use]
    pub fn poll_frame_with_hint(&mut self, connection: ConnectionId) -> Option<(Frame, bool)> {
        let frame = self.engine.poll_frame_with_hint(connection);
        self.pump();
        frame
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` if never. Constant time; it may be early.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [self.engine.poll_timeout(), self.timers.next()];
        deadlines.into_iter().flatten().min()
    }

    /// Whether the driver should continue to read from a connection. It is false while too much waits for the
    /// application. It is also false where [`engine::Server::wants_read`] is: while the application decides on the
    /// session that a WebTransport stream asked for.
    #[must_use]
    pub fn wants_read(&self, connection: ConnectionId) -> bool {
        self.engine.wants_read(connection) && self.has_room_for_events(connection)
    }

    fn has_room_for_events(&self, connection: ConnectionId) -> bool {
        let session = self.engine.session_of(connection);
        session
            .and_then(|session| self.client(session))
            .is_none_or(|client| {
                let read_until = self.config.engine.read_until();
                client.undelivered().leaves_room(&read_until)
            })
    }

    /// The bytes that are held for all clients together, as
    /// [`max_bytes_held`](engineio_proto::server::Config::max_bytes_held) counts them. They are the data of the
    /// Engine.IO server below, untaken events, packets with incomplete attachments, recovery data, and the data of
    /// clients that wait for a verdict. Constant time. Zero once all clients are gone, their events have been taken,
    /// and no recovery data is stored.
    ///
    /// It is never below what the allocator was asked for, and at most twice as much, save that an attachment which the
    /// application puts into several events counts in each.
    #[must_use]
    pub fn bytes_held(&self) -> usize {
        self.engine.bytes_held()
    }

    /// The Engine.IO server below, to be looked at.
    #[must_use]
    pub fn engine(&self) -> &engine::Server {
        &self.engine
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(super) fn client(&self, session: SessionKey) -> Option<&Client> {
        self.clients.get(session)
    }

    pub(super) fn client_mut(&mut self, session: SessionKey) -> Option<&mut Client> {
        self.clients.get_mut(session)
    }

    pub(super) fn namespace_of(&self, socket: &Socket) -> Option<&Namespace> {
        self.namespaces.by_key(socket.namespace)
    }

    pub(super) fn namespace_name(&self, socket: &Socket) -> ByteString {
        self.namespace_of(socket)
            .map(|namespace| namespace.name.clone())
            .unwrap_or_default()
    }

    pub(super) fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// What must hold at all times; looked at while it is cheap.
    pub(super) fn check(&self) {
        let most = self.clients.len().max(self.namespaces.len());
        if !cfg!(debug_assertions) || most > MOST_CHECKED {
            return;
        }
        let open = self
            .engine
            .sessions()
            .filter(|(_, session)| session.is_open());
        debug_assert!(self.clients.len() >= open.count());
        let (mut joined, mut pending, mut acks) = (0, 0, 0);
        for (key, socket) in self.sockets.iter() {
            joined += usize::from(socket.joined);
            pending += usize::from(!socket.joined);
            let client = self.client(socket.session);
            debug_assert!(
                client.is_some_and(|client| client.peer().sockets().any(|other| other == key)),
                "a socket is known to its client"
            );
            acks += client.map_or(0, |client| {
                client.peer().pending_acks(&self.namespace_name(socket))
            });
        }
        let waiting = self.namespaces.iter();
        let waiting = waiting.map(|namespace| namespace.waiting.len());
        debug_assert_eq!(pending, waiting.sum::<usize>());
        let members = self.namespaces.iter().map(|namespace| {
            debug_assert!(
                !namespace.sockets.is_empty() || namespace.rooms.is_empty(),
                "a room has members"
            );
            let mut returning = namespace.returning.sockets();
            debug_assert!(
                returning.all(|socket| namespace.waiting.contains(&socket.0)),
                "who came back and was let in or left waits no longer"
            );
            namespace.sockets.len()
        });
        debug_assert_eq!(joined, members.sum::<usize>());
        let single = acks - self.broadcast_acks();
        let expiry = usize::from(self.kept.is_expiring());
        let timers = pending + single + self.broadcasts.len() + expiry;
        debug_assert!(
            (timers..=timers + self.clients.len()).contains(&self.timers.len()),
            "each verdict, acknowledgement and broadcast has a deadline, each client at most one"
        );
    }

    /// The id of a socket; `None` once it has left.
    #[must_use]
    pub fn socket_id(&self, socket: SocketKey) -> Option<SocketId> {
        SocketId::parse(self.sockets.get(socket.0)?.name())
    }
}
