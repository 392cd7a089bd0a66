//! The output, for a person or a script.

use std::fmt::Write;

use base64::prelude::{BASE64_STANDARD, Engine};
use socketio_proto::{Payload, Placeholder};

use crate::json::{self, Node};

/// A line for the outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Line {
    /// Something arrived: standard output.
    Arrived(String),
    /// Standard error.
    Note(String),
}

/// How things are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Style {
    /// One line of JSON for each thing.
    pub(crate) json: bool,
    /// Colours on standard output.
    pub(crate) color: bool,
    /// Colours on standard error.
    pub(crate) color_notes: bool,
}

/// A line of JSON in the making.
#[derive(Debug)]
pub(crate) struct Record(String);

impl Record {
    pub(crate) fn new(kind: &str) -> Self {
        Self(format!("{{\"type\":{}", json::quote(kind)))
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, &json::quote(value))
    }

    /// Adds a member whose value is JSON already.
    pub(crate) fn raw(mut self, name: &str, value: &str) -> Self {
        // Writing to a string cannot fail.
        let _ok = write!(self.0, ",{}:{value}", json::quote(name));
        self
    }

    /// Adds the arguments of an event or acknowledgement.
    pub(crate) fn args(self, payload: &Payload) -> Self {
        let mut args = String::from("[");
        for (index, arg) in payload.raw_args().enumerate() {
            if index > 0 {
                args.push(',');
            }
            json::rewrite(arg, &mut |value| base64_of(value, payload), &mut args);
        }
        args.push(']');
        self.raw("args", &args)
    }

    pub(crate) fn finish(mut self) -> Line {
        self.0.push('}');
        Line::Arrived(self.0)
    }
}

impl Style {
    /// An event: its name and arguments.
    pub(crate) fn event(self, name: &str, payload: &Payload) -> String {
        let mut line = paint(self.color, Color::Name, &word(name));
        self.append_args(payload, &mut line);
        line
    }

    /// An acknowledgement: the name of the event, and the arguments.
    pub(crate) fn ack(self, name: &str, payload: &Payload) -> String {
        let mut line = paint(self.color, Color::Name, &word(name));
        line.push_str(&paint(self.color, Color::Faint, " ->"));
        self.append_args(payload, &mut line);
        line
    }

    /// A remark on how things go.
    pub(crate) fn note(self, text: &str) -> Line {
        let text = format!("* {}", json::printable(text, false));
        Line::Note(paint(self.color_notes, Color::Faint, &text))
    }

    /// Something that went wrong, and what to do about it.
    pub(crate) fn error(self, text: &str) -> Line {
        let sio = paint(self.color_notes, Color::Error, "sio:");
        Line::Note(format!("{sio} {}", json::printable(text, false)))
    }

    fn append_args(self, payload: &Payload, line: &mut String) {
        for arg in payload.raw_args() {
            let mut compact = String::new();
            json::rewrite(arg, &mut |value| preview_of(value, payload), &mut compact);
            line.push(' ');
            if compact.len() > WIDE {
                self.append_indented(arg, payload, 0, line);
            } else {
                self.append_scalar(&compact, line);
            }
        }
    }

    /// Writes a long value over several lines.
    fn append_indented(self, value: &str, payload: &Payload, level: usize, line: &mut String) {
        let mut compact = String::new();
        json::rewrite(value, &mut |value| preview_of(value, payload), &mut compact);
        if compact.len() <= WIDE {
            return self.append_scalar(&compact, line);
        }
        let inner = "  ".repeat(level.saturating_add(1).min(MAX_INDENT));
        let outer = "  ".repeat(level.min(MAX_INDENT));
        match Node::read(value) {
            Node::Scalar(_) => self.append_scalar(&compact, line),
            Node::Array(items) => {
                line.push('[');
                for (index, item) in items.into_iter().enumerate() {
                    line.push_str(if index > 0 { ",\n" } else { "\n" });
                    line.push_str(&inner);
                    self.append_indented(item, payload, level.saturating_add(1), line);
                }
                line.push('\n');
                line.push_str(&outer);
                line.push(']');
            }
            Node::Object(members) => {
                line.push('{');
                for (index, (name, item)) in members.into_iter().enumerate() {
                    line.push_str(if index > 0 { ",\n" } else { "\n" });
                    line.push_str(&inner);
                    line.push_str(&json::printable(name, false));
                    line.push_str(": ");
                    self.append_indented(item, payload, level.saturating_add(1), line);
                }
                line.push('\n');
                line.push_str(&outer);
                line.push('}');
            }
        }
    }

    fn append_scalar(self, value: &str, line: &mut String) {
        let color = match value.as_bytes().first() {
            Some(b'"') => Color::Text,
            Some(b'<') => Color::Binary,
            _ => Color::Plain,
        };
        line.push_str(&paint(self.color, color, &json::printable(value, false)));
    }
}

/// Bytes in a few words: their number, and the first of them.
pub(crate) fn preview(data: &[u8]) -> String {
    let unit = if data.len() == 1 { "byte" } else { "bytes" };
    let mut text = format!("<{} {unit}", data.len());
    for (index, byte) in data.iter().take(PREVIEW).enumerate() {
        let _ok = write!(text, "{}{byte:02x}", if index > 0 { " " } else { ": " });
    }
    text.push_str(if data.len() > PREVIEW { " ...>" } else { ">" });
    text
}

/// A name as it is, or as a JSON string where it would be mistaken for something else.
pub(crate) fn word(name: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-.:/".contains(letter);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        json::printable(&json::quote(name), false)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Color {
    Plain,
    Name,
    Text,
    Binary,
    Faint,
    Error,
}

/// Gives a text its colour, on a terminal.
pub(crate) fn paint(on: bool, color: Color, text: &str) -> String {
    let code = match color {
        Color::Plain => return text.to_owned(),
        Color::Name => "1;36",
        Color::Text => "32",
        Color::Binary => "35",
        Color::Faint => "2",
        Color::Error => "1;31",
    };
    if on {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

fn base64_of(json: &str, payload: &Payload) -> Option<String> {
    attachment(json, payload)
        .map(|data| format!("{{\"_binary\":\"{}\"}}", BASE64_STANDARD.encode(data)))
}

fn preview_of(json: &str, payload: &Payload) -> Option<String> {
    attachment(json, payload).map(preview)
}

/// The JSON of a payload, with a few words on bytes where they stand.
pub(crate) fn with_previews(payload: &Payload) -> String {
    let mut text = String::new();
    json::rewrite(
        payload.json(),
        &mut |value| preview_of(value, payload),
        &mut text,
    );
    text
}

/// The attachment whose placeholder `json` is.
fn attachment<'a>(json: &str, payload: &'a Payload) -> Option<&'a [u8]> {
    if payload.attachments().is_empty()
        || !json.trim_start().starts_with('{')
        || !json.contains("_placeholder")
    {
        return None;
    }
    let place: Placeholder = serde_json::from_str(json).ok()?;
    payload.attachment(place).map(|data| &**data)
}

/// Longer values get several lines.
const WIDE: usize = 100;
/// Deeper levels are not indented further.
const MAX_INDENT: usize = 20;
/// The bytes that are shown of binary data.
const PREVIEW: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style {
        json: false,
        color: false,
        color_notes: false,
    };

    fn picture() -> Payload {
        let mut builder = Payload::event("picture");
        let place = builder.attach(vec![0xff, 0, 1]);
        let builder = builder.arg(&serde_json::json!({"title": "a b", "data": place}));
        builder.binary(vec![7; 9]).arg(&1.5).build().unwrap()
    }

    #[test]
    fn an_event_is_one_line_with_binary_in_short() {
        assert_eq!(
            PLAIN.event("picture", &picture()),
            r#"picture {"data":<3 bytes: ff 00 01>,"title":"a b"} <9 bytes: 07 07 07 07 07 07 07 07 ...> 1.5"#
        );
        assert_eq!(PLAIN.event("none", &Payload::no_args()), "none");
        assert_eq!(PLAIN.ack("sum", &picture()).split(' ').next(), Some("sum"));
        assert_eq!(PLAIN.ack("ok", &Payload::no_args()), "ok ->");
        assert_eq!(
            (preview(&[]), preview(&[1])),
            ("<0 bytes>".into(), "<1 byte: 01>".into())
        );
    }

    #[test]
    fn a_json_line_has_binary_as_base64() {
        let line = Record::new("event")
            .text("event", "picture")
            .args(&picture())
            .finish();
        let expected = r#"{"type":"event","event":"picture","args":[{"data":{"_binary":"/wAB"},"title":"a b"},{"_binary":"BwcHBwcHBwcH"},1.5]}"#;
        assert_eq!(line, Line::Arrived(expected.into()));
    }

    #[test]
    fn data_that_looks_like_a_placeholder_stays_data_where_nothing_is_attached() {
        let data = serde_json::json!({"_placeholder": true, "num": 0});
        let payload = Payload::event("x").arg(&data).build().unwrap();
        assert_eq!(
            PLAIN.event("x", &payload),
            r#"x {"_placeholder":true,"num":0}"#
        );
    }

    #[test]
    fn long_values_are_indented() {
        let long = "y".repeat(80);
        let value = serde_json::json!({"a": [1, 2], "b": {"c": long}, "d": long});
        let payload = Payload::event("x").arg(&value).build().unwrap();
        assert_eq!(
            PLAIN.event("x", &payload),
            format!(
                "x {{\n  \"a\": [1,2],\n  \"b\": {{\"c\":\"{long}\"}},\n  \"d\": \"{long}\"\n}}"
            )
        );
    }

    #[test]
    fn colours_are_for_terminals_and_letters_of_peers_obey_nobody() {
        let style = Style {
            color: true,
            ..PLAIN
        };
        let payload = Payload::event("a").arg("\u{9b}1m").build().unwrap();
        assert_eq!(
            style.event("a", &payload),
            "\u{1b}[1;36ma\u{1b}[0m \u{1b}[32m\"\\u009b1m\"\u{1b}[0m"
        );
        assert_eq!(
            PLAIN.event("a\u{1b}", &payload),
            "\"a\\u001b\" \"\\u009b1m\""
        );
        assert_eq!(
            PLAIN.error("no\nway"),
            Line::Note("sio: no\\u000away".into())
        );
    }

    #[test]
    fn names_that_could_be_mistaken_are_quoted() {
        for (name, shown) in [
            ("chat:new-1", "chat:new-1"),
            ("two words", "\"two words\""),
            ("", "\"\""),
        ] {
            assert_eq!(word(name), shown);
        }
    }
}
