//! A payload built as MessagePack is what its JSON becomes.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Debug;

use bytes::Bytes;
use engineio_proto::ledger::HeapSize;
use proptest::prelude::*;
use serde::ser::{Error as _, SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::parser::Parser;
use crate::{EncodeError, PacketRef, PacketType, Payload, PayloadBuilder};

fn message(payload: &Payload) -> Bytes {
    let packet = PacketRef::new(PacketType::Event, "/").with_payload(payload);
    let encoded = Parser::MsgPack.encode(packet, 0).unwrap();
    let engineio_proto::Frame::Binary(data) = encoded.parts()[0].frame() else {
        panic!("no MessagePack");
    };
    data
}

/// Builds a payload in both forms, which must leave as the same bytes, or the same error.
fn both(
    build: impl Fn(PayloadBuilder) -> Result<Payload, EncodeError>,
) -> Result<Payload, EncodeError> {
    let json = build(Payload::event("e"));
    let packed = build(Parser::MsgPack.event("e"));
    assert_eq!(packed.as_ref().err(), json.as_ref().err());
    if let (Ok(json), Ok(packed)) = (&json, &packed) {
        // Numbers may have more digits in JSON than a float of 64 bits needs, or fewer.
        assert_eq!(packed.to_value(), json.to_value());
        assert_eq!(packed.payload_len(), packed.json().len() + lens(packed));
        assert_eq!(packed.name(), json.name());
        assert_eq!(packed.attachments(), json.attachments());
        assert_eq!(message(packed), message(json));
    }
    packed
}

/// The bytes of the attachments, each as often as it is named.
fn lens(payload: &Payload) -> usize {
    let lens = payload.attachments().iter().map(Bytes::len);
    lens.sum::<usize>() + payload.repeated_len()
}

fn arg<T: Serialize + ?Sized>(value: &T) -> Result<Payload, EncodeError> {
    both(|builder| builder.arg(value).build())
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Unit;

#[derive(Debug, Serialize)]
struct Newtype(f32);

#[derive(Debug, Serialize)]
struct Tuple(u8, Option<Bytes>);

#[derive(Debug, Serialize)]
enum Variant {
    Unit,
    Newtype(Vec<u8>),
    Tuple(i8, Unit),
    Struct { a: char, b: Option<()> },
}

/// Says nothing of its length, or something wrong.
struct Unsure(Option<usize>, usize);

impl Serialize for Unsure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(self.0)?;
        for number in 0..self.1 {
            seq.serialize_element(&number)?;
        }
        seq.end()
    }
}

/// The same for a map.
struct UnsureMap(Option<usize>, usize);

impl Serialize for UnsureMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(self.0)?;
        for number in 0..self.1 {
            map.serialize_entry(&number, &Unsure(self.0, number))?;
        }
        map.end()
    }
}

/// Passes over an error.
struct Careless;

impl Serialize for Careless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        seq.serialize_element(&1)?;
        let _ = seq.serialize_element(&Refuses);
        seq.end()
    }
}

struct Refuses;

impl Serialize for Refuses {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("no"))
    }
}

fn deep(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |value, level| {
        if level % 2 == 0 {
            json!([value])
        } else {
            json!({ "a": value })
        }
    })
}

#[test]
fn values_of_every_kind_become_what_their_json_does() {
    arg(&()).unwrap();
    arg(&Unit).unwrap();
    arg(&(true, false, 'x', "text", Some(1), None::<u8>)).unwrap();
    arg(&(0_u8, 127_u8, 128_u8, 255_u8, u16::MAX, u32::MAX, u64::MAX)).unwrap();
    arg(&(
        0_i8,
        -1_i8,
        -32_i8,
        -33_i8,
        i8::MIN,
        i16::MIN,
        i32::MIN,
        i64::MIN,
    ))
    .unwrap();
    arg(&(1_i8, 127_i8, 200_i16, 70_000_i32, i64::MAX)).unwrap();
    arg(&(
        0_u128,
        u128::from(u64::MAX),
        u128::from(u64::MAX) + 1,
        u128::MAX,
    ))
    .unwrap();
    arg(&(
        0_i128,
        -1_i128,
        i128::from(u64::MAX),
        i128::from(i64::MIN) - 1,
        i128::MIN,
    ))
    .unwrap();
    arg(&(
        0.0_f64,
        -0.0_f64,
        1.0_f64,
        0.1_f64,
        1e300_f64,
        f64::NAN,
        f64::INFINITY,
    ))
    .unwrap();
    arg(&(
        0.0_f32,
        -0.0_f32,
        1.0_f32,
        0.1_f32,
        f32::MAX,
        f32::MIN_POSITIVE,
        f32::NAN,
    ))
    .unwrap();
    arg(&Newtype(0.3)).unwrap();
    arg(&Tuple(1, Some(Bytes::from_static(b"two")))).unwrap();
    arg(&[
        Variant::Unit,
        Variant::Newtype(vec![1, 2]),
        Variant::Tuple(-3, Unit),
        Variant::Struct {
            a: '"',
            b: Some(()),
        },
    ])
    .unwrap();
    arg(&json!({ "a": [1, { "b": null }], "": "\u{1}\"\\", "€": 1.5e-7 })).unwrap();
}

#[test]
fn keys_are_written_as_in_json() {
    arg(&BTreeMap::from([(1_u8, 1), (20, 2)])).unwrap();
    arg(&BTreeMap::from([(-1_i64, 1)])).unwrap();
    arg(&BTreeMap::from([(true, 1)])).unwrap();
    arg(&BTreeMap::from([('"', 1)])).unwrap();
    arg(&BTreeMap::from([("\u{1}€\\", 1)])).unwrap();
    for error in [
        arg(&BTreeMap::from([((), 1)])),
        arg(&BTreeMap::from([(vec![1], 1)])),
        arg(&BTreeMap::from([(None::<u8>, 1)])),
        arg(&Refuses),
    ] {
        assert!(matches!(error, Err(EncodeError::Serialize(_))), "{error:?}");
    }
}

#[test]
fn lengths_may_be_unknown_or_wrong() {
    for len in [0, 1, 15, 16, 17, 70] {
        for hint in [None, Some(0), Some(1), Some(15), Some(16), Some(1 << 16)] {
            arg(&Unsure(hint, len)).unwrap();
            arg(&UnsureMap(hint, len)).unwrap();
        }
        both(|mut builder| {
            for _ in 0..len {
                builder = builder.arg("x");
            }
            builder.build()
        })
        .unwrap();
    }
    let careless = arg(&Careless);
    assert!(matches!(careless, Err(EncodeError::Serialize(_))));
}

#[test]
fn json_that_is_kept_is_converted() {
    let raw = |json: &str| RawValue::from_string(json.into()).unwrap();
    for json in ["1", "\"a\"", "null", "[1,2.5,{\"a\":[]}]", "-0.0", "[]"] {
        arg(&(raw(json), 1)).unwrap();
    }
}

#[test]
fn depth_is_counted_as_in_json() {
    for levels in [254, 255, 256, 257, 1_000] {
        let built = arg(&deep(levels));
        assert_eq!(built.is_ok(), levels <= 255, "{levels}");
        let kept = serde_json::value::to_raw_value(&deep(levels)).unwrap();
        assert_eq!(arg(&kept).is_ok(), levels <= 255, "{levels}");
    }
    // A placeholder is a level.
    for levels in [254, 255] {
        let mut value = json!(null);
        for _ in 0..levels - 1 {
            value = json!([value]);
        }
        let built = both(|builder| builder.arg(&value).arg(&Bytes::from_static(b"x")).build());
        assert!(built.is_ok());
    }
}

#[test]
fn attachments_are_shared_by_way_of_json_or_copied() {
    let data = Bytes::from(vec![7; 100]);
    both(|builder| builder.arg(&1).binary(data.clone()).arg(&2).build()).unwrap();
    both(|builder| builder.arg(&data).binary(data.clone()).arg(&data).build()).unwrap();
    both(|builder| builder.arg(&vec![data.clone(); 20]).build()).unwrap();
    both(|mut builder| {
        let place = builder.attach(data.clone());
        builder.arg(&[place, place]).arg(&data).build()
    })
    .unwrap();
    let shared = Parser::MsgPack.event("e").binary(data.clone()).build();
    assert_eq!(shared.unwrap().attachments()[0].as_ptr(), data.as_ptr());
    let mut builder = Parser::MsgPack.event("e").arg(&data);
    builder = builder.binary(data.clone()).arg(&data);
    let shares = |payload: Payload| {
        let shared = payload.attachments().iter();
        let shared = shared.map(|shared| shared.as_ptr() == data.as_ptr());
        shared.collect::<Vec<_>>()
    };
    builder.attach(data.clone());
    assert_eq!(shares(builder.build().unwrap()), [false, true, false, true]);
}

#[test]
fn what_looks_like_a_placeholder_is_an_error_beside_attachments() {
    let lookalike = json!({ "_placeholder": true, "num": 0 });
    arg(&lookalike).unwrap();
    arg(&json!({ "_placeholder": 1 })).unwrap();
    let data = Bytes::from_static(b"x");
    for value in [lookalike, json!([{ "_placeholder": true, "num": 9 }])] {
        let built = both(|builder| builder.arg(&data).arg(&value).build());
        assert_eq!(built, Err(EncodeError::Placeholder));
    }
    let value = json!([{ "_placeholder": false, "num": 0 }, "_placeholder", true]);
    both(|builder| builder.arg(&data).arg(&value).build()).unwrap();
}

#[test]
fn reserved_names_are_refused_and_names_may_be_any_text() {
    for parser in [Parser::Json, Parser::MsgPack] {
        let refused = parser.event("connect").arg(&1).build();
        assert_eq!(refused, Err(EncodeError::ReservedEvent("connect".into())));
        for name in [
            "",
            "1",
            "\"\n€",
            "a name longer than thirty-one bytes is one as well",
        ] {
            let payload = parser.event(name).build().unwrap();
            assert_eq!(payload.name(), Some(name));
            assert_eq!(payload, Payload::event(name).build().unwrap());
        }
        assert_eq!(parser.ack().build().unwrap(), Payload::no_args());
    }
}

#[test]
fn arguments_are_taken_over_in_every_form() {
    let data = Bytes::from(vec![7; 10]);
    let build = |builder: PayloadBuilder| {
        let builder = builder.arg(&1).arg(&data);
        builder.arg("x").build().unwrap()
    };
    let forms = || {
        [
            build(Payload::event("e")),
            build(Parser::MsgPack.event("e")),
            Parser::MsgPack.event("e").build().unwrap(),
            Payload::event("e").build().unwrap(),
            Payload::from_json(PacketType::Ack, "[ 1e999 , {} ]", vec![]).unwrap(),
        ]
    };
    for one in forms() {
        for other in forms() {
            let [first, second] = [Parser::Json, Parser::MsgPack].map(|parser| {
                let taken = parser.ack().args_of(&one).args_of(&other);
                let taken = taken.arg(&2).arg(&data);
                taken.args_of(&one).build().unwrap()
            });
            assert_eq!(
                first.args::<Vec<Value>>().unwrap().len(),
                second.raw_args().count()
            );
            assert_eq!(first.to_value(), second.to_value());
            assert_eq!(first.attachments(), second.attachments());
        }
    }
    // What came as MessagePack goes back as it is.
    let received = build(Parser::MsgPack.event("e"));
    assert!(
        Payload::ack()
            .args_of(&received)
            .build()
            .unwrap()
            .packed()
            .is_some()
    );
    let empty = Payload::event("e").arg(&1).args_of(&received);
    assert!(empty.build().unwrap().packed().is_none());
}

#[test]
fn a_string_behind_the_last_argument_is_one_more() {
    for len in [0, 14, 15, 20] {
        let build = |parser: Parser| {
            let mut builder = parser.event("\"name");
            for number in 0..len {
                builder = builder.arg(&number);
            }
            builder.build().unwrap().with_last("pid")
        };
        let [json, packed] = [build(Parser::Json), build(Parser::MsgPack)];
        assert_eq!((&packed, packed.name()), (&json, json.name()));
        assert_eq!(packed.raw_args().last(), Some("\"pid\""));
    }
}

#[test]
fn the_buffer_of_an_event_is_its_frame_and_counts_with_its_unused_end() {
    for parser in [Parser::Json, Parser::MsgPack] {
        for args in [0, 1, 14, 15, 16, 40] {
            for len in [0, 1, 9, 31, 32, 70, 300, 9_000] {
                let text = "x".repeat(len);
                let build = || {
                    let event = parser.event("a name");
                    let event = (0..args).fold(event, |event, _| event.arg(&*text));
                    event.build().unwrap()
                };
                let mut built = None;
                let taken = allocation_counter::measure(|| built = Some(build()));
                let payload = built.unwrap();
                let counted = payload.heap_size() as i64;
                assert!(taken.bytes_current <= counted, "{args} of {len} B");
                assert_eq!(payload.name(), Some("a name"));
                assert_eq!(payload.raw_args().count(), args);
                let packet = PacketRef::new(PacketType::Event, "/").with_payload(&payload);
                let encoded = parser.encode(packet, 0).unwrap();
                let frame = encoded.parts()[0].frame();
                let within = payload.packed().unwrap_or(payload.json().as_bytes());
                let frame = match &frame {
                    engineio_proto::Frame::Text(text) => text.as_bytes(),
                    engineio_proto::Frame::Binary(data) => data,
                };
                assert!(frame.as_ptr_range().contains(&within.as_ptr()));
            }
        }
    }
}

#[derive(Debug, Serialize)]
struct Flat {
    a: String,
    #[serde(flatten)]
    rest: BTreeMap<String, Leaf>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Leaf {
    Int(i64),
    Uint(u64),
    Float(f64),
    Single(f32),
    Text(String),
    Bytes(#[serde(with = "as_bytes")] Vec<u8>),
    List(Vec<Self>),
}

mod as_bytes {
    pub(super) fn serialize<S: serde::Serializer>(
        data: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(data)
    }
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Leaf::Int),
        any::<u64>().prop_map(Leaf::Uint),
        any::<f64>().prop_map(Leaf::Float),
        any::<f32>().prop_map(Leaf::Single),
        "[ -~\n€]{0,40}".prop_map(Leaf::Text),
        proptest::collection::vec(any::<u8>(), 0..4).prop_map(Leaf::Bytes),
    ];
    leaf.prop_recursive(3, 40, 20, |inner| {
        proptest::collection::vec(inner, 0..20).prop_map(Leaf::List)
    })
}

proptest! {
    #[test]
    fn both_forms_are_built_alike(
        a in ".*", rest in proptest::collection::btree_map("[a-c_]{0,3}|_placeholder", leaf(), 0..20),
        more in proptest::collection::vec(leaf(), 0..3),
    ) {
        let flat = Flat { a, rest };
        let _ = both(|builder| {
            more.iter().fold(builder.arg(&flat), |builder, leaf| builder.arg(leaf)).build()
        });
    }
}

/// Each attachment and the list behind it are put into the same place of the message, in this order.
#[test]
fn many_attachments_stand_before_long_lists() {
    let numbers = || Leaf::List((0..16).map(Leaf::Int).collect());
    let pairs = (0..30).flat_map(|at| [Leaf::Bytes(vec![at]), numbers()]);
    arg(&Leaf::List(pairs.collect())).unwrap();
}
