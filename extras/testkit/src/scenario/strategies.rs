//! Strategies of proptest for scenarios.
//!
//! # Examples
//!
//! Whatever happens, an acknowledgement that a client awaits ends once:
//!
//! ```
//! use proptest::prelude::*;
//! use socketio_proto::engine::client::Endpoint;
//! use socketio_proto::{client, server};
//! use socketio_testkit::scenario::Scenario;
//! use socketio_testkit::{ClientId, Network, Script, ServerId};
//!
//! #[derive(Default)]
//! struct App {
//!     ended: std::collections::BTreeSet<client::AckId>,
//! }
//!
//! impl Script for App {
//!     fn server_event(&mut self, network: &mut Network, id: ServerId, event: server::Event) {
//!         let (server, now) = network.server_mut(id);
//!         if let server::Event::Connecting { token, .. } = event {
//!             let _gone = server.accept(token, now);
//!         }
//!     }
//!
//!     fn client_event(&mut self, _: &mut Network, _: ClientId, event: client::Event) {
//!         if let client::Event::Ack { id, .. } | client::Event::AckFailed { id, .. } = event {
//!             assert!(self.ended.insert(id), "it ends once");
//!         }
//!     }
//! }
//!
//! proptest! {
//!     #![proptest_config(ProptestConfig::with_cases(20))]
//!     fn acknowledgements_end_once(scenario: Scenario) {
//!         let mut network = Network::new(7);
//!         let server = network.add_server("example.com", server::Config::default())?;
//!         let client = network.add_client(client::Config::new(Endpoint::parse("http://example.com")?))?;
//!         scenario.run(&mut network, server, &[client], &mut App::default());
//!     }
//! }
//! acknowledgements_end_once();
//! ```

use std::fmt::Debug;
use std::time::Duration;

use proptest::arbitrary::{Arbitrary, any};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::{Just, prop_oneof};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Strategy};
use socketio_proto::{Payload, strategies};

use super::{Action, Fault, Scenario, Turn};
use crate::path::{Cut, Websockets};

/// The most turns of a scenario.
const MOST_TURNS: usize = 40;

/// Scenarios in which clients say something of this strategy, and the server says nothing of its own.
pub fn scenario<S>(events: S) -> BoxedStrategy<Scenario<S::Value>>
where
    S: Strategy + Clone + 'static,
    S::Value: Clone + Debug + 'static,
{
    of_actions(prop_oneof![2 => said(events), 3 => happening()].boxed())
}

/// Scenarios in which clients say something of one strategy, and the server of another.
pub fn scenario_of_both<S, T>(by_clients: S, by_server: T) -> BoxedStrategy<Scenario<S::Value>>
where
    S: Strategy + Clone + 'static,
    T: Strategy<Value = S::Value> + Clone + 'static,
    S::Value: Clone + Debug + 'static,
{
    let broadcast =
        (by_server, timeout()).prop_map(|(event, ack)| Action::Broadcast { event, ack });
    of_actions(prop_oneof![2 => said(by_clients), 1 => broadcast, 3 => happening()].boxed())
}

fn of_actions<E: Clone + Debug + 'static>(
    action: BoxedStrategy<Action<E>>,
) -> BoxedStrategy<Scenario<E>> {
    let turn = (0..4_u8, action).prop_map(|(client, action)| Turn::new(client, action));
    vec(turn, 0..MOST_TURNS).prop_map(Scenario::new).boxed()
}

fn said<S>(events: S) -> impl Strategy<Value = Action<S::Value>>
where
    S: Strategy + Clone + 'static,
    S::Value: Clone + Debug + 'static,
{
    (events, timeout()).prop_map(|(event, ack)| Action::Say { event, ack })
}

fn timeout() -> impl Strategy<Value = Option<Duration>> {
    of(select(&[300, 5_000][..]).prop_map(Duration::from_millis))
}

/// What happens without words: time, faults, and those who come and go.
fn happening<E: Clone + Debug + 'static>() -> BoxedStrategy<Action<E>> {
    prop_oneof![
        8 => select(&[1, 5, 10, 20, 50, 500, 5_000, 50_000][..]).prop_map(|millis| Action::Wait(Duration::from_millis(millis))),
        2 => Just(Action::Connect),
        1 => Just(Action::Disconnect),
        1 => Just(Action::DisconnectAll),
        2 => cut().prop_map(Action::Cut),
        1 => cut().prop_map(Action::CutWebSockets),
        1 => cut().prop_map(Action::CutRequests),
        1 => Just(Action::RestartServer),
        4 => fault().prop_map(Action::Fault),
        2 => Just(Action::Mend),
        1 => any::<bool>().prop_map(Action::BusyServer),
        1 => any::<bool>().prop_map(Action::BusyClient),
        1 => (0..25_000_u64).prop_map(|millis| Action::Jump(Duration::from_millis(millis))),
    ]
    .boxed()
}

/// Ways to cut connections.
pub fn cut() -> BoxedStrategy<Cut> {
    select(&[Cut::Clean, Cut::Reset, Cut::Midway, Cut::Silent][..]).boxed()
}

/// Faults of paths.
pub fn fault() -> BoxedStrategy<Fault> {
    let chance = || select(&[100_u16, 300, 1_000][..]);
    let millis = || (1..64_u64).prop_map(Duration::from_millis);
    prop_oneof![
        chance().prop_map(Fault::LostRequests),
        chance().prop_map(Fault::LostBodies),
        chance().prop_map(Fault::LostResponses),
        chance().prop_map(Fault::LostConnects),
        chance().prop_map(Fault::DoubledAttempts),
        Just(Fault::Refused),
        Just(Fault::Stalled),
        millis().prop_map(Fault::Jitter),
        millis().prop_map(Fault::Collected),
        (1..9_u8).prop_map(Fault::PipeFrames),
        Just(Fault::UnwritableUp),
        Just(Fault::UnwritableDown),
        prop_oneof![
            Just(Websockets::Refused { status: 502 }),
            Just(Websockets::Swallowed),
            (0..9_u32).prop_map(|after| Websockets::Broken { after }),
        ]
        .prop_map(Fault::Websockets),
    ]
    .boxed()
}

/// Both sides say events of any content.
impl Arbitrary for Scenario<Payload> {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        scenario_of_both(strategies::event(), strategies::event())
    }
}
