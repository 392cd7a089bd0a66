//! Outputs of a session: actions, events and frames.

use core::convert::Infallible;

use bytestring::ByteString;

use super::{Carrier, Event, Release, Session, State, Timer};
use crate::http::{Headers, Response};
use crate::ledger::{HeapSize, Ledger};
use crate::server::close::CloseReason;
use crate::server::outbox::Outbox;
use crate::server::output::Output;
use crate::server::shared::Upgrades;
use crate::server::upgrade::Upgrade;
use crate::server::wire::Control;
use crate::{ConnectionId, Frame, Instant, RequestId};

pub(super) const TEXT_PAYLOAD: &str = "text/plain; charset=UTF-8";

impl Session {
    /// The next thing to do or to know. What is to be done comes first, events after it.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<Event>> {
        match self.poll_action() {
            Some(action) => Some(action.map_event(|never| match never {})),
            None => self.poll_event().map(Output::Event),
        }
    }

    /// The next thing to do, without the events: for a layer above, which looks at events first and leaves the rest to
    /// its own driver.
    #[must_use]
    #[inline]
    pub fn poll_action(&mut self) -> Option<Output<Infallible>> {
        if let Some(action) = self.actions.pop_front(self.config.ledger()) {
            let closes =
                matches!(action, Output::Close { connection } if self.is_connected(connection));
            if closes && self.is_closed() {
                self.drop_queued();
            }
            return Some(action);
        }
        if let Some(connection) = self.upgrade.unannounced() {
            self.upgrade.announce();
            return Some(Output::Frames { connection });
        }
        self.announce()
            .map(|connection| Output::Frames { connection })
    }

    /// Whether more is to be done than to take frames of the connection.
    #[inline]
    pub(in crate::server) fn has_rare_action(&self) -> bool {
        !self.actions.is_empty() || self.upgrade.unannounced().is_some()
    }

    /// The connection, if it has frames of which the driver has not been told. It is told now.
    #[inline]
    pub(in crate::server) fn announce(&mut self) -> Option<ConnectionId> {
        let has_frames = self.has_frames();
        match &mut self.carrier {
            Carrier::Connected {
                connection,
                announced: announced @ false,
                ..
            } if has_frames => {
                *announced = true;
                Some(*connection)
            }
            Carrier::Polling { .. } | Carrier::Awaited(_) | Carrier::Connected { .. } => None,
        }
    }

    /// The next event, without what is to be done.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        let before = self.events.slots_size();
        let event = self.events.pop()?;
        let before = before.saturating_add(event.heap_size());
        self.config
            .ledger()
            .replace(before, self.events.slots_size());
        if let Event::Message(message) = &event {
            self.undelivered_bytes = self.undelivered_bytes.saturating_sub(message.len());
        }
        Some(event)
    }

    /// The next frame for a connection, to be called when its pipe can take one. After `None`,
    /// [`Output::Frames`] says when there are more.
    ///
    /// A frame that is pulled counts as on its way to the client. The heartbeat takes an answer to it as proof that the
    /// client reads, so a driver must not pull frames into a queue of its own without a bound.
    #[must_use]
    pub fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame> {
        self.poll_frame_with_hint(connection)
            .map(|(frame, _)| frame)
    }

    /// As [`poll_frame`](Self::poll_frame), with whether the frame may be compressed: false for a message that was
    /// [sent uncompressed](crate::Encoded::uncompressed).
    #[must_use]
    pub fn poll_frame_with_hint(&mut self, connection: ConnectionId) -> Option<(Frame, bool)> {
        if self.upgrade.connection() == Some(connection) {
            return self.upgrade.poll_frame().map(|frame| (frame, true));
        }
        if !self.is_connected(connection) {
            return None;
        }
        let frame = if core::mem::take(&mut self.open_pending) {
            Some((Frame::Text(self.open_packet()), true))
        } else {
            let text_only = self.text_only;
            self.take(|outbox, ledger| outbox.pop_frame(text_only, ledger))
        };
        if frame.is_none() {
            self.note_all_taken();
        }
        self.after_departure();
        frame
    }

    /// Whether taking a frame for a connection changes nothing but the queue.
    #[inline]
    pub(in crate::server) fn is_quiet(&self, connection: ConnectionId) -> bool {
        self.state == State::Open
            && self.is_connected(connection)
            && !self.open_pending
            && self.outbox.leaves_quietly()
    }

    /// As [`poll_frame_with_hint`](Self::poll_frame_with_hint), for the connection of a session that
    /// [is quiet](Self::is_quiet).
    #[inline]
    pub(in crate::server) fn poll_quiet_frame(&mut self) -> Option<(Frame, bool)> {
        if self.outbox.is_empty() {
            self.note_all_taken();
            return None;
        }
        self.outbox.pop_frame(self.text_only, self.config.ledger())
    }

    /// The pipe took all frames: the driver is to be told of further ones.
    fn note_all_taken(&mut self) {
        if let Carrier::Connected { announced, .. } = &mut self.carrier {
            *announced = false;
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` if never. Constant time.
    #[must_use]
    #[inline]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.state != State::Closing && matches!(self.upgrade, Upgrade::None) {
            // It mostly has no other, and is asked before and after most inputs.
            return self.heartbeat.deadline();
        }
        self.next_timer().map(|(_, deadline)| deadline)
    }

    /// The next deadline and what it is for.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Timer, Instant)> {
        let closing = (self.state == State::Closing).then_some(self.closes_at);
        let heartbeat = self.heartbeat.deadline();
        let mut next = heartbeat.map(|deadline| (Timer::Heartbeat, deadline));
        let mut or = |timer, deadline: Option<Instant>| {
            if let Some(deadline) = deadline
                && next.is_none_or(|(_, earliest)| deadline < earliest)
            {
                next = Some((timer, deadline));
            }
        };
        or(Timer::Upgrade, self.upgrade.deadline());
        or(Timer::Close, closing);
        next
    }

    /// Whether [`poll_event`](Self::poll_event) has something.
    #[must_use]
    #[inline]
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether [`poll_action`](Self::poll_action) has something.
    #[must_use]
    #[inline]
    pub fn has_action(&self) -> bool {
        let has_unannounced = matches!(
            self.carrier,
            Carrier::Connected {
                announced: false,
                ..
            }
        ) && self.has_frames();
        has_unannounced || self.has_rare_action()
    }

    /// Something left the queue: there may be room again, or nothing left to wait for.
    pub(super) fn after_departure(&mut self) {
        if self.state == State::Open && self.outbox.take_drained(&self.config) {
            self.tell(Event::Drained);
        }
        if matches!(
            (self.state, self.carrier),
            (State::Closing, Carrier::Connected { .. })
        ) && !self.has_frames()
        {
            self.finish(CloseReason::ForcedClose, Release::Close);
        }
        self.check();
    }

    /// Answers a held poll if there is something for it: at once, as officially, so that what a poll is answered with
    /// does not depend on when outputs are taken. What comes after goes together with the next poll.
    pub(super) fn flush_poll(&mut self) {
        let Carrier::Polling { held, .. } = &mut self.carrier else {
            return;
        };
        let Some(request) = *held else { return };
        let waiting = self.open_pending || !self.outbox.is_empty();
        if !waiting && !self.upgrade.is_probed() {
            return;
        }
        *held = None;
        if !waiting {
            return self.respond_control(request, Control::Noop);
        }
        let opens = core::mem::take(&mut self.open_pending);
        let open = opens.then(|| self.open_packet());
        let limit = self.config.max_payload;
        let payload = self.take(|outbox, ledger| outbox.pop_payload(open, limit, ledger));
        let cookie = self
            .config
            .cookie
            .as_ref()
            .filter(|_| opens)
            .map(|cookie| cookie.header(&self.sid));
        let content_type = if payload.binary {
            "application/octet-stream"
        } else {
            TEXT_PAYLOAD
        };
        let headers = self.headers(content_type).with_set_cookie(cookie);
        let response = Response::new(200, payload.body).with_headers(headers);
        let response = response.with_compress(payload.compress);
        let answer = Output::Respond { request, response };
        let ledger = self.config.ledger();
        self.actions.push_back(answer, payload.shares, ledger);
        self.after_departure();
    }

    /// Takes from the queue for the driver, and tells the heartbeat if its packet was among what was taken.
    fn take<R>(&mut self, pop: impl FnOnce(&mut Outbox, &Ledger) -> R) -> R {
        let waited = self.outbox.heartbeat_waits();
        let taken = pop(&mut self.outbox, self.config.ledger());
        if waited && !self.outbox.heartbeat_waits() {
            self.heartbeat.handle_handover();
        }
        taken
    }

    pub(super) fn tell(&mut self, event: Event) {
        let before = self.events.slots_size();
        let contents = event.heap_size();
        self.events.push(event);
        let after = self.events.slots_size().saturating_add(contents);
        self.config.ledger().replace(before, after);
    }

    pub(super) fn act(&mut self, action: Output<Infallible>) {
        self.actions.push_back(action, None, self.config.ledger());
    }

    pub(super) fn push_heartbeat(&mut self) {
        self.outbox.push_heartbeat();
        self.flush_poll();
    }

    pub(super) fn drop_queued(&mut self) {
        self.open_pending = false;
        self.outbox.clear(self.config.ledger());
    }

    pub(super) fn respond_control(&mut self, request: RequestId, control: Control) {
        let body = self.outbox.control_payload(control);
        let headers = self.headers(TEXT_PAYLOAD);
        self.respond(request, Response::new(200, body).with_headers(headers));
    }

    pub(super) fn respond(&mut self, request: RequestId, response: Response) {
        self.act(Output::Respond { request, response });
    }

    pub(super) fn headers(&self, content_type: &'static str) -> Headers {
        let headers = Headers::default()
            .with_content_type(content_type)
            .with_no_store();
        headers.with_xss_filter_disabled(self.disable_xss_filter)
    }

    pub(super) fn open_packet(&self) -> ByteString {
        let upgrades = if self.is_polling() {
            Upgrades::Of(self.revision())
        } else {
            Upgrades::None
        };
        self.config.open_packet(&self.sid, upgrades)
    }

    pub(super) fn has_frames(&self) -> bool {
        self.open_pending || !self.outbox.is_empty()
    }

    pub(super) fn releases_poll(&self) -> bool {
        matches!(self.carrier, Carrier::Polling { held: Some(_), .. })
            && (self.has_frames() || self.upgrade.is_probed())
    }
}
