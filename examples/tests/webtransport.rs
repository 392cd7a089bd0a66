//! The client driver of tokio against the server driver, over WebTransport.
#![cfg(test)]

use std::ops::ControlFlow;
use std::time::Duration;

use engineio_proto::client::{self, Client, Endpoint, Event};
use engineio_proto::server::{self, Server, ServerEvent};
use engineio_proto::{Encoded, Instant, Message, Seed, Transport, Transports};
use examples::client::tokio::Driver as ClientDriver;
use examples::client::{App as ClientApp, Tls};
use examples::tokio_driver::{
    App, Context, Driver, HttpServer, Options, WebTransportServer, fresh_seed,
};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn messages_of_all_sizes_pass_both_ways_on_a_session_opened_there() {
    let talker = talk(&[Transport::WebTransport]).await;
    assert_eq!(talker.received, messages());
    assert_eq!(talker.upgraded, None);
}

#[tokio::test]
async fn a_session_moves_there_from_polling_past_the_websocket() {
    let talker = talk(&[
        Transport::Polling,
        Transport::WebSocket,
        Transport::WebTransport,
    ])
    .await;
    assert_eq!(talker.received, messages());
    assert_eq!(talker.upgraded, Some(Transport::WebTransport));
}

/// Starts a server, talks to it and stops it.
async fn talk(transports: &[Transport]) -> Talker {
    let config = server::Config::default()
        .with_transports(Transports::default().with(Transport::WebTransport));
    let machine = Server::new(config, 0, &fresh_seed().unwrap()).unwrap();
    let driver = Driver::start(vec![(machine, Echo)], Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let webtransport = WebTransportServer::bind(address, &driver.service()).unwrap();
    assert_eq!(webtransport.address(), address);
    let http = HttpServer::start(listener, driver.service());

    let endpoint = Endpoint::parse(&format!("http://{address}")).unwrap();
    let config = client::Config::new(endpoint).with_transports(transports);
    let machine = Client::new(config, &Seed::new([1; 32])).unwrap();
    let talker = Talker {
        waits: transports.len() > 1,
        received: Vec::new(),
        upgraded: None,
    };
    let (client, _commands) = ClientDriver::new(machine, talker, Tls::insecure().unwrap());
    let talker = timeout(LIMIT, client.run()).await.expect("an end");
    timeout(LIMIT, driver.shut_down()).await.expect("an end");
    timeout(LIMIT, webtransport.shut_down())
        .await
        .expect("an end");
    http.shut_down().await;
    talker
}

fn messages() -> Vec<Message> {
    vec![
        Message::text("hello"),
        Message::binary(vec![]),
        Message::binary(vec![1, 2, 3]),
        Message::text("é".repeat(100_000)),
        Message::binary(vec![7; 900_000]),
    ]
}

struct Echo;

impl App<Server> for Echo {
    type Command = ();

    fn handle_event(&mut self, server: &mut Server, event: ServerEvent, _: &Context<'_, ()>) {
        if let ServerEvent::Session {
            session,
            event: server::Event::Message(message),
        } = event
        {
            server.send(session, &Encoded::new(&message)).unwrap();
        }
    }

    fn handle_command(&mut self, _: &mut Server, (): (), _: &Context<'_, ()>) {}
}

/// Sends the messages once it is where it should be, and waits for them to come back.
struct Talker {
    waits: bool,
    received: Vec<Message>,
    upgraded: Option<Transport>,
}

impl Talker {
    fn send(&self, client: &mut Client) {
        for message in messages() {
            client.send(&Encoded::new(&message)).unwrap();
        }
    }
}

impl ClientApp<Client> for Talker {
    type Command = ();

    fn started(&mut self, client: &mut Client, now: Instant) {
        client.open(now);
    }

    fn handle_event(&mut self, client: &mut Client, event: Event, _: Instant) -> ControlFlow<()> {
        match event {
            Event::Opened(_) if !self.waits => self.send(client),
            Event::Upgraded(transport) => {
                self.upgraded = Some(transport);
                self.send(client);
            }
            Event::Message(message) => self.received.push(message),
            Event::Closed(reason) => panic!("{reason:?}"),
            Event::Opened(_)
            | Event::Upgrading(_)
            | Event::UpgradeFailed { .. }
            | Event::Ping
            | Event::Pong
            | Event::Drained
            | _ => {}
        }
        if self.received.len() < messages().len() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    fn handle_command(&mut self, _: &mut Client, (): (), _: Instant) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
