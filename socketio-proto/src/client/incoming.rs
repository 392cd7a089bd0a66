//! Effects of packets from the server, and of deadlines.

use engineio_proto::Message;
use engineio_proto::collections::Key;

use super::acks::{Owner, Pending};
use super::error::{AckError, ConnectError, DisconnectReason, Refusal, Violation};
use super::event::Event;
use super::keys::{AckToken, SocketKey};
use super::machine::{Client, Timer};
use super::phase::Phase;
use super::retry::Settled;
use super::socket::{Link, Welcome, joined_mut};
use crate::{Packet, PacketType, Payload};

impl Client {
    pub(super) fn handle_message(&mut self, message: Message) {
        match self.decoder.add(message) {
            Ok(None) => {}
            Ok(Some(packet)) => self.handle_packet(packet),
            Err(error) => self.violated(Violation::Decode(error)),
        }
    }

    /// Queues an event that the server can cause as often as it likes.
    pub(super) fn push_from_server(&mut self, event: Event, bytes: usize) {
        if !self.push_counted(event, bytes) && self.phase == Phase::Open {
            self.violated(Violation::TooManyUndelivered);
        }
    }

    fn violated(&mut self, violation: Violation) {
        self.closed(DisconnectReason::ParseError(violation));
    }

    fn handle_packet(&mut self, packet: Packet) {
        if self.config.report_packets {
            let bytes = packet.payload.as_ref().map_or(0, Payload::payload_len);
            self.push_from_server(Event::Packet(packet.clone()), bytes);
        }
        let decides = self.note_main(&packet);
        self.handle_packet_of_socket(packet);
        if decides {
            // Those that have something to show the server waited for this.
            for key in self.order.clone() {
                self.advance_socket(key);
            }
        }
    }

    fn handle_packet_of_socket(&mut self, packet: Packet) {
        let Some(&key) = self.names.get(&packet.namespace) else {
            return;
        };
        let Some(link) = self.sockets.get(key).map(|socket| socket.link.clone()) else {
            return;
        };
        let Packet {
            packet_type,
            id,
            payload,
            ..
        } = packet;
        match (packet_type, link) {
            (PacketType::Connect, Link::Asked) => match self.answer(key, payload.as_ref()) {
                Some(answer) => self.joined(key, answer),
                None => {
                    let (socket, error) = (SocketKey(key), ConnectError::NoSocketId);
                    self.push_from_server(Event::ConnectError { socket, error }, 0);
                }
            },
            (PacketType::ConnectError, Link::Joined) if self.is_legacy() => {
                let bytes = payload.as_ref().map_or(0, Payload::payload_len);
                let (socket, error) = (SocketKey(key), self.refusal(payload));
                self.push_from_server(Event::Error { socket, error }, bytes);
            }
            (PacketType::Connect, Link::Abandoned) => self.leave_abandoned(key, true),
            (PacketType::ConnectError, Link::Asked) => self.refused(key, self.refusal(payload)),
            (PacketType::ConnectError | PacketType::Disconnect, Link::Abandoned) => {
                self.leave_abandoned(key, false);
            }
            (PacketType::Disconnect, Link::Asked | Link::Joined) => {
                self.leave(key);
                self.close_if_idle();
                self.disconnected(key, DisconnectReason::IoServerDisconnect);
            }
            (PacketType::Event, Link::Joined) => {
                if let Some(payload) = payload {
                    self.deliver(key, payload, id);
                }
            }
            (PacketType::Event, Link::Asked) => {
                if let Some(payload) = payload {
                    self.keep(key, payload, id);
                }
            }
            (PacketType::Ack, Link::Joined) => {
                if let Some(id) = id {
                    self.acknowledged(key, id, payload.unwrap_or_else(Payload::no_args));
                }
            }
            (
                PacketType::Connect
                | PacketType::ConnectError
                | PacketType::Disconnect
                | PacketType::Event
                | PacketType::Ack,
                _,
            ) => {}
        }
    }

    /// What the answer to a CONNECT says.
    fn answer(&self, key: Key, payload: Option<&Payload>) -> Option<Welcome> {
        if self.is_legacy() {
            self.implicit_answer(key)
        } else {
            Welcome::new(payload)
        }
    }

    fn refusal(&self, payload: Option<Payload>) -> Refusal {
        if self.is_legacy() {
            Refusal::of_legacy(payload)
        } else {
            Refusal::new(payload)
        }
    }

    /// The server let the socket in. As officially, what arrived before comes first, then what waited is sent, and then
    /// the application is told.
    pub(super) fn joined(&mut self, key: Key, answer: Welcome) {
        self.timers.set(Timer::Join(key), None);
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        socket.join(answer);
        let recovered = socket.recovered;
        for (payload, id) in socket.receive_buffer.take() {
            self.deliver(key, payload, id);
        }
        if let Some(socket) = self.sockets.get_mut(key).filter(|_| !recovered) {
            // What came before a new session is of an earlier one, and so are its offsets.
            socket.forget_offset();
        }
        self.flush(key);
        self.drain_retries(key);
        if self
            .sockets
            .get(key)
            .is_some_and(|socket| socket.is_joined())
        {
            self.push(Event::Connected {
                socket: SocketKey(key),
                recovered,
            });
        }
    }

    fn refused(&mut self, key: Key, refusal: Refusal) {
        self.leave(key);
        self.close_if_idle();
        self.push(Event::ConnectError {
            socket: SocketKey(key),
            error: ConnectError::Refused(refusal),
        });
    }

    /// The answer to a CONNECT that the application has thought better of.
    fn leave_abandoned(&mut self, key: Key, joined: bool) {
        if let Some(socket) = self.sockets.get_mut(key) {
            socket.link = Link::Out;
            socket.owes_disconnect = joined;
        }
        self.advance_socket(key);
    }

    /// Takes a socket out of its namespace, for good until the application connects it again.
    pub(super) fn leave(&mut self, key: Key) {
        self.timers.set(Timer::Join(key), None);
        self.set_active(key, false);
        if let Some(socket) = self.sockets.get_mut(key) {
            socket.link = Link::Out;
            socket.id = None;
            socket.receive_buffer.take();
        }
    }

    /// Notes whether a socket is active. True if it was before.
    pub(super) fn set_active(&mut self, key: Key, active: bool) -> bool {
        let Some(socket) = self.sockets.get_mut(key) else {
            return false;
        };
        let was_active = core::mem::replace(&mut socket.active, active);
        let others = self.active.saturating_sub(usize::from(was_active));
        self.active = others.saturating_add(usize::from(active));
        was_active
    }

    /// Closes the connection if no socket needs it.
    pub(super) fn close_if_idle(&mut self) {
        if self.active == 0 {
            self.force_close();
        }
    }

    /// Tells that a session is over, and then what acknowledgements will not come.
    pub(super) fn disconnected(&mut self, key: Key, reason: DisconnectReason) {
        self.push(Event::Disconnected {
            socket: SocketKey(key),
            reason,
        });
        self.fail_lost_acks(key);
    }

    fn deliver(&mut self, key: Key, payload: Payload, id: Option<u64>) {
        let Some(socket) = joined_mut(&mut self.sockets, key) else {
            return;
        };
        if id.is_none() {
            socket.note_offset(&payload);
        }
        let (session, socket) = (socket.session, SocketKey(key));
        let ack = id.map(|id| AckToken {
            socket,
            session,
            id,
        });
        let bytes = payload.payload_len();
        let event = Event::Event {
            socket,
            payload,
            ack,
        };
        self.push_from_server(event, bytes);
    }

    fn keep(&mut self, key: Key, payload: Payload, id: Option<u64>) {
        let (events, bytes) = (
            self.config.max_buffered_events,
            self.config.max_buffered_bytes,
        );
        let kept = self
            .sockets
            .get_mut(key)
            .is_none_or(|socket| socket.receive_buffer.push(payload, id, events, bytes));
        if !kept {
            self.violated(Violation::TooManyBeforeConnect);
        }
    }

    fn acknowledged(&mut self, key: Key, id: u64, payload: Payload) {
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        let Some(pending) = socket.acks.remove(id) else {
            return;
        };
        self.timers.set(Timer::Ack(key, id), None);
        let name = match pending.owner {
            Owner::Event(name) => Some(name),
            Owner::Retry => match socket.retries.settle(id, true, socket.options.retries) {
                Settled::Done(entry) => entry.ack,
                Settled::Again | Settled::Stale => None,
            },
        };
        if let Some(id) = name {
            let bytes = payload.payload_len();
            let event = Event::Ack {
                socket: SocketKey(key),
                id,
                payload,
            };
            self.push_from_server(event, bytes);
        }
        self.drain_retries(key);
    }

    pub(super) fn ack_timed_out(&mut self, key: Key, id: u64) {
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        if let Some(pending) = socket.acks.remove(id) {
            if let Some(place) = pending.buffered {
                socket.send_buffer.remove(place);
            }
            self.ack_failed(key, id, pending, AckError::TimedOut);
            self.drain_retries(key);
        }
    }

    pub(super) fn join_timed_out(&mut self, key: Key) {
        let implicit = self.is_implicit_socket(key);
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        if socket.active && matches!(socket.link, Link::Asked | Link::Abandoned) {
            // Where nothing was asked, no answer is owed.
            socket.link = if implicit { Link::Out } else { Link::Abandoned };
            socket.receive_buffer.take();
            self.set_active(key, false);
            self.close_if_idle();
            self.push(Event::ConnectError {
                socket: SocketKey(key),
                error: ConnectError::Timeout,
            });
        }
    }

    /// Ends the acknowledgements of events that went to a session that is over. What is still to be sent keeps its own;
    /// a try of the retry queue that was still to be sent is taken back.
    pub(super) fn fail_lost_acks(&mut self, key: Key) {
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        for (id, pending) in socket.acks.take_lost() {
            self.timers.set(Timer::Ack(key, id), None);
            self.lost(key, id, pending);
        }
    }

    fn lost(&mut self, key: Key, id: u64, pending: Pending) {
        let socket = self.sockets.get_mut(key);
        if let (Some(place), Some(socket)) = (pending.buffered, socket) {
            socket.send_buffer.remove(place);
            socket.retries.withdraw(id);
        } else {
            self.ack_failed(key, id, pending, AckError::Disconnected);
        }
    }

    /// Tells that an acknowledgement will not come, unless the event is sent again.
    pub(super) fn ack_failed(&mut self, key: Key, id: u64, pending: Pending, error: AckError) {
        self.timers.set(Timer::Ack(key, id), None);
        match pending.owner {
            Owner::Event(id) => self.push(Event::AckFailed {
                socket: SocketKey(key),
                id,
                error,
            }),
            Owner::Retry => {
                let Some(socket) = self.sockets.get_mut(key) else {
                    return;
                };
                if let Settled::Done(entry) =
                    socket.retries.settle(id, false, socket.options.retries)
                {
                    self.give_up(key, entry, error);
                }
            }
        }
    }

    pub(super) fn give_up(&mut self, key: Key, entry: super::retry::Entry, error: AckError) {
        let socket = SocketKey(key);
        self.push(match entry.ack {
            Some(id) => Event::AckFailed { socket, id, error },
            None => Event::GivenUp {
                socket,
                payload: entry.payload,
                error,
            },
        });
    }

    /// There is room on the connection again.
    pub(super) fn drained(&mut self) {
        if self.phase != Phase::Open {
            return;
        }
        for key in self.order.clone() {
            self.advance_socket(key);
            self.flush(key);
            self.announce_room(key);
        }
    }
}
