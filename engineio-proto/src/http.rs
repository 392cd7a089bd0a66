//! The little that the machines need to know of HTTP.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::hidden::{Hidden, HiddenQuery};

use bytes::Bytes;

use crate::ledger::{self, HeapSize};

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

/// An HTTP response for the driver to send.
///
/// `Content-Length`, `Date` and the like are the driver's HTTP library's. With the feature `http` it turns into
/// `http::Response<Bytes>` by `From`.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The whole body.
    pub body: Bytes,
    /// Whether the body may be compressed, by a driver that does so: it holds packets, and not only such that were
    /// [sent uncompressed](crate::Encoded::uncompressed). Officially bodies under 1,024 bytes are left as they are.
    pub compress: bool,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            headers,
            body,
            compress,
        } = self;
        f.debug_struct("Response")
            .field("status", status)
            .field("headers", headers)
            .field("body", &Hidden(body))
            .field("compress", compress)
            .finish()
    }
}

impl HeapSize for Response {
    fn heap_size(&self) -> usize {
        ledger::buffer_size(self.body.len()).saturating_add(self.headers.heap_size())
    }
}

impl HeapSize for Headers {
    fn heap_size(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| {
            let cookie = rare.set_cookie.as_ref().map_or(0, |cookie| cookie.len());
            size_of::<Rare>()
                .saturating_add(rare.cors.heap_size())
                .saturating_add(cookie)
        })
    }
}

impl HeapSize for CorsHeaders {
    fn heap_size(&self) -> usize {
        let owned = self.0.iter().map(|(_, value)| match value {
            Cow::Borrowed(_) => 0,
            Cow::Owned(value) => value.capacity(),
        });
        let pairs = self.0.capacity();
        owned.fold(
            pairs.saturating_mul(size_of::<CorsHeader>()),
            usize::saturating_add,
        )
    }
}

impl Response {
    /// Makes a response without headers.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Headers::default(),
            body: body.into(),
            compress: false,
        }
    }

    /// Sets [`compress`](Self::compress).
    #[must_use]
    pub fn with_compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
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
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Headers {
    content_type: Option<&'static str>,
    connection_close: bool,
    disable_xss_filter: bool,
    no_store: bool,
    /// Boxed, since few answers have any of them, and answers are moved often.
    rare: Option<Box<Rare>>,
}

/// The headers that most answers have none of. There is at least one of them.
#[derive(Clone, Default, Eq, PartialEq)]
struct Rare {
    set_cookie: Option<Box<str>>,
    cors: CorsHeaders,
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| match name {
            "set-cookie" => (name, Err(Hidden(value))),
            _ => (name, Ok(value)),
        });
        let mut map = f.debug_map();
        for (name, value) in shown {
            match value {
                Ok(plain) => map.entry(&name, &plain),
                Err(hidden) => map.entry(&name, &hidden),
            };
        }
        map.finish()
    }
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
    pub fn with_set_cookie(self, value: Option<Box<str>>) -> Self {
        self.with_rare(value.is_some(), |rare| rare.set_cookie = value)
    }

    /// Sets what browsers are told about pages of other origins.
    #[must_use]
    pub fn with_cors(self, headers: CorsHeaders) -> Self {
        self.with_rare(headers != CorsHeaders::default(), |rare| {
            rare.cors = headers;
        })
    }

    /// As `with_cors`, unless they are set already.
    pub(crate) fn add_cors(&mut self, headers: CorsHeaders) {
        let is_set = |rare: &Rare| rare.cors != CorsHeaders::default();
        if !self.rare.as_deref().is_some_and(is_set) {
            *self = core::mem::take(self).with_cors(headers);
        }
    }

    /// Sets one of the rare headers to something or to nothing.
    fn with_rare(mut self, is_something: bool, set: impl FnOnce(&mut Rare)) -> Self {
        if is_something || self.rare.is_some() {
            set(self.rare.get_or_insert_default());
            self.rare = self.rare.filter(|rare| **rare != Rare::default());
        }
        self
    }

    /// The headers as pairs of a lower-case name and a value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let rare = self.rare.as_deref();
        let own = [
            self.connection_close.then_some(("connection", "close")),
            self.content_type.map(|value| ("content-type", value)),
            self.disable_xss_filter.then_some(("x-xss-protection", "0")),
            self.no_store.then_some(("cache-control", "no-store")),
            rare.and_then(|rare| rare.set_cookie.as_deref())
                .map(|value| ("set-cookie", value)),
        ];
        let cors = rare.into_iter().flat_map(|rare| rare.cors.iter());
        cors.chain(own.into_iter().flatten())
    }
}

/// What an answer tells browsers about pages of other origins (CORS), made by
/// [`Config::cors_headers`](crate::server::Config::cors_headers). Mostly nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CorsHeaders(Vec<CorsHeader>);

type CorsHeader = (&'static str, Cow<'static, str>);

impl CorsHeaders {
    /// The headers as pairs of a lower-case name and a value, in the order of the official package.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }

    pub(crate) fn push(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        self.0.push((name, value.into()));
    }

    /// Adds a name to the `Vary` header, which stands where its first name was added.
    pub(crate) fn vary(&mut self, on: &'static str) {
        match self.0.iter_mut().find(|(name, _)| *name == "vary") {
            Some((_, value)) => *value = Cow::Owned(format!("{value}, {on}")),
            None => self.push("vary", on),
        }
    }
}

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

/// The response of a server, as a client looks at it.
///
/// With the feature `http` it is made from `http::Response<Bytes>` by `From`.
///
/// # Examples
///
/// ```
/// use engineio_proto::http::Answer;
///
/// let answer = Answer::new(200, "6").with_set_cookie("lb=a; Path=/");
/// assert_eq!(answer.set_cookies, ["lb=a; Path=/"]);
/// ```
#[derive(Clone, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The value of each `Set-Cookie` header, in order.
    pub set_cookies: Vec<String>,
    /// The value of the `Content-Type` header: what tells the two kinds of payload of revision 3 apart.
    pub content_type: Option<String>,
    /// The value of the `Date` header: what the `Expires` attribute of a cookie is compared with.
    pub date: Option<String>,
    /// The whole body.
    pub body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            set_cookies,
            content_type,
            date,
            body,
        } = self;
        f.debug_struct("Answer")
            .field("status", status)
            .field("set_cookies", &Hidden(set_cookies.as_slice()))
            .field("content_type", content_type)
            .field("date", date)
            .field("body", &Hidden(body))
            .finish()
    }
}

impl Answer {
    /// Makes a response without headers.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            set_cookies: Vec::new(),
            content_type: None,
            date: None,
            body: body.into(),
        }
    }

    /// Adds the value of a `Set-Cookie` header.
    #[must_use]
    pub fn with_set_cookie(mut self, value: impl Into<String>) -> Self {
        self.set_cookies.push(value.into());
        self
    }

    /// Sets the value of the `Content-Type` header.
    #[must_use]
    pub fn with_content_type(mut self, value: impl Into<String>) -> Self {
        self.content_type = Some(value.into());
        self
    }

    /// Sets the value of the `Date` header.
    #[must_use]
    pub fn with_date(mut self, value: impl Into<String>) -> Self {
        self.date = Some(value.into());
        self
    }
}

impl From<Response> for Answer {
    /// What a client sees of a response that this crate's server made.
    fn from(response: Response) -> Self {
        let cookies = response.headers.iter();
        let cookies = cookies.filter(|(name, _)| *name == "set-cookie");
        Self {
            status: response.status,
            set_cookies: cookies.map(|(_, value)| value.into()).collect(),
            content_type: response.headers.content_type.map(Into::into),
            date: None,
            body: response.body,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn the_memory_of_a_response_is_that_of_its_body_and_its_headers() {
        let mut cors = CorsHeaders::default();
        let with = |headers: Headers, body: &'static [u8]| {
            Response::new(200, body).with_headers(headers).heap_size()
        };
        let headers = || Headers::default().with_content_type("text/plain");
        assert_eq!(with(headers(), b""), 0);
        let body = with(headers(), b"body");
        assert_eq!(body, ledger::buffer_size(4));
        let rare = size_of::<Rare>();
        let cookie = headers().with_set_cookie(Some("io=x".into()));
        assert_eq!(with(cookie.clone(), b""), rare + 4);
        assert_eq!(with(cookie.with_set_cookie(None), b""), 0);
        cors.push("vary", "Origin");
        let slots = cors.0.capacity() * size_of::<CorsHeader>();
        assert_eq!(cors.heap_size(), slots, "of a constant nothing is kept");
        cors.push("access-control-allow-origin", "http://a.b".to_string());
        let slots = cors.0.capacity() * size_of::<CorsHeader>();
        assert_eq!(cors.heap_size(), slots + 10);
        let all = headers()
            .with_set_cookie(Some("io=x".into()))
            .with_cors(cors);
        assert_eq!(with(all, b"body"), body + rare + 4 + slots + 10);
    }
}

#[cfg(feature = "http")]
mod conversions {
    use bytes::Bytes;
    use http::header;

    use super::{Answer, Request, RequestHead, Response};

    impl<'a> From<&'a http::request::Parts> for RequestHead<'a> {
        fn from(parts: &'a http::request::Parts) -> Self {
            let header = |name| parts.headers.get(name).map(http::HeaderValue::as_bytes);
            let authority = parts.uri.authority();
            let authority = authority.map(|authority| authority.as_str().as_bytes());
            let upgrade = header(header::UPGRADE)
                .is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"));
            Self {
                method: parts.method.as_str(),
                path: parts.uri.path(),
                query: parts.uri.query().unwrap_or_default(),
                upgrade,
                content_type: header(header::CONTENT_TYPE),
                origin: only_origin(&parts.headers),
                user_agent: header(header::USER_AGENT),
                host: authority.or_else(|| only_host(&parts.headers)),
                referer: header(header::REFERER),
                sec_fetch_site: parts
                    .headers
                    .get("sec-fetch-site")
                    .map(|site| site.as_bytes()),
                access_control_request_headers: header(header::ACCESS_CONTROL_REQUEST_HEADERS),
            }
        }
    }

    /// The `Origin` header. Several are taken for one that is no origin: no browser sends more than one, and which one a
    /// proxy in front looked at is not known.
    fn only_origin(headers: &http::HeaderMap) -> Option<&[u8]> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = origins.next().map(http::HeaderValue::as_bytes);
        match origins.next() {
            None => origin,
            Some(_) => Some(b""),
        }
    }

    /// The `Host` header, unless there are several: which one a proxy in front looked at is not known then.
    fn only_host(headers: &http::HeaderMap) -> Option<&[u8]> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().map(http::HeaderValue::as_bytes);
        host.filter(|_| hosts.next().is_none())
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

    impl TryFrom<Request> for http::Request<Bytes> {
        type Error = http::Error;

        /// Fails if the URL or a header is not one, which the machine's check of its settings rules out.
        fn try_from(request: Request) -> Result<Self, http::Error> {
            let mut builder = http::Request::builder()
                .method(request.method)
                .uri(request.url);
            for (name, value) in &request.headers {
                builder = builder.header(name, value);
            }
            builder.body(request.body)
        }
    }

    impl From<http::Response<Bytes>> for Answer {
        fn from(response: http::Response<Bytes>) -> Self {
            let (parts, body) = response.into_parts();
            let text = |value: &http::HeaderValue| value.to_str().ok().map(Into::into);
            let cookies = parts.headers.get_all(header::SET_COOKIE).iter();
            Self {
                status: parts.status.as_u16(),
                set_cookies: cookies.filter_map(text).collect(),
                content_type: parts.headers.get(header::CONTENT_TYPE).and_then(text),
                date: parts.headers.get(header::DATE).and_then(text),
                body,
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use alloc::vec::Vec;

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
        fn the_host_is_that_of_the_url_or_of_the_only_host_header() {
            fn host(uri: &str, hosts: &[&str]) -> Option<Vec<u8>> {
                let mut request = http::Request::get(uri);
                for host in hosts {
                    request = request.header("host", *host);
                }
                let (parts, ()) = request.body(()).unwrap().into_parts();
                RequestHead::from(&parts).host.map(<[u8]>::to_vec)
            }
            assert_eq!(host("/", &["a:1"]).unwrap(), b"a:1");
            assert_eq!(host("https://b:2/", &["a:1"]).unwrap(), b"b:2");
            assert_eq!(host("https://b/", &[]).unwrap(), b"b");
            assert_eq!(host("/", &["a", "b"]), None);
            assert_eq!(host("/", &[]), None);
        }

        #[test]
        fn several_origins_are_none_that_is_served() {
            fn origin(origins: &[&str]) -> Option<Vec<u8>> {
                let mut request = http::Request::get("/");
                for origin in origins {
                    request = request.header("origin", *origin);
                }
                let (parts, ()) = request.body(()).unwrap().into_parts();
                RequestHead::from(&parts).origin.map(<[u8]>::to_vec)
            }
            assert_eq!(origin(&[]), None);
            assert_eq!(origin(&["http://a"]).unwrap(), b"http://a");
            assert_eq!(origin(&["http://a", "http://b"]).unwrap(), b"");
            assert_eq!(origin(&["http://a", "http://a"]).unwrap(), b"");
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

        #[test]
        fn a_request_becomes_an_http_request() {
            let request = Request::new("POST", "http://[::1]:3000/engine.io/?EIO=4", "4a")
                .with_headers(alloc::vec![("Accept".into(), "*/*".into())]);
            assert_eq!(
                (request.authority(), request.host(), request.port()),
                ("[::1]:3000", "::1", 3000)
            );
            assert_eq!((request.path(), request.query()), ("/engine.io/", "EIO=4"));
            let converted = http::Request::try_from(request).unwrap();
            assert_eq!(converted.uri(), "http://[::1]:3000/engine.io/?EIO=4");
            assert_eq!(
                (converted.method(), converted.body()),
                (&http::Method::POST, &Bytes::from("4a"))
            );
            assert_eq!(converted.headers()["accept"], "*/*");
        }

        #[test]
        fn the_port_follows_the_scheme() {
            let port = |url: &str| {
                let request = Request::new("GET", url, "");
                (request.is_secure(), request.port())
            };
            assert_eq!(port("http://a/"), (false, 80));
            assert_eq!(port("wss://a/"), (true, 443));
            assert_eq!(port("https://[::1]/"), (true, 443));
            assert_eq!(port("ws://a:1/"), (false, 1));
        }

        #[test]
        fn an_answer_is_made_of_an_http_response() {
            let response = http::Response::builder()
                .status(503)
                .header("set-cookie", "a=1")
                .header("date", "now")
                .header("content-type", "text/plain")
                .header("set-cookie", "b=2");
            let answer = Answer::from(response.body(Bytes::from("x")).unwrap());
            let expected = Answer::new(503, "x")
                .with_set_cookie("a=1")
                .with_set_cookie("b=2")
                .with_content_type("text/plain")
                .with_date("now");
            assert_eq!(answer, expected);
        }
    }
}
