//! Options that override the settings for one transport.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::checks::{
    check_endpoint, check_headers, check_path, check_protocols, check_query, check_timestamp_param,
};
use super::endpoint::Endpoint;
use crate::hidden::Hidden;
use crate::settings::{ConfigError, check_optional_timer};

/// Settings of one transport that stand in for those of the same name in [`Config`](super::Config); `None` leaves them.
///
/// Values replace and are not merged, as in the official client. A [`query`](Self::query) replaces all parameters that
/// would stand there: `EIO`, `transport` and, on a WebSocket, `sid` too. A server refuses the request unless the query
/// has them. Cookies belong to the session, so [`Config::with_credentials`](super::Config::with_credentials) cannot be overridden.
///
/// Source: `engine.io-client/lib/socket.ts`, option `transportOptions`.
///
/// # Examples
///
/// A header that only polling requests carry:
///
/// ```
/// use engineio_proto::Transport;
/// use engineio_proto::client::{Config, TransportOptions};
///
/// let headers = vec![("x-client".to_owned(), "polling".to_owned())];
/// let polling = TransportOptions::default().with_extra_headers(headers);
/// let config = Config::default().with_transport_options(Transport::Polling, polling);
/// assert_eq!(config.check(), Ok(()));
/// ```
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TransportOptions {
    /// Another host, port and scheme; its query does not count.
    pub endpoint: Option<Endpoint>,
    /// Another path, which stands as it is: no slash is added to its end or taken off.
    pub path: Option<String>,
    /// The parameters, decoded, instead of all others but the timestamp, `b64` and, while polling, `sid`.
    pub query: Option<Vec<(String, String)>>,
    /// Whether requests carry a parameter that no cache has seen.
    pub timestamp_requests: Option<bool>,
    /// The name of that parameter.
    pub timestamp_param: Option<String>,
    /// Whether binary goes as base64.
    pub force_base64: Option<bool>,
    /// How long a polling request may take.
    pub request_timeout: Option<Duration>,
    /// Headers of requests and handshakes.
    pub extra_headers: Option<Vec<(String, String)>>,
    /// WebSocket subprotocols.
    pub protocols: Option<Vec<String>>,
}

impl fmt::Debug for TransportOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            path,
            query,
            timestamp_requests,
            timestamp_param,
            force_base64,
            request_timeout,
            extra_headers,
            protocols,
        } = self;
        f.debug_struct("TransportOptions")
            .field("endpoint", endpoint)
            .field("path", path)
            .field("query", &query.as_deref().map(Hidden))
            .field("timestamp_requests", timestamp_requests)
            .field("timestamp_param", timestamp_param)
            .field("force_base64", force_base64)
            .field("request_timeout", request_timeout)
            .field("extra_headers", &extra_headers.as_deref().map(Hidden))
            .field("protocols", protocols)
            .finish()
    }
}

impl TransportOptions {
    crate::__setters! {
        with_endpoint endpoint: Endpoint = |value| Some(value);
        with_path path: impl Into<String> = |value| Some(value.into());
        with_query query: Vec<(String, String)> = |value| Some(value);
        with_timestamp_requests timestamp_requests: bool = |value| Some(value);
        with_timestamp_param timestamp_param: impl Into<String> = |value| Some(value.into());
        with_force_base64 force_base64: bool = |value| Some(value);
        with_request_timeout request_timeout: Duration = |value| Some(value);
        with_extra_headers extra_headers: Vec<(String, String)> = |value| Some(value);
        with_protocols protocols: Vec<String> = |value| Some(value);
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // A new option needs a rule here; `_` says that each value works.
        let Self {
            endpoint,
            path,
            query,
            timestamp_requests: _,
            timestamp_param,
            force_base64: _,
            request_timeout,
            extra_headers,
            protocols,
        } = self;
        endpoint.as_ref().map_or(Ok(()), check_endpoint)?;
        check_path(path.as_deref().unwrap_or_default())?;
        check_query(query.as_deref().unwrap_or_default())?;
        timestamp_param
            .as_deref()
            .map_or(Ok(()), check_timestamp_param)?;
        check_optional_timer("request_timeout", *request_timeout)?;
        check_headers(extra_headers.as_deref().unwrap_or_default())?;
        check_protocols(protocols.as_deref().unwrap_or_default())
    }
}
