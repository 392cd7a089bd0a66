//! HTTP long-polling.

use engineio_proto::Bytes;
use engineio_proto::http::RequestHead;
use engineio_proto::server::Config;

use crate::support::both;

const SID_UNKNOWN: &str = r#"400 {"code":1,"message":"Session ID unknown"}"#;

#[test]
fn a_poll_is_held_until_there_is_something() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(24_999);
        assert_eq!(net.drain(), [""; 0]);
        net.send(session, "hello").unwrap();
        assert_eq!(net.drain(), ["r1 200 4hello"]);
        assert_eq!(
            net.headers(1),
            [
                ("content-type", "text/plain; charset=UTF-8"),
                ("cache-control", "no-store")
            ]
        );
    });
}

#[test]
fn what_is_queued_answers_the_next_poll_at_once() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.send(session, "hello").unwrap();
        net.send_binary(session, &[1, 2, 3, 4]).unwrap();
        assert_eq!(net.drain(), [""; 0]);
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 4hello|bAQIDBA=="]);
        net.poll(session);
        assert_eq!(net.drain(), [""; 0], "nothing comes twice");
    });
}

#[test]
fn the_first_message_answers_the_held_poll_and_the_others_go_with_the_next() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.send(session, "a").unwrap();
        net.send(session, "b").unwrap();
        net.send(session, "c").unwrap();
        assert_eq!(net.drain(), ["r1 200 4a"]);
        net.poll(session);
        assert_eq!(net.drain(), ["r2 200 4b|4c"]);
    });
}

#[test]
fn messages_keep_their_order_over_any_number_of_polls() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        for round in 0..5 {
            net.send(session, &format!("{round}a")).unwrap();
            net.poll(session);
            net.send(session, &format!("{round}b")).unwrap();
            let request = round + 1;
            let expected = match round {
                0 => format!("r{request} 200 4{round}a"),
                _ => format!("r{request} 200 4{}b|4{round}a", round - 1),
            };
            assert_eq!(net.drain(), [expected]);
        }
        net.poll(session);
        assert_eq!(net.drain(), ["r6 200 44b"]);
    });
}

#[test]
fn a_second_poll_while_one_is_held_ends_the_session() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.poll(session);
        assert_eq!(
            net.drain(),
            [
                "r2 400",
                "r1 200 1",
                "s0 closed: transport error (overlap from client)"
            ]
        );
        assert_eq!(net.headers(2), []);
        net.poll(session);
        assert_eq!(net.drain(), [format!("r3 {SID_UNKNOWN}")]);
    });
}

#[test]
fn a_poll_that_was_answered_but_not_yet_taken_does_not_overlap() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.send(session, "a").unwrap();
        net.poll(session);
        net.send(session, "b").unwrap();
        assert_eq!(net.drain(), ["r1 200 4a", "r2 200 4b"]);
    });
}

#[test]
fn a_post_is_delivered_and_answered_ok() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.post(session, "4hello\x1ebAQIDBA==\x1e4\x1eb");
        assert_eq!(
            net.drain(),
            [
                "r1 200 ok",
                "s0 text hello",
                "s0 binary b\"\\x01\\x02\\x03\\x04\"",
                "s0 text ",
                "s0 binary b\"\""
            ]
        );
        assert_eq!(
            net.headers(1),
            [("content-type", "text/html"), ("cache-control", "no-store")]
        );
    });
}

#[test]
fn a_poll_and_a_post_may_be_open_together() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        let post = net.post_head(session);
        net.send(session, "a").unwrap();
        assert_eq!(net.drain(), ["r1 200 4a"]);
        net.post_rest(session, post, "4b");
        assert_eq!(net.drain(), ["r2 200 ok", "s0 text b"]);
    });
}

#[test]
fn one_post_after_the_other_is_no_overlap() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        for n in 1..4 {
            let post = net.post_head(session);
            net.post_rest(session, post, format!("4{n}"));
        }
        assert_eq!(
            net.drain(),
            [
                "r1 200 ok",
                "r2 200 ok",
                "r3 200 ok",
                "s0 text 1",
                "s0 text 2",
                "s0 text 3"
            ]
        );
    });
}

#[test]
fn a_second_post_while_one_is_read_ends_the_session() {
    let reason = "s0 closed: transport error (data request overlap from client)";
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.post_head(session);
        net.post_head(session);
        assert_eq!(net.drain(), ["r3 400", "r1 200 1", "r2 400", reason]);
    });
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.post_head(session);
        net.post(session, "4never delivered");
        assert_eq!(net.drain(), ["r2 400", "r1 400", reason]);
    });
}

#[test]
fn the_rest_of_a_post_whose_session_ended_meanwhile_is_not_answered_again() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let (first, second) = (net.post_head(session), net.post_head(session));
        // Nobody has looked at the outputs yet, so the bodies still come.
        net.post_rest(session, first, "4a");
        net.post_too_large(second);
        assert_eq!(
            net.drain(),
            [
                "r2 400",
                "r1 400",
                "s0 closed: transport error (data request overlap from client)"
            ]
        );
    });
}

#[test]
fn the_rest_of_a_post_that_was_refused_at_its_head_is_not_answered_again() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.upgrade(session);
        let (first, second, third) = (
            net.post_head(session),
            net.post_head(session),
            net.post_head(session),
        );
        net.post_rest(session, first, "4a");
        net.post_too_large(second);
        net.driver
            .handle_request_aborted(engineio_proto::RequestId(third), net.now);
        let refused = r#"400 {"code":3,"message":"Bad request"}"#;
        assert_eq!(
            net.drain(),
            [
                format!("r1 {refused}"),
                format!("r2 {refused}"),
                format!("r3 {refused}")
            ]
        );
    });
}

#[test]
fn a_body_as_large_as_max_payload_is_taken_and_one_byte_more_is_413() {
    both(Config::default().with_max_payload(5), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.post(session, "41234");
        net.post(session, "412345");
        assert_eq!(net.drain(), ["r2 200 ok", "r3 413", "s0 text 1234"]);
        assert_eq!(net.headers(3), []);
        net.post(session, "4on");
        assert_eq!(net.drain(), ["r4 200 ok", "s0 text on"]);
    });
}

#[test]
fn a_body_that_the_driver_found_too_large_is_413_and_the_session_lives_on() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let post = net.post_head(session);
        net.post_too_large(post);
        assert_eq!(net.drain(), ["r1 413"]);
        net.post(session, "4on");
        assert_eq!(net.drain(), ["r2 200 ok", "s0 text on"]);
    });
}

#[test]
fn an_octet_stream_body_ends_the_session() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        let query = net.query(session, "polling");
        let head = RequestHead::new("POST", "/engine.io/", &query)
            .with_content_type(b"application/octet-stream");
        net.head(&head, "4a");
        assert_eq!(
            net.drain(),
            [
                "r2 400",
                "r1 200 1",
                "s0 closed: transport error (invalid content)"
            ]
        );
    });
}

#[test]
fn any_other_content_type_is_text() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let query = net.query(session, "polling");
        for content_type in [
            "application/json",
            "application/octet-stream; charset=x",
            "",
        ] {
            let head = RequestHead::new("POST", "/engine.io/", &query);
            net.head(&head.with_content_type(content_type.as_bytes()), "4a");
        }
        assert_eq!(
            net.drain(),
            [
                "r1 200 ok",
                "r2 200 ok",
                "r3 200 ok",
                "s0 text a",
                "s0 text a",
                "s0 text a"
            ]
        );
    });
}

#[test]
fn a_bad_packet_ends_the_session_and_the_next_poll_finds_none() {
    let faults: [(&[u8], &str); 7] = [
        (b"abc", "unknown packet type 0x61"),
        (b"", "empty packet"),
        (b"\x1e", "empty packet"),
        (b"7", "unknown packet type 0x37"),
        (b"b=", "invalid base64"),
        (b"bA", "invalid base64"),
        (b"4\xff", "invalid utf-8"),
    ];
    for (body, fault) in faults {
        both(Config::default(), |net| {
            let session = net.open_polling();
            net.poll(session);
            net.post(session, Bytes::copy_from_slice(body));
            assert_eq!(
                net.drain(),
                [
                    "r2 400".to_owned(),
                    "r1 200 1".to_owned(),
                    format!("s0 closed: parse error ({fault})")
                ]
            );
            net.poll(session);
            assert_eq!(net.drain(), [format!("r3 {SID_UNKNOWN}")]);
        });
    }
}

#[test]
fn packets_before_a_bad_one_are_delivered_and_none_after_it() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.post(session, "4a\x1e4b\x1ex\x1e4c");
        assert_eq!(
            net.drain(),
            [
                "r1 400",
                "s0 text a",
                "s0 text b",
                "s0 closed: parse error (unknown packet type 0x78)"
            ]
        );
    });
}

#[test]
fn a_close_packet_releases_the_poll_with_a_noop_and_is_answered_ok() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.post(session, "1");
        assert_eq!(
            net.drain(),
            ["r1 200 6", "r2 200 ok", "s0 closed: transport close"]
        );
        net.poll(session);
        assert_eq!(net.drain(), [format!("r3 {SID_UNKNOWN}")]);
    });
}

#[test]
fn packets_behind_a_close_packet_have_no_effect() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.post(session, "4a\x1e1\x1e4b\x1ex");
        assert_eq!(
            net.drain(),
            ["r1 200 ok", "s0 text a", "s0 closed: transport close"]
        );
    });
}

#[test]
fn a_held_poll_that_is_cut_off_ends_the_session() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let poll = net.poll(session);
        net.abort(poll);
        assert_eq!(
            net.drain(),
            ["s0 closed: transport error (poll connection closed prematurely)"]
        );
    });
}

#[test]
fn a_post_that_is_cut_off_ends_the_session() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        let post = net.post_head(session);
        net.abort(post);
        assert_eq!(
            net.drain(),
            [
                "r1 200 1",
                "s0 closed: transport error (data request connection closed prematurely)"
            ]
        );
    });
}

#[test]
fn an_exchange_that_is_over_may_be_cut_off() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let poll = net.poll(session);
        net.send(session, "a").unwrap();
        let post = net.post(session, "4b");
        assert_eq!(net.drain(), ["r1 200 4a", "r2 200 ok", "s0 text b"]);
        net.abort(poll);
        net.abort(post);
        net.abort(0);
        net.abort(77);
        assert_eq!(net.drain(), [""; 0]);
        assert!(net.session(session).is_open());
    });
}

#[test]
fn open_upgrade_and_noop_packets_of_a_client_mean_nothing() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.post(session, "0{}\x1e5\x1e6\x1e0\x1e5x\x1e6x\x1e4a");
        assert_eq!(net.drain(), ["r1 200 ok", "s0 text a"]);
    });
}

#[test]
fn a_ping_of_a_client_is_a_violation() {
    for body in ["2", "2probe"] {
        both(Config::default(), |net| {
            let session = net.open_polling();
            net.poll(session);
            net.post(session, body);
            assert_eq!(
                net.drain(),
                [
                    "r1 200 1",
                    "r2 200 ok",
                    "s0 closed: transport error (invalid heartbeat direction)"
                ]
            );
        });
    }
}

#[test]
fn a_volatile_message_needs_a_poll_that_is_held_and_nothing_before_it() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        assert!(!net.send_volatile(session, "no poll"));
        net.poll(session);
        assert!(net.send_volatile(session, "first"));
        assert!(!net.send_volatile(session, "second"));
        assert_eq!(net.drain(), ["r1 200 4first"]);
        net.send(session, "regular").unwrap();
        net.poll(session);
        assert!(!net.send_volatile(session, "behind a regular one"));
        assert_eq!(net.drain(), ["r2 200 4regular"]);
    });
}

#[test]
fn what_was_sent_before_a_held_poll_is_cut_off_counts_as_handed_over() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let query = net.query(session, "polling");
        let poll = net.get(&query);
        net.send(session, "a").unwrap();
        // Whether the answer was taken before the client went makes no difference to the session.
        net.driver
            .handle_request_aborted(engineio_proto::RequestId(poll), net.now);
        net.poll(session);
        net.send(session, "b").unwrap();
        assert_eq!(net.drain(), ["r1 200 4a", "r2 200 4b"]);
    });
}
