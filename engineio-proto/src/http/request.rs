//! The requests of a client.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::hidden::{Hidden, HiddenQuery};

/// An HTTP request for the driver to make, or the WebSocket handshake of a connection for it to open.
///
/// `Host`, `Content-Length` and the `Sec-WebSocket-*` headers of a handshake are the driver's HTTP library's. With the
/// feature `http` it turns into `http::Request<Bytes>` by `TryFrom`.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// The method: `GET` or `POST`.
    pub method: &'static str,
    /// The absolute URL: `http` or `https` for a request, `ws` or `wss` for a connection. A default port is left out,
    /// an IPv6 address stands in brackets, path and query are percent-encoded.
    pub url: String,
    /// The headers, names as the official client writes them, in its order.
    pub headers: Vec<(String, String)>,
    /// The whole body; empty for a GET.
    pub body: Bytes,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            url,
            headers,
            body,
        } = self;
        f.debug_struct("Request")
            .field("method", method)
            .field("url", &HiddenQuery(url))
            .field("headers", &Hidden(headers.as_slice()))
            .field("body", &Hidden(body))
            .finish()
    }
}

impl Request {
    /// Makes a request without headers.
    #[must_use]
    pub fn new(method: &'static str, url: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Sets the headers.
    #[must_use]
    pub fn with_headers(mut self, headers: Vec<(String, String)>) -> Self {
        self.headers = headers;
        self
    }

    /// Whether it goes over TLS: the scheme is `https` or `wss`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.url.starts_with("https:") || self.url.starts_with("wss:")
    }

    /// Host and port as they stand in the URL: the value of the `Host` header.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.parts().0
    }

    /// The host to connect to; an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((address, _)) => address,
            None => authority
                .split_once(':')
                .map_or(authority, |(host, _)| host),
        }
    }

    /// The port to connect to: the one in the URL, else 443 or 80.
    #[must_use]
    pub fn port(&self) -> u16 {
        let default = if self.is_secure() { 443 } else { 80 };
        let port = self
            .authority()
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        port.unwrap_or(default)
    }

    /// Path and query: what stands in the request line.
    #[must_use]
    pub fn target(&self) -> &str {
        self.parts().1
    }

    /// The part of the target before the question mark.
    #[must_use]
    pub fn path(&self) -> &str {
        let target = self.target();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// What follows the question mark; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.target().split_once('?').map_or("", |(_, query)| query)
    }

    fn parts(&self) -> (&str, &str) {
        let rest = self
            .url
            .split_once("://")
            .map_or(&*self.url, |(_, rest)| rest);
        match rest.find('/') {
            Some(slash) => rest.split_at_checked(slash).unwrap_or((rest, "/")),
            None => (rest, "/"),
        }
    }
}
