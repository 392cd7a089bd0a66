//! Applications for drivers run in a network, in its time.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and looks for some events among many"
)]

use std::ops::ControlFlow;
use std::time::Duration;

use socketio_proto::client::{self, Client, SocketOptions};
use socketio_proto::engine::client::Endpoint;
use socketio_proto::engine::driver::client::App as ClientApp;
use socketio_proto::engine::driver::server::{App as ServerApp, Context, Farewell};
use socketio_proto::engine::{Instant, Transport, Transports, server as engine};
use socketio_proto::server::{self, Server};
use socketio_testkit::{ClientId, Network, OnClient, OnServer, Script, ServerId};

/// Answers with the address of the client, and says what it is told.
#[derive(Default)]
struct Host {
    log: Vec<String>,
}

enum Order {
    /// Work is done.
    Checked(String),
    /// It is this number's turn.
    Tick(u32),
}

impl ServerApp<Server> for Host {
    type Command = Order;

    fn started(&mut self, _: &mut Server, context: &mut Context<'_, Order>) {
        self.log.push("started".into());
        context.send_after(Duration::from_secs(2), Order::Tick(2));
        context.send_after(Duration::from_secs(1), Order::Tick(1));
    }

    fn handle_event(
        &mut self,
        server: &mut Server,
        event: server::Event,
        context: &mut Context<'_, Order>,
    ) {
        match event {
            server::Event::Handshake { token, by } => {
                let request = context.request(by).expect("the request that asks");
                self.log.push(format!("asked {}", request.path()));
                server
                    .accept_handshake(token, context.now)
                    .expect("it waits");
            }
            server::Event::Refused { by, .. } => {
                let request = context.request(by).expect("the request");
                self.log.push(format!("refused {}", request.path()));
            }
            server::Event::Connecting { token, session, .. } => {
                let handshake = context.handshake(session).expect("the request");
                let address = handshake.address.expect("an address");
                assert_eq!(handshake.header("host").as_deref(), Some("example.com"));
                self.log.push(format!("connecting {}", address.ip()));
                server.accept(token, context.now).expect("it waits");
                context.run(move || Order::Checked(address.to_string()));
            }
            server::Event::Closed { session, .. } => {
                assert!(context.handshake(session).is_some(), "kept to the end");
                self.log.push("closed".into());
            }
            _ => {}
        }
    }

    fn handle_command(&mut self, _: &mut Server, order: Order, context: &mut Context<'_, Order>) {
        let seconds = (context.now.as_nanos() / 1_000_000_000) % 1000;
        self.log.push(match order {
            Order::Checked(address) => format!("checked {address}"),
            Order::Tick(number) => format!("tick {number} at {seconds}"),
        });
    }

    fn stopping(&mut self, _: &mut Server, _: &mut Context<'_, Order>) {
        self.log.push("stopping".into());
    }
}

/// Connects, and wants no more once it is in.
#[derive(Default)]
struct Guest {
    connected: u32,
}

impl ClientApp<Client> for Guest {
    type Command = &'static str;

    fn started(&mut self, client: &mut Client, now: Instant) {
        client
            .connect("/", SocketOptions::default(), now)
            .expect("a name");
    }

    fn handle_event(
        &mut self,
        _: &mut Client,
        event: client::Event,
        _: Instant,
    ) -> ControlFlow<()> {
        if let client::Event::Connected { .. } = event {
            self.connected += 1;
        }
        ControlFlow::Continue(())
    }

    fn handle_command(&mut self, _: &mut Client, command: &str, _: Instant) -> ControlFlow<()> {
        match command {
            "leave" => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Counts what is told to nobody else.
#[derive(Default)]
struct Rest(usize);

impl Script for Rest {
    fn server_event(&mut self, _: &mut Network, _: ServerId, _: server::Event) {
        self.0 += 1;
    }

    fn client_event(&mut self, _: &mut Network, _: ClientId, _: client::Event) {
        self.0 += 1;
    }
}

fn network(config: server::Config) -> (Network, ServerId, ClientId) {
    let mut network = Network::new(1);
    let server = network.add_server("example.com", config).unwrap();
    let endpoint = Endpoint::parse("http://example.com").unwrap();
    let client = network.add_client(client::Config::new(endpoint)).unwrap();
    (network, server, client)
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn applications_of_drivers_run_unchanged() {
    let asks = engine::Config::default().with_allow_request(true);
    let (mut network, server, client) = network(server::Config::default().with_engine(asks));
    let guest = OnClient::new(client, Guest::default()).with_rest(Rest::default());
    let mut script = OnServer::new(server, Host::default()).with_rest(guest);
    network.advance(SECOND * 5, &mut script);
    assert_eq!(
        script.app().log,
        [
            "started",
            "asked /socket.io/",
            "connecting 10.0.0.0",
            "checked 10.0.0.0:40000",
            "tick 1 at 1",
            "tick 2 at 2",
        ]
    );
    assert_eq!(script.rest().app().connected, 1);
    assert_eq!(script.rest().rest().0, 0);
    assert_eq!(network.handshakes(server).len(), 1);

    script.rest_mut().command(&mut network, "leave");
    assert!(script.rest().is_stopped());
    network.advance(SECOND, &mut script);
    assert_eq!(script.app().log.last().unwrap(), "closed");
    assert!(network.handshakes(server).is_empty());

    script.stop(&mut network, Farewell::Drain, SECOND);
    network.advance(SECOND, &mut script);
    assert_eq!(script.app().log.last().unwrap(), "stopping");
}

#[test]
fn a_refused_request_is_shown_and_forgotten() {
    let config = engine::Config::default()
        .with_report_refusals(true)
        .with_transports(Transports::NONE.with(Transport::WebSocket));
    let (mut network, server, client) = network(server::Config::default().with_engine(config));
    let guest = OnClient::new(client, Guest::default());
    let mut script = OnServer::new(server, Host::default()).with_rest(guest);
    network.advance(SECOND / 2, &mut script);
    assert!(script.app().log.contains(&"refused /socket.io/".to_owned()));
    assert!(network.handshakes(server).is_empty());
}

#[test]
fn an_application_that_starts_anew_has_no_plans() {
    let (mut network, server, _) = network(server::Config::default());
    let mut script = OnServer::new(server, Host::default());
    network.advance(SECOND / 2, &mut script);
    script.restart(Host::default());
    network.advance(SECOND * 5, &mut script);
    assert_eq!(script.app().log, ["started", "tick 1 at 1", "tick 2 at 2"]);
}

#[test]
fn commands_come_at_their_time_though_nothing_else_happens() {
    let (mut network, server, _) = network(server::Config::default());
    let mut script = OnServer::new(server, Host::default());
    script.command(&mut network, Order::Tick(0));
    let steps = network.advance(SECOND * 5, &mut script);
    assert_eq!(script.app().log.len(), 4, "{:?} {steps}", script.app().log);
}

#[test]
fn what_nobody_hosts_is_told_to_the_rest() {
    let (mut network, _, client) = network(server::Config::default());
    let other = network
        .add_server("other.example", server::Config::default())
        .unwrap();
    let mut script = OnServer::new(other, Host::default()).with_rest(Rest::default());
    let (machine, now) = network.client_mut(client);
    machine.connect("/", SocketOptions::default(), now).unwrap();
    network.advance(SECOND, &mut script);
    assert!(script.rest().0 > 1);
    assert!(
        script
            .app()
            .log
            .iter()
            .all(|line| !line.starts_with("connecting"))
    );
}

/// Gives itself the next command at once, for ever.
struct Restless;

impl ServerApp<Server> for Restless {
    type Command = ();

    fn started(&mut self, _: &mut Server, context: &mut Context<'_, ()>) {
        context.send_after(Duration::ZERO, ());
    }

    fn handle_event(&mut self, _: &mut Server, _: server::Event, _: &mut Context<'_, ()>) {}

    fn handle_command(&mut self, _: &mut Server, (): (), context: &mut Context<'_, ()>) {
        context.send_after(Duration::ZERO, ());
    }
}

#[test]
#[should_panic(expected = "it never comes to rest")]
fn an_application_that_never_comes_to_rest_is_noticed() {
    let (mut network, server, _) = network(server::Config::default());
    network.advance(SECOND, &mut OnServer::new(server, Restless));
}
