//! An auction. Whoever is connected can bid, and is told of each bid that is higher than all before.
//!
//! It is an example of an application that is property-tested and fuzzed; see `docs/property-testing.md`.

use serde::{Deserialize, Serialize};
use socketio_proto::engine::driver::server::{App, Context};
use socketio_proto::server::{Event, Server, Target};
use socketio_proto::{EncodeError, Payload};

/// The own event type of the application.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Bid {
    /// The name of the bidder.
    pub by: String,
    /// The amount.
    pub amount: u32,
}

impl Bid {
    /// The event that carries the bid.
    ///
    /// # Errors
    ///
    /// None for a bid.
    pub fn to_payload(&self) -> Result<Payload, EncodeError> {
        Payload::with_args("bid", (self,))
    }

    /// The bid in an event, if there is one.
    #[must_use]
    pub fn read(event: &Payload) -> Option<Self> {
        event.arg(0).ok().filter(|_| event.name() == Some("bid"))
    }
}

/// The server's side of the auction.
#[derive(Debug, Default)]
pub struct Auction {
    highest: Option<Bid>,
}

impl Auction {
    /// The highest bid so far.
    #[must_use]
    pub const fn highest(&self) -> Option<&Bid> {
        self.highest.as_ref()
    }
}

impl App<Server> for Auction {
    type Command = ();

    fn handle_event(&mut self, server: &mut Server, event: Event, context: &mut Context<'_, ()>) {
        match event {
            Event::Connecting { token, .. } => {
                let Ok(socket) = server.accept(token, context.now) else {
                    return;
                };
                if let Some(Ok(payload)) = self.highest.as_ref().map(Bid::to_payload) {
                    let _gone = server.emit(socket, &payload, context.now);
                }
            }
            Event::Event { payload, .. } => {
                let Some(bid) = Bid::read(&payload) else {
                    return;
                };
                if self
                    .highest
                    .as_ref()
                    .is_none_or(|highest| bid.amount > highest.amount)
                {
                    self.highest = Some(bid);
                    let _nobody = server.broadcast(&Target::namespace("/"), &payload, context.now);
                }
            }
            _ => {}
        }
    }
}
