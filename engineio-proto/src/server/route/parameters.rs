//! The parameters of a query.

use alloc::borrow::Cow;

use crate::server::find::find;

/// What a parameter says, by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Name {
    /// `EIO`.
    Revision,
    /// `transport`.
    Transport,
    /// `sid`.
    Sid,
    /// `b64`.
    Base64,
    /// `j`.
    Jsonp,
    /// Nothing that the server looks at.
    Other,
}

impl Name {
    fn of(name: &str) -> Self {
        match name {
            "EIO" => Self::Revision,
            "transport" => Self::Transport,
            "sid" => Self::Sid,
            "b64" => Self::Base64,
            "j" => Self::Jsonp,
            _ => Self::Other,
        }
    }

    /// The name that a text begins with, and what stands behind its `=`; `None` for any but the usual ones.
    fn strip(text: &str) -> Option<(Self, &str)> {
        let strip = |name, start| Some((name, text.strip_prefix(start)?));
        match text.as_bytes().first()? {
            b'E' => strip(Self::Revision, "EIO="),
            b's' => strip(Self::Sid, "sid="),
            b't' => strip(Self::Transport, "transport=").or_else(|| strip(Self::Other, "t=")),
            b'b' => strip(Self::Base64, "b64="),
            b'j' => strip(Self::Jsonp, "j="),
            _ => None,
        }
    }
}

/// Hands out the parameters of a query in their order, as [`form_urlencoded::parse`] has them. Where nothing is to be
/// decoded, as mostly, they are borrowed, and names are looked for where they have to be.
pub(super) fn for_each<'a>(query: &'a str, mut take: impl FnMut(Name, Cow<'a, str>)) {
    if find(query.as_bytes(), *b"%+").is_some() {
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            take(Name::of(&name), value);
        }
        return;
    }
    let mut rest = query;
    while !rest.is_empty() {
        if let Some((name, behind)) = Name::strip(rest) {
            let (value, others) = split(behind, b'&');
            take(name, value.into());
            rest = others;
            continue;
        }
        let (parameter, others) = split(rest, b'&');
        if !parameter.is_empty() {
            let (name, value) = split(parameter, b'=');
            take(Name::of(name), value.into());
        }
        rest = others;
    }
}

/// What is before and behind the first of an ASCII character; nothing is behind if there is none.
fn split(text: &str, separator: u8) -> (&str, &str) {
    find(text.as_bytes(), [separator])
        .and_then(|at| {
            let (before, behind) = text.split_at_checked(at)?;
            Some((before, behind.get(1..)?))
        })
        .unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn check(query: &str) -> Result<(), TestCaseError> {
        let mut found = Vec::new();
        for_each(query, |name, value| found.push((name, value)));
        let expected = form_urlencoded::parse(query.as_bytes());
        let expected: Vec<_> = expected
            .map(|(name, value)| (Name::of(&name), value))
            .collect();
        prop_assert_eq!(found, expected);
        Ok(())
    }

    #[test]
    fn what_needs_no_decoding_is_borrowed() {
        let mut count = 0;
        for_each("EIO=4&transport=polling&é&a=b=c", |_, value| {
            assert!(matches!(value, Cow::Borrowed(_)));
            count += 1;
        });
        assert_eq!(count, 4);
    }

    proptest! {
        #[test]
        fn they_are_those_of_a_form(parts in prop::collection::vec("[a=&+%2é]{0,6}|%[0-9a-f]{2}|%f[0-9]", 0..8)) {
            check(&parts.concat())?;
        }

        #[test]
        fn names_are_found_where_they_are(parts in prop::collection::vec("(EIO|transport|sid|b64|j|t|x)?[=s&]{0,3}[a-z]{0,9}&?", 0..6)) {
            check(&parts.concat())?;
        }

        #[test]
        fn and_so_for_any_text(query in ".{0,40}") {
            check(&query)?;
        }
    }
}
