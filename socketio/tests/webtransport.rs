//! The client drivers against the server driver, over WebTransport, which that of tokio speaks and the others do not.
#![cfg(test)]

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engineio_driver::{Tls, os_seed};
use engineio_proto::client::{self, Client, CloseReason, Endpoint, Event, TransportError};
use engineio_proto::driver::client::App as ClientApp;
use engineio_proto::server::{self, Server, ServerEvent};
use engineio_proto::{Encoded, Instant as Moment, Message, Seed, Transport, Transports};
use socketio::client as on_tokio;
use socketio::server::{App, Context, Driver, HttpServer, Options, WebTransportServer};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};
use wtransport::endpoint::ConnectOptions;
use {socketio_blocking as threads, socketio_smol as smol};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn messages_of_all_sizes_pass_both_ways_on_a_session_opened_there() {
    let talker = talk(Runtime::Tokio, &[Transport::WebTransport], None).await;
    assert_eq!(talker.received, messages());
}

#[tokio::test]
async fn a_session_moves_there_from_polling_past_the_websocket() {
    let talker = talk(Runtime::Tokio, &ALL, Some(Transport::WebTransport)).await;
    assert_eq!(talker.received, messages());
}

#[tokio::test]
async fn the_other_drivers_fail_to_open_it() {
    for on in OTHERS {
        let talker = talk(on, &[Transport::WebTransport], None).await;
        let Some(CloseReason::TransportError(error)) = talker.closed else {
            panic!("{on:?} {:?}", talker.closed);
        };
        assert!(matches!(error, TransportError::WebTransport(_)), "{on:?}");
        assert_eq!(error.status(), Some(0), "{on:?}");
    }
}

#[tokio::test]
async fn the_other_drivers_open_what_else_is_listed() {
    for on in OTHERS {
        let transports = [Transport::WebTransport, Transport::WebSocket];
        let talker = talk(on, &transports, None).await;
        assert_eq!(talker.received, messages(), "{on:?}");
        assert_eq!(talker.closed, None, "{on:?}");
    }
}

#[tokio::test]
async fn with_the_other_drivers_a_session_moves_to_the_websocket() {
    for on in OTHERS {
        let talker = talk(on, &ALL, Some(Transport::WebSocket)).await;
        assert_eq!(talker.received, messages(), "{on:?}");
        assert_eq!(talker.failed, [Transport::WebTransport], "{on:?}");
    }
}

#[tokio::test]
async fn a_new_certificate_is_for_new_sessions_and_open_ones_stay() {
    let (driver, server) = serve("127.0.0.1:0".parse().unwrap());
    let hashes = server.certificate_hashes();
    let old = hashes.borrow().clone();
    let connection = connect(server.address(), &old).await.expect("a session");
    let (mut send, mut recv) = connection.open_bi().await.unwrap().await.unwrap();

    server.renew_certificate().unwrap();
    let new = server.certificate_hash();
    assert_ne!(new, old);
    assert_eq!(*hashes.borrow(), new);
    assert!(connect(server.address(), &old).await.is_none());
    assert!(connect(server.address(), &new).await.is_some());

    // A frame of one byte that opens a session, and the header of the answer.
    send.write_all(&[1, b'0']).await.unwrap();
    let mut header = [0];
    timeout(LIMIT, recv.read_exact(&mut header))
        .await
        .expect("an answer")
        .unwrap();
    timeout(LIMIT, driver.shut_down()).await.expect("an end");
    server.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_replaced_after_half_its_time() {
    let (_driver, server) = serve("127.0.0.1:0".parse().unwrap());
    let mut hashes = server.certificate_hashes();
    for week in 1..=3 {
        let old = hashes.borrow_and_update().clone();
        let began = Instant::now();
        hashes.changed().await.unwrap();
        assert_ne!(*hashes.borrow(), old);
        let days = began.elapsed().as_secs() / (24 * 60 * 60);
        assert_eq!(days, 7, "week {week}");
    }
}

/// Tells of requests that are refused.
struct Refusals(UnboundedSender<String>);

impl App<Server> for Refusals {
    type Command = ();

    fn handle_event(&mut self, _: &mut Server, event: ServerEvent, context: &mut Context<'_, ()>) {
        if let ServerEvent::Refused { by, reject } = event {
            let request = context.request(by).expect("the request");
            let origin = request.header("origin").unwrap();
            self.0.send(format!("{reject:?} {origin}")).unwrap();
        }
    }

    fn handle_command(&mut self, _: &mut Server, (): (), _: &mut Context<'_, ()>) {}
}

#[tokio::test]
async fn a_foreign_page_is_refused_before_its_session_is_accepted() {
    let config = server::Config::default()
        .with_transports(Transports::default().with(Transport::WebTransport))
        .with_report_refusals(true);
    let machine = Server::new(config, 0, &os_seed().unwrap()).unwrap();
    let (told, mut refused) = unbounded_channel();
    let driver = Driver::start(vec![(machine, Refusals(told))], Options::default());
    let local = "127.0.0.1:0".parse().unwrap();
    let server = WebTransportServer::bind(local, &driver.service()).unwrap();
    let (address, hash) = (server.address(), server.certificate_hash());

    let foreign = "https://evil.example";
    assert!(connect_from(address, &hash, Some(foreign)).await.is_none());
    let report = timeout(LIMIT, refused.recv()).await.expect("a report");
    assert_eq!(report, Some(format!("ForeignOrigin {foreign}")));
    let own = format!("https://{address}");
    assert!(connect_from(address, &hash, Some(&own)).await.is_some());
    assert!(connect_from(address, &hash, None).await.is_some());
    timeout(LIMIT, driver.shut_down()).await.expect("an end");
    server.shut_down().await;
}

/// Sends all that is taken to whoever opens a session, and tells how it ends.
struct Flood(UnboundedSender<String>);

impl App<Server> for Flood {
    type Command = ();

    fn handle_event(&mut self, server: &mut Server, event: ServerEvent, _: &mut Context<'_, ()>) {
        match event {
            ServerEvent::Opened { session, .. } => {
                let message = Encoded::new(&Message::binary(vec![0; 1 << 20]));
                while server.send(session, &message).is_ok() {}
            }
            ServerEvent::Session {
                event: server::Event::Closed(reason),
                ..
            } => self.0.send(reason.to_string()).unwrap(),
            ServerEvent::Session { .. } | _ => {}
        }
    }

    fn handle_command(&mut self, _: &mut Server, (): (), _: &mut Context<'_, ()>) {}
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_timed_out_whatever_heartbeats_it_sends() {
    let config = server::Config::default()
        .with_transports(Transports::default().with(Transport::WebTransport))
        .with_ping_interval(Duration::from_millis(300))
        .with_ping_timeout(Duration::from_millis(200));
    let machine = Server::new(config, 0, &os_seed().unwrap()).unwrap();
    let (told, mut closed) = unbounded_channel();
    let driver = Driver::start(vec![(machine, Flood(told))], Options::default());
    let local = "127.0.0.1:0".parse().unwrap();
    let server = WebTransportServer::bind(local, &driver.service()).unwrap();
    let connection = connect(server.address(), &server.certificate_hash()).await;
    let connection = connection.expect("a session");
    let (mut send, _unread) = connection.open_bi().await.unwrap().await.unwrap();
    // Frames of one byte: the handshake, and pongs for ever.
    send.write_all(&[1, b'0']).await.unwrap();
    let beats = async {
        while send.write_all(&[1, b'3']).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        () = beats => {}
        reason = timeout(LIMIT, closed.recv()) => {
            assert_eq!(reason.expect("an end").as_deref(), Some("ping timeout"));
        }
    }
    timeout(LIMIT, driver.shut_down()).await.expect("an end");
    server.shut_down().await;
}

/// A session with whoever shows the certificate of this hash.
async fn connect(address: SocketAddr, hash: &str) -> Option<wtransport::Connection> {
    connect_from(address, hash, None).await
}

/// The same, as a page of this origin would.
async fn connect_from(
    address: SocketAddr,
    hash: &str,
    origin: Option<&str>,
) -> Option<wtransport::Connection> {
    let hash: [u8; 32] = STANDARD.decode(hash).unwrap().try_into().unwrap();
    let config = wtransport::ClientConfig::builder()
        .with_bind_default()
        .with_server_certificate_hashes([hash.into()])
        .build();
    let endpoint = wtransport::Endpoint::client(config).unwrap();
    let mut request = ConnectOptions::builder(format!("https://{address}/engine.io/"));
    if let Some(origin) = origin {
        request = request.add_header("origin", origin);
    }
    let connecting = endpoint.connect(request.build());
    timeout(LIMIT, connecting).await.expect("an end").ok()
}

const ALL: [Transport; 3] = [
    Transport::Polling,
    Transport::WebSocket,
    Transport::WebTransport,
];

/// What a client runs on.
#[derive(Clone, Copy, Debug)]
enum Runtime {
    Tokio,
    Smol,
    Threads,
}

/// Those whose drivers know no WebTransport.
const OTHERS: [Runtime; 2] = [Runtime::Smol, Runtime::Threads];

impl Runtime {
    async fn run(self, client: Client, talker: Talker) -> Talker {
        let (tls, seed) = (Tls::insecure().unwrap(), Seed::new([2; 32]));
        match self {
            Self::Tokio => {
                let (driver, _commands) = on_tokio::Driver::new(client, talker, tls);
                driver.run().await
            }
            Self::Smol => {
                let (driver, _commands) =
                    smol::Driver::new(client, talker, tls, smol::Options::default(), &seed);
                spawn_blocking(|| ::smol::block_on(driver.run()))
                    .await
                    .unwrap()
            }
            Self::Threads => {
                let (driver, _commands) =
                    threads::Driver::new(client, talker, tls, threads::Options::default(), &seed);
                spawn_blocking(|| driver.run()).await.unwrap()
            }
        }
    }
}

/// Starts a server, talks to it from some transport on and stops it.
async fn talk(on: Runtime, transports: &[Transport], from: Option<Transport>) -> Talker {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (driver, webtransport) = serve(address);
    assert_eq!(webtransport.address(), address);
    let http = HttpServer::start(listener, driver.service());

    let endpoint = Endpoint::parse(&format!("http://{address}")).unwrap();
    let config = client::Config::new(endpoint)
        .with_transports(transports)
        .with_try_all_transports(true);
    let machine = Client::new(config, &Seed::new([1; 32])).unwrap();
    let talker = Talker {
        waits: from.is_some(),
        received: Vec::new(),
        upgraded: None,
        failed: Vec::new(),
        closed: None,
    };
    let client = on.run(machine, talker);
    let talker = timeout(LIMIT, client).await.expect("an end");
    assert_eq!(talker.upgraded, from);
    timeout(LIMIT, driver.shut_down()).await.expect("an end");
    timeout(LIMIT, webtransport.shut_down())
        .await
        .expect("an end");
    http.shut_down().await;
    talker
}

/// Starts a server.
fn serve(address: SocketAddr) -> (Driver<()>, WebTransportServer) {
    let config = server::Config::default()
        .with_transports(Transports::default().with(Transport::WebTransport));
    let machine = Server::new(config, 0, &os_seed().unwrap()).unwrap();
    let driver = Driver::start(vec![(machine, Echo)], Options::default());
    let webtransport = WebTransportServer::bind(address, &driver.service()).unwrap();
    (driver, webtransport)
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

    fn handle_event(&mut self, server: &mut Server, event: ServerEvent, _: &mut Context<'_, ()>) {
        if let ServerEvent::Session {
            session,
            event: server::Event::Message(message),
        } = event
        {
            server.send(session, &Encoded::new(&message)).unwrap();
        }
    }

    fn handle_command(&mut self, _: &mut Server, (): (), _: &mut Context<'_, ()>) {}
}

/// Sends the messages once it is where it should be, and waits for them to come back.
struct Talker {
    waits: bool,
    received: Vec<Message>,
    upgraded: Option<Transport>,
    /// What it could not move to.
    failed: Vec<Transport>,
    closed: Option<CloseReason>,
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

    fn started(&mut self, client: &mut Client, now: Moment) {
        client.open(now);
    }

    fn handle_event(&mut self, client: &mut Client, event: Event, _: Moment) -> ControlFlow<()> {
        match event {
            Event::Opened(_) if !self.waits => self.send(client),
            Event::Upgraded(transport) => {
                self.upgraded = Some(transport);
                self.send(client);
            }
            Event::Message(message) => self.received.push(message),
            Event::UpgradeFailed { transport, .. } => self.failed.push(transport),
            Event::Closed(reason) => {
                self.closed = Some(reason);
                return ControlFlow::Break(());
            }
            Event::Opened(_)
            | Event::Upgrading(_)
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

    fn handle_command(&mut self, _: &mut Client, (): (), _: Moment) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
