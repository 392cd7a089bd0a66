//! A server on a free loopback port whose application reports what happens, and clients that speak bytes.

use std::net::SocketAddr;
use std::time::Duration;

use engineio_proto::server::{Config, Event, Server, ServerEvent};
use engineio_proto::{Encoded, Message, Seed};
use socketio::server::{App, Context, Driver, HttpServer, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Echoes, floods when asked to, and reports.
pub struct Probe {
    reports: mpsc::UnboundedSender<Report>,
}

/// What happened in the application.
#[derive(Debug, PartialEq)]
pub enum Report {
    /// A session opened, asked for by a client of that address.
    Opened(Option<SocketAddr>),
    /// So many messages were taken before one was refused; so many bytes wait at most.
    Flooded { taken: usize, buffered: usize },
    /// A session is over, for this reason.
    Closed(String),
    /// A command arrived.
    Told(u32),
    /// The driver is about to stop.
    Stopping,
}

pub const FLOOD_MESSAGE: usize = 64 << 10;

impl App<Server> for Probe {
    type Command = u32;

    fn handle_event(
        &mut self,
        server: &mut Server,
        event: ServerEvent,
        context: &mut Context<'_, u32>,
    ) {
        let report = match event {
            ServerEvent::Opened { session, .. } => {
                let handshake = context
                    .handshake(session)
                    .expect("kept for the application");
                Report::Opened(handshake.address)
            }
            ServerEvent::Session {
                session,
                event: Event::Message(message),
            } if message == Message::text("flood") => {
                let flood = Encoded::new(&Message::text("x".repeat(FLOOD_MESSAGE)));
                let mut taken = 0;
                while server.send(session, &flood).is_ok() {
                    taken += 1;
                }
                let buffered = server.session(session).expect("a session").buffered();
                Report::Flooded {
                    taken,
                    buffered: buffered.bytes,
                }
            }
            ServerEvent::Session {
                session,
                event: Event::Message(message),
            } => {
                let mut echo = Encoded::new(&message);
                if matches!(&message, Message::Text(text) if text.starts_with("uncompressed")) {
                    echo = echo.uncompressed();
                }
                server.send(session, &echo).expect("room");
                return;
            }
            ServerEvent::Session {
                session,
                event: Event::Closed(reason),
            } => {
                assert!(context.handshake(session).is_some(), "kept to the end");
                Report::Closed(reason.to_string())
            }
            ServerEvent::Session { .. } | _ => return,
        };
        // The test may have seen enough.
        let _ignored = self.reports.send(report);
    }

    fn handle_command(&mut self, _: &mut Server, command: u32, _: &mut Context<'_, u32>) {
        let _ignored = self.reports.send(Report::Told(command));
    }

    fn stopping(&mut self, _: &mut Server, _: &mut Context<'_, u32>) {
        let _ignored = self.reports.send(Report::Stopping);
    }
}

/// Starts shards with these settings; what they report comes out of the receiver.
pub fn start(
    config: &Config,
    shards: u16,
    options: Options,
) -> (Driver<u32>, mpsc::UnboundedReceiver<Report>) {
    let (reports, received) = mpsc::unbounded_channel();
    let shards = (0..shards)
        .map(|shard| {
            let seed = Seed::new([7; 32]).child(shard.into());
            let server = Server::new(config.clone(), shard, &seed).expect("good settings");
            let reports = reports.clone();
            (server, Probe { reports })
        })
        .collect();
    (Driver::start(shards, options), received)
}

/// A running server.
pub struct Running {
    pub driver: Driver<u32>,
    pub http: HttpServer,
    pub address: SocketAddr,
    pub reports: mpsc::UnboundedReceiver<Report>,
}

impl Running {
    pub async fn start(config: Config) -> Self {
        let options = Options::default()
            .with_path("/engine.io")
            .with_drain_time(Duration::from_millis(300));
        let (driver, reports) = start(&config, 1, options);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let http = HttpServer::start(listener, driver.service());
        Self {
            driver,
            http,
            address,
            reports,
        }
    }

    pub async fn report(&mut self) -> Report {
        within(self.reports.recv()).await.expect("a report")
    }

    pub async fn stop(self) {
        within(async {
            self.driver.shut_down().await;
            self.http.shut_down().await;
        })
        .await;
    }
}

/// Fails the test rather than to hang.
pub async fn within<F: Future>(future: F) -> F::Output {
    let limit = Duration::from_secs(20);
    timeout(limit, future).await.expect("in time")
}

pub const POLLING: &str = "/engine.io/?EIO=4&transport=polling";
pub const WEBSOCKET: &str = "/engine.io/?EIO=4&transport=websocket";

/// One exchange on a connection of its own: the status, and the body.
pub async fn exchange(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("to write");
    answer(stream).await
}

/// Reads an answer up to the end of the connection.
pub async fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer))
        .await
        .expect("to read");
    let answer = String::from_utf8(answer).expect("text");
    let status = answer.split(' ').nth(1).expect("a status");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    (status.parse().expect("a number"), body.to_owned())
}

pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

pub fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Opens a session over polling: the path of its further requests.
pub async fn open_polling(address: SocketAddr) -> String {
    let (status, body) = exchange(address, &get(POLLING)).await;
    assert_eq!(status, 200, "{body}");
    let sid = body.split('"').nth(3).expect("a sid");
    format!("{POLLING}&sid={sid}")
}

/// Opens a session over WebSocket and takes the handshake packet.
pub async fn open_websocket(address: SocketAddr) -> WebSocketStream<TcpStream> {
    open_websocket_at(address, WEBSOCKET).await
}

/// The same, at this path.
pub async fn open_websocket_at(address: SocketAddr, path: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let url = format!("ws://{address}{path}");
    let (mut socket, _) = within(client_async(url, stream))
        .await
        .expect("a WebSocket");
    assert!(next_text(&mut socket).await.starts_with("0{"));
    socket
}

pub async fn next_text(socket: &mut WebSocketStream<TcpStream>) -> String {
    use futures_util::StreamExt;
    let message = within(socket.next())
        .await
        .expect("a message")
        .expect("to read");
    message.into_text().expect("text").as_str().to_owned()
}
