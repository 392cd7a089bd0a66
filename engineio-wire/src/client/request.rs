//! Heads of requests.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use engineio_proto::http::Request;

use super::options::Proxy;
use crate::http::fields;

/// Where a request goes. Requests of one origin may share a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Origin {
    pub(super) is_secure: bool,
    /// In lower case; an IPv6 address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            is_secure: request.is_secure(),
            host: request.host().to_ascii_lowercase(),
            port: request.port(),
        }
    }

    /// Host and port, as `CONNECT` names them.
    fn authority(&self) -> String {
        if self.host.contains(':') {
            alloc::format!("[{}]:{}", self.host, self.port)
        } else {
            alloc::format!("{}:{}", self.host, self.port)
        }
    }
}

/// The headers that say how a message or a connection goes on: those of the application are left out.
const OURS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is told about the connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose<'a> {
    /// A request after which the connection stays open.
    Keep,
    /// A request after which the server closes it.
    Last,
    /// The handshake of a WebSocket, with its key.
    WebSocket(&'a str),
}

/// The request cannot be written: its target has bytes that would end the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct BadTarget;

/// The head of a request. It goes to the proxy with its whole URL if there is one.
pub(super) fn head(
    request: &Request,
    purpose: Purpose<'_>,
    proxy: Option<&Proxy>,
) -> Result<Vec<u8>, BadTarget> {
    let target = match proxy {
        None => Cow::Borrowed(request.target()),
        Some(_) => Cow::Owned(alloc::format!(
            "http://{}{}",
            request.authority(),
            request.target()
        )),
    };
    let mut head = Head::new(request.method, &target)?;
    let is_host = |name: &str| name.eq_ignore_ascii_case("host");
    if !request.headers.iter().any(|(name, _)| is_host(name)) {
        head.field("Host", request.authority().as_bytes());
    }
    match purpose {
        Purpose::Keep => {}
        Purpose::Last => head.field("Connection", b"close"),
        Purpose::WebSocket(key) => {
            head.field("Connection", b"Upgrade");
            head.field("Upgrade", b"websocket");
            head.field("Sec-WebSocket-Version", b"13");
            head.field("Sec-WebSocket-Key", key.as_bytes());
        }
    }
    if request.method != "GET" {
        let mut length = itoa::Buffer::new();
        head.field(
            "Content-Length",
            length.format(request.body.len()).as_bytes(),
        );
    }
    for (name, value) in &request.headers {
        if !OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
            head.field(name, value.as_bytes());
        }
    }
    if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_deref()) {
        head.field("Proxy-Authorization", authorization.as_bytes());
    }
    Ok(head.end())
}

/// The head by which a proxy is asked for a tunnel.
pub(super) fn tunnel_head(origin: &Origin, proxy: &Proxy) -> Result<Vec<u8>, BadTarget> {
    let authority = origin.authority();
    let mut head = Head::new("CONNECT", &authority)?;
    head.field("Host", authority.as_bytes());
    if let Some(authorization) = &proxy.authorization {
        head.field("Proxy-Authorization", authorization.as_bytes());
    }
    Ok(head.end())
}

struct Head(Vec<u8>);

impl Head {
    fn new(method: &str, target: &str) -> Result<Self, BadTarget> {
        let is_visible = |byte: u8| byte > b' ' && byte != 0x7f;
        if !target.bytes().all(is_visible) || !fields::is_token(method.as_bytes()) {
            return Err(BadTarget);
        }
        let mut head = Self(Vec::with_capacity(256));
        for part in [method, " ", target, " HTTP/1.1\r\n"] {
            head.0.extend_from_slice(part.as_bytes());
        }
        Ok(head)
    }

    /// Adds a field. One whose name or value may not stand in a head is left out.
    fn field(&mut self, name: &str, value: &[u8]) {
        if fields::is_token(name.as_bytes()) && fields::is_value(value) {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                self.0.extend_from_slice(part);
            }
        }
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(url: &str, headers: &[(&str, &str)]) -> Request {
        let own = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        Request::new("GET", url, "").with_headers(headers.iter().map(own).collect())
    }

    fn text(request: &Request, purpose: Purpose<'_>, proxy: Option<&Proxy>) -> String {
        String::from_utf8(head(request, purpose, proxy).unwrap()).unwrap()
    }

    #[test]
    fn a_head_has_what_http_wants_and_the_machine_asks_for() {
        let request = with("http://a.b:81/p/?q=1", &[("Accept", "*/*")]);
        assert_eq!(
            text(&request, Purpose::Keep, None),
            "GET /p/?q=1 HTTP/1.1\r\nHost: a.b:81\r\nAccept: */*\r\n\r\n"
        );
        let post = Request::new("POST", "https://[::1]/", "4a");
        assert_eq!(
            text(&post, Purpose::Last, None),
            "POST / HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
        );
        let socket = with("ws://a/", &[("Sec-WebSocket-Protocol", "x")]);
        assert_eq!(
            text(&socket, Purpose::WebSocket("KEY"), None),
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: KEY\r\nSec-WebSocket-Protocol: x\r\n\r\n"
        );
    }

    #[test]
    fn the_application_sets_the_host_and_nothing_that_frames_the_message() {
        let request = with(
            "http://a/",
            &[
                ("host", "b"),
                ("Content-Length", "5"),
                ("transfer-encoding", "chunked"),
                ("Connection", "close"),
                ("x\r\ny", "z"),
                ("x", "y\r\nz: a"),
            ],
        );
        assert_eq!(
            text(&request, Purpose::Keep, None),
            "GET / HTTP/1.1\r\nhost: b\r\n\r\n"
        );
    }

    #[test]
    fn a_target_cannot_end_its_line() {
        for target in ["/a b", "/a\r\nb", "/\u{7f}", "/\t"] {
            let request = with(&alloc::format!("http://a{target}"), &[]);
            assert_eq!(head(&request, Purpose::Keep, None), Err(BadTarget));
        }
        let request = with("http://a/\u{e4}", &[]);
        assert!(head(&request, Purpose::Keep, None).is_ok());
    }

    #[test]
    fn a_proxy_gets_the_whole_url_and_its_credentials() {
        let proxy = Proxy::new("proxy", 1).with_credentials("a", "b");
        let request = with("http://a:81/p", &[]);
        let expected =
            "GET http://a:81/p HTTP/1.1\r\nHost: a:81\r\nProxy-Authorization: Basic YTpi\r\n\r\n";
        assert_eq!(text(&request, Purpose::Keep, Some(&proxy)), expected);
        let secure = Origin::of(&with("wss://[::1]/", &[]));
        let head = String::from_utf8(tunnel_head(&secure, &proxy).unwrap()).unwrap();
        let expected = "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic YTpi\r\n\r\n";
        assert_eq!(head, expected);
    }
}
