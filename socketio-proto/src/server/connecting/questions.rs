//! Questions to the application about a client, asked before it is asked whether to let the client in.
//!
//! | question | answer | action of the server |
//! |---|---|---|
//! | has this parent such a child? | yes | the namespace comes into being, and the client is announced there |
//! | | no | the next parent is asked; without one the client is refused |
//! | | none in time | the client is refused |
//! | what is known of the session that the client had? | the session | the client gets it back |
//! | | nothing, or none in time | the client is announced as a new one |
//!
//! There is one question about a client at a time. What the client sent along is held until the answer.

use alloc::collections::BTreeMap;

use engineio_proto::collections::Key;
use engineio_proto::ledger::{self, Charge, HeapSize, Ledger};

use crate::Payload;
use crate::server::keys::ParentKey;

/// The questions that wait for an answer, by the client that waits.
#[derive(Debug)]
pub(in crate::server) struct Questions {
    asked: BTreeMap<Key, Asked>,
    slots: Charge,
}

#[derive(Debug)]
struct Asked {
    question: Question,
    auth: Option<Payload>,
    /// What the client sent along, once no event keeps it too.
    charge: Charge,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::server) enum Question {
    /// Does this parent have such a child?
    Namespace(ParentKey),
    /// What is known of the session that the client had?
    Session,
}

/// A question that waits no longer.
#[derive(Debug)]
pub(in crate::server) struct Settled {
    /// The parent, if the question was whether it has such a child.
    pub(in crate::server) parent: Option<ParentKey>,
    /// What the client sent along.
    pub(in crate::server) auth: Option<Payload>,
    /// What no longer counts against the limits of the client.
    pub(in crate::server) bytes: usize,
}

impl Questions {
    pub(in crate::server) fn new(ledger: &Ledger) -> Self {
        Self {
            asked: BTreeMap::new(),
            slots: ledger.charge(0),
        }
    }

    /// Waits for an answer about a client. Gives the bytes that count against the limits of the client until then.
    pub(in crate::server) fn ask(
        &mut self,
        client: Key,
        question: Question,
        auth: Option<Payload>,
    ) -> usize {
        let size = match question {
            // The event that asks has it too.
            Question::Namespace(_) => 0,
            Question::Session => auth.as_ref().map_or(0, HeapSize::heap_size),
        };
        let bytes = payload_len(auth.as_ref());
        let charge = self.slots.ledger().charge(size);
        let asked = Asked {
            question,
            auth,
            charge,
        };
        self.asked.insert(client, asked);
        self.settle();
        bytes
    }

    /// Charges what a client sent along, once the event that asks about it is taken.
    pub(in crate::server) fn event_taken(&mut self, client: Key, size: usize) {
        if let Some(asked) = self.asked.get_mut(&client) {
            asked.charge.set(size);
        }
    }

    /// The bytes that are held for a client.
    pub(in crate::server) fn size(&self, client: Key) -> usize {
        let asked = self.asked.get(&client);
        asked.map_or(0, |asked| asked.charge.bytes())
    }

    /// Takes the answer to whether a parent has such a child; `None` if that is not the question.
    pub(in crate::server) fn answer_namespace(&mut self, client: Key) -> Option<Settled> {
        let question = self.asked.get(&client)?.question;
        matches!(question, Question::Namespace(_)).then(|| self.withdraw(client))?
    }

    /// Takes the answer to what is known of a session; `None` if that is not the question.
    pub(in crate::server) fn answer_session(&mut self, client: Key) -> Option<Settled> {
        let question = self.asked.get(&client)?.question;
        matches!(question, Question::Session).then(|| self.withdraw(client))?
    }

    /// Waits no longer for an answer about a client.
    pub(in crate::server) fn withdraw(&mut self, client: Key) -> Option<Settled> {
        let Asked { question, auth, .. } = self.asked.remove(&client)?;
        self.settle();
        Some(Settled {
            parent: match question {
                Question::Namespace(parent) => Some(parent),
                Question::Session => None,
            },
            bytes: payload_len(auth.as_ref()),
            auth,
        })
    }

    fn settle(&mut self) {
        let size = ledger::map_size::<Key, Asked>(self.asked.len());
        self.slots.set(size);
    }
}

fn payload_len(auth: Option<&Payload>) -> usize {
    auth.map_or(0, Payload::payload_len)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::PacketType;

    const CLIENT: Key = Key::from_bits(7);

    fn auth() -> Option<Payload> {
        Payload::from_json(PacketType::Connect, r#"{"token":"123"}"#, Vec::new()).ok()
    }

    #[test]
    fn a_question_is_answered_once_and_only_by_its_own_answer() {
        let mut questions = Questions::new(&Ledger::new());
        assert!(questions.answer_session(CLIENT).is_none());
        questions.ask(CLIENT, Question::Namespace(ParentKey(3)), None);
        assert!(questions.answer_session(CLIENT).is_none());
        let settled = questions.answer_namespace(CLIENT).unwrap();
        assert_eq!(settled.parent, Some(ParentKey(3)));
        assert!(questions.answer_namespace(CLIENT).is_none());
        questions.ask(CLIENT, Question::Session, auth());
        assert!(questions.answer_namespace(CLIENT).is_none());
        assert_eq!(questions.answer_session(CLIENT).unwrap().auth, auth());
        assert!(questions.withdraw(CLIENT).is_none());
    }

    #[test]
    fn what_a_client_sent_along_is_charged_once_no_event_has_it_and_until_the_answer() {
        let ledger = Ledger::new();
        let mut questions = Questions::new(&ledger);
        let size = auth().as_ref().map_or(0, HeapSize::heap_size);
        let counted = questions.ask(CLIENT, Question::Namespace(ParentKey(0)), auth());
        assert_eq!(questions.size(CLIENT), 0);
        questions.event_taken(CLIENT, size);
        assert_eq!(questions.size(CLIENT), size);
        assert_eq!(questions.withdraw(CLIENT).unwrap().bytes, counted);
        questions.ask(CLIENT, Question::Session, auth());
        assert_eq!(questions.size(CLIENT), size);
        assert!(ledger.total() > size);
        questions.withdraw(CLIENT);
        assert_eq!((questions.size(CLIENT), ledger.total()), (0, 0));
    }
}
