//! Packets of any content, for the properties of the parsers.

use bytes::Bytes;
use bytestring::ByteString;
use engineio_proto::{Frame, Message};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};
use socketio_proto::parser::Decoder;
use socketio_proto::{
    EncodedPacket, MAX_PACKET_ID, Packet, PacketType, Payload, PayloadBuilder, is_reserved_event,
};

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

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

pub(crate) fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..8).prop_map(Bytes::from)
}

pub(crate) fn packet() -> impl Strategy<Value = Packet> {
    let args = vec(
        prop_oneof![value().prop_map(Ok), bytes().prop_map(Err)],
        0..5,
    );
    let fill = |builder: PayloadBuilder, args: Vec<Result<Value, Bytes>>| {
        let built = args.into_iter().fold(builder, |builder, arg| match arg {
            Ok(value) => builder.arg(&value),
            Err(data) => builder.arg(&[Some(data)]),
        });
        built.build().unwrap()
    };
    let namespace = prop_oneof![Just(String::from("/")), "/[^,]{0,8}"];
    let event = (
        any::<String>().prop_filter("reserved", |name| !is_reserved_event(name)),
        args.clone(),
        proptest::option::of(0..=MAX_PACKET_ID),
    )
        .prop_map(move |(name, args, id)| {
            (
                PacketType::Event,
                id,
                Some(fill(Payload::event(&name), args)),
            )
        });
    let ack = (args, proptest::option::of(0..=MAX_PACKET_ID))
        .prop_map(move |(args, id)| (PacketType::Ack, id, Some(fill(Payload::ack(), args))));
    let object = vec((any::<String>(), value()), 0..3).prop_map(|members| {
        Payload::object(&Value::Object(members.into_iter().collect::<Map<_, _>>())).unwrap()
    });
    let other = (
        proptest::option::of(object),
        prop_oneof![
            Just(PacketType::Connect),
            Just(PacketType::Disconnect),
            Just(PacketType::ConnectError),
        ],
    )
        .prop_map(|(payload, packet_type)| {
            let payload = payload.filter(|_| packet_type != PacketType::Disconnect);
            (packet_type, None, payload)
        });
    (namespace, prop_oneof![3 => event, 2 => ack, 1 => other]).prop_map(
        |(namespace, (packet_type, id, payload))| {
            let mut packet = Packet::new(packet_type, ByteString::from(namespace));
            packet.id = id;
            packet.payload = payload;
            packet
        },
    )
}
