//! Every option of every settings type: which values are refused, with which words, and which are taken.
//!
//! The names of the options come from the settings as they are serialised, so an option without a row fails.
#![cfg(test)]

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use socketio_proto::Payload;
use socketio_proto::client::{self, Auth, Backoff, Client, SocketError, SocketOptions};
use socketio_proto::engine::client::Endpoint;
use socketio_proto::engine::{self, ConfigError, Instant, Seed};
use socketio_proto::parser::{Limits, Parser};
use socketio_proto::server::{self, RecoveryConfig, RecoveryStorage, Server};

/// An option, values that are taken, and values that are refused with what the error says.
type Row = (&'static str, Vec<Value>, Vec<(Value, &'static str)>);

const LONGEST: u64 = 0x7fff_ffff;

fn millis(millis: u64) -> Value {
    json!({ "secs": millis / 1000, "nanos": millis % 1000 * 1_000_000 })
}

/// Tries each value of each row in `good`.
fn rows<T: Serialize + DeserializeOwned>(
    good: &T,
    check: impl Fn(&T) -> Result<(), ConfigError>,
    rows: &[Row],
) {
    let good = serde_json::to_value(good).unwrap();
    for option in good.as_object().unwrap().keys() {
        let row = rows.iter().find(|row| row.0 == option);
        assert!(
            row.is_some_and(|row| !row.1.is_empty()),
            "{option} has no row"
        );
    }
    let checked = |option: &str, value: &Value| {
        assert!(good.get(option).is_some(), "{option} is no option");
        let mut settings = good.clone();
        settings[option] = value.clone();
        check(&serde_json::from_value(settings).unwrap())
    };
    for (option, taken, refused) in rows {
        for value in taken {
            assert_eq!(checked(option, value), Ok(()), "{option}: {value}");
        }
        for (value, text) in refused {
            let error = checked(option, value).unwrap_err();
            assert_eq!(error.to_string(), *text, "{value}");
        }
    }
}

/// Compares settings that methods changed with the changes that are expected of them, for each option at least once.
fn setters<T: Serialize>(start: &T, changed: Vec<(T, Value)>) {
    let start = json!(start);
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
    let values = vec![json!(1), json!(usize::MAX)];
    (option, values, vec![(json!(0), zero)])
}

/// A limit that zero turns into a prohibition.
fn any_number(option: &'static str) -> Row {
    (option, vec![json!(0), json!(usize::MAX)], vec![])
}

#[test]
fn options_of_a_server() {
    let mut engine = json!(server::Config::default().engine);
    engine["max_payload"] = json!(0);
    let mut limits = json!(Limits::default());
    limits["max_json_depth"] = json!(0);
    let mut recovery = json!(RecoveryConfig::default());
    recovery["max_sessions"] = json!(0);
    rows(
        &server::Config::default(),
        server::Config::check,
        &[
            (
                "engine",
                vec![json!(server::Config::default().engine)],
                vec![(
                    engine,
                    "engine.max_payload is 0; allowed: 1 to 9,007,199,254,740,991",
                )],
            ),
            ("parser", vec![json!("Json"), json!("MsgPack")], vec![]),
            timer(
                "connect_timeout",
                "connect_timeout is 0 ms; allowed: 1 ms to 2,147,483,647 ms",
                "connect_timeout is 2,147,483,648 ms; allowed: 1 ms to 2,147,483,647 ms",
            ),
            (
                "limits",
                vec![json!(Limits::default())],
                vec![(limits, "limits.max_json_depth is 0; allowed: 1 to 256")],
            ),
            at_least_one(
                "max_namespaces_per_connection",
                "max_namespaces_per_connection is 0; allowed: 1 or more",
            ),
            any_number("max_namespaces"),
            flag("cleanup_empty_child_namespaces"),
            flag("room_events"),
            (
                "connection_state_recovery",
                vec![Value::Null, json!(RecoveryConfig::default())],
                vec![(
                    recovery,
                    "connection_state_recovery.max_sessions is 0; allowed: 1 or more",
                )],
            ),
            any_number("max_rooms_per_socket"),
            at_least_one(
                "max_room_length",
                "max_room_length is 0; allowed: 1 or more",
            ),
            any_number("max_pending_acks"),
        ],
    );
}

#[test]
fn limits_of_the_decoder() {
    rows(
        &Limits::default(),
        Limits::check,
        &[
            ("max_attachments", vec![json!(0), json!(u16::MAX)], vec![]),
            (
                "max_msgpack_attachments",
                vec![json!(0), json!(u16::MAX)],
                vec![],
            ),
            (
                "max_json_depth",
                vec![json!(1), json!(256)],
                vec![
                    (json!(0), "max_json_depth is 0; allowed: 1 to 256"),
                    (json!(257), "max_json_depth is 257; allowed: 1 to 256"),
                ],
            ),
            (
                "max_expansion",
                vec![json!(1), json!(u16::MAX)],
                vec![(json!(0), "max_expansion is 0; allowed: 1 or more")],
            ),
            (
                "max_namespace_len",
                vec![json!(1), json!(u32::MAX)],
                vec![(json!(0), "max_namespace_len is 0; allowed: 1 or more")],
            ),
            flag("lenient_disconnect"),
            flag("lenient_nil"),
        ],
    );
}

#[test]
fn options_of_recovery() {
    let safe = (1_u64 << 53) - 1;
    rows(
        &RecoveryConfig::default(),
        RecoveryConfig::check,
        &[
            (
                "max_disconnection_duration",
                vec![millis(1), millis(LONGEST + 1), millis(safe)],
                vec![
                    (
                        millis(0),
                        "max_disconnection_duration is 0 ms; allowed: 1 ms to 9,007,199,254,740,991 ms",
                    ),
                    (
                        millis(safe + 1),
                        "max_disconnection_duration is 9,007,199,254,740,992 ms; allowed: 1 ms to 9,007,199,254,740,991 ms",
                    ),
                ],
            ),
            flag("skip_middlewares"),
            at_least_one("max_packets", "max_packets is 0; allowed: 1 or more"),
            at_least_one("max_bytes", "max_bytes is 0; allowed: 1 or more"),
            at_least_one("max_sessions", "max_sessions is 0; allowed: 1 or more"),
            timer(
                "restore_timeout",
                "restore_timeout is 0 ms; allowed: 1 ms to 2,147,483,647 ms",
                "restore_timeout is 2,147,483,648 ms; allowed: 1 ms to 2,147,483,647 ms",
            ),
            ("storage", vec![json!("Inside"), json!("Outside")], vec![]),
        ],
    );
}

#[test]
fn options_of_a_client() {
    let good = client::Config::new(Endpoint::default());
    let mut engine = json!(good.engine);
    engine["max_payload"] = json!(0);
    let mut limits = json!(good.limits);
    limits["max_namespace_len"] = json!(0);
    let mut backoff = json!(good.backoff);
    backoff["reconnection_delay_max"] = millis(LONGEST + 1);
    rows(
        &good,
        client::Config::check,
        &[
            (
                "engine",
                vec![json!(good.engine)],
                vec![(engine, "engine.max_payload is 0; allowed: 1 or more")],
            ),
            ("parser", vec![json!("Json"), json!("MsgPack")], vec![]),
            (
                "limits",
                vec![json!(good.limits)],
                vec![(limits, "limits.max_namespace_len is 0; allowed: 1 or more")],
            ),
            flag("reconnection"),
            (
                "reconnection_attempts",
                vec![Value::Null, json!(0), json!(u32::MAX)],
                vec![],
            ),
            (
                "backoff",
                vec![json!(good.backoff)],
                vec![(
                    backoff,
                    "backoff.reconnection_delay_max is 2,147,483,648 ms; allowed: 0 ms to 2,147,483,647 ms",
                )],
            ),
            (
                "timeout",
                vec![Value::Null, millis(0), millis(LONGEST)],
                vec![(
                    millis(LONGEST + 1),
                    "timeout is 2,147,483,648 ms; allowed: 0 ms to 2,147,483,647 ms",
                )],
            ),
            optional_timer(
                "namespace_timeout",
                "namespace_timeout is 0 ms; allowed: 1 ms to 2,147,483,647 ms",
                "namespace_timeout is 2,147,483,648 ms; allowed: 1 ms to 2,147,483,647 ms",
            ),
            (
                "close_timeout",
                vec![millis(0), millis(LONGEST)],
                vec![(
                    millis(LONGEST + 1),
                    "close_timeout is 2,147,483,648 ms; allowed: 0 ms to 2,147,483,647 ms",
                )],
            ),
            flag("report_packets"),
            at_least_one("max_namespaces", "max_namespaces is 0; allowed: 1 or more"),
            any_number("max_buffered_events"),
            any_number("max_buffered_bytes"),
            any_number("max_pending_acks"),
        ],
    );
}

#[test]
fn options_of_the_backoff() {
    rows(
        &Backoff::default(),
        Backoff::check,
        &[
            (
                "reconnection_delay",
                vec![millis(0), json!({ "secs": u64::MAX, "nanos": 0 })],
                vec![],
            ),
            (
                "reconnection_delay_max",
                vec![millis(0), millis(LONGEST)],
                vec![(
                    millis(LONGEST + 1),
                    "reconnection_delay_max is 2,147,483,648 ms; allowed: 0 ms to 2,147,483,647 ms",
                )],
            ),
            (
                "randomization_factor",
                vec![json!(-1.0), json!(0.0), json!(1e300)],
                vec![],
            ),
        ],
    );
}

#[test]
fn every_way_in_checks_the_settings() {
    let seed = Seed::new([1; 32]);
    let bad = server::Config::default().with_connect_timeout(Duration::ZERO);
    let error = Server::new(bad, 0, &seed).unwrap_err();
    assert_eq!(error.option(), "connect_timeout");

    let good = client::Config::new(Endpoint::default());
    let bad = good.clone().with_timeout(Some(Duration::MAX));
    assert_eq!(Client::new(bad, &seed).unwrap_err().option(), "timeout");

    let mut client = Client::new(good, &seed).unwrap();
    let error = client.set_timeout(Some(Duration::MAX)).unwrap_err();
    assert_eq!(error.option(), "timeout");
    let mut backoff = Backoff::default();
    backoff.reconnection_delay_max = Duration::MAX;
    let error = client.set_backoff(backoff).unwrap_err();
    assert_eq!(error.option(), "reconnection_delay_max");

    let options = SocketOptions::default().with_ack_timeout(Some(Duration::ZERO));
    let refused = client.connect("/", options, Instant::ZERO);
    let Err(SocketError::Options(error)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        error.to_string(),
        "ack_timeout is 0 ms; allowed: 1 ms to 2,147,483,647 ms"
    );
}

#[test]
fn limits_of_zero_that_stay_allowed_forbid_one_thing_and_nothing_else() {
    let seed = Seed::new([1; 32]);
    let config = client::Config::new(Endpoint::default())
        .with_max_buffered(0, 0)
        .with_max_pending_acks(0)
        .with_close_timeout(Duration::ZERO);
    let mut client = Client::new(config, &seed).unwrap();
    let options = SocketOptions::default();
    client.connect("/", options, Instant::ZERO).unwrap();
    assert!(client.poll_output().is_some());
    client.close(Instant::ZERO);
}

#[test]
fn methods_set_the_options_of_a_server_that_they_name() {
    let config = server::Config::default;
    let (time, value) = (Duration::from_millis(7), millis(7));
    let engine = engine::server::Config::default().with_max_payload(7);
    let mut limits = Limits::default();
    limits.max_attachments = 7;
    let recovery = RecoveryConfig::default();
    setters(
        &config(),
        vec![
            (
                config().with_engine(engine.clone()),
                json!({ "engine": engine }),
            ),
            (
                config().with_parser(Parser::MsgPack),
                json!({ "parser": "MsgPack" }),
            ),
            (
                config().with_connect_timeout(time),
                json!({ "connect_timeout": value }),
            ),
            (config().with_limits(limits), json!({ "limits": limits })),
            (
                config().with_max_namespaces_per_connection(7),
                json!({ "max_namespaces_per_connection": 7 }),
            ),
            (
                config().with_max_namespaces(7),
                json!({ "max_namespaces": 7 }),
            ),
            (
                config().with_cleanup_empty_child_namespaces(true),
                json!({ "cleanup_empty_child_namespaces": true }),
            ),
            (
                config().with_room_events(true),
                json!({ "room_events": true }),
            ),
            (
                config().with_connection_state_recovery(Some(recovery)),
                json!({ "connection_state_recovery": recovery }),
            ),
            (
                config().with_max_rooms_per_socket(7),
                json!({ "max_rooms_per_socket": 7 }),
            ),
            (
                config().with_max_room_length(7),
                json!({ "max_room_length": 7 }),
            ),
            (
                config().with_max_pending_acks(7),
                json!({ "max_pending_acks": 7 }),
            ),
        ],
    );
    setters(
        &recovery,
        vec![
            (
                recovery.with_max_disconnection_duration(time),
                json!({ "max_disconnection_duration": value }),
            ),
            (
                recovery.with_skip_middlewares(false),
                json!({ "skip_middlewares": false }),
            ),
            (recovery.with_max_packets(7), json!({ "max_packets": 7 })),
            (recovery.with_max_bytes(7), json!({ "max_bytes": 7 })),
            (recovery.with_max_sessions(7), json!({ "max_sessions": 7 })),
            (
                recovery.with_restore_timeout(time),
                json!({ "restore_timeout": value }),
            ),
            (
                recovery.with_storage(RecoveryStorage::Outside),
                json!({ "storage": "Outside" }),
            ),
        ],
    );
}

#[test]
fn methods_set_the_options_of_a_client_that_they_name() {
    let config = || client::Config::new(Endpoint::default());
    let (time, value) = (Duration::from_millis(7), millis(7));
    let engine = config().engine.with_max_payload(7);
    let mut limits = Limits::default();
    limits.max_attachments = 7;
    let backoff = |change: fn(&mut Backoff)| {
        let mut backoff = Backoff::default();
        change(&mut backoff);
        json!({ "backoff": backoff })
    };
    setters(
        &config(),
        vec![
            (
                config().with_engine(|config| config.with_max_payload(7)),
                json!({ "engine": engine }),
            ),
            (
                config().with_parser(Parser::MsgPack),
                json!({ "parser": "MsgPack" }),
            ),
            (config().with_limits(limits), json!({ "limits": limits })),
            (
                config().with_reconnection(false),
                json!({ "reconnection": false }),
            ),
            (
                config().with_reconnection_attempts(Some(7)),
                json!({ "reconnection_attempts": 7 }),
            ),
            (
                config().with_reconnection_delay(Duration::from_millis(9)),
                backoff(|backoff| backoff.reconnection_delay = Duration::from_millis(9)),
            ),
            (
                config().with_reconnection_delay_max(Duration::from_millis(9)),
                backoff(|backoff| backoff.reconnection_delay_max = Duration::from_millis(9)),
            ),
            (
                config().with_randomization_factor(0.25),
                backoff(|backoff| backoff.randomization_factor = 0.25),
            ),
            (
                config().with_timeout(Some(time)),
                json!({ "timeout": value }),
            ),
            (
                config().with_namespace_timeout(Some(time)),
                json!({ "namespace_timeout": value }),
            ),
            (
                config().with_close_timeout(time),
                json!({ "close_timeout": value }),
            ),
            (
                config().with_report_packets(true),
                json!({ "report_packets": true }),
            ),
            (
                config().with_max_namespaces(7),
                json!({ "max_namespaces": 7 }),
            ),
            (
                config().with_max_buffered(7, 8),
                json!({ "max_buffered_events": 7, "max_buffered_bytes": 8 }),
            ),
            (
                config().with_max_pending_acks(7),
                json!({ "max_pending_acks": 7 }),
            ),
        ],
    );
    let options = SocketOptions::default();
    assert_eq!((options.ack_timeout, options.retries), (None, 0));
    let auth = Payload::object(&json!({ "token": "t" })).unwrap();
    let options = options
        .with_auth(auth.clone())
        .with_ack_timeout(Some(time))
        .with_retries(7);
    assert!(matches!(&options.auth, Auth::Fixed(payload) if *payload == auth));
    assert_eq!((options.ack_timeout, options.retries), (Some(time), 7));
    assert!(matches!(options.with_auth_asked().auth, Auth::Ask));
}
