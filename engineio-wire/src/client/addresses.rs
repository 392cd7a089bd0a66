//! The order in which the addresses of a host are tried.
//!
//! Source: RFC 8305, sections 4 and 5.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use engineio_proto::Instant;

/// The time after which the next address is tried beside those that have not answered.
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The addresses of a host in the order in which to try them: the families take turns, beginning with that of the first.
/// An address that stands twice is tried once.
///
/// Cost: for each address a look at all others. A driver should look at no more than some dozens.
///
/// # Examples
///
/// ```
/// use engineio_wire::client::in_order;
///
/// let addresses = ["[::1]:80", "[::2]:80", "1.2.3.4:80"].map(|address| address.parse().unwrap());
/// let expected = ["[::1]:80", "1.2.3.4:80", "[::2]:80"].map(|address| address.parse().unwrap());
/// assert_eq!(in_order(addresses), expected);
/// ```
pub fn in_order(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut known: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if !known.contains(&address) {
            known.push(address);
        }
    }
    let starts_with_ipv6 = known.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = known
        .into_iter()
        .partition(|address| address.is_ipv6() == starts_with_ipv6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return order;
        }
        order.extend(pair.into_iter().flatten());
    }
}

/// The attempts to connect to one host, of which the first that succeeds wins.
///
/// A driver begins an attempt for each address that [`next`](Self::next) gives, tells of each that failed, and drops all
/// others once one has succeeded.
///
/// # Examples
///
/// ```
/// use engineio_proto::Instant;
/// use engineio_wire::client::{ATTEMPT_DELAY, Attempts};
///
/// let (nowhere, here) = ("[::1]:80".parse().unwrap(), "127.0.0.1:80".parse().unwrap());
/// let mut attempts = Attempts::new([nowhere, here]);
/// assert_eq!(attempts.next(Instant::ZERO), Some(nowhere));
/// assert_eq!(attempts.next(Instant::ZERO), None);
/// assert_eq!(attempts.next(Instant::ZERO + ATTEMPT_DELAY), Some(here));
/// ```
#[derive(Clone, Debug)]
pub struct Attempts {
    /// Those not tried yet, the next one last.
    left: Vec<SocketAddr>,
    under_way: usize,
    /// When to try the next one; at once if there is none.
    due: Option<Instant>,
}

impl Attempts {
    /// Makes the attempts for the addresses of one host, in the order of [`in_order`].
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let mut left = in_order(addresses);
        left.reverse();
        Self {
            left,
            under_way: 0,
            due: None,
        }
    }

    /// The address to try now; `None` if none is due.
    pub fn next(&mut self, now: Instant) -> Option<SocketAddr> {
        if self.due.is_some_and(|due| now < due) {
            return None;
        }
        let next = self.left.pop()?;
        self.under_way = self.under_way.saturating_add(1);
        self.due = Some(now + ATTEMPT_DELAY);
        Some(next)
    }

    /// Notes that an attempt failed: the next address is due at once.
    pub const fn handle_failed(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        self.due = None;
    }

    /// When the next address is due; `None` if there is no other.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = self.due.unwrap_or(Instant::ZERO);
        (!self.left.is_empty()).then_some(due)
    }

    /// Whether every address has failed.
    #[must_use]
    pub const fn are_over(&self) -> bool {
        self.left.is_empty() && self.under_way == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_families_take_turns() {
        let order = |addresses: &[&str]| -> Vec<_> {
            let order = in_order(addresses.iter().map(|text| address(text)));
            order
                .iter()
                .map(alloc::string::ToString::to_string)
                .collect()
        };
        assert_eq!(order(&[]), [""; 0]);
        assert_eq!(
            order(&["1.1.1.1:1", "2.2.2.2:1", "[::1]:1", "[::2]:1"]),
            ["1.1.1.1:1", "[::1]:1", "2.2.2.2:1", "[::2]:1"]
        );
        assert_eq!(
            order(&["[::1]:1", "[::2]:1", "[::1]:1", "1.1.1.1:1", "[::3]:1"]),
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]
        );
    }

    #[test]
    fn the_next_address_is_tried_after_a_while_or_a_failure() {
        let [first, second, third] = ["[::1]:1", "1.1.1.1:1", "[::2]:1"].map(address);
        let mut attempts = Attempts::new([first, third, second]);
        let start = Instant::from_millis(1000);
        assert!(attempts.poll_timeout() <= Some(start));
        assert_eq!(attempts.next(start), Some(first));
        assert_eq!(attempts.poll_timeout(), Some(start + ATTEMPT_DELAY));
        assert_eq!(attempts.next(start), None);
        attempts.handle_failed();
        assert!(!attempts.are_over());
        assert_eq!(attempts.next(start), Some(second));
        let later = start + ATTEMPT_DELAY;
        assert_eq!(attempts.next(later), Some(third));
        assert_eq!(
            (attempts.next(later), attempts.poll_timeout()),
            (None, None)
        );
        attempts.handle_failed();
        assert!(!attempts.are_over());
        attempts.handle_failed();
        assert!(attempts.are_over());
    }

    #[test]
    fn without_an_address_the_attempts_are_over() {
        let attempts = Attempts::new([]);
        assert!(attempts.are_over());
        assert_eq!(attempts.poll_timeout(), None);
    }

    proptest! {
        #[test]
        fn every_address_is_tried_once(hosts in prop::collection::vec((any::<bool>(), 0_u8..5), 0..12)) {
            let addresses: Vec<SocketAddr> = hosts
                .iter()
                .map(|(ipv6, last)| {
                    if *ipv6 {
                        address(&alloc::format!("[::{last}]:1"))
                    } else {
                        address(&alloc::format!("1.1.1.{last}:1"))
                    }
                })
                .collect();
            let mut order = in_order(addresses.clone());
            prop_assert_eq!(order.first(), addresses.first());
            order.sort_unstable();
            let mut all = addresses;
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(order, all);
        }
    }
}
