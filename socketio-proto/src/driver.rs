//! The servers and clients of this crate, for drivers: [`engine::driver`](crate::engine::driver).

use crate::client::{self, Client};
use crate::engine;
use crate::engine::driver::client::Machine as ClientMachine;
use crate::engine::driver::server::{Lifecycle, Machine as ServerMachine};
use crate::server::{Event, Server};

/// The method `end_sessions` of [`Machine`](crate::engine::driver::server::Machine), by a server's own methods.
///
/// Not part of the interface: it is for the crates of this workspace.
#[doc(hidden)]
#[macro_export]
macro_rules! __end_sessions {
    () => {
        fn end_sessions(
            &mut self,
            farewell: $crate::engine::driver::server::Farewell,
            within: core::time::Duration,
            now: $crate::engine::Instant,
        ) {
            use $crate::engine::driver::server::Farewell;
            match farewell {
                Farewell::Discard => {
                    self.set_admission($crate::server::Admission::Closed);
                    self.shut_down(now);
                }
                Farewell::Tell => self.drain($crate::server::Parting::StayAway, within, now),
                Farewell::Drain | _ => {
                    self.drain($crate::server::Parting::Reconnect, within, now);
                }
            }
        }
    };
}

impl ServerMachine for Server {
    type Event = Event;

    engine::__delegate_to_server!(Server);

    fn engine_config(&self) -> &engine::server::Config {
        &self.config().engine
    }

    fn session_count(&self) -> usize {
        self.engine().session_count()
    }

    crate::__end_sessions!();

    fn lifecycle(event: &Event) -> Lifecycle {
        if let Event::Handshake { by, .. } = event {
            return Lifecycle::Asked { by: *by };
        }
        if let Event::Refused { by, .. } = event {
            return Lifecycle::Refused { by: *by };
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
