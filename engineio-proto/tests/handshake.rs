//! Handshakes that a client accepts or refuses.
//!
//! The rows were tested with `engine.io-client` 6.6 over polling. It accepts everything that is accepted here, unless a
//! row says otherwise.
#![cfg(test)]

use std::time::Duration;

use engineio_proto::client::{Client, Config, Event, Output};
use engineio_proto::codec::{DecodeError, Open};
use engineio_proto::http::Answer;
use engineio_proto::{Instant, Revision, Seed, Transport};
use proptest::prelude::*;

/// A handshake with one member replaced, or left out if `value` is empty.
fn handshake(name: &str, value: &str) -> String {
    let members = [
        ("sid", r#""s""#),
        ("upgrades", "[]"),
        ("pingInterval", "25000"),
        ("pingTimeout", "20000"),
        ("maxPayload", "100"),
    ];
    let members: Vec<_> = members
        .into_iter()
        .map(|(member, default)| (member, if member == name { value } else { default }))
        .filter(|(_, value)| !value.is_empty())
        .map(|(member, value)| format!("\"{member}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn read(name: &str, value: &str) -> Result<Open, DecodeError> {
    Open::decode(&handshake(name, value))
}

#[test]
fn numbers_in_any_form_are_intervals() {
    for (value, millis) in [
        ("25000", 25_000),
        ("25000.0", 25_000),
        ("2.5e4", 25_000),
        ("25E3", 25_000),
        ("25000.9", 25_000),
        ("null", 0),
        ("0", 0),
        ("-0", 0),
        ("-0.0", 0),
        ("-1", 0),        // officially one millisecond is taken off the sum
        ("\"300\"", 300), // officially the digits of both are joined
        ("\" 3e2 \"", 300),
        ("9007199254740993", 9_007_199_254_740_993),
        ("1e300", u64::MAX), // officially a ping timeout at once
    ] {
        let expected = Ok(Duration::from_millis(millis));
        let interval = read("pingInterval", value).map(|open| open.ping_interval);
        assert_eq!(interval, expected, "{value}");
        let timeout = read("pingTimeout", value).map(|open| open.ping_timeout);
        assert_eq!(timeout, expected, "{value}");
    }
}

#[test]
fn what_is_no_number_is_no_interval() {
    // Officially a ping timeout at once for the first three; the others count as 1, 0 and text.
    for value in [
        "", "\"x\"", "{}", "true", "[]", "\"\"", "\"NaN\"", "\"1 2\"", "1e400",
    ] {
        for name in ["pingInterval", "pingTimeout"] {
            assert_eq!(read(name, value), Err(DecodeError::Handshake), "{value}");
        }
    }
}

#[test]
fn the_limit_of_a_payload_may_have_any_form_or_be_missing() {
    for (value, limit) in [
        ("", None),
        ("null", None),
        ("false", None),
        ("\"x\"", None),
        ("{}", None),
        ("true", None), // officially packets go one by one, for these two
        ("[]", None),
        ("0", Some(0)),
        ("0.0", Some(0)),
        ("100", Some(100)),
        ("1e2", Some(100)),
        ("100.5", Some(100)),
        ("\"100\"", Some(100)),
        ("-1", Some(1)), // packets go one by one
        ("0.5", Some(1)),
        ("18446744073709551615", Some(u64::MAX)),
        ("1e300", Some(u64::MAX)),
    ] {
        let read = read("maxPayload", value).map(|open| open.max_payload);
        assert_eq!(read, Ok(limit), "{value}");
    }
}

#[test]
fn of_the_upgrades_the_known_ones_are_kept_and_each_once() {
    let many = format!("[{}\"websocket\"]", "\"websocket\",\"x\",".repeat(100_000));
    for (value, kept) in [
        ("", &[][..]), // officially an exception, for these two
        ("null", &[]),
        ("[]", &[]),
        ("{\"length\":1}", &[]),
        ("7", &[]),
        ("\"websocket\"", &[]),
        ("[\"websocket\"]", &["websocket"]),
        ("[1,null,\"x\",[\"websocket\"],{},\"WebSocket\"]", &[]),
        (
            "[\"webtransport\",\"websocket\",\"webtransport\"]",
            &["webtransport", "websocket"],
        ),
        ("[\"web\\u0073ocket\"]", &["websocket"]),
        (&many, &["websocket"]),
    ] {
        let open = read("upgrades", value).unwrap();
        assert_eq!(open.upgrades, kept);
    }
}

#[test]
fn a_sid_is_text_or_a_number_and_of_a_bounded_length() {
    let quoted = |length| format!("\"{}\"", "a".repeat(length));
    for (value, sid) in [
        ("\"a\\u0062\"", "ab"),
        ("1", "1"),
        ("1.0", "1"),
        ("-1", "-1"),
        ("1.5", "1.5"),
        ("1e3", "1000"),
        (&*quoted(1024), &*"a".repeat(1024)),
    ] {
        assert_eq!(read("sid", value).unwrap().sid, sid, "{value}");
    }
    // Officially the words `undefined`, `null` and so on are sent, and any length is.
    for value in ["", "null", "\"\"", "true", "[]", "{}", &quoted(1025)] {
        assert_eq!(read("sid", value), Err(DecodeError::Handshake), "{value}");
    }
}

#[test]
fn other_members_are_skipped_and_of_two_the_last_counts() {
    let more = r#"{"x":[[{"sid":"no"}]],"sid":"first","sid":"s","upgrades":[],"pingInterval":1,"pingTimeout":2}"#;
    let open = Open::decode(more).unwrap();
    assert_eq!((&*open.sid, open.max_payload), ("s", None));
    assert_eq!(Open::decode(&format!(" {more}\n")).unwrap(), open);
}

#[test]
fn a_client_of_each_revision_opens_with_numbers_in_another_form() {
    let packet = r#"0{"sid":"s","upgrades":null,"pingInterval":2.5e4,"pingTimeout":20000.0,"maxPayload":1e6}"#;
    for (revision, body) in [
        (Revision::V4, packet.to_owned()),
        (Revision::V3, format!("{}:{packet}", packet.len())),
    ] {
        let config = Config::default()
            .with_revision(revision)
            .with_transports([Transport::Polling]);
        let mut client = Client::new(config, &Seed::new([1; 32])).unwrap();
        client.open(Instant::ZERO);
        let Some(Output::Request { request: id, .. }) = client.poll_output() else {
            panic!("a request");
        };
        client.handle_response(id, Answer::new(200, body), Instant::ZERO);
        let opened = std::iter::from_fn(|| client.poll_output()).find_map(|output| {
            if let Output::Event(Event::Opened(open)) = output {
                Some(open)
            } else {
                None
            }
        });
        let open = opened.unwrap();
        assert_eq!(open.ping_interval, Duration::from_secs(25));
        assert_eq!(open.ping_timeout, Duration::from_secs(20));
    }
}

proptest! {
    #[test]
    fn what_is_read_is_bounded_and_is_read_again_as_it_is_written(
        json in "\\{(\"(sid|upgrades|pingInterval|pingTimeout|maxPayload)\":(1e3|\"a\"|null|\\[\"websocket\",\"x\"\\]|2.5|-1),?){0,8}\\}",
    ) {
        if let Ok(open) = Open::decode(&json) {
            prop_assert!(open.sid.len() <= 1024 && open.upgrades.len() <= 3);
            prop_assert_eq!(Open::decode(&open.encode()), Ok(open));
        }
    }
}
