//! Buffers of events that wait until their namespace is joined.

use alloc::collections::{BTreeMap, VecDeque};

use engineio_proto::Counted;

use crate::EmitError;
use crate::{EncodedPacket, Payload};

/// Events that could not be sent yet, in order.
///
/// They are kept under ascending numbers, so that one whose time is over can be taken out of the middle.
#[derive(Debug, Default)]
pub(super) struct SendBuffer {
    items: BTreeMap<u64, Unsent>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) packet: EncodedPacket,
    /// The id on the wire under which it awaits an acknowledgement.
    pub(super) ack: Option<u64>,
}

impl SendBuffer {
    /// Whether another packet of `bytes` bytes may wait. A single one may, whatever its size.
    pub(super) fn room(
        &self,
        bytes: usize,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<(), EmitError> {
        room((self.items.len(), self.bytes), bytes, max_events, max_bytes)
    }

    /// Puts a packet at the end; gives the number of its place.
    pub(super) fn push(&mut self, packet: EncodedPacket, ack: Option<u64>) -> u64 {
        let place = self.next;
        self.next = place.saturating_add(1);
        self.bytes = self.bytes.saturating_add(packet.payload_len());
        self.items.insert(place, Unsent { packet, ack });
        place
    }

    pub(super) fn first(&self) -> Option<&Unsent> {
        self.items.first_key_value().map(|(_, unsent)| unsent)
    }

    pub(super) fn pop(&mut self) -> Option<Unsent> {
        let place = self.items.first_key_value().map(|(place, _)| *place)?;
        self.remove(place)
    }

    pub(super) fn remove(&mut self, place: u64) -> Option<Unsent> {
        let unsent = self.items.remove(&place)?;
        self.bytes = self.bytes.saturating_sub(unsent.packet.payload_len());
        Some(unsent)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Events that arrived before the answer to CONNECT, in order, each with the id that the server wants acknowledged.
#[derive(Debug, Default)]
pub(super) struct ReceiveBuffer {
    events: VecDeque<(Payload, Option<u64>)>,
    bytes: usize,
}

impl ReceiveBuffer {
    /// Puts an event at the end; false if it exceeds what may wait.
    pub(super) fn push(
        &mut self,
        payload: Payload,
        id: Option<u64>,
        max_events: usize,
        max_bytes: usize,
    ) -> bool {
        let bytes = payload.payload_len();
        if room(
            (self.events.len(), self.bytes),
            bytes,
            max_events,
            max_bytes,
        )
        .is_err()
        {
            return false;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.events.push_back((payload, id));
        true
    }

    /// Takes out all events.
    pub(super) fn take(&mut self) -> VecDeque<(Payload, Option<u64>)> {
        self.bytes = 0;
        core::mem::take(&mut self.events)
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Whether something of `bytes` bytes fits beside what there is, a count and bytes. It does always if there is nothing.
pub(super) fn room(
    held: (usize, usize),
    bytes: usize,
    max_count: usize,
    max_bytes: usize,
) -> Result<(), EmitError> {
    let (count, buffered) = held;
    if count >= max_count {
        return Err(EmitError::Full {
            counted: Counted::Messages,
            buffered: count,
            limit: max_count,
        });
    }
    if count > 0 && buffered.saturating_add(bytes) > max_bytes {
        return Err(EmitError::Full {
            counted: Counted::Bytes,
            buffered,
            limit: max_bytes,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::Parser;
    use crate::{PacketRef, PacketType};

    fn packet(name: &str) -> EncodedPacket {
        let payload = Payload::event(name).build().unwrap();
        let packet = PacketRef::new(PacketType::Event, "/").with_payload(&payload);
        Parser::default().encode(packet, 10).unwrap()
    }

    #[test]
    fn packets_leave_in_order_but_for_those_taken_out() {
        let mut buffer = SendBuffer::default();
        let places = ["a", "b", "c"].map(|name| buffer.push(packet(name), None));
        assert_eq!((buffer.len(), buffer.bytes()), (3, 18));
        assert!(buffer.remove(places[1]).is_some());
        assert!(buffer.remove(places[1]).is_none());
        let texts = core::iter::from_fn(|| buffer.pop())
            .map(|unsent| unsent.packet.parts()[0].polling_packet())
            .collect::<alloc::vec::Vec<_>>();
        assert_eq!(texts, [r#"42["a"]"#, r#"42["c"]"#]);
        assert_eq!((buffer.is_empty(), buffer.bytes()), (true, 0));
    }

    #[test]
    fn room_ends_at_the_limit() {
        let full = |counted, buffered, limit| {
            Err(EmitError::Full {
                counted,
                buffered,
                limit,
            })
        };
        assert_eq!(room((1, 5), 5, 2, 10), Ok(()));
        assert_eq!(room((1, 5), 6, 2, 10), full(Counted::Bytes, 5, 10));
        assert_eq!(room((2, 5), 0, 2, 10), full(Counted::Messages, 2, 2));
        assert_eq!(room((0, 0), 11, 2, 10), Ok(()));
        assert_eq!(room((0, 0), 0, 0, 10), full(Counted::Messages, 0, 0));
    }

    #[test]
    fn received_events_are_counted() {
        let mut buffer = ReceiveBuffer::default();
        let event = Payload::event("a").build().unwrap();
        assert!(buffer.push(event.clone(), None, 2, 10));
        assert!(buffer.push(event.clone(), Some(3), 2, 10));
        assert!(!buffer.push(event.clone(), None, 2, 10));
        assert_eq!((buffer.len(), buffer.bytes()), (2, 10));
        assert_eq!(buffer.take(), [(event.clone(), None), (event, Some(3))]);
        assert_eq!((buffer.len(), buffer.bytes()), (0, 0));
    }
}
