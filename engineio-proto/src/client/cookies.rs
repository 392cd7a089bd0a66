//! Cookies that a server sets over polling, for load balancers that want them back.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::Instant;
use crate::http::Answer;

/// The cookies of one client: names and values, honouring `Expires` and `Max-Age` only.
///
/// There is no calendar here: `Expires` is measured against the response's own `Date`. Without one, a date before this
/// protocol existed is what deletes a cookie, and any other keeps it.
///
/// Source: `engine.io-client/lib/transports/polling-xhr.node.ts`, `CookieJar`.
#[derive(Default)]
pub(super) struct Cookies(Vec<Cookie>);

struct Cookie {
    name: String,
    value: String,
    expires: Option<Instant>,
}

/// The cookies that are kept, and the bytes of one; others are not taken.
const MAX_COOKIES: usize = 64;
const MAX_BYTES: usize = 4096;

/// Midnight before 2000-01-01, in seconds of Unix time.
const YEAR_2000: i64 = 946_684_800;

impl Cookies {
    pub(super) fn store(&mut self, answer: &Answer, now: Instant) {
        let date = answer.date.as_deref().and_then(parse_date);
        for header in &answer.set_cookies {
            if let Some((name, value, age)) = parse(header, date) {
                self.set(name, value, age, now);
            }
        }
    }

    /// The value of the `Cookie` header, `None` if there is no cookie to send.
    pub(super) fn header(&mut self, now: Instant) -> Option<String> {
        self.0
            .retain(|cookie| cookie.expires.is_none_or(|expires| now < expires));
        let mut header = String::new();
        for cookie in &self.0 {
            if !header.is_empty() {
                header.push_str("; ");
            }
            header.push_str(&cookie.name);
            header.push('=');
            header.push_str(&cookie.value);
        }
        (!header.is_empty()).then_some(header)
    }

    fn set(&mut self, name: &str, value: &str, age: Age, now: Instant) {
        let expires = match age {
            Age::Session => None,
            Age::Expired => return self.0.retain(|cookie| cookie.name != name),
            Age::For(time) => Some(now + time),
        };
        let cookie = Cookie {
            name: name.into(),
            value: value.into(),
            expires,
        };
        if let Some(old) = self.0.iter_mut().find(|other| other.name == name) {
            *old = cookie;
        } else if self.0.len() < MAX_COOKIES {
            self.0.push(cookie);
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Age {
    Session,
    Expired,
    For(Duration),
}

/// Reads a `Set-Cookie` header, `None` if it is none that could be sent back.
fn parse(header: &str, date: Option<i64>) -> Option<(&str, &str, Age)> {
    let mut parts = header.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let value = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value);
    let sendable = |byte: u8| matches!(byte, b' '..=b'~' | 0x80..);
    let length = name.len().saturating_add(value.len());
    if name.is_empty() || length > MAX_BYTES || !header.bytes().all(sendable) {
        return None;
    }
    let mut age = Age::Session;
    for attribute in parts {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let (key, value) = (key.trim(), value.trim());
        if key.eq_ignore_ascii_case("max-age") {
            age = match value.parse::<i64>().map(u64::try_from) {
                Ok(Ok(seconds @ 1..)) => Age::For(Duration::from_secs(seconds)),
                Ok(_) | Err(_) => Age::Expired,
            };
        } else if key.eq_ignore_ascii_case("expires") {
            age = expires(parse_date(value), date);
        }
    }
    Some((name, value, age))
}

fn expires(expires: Option<i64>, date: Option<i64>) -> Age {
    let Some(expires) = expires else {
        return Age::Expired;
    };
    match date {
        Some(date) => match u64::try_from(expires.saturating_sub(date)) {
            Ok(seconds @ 1..) => Age::For(Duration::from_secs(seconds)),
            Ok(0) | Err(_) => Age::Expired,
        },
        None if expires < YEAR_2000 => Age::Expired,
        None => Age::Session,
    }
}

/// Reads an HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT`, also with dashes, to seconds of Unix time.
fn parse_date(text: &str) -> Option<i64> {
    let rest = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut parts = rest.split([' ', '-']).filter(|part| !part.is_empty());
    let day: i64 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let month = MONTHS
        .iter()
        .position(|name| month.eq_ignore_ascii_case(name))?;
    let month = i64::try_from(month).ok()?;
    let year: i64 = parts.next()?.parse().ok()?;
    let year = match year {
        0..=69 => year + 2000,
        70..=99 => year + 1900,
        1601..=9999 => year,
        _ => return None,
    };
    let mut clock = parts
        .next()?
        .splitn(3, ':')
        .map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if !(1..=31).contains(&day)
        || !(0..24).contains(&hour)
        || !(0..60).contains(&minute)
        || !(0..61).contains(&second)
    {
        return None;
    }
    // Days since 1970-01-01 in the Gregorian calendar, with years that begin in March.
    let year = if month < 2 { year - 1 } else { year };
    let since_march = (month + 10) % 12;
    let days = 365 * year + year / 4 - year / 100 + year / 400;
    let days = days + (153 * since_march + 2) / 5 + day - 719_469;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn header(set: &[&str]) -> Option<String> {
        let mut cookies = Cookies::default();
        let answer = set.iter().fold(Answer::new(200, ""), |answer, value| {
            answer.with_set_cookie(*value)
        });
        cookies.store(
            &answer.with_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Instant::ZERO,
        );
        cookies.header(Instant::ZERO)
    }

    #[test]
    fn dates_are_read() {
        assert_eq!(parse_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(
            parse_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777)
        );
        assert_eq!(
            parse_date("Sunday, 06-Nov-94 08:49:37 GMT"),
            Some(784_111_777)
        );
        assert_eq!(parse_date("Sat, 01 Jan 2000 00:00:00 GMT"), Some(YEAR_2000));
        assert_eq!(
            parse_date("Thu, 29 Feb 2024 12:00:00 GMT"),
            Some(1_709_208_000)
        );
        for text in [
            "",
            "0",
            "tomorrow",
            "Sun, 06 Nov 1994",
            "Sun, 32 Nov 1994 00:00:00 GMT",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn cookies_are_sent_back_in_order_without_their_attributes() {
        assert_eq!(
            header(&["a=1; Path=/; HttpOnly", "b=\"x y\"", "c=d=e", "a=2"]).as_deref(),
            Some("a=2; b=x y; c=d=e")
        );
        assert_eq!(header(&["", "novalue", "=x", "a=b\r\nc: d"]), None);
    }

    #[test]
    fn expired_cookies_are_not_sent() {
        for attribute in [
            "Max-Age=0",
            "max-age=-1",
            "MAX-AGE=soon",
            "Expires=Sun, 06 Nov 1994 08:49:37 GMT",
            "expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "Expires=never",
        ] {
            assert_eq!(
                header(&["a=1", &format!("a=2; {attribute}")]),
                None,
                "{attribute}"
            );
        }
        for attribute in ["Max-Age=1", "Expires=Sun, 06 Nov 1994 08:49:38 GMT"] {
            assert!(
                header(&[&format!("a=2; {attribute}")]).is_some(),
                "{attribute}"
            );
        }
    }

    #[test]
    fn a_cookie_lives_until_its_age_is_over() {
        let mut cookies = Cookies::default();
        let at = Instant::from_millis;
        cookies.store(
            &Answer::new(200, "").with_set_cookie("a=1; Max-Age=10"),
            at(500),
        );
        assert_eq!(cookies.header(at(10_499)).as_deref(), Some("a=1"));
        assert_eq!(cookies.header(at(10_500)), None);
        let endless = Answer::new(200, "").with_set_cookie(format!("a=1; Max-Age={}", i64::MAX));
        cookies.store(&endless, at(500));
        assert!(cookies.header(at(u64::MAX / 2_000_000)).is_some());
    }

    #[test]
    fn without_a_date_only_an_ancient_expiry_deletes() {
        let age = |text| expires(parse_date(text), None);
        assert_eq!(age("Thu, 01 Jan 1970 00:00:00 GMT"), Age::Expired);
        assert_eq!(age("Thu, 29 Feb 2024 12:00:00 GMT"), Age::Session);
    }

    #[test]
    fn cookies_are_bounded() {
        let mut cookies = Cookies::default();
        for number in 0..100 {
            let answer = Answer::new(200, "").with_set_cookie(format!("c{number}=1"));
            cookies.store(&answer, Instant::ZERO);
        }
        assert_eq!(cookies.0.len(), MAX_COOKIES);
        assert_eq!(parse(&format!("a={}", "b".repeat(MAX_BYTES)), None), None);
    }
}
