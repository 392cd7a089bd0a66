//! The rule about what waits for the application: how much of one peer may wait, and when to read no more of it.

/// How many messages of one peer may wait for the application, and how many bytes.
///
/// A driver stops reading once so much waits. What it had read by then still comes: how much that may be is
/// [added](Self::beside).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allowance {
    messages: usize,
    bytes: usize,
}

impl Allowance {
    /// Allows so many messages, and so many bytes of all of them.
    #[inline]
    #[must_use]
    pub const fn new(messages: usize, bytes: usize) -> Self {
        Self { messages, bytes }
    }

    /// Allows so much more.
    #[inline]
    #[must_use]
    pub const fn beside(self, messages: usize, bytes: usize) -> Self {
        Self {
            messages: self.messages.saturating_add(messages),
            bytes: self.bytes.saturating_add(bytes),
        }
    }
}

/// What of one peer waits for the application.
///
/// # Examples
///
/// ```
/// use engineio_proto::undelivered::{Allowance, Undelivered};
///
/// let read_until = Allowance::new(2, 100);
/// let mut waiting = Undelivered::default();
/// waiting.add(60);
/// assert!(waiting.leaves_room(&read_until));
/// waiting.add(60);
/// assert!(!waiting.leaves_room(&read_until));
/// assert!(waiting.fits(&read_until.beside(1, 50))); // it was read already
/// waiting.remove(60);
/// assert_eq!((waiting.messages(), waiting.bytes()), (1, 60));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Undelivered {
    messages: usize,
    bytes: usize,
}

impl Undelivered {
    /// What waits, where messages and bytes are counted elsewhere.
    #[inline]
    #[must_use]
    pub const fn new(messages: usize, bytes: usize) -> Self {
        Self { messages, bytes }
    }

    /// One more message waits.
    #[inline]
    pub const fn add(&mut self, bytes: usize) {
        self.messages = self.messages.saturating_add(1);
        self.add_bytes(bytes);
    }

    /// The application took a message.
    #[inline]
    pub const fn remove(&mut self, bytes: usize) {
        self.messages = self.messages.saturating_sub(1);
        self.remove_bytes(bytes);
    }

    /// Something else is held of the peer until the application acts.
    #[inline]
    pub const fn add_bytes(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Something else is held no longer.
    #[inline]
    pub const fn remove_bytes(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// The messages that wait.
    #[inline]
    #[must_use]
    pub const fn messages(&self) -> usize {
        self.messages
    }

    /// The bytes that wait.
    #[inline]
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether to read on: neither count has reached what is allowed.
    #[inline]
    #[must_use]
    pub const fn leaves_room(&self, allowed: &Allowance) -> bool {
        self.messages < allowed.messages && self.bytes < allowed.bytes
    }

    /// Whether no more waits than is allowed.
    #[inline]
    #[must_use]
    pub const fn fits(&self, allowed: &Allowance) -> bool {
        self.messages <= allowed.messages && self.bytes <= allowed.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: Allowance = Allowance::new(2, 10);

    #[test]
    fn reading_stops_at_either_limit_and_beyond_either_nothing_fits() {
        for (messages, bytes, room, fits) in [
            (1, 9, true, true),
            (2, 0, false, true),
            (0, 10, false, true),
            (3, 0, false, false),
            (0, 11, false, false),
        ] {
            let waiting = Undelivered::new(messages, bytes);
            let found = (waiting.leaves_room(&ALLOWED), waiting.fits(&ALLOWED));
            assert_eq!(found, (room, fits), "{messages} {bytes}");
        }
    }

    #[test]
    fn counts_never_wrap() {
        let mut waiting = Undelivered::default();
        waiting.remove(1);
        waiting.remove_bytes(1);
        assert_eq!(waiting, Undelivered::new(0, 0));
        let mut waiting = Undelivered::new(usize::MAX, usize::MAX);
        waiting.add(1);
        waiting.add_bytes(1);
        assert_eq!(waiting, Undelivered::new(usize::MAX, usize::MAX));
        let all = ALLOWED.beside(usize::MAX, usize::MAX);
        assert_eq!((all.messages, all.bytes), (usize::MAX, usize::MAX));
    }
}
