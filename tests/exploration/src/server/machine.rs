//! The machines on the server's side: a lone session, or the server with one client.

use std::sync::Arc;

use bytes::Bytes;
use engineio_proto::http::RequestHead;
use engineio_proto::server::{
    Config, Event, Handshake, Output, PostContent, Server, ServerEvent, Session, SessionKey,
};
use engineio_proto::{
    Buffered, ConnectionId, Encoded, Frame, Instant, RequestId, Revision, Seed, SendError, Sid,
    Transport,
};

const SID: &str = "lv_VI97HAXpY6yYWAAAC";

/// One of the two, with the same inputs and outputs.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub(super) enum Machine {
    Session {
        session: Session,
    },
    Server {
        server: Server,
        key: Option<SessionKey>,
        /// The parameters of every request: the revision, and the session once it is open.
        revision: u8,
        sid: String,
    },
}

impl Machine {
    /// A session that is opened by `by`. The first input is that request or connection.
    pub(super) fn session(
        config: Config,
        transport: Transport,
        revision: Revision,
        now: Instant,
    ) -> Option<Self> {
        let sid = Sid::parse(SID)?;
        let mut handshake = Handshake::new(transport);
        handshake.revision = revision;
        let session = Session::open(Arc::new(config), sid, &handshake, now).ok()?;
        Some(Self::Session { session })
    }

    pub(super) fn server(config: Config, revision: Revision) -> Option<Self> {
        Some(Self::Server {
            server: Server::new(config, 0, &Seed::new([7; 32])).ok()?,
            key: None,
            revision: revision.number(),
            sid: String::new(),
        })
    }

    pub(super) fn poll(&mut self, id: RequestId, now: Instant) {
        match self {
            Self::Session { session } => session.handle_poll(id, now),
            Self::Server {
                server,
                revision,
                sid,
                ..
            } => {
                let query = query(*revision, Transport::Polling, sid);
                let head = RequestHead::new("GET", "/engine.io/", &query);
                server.handle_request(id, &head, Bytes::new(), now);
            }
        }
    }

    pub(super) fn post_begun(&mut self, id: RequestId, now: Instant) {
        match self {
            Self::Session { session } => session.handle_post_begun(id, now),
            Self::Server {
                server,
                revision,
                sid,
                ..
            } => {
                let query = query(*revision, Transport::Polling, sid);
                let head = RequestHead::new("POST", "/engine.io/", &query);
                server.handle_request_begun(id, &head, now);
            }
        }
    }

    pub(super) fn post(&mut self, id: RequestId, body: String, now: Instant) {
        match self {
            Self::Session { session } => {
                session.handle_post(id, PostContent::Text, body.into(), now);
            }
            Self::Server {
                server,
                revision,
                sid,
                ..
            } => {
                let query = query(*revision, Transport::Polling, sid);
                let head = RequestHead::new("POST", "/engine.io/", &query);
                server.handle_request(id, &head, body.into(), now);
            }
        }
    }

    pub(super) fn post_too_large(&mut self, id: RequestId, now: Instant) {
        match self {
            Self::Session { session } => session.handle_post_too_large(id, now),
            Self::Server { server, .. } => server.handle_request_too_large(id, now),
        }
    }

    pub(super) fn aborted(&mut self, id: RequestId, now: Instant) {
        match self {
            Self::Session { session } => session.handle_request_aborted(id, now),
            Self::Server { server, .. } => server.handle_request_aborted(id, now),
        }
    }

    /// A connection for the session, or the one that opens it.
    pub(super) fn connected(&mut self, id: ConnectionId, to: Transport, now: Instant) {
        match (self, to) {
            (Self::Session { session }, Transport::WebTransport) => {
                session.handle_webtransport(id, now);
            }
            (Self::Session { session }, _) => session.handle_connection(id, now),
            (Self::Server { server, sid, .. }, Transport::WebTransport) => {
                let head = RequestHead::new("CONNECT", "/engine.io/", "");
                server.handle_webtransport(id, &head, now);
                let open = match sid.as_str() {
                    "" => "0".to_owned(),
                    sid => format!(r#"0{{"sid":"{sid}"}}"#),
                };
                server.handle_frame(id, Frame::Text(open.into()), now);
            }
            (
                Self::Server {
                    server,
                    revision,
                    sid,
                    ..
                },
                _,
            ) => {
                let query = query(*revision, Transport::WebSocket, sid);
                let head = RequestHead::new("GET", "/engine.io/", &query).with_upgrade();
                server.handle_upgrade(id, &head, now);
            }
        }
    }

    pub(super) fn frame(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        match self {
            Self::Session { session } => session.handle_frame(id, frame, now),
            Self::Server { server, .. } => server.handle_frame(id, frame, now),
        }
    }

    pub(super) fn closed(&mut self, id: ConnectionId, now: Instant) {
        match self {
            Self::Session { session } => session.handle_connection_closed(id, now),
            Self::Server { server, .. } => server.handle_connection_closed(id, now),
        }
    }

    pub(super) fn failed(&mut self, id: ConnectionId, now: Instant) {
        match self {
            Self::Session { session } => session.handle_connection_failed(id, now),
            Self::Server { server, .. } => server.handle_connection_failed(id, now),
        }
    }

    pub(super) fn time(&mut self, now: Instant) {
        match self {
            Self::Session { session } => session.handle_timeout(now),
            Self::Server { server, .. } => server.handle_timeout(now),
        }
    }

    pub(super) fn send(&mut self, message: &Encoded) -> Result<(), SendError> {
        match self {
            Self::Session { session } => session.send(message),
            Self::Server { server, key, .. } => {
                key.map_or(Err(SendError::Closed), |key| server.send(key, message))
            }
        }
    }

    pub(super) fn close(&mut self, now: Instant) {
        match self {
            Self::Session { session } => session.close(now),
            Self::Server { server, key, .. } => {
                if let Some(key) = *key {
                    server.close(key, now);
                }
            }
        }
    }

    pub(super) fn discard(&mut self) {
        match self {
            Self::Session { session } => session.discard(),
            Self::Server { server, key, .. } => {
                if let Some(key) = *key {
                    server.discard(key);
                }
            }
        }
    }

    /// The next output, in the terms of a session.
    pub(super) fn poll_output(&mut self) -> Option<Output<Event>> {
        match self {
            Self::Session { session } => session.poll_output(),
            Self::Server {
                server, key, sid, ..
            } => loop {
                match server.poll_output()? {
                    Output::Event(ServerEvent::Opened { session, .. }) => {
                        *key = Some(session);
                        // Later requests name it.
                        let opened = server.session(session).map(Session::sid);
                        *sid = opened
                            .map(|sid| sid.as_str().to_owned())
                            .unwrap_or_default();
                    }
                    Output::Event(ServerEvent::Session { event, .. }) => {
                        return Some(Output::Event(event));
                    }
                    Output::Event(_) => {}
                    Output::Respond { request, response } => {
                        return Some(Output::Respond { request, response });
                    }
                    Output::Accept {
                        connection,
                        headers,
                    } => {
                        return Some(Output::Accept {
                            connection,
                            headers,
                        });
                    }
                    Output::Refuse {
                        connection,
                        response,
                    } => {
                        return Some(Output::Refuse {
                            connection,
                            response,
                        });
                    }
                    Output::Frames { connection } => return Some(Output::Frames { connection }),
                    Output::Close { connection } => return Some(Output::Close { connection }),
                }
            },
        }
    }

    pub(super) fn poll_frame(&mut self, id: ConnectionId) -> Option<Frame> {
        match self {
            Self::Session { session } => session.poll_frame(id),
            Self::Server { server, .. } => server.poll_frame(id),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Session { session } => session.poll_timeout(),
            Self::Server { server, .. } => server.poll_timeout(),
        }
    }

    /// The data that waits for the client.
    pub(super) fn buffered(&self) -> Buffered {
        match self {
            Self::Session { session } => session.buffered(),
            Self::Server { server, key, .. } => key
                .and_then(|key| server.session(key))
                .map(Session::buffered)
                .unwrap_or_default(),
        }
    }

    pub(super) fn bytes_held(&self) -> usize {
        match self {
            Self::Session { session } => session.bytes_held(),
            Self::Server { server, .. } => server.bytes_held(),
        }
    }

    /// The gauges and counters of a server, if they are wrong.
    pub(super) fn miscounts(&self, is_open: bool) -> Option<String> {
        let Self::Server { server, .. } = self else {
            return None;
        };
        let stats = server.stats();
        let transports = [
            Transport::Polling,
            Transport::WebSocket,
            Transport::WebTransport,
        ];
        let opened: u64 = transports.iter().map(|on| stats.opened.get(*on)).sum();
        let present: u64 = transports.iter().map(|on| server.sessions_on(*on)).sum();
        let counted = (
            server.session_count(),
            server.timer_count(),
            present,
            opened.checked_sub(stats.closed.total()),
        );
        let count = usize::from(is_open);
        let wanted = (count, count, count as u64, Some(count as u64));
        (counted != wanted).then(|| {
            format!(
                "sessions, deadlines, gauges and counters are {counted:?} instead of {wanted:?}"
            )
        })
    }
}

fn query(revision: u8, transport: Transport, sid: &str) -> String {
    let transport = transport.name();
    match sid {
        "" => format!("EIO={revision}&transport={transport}"),
        sid => format!("EIO={revision}&transport={transport}&sid={sid}"),
    }
}
