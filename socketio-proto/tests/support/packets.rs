//! Packets from and to their messages, for the properties of the parsers.

use engineio_proto::{Frame, Message};
use socketio_proto::parser::Decoder;
use socketio_proto::{EncodedPacket, Packet};

/// The packets that come out of the messages of `encoded`; only the last may give one.
pub(crate) fn decode_all(decoder: &mut Decoder, encoded: &EncodedPacket) -> Vec<Packet> {
    encoded
        .parts()
        .iter()
        .filter_map(|part| {
            let message = match part.frame() {
                Frame::Text(text) => Message::Text(text.slice_ref(&text[1..])),
                Frame::Binary(data) => Message::Binary(data),
            };
            decoder.add(message).unwrap()
        })
        .collect()
}

pub(crate) fn frames(encoded: &EncodedPacket) -> Vec<Frame> {
    encoded.parts().iter().map(|part| part.frame()).collect()
}
