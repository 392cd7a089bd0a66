//! Whose pages are served, and what browsers are told about it.

use core::time::Duration;

use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Cors, Origin, Origins, Reject, Route};
use engineio_proto::{Transport, Transports};

use crate::support::{Net, both};

const POLLING: &str = "EIO=4&transport=polling";
const WEBSOCKET: &str = "EIO=4&transport=websocket";
const FORBIDDEN: &str = r#"403 {"code":4,"message":"Forbidden"}"#;
const HOST: &[u8] = b"chat.example";
const OWN: &[u8] = b"https://chat.example";
const APP: &[u8] = b"https://app.example";
const EVIL: &[u8] = b"https://evil.example";

fn origin(text: &[u8]) -> Origin {
    Origin::parse(core::str::from_utf8(text).unwrap()).unwrap()
}

fn serving(origins: Origins) -> Config {
    let transports = Transports::default().with(Transport::WebTransport);
    Config::default()
        .with_transports(transports)
        .with_origins(origins)
        .with_allow_jsonp(true)
}

/// The default, and a list besides.
fn with_app() -> Config {
    serving(Origins::same_host().with(origin(APP)))
}

fn get(query: &str) -> RequestHead<'_> {
    RequestHead::new("GET", "/engine.io/", query).with_host(HOST)
}

fn connect() -> RequestHead<'static> {
    RequestHead::new("CONNECT", "/engine.io/", "").with_host(HOST)
}

fn of_page<'a>(mut head: RequestHead<'a>, origin: Option<&'a [u8]>) -> RequestHead<'a> {
    head.origin = origin;
    head
}

fn by<'a>(method: &'a str, mut head: RequestHead<'a>) -> RequestHead<'a> {
    head.method = method;
    head
}

/// Whether a page of this origin gets a session, by each transport.
fn opens(net: &mut Net, origin: Option<&[u8]>) -> [bool; 4] {
    let of_page = |head| of_page(head, origin);
    let mut opened = Vec::new();
    for query in [POLLING, "EIO=4&transport=polling&j=0"] {
        net.head(&of_page(get(query)), "");
        opened.push(net.drain().iter().any(|output| output.contains("opened")));
    }
    net.connect_with(&of_page(get(WEBSOCKET)));
    opened.push(net.drain().iter().any(|output| output.contains("opened")));
    let stream = net.webtransport_with(&of_page(connect()));
    let accepted = net.drain().iter().any(|output| output.contains("accept"));
    if accepted {
        net.text(stream, "0");
        assert!(net.drain().iter().any(|output| output.contains("opened")));
    }
    opened.push(accepted);
    opened.try_into().expect("four transports")
}

#[test]
fn a_foreign_page_gets_no_session_by_any_transport() {
    both(serving(Origins::default()), |net| {
        for foreign in [
            EVIL,
            b"null",
            b"https://chat.example.evil.example",
            b"",
            b"x",
        ] {
            assert_eq!(opens(net, Some(foreign)), [false; 4]);
        }
        assert_eq!(net.driver.session_count(), 0);
    });
}

#[test]
fn programs_and_pages_of_the_own_host_are_served_by_default() {
    both(serving(Origins::default()), |net| {
        assert_eq!(opens(net, None), [true; 4]);
        assert_eq!(opens(net, Some(OWN)), [true; 4]);
        assert_eq!(opens(net, Some(b"HTTPS://Chat.Example:443")), [true; 4]);
        assert_eq!(opens(net, Some(b"https://chat.example:444")), [false; 4]);
    });
}

#[test]
fn the_list_holds_on_every_transport() {
    both(with_app(), |net| {
        assert_eq!(opens(net, Some(APP)), [true; 4]);
        assert_eq!(opens(net, Some(OWN)), [true; 4]);
        assert_eq!(opens(net, Some(EVIL)), [false; 4]);
        assert_eq!(opens(net, Some(b"null")), [false; 4]);
    });
    both(serving(Origins::listed().with(Origin::null())), |net| {
        assert_eq!(opens(net, Some(b"null")), [true; 4]);
        assert_eq!(opens(net, Some(OWN)), [false; 4]);
        assert_eq!(opens(net, None), [true; 4]);
    });
    both(serving(Origins::any()), |net| {
        assert_eq!(opens(net, Some(EVIL)), [true; 4]);
        assert_eq!(opens(net, Some(b"null")), [true; 4]);
    });
}

#[test]
fn without_a_host_only_the_list_counts() {
    both(with_app(), |net| {
        let head = RequestHead::new("GET", "/engine.io/", POLLING);
        net.head(&head.with_origin(OWN), "");
        assert_eq!(net.drain(), [format!("r0 {FORBIDDEN}")]);
        net.head(&head.with_origin(APP), "");
        assert_eq!(net.drain(), ["r1 200 0{…}", "s0 opened by r1"]);
    });
}

#[test]
fn a_page_whose_name_was_made_to_lead_here_is_refused_where_the_hosts_are_known() {
    let origins = Origins::same_host().with_host("chat.example").unwrap();
    both(serving(origins), |net| {
        let rebound = get(POLLING).with_host(b"evil.example:3000");
        // A GET of the same origin has no `Origin` header.
        net.head(&rebound, "");
        net.head(&rebound.with_origin(b"http://evil.example:3000"), "");
        assert_eq!(
            net.drain(),
            [format!("r0 {FORBIDDEN}"), format!("r1 {FORBIDDEN}")]
        );
        net.connect_with(&get(WEBSOCKET).with_host(b"evil.example:3000"));
        assert_eq!(net.drain(), ["c0 refuse 400 Forbidden"]);
        assert_eq!(opens(net, Some(OWN)), [true; 4]);
    });
}

#[test]
fn the_requests_of_a_session_are_checked_like_its_handshake() {
    both(with_app(), |net| {
        let session = net.open_polling();
        let query = net.query(session, "polling");
        let poll = RequestHead::new("GET", "/engine.io/", &query).with_host(HOST);
        let post = RequestHead::new("POST", "/engine.io/", &query).with_host(HOST);
        net.head(&poll.with_origin(EVIL), "");
        net.head(&post.with_origin(EVIL), "4stolen");
        let upgrade = net.query(session, "websocket");
        let upgrade = RequestHead::new("GET", "/engine.io/", &upgrade).with_host(HOST);
        net.connect_with(&upgrade.with_origin(EVIL));
        assert_eq!(
            net.drain(),
            [
                format!("r1 {FORBIDDEN}"),
                format!("r2 {FORBIDDEN}"),
                "c0 refuse 400 Forbidden".into()
            ]
        );
        net.head(&post.with_origin(APP), "4mine");
        assert_eq!(net.drain(), ["r3 200 ok", "s0 text mine"]);
    });
}

#[test]
fn a_foreign_body_is_refused_before_it_has_been_read() {
    let mut config = with_app();
    config.max_payload = 1_000;
    both(config, |net| {
        let session = net.open_polling();
        let query = net.query(session, "polling");
        let post = RequestHead::new("POST", "/engine.io/", &query).with_origin(EVIL);
        net.begin_with(&post);
        assert_eq!(net.drain(), [format!("r1 {FORBIDDEN}")]);
    });
}

#[test]
fn every_answer_tells_the_page_that_it_may_read_it() {
    let cors = Cors::default()
        .with_credentials(true)
        .with_exposed_headers(["x-a", "x-b"]);
    both(with_app().with_cors(cors), |net| {
        let shared = [
            ("access-control-allow-origin", "https://app.example"),
            ("vary", "Origin"),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "x-a,x-b"),
        ];
        let session = {
            let request = net.head(&get(POLLING).with_origin(APP), "");
            assert_eq!(net.drain(), ["r0 200 0{…}", "s0 opened by r0"]);
            assert_eq!(net.headers(request)[..4], shared);
            0
        };
        let query = net.query(session, "polling");
        let poll = RequestHead::new("GET", "/engine.io/", &query).with_origin(APP);
        let held = net.head(&poll, "");
        let post = by("POST", poll);
        let posted = net.head(&post, "4a");
        let put = net.head(&by("PUT", poll), "");
        let unknown = net.head(&get("EIO=4&transport=polling&sid=zzz").with_origin(APP), "");
        let method = net.head(&by("POST", get(POLLING).with_origin(APP)), "");
        net.send(session, "late").unwrap();
        net.drain();
        for request in [held, posted, put, unknown, method] {
            assert_eq!(net.headers(request)[..4], shared, "{request}");
        }
        // A page of another origin, or none, may not read it, but caches must know that it would differ.
        let kept = net.head(&get(POLLING).with_origin(OWN), "");
        let program = net.head(&get(POLLING), "");
        let refused = net.head(&get(POLLING).with_origin(EVIL), "");
        net.drain();
        for request in [kept, program, refused] {
            assert_eq!(net.headers(request)[..3], shared[1..], "{request}");
        }
    });
}

#[test]
fn a_websocket_is_accepted_with_the_same_headers() {
    both(with_app(), |net| {
        let connection = net.connect_with(&get(WEBSOCKET).with_origin(APP));
        net.drain();
        assert_eq!(
            net.accept_headers(connection),
            [
                ("access-control-allow-origin", "https://app.example"),
                ("vary", "Origin")
            ]
        );
        let connection = net.connect_with(&get(WEBSOCKET).with_origin(EVIL));
        assert_eq!(net.drain(), [format!("c{connection} refuse 400 Forbidden")]);
    });
}

#[test]
fn nothing_is_told_where_no_other_origin_is_served() {
    both(serving(Origins::same_host()), |net| {
        for head in [
            get(POLLING),
            get(POLLING).with_origin(OWN),
            get("").with_origin(EVIL),
        ] {
            let request = net.head(&head, "");
            net.drain();
            let headers = net.headers(request);
            assert!(
                headers
                    .iter()
                    .all(|(name, _)| !name.starts_with("access") && *name != "vary")
            );
        }
        net.request("OPTIONS", POLLING);
        assert_eq!(
            net.drain(),
            [r#"r3 400 {"code":2,"message":"Bad handshake method"}"#]
        );
    });
}

#[test]
fn any_origin_is_a_star() {
    both(serving(Origins::any()), |net| {
        let request = net.head(
            &get("EIO=4&transport=polling&sid=zzz").with_origin(EVIL),
            "",
        );
        net.drain();
        assert_eq!(
            net.headers(request)[0],
            ("access-control-allow-origin", "*")
        );
        assert_eq!(net.headers(request).len(), 2);
    });
}

#[test]
fn a_preflight_is_answered_before_anything_is_checked() {
    let asked = RequestHead::new("OPTIONS", "/engine.io/", "sid=zzz")
        .with_origin(APP)
        .with_access_control_request_headers(b"content-type,x-y");
    let cors = Cors::default()
        .with_credentials(true)
        .with_max_age(Duration::from_secs(600))
        .with_exposed_headers(["x-z"]);
    both(with_app().with_cors(cors), |net| {
        let request = net.head(&asked, "");
        assert_eq!(net.drain(), ["r0 204"]);
        assert_eq!(
            net.headers(request),
            [
                ("access-control-allow-origin", "https://app.example"),
                ("vary", "Origin, Access-Control-Request-Headers"),
                ("access-control-allow-credentials", "true"),
                (
                    "access-control-allow-methods",
                    "GET,HEAD,PUT,PATCH,POST,DELETE"
                ),
                ("access-control-allow-headers", "content-type,x-y"),
                ("access-control-max-age", "600"),
                ("access-control-expose-headers", "x-z"),
            ]
        );
        let stranger = net.head(&asked.with_origin(EVIL), "");
        net.drain();
        assert_eq!(net.headers(stranger)[0].0, "vary");
    });
    let cors = Cors::default()
        .with_methods(["GET", "POST"])
        .with_allowed_headers(["x-mine"])
        .with_options_success_status(200);
    both(serving(Origins::any()).with_cors(cors), |net| {
        let request = net.head(&asked, "");
        assert_eq!(net.drain(), ["r0 200"]);
        assert_eq!(
            net.headers(request),
            [
                ("access-control-allow-origin", "*"),
                ("access-control-allow-methods", "GET,POST"),
                ("access-control-allow-headers", "x-mine"),
            ]
        );
    });
}

#[test]
fn header_names_that_would_break_an_answer_are_not_repeated() {
    both(serving(Origins::any()), |net| {
        let asked = RequestHead::new("OPTIONS", "/", "");
        for bad in [&b"a\r\nx: y"[..], b"\xff", b"a\x00"] {
            let request = net.head(&asked.with_access_control_request_headers(bad), "");
            net.drain();
            let headers = net.headers(request);
            assert!(
                headers
                    .iter()
                    .all(|(name, _)| !name.ends_with("allow-headers"))
            );
        }
    });
}

#[test]
fn settings_that_browsers_would_not_obey_or_that_break_headers_are_refused() {
    let fault = |origins, cors| {
        let checked = serving(origins).with_cors(cors).check();
        checked.map_err(|error| error.option().to_owned())
    };
    let refused = |option: &str| Err(option.to_owned());
    let credentials = Cors::default().with_credentials(true);
    assert_eq!(
        fault(Origins::any(), credentials.clone()),
        refused("cors.credentials")
    );
    assert_eq!(fault(Origins::same_host(), credentials), Ok(()));
    for bad in ["", "a b", "a\r\nb", "a,b", "ä"] {
        let cors = Cors::default().with_methods([bad]);
        assert_eq!(fault(Origins::any(), cors), refused("cors.methods"));
        let cors = Cors::default().with_allowed_headers(["x", bad]);
        assert_eq!(fault(Origins::any(), cors), refused("cors.allowed_headers"));
        let cors = Cors::default().with_exposed_headers([bad]);
        assert_eq!(fault(Origins::any(), cors), refused("cors.exposed_headers"));
    }
    for status in [0, 199, 300, 404] {
        let cors = Cors::default().with_options_success_status(status);
        let option = "cors.options_success_status";
        assert_eq!(fault(Origins::any(), cors), refused(option));
    }
    let cors = Cors::default().with_max_age(Duration::MAX);
    assert_eq!(fault(Origins::any(), cors), refused("cors.max_age"));
}

#[test]
fn jsonp_is_refused_unless_it_is_allowed() {
    both(Config::default().with_allow_eio3(true), |net| {
        for query in ["EIO=4&transport=polling&j=0", "EIO=3&transport=polling&j="] {
            let request = net.get(query);
            let refused = format!(r#"r{request} 400 {{"code":3,"message":"Bad request"}}"#);
            assert_eq!(net.drain(), [refused]);
        }
        // It means nothing on a WebSocket, and nothing in later requests of a session.
        net.connect("EIO=4&transport=websocket&j=0");
        assert!(net.drain().contains(&"s0 opened by c0".into()));
        let session = net.open_polling();
        let query = format!("{}&j=0", net.query(session, "polling"));
        net.send(session, "a").unwrap();
        let request = net.get(&query);
        assert_eq!(net.drain(), [format!("r{request} 200 4a")]);
    });
}

#[test]
fn a_script_is_judged_by_what_browsers_say_of_its_page() {
    let script = get("EIO=4&transport=polling&j=0");
    let same = Some(&b"same-origin"[..]);
    let cross = Some(&b"cross-site"[..]);
    for (site, referer, served) in [
        (None, None, true),
        (same, None, true),
        (Some(&b"none"[..]), None, true),
        (cross, None, false),
        (Some(b"same-site"), None, false),
        (
            None,
            Some(&b"https://evil.example/page?a=https://app.example/"[..]),
            false,
        ),
        (cross, Some(b"https://evil.example"), false),
        (cross, Some(b"https://app.example/page"), true),
        (cross, Some(b"https://app.example?page"), true),
        (same, Some(b"https://chat.example/"), true),
        (None, Some(b"https://app.example.evil.example/"), false),
        (None, Some(b"no address"), false),
        (None, Some(b"\xff"), false),
    ] {
        let mut head = script;
        (head.sec_fetch_site, head.referer) = (site, referer);
        let expected = if served {
            Ok(())
        } else {
            Err(Reject::ForeignOrigin)
        };
        let routed = Route::of(&head, &with_app()).map(drop);
        assert_eq!(routed, expected, "{site:?} {referer:?}");
        assert!(Route::of(&head, &serving(Origins::any())).is_ok());
    }
}
