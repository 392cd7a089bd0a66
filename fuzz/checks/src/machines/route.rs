//! Routing of requests.

use bytes::Bytes;
use engineio_proto::http::{RequestHead, Response};
use engineio_proto::server::{Config, Cors, Origin, Origins, Output, Reject, Route, Server};
use engineio_proto::{ConnectionId, Instant, RequestId, Seed, Transport, Transports};

use crate::input::Input;

/// The only origin that a list has.
const LISTED: &str = "https://app.example";

/// Any request head, against settings that the first two bytes choose.
///
/// It is routed the same way twice. A request that opens a session has a supported transport and revision, and one for
/// a session has a valid id. A refusal is one of the official answers, both as a page and as a WebSocket's. A page of a
/// foreign origin opens nothing on any transport. No answer has a header with bytes that would end it.
pub fn route(data: &[u8]) {
    let mut input = Input::new(data);
    let settings = input.byte();
    let more = input.byte();
    let mut transports = Transports::default().with(Transport::WebTransport);
    if settings & 1 != 0 {
        transports = Transports::NONE.with(Transport::WebSocket);
    }
    let config = Config::default()
        .with_transports(transports)
        .with_allow_eio3(settings & 2 != 0)
        .with_allow_upgrades(settings & 4 != 0)
        .with_allow_jsonp(more & 1 != 0)
        .with_origins(origins(more >> 1))
        .with_cors(cors(more));
    let method = match input.byte() % 8 {
        0..=3 => "GET".into(),
        4 | 5 => "POST".into(),
        6 => "OPTIONS".into(),
        _ => input.text(),
    };
    let (path, query) = (input.text(), input.text());
    let mut head = RequestHead::new(&method, &path, &query);
    head.upgrade = settings & 8 != 0;
    let headers = [(); 7].map(|()| input.chunk());
    if settings & 16 != 0 {
        [
            head.content_type,
            head.origin,
            head.user_agent,
            head.host,
            head.referer,
            head.sec_fetch_site,
            head.access_control_request_headers,
        ] = headers.map(Some);
    }
    head.origin = match settings >> 5 {
        0 => head.origin,
        1 => None,
        2 => Some(LISTED.as_bytes()),
        3 => Some(b"null"),
        4 => Some(b"https://chat.example"),
        _ => Some(b"https://evil.example"),
    };
    if more & 128 != 0 {
        head.host = Some(b"chat.example");
    }

    let routed = Route::of(&head, &config);
    assert_eq!(routed, Route::of(&head, &config));
    match &routed {
        Ok(Route::Open(handshake)) => {
            assert!(config.transports.contains(handshake.transport));
            assert_eq!(method, "GET");
            assert!(query.contains("EIO"));
            assert!(handshake.jsonp.is_none() || config.allow_jsonp);
            assert!(!is_foreign(&head, &config));
        }
        Ok(Route::Session(request)) => {
            assert_eq!(request.sid.as_str().len(), 20);
            assert!(!is_foreign(&head, &config));
        }
        Ok(Route::Preflight) => {
            assert_eq!(method, "OPTIONS");
            check_headers(&config.preflight(&head));
        }
        Ok(_) => panic!("nothing else"),
        Err(reject) => check_refusal(*reject),
    }
    serve(&head, &config);
}

fn check_refusal(reject: Reject) {
    let (page, refusal) = (reject.into_response(), reject.into_refusal());
    for response in [&page, &refusal] {
        assert!((400..=503).contains(&response.status), "{reject:?}");
        assert!(!response.body.is_empty() && response.body.len() < 200);
    }
}

fn origins(choice: u8) -> Origins {
    match choice % 4 {
        0 => Origins::any(),
        1 => Origins::same_host(),
        2 => Origins::same_host().with(Origin::parse(LISTED).expect("an origin")),
        _ => Origins::listed()
            .with(Origin::parse(LISTED).expect("an origin"))
            .with_host("chat.example")
            .expect("a host"),
    }
}

fn cors(choice: u8) -> Cors {
    let cors = Cors::default().with_credentials(choice >> 1 & 3 != 0);
    match choice & 8 {
        0 => cors,
        _ => cors
            .with_allowed_headers(["x-a"])
            .with_exposed_headers(["x-b"]),
    }
}

/// Whether a request names one of the known origins, and that origin is not served.
fn is_foreign(head: &RequestHead<'_>, config: &Config) -> bool {
    let host = String::from_utf8_lossy(head.host.unwrap_or_default()).to_lowercase();
    let is_listed = config.origins.iter().count() > 0;
    let served = match head.origin {
        Some(b"null") => false,
        Some(b"https://evil.example") => host.contains("evil.example"),
        Some(origin) if origin == LISTED.as_bytes() => is_listed || host.contains("app.example"),
        Some(_) | None => true,
    };
    !served && !config.origins.is_any()
}

/// The whole server, called over each transport.
fn serve(head: &RequestHead<'_>, config: &Config) {
    let mut server = Server::new(config.clone(), 0, &Seed::new([1; 32])).expect("good settings");
    let now = Instant::ZERO;
    server.handle_request_begun(RequestId(0), head, now);
    server.handle_request(RequestId(0), head, Bytes::new(), now);
    server.handle_request(RequestId(1), head, Bytes::new(), now);
    server.handle_upgrade(ConnectionId(2), head, now);
    server.handle_webtransport(ConnectionId(3), head, now);
    while let Some(output) = server.poll_output() {
        match output {
            Output::Respond { response, .. } | Output::Refuse { response, .. } => {
                check_headers(&response);
            }
            Output::Accept { headers, .. } => {
                check_headers(&Response::new(101, "").with_headers(headers));
            }
            Output::Frames { .. } | Output::Close { .. } | Output::Event(_) => {}
        }
    }
    if is_foreign(head, config) {
        assert_eq!((server.session_count(), server.pending_streams()), (0, 0));
    }
}

fn check_headers(response: &Response) {
    for (name, value) in response.headers.iter() {
        let is_text = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
        assert!(value.bytes().all(is_text), "{name}: {value:?}");
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        );
    }
}
