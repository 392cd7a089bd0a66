//! Each fault does what it says, and every run is the same as the one before.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an application looks at what concerns it"
)]

mod rig;

use std::time::Duration;

use rig::{BOTH, POLLING, Rig, WEBSOCKET};
use socketio_testkit::{Cut, Path, Websockets};

#[test]
fn every_transport_carries_what_is_said() {
    for transports in [POLLING, WEBSOCKET, BOTH] {
        let mut rig = Rig::connected(transports);
        for number in 0..10 {
            rig.emit(number);
        }
        rig.rest();
        assert_eq!(rig.app.heard, (0..10).collect::<Vec<_>>());
        assert_eq!(rig.app.upgraded, usize::from(transports == BOTH));
    }
}

#[test]
fn latency_is_that_of_each_direction() {
    let mut rig = Rig::connected(WEBSOCKET);
    rig.network.path_mut(rig.client).latency_up = Duration::from_millis(300);
    rig.network.path_mut(rig.client).latency_down = Duration::from_millis(70);
    rig.emit(1);
    rig.advance(369);
    assert_eq!(rig.app.heard, [0; 0]);
    rig.advance(1);
    assert_eq!(rig.app.heard, [1]);
}

#[test]
fn a_clean_cut_loses_nothing_that_is_under_way_in_a_websocket_and_the_others_do() {
    for (how, heard, reason) in [
        (Cut::Clean, 3, "transport close"),
        (Cut::Reset, 0, "transport error"),
        (Cut::Silent, 0, "ping timeout"),
    ] {
        let mut rig = Rig::connected(WEBSOCKET);
        (1..=3).for_each(|number| rig.emit(number));
        rig.advance(10);
        assert!(!rig.network.is_idle(), "the answers are under way");
        rig.network.cut(rig.client, how);
        rig.advance(50_000);
        assert_eq!(
            (rig.app.heard.len(), &*rig.app.reasons),
            (heard, &[reason.to_owned()][..])
        );
        assert_eq!((rig.app.connected, rig.app.sessions), (2, 2), "{how:?}");
    }
}

#[test]
fn cut_midway_some_may_arrive_and_order_holds() {
    let mut counts = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut rig = Rig::new(WEBSOCKET, seed);
        rig.rest();
        (1..=3).for_each(|number| rig.emit(number));
        rig.advance(10);
        rig.network.cut(rig.client, Cut::Midway);
        rig.advance(200);
        assert_eq!(
            rig.app.heard,
            (1..=3).take(rig.app.heard.len()).collect::<Vec<_>>()
        );
        counts.insert(rig.app.heard.len());
    }
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn nothing_passes_a_cut_that_nobody_has_learned_of_yet() {
    let mut rig = Rig::connected(WEBSOCKET);
    rig.emit(1);
    rig.network.cut(rig.client, Cut::Reset);
    rig.emit(2);
    rig.network.cut(rig.client, Cut::Midway);
    rig.advance(200);
    assert_eq!((rig.app.heard.len(), rig.app.reasons.len()), (0, 1));
}

#[test]
fn cut_requests_fail_at_both_ends() {
    let mut rig = Rig::connected(POLLING);
    rig.network.cut(rig.client, Cut::Reset);
    rig.advance(100);
    assert_eq!(rig.app.reasons, ["transport error"]);
    assert_eq!((rig.app.sessions, rig.app.closed), (1, 1));
    rig.advance(10_000);
    assert_eq!(rig.app.connected, 2);
}

#[test]
fn requests_bodies_and_responses_get_lost() {
    let losses: [fn(&mut Path); 3] = [
        |path| path.lost_requests = 1000,
        |path| path.lost_bodies = 1000,
        |path| path.lost_responses = 1000,
    ];
    for (index, lose) in losses.into_iter().enumerate() {
        let mut rig = Rig::connected(POLLING);
        lose(rig.network.path_mut(rig.client));
        rig.emit(1);
        rig.advance(200);
        assert_eq!(
            (rig.app.heard.len(), &*rig.app.reasons),
            (0, &["transport error".to_owned()][..])
        );
        let echoed = rig.network.server(rig.server).stats().messages_out;
        assert_eq!(
            echoed,
            if index == 2 { 2 } else { 1 },
            "only the answer was lost, or more"
        );
        *rig.network.path_mut(rig.client) = Path::default();
        rig.advance(60_000);
        assert_eq!(rig.app.connected, 2);
    }
}

#[test]
fn what_stalls_arrives_later_in_order() {
    let mut rig = Rig::connected(WEBSOCKET);
    rig.network.path_mut(rig.client).stalled = true;
    (1..=3).for_each(|number| rig.emit(number));
    rig.advance(5000);
    assert_eq!(rig.app.heard, [0; 0]);
    rig.network.path_mut(rig.client).stalled = false;
    rig.emit(4);
    rig.rest();
    assert_eq!(rig.app.heard, [1, 2, 3, 4]);
    assert_eq!(rig.app.reasons, [""; 0]);
}

#[test]
fn doubled_attempts_leave_sessions_behind_that_end_by_themselves() {
    for transports in [POLLING, WEBSOCKET, BOTH] {
        let mut rig = Rig::new(transports, 1);
        rig.network.path_mut(rig.client).doubled_attempts = 1000;
        rig.rest();
        assert_eq!(
            (rig.app.connected, rig.app.sessions),
            (1, 2),
            "{transports:?}"
        );
        rig.advance(60_000);
        assert_eq!(
            (rig.app.connected, rig.app.closed),
            (1, 1),
            "{transports:?}"
        );
        assert_eq!(rig.app.reasons, [""; 0]);
    }
}

#[test]
fn a_server_out_of_reach_is_found_again() {
    for transports in [POLLING, WEBSOCKET] {
        let mut rig = Rig::new(transports, 1);
        rig.network.path_mut(rig.client).refused = true;
        rig.advance(20_000);
        assert_eq!(rig.app.connected, 0);
        rig.network.path_mut(rig.client).refused = false;
        rig.advance(10_000);
        assert_eq!(rig.app.connected, 1);
    }
}

#[test]
fn a_server_that_restarts_has_forgotten_everything() {
    for transports in [POLLING, WEBSOCKET, BOTH] {
        let mut rig = Rig::connected(transports);
        rig.network.stop_server(rig.server);
        rig.advance(100);
        assert_eq!(rig.app.reasons, ["transport error"]);
        assert_eq!(rig.network.server(rig.server).engine().session_count(), 0);
        rig.advance(10_000);
        assert_eq!(rig.app.connected, 1, "nobody is there");
        rig.network.start_server(rig.server);
        rig.advance(10_000);
        assert_eq!(rig.app.connected, 2);
    }
}

#[test]
fn proxies_keep_websockets_from_coming_about() {
    for websockets in [
        Websockets::Refused { status: 502 },
        Websockets::Swallowed,
        Websockets::Broken { after: 0 },
    ] {
        let mut rig = Rig::new(BOTH, 1);
        rig.network.path_mut(rig.client).websockets = websockets;
        rig.advance(15_000);
        assert_eq!(
            (rig.app.connected, rig.app.upgraded, rig.app.upgrade_failed),
            (1, 0, 1)
        );
        rig.emit(1);
        rig.rest();
        assert_eq!(rig.app.heard, [1], "{websockets:?}: polling goes on");
    }
    let mut rig = Rig::new(WEBSOCKET, 1);
    rig.network.path_mut(rig.client).websockets = Websockets::Broken { after: 2 };
    rig.rest();
    for number in 1..=2 {
        rig.emit(number);
        rig.rest();
    }
    assert_eq!(
        (&*rig.app.heard, &*rig.app.reasons),
        (&[1][..], &["transport error".to_owned()][..])
    );
}

#[test]
fn a_websocket_breaks_as_planned_until_it_is_spared() {
    for spared in [false, true] {
        let mut rig = Rig::new(WEBSOCKET, 1);
        rig.network.path_mut(rig.client).websockets = Websockets::Broken { after: 2 };
        rig.rest();
        rig.network.path_mut(rig.client).websockets = Websockets::Passed;
        if spared {
            rig.network.spare_websockets(rig.client);
        }
        for number in 1..=3 {
            rig.emit(number);
            rig.rest();
        }
        assert_eq!(rig.app.reasons.is_empty(), spared);
        let heard = if spared { &[1, 2, 3][..] } else { &[1] };
        assert_eq!(rig.app.heard, heard);
    }
}

#[test]
fn responses_are_collected() {
    let mut rig = Rig::connected(POLLING);
    rig.network.path_mut(rig.client).collected = Duration::from_secs(2);
    rig.emit(1);
    rig.rest();
    assert_eq!(rig.app.heard, [1]);
    assert_eq!(
        rig.network.now().as_nanos() % 2_000_000_000,
        10_000_000,
        "and a GET behind it"
    );
}

#[test]
fn a_gateway_answers_in_the_servers_place() {
    let mut rig = Rig::connected(POLLING);
    rig.network.path_mut(rig.client).gateway_timeout = Some(Duration::from_secs(5));
    rig.emit(1);
    rig.advance(6000);
    assert_eq!(rig.app.reasons, ["transport error"]);
    assert!(
        rig.network
            .trace()
            .iter()
            .any(|line| line.contains("a proxy answers"))
    );
}

#[test]
fn a_full_pipe_lets_things_wait_in_the_machine() {
    let mut rig = Rig::connected(WEBSOCKET);
    rig.network.path_mut(rig.client).unwritable_down = true;
    (1..=3).for_each(|number| rig.emit(number));
    rig.advance(1000);
    assert_eq!(rig.app.heard, [0; 0]);
    let waiting = rig.network.server(rig.server).bytes_held();
    assert!(waiting > 0);
    rig.network.path_mut(rig.client).unwritable_down = false;
    rig.rest();
    assert_eq!(
        (&*rig.app.heard, rig.network.server(rig.server).bytes_held()),
        (&[1, 2, 3][..], 0)
    );

    rig.network.path_mut(rig.client).pipe_frames = 1;
    (4..=20).for_each(|number| rig.emit(number));
    rig.rest();
    assert_eq!(rig.app.heard, (1..=20).collect::<Vec<_>>());
}

#[test]
fn a_busy_application_is_told_later() {
    let mut rig = Rig::connected(WEBSOCKET);
    rig.network.set_server_busy(rig.server, true);
    rig.emit(1);
    rig.rest();
    assert!(rig.network.is_server_behind(rig.server));
    assert_eq!(rig.app.heard, [0; 0]);
    rig.network.set_server_busy(rig.server, false);
    rig.network.set_client_busy(rig.client, true);
    rig.rest();
    assert!(rig.network.is_client_behind(rig.client));
    rig.network.set_client_busy(rig.client, false);
    rig.rest();
    assert_eq!(rig.app.heard, [1]);
}

#[test]
fn a_slow_application_is_told_one_event_at_a_time() {
    let mut rig = Rig::connected(WEBSOCKET);
    rig.network
        .set_server_pace(rig.server, Duration::from_secs(1));
    (1..=4).for_each(|number| rig.emit(number));
    rig.advance(1500);
    assert_eq!(rig.app.heard, [1, 2]);
    rig.advance(1000);
    assert_eq!(rig.app.heard, [1, 2, 3]);
    rig.network.set_server_pace(rig.server, Duration::ZERO);
    rig.rest();
    assert_eq!(rig.app.heard, [1, 2, 3, 4]);
}

#[test]
fn a_late_driver_does_all_that_was_wanted_meanwhile_when_it_looks() {
    for transports in [WEBSOCKET, POLLING] {
        for server in [true, false] {
            let mut rig = Rig::connected(transports);
            let lag = Duration::from_secs(1);
            if server {
                rig.network.set_server_lag(rig.server, lag);
            } else {
                rig.network.set_client_lag(rig.client, lag);
            }
            rig.advance(10);
            (1..=3).for_each(|number| rig.emit(number));
            rig.advance(900);
            assert_eq!(rig.app.heard, [0; 0], "{transports:?}, {server}");
            if server {
                assert!(rig.network.is_server_behind(rig.server));
            } else {
                assert!(rig.network.is_client_behind(rig.client));
            }
            rig.advance(10_000);
            assert_eq!(rig.app.heard, [1, 2, 3], "{transports:?}, {server}");

            // Who is drained at once again does what it left.
            rig.emit(4);
            rig.advance(100);
            rig.network.set_server_lag(rig.server, Duration::ZERO);
            rig.network.set_client_lag(rig.client, Duration::ZERO);
            rig.advance(200);
            assert_eq!(rig.app.heard, [1, 2, 3, 4], "{transports:?}, {server}");
            rig.advance(60_000);
            assert_eq!(rig.app.reasons, [""; 0], "{transports:?}, {server}");
        }
    }
}

/// A jump of the clock goes past the time at which the driver wanted to look.
#[test]
fn a_late_driver_is_behind_until_it_has_looked() {
    let mut rig = Rig::connected(WEBSOCKET);
    rig.network
        .set_server_lag(rig.server, Duration::from_secs(1));
    rig.advance(10);
    rig.emit(1);
    rig.advance(500);
    rig.network.jump(Duration::from_secs(3));
    assert!(rig.network.is_server_behind(rig.server));
    assert_eq!(rig.app.heard, [0; 0]);
    rig.advance(200);
    assert_eq!(rig.app.heard, [1]);
    assert!(!rig.network.is_server_behind(rig.server));
}

#[test]
fn who_sleeps_too_long_is_given_up() {
    for (asleep, reason) in [(10_000, None), (60_000, Some("transport close"))] {
        let mut rig = Rig::connected(WEBSOCKET);
        rig.network.suspend_client(rig.client, true);
        rig.advance(asleep);
        rig.network.suspend_client(rig.client, false);
        rig.advance(10_000);
        assert_eq!(rig.app.reasons.first().map(String::as_str), reason);
        assert_eq!(rig.app.closed, usize::from(reason.is_some()));
    }
    let mut rig = Rig::connected(POLLING);
    rig.network.suspend_server(rig.server, true);
    rig.advance(60_000);
    assert_eq!(
        (&*rig.app.reasons, rig.app.connected),
        (&["ping timeout".to_owned()][..], 1)
    );
    rig.network.suspend_server(rig.server, false);
    rig.advance(10_000);
    assert_eq!(rig.app.connected, 2);
}

#[test]
fn a_clock_that_jumps_lets_everything_be_late() {
    let mut rig = Rig::connected(WEBSOCKET);
    rig.network.jump(Duration::from_secs(3600));
    rig.advance(10_000);
    assert!(!rig.app.reasons.is_empty());
    assert_eq!(rig.app.connected, 2);
}

#[test]
fn a_network_that_does_not_come_to_rest_says_so() {
    let mut rig = Rig::new(WEBSOCKET, 1);
    let error = rig.network.run_until_idle(3, &mut rig.app).unwrap_err();
    assert_eq!(error.to_string(), "the network did not come to rest");
}

#[test]
fn runs_of_one_seed_are_the_same_bit_for_bit_and_others_are_not() {
    let run = |seed| {
        let mut rig = Rig::new(BOTH, seed);
        let path = rig.network.path_mut(rig.client);
        path.jitter = Duration::from_millis(30);
        path.lost_responses = 100;
        for number in 0..50 {
            rig.emit(number);
            rig.advance(500);
        }
        (rig.network.digest(), rig.network.trace().to_vec())
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}
