//! Payloads write values as `serde_json` does, byte for byte, and placeholders instead of bytes.
//!
//! With the feature `arbitrary_precision` the same holds for a `serde_json` that keeps the text of numbers.
#![cfg(test)]

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use socketio_proto::{EncodeError, Payload};

/// A value that serialises itself in some way.
#[derive(Clone, Debug)]
enum Sample {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    F32(f32),
    F64(f64),
    Char(char),
    Text(String),
    /// Text that is written piece by piece.
    Display(String),
    Bytes(Vec<u8>),
    None,
    Unit,
    UnitStruct,
    UnitVariant(&'static str),
    /// JSON of `serde_json`'s own.
    Raw(String),
    Value(Value),
    Fails,
    Some(Box<Self>),
    Newtype(Box<Self>),
    NewtypeVariant(&'static str, Box<Self>),
    Seq(Vec<Self>),
    Tuple(Vec<Self>),
    TupleStruct(Vec<Self>),
    TupleVariant(&'static str, Vec<Self>),
    Map(Vec<(Self, Self)>),
    /// A map whose members are written at once.
    Entries(Vec<(Self, Self)>),
    Struct(Vec<(&'static str, Self)>),
    StructVariant(&'static str, Vec<(&'static str, Self)>),
}

/// A sample as it is, or with placeholders that are counted in place of bytes.
struct As<'a> {
    sample: &'a Sample,
    places: Option<&'a Cell<u32>>,
}

impl<'a> As<'a> {
    fn of(&self, sample: &'a Sample) -> Self {
        As {
            sample,
            places: self.places,
        }
    }
}

const TYPE: &str = "Sample";

impl Serialize for As<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.sample {
            Sample::Bool(value) => to.serialize_bool(*value),
            Sample::I8(value) => to.serialize_i8(*value),
            Sample::I16(value) => to.serialize_i16(*value),
            Sample::I32(value) => to.serialize_i32(*value),
            Sample::I64(value) => to.serialize_i64(*value),
            Sample::I128(value) => to.serialize_i128(*value),
            Sample::U8(value) => to.serialize_u8(*value),
            Sample::U16(value) => to.serialize_u16(*value),
            Sample::U32(value) => to.serialize_u32(*value),
            Sample::U64(value) => to.serialize_u64(*value),
            Sample::U128(value) => to.serialize_u128(*value),
            Sample::F32(value) => to.serialize_f32(*value),
            Sample::F64(value) => to.serialize_f64(*value),
            Sample::Char(value) => to.serialize_char(*value),
            Sample::Text(value) => to.serialize_str(value),
            Sample::Display(value) => to.collect_str(&format_args!("{value}-{value:?}")),
            Sample::Bytes(value) => match self.places {
                None => to.serialize_bytes(value),
                Some(places) => {
                    let num = places.replace(places.get() + 1);
                    let mut object = to.serialize_struct("Placeholder", 2)?;
                    object.serialize_field("_placeholder", &true)?;
                    object.serialize_field("num", &num)?;
                    object.end()
                }
            },
            Sample::None => to.serialize_none(),
            Sample::Unit => to.serialize_unit(),
            Sample::UnitStruct => to.serialize_unit_struct(TYPE),
            Sample::UnitVariant(name) => to.serialize_unit_variant(TYPE, 0, name),
            Sample::Raw(json) => RawValue::from_string(json.clone()).unwrap().serialize(to),
            Sample::Value(value) => value.serialize(to),
            Sample::Fails => Err(serde::ser::Error::custom("no such value")),
            Sample::Some(value) => to.serialize_some(&self.of(value)),
            Sample::Newtype(value) => to.serialize_newtype_struct(TYPE, &self.of(value)),
            Sample::NewtypeVariant(name, value) => {
                to.serialize_newtype_variant(TYPE, 0, name, &self.of(value))
            }
            Sample::Seq(items) => {
                let mut seq = to.serialize_seq(Some(items.len()).filter(|len| len % 2 == 0))?;
                for item in items {
                    seq.serialize_element(&self.of(item))?;
                }
                seq.end()
            }
            Sample::Tuple(items) => {
                let mut tuple = to.serialize_tuple(items.len())?;
                for item in items {
                    tuple.serialize_element(&self.of(item))?;
                }
                tuple.end()
            }
            Sample::TupleStruct(items) => {
                let mut tuple = to.serialize_tuple_struct(TYPE, items.len())?;
                for item in items {
                    tuple.serialize_field(&self.of(item))?;
                }
                tuple.end()
            }
            Sample::TupleVariant(name, items) => {
                let mut tuple = to.serialize_tuple_variant(TYPE, 0, name, items.len())?;
                for item in items {
                    tuple.serialize_field(&self.of(item))?;
                }
                tuple.end()
            }
            Sample::Map(members) => {
                let mut map = to.serialize_map(Some(members.len()).filter(|len| len % 2 == 0))?;
                for (key, value) in members {
                    map.serialize_key(&self.of(key))?;
                    map.serialize_value(&self.of(value))?;
                }
                map.end()
            }
            Sample::Entries(members) => to.collect_map(
                members
                    .iter()
                    .map(|(key, value)| (self.of(key), self.of(value))),
            ),
            Sample::Struct(fields) => {
                let mut object = to.serialize_struct(TYPE, fields.len())?;
                for (name, value) in fields {
                    object.serialize_field(name, &self.of(value))?;
                }
                object.skip_field("skipped")?;
                object.end()
            }
            Sample::StructVariant(name, fields) => {
                let mut object = to.serialize_struct_variant(TYPE, 0, name, fields.len())?;
                for (name, value) in fields {
                    object.serialize_field(name, &self.of(value))?;
                }
                object.end()
            }
        }
    }
}

fn name() -> impl Strategy<Value = &'static str> + Clone {
    prop_oneof![
        Just("a"),
        Just(""),
        Just("a \"name\" \u{1}é\\"),
        Just("num"),
        Just("_placeholder_"),
    ]
}

fn text() -> BoxedStrategy<String> {
    prop_oneof!["[ -~]{0,20}", any::<String>(), "[\u{0}-\u{20}\"\\\\]{0,9}"].boxed()
}

fn scalar() -> BoxedStrategy<Sample> {
    let whole = prop_oneof![
        any::<i8>().prop_map(Sample::I8),
        any::<i16>().prop_map(Sample::I16),
        any::<i32>().prop_map(Sample::I32),
        any::<i64>().prop_map(Sample::I64),
        any::<i128>().prop_map(Sample::I128),
        any::<u8>().prop_map(Sample::U8),
        any::<u16>().prop_map(Sample::U16),
        any::<u32>().prop_map(Sample::U32),
        any::<u64>().prop_map(Sample::U64),
        any::<u128>().prop_map(Sample::U128),
    ];
    let special = prop_oneof![
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(-0.0),
        Just(f64::MIN_POSITIVE / 2.0),
        Just(1e16),
        Just(1e-7),
        Just(98.75)
    ];
    let float = prop_oneof![
        any::<u64>().prop_map(|bits| Sample::F64(f64::from_bits(bits))),
        any::<u32>().prop_map(|bits| Sample::F32(f32::from_bits(bits))),
        special.clone().prop_map(Sample::F64),
        special.prop_map(|value| Sample::F32(value as f32)),
    ];
    let others = prop_oneof![
        any::<bool>().prop_map(Sample::Bool),
        any::<char>().prop_map(Sample::Char),
        text().prop_map(Sample::Display),
        Just(Sample::None),
        Just(Sample::Unit),
        Just(Sample::UnitStruct),
        name().prop_map(Sample::UnitVariant),
    ];
    prop_oneof![4 => whole, 2 => float, 3 => text().prop_map(Sample::Text), 3 => others].boxed()
}

fn leaf() -> BoxedStrategy<Sample> {
    let kept = prop_oneof![
        Just("[ 1, {\"a\":\"\\ud800\"} ]"),
        Just("1e999"),
        Just("\"_placeholder\""),
        Just("-0.0")
    ];
    let number = prop_oneof![
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(serde_json::json!({ "a": [1.5, null, "\n"], "b": -1 })),
    ];
    prop_oneof![
        20 => scalar(),
        3 => vec(any::<u8>(), 0..20).prop_map(Sample::Bytes),
        1 => kept.prop_map(|json: &str| Sample::Raw(json.into())),
        2 => number.prop_map(Sample::Value),
        1 => Just(Sample::Fails),
    ]
    .boxed()
}

fn sample() -> BoxedStrategy<Sample> {
    leaf()
        .prop_recursive(5, 40, 4, |inner| {
            let boxed = inner.clone().prop_map(Box::new).boxed();
            let items = vec(inner.clone(), 0..4).boxed();
            let keys = prop_oneof![
                8 => text().prop_map(Sample::Text),
                3 => scalar(),
                1 => scalar().prop_map(|key| Sample::Some(Box::new(key))),
                1 => scalar().prop_map(|key| Sample::Newtype(Box::new(key))),
                1 => inner.clone()
            ];
            let members = vec((keys.boxed(), inner.clone()), 0..4).boxed();
            let fields = vec((name().boxed(), inner), 0..4).boxed();
            prop_oneof![
                boxed.clone().prop_map(Sample::Some),
                boxed.clone().prop_map(Sample::Newtype),
                (name(), boxed).prop_map(|(name, value)| Sample::NewtypeVariant(name, value)),
                items.clone().prop_map(Sample::Seq),
                items.clone().prop_map(Sample::Tuple),
                items.clone().prop_map(Sample::TupleStruct),
                (name(), items).prop_map(|(name, items)| Sample::TupleVariant(name, items)),
                members.clone().prop_map(Sample::Map),
                members.prop_map(Sample::Entries),
                fields.clone().prop_map(Sample::Struct),
                (name(), fields).prop_map(|(name, fields)| Sample::StructVariant(name, fields)),
            ]
        })
        .boxed()
}

fn written<T: Serialize + ?Sized>(value: &T) -> Result<Payload, EncodeError> {
    Payload::ack().arg(value).build()
}

/// Checks that a value that serialises itself in its own way is written as `serde_json` does, if that is JSON.
#[track_caller]
fn same_if_json<T: Serialize>(value: &T) {
    let official = format!("[{}]", serde_json::to_string(value).unwrap());
    let json = written(value).map(|payload| payload.json().to_owned());
    if serde_json::from_str::<IgnoredAny>(&official).is_ok() {
        assert_eq!(json, Ok(official));
    } else {
        let refused = EncodeError::Serialize("the result is no JSON".into());
        assert_eq!(json, Err(refused), "{official}");
    }
}

proptest! {
    #[test]
    fn values_are_written_as_serde_json_does(sample in sample()) {
        let places = Cell::new(0);
        let official = serde_json::to_string(&As { sample: &sample, places: Some(&places) });
        let ours = written(&As { sample: &sample, places: None });
        match (ours, official) {
            (Ok(payload), Ok(json)) => {
                prop_assert_eq!(payload.json(), format!("[{json}]"));
                prop_assert_eq!(payload.attachments().len(), places.get() as usize);
            }
            (Err(EncodeError::Serialize(ours)), Err(official)) => {
                prop_assert_eq!(&*ours, official.to_string());
            }
            (ours, official) => prop_assert!(false, "{:?} instead of {:?}", ours, official),
        }
    }

    /// Written text needs no check, because a decoder accepts it.
    #[test]
    fn what_is_written_is_accepted(sample in sample(), levels in 0_usize..300) {
        let nested = (0..levels).fold(sample, |inner, level| match level % 4 {
            0 => Sample::Seq(vec![inner]),
            1 => Sample::Map(vec![(Sample::Text("a".into()), inner)]),
            2 => Sample::TupleVariant("b", vec![inner]),
            _ => Sample::NewtypeVariant("c", Box::new(inner)),
        });
        let places = Cell::new(0);
        let official = serde_json::to_string(&As { sample: &nested, places: Some(&places) });
        let ours = written(&As { sample: &nested, places: None });
        let Ok(official) = official else {
            prop_assert!(ours.is_err());
            return Ok(());
        };
        let json = format!("[{official}]");
        let checked = Payload::from_json(socketio_proto::PacketType::Ack, json, vec![]);
        match (ours, checked) {
            (Ok(ours), Ok(checked)) => prop_assert_eq!(ours.json(), checked.json()),
            (Err(EncodeError::TooDeep { limit: 256 }), Err(socketio_proto::DecodeError::TooDeep { limit: 256 })) => {}
            (ours, checked) => prop_assert!(false, "{:?} instead of {:?}", ours, checked),
        }
    }
}

/// A type that passes over the error of a part.
struct PassesOver(Sample, bool);

impl Serialize for PassesOver {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut seq = to.serialize_seq(None)?;
        if self.1 {
            seq.serialize_element(&1)?;
        }
        let _ = seq.serialize_element(&As {
            sample: &self.0,
            places: None,
        });
        seq.end()
    }
}

/// A type whose map has keys without values, or the other way round.
struct Forgets(&'static [bool]);

impl Serialize for Forgets {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for is_key in self.0 {
            if *is_key {
                map.serialize_key("k")?;
            } else {
                map.serialize_value("v")?;
            }
        }
        map.end()
    }
}

/// A type whose map has a key that fails.
struct FailingKey(bool);

impl Serialize for FailingKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        let _ = map.serialize_key(&[1]);
        if self.0 {
            map.serialize_value(&1)?;
        }
        map.end()
    }
}

#[test]
fn what_breaks_the_rules_of_serde_is_no_json() {
    let fails = || Sample::Fails;
    for sample in [
        fails(),
        Sample::Seq(vec![fails()]),
        Sample::Seq(vec![Sample::Unit, fails()]),
        Sample::NewtypeVariant("a", Box::new(fails())),
        Sample::Struct(vec![("a", fails())]),
        Sample::Map(vec![(fails(), Sample::Unit)]),
        Sample::TupleVariant("a", vec![Sample::TupleVariant("b", vec![fails()])]),
    ] {
        for another in [false, true] {
            same_if_json(&PassesOver(sample.clone(), another));
        }
    }
    for order in [
        &[][..],
        &[true],
        &[false],
        &[true, true],
        &[true, false],
        &[true, false, false],
        &[true, false, true],
        &[true, true, false],
        &[false, true],
        &[true, false, true, false],
    ] {
        same_if_json(&Forgets(order));
    }
    for value in [false, true] {
        same_if_json(&FailingKey(value));
    }
}

/// A type that looks like one of `serde_json` that keeps JSON.
struct Disguised(&'static str, &'static str, &'static str);

impl Serialize for Disguised {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut object = to.serialize_struct(self.0, 1)?;
        object.serialize_field(self.1, self.2)?;
        object.end()
    }
}

#[test]
fn json_that_a_type_brings_along_is_checked() {
    const RAW: &str = "$serde_json::private::RawValue";
    const NUMBER: &str = "$serde_json::private::Number";
    for name in [RAW, NUMBER] {
        for json in ["1", "[1 ]", "{", "1,2", "", "]", "1],[2", "\u{0}"] {
            same_if_json(&Disguised(name, name, json));
        }
        let other = Disguised(name, "other", "1");
        let official = serde_json::to_string(&other).map(|json| format!("[{json}]"));
        match (written(&other), official) {
            (Ok(payload), Ok(json)) => assert_eq!(payload.json(), json),
            (Err(EncodeError::Serialize(ours)), Err(error)) => {
                assert_eq!(*ours, *error.to_string());
            }
            (ours, official) => panic!("{ours:?} instead of {official:?}"),
        }
        let mut object = std::collections::BTreeMap::new();
        object.insert(name, 1);
        same_if_json(&object);
    }
    let deep = format!("{}1{}", "[".repeat(256), "]".repeat(256));
    let deep = RawValue::from_string(deep);
    if let Ok(deep) = deep {
        assert_eq!(written(&deep), Err(EncodeError::TooDeep { limit: 256 }));
    }
}

#[test]
fn whatever_may_be_taken_for_a_placeholder_is_noticed_beside_attachments() {
    let marked = |value: &dyn Fn(bool) -> Result<Payload, EncodeError>| {
        assert!(value(false).is_ok(), "it is data without attachments");
        assert_eq!(value(true), Err(EncodeError::Placeholder));
    };
    let with = |sample: Sample| {
        move |binary: bool| {
            let builder = Payload::ack();
            let builder = if binary {
                builder.binary(vec![1])
            } else {
                builder
            };
            let sample = As {
                sample: &sample,
                places: None,
            };
            builder.arg(&sample).build()
        }
    };
    let flag = |key: Sample| Sample::Map(vec![(key, Sample::Bool(true))]);
    marked(&with(flag(Sample::Text("_placeholder".into()))));
    marked(&with(flag(Sample::UnitVariant("_placeholder"))));
    marked(&with(Sample::Struct(vec![(
        "_placeholder",
        Sample::Bool(true),
    )])));
    marked(&with(Sample::NewtypeVariant(
        "_placeholder",
        Box::new(Sample::Bool(true)),
    )));
    marked(&with(Sample::Raw(r#"{"_placeholder":true}"#.into())));
    marked(&with(Sample::Raw(r#"{"\u005fplaceholder":true}"#.into())));
    marked(&with(Sample::Value(
        serde_json::json!({ "_placeholder": true }),
    )));
}
