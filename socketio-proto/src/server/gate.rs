//! Admission of clients below the namespaces, and shutdown.

use core::time::Duration;

use engineio_proto::Gone;
use engineio_proto::Instant;
use engineio_proto::server as engine;
use engineio_proto::server::{Admission, HandshakeToken, SessionKey};

use super::machine::Server;
use super::reason::DisconnectReason;

/// What clients do by themselves once a server has [drained](Server::drain) their sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Parting {
    /// They reconnect, to the server that takes the place of this one: they see their connections close.
    Reconnect,
    /// They stay away: each gets a DISCONNECT for each of its namespaces.
    StayAway,
}

impl Server {
    /// Opens the session that a handshake asks for: the answer to [`Event::Handshake`](super::Event::Handshake), as
    /// [`engine::Server::accept`].
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client went away meanwhile, or waited too long and was refused.
    pub fn accept_handshake(
        &mut self,
        token: HandshakeToken,
        now: Instant,
    ) -> Result<SessionKey, Gone> {
        self.advance(now);
        let session = self.engine.accept(token, self.now()).map_err(|_| Gone)?;
        self.pump();
        Ok(session)
    }

    /// Refuses a handshake with code 4 and a message: the other answer to [`Event::Handshake`](super::Event::Handshake),
    /// as [`engine::Server::reject`].
    ///
    /// # Errors
    ///
    /// [`Gone`] if the client went away meanwhile, or waited too long and was refused.
    pub fn reject_handshake(
        &mut self,
        token: HandshakeToken,
        message: Option<&str>,
    ) -> Result<(), Gone> {
        let rejected = self.engine.reject(token, message).map_err(|_| Gone);
        self.pump();
        rejected
    }

    /// Sets whether new sessions may open, as [`engine::Server::set_admission`].
    ///
    /// Cost: O(log n) for each of the n handshakes that wait and are refused.
    pub fn set_admission(&mut self, admission: Admission) {
        self.engine.set_admission(admission);
        self.pump();
    }

    /// Ends all sessions at once: every socket leaves with `server shutting down`, no DISCONNECT is sent, and what is
    /// queued on polling is dropped, as the official `close`. The server can be used on.
    ///
    /// Cost: for each socket, that of [`disconnect`](Self::disconnect).
    pub fn shut_down(&mut self, now: Instant) {
        self.advance(now);
        for session in self.engine_sessions() {
            self.drop_sockets(session, DisconnectReason::ServerShuttingDown);
            self.engine.discard(session);
        }
        self.pump();
    }

    /// Shuts down without loss. No new session may open from here on. The queued messages are still delivered, and then
    /// the clients are closed. Clients that have not taken their messages after `within` are dropped. Every socket
    /// leaves at once, with `server shutting down`, so nothing can be emitted any more. The shutdown is complete when
    /// [`engine`](Self::engine)`().session_count()` is zero.
    ///
    /// Cost: for each socket, that of [`disconnect`](Self::disconnect).
    pub fn drain(&mut self, parting: Parting, within: Duration, now: Instant) {
        self.advance(now);
        for session in self.engine_sessions() {
            if parting == Parting::StayAway {
                self.disconnect_all(session, DisconnectReason::ServerShuttingDown);
            }
            self.drop_sockets(session, DisconnectReason::ServerShuttingDown);
        }
        self.engine.shut_down(within, self.now());
        self.pump();
    }

    /// What the Engine.IO server below has done so far, as [`engine::Server::stats`].
    #[must_use]
    pub fn stats(&self) -> &engine::Stats {
        self.engine.stats()
    }

    fn engine_sessions(&self) -> alloc::vec::Vec<SessionKey> {
        self.engine.sessions().map(|(session, _)| session).collect()
    }
}
