//! A server that says everything back, and one client.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::time::Duration;

use socketio_proto::client::{self, SocketKey, SocketOptions};
use socketio_proto::engine::Transport;
use socketio_proto::engine::client::Endpoint;
use socketio_proto::{Payload, server};
use socketio_testkit::{ClientId, Network, Path, Recording, Script, ServerId, Step};

/// A server that says everything back, and clients that note what they are told.
#[derive(Default)]
pub(crate) struct Echo {
    pub(crate) heard: Vec<u32>,
    pub(crate) connected: usize,
    pub(crate) reasons: Vec<String>,
    pub(crate) sessions: usize,
    pub(crate) closed: usize,
    pub(crate) upgraded: usize,
    pub(crate) upgrade_failed: usize,
}

impl Script for Echo {
    fn server_event(&mut self, network: &mut Network, id: ServerId, event: server::Event) {
        let (server, now) = network.server_mut(id);
        match event {
            server::Event::Connecting { token, .. } => drop(server.accept(token, now)),
            server::Event::Event {
                socket, payload, ..
            } => drop(server.emit(socket, &payload, now)),
            server::Event::Opened { .. } => self.sessions += 1,
            server::Event::Closed { .. } => self.closed += 1,
            _ => {}
        }
    }

    fn client_event(&mut self, _network: &mut Network, _id: ClientId, event: client::Event) {
        match event {
            client::Event::Event { payload, .. } => {
                self.heard
                    .push(payload.args::<(u32,)>().expect("a number").0);
            }
            client::Event::Connected { .. } => self.connected += 1,
            client::Event::Disconnected { reason, .. } => self.reasons.push(reason.to_string()),
            client::Event::Upgraded { .. } => self.upgraded += 1,
            client::Event::UpgradeFailed { .. } => self.upgrade_failed += 1,
            _ => {}
        }
    }
}

pub(crate) struct Rig {
    pub(crate) network: Network,
    pub(crate) app: Echo,
    pub(crate) server: ServerId,
    pub(crate) client: ClientId,
    pub(crate) socket: SocketKey,
}

pub(crate) const POLLING: &[Transport] = &[Transport::Polling];
pub(crate) const WEBSOCKET: &[Transport] = &[Transport::WebSocket];
pub(crate) const BOTH: &[Transport] = &[Transport::Polling, Transport::WebSocket];

impl Rig {
    pub(crate) fn new(transports: &[Transport], seed: u64) -> Self {
        let mut network = Network::new(seed);
        network.record(Recording::Trace);
        let server = network
            .add_server("example.com", server::Config::default())
            .unwrap();
        let endpoint = Endpoint::parse("http://example.com").unwrap();
        let config = client::Config::new(endpoint)
            .with_engine(|engine| engine.with_transports(transports.to_vec()));
        let client = network.add_client(config).unwrap();
        let (machine, now) = network.client_mut(client);
        let socket = machine.connect("/", SocketOptions::default(), now).unwrap();
        Self {
            network,
            app: Echo::default(),
            server,
            client,
            socket,
        }
    }

    /// As `new`, when all is quiet.
    pub(crate) fn connected(transports: &[Transport]) -> Self {
        let mut rig = Self::new(transports, 1);
        rig.rest();
        assert_eq!(rig.app.connected, 1);
        rig
    }

    pub(crate) fn rest(&mut self) {
        self.network.run_until_idle(10_000, &mut self.app).unwrap();
    }

    pub(crate) fn path(&mut self) -> &mut Path {
        self.network.path_mut(self.client)
    }

    pub(crate) fn tell(&mut self, step: Step) {
        match step {
            Step::Server { server, event } => {
                self.app.server_event(&mut self.network, server, event);
            }
            Step::Client { client, event } => {
                self.app.client_event(&mut self.network, client, event);
            }
            _ => {}
        }
    }

    pub(crate) fn advance(&mut self, millis: u64) {
        self.network
            .advance(Duration::from_millis(millis), &mut self.app);
    }

    pub(crate) fn emit(&mut self, number: u32) {
        let (client, now) = self.network.client_mut(self.client);
        let event = Payload::event("n").arg(&number).build().unwrap();
        client.emit(self.socket, &event, now).unwrap();
    }
}
