//! JSON as text: rewritten piece by piece, so that numbers stay as they were written and members in their order.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// One level of a JSON text.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    /// The names, quoted as they came, and the values.
    Object(Vec<(&'a str, &'a str)>),
    Array(Vec<&'a str>),
    /// A string, number, boolean or null.
    Scalar(&'a str),
}

impl<'a> Node<'a> {
    /// Reads the outermost level of `json`. What is no JSON is a scalar.
    pub(crate) fn read(json: &'a str) -> Self {
        let json = json.trim_matches([' ', '\t', '\n', '\r']);
        let node = match json.as_bytes().first() {
            Some(b'{') => {
                let mut reader = serde_json::Deserializer::from_str(json);
                reader.deserialize_map(Members).map(Self::Object).ok()
            }
            Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(json)
                .ok()
                .map(|items| Self::Array(items.into_iter().map(RawValue::get).collect())),
            _ => None,
        };
        node.unwrap_or(Self::Scalar(json))
    }
}

/// The same JSON without white space between its parts.
pub(crate) fn compact(text: &str) -> String {
    let mut compact = String::new();
    rewrite(text, &mut |_| None, &mut compact);
    compact
}

/// Writes `json` without blanks between its parts. `replace` may put other JSON in the place of any value.
pub(crate) fn rewrite(
    json: &str,
    replace: &mut dyn FnMut(&str) -> Option<String>,
    out: &mut String,
) {
    if let Some(other) = replace(json) {
        return out.push_str(&other);
    }
    match Node::read(json) {
        Node::Scalar(text) => out.push_str(text),
        Node::Array(items) => {
            out.push('[');
            for (index, item) in items.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                rewrite(item, replace, out);
            }
            out.push(']');
        }
        Node::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(name);
                out.push(':');
                rewrite(value, replace, out);
            }
            out.push('}');
        }
    }
}

/// A text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Replaces what a terminal would obey or hide, control characters and marks of writing direction, by JSON escapes.
/// Lines stay lines if `lines`.
pub(crate) fn printable(text: &str, lines: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    for letter in text.chars() {
        let harmless = !letter.is_control() && !INVISIBLE.contains(&letter);
        if harmless || (lines && letter == '\n') {
            clean.push(letter);
        } else {
            clean.push_str(&format!("\\u{:04x}", u32::from(letter)));
        }
    }
    clean
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(&'de str, &'de str)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            members.push((name.get(), value.get()));
        }
        Ok(members)
    }
}

/// Line separators, and marks that reorder what is around them.
const INVISIBLE: [char; 14] = [
    '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}',
    '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}', '\u{feff}',
];

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(json: &str) -> String {
        let mut out = String::new();
        rewrite(json, &mut |_| None, &mut out);
        out
    }

    #[test]
    fn blanks_go_and_all_else_stays_as_it_was_written() {
        let json = " { \"b\" : [ 1.50 , 1e400,\n-0 ] ,\t\"a\":{ }, \"b\": \" \\ud800 \\n\" } ";
        assert_eq!(
            compact(json),
            r#"{"b":[1.50,1e400,-0],"a":{},"b":" \ud800 \n"}"#
        );
        for json in ["null", "[]", "{}", "\"\"", "12345678901234567890123"] {
            assert_eq!(compact(json), json);
        }
    }

    #[test]
    fn the_deepest_payload_is_rewritten() {
        let depth = usize::from(socketio_proto::parser::MAX_JSON_DEPTH);
        let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(compact(&json), json);
        let json = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert_eq!(compact(&json), json);
    }

    #[test]
    fn values_are_replaced_at_any_depth() {
        let mut out = String::new();
        let mut replace = |json: &str| (json == "\"x\"").then(|| "0".to_owned());
        rewrite(r#"["x",{"x":["x","y"]}]"#, &mut replace, &mut out);
        assert_eq!(out, r#"[0,{"x":[0,"y"]}]"#);
    }

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_obey() {
        assert_eq!(
            printable("a\u{1b}[2J\u{9b}b\u{202e}c\u{7f}", false),
            "a\\u001b[2J\\u009bb\\u202ec\\u007f"
        );
        assert_eq!(printable("a\nb\r", true), "a\nb\\u000d");
        assert_eq!(printable("a\nb", false), "a\\u000ab");
        assert_eq!(printable("héllo 😀", false), "héllo 😀");
    }
}
