//! A chat for the browser, by default at <http://127.0.0.1:3000>. `chat --help` tells of its options, and
//! `examples/chat/assets/PROTOCOL.md` of its events and rules.

mod app;
mod metrics;
mod options;
mod page;
mod rooms;
mod shard;
#[cfg(test)]
mod tests;
mod webtransport;

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use engineio_driver::os_seed;
use program::{announce, init_log, tell};
use socketio::StopSignals;
use socketio::server::{self as driver, Driver, HttpServer, compression};
use socketio_admin::Admin;
use socketio_proto::engine::server as engine;
use socketio_proto::engine::{Transport, Transports};
use socketio_proto::server::{self, Config, RecoveryConfig};
use socketio_recorder::{Recorder, create_file};
use tokio::net::TcpListener;

use options::{HELP, Options, parse};
use shard::Shard;
use webtransport::WebTransport;

/// A server that is recorded, if that is asked for.
type Server = Recorder<server::Server>;

/// More clients than that are turned away, so that the memory they can take has a limit.
const MAX_CLIENTS: usize = 1_000;

/// A recording has no more bytes.
const MAX_RECORDING: u64 = 1 << 30;

/// Answers of fewer bytes are not compressed: officially `httpCompression`.
const COMPRESSION_THRESHOLD: u64 = 1_024;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await else {
        return ExitCode::SUCCESS;
    };
    tell(&format!("chat: {error}"));
    if error.is::<lexopt::Error>() {
        tell("chat --help tells of the options");
    }
    ExitCode::FAILURE
}

async fn run() -> Result<(), Box<dyn Error>> {
    let Some(options) = parse(lexopt::Parser::from_env())? else {
        return Ok(io::stdout().write_all(HELP.as_bytes())?);
    };
    init_log("info");
    let admin = options.admin.clone().map(Admin::new).transpose()?;
    let config = settings(&options);
    let config = match &admin {
        Some(admin) => admin.adjust(config),
        None => config,
    };
    let engine = config.engine.clone();
    let server = server(config, options.record.as_deref())?;
    let driver = driver::Options::default()
        .with_path("/socket.io/")
        .with_farewell(options.farewell)
        .with_drain_time(options.drain);
    let driver = Driver::start(vec![(server, Shard::new(admin))], driver);

    let listener = TcpListener::bind((options.host, options.port)).await?;
    let address = listener.local_addr()?;
    let webtransport = if options.webtransport {
        Some(WebTransport::bind(address, &driver.service())?)
    } else {
        None
    };
    let hashes = webtransport.as_ref().map(WebTransport::hashes);
    let router = page::router(hashes, &engine)
        .merge(metrics::router(driver.commands().to_vec()))
        .fallback_service(driver.service())
        .layer(compression(COMPRESSION_THRESHOLD));
    let http = HttpServer::start(listener, router);
    let mut stop = StopSignals::listen()?;
    if let Some(webtransport) = &webtransport {
        webtransport.announce()?;
    }
    announce(address)?;

    stop.next().await;
    tracing::info!("stopping");
    driver.shut_down().await;
    if let Some(webtransport) = webtransport {
        webtransport.shut_down().await;
    }
    http.shut_down().await;
    Ok(())
}

fn server(config: Config, record: Option<&Path>) -> Result<Server, Box<dyn Error>> {
    let seed = os_seed()?;
    Ok(match record {
        Some(path) => Recorder::server(config, 0, &seed, create_file(path)?, MAX_RECORDING)?,
        None => server::Server::new(config, 0, &seed)?.into(),
    })
}

fn settings(options: &Options) -> Config {
    let recovery = options
        .recovery
        .map(|away| RecoveryConfig::default().with_max_disconnection_duration(away));
    let transports = if options.webtransport {
        Transports::default().with(Transport::WebTransport)
    } else {
        Transports::default()
    };
    Config::default()
        .with_engine(
            engine::Config::default()
                .with_transports(transports)
                .with_origins(options.origins.clone())
                .with_cors(cors())
                .with_max_sessions(MAX_CLIENTS),
        )
        .with_connection_state_recovery(recovery)
}

/// What the official client needs on pages of other origins.
fn cors() -> engine::Cors {
    engine::Cors::default()
        .with_methods(["GET", "POST"])
        .with_allowed_headers(["content-type"])
        .with_credentials(true)
}
