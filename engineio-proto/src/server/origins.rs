//! The origins whose pages a server serves.
//!
//! A browser sends the origin of a page in the `Origin` header of every WebSocket and WebTransport request, and of
//! every POST. It also sends it with every other request to another origin. Other programs send no origin, unless they
//! choose to.
//!
//! Source: RFC 6454, sections 4, 6 and 7; WHATWG Fetch, "`Origin` header" and "`Sec-Fetch-Site`". The official server
//! checks no origin: its option `cors` only adds headers that browsers obey.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::http::RequestHead;

/// An origin: scheme, host and port.
///
/// It is stored in the form of browsers: scheme and host in lower case, without the default port of the scheme. An IPv6
/// address is in its shortest form and in brackets. Two texts for the same origin are therefore equal.
///
/// # Examples
///
/// ```
/// use engineio_proto::server::{Origin, OriginError};
///
/// let origin: Origin = "https://Chat.Example:443".parse()?;
/// assert_eq!(origin.as_str(), "https://chat.example");
/// assert_eq!("https://chat.example/".parse::<Origin>(), Err(OriginError::Path));
/// assert_eq!("null".parse::<Origin>()?, Origin::null());
/// # Ok::<(), OriginError>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(Box<str>);

/// The reason why a text is not a valid origin or host.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It has more than 512 bytes.
    #[error("an origin has at most {MAX_LEN} bytes")]
    TooLong,
    /// It does not begin with a scheme and `://`.
    #[error("an origin begins with a scheme, as in https://chat.example")]
    Scheme,
    /// The host is missing, or has characters that no host has. International names are written in Punycode.
    #[error(
        "an origin has a host of ASCII letters, digits, dots and hyphens, or an IPv6 address in brackets"
    )]
    Host,
    /// The port is not a number from 1 to 65,535, or a port follows a host that must have none.
    #[error("the port of an origin is a number from 1 to 65535")]
    Port,
    /// Something follows host and port, such as a slash.
    #[error("an origin ends with its host or port: it has no path, not even a slash")]
    Path,
}

/// The longest origin that is read: host names have at most 253 bytes.
const MAX_LEN: usize = 512;

impl Origin {
    /// The origin that browsers call `null`: that of pages in a sandbox or in local files.
    ///
    /// Every site can make a page with this origin. Listing it therefore admits every site.
    #[must_use]
    pub fn null() -> Self {
        Self("null".into())
    }

    /// Reads an origin. `null` is one.
    ///
    /// # Errors
    ///
    /// An [`OriginError`] that names the wrong part.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text.len() > MAX_LEN {
            return Err(OriginError::TooLong);
        }
        if text == "null" {
            return Ok(Self::null());
        }
        let (scheme, authority) = text.split_once("://").ok_or(OriginError::Scheme)?;
        if !is_scheme(scheme) {
            return Err(OriginError::Scheme);
        }
        let scheme = scheme.to_ascii_lowercase();
        // The origin of local files, where a browser does not call it `null`.
        if scheme == "file" && authority.is_empty() {
            return Ok(Self("file://".into()));
        }
        let (host, port) = host_and_port(authority)?;
        let port = port.filter(|port| Some(*port) != default_port(&scheme));
        let origin = match port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Ok(Self(origin.into()))
    }

    /// The origin as browsers write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a page of this origin was loaded from the host and port that a request for `host` goes to. No page has
    /// the scheme of a WebSocket, but the official client for Swift sends the URL that it connects to.
    fn is_of_host(&self, host: &[u8]) -> bool {
        let scheme = self.0.split_once("://").map(|(scheme, _)| scheme);
        let Some(scheme @ ("http" | "https" | "ws" | "wss")) = scheme else {
            return false;
        };
        let host = core::str::from_utf8(host).ok();
        host.is_some_and(|host| Self::parse(&format!("{scheme}://{host}")).as_ref() == Ok(self))
    }

    fn of_header(value: &[u8]) -> Option<Self> {
        Self::parse(core::str::from_utf8(value).ok()?).ok()
    }

    /// The origin of the page in a `Referer` header.
    fn of_referer(value: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(value).ok()?;
        let (scheme, rest) = text.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        Self::parse(&format!("{scheme}://{authority}")).ok()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        Self::parse(&text)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0.into()
    }
}

fn is_scheme(scheme: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(rest)
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// The host in its canonical form, and the port.
fn host_and_port(authority: &str) -> Result<(String, Option<u16>), OriginError> {
    if authority.contains(['/', '?', '#']) {
        return Err(OriginError::Path);
    }
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or(OriginError::Host)?;
        let address: Ipv6Addr = address.parse().map_err(|_| OriginError::Host)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port_of(port)?),
            None if rest.is_empty() => None,
            None => return Err(OriginError::Host),
        };
        return Ok((v6_host(address), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_of_host) {
        return Err(OriginError::Host);
    }
    Ok((host.to_ascii_lowercase(), port.map(port_of).transpose()?))
}

/// The host of an IPv6 address in the origins of browsers, which write no part of it as an IPv4 address.
fn v6_host(address: Ipv6Addr) -> String {
    match (address.to_ipv4_mapped(), address.segments()) {
        (Some(_), [.., high, low]) => format!("[::ffff:{high:x}:{low:x}]"),
        (None, _) => format!("[{address}]"),
    }
}

fn port_of(text: &str) -> Result<u16, OriginError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|&port| digits && port > 0);
    port.ok_or(OriginError::Port)
}

/// The origins whose pages are served. One value decides which requests are refused, and which pages may read the
/// answers.
///
/// | request | served |
/// |---|---|
/// | without `Origin` header | yes: it comes from a program that is not a browser, or from a page of the same origin |
/// | origin in the list | yes, and the answer allows the page to read it |
/// | origin of the request's own host, with [`same_host`](Self::same_host) | yes |
/// | any other origin, including `null` and invalid ones | only with [`any`](Self::any) |
/// | a `Host` that is not among [the hosts](Self::with_host), if some are set | no |
///
/// By default only pages of the server's own host are served. The list works like the official option `cors.origin`,
/// except that other origins are refused, on every transport.
///
/// Checking a request costs one comparison for each origin and host in the lists.
///
/// # Examples
///
/// ```
/// use engineio_proto::server::{Origin, OriginError, Origins};
///
/// let origins = Origins::same_host().with(Origin::parse("https://app.example")?);
/// assert!(origins.allows(Some(b"https://app.example"), Some(b"chat.example")));
/// assert!(origins.allows(Some(b"https://chat.example"), Some(b"chat.example")));
/// assert!(!origins.allows(Some(b"https://evil.example"), Some(b"chat.example")));
/// assert!(origins.allows(None, Some(b"chat.example")));
/// # Ok::<(), OriginError>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Origins {
    any: bool,
    same_host: bool,
    listed: Vec<Origin>,
    hosts: Vec<Host>,
}

/// A host name or address without port, in its canonical form.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Host(Box<str>);

impl TryFrom<String> for Host {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        match host_and_port(&text)? {
            (host, None) => Ok(Self(host.into())),
            (_, Some(_)) => Err(OriginError::Port),
        }
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0.into()
    }
}

impl Default for Origins {
    fn default() -> Self {
        Self::same_host()
    }
}

impl Origins {
    const fn new(any: bool, same_host: bool) -> Self {
        Self {
            any,
            same_host,
            listed: Vec::new(),
            hosts: Vec::new(),
        }
    }

    /// Every origin, including `null`: the official `cors: { origin: "*" }`.
    ///
    /// Every page that a user opens can then open a session. Browsers send no cookies where the answer allows every
    /// origin, except with WebSocket and WebTransport requests. Do not authenticate by cookies in this case.
    #[must_use]
    pub const fn any() -> Self {
        Self::new(true, false)
    }

    /// Pages of the host and port that the request itself names in `Host` or `:authority`, with any scheme.
    /// [`with`](Self::with) adds further origins.
    ///
    /// A reverse proxy must forward the `Host` header of the browser, with its port. A request without `Host` is served
    /// only if its origin is listed.
    #[must_use]
    pub const fn same_host() -> Self {
        Self::new(false, true)
    }

    /// Only the origins that [`with`](Self::with) adds.
    #[must_use]
    pub const fn listed() -> Self {
        Self::new(false, false)
    }

    /// Adds an origin to the list.
    #[must_use]
    pub fn with(mut self, origin: Origin) -> Self {
        if !self.listed.contains(&origin) {
            self.listed.push(origin);
        }
        self
    }

    /// Adds a host name or address, without port, to the names of this server that requests may be for. Without any, a
    /// request may be for every host.
    ///
    /// This refuses pages whose own host name was made to resolve to this server (DNS rebinding). Their requests have
    /// the same origin, so a check of origins cannot detect them.
    ///
    /// # Errors
    ///
    /// [`OriginError::Host`] if it is not a host, [`OriginError::Port`] if a port follows, and [`OriginError::Path`] if
    /// a path does.
    pub fn with_host(mut self, host: &str) -> Result<Self, OriginError> {
        let host = Host::try_from(String::from(host))?;
        if !self.hosts.contains(&host) {
            self.hosts.push(host);
        }
        Ok(self)
    }

    /// Whether every origin is served.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.any
    }

    /// The origins of the list, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Origin> {
        self.listed.iter()
    }

    /// Whether a request with these headers is served.
    #[must_use]
    pub fn allows(&self, origin: Option<&[u8]>, host: Option<&[u8]>) -> bool {
        self.allows_host(host) && origin.is_none_or(|origin| self.allows_page(origin, host))
    }

    /// Whether a request of a script element is served. It has no `Origin` header, so the check uses the other headers
    /// that browsers send with it, if there are any.
    pub(super) fn allows_script(&self, request: &RequestHead<'_>) -> bool {
        if self.any || request.origin.is_some() {
            return true;
        }
        let Some(referer) = request.referer else {
            // Browsers before 2019 to 2023 send none, and pages can keep the `Referer` from being sent.
            let site = request.sec_fetch_site;
            return site.is_none_or(|site| [&b"same-origin"[..], b"none"].contains(&site));
        };
        let page = Origin::of_referer(referer);
        page.is_some_and(|page| self.has(&page) || self.is_same_host(&page, request.host))
    }

    /// The position of an origin in the list.
    pub(super) fn position(&self, origin: &[u8]) -> Option<usize> {
        let origin = Origin::of_header(origin)?;
        self.listed.iter().position(|listed| *listed == origin)
    }

    pub(super) fn get(&self, position: usize) -> Option<&Origin> {
        self.listed.get(position)
    }

    /// Whether pages of other origins may be allowed to read answers.
    pub(super) fn are_shared(&self) -> bool {
        self.any || !self.listed.is_empty()
    }

    fn allows_page(&self, origin: &[u8], host: Option<&[u8]>) -> bool {
        let page = || Origin::of_header(origin);
        self.any || page().is_some_and(|page| self.has(&page) || self.is_same_host(&page, host))
    }

    fn allows_host(&self, host: Option<&[u8]>) -> bool {
        if self.hosts.is_empty() {
            return true;
        }
        let host = host.and_then(|host| core::str::from_utf8(host).ok());
        let name = host.and_then(|host| Some(host_and_port(host).ok()?.0));
        name.is_some_and(|name| self.hosts.iter().any(|known| *known.0 == *name))
    }

    fn has(&self, origin: &Origin) -> bool {
        self.listed.contains(origin)
    }

    fn is_same_host(&self, page: &Origin, host: Option<&[u8]>) -> bool {
        self.same_host && host.is_some_and(|host| page.is_of_host(host))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn origins_are_kept_as_browsers_write_them() {
        for (text, kept) in [
            ("http://a.example", "http://a.example"),
            ("HTTP://A.Example:80", "http://a.example"),
            ("https://a.example:0443", "https://a.example"),
            ("https://a.example:80", "https://a.example:80"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[0:0:0:0:0:0:0:1]:80", "http://[::1]"),
            ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
            ("http://[::ffff:1.2.3.4]", "http://[::ffff:102:304]"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
            ("app://.", "app://."),
            ("file://", "file://"),
            ("null", "null"),
        ] {
            let origin = Origin::parse(text).unwrap();
            assert_eq!(origin.as_str(), kept, "{text}");
            assert_eq!(origin.to_string().parse(), Ok(origin));
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_the_part_that_is_wrong() {
        for (text, error) in [
            ("", OriginError::Scheme),
            ("*", OriginError::Scheme),
            ("a.example", OriginError::Scheme),
            ("://a", OriginError::Scheme),
            ("1http://a", OriginError::Scheme),
            ("NULL", OriginError::Scheme),
            ("ht tp://a", OriginError::Scheme),
            ("http://", OriginError::Host),
            ("http://:80", OriginError::Host),
            ("http://*.example", OriginError::Host),
            ("http://user@a", OriginError::Host),
            ("http://a b", OriginError::Host),
            ("http://ä.example", OriginError::Host),
            ("http://[::1", OriginError::Host),
            ("http://[::1]x", OriginError::Host),
            ("http://[::g]", OriginError::Host),
            ("http://::1", OriginError::Host),
            ("http://a\r\nb", OriginError::Host),
            ("http://a http://b", OriginError::Path),
            ("http://a:", OriginError::Port),
            ("http://a:0", OriginError::Port),
            ("http://a:+80", OriginError::Port),
            ("http://a:65536", OriginError::Port),
            ("http://[::1]:x", OriginError::Port),
            ("http://a/", OriginError::Path),
            ("http://a?b", OriginError::Path),
            ("http://a#b", OriginError::Path),
        ] {
            assert_eq!(Origin::parse(text), Err(error), "{text:?}");
        }
        let long = format!("http://{}", "a".repeat(505));
        assert!(Origin::parse(&long).is_ok());
        assert_eq!(Origin::parse(&(long + "a")), Err(OriginError::TooLong));
    }

    fn allowed(origins: &Origins, origin: &str, host: &str) -> bool {
        origins.allows(Some(origin.as_bytes()), Some(host.as_bytes()))
    }

    #[test]
    fn a_page_of_the_same_host_has_its_name_and_port() {
        let origins = Origins::default();
        for (origin, host, same) in [
            ("http://a.example", "a.example", true),
            ("http://a.example", "A.Example:80", true),
            ("ws://a.example:3000", "a.example:3000", true),
            ("wss://a.example", "a.example:443", true),
            ("ws://b.example:3000", "a.example:3000", false),
            ("http://a.example", "user@a.example", false),
            ("http://a.example.", "a.example", false),
            ("http://a.example", "a.example.", false),
            ("http://a.example", "a.example:", false),
            ("http://[fe80::1]", "[fe80::1%25eth0]", false),
            ("https://a.example", "a.example", true),
            ("https://a.example", "a.example:443", true),
            ("https://a.example", "a.example:80", false),
            ("http://a.example:3000", "a.example:3000", true),
            ("http://a.example:3000", "a.example", false),
            ("http://a.example", "a.example:3000", false),
            ("http://[::1]:3000", "[0:0::1]:3000", true),
            ("http://b.example", "a.example", false),
            ("http://a.example.evil.example", "a.example", false),
            ("http://evil-a.example", "a.example", false),
            ("capacitor://localhost", "localhost", false),
            ("null", "null", false),
            ("file://", "", false),
            ("http://a.example", "", false),
            ("http://a.example", "a.example/", false),
            ("http://a.example/", "a.example/", false),
        ] {
            assert_eq!(allowed(&origins, origin, host), same, "{origin} {host}");
        }
        assert!(!origins.allows(Some(b"http://a.example"), None));
        assert!(!origins.allows(Some(b"\xff"), Some(b"\xff")));
    }

    #[test]
    fn only_what_is_listed_is_allowed_by_a_list() {
        let origins = Origins::listed().with(Origin::parse("https://a.example").unwrap());
        assert!(allowed(&origins, "https://a.example", "b.example"));
        assert!(allowed(&origins, "https://A.example:443", "b.example"));
        assert!(!allowed(&origins, "http://a.example", "b.example"));
        assert!(!allowed(&origins, "https://a.example:444", "b.example"));
        assert!(!allowed(&origins, "https://b.example", "b.example"));
        assert!(!allowed(&origins, "null", "b.example"));
        assert!(origins.allows(None, None));
        let origins = origins.with(Origin::null());
        assert!(allowed(&origins, "null", "b.example"));
        assert_eq!(origins.iter().count(), 2);
        for origin in ["null", "http://evil.example", "no origin", ""] {
            assert!(allowed(&Origins::any(), origin, "b.example"), "{origin}");
            assert!(
                !allowed(&Origins::listed(), origin, "b.example"),
                "{origin}"
            );
        }
    }

    #[test]
    fn requests_for_another_host_are_refused_if_the_hosts_are_known() {
        let origins = Origins::any().with_host("Chat.example").unwrap();
        let origins = origins.with_host("[::1]").unwrap();
        for (host, known) in [
            (Some("chat.example"), true),
            (Some("CHAT.example:3000"), true),
            (Some("[0::1]:3000"), true),
            (Some("evil.example:3000"), false),
            (Some("chat.example.evil.example"), false),
            (Some(""), false),
            (None, false),
        ] {
            let host = host.map(str::as_bytes);
            assert_eq!(origins.allows(None, host), known, "{host:?}");
        }
        assert_eq!(Origins::any().with_host("a:1"), Err(OriginError::Port));
        assert_eq!(Origins::any().with_host("a/"), Err(OriginError::Path));
        assert_eq!(Origins::any().with_host(""), Err(OriginError::Host));
    }

    #[test]
    fn settings_are_written_and_read() {
        let origins = Origins::same_host()
            .with(Origin::parse("https://a.example").unwrap())
            .with(Origin::null())
            .with_host("a.example")
            .unwrap();
        let written = serde_json::to_string(&origins).unwrap();
        assert!(written.contains(r#""listed":["https://a.example","null"]"#));
        assert_eq!(serde_json::from_str::<Origins>(&written).unwrap(), origins);
        assert!(serde_json::from_str::<Origin>(r#""https://a.example/""#).is_err());
        let hosts =
            |host: &str| serde_json::from_str::<Origins>(&format!(r#"{{"hosts":["{host}"]}}"#));
        assert!(hosts("A.Example").unwrap().allows(None, Some(b"a.example")));
        for wrong in ["a.example:3000", "a.example/", "http://a.example", "", "*"] {
            assert!(hosts(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            serde_json::from_str::<Origins>("{}").unwrap(),
            Origins::default()
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_read_is_a_header_value(text in "(https?|[a-z:/]{0,4})(://)?[ -~\\x00-\\x1f\\PC]{0,40}") {
            if let Ok(origin) = Origin::parse(&text) {
                prop_assert!(origin.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                let again = Origin::parse(origin.as_str());
                prop_assert_eq!(again, Ok(origin));
            }
            let _checked = Origins::default().allows(Some(text.as_bytes()), Some(text.as_bytes()));
        }

        #[test]
        fn an_origin_is_allowed_by_the_list_that_has_it_and_by_its_own_host(
            scheme in "https?", host in "[a-z0-9-]{1,10}(\\.[a-z]{1,5}){0,2}", port in 1_u16.., other in "[a-z]{1,5}"
        ) {
            let text = format!("{scheme}://{host}:{port}");
            let origin = Origin::parse(&text).unwrap();
            let list = Origins::listed().with(origin);
            prop_assert!(list.allows(Some(text.as_bytes()), None));
            let authority = format!("{host}:{port}");
            prop_assert!(Origins::same_host().allows(Some(text.as_bytes()), Some(authority.as_bytes())));
            let foreign = format!("{scheme}://{host}.{other}:{port}");
            prop_assert!(!list.allows(Some(foreign.as_bytes()), Some(authority.as_bytes())));
            prop_assert!(!Origins::same_host().allows(Some(foreign.as_bytes()), Some(authority.as_bytes())));
        }
    }
}
