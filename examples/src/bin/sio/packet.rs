//! Packets as a person reads them.

use base64::prelude::{BASE64_STANDARD, Engine};

use crate::output::preview;

/// A packet in words.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Description {
    /// From which level of detail on it is of interest: 1, or 2 for what only keeps the connection going.
    pub(crate) level: u8,
    pub(crate) text: String,
}

/// Describes an Engine.IO packet in its text form, whatever it is.
pub(crate) fn describe(packet: &str) -> Description {
    let mut letters = packet.chars();
    let first = letters.next();
    let rest = letters.as_str();
    let (level, text) = match first {
        Some('0') => (1, join("open", rest)),
        Some('1') => (1, join("close", rest)),
        Some('2') => (2, join("ping", rest)),
        Some('3') => (2, join("pong", rest)),
        Some('4') => (1, message(rest)),
        Some('5') => (2, join("upgrade", rest)),
        Some('6') => (2, join("noop", rest)),
        Some('b') => match BASE64_STANDARD.decode(rest) {
            Ok(data) => (1, format!("binary {}", preview(&data))),
            Err(_) => (1, join("not base64:", packet)),
        },
        _ => (1, join("not a packet:", packet)),
    };
    Description { level, text }
}

/// Describes a Socket.IO packet: `EVENT /namespace #id payload`.
fn message(text: &str) -> String {
    let mut letters = text.chars();
    let name = match letters.next() {
        Some('0') => "CONNECT",
        Some('1') => "DISCONNECT",
        Some('2') => "EVENT",
        Some('3') => "ACK",
        Some('4') => "CONNECT_ERROR",
        Some('5') => "BINARY_EVENT",
        Some('6') => "BINARY_ACK",
        _ => return join("message", text),
    };
    let mut rest = letters.as_str();
    let mut line = name.to_owned();
    if name.starts_with("BINARY")
        && let Some((count, behind)) = rest.split_once('-')
    {
        line.push_str(&format!("[{count}]"));
        rest = behind;
    }
    let namespace = if rest.starts_with('/') {
        let (namespace, behind) = rest.split_once(',').unwrap_or((rest, ""));
        rest = behind;
        namespace
    } else {
        "/"
    };
    line = join(&line, namespace);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if let Some((id, behind)) = rest
        .split_at_checked(digits)
        .filter(|(id, _)| !id.is_empty())
    {
        line = join(&line, &format!("#{id}"));
        rest = behind;
    }
    join(&line, rest)
}

fn join(first: &str, second: &str) -> String {
    if second.is_empty() {
        first.to_owned()
    } else {
        format!("{first} {second}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_packet_has_its_words() {
        let cases = [
            ("0{\"sid\":\"a\"}", 1, "open {\"sid\":\"a\"}"),
            ("1", 1, "close"),
            ("2", 2, "ping"),
            ("3probe", 2, "pong probe"),
            ("5", 2, "upgrade"),
            ("6", 2, "noop"),
            ("bAQID", 1, "binary <3 bytes: 01 02 03>"),
            ("b?", 1, "not base64: b?"),
            ("", 1, "not a packet:"),
            ("9x", 1, "not a packet: 9x"),
            ("40", 1, "CONNECT /"),
            ("40/admin,{\"token\":1}", 1, "CONNECT /admin {\"token\":1}"),
            ("41/admin,", 1, "DISCONNECT /admin"),
            ("41/admin", 1, "DISCONNECT /admin"),
            ("42[\"a\",1]", 1, "EVENT / [\"a\",1]"),
            ("42/x,12[\"a\"]", 1, "EVENT /x #12 [\"a\"]"),
            ("430[]", 1, "ACK / #0 []"),
            (
                "44{\"message\":\"no\"}",
                1,
                "CONNECT_ERROR / {\"message\":\"no\"}",
            ),
            ("452-/x,7[\"a\"]", 1, "BINARY_EVENT[2] /x #7 [\"a\"]"),
            ("461-0[1]", 1, "BINARY_ACK[1] / #0 [1]"),
            ("4", 1, "message"),
            ("4hello", 1, "message hello"),
            ("45", 1, "BINARY_EVENT /"),
        ];
        for (packet, level, text) in cases {
            let expected = Description {
                level,
                text: text.into(),
            };
            assert_eq!(describe(packet), expected, "{packet}");
        }
    }
}
