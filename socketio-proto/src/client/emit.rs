//! Events and acknowledgements on their way to the server.

use core::time::Duration;

use engineio_proto::Instant;
use engineio_proto::collections::Key;

use super::acks::{Owner, deadline};
use super::error::AckError;
use super::event::Event;
use super::keys::{AckId, AckToken, SocketKey};
use super::machine::{Client, Timer};
use super::retry::Entry;
use super::socket::{Socket, joined_mut};
use crate::EmitError;
use crate::{EncodeError, EncodedPacket, PacketRef, PacketType, Payload};

impl Client {
    /// Sends an event; while the socket is not connected it is buffered. With
    /// [`retries`](super::SocketOptions::retries) it is sent until it is acknowledged.
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
        self.catch_up(now);
        let entry = self.sockets.get(socket.0).ok_or(EmitError::Closed)?;
        let emitted = if entry.options.retries > 0 {
            self.enqueue(socket.0, event, None, None)
        } else {
            self.send_event(socket.0, event, None, true).map(|_| ())
        };
        self.pump();
        emitted
    }

    /// Sends an event as [`emit`](Self::emit) does, and awaits its acknowledgement: `Ack` or `AckFailed` follows,
    /// exactly once. Without `timeout` the [`ack_timeout`](super::SocketOptions::ack_timeout) of the socket holds.
    ///
    /// # Errors
    ///
    /// An [`EmitError`]; nothing was queued and nothing is awaited then.
    pub fn emit_with_ack(
        &mut self,
        socket: SocketKey,
        event: &Payload,
        timeout: Option<Duration>,
        now: Instant,
    ) -> Result<AckId, EmitError> {
        self.catch_up(now);
        let key = socket.0;
        let entry = self.sockets.get(key).ok_or(EmitError::Closed)?;
        let limit = self.config.max_pending_acks;
        if entry.acks.len().saturating_add(entry.retries.acks()) >= limit {
            return Err(EmitError::TooManyAcks { limit });
        }
        let name = AckId(self.next_ack);
        if entry.options.retries > 0 {
            self.enqueue(key, event, Some(name), timeout)?;
        } else {
            let timeout = timeout.or(entry.options.ack_timeout);
            self.send_tracked(key, event, Owner::Event(name), timeout, true)?;
        }
        self.next_ack = self.next_ack.saturating_add(1);
        self.pump();
        Ok(name)
    }

    /// Sends an event if it can leave at once; false if it was dropped, with all its attachments.
    ///
    /// An event for a socket that is not connected is dropped always, where the official client buffers it if the
    /// connection is open but the namespace is not joined.
    ///
    /// # Errors
    ///
    /// An [`EmitError`] if the socket was forgotten or the packet cannot be written.
    pub fn emit_volatile(
        &mut self,
        socket: SocketKey,
        event: &Payload,
        now: Instant,
    ) -> Result<bool, EmitError> {
        self.catch_up(now);
        let entry = self.sockets.get(socket.0).ok_or(EmitError::Closed)?;
        let packet = self.encode(entry, event, None)?;
        let at_once = entry.is_joined() && entry.send_buffer.is_empty();
        let sent = at_once && self.links.send_volatile(packet.parts());
        self.pump();
        Ok(sent)
    }

    /// Acknowledges an event with these arguments.
    ///
    /// # Errors
    ///
    /// An [`EmitError`]; the acknowledgement is lost then. [`EmitError::Closed`] if the session in which the event came
    /// is over.
    pub fn respond(
        &mut self,
        ack: AckToken,
        args: &Payload,
        now: Instant,
    ) -> Result<(), EmitError> {
        self.catch_up(now);
        let key = ack.socket.0;
        let socket = self
            .sockets
            .get(key)
            .filter(|socket| socket.is_joined() && socket.session == ack.session)
            .ok_or(EmitError::Closed)?;
        let packet = PacketRef::new(PacketType::Ack, &socket.namespace)
            .with_id(ack.id)
            .with_payload(args);
        let packet = self
            .config
            .parser
            .encode(packet, self.config.limits.max_attachments)?;
        let sent = self.links.send(packet.parts());
        self.pump();
        Ok(sent?)
    }

    /// Drops all unsent events of a socket: the buffer of events that were emitted while it was not connected, and the
    /// retry queue except a try in flight. Returns the number of dropped events. Their acknowledgements fail with
    /// [`AckError::Dropped`].
    ///
    /// Cost: O(log n) for each event that is dropped, and n deadlines.
    pub fn clear_buffer(&mut self, socket: SocketKey) -> usize {
        let key = socket.0;
        let mut dropped = 0_usize;
        while let Some(entry) = self.sockets.get_mut(key) {
            let Some(unsent) = entry.send_buffer.pop() else {
                break;
            };
            dropped = dropped.saturating_add(1);
            let Some(id) = unsent.ack else { continue };
            if let Some(pending) = entry.acks.remove(id) {
                if pending.owner == Owner::Retry {
                    // The entry itself is dropped below.
                    dropped = dropped.saturating_sub(1);
                    entry.retries.withdraw(id);
                    self.timers.set(Timer::Ack(key, id), None);
                } else {
                    self.ack_failed(key, id, pending, AckError::Dropped);
                }
            }
        }
        let entries = self
            .sockets
            .get_mut(key)
            .map(|entry| entry.retries.take_waiting())
            .unwrap_or_default();
        dropped = dropped.saturating_add(entries.len());
        for entry in entries {
            if entry.ack.is_some() {
                self.give_up(key, entry, AckError::Dropped);
            }
        }
        self.announce_room(key);
        dropped
    }

    /// Sends what waited for the namespace to be joined, as far as there is room.
    pub(super) fn flush(&mut self, key: Key) {
        let Some(socket) = joined_mut(&mut self.sockets, key) else {
            return;
        };
        while let Some(unsent) = socket.send_buffer.first() {
            if self.links.send(unsent.packet.parts()).is_err() {
                return;
            }
            if let Some(id) = socket.send_buffer.pop().and_then(|unsent| unsent.ack) {
                socket.acks.sent(id);
            }
        }
        self.announce_room(key);
    }

    /// Tells an application whose emit was refused that there is room again.
    pub(super) fn announce_room(&mut self, key: Key) {
        let (events, bytes) = (
            self.config.max_buffered_events,
            self.config.max_buffered_bytes,
        );
        let Some(socket) = self.sockets.get_mut(key).filter(|socket| socket.refused) else {
            return;
        };
        let half = |held: (usize, usize)| held.0 <= events / 2 && held.1 <= bytes / 2;
        let unsent = (socket.send_buffer.len(), socket.send_buffer.bytes());
        if half(unsent) && half((socket.retries.len(), socket.retries.bytes())) {
            socket.refused = false;
            self.push(Event::Drained {
                socket: SocketKey(key),
            });
        }
    }

    /// Sends the head of the retry queue, unless it is on its way.
    pub(super) fn drain_retries(&mut self, key: Key) {
        self.announce_room(key);
        let Some(socket) = joined_mut(&mut self.sockets, key) else {
            return;
        };
        let default = socket.options.ack_timeout;
        let Some(head) = socket.retries.waiting() else {
            return;
        };
        let (payload, timeout) = (head.payload.clone(), head.timeout.or(default));
        let Ok(id) = self.send_tracked(key, &payload, Owner::Retry, timeout, false) else {
            return;
        };
        if let Some(head) = self
            .sockets
            .get_mut(key)
            .and_then(|socket| socket.retries.waiting())
        {
            head.tries = head.tries.saturating_add(1);
            head.in_flight = Some(id);
        }
    }

    fn enqueue(
        &mut self,
        key: Key,
        event: &Payload,
        ack: Option<AckId>,
        timeout: Option<Duration>,
    ) -> Result<(), EmitError> {
        let (events, bytes) = (
            self.config.max_buffered_events,
            self.config.max_buffered_bytes,
        );
        let socket = self.sockets.get(key).ok_or(EmitError::Closed)?;
        // What cannot be written is refused here, and not when its turn comes.
        self.encode(socket, event, Some(0))?;
        let socket = self.sockets.get_mut(key).ok_or(EmitError::Closed)?;
        let entry = Entry {
            payload: event.clone(),
            ack,
            timeout,
            tries: 0,
            in_flight: None,
        };
        let pushed = socket.retries.push(entry, events, bytes);
        socket.refused |= pushed.is_err();
        pushed?;
        self.drain_retries(key);
        Ok(())
    }

    /// Sends or buffers an event and awaits its acknowledgement; gives its id on the wire.
    fn send_tracked(
        &mut self,
        key: Key,
        event: &Payload,
        owner: Owner,
        timeout: Option<Duration>,
        bounded: bool,
    ) -> Result<u64, EmitError> {
        let socket = self.sockets.get(key).ok_or(EmitError::Closed)?;
        let id = socket.acks.next();
        let buffered = self.send_event(key, event, Some(id), bounded)?;
        let now = self.now();
        let socket = self.sockets.get_mut(key).ok_or(EmitError::Closed)?;
        socket.acks.expect(owner, buffered);
        self.timers.set(Timer::Ack(key, id), deadline(now, timeout));
        Ok(id)
    }

    /// Sends an event, or buffers it; gives its place in the buffer then.
    fn send_event(
        &mut self,
        key: Key,
        event: &Payload,
        id: Option<u64>,
        bounded: bool,
    ) -> Result<Option<u64>, EmitError> {
        let socket = self.sockets.get(key).ok_or(EmitError::Closed)?;
        let packet = self.encode(socket, event, id)?;
        let (events, bytes) = (
            self.config.max_buffered_events,
            self.config.max_buffered_bytes,
        );
        let socket = self.sockets.get_mut(key).ok_or(EmitError::Closed)?;
        let room = if socket.is_joined() && socket.send_buffer.is_empty() {
            match self.links.send(packet.parts()) {
                Ok(()) => return Ok(None),
                Err(error) => Err(error.into()),
            }
        } else {
            let len = packet.payload_len();
            socket.send_buffer.room(len, events, bytes)
        };
        if let Err(error) = room
            && bounded
        {
            socket.refused = true;
            return Err(error);
        }
        Ok(Some(socket.send_buffer.push(packet, id)))
    }

    fn encode(
        &self,
        socket: &Socket,
        event: &Payload,
        id: Option<u64>,
    ) -> Result<EncodedPacket, EncodeError> {
        let mut packet = PacketRef::new(PacketType::Event, &socket.namespace).with_payload(event);
        packet.id = id;
        self.config
            .parser
            .encode(packet, self.config.limits.max_attachments)
    }
}
