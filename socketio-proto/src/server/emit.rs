//! Events for single sockets, and acknowledgements.

use alloc::vec;

use bytestring::ByteString;
use engineio_proto::Instant;
use engineio_proto::server::SessionKey;

use super::keys::{ConnectToken, SocketKey};
use super::machine::Server;
use super::sockets::Socket;
use crate::EmitError;
use crate::{EncodedPacket, Payload};

impl Server {
    /// Sends an event to one socket. With [connection state recovery](super::Config::connection_state_recovery) an
    /// offset follows its arguments, but for clients of revision 4.
    ///
    /// # Errors
    ///
    /// An [`EmitError`]; nothing was queued then.
    pub fn emit(
        &mut self,
        socket: SocketKey,
        event: &Payload,
        now: Instant,
    ) -> Result<(), EmitError> {
        self.advance(now);
        let (session, namespace) = self.joined(socket)?;
        let is_legacy = self.is_legacy(session);
        self.check_told(&namespace, !is_legacy, event)?;
        let (packet, offset) = if is_legacy {
            // It cannot come back for what it missed.
            (self.encode_event(&namespace, event)?, None)
        } else {
            self.encode_logged(&namespace, event)?
        };
        self.queue(session, &packet)?;
        self.log_emit(&namespace, socket, &packet, offset);
        self.tell_sent(&namespace, vec![socket], event);
        self.pump();
        Ok(())
    }

    /// Sends an event to a client that waits to be let in, as `socket.emit` in an official middleware does. Clients keep
    /// such events until they are in, and hand them over before they tell of the connection; those of a client that is
    /// refused are for nobody. It has no offset, and is not kept for who comes back.
    ///
    /// Source: `socket.io/lib/socket.ts`, `emit`; `socket.io-client/lib/socket.ts`, `emitBuffered`.
    ///
    /// # Errors
    ///
    /// An [`EmitError`]; nothing was queued then.
    pub fn emit_early(&mut self, token: &ConnectToken, event: &Payload) -> Result<(), EmitError> {
        let socket = self
            .sockets
            .get(token.0)
            .filter(|socket| !socket.joined)
            .ok_or(EmitError::Closed)?;
        let (session, namespace) = (socket.session, self.namespace_name(socket));
        let packet = self.encode_event(&namespace, event)?;
        self.queue(session, &packet)?;
        self.pump();
        Ok(())
    }

    /// Sends an event to one socket if it can leave at once; false if it was dropped, with all its attachments.
    ///
    /// # Errors
    ///
    /// An [`EmitError`] if the socket has left or the packet cannot be written.
    pub fn emit_volatile(&mut self, socket: SocketKey, event: &Payload) -> Result<bool, EmitError> {
        let (session, namespace) = self.joined(socket)?;
        self.check_told(&namespace, false, event)?;
        let packet = self.encode_event(&namespace, event)?;
        let sent = self.engine.send_volatile(session, packet.parts());
        if sent {
            self.tell_sent(&namespace, vec![socket], event);
        }
        self.pump();
        Ok(sent)
    }

    /// Queues a packet for a client. One that does not read may lose its session by that, which takes effect at once.
    pub(super) fn queue(
        &mut self,
        session: SessionKey,
        packet: &EncodedPacket,
    ) -> Result<(), EmitError> {
        let queued = self.engine.send_parts(session, packet.parts());
        if queued.is_err() {
            self.pump();
        }
        Ok(queued?)
    }

    /// Where a socket is, once it has joined.
    pub(super) fn joined(&self, socket: SocketKey) -> Result<(SessionKey, ByteString), EmitError> {
        let socket: &Socket = self
            .sockets
            .get(socket.0)
            .filter(|socket| socket.joined)
            .ok_or(EmitError::Closed)?;
        Ok((socket.session, self.namespace_name(socket)))
    }
}
