//! A chat for the browser: `chat [--host H] [--port P]`, by default at <http://127.0.0.1:3000>.
//!
//! `assets/chat/PROTOCOL.md` describes the events and rules.

mod app;
mod page;
mod rooms;
#[cfg(test)]
mod tests;

use std::error::Error;

use examples::program::{announce, init_log, stop_signal};
use examples::tokio_driver::{Driver, HttpServer, Options, fresh_seed};
use lexopt::{Arg, ValueExt};
use socketio_proto::engine::server as engine;
use socketio_proto::server::{Config, Server};
use tokio::net::TcpListener;

/// More clients than that are turned away, so that the memory they can take has a limit.
const MAX_CLIENTS: usize = 1_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    init_log("info");
    let (host, port) = parse(lexopt::Parser::from_env())?;
    let engine = engine::Config::default().with_max_sessions(MAX_CLIENTS);
    let server = Server::new(Config::default().with_engine(engine), 0, &fresh_seed()?)?;
    let options = Options::default().with_path("/socket.io/");
    let driver = Driver::start(vec![(server, app::Chat::default())], options);

    let listener = TcpListener::bind((host, port)).await?;
    let address = listener.local_addr()?;
    let router = page::router().fallback_service(driver.service());
    let http = HttpServer::start(listener, router);
    announce(address)?;

    stop_signal().await?;
    tracing::info!("stopping");
    driver.shut_down().await;
    http.shut_down().await;
    Ok(())
}

fn parse(mut parser: lexopt::Parser) -> Result<(String, u16), lexopt::Error> {
    let (mut host, mut port) = (String::from("127.0.0.1"), 3000);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("host") => host = parser.value()?.string()?,
            Arg::Long("port") => port = parser.value()?.parse()?,
            Arg::Long(_) | Arg::Short(_) | Arg::Value(_) => return Err(argument.unexpected()),
        }
    }
    Ok((host, port))
}
