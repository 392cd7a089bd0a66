//! The heads of requests, as a server reads them.

use alloc::borrow::Cow;
use core::fmt;

use crate::hidden::{Hidden, HiddenQuery};

/// The part of an HTTP request that routing looks at, borrowed from the driver's own representation.
///
/// With the feature `http` it is made from `&http::request::Parts` by `From`.
///
/// # Examples
///
/// ```
/// use engineio_proto::http::RequestHead;
///
/// let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=polling");
/// assert!(!head.upgrade);
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path, percent-encoded as it came.
    pub path: &'a str,
    /// What follows the question mark, percent-encoded as it came; empty if there is none.
    pub query: &'a str,
    /// Whether the request asks to become a WebSocket (`Upgrade: websocket`).
    pub upgrade: bool,
    /// The value of the `Content-Type` header.
    pub content_type: Option<&'a [u8]>,
    /// The value of the `Origin` header.
    pub origin: Option<&'a [u8]>,
    /// The value of the `User-Agent` header.
    pub user_agent: Option<&'a [u8]>,
    /// The host and port that the request is for: the value of the `Host` header, or `:authority` of HTTP/2 and HTTP/3.
    /// [`Origins`](crate::server::Origins) compares it with the origin of the page.
    pub host: Option<&'a [u8]>,
    /// The value of the `Referer` header, which is looked at for JSONP.
    pub referer: Option<&'a [u8]>,
    /// The value of the `Sec-Fetch-Site` header, which is looked at for JSONP.
    pub sec_fetch_site: Option<&'a [u8]>,
    /// The value of the `Access-Control-Request-Headers` header, which the answer to a preflight repeats.
    pub access_control_request_headers: Option<&'a [u8]>,
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            path,
            query,
            upgrade,
            content_type,
            origin,
            user_agent,
            host,
            referer,
            sec_fetch_site,
            access_control_request_headers,
        } = *self;
        let referer = referer.map(|value| core::str::from_utf8(value).unwrap_or_default());
        f.debug_struct("RequestHead")
            .field("method", &method)
            .field("path", &path)
            .field("query", &Hidden(query))
            .field("upgrade", &upgrade)
            .field("content_type", &content_type)
            .field("origin", &origin)
            .field("user_agent", &user_agent)
            .field("host", &host)
            .field("referer", &referer.map(HiddenQuery))
            .field("sec_fetch_site", &sec_fetch_site)
            .field(
                "access_control_request_headers",
                &access_control_request_headers,
            )
            .finish()
    }
}

impl<'a> RequestHead<'a> {
    /// Makes the head of a plain request without headers.
    #[must_use]
    pub const fn new(method: &'a str, path: &'a str, query: &'a str) -> Self {
        Self {
            method,
            path,
            query,
            upgrade: false,
            content_type: None,
            origin: None,
            user_agent: None,
            host: None,
            referer: None,
            sec_fetch_site: None,
            access_control_request_headers: None,
        }
    }

    /// The same head with [`upgrade`](Self::upgrade) as it has to be: mostly it is.
    pub(crate) fn marked(&self, upgrade: bool) -> Cow<'_, Self> {
        if self.upgrade == upgrade {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self { upgrade, ..*self })
    }

    /// Marks the request as one that asks to become a WebSocket.
    #[must_use]
    pub const fn with_upgrade(mut self) -> Self {
        self.upgrade = true;
        self
    }

    /// Sets the `Content-Type` header.
    #[must_use]
    pub const fn with_content_type(mut self, value: &'a [u8]) -> Self {
        self.content_type = Some(value);
        self
    }

    /// Sets the `Origin` header.
    #[must_use]
    pub const fn with_origin(mut self, value: &'a [u8]) -> Self {
        self.origin = Some(value);
        self
    }

    /// Sets the `User-Agent` header.
    #[must_use]
    pub const fn with_user_agent(mut self, value: &'a [u8]) -> Self {
        self.user_agent = Some(value);
        self
    }

    /// Sets the host and port that the request is for.
    #[must_use]
    pub const fn with_host(mut self, value: &'a [u8]) -> Self {
        self.host = Some(value);
        self
    }

    /// Sets the `Referer` header.
    #[must_use]
    pub const fn with_referer(mut self, value: &'a [u8]) -> Self {
        self.referer = Some(value);
        self
    }

    /// Sets the `Sec-Fetch-Site` header.
    #[must_use]
    pub const fn with_sec_fetch_site(mut self, value: &'a [u8]) -> Self {
        self.sec_fetch_site = Some(value);
        self
    }

    /// Sets the `Access-Control-Request-Headers` header.
    #[must_use]
    pub const fn with_access_control_request_headers(mut self, value: &'a [u8]) -> Self {
        self.access_control_request_headers = Some(value);
        self
    }
}
