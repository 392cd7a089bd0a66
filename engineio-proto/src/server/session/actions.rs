//! The actions that a session has for its driver.

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
    others: Others,
}

/// The actions behind the first: boxed, so that a lone one is taken without a look at an empty queue.
type Others = Option<Box<VecDeque<Action>>>;

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

    /// What is to be done, once it is held no longer.
    fn release(self, size: usize, ledger: &Ledger) -> Output<Infallible> {
        ledger.replace(size, 0);
        if let Some(message) = &self.shares {
            ledger.release(message);
        }
        self.output
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
            waiting.others.get_or_insert_default().push_back(action);
        } else {
            self.0 = Some(Box::new(Waiting {
                first: action,
                others: None,
            }));
        }
        ledger.replace(before, self.slots_size().saturating_add(contents));
    }

    /// The next action; the memory goes with the last.
    #[inline]
    pub(super) fn pop_front(&mut self, ledger: &Ledger) -> Option<Output<Infallible>> {
        let waiting = self.0.as_mut()?;
        if waiting.others.is_some() {
            return self.pop_before_others(ledger);
        }
        let size = size_of::<Waiting>().saturating_add(waiting.first.heap_size());
        let action = self.0.take()?.first;
        Some(action.release(size, ledger))
    }

    fn pop_before_others(&mut self, ledger: &Ledger) -> Option<Output<Infallible>> {
        let before = self.slots_size();
        let waiting = self.0.as_mut()?;
        let others = waiting.others.as_mut()?;
        let next = others.pop_front()?;
        if others.is_empty() {
            waiting.others = None;
        }
        let action = core::mem::replace(&mut waiting.first, next);
        let slots = before.saturating_sub(self.slots_size());
        let size = slots.saturating_add(action.heap_size());
        Some(action.release(size, ledger))
    }

    /// Replaces the content of each answer that has much of it: each request is answered nevertheless.
    pub(super) fn shorten(&mut self, ledger: &Ledger, answer: impl Fn() -> Response) {
        let waiting = self.0.iter_mut();
        let actions = waiting.flat_map(|waiting| {
            let others = waiting.others.iter_mut();
            core::iter::once(&mut waiting.first).chain(others.flat_map(|others| others.iter_mut()))
        });
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
        waiting.flat_map(|waiting| {
            let others = waiting.others.iter();
            core::iter::once(&waiting.first).chain(others.flat_map(|others| others.iter()))
        })
    }

    fn slots_size(&self) -> usize {
        let Some(waiting) = &self.0 else { return 0 };
        let others = waiting.others.as_ref().map_or(0, |others| {
            let slots = others.capacity().saturating_mul(size_of::<Action>());
            slots.saturating_add(size_of::<VecDeque<Action>>())
        });
        others.saturating_add(size_of::<Waiting>())
    }
}
