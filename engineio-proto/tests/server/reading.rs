//! Proof that the peer reads: a heartbeat counts only if the server's part of it was handed over. Interval 300, timeout 200.

use core::time::Duration;

use engineio_proto::server::Config;
use engineio_proto::{Transport, Transports};

use crate::support::{Net, Number, both};

fn config() -> Config {
    Config::default()
        .with_allow_eio3(true)
        .with_allow_jsonp(true)
        .with_transports(Transports::default().with(Transport::WebTransport))
        .with_ping_interval(Duration::from_millis(300))
        .with_ping_timeout(Duration::from_millis(200))
}

/// Sends a packet every 10 ms for at most `millis`, and returns when the session was over.
fn repeat(net: &mut Net, millis: u64, mut send: impl FnMut(&mut Net)) -> Option<u64> {
    for elapsed in (10..=millis).step_by(10) {
        net.advance(10);
        let session = net.driver.session(0);
        if session.is_none_or(engineio_proto::server::Session::is_closed) {
            return Some(elapsed);
        }
        send(net);
    }
    None
}

const BLIND: &str = "s0 closed: ping timeout";

#[test]
fn pongs_of_a_client_that_reads_nothing_keep_no_session_alive() {
    for open in [Net::open_websocket, Net::open_webtransport] {
        both(config(), |net| {
            let (session, connection) = open(net);
            net.stall(connection);
            net.send(session, "unread").unwrap();
            assert_eq!(net.drain(), ["c0 frames"]);
            let over = repeat(net, 10_000, |net| net.text(connection, "3"));
            assert_eq!(over, Some(500));
            assert_eq!(net.drain(), ["c0 close", BLIND]);
        });
    }
}

#[test]
fn pongs_of_a_client_that_never_polls_keep_no_session_alive() {
    both(config(), |net| {
        let session = net.open_polling();
        let over = repeat(net, 10_000, |net| {
            net.post(session, "3");
        });
        assert_eq!(over, Some(500));
        assert_eq!(net.drain().last().map(String::as_str), Some(BLIND));
    });
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=4&j=0");
        let over = repeat(net, 10_000, |net| {
            net.post(session, "d=3");
        });
        assert_eq!(over, Some(500));
        assert_eq!(net.drain().last().map(String::as_str), Some(BLIND));
    });
}

#[test]
fn pings_of_a_client_of_revision_3_that_reads_nothing_count_once() {
    both(config(), |net| {
        let (session, connection) = net.open_websocket_with("EIO=3");
        net.stall(connection);
        net.send(session, "unread").unwrap();
        assert_eq!(net.drain(), ["c0 frames"]);
        let over = repeat(net, 10_000, |net| net.text(connection, "2"));
        assert_eq!(over, Some(510), "the first ping came at 10");
        assert_eq!(net.drain(), ["c0 close", BLIND]);
    });
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=3");
        let over = repeat(net, 10_000, |net| {
            net.post(session, "1:2");
        });
        assert_eq!(over, Some(510));
        assert_eq!(net.drain().last().map(String::as_str), Some(BLIND));
    });
}

#[test]
fn a_pong_that_comes_before_its_ping_has_left_does_not_answer_it() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        net.stall(connection);
        net.advance(300);
        net.text(connection, "3");
        assert_eq!(net.drain(), ["c0 frames"]);
        assert_eq!(net.pull(connection).as_deref(), Some("2"));
        net.advance(199);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", BLIND]);
    });
}

#[test]
fn a_pong_to_a_ping_that_left_late_counts() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        net.stall(connection);
        net.advance(300);
        net.advance(199);
        assert_eq!(net.drain(), ["c0 frames"]);
        assert_eq!(net.pull(connection).as_deref(), Some("2"));
        net.text(connection, "3");
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(201);
        assert_eq!(net.drain(), ["c0 close", BLIND]);
    });
}

#[test]
fn the_second_pong_to_one_ping_answers_nothing() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        net.advance(300);
        assert_eq!(net.drain(), ["c0 < 2"]);
        net.stall(connection);
        net.text(connection, "3");
        let over = repeat(net, 10_000, |net| net.text(connection, "3"));
        assert_eq!(over, Some(500));
        assert_eq!(net.drain(), ["c0 frames", "c0 close", BLIND]);
    });
}

#[test]
fn other_packets_of_a_client_that_reads_nothing_buy_time_once() {
    both(config(), |net| {
        let (_, connection) = net.open_websocket();
        net.stall(connection);
        net.advance(300);
        let over = repeat(net, 10_000, |net| {
            net.text(connection, "4a");
            net.text(connection, "3");
        });
        assert_eq!(over, Some(210), "the first packet came at 10");
        let lines = net.drain();
        assert_eq!(lines.last().map(String::as_str), Some(BLIND));
    });
}

#[test]
fn a_ping_that_a_poll_took_is_answered_on_the_connection() {
    both(config(), |net| {
        let session = net.open_polling();
        net.poll(session);
        net.advance(300);
        assert_eq!(net.drain(), ["r1 200 2"]);
        let connection = net.upgrade(session);
        net.text(connection, "3");
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 < 2"]);
    });
}

#[test]
fn a_ping_that_waits_moves_along_and_its_pong_counts_once_it_has_left() {
    both(config(), |net| {
        let session = net.open_polling();
        net.advance(300);
        let connection = net.upgrade_stalled(session);
        net.text(connection, "3");
        net.advance(100);
        assert_eq!(net.pull(connection).as_deref(), Some("2"));
        net.advance(99);
        net.text(connection, "3");
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(201);
        assert_eq!(net.drain(), ["c0 close", BLIND]);
    });
}

#[test]
fn blind_pongs_through_an_upgrade_get_the_full_time_once() {
    both(config(), |net| {
        let session = net.open_polling();
        net.advance(400);
        let connection = net.upgrade_stalled(session);
        let over = repeat(net, 10_000, |net| net.text(connection, "3"));
        assert_eq!(over, Some(200));
        assert_eq!(net.drain(), ["c0 close", BLIND]);
    });
}

/// A client of revision 3 on a connection that takes no frame, with a message in front of it.
fn stalled_v3(net: &mut Net) -> Number {
    let (session, connection) = net.open_websocket_with("EIO=3");
    net.stall(connection);
    net.send(session, "a").unwrap();
    assert_eq!(net.drain(), ["c0 frames"]);
    connection
}

#[test]
fn pings_that_came_while_the_answer_waited_count_from_their_arrival_once_it_has_left() {
    both(config(), |net| {
        let connection = stalled_v3(net);
        net.advance(100);
        net.text(connection, "2");
        for _ in 0..2 {
            net.advance(200);
            net.text(connection, "2");
        }
        net.advance(99); // 599 of the 600 that the first ping allows
        assert_eq!(net.pull(connection).as_deref(), Some("3"));
        assert_eq!(net.pull(connection).as_deref(), Some("4a"));
        assert_eq!(net.pull(connection), None, "one answer for three");
        net.advance(400); // 999: the last ping came at 500
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", BLIND]);
    });
}

#[test]
fn pings_count_at_once_while_no_answer_waits() {
    both(config(), |net| {
        let connection = stalled_v3(net);
        for _ in 0..5 {
            net.advance(450);
            net.text(connection, "2");
            assert_eq!(net.pull(connection).as_deref(), Some("3"));
        }
        net.advance(499);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", BLIND]);
    });
}

#[test]
fn the_handshake_is_not_the_part_of_the_heartbeat_that_waits_behind_it() {
    both(config(), |net| {
        net.connect("EIO=3&transport=websocket");
        net.stall(0);
        net.text(0, "2");
        net.advance(100);
        net.text(0, "2");
        assert!(net.pull(0).expect("a handshake").starts_with("0{"));
        net.advance(399);
        let expected = ["c0 accept", "c0 frames", "s0 opened by c0"];
        assert_eq!(net.drain(), expected);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", BLIND]);
    });
    both(config(), |net| {
        net.connect("EIO=4&transport=websocket");
        net.stall(0);
        net.advance(300);
        assert!(net.pull(0).expect("a handshake").starts_with("0{"));
        net.text(0, "3");
        net.advance(199);
        let expected = ["c0 accept", "c0 frames", "s0 opened by c0"];
        assert_eq!(net.drain(), expected);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", BLIND]);
    });
}

#[test]
fn an_answer_that_waits_moves_along_with_the_pings_behind_it() {
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=3");
        net.advance(100);
        net.post(session, "1:2");
        net.advance(300);
        let connection = net.upgrade_stalled(session); // 900 from here on
        net.advance(200);
        net.text(connection, "2"); // 1,100 if its answer leaves
        net.advance(299);
        assert_eq!(net.drain(), [""; 0]);
        assert_eq!(net.pull(connection).as_deref(), Some("3"));
        net.advance(200);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", BLIND]);
    });
}

#[test]
fn an_answer_that_a_poll_took_counts_on_the_connection() {
    both(config(), |net| {
        let (session, _) = net.open_polling_with("EIO=3");
        net.poll(session);
        net.post(session, "1:2");
        assert_eq!(net.drain(), ["r1 200 1:3", "r2 200 ok"]);
        let connection = net.upgrade_stalled(session);
        net.advance(400);
        net.text(connection, "2");
        net.advance(499);
        assert_eq!(net.drain(), ["c0 frames"]);
        net.advance(1);
        assert_eq!(net.drain(), ["c0 close", BLIND]);
    });
}
