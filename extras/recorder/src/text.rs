//! Shorter forms of debugging output.

/// Shortens the debugging output of events: keys become `slot.generation`, payloads their JSON.
pub(crate) fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        rest = key(rest, &mut out)
            .or_else(|| payload(rest, &mut out))
            .or_else(|| string(rest, &mut out))
            .unwrap_or_else(|| other(rest, &mut out));
    }
    out
}

/// `Key { slot: 1, generation: 2 }`, with or without a name around it.
fn key<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    let rest = text.strip_prefix("Key { slot: ")?;
    let (slot, rest) = rest.split_once(", generation: ")?;
    let (generation, rest) = rest.split_once(" }")?;
    out.push_str(&format!("{slot}.{generation}"));
    Some(rest)
}

/// `Payload { json: "…", attachments: […], .. }`.
fn payload<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    let rest = text.strip_prefix("Payload { json: ")?;
    let (json, rest) = literal(rest)?;
    let rest = rest.strip_prefix(", attachments: ")?;
    out.push_str(&json);
    match rest.strip_prefix("[], .. }") {
        Some(rest) => Some(rest),
        None => {
            out.push_str(" + ");
            Some(rest)
        }
    }
}

/// A string, whose content is not read.
fn string<'a>(text: &'a str, out: &mut String) -> Option<&'a str> {
    let (_, rest) = literal(text)?;
    out.push_str(text.strip_suffix(rest)?);
    Some(rest)
}

fn other<'a>(text: &'a str, out: &mut String) -> &'a str {
    let mut chars = text.chars();
    out.extend(chars.next());
    chars.as_str()
}

/// The value of the string literal at the start of a text, and the rest of the text.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.chars();
    let mut value = String::new();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => value.push_str("\\n"),
                't' => value.push_str("\\t"),
                escaped @ ('"' | '\\' | '\'') => value.push(escaped),
                escaped => value.extend(['\\', escaped]),
            },
            plain => value.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use socketio_proto::Payload;
    use socketio_proto::server::{Event, SocketKey};

    use super::*;

    #[test]
    fn events_read_shorter() {
        let payload = Payload::event("say").arg("\"é\\").build().unwrap();
        let event = Event::Event {
            socket: SocketKey::from_bits(3),
            payload,
            ack: None,
        };
        assert_eq!(
            tidy(&format!("{event:-?}")),
            r#"Event { socket: SocketKey(3.0), payload: ["say","\"é\\"], ack: None }"#
        );
    }

    #[test]
    fn what_only_looks_like_a_key_stays() {
        for text in [
            "Key { slot: 1",
            "\"Key { slot: 1, generation: 2 }\"",
            "\"",
            "é",
            "",
        ] {
            assert_eq!(tidy(text), text);
        }
    }
}
