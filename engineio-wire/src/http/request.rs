//! Heads of requests.

use core::mem::MaybeUninit;

use engineio_proto::http::RequestHead;

use super::body::{Framing, Lengths};
use super::fields::{self, Single};
use super::{BodyError, Malformed, TooLarge};

/// The fields that a head is read into.
pub(crate) type Slots<'a> = [MaybeUninit<httparse::Header<'a>>];

/// The head of a request, and what its fields mean.
#[derive(Debug)]
pub(crate) struct Head<'f, 'a> {
    pub(crate) method: &'a str,
    /// Without a scheme and a host.
    pub(crate) target: &'a str,
    pub(crate) is_http_1_0: bool,
    pub(crate) fields: &'f [httparse::Header<'a>],
    pub(crate) framing: Framing,
    pub(crate) connection: Connection,
    pub(crate) expects_continue: bool,
    /// It expects something else, which nobody can do.
    pub(crate) expects_more: bool,
    pub(crate) handshake: Handshake<'a>,
    pub(crate) accept_encoding: Option<&'a [u8]>,
    known: Known<'a>,
}

/// The options of `Connection` that matter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Connection {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
}

/// The fields of a WebSocket handshake.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Handshake<'a> {
    pub(crate) upgrade: Option<&'a [u8]>,
    pub(crate) key: Single<'a>,
    pub(crate) version: Single<'a>,
    pub(crate) protocol: Option<&'a [u8]>,
    pub(crate) extensions: Option<&'a [u8]>,
}

/// The fields that an engine looks at.
#[derive(Clone, Copy, Debug, Default)]
struct Known<'a> {
    host: Single<'a>,
    origin: Single<'a>,
    content_type: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
    referer: Option<&'a [u8]>,
    sec_fetch_site: Option<&'a [u8]>,
    access_control_request_headers: Option<&'a [u8]>,
    /// The host of a target in absolute form.
    authority: Option<&'a [u8]>,
}

impl<'f, 'a> Head<'f, 'a> {
    /// Reads a head that is whole: it ends with an empty line, and no line feed in it stands alone.
    ///
    /// # Errors
    ///
    /// [`BodyError`] if it breaks the rules, or has more fields than there are slots.
    pub(crate) fn parse(bytes: &'a [u8], slots: &'f mut Slots<'a>) -> Result<Self, BodyError> {
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(bytes, slots) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(Malformed::Head.into()),
            Err(httparse::Error::TooManyHeaders) => return Err(TooLarge::Head.into()),
            Err(httparse::Error::Version) => return Err(Malformed::Version.into()),
            Err(_) => return Err(Malformed::Head.into()),
        }
        let (Some(method), Some(target), Some(version)) =
            (request.method, request.path, request.version)
        else {
            return Err(Malformed::Head.into());
        };
        let fields: &'f [httparse::Header<'a>] = request.headers;
        if method == "CONNECT" || !is_target(target) {
            return Err(Malformed::Target.into());
        }
        let (authority, target) = split_authority(target);
        let mut head = Self {
            method,
            target,
            is_http_1_0: version == 0,
            fields,
            framing: Framing::Length(0),
            connection: Connection::default(),
            expects_continue: false,
            expects_more: false,
            handshake: Handshake::default(),
            accept_encoding: None,
            known: Known {
                authority: authority.map(str::as_bytes),
                ..Known::default()
            },
        };
        let mut lengths = Lengths::default();
        for field in fields {
            head.take(field, &mut lengths)?;
        }
        head.check_host()?;
        head.framing = lengths
            .framing(head.is_http_1_0)?
            .unwrap_or(Framing::Length(0));
        Ok(head)
    }

    /// Whether the connection can carry another request after this one.
    pub(crate) const fn keeps_alive(&self) -> bool {
        !self.connection.close && (!self.is_http_1_0 || self.connection.keep_alive)
    }

    /// Whether the request asks to become a WebSocket. Without `Connection: upgrade` the field `Upgrade` is not for this
    /// hop, and HTTP/1.0 has no upgrades.
    pub(crate) fn is_upgrade(&self) -> bool {
        let upgrade = self.handshake.upgrade;
        self.connection.upgrade
            && !self.is_http_1_0
            && upgrade.is_some_and(|name| name.eq_ignore_ascii_case(b"websocket"))
    }

    /// The path of the target.
    pub(crate) fn path(&self) -> &'a str {
        self.split_target().0
    }

    /// What an engine looks at.
    pub(crate) fn to_engine(&self) -> RequestHead<'a> {
        let (path, query) = self.split_target();
        let mut head = RequestHead::new(self.method, path, query);
        let known = &self.known;
        head.upgrade = self.is_upgrade();
        head.content_type = known.content_type;
        head.origin = match known.origin {
            Single::None => None,
            Single::One(origin) => Some(origin),
            // No browser sends two, and which one a proxy in front looked at is not known.
            Single::Several => Some(b""),
        };
        head.user_agent = known.user_agent;
        head.host = known.authority.or_else(|| known.host.one());
        head.referer = known.referer;
        head.sec_fetch_site = known.sec_fetch_site;
        head.access_control_request_headers = known.access_control_request_headers;
        head
    }

    fn split_target(&self) -> (&'a str, &'a str) {
        self.target.split_once('?').unwrap_or((self.target, ""))
    }

    fn check_host(&self) -> Result<(), Malformed> {
        match self.known.host {
            Single::One(_) => Ok(()),
            Single::None if self.is_http_1_0 => Ok(()),
            Single::None | Single::Several => Err(Malformed::Host),
        }
    }

    fn take(
        &mut self,
        field: &httparse::Header<'a>,
        lengths: &mut Lengths,
    ) -> Result<(), Malformed> {
        let (name, value) = (field.name, field.value);
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let known = &mut self.known;
        // The first of several is taken where nothing depends on it.
        let first = |slot: &mut Option<&'a [u8]>| {
            slot.get_or_insert(value);
        };
        match name.len() {
            4 if is("host") => known.host.add(value),
            6 if is("origin") => known.origin.add(value),
            6 if is("expect") => self.expect(value),
            7 if is("referer") => first(&mut known.referer),
            7 if is("upgrade") => first(&mut self.handshake.upgrade),
            10 if is("connection") => self.connection.take(value),
            10 if is("user-agent") => first(&mut known.user_agent),
            12 if is("content-type") => first(&mut known.content_type),
            14 if is("content-length") => lengths.add_length(value)?,
            14 if is("sec-fetch-site") => first(&mut known.sec_fetch_site),
            15 if is("accept-encoding") => first(&mut self.accept_encoding),
            17 if is("transfer-encoding") => lengths.add_encoding(value)?,
            17 if is("sec-websocket-key") => self.handshake.key.add(value),
            21 if is("sec-websocket-version") => self.handshake.version.add(value),
            22 if is("sec-websocket-protocol") => first(&mut self.handshake.protocol),
            24 if is("sec-websocket-extensions") => first(&mut self.handshake.extensions),
            30 if is("access-control-request-headers") => {
                first(&mut known.access_control_request_headers);
            }
            _ => {}
        }
        Ok(())
    }

    fn expect(&mut self, value: &[u8]) {
        if value.eq_ignore_ascii_case(b"100-continue") {
            self.expects_continue = !self.is_http_1_0;
        } else {
            self.expects_more = true;
        }
    }
}

impl Connection {
    pub(crate) fn take(&mut self, value: &[u8]) {
        for option in fields::list(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }
}

/// Whether a target is a path, an address or a star. A proxy may see another path in what is none of them, or has bytes that
/// are to be encoded.
fn is_target(target: &str) -> bool {
    let is_address = || {
        let parts = target.split_once("://");
        parts.is_some_and(|(scheme, rest)| {
            let is_scheme =
                !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
            is_scheme && is_host(rest.split(['/', '?']).next().unwrap_or_default())
        })
    };
    let may_stand = |byte: u8| byte.is_ascii() && byte != b'#';
    target.bytes().all(may_stand) && (target.starts_with('/') || target == "*" || is_address())
}

/// Whether this is a name or an address, and perhaps a port.
fn is_host(host: &str) -> bool {
    let end = match host.starts_with('[') {
        true => host
            .find(']')
            .map_or(host.len(), |end| end.saturating_add(1)),
        false => host.find(':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at_checked(end).unwrap_or_default();
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let of_address = |byte: u8| byte.is_ascii_hexdigit() || b":.".contains(&byte);
    let is_name = match name.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .is_some_and(|name| name.bytes().all(of_address)),
        None => !name.is_empty() && name.bytes().all(of_name),
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    is_name && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Takes scheme and host off a target in absolute form.
fn split_authority(target: &str) -> (Option<&str>, &str) {
    let Some((scheme, rest)) = target.split_once("://") else {
        return (None, target);
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return (None, target);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    match rest.split_at_checked(end) {
        Some((authority, "")) => (Some(authority), "/"),
        Some((authority, target)) => (Some(authority), target),
        None => (None, target),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    /// Reads a head and describes it.
    fn read(head: &str) -> Result<String, BodyError> {
        let mut slots = [const { MaybeUninit::uninit() }; 10];
        let head = Head::parse(head.as_bytes(), &mut slots)?;
        let engine = head.to_engine();
        let text = |value: Option<&[u8]>| {
            value.map_or("-".into(), |value| {
                String::from_utf8_lossy(value).into_owned()
            })
        };
        let (host, origin) = (text(engine.host), text(engine.origin));
        let flags: Vec<_> = [
            (head.keeps_alive(), "alive"),
            (engine.upgrade, "upgrade"),
            (head.expects_continue, "continue"),
            (head.expects_more, "more"),
        ]
        .iter()
        .filter_map(|(is, name)| is.then_some(*name))
        .collect();
        let (method, path, query, framing) = (head.method, engine.path, engine.query, head.framing);
        Ok(format!(
            "{method} {path} {query} {host} {origin} {framing:?} {flags:?}"
        ))
    }

    #[test]
    fn the_target_may_be_in_any_form() {
        let plain = "GET / a=b host - Length(0) [\"alive\"]";
        assert_eq!(
            read("GET /?a=b HTTP/1.1\r\nHost: host\r\n\r\n").unwrap(),
            plain
        );
        assert_eq!(
            read("GET http://host?a=b HTTP/1.1\r\nHost: x\r\n\r\n").unwrap(),
            plain.replace("GET / ", "GET  ")
        );
        assert_eq!(
            read("GET HTTP://host/?a=b HTTP/1.1\r\nHost: x\r\n\r\n").unwrap(),
            plain
        );
        for host in ["host:80", "[::1]:80", "10.0.0.1", "a-b.c"] {
            let head = format!("GET http://{host}/?a=b HTTP/1.1\r\nHost: x\r\n\r\n");
            assert_eq!(read(&head).unwrap(), plain.replace("host", host));
        }
        let root = read("GET https://host HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(root, plain.replace("a=b", ""));
        let star = read("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(star, "OPTIONS *  x - Length(0) [\"alive\"]");
        let ftp = read("GET ftp://host/ HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert!(ftp.starts_with("GET ftp://host/  x"), "{ftp}");
    }

    #[test]
    fn a_connection_is_kept_as_its_version_and_options_say() {
        let alive = |head: &str| read(head).unwrap().contains("alive");
        assert!(alive("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
        assert!(!alive(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: x, Close\r\n\r\n"
        ));
        assert!(!alive(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: close, keep-alive\r\n\r\n"
        ));
        assert!(!alive("GET / HTTP/1.0\r\n\r\n"));
        assert!(alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    }

    #[test]
    fn an_upgrade_is_for_this_hop() {
        let upgrade = |fields: &str| {
            let head = format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n");
            read(&head).unwrap().contains("upgrade")
        };
        assert!(upgrade(
            "upgrade: WebSocket\r\nconnection: keep-alive, Upgrade"
        ));
        assert!(!upgrade("upgrade: websocket"));
        assert!(!upgrade("upgrade: websocket\r\nconnection: keep-alive"));
        assert!(!upgrade("upgrade: h2c\r\nconnection: upgrade"));
        assert!(!upgrade("connection: upgrade"));
        let old = "GET / HTTP/1.0\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
        assert!(!read(old).unwrap().contains("upgrade"));
    }

    #[test]
    fn a_head_that_could_be_read_in_two_ways_is_refused() {
        let fault = |head: &str| read(head).unwrap_err();
        for (head, expected) in [
            ("GET / HTTP/1.1\r\n\r\n", Malformed::Host),
            (
                "GET / HTTP/1.1\r\nhost: a\r\nHost: a\r\n\r\n",
                Malformed::Host,
            ),
            (
                "GET / HTTP/1.0\r\nhost: a\r\nHost: a\r\n\r\n",
                Malformed::Host,
            ),
            ("GET / HTTP/2.0\r\nhost: a\r\n\r\n", Malformed::Version),
            ("GET / HTTP/1.2\r\nhost: a\r\n\r\n", Malformed::Version),
            ("GET /\r\nhost: a\r\n\r\n", Malformed::Head),
            ("GET / HTTP/1.1\r\nhost: a\r\n b\r\n\r\n", Malformed::Head),
            ("GET / HTTP/1.1\r\nhost : a\r\n\r\n", Malformed::Head),
            ("GET / HTTP/1.1\r\n host: a\r\n\r\n", Malformed::Head),
            ("GET / HTTP/1.1\r\nhost: a\0\r\n\r\n", Malformed::Head),
            ("GET / HTTP/1.1\r\nhost: a\rb\r\n\r\n", Malformed::Head),
            ("GET / HTTP/1.1\r\nhost\r\n\r\n", Malformed::Head),
            ("GET  / HTTP/1.1\r\nhost: a\r\n\r\n", Malformed::Head),
            ("G(T / HTTP/1.1\r\nhost: a\r\n\r\n", Malformed::Head),
            ("GET /\t HTTP/1.1\r\nhost: a\r\n\r\n", Malformed::Head),
            ("GET /\u{e4} HTTP/1.1\r\nhost: a\r\n\r\n", Malformed::Target),
            ("GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n", Malformed::Target),
            ("GET a HTTP/1.1\r\nhost: a\r\n\r\n", Malformed::Target),
            ("GET ? HTTP/1.1\r\nhost: a\r\n\r\n", Malformed::Target),
            (
                "GET http:/// HTTP/1.1\r\nhost: a\r\n\r\n",
                Malformed::Target,
            ),
            (
                "GET http://a%b/ HTTP/1.1\r\nhost: a\r\n\r\n",
                Malformed::Target,
            ),
            (
                "GET http://a@b/ HTTP/1.1\r\nhost: a\r\n\r\n",
                Malformed::Target,
            ),
            ("GET ://a HTTP/1.1\r\nhost: a\r\n\r\n", Malformed::Target),
            (
                "CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n",
                Malformed::Target,
            ),
            ("CONNECT / HTTP/1.1\r\nhost: a\r\n\r\n", Malformed::Target),
            (
                "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
                Malformed::ContentLength,
            ),
            (
                "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\n",
                Malformed::ContentLength,
            ),
            (
                "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
                Malformed::TransferEncoding,
            ),
            (
                "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
                Malformed::AmbiguousLength,
            ),
            (
                "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n",
                Malformed::AmbiguousLength,
            ),
        ] {
            assert_eq!(fault(head), expected.into(), "{head:?}");
        }
    }

    #[test]
    fn a_head_has_a_limited_number_of_fields() {
        let head = |count: usize| {
            format!(
                "GET / HTTP/1.1\r\nhost: a\r\n{}\r\n",
                "x: y\r\n".repeat(count)
            )
        };
        assert!(read(&head(9)).is_ok());
        assert_eq!(read(&head(10)), Err(TooLarge::Head.into()));
    }

    #[test]
    fn only_one_expectation_can_be_met() {
        let head = |version: &str, value: &str| {
            read(&format!(
                "POST / HTTP/{version}\r\nhost: a\r\nexpect: {value}\r\n\r\n"
            ))
            .unwrap()
        };
        assert!(head("1.1", "100-Continue").contains("continue"));
        assert!(!head("1.0", "100-continue").contains("continue"));
        assert!(head("1.1", "miracle").contains("more"));
    }

    #[test]
    fn several_origins_are_no_origin() {
        let head = "GET / HTTP/1.1\r\nhost: a\r\norigin: http://a\r\norigin: http://b\r\n\r\n";
        assert_eq!(read(head).unwrap(), "GET /  a  Length(0) [\"alive\"]");
    }
}
