//! Dynamic values.

use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Deserialize;
use serde_json::{Map, Value};

use super::{Reader, malformed};
use crate::ReadError;
use crate::payload::budget::{self, Growth};
use crate::payload::source::{Kind, Source};

impl<'de, S: Source<'de>> Reader<'de, S> {
    /// Reads the value that is next. Placeholders are objects, and every key is a key, also those by which
    /// `serde_json::Value` knows values of its own. Recursion as deep as the JSON is nested.
    pub(crate) fn tree(&mut self) -> Result<Value, ReadError> {
        Ok(match self.source.kind().ok_or_else(malformed)? {
            Kind::Object => Value::Object(self.object()?),
            Kind::Array => Value::Array(self.array()?),
            // No other value has keys.
            Kind::Text | Kind::Number | Kind::Bool | Kind::Null => Value::deserialize(self)?,
        })
    }

    fn array(&mut self) -> Result<Vec<Value>, ReadError> {
        let mut growth = Growth::new(budget::Kind::List);
        let mut items = Vec::new();
        let mut left = self.source.open_array().ok_or_else(malformed)?;
        while self.source.next(&mut left, Kind::Array) {
            growth.add(size_of::<Value>(), &mut self.budget)?;
            let item = self.tree()?;
            growth.put(&self.budget)?;
            items.push(item);
        }
        self.source.close(left, Kind::Array);
        Ok(items)
    }

    fn object(&mut self) -> Result<Map<String, Value>, ReadError> {
        let mut growth = Growth::new(budget::Kind::Map);
        let mut members = Map::new();
        let mut left = self.source.open_object().ok_or_else(malformed)?;
        while self.source.next(&mut left, Kind::Object) {
            let key = self.key()?;
            growth.add(size_of::<(String, Value)>(), &mut self.budget)?;
            let value = self.tree()?;
            growth.put(&self.budget)?;
            members.insert(key.into_owned(), value);
        }
        self.source.close(left, Kind::Object);
        Ok(members)
    }
}
