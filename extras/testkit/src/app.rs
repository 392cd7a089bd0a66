//! Running applications.

use std::time::Duration;

use socketio_proto::client;
use socketio_proto::engine::Instant;
use socketio_proto::server;

use crate::network::{ClientId, Network, ServerId, Step};

/// What applications do about what they are told, on servers and clients alike.
///
/// Both methods do nothing unless they are written, so that each side can be tested without the other.
pub trait App {
    /// A server tells something. Commands for it are given by [`Network::server_mut`].
    fn server_event(&mut self, network: &mut Network, server: ServerId, event: server::Event) {
        let _ignored = (network, server, event);
    }

    /// A client tells something. Commands for it are given by [`Network::client_mut`].
    fn client_event(&mut self, network: &mut Network, client: ClientId, event: client::Event) {
        let _ignored = (network, client, event);
    }
}

/// A network did not come to rest in the steps that it was given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NotIdle;

impl std::fmt::Display for NotIdle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the network did not come to rest")
    }
}

impl std::error::Error for NotIdle {}

impl Network {
    /// Lets so much time pass, and everything happen that happens in it. Gives the number of steps.
    pub fn advance(&mut self, duration: Duration, app: &mut impl App) -> usize {
        self.run_until(self.now() + duration, app)
    }

    /// Lets everything happen that is due by a time, and then it is that time. Gives the number of steps.
    pub fn run_until(&mut self, by: Instant, app: &mut impl App) -> usize {
        let mut steps = 0;
        while let Some(step) = self.step(by) {
            steps += 1;
            self.tell(step, app);
        }
        steps
    }

    /// Lets everything happen until nothing is under way and nobody has anything to do or to be told but at a deadline,
    /// such as a heartbeat or the next attempt to connect. Gives the number of steps.
    ///
    /// # Errors
    ///
    /// [`NotIdle`] after `max_steps`.
    pub fn run_until_idle(
        &mut self,
        max_steps: usize,
        app: &mut impl App,
    ) -> Result<usize, NotIdle> {
        for steps in 0..max_steps {
            self.settle();
            if self.is_idle() {
                return Ok(steps);
            }
            if let Some(step) = self.step(Instant::MAX) {
                self.tell(step, app);
            }
        }
        Err(NotIdle)
    }

    fn tell(&mut self, step: Step, app: &mut impl App) {
        match step {
            Step::Server { server, event } => app.server_event(self, server, event),
            Step::Client { client, event } => app.client_event(self, client, event),
            Step::Network => {}
        }
    }
}
