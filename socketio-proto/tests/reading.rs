//! Memory for reading payloads, as counted by an allocator. The peer cannot influence the kinds of values in a tree.
//!
//! With the feature `arbitrary_precision` the same holds for a `serde_json` that keeps the text of numbers.
#![cfg(test)]
#![expect(
    clippy::disallowed_types,
    reason = "applications may read into hash maps"
)]

#[path = "reading/client.rs"]
mod client;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::iter;

use allocation_counter::measure;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use socketio_proto::engine::{Frame, Message};
use socketio_proto::parser::{Limits, Parser};
use socketio_proto::{
    DecodeError, EncodeError, PacketRef, PacketType, Payload, Placeholder, ReadError,
};

const MB: usize = 1_000_000;
const PLACE: &str = r#"{"_placeholder":true,"num":0}"#;

fn event(json: String, attachments: Vec<Bytes>) -> Payload {
    Payload::from_json(PacketType::Event, json, attachments).expect("a payload")
}

/// An event with a list of this many equal items.
fn list(item: &str, len: usize) -> Payload {
    let items = iter::repeat_n(item, len).collect::<Vec<_>>().join(",");
    event(format!("[\"e\",[{items}]]"), vec![])
}

/// An event with a list of as many equal items as fit into a megabyte.
fn megabyte(item: &str) -> Payload {
    list(item, MB / (item.len() + 1))
}

/// The memory that reading may take, by the documented rule.
fn bound(payload: &Payload) -> u64 {
    let attachments: usize = payload.attachments().iter().map(Bytes::len).sum();
    let json = payload.json().len() + 64;
    (json * usize::from(payload.max_expansion()) + attachments) as u64
}

/// Reads in one way and returns the maximum memory, which must be within the bound whatever the result.
#[track_caller]
fn taken<T>(
    payload: &Payload,
    read: impl FnOnce() -> Result<T, ReadError>,
) -> Result<u64, ReadError> {
    let mut result = None;
    let info = measure(|| result = Some(read()));
    let result = result.expect("it was read");
    // An error has a text.
    let limit = bound(payload) + if result.is_err() { 256 } else { 0 };
    let what = std::any::type_name::<T>();
    let json: String = payload.json().chars().take(60).collect();
    assert!(
        info.bytes_max <= limit,
        "{} B of {limit} B for {what} of {json} ({} B)",
        info.bytes_max,
        payload.json().len()
    );
    result.map(|_| info.bytes_max)
}

/// Reads the only argument as `T`, by reference and by value.
#[track_caller]
fn read<T: DeserializeOwned>(payload: &Payload) -> Result<u64, ReadError> {
    let first = taken(payload, || payload.args::<(T,)>());
    let copy = payload.clone();
    let second = taken(payload, || copy.into_args::<(T,)>());
    assert_eq!(first.is_ok(), second.is_ok());
    let third = taken(payload, || {
        payload.raw_args().read::<T>().expect("an argument")
    });
    assert_eq!(first.is_ok(), third.is_ok());
    first
}

#[derive(Debug, Deserialize, PartialEq)]
struct Point {
    x: u32,
    y: f64,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Untagged {
    Point(Point),
    List(Vec<u8>),
    Any(Value),
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "t")]
enum Tagged {
    #[serde(rename = "a")]
    Unit,
    #[serde(rename = "b")]
    Map(BTreeMap<String, Value>),
}

#[derive(Debug, Deserialize, PartialEq)]
struct Flat {
    #[serde(default)]
    x: u32,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct FlatValue {
    #[serde(default)]
    x: u32,
    #[serde(flatten)]
    rest: Value,
}

/// Reads in every possible way.
fn read_in_all_ways(payload: &Payload) {
    let _ = read::<Value>(payload);
    let _ = read::<Vec<Value>>(payload);
    let _ = read::<Vec<Vec<Value>>>(payload);
    let _ = read::<Vec<u8>>(payload);
    let _ = read::<Vec<f64>>(payload);
    let _ = read::<Vec<Option<u64>>>(payload);
    let _ = read::<Vec<String>>(payload);
    let _ = read::<Vec<Vec<u8>>>(payload);
    let _ = read::<Vec<Vec<String>>>(payload);
    let _ = read::<BTreeSet<String>>(payload);
    let _ = read::<Vec<BTreeSet<String>>>(payload);
    let _ = read::<Vec<BTreeMap<String, u8>>>(payload);
    let _ = read::<Vec<BTreeMap<String, Value>>>(payload);
    let _ = read::<Vec<HashMap<String, u8>>>(payload);
    let _ = read::<Vec<HashMap<String, Value>>>(payload);
    let _ = read::<Vec<Point>>(payload);
    let _ = read::<Untagged>(payload);
    let _ = read::<Vec<Untagged>>(payload);
    let _ = read::<Vec<Tagged>>(payload);
    let _ = read::<Vec<Flat>>(payload);
    let _ = read::<Vec<FlatValue>>(payload);
    let _ = read::<Box<RawValue>>(payload);
    let _ = read::<Bytes>(payload);
    let _ = read::<Vec<Bytes>>(payload);
    let _ = read::<Vec<BTreeMap<String, Bytes>>>(payload);
    let _ = taken(payload, || payload.to_value());
    let _ = taken(payload, || payload.data::<Vec<Value>>());
    let _ = taken(payload, || payload.args::<Vec<Value>>());
    let _ = taken(payload, || payload.args::<Value>());
    let _ = taken(payload, || payload.args::<Untagged>());
    // The list of arguments is the test's.
    let mut read = Vec::with_capacity(payload.raw_args().count());
    let _ = taken(payload, || {
        let mut args = payload.raw_args();
        while let Some(value) = args.read::<Value>() {
            read.push(value?);
        }
        Ok(())
    });
}

/// An object with this many members, which are not in the order of their names.
fn object(members: usize) -> String {
    let member = |at: usize| format!("\"{}\":0", at * 7919 % members);
    let members: Vec<_> = (0..members).map(member).collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn every_way_of_reading_is_within_the_bound() {
    let mut items = [
        "0",
        "1.5",
        "null",
        "\"\"",
        "\"a\"",
        "\"\\u0000\"",
        "[]",
        "[0]",
        "[\"\"]",
        "[\"a\"]",
        "[[]]",
        "[[0]]",
        "[[[0]]]",
        "[0,0,0,0,0]",
        "{}",
        r#"{"":0}"#,
        r#"{"a":0}"#,
        r#"{"a":[0]}"#,
        r#"{"":{"":0}}"#,
        r#"{"x":1,"y":2}"#,
        r#"{"t":"a"}"#,
        r#"{"t":"b","":0}"#,
        r#"{"t":"b","":[[0]]}"#,
    ]
    .map(String::from)
    .to_vec();
    for members in [4, 8, 12, 15, 29, 57, 113] {
        items.push(object(members));
    }
    for item in &items {
        // Among them lengths at which what grows by doubling has just grown.
        for len in [1, 5, 17, 129] {
            read_in_all_ways(&list(item, len));
        }
    }
    for members in [12, 100, 1025, 1800] {
        read_in_all_ways(&event(format!("[\"e\",{}]", object(members)), vec![]));
    }
    for depth in [2, 20, 200] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        read_in_all_ways(&list(&nested, 100));
        let nested = format!("{}0{}", "{\"\":".repeat(depth), "}".repeat(depth));
        read_in_all_ways(&list(&nested, 100));
    }
}

#[test]
fn a_megabyte_is_read_within_the_bound_or_not_at_all() {
    for item in ["0", "[0]", r#"{"":0}"#, r#"{"x":1,"y":2}"#, "\"\""] {
        let payload = megabyte(item);
        let _ = read::<Value>(&payload);
        let _ = read::<Untagged>(&payload);
        let _ = read::<Vec<Untagged>>(&payload);
        let _ = read::<Vec<FlatValue>>(&payload);
    }
}

/// JSON in which few bytes make large values.
fn dense() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        "[0-9]",
        "-0|1\\.0|1e2",
        "true|null",
        "\"[a-b]{0,2}\"",
        "\"(\\\\\\\\u0000|\\\\\\\\n){1,3}\"",
    ];
    scalar.prop_recursive(4, 40, 12, |inner| {
        let key = prop_oneof!["[a-t]{0,1}", Just(RAW.to_owned()), Just(NUMBER.to_owned())];
        prop_oneof![
            vec(inner.clone(), 0..12).prop_map(|items| format!("[{}]", items.join(","))),
            (inner.clone(), 1..40_usize)
                .prop_map(|(item, len)| format!("[{}]", vec![item; len].join(","))),
            vec((key, inner), 0..16).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_json_is_read_within_the_bound(json in dense(), len in 1..30_usize) {
        read_in_all_ways(&list(&json, len));
    }
}

#[test]
fn what_just_fits_is_within_the_bound() {
    for len in 20..40 {
        read_in_all_ways(&list(r#"{"a":0}"#, len));
    }
}

#[test]
fn what_serde_buffers_is_within_the_bound() {
    // Lists take as much in the buffer as in what is made of them.
    for item in ["0", "[0]", "[[0]]"] {
        for len in [524_288 / 2 + 1, 524_288 / 4] {
            let _ = read::<Untagged>(&list(item, len));
        }
    }
}

#[test]
fn ordinary_values_of_a_megabyte_are_read() {
    let mut figures = vec![];
    let mut note = |what, payload: &Payload, taken: Result<u64, ReadError>| {
        let taken = taken.unwrap_or_else(|error| panic!("{what}: {error}"));
        let json = payload.json().len() as u64;
        figures.push(format!(
            "{what}: {}.{} B per byte",
            taken / json,
            taken * 10 / json % 10
        ));
    };
    let numbers = megabyte("0");
    note("[0,0,…] as Vec<u8>", &numbers, read::<Vec<u8>>(&numbers));
    note(
        "[0,0,…] as Vec<Value>",
        &numbers,
        read::<Vec<Value>>(&numbers),
    );
    note("[0,0,…] as Value", &numbers, read::<Value>(&numbers));
    note(
        "[0,0,…] as a tree",
        &numbers,
        taken(&numbers, || numbers.to_value()),
    );
    let points = megabyte(r#"{"x":1,"y":2}"#);
    note("points as Value", &points, read::<Value>(&points));
    note(
        "points as a tree",
        &points,
        taken(&points, || points.to_value()),
    );
    note("points as Vec<Point>", &points, read::<Vec<Point>>(&points));
    note(
        "points as maps",
        &points,
        read::<Vec<BTreeMap<String, f64>>>(&points),
    );
    let words = megabyte("\"word\"");
    note("words as Vec<String>", &words, read::<Vec<String>>(&words));
    let users = megabyte(r#"{"t":"b","id":17,"name":"somebody"}"#);
    note("users as tagged enums", &users, read::<Vec<Tagged>>(&users));
    note(
        "users as flattened structs",
        &users,
        read::<Vec<Flat>>(&users),
    );
    let rows = megabyte("[[1,2],[3,4]]");
    note(
        "rows as Vec<Vec<Vec<u64>>>",
        &rows,
        read::<Vec<Vec<Vec<u64>>>>(&rows),
    );
    for figure in figures {
        eprintln!("{figure}");
    }
}

#[test]
fn a_tree_that_takes_too_much_is_an_error_that_says_so() {
    let payload = megabyte(r#"{"":0}"#);
    let text = "reading takes more than 64 bytes for each byte of JSON";
    let of_argument = format!(r#"event "e", argument 0: {text}"#);
    for (error, text) in [
        (read::<Value>(&payload).unwrap_err(), &*of_argument),
        (read::<Untagged>(&payload).unwrap_err(), &*of_argument),
        (payload.to_value().unwrap_err(), text),
    ] {
        assert!(error.is_over_limit());
        assert_eq!(error.to_string(), text);
    }
    assert!(!payload.args::<(u8,)>().unwrap_err().is_over_limit());
    assert!(payload.args::<(Vec<serde::de::IgnoredAny>,)>().is_ok());
}

#[test]
fn values_of_plain_types_count_only_while_they_are_read() {
    // What has no memory of its own gives back what serde's buffer took for it.
    let tags = megabyte(r#"{"t":"a"}"#);
    #[derive(Deserialize)]
    #[serde(tag = "t", rename_all = "lowercase")]
    enum Plain {
        A,
    }
    let all: (Vec<Plain>,) = tags.args().unwrap();
    assert!(all.0.iter().all(|one| matches!(one, Plain::A)));
    let points = megabyte(r#"{"x":1,"y":2}"#);
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        #[expect(dead_code, reason = "only that it is one counts")]
        Point { x: u32, y: u32 },
    }
    assert!(points.args::<(Vec<Either>,)>().is_ok());
    let json = format!("[\"e\",[{}]]", [PLACE; 100].join(","));
    let payload = event(json, vec![Bytes::from(vec![0; 1_900])]);
    let borrowed: (Vec<&[u8]>, Value) = (payload.args::<(Vec<&[u8]>,)>().unwrap().0, Value::Null);
    assert_eq!(borrowed.0.len(), 100);
}

/// An event that names its attachment this many times.
fn upload(places: usize, attachment: usize) -> Result<Payload, DecodeError> {
    let json = format!("[\"upload\",[{}]]", vec![PLACE; places].join(","));
    Payload::from_json(
        PacketType::Event,
        json,
        vec![Bytes::from(vec![7; attachment])],
    )
}

#[test]
fn repeated_placeholders_are_refused_where_they_take_too_much() {
    let refused = upload(1_600, MB).unwrap_err();
    assert_eq!(refused, DecodeError::Expansion { limit: 64 });
    let icons = upload(1_600, 1_000).unwrap();
    let taken = read::<Vec<Bytes>>(&icons).unwrap();
    eprintln!(
        "1,600 places of 1 kB: {taken} B of {} B of JSON, counted as {} B",
        icons.json().len(),
        icons.payload_len()
    );
    assert_eq!(icons.payload_len(), icons.json().len() + 1_600 * 1_000);
    let mut decoder = Parser::Json.decoder(Default::default());
    let head = format!("51-[\"upload\",[{}]]", vec![PLACE; 1_600].join(","));
    assert_eq!(decoder.add(Message::text(head)), Ok(None));
    let data = Message::binary(vec![0; MB]);
    assert_eq!(decoder.add(data), Err(DecodeError::Expansion { limit: 64 }));
}

#[test]
fn builders_refuse_what_receivers_would() {
    let mut builder = Payload::event("upload");
    let place = builder.attach(vec![0; MB]);
    let built = builder.arg(&vec![place; 1_600]).build();
    assert_eq!(built, Err(EncodeError::Expansion { limit: 64 }));
    let mut builder = Payload::event("upload");
    let place = builder.attach(vec![0; 1_000]);
    let payload = builder.arg(&vec![place; 1_600]).build().unwrap();
    let twice = Payload::ack().args_of(&payload).args_of(&payload).build();
    assert_eq!(twice.unwrap().payload_len() / 3_200_000, 1);
}

#[test]
fn writing_with_the_other_parser_is_one_allocation_of_the_length() {
    let payload = upload(1_600, 1_000).unwrap();
    let packet = PacketRef::new(PacketType::Event, "/").with_payload(&payload);
    let mut encoded = None;
    let info = measure(|| encoded = Parser::MsgPack.encode(packet, 0).ok());
    let encoded = encoded.unwrap();
    let len = encoded.payload_len() as u64;
    eprintln!(
        "as MessagePack: {len} B, for which {} B are taken at most",
        info.bytes_max
    );
    assert!(len <= payload.payload_len() as u64);
    // Beside it, the list of the places, forty bytes each, in a list that doubles.
    assert!(
        info.bytes_max <= len + 1_600 * 40 * 3,
        "{} B",
        info.bytes_max
    );
    let Frame::Binary(data) = encoded.parts()[0].frame() else {
        panic!("no MessagePack");
    };
    let mut decoder =
        Parser::MsgPack.decoder(Limits::default().with_max_msgpack_attachments(2_000));
    let packet = decoder.add(Message::Binary(data));
    let payload = packet.unwrap().unwrap().payload.unwrap();
    assert_eq!(payload.attachments().len(), 1_600);
    assert!(read::<Vec<Bytes>>(&payload).is_ok());
}

const RAW: &str = "$serde_json::private::RawValue";
const NUMBER: &str = "$serde_json::private::Number";

#[test]
fn keys_of_serde_json_are_plain_data_in_trees() {
    for key in [RAW, NUMBER] {
        for value in [
            "1",
            "\"[1,2]\"",
            "\"1\"",
            "\"x\"",
            "{\"\\u0024serde_json::private::RawValue\":\"1\"}",
        ] {
            let spelled = key.replace('$', "\\u0024");
            for key in [key, &spelled] {
                let json = format!(
                    r#"["e",{{"{key}":{value}}},{{"{key}":{value},"a":1}},[{{"a":1,"{key}":{value}}}]]"#
                );
                let payload = event(json, vec![]);
                let tree = payload.to_value().unwrap();
                let key = key.replace("\\u0024", "$");
                let first = tree[1].as_object().unwrap();
                assert_eq!(first.keys().collect::<Vec<_>>(), [&key]);
                for object in [&tree[2], &tree[3][0]] {
                    assert_eq!(object["a"], 1);
                    assert_eq!(object[&key], first[&key]);
                    assert_eq!(object.as_object().unwrap().len(), 2);
                }
            }
        }
    }
    let payload = event(format!(r#"["e",{{"{RAW}":"[1,2]"}}]"#), vec![]);
    assert_eq!(payload.to_value().unwrap()[1][RAW], "[1,2]");
}

#[test]
fn keys_of_serde_json_are_never_obeyed_in_values_within_other_types() {
    for key in [RAW, NUMBER] {
        // Another member comes first, and all are there.
        let members = format!(r#"{{"{key}":"[1]","{key}":"7","a":{{"b":2}},"c":3}}"#);
        let payload = event(format!("[\"e\",{members}]"), vec![]);
        let expected = json!({key: "7", "a": {"b": 2}, "c": 3});
        assert_eq!(payload.args::<(Value,)>().unwrap().0, expected);
        assert_eq!(
            payload.args::<Vec<Value>>().unwrap(),
            vec![expected.clone()]
        );
        let map: (BTreeMap<String, Value>,) = payload.args().unwrap();
        assert_eq!((map.0[key].clone(), map.0.len()), (json!("7"), 3));

        // Where there is no other, or where serde buffers, it is an error.
        let alone = event(format!(r#"["e",{{"{key}":"1"}}]"#), vec![]);
        assert!(alone.args::<(Value,)>().is_err());
        assert!(alone.args::<(Option<Value>,)>().is_err());
        assert!(alone.args::<(Vec<Value>,)>().is_err());
        assert!(alone.args::<Vec<Value>>().is_err());
        assert!(alone.args::<(serde_json::Number,)>().is_err());
        assert!(alone.args::<(Untagged,)>().is_err());
        let map: (BTreeMap<String, Value>,) = alone.args().unwrap();
        assert_eq!(map.0[key], "1");
        let flat = event(format!(r#"["e",{{"x":1,"{key}":"[1]"}}]"#), vec![]);
        for error in [
            flat.args::<(FlatValue,)>().unwrap_err(),
            flat.args::<(Untagged,)>().unwrap_err(),
            alone.args::<(Value,)>().unwrap_err(),
        ] {
            let text =
                r#"event "e", argument 0: an object has a key that serde_json keeps for itself"#;
            assert_eq!(error.to_string(), text);
        }
        assert_eq!(
            flat.args::<(Point,)>().unwrap_err().to_string(),
            r#"event "e", argument 0: missing field `y`"#
        );
    }
    let raw: (Box<RawValue>,) = event(format!(r#"["e",{{"{RAW}":"1"}}]"#), vec![])
        .args()
        .unwrap();
    assert_eq!(raw.0.get(), format!(r#"{{"{RAW}":"1"}}"#));
}

#[test]
fn looking_for_another_member_is_bounded_too() {
    let mut json = String::from("0");
    for _ in 0..100 {
        json = format!(r#"{{"{RAW}":{json},"a":0}}"#);
    }
    let payload = event(format!("[\"e\",{json}]"), vec![]);
    let _ = read::<Value>(&payload);
    // Each level passes the long text once more.
    let mut json = format!("\"{}\"", "x".repeat(500_000));
    for _ in 0..100 {
        json = format!(r#"{{"{RAW}":{json},"a":0}}"#);
    }
    let payload = event(format!("[\"e\",{json}]"), vec![]);
    let error = payload.args::<(Value,)>().unwrap_err();
    assert!(error.is_over_limit(), "{error}");
    let wide = format!(r#"{{{}"a":0}}"#, format!(r#""{RAW}":0,"#).repeat(10_000));
    let payload = event(format!("[\"e\",{wide}]"), vec![]);
    assert_eq!(
        payload.args::<(Value,)>().unwrap().0,
        json!({RAW: 0, "a": 0})
    );
}

#[test]
fn placeholders_are_known_in_values_and_texts_whatever_the_features() {
    let text = r#"{"num":0.0,"_placeholder":true}"#;
    let place: Placeholder = serde_json::from_str(text).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(Placeholder::from_value(&value), Some(place));
    assert_eq!(serde_json::from_value::<Placeholder>(value).unwrap(), place);
}

#[test]
fn whole_numbers_are_integers_within_any_type() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Id(u16);
    #[derive(Debug, Deserialize, PartialEq)]
    enum Shape {
        Circle(u8),
        Box { width: i64 },
    }
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(untagged)]
    enum Loose {
        Whole(i64),
        Half(f64),
    }
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(tag = "t")]
    enum Inner {
        A { n: u8 },
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Outer {
        #[serde(flatten)]
        inner: Nested,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Nested {
        n: Option<u32>,
    }
    fn one<T: DeserializeOwned + Debug + PartialEq>(json: &str, expected: T) {
        let payload = event(format!("[\"e\",{json}]"), vec![]);
        assert_eq!(
            payload.args::<(T,)>().map(|(value,)| value),
            Ok(expected),
            "{json}"
        );
    }
    one("2.0", 2_u8);
    one("1e2", Some(100_i8));
    one("-0.0", 0_u64);
    one("-0", 0_i32);
    one("1.5e1", Id(15));
    one("[1.0,2e0,[3.0]]", (1_u8, 2_i16, vec![3_u32]));
    one("12345678901234567890.0", 12_345_678_901_234_567_890_u64);
    one("-9223372036854775808.0", i64::MIN);
    one(
        "3.4e38",
        340_000_000_000_000_000_000_000_000_000_000_000_000_u128,
    );
    one("-1e20", -100_000_000_000_000_000_000_i128);
    one(r#"{"Circle":3.0}"#, Shape::Circle(3));
    one(r#"{"Box":{"width":1e3}}"#, Shape::Box { width: 1000 });
    one("4.0", Loose::Whole(4));
    one("4.5", Loose::Half(4.5));
    one(r#"{"n":5.0,"t":"A"}"#, Inner::A { n: 5 });
    one(
        r#"{"n":6e0}"#,
        Outer {
            inner: Nested { n: Some(6) },
        },
    );
    one("-0.0", -0.0_f64);
    one("2.0", json!(2.0));
    for json in ["2.5", "256.0", "-1.0", "1e-1", "1e999", "\"2\"", "true"] {
        let payload = event(format!("[\"e\",{json}]"), vec![]);
        assert!(payload.args::<(u8,)>().is_err(), "{json}");
    }
    let ack = Payload::from_json(PacketType::Ack, "[7.0]", vec![]).unwrap();
    assert_eq!(ack.args::<(usize,)>().unwrap(), (7,));
    // A float of MessagePack comes as one.
    let message = b"\x83\xa4type\x03\xa3nsp\xa1/\xa4data\x91\xcb\x40\x00\x00\x00\x00\x00\x00\x00";
    let mut decoder = Parser::MsgPack.decoder(Default::default());
    let packet = decoder.add(Message::binary(message.to_vec()));
    let payload = packet.unwrap().unwrap().payload.unwrap();
    assert_eq!(payload.args::<(u8,)>().unwrap(), (2,));
    assert_eq!(payload.json(), "[2.0]");
}

#[test]
fn arguments_one_by_one_share_one_bound() {
    let objects = iter::repeat_n(r#"{"":0}"#, 2_000)
        .collect::<Vec<_>>()
        .join(",");
    let payload = event(format!("[\"e\",{objects}]"), vec![]);
    let mut args = payload.raw_args();
    let read: Vec<_> = iter::from_fn(|| args.read::<Value>()).collect();
    assert_eq!(read.len(), 2_000);
    assert!(read[0].is_ok() && read[1_999].as_ref().unwrap_err().is_over_limit());
}

#[test]
fn a_larger_limit_reads_more_and_a_smaller_one_less() {
    let json = format!("[\"e\",[{}]]", vec![r#"{"":0}"#; 1_000].join(","));
    let with =
        |limit| Payload::from_json_within(PacketType::Event, json.clone(), vec![], limit).unwrap();
    assert!(with(64).to_value().is_err() && with(200).to_value().is_ok());
    assert!(with(1).args::<(Vec<Value>,)>().is_err());
    assert!(with(1).args::<(Vec<serde::de::IgnoredAny>,)>().is_ok());
}
