//! A server under test for the two protocol test suites and for the official client.
//!
//! `conformance --help` tells of its options, and `tests/js/README.md` of how the two servers behave.
//!
//! The suites assume that requests on several connections are taken in the order in which they were sent, so that all
//! runs on one thread.

mod engineio;
mod socketio;
mod wire;

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use ::socketio::StopSignals;
use ::socketio::server::{App, Driver, HttpServer, Machine, Options, WebTransportServer};
use axum::Router;
use engineio_driver::os_seed;
use engineio_proto::server as engine;
use engineio_proto::server::{Cors, Origin, Origins};
use engineio_proto::{Transport, Transports};
use lexopt::{Arg, ValueExt};
use program::{announce, announce_certificate, init_log};
use socketio_proto::parser::Parser;
use socketio_proto::server as socket;
use tokio::net::TcpListener;

const HELP: &str = include_str!("help.txt");

/// The options of the command line.
struct Arguments {
    mode: Mode,
    port: u16,
    engine: engine::Config,
    connect_timeout: Duration,
    /// The maximum absence after which clients recover.
    recovery: Option<Duration>,
    parser: Parser,
    served: Served,
}

/// What serves HTTP and WebSocket.
#[derive(Clone, Copy)]
enum Served {
    Hyper { webtransport: bool },
    Wire { compression: bool },
}

#[derive(Clone, Copy)]
enum Mode {
    Engine,
    Socket,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(arguments) = parse(lexopt::Parser::from_env())? else {
        return Ok(io::stdout().write_all(HELP.as_bytes())?);
    };
    init_log("info");
    let (address, served) = (
        SocketAddr::from(([127, 0, 0, 1], arguments.port)),
        arguments.served,
    );
    match arguments.mode {
        Mode::Engine => {
            let server = engine::Server::new(arguments.engine, 0, &os_seed()?)?;
            let path = "/engine.io/";
            run(address, served, server, engineio::Echo, path).await
        }
        Mode::Socket => {
            let recovery = arguments.recovery.map(|duration| {
                socket::RecoveryConfig::default().with_max_disconnection_duration(duration)
            });
            let config = socket::Config::default()
                .with_engine(arguments.engine)
                .with_parser(arguments.parser)
                .with_connection_state_recovery(recovery)
                .with_connect_timeout(arguments.connect_timeout);
            let mut server = socket::Server::new(config, 0, &os_seed()?)?;
            let app = socketio::Behaviours::new(&mut server)?;
            let path = "/socket.io/";
            run(address, served, server, app, path).await
        }
    }
}

async fn run<M, A>(
    address: SocketAddr,
    served: Served,
    machine: M,
    app: A,
    path: &str,
) -> Result<(), Box<dyn Error>>
where
    M: Machine<Event: Send> + Send + 'static,
    A: App<M, Command: Send> + Send + 'static,
{
    match served {
        Served::Hyper { webtransport } => on_hyper(address, webtransport, machine, app, path).await,
        Served::Wire { compression } => on_wire(address, compression, machine, app, path).await,
    }
}

fn options(path: &str, compression: bool) -> engineio_wire::server::Options {
    let mut options = engineio_wire::server::Options::new(path);
    options.websocket_compression = compression.then_some(1024);
    options
}

async fn on_wire<M, A>(
    address: SocketAddr,
    compression: bool,
    machine: M,
    app: A,
    path: &str,
) -> Result<(), Box<dyn Error>>
where
    M: Machine<Event: Send> + Send + 'static,
    A: App<M, Command: Send> + Send + 'static,
{
    let driver = wire::Driver::bind(address, machine, app, options(path, compression))?;
    let (address, stop) = (driver.local_addr()?, driver.stop());
    let mut signals = StopSignals::listen()?;
    let mut running = tokio::task::spawn_blocking(move || driver.run());
    announce(address)?;
    tokio::select! {
        ended = &mut running => return Ok(ended??),
        () = signals.next() => stop.now()?,
    }
    Ok(running.await??)
}

async fn on_hyper<M, A>(
    address: SocketAddr,
    webtransport: bool,
    machine: M,
    app: A,
    path: &str,
) -> Result<(), Box<dyn Error>>
where
    M: Machine<Event: Send> + Send + 'static,
    A: App<M, Command: Send> + Send + 'static,
{
    let listener = TcpListener::bind(address).await?;
    let driver = Driver::start(vec![(machine, app)], Options::default().with_path(path));
    let address = listener.local_addr()?;
    let router = Router::new().fallback_service(driver.service());
    let webtransport = webtransport
        .then(|| WebTransportServer::bind(address, &driver.service()))
        .transpose()?;
    let http = HttpServer::start(listener, router);
    let mut stop = StopSignals::listen()?;
    if let Some(webtransport) = &webtransport {
        announce_certificate(&webtransport.certificate_hash())?;
    }
    announce(address)?;

    stop.next().await;
    driver.shut_down().await;
    if let Some(webtransport) = webtransport {
        webtransport.shut_down().await;
    }
    http.shut_down().await;
    Ok(())
}

/// Reads the command line; `None` if help is wanted.
fn parse(mut parser: lexopt::Parser) -> Result<Option<Arguments>, lexopt::Error> {
    let mut mode = None;
    let mut port = 3000;
    let (mut interval, mut timeout, mut connect) = (300, 200, 1000);
    let mut max_payload = 1_000_000;
    let mut recovery = None;
    let mut packets = Parser::Json;
    let mut allow_eio3 = false;
    let mut allow_jsonp = false;
    let mut origins = Origins::any();
    let mut cors = Cors::default();
    let mut transports = Transports::default();
    let mut served = Served::Hyper {
        webtransport: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("engineio") => mode = Some(Mode::Engine),
            Arg::Long("socketio") => mode = Some(Mode::Socket),
            Arg::Long("port") => port = parser.value()?.parse()?,
            Arg::Long("ping-interval") => interval = parser.value()?.parse()?,
            Arg::Long("ping-timeout") => timeout = parser.value()?.parse()?,
            Arg::Long("max-payload") => max_payload = parser.value()?.parse()?,
            Arg::Long("connect-timeout") => connect = parser.value()?.parse()?,
            Arg::Long("allow-eio3") => allow_eio3 = true,
            Arg::Long("allow-jsonp") => allow_jsonp = true,
            Arg::Long("origin") => {
                if origins.is_any() {
                    origins = Origins::listed();
                }
                let text = parser.value()?.string()?;
                origins = origins.with(Origin::parse(&text).map_err(|error| error.to_string())?);
            }
            Arg::Long("credentials") => cors = cors.with_credentials(true),
            Arg::Long("recovery") => {
                recovery = Some(Duration::from_millis(parser.value()?.parse()?));
            }
            Arg::Long("parser") => {
                packets = match &*parser.value()?.string()? {
                    "json" => Parser::Json,
                    "msgpack" => Parser::MsgPack,
                    other => return Err(format!("no such parser: {other}").into()),
                };
            }
            Arg::Long("webtransport") => {
                served = Served::Hyper { webtransport: true };
                transports = transports.with(Transport::WebTransport);
            }
            Arg::Long("wire") => served = Served::Wire { compression: false },
            Arg::Long("wire-compression") => served = Served::Wire { compression: true },
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long(_) | Arg::Short(_) | Arg::Value(_) => return Err(argument.unexpected()),
        }
    }
    Ok(Some(Arguments {
        mode: mode.ok_or("give one of --engineio and --socketio")?,
        port,
        engine: engine::Config::default()
            .with_transports(transports)
            .with_ping_interval(Duration::from_millis(interval))
            .with_ping_timeout(Duration::from_millis(timeout))
            .with_max_payload(max_payload)
            .with_allow_eio3(allow_eio3)
            .with_allow_jsonp(allow_jsonp)
            .with_origins(origins)
            .with_cors(cors),
        connect_timeout: Duration::from_millis(connect),
        recovery,
        parser: packets,
        served,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_help_text_and_the_other_way_round() {
        let source = include_str!("main.rs");
        let read: Vec<_> = source
            .split("Arg::Long(\"")
            .skip(1)
            .filter_map(|rest| rest.split_once("\")").map(|(name, _)| name))
            .filter(|name| !name.contains(['\\', ' ']))
            .collect();
        assert!(read.len() > 10);
        for name in &read {
            assert!(HELP.contains(&format!("--{name}")), "{name}");
        }
        for name in HELP
            .split("--")
            .skip(1)
            .filter_map(|rest| rest.split([' ', '\n', ',']).next())
        {
            assert!(read.contains(&name), "{name}");
        }
    }
}
