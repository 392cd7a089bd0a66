//! Commands that an application asks its driver for, and that come later.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::Instant;

/// Work that takes long, such as looking at a password. What it gives is a command for the application.
pub type Work<C> = Box<dyn FnOnce() -> C + Send>;

/// The commands that an application gives itself: at a time, or as the result of work.
///
/// The application adds to it through its [`Context`](super::server::Context). A driver looks at
/// [`poll_timeout`](Self::poll_timeout) beside that of the machine, gives the application what
/// [`take_due`](Self::take_due) yields, and does what [`take_work`](Self::take_work) yields where it holds up nobody.
pub struct Schedule<C> {
    timers: BTreeMap<(Instant, u64), C>,
    work: VecDeque<Work<C>>,
    /// Tells timers for the same time apart, in the order in which they were set.
    next: u64,
}

impl<C> Default for Schedule<C> {
    fn default() -> Self {
        Self {
            timers: BTreeMap::new(),
            work: VecDeque::new(),
            next: 0,
        }
    }
}

impl<C> fmt::Debug for Schedule<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("timers", &self.timers.len())
            .field("work", &self.work.len())
            .finish()
    }
}

impl<C> Schedule<C> {
    /// Adds a command that is due `delay` after `now`, or at the end of time if that is earlier.
    ///
    /// Cost: logarithmic in the number of commands that wait.
    pub fn send_after(&mut self, delay: Duration, command: C, now: Instant) {
        self.timers.insert((now + delay, self.next), command);
        self.next = self.next.wrapping_add(1);
    }

    /// Adds work.
    pub fn run(&mut self, work: impl FnOnce() -> C + Send + 'static) {
        self.work.push_back(Box::new(work));
    }

    /// When the next command is due; `None` if none waits for a time.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the commands that are due, in their order. A command that the application adds while it handles these is not
    /// among them, even if it is due at once. So an application that always adds one holds up nothing else.
    pub fn take_due(&mut self, now: Instant) -> Vec<C> {
        let mut due = Vec::new();
        while let Some(timer) = self.timers.first_entry()
            && timer.key().0 <= now
        {
            due.push(timer.remove());
        }
        due
    }

    /// Takes the next work.
    pub fn take_work(&mut self) -> Option<Work<C>> {
        self.work.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_due_at_their_time_in_the_order_in_which_they_were_set() {
        let mut schedule = Schedule::default();
        let second = Duration::from_secs(1);
        schedule.send_after(second * 2, "late", Instant::ZERO);
        schedule.send_after(second, "first", Instant::ZERO);
        schedule.send_after(second, "second", Instant::ZERO);
        let due = schedule.poll_timeout().unwrap();
        assert_eq!(due, Instant::ZERO + second);
        assert!(schedule.take_due(Instant::ZERO).is_empty());
        assert_eq!(schedule.take_due(due), ["first", "second"]);
        assert!(schedule.take_due(due).is_empty());
        assert_eq!(schedule.take_due(Instant::MAX), ["late"]);
        assert_eq!(schedule.poll_timeout(), None);
    }

    #[test]
    fn nothing_is_due_after_the_end_of_time() {
        let mut schedule = Schedule::default();
        schedule.send_after(Duration::MAX, (), Instant::from_millis(1));
        assert_eq!(schedule.poll_timeout(), Some(Instant::MAX));
    }

    #[test]
    fn work_is_taken_in_its_order() {
        let mut schedule = Schedule::default();
        schedule.run(|| 1);
        schedule.run(|| 2);
        assert_eq!(schedule.take_work().map(|work| work()), Some(1));
        assert_eq!(schedule.take_work().map(|work| work()), Some(2));
        assert!(schedule.take_work().is_none());
    }
}
