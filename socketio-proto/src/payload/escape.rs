//! Text between the quotes of a JSON string.

use alloc::string::String;

use super::scan;

/// Gives `text` to `push` piece by piece, as it stands between the quotes of a JSON string: escaped as `serde_json` and
/// `JSON.stringify` do it.
pub(crate) fn escape(text: &str, mut push: impl FnMut(&str)) {
    let mut start = 0;
    loop {
        let end = scan::unplain(text.as_bytes(), start);
        push(text.get(start..end).unwrap_or_default());
        let Some(code) = text.as_bytes().get(end).copied().and_then(code) else {
            return;
        };
        push(code);
        start = end.saturating_add(1);
    }
}

/// Appends the same text to JSON.
#[inline]
pub(crate) fn append_escaped(text: &str, out: &mut String) {
    if scan::is_plain(text.as_bytes()) {
        out.push_str(text);
    } else {
        append_with_escapes(text, out);
    }
}

#[inline(never)]
fn append_with_escapes(text: &str, out: &mut String) {
    escape(text, |piece| out.push_str(piece));
}

/// What stands for a character that cannot stand for itself.
fn code(byte: u8) -> Option<&'static str> {
    match byte {
        b'"' => Some("\\\""),
        b'\\' => Some("\\\\"),
        _ => CONTROL.get(usize::from(byte)).copied(),
    }
}

/// The codes of the control characters, from 0 on.
const CONTROL: [&str; 32] = [
    "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007", "\\b",
    "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f", "\\u0010", "\\u0011", "\\u0012",
    "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019", "\\u001a",
    "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_serde_json_does() {
        let every: String = (0..0x180).filter_map(char::from_u32).collect();
        for text in ["", "a", "\"", "\\\\", "\n", "é\u{1}€😀", &every] {
            let mut json = String::from('"');
            append_escaped(text, &mut json);
            json.push('"');
            assert_eq!(json, serde_json::to_string(text).unwrap());
            let mut pieces = String::new();
            escape(text, |piece| pieces.push_str(piece));
            assert_eq!(json, alloc::format!("\"{pieces}\""));
        }
    }
}
