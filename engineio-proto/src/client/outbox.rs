//! The queue of what waits for the server: the end of an upgrade, a step of the heartbeat, and messages in order.

use alloc::collections::VecDeque;

use bytestring::ByteString;

use crate::{Buffered, SendError};
use crate::{Encoded, Frame};

use super::config::Config;
use super::wire::{Body, Packing, Wire};

/// The one ordered queue of a session. A ping or pong of the client does not wait behind messages, or a slow network
/// could never carry it in time. It is a flag, not an item: a flood of pings takes no memory.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    messages: VecDeque<Encoded>,
    bytes: usize,
    upgrade: bool,
    beat: bool,
    /// A send was refused, and the application has not been told yet that there is room again.
    refused: bool,
}

/// The messages that a queue may hold while it is empty, so that a steady stream allocates nothing.
const SPARE: usize = 8;

impl Outbox {
    /// Queues the parts of one message back to back, or none of them.
    pub(super) fn push(&mut self, parts: &[Encoded], config: &Config) -> Result<(), SendError> {
        let bytes = parts.iter().fold(self.bytes, |sum, part| {
            sum.saturating_add(part.payload_len())
        });
        let next = Buffered {
            messages: self.messages.len().saturating_add(parts.len()),
            bytes,
        };
        let limit = Buffered {
            messages: config.max_buffered_messages,
            bytes: config.max_buffered_bytes,
        };
        if let Err(error) = self.buffered().may_grow_to(next, limit) {
            self.refused = true;
            return Err(error);
        }
        self.messages.extend(parts.iter().cloned());
        self.bytes = bytes;
        Ok(())
    }

    /// Queues what keeps the session alive: a pong, in revision 3 a ping.
    pub(super) fn push_beat(&mut self) {
        self.beat = true;
    }

    /// Whether a pong, or in revision 3 a ping, has not been taken yet.
    pub(super) fn beat_waits(&self) -> bool {
        self.beat
    }

    pub(super) fn push_upgrade(&mut self) {
        self.upgrade = true;
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.upgrade && !self.beat && self.messages.is_empty()
    }

    pub(super) fn buffered(&self) -> Buffered {
        Buffered {
            messages: self.messages.len(),
            bytes: self.bytes,
        }
    }

    /// The next packet as a frame.
    pub(super) fn pop_frame(&mut self, wire: Wire) -> Option<Frame> {
        if core::mem::take(&mut self.upgrade) {
            return Some(Frame::Text(ByteString::from_static("5")));
        }
        if core::mem::take(&mut self.beat) {
            return Some(Frame::Text(wire.beat()));
        }
        self.pop().map(|message| wire.frame(&message))
    }

    /// As many packets as fit into `limit` bytes and into `packets`, and at least one, as the body of a request.
    pub(super) fn pop_payload(
        &mut self,
        wire: Wire,
        limit: Option<u64>,
        packets: Option<usize>,
    ) -> Body {
        let limit = limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        let packets = packets.unwrap_or(usize::MAX);
        let mut packing = Packing::new(wire, core::mem::take(&mut self.beat));
        let mut count = 0_usize;
        for message in &self.messages {
            let with = packing.with(message);
            let full = with.packets() > packets || with.len() > limit;
            if packing.packets() > 0 && full {
                break;
            }
            packing = with;
            count += 1;
        }
        wire.body(&packing, (0..count).map_while(|_| self.pop()))
    }

    /// Whether a refused send may be tried again, said once.
    pub(super) fn take_drained(&mut self, config: &Config) -> bool {
        let room = self.bytes <= config.max_buffered_bytes / 2
            && self.messages.len() <= config.max_buffered_messages / 2;
        room && core::mem::take(&mut self.refused)
    }

    /// Takes the messages out, in order, and forgets everything else.
    pub(super) fn take(&mut self) -> VecDeque<Encoded> {
        core::mem::take(self).messages
    }

    fn pop(&mut self) -> Option<Encoded> {
        let message = self.messages.pop_front()?;
        self.bytes = self.bytes.saturating_sub(message.payload_len());
        if self.messages.is_empty() && self.messages.capacity() > SPARE {
            self.messages.shrink_to(SPARE);
        }
        Some(message)
    }

    pub(super) fn check(&self) {
        debug_assert_eq!(
            self.bytes,
            self.messages
                .iter()
                .map(Encoded::payload_len)
                .sum::<usize>()
        );
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::Counted;
    use crate::{Bytes, Message, Revision};

    const V4: Wire = Wire {
        revision: Revision::V4,
        text_only: false,
    };

    fn message(text: &str) -> [Encoded; 1] {
        [Encoded::new(&Message::text(String::from(text)))]
    }

    fn outbox(messages: Vec<Message>) -> Outbox {
        let mut outbox = Outbox::default();
        for message in messages {
            let parts = [Encoded::new(&message)];
            outbox.push(&parts, &Config::default()).unwrap();
        }
        outbox
    }

    fn payload_lengths(mut outbox: Outbox, limit: u64) -> Vec<usize> {
        let mut lengths = Vec::new();
        while !outbox.is_empty() {
            lengths.push(outbox.pop_payload(V4, Some(limit), None).len());
            outbox.check();
        }
        lengths
    }

    #[test]
    fn an_empty_queue_keeps_little_of_its_buffer() {
        let mut long = outbox(vec![Message::text("a"); 1_000]);
        assert!(long.messages.capacity() >= 1_000);
        while long.pop().is_some() {}
        assert!((1..=SPARE).contains(&long.messages.capacity()));

        let mut short = outbox(vec![Message::text("a"); 2]);
        let capacity = short.messages.capacity();
        while short.pop().is_some() {}
        assert_eq!(short.messages.capacity(), capacity);
    }

    #[test]
    fn texts_are_merged_according_to_max_payload() {
        let outbox = outbox(vec![
            Message::text("a".repeat(99)),
            Message::text("b".repeat(30)),
            Message::text("c".repeat(30)),
            Message::text("d".repeat(35)),
            Message::text("€".repeat(33)),
            Message::text("f".repeat(99)),
        ]);
        assert_eq!(payload_lengths(outbox, 100), [100; 4]);
    }

    #[test]
    fn binaries_are_merged_according_to_max_payload() {
        let outbox = outbox(vec![
            Message::binary(vec![0; 72]),
            Message::binary(vec![0; 20]),
            Message::text("a".repeat(20)),
            Message::binary(vec![0; 20]),
            Message::binary(vec![0; 72]),
        ]);
        assert_eq!(payload_lengths(outbox, 100), [97, 81, 97]);
    }

    #[test]
    fn small_binaries_are_counted_as_they_go_on_the_wire() {
        let outbox = outbox(vec![Message::binary(vec![1]); 25]);
        // Each takes 5 bytes and a separator: 16 of them are 95 bytes.
        assert_eq!(payload_lengths(outbox, 100), [95, 53]);
    }

    #[test]
    fn a_packet_above_max_payload_goes_alone() {
        let outbox = outbox(vec![
            Message::text("a"),
            Message::text("b".repeat(500)),
            Message::text("c"),
        ]);
        assert_eq!(payload_lengths(outbox, 100), [2, 501, 2]);
    }

    #[test]
    fn without_max_payload_everything_goes_together() {
        let mut outbox = outbox(vec![Message::text("a".repeat(5000)), Message::text("b")]);
        assert_eq!(outbox.pop_payload(V4, None, None).len(), 5004);
        assert!(outbox.is_empty());
    }

    #[test]
    fn packets_are_counted_to_their_limit_and_the_pong_with_them() {
        let mut outbox = outbox(vec![Message::text("a"); 5]);
        outbox.push_beat();
        assert_eq!(outbox.pop_payload(V4, None, Some(2)).bytes, "3\x1e4a");
        assert_eq!(outbox.pop_payload(V4, None, Some(2)).bytes, "4a\x1e4a");
        outbox.push_beat();
        assert_eq!(outbox.pop_payload(V4, None, Some(1)).bytes, "3");
        assert_eq!(outbox.pop_payload(V4, None, Some(1)).bytes, "4a");
        assert_eq!(outbox.pop_payload(V4, None, Some(9)).bytes, "4a");
    }

    #[test]
    fn the_upgrade_goes_first_and_a_pong_overtakes_messages() {
        let mut outbox = outbox(vec![Message::text("a"), Message::binary(vec![1, 2, 3])]);
        outbox.push_beat();
        outbox.push_beat();
        outbox.push_upgrade();
        let frames = core::iter::from_fn(|| outbox.pop_frame(V4));
        assert_eq!(
            frames.collect::<Vec<_>>(),
            [
                Frame::Text("5".into()),
                Frame::Text("3".into()),
                Frame::Text("4a".into()),
                Frame::Binary(Bytes::from_static(&[1, 2, 3]))
            ]
        );
    }

    #[test]
    fn binary_is_base64_where_only_text_goes() {
        let mut outbox = outbox(vec![Message::binary(vec![1, 2, 3])]);
        let base64 = Wire {
            text_only: true,
            ..V4
        };
        assert_eq!(outbox.pop_frame(base64), Some(Frame::Text("bAQID".into())));
    }

    #[test]
    fn a_message_at_the_limit_is_taken_and_one_beyond_it_refused() {
        let config = Config::default().with_max_buffered(10, 3);
        let mut outbox = Outbox::default();
        outbox.push(&message("12345"), &config).unwrap();
        outbox.push(&message("12345"), &config).unwrap();
        let full = |counted, buffered, limit| {
            Err(SendError::Full {
                counted,
                buffered,
                limit,
            })
        };
        assert_eq!(
            outbox.push(&message("1"), &config),
            full(Counted::Bytes, 10, 10)
        );
        outbox.push(&message(""), &config).unwrap();
        assert_eq!(
            outbox.push(&message(""), &config),
            full(Counted::Messages, 3, 3)
        );
        let [part] = message("");
        assert_eq!(
            outbox.push(&[part.clone(), part], &config),
            full(Counted::Messages, 3, 3)
        );
        assert_eq!(
            (outbox.buffered().messages, outbox.buffered().bytes),
            (3, 10)
        );
    }

    #[test]
    fn drained_is_said_once_and_only_after_a_refusal() {
        let config = Config::default().with_max_buffered(10, 100);
        let mut outbox = Outbox::default();
        outbox.push(&message("123456"), &config).unwrap();
        outbox.push(&message("1234"), &config).unwrap();
        assert!(!outbox.take_drained(&config));
        assert!(outbox.push(&message("x"), &config).is_err());
        assert!(!outbox.take_drained(&config));
        outbox.pop_frame(V4);
        assert!(outbox.take_drained(&config));
        assert!(!outbox.take_drained(&config));
    }
}
