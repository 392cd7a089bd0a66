//! Making the calls of a recording again.

use socketio_proto::client::Client;
use socketio_proto::engine::Instant;
use socketio_proto::engine::hidden::Hidden;
use socketio_proto::server::Server;
use std::fmt;

use crate::calls::{Machine, Made};
use crate::outcome::Party;
use crate::tape::{Digest, Header};
use crate::wire::{Fault, Reader};

/// A recording that is being replayed: an iterator that makes one call after the other.
///
/// It ends with the recording, or with the first call whose outcome is another than it was; [`ending`](Self::ending)
/// tells. A panic of the machine comes through, since it is what a recording may be about.
pub struct Replay<'a> {
    machine: Replayed,
    input: Reader<'a>,
    len: usize,
    digest: Digest,
    calls: u64,
    ending: Option<Ending>,
    version: &'a str,
    settings: &'a str,
}

impl fmt::Debug for Replay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("machine", &self.machine)
            .field("calls", &self.calls)
            .field("ending", &self.ending)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A machine of either kind.
#[derive(Debug)]
pub(crate) enum Replayed {
    Server(Box<Server>),
    Client(Box<Client>),
}

/// The reason why bytes cannot be replayed at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// They are no recording, or one of a later version.
    #[error("this is no recording that can be read: {0}")]
    NotOne(&'static str),
    /// They end within the header.
    #[error("the recording ends before its first call")]
    TooShort,
    /// The settings make no machine, which those of another version of the machines may not.
    #[error("the settings of the recording make no machine here: {0}")]
    Settings(String),
}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::End => Self::TooShort,
            Fault::Malformed(why) => Self::NotOne(why),
        }
    }
}

impl Replayed {
    /// Makes the machine that a header tells of.
    pub(crate) fn new(header: &Header<'_>) -> Result<Self, OpenError> {
        match header.kind {
            Server::KIND => {
                let machine = Server::new(settings(header)?, header.shard, &header.seed);
                Ok(Self::Server(Box::new(made(machine)?)))
            }
            Client::KIND => {
                let machine = Client::new(settings(header)?, &header.seed);
                Ok(Self::Client(Box::new(made(machine)?)))
            }
            _ => Err(OpenError::NotOne("the kind of its machine is unknown")),
        }
    }

    /// Reads a call and makes it.
    pub(crate) fn make(
        &mut self,
        input: &mut Reader<'_>,
        digest: &mut Digest,
        show: bool,
    ) -> Result<Made, Fault> {
        let tag = input.byte()?;
        match self {
            Self::Server(server) => server.make(tag, input, digest, show),
            Self::Client(client) => client.make(tag, input, digest, show),
        }
    }
}

/// One call that was made again.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// Its number in the recording, counted from 1.
    pub number: u64,
    /// Its position in the recording, in bytes.
    pub offset: usize,
    /// The time of the call, or of the last one before it that had a time.
    pub at: Instant,
    /// The caller.
    pub by: Party,
    /// The name of the method.
    pub call: &'static str,
    /// The arguments, but for times and for whom [`by`](Self::by) names.
    pub arguments: Vec<String>,
    /// The result; empty if there is nothing to say of it.
    pub result: String,
    /// The outputs that left the machine by it, and their receiver.
    pub leaving: Option<(Party, String)>,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("number", &self.number)
            .field("offset", &self.offset)
            .field("at", &self.at)
            .field("by", &self.by)
            .field("call", &self.call)
            .field("arguments", &Hidden(self.arguments.as_slice()))
            .field("result", &Hidden(self.result.as_str()))
            .field(
                "leaving",
                &self
                    .leaving
                    .as_ref()
                    .map(|(to, what)| (to, Hidden(what.as_str()))),
            )
            .finish()
    }
}

/// The end of a replay.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ending {
    /// There are calls that have not been made yet.
    Underway,
    /// All calls were made and gave what they gave when they were recorded.
    Complete,
    /// The last call has no outcome in the recording: the machine did not come back from it, or the recording was cut off
    /// there. All before it gave what they gave.
    Unfinished {
        /// The number of the call.
        number: u64,
    },
    /// The recording was cut off within a call, which could not be made. All before it gave what they gave.
    CutOff {
        /// The position of the call, in bytes.
        offset: usize,
    },
    /// A call had another outcome than when it was recorded, or left another deadline. Nothing was made after it.
    Differs {
        /// The number of the call: the last one that was given.
        number: u64,
    },
    /// The bytes there are not a call.
    Malformed {
        /// The position of the bytes.
        offset: usize,
        /// The fault.
        why: &'static str,
    },
}

impl<'a> Replay<'a> {
    /// Reads the header of a recording and makes its machine.
    ///
    /// # Errors
    ///
    /// An [`OpenError`] if it has no good header.
    pub fn new(recording: &'a [u8]) -> Result<Self, OpenError> {
        let mut input = Reader::new(recording);
        let header = Header::read(&mut input).map_err(OpenError::from)?;
        let machine = Replayed::new(&header)?;
        Ok(Self {
            machine,
            input,
            len: recording.len(),
            digest: Digest::new(),
            calls: 0,
            ending: None,
            version: header.version,
            settings: header.settings,
        })
    }

    /// The end of the replay.
    #[must_use]
    pub fn ending(&self) -> &Ending {
        self.ending.as_ref().unwrap_or(&Ending::Underway)
    }

    /// The position of the next call in the recording, in bytes.
    pub(crate) fn offset(&self) -> usize {
        self.len - self.input.len()
    }

    /// The calls that were made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// The name of the machine in a diagram.
    #[must_use]
    pub fn machine(&self) -> &'static str {
        match &self.machine {
            Replayed::Server(_) => Server::NAME,
            Replayed::Client(_) => Client::NAME,
        }
    }

    /// The version of this crate that wrote the recording.
    #[must_use]
    pub fn version(&self) -> &'a str {
        self.version
    }

    /// The settings of the machine, JSON.
    #[must_use]
    pub fn settings(&self) -> &'a str {
        self.settings
    }

    /// Makes all calls that are left, without a word on them, and tells how far it came.
    pub fn run(&mut self) -> &Ending {
        while self.advance(false).is_some() {}
        self.ending()
    }

    /// Makes the next call and compares its outcome; `None` if there is none that can be made.
    fn advance(&mut self, show: bool) -> Option<(usize, Made)> {
        if self.ending.is_some() {
            return None;
        }
        if self.input.len() == 0 {
            self.ending = Some(Ending::Complete);
            return None;
        }
        let offset = self.offset();
        let made = self.make(offset, show)?;
        self.calls += 1;
        self.compare(made.digest);
        Some((offset, made))
    }

    /// Makes the next call, whatever comes of it.
    fn make(&mut self, offset: usize, show: bool) -> Option<Made> {
        let made = self.machine.make(&mut self.input, &mut self.digest, show);
        match made {
            Ok(made) => Some(made),
            Err(fault) => {
                self.ending = Some(match fault {
                    Fault::End => Ending::CutOff { offset },
                    Fault::Malformed(why) => Ending::Malformed { offset, why },
                });
                None
            }
        }
    }

    /// Compares the outcome of a call with what is recorded of it.
    fn compare(&mut self, digest: [u8; 4]) {
        let number = self.calls;
        match self.input.take(digest.len()) {
            Ok(recorded) if recorded == digest => {}
            Ok(_) => self.ending = Some(Ending::Differs { number }),
            Err(_) => self.ending = Some(Ending::Unfinished { number }),
        }
    }
}

impl Iterator for Replay<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (offset, made) = self.advance(true)?;
        Some(Step {
            number: self.calls,
            offset,
            at: self.input.time(),
            by: made.by,
            call: made.name,
            arguments: made.arguments,
            result: made.result,
            leaving: made.leaving,
        })
    }
}

fn settings<C: serde::de::DeserializeOwned>(header: &Header<'_>) -> Result<C, OpenError> {
    serde_json::from_str(header.settings).map_err(|error| OpenError::Settings(error.to_string()))
}

fn made<M, E: std::error::Error>(machine: Result<M, E>) -> Result<M, OpenError> {
    machine.map_err(|error| OpenError::Settings(error.to_string()))
}
