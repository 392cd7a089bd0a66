//! Events that the application has not taken, with what they count against limits.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use engineio_proto::collections::Key;
use engineio_proto::ledger::{Backlog, HeapSize, Ledger};
use engineio_proto::server::{Output, SessionKey};

use super::event::Event;
use super::held::HeldPacket;
use super::keys::{BroadcastId, SocketKey};
use super::reason::AckError;

/// The events in the order in which they happened.
#[derive(Debug)]
pub(super) struct Events {
    queue: Backlog<Queued>,
    /// The packets that [`Event::PacketLogged`] tells of, which queues to clients hold too: one for each of them. Such events
    /// are never dropped. The packets lie beside the queue so that an event is moved without a look at what else goes.
    packets: Backlog<HeldPacket>,
    /// The bytes of events that cannot be dropped.
    undroppable: usize,
    ledger: Ledger,
}

/// An event with what it counts against the limits of its client.
#[derive(Debug)]
struct Queued {
    event: Event,
    counted: Counted,
}

/// What an event counts against.
#[derive(Clone, Copy, Debug)]
enum Counted {
    /// The limits of a client, by its bytes: it can be dropped with the client.
    Client(SessionKey, usize),
    /// The bytes of what cannot be dropped.
    Undroppable(usize),
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
            packets: Backlog::new(ledger),
            undroppable: 0,
            ledger: ledger.clone(),
        }
    }

    /// Adds an event that cannot be dropped.
    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        let mut undroppable = event.heap_size().saturating_add(size_of::<Queued>());
        if let Event::PacketLogged { packet, .. } = &event {
            let packet = HeldPacket::new(packet.packet.clone(), &self.ledger);
            undroppable = undroppable
                .saturating_add(size_of::<HeldPacket>())
                .saturating_add(packet.size());
            self.packets.push(packet);
        }
        self.undroppable = self.undroppable.saturating_add(undroppable);
        self.queue.push(Queued {
            event,
            counted: Counted::Undroppable(undroppable),
        });
    }

    /// Adds an event that counts against the limits of a client, and can be dropped with it.
    #[inline]
    pub(super) fn push_counted(&mut self, session: SessionKey, bytes: usize, event: Event) {
        self.queue.push(Queued {
            event,
            counted: Counted::Client(session, bytes),
        });
    }

    /// Counts the next event as taken. It is looked at where it lies, since moving it is most of the work.
    #[inline]
    pub(super) fn count_taken(&mut self) -> Option<Taken> {
        let queued = self.queue.front()?;
        let counted = match queued.counted {
            Counted::Client(session, bytes) => Some((session, bytes)),
            Counted::Undroppable(bytes) => {
                self.undroppable = self.undroppable.saturating_sub(bytes);
                None
            }
        };
        if matches!(queued.event, Event::PacketLogged { .. }) {
            self.packets.pop();
        }
        let asked = if let Event::NamespaceRequested { token, auth, .. } = &queued.event {
            Some((token.0, auth.as_ref().map_or(0, HeapSize::heap_size)))
        } else {
            None
        };
        Some(Taken { counted, asked })
    }

    /// Takes the next event, which has been counted as taken.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Output<Event>> {
        let Queued { event, .. } = self.queue.pop()?;
        Some(Output::Event(event))
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
        match self.counted {
            Counted::Client(session, _) => Some(session),
            Counted::Undroppable(_) => None,
        }
    }

    /// Drops what the event brings of a session that is over; false if nothing of it needs to be told.
    fn shorten(&mut self) -> bool {
        self.counted = Counted::Undroppable(0);
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
        self.event.heap_size()
    }
}
