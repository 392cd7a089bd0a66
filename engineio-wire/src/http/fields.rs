//! Header fields: what they may hold, and how their values are read.

/// The value of a field that may stand once, as far as it has been seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Single<'a> {
    #[default]
    None,
    One(&'a [u8]),
    Several,
}

impl<'a> Single<'a> {
    pub(crate) fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::None => Self::One(value),
            Self::One(_) | Self::Several => Self::Several,
        };
    }

    /// The value, if there is exactly one.
    pub(crate) const fn one(self) -> Option<&'a [u8]> {
        match self {
            Self::One(value) => Some(value),
            Self::None | Self::Several => None,
        }
    }
}

/// Whether a byte may stand in the name of a field, a method or a protocol.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Whether this may be the name of a field.
pub(crate) fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| is_token_byte(*byte))
}

/// Whether this may be the value of a field: it has no control bytes but tabs, so it cannot end the field.
pub(crate) fn is_value(value: &[u8]) -> bool {
    // Without a way out of the loop it takes many bytes at once.
    let refused = |byte: u8| (byte != b'\t') & ((byte < b' ') | (byte == 0x7f));
    !value.iter().fold(false, |any, byte| any | refused(*byte))
}

/// The elements of a value that is a list, without the space around them. Empty elements are left out.
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(trim)
        .filter(|element| !element.is_empty())
}

/// Without spaces and tabs at both ends.
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// A number of digits and nothing else; `None` otherwise, and if it does not fit.
pub(crate) fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |number, digit| match digit {
        b'0'..=b'9' => number
            .checked_mul(10)?
            .checked_add(u64::from(digit.wrapping_sub(b'0'))),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_length_is_digits_and_nothing_else() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"007"), Some(7));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for value in [
            "",
            "+3",
            "-3",
            " 3",
            "3 ",
            "0x3",
            "3,3",
            "18446744073709551616",
            "\u{0663}",
        ] {
            assert_eq!(decimal(value.as_bytes()), None, "{value:?}");
        }
    }

    #[test]
    fn a_list_has_its_elements_without_space() {
        let elements: Vec<_> = list(b" keep-alive ,, Upgrade\t").collect();
        assert_eq!(elements, [&b"keep-alive"[..], b"Upgrade"]);
        assert_eq!(list(b" , ").count(), 0);
    }

    #[test]
    fn a_value_cannot_end_its_field() {
        assert!(is_value(b"text/html; charset=\"\xc3\xa4\"\t"));
        for byte in [0, b'\n', b'\r', 0x1f, 0x7f] {
            assert!(!is_value(&[b'a', byte]), "{byte}");
        }
    }

    #[test]
    fn what_stands_twice_is_not_one() {
        let mut single = Single::default();
        assert!(single.one().is_none());
        single.add(b"a");
        assert_eq!(single.one(), Some(&b"a"[..]));
        single.add(b"a");
        assert!(single.one().is_none());
    }
}
