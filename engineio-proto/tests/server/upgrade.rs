//! Moving a session from polling to a WebSocket: the way there, and every way it can fail.

use engineio_proto::server::{Config, Timer};

use crate::support::{Net, both};

const MISMATCH: &str = r#"400 {"code":3,"message":"Bad request"}"#;

/// A session on polling, with an accepted probe `c0` beside it.
fn probing(net: &mut Net) -> (usize, u64) {
    let session = net.open_polling();
    let connection = net.probe(session);
    assert_eq!(net.drain(), ["c0 accept"]);
    (session, connection)
}

#[test]
fn the_official_transcript() {
    let config = Config::default()
        .with_ping_interval(core::time::Duration::from_millis(300))
        .with_ping_timeout(core::time::Duration::from_millis(200));
    both(config, |net| {
        let session = net.open_polling();
        net.advance(6);
        let connection = net.probe(session);
        net.advance(1);
        net.poll(session);
        assert_eq!(net.drain(), ["c0 accept"]);
        net.advance(4);
        net.text(connection, "2probe");
        assert_eq!(net.drain(), ["r1 200 6", "c0 < 3probe"]);
        net.advance(103);
        net.text(connection, "5");
        net.text(connection, "4hello");
        net.binary(connection, &[1, 2, 3]);
        assert_eq!(
            net.drain(),
            [
                "s0 upgraded to websocket",
                "s0 text hello",
                "s0 binary b\"\\x01\\x02\\x03\""
            ]
        );
        net.send(session, "hello").unwrap();
        net.send_binary(session, &[1, 2, 3]).unwrap();
        assert_eq!(net.drain(), ["c0 < 4hello", "c0 < b\"\\x01\\x02\\x03\""]);
        net.advance(185);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 < 2"]);
        net.text(connection, "3");
        net.advance(194);
        net.disconnect(connection);
        assert_eq!(net.drain(), ["s0 closed: transport close"]);
    });
}

#[test]
fn polls_are_held_as_usual_until_the_probe_comes() {
    both(Config::default(), |net| {
        let (session, _) = probing(net);
        net.poll(session);
        net.advance(5_000);
        assert_eq!(net.drain(), [""; 0]);
        net.send(session, "a").unwrap();
        assert_eq!(net.drain(), ["r1 200 4a"]);
    });
}

#[test]
fn after_the_probe_every_poll_is_answered_at_once_with_a_noop() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.text(connection, "2probe");
        assert_eq!(net.drain(), ["c0 < 3probe"]);
        for request in 1..4 {
            net.poll(session);
            assert_eq!(net.drain(), [format!("r{request} 200 6")]);
        }
        for _ in 4..7 {
            net.poll(session);
        }
        assert_eq!(net.drain(), ["r4 200 6", "r5 200 6", "r6 200 6"]);
    });
}

#[test]
fn after_the_probe_a_poll_gets_data_if_there_is_some() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.text(connection, "2probe");
        net.send(session, "a").unwrap();
        net.poll(session);
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 4a", "r2 200 6", "c0 < 3probe"]);
    });
}

#[test]
fn each_probe_packet_is_answered() {
    both(Config::default(), |net| {
        let (_, connection) = probing(net);
        net.text(connection, "2probe");
        net.text(connection, "2probe");
        assert_eq!(net.drain(), ["c0 < 3probe", "c0 < 3probe"]);
        net.text(connection, "2probe");
        assert_eq!(net.drain(), ["c0 < 3probe"]);
    });
}

#[test]
fn the_upgrade_packet_needs_no_wait_for_the_answer_to_the_probe() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.text(connection, "2probe");
        net.text(connection, "5");
        net.text(connection, "4a");
        net.send(session, "b").unwrap();
        assert_eq!(
            net.drain(),
            ["c0 < 4b", "s0 upgraded to websocket", "s0 text a"]
        );
        net.poll(session);
        assert_eq!(net.drain(), [format!("r1 {MISMATCH}")]);
    });
}

#[test]
fn the_upgrade_packet_needs_no_probe() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.text(connection, "5");
        net.send(session, "a").unwrap();
        assert_eq!(net.drain(), ["c0 < 4a", "s0 upgraded to websocket"]);
    });
}

#[test]
fn requests_and_connections_with_the_id_of_an_upgraded_session_change_nothing() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        let connection = net.upgrade(session);
        net.poll(session);
        net.post(session, "4x");
        assert_eq!(
            net.drain(),
            [format!("r1 {MISMATCH}"), format!("r2 {MISMATCH}")]
        );
        let newcomer = net.probe(session);
        net.text(newcomer, "2probe");
        net.text(newcomer, "5");
        assert_eq!(net.drain(), ["c1 accept", "c1 close"]);
        net.text(connection, "4hello");
        net.send(session, "hello").unwrap();
        assert_eq!(net.drain(), ["c0 < 4hello", "s0 text hello"]);
    });
}

#[test]
fn a_second_probe_is_accepted_and_closed_and_the_first_goes_on() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        let newcomer = net.probe(session);
        net.text(newcomer, "2probe");
        net.text(newcomer, "5");
        assert_eq!(net.drain(), ["c1 accept", "c1 close"]);
        net.disconnect(newcomer);
        net.text(connection, "2probe");
        net.text(connection, "5");
        assert_eq!(net.drain(), ["s0 upgraded to websocket"]);
    });
}

#[test]
fn where_upgrades_are_off_a_probe_is_accepted_and_closed() {
    both(Config::default().with_allow_upgrades(false), |net| {
        let session = net.open_polling();
        let connection = net.probe(session);
        net.text(connection, "2probe");
        net.text(connection, "5");
        assert_eq!(net.drain(), ["c0 accept", "c0 close"]);
        net.post(session, "4still here");
        assert_eq!(net.drain(), ["r1 200 ok", "s0 text still here"]);
    });
}

#[test]
fn a_probe_is_dropped_at_its_timeout_and_not_before_and_the_session_lives_on() {
    for probed in [false, true] {
        both(Config::default(), |net| {
            let (session, connection) = probing(net);
            net.advance(9_998);
            if probed {
                net.text(connection, "2probe");
                assert_eq!(net.drain(), ["c0 < 3probe"]);
            }
            net.advance(1);
            assert_eq!(net.drain(), [""; 0]);
            assert_eq!(
                net.session(session).next_timer(),
                Some((
                    Timer::Upgrade,
                    net.now + core::time::Duration::from_millis(1)
                ))
            );
            net.advance(1);
            assert_eq!(net.drain(), ["c0 close"]);
            net.text(connection, "5");
            net.advance(1);
            assert_eq!(net.drain(), [""; 0]);
            net.poll(session);
            assert_eq!(net.drain(), [""; 0], "polls are held again");
            net.send(session, "a").unwrap();
            assert_eq!(net.drain(), ["r1 200 4a"]);
        });
    }
}

#[test]
fn a_finished_upgrade_has_no_timeout() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.upgrade(session);
        net.advance(10_001);
        assert_eq!(net.drain(), [""; 0]);
        assert_eq!(
            net.session(session).next_timer().map(|(timer, _)| timer),
            Some(Timer::Heartbeat)
        );
    });
}

#[test]
fn anything_but_probe_and_upgrade_drops_the_probe_and_the_session_lives_on() {
    for frame in [
        "2", "2prob", "2probes", "3probe", "4hello", "1", "0", "6", "x", "",
    ] {
        for probed in [false, true] {
            both(Config::default(), |net| {
                let (session, connection) = probing(net);
                if probed {
                    net.text(connection, "2probe");
                    assert_eq!(net.drain(), ["c0 < 3probe"]);
                }
                net.text(connection, frame);
                net.text(connection, "5");
                assert_eq!(net.drain(), ["c0 close"], "{frame}");
                net.post(session, "4still here");
                assert_eq!(net.drain(), ["r1 200 ok", "s0 text still here"]);
            });
        }
    }
}

#[test]
fn a_binary_frame_drops_the_probe() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.binary(connection, b"5");
        assert_eq!(net.drain(), ["c0 close"]);
        assert!(net.session(session).is_open());
    });
}

#[test]
fn a_probe_that_closes_or_fails_leaves_the_session_on_polling() {
    for fails in [false, true] {
        for probed in [false, true] {
            both(Config::default(), |net| {
                let (session, connection) = probing(net);
                if probed {
                    net.text(connection, "2probe");
                    assert_eq!(net.drain(), ["c0 < 3probe"]);
                }
                if fails {
                    net.fail(connection);
                } else {
                    net.disconnect(connection);
                }
                net.poll(session);
                net.post(session, "4still here");
                assert_eq!(net.drain(), ["r2 200 ok", "s0 text still here"]);
            });
        }
    }
}

#[test]
fn after_a_failed_upgrade_another_may_succeed() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.text(connection, "4no");
        assert_eq!(net.drain(), ["c0 close"]);
        let second = net.probe(session);
        net.disconnect(second);
        assert_eq!(net.drain(), ["c1 accept"]);
        net.probe(session);
        net.advance(10_000);
        assert_eq!(net.drain(), ["c2 accept", "c2 close"]);
        assert_eq!(net.upgrade(session), 3);
    });
}

#[test]
fn a_poll_released_by_a_probe_that_then_fails_stays_released() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.poll(session);
        net.text(connection, "2probe");
        net.disconnect(connection);
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 6"]);
        net.send(session, "a").unwrap();
        assert_eq!(net.drain(), ["r2 200 4a"]);
    });
}

#[test]
fn a_poll_held_at_the_upgrade_packet_is_answered_with_a_close() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.poll(session);
        net.text(connection, "5");
        assert_eq!(net.drain(), ["r1 200 1", "s0 upgraded to websocket"]);
    });
}

#[test]
fn a_post_that_is_being_read_at_the_upgrade_packet_is_answered_400() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        let post = net.post_head(session);
        net.text(connection, "2probe");
        net.text(connection, "5");
        net.post_rest(session, post, "4too late");
        assert_eq!(net.drain(), ["r1 400", "s0 upgraded to websocket"]);
    });
}

#[test]
fn a_close_packet_over_polling_ends_session_and_probe() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.text(connection, "2probe");
        net.post(session, "1");
        assert_eq!(
            net.drain(),
            ["c0 close", "r1 200 ok", "s0 closed: transport close"]
        );
    });
    both(Config::default(), |net| {
        let (session, _) = probing(net);
        net.poll(session);
        net.post(session, "1");
        assert_eq!(
            net.drain(),
            [
                "c0 close",
                "r1 200 6",
                "r2 200 ok",
                "s0 closed: transport close"
            ]
        );
    });
}

#[test]
fn closing_with_a_poll_held_ends_session_and_probe() {
    both(Config::default(), |net| {
        let (session, _) = probing(net);
        net.poll(session);
        net.close(session);
        assert_eq!(
            net.drain(),
            ["c0 close", "r1 200 1", "s0 closed: forced close"]
        );
    });
}

#[test]
fn closing_without_a_poll_is_finished_on_the_new_connection() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.text(connection, "2probe");
        assert_eq!(net.drain(), ["c0 < 3probe"]);
        net.send(session, "a").unwrap();
        net.send(session, "b").unwrap();
        net.close(session);
        assert_eq!(net.drain(), [""; 0]);
        net.text(connection, "5");
        assert_eq!(
            net.drain(),
            [
                "c0 < 4a",
                "c0 < 4b",
                "c0 close",
                "s0 upgraded to websocket",
                "s0 closed: forced close"
            ]
        );
    });
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.close(session);
        net.text(connection, "5");
        assert_eq!(
            net.drain(),
            [
                "c0 close",
                "s0 upgraded to websocket",
                "s0 closed: forced close"
            ]
        );
    });
}

#[test]
fn closing_without_a_poll_is_finished_by_the_next_poll_if_that_comes_first() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.text(connection, "2probe");
        assert_eq!(net.drain(), ["c0 < 3probe"]);
        net.close(session);
        net.poll(session);
        assert_eq!(
            net.drain(),
            ["r1 200 6|1", "c0 close", "s0 closed: forced close"]
        );
    });
}

#[test]
fn a_probe_for_a_session_that_is_closing_is_accepted_and_closed() {
    both(Config::default(), |net| {
        let session = net.open_polling();
        net.close(session);
        net.probe(session);
        assert_eq!(net.drain(), ["c0 accept", "c0 close"]);
    });
}

#[test]
fn discarding_closes_the_probe() {
    both(Config::default(), |net| {
        let (session, _) = probing(net);
        net.discard(session);
        assert_eq!(net.drain(), ["c0 close", "s0 closed: forced close"]);
    });
}

#[test]
fn an_error_on_polling_closes_the_probe() {
    both(Config::default(), |net| {
        let (session, connection) = probing(net);
        net.post(session, "x");
        net.text(connection, "5");
        assert_eq!(
            net.drain(),
            [
                "r1 400",
                "c0 close",
                "s0 closed: parse error (unknown packet type 0x78)"
            ]
        );
    });
}
