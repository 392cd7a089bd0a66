//! The number of parts of a machine that hold a message.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicUsize, Ordering};

use once_cell::race::OnceBox;

use super::Held;

/// The holders of one message, by ledger. There is a place for one ledger inside; further ones, of other shards that
/// hold the same message, are made when they are needed.
///
/// A place belongs to the ledger whose id it has, until nothing holds the message there. Only the machine of that ledger
/// changes it then, so that no lock is needed. What a place says never depends on other places: a machine does the same
/// whatever other shards do with a message.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    owner: AtomicUsize,
    /// The number of holders, in units of [`HOLDER`], and the forms that the machine has asked for, a bit each.
    holds: AtomicUsize,
    charged: AtomicUsize,
    next: OnceBox<Self>,
}

/// A form of a binary message that is made when it is first asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// [`Encoded::polling_packet`](crate::Encoded::polling_packet).
    Base64,
    /// [`Encoded::frame_v3`](crate::Encoded::frame_v3).
    FrameV3,
    /// [`Encoded::text_packet_v3`](crate::Encoded::text_packet_v3).
    TextV3,
}

impl Form {
    /// A bit of its own among the lowest three.
    pub(crate) const fn bit(self) -> usize {
        match self {
            Self::Base64 => 1,
            Self::FrameV3 => 2,
            Self::TextV3 => 4,
        }
    }
}

/// One holder, above the bits of the forms.
const HOLDER: usize = 8;

impl Tally {
    /// Notes a holder; gives the bytes to be charged.
    pub(super) fn hold(&self, id: usize, size: impl FnOnce() -> usize) -> usize {
        let place = self.find(id).unwrap_or_else(|| self.claim(id));
        if place.holds.fetch_add(HOLDER, Ordering::Relaxed) >= HOLDER {
            return 0;
        }
        let size = size();
        place.charged.store(size, Ordering::Relaxed);
        size
    }

    /// Notes that a holder is gone; gives the bytes to be released.
    pub(super) fn release(&self, id: usize) -> usize {
        let Some(place) = self.find(id) else {
            return 0;
        };
        if place.holds.fetch_sub(HOLDER, Ordering::Relaxed) >= 2 * HOLDER {
            return 0;
        }
        let charged = place.charged.swap(0, Ordering::Relaxed);
        place.holds.store(0, Ordering::Relaxed);
        place.owner.store(0, Ordering::Release);
        charged
    }

    /// Notes that a form of a message is asked for that is held; gives the bytes to be charged on top.
    pub(super) fn grow(&self, id: usize, form: Form, size: impl FnOnce() -> usize) -> usize {
        let Some(place) = self.find(id) else {
            return 0;
        };
        let form = form.bit();
        if place.holds.fetch_or(form, Ordering::Relaxed) & form != 0 {
            return 0;
        }
        let size = size();
        place.charged.fetch_add(size, Ordering::Relaxed);
        size
    }

    /// The part of one holder in the bytes that are charged.
    pub(super) fn held(&self, id: usize) -> Held {
        let Some(place) = self.find(id) else {
            return Held::default();
        };
        let charged = place.charged.load(Ordering::Relaxed);
        let holds = place.holds.load(Ordering::Relaxed) / HOLDER;
        Held {
            alone: if holds == 1 { charged } else { 0 },
            share: charged.checked_div(holds).unwrap_or_default(),
        }
    }

    fn find(&self, id: usize) -> Option<&Self> {
        let mut place = self;
        while place.owner.load(Ordering::Relaxed) != id {
            place = place.next.get()?;
        }
        Some(place)
    }

    /// Takes a place that belongs to nobody.
    fn claim(&self, id: usize) -> &Self {
        let mut place = self;
        while place
            .owner
            .compare_exchange(0, id, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            place = place.next.get_or_init(Box::default);
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_counts_from_when_it_is_asked_for_until_nothing_is_held() {
        let tally = Tally::default();
        for round in 0..3 {
            assert_eq!((tally.hold(16, || 10), tally.hold(16, || 10)), (10, 0));
            for (form, size) in [(Form::Base64, 5), (Form::FrameV3, 6), (Form::TextV3, 7)] {
                assert_eq!(tally.grow(16, form, || size), size, "{round}");
                assert_eq!(tally.grow(16, form, || size), 0);
            }
            let (alone, share) = (0, 14);
            assert_eq!(tally.held(16), Held { alone, share });
            assert_eq!((tally.release(16), tally.held(16).alone), (0, 28));
            assert_eq!((tally.release(16), tally.release(16)), (28, 0));
        }
    }

    #[test]
    fn ledgers_do_not_see_each_other() {
        let tally = Tally::default();
        for id in [16, 32, 48] {
            assert_eq!(tally.hold(id, || id), id);
            assert_eq!(tally.grow(id, Form::Base64, || 1), 1);
        }
        assert_eq!(tally.release(16), 17);
        assert_eq!(tally.hold(64, || 1), 1, "in the place that became free");
        assert_eq!((tally.release(32), tally.release(48)), (33, 49));
        assert_eq!((tally.held(64), tally.release(64)), (Held::only(1), 1));
    }
}
