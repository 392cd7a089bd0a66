//! The measured application on the tower service of the crate `socketio`.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use engineio_driver::os_seed;
use socketio::server::{App, Context, Driver, HttpServer, Options};
use socketio_proto::Payload;
use socketio_proto::engine::Instant;
use socketio_proto::engine::server as engine;
use socketio_proto::server::{Config, Event, Server, Target};
use tokio::net::TcpListener;

/// Longer than any run: no ping falls into what is counted.
const PING_INTERVAL: Duration = Duration::from_secs(3600);

struct EchoAndBroadcast;

impl EchoAndBroadcast {
    fn handle(server: &mut Server, event: Event, now: Instant) -> Result<(), Box<dyn Error>> {
        if let Event::Connecting { token, .. } = event {
            server.accept(token, now)?;
        } else if let Event::Event { payload, ack, .. } = event {
            match (payload.name(), ack) {
                (Some("echo"), Some(ack)) => {
                    let args = Payload::ack().args_of(&payload).build()?;
                    server.respond(ack, &args)?;
                }
                (Some("broadcast"), _) => {
                    server.broadcast(&Target::namespace("/"), &payload, now)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl App<Server> for EchoAndBroadcast {
    type Command = ();

    fn handle_event(&mut self, server: &mut Server, event: Event, context: &mut Context<'_, ()>) {
        if let Err(error) = Self::handle(server, event, context.now) {
            eprintln!("{error}");
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let config =
        Config::default().with_engine(engine::Config::default().with_ping_interval(PING_INTERVAL));
    let server = Server::new(config, 0, &os_seed()?)?;
    let options = Options::default().with_path("/socket.io/");
    let driver = Driver::start(vec![(server, EchoAndBroadcast)], options);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    let _http = HttpServer::start(listener, driver.service());
    std::future::pending().await
}
