//! What a session wants done.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::convert::Infallible;

use crate::server::output::Output;

/// A queue that takes eight bytes while it is empty, as it is in an idle session.
#[expect(
    clippy::box_collection,
    reason = "eight bytes in an idle session instead of 32"
)]
#[derive(Debug, Default)]
pub(super) struct Actions(Option<Box<VecDeque<Output<Infallible>>>>);

impl Actions {
    pub(super) fn push_back(&mut self, action: Output<Infallible>) {
        self.0.get_or_insert_default().push_back(action);
    }

    /// The next action; the memory goes with the last.
    pub(super) fn pop_front(&mut self) -> Option<Output<Infallible>> {
        let queue = self.0.as_mut()?;
        let action = queue.pop_front();
        if queue.is_empty() {
            self.0 = None;
        }
        action
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Output<Infallible>> {
        self.0.iter().flat_map(|queue| queue.iter())
    }
}
