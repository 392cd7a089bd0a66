//! The client: what network and clock bring, and what is to be done.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use bytestring::ByteString;
use engineio_proto::ConfigError;
use engineio_proto::client as engine;
use engineio_proto::client::Output;
use engineio_proto::codec::DecodeError as FrameError;
use engineio_proto::collections::{Fifo, Key, Slab, TimerQueue};
use engineio_proto::http::Answer;
use engineio_proto::undelivered::Undelivered;
use engineio_proto::{ConnectionId, Frame, Instant, Purpose, RequestId, Seed};

use super::config::Config;
use super::error::{ConnectError, DisconnectReason};
use super::event::Event;
use super::jitter::Jitter;
use super::legacy::main::Main;
use super::links::Links;
use super::phase::{Phase, Reconnect};
use super::socket::Socket;
use crate::parser::Decoder;

/// The client of one server: one connection, shared by the sockets of many namespaces.
///
/// It owns the Engine.IO client below and takes its inputs under the same names. What comes out is the same too, but
/// for the events: those of Engine.IO are consumed here. Sockets that were never made cost nothing, and those that are
/// left stay known, with what waits in them, until they are [forgotten](Self::forget).
///
/// # Cost
///
/// An operation takes O(log n) for n sockets and deadlines, beside reading or writing its message, unless its documentation
/// states another cost. An input costs that for each packet that it brings. A connection that opens, ends or fails costs
/// as much for each socket, and for each event and acknowledgement that waits in it.
///
/// # Examples
///
/// One namespace over a WebSocket, the part of the server played by hand:
///
/// ```
/// use socketio_proto::Payload;
/// use socketio_proto::client::{Client, Config, Event, SocketOptions};
/// use socketio_proto::engine::client::{Endpoint, Output};
/// use socketio_proto::engine::Transport;
/// use socketio_proto::engine::{Frame, Instant, Seed};
///
/// let now = Instant::ZERO;
/// let config = Config::new(Endpoint::parse("https://example.com")?)
///     .with_engine(|engine| engine.with_transports([Transport::WebSocket]));
/// let mut client = Client::new(config, &Seed::new([1; 32]))?;
///
/// let auth = Payload::object(&[("token", "123")].into_iter().collect::<std::collections::BTreeMap<_, _>>())?;
/// let socket = client.connect("/chat", SocketOptions::default().with_auth(auth), now)?;
/// client.emit(socket, &Payload::event("hello").arg("world").build()?, now)?; // waits
///
/// let Some(Output::Connect { connection, request, .. }) = client.poll_output() else { panic!("a connection") };
/// assert_eq!(request.url, "wss://example.com/socket.io/?EIO=4&transport=websocket");
/// client.handle_connected(connection, now);
/// let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
/// client.handle_frame(connection, Frame::Text(open.into()), now);
/// assert_eq!(client.poll_frame(connection), Some(Frame::Text(r#"40/chat,{"token":"123"}"#.into())));
///
/// client.handle_frame(connection, Frame::Text(r#"40/chat,{"sid":"y"}"#.into()), now);
/// assert_eq!(client.poll_frame(connection), Some(Frame::Text(r#"42/chat,["hello","world"]"#.into())));
/// let mut connected = false;
/// while let Some(output) = client.poll_output() {
///     connected |= matches!(output, Output::Event(Event::Connected { .. }));
/// }
/// assert!(connected && client.is_connected(socket));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Client {
    pub(super) config: Config,
    pub(super) links: Links,
    pub(super) decoder: Decoder,
    pub(super) phase: Phase,
    pub(super) reconnect: Reconnect,
    /// The application closed the connection: no attempt is planned until it opens one.
    pub(super) skip_reconnect: bool,
    /// The attempts that were planned since a connection was open.
    pub(super) attempts: u32,
    pub(super) jitter: Jitter,
    /// The id of the session, kept beyond its end for what came before that.
    pub(super) sid: Option<ByteString>,
    pub(super) main: Main,
    pub(super) sockets: Slab<Socket>,
    /// How many of the sockets are active.
    pub(super) active: usize,
    /// The sockets in the order in which they were made.
    pub(super) order: Vec<Key>,
    pub(super) names: BTreeMap<ByteString, Key>,
    pub(super) timers: TimerQueue<Timer>,
    pub(super) events: Fifo<Queued>,
    undelivered: Undelivered,
    pub(super) next_ack: u64,
    pub(super) next_question: u64,
    /// The latest time seen: a clock that goes backwards stands still.
    now: Instant,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("phase", &self.phase)
            .field("reconnect", &self.reconnect)
            .field("attempts", &self.attempts)
            .field("links", &self.links)
            .field("sockets", &self.sockets)
            .field("undelivered", &self.undelivered)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Timer {
    /// The connection must be open.
    Open,
    /// The next attempt begins.
    Reconnect,
    /// This socket must have the answer to its CONNECT.
    Join(Key),
    /// This socket must have this acknowledgement.
    Ack(Key, u64),
}

/// An event, with the bytes it counts for if it is bounded.
#[derive(Debug)]
pub(super) struct Queued {
    event: Event,
    counted: Option<usize>,
}

/// How many deadlines one call of `handle_timeout` fires at most, at this layer.
const TIMERS_PER_CALL: usize = 1024;

impl Client {
    /// Makes a client that does nothing yet. The delays between attempts are drawn from `seed`.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if the settings cannot work, those of the Engine.IO client included.
    pub fn new(config: Config, seed: &Seed) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            links: Links::new(config.engine.clone(), seed.clone())?,
            decoder: config
                .parser
                .decoder(config.limits)
                .with_revision(config.engine.revision),
            config,
            phase: Phase::Closed,
            reconnect: Reconnect::No,
            skip_reconnect: false,
            attempts: 0,
            jitter: Jitter::new(&seed.derive(Purpose::Jitter, 0)),
            sid: None,
            main: Main::default(),
            sockets: Slab::new(),
            active: 0,
            order: Vec::new(),
            names: BTreeMap::new(),
            timers: TimerQueue::new(),
            events: Fifo::new(),
            undelivered: Undelivered::default(),
            next_ack: 0,
            next_question: 0,
            now: Instant::ZERO,
        })
    }

    /// Takes the response to a request, as [`engine::Client::handle_response`].
    pub fn handle_response(&mut self, id: RequestId, response: Answer, now: Instant) {
        self.advance(now);
        self.links.handle_response(id, response, self.now);
        self.pump();
    }

    /// Notes that a request has no response, as [`engine::Client::handle_request_failed`].
    pub fn handle_request_failed(&mut self, id: RequestId, now: Instant) {
        self.advance(now);
        self.links.handle_request_failed(id, self.now);
        self.pump();
    }

    /// Notes that a connection is open, as [`engine::Client::handle_connected`].
    pub fn handle_connected(&mut self, id: ConnectionId, now: Instant) {
        self.with_connection(id, now, |engine, id, now| engine.handle_connected(id, now));
    }

    /// Takes a frame of a connection, as [`engine::Client::handle_frame`].
    pub fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        self.with_connection(id, now, |engine, id, now| {
            engine.handle_frame(id, frame, now);
        });
    }

    /// Notes that a WebTransport stream brought bytes that are no frame, as [`engine::Client::handle_bad_frame`].
    pub fn handle_bad_frame(&mut self, id: ConnectionId, error: FrameError, now: Instant) {
        self.with_connection(id, now, |engine, id, now| {
            engine.handle_bad_frame(id, error, now);
        });
    }

    /// Notes that a connection closed, as [`engine::Client::handle_connection_closed`].
    pub fn handle_connection_closed(&mut self, id: ConnectionId, now: Instant) {
        self.with_connection(id, now, |engine, id, now| {
            engine.handle_connection_closed(id, now);
        });
    }

    /// Notes that a connection broke or could not be opened, as [`engine::Client::handle_connection_failed`].
    pub fn handle_connection_failed(&mut self, id: ConnectionId, now: Instant) {
        self.with_connection(id, now, |engine, id, now| {
            engine.handle_connection_failed(id, now);
        });
    }

    /// As [`handle_connection_closed`](Self::handle_connection_closed), with the status code of the close frame.
    pub fn handle_connection_closed_with(&mut self, id: ConnectionId, code: u16, now: Instant) {
        self.with_connection(id, now, |engine, id, now| {
            engine.handle_connection_closed_with(id, code, now);
        });
    }

    /// Notes that the handshake of a connection was refused, as [`engine::Client::handle_connection_refused`].
    pub fn handle_connection_refused(&mut self, id: ConnectionId, answer: &Answer, now: Instant) {
        self.with_connection(id, now, |engine, id, now| {
            engine.handle_connection_refused(id, answer, now);
        });
    }

    /// Notes that the host went offline, as [`engine::Client::handle_offline`].
    pub fn handle_offline(&mut self, now: Instant) {
        self.advance(now);
        self.links.handle_offline(self.now);
        self.pump();
    }

    /// Fires what is due, at most 1,024 deadlines a call: if more are due, [`poll_timeout`](Self::poll_timeout) stays in
    /// the past and the driver calls again.
    ///
    /// Cost: for each deadline, that of what it ends.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        self.links.handle_timeout(self.now);
        self.pump();
        for _ in 0..TIMERS_PER_CALL {
            let Some(timer) = self.timers.pop_expired(self.now) else {
                break;
            };
            match timer {
                Timer::Open => self.open_failed(ConnectError::Timeout),
                Timer::Reconnect => self.attempt(),
                Timer::Join(key) => self.join_timed_out(key),
                Timer::Ack(key, id) => self.ack_timed_out(key, id),
            }
            self.pump();
        }
        self.check();
    }

    /// The next thing to do or to know. All that is to be done comes before the events.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<Event>> {
        if let Some(action) = self.links.poll_action() {
            // Giving out an action can end a connection that was closing, and nothing else.
            return Some(action.map_event(|never| match never {}));
        }
        let Queued { event, counted } = self.events.pop()?;
        if let Some(bytes) = counted {
            self.undelivered.remove(bytes);
        }
        Some(Output::Event(event))
    }

    /// The next frame for a connection, as [`engine::Client::poll_frame`].
    #[must_use]
    pub fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame> {
        let frame = self.links.poll_frame(connection);
        self.pump();
        frame
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` if never. Constant time; it may be early.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [self.links.poll_timeout(), self.timers.next()];
        deadlines.into_iter().flatten().min()
    }

    /// Whether the driver should read on from connections and make requests; false while too much waits for the
    /// application, or where [`engine::Client::wants_read`] says so.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        let read_until = self.config.engine.read_until();
        self.links.wants_read() && self.undelivered.leaves_room(&read_until)
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Notes the time, and lets a connection that is past its deadline end, so that nothing is written to it.
    pub(super) fn catch_up(&mut self, now: Instant) {
        self.advance(now);
        if self.links.has_ping_expired(self.now) {
            self.pump();
        }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.events.push(Queued {
            event,
            counted: None,
        });
    }

    /// Queues an event that the server caused, for which there is a limit. False if it exceeds it.
    pub(super) fn push_counted(&mut self, event: Event, bytes: usize) -> bool {
        self.undelivered.add(bytes);
        let repeated = event.repeated_len();
        self.events.push(Queued {
            event,
            counted: Some(bytes),
        });
        let engine = &self.config.engine;
        let allowed = self.config.parser.allowance(
            engine.read_until(),
            (engine.max_packets_per_payload, engine.max_payload),
            &self.config.limits,
            repeated,
        );
        self.undelivered.fits(&allowed)
    }

    /// Lets the events of the layer below take effect at once, so that no state waits for outputs to be polled.
    pub(super) fn pump(&mut self) {
        while let Some(event) = self.links.poll_event() {
            self.handle_engine_event(event);
        }
        self.check();
    }

    fn handle_engine_event(&mut self, event: engine::Event) {
        match event {
            engine::Event::Opened(open) => self.opened(open.sid),
            engine::Event::Message(message) => self.handle_message(message),
            engine::Event::Upgraded(transport) => self.push(Event::Upgraded { transport }),
            engine::Event::UpgradeFailed { transport, error } => {
                self.push(Event::UpgradeFailed { transport, error });
            }
            engine::Event::Ping => self.push_from_server(Event::Ping, 0),
            engine::Event::Pong => self.push_from_server(Event::Pong, 0),
            engine::Event::Drained => self.drained(),
            engine::Event::Closed(reason) => {
                if self.phase == Phase::Opening {
                    return self.open_failed(reason.into());
                }
                if let engine::CloseReason::TransportError(error) = &reason {
                    self.report_error(&ConnectError::Transport(error.clone()));
                }
                self.closed(DisconnectReason::Engine(reason));
            }
            engine::Event::Upgrading(_) | _ => {}
        }
    }

    fn with_connection(
        &mut self,
        id: ConnectionId,
        now: Instant,
        handle: impl FnOnce(&mut engine::Client, ConnectionId, Instant),
    ) {
        self.advance(now);
        let now = self.now;
        self.links
            .with_connection(id, |engine, id| handle(engine, id, now));
        self.pump();
    }

    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// What must hold at all times; looked at while it is cheap.
    pub(super) fn check(&self) {
        if cfg!(debug_assertions) && self.order.len() < 64 {
            debug_assert_eq!(self.order.len(), self.sockets.len());
            debug_assert_eq!(self.names.len(), self.sockets.len());
            let active = self.sockets.iter().filter(|(_, socket)| socket.active);
            debug_assert_eq!(self.active, active.count());
            for (_, socket) in self.sockets.iter() {
                debug_assert!(!socket.is_joined() || (socket.active && self.phase == Phase::Open));
                debug_assert_eq!(socket.is_joined(), socket.id.is_some());
                debug_assert!(
                    socket.send_buffer.len() <= self.config.max_buffered_events.saturating_add(1)
                );
            }
            debug_assert_eq!(
                self.links.current().is_some(),
                self.phase != Phase::Closed,
                "a connection is in use exactly while it is opening or open"
            );
        }
    }
}
