//! The queue of what waits for a client: the handshake, a ping, and messages in order.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use super::config::Config;
use super::jsonp::JsonpIndex;
use super::parcel::Parcel;
use super::route::Handshake;
use super::wire::{Control, Wire};
use crate::codec::{v3, v4};
use crate::collections::Steps;
use crate::hidden::Hidden;
use crate::ledger::Form;
use crate::ledger::{self, Held, Ledger};
use crate::{Buffered, Encoded, Frame, Message, SendError};

/// The one ordered queue of a session. A ping does not wait behind messages, or a slow reader could never answer it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    messages: VecDeque<Encoded>,
    bytes: usize,
    /// A ping is due, or in revision 3 the answer to one.
    heartbeat: bool,
    /// A send was refused, and the application has not been told yet that there is room again.
    refused: bool,
    /// How packets are written. It never changes.
    wire: Wire,
    jsonp: Option<JsonpIndex>,
}

/// The answer to a poll.
#[derive(Default, Eq, PartialEq)]
pub(super) struct Payload {
    pub(super) body: Bytes,
    /// Whether something in it may be compressed.
    pub(super) compress: bool,
    /// Whether it is a binary payload of revision 3.
    pub(super) binary: bool,
    /// The message whose buffer the body shares. It is still held, and whoever drops the body releases it.
    pub(super) shares: Option<Encoded>,
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("body", &Hidden(&self.body))
            .field("compress", &self.compress)
            .field("binary", &self.binary)
            .finish_non_exhaustive()
    }
}

/// The slots that a queue has from the beginning and never gives back, so that a steady stream allocates nothing.
const SPARE: usize = 4;

impl Outbox {
    /// The queue of the session that a handshake opens.
    pub(super) fn of(handshake: &Handshake) -> Self {
        Self {
            messages: VecDeque::with_capacity(SPARE),
            wire: Wire::of(handshake),
            jsonp: handshake.jsonp,
            ..Self::default()
        }
    }

    pub(super) fn wire(&self) -> Wire {
        self.wire
    }

    /// Whether polling goes by scripts and forms.
    pub(super) fn is_jsonp(&self) -> bool {
        self.jsonp.is_some()
    }

    /// Queues the parts of one message back to back, or none of them.
    #[inline(always)]
    pub(super) fn push(
        &mut self,
        parcel: &Parcel<'_>,
        config: &Config,
        ledger: &Ledger,
    ) -> Result<(), SendError> {
        let bytes = self.bytes.saturating_add(parcel.bytes());
        if let Err(error) = self.room(parcel.parts().len(), parcel.size(), bytes, config) {
            self.refused |= matches!(error, SendError::Full { .. });
            return Err(error);
        }
        let before = self.messages.capacity();
        for part in parcel.parts() {
            ledger.hold(part);
            self.messages.push_back(part.clone());
        }
        self.bytes = bytes;
        self.charge_slots(before, ledger);
        Ok(())
    }

    /// The bytes that the slots of the queue take, but for those that every session has.
    fn slots_size(&self) -> usize {
        slots_size(self.messages.capacity())
    }

    /// Charges the slots of the queue, which had so many before.
    #[inline]
    fn charge_slots(&self, before: usize, ledger: &Ledger) {
        if self.messages.capacity() != before {
            ledger.replace(slots_size(before), self.slots_size());
        }
    }

    /// What the queue holds: its slots, and its messages.
    pub(super) fn held(&self, ledger: &Ledger, steps: &Steps) -> Held {
        let messages = self.messages.iter().map(|message| {
            steps.count();
            ledger.held(message)
        });
        messages.fold(Held::only(self.slots_size()), Held::with)
    }

    /// Whether there is room for so many parts that take `size` bytes of memory, and with which `bytes` bytes wait.
    #[inline]
    fn room(
        &self,
        parts: usize,
        size: usize,
        bytes: usize,
        config: &Config,
    ) -> Result<(), SendError> {
        if size > config.max_bytes_held {
            return Err(SendError::TooLarge {
                limit: config.max_bytes_held,
            });
        }
        let now = Buffered {
            messages: self.messages.len(),
            bytes: self.bytes,
        };
        let next = Buffered {
            messages: self.messages.len().saturating_add(parts),
            bytes,
        };
        let limit = Buffered {
            messages: config.max_buffered_messages,
            bytes: config.max_buffered_bytes,
        };
        now.may_grow_to(next, limit)
    }

    pub(super) fn push_heartbeat(&mut self) {
        self.heartbeat = true;
    }

    /// Whether a ping, or in revision 3 an answer to one, has not been taken yet.
    pub(super) fn heartbeat_waits(&self) -> bool {
        self.heartbeat
    }

    /// Whether there is nothing to be noticed when a message leaves: no part of the heartbeat waits, and the application
    /// waits for no room.
    pub(super) fn leaves_quietly(&self) -> bool {
        !self.heartbeat && !self.refused
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.heartbeat && self.messages.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The next packet as a frame, in base64 if it is binary and the connection takes text only; and whether it may be
    /// compressed.
    #[inline(always)]
    pub(super) fn pop_frame(&mut self, text_only: bool, ledger: &Ledger) -> Option<(Frame, bool)> {
        if let Some(packet) = self.pop_heartbeat() {
            return Some((Frame::Text(packet), true));
        }
        let wire = self.wire;
        if let Some(form) = wire.form(text_only) {
            return self.pop_with(ledger, Some(form), |message| {
                (wire.frame(message, text_only), message.compress())
            });
        }
        let message = self.pop(ledger)?;
        ledger.release(&message);
        let compress = message.compress();
        Some((message.into_frame(), compress))
    }

    /// As many packets as fit into `limit` bytes, and at least one, as a polling payload behind `first`.
    pub(super) fn pop_payload(
        &mut self,
        first: Option<ByteString>,
        limit: usize,
        ledger: &Ledger,
    ) -> Payload {
        let mut payload = match self.wire {
            Wire::V4 => self.pop_payload_v4(first, limit, ledger),
            Wire::V3 { text_only } => self.pop_payload_v3(first, limit, text_only, ledger),
        };
        if let Some(index) = self.jsonp {
            payload.body = index.script(&payload.body);
            if let Some(message) = payload.shares.take() {
                ledger.release(&message);
            }
        }
        payload
    }

    /// The payload of control packets alone.
    pub(super) fn control_payload(&self, control: Control) -> Bytes {
        let payload = self.wire.control(control);
        match self.jsonp {
            None => Bytes::from_static(payload.as_bytes()),
            Some(index) => index.script(payload.as_bytes()),
        }
    }

    fn pop_payload_v4(
        &mut self,
        first: Option<ByteString>,
        limit: usize,
        ledger: &Ledger,
    ) -> Payload {
        let ping = self.pop_heartbeat();
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
                .pop(ledger)
                .map(|message| {
                    let body = message.polling_packet().into_bytes();
                    ledger.grown(&message, Form::Base64);
                    Payload {
                        shares: Some(message.clone()),
                        ..Payload::text(body, message.compress())
                    }
                })
                .unwrap_or_default();
        }
        let first = match first {
            Some(only) if control == 1 && count == 0 => {
                return Payload::text(only.into_bytes(), true);
            }
            first => first,
        };
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
            let packet = self.pop_with(ledger, Some(Form::Base64), |message| {
                compress |= message.compress();
                message.polling_packet()
            });
            if let Some(packet) = packet {
                join(&packet);
            }
        }
        Payload::text(body, compress)
    }

    fn pop_payload_v3(
        &mut self,
        first: Option<ByteString>,
        limit: usize,
        text_only: bool,
        ledger: &Ledger,
    ) -> Payload {
        let control = first.into_iter().chain(self.pop_heartbeat());
        let control: Vec<ByteString> = control.collect();
        let mut length = control.iter().fold(0, |sum: usize, packet| {
            sum.saturating_add(v3::item_len(packet.len()))
        });
        let (mut count, mut binary) = (0_usize, false);
        for message in &self.messages {
            let packet = match text_only {
                true => message.polling_len().saturating_add(1),
                false => message.payload_len().saturating_add(1),
            };
            let with = length.saturating_add(v3::item_len(packet));
            if with > limit && length > 0 {
                break;
            }
            length = with;
            count += 1;
            binary |= !text_only && message.is_binary();
        }
        let mut compress = !control.is_empty();
        let mut body = BytesMut::with_capacity(length);
        let put_text = if binary {
            v3::put_text_item
        } else {
            v3::put_text
        };
        for packet in &control {
            put_text(packet, &mut body);
        }
        for _ in 0..count {
            let form = (!binary).then_some(Form::TextV3);
            self.pop_with(ledger, form, |message| {
                compress |= message.compress();
                match message.message() {
                    Message::Binary(data) if binary => v3::put_binary_item(&data, &mut body),
                    Message::Binary(_) | Message::Text(_) => {
                        put_text(&message.text_packet_v3(), &mut body);
                    }
                }
            });
        }
        // Heads are written into more room than they take.
        let body = if ledger::keeps_buffer(body.len(), body.capacity()) {
            body.freeze()
        } else {
            Bytes::copy_from_slice(&body)
        };
        Payload {
            body,
            compress,
            binary,
            shares: None,
        }
    }

    fn pop_heartbeat(&mut self) -> Option<ByteString> {
        let due = core::mem::take(&mut self.heartbeat);
        due.then(|| ByteString::from_static(self.wire.heartbeat()))
    }

    /// Whether a refused send may be tried again, said once.
    pub(super) fn take_drained(&mut self, config: &Config) -> bool {
        let room = self.bytes <= config.max_buffered_bytes / 2
            && self.messages.len() <= config.max_buffered_messages / 2;
        room && core::mem::take(&mut self.refused)
    }

    /// Drops everything.
    pub(super) fn clear(&mut self, ledger: &Ledger) {
        ledger.replace(self.slots_size(), 0);
        for message in &self.messages {
            ledger.release(message);
        }
        *self = Self {
            wire: self.wire,
            jsonp: self.jsonp,
            ..Self::default()
        };
    }

    /// Takes the next message in the form that is wanted of it.
    fn pop_with<R>(
        &mut self,
        ledger: &Ledger,
        form: Option<Form>,
        take: impl FnOnce(&Encoded) -> R,
    ) -> Option<R> {
        let message = self.pop(ledger)?;
        let taken = take(&message);
        if let Some(form) = form {
            // It is kept for others that hold the message.
            ledger.grown(&message, form);
        }
        ledger.release(&message);
        Some(taken)
    }

    /// Takes the next message, which is still held.
    #[inline(always)]
    fn pop(&mut self, ledger: &Ledger) -> Option<Encoded> {
        let before = self.messages.capacity();
        let message = self.messages.pop_front()?;
        self.bytes = self.bytes.saturating_sub(message.payload_len());
        if before > SPARE && self.messages.is_empty() {
            self.messages.shrink_to(SPARE);
            self.charge_slots(before, ledger);
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

impl Payload {
    fn text(body: impl Into<Bytes>, compress: bool) -> Self {
        Self {
            body: body.into(),
            compress,
            binary: false,
            shares: None,
        }
    }
}

/// The bytes that so many slots of a queue take, but for those that every session has.
fn slots_size(slots: usize) -> usize {
    let more = slots.saturating_sub(SPARE);
    more.saturating_mul(size_of::<Encoded>())
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
    use core::ops::{Deref, DerefMut};

    use super::*;
    use crate::Counted;

    /// A queue with a ledger of its own.
    #[derive(Default)]
    struct Charged {
        outbox: Outbox,
        ledger: Ledger,
    }

    impl Charged {
        fn push(&mut self, parts: &[Encoded], config: &Config) -> Result<(), SendError> {
            let parcel = Parcel::new(parts);
            self.outbox.push(&parcel, config, &self.ledger)
        }

        fn pop_frame(&mut self, text_only: bool) -> Option<(Frame, bool)> {
            self.outbox.pop_frame(text_only, &self.ledger)
        }

        fn pop_payload(&mut self, first: Option<ByteString>, limit: usize) -> Payload {
            self.outbox.pop_payload(first, limit, &self.ledger)
        }
    }

    impl Deref for Charged {
        type Target = Outbox;

        fn deref(&self) -> &Outbox {
            &self.outbox
        }
    }

    impl DerefMut for Charged {
        fn deref_mut(&mut self) -> &mut Outbox {
            &mut self.outbox
        }
    }

    fn message(text: &str) -> [Encoded; 1] {
        [Encoded::new(&Message::text(String::from(text)))]
    }

    fn outbox(texts: &[&str]) -> Charged {
        let mut outbox = Charged::default();
        texts
            .iter()
            .for_each(|text| outbox.push(&message(text), &Config::default()).unwrap());
        outbox
    }

    #[test]
    fn a_payload_is_filled_up_to_the_limit_and_not_beyond() {
        let mut outbox = outbox(&["aaa", "bbb", "ccc"]);
        assert_eq!(outbox.pop_payload(None, 9).body, "4aaa\x1e4bbb");
        assert_eq!(outbox.pop_payload(None, 9).body, "4ccc");
        outbox.check();
    }

    #[test]
    fn the_limit_counts_base64() {
        let mut outbox = Charged::default();
        let parts = [
            Encoded::binary(vec![0; 3].into()),
            Encoded::binary(vec![0; 3].into()),
        ];
        outbox.push(&parts, &Config::default()).unwrap();
        assert_eq!(outbox.pop_payload(None, 10).body, "bAAAA");
        assert_eq!(outbox.pop_payload(None, 11).body, "bAAAA");
    }

    #[test]
    fn a_single_message_above_the_limit_makes_progress() {
        let mut outbox = outbox(&["aaaaaaaa", "b"]);
        assert_eq!(outbox.pop_payload(None, 4).body, "4aaaaaaaa");
        assert_eq!(outbox.pop_payload(None, 4).body, "4b");
    }

    #[test]
    fn control_packets_come_first() {
        let mut outbox = outbox(&["a"]);
        outbox.push_heartbeat();
        assert_eq!(
            outbox.pop_payload(Some("0{}".into()), 100).body,
            "0{}\x1e2\x1e4a"
        );
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_ping_overtakes_messages() {
        let mut outbox = outbox(&["a"]);
        outbox.push_heartbeat();
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
        let mut outbox = Charged::default();
        outbox.push(&message("12345"), &config).unwrap();
        outbox.push(&message("12345"), &config).unwrap();
        let full = SendError::Full {
            counted: Counted::Bytes,
            buffered: 10,
            limit: 10,
        };
        assert_eq!(outbox.push(&message("1"), &config), Err(full));
        outbox.push(&message(""), &config).unwrap();
        assert_eq!(
            outbox.push(&message(""), &config),
            Err(SendError::Full {
                counted: Counted::Messages,
                buffered: 3,
                limit: 3
            })
        );
        assert_eq!((outbox.len(), outbox.bytes()), (3, 10));
    }

    #[test]
    fn parts_are_queued_together_or_not_at_all() {
        let config = Config::default().with_max_buffered(100, 2);
        let mut outbox = Charged::default();
        outbox.push(&message("a"), &config).unwrap();
        let [b] = message("b");
        assert!(outbox.push(&[b.clone(), b], &config).is_err());
        assert_eq!(outbox.len(), 1);
    }

    #[test]
    fn drained_is_said_once_and_only_after_a_refusal() {
        let config = Config::default().with_max_buffered(10, 100);
        let mut outbox = Charged::default();
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
            let mut outbox = Charged::default();
            for message in &messages {
                outbox.push(message, &Config::default()).unwrap();
            }
            assert_eq!(outbox.pop_payload(None, 100).compress, compress);
            outbox.push(&plain(), &Config::default()).unwrap();
            assert!(outbox.pop_payload(Some("0{}".into()), 100).compress);
            outbox.push(&plain(), &Config::default()).unwrap();
            assert_eq!(
                outbox.pop_frame(false),
                Some((Frame::Text("4a".into()), false))
            );
        }
    }

    #[test]
    fn in_revision_3_a_payload_with_a_control_packet_may_be_compressed() {
        let plain = || message("a").map(Encoded::uncompressed);
        let mut outbox = outbox(&[]);
        outbox.wire = Wire::V3 { text_only: true };
        for (first, compress) in [(None, false), (Some("0{}".into()), true)] {
            outbox.push(&plain(), &Config::default()).unwrap();
            assert_eq!(outbox.pop_payload(first, 100).compress, compress);
        }
    }

    #[test]
    fn in_revision_3_a_payload_is_filled_up_to_the_limit_and_not_beyond() {
        // What an item takes at most is counted, here six bytes.
        for (limit, body) in [(12, "2:4a2:4b"), (11, "2:4a")] {
            let mut outbox = outbox(&["a", "b"]);
            outbox.wire = Wire::V3 { text_only: true };
            assert_eq!(outbox.pop_payload(None, limit).body, body);
        }
    }

    #[test]
    fn what_is_cleared_keeps_the_form_that_the_handshake_chose() {
        let mut outbox = outbox(&["a"]);
        outbox.wire = Wire::V3 { text_only: true };
        outbox.push_heartbeat();
        let ledger = outbox.ledger.clone();
        outbox.clear(&ledger);
        assert!(outbox.is_empty() && outbox.bytes() == 0 && ledger.total() == 0);
        assert_eq!(outbox.wire(), Wire::V3 { text_only: true });
    }

    #[test]
    fn an_empty_queue_keeps_little_memory() {
        let mut outbox = outbox(&["a"; 1000]);
        while outbox.pop_frame(false).is_some() {}
        assert!(outbox.messages.capacity() <= SPARE);
    }
}
