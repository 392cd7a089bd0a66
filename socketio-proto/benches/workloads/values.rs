//! The types that an application would read the arguments of the workloads into.

use serde::{Deserialize, Serialize};

/// The argument of W3: an object of some 200 bytes.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Update {
    active: bool,
    id: u64,
    name: String,
    score: f64,
    tags: Vec<String>,
    text: String,
    ts: u64,
}

/// An element of the argument of W4.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Row {
    active: bool,
    email: String,
    id: u64,
    name: String,
    note: Option<String>,
    price: f64,
    tags: Vec<String>,
}

/// What a client of W8 authenticates with.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Auth {
    token: String,
    user_id: u64,
}
