//! The `Date` field.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A time since the beginning of 1970 in UTC, as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// Source: RFC 9110, section 5.6.7; the conversion of days counts in eras of 400 years that begin in March.
pub(crate) fn imf_fixdate(since_1970: Duration) -> String {
    // The year has four digits.
    let seconds = since_1970.as_secs().min(253_402_300_799);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let weekday = DAYS.get((days % 7) as usize).unwrap_or(&"");
    let (year, month, day) = civil(days);
    let month = MONTHS.get(month).unwrap_or(&"");
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// The year, the month counted from zero, and the day.
const fn civil(days: u64) -> (u64, usize, u64) {
    // The days since the first of March of the year 0.
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let year = year_of_era + era * 400;
    (if month < 2 { year + 1 } else { year }, month as usize, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(seconds: u64) -> String {
        imf_fixdate(Duration::from_secs(seconds))
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(date(951_868_799), "Tue, 29 Feb 2000 23:59:59 GMT");
        assert_eq!(date(951_868_800), "Wed, 01 Mar 2000 00:00:00 GMT");
        assert_eq!(date(4_107_542_400), "Mon, 01 Mar 2100 00:00:00 GMT");
        assert_eq!(date(4_107_542_399), "Sun, 28 Feb 2100 23:59:59 GMT");
        assert_eq!(date(1_798_761_599), "Thu, 31 Dec 2026 23:59:59 GMT");
        assert_eq!(date(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
