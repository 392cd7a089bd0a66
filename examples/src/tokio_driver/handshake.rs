//! The requests that open sessions, kept for the application.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::SystemTime;

use axum::extract::ConnectInfo;
use engineio_proto::Exchange;
use engineio_proto::server::SessionKey;
use http::request::Parts;
use http::{HeaderMap, Uri, header};

/// The request that opened a session, or asks for one.
///
/// The machines keep no request heads; the driver keeps this one as long as the session lives.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Handshake {
    /// The headers.
    pub headers: HeaderMap,
    /// The request target, with its query.
    pub uri: Uri,
    /// The address of the peer; `None` where the listener did not say it, see [`ConnectInfo`].
    pub address: Option<SocketAddr>,
    /// Whether the request came over TLS, as far as [`Options::secure`](super::Options::secure) says.
    pub secure: bool,
    /// When the session was asked for.
    pub issued: SystemTime,
}

impl Handshake {
    pub(super) fn new(parts: Parts, secure: bool) -> Self {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Self {
            address: address.map(|ConnectInfo(address)| *address),
            headers: parts.headers,
            uri: parts.uri,
            secure,
            issued: SystemTime::now(),
        }
    }

    /// The parameters of the query, decoded, in their order.
    pub fn query(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes())
    }

    /// Whether the request came from a page of another origin, or at least names an origin at all.
    #[must_use]
    pub fn xdomain(&self) -> bool {
        self.headers.contains_key(header::ORIGIN)
    }
}

/// The request heads that the application may ask for.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// Of the request that is being handled.
    current: Option<(Exchange, Handshake)>,
    /// Of those about which the application has not decided.
    waiting: HashMap<Exchange, Handshake>,
    /// Those of them that are answered, until the events about that have been handled.
    answered: Vec<Exchange>,
    /// Of those that opened a session, while it is not over.
    sessions: HashMap<SessionKey, Handshake>,
}

impl Heads {
    pub(super) fn begin(&mut self, by: Exchange, handshake: Handshake) {
        self.current = Some((by, handshake));
    }

    /// The application has been asked about a request.
    pub(super) fn wait(&mut self, by: Exchange) {
        if let Some((by, handshake)) = self.current.take_if(|(current, _)| *current == by) {
            self.waiting.insert(by, handshake);
        }
    }

    pub(super) fn open(&mut self, session: SessionKey, by: Exchange) {
        let current = self.current.take_if(|(current, _)| *current == by);
        let handshake = current
            .map(|(_, handshake)| handshake)
            .or_else(|| self.waiting.remove(&by));
        if let Some(handshake) = handshake {
            self.sessions.insert(session, handshake);
        }
    }

    pub(super) fn close(&mut self, session: SessionKey) {
        self.sessions.remove(&session);
    }

    /// A request is over, and may be asked for until the end of the step.
    pub(super) fn answer(&mut self, by: Exchange) {
        if self.waiting.contains_key(&by) {
            self.answered.push(by);
        }
    }

    pub(super) fn end_step(&mut self) {
        self.current = None;
        for by in self.answered.drain(..) {
            self.waiting.remove(&by);
        }
    }

    pub(super) fn of_request(&self, by: Exchange) -> Option<&Handshake> {
        let current = self.current.as_ref().filter(|(current, _)| *current == by);
        current
            .map(|(_, handshake)| handshake)
            .or_else(|| self.waiting.get(&by))
    }

    pub(super) fn of_session(&self, session: SessionKey) -> Option<&Handshake> {
        self.sessions.get(&session)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(uri: &str) -> Parts {
        let request = Request::get(uri).header("x-mine", "1");
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_query_is_decoded_and_keeps_its_order() {
        let handshake = Handshake::new(parts("/socket.io/?EIO=4&a=b%20c&a=d&e"), false);
        let query = handshake.query();
        let query: Vec<_> = query
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(query, ["EIO: 4", "a: b c", "a: d", "e: "]);
        assert_eq!(handshake.uri, "/socket.io/?EIO=4&a=b%20c&a=d&e");
        assert_eq!(handshake.headers["x-mine"], "1");
    }

    #[test]
    fn where_it_came_from_and_whether_by_tls_is_known_as_far_as_it_was_told() {
        let handshake = Handshake::new(parts("/"), false);
        assert!(!handshake.secure && !handshake.xdomain() && handshake.address.is_none());
        let mut parts = parts("/");
        let address = SocketAddr::from(([127, 0, 0, 1], 5));
        parts.extensions.insert(ConnectInfo(address));
        let origin = http::HeaderValue::from_static("http://page.example");
        parts.headers.insert(header::ORIGIN, origin);
        let handshake = Handshake::new(parts, true);
        assert!(handshake.secure && handshake.xdomain());
        assert_eq!(handshake.address, Some(address));
    }
}
