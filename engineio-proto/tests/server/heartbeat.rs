//! The heartbeat: interval 300, timeout 200.

use core::time::Duration;

use engineio_proto::server::{Config, Timer};

use crate::support::both;

fn config() -> Config {
    Config::default()
        .with_ping_interval(Duration::from_millis(300))
        .with_ping_timeout(Duration::from_millis(200))
}

#[test]
fn a_websocket_is_pinged_at_the_interval_and_not_before() {
    both(config(), |net| {
        net.open_websocket();
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 < 2"]);
        net.advance(1);
        assert_eq!(net.drain(), [""; 0]);
    });
}

#[test]
fn a_held_poll_is_answered_with_the_ping() {
    both(config(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["r1 200 2"]);
        net.post(session, "3");
        assert_eq!(net.drain(), ["r2 200 ok"]);
        net.poll(session);
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["r3 200 2"]);
    });
}

#[test]
fn a_missing_pong_ends_the_session_at_the_timeout_and_not_before() {
    both(config(), |net| {
        net.open_websocket();
        net.advance(300);
        assert_eq!(net.drain(), ["c0 < 2"]);
        net.advance(199);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", "s0 closed: ping timeout"]);
        net.advance(10_000);
        assert_eq!(net.drain(), [""; 0]);
        assert_eq!(net.due_in(), None);
    });
}

#[test]
fn a_missing_pong_releases_the_held_poll_with_a_close() {
    both(config(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.advance(300);
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 2"]);
        net.advance(200);
        assert_eq!(net.drain(), ["r2 200 1", "s0 closed: ping timeout"]);
    });
}

#[test]
fn a_client_that_never_polls_is_timed_out_too() {
    both(config(), |net| {
        net.open_polling();
        net.advance(499);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["s0 closed: ping timeout"]);
        assert_eq!(net.driver.session_count(), 0);
    });
}

#[test]
fn a_pong_just_before_the_timeout_keeps_the_session_for_a_whole_round() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        for _ in 0..3 {
            net.advance(300);
            assert_eq!(net.drain(), ["c0 < 2"]);
            net.advance(199);
            net.text(connection, "3");
            net.advance(299);
            assert_eq!(net.drain(), [""; 0]);
            net.text(connection, "4not idle");
            assert_eq!(net.drain(), ["s0 text not idle"]);
            net.advance(1);
            assert_eq!(net.drain(), ["c0 < 2"]);
            net.text(connection, "3");
        }
    });
}

#[test]
fn a_pong_that_comes_with_the_deadline_but_before_its_timer_counts() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        net.advance(300);
        assert_eq!(net.drain(), ["c0 < 2"]);
        net.now = net.now + Duration::from_millis(200);
        net.text(connection, "3");
        net.advance(0);
        assert_eq!(net.drain(), [""; 0]);
    });
}

#[test]
fn a_pong_with_data_is_a_pong() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        net.advance(300);
        assert_eq!(net.drain(), ["c0 < 2"]);
        net.text(connection, "3anything");
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 < 2"]);
    });
}

#[test]
fn pongs_that_answer_nothing_postpone_nothing() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        for _ in 0..29 {
            net.advance(10);
            net.text(connection, "3");
        }
        assert_eq!(net.drain(), [""; 0]);
        net.advance(10);
        assert_eq!(net.drain(), ["c0 < 2"]);
    });
}

#[test]
fn other_packets_do_not_stand_in_for_the_pong_but_buy_time_once() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        net.advance(300);
        net.advance(100);
        net.text(connection, "4a");
        net.advance(199);
        net.text(connection, "4b");
        assert_eq!(net.drain(), ["c0 < 2", "s0 text a", "s0 text b"]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", "s0 closed: ping timeout"]);
    });
}

#[test]
fn time_is_bought_once_for_each_ping() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        for _ in 0..3 {
            net.advance(300);
            assert_eq!(net.drain(), ["c0 < 2"]);
            net.advance(199);
            net.binary(connection, b"large");
            net.advance(199);
            net.text(connection, "3");
            assert_eq!(net.drain(), ["s0 binary b\"large\""]);
        }
    });
}

#[test]
fn packets_before_the_ping_buy_no_time() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        net.advance(299);
        net.text(connection, "4a");
        net.advance(1);
        net.advance(199);
        assert_eq!(net.drain(), ["c0 < 2", "s0 text a"]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", "s0 closed: ping timeout"]);
    });
}

#[test]
fn after_a_stall_there_is_exactly_one_ping_and_the_full_time_to_answer_it() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        net.jump(1_000_000);
        net.jump(0);
        assert_eq!(net.drain(), ["c0 < 2"]);
        net.advance(199);
        net.text(connection, "3");
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 < 2"]);
    });
}

#[test]
fn a_ping_does_not_wait_behind_messages() {
    both(config(), |net| {
        let (session, connection) = net.open_websocket();
        net.stall(connection);
        for n in 0..100 {
            net.send(session, &format!("{n}")).unwrap();
        }
        net.advance(300);
        assert_eq!(net.drain(), ["c0 frames"]);
        assert_eq!(net.pull(connection).as_deref(), Some("2"));
        assert_eq!(net.pull(connection).as_deref(), Some("40"));
        net.text(connection, "3");
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
    });
}

#[test]
fn a_ping_that_waits_for_a_poll_does_not_stop_the_clock() {
    both(config(), |net| {
        let session = net.open_polling();
        net.advance(499);
        net.poll(session);
        assert_eq!(net.drain(), ["r1 200 2"]);
        net.advance(1);
        assert_eq!(net.drain(), ["s0 closed: ping timeout"]);
    });
}

#[test]
fn the_schedule_runs_on_through_an_upgrade() {
    both(config(), |net| {
        let session = net.open_polling();
        net.advance(100);
        net.upgrade(session);
        net.advance(199);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 < 2"]);
    });
}

#[test]
fn a_ping_goes_to_the_held_poll_while_a_probe_is_on() {
    both(config(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.probe(session);
        net.advance(300);
        assert_eq!(net.drain(), ["c0 accept", "r1 200 2"]);
        net.advance(199);
        net.post(session, "3");
        assert_eq!(net.drain(), ["r2 200 ok"]);
        assert_eq!(
            net.session(session).next_timer().map(|(timer, _)| timer),
            Some(Timer::Heartbeat)
        );
    });
}

#[test]
fn an_upgrade_gives_an_outstanding_ping_its_full_time_again() {
    both(config(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.advance(450);
        assert_eq!(net.drain(), ["r1 200 2"]);
        net.upgrade(session);
        net.advance(199);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", "s0 closed: ping timeout"]);
    });
}

#[test]
fn a_ping_that_no_poll_fetched_follows_to_the_new_connection() {
    both(config(), |net| {
        let session = net.open_polling();
        net.advance(300);
        let connection = net.probe(session);
        net.text(connection, "5");
        assert_eq!(
            net.drain(),
            ["c0 accept", "c0 < 2", "s0 upgraded to websocket"]
        );
        net.text(connection, "3");
        assert_eq!(
            net.due_in(),
            Some(200),
            "filed early, moved when it comes up"
        );
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 < 2"]);
    });
}

#[test]
fn a_pong_sent_on_the_old_transport_counts_during_the_probe() {
    both(config(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.advance(300);
        let connection = net.probe(session);
        net.text(connection, "2probe");
        net.post(session, "3");
        net.text(connection, "5");
        assert_eq!(
            net.drain(),
            [
                "r1 200 2",
                "c0 accept",
                "r2 200 ok",
                "s0 upgraded to websocket"
            ]
        );
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 < 2"]);
    });
}

#[test]
fn the_heartbeat_ends_a_session_that_is_closing_and_sends_no_ping() {
    both(config(), |net| {
        let session = net.open_polling();
        net.close(session);
        net.advance(499);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["s0 closed: ping timeout"]);
    });
}

#[test]
fn one_call_moves_on_when_the_deadlines_of_many_sessions_have_moved() {
    both(config(), |net| {
        let sessions: Vec<_> = (0..100).map(|_| net.open_websocket()).collect();
        net.advance(300);
        assert_eq!(net.drain().len(), sessions.len(), "a ping each");
        for (_, connection) in &sessions {
            net.text(*connection, "3");
        }
        // All of them are filed under 300 ms + 200 ms still, and due 300 ms after their pong.
        net.now = net.now + Duration::from_millis(200);
        net.driver.handle_timeout(net.now);
        assert_eq!(net.drain(), [""; 0]);
        assert!(net.driver.poll_timeout() > Some(net.now));
        net.advance(100);
        assert_eq!(net.drain().len(), sessions.len(), "a ping each");
    });
}
