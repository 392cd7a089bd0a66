//! Responses of HTTP against other clients: responses, good ones and mutated ones, go to our wire, to `hyper` and to
//! `ureq-proto`. All must read the same responses and refuse the same.
//!
//! Each known difference is listed in `known.rs` with the reason. `HTTP_STREAMS` sets the number of streams, and `HTTP_SEED`
//! the seed.
#![cfg(test)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "wire_responses/known.rs"]
mod known;
#[path = "wire_responses/readers.rs"]
mod readers;
#[path = "wire_responses/streams.rs"]
mod streams;

use std::collections::BTreeMap;

use known::{Other, Verdict};
use socketio_testkit::Random;

/// What came of a connection that the server closes behind these bytes.
type Outcome = Result<Response, String>;

#[derive(Clone, Debug, Eq, PartialEq)]
struct Response {
    status: u16,
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

fn compare(other: Other, read: impl Fn(&[u8]) -> Outcome) {
    let (count, mut random) = settings(20_000);
    let (mut same, mut refused) = (0, 0);
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    let mut unknown: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for _ in 0..count {
        let bytes = streams::random(&mut random);
        let (ours, theirs) = (readers::ours(&bytes), read(&bytes));
        match known::judge(other, &bytes, &ours, &theirs) {
            Verdict::Same if ours.is_ok() => same += 1,
            Verdict::Same => refused += 1,
            Verdict::Known(reason) => *known.entry(reason).or_default() += 1,
            Verdict::Unknown => {
                let words = |outcome: &Outcome| match outcome {
                    Ok(response) => format!("{}", response.status),
                    Err(fault) => fault.clone(),
                };
                let words = format!("ours {}, theirs {}", words(&ours), words(&theirs));
                let text = String::from_utf8_lossy(&bytes).into_owned();
                unknown.entry(words).or_default().push(text);
            }
        }
    }
    println!("{same} responses read alike, {refused} refused alike");
    for (reason, count) in &known {
        println!("{count} times: {reason}");
    }
    for (words, streams) in &mut unknown {
        streams.sort_by_key(String::len);
        let some = &streams[..streams.len().min(5)];
        println!("unknown, {} times: {words}: {some:?}", streams.len());
    }
    assert!(unknown.is_empty(), "differences that are not listed");
    assert!(same > count / 10 && refused > count / 10);
}

#[test]
fn hyper_reads_the_same() {
    compare(Other::Hyper, readers::of_hyper);
}

#[test]
fn ureq_reads_the_same() {
    compare(Other::Ureq, readers::of_ureq);
}
