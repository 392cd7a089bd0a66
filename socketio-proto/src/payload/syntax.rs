//! The grammar of JSON, checked without building anything.

use super::scan;

/// The deepest nesting of a payload that any configuration allows, in levels of arrays and objects.
pub const MAX_JSON_DEPTH: u16 = 256;

/// Why text is no payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// It is not JSON.
    Syntax,
    /// It is nested too deep.
    Depth,
}

/// Checks that `text` is one JSON value, by the grammar of RFC 8259, with nothing but white space before and after it.
/// It may have at most `max_depth` levels of arrays and objects.
///
/// Accepts what `JSON.parse` accepts: escapes of lone surrogates, numbers of any size, repeated keys. Linear time, no
/// recursion, no allocation.
pub(crate) fn check(text: &str, max_depth: u16) -> Result<(), Fault> {
    let rest = white(text.as_bytes());
    if let [b'{' | b'[', ..] = rest {
        return scan(rest, Open::new(max_depth), At::Value);
    }
    end(scalar(rest)?)
}

/// The string or number that an array starts with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct First {
    /// Where it starts, in bytes: behind the quote of a string.
    pub(crate) start: usize,
    /// Where it ends, in front of the quote of a string.
    pub(crate) end: usize,
    /// Whether there are escapes in it.
    pub(crate) escaped: bool,
}

/// Checks text as [`check`] does, and gives the string or number that the array starts with, which it has to be.
/// `None` if it is no array or starts with anything else.
pub(crate) fn check_list(text: &str, max_depth: u16) -> Result<Option<First>, Fault> {
    let bytes = text.as_bytes();
    let mut open = Open::new(max_depth);
    let Some((first, rest)) = first(bytes, &mut open)? else {
        check(text, max_depth)?;
        return Ok(None);
    };
    scan(rest, open, At::End)?;
    Ok(Some(first))
}

/// Passes the bracket of an array and the string or number behind it, and gives the rest. `None` if there are no such ones.
#[inline]
fn first<'a>(text: &'a [u8], open: &mut Open) -> Result<Option<(First, &'a [u8])>, Fault> {
    let [b'[', list @ ..] = text else {
        return Ok(None);
    };
    open.push(false)?;
    let value = white(list);
    let place = |of: &[u8]| text.len().saturating_sub(of.len());
    Ok(match value {
        [b'"', content @ ..] => {
            let behind = content.get(scan::plain(content)..).unwrap_or_default();
            let (rest, escaped) = match behind {
                [b'"', rest @ ..] => (rest, false),
                _ => (string_with_escapes(behind)?, true),
            };
            let first = First {
                start: place(content),
                end: place(rest).saturating_sub(1),
                escaped,
            };
            Some((first, rest))
        }
        [b'-' | b'0'..=b'9', ..] => {
            let rest = number(value)?;
            let first = First {
                start: place(value),
                end: place(rest),
                escaped: false,
            };
            Some((first, rest))
        }
        _ => None,
    })
}

/// The arrays and objects that are open.
struct Open {
    /// Whether the innermost one is an object.
    object: bool,
    depth: u16,
    max_depth: u16,
    /// What those around it are: one bit for each, set for objects, the outer ones in the higher bits. With more than 64
    /// levels these are the inner ones.
    near: u64,
    /// What `near` was at each 64th level.
    far: [u64; WORDS],
}

const WORDS: usize = (MAX_JSON_DEPTH as usize).div_ceil(64);

impl Open {
    fn new(max_depth: u16) -> Self {
        Self {
            object: false,
            depth: 0,
            max_depth: max_depth.min(MAX_JSON_DEPTH),
            near: 0,
            far: [0; WORDS],
        }
    }

    #[inline]
    fn push(&mut self, object: bool) -> Result<(), Fault> {
        if self.depth >= self.max_depth {
            return Err(Fault::Depth);
        }
        if self.depth.is_multiple_of(64) {
            *self.far_word()? = self.near;
        }
        self.near = self.near << 1 | u64::from(self.object);
        self.object = object;
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn pop(&mut self) -> Result<(), Fault> {
        self.depth = self.depth.saturating_sub(1);
        self.object = self.near & 1 == 1;
        self.near >>= 1;
        if self.depth.is_multiple_of(64) {
            self.near = *self.far_word()?;
        }
        Ok(())
    }

    #[inline]
    fn far_word(&mut self) -> Result<&mut u64, Fault> {
        // The limit is that of the words.
        self.far
            .get_mut(usize::from(self.depth / 64))
            .ok_or(Fault::Depth)
    }
}

/// A place in an array or object.
enum At {
    /// A value is next.
    Value,
    /// A value was passed.
    End,
}

/// Passes all that is left from a place in an array or object on, or a whole one.
fn scan(text: &[u8], mut open: Open, mut at: At) -> Result<(), Fault> {
    let mut rest = text;
    loop {
        if let At::End = at {
            rest = white(rest);
            match (rest, open.object) {
                ([b',', next @ ..], true) => rest = key(white(next))?,
                ([b',', next @ ..], false) => rest = white(next),
                ([b'}', behind @ ..], true) | ([b']', behind @ ..], false) => {
                    open.pop()?;
                    if open.depth == 0 {
                        return end(behind);
                    }
                    rest = behind;
                    continue;
                }
                _ => return Err(Fault::Syntax),
            }
        }
        at = At::End;
        match rest {
            [b'"', content @ ..] => rest = string(content)?,
            [b'{', members @ ..] => {
                open.push(true)?;
                rest = white(members);
                if !rest.starts_with(b"}") {
                    rest = key(rest)?;
                    at = At::Value;
                }
            }
            [b'[', items @ ..] => {
                open.push(false)?;
                rest = white(items);
                if !rest.starts_with(b"]") {
                    at = At::Value;
                }
            }
            _ => rest = word(rest)?,
        }
    }
}

/// Passes a value that is no array and no object.
fn scalar(text: &[u8]) -> Result<&[u8], Fault> {
    match text {
        [b'"', content @ ..] => string(content),
        _ => word(text),
    }
}

/// Passes a value without brackets and quotes.
#[inline]
fn word(text: &[u8]) -> Result<&[u8], Fault> {
    match text {
        [b't', b'r', b'u', b'e', rest @ ..]
        | [b'f', b'a', b'l', b's', b'e', rest @ ..]
        | [b'n', b'u', b'l', b'l', rest @ ..] => Ok(rest),
        _ => number(text),
    }
}

/// Passes a key and its colon, and the white space behind it.
#[inline(always)]
fn key(text: &[u8]) -> Result<&[u8], Fault> {
    let [b'"', content @ ..] = text else {
        return Err(Fault::Syntax);
    };
    match white(string(content)?) {
        [b':', rest @ ..] => Ok(white(rest)),
        _ => Err(Fault::Syntax),
    }
}

/// Finds nothing but white space.
fn end(text: &[u8]) -> Result<(), Fault> {
    if white(text).is_empty() {
        Ok(())
    } else {
        Err(Fault::Syntax)
    }
}

/// Passes white space. There is none in most places.
#[inline]
fn white(text: &[u8]) -> &[u8] {
    match text {
        [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] => more_white(rest),
        _ => text,
    }
}

#[inline(never)]
fn more_white(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let [b' ' | b'\t' | b'\n' | b'\r', behind @ ..] = rest {
        rest = behind;
    }
    rest
}

/// Passes a string behind its opening quote.
#[inline]
fn string(content: &[u8]) -> Result<&[u8], Fault> {
    match scan::behind_short_string(content) {
        Some(rest) => Ok(rest),
        None => long_string(content),
    }
}

#[inline(never)]
fn long_string(content: &[u8]) -> Result<&[u8], Fault> {
    match content.get(scan::plain_by_pairs(content)..) {
        Some([b'"', rest @ ..]) => Ok(rest),
        rest => string_with_escapes(rest.unwrap_or_default()),
    }
}

/// Passes a string from the first byte on that does not stand for itself.
#[inline(never)]
fn string_with_escapes(text: &[u8]) -> Result<&[u8], Fault> {
    let mut rest = text;
    loop {
        rest = match rest {
            [b'"', rest @ ..] => return Ok(rest),
            [b'\\', escape @ ..] => escaped(escape)?,
            _ => return Err(Fault::Syntax),
        };
        rest = rest.get(scan::plain(rest)..).unwrap_or_default();
    }
}

/// Passes an escape behind its backslash.
fn escaped(text: &[u8]) -> Result<&[u8], Fault> {
    match text {
        [
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
            rest @ ..,
        ] => Ok(rest),
        [b'u', one, two, three, four, rest @ ..]
            if [one, two, three, four]
                .iter()
                .all(|digit| digit.is_ascii_hexdigit()) =>
        {
            Ok(rest)
        }
        _ => Err(Fault::Syntax),
    }
}

/// Passes a number.
fn number(text: &[u8]) -> Result<&[u8], Fault> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let mut rest = match digits {
        [b'0', rest @ ..] => rest,
        [b'1'..=b'9', rest @ ..] => more_digits(rest),
        _ => return Err(Fault::Syntax),
    };
    if let [b'.', fraction @ ..] = rest {
        rest = some_digits(fraction)?;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        rest = match exponent {
            [b'+' | b'-', digits @ ..] => some_digits(digits)?,
            digits => some_digits(digits)?,
        };
    }
    Ok(rest)
}

/// Passes one digit or more.
fn some_digits(text: &[u8]) -> Result<&[u8], Fault> {
    match text {
        [b'0'..=b'9', rest @ ..] => Ok(more_digits(rest)),
        _ => Err(Fault::Syntax),
    }
}

#[inline]
fn more_digits(text: &[u8]) -> &[u8] {
    let mut rest = text;
    if let Some(&word) = rest.first_chunk() {
        rest = rest.get(scan::digits(word)..).unwrap_or_default();
    }
    while let [b'0'..=b'9', behind @ ..] = rest {
        rest = behind;
    }
    rest
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    /// Pieces of JSON, and what breaks it.
    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => r#"[\[\]{},: "\\0]"#,
            2 => Just(String::from(",")),
            2 => Just(String::from("\":")),
            2 => r#""[a-z é"]{0,20}""#,
            1 => r#""[a-z]{0,20}\\["\\/bfnrtux0][0-9a-f]{0,5}[a-z]{0,12}""#,
            1 => "-?[0-9]{0,12}(\\.[0-9]{0,9})?([eE][+-]?[0-9]{0,3})?",
            1 => "[ \t\n\r]{1,3}",
            1 => "true|false|null|tru|nulll|fals",
        ]
    }

    proptest! {
        #[test]
        fn serde_json_accepts_and_refuses_the_same(pieces in proptest::collection::vec(piece(), 0..12)) {
            let text = pieces.concat();
            for text in [&text, &alloc::format!("[{text}]"), &alloc::format!("{{\"a\":{text}}}")] {
                let valid = serde_json::from_str::<IgnoredAny>(text).is_ok();
                prop_assert_eq!(check(text, 128).is_ok(), valid, "{}", text);
                prop_assert_eq!(check_list(text, 128).is_ok(), valid, "{}", text);
            }
        }

        #[test]
        fn a_byte_changed_in_json_is_seen_as_serde_json_sees_it(
            value in "\\[(\\{(\"[a-z]{1,12}\":(\"[a-z ]{0,30}\"|-?[1-9][0-9]{0,12}(\\.[0-9]{1,9})?|true|null),){1,4}\"\":0\\},){1,3}1\\]",
            at in any::<prop::sample::Index>(),
            byte in "[\\x00-\\x7f]",
        ) {
            prop_assert_eq!(check(&value, 128), Ok(()));
            let mut text = value.clone();
            let at = at.index(text.len());
            text.replace_range(at..=at, &byte);
            let valid = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            prop_assert_eq!(check(&text, 128).is_ok(), valid, "{}", text);
        }
    }

    #[test]
    fn what_a_list_starts_with_is_given() {
        let first = |text: &'static str| {
            let first = check_list(text, 2).unwrap()?;
            Some((&text[first.start..first.end], first.escaped))
        };
        assert_eq!(first(r#"["a"]"#), Some(("a", false)));
        assert_eq!(first("[ \"\" , 1] "), Some(("", false)));
        assert_eq!(first(r#"["\u0061",{"a":1}]"#), Some((r"\u0061", true)));
        assert_eq!(first("[-1.5e3,[]]"), Some(("-1.5e3", false)));
        for other in ["[]", "[null]", "[[1]]", "{\"a\":1}", "\"a\"", "1", " [1]"] {
            assert_eq!(first(other), None, "{other}");
        }
    }

    #[test]
    fn what_json_parse_accepts_is_accepted() {
        for text in [
            "0",
            "-0",
            "1",
            "-1.5e+10",
            "1E-7",
            "1e999",
            "123456789012345678901234567890",
            "true",
            "false",
            "null",
            "\"\"",
            r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800""#,
            "\"\u{7f}\u{2028}\u{feff}é\"",
            "[]",
            "{}",
            " \t\r\n[ 1 , 2 ] \n",
            r#"{"a":1,"a":{"__proto__":[{},[[]]]},"":null}"#,
            r#"[[],{},"",0,[1,{"a":[]}]]"#,
        ] {
            assert_eq!(check(text, 128), Ok(()), "{text}");
            assert!(check_list(text, 128).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_json_parse_refuses_is_refused() {
        for text in [
            "",
            " ",
            "+1",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "--1",
            "0x1",
            "NaN",
            "Infinity",
            "tru",
            "True",
            "nul",
            "undefined",
            "\"",
            "\"\\\"",
            "\"\\x41\"",
            "\"\\u12g4\"",
            "\"\\u12\"",
            "\"\n\"",
            "\"\u{0}\"",
            "'a'",
            "[",
            "]",
            "[1",
            "[1,",
            "[1,]",
            "[,]",
            "[1 2]",
            "{",
            "}",
            "{,}",
            "{a:1}",
            "{1:2}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1 \"b\":2}",
            "[}",
            "{]",
            "[1}",
            "{\"a\":1]",
            "[]]",
            "1 2",
            "[]x",
            "// c\n1",
            "\u{feff}1",
            "\u{a0}1",
            "1\u{b}",
            "{\"a\":1,[",
        ] {
            assert_eq!(check(text, 128), Err(Fault::Syntax), "{text}");
            assert_eq!(check_list(text, 128), Err(Fault::Syntax), "{text}");
        }
    }

    #[test]
    fn depth_is_counted_to_the_limit() {
        let nested = |depth: usize| {
            let mut text = String::new();
            for level in 0..depth {
                text.push_str(if level % 2 == 0 { "[" } else { "{\"k\":" });
            }
            text.push('1');
            for level in (0..depth).rev() {
                text.push_str(if level % 2 == 0 { "]" } else { "}" });
            }
            text
        };
        assert_eq!(check("1", 0), Ok(()));
        assert_eq!(check("[]", 0), Err(Fault::Depth));
        for limit in [1, 63, 64, 65, 128, 256] {
            assert_eq!(check(&nested(usize::from(limit)), limit), Ok(()));
            assert_eq!(
                check(&nested(usize::from(limit) + 1), limit),
                Err(Fault::Depth)
            );
        }
        assert_eq!(check(&nested(257), u16::MAX), Err(Fault::Depth));
        // Each end has to fit the beginning of its level.
        for depth in [63, 64, 65, 129, 256] {
            let text = nested(depth);
            for back in 1..=depth {
                let at = text.len() - back;
                let wrong = if text[at..].starts_with(']') {
                    "}"
                } else {
                    "]"
                };
                let mut text = text.clone();
                text.replace_range(at..=at, wrong);
                assert_eq!(check(&text, 256), Err(Fault::Syntax), "{text}");
            }
        }
        assert_eq!(check("[[],[],[[]]]", 3), Ok(()));
    }
}
