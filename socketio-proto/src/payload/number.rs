//! Numbers that are whole, in whatever form.

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

    use super::*;

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
