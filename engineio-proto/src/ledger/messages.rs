//! Messages that parts of a machine hold.

use super::{Form, Held, Ledger};
use crate::Encoded;

impl Ledger {
    /// Notes that one more part holds a message; the first one charges it. Constant time, unless several machines
    /// hold the message: then it looks at each of them.
    ///
    /// Each call is to be followed by one of [`release`](Self::release).
    pub fn hold(&self, message: &Encoded) {
        let tally = message.tally();
        self.add(tally.hold(self.id(), || message.fixed_size()));
    }

    /// Notes that one part fewer holds a message; the last one releases it.
    pub fn release(&self, message: &Encoded) {
        self.sub(message.tally().release(self.id()));
    }

    /// Charges a form of a message that is held, which is made when it is first asked for.
    pub(crate) fn grown(&self, message: &Encoded, form: Form) {
        let tally = message.tally();
        self.add(tally.grow(self.id(), form, || message.form_size(form)));
    }

    /// The bytes of a message that a single part holds; zero if more parts hold it.
    #[must_use]
    pub fn held_alone(&self, message: &Encoded) -> usize {
        self.held(message).alone
    }

    pub(crate) fn held(&self, message: &Encoded) -> Held {
        message.tally().held(self.id())
    }
}
