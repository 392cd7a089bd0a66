//! Attempts, their delays, and what stops them.

use std::time::Duration;

use socketio_proto::client::{Backoff, Config, Event, Reconnection, State};
use socketio_proto::engine::client::{Endpoint, Output};
use socketio_proto::engine::http::Answer;
use socketio_proto::engine::{Instant, Seed};

use crate::machine::new_client;
use crate::support::{Rig, config, run, run_with};

#[test]
fn without_reconnection_nothing_happens_after_a_loss() {
    run_with(config().with_reconnection(false), |rig| {
        let socket = rig.joined();
        rig.cut();
        assert_eq!(rig.drain().len(), 2);
        rig.advance(1_000_000);
        assert_eq!(rig.drain(), [""; 0]);
        assert!(rig.client.is_active(socket));
        assert_eq!(rig.client.state(), State::Closed);
    });
}

#[test]
fn switching_reconnection_off_stops_the_loop_and_on_allows_the_next() {
    run(|rig| {
        let socket = rig.joined();
        rig.cut();
        rig.drain();
        rig.client.set_reconnection(Reconnection::Manual);
        rig.advance(1_000_000);
        assert_eq!(rig.drain(), [""; 0]);
        rig.client.set_reconnection(Reconnection::Automatic);
        rig.again(socket);
        rig.drain();
        rig.fail();
        assert_eq!(rig.drain().last().unwrap(), "reconnecting 2 in 2000");
    });
}

#[test]
fn switching_reconnection_off_during_an_attempt_lets_it_be_the_last() {
    run(|rig| {
        rig.joined();
        rig.cut();
        rig.advance(1000);
        rig.drain();
        rig.client.set_reconnection(Reconnection::Manual);
        rig.fail();
        assert_eq!(
            rig.drain(),
            [
                "error: websocket error",
                "/ connect_error: websocket error",
                "reconnect_error: websocket error"
            ]
        );
        assert_eq!(rig.client.poll_timeout(), None);
    });
}

#[test]
fn a_manual_open_takes_the_place_of_the_planned_attempt() {
    run(|rig| {
        rig.joined();
        rig.cut();
        rig.drain();
        rig.client.open(rig.now);
        assert_eq!(rig.drain(), ["connect"]);
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "opened"]);
        rig.advance(10_000);
        assert_eq!(rig.drain(), [""; 0], "the attempt is not made as well");
        rig.cut();
        assert_eq!(rig.drain().last().unwrap(), "reconnecting 1 in 1000");
    });
}

#[test]
fn a_manual_open_that_fails_goes_on_with_the_loop() {
    run(|rig| {
        rig.joined();
        rig.cut();
        rig.drain();
        rig.client.open(rig.now);
        rig.drain();
        rig.fail();
        assert_eq!(
            rig.drain(),
            [
                "error: websocket error",
                "/ connect_error: websocket error",
                "reconnecting 2 in 2000"
            ]
        );
    });
}

#[test]
fn a_socket_that_connects_during_the_delay_waits_for_the_attempt() {
    run(|rig| {
        rig.joined();
        rig.cut();
        rig.drain();
        rig.connect("/late");
        assert_eq!(rig.drain(), [""; 0]);
        rig.advance(1000);
        rig.drain();
        rig.accept();
        assert_eq!(rig.drain(), ["> 40", "> 40/late,", "opened", "reconnect 1"]);
    });
}

#[test]
fn settings_hold_from_the_next_delay() {
    run(|rig| {
        rig.joined();
        let mut backoff = Backoff::default();
        backoff.reconnection_delay = Duration::from_millis(10);
        backoff.reconnection_delay_max = Duration::from_millis(15);
        backoff.randomization_factor = 0.0;
        rig.client.set_backoff(backoff).unwrap();
        rig.client.set_reconnection_attempts(Some(2));
        rig.client
            .set_timeout(Some(Duration::from_millis(7)))
            .unwrap();
        rig.cut();
        assert_eq!(rig.drain()[2], "reconnecting 1 in 10");
        rig.advance(17);
        assert_eq!(rig.drain()[5], "reconnecting 2 in 15");
        rig.advance(22);
        assert_eq!(rig.drain()[5], "reconnect_failed 2");
    });
}

#[test]
fn zero_attempts_are_attempts_without_end() {
    run_with(config().with_reconnection_attempts(Some(0)), |rig| {
        rig.connect("/");
        rig.drain();
        rig.fail();
        assert_eq!(rig.drain()[2], "reconnecting 1 in 1000");
    });
}

#[test]
fn attempts_are_counted_anew_after_a_connection_and_after_giving_up_by_hand() {
    run(|rig| {
        let socket = rig.joined();
        for _ in 0..2 {
            rig.cut();
            assert_eq!(rig.drain()[2], "reconnecting 1 in 1000");
            rig.advance(1000);
            rig.drain();
            rig.fail();
            assert_eq!(rig.drain()[2], "reconnecting 2 in 2000");
            rig.advance(2000);
            rig.accept();
            rig.text(r#"0{"sid":"s"}"#);
            rig.drain();
        }

        // While an attempt is planned, and while one is made.
        for planned in [true, false] {
            rig.cut();
            rig.drain();
            rig.advance(1000);
            rig.drain();
            rig.fail();
            if !planned {
                rig.advance(2000);
            }
            rig.drain();
            rig.disconnect(socket);
            rig.again(socket);
            rig.drain();
            rig.fail();
            assert_eq!(rig.drain()[2], "reconnecting 1 in 1000", "{planned}");
            rig.advance(1000);
            rig.accept();
            rig.text(r#"0{"sid":"s"}"#);
            rig.drain();
        }
    });
}

#[test]
fn delays_are_drawn_from_the_seed() {
    let delays = |seed: u8| {
        let config = config().with_randomization_factor(0.5);
        let mut client = new_client(config, &Seed::new([seed; 32]));
        let mut rig = Rig::new(crate::support::config());
        std::mem::swap(&mut rig.client, &mut client);
        rig.connect("/");
        rig.drain();
        (0..4)
            .map(|_| {
                rig.fail();
                rig.drain();
                let State::Waiting { at, .. } = rig.client.state() else {
                    panic!("an attempt is planned");
                };
                let delay = at.saturating_duration_since(rig.now).as_millis();
                rig.advance(u64::try_from(delay).unwrap());
                rig.drain();
                delay
            })
            .collect::<Vec<_>>()
    };
    let drawn = delays(1);
    assert_eq!(delays(1), drawn);
    assert_ne!(delays(2), drawn);
    assert!((500..=1500).contains(&drawn[0]), "{drawn:?}");
    assert!(drawn.iter().all(|delay| *delay <= 5000));
}

#[test]
fn a_thousand_attempts_later_delays_are_still_the_longest() {
    run(|rig| {
        rig.connect("/");
        rig.drain();
        for attempt in 1..=1100 {
            rig.fail();
            let State::Waiting {
                at,
                attempt: planned,
            } = rig.client.state()
            else {
                panic!("an attempt is planned");
            };
            assert_eq!(planned, attempt);
            let delay = at.saturating_duration_since(rig.now).as_millis();
            assert_eq!(delay, (1000_u128 << (attempt - 1).min(10)).min(5000));
            rig.advance(5000);
            rig.drain();
        }
    });
}

#[test]
fn late_calls_about_an_old_connection_do_not_reach_the_new_one() {
    run(|rig| {
        rig.joined();
        rig.cut();
        rig.advance(1000);
        rig.drain();
        rig.accept();
        rig.drain();
        let old = rig.connection_before();
        rig.client.handle_connection_closed(old, rig.now);
        rig.client.handle_connection_failed(old, rig.now);
        let frame = socketio_proto::engine::Frame::Text(r#"40{"sid":"x"}"#.into());
        rig.client.handle_frame(old, frame, rig.now);
        assert_eq!(rig.drain(), [""; 0]);
    });
}

#[test]
fn time_that_goes_backwards_stands_still() {
    run(|rig| {
        rig.joined();
        rig.cut();
        rig.drain();
        rig.client.handle_timeout(Instant::ZERO);
        rig.client.open(Instant::ZERO);
        assert_eq!(rig.drain(), ["connect"]);
        rig.advance(20_000);
        assert_eq!(rig.drain()[1], "error: timeout");
    });
}

/// Over polling: each answer and each failure is about a request of the connection in use.
#[test]
fn a_request_that_fails_ends_the_attempt_or_the_connection() {
    let endpoint = Endpoint::parse("http://localhost").unwrap();
    let config = Config::new(endpoint)
        .with_engine(|engine| engine.with_upgrade(false))
        .with_reconnection(false);
    let mut client = new_client(config, &Seed::new([1; 32]));
    let now = Instant::ZERO;
    let outputs = |client: &mut crate::machine::Client| {
        let (mut requests, mut events) = (Vec::new(), Vec::new());
        while let Some(output) = client.poll_output() {
            if let Output::Request { request, .. } = output {
                requests.push(request);
            } else if let Output::Event(event) = output {
                events.push(event);
            }
        }
        (requests, events)
    };
    client.open(now);
    let (requests, events) = outputs(&mut client);
    assert_eq!((requests.len(), events.len()), (1, 0));
    client.handle_request_failed(requests[0], now);
    let (requests, events) = outputs(&mut client);
    assert_eq!(requests, []);
    assert!(
        matches!(events[..], [Event::ManagerError { .. }]),
        "{events:?}"
    );

    client.open(now);
    let (requests, _) = outputs(&mut client);
    let open = r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    client.handle_response(requests[0], Answer::new(200, open), now);
    let (requests, events) = outputs(&mut client);
    assert!(matches!(events[..], [Event::ManagerOpened]), "{events:?}");
    client.handle_request_failed(requests[0], now);
    let (_, events) = outputs(&mut client);
    assert!(
        matches!(
            events[..],
            [Event::ManagerError { .. }, Event::ManagerClosed { .. }]
        ),
        "{events:?}"
    );
}
