//! What a client can be told.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::endpoint::{Endpoint, EndpointError};
use super::transport_options::TransportOptions;
use crate::{Revision, Transport};

/// The settings of an Engine.IO client, with the official names and defaults.
///
/// Checked once, when a machine is made of it. What concerns sockets (TLS, proxies, compression, local addresses) is the
/// driver's.
///
/// # Examples
///
/// ```
/// use engineio_proto::client::{Config, Endpoint};
/// use engineio_proto::Transport;
///
/// let endpoint = Endpoint::parse("https://example.com")?;
/// let config = Config::new(endpoint).with_transports([Transport::WebSocket, Transport::Polling]);
/// assert_eq!(config.path, "/engine.io");
/// # Ok::<(), engineio_proto::client::EndpointError>(())
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Config {
    /// The official `host`, `port`, `secure`. Default `localhost`, port 80. Its query replaces [`query`](Self::query).
    pub endpoint: Endpoint,
    /// The revision of the protocol. Default 4. With 3, the client speaks to the servers of Socket.IO 1 and 2, and to later
    /// ones that allow it: it pings, where in revision 4 the server does, and binary goes over polling in bodies that are
    /// binary, unless [`force_base64`](Self::force_base64) says otherwise, as the official client does on Node.js.
    pub revision: Revision,
    /// The path on the server. Default `/engine.io`. One slash at its end is dropped, then added if
    /// [`add_trailing_slash`](Self::add_trailing_slash).
    pub path: String,
    /// Whether the path ends with a slash. Default true.
    pub add_trailing_slash: bool,
    /// Parameters of every request, decoded. Default none.
    pub query: Vec<(String, String)>,
    /// The transports to use; the first one is opened. Default polling, then WebSocket; officially WebTransport too, which
    /// not every driver knows. It is of revision 4 and always secure, so that an address with `http` has to have the port
    /// that its `https` is at too.
    pub transports: Vec<Transport>,
    /// Whether the next transport is tried when one cannot be opened. Default false.
    pub try_all_transports: bool,
    /// Whether to move from polling to the other transports where the server offers them; WebTransport is favoured.
    /// Default true.
    pub upgrade: bool,
    /// Whether a WebSocket that worked is opened first the next time. The memory is that of the machine, see
    /// [`Client::remembers_websocket`](super::Client::remembers_websocket). Default false.
    pub remember_upgrade: bool,
    /// Whether binary goes as base64 in text frames, and in revision 3 in bodies of text; servers are asked for the same.
    /// Default false.
    pub force_base64: bool,
    /// Whether requests carry a parameter that no cache has seen. Default `None`: polling does, WebSocket does not.
    pub timestamp_requests: Option<bool>,
    /// The name of that parameter. Default `t`.
    pub timestamp_param: String,
    /// How long a polling request may take, held GETs too. Default none.
    pub request_timeout: Option<Duration>,
    /// Headers of every request and handshake. Default none.
    pub extra_headers: Vec<(String, String)>,
    /// Whether cookies that the server sets over polling are sent back. Default false.
    pub with_credentials: bool,
    /// WebSocket subprotocols to ask for. Default none.
    pub protocols: Vec<String>,
    /// What single transports are told differently. Default nothing.
    pub transport_options: BTreeMap<Transport, TransportOptions>,
    /// How long opening may take, all transports together; officially there is no such limit. Default none.
    pub open_timeout: Option<Duration>,
    /// How long a probe may take; officially the server's `upgradeTimeout` is relied on. Default none.
    pub probe_timeout: Option<Duration>,
    /// The packets in one POST. Default no limit; servers written in Python lose packets beyond 16.
    pub max_packets_per_post: Option<usize>,
    /// The bytes of a response body or frame; a larger one ends the connection. Default 100 MiB, as the official
    /// WebSocket library.
    pub max_payload: usize,
    /// The packets in one response body; more end the connection. Default 65,536.
    pub max_packets_per_payload: usize,
    /// The bytes that may wait for the server; a send beyond them is refused. Default 16 MiB.
    pub max_buffered_bytes: usize,
    /// The messages that may wait for the server; a send beyond them is refused. Default 65,536.
    pub max_buffered_messages: usize,
    /// The received bytes that may wait for the application. At this mark `wants_read` turns false; a driver that goes
    /// on by more than the largest payload loses the connection. Default 4 MiB.
    pub max_undelivered_bytes: usize,
    /// The received messages that may wait for the application. At this mark `wants_read` turns false; a driver that
    /// goes on by more than one full payload loses the connection. Default 4,096.
    pub max_undelivered_messages: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::default(),
            revision: Revision::V4,
            path: "/engine.io".into(),
            add_trailing_slash: true,
            query: Vec::new(),
            transports: vec![Transport::Polling, Transport::WebSocket],
            try_all_transports: false,
            upgrade: true,
            remember_upgrade: false,
            force_base64: false,
            timestamp_requests: None,
            timestamp_param: "t".into(),
            request_timeout: None,
            extra_headers: Vec::new(),
            with_credentials: false,
            protocols: Vec::new(),
            transport_options: BTreeMap::new(),
            open_timeout: None,
            probe_timeout: None,
            max_packets_per_post: None,
            max_payload: 100 << 20,
            max_packets_per_payload: 65_536,
            max_buffered_bytes: 16 << 20,
            max_buffered_messages: 65_536,
            max_undelivered_bytes: 4 << 20,
            max_undelivered_messages: 4_096,
        }
    }
}

/// Consuming setters: name, type, and the conversion of the argument.
macro_rules! setters {
    ($($setter:ident $field:ident: $type:ty = |$value:ident| $convert:expr;)*) => {
        $(
            #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
            #[must_use]
            pub fn $setter(mut self, $value: $type) -> Self {
                self.$field = $convert;
                self
            }
        )*
    };
}

impl Config {
    /// Makes the default settings for a server.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            ..Self::default()
        }
    }

    setters! {
        with_endpoint endpoint: Endpoint = |endpoint| endpoint;
        with_revision revision: Revision = |revision| revision;
        with_path path: impl Into<String> = |path| path.into();
        with_add_trailing_slash add_trailing_slash: bool = |add| add;
        with_query query: Vec<(String, String)> = |query| query;
        with_transports transports: impl Into<Vec<Transport>> = |transports| transports.into();
        with_try_all_transports try_all_transports: bool = |try_all| try_all;
        with_upgrade upgrade: bool = |upgrade| upgrade;
        with_remember_upgrade remember_upgrade: bool = |remember| remember;
        with_force_base64 force_base64: bool = |force| force;
        with_timestamp_requests timestamp_requests: bool = |stamp| Some(stamp);
        with_timestamp_param timestamp_param: impl Into<String> = |name| name.into();
        with_request_timeout request_timeout: Duration = |timeout| Some(timeout);
        with_extra_headers extra_headers: Vec<(String, String)> = |headers| headers;
        with_credentials_sent with_credentials: bool = |send| send;
        with_protocols protocols: Vec<String> = |protocols| protocols;
        with_open_timeout open_timeout: Duration = |timeout| Some(timeout);
        with_probe_timeout probe_timeout: Duration = |timeout| Some(timeout);
        with_max_packets_per_post max_packets_per_post: usize = |packets| Some(packets);
        with_max_payload max_payload: usize = |bytes| bytes;
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

    /// Sets what one transport is told differently.
    #[must_use]
    pub fn with_transport_options(
        mut self,
        transport: Transport,
        options: TransportOptions,
    ) -> Self {
        self.transport_options.insert(transport, options);
        self
    }

    /// Finds out whether a machine can work with these settings.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first setting at fault.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.endpoint.check()?;
        check_path(&self.path)?;
        if self.transports.is_empty() {
            return Err(ConfigError::NoTransport);
        }
        if self.revision == Revision::V3 && self.transports.contains(&Transport::WebTransport) {
            return Err(ConfigError::WebTransportOfRevision3);
        }
        let counts = [
            (
                "max_packets_per_post",
                self.max_packets_per_post.unwrap_or(1),
            ),
            ("max_payload", self.max_payload),
            ("max_packets_per_payload", self.max_packets_per_payload),
            ("max_buffered_bytes", self.max_buffered_bytes),
            ("max_buffered_messages", self.max_buffered_messages),
            ("max_undelivered_bytes", self.max_undelivered_bytes),
            ("max_undelivered_messages", self.max_undelivered_messages),
            ("timestamp_param", self.timestamp_param.len()),
        ];
        if let Some((option, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err(ConfigError::TooSmall { option });
        }
        let timeouts = [
            ("request_timeout", self.request_timeout),
            ("open_timeout", self.open_timeout),
            ("probe_timeout", self.probe_timeout),
        ];
        let zero =
            |(_, timeout): &(_, Option<Duration>)| timeout.is_some_and(|time| time.is_zero());
        if let Some((option, _)) = timeouts.into_iter().find(zero) {
            return Err(ConfigError::TooSmall { option });
        }
        check_protocols(&self.protocols)?;
        check_query(self.parameters())?;
        check_headers(&self.extra_headers)?;
        let mut options = self.transport_options.values();
        options.try_for_each(TransportOptions::check)
    }

    /// The parameters of the address, or else the configured ones.
    pub(super) fn parameters(&self) -> &[(String, String)] {
        self.endpoint.query.as_deref().unwrap_or(&self.query)
    }
}

/// Why settings cannot work.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The address is none.
    #[error("invalid endpoint")]
    Endpoint(#[from] EndpointError),
    /// The path has characters that no path has; they must be percent-encoded.
    #[error("invalid path")]
    Path,
    /// The list of transports is empty.
    #[error("No transports available")]
    NoTransport,
    /// WebTransport is wanted in revision 3, which does not know it.
    #[error("revision 3 knows no webtransport")]
    WebTransportOfRevision3,
    /// A limit or time is zero, or a name empty.
    #[error("{option} is too small")]
    TooSmall {
        /// The setting.
        option: &'static str,
    },
    /// The parameters of the query are longer than an address may be.
    #[error("query of {length} bytes is longer than {limit}")]
    Query {
        /// The length of all names and values in bytes.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A header has a name that is no token, or a value with control characters.
    #[error("invalid header")]
    Header,
    /// A subprotocol is no token.
    #[error("invalid subprotocol")]
    Protocol,
}

const MAX_QUERY: usize = 8000;

pub(super) fn check_path(path: &str) -> Result<(), ConfigError> {
    let in_path = |byte: u8| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&byte);
    if path.bytes().all(in_path) {
        Ok(())
    } else {
        Err(ConfigError::Path)
    }
}

pub(super) fn check_protocols(protocols: &[String]) -> Result<(), ConfigError> {
    if protocols.iter().all(|protocol| is_token(protocol)) {
        Ok(())
    } else {
        Err(ConfigError::Protocol)
    }
}

pub(super) fn check_query(query: &[(String, String)]) -> Result<(), ConfigError> {
    let length = query.iter().fold(0_usize, |sum, (name, value)| {
        sum.saturating_add(name.len()).saturating_add(value.len())
    });
    if length > MAX_QUERY {
        return Err(ConfigError::Query {
            length,
            limit: MAX_QUERY,
        });
    }
    Ok(())
}

pub(super) fn check_headers(headers: &[(String, String)]) -> Result<(), ConfigError> {
    let value = |byte: u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    let good = |(name, text): &(String, String)| is_token(name) && text.bytes().all(value);
    if headers.iter().all(good) {
        Ok(())
    } else {
        Err(ConfigError::Header)
    }
}

/// A token of RFC 9110.
fn is_token(text: &str) -> bool {
    let in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(in_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_official_ones() {
        let config = Config::default();
        assert_eq!(config.check(), Ok(()));
        assert_eq!(config.revision, Revision::V4);
        assert_eq!(
            (config.path.as_str(), config.add_trailing_slash),
            ("/engine.io", true)
        );
        assert_eq!(
            config.transports,
            [Transport::Polling, Transport::WebSocket]
        );
        assert!(config.upgrade && !config.try_all_transports && !config.remember_upgrade);
        assert!(!config.force_base64 && !config.with_credentials);
        assert_eq!(
            (config.timestamp_requests, config.timestamp_param.as_str()),
            (None, "t")
        );
        assert_eq!(
            (
                config.request_timeout,
                config.open_timeout,
                config.probe_timeout
            ),
            (None, None, None)
        );
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let header = |name: &str, value: &str| {
            Config::default().with_extra_headers(vec![(name.into(), value.into())])
        };
        let host = Endpoint {
            host: "a/b".into(),
            ..Endpoint::default()
        };
        for (config, error) in [
            (
                Config::new(host),
                ConfigError::Endpoint(EndpointError::Host),
            ),
            (Config::default().with_path("/a?b"), ConfigError::Path),
            (Config::default().with_path("/a b"), ConfigError::Path),
            (
                Config::default().with_transports([]),
                ConfigError::NoTransport,
            ),
            (
                Config::default()
                    .with_revision(Revision::V3)
                    .with_transports([Transport::Polling, Transport::WebTransport]),
                ConfigError::WebTransportOfRevision3,
            ),
            (
                Config::default().with_max_payload(0),
                ConfigError::TooSmall {
                    option: "max_payload",
                },
            ),
            (
                Config::default().with_open_timeout(Duration::ZERO),
                ConfigError::TooSmall {
                    option: "open_timeout",
                },
            ),
            (header("a b", ""), ConfigError::Header),
            (header("a", "b\r\nc: d"), ConfigError::Header),
            (
                Config::default().with_protocols(vec!["".into()]),
                ConfigError::Protocol,
            ),
            (
                Config::default().with_query(vec![("a".into(), "b".repeat(8000))]),
                ConfigError::Query {
                    length: 8001,
                    limit: 8000,
                },
            ),
        ] {
            assert_eq!(config.check(), Err(error));
        }
        use alloc::string::ToString;
        assert_eq!(
            ConfigError::NoTransport.to_string(),
            "No transports available"
        );
    }
}
