//! The application closes a session: gracefully, or at once.

use engineio_proto::SendError;
use engineio_proto::server::Config;

use crate::support::both;

const SID_UNKNOWN: &str = r#"400 {"code":1,"message":"Session ID unknown"}"#;

#[test]
fn a_held_poll_is_answered_with_a_close() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.close(session);
        assert_eq!(net.drain(), ["r1 200 1", "s0 closed: forced close"]);
        assert_eq!(net.driver.session_count(), 0);
    });
}

#[test]
fn without_a_held_poll_the_next_one_is_answered_with_noop_and_close() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.close(session);
        assert_eq!(net.drain(), [""; 0]);
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 6|1", "s0 closed: forced close"]);
        net.poll(session);
        assert_eq!(net.drain(), [format!("r2 {SID_UNKNOWN}")]);
    });
}

#[test]
fn what_is_buffered_leaves_first() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.send(session, "bye").unwrap();
        net.close(session);
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 4bye"]);
        net.poll(session);
        assert_eq!(net.drain(), ["r2 200 6|1", "s0 closed: forced close"]);
    });
}

#[test]
fn what_was_sent_to_a_held_poll_leaves_first() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.send(session, "bye").unwrap();
        net.close(session);
        assert_eq!(net.drain(), ["r1 200 4bye"]);
        net.poll(session);
        assert_eq!(net.drain(), ["r2 200 6|1", "s0 closed: forced close"]);
    });
}

#[test]
fn several_payloads_that_are_buffered_all_leave_first() {
    both(Config::default().with_max_payload(4), |net| {
        let session = net.open_polling();
        for text in ["aaa", "bbb"] {
            net.send(session, text).unwrap();
        }
        net.close(session);
        for _ in 0..3 {
            net.poll(session);
        }
        assert_eq!(
            net.drain(),
            [
                "r1 200 4aaa",
                "r2 200 4bbb",
                "r3 200 6|1",
                "s0 closed: forced close"
            ]
        );
    });
}

#[test]
fn a_client_that_does_not_poll_any_more_is_given_up_after_30_s() {
    // The heartbeat would be first otherwise.
    let config = Config::default().with_ping_interval(core::time::Duration::from_secs(100));
    both(config, |net| {
        let session = net.open_polling();
        net.send(session, "never fetched").unwrap();
        net.close(session);
        net.advance(29_999);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["s0 closed: forced close"]);
        assert_eq!((net.driver.session_count(), net.due_in()), (0, None));
    });
}

#[test]
fn a_websocket_closes_at_once_when_nothing_waits() {
    both(Config::default(), |net| {
        let (session, _) = net.open_websocket();
        net.close(session);
        assert!(!net.session(session).is_writable());
        assert_eq!(net.drain(), ["c0 close", "s0 closed: forced close"]);
    });
}

#[test]
fn a_websocket_closes_behind_its_last_frame() {
    both(Config::default(), |net| {
        let (session, _) = net.open_websocket();
        for text in ["a", "b", "c"] {
            net.send(session, text).unwrap();
        }
        net.close(session);
        assert_eq!(
            net.drain(),
            [
                "c0 < 4a",
                "c0 < 4b",
                "c0 < 4c",
                "c0 close",
                "s0 closed: forced close"
            ]
        );
    });
}

#[test]
fn a_websocket_that_takes_nothing_is_given_up_after_30_s() {
    let config = Config::default().with_ping_interval(core::time::Duration::from_secs(100));
    both(config, |net| {
        let (session, connection) = net.open_websocket();
        net.stall(connection);
        net.send(session, "stuck").unwrap();
        net.close(session);
        net.advance(29_999);
        assert_eq!(net.drain(), ["c0 frames"]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", "s0 closed: forced close"]);
    });
}

#[test]
fn while_closing_sends_are_refused_and_packets_ignored() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.send(session, "a").unwrap();
        net.close(session);
        assert_eq!(net.send(session, "b"), Err(SendError::Closed));
        assert!(!net.send_volatile(session, "c"));
        net.post(session, "4d\x1e2\x1ex");
        assert_eq!(net.drain(), ["r1 200 ok"]);
        net.close(session);
        net.poll(session);
        net.poll(session);
        assert_eq!(
            net.drain(),
            ["r2 200 4a", "r3 200 6|1", "s0 closed: forced close"]
        );
        assert_eq!(net.send(session, "e"), Err(SendError::Closed));
    });
}

#[test]
fn nothing_is_pinged_while_closing() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.send(session, "a").unwrap();
        net.close(session);
        net.advance(25_000);
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 4a"]);
    });
}

#[test]
fn a_close_packet_while_closing_ends_the_session() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.close(session);
        net.post(session, "1");
        assert_eq!(net.drain(), ["r1 200 ok", "s0 closed: transport close"]);
    });
}

#[test]
fn a_post_that_is_cut_off_while_closing_ends_the_session() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.close(session);
        let post = net.post_head(session);
        net.abort(post);
        assert_eq!(
            net.drain(),
            ["s0 closed: transport error (data request connection closed prematurely)"]
        );
    });
}

#[test]
fn frames_while_closing_are_ignored() {
    both(Config::default(), |net| {
        let (session, connection) = net.open_websocket();
        net.stall(connection);
        net.send(session, "a").unwrap();
        net.close(session);
        for frame in ["4b", "2", "x", ""] {
            net.text(connection, frame);
        }
        assert_eq!(net.drain(), ["c0 frames"]);
        assert_eq!(net.pull(connection).as_deref(), Some("4a"));
        assert_eq!(net.drain(), ["c0 close", "s0 closed: forced close"]);
    });
}

#[test]
fn a_connection_that_closes_while_closing_ends_the_session() {
    both(Config::default(), |net| {
        let (session, connection) = net.open_websocket();
        net.stall(connection);
        net.send(session, "a").unwrap();
        net.close(session);
        net.disconnect(connection);
        assert_eq!(net.drain(), ["s0 closed: transport close"]);
    });
}

#[test]
fn discarding_drops_what_is_buffered() {
    both(Config::default(), |net| {
        let polling = net.open_polling();
        net.send(polling, "a").unwrap();
        net.discard(polling);
        assert_eq!(net.drain(), ["s0 closed: forced close"]);
        net.poll(polling);
        assert_eq!(net.drain(), [format!("r1 {SID_UNKNOWN}")]);
        let (websocket, connection) = net.open_websocket();
        net.stall(connection);
        net.send(websocket, "b").unwrap();
        assert_eq!(net.drain(), ["c0 frames"]);
        net.discard(websocket);
        assert_eq!(net.drain(), ["c0 close", "s1 closed: forced close"]);
        assert_eq!(net.pull(connection), None);
    });
}

#[test]
fn discarding_answers_a_held_poll_with_a_close() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.discard(session);
        net.discard(session);
        assert_eq!(net.drain(), ["r1 200 1", "s0 closed: forced close"]);
    });
}

#[test]
fn discarding_ends_a_graceful_close_that_waits() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.send(session, "a").unwrap();
        net.close(session);
        net.discard(session);
        assert_eq!(net.drain(), ["s0 closed: forced close"]);
        assert_eq!(net.due_in(), None);
    });
}

#[test]
fn a_post_that_is_being_read_is_answered_400_at_the_end() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.post_head(session);
        net.close(session);
        assert_eq!(
            net.drain(),
            ["r1 200 1", "r2 400", "s0 closed: forced close"]
        );
    });
}

#[test]
fn no_timer_survives_the_end() {
    both(Config::default(), |net| {
        let plain = net.open_polling();
        let upgraded = net.open_polling();
        net.upgrade(upgraded);
        let upgrading = net.open_polling();
        net.probe(upgrading);
        for session in [plain, upgraded, upgrading] {
            net.discard(session);
        }
        let mut outputs = net.drain();
        outputs.sort();
        assert_eq!(
            outputs,
            [
                "c0 close",
                "c1 accept",
                "c1 close",
                "s0 closed: forced close",
                "s1 closed: forced close",
                "s2 closed: forced close"
            ]
        );
        assert_eq!(net.due_in(), None);
    });
}

#[test]
fn a_session_that_is_over_takes_nothing_any_more() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let other = net.open_polling();
        net.discard(session);
        assert_eq!(net.drain(), ["s0 closed: forced close"]);
        let third = net.open_polling();
        assert_eq!(net.send(session, "a"), Err(SendError::Closed));
        assert!(!net.send_volatile(session, "a"));
        net.close(session);
        net.discard(session);
        net.poll(other);
        net.poll(third);
        assert_eq!(
            net.drain(),
            [""; 0],
            "a stale key never hits another session"
        );
        assert!(net.driver.session(session).is_none());
    });
}
