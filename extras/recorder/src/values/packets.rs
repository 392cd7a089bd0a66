//! Messages, packets and payloads.

use bytestring::ByteString;
use socketio_proto::engine::{Encoded, Frame, Message};
use socketio_proto::{EncodedPacket, PacketType, Payload};

use crate::wire::{Fault, Reader, Wire, Writer, write_list};

impl Wire<'_> for Encoded {
    fn write(&self, out: &mut Writer) {
        self.compress().write(out);
        match self.message() {
            Message::Text(text) => Frame::Text(text).write(out),
            Message::Binary(data) => Frame::Binary(data).write(out),
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        let compress = bool::read(input)?;
        let encoded = Self::new(&match Frame::read(input)? {
            Frame::Text(text) => Message::Text(text),
            Frame::Binary(data) => Message::Binary(data),
        });
        Ok(if compress {
            encoded
        } else {
            encoded.uncompressed()
        })
    }

    fn show(&self) -> String {
        self.frame().show()
    }
}

impl Wire<'_> for EncodedPacket {
    fn write(&self, out: &mut Writer) {
        write_list(self.parts(), out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        Self::from_parts(Wire::read(input)?).ok_or(Fault::Malformed("a packet without parts"))
    }

    fn show(&self) -> String {
        let parts: Vec<_> = self.parts().iter().map(Wire::show).collect();
        parts.join(" + ")
    }
}

impl Wire<'_> for Payload {
    fn write(&self, out: &mut Writer) {
        let kind = match (self.name(), self.json().starts_with('[')) {
            (Some(_), _) => EVENT,
            (None, true) => ACK,
            (None, false) => VALUE,
        };
        let limit = self.max_expansion();
        if limit == Self::no_args().max_expansion() {
            out.bytes.push(kind);
        } else {
            out.bytes.push(kind | WITH_LIMIT);
            limit.write(out);
        }
        self.compress().write(out);
        self.json().write(out);
        write_list(self.attachments(), out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, Fault> {
        let kind = input.byte()?;
        let limit = if kind & WITH_LIMIT == 0 {
            Self::no_args().max_expansion()
        } else {
            Wire::read(input)?
        };
        let packet_type = match kind & !WITH_LIMIT {
            EVENT => PacketType::Event,
            ACK => PacketType::Ack,
            // Which may hold a string too, unlike a CONNECT.
            VALUE => PacketType::ConnectError,
            _ => return Err(Fault::Malformed("an unknown kind of payload")),
        };
        let compress = bool::read(input)?;
        let (json, attachments) = (ByteString::read(input)?, Wire::read(input)?);
        let payload = Self::from_json_within(packet_type, json, attachments, limit)
            .map_err(|_| Fault::Malformed("a payload that is none"))?;
        Ok(if compress {
            payload
        } else {
            payload.uncompressed()
        })
    }

    fn show(&self) -> String {
        let attachments = self.attachments().iter();
        attachments.fold(self.json().to_owned(), |text, data| {
            format!("{text} + {} bytes", data.len())
        })
    }
}

const EVENT: u8 = 0;
const ACK: u8 = 1;
const VALUE: u8 = 2;
/// The reading limit follows the kind, since it is not the default.
const WITH_LIMIT: u8 = 0x80;
