//! Random packets, and what is close to them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use engineio_proto::codec::{Packet as EnginePacket, v3, v4};
use engineio_proto::{Frame, Message};
use serde_json::{Value, json};
use socketio_proto::parser::Parser;
use socketio_proto::{Packet, PacketType, Payload};
use socketio_testkit::Random;

/// The decoder of a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Frame4,
    Payload4,
    Frame3,
    Payload3,
    Json,
    MsgPack,
}

/// Messages for one decoder.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) kind: Kind,
    pub(crate) messages: Vec<Message>,
}

impl Case {
    pub(crate) fn random(random: &mut Random) -> Self {
        let kind = one(
            random,
            &[
                Kind::Frame4,
                Kind::Payload4,
                Kind::Frame3,
                Kind::Payload3,
                Kind::Json,
                Kind::Json,
                Kind::MsgPack,
            ],
        );
        let mut messages = match kind {
            Kind::Frame4 => vec![Message::Text(v4::encode_text(&engine_packet(random)))],
            Kind::Frame3 => vec![frame3(&engine_packet(random))],
            Kind::Payload4 => vec![payload(random, |packets, out| {
                v4::encode_payload(packets, out)
            })],
            Kind::Payload3 => vec![payload(random, |packets, out| {
                v3::encode_payload(packets, out)
            })],
            Kind::Json => socket_messages(random, Parser::Json),
            Kind::MsgPack => socket_messages(random, Parser::MsgPack),
        };
        if random.below(3) > 0 {
            for message in &mut messages {
                if random.below(2) == 0 {
                    *message = mutated(message, random);
                }
            }
            if random.below(8) == 0 && messages.len() > 1 {
                messages.swap_remove(0);
            }
        }
        Self { kind, messages }
    }

    pub(crate) fn to_json(&self) -> Value {
        let messages = self.messages.iter().map(|message| match message {
            Message::Text(text) => json!(&**text),
            Message::Binary(data) => json!({"bytes": STANDARD.encode(data)}),
        });
        json!({"kind": self.kind.name(), "messages": messages.collect::<Vec<_>>()})
    }
}

fn engine_packet(random: &mut Random) -> EnginePacket {
    match random.below(9) {
        0 => EnginePacket::Open(text(random)),
        1 => EnginePacket::Close("".into()),
        2 => EnginePacket::Ping("probe".into()),
        3 => EnginePacket::Pong(text(random)),
        4 => EnginePacket::Upgrade("".into()),
        5 => EnginePacket::Noop("".into()),
        6 => EnginePacket::Message(Message::Binary(bytes(random))),
        _ => EnginePacket::Message(Message::Text(text(random))),
    }
}

fn frame3(packet: &EnginePacket) -> Message {
    match v3::encode_frame(packet) {
        Frame::Text(text) => Message::Text(text),
        Frame::Binary(data) => Message::Binary(data),
    }
}

fn payload(random: &mut Random, encode: impl Fn(&[EnginePacket], &mut bytes::BytesMut)) -> Message {
    let packets: Vec<_> = (0..random.below(4))
        .map(|_| engine_packet(random))
        .collect();
    let mut out = bytes::BytesMut::new();
    encode(&packets, &mut out);
    let text = String::from_utf8(out.to_vec()).expect("payloads of text");
    Message::text(text)
}

/// Some packets, one after the other.
fn socket_messages(random: &mut Random, parser: Parser) -> Vec<Message> {
    let mut messages = Vec::new();
    for _ in 0..=random.below(2) {
        let packet = socket_packet(random);
        if let Ok(encoded) = parser.encode(packet.borrow(), 10) {
            messages.extend(encoded.parts().iter().map(engineio_proto::Encoded::message));
        }
    }
    messages
}

fn socket_packet(random: &mut Random) -> Packet {
    let namespace = one(random, &["/", "/", "/a", "/admin-π", "/x?token=1", "/[{"]);
    let kind = one(
        random,
        &[
            PacketType::Event,
            PacketType::Event,
            PacketType::Ack,
            PacketType::Connect,
            PacketType::ConnectError,
            PacketType::Disconnect,
        ],
    );
    let packet = Packet::new(kind, namespace);
    let number = one(random, &[0, 1, 7, 12, 1_000_000, (1 << 53) - 1]);
    match kind {
        PacketType::Event => {
            let name = one(random, &["e", "a b", "\"", "é", "__proto__", ""]);
            let packet = packet.with_payload(arguments(random, Payload::event(name)));
            if random.below(2) == 0 {
                packet.with_id(number)
            } else {
                packet
            }
        }
        PacketType::Ack => packet
            .with_id(number)
            .with_payload(arguments(random, Payload::ack())),
        PacketType::Connect if random.below(2) == 0 => packet,
        PacketType::Connect | PacketType::ConnectError => packet.with_payload(
            Payload::object(&json!({"message": value(random, 2)})).expect("an object"),
        ),
        PacketType::Disconnect => packet,
    }
}

fn arguments(random: &mut Random, mut builder: socketio_proto::PayloadBuilder) -> Payload {
    for _ in 0..random.below(4) {
        builder = match random.below(4) {
            0 => builder.binary(bytes(random)),
            1 => {
                let data = builder.attach(bytes(random));
                let nested = json!({"a": [value(random, 1)], "data": data});
                builder.arg(&nested)
            }
            _ => builder.arg(&value(random, 3)),
        };
    }
    builder.build().expect("a payload")
}

fn value(random: &mut Random, depth: u64) -> Value {
    match random.below(if depth == 0 { 7 } else { 9 }) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(random.below(300)),
        3 => json!(one(
            random,
            &[-1.5, 1e21, 0.1, -0.0, 5e-324, 1.797_693_134_862_315_7e308]
        )),
        4 => json!(one(
            random,
            &[-1_i64, -33, 1 << 31, -(1 << 40), 9_007_199_254_740_991]
        )),
        5 | 6 => json!(&*text(random)),
        7 => (0..random.below(4))
            .map(|_| value(random, depth - 1))
            .collect(),
        _ => {
            let keys = ["a", "b", "__proto__", "constructor", "num", "é\"", "toJSON"];
            (0..random.below(4))
                .map(|_| (one(random, &keys).to_owned(), value(random, depth - 1)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
    }
}

fn text(random: &mut Random) -> bytestring::ByteString {
    const PIECES: [&str; 12] = [
        "a", "hello", "€", "😀", "\"", "\\", "\n", "1", "[", "{}", "\u{2028}", ",",
    ];
    (0..random.below(4))
        .map(|_| one(random, &PIECES))
        .collect::<String>()
        .into()
}

fn bytes(random: &mut Random) -> Bytes {
    (0..random.below(6))
        .map(|_| random.number() as u8)
        .collect()
}

/// The same with some changes.
fn mutated(message: &Message, random: &mut Random) -> Message {
    match message {
        Message::Text(text) => {
            let mut chars: Vec<char> = text.chars().collect();
            for _ in 0..=random.below(3) {
                change(&mut chars, random, |random| one(random, &CHARS));
            }
            Message::text(chars.into_iter().collect::<String>())
        }
        Message::Binary(data) => {
            let mut data = data.to_vec();
            for _ in 0..=random.below(3) {
                change(&mut data, random, |random| random.number() as u8);
            }
            Message::binary(data)
        }
    }
}

/// Characters with a meaning in the protocols, and some others.
const CHARS: [char; 34] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '9', 'b', '-', '/', ',', ':', '"', '\\', '{', '}', '[',
    ']', ' ', '\t', '\x1e', 'n', 't', 'e', '.', '_', '=', 'é', '😀', '\0', 'a', 'A',
];

fn change<T: Clone>(items: &mut Vec<T>, random: &mut Random, new: impl Fn(&mut Random) -> T) {
    let at = random.below(items.len() as u64 + 1) as usize;
    match random.below(4) {
        0 if at < items.len() => items[at] = new(random),
        1 if at < items.len() => drop(items.remove(at)),
        2 if at < items.len() => {
            let again = items[at].clone();
            items.insert(at, again);
        }
        _ => items.insert(at, new(random)),
    }
}

fn one<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len() as u64) as usize]
}
