//! Counters and gauges of a server.

use super::close::CloseReason;
use super::parcel::Parcel;
use super::reject::Reject;
use super::session::Event;
use crate::Transport;

/// What a server has done since it was made, as counters that only grow; what there is at present is told by
/// [`session_count`](super::Server::session_count), [`sessions_on`](super::Server::sessions_on),
/// [`pending_handshakes`](super::Server::pending_handshakes) and [`bytes_held`](super::Server::bytes_held).
///
/// # Examples
///
/// ```
/// use engineio_proto::http::RequestHead;
/// use engineio_proto::server::{Config, Server};
/// use engineio_proto::{Bytes, Instant, RequestId, Seed};
///
/// let mut server = Server::new(Config::default(), 0, &Seed::new([1; 32]))?;
/// let head = RequestHead::new("GET", "/engine.io/", "EIO=4&transport=polling");
/// server.handle_request(RequestId(1), &head, Bytes::new(), Instant::ZERO);
/// let stats = server.stats();
/// assert_eq!((stats.requests, stats.opened.polling), (1, 1));
/// # Ok::<(), engineio_proto::server::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Plain requests that came whole or were refused before.
    pub requests: u64,
    /// Requests to become a WebSocket, refused ones too.
    pub upgrade_requests: u64,
    /// Requests for a WebTransport session, refused ones too.
    pub webtransport_requests: u64,
    /// Frames of connections that belong to a session.
    pub frames_in: u64,
    /// Frames handed over to connections.
    pub frames_out: u64,
    /// Sessions that opened, by the transport that they opened on.
    pub opened: ByTransport,
    /// Sessions that moved to another transport.
    pub upgraded: u64,
    /// Sessions that ended, counted when the application was told so.
    pub closed: ByReason,
    /// Requests that were refused.
    pub refused: ByReject,
    /// Messages for the application, counted when it took them.
    pub messages_in: u64,
    /// The bytes of those messages, without packet types and encoding.
    pub bytes_in: u64,
    /// Messages that were queued for clients, each for each of them.
    pub messages_out: u64,
    /// The bytes of those messages, without packet types and encoding.
    pub bytes_out: u64,
    /// Sends that were refused because too much waited for the client.
    pub full: u64,
    /// Volatile sends that were dropped.
    pub dropped: u64,
    /// Sessions that ended because the server held [more than it may](super::Config::max_bytes_held).
    pub ended_by_memory_limit: u64,
    /// What the layer above dropped for the same reason: in Socket.IO, packets and sessions that were kept for
    /// connection state recovery.
    pub forgotten_by_memory_limit: u64,
}

/// Counts by transport.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ByTransport {
    /// HTTP long-polling.
    pub polling: u64,
    /// WebSocket.
    pub websocket: u64,
    /// WebTransport.
    pub webtransport: u64,
}

/// Counts by the reason for which a session ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ByReason {
    /// `ping timeout`.
    pub ping_timeout: u64,
    /// `transport close`.
    pub transport_close: u64,
    /// `transport error`.
    pub transport_error: u64,
    /// `parse error`.
    pub parse_error: u64,
    /// `forced close`.
    pub forced_close: u64,
}

/// Counts by the reason for which a request was refused.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ByReject {
    /// Code 0.
    pub unknown_transport: u64,
    /// Code 1.
    pub unknown_sid: u64,
    /// Code 2.
    pub bad_handshake_method: u64,
    /// Code 3.
    pub bad_request: u64,
    /// Code 4: the application refused it.
    pub forbidden: u64,
    /// Code 4: a page of an origin that is not served.
    pub foreign_origin: u64,
    /// Code 5.
    pub unsupported_revision: u64,
    /// A method that polling does not know.
    pub unknown_method: u64,
    /// As many sessions existed, or handshakes waited, as may, or the server was shutting down.
    pub unavailable: u64,
    /// The server held nearly as many bytes as it may.
    pub memory_limit: u64,
}

impl Stats {
    pub(super) fn sent(&mut self, parcel: &Parcel<'_>) {
        add(&mut self.messages_out, parcel.parts().len());
        add(&mut self.bytes_out, parcel.bytes());
    }

    pub(super) fn took(&mut self, event: &Event) {
        match event {
            Event::Message(message) => {
                bump(&mut self.messages_in);
                add(&mut self.bytes_in, message.len());
            }
            Event::Upgraded(_) => bump(&mut self.upgraded),
            Event::Closed(reason) => self.closed.count(reason),
            Event::Drained => {}
        }
    }
}

impl ByTransport {
    /// The count of one of them.
    #[must_use]
    pub fn get(&self, transport: Transport) -> u64 {
        match transport {
            Transport::Polling => self.polling,
            Transport::WebSocket => self.websocket,
            Transport::WebTransport => self.webtransport,
        }
    }

    pub(super) fn count(&mut self, transport: Transport) {
        bump(self.of(transport));
    }

    /// Counts one that was on a transport, and is on another or none.
    pub(super) fn moved(&mut self, from: Option<Transport>, to: Option<Transport>) {
        if let Some(from) = from {
            let count = self.of(from);
            *count = count.saturating_sub(1);
        }
        if let Some(to) = to {
            self.count(to);
        }
    }

    fn of(&mut self, transport: Transport) -> &mut u64 {
        match transport {
            Transport::Polling => &mut self.polling,
            Transport::WebSocket => &mut self.websocket,
            Transport::WebTransport => &mut self.webtransport,
        }
    }
}

impl ByReason {
    pub(super) fn count(&mut self, reason: &CloseReason) {
        bump(match reason {
            CloseReason::PingTimeout => &mut self.ping_timeout,
            CloseReason::TransportClose => &mut self.transport_close,
            CloseReason::TransportError(_) => &mut self.transport_error,
            CloseReason::ParseError(_) => &mut self.parse_error,
            CloseReason::ForcedClose => &mut self.forced_close,
        });
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        let counts = [
            self.ping_timeout,
            self.transport_close,
            self.transport_error,
            self.parse_error,
            self.forced_close,
        ];
        counts.into_iter().fold(0, u64::saturating_add)
    }
}

impl ByReject {
    pub(super) fn count(&mut self, reject: Reject) {
        bump(match reject {
            Reject::UnknownTransport => &mut self.unknown_transport,
            Reject::UnknownSid => &mut self.unknown_sid,
            Reject::BadHandshakeMethod => &mut self.bad_handshake_method,
            Reject::BadRequest(_) => &mut self.bad_request,
            Reject::Forbidden => &mut self.forbidden,
            Reject::ForeignOrigin => &mut self.foreign_origin,
            Reject::UnsupportedRevision => &mut self.unsupported_revision,
            Reject::UnknownMethod => &mut self.unknown_method,
            Reject::TooManySessions | Reject::TooManyHandshakes | Reject::ShuttingDown => {
                &mut self.unavailable
            }
            Reject::MemoryLimit => &mut self.memory_limit,
        });
    }
}

pub(super) fn bump(count: &mut u64) {
    *count = count.saturating_add(1);
}

fn add(count: &mut u64, more: usize) {
    *count = count.saturating_add(more as u64);
}
