//! Outcomes of calls, from which the digest and the diagrams are made.

use std::fmt::{Debug, Write};

use socketio_proto::engine::client::Output as ClientOutput;
use socketio_proto::engine::http::{Request, Response};
use socketio_proto::engine::server::{Output, SentMany};
use socketio_proto::engine::{ConnectionId, Frame, RequestId};
use socketio_proto::server::{JoinedMany, ParentKey, RecoveryStore};

use crate::tape::Digest;
use crate::text::tidy;
use crate::wire::Wire;

/// The side that talks with the machine.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Party {
    /// A plain request.
    Request(u64),
    /// A WebSocket.
    Connection(u64),
    /// The clock.
    Clock,
    /// The application.
    Application,
}

/// The result of a call.
pub(crate) trait Outcome {
    /// Adds everything that can differ to the digest.
    fn digest(&self, digest: &mut Digest);

    /// The outcome in words; empty if there is nothing to say.
    fn said(&self) -> String;

    /// The outputs that leave the machine by it, and their receivers, for the given caller.
    fn leaving(&self, _by: Party) -> Option<(Party, String)> {
        None
    }
}

/// Results whose `Debug` output shows them completely.
macro_rules! plain {
    ($($type:ty)*) => {
        $(impl Outcome for $type {
            fn digest(&self, digest: &mut Digest) {
                debugged(self, digest);
            }

            fn said(&self) -> String {
                tidy(&format!("{self:-?}"))
            }
        })*
    };
}

plain!(bool usize SentMany JoinedMany ParentKey);

impl Outcome for () {
    fn digest(&self, _: &mut Digest) {}

    fn said(&self) -> String {
        String::new()
    }
}

impl<T: Debug, E: Debug> Outcome for Result<T, E> {
    fn digest(&self, digest: &mut Digest) {
        debugged(self, digest);
    }

    fn said(&self) -> String {
        match format!("{self:-?}").as_str() {
            "Ok(())" => String::new(),
            other => tidy(other),
        }
    }
}

/// The numbers inside a store depend on its history, which does not matter.
impl Outcome for Option<RecoveryStore> {
    fn digest(&self, digest: &mut Digest) {
        let held = self.as_ref().map(|store| {
            let packets: Vec<_> = store.packets().collect();
            (packets, store.sessions().collect::<Vec<_>>())
        });
        debugged(&held, digest);
    }

    fn said(&self) -> String {
        self.as_ref().map_or_else(|| "none".into(), Wire::show)
    }
}

impl Outcome for Option<Frame> {
    fn digest(&self, digest: &mut Digest) {
        debugged(self, digest);
    }

    fn said(&self) -> String {
        String::new()
    }

    fn leaving(&self, by: Party) -> Option<(Party, String)> {
        self.as_ref().map(|frame| (by, frame.show()))
    }
}

impl Outcome for Option<(Frame, bool)> {
    fn digest(&self, digest: &mut Digest) {
        debugged(self, digest);
    }

    fn said(&self) -> String {
        String::new()
    }

    fn leaving(&self, by: Party) -> Option<(Party, String)> {
        self.as_ref().map(|(frame, _)| (by, frame.show()))
    }
}

impl<E: Debug> Outcome for Option<Output<E>> {
    fn digest(&self, digest: &mut Digest) {
        debugged(self, digest);
    }

    fn said(&self) -> String {
        String::new()
    }

    fn leaving(&self, _: Party) -> Option<(Party, String)> {
        Some(match self.as_ref()? {
            Output::Respond { request, response } => (of_request(*request), answer(response)),
            Output::Accept { connection, .. } => (of_connection(*connection), "accept".into()),
            Output::Refuse {
                connection,
                response,
            } => {
                let text = format!("refuse: {}", answer(response));
                (of_connection(*connection), text)
            }
            // The frames follow.
            Output::Frames { .. } => return None,
            Output::Close { connection } => (of_connection(*connection), "close".into()),
            Output::Event(event) => (Party::Application, tidy(&format!("{event:-?}"))),
        })
    }
}

impl<E: Debug> Outcome for Option<ClientOutput<E>> {
    fn digest(&self, digest: &mut Digest) {
        debugged(self, digest);
    }

    fn said(&self) -> String {
        String::new()
    }

    fn leaving(&self, _: Party) -> Option<(Party, String)> {
        Some(match self.as_ref()? {
            ClientOutput::Request { request, message } => (of_request(*request), asked(message)),
            ClientOutput::Abort { request } => (of_request(*request), "abort".into()),
            ClientOutput::Connect {
                connection,
                request,
                ..
            } => (of_connection(*connection), asked(request)),
            ClientOutput::Frames { .. } => return None,
            ClientOutput::Close { connection } => (of_connection(*connection), "close".into()),
            ClientOutput::Event(event) => (Party::Application, tidy(&format!("{event:-?}"))),
        })
    }
}

const fn of_request(id: RequestId) -> Party {
    Party::Request(id.0)
}

const fn of_connection(id: ConnectionId) -> Party {
    Party::Connection(id.0)
}

fn answer(response: &Response) -> String {
    format!("{} {}", response.status, response.body.show())
}

fn asked(request: &Request) -> String {
    format!("{} {} {}", request.method, request.url, request.body.show())
        .trim_end()
        .to_owned()
}

fn debugged(value: &impl Debug, digest: &mut Digest) {
    // A digest takes everything.
    let _always = write!(digest, "{value:-?}");
}
