//! The parameters of a query.

use alloc::borrow::Cow;

/// A name and its value, decoded.
type Parameter<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The parameters of a query in their order, as [`form_urlencoded::parse`] has them. What holds nothing to decode, as
/// nearly all does, is borrowed after one look at each byte.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = Parameter<'_>> {
    let mut rest = query;
    core::iter::from_fn(move || {
        while !rest.is_empty() {
            let (mut end, mut equals, mut plain) = (rest.len(), None, true);
            for (at, byte) in rest.bytes().enumerate() {
                match byte {
                    b'&' => {
                        end = at;
                        break;
                    }
                    b'=' if equals.is_none() => equals = Some(at),
                    b'%' | b'+' => plain = false,
                    _ => {}
                }
            }
            let (parameter, behind) = rest.split_at_checked(end)?;
            rest = behind.get(1..).unwrap_or_default();
            if !parameter.is_empty() {
                return if plain {
                    split(parameter, equals)
                } else {
                    form_urlencoded::parse(parameter.as_bytes()).next()
                };
            }
        }
        None
    })
}

fn split(parameter: &str, equals: Option<usize>) -> Option<Parameter<'_>> {
    let (name, value) = match equals {
        Some(equals) => {
            let (name, value) = parameter.split_at_checked(equals)?;
            (name, value.get(1..)?)
        }
        None => (parameter, ""),
    };
    Some((name.into(), value.into()))
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
