//! Outputs of a client: actions, events and frames.

use core::convert::Infallible;

use alloc::collections::VecDeque;

use super::{Carrier, Client, Deadline, Event, Output, State, Timer};
use crate::client::outbox::Outbox;
use crate::codec::webtransport;
use crate::{ConnectionId, Frame, Instant};

impl Client {
    /// The next action or event. Actions come first, events after them.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<Event>> {
        match self.poll_action() {
            Some(action) => Some(action.map_event(|never| match never {})),
            None => self.poll_event().map(Output::Event),
        }
    }

    /// The next action, without the events. A layer above uses this: it handles events first and leaves the rest to its
    /// own driver.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Output<Infallible>> {
        if let Some(action) = self.actions.pop_front() {
            if self.actions.is_empty() {
                self.actions = VecDeque::new();
            }
            let closes =
                matches!(action, Output::Close { connection } if self.is_connected(connection));
            if closes && self.is_closed() {
                self.carrier = Carrier::None;
            }
            return Some(action);
        }
        if let Some(connection) = self.upgrade.unannounced() {
            self.upgrade.announce(connection);
            return Some(Output::Frames { connection });
        }
        let has_frames = self.has_frames();
        match &mut self.carrier {
            Carrier::Connected {
                connection,
                announced: announced @ false,
                ..
            } if has_frames => {
                *announced = true;
                Some(Output::Frames {
                    connection: *connection,
                })
            }
            Carrier::None
            | Carrier::Polling { .. }
            | Carrier::Connecting { .. }
            | Carrier::Connected { .. } => None,
        }
    }

    /// The next event, without the actions.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop()?;
        if let Event::Message(message) = &event {
            self.undelivered_bytes = self.undelivered_bytes.saturating_sub(message.len());
        }
        Some(event)
    }

    /// The next frame for a connection. Call this when its pipe can take one. After `None`, [`Output::Frames`]
    /// announces further frames.
    ///
    /// A pulled frame counts as sent to the server. The heartbeat takes packets that follow it as proof that the server
    /// reads. A driver must therefore not pull frames into an unbounded queue of its own.
    #[must_use]
    pub fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame> {
        if self.upgrade.is_on(connection) {
            return self.upgrade.poll_frame(connection, self.sid.as_ref());
        }
        if !self.is_connected(connection) || !self.has_frames() {
            if let Carrier::Connected {
                connection: current,
                announced,
                ..
            } = &mut self.carrier
                && *current == connection
                && self.state != State::Closed
            {
                *announced = false;
            }
            return None;
        }
        if let Carrier::Connected { greets, .. } = &mut self.carrier
            && core::mem::take(greets)
        {
            return Some(webtransport::encode_open(None));
        }
        let transport = match self.carrier {
            Carrier::Connected { transport, .. } => transport,
            Carrier::None | Carrier::Polling { .. } | Carrier::Connecting { .. } => return None,
        };
        let wire = self.wire(transport);
        let frame = self.take(|outbox| outbox.pop_frame(wire));
        if self.state != State::Closed {
            self.tell_drained();
            self.settle();
        }
        self.check();
        frame
    }

    /// The time to call [`handle_timeout`](Self::handle_timeout); `None` if never. Constant time.
    ///
    /// With a [`Config::request_timeout`](crate::client::Config::request_timeout) it is [`Instant::ZERO`], which means
    /// at once, after a command without a time made a request. The timeout counts from the next input of any kind.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_timer().map(|(_, deadline)| deadline)
    }

    /// The next deadline and its purpose.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Timer, Instant)> {
        let opening = match self.state {
            State::Opening { deadline } => deadline,
            State::Closed | State::Open | State::Closing => None,
        };
        let (get, post) = match self.carrier {
            Carrier::Polling { get, post } => (get, post),
            Carrier::None | Carrier::Connecting { .. } | Carrier::Connected { .. } => (None, None),
        };
        let request = [get, post].into_iter().flatten();
        let request = request.filter_map(|request| match request.deadline {
            Deadline::Never => None,
            Deadline::Unarmed => Some(Instant::ZERO),
            Deadline::At(deadline) => Some(deadline),
        });
        let timers = [
            (Timer::Heartbeat, self.heartbeat.deadline()),
            (Timer::Open, opening),
            (Timer::Request, request.min()),
            (Timer::Probe, self.upgrade.deadline()),
        ];
        let armed = timers
            .into_iter()
            .filter_map(|(timer, deadline)| Some((timer, deadline?)));
        armed.min_by_key(|(_, deadline)| *deadline)
    }

    /// Whether [`poll_event`](Self::poll_event) has something.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether [`poll_action`](Self::poll_action) has something.
    #[must_use]
    pub fn has_action(&self) -> bool {
        let unannounced = matches!(
            self.carrier,
            Carrier::Connected {
                announced: false,
                ..
            }
        );
        !self.actions.is_empty()
            || self.upgrade.unannounced().is_some()
            || unannounced && self.has_frames()
    }

    /// Takes from the queue for the driver, and tells the heartbeat if its packet was taken.
    pub(super) fn take<R>(&mut self, pop: impl FnOnce(&mut Outbox) -> R) -> R {
        let waited = self.outbox.beat_waits();
        let taken = pop(&mut self.outbox);
        if waited && !self.outbox.beat_waits() {
            self.heartbeat.handle_handover();
        }
        taken
    }

    /// Something left the queue, so a refused send may be tried again.
    pub(super) fn tell_drained(&mut self) {
        if self.state == State::Open && self.outbox.take_drained(&self.config) {
            self.events.push(Event::Drained);
        }
    }
}
