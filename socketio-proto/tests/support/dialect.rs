//! Clients that speak MessagePack: scripts and lines are those of the default parser, and are translated.

use bytes::Bytes;
use socketio_proto::engine::codec::{Packet as EnginePacket, v4};
use socketio_proto::engine::{Encoded, Frame, Message};
use socketio_proto::parser::{Decoder, Limits, Parser};
use socketio_proto::{Packet, PacketType, Payload};

/// Packets of a client, in the form of the default parser.
#[derive(Default)]
pub(super) struct Dialect {
    /// Reads them, if the client speaks MessagePack.
    decoder: Option<Decoder>,
}

impl Dialect {
    pub(super) fn of(parser: Parser) -> Self {
        let decoder = Parser::Json.decoder(Limits::default());
        Self {
            decoder: (parser == Parser::MsgPack).then_some(decoder),
        }
    }

    /// The Engine.IO packets to send for a packet of a script. Those of a message that is no packet stay as they are.
    pub(super) fn translate(&mut self, frame: Frame) -> Vec<Frame> {
        let Some(decoder) = &mut self.decoder else {
            return vec![frame];
        };
        let Ok(EnginePacket::Message(message)) = v4::decode_frame(frame.clone()) else {
            return vec![frame];
        };
        match decoder.add(message) {
            Ok(None) => Vec::new(),
            Ok(Some(packet)) => encode(packet).map_or(vec![frame], |frame| vec![frame]),
            Err(_) => vec![frame],
        }
    }

    /// The same for the packets of a body; `None` if there is nothing to send yet, since they are no whole packet.
    pub(super) fn translate_body(&mut self, body: Bytes) -> Option<Bytes> {
        if self.decoder.is_none() {
            return Some(body);
        }
        let Ok(text) = std::str::from_utf8(&body) else {
            return Some(body);
        };
        let frames = text
            .split('\x1e')
            .flat_map(|packet| self.translate(Frame::Text(packet.into())));
        let packets: Vec<_> = frames.map(polling_packet).collect();
        (!packets.is_empty()).then(|| packets.join("\x1e").into())
    }
}

fn encode(mut packet: Packet) -> Option<Frame> {
    // In MessagePack there are none without.
    if packet.packet_type == PacketType::Ack {
        packet.payload.get_or_insert_with(Payload::no_args);
    }
    if packet.packet_type == PacketType::ConnectError && packet.payload.is_none() {
        packet.payload = Payload::from_json(packet.packet_type, "{}", Vec::new()).ok();
    }
    let encoded = Parser::MsgPack.encode(packet.borrow(), 0).ok()?;
    Some(encoded.parts().first()?.frame())
}

fn polling_packet(frame: Frame) -> String {
    match frame {
        Frame::Text(text) => text.to_string(),
        Frame::Binary(data) => Encoded::binary(data).polling_packet().to_string(),
    }
}

/// The packets of a body of a server, as the default parser writes them.
pub(super) fn body(parser: Parser, body: &str) -> String {
    let packets = body.split('\x1e').flat_map(|packet| {
        let frames = match v4::decode_frame(Frame::Text(packet.into())) {
            Ok(EnginePacket::Message(Message::Binary(data))) => {
                translated(parser, Frame::Binary(data))
            }
            _ => vec![Frame::Text(packet.into())],
        };
        frames.into_iter().map(polling_packet)
    });
    packets.collect::<Vec<_>>().join("\x1e")
}

/// Frames with MessagePack as the default parser writes them.
pub(super) fn translated(parser: Parser, frame: Frame) -> Vec<Frame> {
    let data = match &frame {
        Frame::Binary(data) if parser == Parser::MsgPack => data.clone(),
        Frame::Text(_) | Frame::Binary(_) => return vec![frame],
    };
    let packet = Parser::MsgPack
        .decoder(Limits::default())
        .add(Message::Binary(data));
    let packet = packet.expect("a packet").expect("in one message");
    let encoded = Parser::Json.encode(packet.borrow(), u16::MAX);
    let encoded = encoded.expect("a packet as there is in JSON");
    encoded.parts().iter().map(Encoded::frame).collect()
}
