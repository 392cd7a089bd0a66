//! The route of a request: what it asks for, verified in the official order.
//!
//! Routing needs no server and no session: any thread can do it, and hand the request to the shard that the session id
//! names.
//!
//! Source: `engine.io/lib/server.ts`, `verify`, `handshake` and the error tables beside them.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use super::config::Config;
use super::find::find;
use super::jsonp::JsonpIndex;
use super::parameters::{self, Name};
use crate::http::{Headers, RequestHead, Response};
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

/// The parameters that matter; of a repeated one the last counts.
#[derive(Debug, Default, Eq, PartialEq)]
struct Query<'a> {
    transport: Option<Transport>,
    /// The session that it is for, itself `None` if no session can have that id. An empty id is none.
    sid: Option<Option<Sid>>,
    names_revision_4: bool,
    text_only: bool,
    jsonp: Option<Cow<'a, str>>,
}

impl<'a> Query<'a> {
    fn parse(query: &'a str) -> Self {
        Self::parse_usual(query.as_bytes()).unwrap_or_else(|| Self::parse_any(query))
    }

    /// Reads a query of revision 4 as clients mostly write it, in any order: `EIO=4&transport=polling&t=Pq7x2Lm&sid=…`.
    /// `None` for any other. The names and most values are compared where they stand, so that none is searched for its end.
    fn parse_usual(query: &[u8]) -> Option<Self> {
        let mut parsed = Self::default();
        let mut rest = query;
        loop {
            rest = match rest.first()? {
                b'E' => {
                    parsed.names_revision_4 = true;
                    rest.strip_prefix(b"EIO=4")?
                }
                b's' => {
                    let (sid, behind) = rest.strip_prefix(b"sid=")?.split_first_chunk()?;
                    parsed.sid = Some(Some(Sid::from_bytes(*sid)?));
                    behind
                }
                b't' => match rest.strip_prefix(b"t=") {
                    Some(stamp) => {
                        let end = find(stamp, *b"&").unwrap_or(stamp.len());
                        stamp.get(end..)?
                    }
                    None => {
                        let name = rest.strip_prefix(b"transport=")?;
                        let usual = [Transport::Polling, Transport::WebSocket];
                        let (transport, behind) = usual.into_iter().find_map(|transport| {
                            let behind = name.strip_prefix(transport.name().as_bytes())?;
                            Some((transport, behind))
                        })?;
                        parsed.transport = Some(transport);
                        behind
                    }
                },
                _ => return None,
            };
            match rest.split_first() {
                None => return Some(parsed),
                Some((b'&', others)) => rest = others,
                Some(_) => return None,
            }
        }
    }

    fn parse_any(query: &'a str) -> Self {
        let mut parsed = Self::default();
        parameters::for_each(query, |name, value| match name {
            Name::Transport => parsed.transport = Transport::from_name(&value),
            Name::Sid => parsed.sid = (!value.is_empty()).then(|| Sid::parse(&value)),
            Name::Revision => parsed.names_revision_4 = value == "4",
            Name::Jsonp => parsed.jsonp = Some(value),
            Name::Base64 => parsed.text_only = !value.is_empty(),
            Name::Other => {}
        });
        parsed
    }

    /// The revision, if it is served: all that is not exactly 4 counts as 3.
    fn revision(&self, config: &Config) -> Option<Revision> {
        if self.names_revision_4 {
            Some(Revision::V4)
        } else {
            config.allow_eio3.then_some(Revision::V3)
        }
    }
}

/// Why a request is refused. It knows the official code, message, status and body.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reject {
    /// Code 0: the transport is missing, unknown or not enabled.
    #[error("Transport unknown")]
    UnknownTransport,
    /// Code 1: there is no such session.
    #[error("Session ID unknown")]
    UnknownSid,
    /// Code 2: a handshake that is not a GET.
    #[error("Bad handshake method")]
    BadHandshakeMethod,
    /// Code 3: see the cause.
    #[error("Bad request")]
    BadRequest(#[source] BadRequest),
    /// Code 4, status 403: the application refused it.
    #[error("Forbidden")]
    Forbidden,
    /// Code 4, status 403: a page of an origin that is [not served](Config::origins), or a host that is none of the
    /// server's.
    #[error("Forbidden")]
    ForeignOrigin,
    /// Code 5: a protocol revision that is not served.
    #[error("Unsupported protocol version")]
    UnsupportedRevision,
    /// No code, status 500: a method that polling does not know, on a good session.
    #[error("unknown method")]
    UnknownMethod,
    /// No code, status 503: as many sessions exist as may.
    #[error("too many sessions")]
    TooManySessions,
    /// No code, status 503: as many handshakes wait for the application as may.
    #[error("too many handshakes")]
    TooManyHandshakes,
    /// No code, status 503: the server holds nearly as many bytes [as it may](Config::max_bytes_held).
    #[error("memory limit reached")]
    MemoryLimit,
    /// No code, status 503: no new session may open.
    #[error("shutting down")]
    ShuttingDown,
}

/// What makes a request bad; `Display` gives the official name of the context.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// The `Origin` header holds control characters.
    #[error("INVALID_ORIGIN")]
    InvalidOrigin,
    /// The session is on another transport.
    #[error("TRANSPORT_MISMATCH")]
    TransportMismatch,
    /// The session speaks another revision.
    #[error("PROTOCOL_MISMATCH")]
    RevisionMismatch,
    /// A WebSocket session was asked for without a WebSocket handshake, or the reverse; or a WebTransport stream did not
    /// say what it is for.
    #[error("TRANSPORT_HANDSHAKE_ERROR")]
    TransportHandshake,
    /// Polling by scripts was asked for, and is not [allowed](Config::allow_jsonp). Officially a transport that cannot be
    /// made has the same name.
    #[error("TRANSPORT_HANDSHAKE_ERROR")]
    Jsonp,
}

impl Reject {
    /// The official error code; `None` for what officially has none.
    #[must_use]
    pub const fn code(self) -> Option<u8> {
        match self {
            Self::UnknownTransport => Some(0),
            Self::UnknownSid => Some(1),
            Self::BadHandshakeMethod => Some(2),
            Self::BadRequest(_) => Some(3),
            Self::Forbidden | Self::ForeignOrigin => Some(4),
            Self::UnsupportedRevision => Some(5),
            Self::UnknownMethod
            | Self::TooManySessions
            | Self::TooManyHandshakes
            | Self::MemoryLimit
            | Self::ShuttingDown => None,
        }
    }

    /// The answer to a plain request: status 400, or 403 for [`Forbidden`](Self::Forbidden) and
    /// [`ForeignOrigin`](Self::ForeignOrigin), and `{"code":…,"message":…}`, or the bare status without a code.
    #[must_use]
    pub fn into_response(self) -> Response {
        self.response(None)
    }

    /// As [`into_response`](Self::into_response), with another message than the official one.
    pub(super) fn response(self, message: Option<&str>) -> Response {
        let Some(code) = self.code() else {
            return Response::new(self.status(), "");
        };
        let message = message.map_or_else(|| format!("{self}"), Into::into);
        // A string is always serialised.
        let message = serde_json::to_string(&message).unwrap_or_default();
        let body = format!(r#"{{"code":{code},"message":{message}}}"#);
        Response::new(self.status(), body)
            .with_headers(Headers::default().with_content_type("application/json"))
    }

    /// The answer to a WebSocket handshake: status 400 and the bare message, and the connection closes.
    #[must_use]
    pub fn into_refusal(self) -> Response {
        self.refusal(None)
    }

    /// As [`into_refusal`](Self::into_refusal), with another message than the official one.
    pub(super) fn refusal(self, message: Option<&str>) -> Response {
        let headers = Headers::default()
            .with_connection_close()
            .with_content_type("text/html");
        let (status, message) = match self.code() {
            Some(_) => (400, message.map_or_else(|| format!("{self}"), Into::into)),
            None => (self.status(), String::new()),
        };
        Response::new(status, message).with_headers(headers)
    }

    const fn status(self) -> u16 {
        match self {
            Self::UnknownMethod => 500,
            Self::TooManySessions
            | Self::TooManyHandshakes
            | Self::MemoryLimit
            | Self::ShuttingDown => 503,
            Self::Forbidden | Self::ForeignOrigin => 403,
            Self::UnknownTransport
            | Self::UnknownSid
            | Self::BadHandshakeMethod
            | Self::BadRequest(_)
            | Self::UnsupportedRevision => 400,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;
    use crate::Transports;
    use crate::server::Origins;

    const SID: &str = "lv_VI97HAXpY6yYWAAAC";

    proptest! {
        #[test]
        fn a_query_says_the_same_whichever_way_it_is_read(
            parts in prop::collection::vec("(EIO=4|EIO=3|t=[a-zé%+]{0,9}|transport=(polling|websocket|poll)|sid=[a-z]{18,21}|sid=%41[a-z]{17,19}|b64=1|j=0|){1,2}", 0..6),
        ) {
            let query = parts.join("&");
            if let Some(usual) = Query::parse_usual(query.as_bytes()) {
                prop_assert_eq!(usual, Query::parse_any(&query));
            }
        }
    }

    #[test]
    fn the_queries_of_official_clients_are_usual() {
        for query in [
            "EIO=4&transport=polling&t=Pq7x2Lm",
            "EIO=4&transport=polling&t=Pq7x2Lm&sid=lv_VI97HAXpY6yYWAAAC",
            "EIO=4&transport=websocket&sid=lv_VI97HAXpY6yYWAAAC",
            "EIO=4&transport=websocket",
        ] {
            let usual = Query::parse_usual(query.as_bytes());
            assert_eq!(usual, Some(Query::parse_any(query)), "{query}");
        }
        for query in [
            "",
            "EIO=4&",
            "EIO=3&transport=polling",
            "EIO=4&b64=1",
            "EIO=4&sid=",
        ] {
            assert_eq!(Query::parse_usual(query.as_bytes()), None, "{query}");
        }
    }

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

    #[test]
    fn answers_are_the_official_bytes() {
        let rejects = [
            (
                Reject::UnknownTransport,
                r#"{"code":0,"message":"Transport unknown"}"#,
            ),
            (
                Reject::UnknownSid,
                r#"{"code":1,"message":"Session ID unknown"}"#,
            ),
            (
                Reject::BadHandshakeMethod,
                r#"{"code":2,"message":"Bad handshake method"}"#,
            ),
            (
                Reject::BadRequest(BadRequest::InvalidOrigin),
                r#"{"code":3,"message":"Bad request"}"#,
            ),
            (
                Reject::UnsupportedRevision,
                r#"{"code":5,"message":"Unsupported protocol version"}"#,
            ),
        ];
        for (reject, body) in rejects {
            let response = reject.into_response();
            assert_eq!((response.status, &*response.body), (400, body.as_bytes()));
            assert_eq!(
                response.headers,
                Headers::default().with_content_type("application/json")
            );
            let refusal = reject.into_refusal();
            assert_eq!(
                (refusal.status, &*refusal.body),
                (400, reject.to_string().as_bytes())
            );
        }
        let forbidden = Reject::Forbidden.into_response();
        assert_eq!(forbidden.status, 403);
        assert_eq!(forbidden.body, r#"{"code":4,"message":"Forbidden"}"#);
        assert_eq!(Reject::Forbidden.into_refusal().status, 400);
        let said = Reject::Forbidden.response(Some("a \"b\"\n"));
        assert_eq!(said.body, r#"{"code":4,"message":"a \"b\"\n"}"#);
        assert_eq!(Reject::Forbidden.refusal(Some("no")).body, "no");
        assert_eq!(
            Reject::UnknownMethod.into_response(),
            Response::new(500, "")
        );
        assert_eq!(
            Reject::TooManySessions.into_response(),
            Response::new(503, "")
        );
    }
}
