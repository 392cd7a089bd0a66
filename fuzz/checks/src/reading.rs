//! Checks of what reading a payload takes.

use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use socketio_proto::parser::Parser;
use socketio_proto::{PacketRef, PacketType, Payload, ReadError};

/// Reads a payload in every way. What comes of it takes no more than the limit allows, and all ways agree.
pub(crate) fn check(payload: &Payload) {
    let attachments: usize = payload.attachments().iter().map(Bytes::len).sum();
    let json = payload.json().len();
    let allowed = usize::from(payload.max_expansion()) * (json + 64) + attachments;
    assert!(payload.payload_len() >= json + attachments);
    assert!(payload.payload_len() <= json + allowed);

    let tree = payload.to_value();
    within(&tree, size, allowed);
    within(&payload.data::<Value>(), size, allowed);
    within(&payload.args::<Value>(), size, allowed);
    within(&payload.args::<Vec<Value>>(), sizes, allowed);
    within(&payload.clone().into_args::<Value>(), size, allowed);
    within(&payload.data::<Buffered>(), |read| size(&read.0), allowed);
    let mut args = payload.raw_args();
    let one_by_one: Result<Vec<Value>, _> = std::iter::from_fn(|| args.read()).collect();
    within(&one_by_one, sizes, allowed);
    // A tree fails for nothing but its size; another value may also fail for a key that serde_json keeps for itself.
    assert!(tree.as_ref().err().is_none_or(ReadError::is_over_limit));
    if let (Ok(tree), Ok(data)) = (&tree, &payload.data::<Value>()) {
        assert_eq!(tree, data);
    }

    for blobs in [
        payload.data::<Blobs>(),
        payload.clone().into_data::<Blobs>(),
    ] {
        within(&blobs, |blobs| blobs.bytes, allowed);
        if let Ok(blobs) = blobs
            && !payload.attachments().is_empty()
        {
            assert!(json + blobs.bytes.max(attachments) <= payload.payload_len());
        }
    }
    check_written(payload);
}

/// The payload as another parser writes it is not much longer than its counted length: a number of three characters may
/// become a float.
fn check_written(payload: &Payload) {
    let packet_type = match (payload.name(), payload.json().starts_with('[')) {
        (Some(_), _) => PacketType::Event,
        (None, true) => PacketType::Ack,
        (None, false) => return,
    };
    let packet = PacketRef::new(packet_type, "/").with_payload(payload);
    let written = Parser::MsgPack.encode(packet, 0).expect("short enough");
    assert!(written.payload_len() <= payload.payload_len() * 3 + 64);
}

fn within<T>(read: &Result<T, ReadError>, size: impl Fn(&T) -> usize, allowed: usize) {
    if let Ok(read) = read {
        assert!(size(read) <= allowed);
    }
}

/// The least that a tree takes: its places, nodes of maps, and texts.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => sizes(items),
        Value::Object(members) => {
            let nodes = members.len().div_ceil(11) * 11 * size_of::<(String, Value)>();
            let members = members.iter().map(|(key, value)| key.len() + size(value));
            nodes + members.sum::<usize>()
        }
    }
}

fn sizes(items: &Vec<Value>) -> usize {
    let inside: usize = items.iter().map(size).sum();
    size_of_val(&**items) + inside
}

/// A value that goes through serde's buffer.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Untagged {
    Any(Value),
}

struct Buffered(Value);

impl<'de> Deserialize<'de> for Buffered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Untagged::Any(value) = Untagged::deserialize(deserializer)?;
        Ok(Self(value))
    }
}

/// The bytes in the places of all attachments.
struct Blobs {
    bytes: usize,
    /// They are kept, so that they take what they would in an application.
    _all: Vec<Vec<u8>>,
}

impl<'de> Deserialize<'de> for Blobs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BlobsVisitor)
    }
}

struct BlobsVisitor;

impl BlobsVisitor {
    const NONE: Blobs = Blobs {
        bytes: 0,
        _all: Vec::new(),
    };
}

impl<'de> Visitor<'de> for BlobsVisitor {
    type Value = Blobs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bytes<E: Error>(self, data: &[u8]) -> Result<Blobs, E> {
        self.visit_byte_buf(data.to_vec())
    }

    fn visit_byte_buf<E>(self, data: Vec<u8>) -> Result<Blobs, E> {
        Ok(Blobs {
            bytes: data.len(),
            _all: vec![data],
        })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Blobs, E> {
        Ok(Self::NONE)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Blobs, E> {
        Ok(Self::NONE)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Blobs, E> {
        Ok(Self::NONE)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Blobs, E> {
        Ok(Self::NONE)
    }

    fn visit_str<E>(self, _: &str) -> Result<Blobs, E> {
        Ok(Self::NONE)
    }

    fn visit_unit<E>(self) -> Result<Blobs, E> {
        Ok(Self::NONE)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Blobs, A::Error> {
        let mut all = Self::NONE;
        while let Some(item) = items.next_element::<Blobs>()? {
            all.add(item);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Blobs, A::Error> {
        let mut all = Self::NONE;
        while let Some((_, item)) = members.next_entry::<String, Blobs>()? {
            all.add(item);
        }
        Ok(all)
    }
}

impl Blobs {
    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self._all.extend(other._all);
    }
}
