//! The settings of a client.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::checks::{
    check_endpoint, check_headers, check_path, check_protocols, check_query, check_timestamp_param,
};
use super::endpoint::Endpoint;
use super::transport_options::TransportOptions;
use crate::hidden::Hidden;
use crate::settings::{ConfigError, check_at_least_one, check_optional_timer, no_transport};
use crate::undelivered::Allowance;
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
#[derive(Clone, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Config {
    /// The official `host`, `port`, `secure`. Default `localhost`, port 80. Its query replaces [`query`](Self::query).
    pub endpoint: Endpoint,
    /// The revision of the protocol. Default 4. With 3, the client speaks to the servers of Socket.IO 1 and 2, and to
    /// later ones that allow it. It then sends the pings, which the server does in revision 4. Binary data goes over
    /// polling in binary bodies, as in the official client on Node.js, unless [`force_base64`](Self::force_base64) is
    /// set.
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
    /// [`Client::remembered`](super::Client::remembered). Default false.
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
    /// The bytes of a response body or frame; a larger one ends the session. Default 100 MiB, as the official
    /// WebSocket library.
    pub max_payload: usize,
    /// The packets in one response body; more end the session. Default 65,536.
    pub max_packets_per_payload: usize,
    /// The bytes that may wait for the server; a send beyond them is refused. Default 16 MiB.
    pub max_buffered_bytes: usize,
    /// The messages that may wait for the server; a send beyond them is refused. Default 65,536.
    pub max_buffered_messages: usize,
    /// The received bytes that may wait for the application. At this mark `wants_read` turns false; a driver that goes
    /// on by more than the largest payload loses the session. Default 4 MiB.
    pub max_undelivered_bytes: usize,
    /// The received messages that may wait for the application. At this mark `wants_read` turns false; a driver that
    /// goes on by more than one full payload loses the session. Default 4,096.
    pub max_undelivered_messages: usize,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            revision,
            path,
            add_trailing_slash,
            query,
            transports,
            try_all_transports,
            upgrade,
            remember_upgrade,
            force_base64,
            timestamp_requests,
            timestamp_param,
            request_timeout,
            extra_headers,
            with_credentials,
            protocols,
            transport_options,
            open_timeout,
            probe_timeout,
            max_packets_per_post,
            max_payload,
            max_packets_per_payload,
            max_buffered_bytes,
            max_buffered_messages,
            max_undelivered_bytes,
            max_undelivered_messages,
        } = self;
        f.debug_struct("Config")
            .field("endpoint", endpoint)
            .field("revision", revision)
            .field("path", path)
            .field("add_trailing_slash", add_trailing_slash)
            .field("query", &Hidden(query.as_slice()))
            .field("transports", transports)
            .field("try_all_transports", try_all_transports)
            .field("upgrade", upgrade)
            .field("remember_upgrade", remember_upgrade)
            .field("force_base64", force_base64)
            .field("timestamp_requests", timestamp_requests)
            .field("timestamp_param", timestamp_param)
            .field("request_timeout", request_timeout)
            .field("extra_headers", &Hidden(extra_headers.as_slice()))
            .field("with_credentials", with_credentials)
            .field("protocols", protocols)
            .field("transport_options", transport_options)
            .field("open_timeout", open_timeout)
            .field("probe_timeout", probe_timeout)
            .field("max_packets_per_post", max_packets_per_post)
            .field("max_payload", max_payload)
            .field("max_packets_per_payload", max_packets_per_payload)
            .field("max_buffered_bytes", max_buffered_bytes)
            .field("max_buffered_messages", max_buffered_messages)
            .field("max_undelivered_bytes", max_undelivered_bytes)
            .field("max_undelivered_messages", max_undelivered_messages)
            .finish()
    }
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

impl Config {
    /// Makes the default settings for a server.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            ..Self::default()
        }
    }

    crate::__setters! {
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

    /// What may wait for the application of one peer until a driver should read no more of it.
    #[must_use]
    pub const fn read_until(&self) -> Allowance {
        Allowance::new(self.max_undelivered_messages, self.max_undelivered_bytes)
    }

    /// Finds out whether a machine can work with these settings.
    ///
    /// Times are at least 1 ms and at most [`MAX_TIMER`](crate::settings::MAX_TIMER). Limits are at least 1.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first option at fault, its value and what is allowed. It shows no value of a
    /// query or header, since these may be secrets.
    pub fn check(&self) -> Result<(), ConfigError> {
        // A new option needs a rule here; `_` says that each value works.
        let Self {
            endpoint,
            revision,
            path,
            add_trailing_slash: _,
            query: _, // that of the endpoint may stand for it: `parameters` below
            transports,
            try_all_transports: _,
            upgrade: _,
            remember_upgrade: _,
            force_base64: _,
            timestamp_requests: _,
            timestamp_param,
            request_timeout,
            extra_headers,
            with_credentials: _,
            protocols,
            transport_options,
            open_timeout,
            probe_timeout,
            max_packets_per_post,
            max_payload,
            max_packets_per_payload,
            max_buffered_bytes,
            max_buffered_messages,
            max_undelivered_bytes,
            max_undelivered_messages,
        } = self;
        check_endpoint(endpoint)?;
        check_path(path)?;
        if transports.is_empty() {
            return Err(no_transport());
        }
        if *revision == Revision::V3 && transports.contains(&Transport::WebTransport) {
            let value = "a list with webtransport";
            return Err(ConfigError::conflict("transports", value, "revision is 3"));
        }
        check_timestamp_param(timestamp_param)?;
        check_optional_timer("request_timeout", *request_timeout)?;
        check_headers(extra_headers)?;
        check_protocols(protocols)?;
        for (transport, options) in transport_options {
            options
                .check()
                .map_err(|error| error.within(transport.name()).within("transport_options"))?;
        }
        check_optional_timer("open_timeout", *open_timeout)?;
        check_optional_timer("probe_timeout", *probe_timeout)?;
        check_at_least_one("max_packets_per_post", max_packets_per_post.unwrap_or(1))?;
        check_at_least_one("max_payload", *max_payload)?;
        check_at_least_one("max_packets_per_payload", *max_packets_per_payload)?;
        check_at_least_one("max_buffered_bytes", *max_buffered_bytes)?;
        check_at_least_one("max_buffered_messages", *max_buffered_messages)?;
        check_at_least_one("max_undelivered_bytes", *max_undelivered_bytes)?;
        check_at_least_one("max_undelivered_messages", *max_undelivered_messages)?;
        check_query(self.parameters())
    }

    /// The parameters of the address, or else the configured ones.
    pub(super) fn parameters(&self) -> &[(String, String)] {
        self.endpoint.query.as_deref().unwrap_or(&self.query)
    }
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
}
