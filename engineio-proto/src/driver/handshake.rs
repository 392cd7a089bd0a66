//! The heads of the requests that open sessions.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use super::server::Lifecycle;
use crate::HeadId;
use crate::hidden::HiddenQuery;
use crate::server::SessionKey;

/// The request that opened a session, or asks for one: what a driver keeps of it for the application.
///
/// It is a copy, so that it keeps no buffer of a connection alive. With the feature `http` it is made of
/// `http::request::Parts` by `From`.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Handshake {
    /// The path and the query, percent-encoded as they came.
    pub target: Box<str>,
    /// The names, in lower case, and values of the headers, in the order in which they came.
    pub headers: Vec<(Box<str>, Box<[u8]>)>,
    /// The address of the peer; `None` where the driver does not know it.
    pub address: Option<SocketAddr>,
    /// Whether the request came over TLS.
    pub secure: bool,
    /// The time of the request, since the beginning of 1970 in UTC.
    pub issued: Duration,
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("target", &HiddenQuery(&self.target))
            .field("headers", &HeaderNames(&self.headers))
            .field("address", &self.address)
            .field("secure", &self.secure)
            .field("issued", &self.issued)
            .finish()
    }
}

/// The names only: values may be secret.
struct HeaderNames<'a>(&'a [(Box<str>, Box<[u8]>)]);

impl fmt::Debug for HeaderNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Handshake {
    /// Makes a handshake without headers, from nobody known, at the beginning of 1970.
    #[must_use]
    pub fn new(target: impl Into<Box<str>>) -> Self {
        Self {
            target: target.into(),
            headers: Vec::new(),
            address: None,
            secure: false,
            issued: Duration::ZERO,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Box<[u8]>>) -> Self {
        let name = name.to_ascii_lowercase().into_boxed_str();
        self.headers.push((name, value.into()));
        self
    }

    /// Sets [`address`](Self::address).
    #[must_use]
    pub const fn with_address(mut self, address: Option<SocketAddr>) -> Self {
        self.address = address;
        self
    }

    /// Sets [`secure`](Self::secure).
    #[must_use]
    pub const fn with_secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Sets [`issued`](Self::issued).
    #[must_use]
    pub const fn with_issued(mut self, since_1970: Duration) -> Self {
        self.issued = since_1970;
        self
    }

    /// The path, percent-encoded as it came.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(&*self.target, |(path, _)| path)
    }

    /// The parameters of the query, decoded, in their order.
    pub fn query(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes())
    }

    /// The values of a header, joined by `, ` as if they were one; `None` if there is none. The name is compared
    /// without regard to case. Bytes that are not UTF-8 are replaced by U+FFFD.
    ///
    /// Cost: a look at each header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| String::from_utf8_lossy(value));
        let first = values.next()?;
        Some(values.fold(first, |joined, value| joined + ", " + value))
    }

    /// Whether the request names the origin of the page that it comes from: officially `handshake.xdomain`.
    #[must_use]
    pub fn xdomain(&self) -> bool {
        self.header("origin").is_some()
    }
}

#[cfg(feature = "http")]
impl From<&http::request::Parts> for Handshake {
    fn from(parts: &http::request::Parts) -> Self {
        let target = match parts.uri.path_and_query() {
            Some(target) => target.as_str(),
            None => parts.uri.path(),
        };
        let mut handshake = Self::new(target);
        handshake.headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().into(), value.as_bytes().into()))
            .collect();
        handshake
    }
}

/// The handshakes of one server that its application may ask for.
///
/// A driver calls [`note`](Self::note) for each event before the application has it, and
/// [`note_handled`](Self::note_handled) afterwards. It calls [`answer`](Self::answer) for each request and connection that
/// is decided on, and [`end_step`](Self::end_step) once the outputs of an input are taken. What is not asked about, such as a poll of a session that is open, is never copied.
#[derive(Clone, Debug, Default)]
pub struct Handshakes {
    /// Of requests about which the application has been told in this step, or has not decided yet.
    waiting: BTreeMap<HeadId, Handshake>,
    /// Of those, which are over when the step ends.
    answered: Vec<HeadId>,
    /// Of what opened a session that is not over.
    sessions: BTreeMap<SessionKey, Handshake>,
}

impl Handshakes {
    /// Takes what the next event says about a session. `head` makes the copy of the request with this name, and is
    /// called only if there is none yet and the application may ask for it.
    pub fn note(&mut self, lifecycle: Lifecycle, head: impl FnOnce(HeadId) -> Option<Handshake>) {
        match lifecycle {
            Lifecycle::Asked { by } => self.wait(by, head),
            Lifecycle::Refused { by } => {
                self.wait(by, head);
                self.answered.push(by);
            }
            Lifecycle::Opened { session, by } => {
                if let Some(handshake) = self.waiting.remove(&by).or_else(|| head(by)) {
                    self.sessions.insert(session, handshake);
                }
            }
            Lifecycle::Closed { .. } | Lifecycle::Other => {}
        }
    }

    fn wait(&mut self, by: HeadId, head: impl FnOnce(HeadId) -> Option<Handshake>) {
        if !self.waiting.contains_key(&by)
            && let Some(handshake) = head(by)
        {
            self.waiting.insert(by, handshake);
        }
    }

    /// Takes the same event again, after the application has had it.
    pub fn note_handled(&mut self, lifecycle: Lifecycle) {
        if let Lifecycle::Closed { session } = lifecycle {
            self.sessions.remove(&session);
        }
    }

    /// Notes that a request is over, or a connection decided on. The application may ask for it until the step ends.
    pub fn answer(&mut self, by: HeadId) {
        if self.waiting.contains_key(&by) {
            self.answered.push(by);
        }
    }

    /// Forgets the requests that are answered.
    pub fn end_step(&mut self) {
        for by in self.answered.drain(..) {
            self.waiting.remove(&by);
        }
    }

    /// The request with this name.
    #[must_use]
    pub fn of_request(&self, by: HeadId) -> Option<&Handshake> {
        self.waiting.get(&by)
    }

    /// The request that opened a session.
    #[must_use]
    pub fn of_session(&self, session: SessionKey) -> Option<&Handshake> {
        self.sessions.get(&session)
    }

    /// The number of handshakes that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len().saturating_add(self.sessions.len())
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sessions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::RequestId;

    fn handshake(target: &str) -> Handshake {
        Handshake::new(target)
    }

    #[test]
    fn the_query_is_decoded_and_keeps_its_order() {
        let handshake = handshake("/socket.io/?EIO=4&a=b%20c&a=d&e");
        let query: Vec<_> = handshake
            .query()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(query, ["EIO: 4", "a: b c", "a: d", "e: "]);
        assert_eq!(handshake.path(), "/socket.io/");
        assert_eq!(self::handshake("/x").query().count(), 0);
    }

    #[test]
    fn the_values_of_a_header_are_joined() {
        let handshake = handshake("/")
            .with_header("X-Mine", *b"1")
            .with_header("Other", *b"\xff")
            .with_header("x-mine", *b"2");
        assert_eq!(handshake.header("x-MINE").as_deref(), Some("1, 2"));
        assert_eq!(handshake.header("other").as_deref(), Some("\u{fffd}"));
        assert_eq!(handshake.header("none"), None);
        assert!(!handshake.xdomain());
        assert!(
            handshake
                .with_header("Origin", *b"http://page.example")
                .xdomain()
        );
    }

    #[test]
    fn debug_output_shows_no_cookie_and_no_query() {
        let shown = format!(
            "{:?}",
            handshake("/path?sid=secret").with_header("cookie", *b"a=secret")
        );
        assert!(
            shown.contains("/path") && !shown.contains("secret"),
            "{shown}"
        );
    }

    #[cfg(feature = "http")]
    #[test]
    fn a_head_of_the_crate_http_is_copied_whole() {
        let request = http::Request::get("http://host/socket.io/?a=1")
            .header("X-Mine", "1")
            .header("x-mine", "2");
        let parts = request.body(()).unwrap().into_parts().0;
        let handshake = Handshake::from(&parts);
        assert_eq!(&*handshake.target, "/socket.io/?a=1");
        assert_eq!(handshake.header("x-mine").as_deref(), Some("1, 2"));
    }

    const BY: HeadId = HeadId::Request(RequestId(1));

    fn session() -> SessionKey {
        SessionKey::from_bits(1)
    }

    #[test]
    fn a_request_that_is_asked_about_is_kept_until_it_is_decided() {
        let mut handshakes = Handshakes::default();
        handshakes.note(Lifecycle::Asked { by: BY }, |_| Some(handshake("/a")));
        handshakes.end_step();
        assert_eq!(handshakes.of_request(BY).unwrap().target.to_string(), "/a");
        handshakes.answer(BY);
        assert!(handshakes.of_request(BY).is_some(), "in the same step");
        handshakes.end_step();
        assert!(handshakes.is_empty());
    }

    #[test]
    fn the_request_that_opened_a_session_is_kept_until_it_is_closed() {
        let (mut handshakes, session) = (Handshakes::default(), session());
        handshakes.note(Lifecycle::Asked { by: BY }, |_| Some(handshake("/a")));
        let opened = Lifecycle::Opened { session, by: BY };
        handshakes.note(opened, |_| unreachable!("it is known"));
        handshakes.end_step();
        assert!(handshakes.of_request(BY).is_none());
        let closed = Lifecycle::Closed { session };
        handshakes.note(closed, |_| None);
        assert!(
            handshakes.of_session(session).is_some(),
            "for its last event"
        );
        handshakes.note_handled(closed);
        assert!(handshakes.is_empty());
    }

    #[test]
    fn a_refused_request_is_kept_for_the_event_that_tells_of_it() {
        let mut handshakes = Handshakes::default();
        handshakes.note(Lifecycle::Refused { by: BY }, |_| Some(handshake("/a")));
        assert_eq!(handshakes.len(), 1);
        handshakes.end_step();
        assert!(handshakes.is_empty());
    }

    #[test]
    fn other_events_copy_nothing() {
        let mut handshakes = Handshakes::default();
        handshakes.note(Lifecycle::Other, |_| unreachable!("nobody may ask for it"));
        assert!(handshakes.is_empty());
    }
}
