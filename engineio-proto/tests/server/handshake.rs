//! Opening a session.

use core::time::Duration;

use engineio_proto::Message;
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Cookie, SameSite};
use engineio_proto::{Transport, Transports};

use crate::support::both;

const POLLING: &str = "EIO=4&transport=polling";
const WEBSOCKET: &str = "EIO=4&transport=websocket";

#[test]
fn a_polling_handshake_is_answered_at_once_with_the_five_official_keys() {
    both(Config::default(), |net| {
        net.get(POLLING);
        assert_eq!(
            net.drain_whole(),
            [
                r#"r0 200 0{"sid":"SID0","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#,
                "s0 opened by r0"
            ]
        );
    });
}

#[test]
fn the_answer_has_the_official_length_and_headers() {
    let config = Config::default()
        .with_ping_interval(Duration::from_millis(300))
        .with_ping_timeout(Duration::from_millis(200));
    both(config, |net| {
        net.get(POLLING);
        let line = &net.drain_whole()[0];
        assert_eq!(line.len() - "r0 200 ".len() - "SID0".len() + 20, 114);
        assert_eq!(
            net.headers(0),
            [
                ("content-type", "text/plain; charset=UTF-8"),
                ("cache-control", "no-store")
            ]
        );
    });
}

#[test]
fn a_websocket_handshake_is_the_first_frame_and_offers_no_upgrades() {
    both(Config::default(), |net| {
        net.connect(WEBSOCKET);
        assert_eq!(
            net.drain_whole(),
            [
                "c0 accept",
                r#"c0 < 0{"sid":"SID0","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#,
                "s0 opened by c0"
            ]
        );
    });
}

#[test]
fn settings_are_announced() {
    let config = Config::default()
        .with_ping_interval(Duration::from_millis(123))
        .with_ping_timeout(Duration::from_millis(45))
        .with_max_payload(678);
    both(config, |net| {
        net.get(POLLING);
        assert_eq!(
            net.drain_whole()[0],
            r#"r0 200 0{"sid":"SID0","upgrades":["websocket"],"pingInterval":123,"pingTimeout":45,"maxPayload":678}"#
        );
    });
}

#[test]
fn no_upgrade_is_offered_where_none_is_possible() {
    let polling_only = Transports::NONE.with(Transport::Polling);
    for config in [
        Config::default().with_allow_upgrades(false),
        Config::default().with_transports(polling_only),
    ] {
        both(config, |net| {
            net.get(POLLING);
            assert!(net.drain_whole()[0].contains(r#""upgrades":[],"#));
        });
    }
}

#[test]
fn the_initial_packet_comes_with_the_handshake_over_polling() {
    let config = Config::default().with_initial_packet(Message::text("faster!"));
    both(config, |net| {
        net.get(POLLING);
        assert_eq!(net.drain(), ["r0 200 0{…}|4faster!", "s0 opened by r0"]);
        net.poll(0);
        assert_eq!(net.drain(), [""; 0], "it comes once");
    });
}

#[test]
fn the_initial_packet_is_the_second_frame_over_websocket() {
    let config = Config::default().with_initial_packet(Message::binary(vec![1, 2]));
    both(config, |net| {
        net.connect(WEBSOCKET);
        assert_eq!(
            net.drain(),
            [
                "c0 accept",
                "c0 < 0{…}",
                "c0 < b\"\\x01\\x02\"",
                "s0 opened by c0"
            ]
        );
    });
}

#[test]
fn a_binary_initial_packet_is_base64_over_polling() {
    let config = Config::default().with_initial_packet(Message::binary(vec![1, 2, 3]));
    both(config, |net| {
        net.get(POLLING);
        assert_eq!(net.drain(), ["r0 200 0{…}|bAQID", "s0 opened by r0"]);
    });
}

#[test]
fn an_initial_packet_above_max_payload_still_comes_with_the_handshake_or_right_behind_it() {
    let config = Config::default()
        .with_max_payload(10)
        .with_initial_packet(Message::text("longer than ten"));
    both(config, |net| {
        net.get(POLLING);
        assert_eq!(net.drain(), ["r0 200 0{…}", "s0 opened by r0"]);
        net.poll(0);
        assert_eq!(net.drain(), ["r1 200 4longer than ten"]);
    });
}

#[test]
fn messages_sent_once_the_session_is_known_miss_the_handshake_response() {
    both(Config::default(), |net| {
        net.get(POLLING);
        net.send(0, "hello").unwrap();
        assert_eq!(net.drain(), ["r0 200 0{…}", "s0 opened by r0"]);
        net.poll(0);
        assert_eq!(net.drain(), ["r1 200 4hello"]);
    });
}

#[test]
fn the_cookie_is_set_by_the_handshake_response_alone() {
    both(Config::default().with_cookie(Cookie::default()), |net| {
        let session = net.open_polling();
        let sid = net.driver.sid(session).unwrap();
        let cookie = format!("io={}; Path=/; HttpOnly; SameSite=Lax", sid.as_str());
        assert_eq!(net.headers(0)[2], ("set-cookie", cookie.as_str()));
        let poll = net.poll(session);
        net.send(session, "a").unwrap();
        let post = net.post(session, "4b");
        assert_eq!(net.drain(), ["r1 200 4a", "r2 200 ok", "s0 text b"]);
        for request in [poll, post] {
            assert_eq!(net.headers(request).len(), 2, "type and no-store only");
        }
    });
}

#[test]
fn the_cookie_follows_its_settings() {
    let mut cookie = Cookie::new("sid");
    cookie.path = None;
    cookie.http_only = false;
    cookie.same_site = Some(SameSite::Strict);
    both(Config::default().with_cookie(cookie), |net| {
        let session = net.open_polling();
        let sid = net.driver.sid(session).unwrap();
        let cookie = format!("sid={}; SameSite=Strict", sid.as_str());
        assert_eq!(net.headers(0)[2], ("set-cookie", cookie.as_str()));
    });
}

#[test]
fn a_websocket_handshake_sets_no_cookie() {
    both(Config::default().with_cookie(Cookie::default()), |net| {
        // The harness refuses any header on an `Accept`.
        net.open_websocket();
    });
}

#[test]
fn internet_explorer_is_told_to_leave_every_response_alone() {
    both(Config::default(), |net| {
        let head = RequestHead::new("GET", "/engine.io/", POLLING)
            .with_user_agent(b"Mozilla/4.0 (compatible; MSIE 8.0; Trident/4.0)");
        net.head(&head, "");
        assert_eq!(net.drain(), ["r0 200 0{…}", "s0 opened by r0"]);
        net.post(0, "4a");
        assert_eq!(net.drain(), ["r1 200 ok", "s0 text a"]);
        for request in [0, 1] {
            assert_eq!(net.headers(request)[1], ("x-xss-protection", "0"));
        }
    });
}

#[test]
fn two_sessions_have_ids_that_differ_and_keep_apart() {
    both(Config::default(), |net| {
        let (first, second) = (net.open_polling(), net.open_polling());
        assert_ne!(net.driver.sid(first), net.driver.sid(second));
        net.poll(first);
        net.poll(second);
        net.send(second, "for the second").unwrap();
        assert_eq!(net.drain(), ["r3 200 4for the second"]);
        net.post(first, "4from the first");
        assert_eq!(net.drain(), ["r4 200 ok", "s0 text from the first"]);
        assert_eq!(net.driver.session_count(), 2);
    });
}
