//! Dates as JavaScript writes them into JSON.

use alloc::string::String;
use core::fmt::Write;

/// The furthest from 1970 that a JavaScript date reaches, in milliseconds.
const MAX: i64 = 8_640_000_000_000_000;
const DAY: i64 = 86_400_000;

/// Appends what `JSON.stringify` makes of a date, given in milliseconds since 1970: a string like
/// `"2020-02-03T04:05:06.789Z"`, and `null` beyond what JavaScript's calendar holds.
pub(super) fn write(millis: i64, out: &mut String) {
    if !(-MAX..=MAX).contains(&millis) {
        return out.push_str("null");
    }
    let (year, month, day) = civil(millis.div_euclid(DAY));
    let time = millis.rem_euclid(DAY);
    let (hours, minutes) = (time / 3_600_000, time / 60_000 % 60);
    let (seconds, millis) = (time / 1_000 % 60, time % 1_000);
    out.push('"');
    // Writing to a string does not fail.
    let _ = match year {
        0..=9_999 => write!(out, "{year:04}"),
        _ => write!(out, "{year:+07}"),
    };
    let _ = write!(
        out,
        "-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z\""
    );
}

/// Year, month and day of a day counted from 1970-01-01, at most 300,000 years away.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
const fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 0000-03-01, so that a leap day is the last of its year, in eras of 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_to_json_does() {
        // Made with `JSON.stringify(new Date(…))` in Node.js.
        for (millis, json) in [
            (0, r#""1970-01-01T00:00:00.000Z""#),
            (-1, r#""1969-12-31T23:59:59.999Z""#),
            (951_782_400_000, r#""2000-02-29T00:00:00.000Z""#),
            (951_868_799_999, r#""2000-02-29T23:59:59.999Z""#),
            (951_868_800_000, r#""2000-03-01T00:00:00.000Z""#),
            (1_000_196_386_792, r#""2001-09-11T08:19:46.792Z""#),
            (4_107_542_399_000, r#""2100-02-28T23:59:59.000Z""#),
            (4_107_542_400_000, r#""2100-03-01T00:00:00.000Z""#),
            (253_402_300_799_999, r#""9999-12-31T23:59:59.999Z""#),
            (253_402_300_800_000, r#""+010000-01-01T00:00:00.000Z""#),
            (-62_167_219_200_000, r#""0000-01-01T00:00:00.000Z""#),
            (-62_167_219_200_001, r#""-000001-12-31T23:59:59.999Z""#),
            (8_640_000_000_000_000, r#""+275760-09-13T00:00:00.000Z""#),
            (-8_640_000_000_000_000, r#""-271821-04-20T00:00:00.000Z""#),
            (8_640_000_000_000_001, "null"),
            (i64::MIN, "null"),
            (i64::MAX, "null"),
        ] {
            let mut out = String::new();
            write(millis, &mut out);
            assert_eq!(out, json, "{millis}");
        }
    }
}
