//! Patterns of namespace names.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// A pattern that names of namespaces are compared with, as a whole.
///
/// | in the pattern | matches |
/// |---|---|
/// | `*` | one or more characters other than `/` |
/// | `**` | one or more characters |
/// | `{int}` | one or more decimal digits |
/// | anything else | itself |
///
/// Cost: matching takes O(n p) time and O(n) memory for a name of n bytes and a pattern of p, whatever the name is.
///
/// # Examples
///
/// ```
/// use socketio_proto::server::NamespacePattern;
///
/// let orders = NamespacePattern::new("/shops/*/orders-{int}")?;
/// assert!(orders.matches("/shops/paris/orders-42"));
/// assert!(!orders.matches("/shops/paris/orders-42b"));
/// assert!(!orders.matches("/shops/paris/7/orders-42"));
/// # Ok::<(), socketio_proto::server::PatternError>(())
/// ```
///
/// Officially `io.of(regex)`; what a pattern cannot say is decided by the application, with
/// [`Matcher::Ask`](super::Matcher::Ask).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamespacePattern(Vec<Piece>);

/// Why a pattern cannot be one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It has a comma, which no name has.
    #[error("a comma cannot stand in the name of a namespace")]
    Comma,
    /// It has a brace that does not belong to an `{int}`.
    #[error("a brace that does not belong to `{{int}}`")]
    Brace,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    Text(String),
    Some(Class),
}

/// What a wildcard stands for: one or more bytes of a class. Continuation bytes belong to no text that a piece could
/// begin with, so that whole characters are matched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Class {
    Segment,
    Any,
    Digit,
}

impl Class {
    fn contains(self, byte: u8) -> bool {
        match self {
            Self::Segment => byte != b'/',
            Self::Any => true,
            Self::Digit => byte.is_ascii_digit(),
        }
    }
}

const WILDCARDS: [(&str, Class); 3] = [
    ("**", Class::Any),
    ("*", Class::Segment),
    ("{int}", Class::Digit),
];

impl NamespacePattern {
    /// Reads a pattern. A missing leading slash is added, as with names.
    ///
    /// # Errors
    ///
    /// A [`PatternError`] if there is a comma, or a brace that is not part of `{int}`.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        if pattern.contains(',') {
            return Err(PatternError::Comma);
        }
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = pattern;
        if !rest.starts_with('/') {
            text.push('/');
        }
        while let Some(next) = rest.chars().next() {
            let wildcard = WILDCARDS
                .iter()
                .find_map(|(name, class)| Some((rest.strip_prefix(name)?, *class)));
            if let Some((behind, class)) = wildcard {
                if !text.is_empty() {
                    pieces.push(Piece::Text(core::mem::take(&mut text)));
                }
                pieces.push(Piece::Some(class));
                rest = behind;
            } else if matches!(next, '{' | '}') {
                return Err(PatternError::Brace);
            } else {
                text.push(next);
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Self(pieces))
    }

    /// Whether a name, with its leading slash, is of this pattern.
    ///
    /// Cost: O(p n) for p parts of the pattern and a name of n bytes.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        // What of the name the pieces so far can have used up: a bit for each length.
        let mut used = vec![false; name.len().saturating_add(1)];
        if let Some(nothing) = used.first_mut() {
            *nothing = true;
        }
        for piece in &self.0 {
            used = match piece {
                Piece::Text(text) => after_text(&used, name.as_bytes(), text.as_bytes()),
                Piece::Some(class) => after_run(&used, name, *class),
            };
        }
        used.last() == Some(&true)
    }
}

fn after_text(used: &[bool], name: &[u8], text: &[u8]) -> Vec<bool> {
    let mut next = vec![false; used.len()];
    for (at, mark) in next.iter_mut().enumerate().skip(text.len()) {
        let start = at.saturating_sub(text.len());
        *mark = used.get(start) == Some(&true) && name.get(start..at) == Some(text);
    }
    next
}

fn after_run(used: &[bool], name: &str, class: Class) -> Vec<bool> {
    let mut next = vec![false; used.len()];
    let mut running = false;
    for ((at, byte), begins) in name.bytes().enumerate().zip(used) {
        running = (running || *begins) && class.contains(byte);
        let end = at.saturating_add(1);
        // Two wildcards in a row share no character: one of several bytes is not divided.
        if let Some(mark) = next.get_mut(end).filter(|_| name.is_char_boundary(end)) {
            *mark = running;
        }
    }
    next
}

impl fmt::Display for NamespacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Some(class) => WILDCARDS
                .iter()
                .filter(|(_, other)| other == class)
                .try_for_each(|(name, _)| f.write_str(name)),
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        NamespacePattern::new(pattern).unwrap().matches(name)
    }

    #[test]
    fn a_text_matches_itself_only() {
        assert!(matches("/news", "/news"));
        assert!(!matches("/news", "/new"));
        assert!(!matches("/news", "/news2"));
        assert!(!matches("/news", ""));
    }

    #[test]
    fn a_missing_leading_slash_is_added() {
        assert!(matches("news-{int}", "/news-1"));
        assert!(matches("", "/"));
    }

    #[test]
    fn a_star_matches_within_a_segment_and_two_match_across() {
        assert!(matches("/a/*", "/a/b"));
        assert!(matches("/a/*/c", "/a/äöü/c"));
        assert!(!matches("/a/*", "/a/"));
        assert!(!matches("/a/*", "/a/b/c"));
        assert!(matches("/a/**", "/a/b/c"));
        assert!(!matches("/a/**", "/a/"));
        assert!(matches("/*b*", "/abbb"));
    }

    #[test]
    fn each_wildcard_takes_a_whole_character() {
        assert!(!matches("/**", "/"));
        assert!(matches("/***", "/éé"));
        assert!(!matches("/***", "/é"));
    }

    #[test]
    fn an_int_matches_digits_only() {
        assert!(matches("/dynamic-{int}", "/dynamic-101"));
        for name in [
            "/dynamic-",
            "/dynamic--1",
            "/dynamic-1a",
            "/dynamic-1.5",
            "/dynamic-１",
        ] {
            assert!(!matches("/dynamic-{int}", name), "{name}");
        }
    }

    #[test]
    fn commas_and_other_braces_are_refused() {
        assert_eq!(NamespacePattern::new("/a,b"), Err(PatternError::Comma));
        for pattern in ["/{", "/}", "/{uint}", "/{int", "/int}"] {
            assert_eq!(
                NamespacePattern::new(pattern),
                Err(PatternError::Brace),
                "{pattern}"
            );
        }
    }

    #[test]
    fn many_wildcards_take_no_time_on_a_hostile_name() {
        let pattern = "/".to_string() + &"*a".repeat(50) + "b";
        assert!(!matches(&pattern, &("/".to_string() + &"a".repeat(1_000))));
    }

    /// What a wildcard means, tried for every length.
    fn model(pieces: &[Piece], name: &str) -> bool {
        match pieces.split_first() {
            None => name.is_empty(),
            Some((Piece::Text(text), rest)) => name
                .strip_prefix(text.as_str())
                .is_some_and(|name| model(rest, name)),
            Some((Piece::Some(class), rest)) => {
                let run = name
                    .bytes()
                    .take_while(|byte| class.contains(*byte))
                    .count();
                (1..=run).any(|len| name.is_char_boundary(len) && model(rest, &name[len..]))
            }
        }
    }

    proptest! {
        #[test]
        fn matching_is_trying_every_length(pattern in "(/|a|1|é|\\*|\\*\\*|\\{int\\}){0,6}", name in "[/a1é]{0,8}") {
            let pattern = NamespacePattern::new(&pattern).unwrap();
            prop_assert_eq!(pattern.matches(&name), model(&pattern.0, &name));
        }

        #[test]
        fn a_pattern_reads_as_it_was_written(pattern in "/(/|a|1|é|\\*|\\{int\\}){0,6}") {
            prop_assert_eq!(NamespacePattern::new(&pattern).unwrap().to_string(), pattern);
        }
    }
}
