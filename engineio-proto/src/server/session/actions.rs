//! What a session wants done.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::convert::Infallible;

use crate::Encoded;
use crate::collections::Steps;
use crate::http::Response;
use crate::ledger::{HeapSize, Held, Ledger};
use crate::server::output::Output;

/// A queue that takes eight bytes while it is empty, as it is in an idle session.
#[expect(
    clippy::box_collection,
    reason = "eight bytes in an idle session instead of 32"
)]
#[derive(Debug, Default)]
pub(super) struct Actions(Option<Box<VecDeque<Action>>>);

#[derive(Debug)]
struct Action {
    output: Output<Infallible>,
    /// The message whose buffer the body of a response shares.
    shares: Option<Encoded>,
}

impl Action {
    /// The bytes that the action keeps on the heap but for the message that it holds.
    fn heap_size(&self) -> usize {
        if let (Output::Respond { response, .. }, Some(_)) = (&self.output, &self.shares) {
            return response.headers.heap_size();
        }
        self.output.heap_size()
    }

    fn is_long(&self) -> bool {
        matches!(&self.output, Output::Respond { response, .. } if response.body.len() > SHORT)
    }
}

/// The length of answers that take no memory worth freeing.
const SHORT: usize = 128;

impl Actions {
    pub(super) fn push_back(
        &mut self,
        output: Output<Infallible>,
        shares: Option<Encoded>,
        ledger: &Ledger,
    ) {
        let before = self.slots_size();
        let action = Action { output, shares };
        let contents = action.heap_size();
        self.0.get_or_insert_default().push_back(action);
        ledger.replace(before, self.slots_size().saturating_add(contents));
    }

    /// The next action; the memory goes with the last.
    pub(super) fn pop_front(&mut self, ledger: &Ledger) -> Option<Output<Infallible>> {
        let before = self.slots_size();
        let queue = self.0.as_mut()?;
        let action = queue.pop_front();
        if queue.is_empty() {
            self.0 = None;
        }
        let action = action?;
        let contents = action.heap_size();
        ledger.replace(before.saturating_add(contents), self.slots_size());
        if let Some(message) = &action.shares {
            ledger.release(message);
        }
        Some(action.output)
    }

    /// Replaces the content of each answer that has much of it: each exchange is answered nevertheless.
    pub(super) fn shorten(&mut self, ledger: &Ledger, answer: impl Fn() -> Response) {
        for action in self.0.iter_mut().flat_map(|queue| queue.iter_mut()) {
            let before = action.heap_size();
            if action.is_long()
                && let Output::Respond { response, .. } = &mut action.output
            {
                *response = answer();
                if let Some(message) = action.shares.take() {
                    ledger.release(&message);
                }
            }
            ledger.replace(before, action.heap_size());
        }
    }

    /// Whether there is an answer that [`shorten`](Self::shorten) replaces.
    pub(super) fn has_long_answer(&self) -> bool {
        let mut actions = self.0.iter().flat_map(|queue| queue.iter());
        actions.any(Action::is_long)
    }

    /// What the queue holds.
    pub(super) fn held(&self, ledger: &Ledger, steps: &Steps) -> Held {
        let actions = self.0.iter().flat_map(|queue| queue.iter());
        actions.fold(Held::only(self.slots_size()), |sum, action| {
            steps.count();
            let message = action.shares.as_ref();
            let message = message.map_or_else(Held::default, |message| ledger.held(message));
            sum.with(message).with(Held::only(action.heap_size()))
        })
    }

    /// Drops everything.
    pub(super) fn clear(&mut self, ledger: &Ledger) {
        while self.pop_front(ledger).is_some() {}
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Output<Infallible>> {
        let actions = self.0.iter().flat_map(|queue| queue.iter());
        actions.map(|action| &action.output)
    }

    fn slots_size(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| {
            let slots = queue.capacity().saturating_mul(size_of::<Action>());
            slots.saturating_add(size_of::<VecDeque<Action>>())
        })
    }
}
