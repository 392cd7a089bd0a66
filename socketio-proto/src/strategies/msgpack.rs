//! Strategies for MessagePack of any kind.

use alloc::vec::Vec;

use proptest::arbitrary::any;
use proptest::collection::{btree_map, vec};
use proptest::prelude::{Just, prop_oneof};
use proptest::strategy::{BoxedStrategy, Strategy};

use super::{binary, namespace};
use crate::inputs::MsgPackMessage;

/// Messages with the members of a packet, whose data is any MessagePack.
pub fn msgpack_message() -> BoxedStrategy<MsgPackMessage> {
    let namespace = prop_oneof![3 => Just("/".into()), 1 => namespace()];
    (0..6_u8, namespace, msgpack_value())
        .prop_map(|(packet_type, namespace, data)| {
            MsgPackMessage::new(packet_type, &namespace, &data)
        })
        .boxed()
}

/// MessagePack of any kind, what JSON lacks and what looks like a placeholder included. Often it is what an event carries.
pub fn msgpack_value() -> BoxedStrategy<Vec<u8>> {
    let value = leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4)
                .prop_map(|items| headed(&[0x90 + items.len() as u8], &items.concat())),
            btree_map("[a-b]|_placeholder", inner, 0..4).prop_map(|members| {
                let count = members.len() as u8;
                let members = members
                    .into_iter()
                    .map(|(key, value)| headed(&sized(0xd9, key.as_bytes()), &value));
                headed(&[0x80 + count], &members.collect::<Vec<_>>().concat())
            }),
        ]
    });
    let event = vec(value.clone(), 0..3)
        .prop_map(|items| headed(&[0x91 + items.len() as u8, 0xa1, b'e'], &items.concat()));
    prop_oneof![1 => value, 3 => event].boxed()
}

fn leaf() -> impl Strategy<Value = Vec<u8>> {
    let fixed = prop_oneof![
        Just(headed(&[0xc0], &[])),
        Just(headed(&[0xd4, 0, 0], &[])),
        any::<bool>().prop_map(|value| headed(&[0xc2 + u8::from(value)], &[])),
        any::<u8>().prop_map(|value| headed(&[0xcc, value], &[])),
    ];
    let numbers = prop_oneof![
        any::<i64>().prop_map(|value| headed(&[0xd3], &value.to_be_bytes())),
        any::<u64>().prop_map(|value| headed(&[0xcf], &value.to_be_bytes())),
        any::<u64>().prop_map(|value| headed(&[0xcb], &value.to_be_bytes())),
        any::<u32>().prop_map(|value| headed(&[0xca], &value.to_be_bytes())),
        // A date.
        any::<i64>().prop_map(|value| headed(&[0xd7, 0], &value.to_be_bytes())),
    ];
    let data = prop_oneof![
        "[a-c\"\n€]{0,4}".prop_map(|text| sized(0xd9, text.as_bytes())),
        binary().prop_map(|data| sized(0xc4, &data)),
        (any::<u8>(), binary())
            .prop_map(|(kind, data)| headed(&[0xc7, data.len() as u8, kind], &data)),
        (any::<u8>(), any::<[u8; 2]>()).prop_map(|(kind, data)| headed(&[0xd5, kind], &data)),
    ];
    let placeholder = (any::<bool>(), 0_u8..3).prop_map(|(flag, num)| {
        let flag = [0xc2 + u8::from(flag), 0xa3];
        [&[0x82, 0xac][..], b"_placeholder", &flag, b"num", &[num]].concat()
    });
    prop_oneof![4 => fixed, 5 => numbers, 4 => data, 1 => placeholder]
}

fn headed(head: &[u8], content: &[u8]) -> Vec<u8> {
    [head, content].concat()
}

/// A marker, a length of one byte and data of that length.
fn sized(marker: u8, data: &[u8]) -> Vec<u8> {
    headed(&[marker, data.len() as u8], data)
}
