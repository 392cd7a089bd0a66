//! Every limit: at it, beyond it, and with a reader that never reads.

use engineio_proto::SendError;
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Server};
use engineio_proto::{ConnectionId, Counted, Encoded, Frame, Instant, Message, Seed};

use crate::support::both;

const FULL_BYTES: SendError = SendError::Full {
    counted: Counted::Bytes,
    buffered: 10,
    limit: 10,
};

#[test]
fn buffered_bytes_at_the_limit_are_taken_and_one_more_is_refused() {
    for websocket in [false, true] {
        both(Config::default().with_max_buffered(10, 100), |net| {
            let session = if websocket {
                let (session, connection) = net.open_websocket();
                net.stall(connection);
                session
            } else {
                net.open_polling()
            };
            net.send(session, "12345").unwrap();
            net.send_binary(session, b"12345").unwrap();
            assert_eq!(net.send(session, "1"), Err(FULL_BYTES));
            assert_eq!(net.send(session, ""), Ok(()), "no byte is no byte too many");
            let buffered = net.session(session).buffered();
            assert_eq!((buffered.messages, buffered.bytes), (3, 10));
            net.drain();
        });
    }
}

#[test]
fn buffered_messages_at_the_limit_are_taken_and_one_more_is_refused() {
    both(Config::default().with_max_buffered(100, 3), |net| {
        let session = net.open_polling();
        for _ in 0..3 {
            net.send(session, "").unwrap();
        }
        let full = SendError::Full {
            counted: Counted::Messages,
            buffered: 3,
            limit: 3,
        };
        assert_eq!(net.send(session, ""), Err(full));
    });
}

#[test]
fn a_message_above_the_limit_may_go_when_nothing_waits() {
    both(Config::default().with_max_buffered(10, 100), |net| {
        let session = net.open_polling();
        net.send(session, "longer than ten").unwrap();
        assert!(net.send(session, "").is_err());
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 4longer than ten", "s0 drained"]);
    });
}

#[test]
fn a_refused_send_is_followed_by_drained_once_half_is_free_again() {
    both(Config::default().with_max_buffered(10, 100), |net| {
        let (session, connection) = net.open_websocket();
        net.stall(connection);
        for text in ["123", "456", "7890"] {
            net.send(session, text).unwrap();
        }
        assert_eq!(net.send(session, "x"), Err(FULL_BYTES));
        assert_eq!(net.send(session, "y"), Err(FULL_BYTES));
        assert_eq!(net.pull(connection).as_deref(), Some("4123"));
        assert_eq!(net.drain(), ["c0 frames"], "7 of 10 is more than half");
        assert_eq!(net.pull(connection).as_deref(), Some("4456"));
        assert_eq!(net.drain(), ["s0 drained"]);
        assert_eq!(net.pull(connection).as_deref(), Some("47890"));
        assert_eq!(net.pull(connection), None);
        net.send(session, "z").unwrap();
        assert_eq!(net.pull(connection).as_deref(), Some("4z"));
        assert_eq!(net.drain(), [""; 0], "it is said once");
    });
}

#[test]
fn drained_comes_at_half_of_the_messages_too() {
    both(Config::default().with_max_buffered(100, 4), |net| {
        let (session, connection) = net.open_websocket();
        net.stall(connection);
        for _ in 0..4 {
            net.send(session, "").unwrap();
        }
        assert!(net.send(session, "").is_err());
        net.pull(connection);
        assert_eq!(net.drain(), ["c0 frames"]);
        net.pull(connection);
        assert_eq!(net.drain(), ["s0 drained"]);
    });
}

#[test]
fn a_poll_that_is_held_makes_room_before_a_send_is_refused() {
    both(Config::default().with_max_buffered(10, 100), |net| {
        let session = net.open_polling();
        net.poll(session);
        for text in ["12345", "67890", "abc"] {
            net.send(session, text).unwrap();
        }
        assert_eq!(net.drain(), ["r1 200 412345"]);
        net.poll(session);
        assert_eq!(net.drain(), ["r2 200 467890|4abc"]);
    });
}

#[test]
fn drained_comes_in_its_place_among_the_events() {
    both(Config::default().with_max_buffered(10, 100), |net| {
        let session = net.open_polling();
        net.send(session, "1234567890").unwrap();
        assert!(net.send(session, "x").is_err());
        net.poll(session);
        net.post(session, "4a");
        assert_eq!(
            net.drain(),
            ["r1 200 41234567890", "r2 200 ok", "s0 drained", "s0 text a"]
        );
    });
}

#[test]
fn a_reader_that_never_reads_holds_no_more_than_the_limit_and_is_timed_out() {
    for websocket in [false, true] {
        both(Config::default().with_max_buffered(1_000, 50), |net| {
            let session = if websocket {
                let (session, connection) = net.open_websocket();
                net.stall(connection);
                session
            } else {
                net.open_polling()
            };
            let taken = (0..10_000).filter(|_| net.send(session, "0123456789").is_ok());
            assert_eq!(taken.count(), 50);
            let buffered = net.session(session).buffered();
            assert_eq!((buffered.messages, buffered.bytes), (50, 500));
            net.drain();
            net.advance(45_000);
            let closed = net.drain();
            assert_eq!(closed.last().unwrap(), "s0 closed: ping timeout");
            assert_eq!(net.driver.session_count(), 0);
        });
    }
}

#[test]
fn an_application_that_does_not_read_turns_wants_read_off_at_the_message_mark() {
    both(Config::default().with_max_undelivered(1_000, 3), |net| {
        let (_, connection) = net.open_websocket();
        let wants_read =
            |net: &mut crate::support::Net| net.driver.wants_read(ConnectionId(connection));
        net.text(connection, "4a");
        net.text(connection, "4b");
        assert!(wants_read(net));
        net.text(connection, "4c");
        assert!(!wants_read(net));
        assert_eq!(net.drain(), ["s0 text a", "s0 text b", "s0 text c"]);
        assert!(wants_read(net));
    });
}

#[test]
fn an_application_that_does_not_read_turns_wants_read_off_at_the_byte_mark() {
    both(Config::default().with_max_undelivered(10, 1_000), |net| {
        let (_, connection) = net.open_websocket();
        let wants_read =
            |net: &mut crate::support::Net| net.driver.wants_read(ConnectionId(connection));
        net.text(connection, "4123456789");
        assert!(wants_read(net));
        net.binary(connection, b"x");
        assert!(!wants_read(net));
        assert_eq!(net.drain(), ["s0 text 123456789", "s0 binary b\"x\""]);
        assert!(wants_read(net));
    });
}

#[test]
fn a_driver_that_reads_on_regardless_loses_the_session_one_full_payload_later() {
    let config = Config::default()
        .with_max_undelivered(1_000, 3)
        .with_max_packets_per_payload(2);
    both(config, |net| {
        let (_, connection) = net.open_websocket();
        for _ in 0..6 {
            net.text(connection, "4a");
        }
        let mut expected = vec!["c0 close"];
        expected.extend(["s0 text a"; 5]);
        expected.push("s0 closed: transport error (too many undelivered messages)");
        assert_eq!(net.drain(), expected);
    });
    let config = Config::default()
        .with_max_undelivered(10, 1_000)
        .with_max_payload(6);
    both(config, |net| {
        let session = net.open_polling();
        // As many bytes as the mark and the limit together, and one more.
        for body in ["412345", "412345", "412345", "41", "42"] {
            net.post(session, body);
        }
        assert_eq!(
            net.drain(),
            [
                "r1 200 ok",
                "r2 200 ok",
                "r3 200 ok",
                "r4 200 ok",
                "r5 200 ok",
                "s0 text 12345",
                "s0 text 12345",
                "s0 text 12345",
                "s0 text 1",
                "s0 closed: transport error (too many undelivered messages)"
            ]
        );
    });
}

#[test]
fn as_many_packets_as_one_body_may_hold_are_taken_and_one_more_ends_the_session() {
    both(Config::default().with_max_packets_per_payload(3), |net| {
        let session = net.open_polling();
        net.post(session, "4a\x1e4b\x1e4c");
        assert_eq!(
            net.drain(),
            ["r1 200 ok", "s0 text a", "s0 text b", "s0 text c"]
        );
        net.post(session, "4a\x1e4b\x1e4c\x1e4d");
        assert_eq!(
            net.drain(),
            [
                "r2 400",
                "s0 text a",
                "s0 text b",
                "s0 text c",
                "s0 closed: parse error (more than 3 packets in one payload)"
            ]
        );
    });
}

#[test]
fn one_session_more_than_there_may_be_is_refused_with_503() {
    both(Config::default().with_max_sessions(2), |net| {
        let first = net.open_polling();
        let (_, connection) = net.open_websocket();
        net.get("EIO=4&transport=polling");
        net.connect("EIO=4&transport=websocket");
        assert_eq!(net.drain(), ["r1 503", "c1 refuse 503 "]);
        assert_eq!(net.driver.session_count(), 2);
        net.poll(first);
        net.text(connection, "4a");
        assert_eq!(net.drain(), ["s1 text a"], "the others live on");
        net.disconnect(connection);
        assert_eq!(net.drain(), ["s1 closed: transport close"]);
        net.open_polling();
    });
}

#[test]
fn a_flood_of_probe_packets_takes_no_memory_and_each_is_answered() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let connection = net.probe(session);
        assert_eq!(net.drain(), ["c0 accept"]);
        net.stall(connection);
        for _ in 0..10_000 {
            net.text(connection, "2probe");
        }
        assert_eq!(net.drain(), ["c0 frames"]);
        let mut answers = 0;
        while let Some(frame) = net.pull(connection) {
            assert_eq!(frame, "3probe");
            answers += 1;
        }
        assert_eq!(answers, 10_000);
    });
}

#[test]
fn bytes_held_counts_both_directions_and_returns_to_zero() {
    let config = Config::default();
    let mut server = Server::new(config, 0, &Seed::new([1; 32])).unwrap();
    let (connection, now) = (ConnectionId(1), Instant::ZERO);
    let head = RequestHead::new("GET", "/", "EIO=4&transport=websocket");
    server.handle_upgrade(connection, &head, now);
    let (session, _) = server.sessions().next().unwrap();
    let opened = server.bytes_held();
    server.handle_frame(connection, Frame::Text("4received".into()), now);
    let received = server.bytes_held();
    assert!(received >= opened + "received".len());
    server
        .send(session, &Encoded::new(&Message::text("sent")))
        .unwrap();
    assert!(server.bytes_held() >= received + "sent".len());
    server.handle_connection_closed(connection, now);
    assert!(
        server.bytes_held() >= received,
        "what was received is still to be told"
    );
    while server.poll_output().is_some() {}
    assert_eq!(
        (
            server.bytes_held(),
            server.session_count(),
            server.timer_count()
        ),
        (0, 0, 0)
    );
}
