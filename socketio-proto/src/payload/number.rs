//! Numbers, in whatever form.

use serde::de::Visitor;

use crate::ReadError;

/// A number of a payload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number<'de> {
    /// As JSON writes it.
    Text(&'de str),
    Uint(u64),
    Int(i64),
    /// Finite.
    Float(f64),
}

/// The powers of ten that are floats exactly, as far as they are needed.
const POWERS: [f64; SHORT + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// Up to so many digits each number is a float exactly, so that its quotient by a power of ten is rounded once.
const SHORT: usize = 15;

/// Reads a short number without exponent from the front of validated JSON, and gives its length. `None` for others, and for
/// a zero with a sign.
pub(super) fn read_short<'de>(text: &[u8]) -> Option<(Number<'de>, usize)> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let mut value = 0_i64;
    let mut rest = read_digits(digits, &mut value);
    let mut count = digits.len() - rest.len();
    let mut fraction = 0;
    if let [b'.', behind @ ..] = rest {
        rest = read_digits(behind, &mut value);
        fraction = behind.len() - rest.len();
        count += fraction;
    }
    let negative = digits.len() < text.len();
    if count > SHORT || matches!(rest, [b'e' | b'E', ..]) || (negative && value == 0) {
        return None;
    }
    let signed = if negative { -value } else { value };
    let number = if fraction > 0 {
        Number::Float(signed as f64 / POWERS.get(fraction)?)
    } else if negative {
        Number::Int(signed)
    } else {
        Number::Uint(value.unsigned_abs())
    };
    Some((number, text.len() - rest.len()))
}

/// Passes digits, which are put behind those of `value`.
#[inline]
fn read_digits<'a>(text: &'a [u8], value: &mut i64) -> &'a [u8] {
    let mut rest = text;
    while let [digit @ b'0'..=b'9', behind @ ..] = rest {
        // With so many digits that it is too large, it is not used.
        *value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        rest = behind;
    }
    rest
}

impl Number<'_> {
    /// Gives a number as what it is written as: an integer, or a float. In a buffer, from where it may become either, a
    /// float that is whole is an integer, unless it is a negative zero.
    pub(super) fn visit<'de, V: Visitor<'de>>(
        self,
        buffered: bool,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self {
            Self::Text(text) => visit_text(text, buffered, visitor),
            Self::Uint(value) => visitor.visit_u64(value),
            Self::Int(value) => visitor.visit_i64(value),
            Self::Float(value) => visit_float(value, buffered, || Whole::of(value), visitor),
        }
    }

    /// Gives a number to what asks for an integer; `large` is asked first, about those that it can take.
    pub(super) fn visit_integer<'de, V: Visitor<'de>>(
        self,
        visitor: V,
        large: impl FnOnce(V, Whole) -> Result<Result<V::Value, ReadError>, V>,
    ) -> Result<V::Value, ReadError> {
        let whole = match self {
            Self::Uint(value) => return visitor.visit_u64(value),
            Self::Int(value) => Some(Whole::from(value)),
            Self::Float(value) => Whole::of(value),
            Self::Text(text) => match text.parse() {
                Ok(value) => return visitor.visit_u64(value),
                Err(_) => Whole::parse(text),
            },
        };
        let Some(whole) = whole else {
            return self.visit(false, visitor);
        };
        match large(visitor, whole) {
            Ok(result) => result,
            Err(visitor) => match whole.visit(visitor) {
                Ok(result) => result,
                Err(visitor) => self.visit(false, visitor),
            },
        }
    }
}

fn visit_text<'de, V: Visitor<'de>>(
    text: &str,
    buffered: bool,
    visitor: V,
) -> Result<V::Value, ReadError> {
    if text != "-0" {
        if let Ok(value) = text.parse() {
            return visitor.visit_u64(value);
        }
        if let Ok(value) = text.parse() {
            return visitor.visit_i64(value);
        }
    }
    let float = text
        .parse()
        .map_err(|_| ReadError::new("malformed payload"))?;
    visit_float(float, buffered, || Whole::parse(text), visitor)
}

fn visit_float<'de, V: Visitor<'de>>(
    float: f64,
    buffered: bool,
    whole: impl FnOnce() -> Option<Whole>,
    visitor: V,
) -> Result<V::Value, ReadError> {
    let mut visitor = visitor;
    if buffered
        && float.to_bits() != (-0.0_f64).to_bits()
        && let Some(whole) = whole()
    {
        visitor = match whole.visit(visitor) {
            Ok(result) => return result,
            Err(visitor) => visitor,
        };
    }
    visitor.visit_f64(float)
}

/// A whole number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Whole {
    negative: bool,
    magnitude: u128,
}

impl Whole {
    /// Reads a number of validated JSON. `None` if it is not whole, or beyond 128 bits.
    ///
    /// JavaScript does not tell `2` from `2.0` and `2e0`, nor `0` from `-0`. Decimal arithmetic: no digit is lost on the
    /// way. Linear time.
    pub(super) fn parse(number: &str) -> Option<Self> {
        let (negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number),
        };
        let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        // Zeros at the end of a fraction mean nothing; those in front are no digits of the number.
        let fraction = fraction.trim_end_matches('0');
        let digits = || whole.bytes().chain(fraction.bytes());
        if digits().all(|digit| digit == b'0') {
            return Some(Self {
                negative: false,
                magnitude: 0,
            });
        }
        let fraction = i64::try_from(fraction.len()).ok()?;
        let shift = exponent_of(exponent).saturating_sub(fraction);
        let zeros = if shift < 0 {
            usize::try_from(shift.unsigned_abs()).ok()?
        } else {
            0
        };
        let count = digits().count().checked_sub(zeros)?;
        if digits().skip(count).any(|digit| digit != b'0') {
            return None;
        }
        let mut magnitude = 0_u128;
        for digit in digits().take(count) {
            let digit = u128::from(digit.checked_sub(b'0')?);
            magnitude = magnitude.checked_mul(10)?.checked_add(digit)?;
        }
        for _ in 0..shift.max(0) {
            magnitude = magnitude.checked_mul(10)?;
        }
        Some(Self {
            negative,
            magnitude,
        })
    }

    /// The whole number that the JSON of a float is, which is not always that which the float is: `1e23` is no float.
    pub(super) fn of(float: f64) -> Option<Self> {
        // Up to here each whole number is a float.
        if float.abs() < 9_007_199_254_740_992.0 {
            let whole = float as i64;
            return (whole as f64 == float).then(|| whole.into());
        }
        Self::parse(zmij::Buffer::new().format_finite(float))
    }

    /// Gives a number of 64 bits; the visitor comes back if it is larger.
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<Result<V::Value, ReadError>, V> {
        if let Some(value) = self.to_u64() {
            Ok(visitor.visit_u64(value))
        } else if let Some(value) = self.to_i64() {
            Ok(visitor.visit_i64(value))
        } else {
            Err(visitor)
        }
    }

    pub(super) fn to_u128(self) -> Option<u128> {
        (!self.negative).then_some(self.magnitude)
    }

    pub(super) fn to_i128(self) -> Option<i128> {
        if self.negative {
            0_i128.checked_sub_unsigned(self.magnitude)
        } else {
            self.magnitude.try_into().ok()
        }
    }

    pub(super) fn to_u64(self) -> Option<u64> {
        self.to_u128()?.try_into().ok()
    }

    pub(super) fn to_i64(self) -> Option<i64> {
        self.to_i128()?.try_into().ok()
    }
}

impl From<i64> for Whole {
    fn from(value: i64) -> Self {
        Self {
            negative: value < 0,
            magnitude: value.unsigned_abs().into(),
        }
    }
}

/// The exponent, as far as it means a difference.
fn exponent_of(text: &str) -> i64 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    // What does not fit is larger than any number of digits.
    let value = digits.parse().unwrap_or(i64::MAX);
    if negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn short_numbers_are_those_of_the_standard_library(
            text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
            behind in "[,\\]} ]?",
        ) {
            let json = format!("{text}{behind}");
            let Some((number, len)) = read_short(json.as_bytes()) else {
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                let is_zero = text.parse() == Ok(0.0);
                prop_assert!(digits > SHORT || text.contains(['e', 'E']) || (text.starts_with('-') && is_zero));
                return Ok(());
            };
            prop_assert_eq!(len, text.len());
            match number {
                Number::Uint(value) => prop_assert_eq!(Ok(value), text.parse()),
                Number::Int(value) => prop_assert_eq!(Ok(value), text.parse()),
                Number::Float(value) => {
                    prop_assert!(text.contains('.'));
                    prop_assert_eq!(Ok(value.to_bits()), text.parse().map(f64::to_bits));
                    prop_assert_eq!(Whole::of(value), Whole::parse(&text));
                }
                Number::Text(text) => prop_assert!(false, "{}", text),
            }
        }
    }

    #[test]
    fn whole_numbers_are_read_in_every_form() {
        for (text, value) in [
            ("0", 0),
            ("-0", 0),
            ("-0.0", 0),
            ("0e999999999999999999999", 0),
            ("0.000e-5", 0),
            ("2", 2),
            ("2.0", 2),
            ("-2.000", -2),
            ("1e2", 100),
            ("1E+2", 100),
            ("1.5e1", 15),
            ("0.5e1", 5),
            ("0.05e2", 5),
            ("100e-2", 1),
            ("120.0e-1", 12),
            ("12345678901234567890.0", 12_345_678_901_234_567_890),
            ("1234567890123456789.01e2", 123_456_789_012_345_678_901),
            ("170141183460469231731687303715884105727", i128::MAX),
            ("-1.70141183460469231731687303715884105728e38", i128::MIN),
        ] {
            let whole = Whole::parse(text).and_then(Whole::to_i128);
            assert_eq!(whole, Some(value), "{text}");
        }
        let most = format!("{}.0", u128::MAX);
        assert_eq!(
            Whole::parse(&most).and_then(Whole::to_u128),
            Some(u128::MAX)
        );
    }

    #[test]
    fn floats_are_what_their_json_is() {
        for float in [
            0.0,
            -0.0,
            1.0,
            -1.0,
            1.5,
            4_503_599_627_370_495.5,
            9_007_199_254_740_991.0,
            -9_007_199_254_740_992.0,
            9_223_372_036_854_775_808.0,
            1.234_567_890_123_456_7e22,
            1e23,
            1e38,
            f64::MAX,
            f64::MIN_POSITIVE,
        ] {
            let text = serde_json::to_string(&float).unwrap();
            assert_eq!(Whole::of(float), Whole::parse(&text), "{text}");
        }
    }

    #[test]
    fn what_is_not_whole_or_too_large_is_none() {
        for text in [
            "2.5",
            "0.1",
            "1e-1",
            "15e-1",
            "1.05e1",
            "100e-3",
            "1e-999999999999999999999",
            "1e39",
            "1e999999999999999999999",
            "340282366920938463463374607431768211456",
        ] {
            assert_eq!(Whole::parse(text), None, "{text}");
        }
        let whole = |text| Whole::parse(text).unwrap();
        assert_eq!(whole("-1").to_u64(), None);
        assert_eq!(whole("18446744073709551616").to_u64(), None);
        assert_eq!(whole("9223372036854775808").to_i64(), None);
        assert_eq!(whole("-9223372036854775808.0").to_i64(), Some(i64::MIN));
        assert_eq!(whole("-9223372036854775809").to_i64(), None);
    }
}
