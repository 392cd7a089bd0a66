//! One session: two transports at most, a heartbeat, and one ordered queue of messages.
//!
//! | transport | input | next | output |
//! |---|---|---|---|
//! | polling, no poll held | poll | held, or the same if something is queued | the queued packets |
//! | polling, poll held | second poll | closed (`transport error`) | held: `1`; second: 400 |
//! | polling | POST, good | same | events, then `ok` |
//! | polling | POST, a packet is bad | closed (`parse error`) | events before it, 400 |
//! | polling | POST of `1` | closed (`transport close`) | held: `6`; then `ok` |
//! | polling | connection opens | same, with a probe beside it | see `upgrade.rs` |
//! | polling, probed | poll | same | queued packets or `6`, at once |
//! | polling, probed | `5` on the probe | connected | queued packets go there; `Upgraded` |
//! | connected | poll or POST | same | 400 |
//! | connected, or a probe is on | another connection | same | the other is accepted and closed |
//! | connected | `1`, or it closes | closed (`transport close`) | |
//!
//! The heartbeat runs beside this, through an upgrade too (`heartbeat.rs`); the two never look into each other. The session
//! tells the heartbeat when its packet has left the queue.

mod actions;
mod input;
mod output;

use alloc::sync::Arc;

use self::actions::Actions;
use super::close::{CloseReason, TransportFault};
use super::config::{Config, SlowReader};
use super::heartbeat::Heartbeat;
use super::outbox::Outbox;
use super::output::Output;
use super::parcel::Parcel;
use super::reject::{BadRequest, Reject};
use super::route::{Action, Handshake, SessionRequest};
use super::shared::Shared;
use super::upgrade::Upgrade;
use super::wire::Control;
use crate::collections::Steps;
use crate::http::Response;
use crate::ledger::{self, HeapSize, Held};
use crate::queue::Queue;
use crate::undelivered::Undelivered;
use crate::{
    Buffered, ConfigError, ConnectionId, Encoded, Instant, Message, RequestId, Revision, SendError,
    Sid, Transport,
};

/// One Engine.IO session on the server, without its sockets and clock.
///
/// [`Server`](super::Server) keeps many of them; a driver that wants to keep its own, one per task or thread, does so
/// with this type, [`Route`](super::Route) and [`TimerQueue`](crate::collections::TimerQueue).
///
/// # Examples
///
/// A session over one WebSocket, whose connection the driver calls 1:
///
/// ```
/// use std::sync::Arc;
///
/// use engineio_proto::server::{Config, Event, Handshake, Output, Session};
/// use engineio_proto::Transport;
/// use engineio_proto::{ConnectionId, Encoded, Frame, Instant, Message, Sid};
///
/// let sid = Sid::parse("lv_VI97HAXpY6yYWAAAC").ok_or("a sid")?;
/// let (connection, now) = (ConnectionId(1), Instant::ZERO);
/// let mut session = Session::open(Arc::new(Config::default()), sid, &Handshake::new(Transport::WebSocket), now)?;
/// session.handle_connection(connection, now);
/// assert!(matches!(session.poll_output(), Some(Output::Accept { .. })));
/// assert_eq!(session.poll_output(), Some(Output::Frames { connection }));
/// assert!(matches!(session.poll_frame(connection), Some(Frame::Text(open)) if open.starts_with("0{")));
///
/// session.handle_frame(connection, Frame::Text("4hello".into()), now);
/// assert_eq!(session.poll_output(), Some(Output::Event(Event::Message(Message::text("hello")))));
///
/// session.send(&Encoded::new(&Message::text("hi")))?;
/// assert_eq!(session.poll_frame(connection), Some(Frame::Text("4hi".into())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session {
    config: Shared,
    sid: Sid,
    disable_xss_filter: bool,
    /// The connection, or the probe that may become it, takes no binary frames. Polling goes by its own rules.
    text_only: bool,
    /// The handshake packet has not been handed over yet.
    open_pending: bool,
    state: State,
    /// The latest time seen.
    now: Instant,
    /// When a graceful close ends. It means something in [`State::Closing`] only, where it would take twice the room.
    closes_at: Instant,
    carrier: Carrier,
    upgrade: Upgrade,
    heartbeat: Heartbeat,
    outbox: Outbox,
    undelivered_bytes: usize,
    events: Queue<Event>,
    actions: Actions,
}

/// Something for the application to know of one session.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A message arrived.
    Message(Message),
    /// The session moved to another transport.
    Upgraded(Transport),
    /// After a refused send: half of the room is free again.
    Drained,
    /// The session is over; no event follows.
    Closed(CloseReason),
}

/// What a session has a deadline for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Timer {
    /// The next ping, or the pong to the last one.
    Heartbeat,
    /// The end of a probe.
    Upgrade,
    /// The end of a graceful close.
    Close,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Open,
    /// The application closed it; what is buffered may still leave.
    Closing,
    Closed,
}

#[derive(Clone, Copy, Debug)]
enum Carrier {
    Polling {
        held: Option<RequestId>,
        posting: Option<RequestId>,
    },
    /// A session that was opened by the handshake of a connection and has not got its connection yet.
    Awaited(Transport),
    Connected {
        transport: Transport,
        connection: ConnectionId,
        announced: bool,
    },
}

impl Session {
    /// Opens a session. The first input is [`handle_poll`](Self::handle_poll) or
    /// [`handle_connection`](Self::handle_connection) for the request that opened it, as the handshake says; it is
    /// answered with the open packet and the initial one.
    ///
    /// Arms the heartbeat. Checks the settings at each call, which takes as long as a cookie has bytes.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if the settings cannot work.
    pub fn open(
        config: Arc<Config>,
        sid: Sid,
        handshake: &Handshake,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self::begin(Shared::of_one(config), sid, handshake, now))
    }

    /// Opens a session of a machine that has many, and whose settings have been checked.
    pub(in crate::server) fn begin(
        config: Shared,
        sid: Sid,
        handshake: &Handshake,
        now: Instant,
    ) -> Self {
        let carrier = match handshake.transport {
            Transport::Polling => Carrier::Polling {
                held: None,
                posting: None,
            },
            transport @ (Transport::WebSocket | Transport::WebTransport) => {
                Carrier::Awaited(transport)
            }
        };
        let mut outbox = Outbox::of(handshake);
        let (interval, timeout) = (config.ping_interval, config.ping_timeout);
        if let Some(message) = &config.initial_packet {
            // An empty queue takes any message.
            let message = [Encoded::new(message)];
            let _taken = outbox.push(&Parcel::new(&message), &config, config.ledger());
        }
        Self {
            sid,
            disable_xss_filter: handshake.disable_xss_filter,
            text_only: false,
            open_pending: true,
            state: State::Open,
            now,
            closes_at: now,
            carrier,
            upgrade: Upgrade::None,
            heartbeat: match handshake.revision {
                Revision::V4 => Heartbeat::start(interval, now),
                Revision::V3 => Heartbeat::listen(interval, timeout, now),
            },
            outbox,
            undelivered_bytes: 0,
            events: Queue::new(),
            actions: Actions::default(),
            config,
        }
    }

    /// Queues a message for the client.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`]; [`SendError::Full`] if it would exceed what may wait; [`SendError::TooLarge`] if the message
    /// alone exceeds what may be held. Nothing is queued then.
    pub fn send(&mut self, message: &Encoded) -> Result<(), SendError> {
        self.send_parts(core::slice::from_ref(message))
    }

    /// Queues several messages back to back, or none of them.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_parts(&mut self, parts: &[Encoded]) -> Result<(), SendError> {
        if self.state != State::Open {
            return Err(SendError::Closed);
        }
        let parcel = Parcel::new(parts);
        let result = self
            .outbox
            .push(&parcel, &self.config, self.config.ledger());
        if matches!(result, Err(SendError::Full { .. }))
            && self.config.slow_reader == SlowReader::Close
        {
            let fault = TransportFault::SlowReader;
            self.finish(CloseReason::TransportError(fault), Release::Close);
        }
        self.flush_poll();
        self.check();
        result
    }

    /// As [`send_parts`](Self::send_parts), where that does nothing but queue: on a connection, with room. False, and
    /// nothing is queued, where more may come of it.
    #[inline]
    pub(super) fn queue_quietly(&mut self, parcel: &Parcel<'_>) -> bool {
        self.state == State::Open
            && matches!(self.carrier, Carrier::Connected { .. })
            && self
                .outbox
                .push(parcel, &self.config, self.config.ledger())
                .is_ok()
    }

    /// Whether no packet of the client moves a deadline or asks for something to be done, unless the session ends with it.
    #[inline]
    pub(super) fn is_steady(&self) -> bool {
        self.state == State::Open
            && matches!(self.carrier, Carrier::Connected { .. })
            && self.heartbeat.is_idle()
    }

    /// Queues the parts of one message if they can leave at once: a poll is held or the connection is idle, and
    /// nothing else waits. Otherwise drops them all and returns false.
    pub fn send_volatile(&mut self, parts: &[Encoded]) -> bool {
        self.is_writable() && self.send_parts(parts).is_ok()
    }

    /// Closes the session once what is buffered has left, or [`Config::close_timeout`] is over. Sends are refused and
    /// packets ignored from here on.
    pub fn close(&mut self, now: Instant) {
        let now = self.observe(now);
        if self.state != State::Open {
            return;
        }
        let idle = match self.carrier {
            Carrier::Polling { held, .. } => held.is_some(),
            Carrier::Awaited(_) | Carrier::Connected { .. } => !self.has_frames(),
        };
        if idle {
            self.finish(CloseReason::ForcedClose, Release::Close);
        } else {
            self.state = State::Closing;
            self.closes_at = now + self.config.close_timeout;
        }
        self.check();
    }

    /// Ends the session now and drops what is buffered. A held poll gets `1`.
    pub fn discard(&mut self) {
        self.finish(CloseReason::ForcedClose, Release::Close);
        self.check();
    }

    /// Compares a request with the session: its transport, revision and method.
    ///
    /// # Errors
    ///
    /// The [`Reject`] to answer the request with; the session is not affected.
    pub fn verify(&self, request: &SessionRequest) -> Result<(), Reject> {
        if self.is_closed() {
            return Err(Reject::UnknownSid);
        }
        if !matches!(request.action, Action::Upgrade { .. })
            && (request.transport != self.transport() || !self.is_polling())
        {
            return Err(Reject::BadRequest(BadRequest::TransportMismatch));
        }
        if request.revision != Some(self.revision()) {
            return Err(Reject::BadRequest(BadRequest::RevisionMismatch));
        }
        match request.action {
            Action::UnknownMethod => Err(Reject::UnknownMethod),
            Action::Upgrade { .. } if request.transport == Transport::Polling => {
                Err(Reject::BadRequest(BadRequest::TransportHandshake))
            }
            Action::Poll | Action::Post(_) | Action::Upgrade { .. } => Ok(()),
        }
    }

    /// The session id.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.sid
    }

    /// The protocol revision of the session.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.outbox.wire().revision()
    }

    /// The transport that the session is on.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.carrier {
            Carrier::Polling { .. } => Transport::Polling,
            Carrier::Awaited(transport) | Carrier::Connected { transport, .. } => transport,
        }
    }

    /// The transport that the session is on, `None` once it is over.
    pub(super) fn is_on(&self) -> Option<Transport> {
        (!self.is_closed()).then(|| self.transport())
    }

    /// Whether the session takes messages: it is neither closing nor closed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether a message would leave at once: what [`send_volatile`](Self::send_volatile) goes by.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        let takes = match self.carrier {
            Carrier::Polling { held, .. } => held.is_some(),
            Carrier::Awaited(_) => false,
            Carrier::Connected { .. } => !self.open_pending,
        };
        takes && self.state == State::Open && self.outbox.is_empty()
    }

    /// Whether the driver should read on; false while too much waits for the application.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.undelivered().leaves_room(&self.config.read_until())
    }

    /// What waits for the application.
    fn undelivered(&self) -> Undelivered {
        Undelivered::new(self.events.len(), self.undelivered_bytes)
    }

    /// What waits for the client.
    #[must_use]
    pub fn buffered(&self) -> Buffered {
        Buffered {
            messages: self.outbox.len(),
            bytes: self.outbox.bytes(),
        }
    }

    /// The bytes that are free once the session is over and its outputs have been taken: what waits for the client, for
    /// the application and for the driver. A message that other sessions of the same server hold too counts for none.
    ///
    /// Looks at each message that waits.
    #[must_use]
    pub fn bytes_held(&self) -> usize {
        self.held(&Steps::new()).alone
    }

    /// What the session holds, as [`bytes_held`](Self::bytes_held) says, and its part of what it shares with others.
    pub(super) fn held(&self, steps: &Steps) -> Held {
        let ledger = self.config.ledger();
        self.events.iter().for_each(|_| steps.count());
        self.outbox
            .held(ledger, steps)
            .with(self.actions.held(ledger, steps))
            .with(Held::only(self.events_size()))
    }

    fn events_size(&self) -> usize {
        self.events
            .iter()
            .fold(self.events.slots_size(), |sum, event| {
                sum.saturating_add(event.heap_size())
            })
    }

    /// Ends the session because the machine holds more than it may. What waits for the client and the messages that wait
    /// for the application are dropped. A session that is over already only drops them.
    pub(super) fn end_for_memory(&mut self) {
        self.drop_queued();
        let fault = TransportFault::MemoryLimit;
        self.finish(CloseReason::TransportError(fault), Release::Close);
        self.drop_messages();
        let body = self.outbox.control_payload(Control::Close);
        let headers = self.headers(output::TEXT_PAYLOAD);
        let answer = || Response::new(200, body.clone()).with_headers(headers.clone());
        self.actions.shorten(self.config.ledger(), answer);
        self.check();
    }

    /// Whether the session is over and holds nothing that [`end_for_memory`](Self::end_for_memory) drops.
    pub(super) fn is_spent(&self) -> bool {
        self.is_closed()
            && !self.has_frames()
            && !self.actions.has_long_answer()
            && !self
                .events
                .iter()
                .any(|event| matches!(event, Event::Message(_)))
    }

    /// Drops the messages that the application has not taken.
    fn drop_messages(&mut self) {
        let before = self.events_size();
        self.events
            .retain(|event| !matches!(event, Event::Message(_)));
        self.undelivered_bytes = 0;
        self.config.ledger().replace(before, self.events_size());
    }

    /// Ends the session: answers what is open, drops what is queued, tells the application.
    fn finish(&mut self, reason: CloseReason, release: Release) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.heartbeat.stop();
        self.abort_upgrade();
        match self.carrier {
            Carrier::Polling { held, posting } => {
                self.carrier = Carrier::Polling {
                    held: None,
                    posting: None,
                };
                if let Some(held) = held {
                    let control = if release == Release::Noop {
                        Control::Noop
                    } else {
                        Control::Close
                    };
                    self.respond_control(held, control);
                }
                if let Some(posting) = posting {
                    self.respond(posting, Response::new(400, ""));
                }
            }
            Carrier::Connected {
                transport,
                connection,
                announced,
            } if release != Release::Gone => {
                // A driver that drained after every input would have had these frames: it may take them now, before it
                // closes the connection.
                if self.has_frames() && !announced {
                    self.act(Output::Frames { connection });
                }
                self.carrier = Carrier::Connected {
                    transport,
                    connection,
                    announced: true,
                };
                self.act(Output::Close { connection });
            }
            Carrier::Awaited(_) | Carrier::Connected { .. } => self.drop_queued(),
        }
        if self.is_polling() {
            self.drop_queued();
        }
        self.tell(Event::Closed(reason));
    }

    /// Notes the time, which never goes back.
    fn observe(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    fn is_polling(&self) -> bool {
        matches!(self.carrier, Carrier::Polling { .. })
    }

    fn is_connected(&self, connection: ConnectionId) -> bool {
        matches!(self.carrier, Carrier::Connected { connection: current, .. } if current == connection)
    }

    fn check(&self) {
        self.outbox.check();
        debug_assert!(
            !self.is_closed() || self.poll_timeout().is_none(),
            "a closed session has no timer"
        );
        debug_assert!(
            !self.is_closed() || !self.is_polling() || !self.has_frames(),
            "a closed session sends nothing"
        );
        debug_assert!(
            !self.releases_poll(),
            "a poll is held only while there is nothing for it"
        );
        debug_assert!(
            self.is_polling() || self.upgrade.connection().is_none(),
            "only polling is upgraded"
        );
    }
}

impl HeapSize for Event {
    fn heap_size(&self) -> usize {
        match self {
            Self::Message(message) => ledger::buffer_size(message.len()),
            Self::Upgraded(_) | Self::Drained | Self::Closed(_) => 0,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let events = self.events_size();
        let ledger = self.config.ledger();
        self.outbox.clear(ledger);
        self.actions.clear(ledger);
        ledger.replace(events, 0);
    }
}

/// How a poll that is held at the end is answered, and whether the connection is still there to be closed.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Release {
    /// `1`: the server ends it.
    Close,
    /// `6`: the client said that it ends it.
    Noop,
    /// The connection closed by itself.
    Gone,
}

const _: () = {
    const fn sendable<T: Send + Sync>() {}
    sendable::<Session>();
    assert!(
        size_of::<Session>() <= 256,
        "a million of them fit into 256 MB"
    );
};
