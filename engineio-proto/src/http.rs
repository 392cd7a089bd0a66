//! The little that the machines need to know of HTTP.

use alloc::boxed::Box;

use bytes::Bytes;

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
#[derive(Clone, Copy, Debug)]
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
        }
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
}

/// An HTTP response for the driver to send.
///
/// `Content-Length`, `Date` and the like are the driver's HTTP library's. With the feature `http` it turns into
/// `http::Response<Bytes>` by `From`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// Makes a response without headers.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Headers::default(),
            body: body.into(),
        }
    }

    /// Sets the headers.
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }
}

/// The headers that the protocol asks for, in the order of the official server.
///
/// # Examples
///
/// ```
/// use engineio_proto::http::Headers;
///
/// let headers = Headers::default().with_content_type("text/html").with_no_store();
/// let pairs: Vec<_> = headers.iter().collect();
/// assert_eq!(pairs, [("content-type", "text/html"), ("cache-control", "no-store")]);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Headers {
    content_type: Option<&'static str>,
    connection_close: bool,
    disable_xss_filter: bool,
    no_store: bool,
    set_cookie: Option<Box<str>>,
}

impl Headers {
    /// Sets `Content-Type`.
    #[must_use]
    pub const fn with_content_type(mut self, value: &'static str) -> Self {
        self.content_type = Some(value);
        self
    }

    /// Sets `Connection: close`.
    #[must_use]
    pub const fn with_connection_close(mut self) -> Self {
        self.connection_close = true;
        self
    }

    /// Sets `X-XSS-Protection: 0`, if `disable`.
    #[must_use]
    pub const fn with_xss_filter_disabled(mut self, disable: bool) -> Self {
        self.disable_xss_filter = disable;
        self
    }

    /// Sets `Cache-Control: no-store`.
    #[must_use]
    pub const fn with_no_store(mut self) -> Self {
        self.no_store = true;
        self
    }

    /// Sets `Set-Cookie`, or removes it.
    #[must_use]
    pub fn with_set_cookie(mut self, value: Option<Box<str>>) -> Self {
        self.set_cookie = value;
        self
    }

    /// The headers as pairs of a lower-case name and a value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            self.connection_close.then_some(("connection", "close")),
            self.content_type.map(|value| ("content-type", value)),
            self.disable_xss_filter.then_some(("x-xss-protection", "0")),
            self.no_store.then_some(("cache-control", "no-store")),
            self.set_cookie
                .as_deref()
                .map(|value| ("set-cookie", value)),
        ]
        .into_iter()
        .flatten()
    }
}

#[cfg(feature = "http")]
mod conversions {
    use bytes::Bytes;
    use http::header;

    use super::{RequestHead, Response};

    impl<'a> From<&'a http::request::Parts> for RequestHead<'a> {
        fn from(parts: &'a http::request::Parts) -> Self {
            let header = |name| parts.headers.get(name).map(http::HeaderValue::as_bytes);
            let upgrade = header(header::UPGRADE)
                .is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"));
            Self {
                method: parts.method.as_str(),
                path: parts.uri.path(),
                query: parts.uri.query().unwrap_or_default(),
                upgrade,
                content_type: header(header::CONTENT_TYPE),
                origin: header(header::ORIGIN),
                user_agent: header(header::USER_AGENT),
            }
        }
    }

    impl From<Response> for http::Response<Bytes> {
        fn from(response: Response) -> Self {
            let mut converted = Self::new(response.body);
            *converted.status_mut() = http::StatusCode::from_u16(response.status)
                .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
            for (name, value) in response.headers.iter() {
                if let Ok(value) = http::HeaderValue::from_str(value) {
                    converted
                        .headers_mut()
                        .append(header::HeaderName::from_static(name), value);
                }
            }
            converted
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::http::Headers;

        #[test]
        fn a_request_head_is_borrowed_from_parts() {
            let request = http::Request::get("/engine.io/?EIO=4")
                .header("upgrade", "WebSocket")
                .header("origin", "o");
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let head = RequestHead::from(&parts);
            assert_eq!(
                (head.method, head.path, head.query),
                ("GET", "/engine.io/", "EIO=4")
            );
            assert_eq!(
                (head.upgrade, head.origin, head.user_agent),
                (true, Some(&b"o"[..]), None)
            );
        }

        #[test]
        fn a_response_becomes_an_http_response() {
            let headers = Headers::default()
                .with_connection_close()
                .with_set_cookie(Some("io=x".into()));
            let converted = http::Response::from(Response::new(400, "no").with_headers(headers));
            assert_eq!(converted.status(), 400);
            assert_eq!(converted.headers()["connection"], "close");
            assert_eq!(converted.headers()["set-cookie"], "io=x");
            assert_eq!(converted.body(), "no");
        }
    }
}
