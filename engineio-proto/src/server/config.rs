//! The settings of a server.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytestring::ByteString;
use serde::{Deserialize, Serialize};

use super::cors::Cors;
use super::origins::Origins;
use crate::settings::{
    ConfigError, MAX_SAFE_INTEGER, check_at_least_one, check_count, check_timer,
    check_timer_or_zero, is_token, no_transport, quoted,
};
use crate::undelivered::Allowance;
use crate::{Message, Revision, Sid, Transport, Transports};

/// The settings of an Engine.IO server, with the official names and defaults.
///
/// They are checked once, when a machine is created.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use engineio_proto::server::Config;
///
/// let config = Config::default().with_ping_interval(Duration::from_secs(10)).with_max_payload(64 * 1024);
/// assert_eq!(config.ping_timeout, Duration::from_secs(20));
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Config {
    /// The time that the server waits after opening, and after each pong, before it sends a ping. In revision 3 clients
    /// send the pings at this interval. Default 25 s; at least 1 ms. Clients are told whole milliseconds.
    pub ping_interval: Duration,
    /// The time that the server waits for a pong before it ends the session with `ping timeout`. In revision 3 it is
    /// the time beyond the interval that the server waits for a ping. Default 20 s; at least 1 ms.
    pub ping_timeout: Duration,
    /// The maximum duration of a probe. After it the probe is dropped, and the session continues without the upgrade.
    /// It also bounds the time until the first frame of a WebTransport stream. Default 10 s.
    pub upgrade_timeout: Duration,
    /// The time that a closing session waits for the client to take the buffered messages; with zero it does not wait.
    /// Default 30 s, as in the official polling transport.
    pub close_timeout: Duration,
    /// The official `maxHttpBufferSize`: the maximum size of a request body or a frame, in bytes. Default 1,000,000. A
    /// larger body is answered with 413 and the session continues. A larger frame ends the session. Clients are told
    /// this limit. It also bounds the answer to one poll, except that a single larger message goes alone.
    pub max_payload: usize,
    /// The transports that are served. Default polling and WebSocket. The official server serves WebTransport sessions
    /// even if it is not among them.
    pub transports: Transports,
    /// Whether a session may upgrade from polling to another transport. Default true.
    pub allow_upgrades: bool,
    /// Whether clients of protocol revision 3 are served, such as those of Socket.IO 1 and 2: the official `allowEIO3`.
    /// Default false. Above this layer both sides use the session id as the id of a socket, so everybody who learns
    /// that id can act for the session.
    pub allow_eio3: bool,
    /// The origins whose pages are served, on every transport, and may read the answers: the official `cors.origin`,
    /// except that other origins are refused. Default [`Origins::same_host`]: pages of the server's own host, and
    /// programs that are not browsers.
    pub origins: Origins,
    /// The CORS headers for pages of other origins, if `origins` serves some: the rest of the official `cors`.
    pub cors: Cors,
    /// Whether sessions may poll by scripts and forms (JSONP), for old browsers that have no other way to reach another
    /// origin. The official server always allows it. Default false: a script is not bound to the origin of the page, so
    /// a foreign page may get a session that it can read. See the threat model.
    pub allow_jsonp: bool,
    /// A message that every session gets right after the handshake. Default none.
    pub initial_packet: Option<Message>,
    /// A cookie that carries the session id, for load balancers. Default none.
    pub cookie: Option<Cookie>,
    /// The maximum number of packets in one request body. More end the session with `parse error`. Default 65,536.
    pub max_packets_per_payload: usize,
    /// The maximum number of bytes that wait for one client. A send beyond it is refused, except that a message is
    /// always accepted while nothing waits. Default 16 MiB.
    pub max_buffered_bytes: usize,
    /// The maximum number of messages that wait for one client. A send beyond it is refused, except as above. Default
    /// 65,536.
    pub max_buffered_messages: usize,
    /// The received bytes of one session that may wait for the application. At this mark `wants_read` turns false. If a
    /// driver continues by more than the largest payload, the session ends. Default 4 MiB.
    pub max_undelivered_bytes: usize,
    /// The received messages of one session that may wait for the application. At this mark `wants_read` turns false.
    /// If a driver continues by more than one full payload, the session ends. Default 4,096.
    pub max_undelivered_messages: usize,
    /// The maximum number of bytes that the server holds for all clients together. It covers queues, undelivered
    /// messages, waiting handshakes and streams, responses that the driver has not taken, and the data of a layer
    /// above. A message for many counts once.
    ///
    /// Idle sessions do not count, because [`max_sessions`](Self::max_sessions) bounds them. The same applies to
    /// sockets, their rooms, the acknowledgements they owe, and the data that the application stores for them.
    ///
    /// In the last sixteenth, handshakes are answered with 503. Beyond the limit the layer above drops its data for
    /// clients that are away, oldest first. Then the sessions whose removal frees most end, with
    /// [`TransportFault::MemoryLimit`](super::TransportFault::MemoryLimit). A single message that is larger is refused.
    ///
    /// Each call ends at or below the limit, as long as the data that cannot be dropped takes less. That data is
    /// answers that the driver has not taken, and events that the application has not taken:
    ///
    /// - about the ends of sessions, sockets, acknowledgements and broadcasts,
    /// - about rooms and namespaces, and about refusals,
    /// - about data that is to be stored for returning clients.
    ///
    /// A driver that takes all outputs after each input never has more of them than one input causes. Sends that cause
    /// such events are refused at half of the limit. Default 1 GiB; at least 64 KiB.
    pub max_bytes_held: usize,
    /// The maximum number of sessions at a time. Further handshakes are answered with 503. Default no separate limit.
    pub max_sessions: usize,
    /// The treatment of a client that does not read, once a send would exceed a limit. Default refuse.
    pub slow_reader: SlowReader,
    /// Whether the application decides on each handshake, through
    /// [`ServerEvent::Handshake`](super::ServerEvent::Handshake): the official `allowRequest`. Default false.
    pub allow_request: bool,
    /// The maximum number of handshakes that wait for the application. Further ones are answered with 503. Default
    /// 10,000.
    pub max_pending_handshakes: usize,
    /// The maximum number of WebTransport streams that wait for their first frame. Further sessions are refused with the
    /// status 503. Default 10,000.
    pub max_pending_streams: usize,
    /// The time that the application may take to decide on a handshake. After it the handshake is refused as forbidden.
    /// Default 20 s.
    pub handshake_timeout: Duration,
    /// Whether the application is told of each refused request, through
    /// [`ServerEvent::Refused`](super::ServerEvent::Refused): the official `connection_error`. Default false, because
    /// everybody who can send a request can cause these events.
    pub report_refusals: bool,
}

/// The treatment of a client that does not read, once a send would exceed a limit.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum SlowReader {
    /// The send is refused. [`Event::Drained`](super::Event::Drained) tells the application when to continue.
    #[default]
    Refuse,
    /// The send is refused, and the session ends with `transport error`.
    Close,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_millis(25_000),
            ping_timeout: Duration::from_millis(20_000),
            upgrade_timeout: Duration::from_millis(10_000),
            close_timeout: Duration::from_millis(30_000),
            max_payload: 1_000_000,
            transports: Transports::default(),
            allow_upgrades: true,
            allow_eio3: false,
            origins: Origins::default(),
            cors: Cors::default(),
            allow_jsonp: false,
            initial_packet: None,
            cookie: None,
            max_packets_per_payload: 65_536,
            max_buffered_bytes: 16 << 20,
            max_buffered_messages: 65_536,
            max_undelivered_bytes: 4 << 20,
            max_undelivered_messages: 4_096,
            max_bytes_held: 1 << 30,
            max_sessions: usize::MAX,
            slow_reader: SlowReader::Refuse,
            allow_request: false,
            max_pending_handshakes: 10_000,
            max_pending_streams: 10_000,
            handshake_timeout: Duration::from_millis(20_000),
            report_refusals: false,
        }
    }
}

/// The minimum memory limit of a server: room for a few handshakes and messages.
const LEAST_BYTES_HELD: usize = 64 << 10;

impl Config {
    crate::__setters! {
        with_ping_interval ping_interval: Duration = |interval| interval;
        with_ping_timeout ping_timeout: Duration = |timeout| timeout;
        with_upgrade_timeout upgrade_timeout: Duration = |timeout| timeout;
        with_close_timeout close_timeout: Duration = |timeout| timeout;
        with_max_payload max_payload: usize = |bytes| bytes;
        with_transports transports: Transports = |transports| transports;
        with_allow_upgrades allow_upgrades: bool = |allow| allow;
        with_allow_eio3 allow_eio3: bool = |allow| allow;
        with_origins origins: Origins = |origins| origins;
        with_cors cors: Cors = |cors| cors;
        with_allow_jsonp allow_jsonp: bool = |allow| allow;
        with_initial_packet initial_packet: Message = |message| Some(message);
        with_cookie cookie: Cookie = |cookie| Some(cookie);
        with_max_packets_per_payload max_packets_per_payload: usize = |packets| packets;
    }

    /// Sets [`max_buffered_bytes`](Self::max_buffered_bytes) and
    /// [`max_buffered_messages`](Self::max_buffered_messages).
    #[must_use]
    pub fn with_max_buffered(mut self, bytes: usize, messages: usize) -> Self {
        self.max_buffered_bytes = bytes;
        self.max_buffered_messages = messages;
        self
    }

    /// Sets [`max_undelivered_bytes`](Self::max_undelivered_bytes) and
    /// [`max_undelivered_messages`](Self::max_undelivered_messages).
    #[must_use]
    pub fn with_max_undelivered(mut self, bytes: usize, messages: usize) -> Self {
        self.max_undelivered_bytes = bytes;
        self.max_undelivered_messages = messages;
        self
    }

    crate::__setters! {
        with_max_bytes_held max_bytes_held: usize = |bytes| bytes;
        with_max_sessions max_sessions: usize = |sessions| sessions;
        with_slow_reader slow_reader: SlowReader = |policy| policy;
        with_allow_request allow_request: bool = |asked| asked;
        with_max_pending_handshakes max_pending_handshakes: usize = |handshakes| handshakes;
        with_max_pending_streams max_pending_streams: usize = |streams| streams;
        with_handshake_timeout handshake_timeout: Duration = |timeout| timeout;
        with_report_refusals report_refusals: bool = |told| told;
    }

    /// The amount that may wait for the application of one peer before a driver should stop reading from it.
    #[must_use]
    pub const fn read_until(&self) -> Allowance {
        Allowance::new(self.max_undelivered_messages, self.max_undelivered_bytes)
    }

    /// Checks that a machine can work with these settings.
    ///
    /// Times are at least 1 ms and at most [`MAX_TIMER`](crate::settings::MAX_TIMER), which both peers can wait for.
    /// Only [`close_timeout`](Self::close_timeout) may be zero. Limits are at least 1.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first invalid option, its value and the allowed range.
    pub fn check(&self) -> Result<(), ConfigError> {
        // A new option needs a rule here; `_` says that each value works.
        let Self {
            ping_interval,
            ping_timeout,
            upgrade_timeout,
            close_timeout,
            max_payload,
            transports,
            allow_upgrades: _,
            allow_eio3: _,
            origins,
            cors,
            allow_jsonp: _,
            initial_packet,
            cookie,
            max_packets_per_payload,
            max_buffered_bytes,
            max_buffered_messages,
            max_undelivered_bytes,
            max_undelivered_messages,
            max_bytes_held,
            max_sessions,
            slow_reader: _,
            allow_request: _,
            max_pending_handshakes,
            max_pending_streams,
            handshake_timeout,
            report_refusals: _,
        } = self;
        check_timer("ping_interval", *ping_interval)?;
        check_timer("ping_timeout", *ping_timeout)?;
        // Clients of revision 4 set one timer for both.
        let silence = ping_interval.saturating_add(*ping_timeout);
        check_timer("ping_interval + ping_timeout", silence)?;
        check_timer("upgrade_timeout", *upgrade_timeout)?;
        check_timer_or_zero("close_timeout", *close_timeout)?;
        check_count("max_payload", *max_payload, 1..=MAX_SAFE_INTEGER)?;
        if *transports == Transports::NONE {
            return Err(no_transport());
        }
        cors.check().map_err(|error| error.within("cors"))?;
        if cors.credentials && origins.is_any() {
            let condition = "origins is any";
            return Err(ConfigError::conflict("cors.credentials", true, condition));
        }
        cookie.as_ref().map_or(Ok(()), |cookie| {
            cookie.check().map_err(|error| error.within("cookie"))
        })?;
        check_at_least_one("max_packets_per_payload", *max_packets_per_payload)?;
        check_at_least_one("max_buffered_bytes", *max_buffered_bytes)?;
        check_at_least_one("max_buffered_messages", *max_buffered_messages)?;
        check_at_least_one("max_undelivered_bytes", *max_undelivered_bytes)?;
        check_at_least_one("max_undelivered_messages", *max_undelivered_messages)?;
        // Twice the initial packet, so that it can always be queued.
        let initial = initial_packet.as_ref().map_or(0, Message::len);
        let least = LEAST_BYTES_HELD.max(initial.saturating_mul(2));
        check_count("max_bytes_held", *max_bytes_held, least as u64..=u64::MAX)?;
        check_at_least_one("max_sessions", *max_sessions)?;
        check_at_least_one("max_pending_handshakes", *max_pending_handshakes)?;
        check_at_least_one("max_pending_streams", *max_pending_streams)?;
        check_timer("handshake_timeout", *handshake_timeout)
    }

    /// The official names of the transports that a session on polling may be upgraded to.
    pub(crate) fn upgrades(&self, revision: Revision) -> Vec<ByteString> {
        let candidates: &[_] = match revision {
            Revision::V3 => &[Transport::WebSocket],
            Revision::V4 => &[Transport::WebSocket, Transport::WebTransport],
        };
        candidates
            .iter()
            .filter(|&&transport| self.allow_upgrades && self.transports.contains(transport))
            .map(|transport| ByteString::from_static(transport.name()))
            .collect()
    }
}

/// The cookie that the handshake response of a polling session sets. Its value is the session id.
///
/// Source: `engine.io/lib/server.ts`, option `cookie`.
///
/// # Examples
///
/// ```
/// use engineio_proto::Sid;
/// use engineio_proto::server::Cookie;
///
/// let sid = Sid::parse("lv_VI97HAXpY6yYWAAAC").ok_or("a sid")?;
/// assert_eq!(&*Cookie::default().header(&sid), "io=lv_VI97HAXpY6yYWAAAC; Path=/; HttpOnly; SameSite=Lax");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Cookie {
    /// The name, a token without separators. Default `io`.
    pub name: String,
    /// The `Path` attribute. Default `/`.
    pub path: Option<String>,
    /// The `Domain` attribute. Default none.
    pub domain: Option<String>,
    /// The `Max-Age` attribute, in whole seconds. Default none: the cookie ends with the browser session.
    pub max_age: Option<Duration>,
    /// Whether scripts are kept from reading it. Default true.
    pub http_only: bool,
    /// Whether it is only sent over TLS. Default false.
    pub secure: bool,
    /// The `SameSite` attribute. Default lax.
    pub same_site: Option<SameSite>,
}

impl Default for Cookie {
    fn default() -> Self {
        Self {
            name: "io".into(),
            path: Some("/".into()),
            domain: None,
            max_age: None,
            http_only: true,
            secure: false,
            same_site: Some(SameSite::Lax),
        }
    }
}

impl Cookie {
    /// Makes a cookie of this name with the default attributes.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// The value of the `Set-Cookie` header for a session.
    #[must_use]
    pub fn header(&self, sid: &Sid) -> Box<str> {
        let mut header = format!("{}={}", self.name, sid.as_str());
        if let Some(max_age) = self.max_age {
            header.push_str(&format!("; Max-Age={}", max_age.as_secs()));
        }
        for (attribute, value) in [("Domain", &self.domain), ("Path", &self.path)] {
            if let Some(value) = value {
                header.push_str(&format!("; {attribute}={value}"));
            }
        }
        for (attribute, set) in [("; HttpOnly", self.http_only), ("; Secure", self.secure)] {
            header.push_str(if set { attribute } else { "" });
        }
        header.push_str(match self.same_site {
            None => "",
            Some(SameSite::Lax) => "; SameSite=Lax",
            Some(SameSite::Strict) => "; SameSite=Strict",
            Some(SameSite::None) => "; SameSite=None",
        });
        header.into_boxed_str()
    }

    fn check(&self) -> Result<(), ConfigError> {
        let Self {
            name,
            path,
            domain,
            max_age,
            http_only: _,
            secure: _,
            same_site: _, // browsers drop `SameSite=None` without `Secure`, other clients do not
        } = self;
        if !is_token(name) {
            let allowed = "a token of RFC 9110, as `io`";
            return Err(ConfigError::out_of_range("name", quoted(name), allowed));
        }
        check_attribute("path", path.as_deref())?;
        check_attribute("domain", domain.as_deref())?;
        let seconds = max_age.map_or(0, |age| age.as_secs());
        check_count("max_age", seconds, 0..=MAX_SAFE_INTEGER)
    }
}

fn check_attribute(option: &'static str, value: Option<&str>) -> Result<(), ConfigError> {
    let fits = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b';';
    match value {
        Some(value) if !value.bytes().all(fits) => {
            let allowed = "printable ASCII without semicolons";
            Err(ConfigError::out_of_range(option, quoted(value), allowed))
        }
        _ => Ok(()),
    }
}

/// The `SameSite` attribute of a cookie.
#[expect(
    clippy::exhaustive_enums,
    reason = "the three values that RFC 6265bis knows"
)]
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum SameSite {
    /// Sent with top-level navigations from other sites.
    Lax,
    /// Never sent from other sites.
    Strict,
    /// Always sent; browsers ask for `Secure` with it.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid() -> Sid {
        Sid::parse("AAAAAAAAAAAAAAAAAAAA").unwrap()
    }

    #[test]
    fn defaults_are_the_official_ones() {
        let config = Config::default();
        assert_eq!(config.check(), Ok(()));
        assert_eq!(config.ping_interval.as_millis(), 25_000);
        assert_eq!(config.ping_timeout.as_millis(), 20_000);
        assert_eq!(config.upgrade_timeout.as_millis(), 10_000);
        assert_eq!(config.max_payload, 1_000_000);
        assert!(
            config.allow_upgrades && config.cookie.is_none() && config.initial_packet.is_none()
        );
    }

    #[test]
    fn cookie_attributes_stand_in_the_official_order() {
        let cookie = Cookie {
            name: "sid".into(),
            path: None,
            domain: Some("a.com".into()),
            max_age: Some(Duration::from_secs(60)),
            http_only: false,
            secure: true,
            same_site: Some(SameSite::Strict),
        };
        let expected =
            "sid=AAAAAAAAAAAAAAAAAAAA; Max-Age=60; Domain=a.com; Secure; SameSite=Strict";
        assert_eq!(&*cookie.header(&sid()), expected);
    }
}
