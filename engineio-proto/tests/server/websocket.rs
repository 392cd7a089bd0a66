//! Sessions over a WebSocket.

use engineio_proto::server::Config;

use crate::support::both;

#[test]
fn text_and_binary_pass_both_ways_one_packet_a_frame() {
    both(Config::default(), |net| {
        let (session, connection) = net.open_websocket();
        net.text(connection, "4hello");
        net.binary(connection, &[1, 2, 3]);
        net.text(connection, "4");
        net.binary(connection, &[]);
        net.text(connection, "bBAU=");
        assert_eq!(
            net.drain(),
            [
                "s0 text hello",
                "s0 binary b\"\\x01\\x02\\x03\"",
                "s0 text ",
                "s0 binary b\"\"",
                "s0 binary b\"\\x04\\x05\""
            ]
        );
        net.send(session, "hello").unwrap();
        net.send_binary(session, b"\x01\x02\x03").unwrap();
        net.send(session, "").unwrap();
        net.send_binary(session, b"").unwrap();
        assert_eq!(
            net.drain(),
            [
                "c0 < 4hello",
                "c0 < b\"\\x01\\x02\\x03\"",
                "c0 < 4",
                "c0 < b\"\""
            ]
        );
    });
}

#[test]
fn binary_leaves_in_base64_on_a_connection_that_asked_for_text() {
    both(Config::default(), |net| {
        let connection = net.connect("EIO=4&transport=websocket&b64=1");
        let outputs = net.drain();
        let session = net.opened(&outputs);
        net.send_binary(session, &[1, 2, 3]).unwrap();
        net.send(session, "text").unwrap();
        assert_eq!(net.drain(), ["c0 < bAQID", "c0 < 4text"]);
        net.binary(connection, &[4]);
        assert_eq!(net.drain(), ["s0 binary b\"\\x04\""]);
    });
}

#[test]
fn an_upgrade_decides_for_itself_whether_it_takes_binary() {
    for (parameter, expected) in [
        ("b64=1", "c0 < bAQID"),
        ("b64=", "c0 < b\"\\x01\\x02\\x03\""),
    ] {
        both(Config::default(), |net| {
            let session = net.open_polling();
            let query = net.query(session, "websocket");
            let connection = net.connect(&format!("{query}&{parameter}"));
            net.text(connection, "5");
            net.drain();
            net.send_binary(session, &[1, 2, 3]).unwrap();
            assert_eq!(net.drain(), [expected]);
        });
    }
}

#[test]
fn a_separator_in_a_frame_is_text() {
    both(Config::default(), |net| {
        let (_, connection) = net.open_websocket();
        net.text(connection, "4a\x1e4b");
        assert_eq!(net.drain(), ["s0 text a\x1e4b"]);
    });
}

#[test]
fn a_frame_as_large_as_max_payload_is_taken_and_one_byte_more_ends_the_session() {
    both(Config::default().with_max_payload(5), |net| {
        let (_, connection) = net.open_websocket();
        net.text(connection, "41234");
        net.binary(connection, &[b'x'; 5]);
        assert_eq!(net.drain(), ["s0 text 1234", "s0 binary b\"xxxxx\""]);
        net.text(connection, "412345");
        assert_eq!(
            net.drain(),
            [
                "c0 close",
                "s0 closed: transport error (max payload size exceeded)"
            ]
        );
    });
    both(Config::default().with_max_payload(5), |net| {
        let (_, connection) = net.open_websocket();
        net.binary(connection, &[0; 6]);
        assert_eq!(
            net.drain(),
            [
                "c0 close",
                "s0 closed: transport error (max payload size exceeded)"
            ]
        );
    });
}

#[test]
fn a_frame_that_is_no_packet_ends_the_session() {
    for (frame, fault) in [
        ("abc", "unknown packet type 0x61"),
        ("", "empty packet"),
        ("7", "unknown packet type 0x37"),
        ("é", "unknown packet type 0xc3"),
        ("b*", "invalid base64"),
    ] {
        both(Config::default(), |net| {
            let (_, connection) = net.open_websocket();
            net.text(connection, frame);
            net.text(connection, "4too late");
            assert_eq!(
                net.drain(),
                [
                    "c0 close".to_owned(),
                    format!("s0 closed: parse error ({fault})")
                ]
            );
        });
    }
}

#[test]
fn a_close_packet_ends_the_session_at_once() {
    both(Config::default(), |net| {
        let (_, connection) = net.open_websocket();
        net.text(connection, "4a");
        net.text(connection, "1");
        net.text(connection, "4b");
        assert_eq!(
            net.drain(),
            ["c0 close", "s0 text a", "s0 closed: transport close"]
        );
    });
}

#[test]
fn a_ping_of_a_client_is_a_violation() {
    for frame in ["2", "2probe"] {
        both(Config::default(), |net| {
            let (_, connection) = net.open_websocket();
            net.text(connection, frame);
            assert_eq!(
                net.drain(),
                [
                    "c0 close",
                    "s0 closed: transport error (invalid heartbeat direction)"
                ]
            );
        });
    }
}

#[test]
fn open_upgrade_and_noop_packets_of_a_client_mean_nothing() {
    both(Config::default(), |net| {
        let (_, connection) = net.open_websocket();
        for frame in ["0{}", "5", "6", "3", "3probe", "4a"] {
            net.text(connection, frame);
        }
        assert_eq!(net.drain(), ["s0 text a"]);
    });
}

#[test]
fn a_connection_that_closes_ends_the_session() {
    both(Config::default(), |net| {
        let (session, connection) = net.open_websocket();
        net.send(session, "on its way").unwrap();
        net.disconnect(connection);
        net.text(connection, "4from beyond");
        net.disconnect(connection);
        assert_eq!(net.drain(), ["s0 closed: transport close"]);
        assert_eq!(net.driver.session_count(), 0);
    });
}

#[test]
fn a_connection_that_fails_ends_the_session() {
    both(Config::default(), |net| {
        let (_, connection) = net.open_websocket();
        net.fail(connection);
        assert_eq!(
            net.drain(),
            ["s0 closed: transport error (connection error)"]
        );
    });
}

#[test]
fn a_connection_that_closes_before_its_handshake_left_ends_the_session() {
    both(Config::default(), |net| {
        let connection = net.connect("EIO=4&transport=websocket");
        net.stall(connection);
        assert_eq!(net.drain(), ["c0 accept", "c0 frames", "s0 opened by c0"]);
        net.disconnect(connection);
        assert_eq!(net.drain(), ["s0 closed: transport close"]);
    });
}

#[test]
fn frames_wait_until_the_pipe_can_take_them() {
    both(Config::default(), |net| {
        let (session, connection) = net.open_websocket();
        net.stall(connection);
        net.send(session, "a").unwrap();
        net.send(session, "b").unwrap();
        assert_eq!(net.drain(), ["c0 frames"]);
        net.send(session, "c").unwrap();
        assert_eq!(net.drain(), [""; 0], "said once");
        for text in ["4a", "4b", "4c"] {
            assert_eq!(net.pull(connection).as_deref(), Some(text));
        }
        assert_eq!(net.pull(connection), None);
        net.send(session, "d").unwrap();
        assert_eq!(net.drain(), ["c0 frames"], "and again after the last");
        assert_eq!(net.pull(connection).as_deref(), Some("4d"));
    });
}

#[test]
fn a_volatile_message_needs_a_connection_for_which_nothing_waits() {
    both(Config::default(), |net| {
        let (session, connection) = net.open_websocket();
        assert!(net.send_volatile(session, "first"));
        assert!(!net.send_volatile(session, "second"));
        assert_eq!(net.drain(), ["c0 < 4first"]);
        net.stall(connection);
        net.send(session, "regular").unwrap();
        assert!(!net.send_volatile(session, "behind a regular one"));
        assert_eq!(net.drain(), ["c0 frames"]);
        assert_eq!(net.pull(connection).as_deref(), Some("4regular"));
        assert!(net.send_volatile(session, "now"));
        assert_eq!(net.pull(connection).as_deref(), Some("4now"));
        net.drain();
    });
}

#[test]
fn another_connection_for_the_session_is_accepted_and_closed() {
    both(Config::default(), |net| {
        let (session, connection) = net.open_websocket();
        let other = net.probe(session);
        net.text(other, "2probe");
        net.text(other, "5");
        net.text(other, "4a stranger");
        assert_eq!(net.drain(), ["c1 accept", "c1 close"]);
        net.disconnect(other);
        net.text(connection, "4the owner");
        assert_eq!(net.drain(), ["s0 text the owner"]);
    });
}

#[test]
fn frames_of_unknown_connections_are_ignored() {
    both(Config::default(), |net| {
        net.text(77, "4a");
        net.binary(77, &[1]);
        assert_eq!(net.pull(77), None);
        assert!(net.driver.wants_read(engineio_proto::ConnectionId(77)));
    });
}
