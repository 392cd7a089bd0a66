//! WebSockets and WebTransport streams: how they come to a session, and what they carry.

use super::event::SessionKey;
use super::machine::Server;
use super::polling::Target;
use super::reject::Reject;
use super::route::Action;
use super::stats;
use crate::collections::Key;
use crate::http::RequestHead;
use crate::{ConnectionId, Frame, HeadId, Instant, Transport};

impl Server {
    /// Takes a request to become a WebSocket. It is answered by [`Output::Accept`] or [`Output::Refuse`]; frames may
    /// be reported once it has been accepted.
    ///
    /// [`Output::Accept`]: super::Output::Accept
    /// [`Output::Refuse`]: super::Output::Refuse
    pub fn handle_upgrade(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant) {
        let now = self.observe(now);
        let head = head.marked(true);
        stats::bump(&mut self.stats.upgrade_requests);
        let by = HeadId::Connection(id);
        self.grants.insert(by, &head, &self.config);
        match self.route(&head) {
            // No upgrade is one.
            Ok(Target::Preflight) => self.refuse(by, Reject::BadHandshakeMethod),
            Err(reject) => self.refuse(by, reject),
            Ok(Target::Session(key, action)) => {
                let text_only = action == Action::Upgrade { text_only: true };
                self.connect(key, id, Transport::WebSocket, text_only, now);
            }
            Ok(Target::Open(handshake)) => self.begin(handshake, by, now),
        }
        self.settle();
    }

    /// Takes a frame of a connection. One of an unknown connection is ignored.
    pub fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        let now = self.observe(now);
        if let Some(key) = self.connections.find(id) {
            stats::bump(&mut self.stats.frames_in);
            self.hand_over(key, id, frame, now);
        } else {
            self.handle_first_frame(id, frame, now);
        }
        self.settle();
    }

    /// Notes that a connection closed.
    pub fn handle_connection_closed(&mut self, id: ConnectionId, now: Instant) {
        let now = self.observe(now);
        self.grants.forget(HeadId::Connection(id));
        match self.connections.remove(id) {
            Some(key) => self.with(key, |session| session.handle_connection_closed(id, now)),
            None => self.forget_waiting(id),
        }
        self.settle();
    }

    /// Notes that a connection broke the rules of its transport, or that writing to it failed.
    pub fn handle_connection_failed(&mut self, id: ConnectionId, now: Instant) {
        let now = self.observe(now);
        self.grants.forget(HeadId::Connection(id));
        match self.connections.remove(id) {
            Some(key) => self.with(key, |session| session.handle_connection_failed(id, now)),
            None => self.forget_waiting(id),
        }
        self.settle();
    }

    /// The next frame for a connection, to be called when its pipe can take one. After `None`, [`Output::Frames`] says
    /// when there are more.
    ///
    /// [`Output::Frames`]: super::Output::Frames
    #[must_use]
    pub fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame> {
        self.poll_frame_with_hint(connection)
            .map(|(frame, _)| frame)
    }

    /// As [`poll_frame`](Self::poll_frame), with whether the frame may be compressed, by a driver that does so: false for
    /// a message that was [sent uncompressed](crate::Encoded::uncompressed).
    #[must_use]
    pub fn poll_frame_with_hint(&mut self, connection: ConnectionId) -> Option<(Frame, bool)> {
        let key = self.connections.find(connection)?;
        let slot = self.sessions.get_mut(key)?;
        let frame = if slot.session.is_quiet(connection) {
            slot.session.poll_quiet_frame()
        } else {
            self.poll_other_frame(key, connection)
        };
        if frame.is_some() {
            stats::bump(&mut self.stats.frames_out);
        }
        self.settle();
        frame
    }

    /// The next frame of a session of which more may change than its queue.
    #[inline(never)]
    fn poll_other_frame(&mut self, key: Key, connection: ConnectionId) -> Option<(Frame, bool)> {
        self.with_result(SessionKey(key), |session| {
            session.poll_frame_with_hint(connection)
        })?
    }

    /// Gives a session a connection.
    pub(super) fn connect(
        &mut self,
        key: Key,
        id: ConnectionId,
        transport: Transport,
        text_only: bool,
        now: Instant,
    ) {
        self.connections.insert(id, key);
        self.with(key, |session| match transport {
            Transport::WebTransport => session.handle_webtransport(id, now),
            _ if text_only => session.handle_text_connection(id, now),
            Transport::Polling | Transport::WebSocket => session.handle_connection(id, now),
        });
    }

    fn forget_waiting(&mut self, id: ConnectionId) {
        self.streams.take(id);
        self.waiting.forget(HeadId::Connection(id));
    }
}
