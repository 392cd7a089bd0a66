//! A machine whose calls are written down.

use std::io::{self, Write};
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;
use socketio_proto::client::{self, Client};
use socketio_proto::engine::{ConfigError, Seed};
use socketio_proto::server::{self, Server};

use crate::calls::Machine;
use crate::tape::{Header, Status, Tape};

/// A machine that writes down every call which changes it, before the call is made.
///
/// The calls have the names, arguments and results that they have with the machine; what only looks at the machine goes
/// through [`Deref`]. Made [from a machine](From), it records nothing and costs nothing but a comparison a call, so that
/// a program can hold a recorder in any case.
///
/// Nothing that goes wrong with writing reaches the machine: see [`status`](Self::status). To lose no call when the
/// process is killed, the sink must not buffer; each call but polls is one write, with what waits of polls before it.
#[derive(Debug)]
pub struct Recorder<M> {
    pub(crate) machine: M,
    pub(crate) tape: Option<Tape>,
}

/// The reason why a recording cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The settings cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The settings hold a number that cannot be written down: not a number, or infinite.
    #[error("a setting is no finite number")]
    Settings,
    /// Writing failed.
    #[error("cannot write the recording")]
    Io(#[from] io::Error),
}

impl Recorder<Server> {
    /// Makes a server as [`Server::new`] does, and records it into `sink` until that holds more than `limit` bytes or
    /// fails.
    ///
    /// # Errors
    ///
    /// A [`RecordError`] if the settings cannot work or be written, or the sink takes nothing.
    pub fn server(
        config: server::Config,
        shard: u16,
        seed: &Seed,
        sink: impl Write + Send + 'static,
        limit: u64,
    ) -> Result<Self, RecordError> {
        let settings = written(&config)?;
        let machine = Server::new(config, shard, seed)?;
        start(machine, &settings, shard, seed, Box::new(sink), limit)
    }
}

impl Recorder<Client> {
    /// Makes a client as [`Client::new`] does, and records it into `sink` until that holds more than `limit` bytes or
    /// fails.
    ///
    /// # Errors
    ///
    /// A [`RecordError`] if the settings cannot work or be written, or the sink takes nothing.
    pub fn client(
        config: client::Config,
        seed: &Seed,
        sink: impl Write + Send + 'static,
        limit: u64,
    ) -> Result<Self, RecordError> {
        let settings = written(&config)?;
        let machine = Client::new(config, seed)?;
        start(machine, &settings, 0, seed, Box::new(sink), limit)
    }
}

impl<M> Recorder<M> {
    /// The state of the recording.
    #[must_use]
    pub fn status(&self) -> Status<'_> {
        self.tape.as_ref().map_or(Status::Off, Tape::status)
    }

    /// Ends the recording and gives the machine, as it is.
    pub fn into_inner(self) -> M {
        self.machine
    }
}

impl<M> From<M> for Recorder<M> {
    /// A recorder that records nothing.
    fn from(machine: M) -> Self {
        Self {
            machine,
            tape: None,
        }
    }
}

impl<M> Deref for Recorder<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.machine
    }
}

/// Settings as text that makes the same settings again.
fn written<C: Serialize + DeserializeOwned + std::fmt::Debug>(
    config: &C,
) -> Result<String, RecordError> {
    let text = serde_json::to_string(config).map_err(|_| RecordError::Settings)?;
    let again: C = serde_json::from_str(&text).map_err(|_| RecordError::Settings)?;
    if format!("{config:-?}") == format!("{again:-?}") {
        Ok(text)
    } else {
        Err(RecordError::Settings)
    }
}

fn start<M: Machine>(
    machine: M,
    settings: &str,
    shard: u16,
    seed: &Seed,
    sink: Box<dyn Write + Send>,
    limit: u64,
) -> Result<Recorder<M>, RecordError> {
    let header = Header {
        kind: M::KIND,
        shard,
        seed: seed.clone(),
        version: env!("CARGO_PKG_VERSION"),
        settings,
    };
    let tape = Some(Tape::start(&header, sink, limit)?);
    Ok(Recorder { machine, tape })
}
