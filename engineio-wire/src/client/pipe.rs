//! One connection: what it is for, and what is to be written to it.

use alloc::string::String;

use bytes::Bytes;
use engineio_proto::codec::websocket::{Decoder, Encoder};
use engineio_proto::http::Request;
use engineio_proto::{ConnectionId, Instant, RequestId};

use super::options::Options;
use super::reader::Reader;
use super::request::Origin;
use crate::Batch;

#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) origin: Origin,
    pub(super) state: State,
    pub(super) out: Outgoing,
    /// Since when it is in this state, or since when bytes have come in it.
    pub(super) since: Instant,
}

/// What a connection is for.
///
/// | state | next |
/// |---|---|
/// | `Connecting` | `Tunnelling` behind a proxy, else `Securing` or the job |
/// | `Tunnelling` | `Securing`, or the job |
/// | `Securing` | the job: `Requesting`, `Opening` |
/// | `Requesting` | `Idle`, or closed |
/// | `Idle` | `Requesting`, or closed |
/// | `Opening` | `Open`, or closed |
/// | `Open` | `Leaving`, or closed |
/// | `Leaving` | closed |
#[derive(Debug)]
pub(super) enum State {
    Connecting(Job),
    /// The proxy was asked for a tunnel.
    Tunnelling(Job, Reader),
    Securing(Job),
    Requesting(Exchange, Reader),
    Idle {
        /// When the server may close it, or the client does.
        until: Instant,
    },
    /// The handshake of a WebSocket.
    Opening(Opening, Reader),
    Open(Socket),
    /// A close frame was sent, or will be.
    Leaving(Leaving),
    /// The driver has closed it or was told to: it is not known any more.
    Gone,
}

/// What a connection is opened for.
#[derive(Debug)]
pub(super) enum Job {
    Request(Exchange),
    WebSocket(Opening),
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) id: RequestId,
    pub(super) request: Request,
    pub(super) redirects_left: u8,
    /// It went out on a connection that had carried another before.
    pub(super) is_reused: bool,
    /// When it went out.
    pub(super) began: Instant,
}

/// A WebSocket that is being opened.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) id: ConnectionId,
    pub(super) request: Request,
    /// What was sent in `Sec-WebSocket-Key`.
    pub(super) key: String,
}

/// A WebSocket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) id: ConnectionId,
    pub(super) decoder: Decoder,
    pub(super) encoder: Encoder,
    /// The machine has frames for it.
    pub(super) frames_wait: bool,
    /// The content of the last ping that was not answered.
    pub(super) pong: Option<Bytes>,
}

#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) until: Instant,
    /// What the server sends until its close frame; `None` once nothing of it matters any more.
    pub(super) decoder: Option<Decoder>,
    /// Whether to hang up when all is written, without waiting for the server.
    pub(super) hangs_up: bool,
}

/// What is to be written, of which one batch is under way at most.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) pending: Batch,
    /// The bytes that the driver has taken and not written.
    pub(super) in_flight: usize,
    /// When the driver last made progress with them.
    pub(super) progress: Instant,
}

impl Outgoing {
    pub(super) fn push(&mut self, bytes: impl Into<Bytes>) {
        self.pending.push(bytes.into());
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.in_flight == 0
    }

    /// Whether the request that was pushed last cannot have reached the server: the driver has taken nothing of it.
    pub(super) const fn is_untouched(&self) -> bool {
        !self.pending.is_empty()
    }
}

impl Job {
    pub(super) const fn request(&self) -> &Request {
        match self {
            Self::Request(exchange) => &exchange.request,
            Self::WebSocket(opening) => &opening.request,
        }
    }
}

impl State {
    /// What the connection is being opened for.
    const fn job(&self) -> Option<&Job> {
        if let Self::Connecting(job) | Self::Tunnelling(job, _) | Self::Securing(job) = self {
            Some(job)
        } else {
            None
        }
    }
}

impl Pipe {
    /// Whether the driver can take something to write now.
    pub(super) const fn wants_write(&self) -> bool {
        let has_more = if let State::Open(socket) = &self.state {
            socket.frames_wait || socket.pong.is_some()
        } else {
            false
        };
        self.out.in_flight == 0 && (has_more || !self.out.pending.is_empty())
    }

    /// Whether it works for nobody.
    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle { .. })
    }

    pub(super) fn carries_request(&self, id: RequestId) -> bool {
        let carried = (&self.state, self.state.job());
        let ((_, Some(Job::Request(exchange))) | (State::Requesting(exchange, _), _)) = carried
        else {
            return false;
        };
        exchange.id == id
    }

    pub(super) fn carries_connection(&self, id: ConnectionId) -> bool {
        let carried = match (&self.state, self.state.job()) {
            (_, Some(Job::WebSocket(opening))) | (State::Opening(opening, _), _) => opening.id,
            (State::Open(socket), _) => socket.id,
            _ => return false,
        };
        carried == id
    }

    /// The bytes on the heap that it holds for what has begun.
    pub(super) fn bytes_held(&self) -> usize {
        let reading = match &self.state {
            State::Tunnelling(_, reader)
            | State::Requesting(_, reader)
            | State::Opening(_, reader) => reader.bytes_held(),
            State::Open(socket) => {
                let pong = socket.pong.as_ref().map_or(0, Bytes::len);
                socket.decoder.bytes_held().saturating_add(pong)
            }
            State::Leaving(leaving) => leaving.decoder.as_ref().map_or(0, Decoder::bytes_held),
            State::Connecting(_) | State::Securing(_) | State::Idle { .. } | State::Gone => 0,
        };
        reading.saturating_add(self.out.pending.len())
    }

    /// When it has taken too long.
    pub(super) fn deadline(&self, options: &Options) -> Option<Instant> {
        let stall = self.out.progress + options.stall_timeout;
        let writing = (self.out.in_flight > 0).then_some(stall);
        let state = match &self.state {
            State::Connecting(_) | State::Tunnelling(..) | State::Securing(_) => {
                Some(self.since + options.connect_timeout)
            }
            State::Requesting(exchange, reader) => {
                if reader.has_begun() {
                    Some(self.since + options.stall_timeout)
                } else {
                    options.response_timeout.map(|time| exchange.began + time)
                }
            }
            State::Opening(..) => Some(self.since + options.handshake_timeout),
            State::Idle { until } => Some(*until),
            State::Open(_) | State::Gone => None,
            State::Leaving(leaving) => Some(leaving.until),
        };
        [writing, state].into_iter().flatten().min()
    }
}
