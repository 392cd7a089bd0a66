//! Refused requests, and their answers.

use engineio_proto::http::RequestHead;
use engineio_proto::server::Config;
use engineio_proto::{Transport, Transports};

use crate::support::both;

const TRANSPORT_UNKNOWN: &str = r#"400 {"code":0,"message":"Transport unknown"}"#;
const SID_UNKNOWN: &str = r#"400 {"code":1,"message":"Session ID unknown"}"#;
const BAD_METHOD: &str = r#"400 {"code":2,"message":"Bad handshake method"}"#;
const BAD_REQUEST: &str = r#"400 {"code":3,"message":"Bad request"}"#;
const UNSUPPORTED: &str = r#"400 {"code":5,"message":"Unsupported protocol version"}"#;

#[test]
fn a_plain_request_is_refused_with_the_official_code() {
    for (method, query, answer) in [
        ("GET", "", TRANSPORT_UNKNOWN),
        ("GET", "EIO=4", TRANSPORT_UNKNOWN),
        ("GET", "EIO=4&transport=abc", TRANSPORT_UNKNOWN),
        ("GET", "EIO=4&transport=Polling", TRANSPORT_UNKNOWN),
        ("GET", "EIO=4&transport=webtransport", TRANSPORT_UNKNOWN),
        ("GET", "EIO=4&transport=__proto__", TRANSPORT_UNKNOWN),
        ("GET", "EIO=4&transport=constructor", TRANSPORT_UNKNOWN),
        ("GET", "EIO=4&transport=polling&sid=zzz", SID_UNKNOWN),
        ("POST", "EIO=4&transport=polling&sid=__proto__", SID_UNKNOWN),
        ("PUT", "EIO=3&transport=websocket&sid=zzz", SID_UNKNOWN),
        ("POST", "EIO=4&transport=polling", BAD_METHOD),
        ("PUT", "EIO=4&transport=polling", BAD_METHOD),
        ("HEAD", "EIO=4&transport=polling", BAD_METHOD),
        ("OPTIONS", "EIO=4&transport=polling", BAD_METHOD),
        ("POST", "EIO=3&transport=websocket", BAD_METHOD),
        ("GET", "EIO=4&transport=websocket", BAD_REQUEST),
        ("GET", "EIO=3&transport=websocket", BAD_REQUEST),
        ("GET", "transport=polling", UNSUPPORTED),
        ("GET", "EIO=3&transport=polling", UNSUPPORTED),
        ("GET", "EIO=5&transport=polling", UNSUPPORTED),
        ("GET", "EIO=abc&transport=polling", UNSUPPORTED),
        ("GET", "EIO=4&EIO=3&transport=polling", UNSUPPORTED),
    ] {
        both(Config::default(), |net| {
            net.request(method, query);
            assert_eq!(net.drain(), [format!("r0 {answer}")], "{method} {query}");
            assert_eq!(net.headers(0), [("content-type", "application/json")]);
            assert_eq!(net.driver.session_count(), 0);
        });
    }
}

#[test]
fn a_websocket_is_refused_with_the_bare_message() {
    for (query, answer) in [
        ("EIO=4", "Transport unknown"),
        ("EIO=4&transport=__proto__", "Transport unknown"),
        ("EIO=4&transport=websocket&sid=zzz", "Session ID unknown"),
        ("EIO=4&transport=polling", "Bad request"),
        ("EIO=3&transport=websocket", "Unsupported protocol version"),
        ("transport=websocket", "Unsupported protocol version"),
    ] {
        both(Config::default(), |net| {
            net.connect(query);
            assert_eq!(net.drain(), [format!("c0 refuse 400 {answer}")], "{query}");
            assert_eq!(net.driver.session_count(), 0);
        });
    }
}

#[test]
fn of_a_repeated_parameter_the_last_counts() {
    both(Config::default(), |net| {
        net.get("EIO=3&EIO=4&transport=abc&transport=polling&sid=zzz&sid=");
        assert_eq!(net.drain(), ["r0 200 0{…}", "s0 opened by r0"]);
    });
}

#[test]
fn other_parameters_are_let_through() {
    both(Config::default(), |net| {
        net.get("EIO=4&transport=polling&t=abc&a=b&%zz=%&&=");
        assert_eq!(net.drain(), ["r0 200 0{…}", "s0 opened by r0"]);
    });
}

#[test]
fn an_origin_with_control_characters_is_refused() {
    both(Config::default(), |net| {
        let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=polling");
        net.head(&head.with_origin(b"http://a\x00.com"), "");
        let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=websocket");
        net.connect_with(&head.with_origin(b"a\r\nb"));
        assert_eq!(
            net.drain(),
            [
                format!("r0 {BAD_REQUEST}"),
                "c0 refuse 400 Bad request".to_owned()
            ]
        );
    });
}

#[test]
fn a_transport_that_is_not_enabled_is_unknown() {
    let websocket_only = Transports::NONE.with(Transport::WebSocket);
    both(Config::default().with_transports(websocket_only), |net| {
        net.get("EIO=4&transport=polling");
        assert_eq!(net.drain(), [format!("r0 {TRANSPORT_UNKNOWN}")]);
        net.open_websocket();
    });
    let polling_only = Transports::NONE.with(Transport::Polling);
    both(Config::default().with_transports(polling_only), |net| {
        let session = net.open_polling();
        net.connect("EIO=4&transport=websocket");
        net.probe(session);
        assert_eq!(
            net.drain(),
            [
                "c0 refuse 400 Transport unknown",
                "c1 refuse 400 Transport unknown"
            ]
        );
    });
}

#[test]
fn a_plain_get_for_the_websocket_of_a_polling_session_is_a_mismatch_and_the_session_lives_on() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let query = net.query(session, "websocket");
        net.get(&query);
        assert_eq!(net.drain(), [format!("r1 {BAD_REQUEST}")]);
        net.post(session, "4still here");
        assert_eq!(net.drain(), ["r2 200 ok", "s0 text still here"]);
    });
}

#[test]
fn requests_of_a_session_that_is_on_websocket_are_refused_and_it_lives_on() {
    both(Config::default(), |net| {
        let (session, connection) = net.open_websocket();
        net.poll(session);
        net.post(session, "4a");
        net.post_head(session);
        let query = net.query(session, "websocket");
        net.get(&query);
        let refused: Vec<_> = (0..4).map(|n| format!("r{n} {BAD_REQUEST}")).collect();
        assert_eq!(net.drain(), refused);
        net.text(connection, "4b");
        assert_eq!(net.drain(), ["s0 text b"]);
    });
}

#[test]
fn another_revision_than_that_of_the_session_is_refused_and_it_lives_on() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        for transport in ["polling", "websocket"] {
            let query = net.query(session, transport).replace("EIO=4", "EIO=3");
            if transport == "polling" {
                net.get(&query);
            } else {
                net.connect(&query);
            }
        }
        assert_eq!(
            net.drain(),
            [
                format!("r1 {BAD_REQUEST}"),
                "c0 refuse 400 Bad request".to_owned()
            ]
        );
        net.poll(session);
        assert_eq!(net.drain(), [""; 0], "held");
    });
}

#[test]
fn a_method_that_polling_does_not_know_is_answered_500_and_the_session_lives_on() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let query = net.query(session, "polling");
        for method in ["PUT", "DELETE", "HEAD", "OPTIONS"] {
            net.request(method, &query);
        }
        assert_eq!(net.drain(), ["r1 500", "r2 500", "r3 500", "r4 500"]);
        assert_eq!(net.headers(1), []);
        net.post(session, "4still here");
        assert_eq!(net.drain(), ["r5 200 ok", "s0 text still here"]);
    });
}

#[test]
fn a_probe_that_names_the_polling_transport_is_refused() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let query = net.query(session, "polling");
        net.connect(&query);
        assert_eq!(net.drain(), ["c0 refuse 400 Bad request"]);
    });
}

#[test]
fn the_id_of_a_session_that_is_over_is_unknown() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.post(session, "1");
        // Asked before and after the end has been noticed outside.
        for _ in 0..2 {
            net.poll(session);
            net.post(session, "4a");
            net.post_head(session);
            net.probe(session);
        }
        let outputs = net.drain();
        let count = |what: &str| outputs.iter().filter(|line| line.ends_with(what)).count();
        assert_eq!(
            (
                count(SID_UNKNOWN),
                count("refuse 400 Session ID unknown"),
                outputs.len()
            ),
            (6, 2, 10)
        );
        net.poll(session);
        assert_eq!(net.drain(), [format!("r8 {SID_UNKNOWN}")]);
        assert_eq!(net.driver.session_count(), 0);
    });
}

#[test]
fn an_id_of_the_right_shape_that_was_never_given_out_is_unknown() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let sid = net.driver.sid(session).unwrap();
        let query = net.query(session, "polling");
        let (known, last) = sid.as_str().split_at(19);
        let other = if last == "A" { "B" } else { "A" };
        net.get(&query.replace(sid.as_str(), &format!("{known}{other}")));
        assert_eq!(net.drain(), [format!("r1 {SID_UNKNOWN}")]);
    });
}
