//! Machines for the scripts of the cores. Each records itself; when it is dropped, the recording is replayed and must
//! give the same outputs.
#![allow(dead_code, reason = "scripts of the server have no client")]

use std::io::{self, Write};
use std::thread;

use socketio_proto::engine::Seed;
use socketio_proto::{client, server};
use socketio_recorder::{Ending, OpenError, Recorder, RedactError, Replay, redact};

pub(crate) type Server = Recorder<server::Server>;

pub(crate) type Client = Recorder<client::Client>;

pub(crate) fn new_server(config: server::Config, seed: &Seed) -> Server {
    Recorder::server(config, 0, seed, Sink::default(), u64::MAX).expect("a good config")
}

pub(crate) fn new_client(config: client::Config, seed: &Seed) -> Client {
    Recorder::client(config, seed, Sink::default(), u64::MAX).expect("a good config")
}

/// A recording that is complete once it is dropped.
#[derive(Default)]
struct Sink(Vec<u8>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !thread::panicking() {
            check(&self.0);
        }
    }
}

/// The recording replays whole, and up to each cut behind the header.
fn check(recording: &[u8]) {
    let mut replay = Replay::new(recording).expect("a recording");
    if *replay.run() != Ending::Complete {
        let last = Replay::new(recording).expect("a recording").last();
        panic!("{:?} at {last:?}", replay.ending());
    }
    // One of many, since that takes long.
    if recording.len().is_multiple_of(16) {
        match redact(recording, &Seed::new([0xa5; 32])) {
            Ok(redacted) => {
                let mut replay = Replay::new(&redacted).expect("a recording");
                assert_eq!(*replay.run(), Ending::Complete);
            }
            // Where ids decide on the order of something.
            Err(RedactError::Unfaithful { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    let end = recording.len() - recording.len() / 8;
    match Replay::new(&recording[..end]).map(|mut replay| replay.run().clone()) {
        Ok(Ending::Complete | Ending::Unfinished { .. } | Ending::CutOff { .. }) => {}
        Err(OpenError::TooShort) => {}
        other => panic!("{other:?}"),
    }
}
