//! Events that the application has not taken, with what they count against limits.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use engineio_proto::collections::Key;
use engineio_proto::ledger::{Backlog, HeapSize, Ledger};
use engineio_proto::server::SessionKey;

use super::event::Event;
use super::held::HeldPacket;
use super::keys::{BroadcastId, SocketKey};
use super::reason::AckError;

/// The events in the order in which they happened.
#[derive(Debug)]
pub(super) struct Events {
    queue: Backlog<Queued>,
    /// The bytes of events that cannot be dropped.
    undroppable: usize,
    ledger: Ledger,
}

/// An event with what it counts against the limits of its client.
#[derive(Debug)]
struct Queued {
    event: Event,
    counted: Option<(SessionKey, usize)>,
    /// The bytes that it counts among what cannot be dropped.
    undroppable: usize,
    /// The packet that the event tells of, which queues to clients hold too.
    packet: Option<Box<HeldPacket>>,
}

/// What changes once the next event is taken.
pub(super) struct Taken {
    /// The client that it counts against, and its bytes.
    pub(super) counted: Option<(SessionKey, usize)>,
    /// The client that it asks about, and the bytes of what that client sent along.
    pub(super) asked: Option<(Key, usize)>,
}

impl Events {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            queue: Backlog::new(ledger),
            undroppable: 0,
            ledger: ledger.clone(),
        }
    }

    /// Adds an event that cannot be dropped.
    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        let packet = if let Event::PacketLogged { packet, .. } = &event {
            let packet = packet.packet.clone();
            Some(Box::new(HeldPacket::new(packet, &self.ledger)))
        } else {
            None
        };
        let messages = packet.as_ref().map_or(0, |packet| packet.size());
        let undroppable = heap_size(&event, packet.as_ref())
            .saturating_add(size_of::<Queued>())
            .saturating_add(messages);
        self.undroppable = self.undroppable.saturating_add(undroppable);
        self.queue.push(Queued {
            event,
            counted: None,
            undroppable,
            packet,
        });
    }

    /// Adds an event that counts against the limits of a client, and can be dropped with it.
    #[inline]
    pub(super) fn push_counted(&mut self, session: SessionKey, bytes: usize, event: Event) {
        self.queue.push(Queued {
            event,
            counted: Some((session, bytes)),
            undroppable: 0,
            packet: None,
        });
    }

    /// Counts the next event as taken. It is looked at where it lies, since moving it is most of the work.
    #[inline]
    pub(super) fn count_taken(&mut self) -> Option<Taken> {
        let queued = self.queue.front()?;
        self.undroppable = self.undroppable.saturating_sub(queued.undroppable);
        let asked = if let Event::NamespaceRequested { token, auth, .. } = &queued.event {
            Some((token.0, auth.as_ref().map_or(0, HeapSize::heap_size)))
        } else {
            None
        };
        let counted = queued.counted;
        Some(Taken { counted, asked })
    }

    /// Takes the next event, which has been counted as taken.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Event> {
        self.queue.pop().map(|queued| queued.event)
    }

    /// The bytes of events that cannot be dropped.
    pub(super) const fn undroppable(&self) -> usize {
        self.undroppable
    }

    /// The bytes of the events that can be dropped with their session.
    pub(super) fn droppable_sizes(&self) -> BTreeMap<SessionKey, usize> {
        let mut sizes = BTreeMap::new();
        for queued in self.queue.iter() {
            if let Some(session) = queued.droppable() {
                let size: &mut usize = sizes.entry(session).or_default();
                let slot = size_of::<Queued>();
                *size = size.saturating_add(queued.heap_size()).saturating_add(slot);
            }
        }
        sizes
    }

    /// Drops what sessions that are over have left. Gives the acknowledgements of broadcasts among it, unless it is told
    /// already how their broadcast ended.
    pub(super) fn drop_of(
        &mut self,
        sessions: &[SessionKey],
    ) -> BTreeMap<BroadcastId, Vec<SocketKey>> {
        let mut lost: BTreeMap<BroadcastId, Vec<SocketKey>> = BTreeMap::new();
        if sessions.is_empty() {
            return lost;
        }
        let mut sessions = sessions.to_vec();
        sessions.sort_unstable();
        self.queue.retain_mut(|queued| {
            if let Event::BroadcastEnded {
                id,
                received,
                missing,
                ..
            } = &mut queued.event
                && let Some(sockets) = lost.remove(id)
            {
                *received = received.saturating_sub(sockets.len());
                missing.extend(sockets);
                missing.sort_unstable();
            }
            let session = queued.droppable();
            if session.is_none_or(|session| sessions.binary_search(&session).is_err()) {
                return true;
            }
            if let Event::BroadcastReply { id, socket, .. } = &queued.event {
                lost.entry(*id).or_default().push(*socket);
            }
            queued.shorten()
        });
        lost
    }

    #[cfg(feature = "count-steps")]
    pub(super) fn steps(&self) -> usize {
        self.queue.steps()
    }
}

impl Queued {
    /// The session with which the event can be dropped, or be made short.
    fn droppable(&self) -> Option<SessionKey> {
        let (session, _) = self.counted?;
        Some(session)
    }

    /// Drops what the event brings of a session that is over; false if nothing of it needs to be told.
    fn shorten(&mut self) -> bool {
        self.counted = None;
        if let Event::Recovered { auth, .. } = &mut self.event {
            *auth = None;
            return true;
        }
        let Event::Ack { socket, id, .. } = &self.event else {
            return false;
        };
        self.event = Event::AckFailed {
            socket: *socket,
            id: *id,
            error: AckError::Disconnected,
        };
        true
    }
}

impl HeapSize for Queued {
    fn heap_size(&self) -> usize {
        heap_size(&self.event, self.packet.as_ref())
    }
}

/// The bytes that an event with its packet keeps on the heap.
#[expect(clippy::borrowed_box, reason = "what the packet takes is its box")]
fn heap_size(event: &Event, packet: Option<&Box<HeldPacket>>) -> usize {
    let packet = packet.map_or(0, |_| size_of::<HeldPacket>());
    event.heap_size().saturating_add(packet)
}
