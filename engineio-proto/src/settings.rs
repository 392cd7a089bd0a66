//! Checks of settings, shared by both roles and by the layers above.
//!
//! Each settings type has a `check` that takes itself apart field by field, so that a new option without a rule does not
//! compile.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{Display, Write};
use core::ops::RangeInclusive;
use core::time::Duration;

/// The longest time that a timer of Node.js or a browser can wait: 2³¹ − 1 ms, some 24.8 days. Longer ones fire at once
/// there.
///
/// Source: Node.js, `lib/internal/timers.js`, `TIMEOUT_MAX`; HTML, "timers".
pub const MAX_TIMER: Duration = Duration::from_millis(0x7fff_ffff);

/// The largest whole number that JavaScript holds without loss: 2⁵³ − 1.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Why a machine cannot work with its settings.
///
/// No text of it shows the value of a header, a query parameter or a cookie.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use engineio_proto::server::Config;
///
/// let error = Config::default().with_ping_interval(Duration::ZERO).check().unwrap_err();
/// assert_eq!(error.to_string(), "ping_interval is 0 ms; allowed: 1 ms to 2,147,483,647 ms");
/// ```
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An option has a value with which nothing works.
    #[error("{option} is {value}; allowed: {allowed}")]
    OutOfRange {
        /// The path of the field, `limits.max_json_depth` for example.
        option: Cow<'static, str>,
        /// The value, with its unit.
        value: String,
        /// The values that are allowed, with their unit.
        allowed: Cow<'static, str>,
    },
    /// Two options, each allowed by itself, cannot work together.
    #[error("{option} is {value}, which cannot work while {condition}")]
    Conflict {
        /// The path of the first field.
        option: Cow<'static, str>,
        /// Its value.
        value: String,
        /// The other option and its value, `revision is 3` for example.
        condition: Cow<'static, str>,
    },
}

impl ConfigError {
    /// Makes an error for an option that is neither a number nor a time.
    #[must_use]
    pub fn out_of_range(
        option: &'static str,
        value: impl Display,
        allowed: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::OutOfRange {
            option: option.into(),
            value: value.to_string(),
            allowed: allowed.into(),
        }
    }

    /// Makes an error for two options that cannot work together.
    #[must_use]
    pub fn conflict(
        option: &'static str,
        value: impl Display,
        condition: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Conflict {
            option: option.into(),
            value: value.to_string(),
            condition: condition.into(),
        }
    }

    /// The path of the option at fault: names of fields, with dots between.
    #[must_use]
    pub fn option(&self) -> &str {
        match self {
            Self::OutOfRange { option, .. } | Self::Conflict { option, .. } => option,
        }
    }

    /// The same error, seen from the settings that have these as the field `name`.
    #[must_use]
    pub fn within(mut self, name: &str) -> Self {
        let (Self::OutOfRange { option, .. } | Self::Conflict { option, .. }) = &mut self;
        *option = format!("{name}.{option}").into();
        self
    }
}

/// Checks a time: `allowed` is in whole milliseconds.
///
/// # Errors
///
/// [`ConfigError::OutOfRange`].
pub fn check_time(
    option: &'static str,
    value: Duration,
    allowed: RangeInclusive<Duration>,
) -> Result<(), ConfigError> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let (least, most) = (millis(*allowed.start()), millis(*allowed.end()));
    Err(ConfigError::out_of_range(
        option,
        millis(value),
        format!("{least} to {most}"),
    ))
}

/// Checks a time that a timer waits for: 1 ms to [`MAX_TIMER`].
///
/// # Errors
///
/// [`ConfigError::OutOfRange`].
pub fn check_timer(option: &'static str, value: Duration) -> Result<(), ConfigError> {
    check_time(option, value, Duration::from_millis(1)..=MAX_TIMER)
}

/// Checks a time that may be zero, where zero means not to wait: 0 ms to [`MAX_TIMER`].
///
/// # Errors
///
/// [`ConfigError::OutOfRange`].
pub fn check_timer_or_zero(option: &'static str, value: Duration) -> Result<(), ConfigError> {
    check_time(option, value, Duration::ZERO..=MAX_TIMER)
}

/// Checks a time of which `None` means that there is no limit: otherwise 1 ms to [`MAX_TIMER`].
///
/// # Errors
///
/// [`ConfigError::OutOfRange`].
pub fn check_optional_timer(
    option: &'static str,
    value: Option<Duration>,
) -> Result<(), ConfigError> {
    value.map_or(Ok(()), |value| check_timer(option, value))
}

/// Checks a time of which `None` means that there is no limit, and zero that it is over at once: otherwise at most
/// [`MAX_TIMER`].
///
/// # Errors
///
/// [`ConfigError::OutOfRange`].
pub fn check_optional_timer_or_zero(
    option: &'static str,
    value: Option<Duration>,
) -> Result<(), ConfigError> {
    value.map_or(Ok(()), |value| check_timer_or_zero(option, value))
}

/// Checks a number of things, or of bytes. What does not fit 64 bits counts as the largest number that does.
///
/// # Errors
///
/// [`ConfigError::OutOfRange`].
pub fn check_count(
    option: &'static str,
    value: impl TryInto<u64>,
    allowed: RangeInclusive<u64>,
) -> Result<(), ConfigError> {
    let value = value.try_into().unwrap_or(u64::MAX);
    if allowed.contains(&value) {
        return Ok(());
    }
    let least = grouped(*allowed.start());
    let text = match *allowed.end() {
        u64::MAX => format!("{least} or more"),
        most => format!("{least} to {}", grouped(most)),
    };
    Err(ConfigError::out_of_range(option, grouped(value), text))
}

/// Checks a number of which at least one is needed.
///
/// # Errors
///
/// [`ConfigError::OutOfRange`].
pub fn check_at_least_one(
    option: &'static str,
    value: impl TryInto<u64>,
) -> Result<(), ConfigError> {
    check_count(option, value, 1..=u64::MAX)
}

/// Text of an option as an error shows it: quoted, with what is not printable escaped, and at most 64 characters of it.
#[must_use]
pub fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(MAX_SHOWN).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{more}")
}

const MAX_SHOWN: usize = 64;

/// The error for settings without a transport.
pub(crate) fn no_transport() -> ConfigError {
    ConfigError::out_of_range("transports", "empty", "one transport or more")
}

/// A number of bytes, with its unit.
pub(crate) fn bytes(count: usize) -> String {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    format!("{} bytes", grouped(count))
}

/// Whether `text` is a token of RFC 9110, section 5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    let in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(in_token)
}

/// Milliseconds, with the digits behind the point that are not zero.
fn millis(time: Duration) -> String {
    let whole = grouped(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    match time.subsec_nanos() % 1_000_000 {
        0 => format!("{whole} ms"),
        rest => format!("{whole}.{} ms", format!("{rest:06}").trim_end_matches('0')),
    }
}

/// A number with a comma before each group of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        // Writing to a `String` does not fail.
        let _written = text.write_char(digit);
    }
    text
}

/// Consuming setters of settings: name, field, type, and the conversion of the argument.
///
/// Not part of the interface: it is for the crates of this workspace.
#[doc(hidden)]
#[macro_export]
macro_rules! __setters {
    ($($setter:ident $field:ident: $type:ty = |$value:ident| $convert:expr;)*) => {
        $(
            #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
            #[must_use]
            pub fn $setter(mut self, $value: $type) -> Self {
                self.$field = $convert;
                self
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_times_are_in_milliseconds() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), text);
        }
        for (nanos, text) in [
            (0, "0 ms"),
            (1, "0.000001 ms"),
            (500_000, "0.5 ms"),
            (25_000_000_000, "25,000 ms"),
        ] {
            assert_eq!(millis(Duration::from_nanos(nanos)), text);
        }
        let longest = Duration::from_secs(u64::MAX);
        assert_eq!(millis(longest), "18,446,744,073,709,551,615 ms");
    }

    #[test]
    fn the_ends_of_a_range_are_allowed() {
        for (value, good) in [(0, false), (1, true), (9, true), (10, false)] {
            assert_eq!(
                check_count("n", value as u64, 1..=9).is_ok(),
                good,
                "{value}"
            );
        }
        let error = check_count("n", 0_u16, 1..=u64::MAX).unwrap_err();
        assert_eq!(error.to_string(), "n is 0; allowed: 1 or more");
        assert_eq!(check_timer("t", MAX_TIMER), Ok(()));
        assert_eq!(check_timer("t", Duration::from_millis(1)), Ok(()));
        let beyond = MAX_TIMER + Duration::from_nanos(1);
        assert!(check_timer("t", beyond).is_err() && check_timer_or_zero("t", beyond).is_err());
        assert_eq!(check_timer_or_zero("t", Duration::ZERO), Ok(()));
    }

    #[test]
    fn an_error_from_inside_has_the_whole_path() {
        let inner = check_count("max_payload", 0_u64, 1..=5).unwrap_err();
        let outer = inner.within("engine");
        assert_eq!(outer.option(), "engine.max_payload");
        assert_eq!(
            outer.to_string(),
            "engine.max_payload is 0; allowed: 1 to 5"
        );
    }

    #[test]
    fn long_text_is_cut_off_and_controls_are_escaped() {
        assert_eq!(quoted("a\r\nb"), r#""a\r\nb""#);
        let long = quoted(&"ä".repeat(65));
        assert_eq!(long.chars().count(), 64 + 2 + 1);
    }
}
