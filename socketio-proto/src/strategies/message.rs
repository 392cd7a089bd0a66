//! Strategies for the messages of packets.

use alloc::format;
use alloc::string::{String, ToString};

use engineio_proto::{Message, Revision};
use proptest::arbitrary::any;
use proptest::collection::vec;
use proptest::prelude::{Just, prop_oneof};
use proptest::strategy::{BoxedStrategy, Strategy};

use super::{binary, legacy_packet, packet, value};
use crate::inputs::PacketMessages;
use crate::parser::Parser;
use crate::{Packet, PacketType};

/// The messages of packets. With revision 3 of Engine.IO they are those of Socket.IO 1 and 2, and MessagePack is now and
/// then written by version 2 of the official parser.
pub fn packet_messages(parser: Parser, revision: Revision) -> BoxedStrategy<PacketMessages> {
    let packet = match revision {
        Revision::V3 => legacy_packet(),
        Revision::V4 => packet()
            .prop_map(move |packet| complete(parser, packet))
            .boxed(),
        _ => packet(),
    };
    (packet, any::<bool>())
        .prop_filter_map("a packet that cannot be sent", move |(packet, is_older)| {
            let older = is_older && parser == Parser::MsgPack && revision == Revision::V3;
            let older = older.then(|| PacketMessages::of_version_2(packet.clone()));
            older
                .flatten()
                .or_else(|| PacketMessages::new(parser, revision, packet).ok())
        })
        .boxed()
}

/// MessagePack has no refusal without data.
fn complete(parser: Parser, mut packet: Packet) -> Packet {
    let is_bare = packet.packet_type == PacketType::ConnectError && packet.payload.is_none();
    if is_bare && parser == Parser::MsgPack {
        packet.packet_type = PacketType::Disconnect;
    }
    packet
}

/// Messages that come near to packets of the default parser, and some that do not.
pub fn peer_message() -> BoxedStrategy<Message> {
    let header = (
        "[0-7]?",
        prop_oneof![3 => Just(String::new()), 1 => "[0-3]{1,2}-?"],
        prop_oneof![3 => Just(String::new()), 1 => "/[a-z,?\"\\[]{0,3},?"],
        prop_oneof![2 => Just(String::new()), 1 => "[0-9]{1,17}"],
    );
    let packet = (
        header,
        prop_oneof![1 => Just(String::new()), 5 => json_text()],
    )
        .prop_map(|((digit, count, namespace, id), json)| {
            Message::text(format!("{digit}{count}{namespace}{id}{json}"))
        });
    let event = ("[a-e]?", json_text(), 0_u8..3).prop_map(|(name, json, count)| {
        let prefix = if count > 0 {
            format!("5{count}-")
        } else {
            "2".into()
        };
        Message::text(format!("{prefix}[\"{name}\",{json}]"))
    });
    prop_oneof![
        3 => event,
        3 => packet,
        1 => any::<String>().prop_map(Message::text),
        3 => binary().prop_map(Message::Binary),
    ]
    .boxed()
}

/// Texts that often are JSON: values in any spelling, lists, objects, placeholders, and pieces of them.
pub fn json_text() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        value().prop_map(|value| value.to_string()),
        r#""([a-c€]|\\n|\\u00[0-9a-f]{2}|\\")*""#,
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
        (0_u8..3).prop_map(|num| format!("{{\"_placeholder\":true,\"num\":{num}}}")),
        "[\\[\\]{}:,\"0-9a-f \n.-]{0,6}",
    ];
    (
        vec(leaf, 0..4),
        prop_oneof![3 => Just(0), 1 => Just(1), 1 => Just(2), 1 => Just(3)],
    )
        .prop_map(|(items, form)| {
            let list = items.join(",");
            match form {
                0 => format!("[{list}]"),
                1 => format!("[\"name\",{list}]"),
                2 => format!("{{\"a\":{}}}", items.first().map_or("", String::as_str)),
                _ => format!(" [ {list} ] "),
            }
        })
        .boxed()
}
