//! Packets as the messages that carry them.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use engineio_proto::inputs::{Change, Mutate, Mutation};
use engineio_proto::{Encoded, Frame, Message, Revision};
use serde_json::json;

use super::structure;
use crate::parser::{Decoder, Limits, Parser};
use crate::{DecodeError, EncodeError, Packet, PacketType};

/// A packet as the messages of Engine.IO that carry it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PacketMessages {
    /// The parser that writes and reads them.
    pub parser: Parser,
    /// The revision of Engine.IO below.
    pub revision: Revision,
    /// The packet in them, as long as they were not changed.
    pub packet: Packet,
    /// The messages: one, or one more than there are attachments.
    pub messages: Vec<Message>,
}

/// The reason why a packet does not arrive.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReceived {
    /// It cannot be sent.
    #[error("it cannot be sent: {0}")]
    Encode(#[from] EncodeError),
    /// The other side refuses it.
    #[error("it is refused: {0}")]
    Decode(#[from] DecodeError),
    /// Messages are missing.
    #[error("messages are missing")]
    Incomplete,
}

impl PacketMessages {
    /// Writes a packet.
    ///
    /// # Errors
    ///
    /// As [`Parser::encode`] with the default limit of attachments.
    pub fn new(parser: Parser, revision: Revision, packet: Packet) -> Result<Self, EncodeError> {
        let encoded = parser.encode(packet.borrow(), Limits::default().max_attachments)?;
        let message = |part: &Encoded| match part.frame() {
            // The type of Engine.IO stands in front of text.
            Frame::Text(text) => Message::text(text.get(1..).unwrap_or_default()),
            Frame::Binary(data) => Message::Binary(data),
        };
        Ok(Self {
            parser,
            revision,
            messages: encoded.parts().iter().map(message).collect(),
            packet,
        })
    }

    /// Writes a packet without attachments and id as version 2 of the official MessagePack parser may do it: as text.
    /// `None` if it writes such a packet in one way only.
    #[must_use]
    pub fn of_version_2(packet: Packet) -> Option<Self> {
        let (number, data) = match (packet.packet_type, &packet.payload) {
            (PacketType::Connect, None) => (0, None),
            (PacketType::Disconnect, None) => (1, None),
            (PacketType::ConnectError, Some(payload)) => (4, Some(payload.data::<String>().ok()?)),
            _ => return None,
        };
        let mut text = json!({ "type": number, "nsp": &*packet.namespace });
        if let (Some(data), Some(members)) = (data, text.as_object_mut()) {
            members.insert("data".into(), data.into());
        }
        Some(Self {
            parser: Parser::MsgPack,
            revision: Revision::V3,
            packet,
            messages: vec![Message::text(text.to_string())],
        })
    }

    /// A decoder for these messages, with default limits.
    #[must_use]
    pub fn decoder(&self) -> Decoder {
        self.parser
            .decoder(Limits::default())
            .with_revision(self.revision)
    }

    /// Reads the messages, which are one packet.
    ///
    /// # Errors
    ///
    /// [`NotReceived`] if the messages are no packet, or if some are missing or left over.
    pub fn decode(&self) -> Result<Packet, NotReceived> {
        let mut decoder = self.decoder();
        let mut packet = None;
        for message in &self.messages {
            if packet.is_some() {
                return Err(NotReceived::Incomplete);
            }
            packet = decoder.add(message.clone())?;
        }
        packet.ok_or(NotReceived::Incomplete)
    }
}

/// A change is one of a message, or a message is lost, doubled or in the wrong place.
impl Mutate for PacketMessages {
    fn mutate(&mut self, mutation: &Mutation) {
        let of_list = matches!(
            mutation.change,
            Change::Remove | Change::Double | Change::Swap | Change::Cut
        );
        if of_list && mutation.byte % 2 == 1 && self.messages.len() > 1 {
            return self.messages.mutate(mutation);
        }
        let (at, inner) = mutation.within(self.messages.len());
        match self.messages.get_mut(at) {
            Some(Message::Text(text)) => {
                let mut changed = String::from(&**text);
                inner.change_text(&mut changed, &structure::of_text(text));
                *text = changed.into();
            }
            Some(Message::Binary(data)) => {
                let mut changed = data.to_vec();
                let structure = match self.parser {
                    Parser::MsgPack => structure::of_msgpack(data),
                    Parser::Json => Vec::new(),
                };
                inner.change_bytes(&mut changed, &structure);
                *data = changed.into();
            }
            None => {}
        }
    }
}
