//! Settings.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The settings of a client beside those of its machine.
///
/// The body of a response and a message may have as many bytes as the machine's `max_payload` says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The bytes of a response head, with all interim responses before it. Default 64 KiB; Node.js takes 16 KiB. The
    /// number of headers has no limit of its own.
    pub max_head: usize,
    /// How long it may take to connect, with TLS and a proxy's answer. Default 20 s.
    pub connect_timeout: Duration,
    /// How long the handshake of a WebSocket may take once the connection is open. Default 20 s.
    pub handshake_timeout: Duration,
    /// How long a request may wait for the first byte of its response. Default none: servers hold a poll for as long as
    /// they have nothing to say, and the machine's heartbeat and `request_timeout` limit that.
    pub response_timeout: Option<Duration>,
    /// How long a write, or a response that has begun, may make no progress. Default 20 s.
    pub stall_timeout: Duration,
    /// How long a WebSocket that is being closed waits for the server. Default 3 s.
    pub close_timeout: Duration,
    /// How long a connection is kept for the next poll, if the server does not say that it keeps it for a shorter time.
    /// Default 15 s.
    pub max_idle: Duration,
    /// For how long a connection may have been idle to carry a POST. Default zero: each POST has a connection of its own,
    /// as those of the official client on Node.js.
    ///
    /// A server may close an idle connection at the moment at which the next request leaves. A poll is then repeated. A
    /// POST is not, for the server may have read it, and its messages would arrive twice: the session ends. So above zero
    /// a POST takes a round-trip less, and a session may be lost.
    pub max_idle_for_post: Duration,
    /// The number of redirects that a request follows. Default 5. Redirects from `https` to `http` are never followed,
    /// POSTs follow 307 and 308 only, and WebSockets none.
    pub max_redirects: u8,
    /// The proxy. Default none.
    pub proxy: Option<Proxy>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_head: 64 << 10,
            connect_timeout: Duration::from_secs(20),
            handshake_timeout: Duration::from_secs(20),
            response_timeout: None,
            stall_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(3),
            max_idle: Duration::from_secs(15),
            max_idle_for_post: Duration::ZERO,
            max_redirects: 5,
            proxy: None,
        }
    }
}

impl Options {
    /// Sets [`proxy`](Self::proxy).
    #[must_use]
    pub fn with_proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Sets [`max_redirects`](Self::max_redirects).
    #[must_use]
    pub const fn with_max_redirects(mut self, redirects: u8) -> Self {
        self.max_redirects = redirects;
        self
    }

    /// Sets [`max_idle_for_post`](Self::max_idle_for_post).
    #[must_use]
    pub const fn with_max_idle_for_post(mut self, time: Duration) -> Self {
        self.max_idle_for_post = time;
        self
    }
}

/// An HTTP proxy, to which the client speaks HTTP without TLS.
///
/// Requests for `http` go to it with their whole URL. For everything else, WebSockets too, it is asked for a tunnel by
/// `CONNECT`.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Proxy {
    /// The host; an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The value of the `Proxy-Authorization` header.
    pub authorization: Option<String>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("authorization", &self.authorization.is_some())
            .finish()
    }
}

impl Proxy {
    /// A proxy that wants no credentials.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            authorization: None,
        }
    }

    /// Sets the credentials, for the scheme `Basic`.
    #[must_use]
    pub fn with_credentials(mut self, user: &str, password: &str) -> Self {
        let credentials = STANDARD.encode(alloc::format!("{user}:{password}"));
        self.authorization = Some(alloc::format!("Basic {credentials}"));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        let proxy = Proxy::new("proxy", 3128).with_credentials("Aladdin", "open sesame");
        let expected = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(proxy.authorization.as_deref(), Some(expected));
        let shown = alloc::format!("{proxy:?}");
        assert!(!shown.contains("QWxh"), "{shown}");
    }
}
