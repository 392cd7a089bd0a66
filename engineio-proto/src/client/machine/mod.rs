//! One session: a transport, an upgrade beside it, a heartbeat, and one ordered queue of messages.
//!
//! | state | input | next | output |
//! |---|---|---|---|
//! | closed | `open` | opening | GET, or a connection |
//! | opening | handshake | open | `Opened`; POST of what waits, a probe, the next GET |
//! | opening | transport fails, another is left to try | opening | GET, or a connection |
//! | opening | `close` | closed | `Closed`; the handshake's answer is awaited, then POST of `1` |
//! | open | `send` on polling, no POST on its way | open | POST |
//! | open | POST answered | open | POST of all that fits, if something waits |
//! | open | GET answered, not pausing | open | events, the next GET |
//! | open | probe answered | open, pausing | `Upgrading`; no further GET or POST |
//! | open, pausing | GET and POST answered | open, connected | `5` on the connection; `Upgraded` |
//! | open | `close` | closing | waiting messages still leave; an upgrade in progress is awaited |
//! | closing | everything left | closed | POST of `1`, or the connection is closed; `Closed` |
//! | closed | POST of `1` answered, and the GET is not | closed | the GET is aborted |
//! | any but closed | failure, `1`, deadline | closed | `Closed` |
//!
//! At most one GET and one POST are in flight. The machine decides on a request when its reason occurs, not when the
//! driver polls for it. The first message after a rest therefore goes alone and the next ones together, as in the
//! official client.

mod commands;
mod ending;
mod input;
mod opening;
mod output;
mod requests;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;

use bytestring::ByteString;

use super::close::CloseReason;
use super::config::Config;
use super::cookies::Cookies;
use super::heartbeat::Heartbeat;
use super::outbox::Outbox;
use super::output::{Event, Output};
use super::upgrade::Upgrade;
use crate::queue::Queue;
use crate::seed::{Generator, Purpose};
use crate::undelivered::Undelivered;
use crate::{Buffered, Transport};
use crate::{ConfigError, ConnectionId, Instant, RequestId, Seed};

/// An Engine.IO client, without its sockets and clock: one session at a time, and any number of them one after the
/// other.
///
/// The machine names its requests and connections from counters that never restart. It ignores responses to requests
/// that it does not wait for, and frames of unknown connections.
///
/// # Examples
///
/// ```
/// use engineio_proto::client::{Client, Config, Event, Output};
/// use engineio_proto::http::Answer;
/// use engineio_proto::{Encoded, Instant, Message, Seed};
///
/// let now = Instant::ZERO;
/// let mut client = Client::new(Config::default().with_upgrade(false), &Seed::new([1; 32]))?;
/// client.open(now);
/// let Some(Output::Request { request, message }) = client.poll_output() else { panic!("a handshake") };
/// assert!(message.url.starts_with("http://localhost/engine.io/?EIO=4&transport=polling&t="));
///
/// let open = r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
/// client.handle_response(request, Answer::new(200, open), now);
/// assert!(matches!(client.poll_output(), Some(Output::Request { message, .. }) if message.method == "GET"));
/// assert!(matches!(client.poll_output(), Some(Output::Event(Event::Opened(open))) if open.sid == "x"));
///
/// client.send(&Encoded::new(&Message::text("hello")))?;
/// assert!(matches!(client.poll_output(), Some(Output::Request { message, .. }) if message.body == "4hello"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Client {
    config: Box<Config>,
    generator: Generator,
    next_id: u64,
    /// The latest time seen.
    now: Instant,
    remembered: Remembered,
    cookies: Cookies,
    state: State,
    /// The transports that have not failed while opening.
    untried: Vec<Transport>,
    sid: Option<ByteString>,
    /// The maximum that the server accepts in one request.
    max_payload: Option<u64>,
    carrier: Carrier,
    upgrade: Upgrade,
    heartbeat: Heartbeat,
    outbox: Outbox,
    undelivered_bytes: usize,
    farewell: Option<Box<Farewell>>,
    events: Queue<Event>,
    actions: VecDeque<Output<Infallible>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("revision", &self.config.revision)
            .field("state", &self.state)
            .field("carrier", &self.carrier)
            .field("heartbeat", &self.heartbeat)
            .field("outbox", &self.outbox)
            .field("undelivered_bytes", &self.undelivered_bytes)
            .finish_non_exhaustive()
    }
}

/// The purpose of a deadline of the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Timer {
    /// The server's next ping; in revision 3 the client's, or the answer to it.
    Heartbeat,
    /// The end of opening.
    Open,
    /// The end of a request.
    Request,
    /// The end of a probe.
    Probe,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Closed,
    Opening {
        deadline: Option<Instant>,
    },
    Open,
    /// The application closed it; waiting messages may still leave.
    Closing,
}

#[derive(Clone, Copy, Debug)]
enum Carrier {
    None,
    Polling {
        get: Option<Pending>,
        post: Option<Pending>,
    },
    Connecting {
        transport: Transport,
        connection: ConnectionId,
    },
    Connected {
        transport: Transport,
        connection: ConnectionId,
        announced: bool,
        /// The packet that opens a WebTransport stream has not been handed over yet.
        greets: bool,
    },
}

/// An open request.
#[derive(Clone, Copy, Debug)]
struct Pending {
    id: RequestId,
    deadline: Deadline,
}

#[derive(Clone, Copy, Debug)]
enum Deadline {
    Never,
    /// Its timeout counts from the next known time, because the command that made the request got none.
    Unarmed,
    At(Instant),
}

/// What a client remembers of its connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Remembered {
    /// No WebSocket, or that the last one failed.
    Nothing,
    /// The last WebSocket worked. With [`Config::remember_upgrade`] it is opened first the next time.
    WebSocket,
}

impl Remembered {
    /// What is remembered of a transport that worked.
    fn of(transport: Option<Transport>) -> Self {
        match transport {
            Some(Transport::WebSocket) => Self::WebSocket,
            Some(Transport::Polling | Transport::WebTransport) | None => Self::Nothing,
        }
    }
}

/// What the client still owes to the server of an ended session: a close packet after an open request, or the end
/// of a poll.
#[derive(Clone)]
enum Farewell {
    /// The answer of this handshake tells which session to close.
    AfterHandshake(RequestId),
    /// Another POST would overlap this one.
    AfterPost {
        post: RequestId,
        get: Option<RequestId>,
        sid: ByteString,
    },
    /// The close packet is in flight. Once the server has it, nobody waits for the poll.
    Said { post: RequestId, get: RequestId },
}

impl Client {
    /// Makes a closed client. The seed makes polling requests unique to caches; nothing secret is drawn from it.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if the settings cannot work.
    pub fn new(config: Config, seed: &Seed) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config: Box::new(config),
            generator: Generator::new(seed, Purpose::Requests, 0),
            next_id: 0,
            now: Instant::ZERO,
            remembered: Remembered::Nothing,
            cookies: Cookies::default(),
            state: State::Closed,
            untried: Vec::new(),
            sid: None,
            max_payload: None,
            carrier: Carrier::None,
            upgrade: Upgrade::default(),
            heartbeat: Heartbeat::Off,
            outbox: Outbox::default(),
            undelivered_bytes: 0,
            farewell: None,
            events: Queue::new(),
            actions: VecDeque::new(),
        })
    }

    /// What is remembered of the connections so far, for [`Config::remember_upgrade`].
    ///
    /// In the official client one flag serves the whole process.
    #[must_use]
    pub fn remembered(&self) -> Remembered {
        self.remembered
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The session id, while the session is open or closing.
    #[must_use]
    pub fn sid(&self) -> Option<&ByteString> {
        self.sid.as_ref()
    }

    /// The current transport of the session, or the one that it is being opened on.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        match self.carrier {
            _ if self.is_closed() => None,
            Carrier::None => None,
            Carrier::Polling { .. } => Some(Transport::Polling),
            Carrier::Connecting { transport, .. } | Carrier::Connected { transport, .. } => {
                Some(transport)
            }
        }
    }

    /// Whether the handshake is done and nobody has closed the session.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the session has ended, or none was ever opened.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether the session is about to upgrade to another transport. Nothing is sent until it has.
    #[must_use]
    pub fn is_upgrading(&self) -> bool {
        self.upgrade.is_pausing()
    }

    /// Whether a message would leave at once. [`send_volatile`](Self::send_volatile) uses this.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        let takes = match self.carrier {
            Carrier::Polling { post, .. } => post.is_none() && !self.upgrade.is_pausing(),
            Carrier::Connected { .. } => true,
            Carrier::None | Carrier::Connecting { .. } => false,
        };
        takes && self.state == State::Open && self.outbox.is_empty()
    }

    /// Whether the driver should continue to read; false while too much waits for the application.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.undelivered().leaves_room(&self.config.read_until())
    }

    /// The events that wait for the application.
    fn undelivered(&self) -> Undelivered {
        Undelivered::new(self.events.len(), self.undelivered_bytes)
    }

    /// The messages that wait for the server.
    #[must_use]
    pub fn buffered(&self) -> Buffered {
        self.outbox.buffered()
    }

    /// Performs the steps that have become possible: completes an upgrade, posts waiting messages, ends a close.
    fn settle(&mut self) {
        let resting = matches!(
            self.carrier,
            Carrier::Polling {
                get: None,
                post: None
            }
        );
        if self.upgrade.is_pausing() && resting {
            self.complete_upgrade();
        }
        self.flush_post();
        if self.state != State::Closing || self.upgrade.is_pausing() {
            return;
        }
        let left = match self.carrier {
            Carrier::Polling { post, .. } => post.is_none() && self.outbox.is_empty(),
            Carrier::None | Carrier::Connecting { .. } | Carrier::Connected { .. } => {
                self.outbox.is_empty()
            }
        };
        if left {
            self.finish(CloseReason::ForcedClose);
        }
    }

    fn has_frames(&self) -> bool {
        self.greets() || !matches!(self.state, State::Opening { .. }) && !self.outbox.is_empty()
    }

    fn greets(&self) -> bool {
        matches!(self.carrier, Carrier::Connected { greets: true, .. })
    }

    fn is_connected(&self, connection: ConnectionId) -> bool {
        matches!(self.carrier, Carrier::Connected { connection: current, .. } if current == connection)
    }

    /// Sets the time, which never goes back. Timeouts of commands without a time count from here.
    fn observe(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if let Carrier::Polling { get, post } = &mut self.carrier {
            for request in [get, post].into_iter().flatten() {
                if let (Deadline::Unarmed, Some(timeout)) = (
                    request.deadline,
                    self.config.request_timeout_of(Transport::Polling),
                ) {
                    request.deadline = Deadline::At(self.now + timeout);
                }
            }
        }
    }

    fn check(&self) {
        self.outbox.check();
        debug_assert!(
            !self.is_closed() || self.poll_timeout().is_none(),
            "a closed connection has no timer"
        );
        debug_assert!(
            matches!(self.carrier, Carrier::Polling { .. }) || self.upgrade.is_empty(),
            "only polling is upgraded"
        );
    }
}

const _: () = {
    const fn sendable<T: Send + Sync>() {}
    sendable::<Client>();
    assert!(
        size_of::<Client>() <= 832,
        "an idle client is small but for its settings"
    );
};
