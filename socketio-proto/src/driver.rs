//! The servers and clients of this crate, for drivers: [`engine::driver`](crate::engine::driver).

use core::time::Duration;

use crate::client::{self, Client};
use crate::engine;
use crate::engine::Instant;
use crate::engine::driver::client::Machine as ClientMachine;
use crate::engine::driver::server::{Farewell, Lifecycle, Machine as ServerMachine};
use crate::server::{Event, Server};

impl ServerMachine for Server {
    type Event = Event;

    engine::__delegate_to_server!(Server);

    fn engine_config(&self) -> &engine::server::Config {
        &self.config().engine
    }

    fn session_count(&self) -> usize {
        self.engine().session_count()
    }

    fn end_sessions(&mut self, farewell: Farewell, within: Duration, now: Instant) {
        match farewell {
            Farewell::Discard => {
                self.set_accepting(false);
                self.shut_down(now);
            }
            Farewell::Tell => self.drain(true, within, now),
            Farewell::Drain | _ => self.drain(false, within, now),
        }
    }

    fn lifecycle(event: &Event) -> Lifecycle {
        if let Event::Handshake { by, .. } = event {
            return Lifecycle::Asked { by: *by };
        }
        if let Event::Opened { session, by } = event {
            return Lifecycle::Opened {
                session: *session,
                by: *by,
            };
        }
        if let Event::Closed { session, .. } = event {
            return Lifecycle::Closed { session: *session };
        }
        Lifecycle::Other
    }
}

impl ClientMachine for Client {
    type Event = client::Event;

    engine::__delegate_to_client!(Client);

    fn engine_config(&self) -> &engine::client::Config {
        &self.config().engine
    }
}
