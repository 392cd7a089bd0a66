//! Polling by scripts and forms (JSONP), for browsers that cannot ask another origin in any other way.
//!
//! A poll is answered with a script that calls a function of the page, and a POST is a form with the payload in its field
//! `d`.
//!
//! Source: Engine.IO protocol revision 3, "JSONP"; `engine.io/lib/transports/polling-jsonp.ts`.

use alloc::format;
use alloc::string::String;
use core::num::NonZeroU32;

use bytes::Bytes;

/// The number of the function that a page has for a session: the digits of the parameter `j`.
///
/// # Examples
///
/// ```
/// use engineio_proto::server::JsonpIndex;
///
/// // Nothing but digits reaches the script.
/// let index = JsonpIndex::parse("1;alert(2)//").ok_or("too many digits")?;
/// assert_eq!(index.digits(), "12");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JsonpIndex(NonZeroU32);

/// The fields of a form that are looked at, as officially.
const MAX_FIELDS: usize = 1000;

impl JsonpIndex {
    /// Reads the parameter `j`. All but its ASCII digits is passed over, and none need be left; `None` if there are
    /// more than nine, of which no page makes use.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        // A one in front keeps leading zeros, and tells no digits from a zero.
        let mut digits = value.bytes().filter(u8::is_ascii_digit);
        let number = digits.by_ref().take(9).try_fold(1_u32, |number, digit| {
            let digit = u32::from(digit.wrapping_sub(b'0'));
            number.checked_mul(10)?.checked_add(digit)
        });
        if digits.next().is_some() {
            return None;
        }
        NonZeroU32::new(number?).map(Self)
    }

    /// The digits, as they came.
    #[must_use]
    pub fn digits(self) -> String {
        format!("{}", self.0).split_off(1)
    }

    /// The script that hands a text payload to the page.
    pub(super) fn script(self, payload: &[u8]) -> Bytes {
        // A text payload is UTF-8, and a string is always serialised.
        let payload = core::str::from_utf8(payload).unwrap_or_default();
        let literal = serde_json::to_string(payload).unwrap_or_default();
        // These two end a line in a script, though not in JSON.
        let literal = literal
            .replace('\u{2028}', "\\u2028")
            .replace('\u{2029}', "\\u2029");
        let mut script = format!("___eio[{}]({literal});", self.digits());
        // Growing leaves room, which would be held until the answer is taken.
        script.shrink_to_fit();
        script.into()
    }
}

/// The payload that a form brings in its field `d`; `None` if that is missing or there are several, which is no error.
///
/// Characters that are not UTF-8 are replaced, as forms are read everywhere.
pub(super) fn payload_of(form: &[u8]) -> Option<Bytes> {
    let fields = form_urlencoded::parse(form).take(MAX_FIELDS);
    let mut payloads = fields.filter_map(|(name, value)| (name == "d").then_some(value));
    let payload = payloads.next()?;
    match payloads.next() {
        Some(_) => None,
        None => Some(unescape(&payload).into()),
    }
}

/// Turns the newlines back that the client escaped: `\n` is one, and `\\n` the two characters of the first.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut backslashes: usize = 0;
    for character in text.chars() {
        match character {
            '\\' => backslashes = backslashes.saturating_add(1),
            'n' if backslashes > 0 => {
                plain.pop();
                plain.push(if backslashes == 1 { '\n' } else { 'n' });
                backslashes = 0;
                continue;
            }
            _ => backslashes = 0,
        }
        plain.push(character);
    }
    plain
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    fn index(value: &str) -> JsonpIndex {
        JsonpIndex::parse(value).unwrap()
    }

    #[test]
    fn only_digits_are_left_of_an_index() {
        for (value, digits) in [
            ("0", "0"),
            ("12", "12"),
            ("1;alert(2)//", "12"),
            ("007", "007"),
            ("", ""),
            ("abc", ""),
            ("-٣3", "3"),
            ("999999999", "999999999"),
        ] {
            assert_eq!(index(value).digits(), digits, "{value}");
        }
        assert_eq!(JsonpIndex::parse("1234567890"), None);
        assert_eq!(JsonpIndex::parse("0000000000"), None);
    }

    #[test]
    fn a_script_holds_the_payload_as_a_literal() {
        let payload = "4he\"l\\lo\n\u{2028}\u{2029}é\u{1e}bAQID\u{7f}</script>";
        assert_eq!(
            index("0").script(payload.as_bytes()),
            [
                r#"___eio[0]("4he\"l\\lo\n\u2028\u2029é\u001ebAQID"#,
                "\u{7f}</script>\");"
            ]
            .concat()
        );
        assert_eq!(index("").script(b"1"), "___eio[](\"1\");");
    }

    #[test]
    fn newlines_come_back_as_the_client_had_them() {
        // What the official client sends for each text.
        for (escaped, plain) in [
            ("4a\\nb", "4a\nb"),
            ("4a\\\\nb", "4a\\nb"),
            ("4a\\\\\\nb", "4a\\\\nb"),
            ("\\n\\n", "\n\n"),
            ("\\n\\\\n", "\n\\n"),
            ("n\\", "n\\"),
            ("\\\\", "\\\\"),
            ("\\tn", "\\tn"),
            ("\\\n", "\\\n"),
        ] {
            assert_eq!(unescape(escaped), plain, "{escaped:?}");
        }
    }

    #[test]
    fn a_form_has_the_payload_in_its_one_field() {
        let payload = |form: &str| payload_of(form.as_bytes());
        assert_eq!(payload("d=4a%5Cnb").unwrap(), "4a\nb");
        assert_eq!(
            payload("d=4hello+w%C3%B6rld%1E4b").unwrap(),
            "4hello wörld\x1e4b"
        );
        assert_eq!(payload("x=1&d=4a&y").unwrap(), "4a");
        assert_eq!(payload("d=").unwrap(), "");
        assert_eq!(payload("d").unwrap(), "");
        assert_eq!(payload(""), None);
        assert_eq!(payload("e=4a"), None);
        assert_eq!(payload("d=4a&d=4b"), None);
    }

    #[test]
    fn fields_are_looked_at_up_to_their_number() {
        let form = |before: usize| [vec!["x=1"; before], vec!["d=4a"]].concat().join("&");
        assert_eq!(payload_of(form(999).as_bytes()).unwrap(), "4a");
        assert_eq!(payload_of(form(1000).as_bytes()), None);
        let many: Vec<u8> = b"&".repeat(1_000_000);
        assert_eq!(payload_of(&many), None);
    }
}
