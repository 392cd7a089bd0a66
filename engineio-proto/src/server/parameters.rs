//! The parameters of a query.

use alloc::borrow::Cow;

/// A name and its value, decoded.
type Parameter<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The parameters of a query in their order, as [`form_urlencoded::parse`] has them. Those that hold nothing to be
/// decoded, as nearly all, are borrowed after one look at each byte.
pub(super) fn parameters(query: &str) -> Parameters<'_> {
    Parameters { rest: query }
}

pub(super) struct Parameters<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Parameter<'a>> {
        while !self.rest.is_empty() {
            let (mut end, mut equals, mut is_plain) = (self.rest.len(), None, true);
            for (at, byte) in self.rest.bytes().enumerate() {
                match byte {
                    // Letters, behind all that means something.
                    b'>'.. => {}
                    b'&' => {
                        end = at;
                        break;
                    }
                    b'=' if equals.is_none() => equals = Some(at),
                    b'%' | b'+' => is_plain = false,
                    _ => {}
                }
            }
            let (parameter, behind) = self.rest.split_at_checked(end)?;
            self.rest = behind.get(1..).unwrap_or_default();
            if parameter.is_empty() {
                continue;
            }
            if !is_plain {
                return form_urlencoded::parse(parameter.as_bytes()).next();
            }
            let (name, value) = match equals {
                Some(equals) => {
                    let (name, value) = parameter.split_at_checked(equals)?;
                    (name, value.get(1..)?)
                }
                None => (parameter, ""),
            };
            return Some((name.into(), value.into()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn check(query: &str) -> Result<(), TestCaseError> {
        let found: Vec<_> = parameters(query).collect();
        let expected: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        prop_assert_eq!(found, expected);
        Ok(())
    }

    #[test]
    fn what_needs_no_decoding_is_borrowed() {
        for (name, value) in parameters("EIO=4&transport=polling&é&a=b=c") {
            assert!(matches!(
                (name, value),
                (Cow::Borrowed(_), Cow::Borrowed(_))
            ));
        }
    }

    proptest! {
        #[test]
        fn they_are_those_of_a_form(parts in prop::collection::vec("[a=&+%2é]{0,6}|%[0-9a-f]{2}|%f[0-9]", 0..8)) {
            check(&parts.concat())?;
        }

        #[test]
        fn and_so_for_any_text(query in ".{0,40}") {
            check(&query)?;
        }
    }
}
