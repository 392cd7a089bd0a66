//! Requests of HTTP against other servers: streams of requests, good ones and mutated ones, go to our wire, to `hyper` and to
//! the server of Node.js. All must read the same requests and refuse the same streams.
//!
//! Each known difference is listed in `known.rs` with the fault that each side sees and the reason. `HTTP_STREAMS` sets the
//! number of streams, and `HTTP_SEED` the seed.
#![cfg(test)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "wire_http/known.rs"]
mod known;
#[path = "wire_http/readers.rs"]
mod readers;
#[path = "wire_http/streams.rs"]
mod streams;

use std::collections::BTreeMap;
use std::path::Path;

use known::{Other, Verdict};
use readers::{Node, of_hyper, ours};
use socketio_testkit::Random;

/// What came of a stream: the requests that were read whole, and how reading ended.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Outcome {
    requests: Vec<Request>,
    /// The fault that ended the connection, or that it was closed; `None` if the next bytes would be read.
    end: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Request {
    method: String,
    target: String,
    body: Vec<u8>,
}

fn settings(per_run: usize) -> (usize, Random) {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().expect("a number"))
    };
    let count = number("HTTP_STREAMS").map_or(per_run, |count| count as usize);
    (count, Random::new(number("HTTP_SEED").unwrap_or(1)))
}

/// How often each known difference was seen.
#[derive(Debug, Default)]
struct Tally {
    same: usize,
    refused: usize,
    known: BTreeMap<&'static str, usize>,
    /// What each side said, with the streams from that request on.
    unknown: BTreeMap<String, Vec<String>>,
}

impl Tally {
    fn add(&mut self, other: Other, bytes: &[u8], ours: &Outcome, theirs: &Outcome) {
        match known::judge(other, bytes, ours, theirs) {
            Verdict::Same if ours.end.is_some() => self.refused += 1,
            Verdict::Same => self.same += 1,
            Verdict::Known(reason) => *self.known.entry(reason).or_default() += 1,
            Verdict::Unknown(words, at) => {
                let (before, rest) = bytes.split_at(at.min(bytes.len()));
                let rest = [before, b" >>> ", rest].concat();
                let rest = String::from_utf8_lossy(&rest).into_owned();
                self.unknown.entry(words).or_default().push(rest);
            }
        }
    }

    fn report(&self, count: usize) {
        println!(
            "{} streams read alike, {} refused alike",
            self.same, self.refused
        );
        for (reason, count) in &self.known {
            println!("{count} times: {reason}");
        }
        for (words, streams) in &self.unknown {
            let mut streams = streams.clone();
            streams.sort_by_key(String::len);
            println!(
                "unknown, {} times: {words}: {:?}",
                streams.len(),
                &streams[..streams.len().min(5)]
            );
        }
        assert!(self.unknown.is_empty(), "differences that are not listed");
        assert!(self.same > count / 10 && self.refused > count / 10);
    }
}

#[test]
fn hyper_reads_the_same() {
    let (count, mut random) = settings(20_000);
    let mut tally = Tally::default();
    for _ in 0..count {
        let bytes = streams::random(&mut random);
        let (mut ours, mut theirs) = (ours(&bytes), of_hyper(&bytes));
        if ours.end.is_some() != theirs.end.is_some() {
            // One of them looks at a head before it is whole.
            let longer = [&bytes, streams::REST].concat();
            (ours, theirs) = (readers::ours(&longer), of_hyper(&longer));
        }
        tally.add(Other::Hyper, &bytes, &ours, &theirs);
    }
    tally.report(count);
}

#[test]
fn node_reads_the_same() {
    let (count, mut random) = settings(5_000);
    let mut node = Node::start(&Path::new(env!("CARGO_MANIFEST_DIR")).join("js"));
    let mut tally = Tally::default();
    for _ in 0..count.div_ceil(500) {
        let streams: Vec<_> = (0..500).map(|_| streams::random(&mut random)).collect();
        let mut again = Vec::new();
        for (bytes, theirs) in streams.iter().zip(node.read(&streams)) {
            let ours = ours(bytes);
            if ours.end.is_some() == theirs.end.is_some() {
                tally.add(Other::Node, bytes, &ours, &theirs);
            } else {
                again.push([bytes, streams::REST].concat());
            }
        }
        for (bytes, theirs) in again.iter().zip(node.read(&again)) {
            tally.add(Other::Node, bytes, &ours(bytes), &theirs);
        }
    }
    tally.report(count);
}
