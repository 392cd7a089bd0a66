use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::*;
use crate::parser::Parser;
use crate::{DecodeError, PacketRef};

fn event(json: &'static str) -> Payload {
    Payload::from_json(PacketType::Event, json, vec![]).unwrap()
}

fn binary_event(json: &'static str, attachments: &[&'static [u8]]) -> Payload {
    let attachments = attachments
        .iter()
        .map(|data| Bytes::from_static(data))
        .collect();
    Payload::from_json(PacketType::Event, json, attachments).unwrap()
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Shape {
    Unit,
    Newtype(Bytes),
    Tuple(u8, Bytes),
    Struct { data: Bytes },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Wrapper(Bytes);

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Everything {
    unit: (),
    flag: bool,
    small: i8,
    big: u64,
    huge: i128,
    float: f64,
    letter: char,
    text: String,
    data: Bytes,
    none: Option<Bytes>,
    some: Option<Bytes>,
    list: Vec<Bytes>,
    map: BTreeMap<String, Bytes>,
    by_number: BTreeMap<i32, Bytes>,
    shapes: Vec<Shape>,
    pair: (Bytes, Wrapper),
}

fn everything() -> Everything {
    let data = |byte: u8| Bytes::from(vec![byte; 3]);
    Everything {
        unit: (),
        flag: true,
        small: -7,
        big: u64::MAX,
        huge: i128::MIN,
        float: 5e-324,
        letter: '😀',
        text: "a\"\\\u{1}\u{2028}é".into(),
        data: data(0),
        none: None,
        some: Some(data(1)),
        list: vec![data(2), Bytes::new()],
        map: BTreeMap::from([("k\n".into(), data(3))]),
        by_number: BTreeMap::from([(-1, data(4))]),
        shapes: vec![
            Shape::Unit,
            Shape::Newtype(data(5)),
            Shape::Tuple(9, data(6)),
            Shape::Struct { data: data(7) },
        ],
        pair: (data(8), Wrapper(data(9))),
    }
}

#[test]
fn bytes_travel_at_any_depth_of_any_type() {
    let payload = Payload::event("e").arg(&everything()).build().unwrap();
    assert_eq!(payload.attachments().len(), 11);
    assert_eq!(payload.args::<(Everything,)>().unwrap().0, everything());
    assert_eq!(
        payload.into_args::<(Everything,)>().unwrap().0,
        everything()
    );
}

#[test]
fn placeholders_stand_in_the_official_form_in_the_order_of_the_values() {
    let payload = Payload::event("e")
        .arg(&json!({ "a": 1 }))
        .arg(&(Bytes::from_static(b"x"), [Bytes::from_static(b"y")]))
        .binary(Bytes::from_static(b"z"))
        .build()
        .unwrap();
    assert_eq!(
        payload.json(),
        r#"["e",{"a":1},[{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]],{"_placeholder":true,"num":2}]"#
    );
    assert_eq!(payload.attachments(), ["x", "y", "z"]);
}

#[test]
fn values_read_as_serde_json_reads_them() {
    let json = r#"{"unit":null,"n":[0,-0,1.5,-7,1e3,18446744073709551615,-9223372036854775808,18446744073709551616],
        "s":"\u00e9\ud83d\ude00","o":{"a":{},"b":[]},"t":true}"#;
    let payload = Payload::from_json(PacketType::Connect, json, vec![]).unwrap();
    let expected: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(payload.to_value().unwrap(), expected);
    assert_eq!(payload.data::<serde_json::Value>().unwrap(), expected);
}

#[test]
fn names_are_strings_without_escapes_or_numbers_as_written() {
    for (json, name) in [
        (r#"["a"]"#, "a"),
        (r#"[ "a b€" , 1]"#, "a b€"),
        (r#"[""]"#, ""),
        (r#"["a\n\u00e9"]"#, "a\né"),
        (r#"["\ud800"]"#, "\u{fffd}"),
        ("[1,2]", "1"),
        ("[-1.5e3]", "-1.5e3"),
    ] {
        assert_eq!(event(json).name(), Some(name), "{json}");
    }
    let ack = Payload::from_json(PacketType::Ack, r#"["a"]"#, vec![]).unwrap();
    assert_eq!(ack.name(), None);
    assert_eq!(ack.args::<(&str,)>().unwrap(), ("a",));
}

#[test]
fn a_built_name_is_the_name_given() {
    for name in ["", "a", "é€😀", "a\"b", "\\", "\n\u{0}\u{1f}\u{7f}"] {
        let payload = Payload::event(name).arg(&1).build().unwrap();
        assert_eq!(payload.name(), Some(name));
        let again =
            Payload::from_json(PacketType::Event, payload.json().to_string(), vec![]).unwrap();
        assert_eq!((again.name(), again == payload), (Some(name), true));
    }
}

#[test]
fn args_read_as_tuple_list_array_struct_or_nothing() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Move {
        x: i32,
        y: i32,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct List(Vec<i32>);
    let payload = event(r#"["move",1,2]"#);
    assert_eq!(payload.args::<(i32, i32)>().unwrap(), (1, 2));
    assert_eq!(payload.args::<Vec<i32>>().unwrap(), [1, 2]);
    assert_eq!(payload.args::<[i32; 2]>().unwrap(), [1, 2]);
    assert_eq!(payload.args::<Move>().unwrap(), Move { x: 1, y: 2 });
    assert_eq!(payload.args::<List>().unwrap(), List(vec![1, 2]));
    assert_eq!(payload.args::<serde_json::Value>().unwrap(), json!([1, 2]));
    payload.args::<()>().unwrap();
    assert_eq!(payload.data::<(&str, i32, i32)>().unwrap(), ("move", 1, 2));
    assert_eq!(payload.raw_args().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(event(r#"["move"]"#).raw_args().count(), 0);
}

#[test]
fn surplus_args_are_ignored_and_missing_ones_are_absent() {
    let payload = event(r#"["e",1]"#);
    payload.args::<()>().unwrap();
    assert_eq!(payload.args::<(i32, Option<i32>)>().unwrap(), (1, None));
    assert_eq!(
        payload.args::<(i32, i32)>().unwrap_err().to_string(),
        r#"event "e", argument 1: missing"#
    );
    assert_eq!(event(r#"["e",1,2,[3]]"#).args::<(i32,)>().unwrap(), (1,));
    assert!(event(r#"["e"]"#).args::<Vec<i32>>().unwrap().is_empty());
}

#[test]
fn what_has_no_args_says_so() {
    let payload = Payload::object(&json!({ "token": 1 })).unwrap();
    assert_eq!(
        payload.args::<Vec<i32>>().unwrap_err().to_string(),
        "the payload is no list of arguments"
    );
    assert_eq!(payload.raw_args().count(), 0);
}

#[test]
fn a_wrong_type_is_told() {
    let payload = event(r#"["e","x",[1,2],{"A":1,"B":2}]"#);
    for error in [
        payload.args::<(u32,)>().unwrap_err(),
        payload.args::<String>().unwrap_err(),
        payload.args::<(String, (u8,))>().unwrap_err(),
        payload.args::<(String, [u8; 2], Shape)>().unwrap_err(),
    ] {
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(
        payload.args::<(u32,)>().unwrap_err().to_string(),
        r#"event "e", argument 0: invalid type: string, expected u32"#
    );
}

#[test]
fn borrowed_bytes_are_the_attachment_itself() {
    let payload = binary_event(r#"["e",[{"_placeholder":true,"num":1}]]"#, &[b"a", b"b"]);
    let (list,): (Vec<&[u8]>,) = payload.args().unwrap();
    assert_eq!(list[0].as_ptr(), payload.attachments()[1].as_ptr());
}

#[test]
fn bytes_taken_by_value_keep_their_buffer() {
    let data = vec![7; 100];
    let pointer = data.as_ptr();
    let payload = Payload::event("e").binary(data).build().unwrap();
    let (data,): (Bytes,) = payload.into_args().unwrap();
    assert_eq!((data.as_ptr(), data.len()), (pointer, 100));
}

#[test]
fn an_attachment_taken_twice_is_there_twice() {
    let json = r#"["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#;
    let payload = binary_event(json, &[b"ab"]);
    let kept = payload.clone();
    let pair = payload.into_args::<(Bytes, Vec<u8>)>();
    assert_eq!(
        pair.unwrap_err().to_string(),
        r#"event "e", argument 1: invalid type: map, expected a sequence"#
    );
    assert_eq!(kept.payload_len(), json.len() + 2 * 2);
    let pair: (Bytes, Bytes) = kept.clone().into_args().unwrap();
    assert_eq!(pair, ("ab".into(), "ab".into()));
    assert_eq!(kept.into_data::<(Ignored, Bytes, Bytes)>().unwrap().2, "ab");
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only its place counts")]
struct Ignored(String);

#[test]
fn an_attachment_is_bytes_also_from_a_list_of_numbers_or_a_string() {
    let payload = event(r#"["e",[1,2],"ab"]"#);
    let (list, text): (Bytes, Bytes) = payload.args().unwrap();
    assert_eq!((&list[..], &text[..]), (&[1, 2][..], &b"ab"[..]));
}

#[test]
fn in_a_payload_without_attachments_a_placeholder_is_data() {
    let payload = event(r#"["e",{"_placeholder":true,"num":0}]"#);
    assert!(payload.args::<(Bytes,)>().is_err());
    let (place,): (Placeholder,) = payload.args().unwrap();
    assert_eq!(payload.attachment(place), None);
    assert_eq!(
        payload.to_value().unwrap(),
        json!(["e", { "_placeholder": true, "num": 0 }])
    );
}

#[test]
fn dynamic_values_keep_placeholders_and_resolve_them() {
    let payload = binary_event(r#"["e",{"a":[{"_placeholder":true,"num":0}]}]"#, &[b"x"]);
    let value = payload.to_value().unwrap();
    let place = Placeholder::from_value(&value[1]["a"][0]).unwrap();
    assert_eq!(payload.attachment(place).unwrap(), "x");
}

#[test]
fn raw_values_pass_both_ways() {
    let raw = RawValue::from_string(r#"{"a": [1]}"#.into()).unwrap();
    let payload = Payload::event("e").arg(&raw).build().unwrap();
    assert_eq!(payload.json(), r#"["e",{"a": [1]}]"#);
    let (boxed,): (Box<RawValue>,) = payload.args().unwrap();
    let (borrowed,): (&RawValue,) = payload.args().unwrap();
    assert_eq!((boxed.get(), borrowed.get()), (raw.get(), raw.get()));
}

#[test]
fn numbers_beyond_a_float_are_infinite_and_null_as_values() {
    let payload = event(r#"["e",1e999,-1e999]"#);
    assert_eq!(
        payload.args::<(f64, f64)>().unwrap(),
        (f64::INFINITY, f64::NEG_INFINITY)
    );
    assert_eq!(payload.to_value().unwrap(), json!(["e", null, null]));
}

#[test]
fn what_is_not_finite_is_written_as_null() {
    let payload = Payload::ack()
        .arg(&[f64::NAN, f64::INFINITY, 1.5])
        .build()
        .unwrap();
    assert_eq!(payload.json(), "[[null,null,1.5]]");
}

#[test]
fn reserved_names_cannot_be_built_nor_received() {
    let error = Payload::event("disconnecting").build().unwrap_err();
    assert_eq!(error, EncodeError::ReservedEvent("disconnecting".into()));
    assert_eq!(
        Payload::from_json(PacketType::Event, r#"["conn\u0065ct"]"#, vec![]),
        Err(DecodeError::InvalidPayload)
    );
    let ack = Payload::ack().arg("connect").build().unwrap();
    assert_eq!(ack.json(), r#"["connect"]"#);
}

#[test]
fn a_lookalike_is_data_alone_and_refused_beside_an_attachment() {
    let lookalike = json!({ "_placeholder": true, "num": 0 });
    let plain = Payload::event("e").arg(&lookalike).build().unwrap();
    assert_eq!(plain.json(), r#"["e",{"_placeholder":true,"num":0}]"#);
    let builder = || Payload::event("e").binary(vec![1]);
    assert_eq!(
        builder().arg(&lookalike).build(),
        Err(EncodeError::Placeholder)
    );
    assert_eq!(
        builder().args_of(&plain).build(),
        Err(EncodeError::Placeholder)
    );
    let hiding = json!({ "_placeholder": true, "num": 0, "x": null });
    assert_eq!(
        Payload::event("e").arg(&(hiding, Bytes::new())).build(),
        Err(EncodeError::Placeholder)
    );
}

#[test]
fn a_placeholder_of_another_payload_is_refused() {
    let mut other = Payload::ack();
    other.attach(vec![1]);
    let place = other.attach(vec![2]);
    assert_eq!(
        Payload::event("b").binary(vec![3]).arg(&place).build(),
        Err(EncodeError::Placeholder)
    );
}

#[test]
fn args_of_another_payload_are_renumbered_behind_attachments() {
    let source = binary_event(
        r#"["e",{"_placeholder":true,"num":1},"x",{"a": {"num":0,"_placeholder":true}} ]"#,
        &[b"0", b"1"],
    );
    let payload = Payload::ack()
        .binary(vec![b'm'])
        .args_of(&source)
        .arg(&true)
        .build()
        .unwrap();
    assert_eq!(
        payload.json(),
        r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":2},"x",{"a": {"_placeholder":true,"num":1}} ,true]"#
    );
    assert_eq!(payload.attachments(), ["m", "0", "1"]);
    let empty = Payload::event("n")
        .args_of(&event(r#"["e"]"#))
        .build()
        .unwrap();
    assert_eq!(empty.json(), r#"["n"]"#);
}

#[test]
fn arguments_from_a_number_on_bring_the_attachments_that_they_name() {
    let source = binary_event(
        r#"["e",{"_placeholder":true,"num":1}, 1.50 ,{"_placeholder":true,"num":2},[{"_placeholder":true,"num":0},{"_placeholder":true,"num":2}]]"#,
        &[b"0", b"1", b"2"],
    );
    let from = |first| {
        let payload = Payload::event("n").args_from(&source, first).build();
        let payload = payload.unwrap();
        (payload.json().to_string(), payload.attachments().to_vec())
    };
    let (json, attachments) = from(1);
    assert_eq!(
        json,
        r#"["n",1.50 ,{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]]"#
    );
    assert_eq!(attachments, ["2", "0"]);
    for first in [4, 5, usize::MAX] {
        assert_eq!(from(first), (r#"["n"]"#.to_string(), vec![]));
    }
}

#[test]
fn objects_and_strings_make_the_other_payloads() {
    let refusal = Payload::object("no").unwrap();
    assert!(refusal.suits(PacketType::ConnectError) && !refusal.suits(PacketType::Connect));
    let auth = Payload::object(&json!({})).unwrap();
    assert!(auth.suits(PacketType::ConnectError) && auth.suits(PacketType::Connect));
    for value in [json!(null), json!(1), json!([]), json!(true)] {
        assert_eq!(Payload::object(&value), Err(EncodeError::PayloadKind));
    }
    assert!(matches!(
        Payload::object(&BTreeMap::from([("a", Bytes::new())])),
        Err(EncodeError::Serialize(_))
    ));
}

#[test]
fn a_refusal_has_a_message_and_maybe_data() {
    let data = Payload::object(&json!({ "code": 1 })).unwrap();
    assert_eq!(
        Payload::connect_error("a\"b", Some(&data)).unwrap().json(),
        r#"{"message":"a\"b","data":{"code":1}}"#
    );
    assert_eq!(
        Payload::connect_error("Invalid namespace", None)
            .unwrap()
            .json(),
        r#"{"message":"Invalid namespace"}"#
    );
}

#[test]
fn values_that_json_cannot_hold_are_refused() {
    let error = Payload::event("e")
        .arg(&BTreeMap::from([((1, 2), 3)]))
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "value cannot be serialised: key must be a string"
    );
}

#[test]
fn what_is_nested_too_deep_is_not_built() {
    let nested = |levels| (0..levels).fold(json!(1), |value, _| json!([value]));
    assert!(Payload::ack().arg(&nested(255)).build().is_ok());
    assert_eq!(
        Payload::ack().arg(&nested(256)).build(),
        Err(EncodeError::TooDeep { limit: 256 })
    );
}

#[test]
fn the_deepest_payload_allowed_is_read_whole() {
    let json = alloc::format!(r#"["e",{}{}]"#, "[".repeat(255), "]".repeat(255));
    let payload = Payload::from_json(PacketType::Event, json, vec![]).unwrap();
    assert_eq!(payload.to_value().unwrap()[0], "e");
}

#[test]
fn attachments_must_be_there_for_the_placeholders() {
    let json = r#"["e",{"_placeholder":true,"num":1}]"#;
    let data = || vec![Bytes::new()];
    assert_eq!(
        Payload::from_json(PacketType::Event, json, data()),
        Err(DecodeError::Placeholder)
    );
    let auth = Payload::from_json(PacketType::Connect, "{}", data()).unwrap();
    let packet = PacketRef::new(PacketType::Connect, "/").with_payload(&auth);
    let refused = Parser::Json.encode(packet, 10).unwrap_err();
    assert_eq!(refused, EncodeError::PayloadKind, "but by MessagePack");
}

/// An event with as many places for its attachment.
fn repeated(places: usize, attachment: usize, limit: u16) -> Result<Payload, DecodeError> {
    let place = r#"{"_placeholder":true,"num":0}"#;
    let json = alloc::format!(r#"["e",{}]"#, vec![place; places].join(","));
    let data = vec![Bytes::from(vec![7; attachment])];
    Payload::from_json_within(PacketType::Event, json, data, limit)
}

#[test]
fn repeats_of_attachments_are_allowed_up_to_the_limit() {
    for limit in [1, 64, 1000] {
        let json = repeated(5, 0, limit).unwrap().json().len();
        let most = usize::from(limit) * (json + 64) / 4;
        let payload = repeated(5, most, limit).unwrap();
        assert_eq!(payload.max_expansion(), limit);
        assert_eq!(payload.payload_len(), json + 5 * most);
        assert_eq!(payload.repeated_len(), 4 * most);
        let refused = repeated(5, most + 1, limit).unwrap_err();
        assert_eq!(refused, DecodeError::Expansion { limit });
    }
    // The first place of each counts nothing.
    let one = repeated(1, 1_000_000, 0).unwrap();
    assert_eq!(
        (one.repeated_len(), one.args::<(&[u8],)>().unwrap().0.len()),
        (0, 1_000_000)
    );
}

#[test]
fn an_attachment_without_a_place_counts_once() {
    let payload = binary_event(r#"["e"]"#, &[b"abc", b"de"]);
    assert_eq!((payload.payload_len(), payload.repeated_len()), (5 + 5, 0));
    assert_eq!(event(r#"["e"]"#).payload_len(), 5);
}

#[test]
fn arguments_of_a_payload_carry_its_limit_along() {
    let received = repeated(5, 20_000, 400).unwrap();
    let answer = Payload::ack().args_of(&received).build().unwrap();
    assert_eq!(answer.max_expansion(), 400);
    let small = repeated(1, 1, 1).unwrap();
    let answer = Payload::ack().args_of(&small).build().unwrap();
    assert_eq!(answer.max_expansion(), 64);
    let owed = received.with_last("offset");
    assert_eq!(
        (owed.max_expansion(), owed.repeated_len()),
        (400, received.repeated_len())
    );
}

#[test]
fn arguments_are_read_one_by_one_with_their_attachments() {
    let payload = binary_event(r#"["e","x",{"_placeholder":true,"num":0},3]"#, &[b"ab"]);
    let mut args = payload.raw_args();
    assert_eq!(args.read::<&str>(), Some(Ok("x")));
    assert_eq!(args.read::<&[u8]>(), Some(Ok(&b"ab"[..])));
    assert!(args.clone().read::<bool>().unwrap().is_err());
    assert_eq!(args.next(), Some("3"));
    assert_eq!(args.read::<u8>(), None);
    assert!(
        Payload::object("x")
            .unwrap()
            .raw_args()
            .read::<u8>()
            .is_none()
    );
}

#[test]
fn an_error_says_whether_a_value_is_too_large() {
    let json = alloc::format!(r#"["e",[{}]]"#, vec!["{}"; 500].join(","));
    let payload = Payload::from_json_within(PacketType::Event, json, vec![], 2).unwrap();
    let error = payload.args::<(serde_json::Value,)>().unwrap_err();
    assert!(error.is_over_limit());
    assert_eq!(
        error.to_string(),
        r#"event "e", argument 0: reading takes more than 2 bytes for each byte of JSON"#
    );
    assert!(!payload.args::<(u8,)>().unwrap_err().is_over_limit());
}

/// Some types are texts in formats for people, and bytes in others. JSON is for people.
#[test]
fn types_with_two_forms_are_written_and_read_as_text() {
    use core::net::Ipv4Addr;
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Host {
        address: Ipv4Addr,
        others: Vec<Ipv4Addr>,
    }
    let (address, other) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::LOCALHOST);
    let host = Host {
        address,
        others: vec![other],
    };
    let payload = Payload::event("e").arg(&address).arg(&host);
    let payload = payload.build().unwrap();
    assert_eq!(
        payload.json(),
        r#"["e","10.0.0.1",{"address":"10.0.0.1","others":["127.0.0.1"]}]"#
    );
    assert_eq!(payload.args().ok(), Some((address, host)));
}

/// Many may wait for an application.
#[test]
fn a_payload_takes_twelve_words() {
    assert_eq!(size_of::<Payload>(), 96);
}

#[test]
fn the_first_argument_that_cannot_be_written_is_the_error_of_the_payload() {
    let (refused, other) = (BTreeMap::from([((1, 2), 3)]), BTreeMap::from([([1], 2)]));
    for parser in [Parser::Json, Parser::MsgPack] {
        let alone = parser.event("e").arg(&refused).build().unwrap_err();
        assert!(matches!(alone, EncodeError::Serialize(_)));
        let begun = parser.event("e").arg("a").arg(&refused).arg(&other);
        let whole = begun.binary(vec![1]).args_of(&Payload::no_args()).arg(&1);
        assert_eq!(whole.build().unwrap_err(), alone);
        assert_eq!(
            parser.event("connect").arg(&refused).build().unwrap_err(),
            alone
        );
    }
}
