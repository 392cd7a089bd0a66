//! Queries of addresses and requests.

use alloc::string::String;
use alloc::vec::Vec;

use crate::uri::decode_component;

/// Parameters in the order in which they were first set.
#[derive(Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parameters(&self) -> &[(String, String)] {
        &self.0
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((name.into(), value.into())),
        }
    }
}

impl From<Vec<(String, String)>> for Query {
    fn from(parameters: Vec<(String, String)>) -> Self {
        Self(parameters)
    }
}

/// Reads a query; of a repeated parameter the last value counts.
///
/// Source: `engine.io-client/lib/contrib/parseqs.ts`. What is no percent-encoding stays as it is.
pub(super) fn parse_query(text: &str) -> Vec<(String, String)> {
    let mut query = Query::default();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        query.set(&decode_component(name), &decode_component(value));
    }
    query.0
}
