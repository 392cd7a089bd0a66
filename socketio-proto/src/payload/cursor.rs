//! Walking through JSON that has been validated.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use engineio_proto::hidden::Hidden;

use super::number::{self, Number};
use super::scan;

/// A place in JSON text.
///
/// The text is known to be valid, so that nothing here goes wrong; what would go wrong in other text gives `None`.
#[derive(Clone)]
pub(crate) struct Cursor<'de> {
    text: &'de str,
    pos: usize,
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("text", &Hidden(self.text))
            .field("pos", &self.pos)
            .finish()
    }
}

impl<'de> Cursor<'de> {
    pub(crate) const fn new(text: &'de str) -> Self {
        Self { text, pos: 0 }
    }

    /// Another place in the same text.
    pub(super) const fn at(mut self, pos: usize) -> Self {
        self.pos = pos;
        self
    }

    pub(crate) const fn pos(&self) -> usize {
        self.pos
    }

    /// The text from here on.
    pub(crate) fn rest(&self) -> &'de str {
        self.text.get(self.pos..).unwrap_or_default()
    }

    /// The byte that the next value or sign starts with.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        match self.byte()? {
            b' ' | b'\t' | b'\n' | b'\r' => self.peek_behind_white(),
            byte => Some(byte),
        }
    }

    #[inline(never)]
    fn peek_behind_white(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\t' | b'\n' | b'\r' => self.bump(),
                byte => return Some(byte),
            }
        }
    }

    /// Whether `sign` is next, in which case it is passed.
    #[inline]
    pub(crate) fn eat(&mut self, sign: u8) -> bool {
        let found = self.peek() == Some(sign);
        if found {
            self.bump();
        }
        found
    }

    /// Passes a whole value and gives its text. No recursion.
    pub(crate) fn skip(&mut self) -> Option<&'de str> {
        let first = self.peek()?;
        let start = self.pos;
        match first {
            b'"' => {
                self.raw_string()?;
            }
            b'[' | b'{' => {
                let mut depth = 0_usize;
                loop {
                    match self.byte()? {
                        b'"' => {
                            self.raw_string()?;
                            continue;
                        }
                        b'[' | b'{' => depth = depth.saturating_add(1),
                        b']' | b'}' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    self.bump();
                    if depth == 0 {
                        break;
                    }
                }
            }
            _ => {
                while !matches!(
                    self.byte(),
                    None | Some(b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r')
                ) {
                    self.bump();
                }
            }
        }
        self.text.get(start..self.pos)
    }

    /// Passes a string and gives its content. A lone surrogate, which only an escape can hold, becomes U+FFFD.
    #[inline]
    pub(crate) fn string(&mut self) -> Option<Cow<'de, str>> {
        self.peek()?;
        match self.plain_string() {
            Some(text) => Some(Cow::Borrowed(text)),
            None => self.escaped_string().map(Cow::Owned),
        }
    }

    /// Passes a string, at whose quote it is, if there are no escapes in it. Does not move otherwise.
    #[inline]
    pub(super) fn plain_string(&mut self) -> Option<&'de str> {
        let content = self.text.get(self.pos + 1..)?;
        match scan::short_string(content) {
            Some(text) => {
                self.pos += text.len() + 2;
                Some(text)
            }
            None => self.long_plain_string(),
        }
    }

    #[inline(never)]
    fn long_plain_string(&mut self) -> Option<&'de str> {
        let content = self.text.get(self.pos + 1..)?;
        let len = scan::plain_by_pairs(content.as_bytes());
        if content.as_bytes().get(len) != Some(&b'"') {
            return None;
        }
        self.pos += len + 2;
        content.get(..len)
    }

    /// Passes a number.
    #[inline]
    pub(super) fn number(&mut self) -> Option<Number<'de>> {
        self.peek()?;
        let text = self.text.as_bytes().get(self.pos..)?;
        if let Some((number, len)) = number::read_short(text) {
            self.pos += len;
            return Some(number);
        }
        self.skip().map(Number::Text)
    }

    /// Passes this word, which is next.
    #[inline]
    pub(super) fn word(&mut self, word: &str) {
        self.pos += word.len();
    }

    /// The same for a string with escapes.
    #[inline(never)]
    fn escaped_string(&mut self) -> Option<String> {
        unescape(self.raw_string()?)
    }

    /// The content of the string that is next, if one is, and no more than so many bytes stand between its quotes. Does
    /// not move.
    pub(crate) fn string_within(&mut self, max: usize) -> Option<Cow<'de, str>> {
        if self.peek()? != b'"' {
            return None;
        }
        let raw = self.clone().raw_string()?;
        if raw.len() > max {
            return None;
        }
        self.clone().string()
    }

    /// Passes a string and gives what stands between its quotes.
    fn raw_string(&mut self) -> Option<&'de str> {
        let bytes = self.text.as_bytes();
        let start = self.pos + 1;
        let mut end = scan::unplain(bytes, start);
        while bytes.get(end) == Some(&b'\\') {
            end = scan::unplain(bytes, end + 2);
        }
        if bytes.get(end) != Some(&b'"') {
            return None;
        }
        self.pos = end + 1;
        self.text.get(start..end)
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    #[inline]
    fn bump(&mut self) {
        self.pos += 1;
    }
}

/// The JSON of the member of this name in validated JSON, of repeated ones the last; `None` if there is none, or no object.
pub(crate) fn member<'de>(json: &'de str, name: &str) -> Option<&'de str> {
    let mut cursor = Cursor::new(json);
    let mut found = None;
    if !cursor.eat(b'{') {
        return None;
    }
    while !cursor.eat(b'}') {
        let key = cursor.string()?;
        cursor.eat(b':');
        let value = cursor.skip()?;
        if key == name {
            found = Some(value);
        }
        cursor.eat(b',');
    }
    found
}

/// The content of a string with escapes.
fn unescape(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escape.chars();
        let character = match chars.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (unit, behind) = code_unit(chars.as_str())?;
                rest = behind;
                out.push(match unit {
                    0xd800..=0xdbff => match behind.strip_prefix("\\u").and_then(code_unit) {
                        Some((low @ 0xdc00..=0xdfff, behind)) => {
                            rest = behind;
                            char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))?
                        }
                        _ => char::REPLACEMENT_CHARACTER,
                    },
                    _ => char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER),
                });
                continue;
            }
            other => other,
        };
        out.push(character);
        rest = chars.as_str();
    }
    out.push_str(rest);
    Some(out)
}

/// The four hexadecimal digits that `text` starts with, and what follows.
fn code_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, behind) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_read_if_so_many_bytes_stand_between_its_quotes() {
        for (json, len, content) in [(r#""""#, 0, ""), (" \"a€\"", 4, "a€"), (r#""\n""#, 2, "\n")]
        {
            for max in [len, len + 1, usize::MAX] {
                let mut cursor = Cursor::new(json);
                assert_eq!(cursor.string_within(max).as_deref(), Some(content));
                assert_eq!(
                    cursor.string().as_deref(),
                    Some(content),
                    "it does not move"
                );
            }
            if let Some(less) = len.checked_sub(1) {
                assert_eq!(Cursor::new(json).string_within(less), None, "{json}");
            }
        }
        assert_eq!(Cursor::new("12").string_within(9), None);
        assert_eq!(Cursor::new("\"a").string_within(9), None);
    }

    #[test]
    fn strings_without_escapes_are_borrowed() {
        let string = Cursor::new(" \"a€\" ").string();
        assert!(matches!(string, Some(Cow::Borrowed("a€"))));
    }

    #[test]
    fn escapes_are_decoded_and_lone_surrogates_replaced() {
        for (json, content) in [
            (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r#""a\u00e9\u20AC\ud83d\ude00z""#, "aé€😀z"),
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ude00x""#, "\u{fffd}x"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
        ] {
            assert_eq!(
                Cursor::new(json).string().as_deref(),
                Some(content),
                "{json}"
            );
        }
    }

    #[test]
    fn a_member_is_found_by_its_name_and_the_last_counts() {
        let json = r#" { "a" : [1,{"b":0}], "\u0062":"x" , "a":null } "#;
        assert_eq!(member(json, "a"), Some("null"));
        assert_eq!(member(json, "b"), Some("\"x\""));
        assert_eq!(member(json, "c"), None);
        assert_eq!(member("{}", "a"), None);
        assert_eq!(member("\"a\"", "a"), None);
    }

    #[test]
    fn a_value_is_skipped_whole() {
        for value in [
            "1.5e3",
            "null",
            r#""]}\"""#,
            r#"[1,"]",[{}],{"a":"}"}]"#,
            r#"{"a":[{"b":"\\"}]}"#,
        ] {
            let text = alloc::format!(" {value} ,2");
            let mut cursor = Cursor::new(&text);
            assert_eq!(cursor.skip(), Some(value));
            assert!(cursor.eat(b','));
        }
    }
}
