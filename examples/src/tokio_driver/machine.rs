//! What the driver asks of a state machine, and of the application that sits on top of it.

use std::time::Duration;

use bytes::Bytes;
use engineio_proto::codec::DecodeError;
use engineio_proto::http::RequestHead;
use engineio_proto::server::{Config, Output, Server as EngineServer, ServerEvent, SessionKey};
use engineio_proto::{ConnectionId, Exchange, Frame, Instant, RequestId};
use socketio_proto::server::{Event as SocketEvent, Server as SocketServer};
use socketio_recorder::Recorder;
use tokio::sync::mpsc;

use super::handshake::Heads;
use super::{Farewell, Handshake};

/// A server without IO: the methods that the servers of both crates share, with their meaning there.
pub trait Machine: Send + 'static {
    /// What the application is told.
    type Event: Send;

    /// The settings of the transport.
    fn config(&self) -> &Config;
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
    /// Notes that a WebTransport stream brought what is no frame.
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
    /// When to call `handle_timeout`.
    fn poll_timeout(&self) -> Option<Instant>;
    /// Lets no new session open and begins to end those that exist. What is not over `within` that time is discarded.
    fn shut_down(&mut self, farewell: Farewell, within: Duration, now: Instant);
    /// The number of sessions that are not over.
    fn session_count(&self) -> usize;
    /// What an event means for the life of a session.
    fn lifecycle(event: &Self::Event) -> Lifecycle;
}

/// What an event means for the life of a session, so that the driver can keep what belongs to it that long.
#[expect(
    clippy::exhaustive_enums,
    reason = "made by machines, read by the driver alone"
)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lifecycle {
    /// The application is asked whether a session may open.
    Asked {
        /// What asks for it.
        by: Exchange,
    },
    /// The session opened.
    Opened {
        /// The session.
        session: SessionKey,
        /// What opened it.
        by: Exchange,
    },
    /// The session is over.
    Closed {
        /// The session.
        session: SessionKey,
    },
    /// Neither.
    Other,
}

/// What a program does with the events of a machine.
///
/// One value runs on each shard and owns its share of the application's state; nothing here is shared or locked.
pub trait App<M: Machine>: Send + 'static {
    /// What other tasks may ask of it.
    type Command: Send + 'static;

    /// Runs once, before the first event.
    fn started(&mut self, _machine: &mut M, _context: &Context<'_, Self::Command>) {}

    /// Takes an event. All of it must be done without waiting; what takes long belongs into a task that answers by a
    /// command.
    fn handle_event(
        &mut self,
        machine: &mut M,
        event: M::Event,
        context: &Context<'_, Self::Command>,
    );

    /// Takes a command of another task.
    fn handle_command(
        &mut self,
        machine: &mut M,
        command: Self::Command,
        context: &Context<'_, Self::Command>,
    );

    /// Runs once, before all sessions are closed.
    fn stopping(&mut self, _machine: &mut M, _context: &Context<'_, Self::Command>) {}
}

/// What surrounds a call of the application.
#[derive(Debug)]
pub struct Context<'a, C> {
    /// The time of the input that led to the call.
    pub now: Instant,
    pub(super) heads: &'a Heads,
    pub(super) commands: &'a Commands<C>,
}

impl<C> Context<'_, C> {
    /// The request that opened a session, until the session is over: while its last event is handled it is still there.
    #[must_use]
    pub fn handshake(&self, session: SessionKey) -> Option<&Handshake> {
        self.heads.of_session(session)
    }

    /// The request that the application is asked about, or told that it was refused: while that event is handled, and in
    /// the first case until it is decided.
    #[must_use]
    pub fn request(&self, by: Exchange) -> Option<&Handshake> {
        self.heads.of_request(by)
    }

    /// The way for other tasks to reach this application.
    #[must_use]
    pub fn commands(&self) -> Commands<C> {
        self.commands.clone()
    }
}

/// Sends commands to the application of one shard.
#[derive(Debug)]
pub struct Commands<C>(pub(super) mpsc::Sender<C>);

impl<C> Commands<C> {
    /// Sends a command, waiting while too many wait already; false if the shard is gone.
    ///
    /// Not to be awaited by the application itself, which runs where commands are taken.
    pub async fn send(&self, command: C) -> bool {
        self.0.send(command).await.is_ok()
    }
}

impl<C> Clone for Commands<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Passes the methods on to the machine's own ones of the same name and meaning.
macro_rules! delegate {
    ($machine:ty) => {
        delegate!($machine, $machine);
    };
    // A machine in a coat, which only lends it for what changes nothing.
    ($machine:ty, $inner:ty) => {
        fn handle_request(
            &mut self,
            id: RequestId,
            head: &RequestHead<'_>,
            body: Bytes,
            now: Instant,
        ) {
            <$machine>::handle_request(self, id, head, body, now);
        }

        fn handle_request_begun(&mut self, id: RequestId, head: &RequestHead<'_>, now: Instant) {
            <$machine>::handle_request_begun(self, id, head, now);
        }

        fn handle_request_too_large(&mut self, id: RequestId, now: Instant) {
            <$machine>::handle_request_too_large(self, id, now);
        }

        fn handle_request_aborted(&mut self, id: RequestId, now: Instant) {
            <$machine>::handle_request_aborted(self, id, now);
        }

        fn handle_upgrade(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant) {
            <$machine>::handle_upgrade(self, id, head, now);
        }

        fn handle_webtransport(&mut self, id: ConnectionId, head: &RequestHead<'_>, now: Instant) {
            <$machine>::handle_webtransport(self, id, head, now);
        }

        fn handle_bad_frame(&mut self, id: ConnectionId, error: DecodeError, now: Instant) {
            <$machine>::handle_bad_frame(self, id, error, now);
        }

        fn handle_frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
            <$machine>::handle_frame(self, id, frame, now);
        }

        fn handle_connection_closed(&mut self, id: ConnectionId, now: Instant) {
            <$machine>::handle_connection_closed(self, id, now);
        }

        fn handle_connection_failed(&mut self, id: ConnectionId, now: Instant) {
            <$machine>::handle_connection_failed(self, id, now);
        }

        fn handle_timeout(&mut self, now: Instant) {
            <$machine>::handle_timeout(self, now);
        }

        fn poll_output(&mut self) -> Option<Output<Self::Event>> {
            <$machine>::poll_output(self)
        }

        fn poll_frame(&mut self, connection: ConnectionId) -> Option<Frame> {
            <$machine>::poll_frame(self, connection)
        }

        fn poll_timeout(&self) -> Option<Instant> {
            <$inner>::poll_timeout(self)
        }
    };
}

impl Machine for EngineServer {
    type Event = ServerEvent;

    delegate!(EngineServer);

    fn config(&self) -> &Config {
        Self::config(self)
    }

    fn shut_down(&mut self, farewell: Farewell, within: Duration, now: Instant) {
        let within = match farewell {
            Farewell::Discard => Duration::ZERO,
            Farewell::Drain | Farewell::Tell => within,
        };
        Self::shut_down(self, within, now);
    }

    fn session_count(&self) -> usize {
        Self::session_count(self)
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
                event: engineio_proto::server::Event::Closed(_),
            } => Lifecycle::Closed { session: *session },
            ServerEvent::Session { .. } | _ => Lifecycle::Other,
        }
    }
}

/// A Socket.IO server, or one in a coat.
macro_rules! socket_server {
    ($machine:ty) => {
        impl Machine for $machine {
            type Event = SocketEvent;

            delegate!($machine, SocketServer);

            fn config(&self) -> &Config {
                &SocketServer::config(self).engine
            }

            fn shut_down(&mut self, farewell: Farewell, within: Duration, now: Instant) {
                match farewell {
                    Farewell::Discard => {
                        self.set_accepting(false);
                        Self::shut_down(self, now);
                    }
                    Farewell::Drain => self.drain(false, within, now),
                    Farewell::Tell => self.drain(true, within, now),
                }
            }

            fn session_count(&self) -> usize {
                SocketServer::engine(self).session_count()
            }

            fn lifecycle(event: &SocketEvent) -> Lifecycle {
                match event {
                    SocketEvent::Handshake { by, .. } => Lifecycle::Asked { by: *by },
                    SocketEvent::Opened { session, by } => Lifecycle::Opened {
                        session: *session,
                        by: *by,
                    },
                    SocketEvent::Closed { session, .. } => Lifecycle::Closed { session: *session },
                    SocketEvent::Connecting { .. }
                    | SocketEvent::Event { .. }
                    | SocketEvent::Ack { .. }
                    | SocketEvent::AckFailed { .. }
                    | SocketEvent::Upgraded { .. }
                    | SocketEvent::Drained { .. }
                    | SocketEvent::Disconnected { .. }
                    | _ => Lifecycle::Other,
                }
            }
        }
    };
}

socket_server!(SocketServer);
socket_server!(Recorder<SocketServer>);
