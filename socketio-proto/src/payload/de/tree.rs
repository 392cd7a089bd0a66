//! Dynamic values.

use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Deserialize;
use serde_json::{Map, Value};

use super::{Reader, malformed};
use crate::ReadError;
use crate::payload::budget::{Growth, Kind};

impl Reader<'_> {
    /// Reads the value that is next. Placeholders are objects, and every key is a key, also those by which
    /// `serde_json::Value` knows values of its own. Recursion as deep as the JSON is nested.
    pub(crate) fn tree(&mut self) -> Result<Value, ReadError> {
        Ok(match self.cursor.peek().ok_or_else(malformed)? {
            b'{' => Value::Object(self.object()?),
            b'[' => Value::Array(self.array()?),
            // No other value has keys.
            _ => Value::deserialize(self)?,
        })
    }

    fn array(&mut self) -> Result<Vec<Value>, ReadError> {
        let mut growth = Growth::new(Kind::List);
        let mut items = Vec::new();
        self.cursor.eat(b'[');
        while !self.cursor.eat(b']') {
            growth.add(size_of::<Value>(), &mut self.budget)?;
            let item = self.tree()?;
            growth.put(&self.budget)?;
            items.push(item);
            self.cursor.eat(b',');
        }
        Ok(items)
    }

    fn object(&mut self) -> Result<Map<String, Value>, ReadError> {
        let mut growth = Growth::new(Kind::Map);
        let mut members = Map::new();
        self.cursor.eat(b'{');
        while !self.cursor.eat(b'}') {
            let key = self.text()?;
            self.cursor.eat(b':');
            growth.add(size_of::<(String, Value)>(), &mut self.budget)?;
            let value = self.tree()?;
            growth.put(&self.budget)?;
            members.insert(key.into_owned(), value);
            self.cursor.eat(b',');
        }
        Ok(members)
    }
}
