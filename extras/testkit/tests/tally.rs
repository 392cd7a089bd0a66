//! The network counts the effects of faults, and interrupted upgrades by step.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an application looks at what concerns it"
)]

mod rig;

use std::time::Duration;

use rig::{BOTH, POLLING, Rig, WEBSOCKET};
use socketio_proto::engine::Transport;
use socketio_testkit::{Cut, Effect, UpgradeStep, Websockets};

/// A fault, and the effects that are counted for it.
type Counted = (&'static [Transport], fn(&mut Rig), Effect);

#[test]
fn what_faults_did_is_counted() {
    let faults: &[Counted] = &[
        (
            POLLING,
            |rig| rig.path().lost_requests = 1000,
            Effect::RequestLost,
        ),
        (
            POLLING,
            |rig| rig.path().lost_bodies = 1000,
            Effect::BodyLost,
        ),
        (
            POLLING,
            |rig| rig.path().lost_responses = 1000,
            Effect::ResponseLost,
        ),
        (
            POLLING,
            |rig| rig.path().refused = true,
            Effect::RequestUnreachable,
        ),
        (POLLING, |rig| rig.path().stalled = true, Effect::Stalled),
        (
            POLLING,
            |rig| rig.path().collected = Duration::from_millis(333),
            Effect::ResponseCollected,
        ),
        (
            POLLING,
            |rig| rig.path().gateway_timeout = Some(Duration::from_millis(200)),
            Effect::GatewayTimeout,
        ),
        (
            POLLING,
            |rig| rig.network.cut_requests(rig.client, Cut::Reset),
            Effect::RequestCut,
        ),
        (
            POLLING,
            |rig| rig.network.cut_requests(rig.client, Cut::Silent),
            Effect::RequestSilent,
        ),
        (
            POLLING,
            |rig| rig.network.stop_server(rig.server),
            Effect::ServerStopped,
        ),
        (
            POLLING,
            |rig| rig.network.suspend_server(rig.server, true),
            Effect::ServerAsleep,
        ),
        (
            WEBSOCKET,
            |rig| {
                rig.emit(0);
                rig.advance(12);
                rig.network.suspend_client(rig.client, true);
            },
            Effect::ClientAsleep,
        ),
        (
            WEBSOCKET,
            |rig| rig.network.set_server_busy(rig.server, true),
            Effect::ServerBusy,
        ),
        (
            WEBSOCKET,
            |rig| rig.network.set_client_busy(rig.client, true),
            Effect::ClientBusy,
        ),
        (
            WEBSOCKET,
            |rig| {
                let pace = Duration::from_millis(500);
                rig.network.set_server_pace(rig.server, pace);
            },
            Effect::ServerSlow,
        ),
        (
            WEBSOCKET,
            |rig| {
                let lag = Duration::from_millis(50);
                rig.network.set_server_lag(rig.server, lag);
            },
            Effect::ServerDrainedLate,
        ),
        (
            WEBSOCKET,
            |rig| {
                let lag = Duration::from_millis(50);
                rig.network.set_client_lag(rig.client, lag);
            },
            Effect::ClientDrainedLate,
        ),
        (
            WEBSOCKET,
            |rig| rig.network.jump(Duration::from_secs(30)),
            Effect::Jumped,
        ),
        (
            WEBSOCKET,
            |rig| rig.path().pipe_frames = 0,
            Effect::PipeFullUp,
        ),
        (
            WEBSOCKET,
            |rig| rig.path().unwritable_up = true,
            Effect::UnwritableUp,
        ),
        (
            WEBSOCKET,
            |rig| rig.path().unwritable_down = true,
            Effect::UnwritableDown,
        ),
        (
            WEBSOCKET,
            |rig| rig.network.cut(rig.client, Cut::Clean),
            Effect::WebsocketClosed,
        ),
        (
            WEBSOCKET,
            |rig| rig.network.cut(rig.client, Cut::Reset),
            Effect::WebsocketReset,
        ),
        (
            WEBSOCKET,
            |rig| rig.network.cut(rig.client, Cut::Midway),
            Effect::WebsocketCutMidway,
        ),
        (
            WEBSOCKET,
            |rig| rig.network.cut(rig.client, Cut::Silent),
            Effect::WebsocketSilent,
        ),
    ];
    for (transports, fault, effect) in faults {
        let mut rig = Rig::connected(transports);
        rig.advance(1000);
        assert_eq!(
            rig.network.effects(*effect),
            0,
            "{effect:?} without a fault"
        );
        fault(&mut rig);
        for number in 1..4 {
            rig.emit(number);
        }
        rig.advance(3000);
        assert!(rig.network.effects(*effect) > 0, "{effect:?}");
    }

    // What happens to attempts is seen before there is a connection.
    let attempts: &[Counted] = &[
        (
            WEBSOCKET,
            |rig| rig.path().lost_connects = 1000,
            Effect::ConnectLost,
        ),
        (
            WEBSOCKET,
            |rig| rig.path().refused = true,
            Effect::ConnectUnreachable,
        ),
        (
            WEBSOCKET,
            |rig| rig.path().doubled_attempts = 1000,
            Effect::ConnectDoubled,
        ),
        (
            POLLING,
            |rig| rig.path().doubled_attempts = 1000,
            Effect::RequestDoubled,
        ),
        (
            WEBSOCKET,
            |rig| rig.path().websockets = Websockets::Refused { status: 502 },
            Effect::WebsocketRefused,
        ),
        (
            WEBSOCKET,
            |rig| rig.path().websockets = Websockets::Broken { after: 0 },
            Effect::WebsocketBroken,
        ),
        (
            BOTH,
            |rig| rig.path().websockets = Websockets::Swallowed,
            Effect::FrameSwallowed,
        ),
    ];
    for (transports, fault, effect) in attempts {
        let mut rig = Rig::new(transports, 1);
        fault(&mut rig);
        rig.advance(1000);
        assert!(rig.network.effects(*effect) > 0, "{effect:?}");
    }
}

#[test]
fn an_upgrade_is_counted_at_the_step_at_which_it_is_interrupted() {
    let mut seen = std::collections::BTreeSet::new();
    for (steps, blocked) in (0..60).flat_map(|steps| [(steps, false), (steps, true)]) {
        let mut rig = Rig::new(BOTH, 1);
        for _ in 0..steps {
            let until = rig.network.now() + Duration::from_secs(1);
            if let Some(step) = rig.network.step(until) {
                rig.tell(step);
            }
        }
        // With a pipe that is blocked the upgrade goes as far as it can without another frame.
        if blocked {
            rig.path().unwritable_up = true;
            rig.advance(200);
        }
        rig.network.cut_websockets(rig.client, Cut::Reset);
        let counted = UpgradeStep::ALL.iter().filter(|step| {
            rig.network
                .interrupted_upgrades(Transport::WebSocket, **step)
                > 0
        });
        let counted: Vec<_> = counted.copied().collect();
        assert!(counted.len() <= 1, "{counted:?}");
        assert_eq!(
            rig.network
                .interrupted_upgrades(Transport::WebTransport, UpgradeStep::Connecting),
            0
        );
        seen.extend(counted);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), UpgradeStep::ALL);
}
