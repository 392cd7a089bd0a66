//! The grammar of JSON, checked without building anything.

use super::MAX_JSON_DEPTH;
use crate::payload::scan;

/// Why text is no payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// It is not JSON.
    Syntax,
    /// It is nested too deep.
    Depth,
}

/// Checks that `text` is one JSON value, by the grammar of RFC 8259 and with at most `max_depth` levels of arrays and
/// objects, and nothing but white space before and after it.
///
/// Accepts what `JSON.parse` accepts: escapes of lone surrogates, numbers of any size, repeated keys. Linear time, no
/// recursion, no allocation.
pub(crate) fn check(text: &str, max_depth: u16) -> Result<(), Fault> {
    let mut scanner = Scanner::new(text);
    let mut open = Open::new(max_depth);
    let byte = scanner.token();
    scanner.value(byte, &mut open)?;
    scanner.rest(&mut open)
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
    let mut scanner = Scanner::new(text);
    let mut open = Open::new(max_depth);
    let Some(first) = scanner.first(&mut open)? else {
        check(text, max_depth)?;
        return Ok(None);
    };
    scanner.rest(&mut open)?;
    Ok(Some(first))
}

/// The arrays and objects that are open.
struct Open {
    /// Whether the innermost one is an object.
    object: bool,
    depth: u16,
    max_depth: u16,
    /// What the others are, the outermost first: one bit for each, set for objects. The first bit means nothing.
    outer: [u64; WORDS],
}

const WORDS: usize = (MAX_JSON_DEPTH as usize).div_ceil(64);

impl Open {
    fn new(max_depth: u16) -> Self {
        Self {
            object: false,
            depth: 0,
            max_depth: max_depth.min(MAX_JSON_DEPTH),
            outer: [0; WORDS],
        }
    }

    fn push(&mut self, object: bool) -> Result<(), Fault> {
        if self.depth >= self.max_depth {
            return Err(Fault::Depth);
        }
        let (word, bit) = position(self.depth);
        let word = self.outer.get_mut(word).ok_or(Fault::Depth)?;
        *word = if self.object {
            *word | bit
        } else {
            *word & !bit
        };
        self.object = object;
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        let (word, bit) = position(self.depth);
        self.object = self.outer.get(word).is_some_and(|word| word & bit != 0);
    }
}

fn position(depth: u16) -> (usize, u64) {
    (usize::from(depth / 64), 1 << (depth % 64))
}

struct Scanner<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Scanner<'a> {
    const fn new(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            pos: 0,
        }
    }

    /// Passes the bracket of an array and the string or number behind it. `None` if there are no such ones.
    fn first(&mut self, open: &mut Open) -> Result<Option<First>, Fault> {
        if self.next() != Some(b'[') {
            return Ok(None);
        }
        open.push(false)?;
        let byte = self.token();
        let start = self.pos;
        Ok(match byte {
            Some(b'"') => {
                let escaped = self.string()?;
                Some(First {
                    start,
                    end: self.pos.saturating_sub(1),
                    escaped,
                })
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number(byte)?;
                Some(First {
                    start: start.saturating_sub(1),
                    end: self.pos,
                    escaped: false,
                })
            }
            _ => None,
        })
    }

    /// Passes a value, whose first byte is read already. Of an array or object that is not empty it passes what stands in
    /// front of the first value that is none.
    fn value(&mut self, first: Option<u8>, open: &mut Open) -> Result<(), Fault> {
        let mut byte = first;
        loop {
            match byte {
                Some(b'"') => return self.string().map(drop),
                Some(b'{') => {
                    open.push(true)?;
                    byte = self.token();
                    if byte == Some(b'}') {
                        open.pop();
                        return Ok(());
                    }
                    self.key(byte)?;
                    byte = self.token();
                }
                Some(b'[') => {
                    open.push(false)?;
                    byte = self.token();
                    if byte == Some(b']') {
                        open.pop();
                        return Ok(());
                    }
                }
                Some(b't') => return self.literal(b"rue"),
                Some(b'f') => return self.literal(b"alse"),
                Some(b'n') => return self.literal(b"ull"),
                _ => return self.number(byte),
            }
        }
    }

    /// Passes all that stands behind a value.
    fn rest(&mut self, open: &mut Open) -> Result<(), Fault> {
        while open.depth > 0 {
            match (self.token(), open.object) {
                (Some(b','), object) => {
                    let mut byte = self.token();
                    if object {
                        self.key(byte)?;
                        byte = self.token();
                    }
                    self.value(byte, open)?;
                }
                (Some(b'}'), true) | (Some(b']'), false) => open.pop(),
                _ => return Err(Fault::Syntax),
            }
        }
        match self.token() {
            None => Ok(()),
            Some(_) => Err(Fault::Syntax),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.pos += 1;
        Some(byte)
    }

    /// Passes white space and the byte behind it.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        loop {
            match self.next()? {
                b' ' | b'\t' | b'\n' | b'\r' => {}
                byte => return Some(byte),
            }
        }
    }

    fn skip_digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.next();
        }
    }

    fn literal(&mut self, rest: &[u8]) -> Result<(), Fault> {
        for &expected in rest {
            if self.next() != Some(expected) {
                return Err(Fault::Syntax);
            }
        }
        Ok(())
    }

    /// A key, whose first byte is read already, and its colon.
    #[inline]
    fn key(&mut self, first: Option<u8>) -> Result<(), Fault> {
        if first != Some(b'"') {
            return Err(Fault::Syntax);
        }
        self.string()?;
        match self.token() {
            Some(b':') => Ok(()),
            _ => Err(Fault::Syntax),
        }
    }

    /// A string behind its opening quote. Whether there are escapes in it.
    #[inline]
    fn string(&mut self) -> Result<bool, Fault> {
        self.pos = scan::unplain(self.bytes, self.pos);
        if self.peek() == Some(b'"') {
            self.pos += 1;
            return Ok(false);
        }
        self.rest_of_string().map(|()| true)
    }

    /// A string from the first byte on that does not stand for itself.
    #[inline(never)]
    fn rest_of_string(&mut self) -> Result<(), Fault> {
        loop {
            match self.next().ok_or(Fault::Syntax)? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                _ => return Err(Fault::Syntax),
            }
            self.pos = scan::unplain(self.bytes, self.pos);
        }
    }

    /// An escape behind its backslash.
    fn escape(&mut self) -> Result<(), Fault> {
        match self.next() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => {
                for _ in 0..4 {
                    if !self.next().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(Fault::Syntax);
                    }
                }
                Ok(())
            }
            _ => Err(Fault::Syntax),
        }
    }

    /// A number from its sign or first digit on, which is read already.
    fn number(&mut self, sign: Option<u8>) -> Result<(), Fault> {
        let digit = if sign == Some(b'-') {
            self.next()
        } else {
            sign
        };
        match digit {
            Some(b'0') => {}
            Some(b'1'..=b'9') => self.skip_digits(),
            _ => return Err(Fault::Syntax),
        }
        if self.peek() == Some(b'.') {
            self.next();
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.next();
            if let Some(b'+' | b'-') = self.peek() {
                self.next();
            }
            self.digits()?;
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Fault> {
        match self.next() {
            Some(b'0'..=b'9') => {
                self.skip_digits();
                Ok(())
            }
            _ => Err(Fault::Syntax),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

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
        assert_eq!(check("[[],[],[[]]]", 3), Ok(()));
    }
}
