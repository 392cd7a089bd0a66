//! The settings of a client.

use core::time::Duration;

use engineio_proto::ConfigError;
use engineio_proto::client as engine;
use engineio_proto::client::Endpoint;
use engineio_proto::settings::{
    check_at_least_one, check_optional_timer, check_optional_timer_or_zero, check_timer_or_zero,
};
use serde::{Deserialize, Serialize};

use super::backoff::Backoff;
use crate::Payload;
use crate::parser::{Limits, Parser};

/// The settings of a client, with the official names and defaults.
///
/// There is no `autoConnect`: nothing happens before [`Client::open`](super::Client::open) or
/// [`Client::connect`](super::Client::connect) is called.
///
/// # Examples
///
/// ```
/// use socketio_proto::client::Config;
/// use socketio_proto::engine::client::Endpoint;
///
/// let config = Config::new(Endpoint::parse("https://example.com")?)
///     .with_engine(|engine| engine.with_upgrade(false))
///     .with_reconnection_attempts(Some(10));
/// assert_eq!(config.engine.path, "/socket.io");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Config {
    /// The settings of the Engine.IO client below, the address of the server among them. Its path is `/socket.io` by
    /// default, and its `max_undelivered_messages` and `max_undelivered_bytes` bound the events that wait for the
    /// application too. Its revision decides that of Socket.IO: over Engine.IO 3 it is revision 4, which servers of
    /// Socket.IO 1 and 2 speak, and later ones that allow it.
    pub engine: engine::Config,
    /// How packets are written, which both peers must agree on. Default JSON with binary attachments.
    pub parser: Parser,
    /// What the decoder accepts. What exceeds it ends the connection. By default a DISCONNECT may have a payload, which
    /// `python-socketio` sends.
    pub limits: Limits,
    /// Whether a connection that was lost, or did not come about, is made anew. Default true.
    pub reconnection: bool,
    /// The attempts after which that is given up, `None` for never; 0 means never too. Default `None`.
    pub reconnection_attempts: Option<u32>,
    /// The delays between attempts.
    pub backoff: Backoff,
    /// How long a connection may take to open, `None` for any time. With zero it fails at the next
    /// [`handle_timeout`](super::Client::handle_timeout), as officially. Default 20 s.
    pub timeout: Option<Duration>,
    /// How long the server may take to answer a CONNECT, `None` for as long as the connection lives. A socket without
    /// an answer gets [`ConnectError::Timeout`](super::ConnectError::Timeout) and is inactive then. Officially there is
    /// no such limit, and by default neither.
    pub namespace_timeout: Option<Duration>,
    /// How long a connection that the client closes may take to send what is queued on it, before it is cut off.
    /// Default 20 s.
    pub close_timeout: Duration,
    /// Whether every packet received is reported as [`Event::Packet`](super::Event::Packet). Default false.
    pub report_packets: bool,
    /// The sockets that the client may have, active or not. Default 256.
    pub max_namespaces: usize,
    /// The maximum number of events of one socket in each of its buffers. The buffers hold events emitted while it is
    /// not connected, events emitted with retries, and events received before the answer to CONNECT. Emitting more is
    /// refused; receiving more ends the connection. Default 4,096.
    pub max_buffered_events: usize,
    /// The bytes that may wait in each of these buffers; a single event may be larger. Default 4 MiB.
    pub max_buffered_bytes: usize,
    /// The events of one socket whose acknowledgement may be awaited; further ones are refused. Default 65,536.
    pub max_pending_acks: usize,
}

impl Config {
    /// Makes the default settings for the server at `endpoint`.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            engine: engine::Config::new(endpoint).with_path("/socket.io"),
            parser: Parser::default(),
            limits: Limits::default().with_lenient_disconnect(true),
            reconnection: true,
            reconnection_attempts: None,
            backoff: Backoff::default(),
            timeout: Some(Duration::from_millis(20_000)),
            namespace_timeout: None,
            close_timeout: Duration::from_millis(20_000),
            report_packets: false,
            max_namespaces: 256,
            max_buffered_events: 4_096,
            max_buffered_bytes: 4 << 20,
            max_pending_acks: 65_536,
        }
    }

    /// Changes [`engine`](Self::engine).
    #[must_use]
    pub fn with_engine(mut self, change: impl FnOnce(engine::Config) -> engine::Config) -> Self {
        self.engine = change(self.engine);
        self
    }

    engineio_proto::__setters! {
        with_parser parser: Parser = |parser| parser;
        with_limits limits: Limits = |limits| limits;
        with_reconnection reconnection: bool = |reconnection| reconnection;
        with_reconnection_attempts reconnection_attempts: Option<u32> = |attempts| attempts;
    }

    /// Sets [`Backoff::reconnection_delay`].
    #[must_use]
    pub fn with_reconnection_delay(mut self, delay: Duration) -> Self {
        self.backoff.reconnection_delay = delay;
        self
    }

    /// Sets [`Backoff::reconnection_delay_max`].
    #[must_use]
    pub fn with_reconnection_delay_max(mut self, delay: Duration) -> Self {
        self.backoff.reconnection_delay_max = delay;
        self
    }

    /// Sets [`Backoff::randomization_factor`].
    #[must_use]
    pub fn with_randomization_factor(mut self, factor: f64) -> Self {
        self.backoff.randomization_factor = factor;
        self
    }

    engineio_proto::__setters! {
        with_timeout timeout: Option<Duration> = |timeout| timeout;
        with_namespace_timeout namespace_timeout: Option<Duration> = |timeout| timeout;
        with_close_timeout close_timeout: Duration = |timeout| timeout;
        with_report_packets report_packets: bool = |report| report;
        with_max_namespaces max_namespaces: usize = |namespaces| namespaces;
    }

    /// Sets [`max_buffered_events`](Self::max_buffered_events) and [`max_buffered_bytes`](Self::max_buffered_bytes).
    #[must_use]
    pub fn with_max_buffered(mut self, events: usize, bytes: usize) -> Self {
        self.max_buffered_events = events;
        self.max_buffered_bytes = bytes;
        self
    }

    engineio_proto::__setters! {
        with_max_pending_acks max_pending_acks: usize = |acks| acks;
    }

    /// Finds out whether a client can work with these settings, those of the layer below included.
    ///
    /// Times are at least 1 ms and at most [`MAX_TIMER`](crate::engine::settings::MAX_TIMER); a
    /// [`close_timeout`](Self::close_timeout) of zero means not to wait, and a [`timeout`](Self::timeout) may be zero as
    /// officially. Buffers and pending acknowledgements are
    /// switched off by a limit of zero.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first option at fault, its value and what is allowed.
    pub fn check(&self) -> Result<(), ConfigError> {
        // A new option needs a rule here; `_` says that each value works.
        let Self {
            engine,
            parser: _,
            limits,
            reconnection: _,
            reconnection_attempts: _,
            backoff,
            timeout,
            namespace_timeout,
            close_timeout,
            report_packets: _,
            max_namespaces,
            max_buffered_events: _,
            max_buffered_bytes: _,
            max_pending_acks: _,
        } = self;
        engine.check().map_err(|error| error.within("engine"))?;
        limits.check().map_err(|error| error.within("limits"))?;
        backoff.check().map_err(|error| error.within("backoff"))?;
        check_optional_timer_or_zero("timeout", *timeout)?;
        check_optional_timer("namespace_timeout", *namespace_timeout)?;
        check_timer_or_zero("close_timeout", *close_timeout)?;
        check_at_least_one("max_namespaces", *max_namespaces)
    }
}

/// The settings of one socket.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SocketOptions {
    /// What the socket shows the server at each CONNECT.
    pub auth: Auth,
    /// How long acknowledgements may take where the application does not tell; `None` for as long as the session lives.
    /// Default `None`.
    pub ack_timeout: Option<Duration>,
    /// How often an event is sent again while its acknowledgement does not come; 0, the default, turns this off.
    ///
    /// With retries every event that is not volatile is sent at least once, and in order. Each waits until the previous
    /// one is acknowledged or given up, so the server must acknowledge every event. An `ack_timeout` is needed to send
    /// again before the connection is lost.
    pub retries: u32,
}

impl SocketOptions {
    /// Sets [`auth`](Self::auth) to a payload that is always the same, an object.
    #[must_use]
    pub fn with_auth(mut self, payload: Payload) -> Self {
        self.auth = Auth::Fixed(payload);
        self
    }

    /// Sets [`auth`](Self::auth) so that the application is asked at every connection.
    #[must_use]
    pub fn with_auth_asked(mut self) -> Self {
        self.auth = Auth::Ask;
        self
    }

    engineio_proto::__setters! {
        with_ack_timeout ack_timeout: Option<Duration> = |timeout| timeout;
        with_retries retries: u32 = |retries| retries;
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // A new option needs a rule here; `_` says that each value works.
        let Self {
            auth: _, // depends on the namespace and the revision
            ack_timeout,
            retries: _,
        } = self;
        check_optional_timer("ack_timeout", *ack_timeout)
    }
}

/// What a socket shows the server at each CONNECT, officially `auth`.
///
/// In revision 4 it becomes a query behind the name of the namespace, officially `query`: an object whose members are
/// strings. The main namespace takes none there, since it is joined without a CONNECT.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Auth {
    /// Nothing.
    #[default]
    None,
    /// Always the same object.
    Fixed(Payload),
    /// What the application answers to [`Event::AuthRequired`](super::Event::AuthRequired), anew at every connection.
    Ask,
}
