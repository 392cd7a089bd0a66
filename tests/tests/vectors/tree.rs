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
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecialAt {
    path: Vec<Step>,
    kind: String,
    value: Option<String>,
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
            *tree.at(&special.path)? = match (special.kind.as_str(), special.value.as_deref()) {
                ("undefined", None) => Tree::Undefined,
                ("number", Some("Infinity")) => Tree::Number(f64::INFINITY),
                ("number", Some("-Infinity")) => Tree::Number(f64::NEG_INFINITY),
                (kind, value) => return Err(format!("unknown special {kind} {value:?}")),
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
