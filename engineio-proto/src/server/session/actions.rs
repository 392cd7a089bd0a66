//! What a session wants done.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::convert::Infallible;

use crate::Encoded;
use crate::collections::Steps;
use crate::http::Response;
use crate::ledger::{HeapSize, Held, Ledger};
use crate::server::output::Output;

/// A queue that takes eight bytes while it is empty, as it is in an idle session. The first action, mostly the only one,
/// takes one allocation.
#[derive(Debug, Default)]
pub(super) struct Actions(Option<Box<Waiting>>);

#[derive(Debug)]
struct Waiting {
    first: Action,
    others: VecDeque<Action>,
}

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
        if let Some(waiting) = &mut self.0 {
            waiting.others.push_back(action);
        } else {
            self.0 = Some(Box::new(Waiting {
                first: action,
                others: VecDeque::new(),
            }));
        }
        ledger.replace(before, self.slots_size().saturating_add(contents));
    }

    /// The next action; the memory goes with the last.
    pub(super) fn pop_front(&mut self, ledger: &Ledger) -> Option<Output<Infallible>> {
        self.0.as_ref()?;
        let before = self.slots_size();
        let mut waiting = self.0.take()?;
        let action = match waiting.others.pop_front() {
            Some(next) => {
                let first = core::mem::replace(&mut waiting.first, next);
                self.0 = Some(waiting);
                first
            }
            None => waiting.first,
        };
        let contents = action.heap_size();
        ledger.replace(before.saturating_add(contents), self.slots_size());
        if let Some(message) = &action.shares {
            ledger.release(message);
        }
        Some(action.output)
    }

    /// Replaces the content of each answer that has much of it: each exchange is answered nevertheless.
    pub(super) fn shorten(&mut self, ledger: &Ledger, answer: impl Fn() -> Response) {
        let waiting = self.0.iter_mut();
        let actions = waiting
            .flat_map(|waiting| core::iter::once(&mut waiting.first).chain(&mut waiting.others));
        for action in actions {
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
        self.actions().any(Action::is_long)
    }

    /// What the queue holds.
    pub(super) fn held(&self, ledger: &Ledger, steps: &Steps) -> Held {
        self.actions()
            .fold(Held::only(self.slots_size()), |sum, action| {
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
        self.actions().map(|action| &action.output)
    }

    fn actions(&self) -> impl Iterator<Item = &Action> {
        let waiting = self.0.iter();
        waiting.flat_map(|waiting| core::iter::once(&waiting.first).chain(&waiting.others))
    }

    fn slots_size(&self) -> usize {
        self.0.as_ref().map_or(0, |waiting| {
            let slots = waiting.others.capacity();
            let slots = slots.saturating_mul(size_of::<Action>());
            slots.saturating_add(size_of::<Waiting>())
        })
    }
}
