//! The application of the small servers.

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use engineio_driver::{Clock, os_seed};
use engineio_wire::server::{Hosted, Options};
use socketio_proto::Payload;
use socketio_proto::engine::driver::server::{App, Context};
use socketio_proto::engine::server as engine;
use socketio_proto::server::{Config, Event, Server, Target};

/// Answers each event with its arguments, if the client wants an answer, and sends `broadcast` to everybody.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Echo;

impl App<Server> for Echo {
    type Command = ();

    fn handle_event(&mut self, server: &mut Server, event: Event, context: &mut Context<'_, ()>) {
        if let Event::Connecting { token, .. } = event {
            let _gone = server.accept(token, context.now);
        } else if let Event::Event { payload, ack, .. } = event {
            let answer = Payload::ack().args_of(&payload).build();
            if let (Some(ack), Ok(answer)) = (ack, answer) {
                let _gone = server.respond(ack, &answer);
            } else if payload.name() == Some("broadcast") {
                let _sent = server.broadcast(&Target::namespace("/"), &payload, context.now);
            }
        }
    }
}

/// A server with this application.
pub type Host = Hosted<Server, Echo>;

/// Makes the server, starts its clock and reads `[ADDRESS [PING_INTERVAL_IN_SECONDS]]`.
///
/// # Errors
///
/// Those of the arguments, and of the operating system if it gives no seed.
pub fn start() -> Result<(Host, Clock, SocketAddr), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:3000".into());
    let interval = args.next().map_or(Ok(25), |seconds| seconds.parse())?;
    let config = engine::Config::default().with_ping_interval(Duration::from_secs(interval));
    let server = Server::new(Config::default().with_engine(config), 0, &os_seed()?)?;
    let clock = Clock::start();
    let host = Hosted::new(server, Echo, Options::new("/socket.io"), clock.now());
    Ok((host, clock, address.parse()?))
}
