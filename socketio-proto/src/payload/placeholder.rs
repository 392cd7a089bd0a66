//! Placeholders, which stand in JSON for attachments.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use serde::de;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::budget::allowance;
use super::cursor::Cursor;

/// The place of an attachment in the JSON of a payload: `{"_placeholder":true,"num":0}`.
///
/// A value that holds placeholders instead of bytes shares the attachments with the payload they are in:
///
/// - reading, ask for a `Placeholder` where an attachment is expected and hand it to
///   [`Payload::attachment`](crate::Payload::attachment);
/// - writing, take one from [`PayloadBuilder::attach`](crate::PayloadBuilder::attach) and put it anywhere into a value;
/// - in a [`serde_json::Value`], [`from_value`](Self::from_value) tells which values are placeholders.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use socketio_proto::{Payload, Placeholder};
///
/// let picture = Bytes::from(vec![1, 2, 3]);
/// let mut builder = Payload::event("picture");
/// let place = builder.attach(picture.clone());
/// let payload = builder.arg(&serde_json::json!({ "title": "one", "data": place })).build()?;
///
/// #[derive(serde::Deserialize)]
/// struct Picture { title: String, data: Placeholder }
///
/// let (read,): (Picture,) = payload.args()?;
/// let shared = payload.attachment(read.data).expect("in range");
/// assert_eq!((read.title.as_str(), shared.as_ptr()), ("one", picture.as_ptr()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Placeholder {
    num: u32,
}

impl Placeholder {
    pub(crate) const fn new(num: u32) -> Self {
        Self { num }
    }

    /// The index of the attachment, counted from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.num as usize
    }

    /// The placeholder that `value` is, if it is one: an object whose `_placeholder` is `true` and whose `num` is a
    /// whole, non-negative number. Other members mean nothing.
    #[must_use]
    pub fn from_value(value: &serde_json::Value) -> Option<Self> {
        if value.get(FLAG)? != &serde_json::Value::Bool(true) {
            return None;
        }
        whole(value.get(NUM)?.as_f64()?).map(Self::new)
    }
}

impl Serialize for Placeholder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Placeholder", 2)?;
        object.serialize_field(FLAG, &true)?;
        object.serialize_field(NUM, &self.num)?;
        object.end()
    }
}

impl<'de> Deserialize<'de> for Placeholder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PlaceholderVisitor)
    }
}

struct PlaceholderVisitor;

impl<'de> de::Visitor<'de> for PlaceholderVisitor {
    type Value = Placeholder;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the placeholder of an attachment")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Placeholder, A::Error> {
        let (mut flag, mut num) = (false, None);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Flag => flag = map.next_value::<Scalar>()? == Scalar::True,
                Key::Num => {
                    num = match map.next_value::<Scalar>()? {
                        Scalar::Number(value) => whole(value),
                        Scalar::True | Scalar::Other => None,
                    };
                }
                Key::Other => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        match num {
            Some(num) if flag => Ok(Placeholder { num }),
            _ => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
        }
    }
}

enum Key {
    Flag,
    Num,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A key may be an owned string, so that it cannot be borrowed.
        Ok(match &*String::deserialize(deserializer)? {
            FLAG => Self::Flag,
            NUM => Self::Num,
            _ => Self::Other,
        })
    }
}

/// A value of an object that may be a placeholder.
#[derive(PartialEq)]
enum Scalar {
    True,
    Number(f64),
    Other,
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// Builds no tree of what is none.
struct ScalarVisitor;

impl<'de> de::Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(if value { Scalar::True } else { Scalar::Other })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_str<E>(self, _: &str) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<de::IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        let Some(key) = map.next_key::<Cow<'_, str>>()? else {
            return Ok(Scalar::Other);
        };
        // How `serde_json` hands out numbers of which it keeps the text.
        if key == "$serde_json::private::Number" {
            let number = map.next_value::<Cow<'_, str>>()?.parse();
            return Ok(number.map_or(Scalar::Other, Scalar::Number));
        }
        map.next_value::<de::IgnoredAny>()?;
        while map
            .next_entry::<de::IgnoredAny, de::IgnoredAny>()?
            .is_some()
        {}
        Ok(Scalar::Other)
    }
}

/// An object whose `_placeholder` is `true`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    /// Where the object starts, in bytes.
    pub(crate) start: usize,
    /// Where it ends, in bytes.
    pub(super) end: usize,
    /// The attachment it asks for, `None` if its `num` is no whole, non-negative number.
    pub(crate) num: Option<u32>,
}

/// Where the attachments of a payload are named.
#[derive(Debug)]
pub(super) struct Places {
    /// How often each of them is.
    pub(super) counts: Vec<usize>,
    /// The bytes that they take where they are named again.
    pub(super) repeated: usize,
}

/// Why placeholders and attachments do not go together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Misplaced {
    /// A placeholder names none of them.
    Unknown,
    /// Repeated attachments take more than reading may.
    Expansion,
}

impl Places {
    /// Finds the places of the attachments in validated JSON; `limit` as in [`allowance`].
    pub(super) fn find(json: &str, attachments: &[Bytes], limit: u16) -> Result<Self, Misplaced> {
        let mut counts = vec![0_usize; attachments.len()];
        let mut repeated = 0_usize;
        for found in find_all(json) {
            let index = found.num.and_then(|num| usize::try_from(num).ok());
            let index = index.ok_or(Misplaced::Unknown)?;
            let (Some(count), Some(data)) = (counts.get_mut(index), attachments.get(index)) else {
                return Err(Misplaced::Unknown);
            };
            if *count > 0 {
                repeated = repeated.saturating_add(data.len());
            }
            *count = count.saturating_add(1);
        }
        if repeated > allowance(limit, json.len()) {
            return Err(Misplaced::Expansion);
        }
        Ok(Self { counts, repeated })
    }
}

/// The placeholders in validated JSON, in the order of the text.
///
/// What is inside a placeholder's other members does not count, and of repeated keys the last counts, both as in the
/// official decoder. Linear time; recursion as deep as the JSON is nested.
pub(crate) fn find_all(json: &str) -> Vec<Found> {
    let mut found = Vec::new();
    // Where the marker stands in no spelling, there is no need to look closer.
    if json.contains(FLAG) || json.contains("\\u") {
        walk(&mut Cursor::new(json), &mut found);
    }
    found
}

/// The placeholders in values that are separated by commas.
pub(super) fn find_in_args(args: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut cursor = Cursor::new(args);
    while walk(&mut cursor, &mut found).is_some() {
        cursor.eat(b',');
    }
    found
}

fn walk(cursor: &mut Cursor<'_>, found: &mut Vec<Found>) -> Option<()> {
    match cursor.peek()? {
        b'[' => {
            cursor.eat(b'[');
            while !cursor.eat(b']') {
                walk(cursor, found)?;
                cursor.eat(b',');
            }
        }
        b'{' => {
            let start = cursor.pos();
            let before = found.len();
            let object = Members::read(cursor, |cursor| walk(cursor, found))?;
            if object.flag {
                found.truncate(before);
                found.push(Found {
                    start,
                    end: cursor.pos(),
                    num: object.num,
                });
            }
        }
        _ => {
            cursor.skip()?;
        }
    }
    Some(())
}

/// Passes the object that is next if it is a placeholder, and gives its `num`.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<u32> {
    let mut ahead = cursor.clone();
    let object = Members::read(&mut ahead, |cursor| cursor.skip().map(drop))?;
    let num = object.num.filter(|_| object.flag)?;
    *cursor = ahead;
    Some(num)
}

/// What the members of an object make of it.
struct Members {
    flag: bool,
    num: Option<u32>,
}

impl Members {
    /// Passes an object; `value` passes the value of each member.
    fn read<'de>(
        cursor: &mut Cursor<'de>,
        mut value: impl FnMut(&mut Cursor<'de>) -> Option<()>,
    ) -> Option<Self> {
        let mut members = Self {
            flag: false,
            num: None,
        };
        if !cursor.eat(b'{') {
            return None;
        }
        while !cursor.eat(b'}') {
            let key: Cow<'_, str> = cursor.string()?;
            cursor.eat(b':');
            match &*key {
                FLAG => {
                    let scalar = scalar(cursor);
                    members.flag = scalar == Some("true");
                }
                NUM => members.num = scalar(cursor).and_then(parse),
                _ => {}
            }
            value(cursor)?;
            cursor.eat(b',');
        }
        Some(members)
    }
}

/// The text of the value that is next unless it is a string, array or object. Does not move.
fn scalar<'de>(cursor: &mut Cursor<'de>) -> Option<&'de str> {
    match cursor.peek()? {
        b'[' | b'{' | b'"' => None,
        _ => cursor.clone().skip(),
    }
}

fn parse(token: &str) -> Option<u32> {
    token
        .parse()
        .ok()
        .or_else(|| token.parse().ok().and_then(whole))
}

/// `value` as an index; JavaScript does not tell 1 from 1.0, nor 0 from -0.
fn whole(value: f64) -> Option<u32> {
    let num = value as u32;
    (f64::from(num) == value).then_some(num)
}

/// The member that marks a placeholder.
pub(crate) const FLAG: &str = "_placeholder";
const NUM: &str = "num";

#[cfg(test)]
mod tests {
    use super::*;

    fn nums(json: &str) -> Vec<Option<u32>> {
        find_all(json).iter().map(|found| found.num).collect()
    }

    /// What is passed anyway is not passed twice at each level.
    #[test]
    fn only_numbers_and_the_like_are_read_ahead() {
        for (json, text) in [("1.5,", "1.5"), (" true}", "true"), ("null]", "null")] {
            let mut cursor = Cursor::new(json);
            assert_eq!(scalar(&mut cursor), Some(text));
            assert_eq!(cursor.skip(), Some(text), "it does not move");
        }
        for json in [r#""1""#, r#""true""#, "[1]", "{}"] {
            assert_eq!(scalar(&mut Cursor::new(json)), None, "{json}");
        }
    }

    #[test]
    fn placeholders_are_found_at_any_depth_and_in_any_spelling() {
        let json = r#"["a",{"_placeholder":true,"num":0},[{"k":{"num":1.0,"_placeholder":true}}],
            {"\u005fplaceholder":true,"num":-0},{"_placeholder": true , "x":[1], "num" : 2e0 }]"#;
        assert_eq!(nums(json), vec![Some(0), Some(1), Some(0), Some(2)]);
        let first = find_all(json)[0];
        assert_eq!(
            &json[first.start..first.end],
            r#"{"_placeholder":true,"num":0}"#
        );
        assert_eq!(
            nums(r#"[{"_place\u0068older":true,"num":3}]"#),
            vec![Some(3)]
        );
    }

    #[test]
    fn only_the_value_true_marks_a_placeholder() {
        let json = r#"[{"_placeholder":1,"num":0},{"_placeholder":"true","num":0},{"_placeholder":false,"num":0},
            {"_placeholder":[true],"num":0},{"num":0},"_placeholder",{"a":"_placeholder"}]"#;
        assert_eq!(nums(json), vec![]);
    }

    #[test]
    fn a_num_that_is_no_index_is_told() {
        for num in [
            "0.5",
            "-1",
            "\"0\"",
            "null",
            "true",
            "[0]",
            "{}",
            "1e999",
            "4294967296",
        ] {
            let json = alloc::format!(r#"[{{"_placeholder":true,"num":{num}}}]"#);
            assert_eq!(nums(&json), vec![None], "{num}");
        }
        assert_eq!(nums(r#"[{"_placeholder":true}]"#), vec![None]);
    }

    #[test]
    fn the_last_of_repeated_keys_counts() {
        assert_eq!(
            nums(
                r#"[{"_placeholder":true,"num":0,"_placeholder":1},{"_placeholder":true,"num":0,"num":"x"},{"num":"x","_placeholder":true,"num":5}]"#
            ),
            vec![None, Some(5)]
        );
    }

    #[test]
    fn other_members_of_a_placeholder_are_not_looked_into() {
        let json = r#"[{"a":{"_placeholder":true,"num":99},"_placeholder":true,"num":0}]"#;
        assert_eq!(nums(json), vec![Some(0)]);
    }

    #[test]
    fn a_value_is_a_placeholder_by_the_same_rules() {
        let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        for json in [
            r#"{"_placeholder":true,"num":3}"#,
            r#"{"num":3.0,"_placeholder":true,"more":[]}"#,
        ] {
            let value = value(json);
            assert_eq!(Placeholder::from_value(&value), Some(Placeholder::new(3)));
            assert_eq!(
                serde_json::from_value::<Placeholder>(value).unwrap(),
                Placeholder::new(3)
            );
        }
        for json in [
            r#"{"_placeholder":1,"num":3}"#,
            r#"{"_placeholder":true,"num":"3"}"#,
            r#"{"_placeholder":true}"#,
            r#"{"_placeholder":true,"num":-1}"#,
            "{}",
            "3",
        ] {
            let value = value(json);
            assert_eq!(Placeholder::from_value(&value), None);
            assert!(serde_json::from_value::<Placeholder>(value).is_err());
        }
    }
}
