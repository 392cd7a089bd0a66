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
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        pos: 0,
    };
    let mut open = Open::default();
    let max_depth = max_depth.min(MAX_JSON_DEPTH);
    loop {
        scanner.skip_whitespace();
        match scanner.next() {
            Some(b'{') => {
                open.push(true, max_depth)?;
                scanner.skip_whitespace();
                if scanner.peek() != Some(b'}') {
                    scanner.key()?;
                    continue;
                }
            }
            Some(b'[') => {
                open.push(false, max_depth)?;
                scanner.skip_whitespace();
                if scanner.peek() != Some(b']') {
                    continue;
                }
            }
            Some(b'"') => scanner.string()?,
            Some(b't') => scanner.literal(b"rue")?,
            Some(b'f') => scanner.literal(b"alse")?,
            Some(b'n') => scanner.literal(b"ull")?,
            Some(b'-') => {
                let digit = scanner.next();
                scanner.number(digit)?;
            }
            digit => scanner.number(digit)?,
        }
        loop {
            scanner.skip_whitespace();
            let Some(in_object) = open.innermost() else {
                return match scanner.peek() {
                    None => Ok(()),
                    Some(_) => Err(Fault::Syntax),
                };
            };
            match (scanner.next(), in_object) {
                (Some(b','), true) => {
                    scanner.skip_whitespace();
                    scanner.key()?;
                    break;
                }
                (Some(b','), false) => break,
                (Some(b'}'), true) | (Some(b']'), false) => open.pop(),
                _ => return Err(Fault::Syntax),
            }
        }
    }
}

/// The arrays and objects that are open, innermost last: one bit for each, set for objects.
#[derive(Default)]
struct Open {
    bits: [u64; (MAX_JSON_DEPTH as usize).div_ceil(64)],
    depth: u16,
}

impl Open {
    fn push(&mut self, object: bool, max_depth: u16) -> Result<(), Fault> {
        if self.depth >= max_depth {
            return Err(Fault::Depth);
        }
        let (word, bit) = position(self.depth);
        let word = self.bits.get_mut(word).ok_or(Fault::Depth)?;
        *word = if object { *word | bit } else { *word & !bit };
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Whether the innermost one is an object, `None` if there is none.
    fn innermost(&self) -> Option<bool> {
        let (word, bit) = position(self.depth.checked_sub(1)?);
        self.bits.get(word).map(|word| word & bit != 0)
    }
}

fn position(depth: u16) -> (usize, u64) {
    (usize::from(depth / 64), 1 << (depth % 64))
}

struct Scanner<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.pos = self.pos.saturating_add(1);
        Some(byte)
    }

    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.next();
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

    /// A key and its colon.
    fn key(&mut self) -> Result<(), Fault> {
        if self.next() != Some(b'"') {
            return Err(Fault::Syntax);
        }
        self.string()?;
        self.skip_whitespace();
        match self.next() {
            Some(b':') => Ok(()),
            _ => Err(Fault::Syntax),
        }
    }

    /// A string behind its opening quote.
    fn string(&mut self) -> Result<(), Fault> {
        loop {
            self.pos = scan::unplain(self.bytes, self.pos);
            match self.next().ok_or(Fault::Syntax)? {
                b'"' => return Ok(()),
                b'\\' => match self.next() {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                    Some(b'u') => {
                        for _ in 0..4 {
                            if !self.next().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                return Err(Fault::Syntax);
                            }
                        }
                    }
                    _ => return Err(Fault::Syntax),
                },
                _ => return Err(Fault::Syntax),
            }
        }
    }

    /// A number from its first digit on, which is read already.
    fn number(&mut self, digit: Option<u8>) -> Result<(), Fault> {
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
