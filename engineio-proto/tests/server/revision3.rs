//! Clients of protocol revision 3.

use core::time::Duration;

use engineio_proto::Revision;
use engineio_proto::http::RequestHead;
use engineio_proto::server::Config;

use crate::support::{Net, both};

const UNSUPPORTED: &str = r#"400 {"code":5,"message":"Unsupported protocol version"}"#;
const BAD_REQUEST: &str = r#"400 {"code":3,"message":"Bad request"}"#;

fn config() -> Config {
    Config::default()
        .with_allow_eio3(true)
        .with_ping_interval(Duration::from_millis(300))
        .with_ping_timeout(Duration::from_millis(200))
}

/// A session on polling, whose client takes binary payloads.
fn polling(net: &mut Net) -> usize {
    net.open_polling_with("EIO=3").0
}

#[test]
fn it_is_served_only_if_allowed() {
    both(Config::default(), |net| {
        net.get("EIO=3&transport=polling");
        let connection = net.connect("EIO=3&transport=websocket");
        let refused = format!("c{connection} refuse 400 Unsupported protocol version");
        assert_eq!(net.drain(), [format!("r0 {UNSUPPORTED}"), refused]);
    });
}

#[test]
fn the_handshake_has_a_length_and_the_same_keys() {
    both(Config::default().with_allow_eio3(true), |net| {
        net.get("EIO=3&transport=polling&b64=1");
        let open = concat!(
            r#"r0 200 118:0{"sid":"SID0","upgrades":["websocket"],"pingInterval":25000,"#,
            r#""pingTimeout":20000,"maxPayload":1000000}"#
        );
        assert_eq!(net.drain_whole(), [open, "s0 opened by r0"]);
        assert_eq!(
            net.headers(0),
            [
                ("content-type", "text/plain; charset=UTF-8"),
                ("cache-control", "no-store")
            ]
        );
        assert_eq!(net.session(0).revision(), Revision::V3);
    });
}

#[test]
fn whatever_is_not_revision_4_counts_as_3() {
    both(config(), |net| {
        for query in ["EIO=3", "x=y", "EIO=", "EIO=5", "EIO=abc", "EIO=04"] {
            let (session, answer) = net.open_polling_with(query);
            assert!(answer.contains(":0{"), "{query}: {answer}");
            assert_eq!(net.session(session).revision(), Revision::V3);
        }
        let session = net.open_polling();
        assert_eq!(net.session(session).revision(), Revision::V4);
    });
}

#[test]
fn the_initial_packet_follows_the_handshake() {
    let config = config().with_initial_packet(engineio_proto::Message::text("hi"));
    both(config, |net| {
        let (_, answer) = net.open_polling_with("EIO=3");
        assert_eq!(answer, "114:0{…}3:4hi");
        net.connect("EIO=3&transport=websocket");
        let outputs = net.drain();
        assert_eq!(outputs[..3], ["c0 accept", "c0 < 0{…}", "c0 < 4hi"]);
    });
}

#[test]
fn a_request_must_name_the_revision_of_its_session() {
    both(config(), |net| {
        let old = polling(net);
        let new = net.open_polling();
        let swapped = |query: String, from: &str, to: &str| query.replace(from, to);
        net.get(&swapped(net.query(old, "polling"), "EIO=3", "EIO=4"));
        net.get(&swapped(net.query(new, "polling"), "EIO=4", "EIO=3"));
        let expected = [format!("r2 {BAD_REQUEST}"), format!("r3 {BAD_REQUEST}")];
        assert_eq!(net.drain(), expected);
        let query = swapped(net.query(old, "websocket"), "EIO=3", "EIO=4");
        let connection = net.connect(&query);
        assert_eq!(
            net.drain(),
            [format!("c{connection} refuse 400 Bad request")]
        );
    });
}

#[test]
fn a_text_payload_is_measured_in_utf16_units() {
    both(config(), |net| {
        let session = polling(net);
        net.post(session, "6:4hello2:4€3:4😀10:b4AQIDBA==");
        assert_eq!(
            net.drain(),
            [
                "r1 200 ok",
                "s0 text hello",
                "s0 text €",
                "s0 text 😀",
                r#"s0 binary b"\x01\x02\x03\x04""#
            ]
        );
        for text in ["hello", "€", "😀"] {
            net.send(session, text).unwrap();
        }
        net.poll(session);
        assert_eq!(net.drain(), ["r2 200 6:4hello2:4€3:4😀"]);
        assert_eq!(net.headers(2)[0].1, "text/plain; charset=UTF-8");
    });
}

#[test]
fn a_payload_with_something_binary_is_binary() {
    both(config(), |net| {
        let session = polling(net);
        let body = b"\x00\x06\xff4hello\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04";
        net.post_binary(session, body.to_vec());
        assert_eq!(
            net.drain(),
            [
                "r1 200 ok",
                "s0 text hello",
                "s0 text €",
                r#"s0 binary b"\x01\x02\x03\x04""#
            ]
        );
        net.send(session, "hello").unwrap();
        net.send(session, "€").unwrap();
        net.send_binary(session, &[1, 2, 3, 4]).unwrap();
        net.poll(session);
        assert_eq!(
            net.drain(),
            [format!("r2 200 {}", String::from_utf8_lossy(body))]
        );
        assert_eq!(
            net.headers(2),
            [
                ("content-type", "application/octet-stream"),
                ("cache-control", "no-store")
            ]
        );
    });
}

#[test]
fn a_client_that_takes_text_only_gets_base64() {
    both(config(), |net| {
        for b64 in ["1", "0", "x"] {
            let (session, _) = net.open_polling_with(&format!("EIO=3&b64={b64}"));
            net.send(session, "€").unwrap();
            net.send_binary(session, &[1, 2, 3, 4]).unwrap();
            net.send_binary(session, &[]).unwrap();
            let request = net.poll(session);
            let expected = format!("r{request} 200 2:4€10:b4AQIDBA==2:b4");
            assert_eq!(net.drain(), [expected]);
        }
    });
}

#[test]
fn the_handshake_alone_decides_on_base64_for_polling() {
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=3&b64=");
        net.send_binary(session, &[1]).unwrap();
        let query = format!("{}&b64=1", net.query(session, "polling"));
        net.get(&query);
        assert_eq!(net.drain(), ["r1 200 \u{1}\u{2}\u{fffd}\u{4}\u{1}"]);
    });
}

#[test]
fn a_websocket_has_the_type_in_front_of_binary_data() {
    both(config(), |net| {
        let (session, connection) = net.open_websocket_with("EIO=3");
        net.text(connection, "4hello");
        net.binary(connection, &[4, 1, 2, 3]);
        net.text(connection, "b4AQID");
        assert_eq!(
            net.drain(),
            [
                "s0 text hello",
                r#"s0 binary b"\x01\x02\x03""#,
                r#"s0 binary b"\x01\x02\x03""#
            ]
        );
        net.send(session, "€").unwrap();
        net.send_binary(session, &[1, 2, 3]).unwrap();
        net.send_binary(session, &[]).unwrap();
        assert_eq!(
            net.drain(),
            ["c0 < 4€", r#"c0 < b"\x04\x01\x02\x03""#, r#"c0 < b"\x04""#]
        );
    });
}

#[test]
fn a_websocket_that_takes_text_only_gets_base64() {
    both(config(), |net| {
        let (session, _) = net.open_websocket_with("EIO=3&b64=1");
        net.send_binary(session, &[1, 2, 3]).unwrap();
        assert_eq!(net.drain(), ["c0 < b4AQID"]);
    });
}

#[test]
fn frames_that_are_no_packets_end_the_session() {
    for frame in [&b""[..], b"\x07", b"\xff", b"4a"] {
        both(config(), |net| {
            let (_, connection) = net.open_websocket_with("EIO=3");
            net.binary(connection, frame);
            let outputs = net.drain();
            assert_eq!(outputs[0], "c0 close");
            assert!(
                outputs[1].starts_with("s0 closed: parse error"),
                "{frame:?}"
            );
        });
    }
}

#[test]
fn payloads_that_are_none_end_the_session() {
    for body in [
        "",
        "2:4😀",
        "9:4a",
        "2:4a5",
        "0x2:4a",
        "4a\x1e4b",
        "1:9",
        "99999999999:4a",
    ] {
        both(config(), |net| {
            let session = polling(net);
            net.poll(session);
            net.post(session, body);
            let outputs = net.drain();
            assert_eq!(outputs[..2], ["r2 400", "r1 200 1:1"], "{body}");
            let last = outputs.last().unwrap();
            assert!(last.starts_with("s0 closed: parse error"), "{body}: {last}");
        });
    }
}

#[test]
fn an_empty_octet_stream_is_no_packet_and_no_fault() {
    both(config(), |net| {
        let session = polling(net);
        net.post_binary(session, "");
        net.post(session, "0:");
        assert_eq!(net.drain(), ["r1 200 ok", "r2 200 ok"]);
    });
}

#[test]
fn packets_of_both_payloads_are_counted_to_the_limit() {
    both(config().with_max_packets_per_payload(2), |net| {
        let session = polling(net);
        net.post(session, "2:4a2:4a0:");
        net.post_binary(session, b"\x00\x02\xff4a".repeat(2));
        let taken = [
            "r1 200 ok",
            "r2 200 ok",
            "s0 text a",
            "s0 text a",
            "s0 text a",
            "s0 text a",
        ];
        assert_eq!(net.drain(), taken);
        net.post(session, "2:4a2:4a2:4a");
        let outputs = net.drain();
        assert_eq!(outputs[0], "r3 400");
        assert!(outputs[3].contains("more than 2 packets"), "{outputs:?}");
    });
}

#[test]
fn a_payload_is_filled_up_to_max_payload() {
    both(config().with_max_payload(20), |net| {
        let session = polling(net);
        for text in ["aaa", "bbb", "ccc", "dddddddddddddddddddddddd"] {
            net.send(session, text).unwrap();
        }
        for _ in 0..3 {
            net.poll(session);
        }
        assert_eq!(
            net.drain(),
            [
                "r1 200 4:4aaa4:4bbb",
                "r2 200 4:4ccc",
                "r3 200 25:4dddddddddddddddddddddddd"
            ]
        );
    });
}

#[test]
fn the_client_pings_and_the_server_answers_without_data() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket_with("EIO=3");
        net.advance(499);
        assert_eq!(net.drain(), [""; 0], "the server sends no ping");
        net.text(connection, "2hello");
        assert_eq!(net.drain(), ["c0 < 3"]);
        net.advance(499);
        net.text(connection, "4not a ping");
        assert_eq!(net.drain(), ["s0 text not a ping"]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", "s0 closed: ping timeout"]);
        assert_eq!(net.due_in(), None);
    });
}

#[test]
fn a_ping_over_polling_is_answered_by_the_poll() {
    both(config(), |net| {
        let session = polling(net);
        for round in 0..3 {
            net.poll(session);
            net.advance(450);
            net.post(session, "1:2");
            let (poll, post) = (2 * round + 1, 2 * round + 2);
            let expected = [format!("r{poll} 200 1:3"), format!("r{post} 200 ok")];
            assert_eq!(net.drain(), expected);
        }
        net.poll(session);
        net.advance(500);
        assert_eq!(net.drain(), ["r7 200 1:1", "s0 closed: ping timeout"]);
    });
}

#[test]
fn pings_that_come_before_the_answer_has_left_are_answered_once() {
    both(config(), |net| {
        let session = polling(net);
        net.post(session, "1:21:21:2");
        net.send(session, "a").unwrap();
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 ok", "r2 200 1:32:4a"]);
    });
}

/// Officially it does (`2:4a1:3`), and a client that reads slowly pings too late.
#[test]
fn an_answer_to_a_ping_does_not_wait_behind_messages() {
    both(config(), |net| {
        let session = polling(net);
        net.send(session, "a").unwrap();
        net.post(session, "1:2");
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 ok", "r2 200 1:32:4a"]);
        let (session, connection) = net.open_websocket_with("EIO=3");
        net.stall(connection);
        net.send(session, "a").unwrap();
        net.text(connection, "2");
        assert_eq!(net.drain(), ["c0 frames"]);
        for frame in ["3", "4a"] {
            assert_eq!(net.pull(connection).as_deref(), Some(frame));
        }
    });
}

#[test]
fn a_pong_goes_the_wrong_way() {
    both(config(), |net| {
        let session = polling(net);
        net.poll(session);
        net.post(session, "1:3");
        let reason = "s0 closed: transport error (invalid heartbeat direction)";
        assert_eq!(net.drain(), ["r1 200 1:1", "r2 200 ok", reason]);
    });
}

#[test]
fn the_official_upgrade() {
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=3&b64=1");
        net.post(session, "6:4hello");
        assert_eq!(net.drain(), ["r1 200 ok", "s0 text hello"]);
        net.poll(session);
        let query = net.query(session, "websocket").replace("&b64=1", "");
        let connection = net.connect(&query);
        net.text(connection, "2probe");
        assert_eq!(net.drain(), ["c0 accept", "r2 200 1:6", "c0 < 3probe"]);
        net.send_binary(session, &[9]).unwrap();
        net.text(connection, "5");
        net.text(connection, "4after");
        net.binary(connection, &[4, 1, 2, 3]);
        net.send_binary(session, &[1, 2, 3]).unwrap();
        assert_eq!(
            net.drain(),
            [
                r#"c0 < b"\x04\t""#,
                r#"c0 < b"\x04\x01\x02\x03""#,
                "s0 upgraded to websocket",
                "s0 text after",
                r#"s0 binary b"\x01\x02\x03""#
            ]
        );
        net.text(connection, "2");
        assert_eq!(net.drain(), ["c0 < 3"]);
        net.disconnect(connection);
        assert_eq!(net.drain(), ["s0 closed: transport close"]);
    });
}

#[test]
fn a_client_that_falls_silent_after_an_upgrade_is_noticed() {
    both(config(), |net| {
        let session = polling(net);
        net.advance(400);
        net.upgrade(session);
        net.advance(499);
        assert_eq!(net.drain(), [""; 0], "it gets the full time");
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", "s0 closed: ping timeout"]);
    });
}

#[test]
fn a_probe_must_be_text() {
    both(config(), |net| {
        let session = polling(net);
        let connection = net.probe(session);
        net.binary(connection, b"\x02probe");
        assert_eq!(net.drain(), ["c0 accept", "c0 close"]);
        net.send(session, "a").unwrap();
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 2:4a"], "the session lives on");
    });
}

#[test]
fn closing_has_the_forms_of_the_revision() {
    both(config(), |net| {
        let session = polling(net);
        net.poll(session);
        net.post(session, "1:12:4a");
        let ended = "s0 closed: transport close";
        assert_eq!(net.drain(), ["r1 200 1:6", "r2 200 ok", ended]);

        let session = polling(net);
        net.poll(session);
        net.close(session);
        assert_eq!(net.drain(), ["r4 200 1:1", "s1 closed: forced close"]);

        let session = polling(net);
        net.close(session);
        net.poll(session);
        assert_eq!(net.drain(), ["r6 200 1:61:1", "s2 closed: forced close"]);

        let session = polling(net);
        net.poll(session);
        net.poll(session);
        let ended = "s3 closed: transport error (overlap from client)";
        assert_eq!(net.drain(), ["r9 400", "r8 200 1:1", ended]);
    });
}

#[test]
fn a_body_beyond_max_payload_is_413_and_the_session_lives_on() {
    both(config().with_max_payload(8), |net| {
        let session = polling(net);
        net.post(session, "6:4hello");
        net.post(session, "7:4hello!");
        net.post_binary(session, b"\x01\x06\xff\x04hello".to_vec());
        assert_eq!(
            net.drain(),
            ["r1 200 ok", "r2 413", "r3 413", "s0 text hello"]
        );
    });
}

#[test]
fn other_content_types_are_text() {
    both(config(), |net| {
        let session = polling(net);
        let query = net.query(session, "polling");
        let head = RequestHead::new("POST", "/engine.io/", &query);
        net.head(
            &head.with_content_type(b"application/octet-stream; x"),
            "2:4a",
        );
        assert_eq!(net.drain(), ["r1 200 ok", "s0 text a"]);
    });
}

#[test]
fn both_revisions_are_served_side_by_side() {
    both(config(), |net| {
        let old = polling(net);
        let new = net.open_polling();
        for session in [old, new] {
            net.send(session, "€").unwrap();
            net.send_binary(session, &[1]).unwrap();
            net.poll(session);
        }
        assert_eq!(
            net.drain(),
            [
                "r2 200 \0\u{4}\u{fffd}4€\u{1}\u{2}\u{fffd}\u{4}\u{1}",
                "r3 200 4€|bAQ=="
            ]
        );
    });
}
