//! Scenarios do what they say, whoever writes them, and those that fail shrink to the turns that matter.
#![cfg(test)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an application looks at what concerns it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use proptest::prelude::*;
use socketio_proto::engine::client::Endpoint;
use socketio_proto::engine::inputs::{Change, Mutate, Mutation};
use socketio_proto::{Payload, client, server};
use socketio_testkit::scenario::{Action, Fault, Said, Scenario, Speaker, Turn, strategies};
use socketio_testkit::{ClientId, Cut, Effect, Network, Script, ServerId};

use support::{samples, variant};

#[path = "../../../tests/support/samples.rs"]
mod support;

/// Numbers go from the clients to the server and back, and the server has numbers of its own.
#[derive(Default)]
struct App {
    /// The numbers that were said, by client. Those of the server are under its own name.
    said: BTreeMap<String, u32>,
    heard: BTreeMap<String, Vec<u32>>,
    awaited: BTreeSet<(ClientId, client::AckId)>,
    ended: usize,
    joined: usize,
    left: usize,
}

impl Script for App {
    fn server_event(&mut self, network: &mut Network, id: ServerId, event: server::Event) {
        let (machine, now) = network.server_mut(id);
        match event {
            server::Event::Connecting { token, .. } => {
                self.joined += usize::from(machine.accept(token, now).is_ok());
            }
            server::Event::Event { payload, ack, .. } => {
                let (speaker, number): (String, u32) = payload.args().unwrap();
                let heard = self.heard.entry(speaker).or_default();
                assert!(
                    heard.last() < Some(&number),
                    "nothing is heard twice or out of order"
                );
                heard.push(number);
                if let Some(ack) = ack {
                    let _gone = machine.respond(ack, &Payload::no_args());
                }
            }
            server::Event::Disconnected { .. } => self.left += 1,
            _ => {}
        }
    }

    fn client_event(&mut self, network: &mut Network, id: ClientId, event: client::Event) {
        match event {
            client::Event::Event { payload, ack, .. } => {
                let (speaker, number): (String, u32) = payload.args().unwrap();
                self.heard
                    .entry(format!("{id} of {speaker}"))
                    .or_default()
                    .push(number);
                if let Some(ack) = ack {
                    let (machine, now) = network.client_mut(id);
                    let _gone = machine.respond(ack, &Payload::no_args(), now);
                }
            }
            client::Event::Ack { id: ack, .. } | client::Event::AckFailed { id: ack, .. } => {
                assert!(
                    self.awaited.insert((id, ack)),
                    "each acknowledgement ends once"
                );
                self.ended += 1;
            }
            _ => {}
        }
    }
}

/// Runs a scenario with two clients.
fn run<E>(scenario: &Scenario<E>) -> (App, Network) {
    let mut network = Network::new(7);
    let server = network
        .add_server("example.com", server::Config::default())
        .unwrap();
    let clients = [(); 2].map(|()| {
        let endpoint = Endpoint::parse("http://example.com").unwrap();
        network.add_client(client::Config::new(endpoint)).unwrap()
    });
    let mut app = App::default();
    let (mut awaited, mut said_by_clients) = (0, 0);
    scenario.play(
        &mut network,
        server,
        &clients,
        &mut app,
        |app, network, said: Said<'_, E>| {
            let speaker = match said.by {
                Speaker::Client(id) => id.to_string(),
                Speaker::Server(id) => id.to_string(),
            };
            let number = app.said.entry(speaker.clone()).or_default();
            *number += 1;
            let payload = Payload::with_args("number", (&speaker, *number)).unwrap();
            if said.emit_as(network, &payload) && matches!(said.by, Speaker::Client(_)) {
                said_by_clients += 1;
                awaited += usize::from(said.ack.is_some());
            }
        },
    );
    assert_eq!(app.ended, awaited, "every acknowledgement ends");
    let heard: usize = app
        .heard
        .iter()
        .filter(|(by, _)| !by.contains(" of "))
        .map(|(_, all)| all.len())
        .sum();
    assert!(
        heard <= said_by_clients,
        "nothing is heard that nobody said"
    );
    (app, network)
}

fn structured(count: usize) -> Vec<Scenario<()>> {
    samples(proptest::collection::vec(any::<u8>(), 0..300), count)
        .iter()
        .map(|bytes| Scenario::arbitrary(&mut Unstructured::new(bytes)).unwrap())
        .collect()
}

const ACTIONS: [&str; 15] = [
    "Wait",
    "Say",
    "Broadcast",
    "Connect",
    "Disconnect",
    "DisconnectAll",
    "Cut",
    "CutWebSockets",
    "CutRequests",
    "RestartServer",
    "Fault",
    "Mend",
    "BusyServer",
    "BusyClient",
    "Jump",
];
const FAULTS: [&str; 13] = [
    "LostRequests",
    "LostBodies",
    "LostResponses",
    "LostConnects",
    "DoubledAttempts",
    "Refused",
    "Stalled",
    "Jitter",
    "Collected",
    "PipeFrames",
    "UnwritableUp",
    "UnwritableDown",
    "Websockets",
];

#[test]
fn generated_scenarios_have_every_action_and_fault_and_an_application_holds_in_them() {
    let both = strategies::scenario_of_both(Just(()), Just(()));
    let mut effects = BTreeMap::<String, u64>::new();
    for scenarios in [samples(both, 200), structured(200)] {
        let turns: Vec<&Turn<()>> = scenarios
            .iter()
            .flat_map(|scenario| &scenario.turns)
            .collect();
        let actions: BTreeSet<String> = turns.iter().map(|turn| variant(&turn.action)).collect();
        assert_eq!(actions, ACTIONS.map(str::to_owned).into());
        let faults: BTreeSet<String> = turns
            .iter()
            .filter_map(|turn| match &turn.action {
                Action::Fault(fault) => Some(variant(fault)),
                _ => None,
            })
            .collect();
        assert_eq!(faults, FAULTS.map(str::to_owned).into());
        let clients: BTreeSet<u8> = turns.iter().map(|turn| turn.client % 2).collect();
        assert_eq!(clients.len(), 2);
        let (mut heard, mut at_clients, mut ended, mut left) = (0, 0, 0, 0);
        for scenario in &scenarios {
            let (app, network) = run(scenario);
            heard += app.heard.len();
            at_clients += app.heard.keys().filter(|by| by.contains(" of ")).count();
            ended += app.ended;
            left += app.left;
            for effect in Effect::ALL {
                *effects.entry(format!("{effect:?}")).or_default() += network.effects(*effect);
            }
        }
        assert!(
            heard > 100 && at_clients > 20 && ended > 100 && left > 50,
            "{heard} {at_clients} {ended} {left}"
        );
    }
    // Scenarios have no sleep, pace and lag, and no proxy that answers.
    let never = [
        "ClientAsleep",
        "ClientDrainedLate",
        "GatewayTimeout",
        "ServerAsleep",
        "ServerDrainedLate",
        "ServerSlow",
    ];
    let without: BTreeSet<&str> = effects
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(without, never.into());
}

#[test]
fn a_strategy_for_clients_lets_the_server_say_nothing() {
    let scenarios = samples(strategies::scenario(Just(())), 100);
    let turns = scenarios.iter().flat_map(|scenario| &scenario.turns);
    assert!(
        turns
            .clone()
            .all(|turn| !matches!(turn.action, Action::Broadcast { .. }))
    );
    assert!(
        turns
            .filter(|turn| matches!(turn.action, Action::Say { .. }))
            .count()
            > 200
    );
}

/// The smallest scenario in which something happens.
fn smallest(fails: impl Fn(&Scenario<()>) -> bool) -> Vec<Turn<()>> {
    support::smallest(500, strategies::scenario(Just(())), fails).turns
}

#[test]
fn failing_scenarios_shrink_to_the_turns_that_matter() {
    let restart = |turn: &Turn<()>| turn.action == Action::RestartServer;
    assert_eq!(
        smallest(|scenario| scenario.turns.iter().any(restart)),
        [Turn::new(0, Action::RestartServer)]
    );
    // An application that loses its data with the server, and would have to be told something before.
    let turns = smallest(|scenario| {
        let said = scenario
            .turns
            .iter()
            .position(|turn| matches!(turn.action, Action::Say { .. }));
        let stopped = scenario.turns.iter().rposition(restart);
        said.is_some() && said < stopped
    });
    let said = Turn::new(
        0,
        Action::Say {
            event: (),
            ack: None,
        },
    );
    assert_eq!(turns, [said, Turn::new(0, Action::RestartServer)]);
}

#[test]
fn each_turn_takes_effect() {
    let wait = |millis| Turn::new(0, Action::Wait(Duration::from_millis(millis)));
    let say = |client| {
        Turn::new(
            client,
            Action::Say {
                event: (),
                ack: None,
            },
        )
    };
    let heard = |turns: Vec<Turn<()>>| {
        let (app, _) = run(&Scenario::new(turns));
        (
            app.heard.get("client 0").map_or(0, Vec::len),
            app.joined,
            app.left,
        )
    };
    assert_eq!(heard(vec![]), (0, 2, 0));
    assert_eq!(heard(vec![wait(1_000), say(0), say(1), say(2)]), (2, 2, 0));
    let leave = Turn::new(0, Action::Disconnect);
    assert_eq!(heard(vec![wait(1_000), leave.clone(), say(0)]), (0, 2, 1));
    let come = Turn::new(0, Action::Connect);
    assert_eq!(
        heard(vec![wait(1_000), leave, wait(100), come, say(0)]),
        (1, 3, 1)
    );
    let all = Turn::new(0, Action::DisconnectAll);
    assert_eq!(heard(vec![wait(1_000), all]), (0, 2, 2));
    let cut = Turn::new(0, Action::Cut(Cut::Reset));
    assert_eq!(
        heard(vec![wait(1_000), cut, wait(20_000), say(0)]),
        (1, 3, 1)
    );
    let refused = Turn::new(0, Action::Fault(Fault::Refused));
    let mend = Turn::new(0, Action::Mend);
    assert_eq!(
        heard(vec![refused.clone(), wait(60_000)]).1,
        2,
        "all faults end"
    );
    assert_eq!(heard(vec![refused, mend, say(0)]), (1, 2, 0));
    let stalled = Turn::new(0, Action::Fault(Fault::Stalled));
    assert_eq!(
        heard(vec![wait(1_000), stalled, wait(100_000)]),
        (0, 3, 1),
        "a ping timeout"
    );
    let restart = Turn::new(0, Action::RestartServer);
    assert_eq!(heard(vec![wait(1_000), restart]).1, 4, "both come again");
}

#[test]
fn a_changed_scenario_has_another_order() {
    let turn = |client| Turn::new(client, Action::<()>::Connect);
    let changed = |change, at| {
        let mut scenario = Scenario::new(vec![turn(0), turn(1), turn(2)]);
        scenario.mutate(&Mutation::new(change, at, 0));
        let clients: Vec<u8> = scenario.turns.iter().map(|turn| turn.client).collect();
        clients
    };
    assert_eq!(changed(Change::Remove, 0x8000), [0, 2]);
    assert_eq!(changed(Change::Double, 0x8000), [0, 1, 1, 2]);
    assert_eq!(changed(Change::Swap, 0), [1, 0, 2]);
    assert_eq!(changed(Change::Cut, 0x8000), [0]);
    assert_eq!(changed(Change::Set, u16::MAX), [0, 1, 3]);
}
