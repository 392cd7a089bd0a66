//! The application keeps its promise whatever the network does.

use std::collections::BTreeMap;

use auction::{Auction, Bid};
use proptest::prelude::*;
use socketio_proto::engine::client::Endpoint;
use socketio_proto::{client, server};
use socketio_testkit::scenario::strategies::scenario;
use socketio_testkit::{ClientId, Network, OnServer, Script};

/// The highest bid that each client knows of.
#[derive(Default)]
struct Bidders(BTreeMap<ClientId, Bid>);

impl Script for Bidders {
    fn client_event(&mut self, _: &mut Network, id: ClientId, event: client::Event) {
        if let client::Event::Event { payload, .. } = event
            && let Some(bid) = Bid::read(&payload)
        {
            let last = self.0.insert(id, bid.clone());
            assert!(
                last.is_none_or(|last| last.amount <= bid.amount),
                "bids rise"
            );
        }
    }
}

fn bid() -> impl Strategy<Value = Bid> + Clone {
    ("[a-c]", 0..100_u32).prop_map(|(by, amount)| Bid { by, amount })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn in_the_end_everybody_knows_the_highest_bid(scenario in scenario(bid())) {
        let mut network = Network::new(7);
        let server = network.add_server("example.com", server::Config::default())?;
        let endpoint = Endpoint::parse("http://example.com")?;
        let clients = [
            network.add_client(client::Config::new(endpoint.clone()))?,
            network.add_client(client::Config::new(endpoint))?,
        ];
        let mut script = OnServer::new(server, Auction::default()).with_rest(Bidders::default());
        scenario.play(&mut network, server, &clients, &mut script, |_, network, said| {
            let payload = said.event.to_payload().expect("a bid can be sent");
            said.emit_as(network, &payload);
        });
        for id in clients {
            let machine = network.client(id);
            let is_connected = machine.find_socket("/").is_some_and(|socket| machine.is_connected(socket));
            if is_connected {
                prop_assert_eq!(script.rest().0.get(&id), script.app().highest());
            }
        }
    }
}
