//! The route of a request: what it asks for, verified in the official order.
//!
//! Routing needs no server and no session: any thread can do it, and hand the request to the shard that the session id
//! names.
//!
//! Source: `engine.io/lib/server.ts`, `verify`, `handshake` and the error tables beside them.

mod parameters;
mod query;

use self::query::Query;
use super::config::Config;
use super::find::find;
use super::jsonp::JsonpIndex;
use super::reject::{BadRequest, Reject};
use crate::http::RequestHead;
use crate::{Revision, Sid, Transport};

/// What a request asks for.
///
/// # Examples
///
/// ```
/// use engineio_proto::http::RequestHead;
/// use engineio_proto::server::{Config, Reject, Route};
///
/// let config = Config::default();
/// let open = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=polling");
/// assert!(matches!(Route::of(&open, &config), Ok(Route::Open(_))));
///
/// let bad = RequestHead::new("POST", "/engine.io/", "EIO=4&transport=polling");
/// let reject = Route::of(&bad, &config).unwrap_err();
/// assert_eq!(reject, Reject::BadHandshakeMethod);
/// assert_eq!(reject.into_response().body, r#"{"code":2,"message":"Bad handshake method"}"#);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Route {
    /// A handshake: open a session.
    Open(Handshake),
    /// A request of an existing session.
    Session(SessionRequest),
    /// A browser asks what pages of other origins may do: to be answered with [`Config::preflight`].
    Preflight,
}

/// The settings of a session that its first request decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Handshake {
    /// The transport the session opens on.
    pub transport: Transport,
    /// The protocol revision, fixed for the session.
    pub revision: Revision,
    /// Whether the request that opens the session asked for text only, with a `b64` parameter that is not empty. A
    /// WebSocket then gets text frames, and polling of revision 3 text payloads. Polling of revision 4 is text in any
    /// case.
    pub text_only: bool,
    /// The function of the page that polling calls, if it polls by scripts: the parameter `j`.
    pub jsonp: Option<JsonpIndex>,
    /// Whether the browser is one that wants `X-XSS-Protection: 0` on responses (Internet Explorer).
    pub disable_xss_filter: bool,
}

impl Handshake {
    /// Makes the handshake of a session that opens on `transport`.
    #[must_use]
    pub const fn new(transport: Transport) -> Self {
        Self {
            transport,
            revision: Revision::V4,
            text_only: false,
            jsonp: None,
            disable_xss_filter: false,
        }
    }
}

/// A request of an existing session, not yet compared with the session: see
/// [`Session::verify`](super::Session::verify).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SessionRequest {
    /// The session it claims to belong to.
    pub sid: Sid,
    /// The protocol revision that it names, `None` for one that is not served.
    pub revision: Option<Revision>,
    /// The transport that it names.
    pub transport: Transport,
    /// What it asks for.
    pub action: Action,
}

/// What a request asks of its session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// A polling GET.
    Poll,
    /// A polling POST with a body.
    Post(PostContent),
    /// A WebSocket, to move the session to.
    Upgrade {
        /// Whether it asked for text frames only, with a `b64` parameter that is not empty.
        text_only: bool,
    },
    /// A method that polling does not know.
    UnknownMethod,
}

/// How the body of a POST is to be read, from its content type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PostContent {
    /// A text payload; every content type but the other ones, as officially.
    Text,
    /// `application/octet-stream`: a binary payload of revision 3, which revision 4 refuses.
    Binary,
}

impl Route {
    /// Finds out what a request asks for.
    ///
    /// [`RequestHead::upgrade`] decides whether it is read as a WebSocket handshake.
    ///
    /// # Errors
    ///
    /// A [`Reject`] that knows its response, for the first check that fails: transport, origin, session id, and for
    /// handshakes method, transport again, revision and JSONP.
    pub fn of(request: &RequestHead<'_>, config: &Config) -> Result<Self, Reject> {
        if config.is_preflight(request) {
            return Ok(Self::Preflight);
        }
        let query = Query::parse(request.query);
        // A WebTransport session brings no query: what names it is no request of one.
        let transport = query.transport.filter(|&transport| {
            config.transports.contains(transport) && transport != Transport::WebTransport
        });
        let transport = transport.ok_or(Reject::UnknownTransport)?;
        config.check_origin(request)?;
        let revision = query.revision(config);
        match query.sid {
            Some(sid) => Self::of_session(request, &query, transport, revision, sid),
            None => Self::of_handshake(request, &query, transport, revision, config),
        }
    }

    fn of_session(
        request: &RequestHead<'_>,
        query: &Query<'_>,
        transport: Transport,
        revision: Option<Revision>,
        sid: Option<Sid>,
    ) -> Result<Self, Reject> {
        let sid = sid.ok_or(Reject::UnknownSid)?;
        let action = match request.method {
            _ if request.upgrade => Action::Upgrade {
                text_only: query.text_only,
            },
            "GET" => Action::Poll,
            "POST" if request.content_type == Some(b"application/octet-stream") => {
                Action::Post(PostContent::Binary)
            }
            "POST" => Action::Post(PostContent::Text),
            _ => Action::UnknownMethod,
        };
        Ok(Self::Session(SessionRequest {
            sid,
            revision,
            transport,
            action,
        }))
    }

    fn of_handshake(
        request: &RequestHead<'_>,
        query: &Query<'_>,
        transport: Transport,
        revision: Option<Revision>,
        config: &Config,
    ) -> Result<Self, Reject> {
        if request.method != "GET" {
            return Err(Reject::BadHandshakeMethod);
        }
        if request.upgrade != (transport == Transport::WebSocket) {
            return Err(Reject::BadRequest(BadRequest::TransportHandshake));
        }
        let revision = revision.ok_or(Reject::UnsupportedRevision)?;
        let jsonp = query.jsonp.as_deref();
        let jsonp = jsonp.filter(|_| transport == Transport::Polling);
        if jsonp.is_some() && !config.allow_jsonp {
            return Err(Reject::BadRequest(BadRequest::Jsonp));
        }
        if jsonp.is_some() && !config.origins.allows_script(request) {
            return Err(Reject::ForeignOrigin);
        }
        let index = |value| {
            let fault = BadRequest::TransportHandshake;
            JsonpIndex::parse(value).ok_or(Reject::BadRequest(fault))
        };
        Ok(Self::Open(Handshake {
            transport,
            revision,
            text_only: query.text_only,
            jsonp: jsonp.map(index).transpose()?,
            disable_xss_filter: is_internet_explorer(request.user_agent.unwrap_or_default()),
        }))
    }
}

impl Config {
    /// Checks the origin of a request, for requests that do not go through [`Route::of`], such as
    /// those for WebTransport sessions.
    ///
    /// # Errors
    ///
    /// [`BadRequest::InvalidOrigin`] if the `Origin` header holds control characters, and [`Reject::ForeignOrigin`] if
    /// [`origins`](Self::origins) do not allow it.
    pub fn check_origin(&self, request: &RequestHead<'_>) -> Result<(), Reject> {
        let is_valid = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        if !request.origin.unwrap_or_default().iter().all(is_valid) {
            return Err(Reject::BadRequest(BadRequest::InvalidOrigin));
        }
        if self.origins.allows(request.origin, request.host) {
            Ok(())
        } else {
            Err(Reject::ForeignOrigin)
        }
    }
}

/// Whether a browser is one that filters scripts unless it is told not to.
fn is_internet_explorer(agent: &[u8]) -> bool {
    let mut rest = agent;
    while let Some((_, found)) = find(rest, *b";T").and_then(|at| rest.split_at_checked(at)) {
        if found.starts_with(b";MSIE") || found.starts_with(b"Trident/") {
            return true;
        }
        rest = found.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transports;
    use crate::server::Origins;

    const SID: &str = "lv_VI97HAXpY6yYWAAAC";

    fn route(method: &str, query: &str) -> Result<Route, Reject> {
        Route::of(
            &RequestHead::new(method, "/engine.io/", query),
            &Config::default(),
        )
    }

    fn upgrade(query: &str) -> Result<Route, Reject> {
        Route::of(
            &RequestHead::new("GET", "/engine.io/", query).with_upgrade(),
            &Config::default(),
        )
    }

    fn session(action: Action, transport: Transport) -> Result<Route, Reject> {
        let sid = Sid::parse(SID).unwrap();
        Ok(Route::Session(SessionRequest {
            sid,
            revision: Some(Revision::V4),
            transport,
            action,
        }))
    }

    #[test]
    fn handshakes() {
        let open = |transport| Ok(Route::Open(Handshake::new(transport)));
        assert_eq!(
            route("GET", "EIO=4&transport=polling&t=abc"),
            open(Transport::Polling)
        );
        assert_eq!(
            upgrade("EIO=4&transport=websocket"),
            open(Transport::WebSocket)
        );
        assert_eq!(
            route("GET", "EIO=4&transport=polling&sid="),
            open(Transport::Polling)
        );
        assert_eq!(
            route("GET", "%45IO=%34&transport=p&transport=polling"),
            open(Transport::Polling)
        );
    }

    #[test]
    fn requests_of_a_session() {
        let query = |transport: &str| alloc::format!("EIO=4&transport={transport}&sid={SID}");
        assert_eq!(
            route("GET", &query("polling")),
            session(Action::Poll, Transport::Polling)
        );
        assert_eq!(
            route("POST", &query("polling")),
            session(Action::Post(PostContent::Text), Transport::Polling)
        );
        assert_eq!(
            route("DELETE", &query("polling")),
            session(Action::UnknownMethod, Transport::Polling)
        );
        assert_eq!(
            upgrade(&query("websocket")),
            session(Action::Upgrade { text_only: false }, Transport::WebSocket)
        );
        assert_eq!(
            route("GET", &query("websocket")),
            session(Action::Poll, Transport::WebSocket)
        );
    }

    #[test]
    fn only_the_exact_octet_stream_type_is_binary() {
        let post = |content_type: &'static [u8]| {
            let query = alloc::format!("EIO=4&transport=polling&sid={SID}");
            let head = RequestHead::new("POST", "/", &query).with_content_type(content_type);
            Route::of(&head, &Config::default())
        };
        let posted = |content| session(Action::Post(content), Transport::Polling);
        assert_eq!(
            post(b"application/octet-stream"),
            posted(PostContent::Binary)
        );
        assert_eq!(
            post(b"application/octet-stream; charset=x"),
            posted(PostContent::Text)
        );
        assert_eq!(post(b"application/json"), posted(PostContent::Text));
    }

    #[test]
    fn refusals_come_in_the_official_order() {
        let bad = |cause| Err(Reject::BadRequest(cause));
        for query in [
            "",
            "EIO=4",
            "transport=abc",
            "transport=webtransport",
            "transport=__proto__",
            "transport=constructor",
        ] {
            assert_eq!(
                route("POST", query),
                Err(Reject::UnknownTransport),
                "{query}"
            );
            assert_eq!(upgrade(query), Err(Reject::UnknownTransport), "{query}");
        }
        for sid in ["zzz", "__proto__"] {
            assert_eq!(
                route("PUT", &alloc::format!("EIO=3&transport=polling&sid={sid}")),
                Err(Reject::UnknownSid)
            );
        }
        assert_eq!(
            route("POST", "EIO=3&transport=websocket"),
            Err(Reject::BadHandshakeMethod)
        );
        assert_eq!(
            route("OPTIONS", "EIO=4&transport=polling"),
            Err(Reject::BadHandshakeMethod)
        );
        assert_eq!(
            route("GET", "EIO=3&transport=websocket"),
            bad(BadRequest::TransportHandshake)
        );
        assert_eq!(
            upgrade("EIO=4&transport=polling"),
            bad(BadRequest::TransportHandshake)
        );
        for query in [
            "transport=polling",
            "transport=polling&EIO=3",
            "transport=polling&EIO=5",
            "transport=polling&EIO=abc",
        ] {
            assert_eq!(
                route("GET", query),
                Err(Reject::UnsupportedRevision),
                "{query}"
            );
        }
    }

    #[test]
    fn an_origin_with_control_characters_is_refused() {
        let origin = |origin: &'static [u8]| {
            let head = RequestHead::new("GET", "/", "EIO=4&transport=polling").with_origin(origin);
            Route::of(&head, &Config::default().with_origins(Origins::any())).err()
        };
        assert_eq!(origin(b"http://a.com"), None);
        assert_eq!(origin(b"\t\x80\xff"), None);
        assert_eq!(
            origin(b"a\x01"),
            Some(Reject::BadRequest(BadRequest::InvalidOrigin))
        );
        assert_eq!(
            origin(b"a\x7f"),
            Some(Reject::BadRequest(BadRequest::InvalidOrigin))
        );
    }

    #[test]
    fn a_transport_that_is_not_enabled_is_unknown() {
        let config = Config::default().with_transports(Transports::NONE.with(Transport::Polling));
        let head = RequestHead::new("GET", "/", "EIO=4&transport=websocket").with_upgrade();
        assert_eq!(Route::of(&head, &config), Err(Reject::UnknownTransport));
    }

    #[test]
    fn internet_explorer_is_told_to_leave_responses_alone() {
        for (agent, expected) in [
            ("Mozilla/4.0 (compatible;MSIE 8.0)", true),
            ("Trident/7.0", true),
            ("Firefox", false),
        ] {
            let head = RequestHead::new("GET", "/", "EIO=4&transport=polling")
                .with_user_agent(agent.as_bytes());
            let Ok(Route::Open(handshake)) = Route::of(&head, &Config::default()) else {
                panic!("a handshake")
            };
            assert_eq!(handshake.disable_xss_filter, expected, "{agent}");
        }
    }
}
