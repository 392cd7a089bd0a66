//! The connect timeout, and the deadline of a verdict.

use std::time::Duration;

use socketio_proto::engine::Instant;
use socketio_proto::engine::server::CloseReason;
use socketio_proto::server::Target;

use crate::support::{Net, config, run, run_with};

const TIMEOUT: u64 = 45_000;

const TIMED_OUT: [&str; 2] = ["c0 closed by the server", "c0 closed: forced close"];

#[test]
fn a_client_that_joins_nothing_is_closed_at_the_connect_timeout() {
    run(|net| {
        net.websocket();
        net.advance(TIMEOUT - 1);
        assert_eq!(net.drain(), [""; 0], "just before");
        net.advance(1);
        assert_eq!(net.server.stats().closed.total(), 1, "before it is told");
        assert_eq!(net.drain(), TIMED_OUT);
    });
}

#[test]
fn a_late_wake_up_closes_who_joined_nothing() {
    run(|net| {
        net.websocket();
        net.now = net.now + Duration::from_millis(TIMEOUT + 1);
        net.server.handle_timeout(net.now);
        assert_eq!(net.drain(), TIMED_OUT);
    });
}

#[test]
fn a_client_on_polling_gets_noop_and_close_at_its_next_poll() {
    run(|net| {
        let client = net.polling();
        net.advance(TIMEOUT);
        assert_eq!(net.drain(), [""; 0]);
        net.poll(client);
        assert_eq!(net.drain(), ["c0 < 6|1", "c0 closed: forced close"]);
    });
}

#[test]
fn the_first_join_cancels_the_connect_timeout_for_good() {
    run(|net| {
        let (client, _) = net.joined(&["/"]);
        net.text(client, "1");
        assert_eq!(
            net.drain(),
            ["$0 disconnected: client namespace disconnect"]
        );
        net.advance(3 * TIMEOUT);
        assert_eq!(net.drain(), [""; 0]);
    });
}

#[test]
fn who_joins_just_before_the_connect_timeout_stays() {
    run(|net| {
        let client = net.websocket();
        net.advance(TIMEOUT - 1);
        net.join(client, "/");
        net.advance(TIMEOUT);
        assert_eq!(net.drain(), [""; 0]);
    });
}

#[test]
fn who_only_waits_for_a_verdict_has_not_joined() {
    run(|net| {
        let client = net.websocket();
        net.advance(1);
        net.text(client, "0");
        assert_eq!(net.drain(), ["c0 connecting /"]);
        net.advance(TIMEOUT - 2);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), TIMED_OUT);
        assert!(net.accept().is_err());
    });
}

#[test]
fn a_refused_client_is_closed_at_the_connect_timeout() {
    run(|net| {
        let client = net.websocket();
        net.text(client, "0/nope,");
        assert_eq!(
            net.drain(),
            [r#"c0 < 44/nope,{"message":"Invalid namespace"}"#]
        );
        net.advance(TIMEOUT);
        assert_eq!(net.drain(), TIMED_OUT);
    });
}

/// A client in `/` that waits to be let into `/slow`.
fn waiting(net: &mut Net) {
    net.add_namespace("/slow");
    let (client, _) = net.joined(&["/"]);
    net.text(client, "0/slow");
    assert_eq!(net.drain(), ["c0 connecting /slow"]);
}

#[test]
fn a_verdict_that_does_not_come_in_time_is_a_refusal() {
    run(|net| {
        waiting(net);
        net.advance(TIMEOUT - 1);
        assert_eq!(net.drain(), [""; 0], "just before");
        net.advance(1);
        assert_eq!(net.drain(), [r#"c0 < 44/slow,{"message":"timeout"}"#]);
        assert!(net.accept().is_err(), "just after");
        net.join(0, "/slow");
    });
}

#[test]
fn a_verdict_just_in_time_counts() {
    run(|net| {
        waiting(net);
        net.advance(TIMEOUT - 1);
        net.accept().unwrap();
        assert_eq!(net.drain(), [r#"c0 < 40/slow,{"sid":"$1"}"#]);
        net.advance(TIMEOUT);
        assert_eq!(net.drain(), [""; 0]);
    });
}

#[test]
fn the_deadline_of_a_verdict_ends_with_the_client() {
    run(|net| {
        waiting(net);
        net.vanish(0);
        assert_eq!(
            net.drain(),
            [
                "$0 disconnected: transport close",
                "c0 closed: transport close"
            ]
        );
        assert_eq!(net.server.poll_timeout(), None);
    });
}

#[test]
fn the_shortest_connect_timeout_is_due_after_a_millisecond() {
    let shortest = Duration::from_millis(1);
    run_with(config().with_connect_timeout(shortest), |net| {
        net.websocket();
        assert_eq!(net.server.poll_timeout(), Some(net.now + shortest));
        net.advance(1);
        assert_eq!(net.drain(), TIMED_OUT);
    });
}

#[test]
fn the_timeout_of_a_client_does_not_reach_its_successor() {
    run(|net| {
        let first = net.websocket();
        net.advance(TIMEOUT - 1);
        net.vanish(first);
        assert_eq!(net.drain(), ["c0 closed: transport close"]);
        net.websocket();
        net.advance(TIMEOUT - 1);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(
            net.drain(),
            ["c1 closed by the server", "c1 closed: forced close"]
        );
    });
}

#[test]
fn many_deadlines_at_once_are_met_in_several_calls() {
    run(|net| {
        let clients: Vec<_> = (0..1_500).map(|_| net.websocket()).collect();
        net.now = net.now + Duration::from_millis(TIMEOUT);
        net.server.handle_timeout(net.now);
        let due = net.server.poll_timeout().unwrap();
        assert!(due <= net.now, "the rest is still due");
        net.server.handle_timeout(net.now);
        assert!(net.server.poll_timeout().is_none_or(|due| due > net.now));
        assert_eq!(net.drain().len(), 3_000);
        assert!(clients.iter().all(|client| net.is_closed(*client)));
    });
}

#[test]
fn a_ping_timeout_ends_all_sockets_with_the_official_reason() {
    let engine = config().engine.with_ping_interval(Duration::from_secs(25));
    run_with(config().with_engine(engine), |net| {
        net.add_namespace("/a");
        net.joined(&["/", "/a"]);
        net.advance(25_000);
        assert_eq!(net.drain(), ["c0 < 2"]);
        net.advance(19_999);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(
            net.drain(),
            [
                "c0 closed by the server",
                "$0 disconnected: ping timeout",
                "$1 disconnected: ping timeout",
                "c0 closed: ping timeout"
            ]
        );
        assert_eq!(CloseReason::PingTimeout.to_string(), "ping timeout");
    });
}

#[test]
fn the_time_for_an_acknowledgement_counts_from_the_call() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        let target = Target::namespace("/");
        let ways: [&dyn Fn(&mut Net); 2] = [
            &|net| assert!(net.emit_with_ack(socket, r#"["q"]"#, 10).is_ok()),
            &|net| assert_eq!(net.broadcast_with_ack(target, r#"["q"]"#, 10).sent, 1),
        ];
        for ask in ways {
            net.advance(1_000);
            ask(net);
            net.drain();
            net.advance(9);
            assert_eq!(net.drain(), [""; 0]);
            net.advance(1);
            assert_eq!(net.drain().len(), 1);
        }
    });
}

#[test]
fn a_clock_that_goes_backwards_stands_still() {
    run(|net| {
        let (_, socket) = net.joined(&["/"]);
        net.advance(1_000);
        net.server.handle_timeout(net.now);
        let latest = net.now;
        net.now = Instant::ZERO;
        net.emit_with_ack(socket, r#"["q"]"#, 10).unwrap();
        assert_eq!(net.drain(), [r#"c0 < 420["q"]"#]);
        net.server.handle_timeout(Instant::ZERO);
        assert_eq!(net.drain(), [""; 0]);
        net.now = latest;
        net.advance(9);
        assert_eq!(net.drain(), [""; 0]);
        net.advance(1);
        assert_eq!(net.drain(), ["$0 ack 0 failed: operation has timed out"]);
    });
}
