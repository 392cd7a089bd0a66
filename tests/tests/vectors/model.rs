//! The format of the vectors; fields that are not known fail.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) id: String,
    pub(crate) op: Op,
    pub(crate) kind: String,
    #[serde(rename = "malformed")]
    _malformed: bool,
    pub(crate) input: Value,
    pub(crate) expect: Value,
    pub(crate) strict: Strict,
    #[serde(default)]
    pub(crate) alt: Vec<Alt>,
    pub(crate) alt_expect: Option<Value>,
    #[serde(default)]
    pub(crate) unreachable: bool,
    #[serde(default)]
    pub(crate) result_unreachable: bool,
    #[serde(rename = "note")]
    _note: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Op {
    Encode,
    Decode,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Strict {
    Exact,
    Either,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Alt {
    Accept,
    Reject,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Accept,
    Reject,
    Incomplete,
    Nothing,
    Untyped,
}

impl Vector {
    pub(crate) fn may(&self, alt: &Alt) -> bool {
        self.strict == Strict::Either && self.alt.contains(alt)
    }

    /// Checks what the fields promise of each other.
    pub(crate) fn check(&self) -> Result<(), String> {
        ensure(
            (self.strict == Strict::Either) != self.alt.is_empty(),
            || "`alt` goes with `either`".into(),
        )?;
        ensure(
            self.alt_expect.is_none() || self.alt.contains(&Alt::Accept),
            || "`alt_expect` goes with `accept`".into(),
        )
    }
}

/// Text, or bytes.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub(crate) enum Data {
    Text(String),
    Bytes(Base64),
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Base64 {
    b64: String,
}

impl Base64 {
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, String> {
        decode_base64(&self.b64)
    }
}

pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| error.to_string())
}

pub(crate) fn read<T: for<'de> Deserialize<'de>>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| format!("the vector is not understood: {error}"))
}

pub(crate) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}
