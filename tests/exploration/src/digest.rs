//! A number that stands for a state, the same for states that differ only in what means nothing.
//!
//! The machines can be neither compared nor hashed, so their `Debug` output is read. Three things in it depend on the
//! path and not on the state; they are replaced:
//!
//! | in the output | becomes |
//! |---|---|
//! | `Instant(n)` | its distance from now |
//! | numbers of requests, connections and other keys that are never used twice | the order in which they occur |
//! | texts that look like session ids | the order in which they occur |
//! | fields such as counters and settings | nothing |

use core::fmt::{Debug, Write};
use std::collections::BTreeMap;

use engineio_proto::Instant;

/// The length of a session id.
const SID: usize = 20;

/// Fields that do not decide what happens next: settings, counters, sources of randomness and of names, and queries, whose
/// session id is shown beside them.
const SKIPPED: [&str; 6] = ["config", "generator", "next_id", "query", "stats", "steps"];

/// Types whose numbers are names.
const NAMES: [&str; 2] = ["RequestId", "ConnectionId"];

/// The digest of what `parts` show of themselves at the time `now`.
pub(crate) fn digest(now: Instant, parts: &[&dyn Debug]) -> u128 {
    let mut text = String::with_capacity(4096);
    for part in parts {
        // Writing to a string does not fail.
        let _written = write!(text, "{part:?};");
    }
    let mut canon = Canon {
        rest: text.as_bytes(),
        now: i128::from(now.as_nanos()),
        names: BTreeMap::new(),
        hash: OFFSET,
    };
    canon.read();
    canon.hash
}

// FNV-1a with 128 bits.
const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

struct Canon<'a> {
    rest: &'a [u8],
    now: i128,
    /// Names that are replaced by their order of occurrence.
    names: BTreeMap<(&'a [u8], &'a [u8]), u32>,
    hash: u128,
}

impl<'a> Canon<'a> {
    fn read(&mut self) {
        while let Some(&first) = self.rest.first() {
            match first {
                b'"' => self.read_text(),
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.read_word(),
                _ => self.copy(1),
            }
        }
    }

    fn read_word(&mut self) {
        let word = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let is = |name: &&str| name.as_bytes() == word;
        self.feed(word);
        if word == b"Instant" && self.rest.first() == Some(&b'(') {
            self.copy(1);
            let digits = self.take_while(|byte| byte.is_ascii_digit());
            let nanos: i128 = core::str::from_utf8(digits)
                .ok()
                .and_then(|digits| digits.parse().ok())
                .unwrap_or_default();
            self.feed(&(nanos - self.now).to_le_bytes());
        } else if NAMES.iter().any(is) && self.rest.first() == Some(&b'(') {
            self.copy(1);
            let digits = self.take_while(|byte| byte.is_ascii_digit());
            self.feed_name(b"", digits);
        } else if word == b"generation" && self.rest.starts_with(b": ") {
            self.copy(2);
            let digits = self.take_while(|byte| byte.is_ascii_digit());
            self.feed_name(word, digits);
        } else if SKIPPED.iter().any(is) && self.rest.starts_with(b": ") {
            self.skip_value();
        }
    }

    /// Reads a quoted text, in which session ids may stand by themselves or within JSON.
    fn read_text(&mut self) {
        let length = text_length(self.rest);
        let (mut text, rest) = self.rest.split_at(length);
        self.rest = rest;
        while !text.is_empty() {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            let end = text.iter().position(|byte| !is_part(byte));
            let (word, rest) = text.split_at(end.unwrap_or(text.len()));
            if word.len() == SID {
                self.feed_name(b"sid", word);
            } else {
                self.feed(word);
            }
            let (mark, rest) = rest.split_at(rest.len().min(1));
            self.feed(mark);
            text = rest;
        }
    }

    /// Passes over the value of a field, up to the comma or bracket behind it.
    fn skip_value(&mut self) {
        let mut depth = 0_u32;
        while let Some(&byte) = self.rest.first() {
            let length = match byte {
                b'"' => text_length(self.rest),
                b'(' | b'[' | b'{' => {
                    depth += 1;
                    1
                }
                b')' | b']' | b'}' | b',' if depth == 0 => return,
                b')' | b']' | b'}' => {
                    depth -= 1;
                    1
                }
                _ => 1,
            };
            self.rest = self.rest.get(length..).unwrap_or_default();
        }
    }

    fn take_while(&mut self, is_part: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !is_part(*byte));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn copy(&mut self, length: usize) {
        let (copied, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        self.feed(copied);
    }

    fn feed_name(&mut self, kind: &'a [u8], name: &'a [u8]) {
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let number = *self.names.entry((kind, name)).or_insert(next);
        self.feed(&number.to_le_bytes());
    }

    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    }
}

/// The length of a quoted text, its quotes included.
fn text_length(text: &[u8]) -> usize {
    let mut escaped = false;
    for (index, byte) in text.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use engineio_proto::{ConnectionId, RequestId};

    use super::*;

    #[derive(Debug)]
    #[expect(dead_code, reason = "what is shown is compared")]
    struct State {
        at: Instant,
        request: RequestId,
        connection: ConnectionId,
        stats: Vec<u64>,
        text: &'static str,
    }

    const STATE: State = State {
        at: Instant::from_millis(7),
        request: RequestId(3),
        connection: ConnectionId(3),
        stats: Vec::new(),
        text: "a \" ) } , b",
    };

    fn of(state: &State, millis: u64) -> u128 {
        digest(Instant::from_millis(millis), &[state])
    }

    #[test]
    fn names_times_and_counters_do_not_make_states_differ() {
        let later = State {
            at: Instant::from_millis(17),
            request: RequestId(30),
            connection: ConnectionId(30),
            stats: vec![1, 2],
            ..STATE
        };
        assert_eq!(of(&STATE, 5), of(&later, 15));
    }

    #[test]
    fn all_else_does() {
        let states = [
            STATE,
            State {
                at: Instant::from_millis(8),
                ..STATE
            },
            State {
                connection: ConnectionId(4),
                ..STATE
            },
            State {
                text: "a \" ) } , c",
                ..STATE
            },
        ];
        for (index, state) in states.iter().enumerate() {
            for other in states.get(index + 1..).unwrap_or_default() {
                assert_ne!(of(state, 5), of(other, 5));
            }
        }
    }
}
