//! The interface of servers.

use core::time::Duration;

use bytes::Bytes;

use crate::codec::DecodeError;
use crate::http::RequestHead;
use crate::server::{Config, Event, Output, Server, ServerEvent, SessionKey};
use crate::{ConnectionId, Frame, HeadId, Instant, RequestId};

pub use super::app::{App, Context};
pub use super::handshake::{Handshake, Handshakes};
pub use super::schedule::{Schedule, Work};

/// A server without IO: what the servers of both crates share, each method with its meaning there.
///
/// The methods have the names of the servers' own ones. [The tables](super) say which inputs a driver must give.
pub trait Machine {
    /// What the application is told.
    type Event;

    /// The settings of the transport.
    fn engine_config(&self) -> &Config;

    /// Takes a whole plain request.
    fn handle_request(&mut self, id: RequestId, head: &RequestHead<'_>, body: Bytes, now: Instant);

    /// Notes that a POST has begun whose body is still arriving.
    fn handle_request_begun(&mut self, id: RequestId, head: &RequestHead<'_>, now: Instant);

    /// Takes a request whose body is too large.
    fn handle_request_too_large(&mut self, id: RequestId, now: Instant);

    /// Notes that the client of a request went away before its answer.
    fn handle_request_aborted(&mut self, id: RequestId, now: Instant);

    /// Takes a request to become a WebSocket.
    fn handle_upgrade(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant);

    /// Takes a request for a WebTransport session.
    fn handle_webtransport(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant);

    /// Takes a frame of a connection.
    fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant);

    /// Notes that a WebTransport stream brought bytes that are no frame.
    fn handle_bad_frame(&mut self, id: ConnectionId, error: DecodeError, now: Instant);

    /// Notes that a connection closed.
    fn handle_connection_closed(&mut self, id: ConnectionId, now: Instant);

    /// Notes that a connection broke the rules of its transport, or that writing to it failed.
    fn handle_connection_failed(&mut self, id: ConnectionId, now: Instant);

    /// Fires what is due.
    fn handle_timeout(&mut self, now: Instant);

    /// The next thing to do or to know.
    fn poll_output(&mut self) -> Option<Output<Self::Event>>;

    /// The next frame for a connection.
    fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame>;

    /// The next frame for a connection, and whether it may be compressed.
    fn poll_frame_with_hint(&mut self, connection: ConnectionId) -> Option<(Frame, bool)>;

    /// The time to call [`handle_timeout`](Self::handle_timeout) at; `None` if there is none.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Whether the driver should read on from a connection.
    fn wants_read(&self, connection: ConnectionId) -> bool;

    /// The bytes that are held for all clients together.
    fn bytes_held(&self) -> usize;

    /// The number of sessions that are not over.
    fn session_count(&self) -> usize;

    /// Lets no new session open and begins to end those that exist. Sessions that are not over `within` that time are
    /// discarded.
    ///
    /// Cost: that of ending each session.
    fn end_sessions(&mut self, farewell: Farewell, within: Duration, now: Instant);

    /// What an event means for the life of a session.
    fn lifecycle(event: &Self::Event) -> Lifecycle
    where
        Self: Sized;
}

/// How sessions end when a driver stops.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Farewell {
    /// At once, and what waits for clients is dropped: the official `close`.
    Discard,
    /// Behind what waits for clients. They see their connections close, and reconnect by themselves: to the server that
    /// takes the place of this one.
    #[default]
    Drain,
    /// The same, but Socket.IO clients get a DISCONNECT first, and so do not reconnect by themselves.
    Tell,
}

/// What an event means for the life of a session, so that a driver can keep what belongs to it that long.
#[expect(clippy::exhaustive_enums, reason = "made by machines, read by drivers")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lifecycle {
    /// The application is asked whether a session may open.
    Asked {
        /// The request that asks for it.
        by: HeadId,
    },
    /// A request was refused, and the application is told.
    Refused {
        /// The request that was refused.
        by: HeadId,
    },
    /// The session opened.
    Opened {
        /// The session.
        session: SessionKey,
        /// The request that opened it.
        by: HeadId,
    },
    /// The session is over.
    Closed {
        /// The session.
        session: SessionKey,
    },
    /// Neither.
    Other,
}

/// Passes the inputs and outputs of [`Machine`](server::Machine) on to a machine's own methods of the same names. The second
/// type has the methods that change nothing, if that is another one.
///
/// Not part of the interface: it is for the crates of this workspace.
///
/// [server::Machine]: crate::driver::server::Machine
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_to_server {
    ($machine:ty) => {
        $crate::__delegate_to_server!($machine, $machine);
    };
    ($machine:ty, $inner:ty) => {
        $crate::__delegate_to_server! { @ $machine:
            handle_request(id: $crate::RequestId, head: &$crate::http::RequestHead<'_>, body: $crate::Bytes);
            handle_request_begun(id: $crate::RequestId, head: &$crate::http::RequestHead<'_>);
            handle_request_too_large(id: $crate::RequestId);
            handle_request_aborted(id: $crate::RequestId);
            handle_upgrade(id: $crate::ConnectionId, head: &$crate::http::RequestHead<'_>);
            handle_webtransport(id: $crate::ConnectionId, head: &$crate::http::RequestHead<'_>);
            handle_frame(id: $crate::ConnectionId, frame: $crate::Frame);
            handle_bad_frame(id: $crate::ConnectionId, error: $crate::codec::DecodeError);
            handle_connection_closed(id: $crate::ConnectionId);
            handle_connection_failed(id: $crate::ConnectionId);
            handle_timeout();
        }

        fn poll_output(&mut self) -> Option<$crate::server::Output<Self::Event>> {
            <$machine>::poll_output(self)
        }

        fn poll_frame(&mut self, connection: $crate::ConnectionId) -> Option<$crate::Frame> {
            <$machine>::poll_frame(self, connection)
        }

        fn poll_frame_with_hint(
            &mut self,
            connection: $crate::ConnectionId,
        ) -> Option<($crate::Frame, bool)> {
            <$machine>::poll_frame_with_hint(self, connection)
        }

        fn poll_timeout(&self) -> Option<$crate::Instant> {
            <$inner>::poll_timeout(self)
        }

        fn wants_read(&self, connection: $crate::ConnectionId) -> bool {
            <$inner>::wants_read(self, connection)
        }

        fn bytes_held(&self) -> usize {
            <$inner>::bytes_held(self)
        }
    };
    (@ $machine:ty: $($name:ident($($arg:ident: $type:ty),*);)*) => {
        $(fn $name(&mut self, $($arg: $type,)* now: $crate::Instant) {
            <$machine>::$name(self, $($arg,)* now);
        })*
    };
}

impl Machine for Server {
    type Event = ServerEvent;

    crate::__delegate_to_server!(Server);

    fn engine_config(&self) -> &Config {
        self.config()
    }

    fn session_count(&self) -> usize {
        Self::session_count(self)
    }

    fn end_sessions(&mut self, farewell: Farewell, within: Duration, now: Instant) {
        let within = match farewell {
            Farewell::Discard => Duration::ZERO,
            Farewell::Drain | Farewell::Tell => within,
        };
        self.shut_down(within, now);
    }

    fn lifecycle(event: &ServerEvent) -> Lifecycle {
        match event {
            ServerEvent::Handshake { by, .. } => Lifecycle::Asked { by: *by },
            ServerEvent::Opened { session, by } => Lifecycle::Opened {
                session: *session,
                by: *by,
            },
            ServerEvent::Session {
                session,
                event: Event::Closed(_),
            } => Lifecycle::Closed { session: *session },
            ServerEvent::Refused { by, .. } => Lifecycle::Refused { by: *by },
            ServerEvent::Session { .. } => Lifecycle::Other,
        }
    }
}
