//! Events that are sent until they are acknowledged.

use core::time::Duration;

use engineio_proto::collections::Fifo;

use super::buffers::room;
use super::keys::AckId;
use crate::EmitError;
use crate::Payload;

/// The events of a socket with retries: in order, one of them on its way at a time.
///
/// An entry is sent, and sent again under a new id whenever its acknowledgement fails, until one comes or `retries`
/// further tries have failed. Only then the next is sent.
///
/// Source: `socket.io-client/lib/socket.ts`, `_addToQueue` and `_drainQueue`.
#[derive(Debug, Default)]
pub(super) struct RetryQueue {
    entries: Fifo<Entry>,
    bytes: usize,
    acks: usize,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) payload: Payload,
    /// The name under which the application awaits the acknowledgement, if it does.
    pub(super) ack: Option<AckId>,
    pub(super) timeout: Option<Duration>,
    pub(super) tries: u32,
    /// The id on the wire of the try that is on its way.
    pub(super) in_flight: Option<u64>,
}

/// What the end of a try means.
#[derive(Debug)]
pub(super) enum Settled {
    /// The try is not that of the head.
    Stale,
    /// The head is to be sent again.
    Again,
    /// The head is done with, for good or ill.
    Done(Entry),
}

impl RetryQueue {
    pub(super) fn push(
        &mut self,
        entry: Entry,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<(), EmitError> {
        let bytes = entry.payload.payload_len();
        room(
            (self.entries.len(), self.bytes),
            bytes,
            max_events,
            max_bytes,
        )?;
        self.bytes = self.bytes.saturating_add(bytes);
        self.acks = self.acks.saturating_add(usize::from(entry.ack.is_some()));
        self.entries.push(entry);
        Ok(())
    }

    /// The head, if no try of it is on its way.
    pub(super) fn waiting(&mut self) -> Option<&mut Entry> {
        self.entries
            .front_mut()
            .filter(|entry| entry.in_flight.is_none())
    }

    /// Notes how a try ended.
    pub(super) fn settle(&mut self, id: u64, acknowledged: bool, retries: u32) -> Settled {
        let Some(head) = self.entries.front_mut() else {
            return Settled::Stale;
        };
        if head.in_flight != Some(id) {
            return Settled::Stale;
        }
        head.in_flight = None;
        if !acknowledged && head.tries <= retries {
            return Settled::Again;
        }
        self.pop().map_or(Settled::Stale, Settled::Done)
    }

    /// Notes that a try never left.
    pub(super) fn withdraw(&mut self, id: u64) {
        if let Some(head) = self.entries.front_mut()
            && head.in_flight == Some(id)
        {
            head.in_flight = None;
            head.tries = head.tries.saturating_sub(1);
        }
    }

    /// Takes out all entries of which no try is on its way.
    pub(super) fn take_waiting(&mut self) -> Fifo<Entry> {
        let mut rest = core::mem::take(self);
        if rest
            .entries
            .front()
            .is_some_and(|head| head.in_flight.is_some())
            && let Some(head) = rest.pop()
        {
            self.bytes = head.payload.payload_len();
            self.acks = usize::from(head.ack.is_some());
            self.entries.push(head);
        }
        rest.entries
    }

    fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop()?;
        self.bytes = self.bytes.saturating_sub(entry.payload.payload_len());
        self.acks = self.acks.saturating_sub(usize::from(entry.ack.is_some()));
        Some(entry)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of entries whose acknowledgement the application awaits.
    pub(super) fn acks(&self) -> usize {
        self.acks
    }
}

#[cfg(test)]
mod tests {
    use engineio_proto::Counted;

    use super::*;

    fn entry(name: &str) -> Entry {
        Entry {
            payload: Payload::event(name).build().unwrap(),
            ack: Some(AckId(0)),
            timeout: None,
            tries: 0,
            in_flight: None,
        }
    }

    fn send(queue: &mut RetryQueue, id: u64) -> bool {
        let Some(head) = queue.waiting() else {
            return false;
        };
        head.tries += 1;
        head.in_flight = Some(id);
        true
    }

    #[test]
    fn an_entry_is_tried_once_more_than_there_are_retries() {
        let mut queue = RetryQueue::default();
        queue.push(entry("a"), 10, 100).unwrap();
        for id in 0..2 {
            assert!(send(&mut queue, id));
            assert!(!send(&mut queue, 9), "one try at a time");
            assert!(matches!(queue.settle(id, false, 2), Settled::Again));
        }
        assert!(send(&mut queue, 2));
        assert!(matches!(queue.settle(2, false, 2), Settled::Done(entry) if entry.tries == 3));
        assert_eq!((queue.len(), queue.bytes(), queue.acks()), (0, 0, 0));
    }

    #[test]
    fn only_the_try_on_its_way_settles_an_entry() {
        let mut queue = RetryQueue::default();
        queue.push(entry("a"), 10, 100).unwrap();
        assert!(matches!(queue.settle(0, true, 2), Settled::Stale));
        assert!(send(&mut queue, 0));
        assert!(matches!(queue.settle(0, false, 2), Settled::Again));
        assert!(send(&mut queue, 1));
        assert!(matches!(queue.settle(0, true, 2), Settled::Stale));
        assert!(matches!(queue.settle(1, true, 2), Settled::Done(_)));
    }

    #[test]
    fn a_try_that_never_left_does_not_count() {
        let mut queue = RetryQueue::default();
        queue.push(entry("a"), 10, 100).unwrap();
        assert!(send(&mut queue, 0));
        queue.withdraw(0);
        assert_eq!(queue.waiting().map(|entry| entry.tries), Some(0));
    }

    #[test]
    fn the_queue_is_bounded_by_count_and_bytes() {
        let mut queue = RetryQueue::default();
        queue.push(entry("a"), 2, 10).unwrap();
        queue.push(entry("b"), 2, 10).unwrap();
        let full = Err(EmitError::Full {
            counted: Counted::Messages,
            buffered: 2,
            limit: 2,
        });
        assert_eq!(queue.push(entry("c"), 2, 10), full);
        let full = Err(EmitError::Full {
            counted: Counted::Bytes,
            buffered: 10,
            limit: 14,
        });
        assert_eq!(queue.push(entry("c"), 3, 14), full);
    }

    #[test]
    fn a_long_queue_gives_its_room_back() {
        let mut queue = RetryQueue::default();
        for _ in 0..10_000 {
            queue.push(entry("a"), 10_000, usize::MAX).unwrap();
        }
        for id in 0..9_900 {
            assert!(send(&mut queue, id));
            assert!(matches!(queue.settle(id, true, 0), Settled::Done(_)));
        }
        assert_eq!(queue.len(), 100);
        assert!(queue.entries.capacity() <= 4 * 100 + 8);
    }
}
