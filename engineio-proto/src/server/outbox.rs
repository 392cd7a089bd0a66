//! What waits for a client: the handshake, a ping, and messages in order.

use alloc::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use super::config::Config;
use crate::codec::v4;
use crate::{Encoded, Frame, SendError};

/// The one ordered queue of a session. A ping does not wait behind messages, or a slow reader could never answer it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    messages: VecDeque<Encoded>,
    bytes: usize,
    ping: bool,
    /// A send was refused, and the application has not been told yet that there is room again.
    refused: bool,
}

/// The messages that a queue may hold while it is empty, so that a steady stream allocates nothing.
const SPARE: usize = 4;

impl Outbox {
    /// Queues the parts of one message back to back, or none of them.
    pub(super) fn push(&mut self, parts: &[Encoded], config: &Config) -> Result<(), SendError> {
        if let Err(error) = self.room(parts, config) {
            self.refused = true;
            return Err(error);
        }
        self.messages.extend(parts.iter().cloned());
        self.bytes = self.bytes_with(parts);
        Ok(())
    }

    fn room(&self, parts: &[Encoded], config: &Config) -> Result<(), SendError> {
        let count = self.messages.len().saturating_add(parts.len());
        // A single message beyond the limit may go when nothing else waits: the limit bounds how far a reader lags.
        if self.messages.is_empty() {
            Ok(())
        } else if self.bytes_with(parts) > config.max_buffered_bytes {
            Err(SendError::Full {
                buffered: self.bytes,
                limit: config.max_buffered_bytes,
            })
        } else if count > config.max_buffered_messages {
            Err(SendError::Full {
                buffered: self.messages.len(),
                limit: config.max_buffered_messages,
            })
        } else {
            Ok(())
        }
    }

    fn bytes_with(&self, parts: &[Encoded]) -> usize {
        parts.iter().fold(self.bytes, |sum, part| {
            sum.saturating_add(part.payload_len())
        })
    }

    pub(super) fn push_ping(&mut self) {
        self.ping = true;
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.ping && self.messages.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The next packet as a frame, in base64 if it is binary and the connection takes text only; and whether it may be
    /// compressed.
    pub(super) fn pop_frame(&mut self, text_only: bool) -> Option<(Frame, bool)> {
        if core::mem::take(&mut self.ping) {
            return Some((Frame::Text(ByteString::from_static("2")), true));
        }
        self.pop().map(|message| {
            let frame = if text_only {
                Frame::Text(message.polling_packet())
            } else {
                message.frame()
            };
            (frame, message.compress())
        })
    }

    /// As many packets as fit into `limit` bytes, and at least one, as a polling payload behind `first`; and whether one
    /// of them may be compressed.
    pub(super) fn pop_payload(&mut self, first: Option<ByteString>, limit: usize) -> (Bytes, bool) {
        let ping = core::mem::take(&mut self.ping).then_some(ByteString::from_static("2"));
        let mut length = first
            .iter()
            .chain(&ping)
            .fold(0, |sum: usize, packet| join_len(sum, packet.len()));
        let mut count = 0_usize;
        for message in &self.messages {
            let with = join_len(length, message.polling_len());
            if with > limit && length > 0 {
                break;
            }
            length = with;
            count += 1;
        }
        let control = usize::from(first.is_some()).saturating_add(usize::from(ping.is_some()));
        if control == 0 && count == 1 {
            // The most common answer: one message, shared with all its other recipients.
            return self
                .pop()
                .map(|message| (message.polling_packet().into_bytes(), message.compress()))
                .unwrap_or_default();
        }
        let mut compress = control > 0;
        let mut body = BytesMut::with_capacity(length);
        let mut join = |packet: &str| {
            if !body.is_empty() {
                body.put_u8(v4::SEPARATOR);
            }
            body.put_slice(packet.as_bytes());
        };
        first.iter().chain(&ping).for_each(|packet| join(packet));
        for _ in 0..count {
            if let Some(message) = self.pop() {
                join(&message.polling_packet());
                compress |= message.compress();
            }
        }
        (body.freeze(), compress)
    }

    /// Whether a refused send may be tried again, said once.
    pub(super) fn take_drained(&mut self, config: &Config) -> bool {
        let room = self.bytes <= config.max_buffered_bytes / 2
            && self.messages.len() <= config.max_buffered_messages / 2;
        room && core::mem::take(&mut self.refused)
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
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

/// The length of a payload of `sum` bytes with one more packet.
fn join_len(sum: usize, packet: usize) -> usize {
    sum.saturating_add(packet)
        .saturating_add(usize::from(sum > 0))
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;

    use super::*;
    use crate::Message;

    fn message(text: &str) -> [Encoded; 1] {
        [Encoded::new(&Message::text(String::from(text)))]
    }

    fn outbox(texts: &[&str]) -> Outbox {
        let mut outbox = Outbox::default();
        texts
            .iter()
            .for_each(|text| outbox.push(&message(text), &Config::default()).unwrap());
        outbox
    }

    #[test]
    fn a_payload_is_filled_up_to_the_limit_and_not_beyond() {
        let mut outbox = outbox(&["aaa", "bbb", "ccc"]);
        assert_eq!(outbox.pop_payload(None, 9).0, "4aaa\x1e4bbb");
        assert_eq!(outbox.pop_payload(None, 9).0, "4ccc");
        outbox.check();
    }

    #[test]
    fn the_limit_counts_base64() {
        let mut outbox = Outbox::default();
        let parts = [
            Encoded::binary(vec![0; 3].into()),
            Encoded::binary(vec![0; 3].into()),
        ];
        outbox.push(&parts, &Config::default()).unwrap();
        assert_eq!(outbox.pop_payload(None, 10).0, "bAAAA");
        assert_eq!(outbox.pop_payload(None, 11).0, "bAAAA");
    }

    #[test]
    fn a_single_message_above_the_limit_makes_progress() {
        let mut outbox = outbox(&["aaaaaaaa", "b"]);
        assert_eq!(outbox.pop_payload(None, 4).0, "4aaaaaaaa");
        assert_eq!(outbox.pop_payload(None, 4).0, "4b");
    }

    #[test]
    fn control_packets_come_first() {
        let mut outbox = outbox(&["a"]);
        outbox.push_ping();
        assert_eq!(
            outbox.pop_payload(Some("0{}".into()), 100).0,
            "0{}\x1e2\x1e4a"
        );
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_ping_overtakes_messages() {
        let mut outbox = outbox(&["a"]);
        outbox.push_ping();
        assert_eq!(
            outbox.pop_frame(false),
            Some((Frame::Text("2".into()), true))
        );
        assert_eq!(
            outbox.pop_frame(false),
            Some((Frame::Text("4a".into()), true))
        );
        assert_eq!(outbox.pop_frame(false), None);
    }

    #[test]
    fn a_message_at_the_limit_is_taken_and_one_beyond_it_refused() {
        let config = Config::default().with_max_buffered(10, 3);
        let mut outbox = Outbox::default();
        outbox.push(&message("12345"), &config).unwrap();
        outbox.push(&message("12345"), &config).unwrap();
        let full = SendError::Full {
            buffered: 10,
            limit: 10,
        };
        assert_eq!(outbox.push(&message("1"), &config), Err(full));
        outbox.push(&message(""), &config).unwrap();
        assert_eq!(
            outbox.push(&message(""), &config),
            Err(SendError::Full {
                buffered: 3,
                limit: 3
            })
        );
        assert_eq!((outbox.len(), outbox.bytes()), (3, 10));
    }

    #[test]
    fn parts_are_queued_together_or_not_at_all() {
        let config = Config::default().with_max_buffered(100, 2);
        let mut outbox = Outbox::default();
        outbox.push(&message("a"), &config).unwrap();
        let [b] = message("b");
        assert!(outbox.push(&[b.clone(), b], &config).is_err());
        assert_eq!(outbox.len(), 1);
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
        outbox.pop_frame(false);
        assert!(outbox.take_drained(&config));
        assert!(!outbox.take_drained(&config));
    }

    #[test]
    fn a_payload_may_be_compressed_if_one_of_its_messages_may() {
        let plain = || message("a").map(Encoded::uncompressed);
        for (messages, compress) in [
            (vec![plain()], false),
            (vec![plain(), plain()], false),
            (vec![plain(), message("a")], true),
            (vec![message("a")], true),
        ] {
            let mut outbox = Outbox::default();
            for message in &messages {
                outbox.push(message, &Config::default()).unwrap();
            }
            assert_eq!(outbox.pop_payload(None, 100).1, compress);
            outbox.push(&plain(), &Config::default()).unwrap();
            assert!(outbox.pop_payload(Some("0{}".into()), 100).1);
            outbox.push(&plain(), &Config::default()).unwrap();
            assert_eq!(
                outbox.pop_frame(false),
                Some((Frame::Text("4a".into()), false))
            );
        }
    }

    #[test]
    fn an_empty_queue_keeps_little_memory() {
        let mut outbox = outbox(&["a"; 1000]);
        while outbox.pop_frame(false).is_some() {}
        assert!(outbox.messages.capacity() <= SPARE);
    }
}
