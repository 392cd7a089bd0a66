//! The outputs of a server, those of its sessions among them.

use core::convert::Infallible;

use super::event::{ServerEvent, SessionKey};
use super::machine::Server;
use super::output::Output;
use super::slot::Slot;
use crate::collections::Key;
use crate::{ConnectionId, HeadId};

impl Server {
    /// The next thing to do or to know. All that is to be done comes before the events.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<ServerEvent>> {
        match self.poll_action() {
            Some(action) => Some(action.map_event(|never| match never {})),
            None => self.poll_event().map(Output::Event),
        }
    }

    /// Whether [`poll_action`](Self::poll_action) may have something.
    #[must_use]
    #[inline]
    #[doc(hidden)]
    pub fn may_have_action(&mut self) -> bool {
        !self.outputs.is_empty() || self.ready.has_next()
    }

    /// The connection that [`poll_action`](Self::poll_action) would say has frames, if that is what comes next: most of
    /// what is to be done, for a layer above that hands it on.
    #[must_use]
    #[inline]
    #[doc(hidden)]
    pub fn poll_frames(&mut self) -> Option<ConnectionId> {
        if !self.outputs.is_empty() {
            return None;
        }
        let key = self.ready.next()?;
        let slot = self.sessions.get_mut(key)?;
        if slot.session.is_closed() || slot.session.has_rare_action() {
            return None;
        }
        let connection = slot.session.announce()?;
        self.connections.note(connection, key);
        slot.ready = false;
        self.ready.take_first();
        Some(connection)
    }

    /// The next thing to do, without the events: for a layer above, which looks at events first and leaves the rest to
    /// its own driver.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Output<Infallible>> {
        loop {
            if !self.outputs.is_empty()
                && let Some(mut output) = self.outputs.pop()
            {
                self.finish(&mut output);
                return Some(output);
            }
            let key = self.ready.next()?;
            let mut is_over = true;
            // What a session wants done is taken without a change of its deadline, its transport or its events.
            if let Some(slot) = self.sessions.get_mut(key) {
                is_over = slot.session.is_closed();
                if slot.session.has_rare_action() {
                    if let Some(mut action) = slot.session.poll_action() {
                        // One that is over is looked at again, and released.
                        if !is_over && !slot.session.has_action() {
                            slot.ready = false;
                            self.ready.take_first();
                        }
                        self.finish(&mut action);
                        return Some(action);
                    }
                } else if let Some(connection) = slot.session.announce() {
                    if !is_over {
                        self.connections.note(connection, key);
                        slot.ready = false;
                        self.ready.take_first();
                    }
                    return Some(Output::Frames { connection });
                }
                slot.ready = false;
            }
            self.ready.drop_first();
            if is_over {
                self.release(key);
            }
        }
    }

    /// Whether [`poll_event`](Self::poll_event) may have something.
    #[must_use]
    #[inline]
    #[doc(hidden)]
    pub fn may_have_event(&self) -> bool {
        !self.eventful.is_empty() || !self.opened.is_empty()
    }

    /// The next event, without what is to be done: for a layer above, which looks at events after each input and
    /// leaves the rest to its own driver.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some(event) = self.opened.pop() {
                return Some(event);
            }
            let key = self.eventful.next()?;
            // An event is taken without a change of anything else that the server goes by.
            if let Some(slot) = self.sessions.get_mut(key) {
                if let Some(event) = slot.session.poll_event() {
                    // One that is over is looked at again, and released.
                    if !slot.session.is_closed() && !slot.session.has_event() {
                        slot.eventful = false;
                        self.eventful.take_first();
                    }
                    self.stats.took(&event);
                    let session = SessionKey(key);
                    return Some(ServerEvent::Session { session, event });
                }
                slot.eventful = false;
            }
            self.eventful.drop_first();
            self.release(key);
        }
    }

    /// Adds what browsers are told about pages of other origins, and drops what was known of a request or connection
    /// that is over with this output.
    fn finish(&mut self, output: &mut Output<Infallible>) {
        match output {
            Output::Respond { request, response } => {
                self.requests.remove(*request);
                let by = HeadId::Request(*request);
                if let Some(cors) = self.grants.take(by, &self.config) {
                    // The answer to a preflight has its own.
                    response.headers.add_cors(cors);
                }
            }
            Output::Accept {
                connection,
                headers,
            } => {
                let by = HeadId::Connection(*connection);
                if let Some(cors) = self.grants.take(by, &self.config) {
                    headers.add_cors(cors);
                }
            }
            Output::Refuse { connection, .. } | Output::Close { connection } => {
                self.connections.remove(*connection);
                self.grants.forget(HeadId::Connection(*connection));
            }
            Output::Frames { .. } | Output::Event(_) => {}
        }
    }

    /// Frees a session that is over and has nothing left to say.
    fn release(&mut self, key: Key) {
        let done = |slot: &Slot| {
            slot.session.is_closed() && !slot.session.has_action() && !slot.session.has_event()
        };
        if self.sessions.get(key).is_some_and(done) {
            // It has no deadline any more, being closed.
            self.sessions.remove(key);
            let sessions = self.sessions.len();
            self.ready.fit(sessions);
            self.eventful.fit(sessions);
            self.note_idle();
        }
    }
}
