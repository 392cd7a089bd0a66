//! Every option of every settings type: which values are refused, with which words, and which are taken.
//!
//! The names of the options come from the settings as they are serialised, so an option without a row fails.
#![cfg(test)]

use core::time::Duration;
use std::sync::Arc;

use engineio_proto::client::{self, Endpoint, TransportOptions};
use engineio_proto::server::{self, Cookie, Cors, Handshake, Origin, Origins, Session, SlowReader};
use engineio_proto::{ConfigError, Instant, Message, Revision, Seed, Sid, Transport, Transports};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// An option, values that are taken, and values that are refused with what the error says.
type Row = (&'static str, Vec<Value>, Vec<(Value, &'static str)>);

fn millis(millis: u64) -> Value {
    json!({ "secs": millis / 1000, "nanos": millis % 1000 * 1_000_000 })
}

/// Tries each value of each row in `good`, and each pair of settings with [`ConfigError`] in `check`.
fn rows<T: Serialize + DeserializeOwned>(
    good: &T,
    check: impl Fn(&T) -> Result<(), ConfigError>,
    rows: &[Row],
) {
    let good = serde_json::to_value(good).unwrap();
    let options = good.as_object().unwrap().keys();
    let with_row: Vec<_> = rows.iter().map(|row| row.0).collect();
    for option in options.clone() {
        assert!(with_row.contains(&option.as_str()), "{option} has no row");
    }
    let checked = |option: &str, value: &Value| {
        assert!(good.get(option).is_some(), "{option} is no option");
        let mut settings = good.clone();
        settings[option] = value.clone();
        check(&serde_json::from_value(settings).unwrap())
    };
    for (option, taken, refused) in rows {
        assert!(!taken.is_empty(), "{option}");
        for value in taken {
            assert_eq!(checked(option, value), Ok(()), "{option}: {value}");
        }
        for (value, text) in refused {
            let error = checked(option, value).unwrap_err();
            assert_eq!(error.to_string(), *text, "{value}");
            assert_eq!(error.option().split('.').next(), Some(*option));
        }
    }
}

/// Compares settings that methods changed with the changes that are expected of them, for each option at least once.
fn setters<T: Serialize + Default>(changed: Vec<(T, Value)>) {
    let start = json!(T::default());
    let mut without: Vec<_> = start.as_object().unwrap().keys().cloned().collect();
    for (settings, changes) in changed {
        let mut expected = start.clone();
        for (option, value) in changes.as_object().unwrap() {
            assert_ne!(start[option], *value, "{option} is changed");
            expected[option] = value.clone();
            without.retain(|other| other != option);
        }
        assert_eq!(json!(settings), expected, "{changes}");
    }
    assert_eq!(without, [""; 0], "options without a method");
}

fn flag(option: &'static str) -> Row {
    (option, vec![json!(true), json!(false)], vec![])
}

const LONGEST: u64 = 0x7fff_ffff;

/// A time of 1 ms to the longest that a timer of JavaScript waits.
fn timer(option: &'static str, zero: &'static str, beyond: &'static str) -> Row {
    (
        option,
        vec![millis(1), millis(LONGEST)],
        vec![(millis(0), zero), (millis(LONGEST + 1), beyond)],
    )
}

/// The same, where the option may be missing.
fn optional_timer(option: &'static str, zero: &'static str, beyond: &'static str) -> Row {
    let mut row = timer(option, zero, beyond);
    row.1.push(Value::Null);
    row
}

fn at_least_one(option: &'static str, zero: &'static str) -> Row {
    (
        option,
        vec![json!(1), json!(usize::MAX)],
        vec![(json!(0), zero)],
    )
}

#[test]
fn options_of_a_server() {
    let good = server::Config::default().with_ping_timeout(Duration::from_millis(1));
    let pings = |option, zero, beyond| {
        let beyond = vec![(millis(0), zero), (millis(LONGEST + 1), beyond)];
        (option, vec![millis(1), millis(LONGEST - 25_000)], beyond)
    };
    let cookie = |change: fn(&mut Cookie)| {
        let mut cookie = Cookie::default();
        change(&mut cookie);
        json!(cookie)
    };
    let cors = |change: fn(&mut Cors)| {
        let mut cors = Cors::default();
        change(&mut cors);
        json!(cors)
    };
    rows(
        &good,
        server::Config::check,
        &[
            pings(
                "ping_interval",
                "ping_interval is 0 ms; allowed: 1 ms to 2,147,483,647 ms",
                "ping_interval is 2,147,483,648 ms; allowed: 1 ms to 2,147,483,647 ms",
            ),
            pings(
                "ping_timeout",
                "ping_timeout is 0 ms; allowed: 1 ms to 2,147,483,647 ms",
                "ping_timeout is 2,147,483,648 ms; allowed: 1 ms to 2,147,483,647 ms",
            ),
            timer(
                "upgrade_timeout",
                "upgrade_timeout is 0 ms; allowed: 1 ms to 2,147,483,647 ms",
                "upgrade_timeout is 2,147,483,648 ms; allowed: 1 ms to 2,147,483,647 ms",
            ),
            (
                "close_timeout",
                vec![millis(0), millis(LONGEST)],
                vec![(
                    millis(LONGEST + 1),
                    "close_timeout is 2,147,483,648 ms; allowed: 0 ms to 2,147,483,647 ms",
                )],
            ),
            (
                "max_payload",
                vec![json!(1), json!((1_u64 << 53) - 1)],
                vec![
                    (
                        json!(0),
                        "max_payload is 0; allowed: 1 to 9,007,199,254,740,991",
                    ),
                    (
                        json!(1_u64 << 53),
                        "max_payload is 9,007,199,254,740,992; allowed: 1 to 9,007,199,254,740,991",
                    ),
                ],
            ),
            (
                "transports",
                vec![json!(Transports::NONE.with(Transport::Polling))],
                vec![(
                    json!(Transports::NONE),
                    "transports is empty; allowed: one transport or more",
                )],
            ),
            flag("allow_upgrades"),
            flag("allow_eio3"),
            (
                "origins",
                vec![
                    json!(Origins::any()),
                    json!(Origins::listed().with(Origin::null())),
                ],
                vec![],
            ),
            (
                "cors",
                vec![
                    cors(|cors| cors.credentials = true),
                    cors(|cors| cors.allowed_headers = Some(Vec::new())),
                ],
                vec![
                    (
                        cors(|cors| cors.methods = vec!["GE T".into()]),
                        "cors.methods is \"GE T\"; allowed: tokens of RFC 9110, as `GET` or `x-name`",
                    ),
                    (
                        cors(|cors| cors.allowed_headers = Some(vec!["x".into(), "a\r\nb".into()])),
                        "cors.allowed_headers is \"a\\r\\nb\"; allowed: tokens of RFC 9110, as `GET` or `x-name`",
                    ),
                    (
                        cors(|cors| cors.exposed_headers = vec![String::new()]),
                        "cors.exposed_headers is \"\"; allowed: tokens of RFC 9110, as `GET` or `x-name`",
                    ),
                    (
                        cors(|cors| cors.max_age = Some(core::time::Duration::MAX)),
                        "cors.max_age is 18,446,744,073,709,551,615; allowed: 0 to 9,007,199,254,740,991",
                    ),
                    (
                        cors(|cors| cors.options_success_status = 404),
                        "cors.options_success_status is 404; allowed: 200 to 299",
                    ),
                ],
            ),
            flag("allow_jsonp"),
            ("initial_packet", vec![Value::Null], vec![]),
            (
                "cookie",
                vec![
                    Value::Null,
                    cookie(|cookie| cookie.max_age = Some(core::time::Duration::ZERO)),
                ],
                vec![
                    (
                        cookie(|cookie| cookie.name = String::new()),
                        r#"cookie.name is ""; allowed: a token of RFC 9110, as `io`"#,
                    ),
                    (
                        cookie(|cookie| cookie.name = "a=b".into()),
                        r#"cookie.name is "a=b"; allowed: a token of RFC 9110, as `io`"#,
                    ),
                    (
                        cookie(|cookie| cookie.name = "a\r\nb".into()),
                        r#"cookie.name is "a\r\nb"; allowed: a token of RFC 9110, as `io`"#,
                    ),
                    (
                        cookie(|cookie| cookie.path = Some("/\r\nX: y".into())),
                        r#"cookie.path is "/\r\nX: y"; allowed: printable ASCII without semicolons"#,
                    ),
                    (
                        cookie(|cookie| cookie.domain = Some("a;b".into())),
                        r#"cookie.domain is "a;b"; allowed: printable ASCII without semicolons"#,
                    ),
                    (
                        cookie(|cookie| cookie.max_age = Some(core::time::Duration::MAX)),
                        "cookie.max_age is 18,446,744,073,709,551,615; allowed: 0 to 9,007,199,254,740,991",
                    ),
                ],
            ),
            at_least_one(
                "max_packets_per_payload",
                "max_packets_per_payload is 0; allowed: 1 or more",
            ),
            at_least_one(
                "max_buffered_bytes",
                "max_buffered_bytes is 0; allowed: 1 or more",
            ),
            at_least_one(
                "max_buffered_messages",
                "max_buffered_messages is 0; allowed: 1 or more",
            ),
            at_least_one(
                "max_undelivered_bytes",
                "max_undelivered_bytes is 0; allowed: 1 or more",
            ),
            at_least_one(
                "max_undelivered_messages",
                "max_undelivered_messages is 0; allowed: 1 or more",
            ),
            (
                "max_bytes_held",
                vec![json!(65_536), json!(usize::MAX)],
                vec![(
                    json!(65_535),
                    "max_bytes_held is 65,535; allowed: 65,536 or more",
                )],
            ),
            at_least_one("max_sessions", "max_sessions is 0; allowed: 1 or more"),
            ("slow_reader", vec![json!("Refuse"), json!("Close")], vec![]),
            flag("allow_request"),
            at_least_one(
                "max_pending_handshakes",
                "max_pending_handshakes is 0; allowed: 1 or more",
            ),
            at_least_one(
                "max_pending_streams",
                "max_pending_streams is 0; allowed: 1 or more",
            ),
            timer(
                "handshake_timeout",
                "handshake_timeout is 0 ms; allowed: 1 ms to 2,147,483,647 ms",
                "handshake_timeout is 2,147,483,648 ms; allowed: 1 ms to 2,147,483,647 ms",
            ),
            flag("report_refusals"),
        ],
    );
}

#[test]
fn browsers_send_no_credentials_to_any_origin() {
    let cors = server::Cors::default().with_credentials(true);
    let config = server::Config::default().with_cors(cors);
    assert_eq!(config.check(), Ok(()));
    assert_eq!(
        config
            .with_origins(Origins::any())
            .check()
            .unwrap_err()
            .to_string(),
        "cors.credentials is true, which cannot work while origins is any"
    );
}

#[test]
fn a_client_sets_one_timer_for_interval_and_timeout_so_the_sum_is_bounded() {
    let half = Duration::from_millis(1 << 30);
    let config = server::Config::default()
        .with_ping_interval(half)
        .with_ping_timeout(half);
    assert_eq!(
        config.check().unwrap_err().to_string(),
        "ping_interval + ping_timeout is 2,147,483,648 ms; allowed: 1 ms to 2,147,483,647 ms"
    );
    let shorter = half - Duration::from_millis(1);
    assert_eq!(config.with_ping_timeout(shorter).check(), Ok(()));
}

/// The options that hold for all transports or for one, with the names that errors have them by.
fn shared(within: &'static str) -> Vec<Row> {
    let says = |text: &str| -> &'static str { format!("{within}{text}").leak() };
    let list = |name: &str, value: &str| json!([[name, value]]);
    vec![
        (
            "endpoint",
            vec![json!(Endpoint::default())],
            vec![
                (
                    json!({ "host": "a/b" }),
                    says(
                        "endpoint.host is \"a/b\"; allowed: a host name in ASCII, an IPv4 address, or an IPv6 address without brackets",
                    ),
                ),
                (
                    json!({ "port": 0 }),
                    says("endpoint.port is 0; allowed: 1 to 65,535"),
                ),
            ],
        ),
        (
            "path",
            vec![json!(""), json!("/a%20b/")],
            vec![
                (
                    json!("/a?b"),
                    says(
                        "path is \"/a?b\"; allowed: characters of a URL path, others percent-encoded",
                    ),
                ),
                (
                    json!("/a b"),
                    says(
                        "path is \"/a b\"; allowed: characters of a URL path, others percent-encoded",
                    ),
                ),
            ],
        ),
        (
            "query",
            vec![json!([]), list("a", &"b".repeat(7_999))],
            vec![(
                list("a", &"b".repeat(8_000)),
                says("query is 8,001 bytes; allowed: at most 8,000 bytes"),
            )],
        ),
        (
            "timestamp_requests",
            vec![Value::Null, json!(true), json!(false)],
            vec![],
        ),
        (
            "timestamp_param",
            vec![json!("t")],
            vec![(
                json!(""),
                says("timestamp_param is empty; allowed: a name of one character or more"),
            )],
        ),
        flag("force_base64"),
        optional_timer(
            "request_timeout",
            says("request_timeout is 0 ms; allowed: 1 ms to 2,147,483,647 ms"),
            says("request_timeout is 2,147,483,648 ms; allowed: 1 ms to 2,147,483,647 ms"),
        ),
        (
            "extra_headers",
            vec![json!([]), list("a", "\tä"), list("a", "")],
            vec![
                (
                    list("a b", "secret"),
                    says(
                        "extra_headers is a list with the name \"a b\"; allowed: names that are tokens of RFC 9110, values without control characters",
                    ),
                ),
                (
                    list("authorization", "secret\r\nc: d"),
                    says(
                        "extra_headers is a list with control characters in \"authorization\"; allowed: names that are tokens of RFC 9110, values without control characters",
                    ),
                ),
            ],
        ),
        (
            "protocols",
            vec![json!([]), json!(["a", "b"])],
            vec![
                (
                    json!(["a", ""]),
                    says("protocols is a list with \"\"; allowed: tokens of RFC 9110, each once"),
                ),
                (
                    json!(["a", "b", "a"]),
                    says("protocols is a list with \"a\"; allowed: tokens of RFC 9110, each once"),
                ),
            ],
        ),
    ]
}

#[test]
fn options_of_a_client() {
    let mut all = shared("");
    all.extend([
        ("revision", vec![json!("V3"), json!("V4")], vec![]),
        flag("add_trailing_slash"),
        (
            "transports",
            vec![json!(["Polling"]), json!(["WebTransport"])],
            vec![(
                json!([]),
                "transports is empty; allowed: one transport or more",
            )],
        ),
        flag("try_all_transports"),
        flag("upgrade"),
        flag("remember_upgrade"),
        flag("with_credentials"),
        ("transport_options", vec![json!({})], vec![]),
        optional_timer(
            "open_timeout",
            "open_timeout is 0 ms; allowed: 1 ms to 2,147,483,647 ms",
            "open_timeout is 2,147,483,648 ms; allowed: 1 ms to 2,147,483,647 ms",
        ),
        optional_timer(
            "probe_timeout",
            "probe_timeout is 0 ms; allowed: 1 ms to 2,147,483,647 ms",
            "probe_timeout is 2,147,483,648 ms; allowed: 1 ms to 2,147,483,647 ms",
        ),
        at_least_one(
            "max_packets_per_post",
            "max_packets_per_post is 0; allowed: 1 or more",
        ),
        at_least_one("max_payload", "max_payload is 0; allowed: 1 or more"),
        at_least_one(
            "max_packets_per_payload",
            "max_packets_per_payload is 0; allowed: 1 or more",
        ),
        at_least_one(
            "max_buffered_bytes",
            "max_buffered_bytes is 0; allowed: 1 or more",
        ),
        at_least_one(
            "max_buffered_messages",
            "max_buffered_messages is 0; allowed: 1 or more",
        ),
        at_least_one(
            "max_undelivered_bytes",
            "max_undelivered_bytes is 0; allowed: 1 or more",
        ),
        at_least_one(
            "max_undelivered_messages",
            "max_undelivered_messages is 0; allowed: 1 or more",
        ),
    ]);
    rows(&client::Config::default(), client::Config::check, &all);
}

#[test]
fn options_of_one_transport() {
    let all = shared("transport_options.websocket.");
    let stripped: Vec<_> = all
        .into_iter()
        .map(|(option, mut taken, refused)| {
            taken.push(Value::Null);
            (option, taken, refused)
        })
        .collect();
    let good = serde_json::to_value(TransportOptions::default()).unwrap();
    for option in good.as_object().unwrap().keys() {
        assert!(stripped.iter().any(|row| row.0 == option), "{option}");
    }
    for (option, taken, refused) in stripped {
        let check = |value: &Value| {
            let mut options = good.clone();
            options[option] = value.clone();
            let options: TransportOptions = serde_json::from_value(options).unwrap();
            client::Config::default()
                .with_transport_options(Transport::WebSocket, options)
                .check()
        };
        for value in taken {
            assert_eq!(check(&value), Ok(()), "{option}: {value}");
        }
        for (value, text) in refused {
            assert_eq!(check(&value).unwrap_err().to_string(), text, "{value}");
        }
    }
}

#[test]
fn webtransport_is_refused_in_revision_3() {
    let config = client::Config::default()
        .with_revision(Revision::V3)
        .with_transports([Transport::Polling, Transport::WebTransport]);
    assert_eq!(
        config.check().unwrap_err().to_string(),
        "transports is a list with webtransport, which cannot work while revision is 3"
    );
}

#[test]
fn a_query_of_the_address_counts_instead_of_the_configured_one() {
    let long = vec![("a".to_owned(), "b".repeat(8_000))];
    let mut endpoint = Endpoint::default();
    let config = client::Config::default().with_query(long.clone());
    endpoint.query = Some(Vec::new());
    assert_eq!(config.with_endpoint(endpoint.clone()).check(), Ok(()));
    endpoint.query = Some(long);
    assert!(client::Config::new(endpoint).check().is_err());
}

#[test]
fn every_way_in_checks_the_settings() {
    let bad = server::Config::default().with_max_payload(0);
    let error = bad.check().unwrap_err();
    let seed = Seed::new([1; 32]);
    assert_eq!(
        server::Server::new(bad.clone(), 0, &seed).unwrap_err(),
        error
    );
    let sid = Sid::parse("lv_VI97HAXpY6yYWAAAC").unwrap();
    let handshake = Handshake::new(Transport::Polling);
    let session = Session::open(Arc::new(bad), sid, &handshake, Instant::ZERO);
    assert_eq!(session.unwrap_err(), error);

    let bad = client::Config::default().with_max_payload(0);
    assert!(client::Client::new(bad, &seed).is_err());
    let mut client = client::Client::new(client::Config::default(), &seed).unwrap();
    let long = vec![("a".to_owned(), "b".repeat(8_000))];
    assert!(client.set_query(long).is_err());
    let header = vec![("a b".to_owned(), String::new())];
    assert!(client.set_extra_headers(header).is_err());
}

#[test]
fn methods_set_the_options_of_a_server_that_they_name() {
    let config = server::Config::default;
    let (time, value) = (Duration::from_millis(7), millis(7));
    let websocket = Transports::NONE.with(Transport::WebSocket);
    let origins = Origins::any();
    let cors = Cors::default().with_credentials(true);
    let cookie = Cookie::default();
    let packet = Message::text("welcome");
    setters(vec![
        (
            config().with_ping_interval(time),
            json!({ "ping_interval": value }),
        ),
        (
            config().with_ping_timeout(time),
            json!({ "ping_timeout": value }),
        ),
        (
            config().with_upgrade_timeout(time),
            json!({ "upgrade_timeout": value }),
        ),
        (
            config().with_close_timeout(time),
            json!({ "close_timeout": value }),
        ),
        (config().with_max_payload(7), json!({ "max_payload": 7 })),
        (
            config().with_transports(websocket),
            json!({ "transports": websocket }),
        ),
        (
            config().with_allow_upgrades(false),
            json!({ "allow_upgrades": false }),
        ),
        (
            config().with_allow_eio3(true),
            json!({ "allow_eio3": true }),
        ),
        (
            config().with_origins(origins.clone()),
            json!({ "origins": origins }),
        ),
        (config().with_cors(cors.clone()), json!({ "cors": cors })),
        (
            config().with_allow_jsonp(true),
            json!({ "allow_jsonp": true }),
        ),
        (
            config().with_initial_packet(packet.clone()),
            json!({ "initial_packet": packet }),
        ),
        (
            config().with_cookie(cookie.clone()),
            json!({ "cookie": cookie }),
        ),
        (
            config().with_max_packets_per_payload(7),
            json!({ "max_packets_per_payload": 7 }),
        ),
        (
            config().with_max_buffered(7, 8),
            json!({ "max_buffered_bytes": 7, "max_buffered_messages": 8 }),
        ),
        (
            config().with_max_undelivered(7, 8),
            json!({ "max_undelivered_bytes": 7, "max_undelivered_messages": 8 }),
        ),
        (
            config().with_max_bytes_held(7),
            json!({ "max_bytes_held": 7 }),
        ),
        (config().with_max_sessions(7), json!({ "max_sessions": 7 })),
        (
            config().with_slow_reader(SlowReader::Close),
            json!({ "slow_reader": "Close" }),
        ),
        (
            config().with_allow_request(true),
            json!({ "allow_request": true }),
        ),
        (
            config().with_max_pending_handshakes(7),
            json!({ "max_pending_handshakes": 7 }),
        ),
        (
            config().with_max_pending_streams(7),
            json!({ "max_pending_streams": 7 }),
        ),
        (
            config().with_handshake_timeout(time),
            json!({ "handshake_timeout": value }),
        ),
        (
            config().with_report_refusals(true),
            json!({ "report_refusals": true }),
        ),
    ]);
    let cors = Cors::default;
    setters(vec![
        (
            cors().with_methods(["A", "B"]),
            json!({ "methods": ["A", "B"] }),
        ),
        (
            cors().with_allowed_headers(["a"]),
            json!({ "allowed_headers": ["a"] }),
        ),
        (
            cors().with_exposed_headers(["a"]),
            json!({ "exposed_headers": ["a"] }),
        ),
        (
            cors().with_credentials(true),
            json!({ "credentials": true }),
        ),
        (cors().with_max_age(time), json!({ "max_age": value })),
        (
            cors().with_options_success_status(200),
            json!({ "options_success_status": 200 }),
        ),
    ]);
}

#[test]
fn methods_set_the_options_of_a_client_that_they_name() {
    let config = client::Config::default;
    let (time, value) = (Duration::from_millis(7), millis(7));
    let endpoint = Endpoint::parse("https://b.com").unwrap();
    let list = || vec![("a".to_owned(), "b".to_owned())];
    let options = TransportOptions::default().with_force_base64(true);
    setters(vec![
        (
            config().with_endpoint(endpoint.clone()),
            json!({ "endpoint": endpoint }),
        ),
        (
            config().with_revision(Revision::V3),
            json!({ "revision": "V3" }),
        ),
        (config().with_path("/a"), json!({ "path": "/a" })),
        (
            config().with_add_trailing_slash(false),
            json!({ "add_trailing_slash": false }),
        ),
        (config().with_query(list()), json!({ "query": list() })),
        (
            config().with_transports([Transport::WebTransport]),
            json!({ "transports": ["WebTransport"] }),
        ),
        (
            config().with_try_all_transports(true),
            json!({ "try_all_transports": true }),
        ),
        (config().with_upgrade(false), json!({ "upgrade": false })),
        (
            config().with_remember_upgrade(true),
            json!({ "remember_upgrade": true }),
        ),
        (
            config().with_force_base64(true),
            json!({ "force_base64": true }),
        ),
        (
            config().with_timestamp_requests(true),
            json!({ "timestamp_requests": true }),
        ),
        (
            config().with_timestamp_param("x"),
            json!({ "timestamp_param": "x" }),
        ),
        (
            config().with_request_timeout(time),
            json!({ "request_timeout": value }),
        ),
        (
            config().with_extra_headers(list()),
            json!({ "extra_headers": list() }),
        ),
        (
            config().with_credentials_sent(true),
            json!({ "with_credentials": true }),
        ),
        (
            config().with_protocols(vec!["a".into()]),
            json!({ "protocols": ["a"] }),
        ),
        (
            config().with_open_timeout(time),
            json!({ "open_timeout": value }),
        ),
        (
            config().with_probe_timeout(time),
            json!({ "probe_timeout": value }),
        ),
        (
            config().with_max_packets_per_post(7),
            json!({ "max_packets_per_post": 7 }),
        ),
        (config().with_max_payload(7), json!({ "max_payload": 7 })),
        (
            config().with_max_packets_per_payload(7),
            json!({ "max_packets_per_payload": 7 }),
        ),
        (
            config().with_max_buffered(7, 8),
            json!({ "max_buffered_bytes": 7, "max_buffered_messages": 8 }),
        ),
        (
            config().with_max_undelivered(7, 8),
            json!({ "max_undelivered_bytes": 7, "max_undelivered_messages": 8 }),
        ),
        (
            config().with_transport_options(Transport::Polling, options.clone()),
            json!({ "transport_options": { "Polling": options } }),
        ),
    ]);
}
