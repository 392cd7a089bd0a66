//! Payloads with the attachments in their places.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use crate::model::{decode_base64, ensure};

/// A JSON value with bytes in it; numbers are 64-bit floats, and objects have no order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Null,
    Undefined,
    Bool(bool),
    Number(f64),
    /// Milliseconds since 1970.
    Date(i64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Tree>),
    Object(BTreeMap<String, Tree>),
}

/// A payload as vectors write it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Data {
    json: String,
    #[serde(default)]
    binary: Vec<BinaryAt>,
    #[serde(default)]
    special: Vec<SpecialAt>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BinaryAt {
    path: Vec<Step>,
    b64: String,
    #[serde(default, rename = "as")]
    _as: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecialAt {
    path: Vec<Step>,
    kind: String,
    value: Option<String>,
    ms: Option<i64>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Step {
    Index(usize),
    Key(String),
}

impl Data {
    pub(crate) fn tree(&self) -> Result<Tree, String> {
        let mut tree = Tree::parse(&self.json)?;
        for binary in &self.binary {
            *tree.at(&binary.path)? = Tree::Bytes(decode_base64(&binary.b64)?);
        }
        for special in &self.special {
            let SpecialAt {
                kind, value, ms, ..
            } = special;
            *tree.at(&special.path)? = match (kind.as_str(), value.as_deref(), *ms) {
                ("undefined", None, None) => Tree::Undefined,
                ("number", Some("Infinity"), None) => Tree::Number(f64::INFINITY),
                ("number", Some("-Infinity"), None) => Tree::Number(f64::NEG_INFINITY),
                ("number", Some("NaN"), None) => Tree::Number(f64::NAN),
                ("date", None, Some(ms)) => Tree::Date(ms),
                (kind, value, _) => return Err(format!("unknown special {kind} {value:?}")),
            };
        }
        Ok(tree)
    }
}

impl Tree {
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str::<Value>(json)
            .map(Self::from)
            .map_err(|error| format!("{error} in {json}"))
    }

    /// Its form after `JSON.stringify`, bytes aside.
    pub(crate) fn as_json(&self) -> Self {
        match self {
            Self::Undefined => Self::Null,
            Self::Number(number) if !number.is_finite() => Self::Null,
            Self::Date(ms) => Self::Text(date(*ms)),
            Self::List(items) => Self::List(items.iter().map(Self::as_json).collect()),
            Self::Object(members) => {
                let defined = members
                    .iter()
                    .filter(|(_, value)| **value != Self::Undefined);
                let member = |(key, value): (&String, &Self)| (key.clone(), value.as_json());
                Self::Object(defined.map(member).collect())
            }
            other => other.clone(),
        }
    }

    /// Puts attachments in the place of placeholders, by the rules of the official decoder.
    pub(crate) fn resolve(self, attachments: &[Vec<u8>]) -> Result<Self, String> {
        if attachments.is_empty() {
            return Ok(self);
        }
        Ok(match self {
            Self::Object(members) if members.get("_placeholder") == Some(&Self::Bool(true)) => {
                let Some(Self::Number(num)) = members.get("num") else {
                    return Err("a placeholder without number".into());
                };
                let index = (0..attachments.len()).find(|&index| index as f64 == *num);
                let data = index.and_then(|index| attachments.get(index));
                Self::Bytes(data.ok_or("a placeholder out of range")?.clone())
            }
            Self::Object(members) => {
                let resolve = |(key, value): (String, Self)| Ok((key, value.resolve(attachments)?));
                Self::Object(
                    members
                        .into_iter()
                        .map(resolve)
                        .collect::<Result<_, String>>()?,
                )
            }
            Self::List(items) => {
                let resolve = |item: Self| item.resolve(attachments);
                Self::List(items.into_iter().map(resolve).collect::<Result<_, _>>()?)
            }
            scalar => scalar,
        })
    }

    /// The `null` at a path.
    fn at(&mut self, path: &[Step]) -> Result<&mut Self, String> {
        let mut place = self;
        for step in path {
            place = match (place, step) {
                (Self::List(items), Step::Index(index)) => items.get_mut(*index),
                (Self::Object(members), Step::Key(key)) => members.get_mut(key),
                _ => None,
            }
            .ok_or("a path that leads nowhere")?;
        }
        ensure(*place == Self::Null, || "a path to what is not null".into())?;
        Ok(place)
    }
}

impl From<Value> for Tree {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(members) => {
                let member = |(key, value)| (key, Self::from(value));
                Self::Object(members.into_iter().map(member).collect())
            }
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null | Self::Undefined => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 2f64.powi(53) => {
                serializer.serialize_i64(*number as i64)
            }
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Date(ms) => serializer.serialize_str(&date(*ms)),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(members) => serializer.collect_map(members),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asking for bytes is what makes an attachment of a placeholder; what is none comes as what it is.
        deserializer.deserialize_bytes(TreeVisitor)
    }
}

/// `Date.prototype.toISOString`, for every date that there is.
pub(crate) fn date(ms: i64) -> String {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = |year: i64| 365 + i64::from(leap(year));
    let (mut days, time) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let mut year = 1970;
    while days < 0 {
        year -= 1;
        days += length(year);
    }
    while days >= length(year) {
        days -= length(year);
        year += 1;
    }
    let february = 28 + i64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hours, minutes) = (time / 3_600_000, time / 60_000 % 60);
    let (seconds, millis) = (time / 1000 % 60, time % 1000);
    let day = days + 1;
    let year = match year {
        0..=9_999 => format!("{year:04}"),
        _ => format!("{year:+07}"),
    };
    format!("{year}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.into()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Tree, E> {
        Ok(Tree::Bytes(value.into()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((key, value)) = map.next_entry()? {
            members.insert(key, value);
        }
        Ok(Tree::Object(members))
    }
}
