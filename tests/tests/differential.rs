//! The decoders against the official ones: random packets, good ones and such with faults, go to both, and both must say
//! the same.
//!
//! `cargo test -p proto-tests --test differential -- --cases 100000 --seed 7`. The official parsers run in a process of
//! Node.js, `tests/js/differential.mjs`; without their packages, which `scripts/test install` brings, nothing is compared.
//!
//! If we refuse input that the official decoders accept, the reason is in `allowed.rs`, with a predicate for the input.
//! There is no exception in the other direction.

#[path = "differential/allowed.rs"]
mod allowed;
#[path = "differential/cases.rs"]
mod cases;
#[path = "differential/ours.rs"]
mod ours;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use serde_json::Value;
use socketio_testkit::Random;

use cases::{Case, Kind};

/// Cases in one line for the other process.
const BATCH: usize = 200;

fn main() -> ExitCode {
    let (mut cases, mut seed) = (4_000_u64, 1_u64);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number =
            |word: Option<String>| word.and_then(|word| word.parse().ok()).expect("a number");
        match word.as_str() {
            "--cases" => cases = number(words.next()),
            "--seed" => seed = number(words.next()),
            "--list" => return ExitCode::SUCCESS,
            // What the test runner of the other tests takes.
            _ => {}
        }
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    if !tests.join("node_modules/socket.io-msgpack-parser").is_dir() {
        println!("differential: left out, for which `scripts/test install` is needed");
        return ExitCode::SUCCESS;
    }
    compare(&tests, cases as usize, seed)
}

fn compare(tests: &Path, count: usize, seed: u64) -> ExitCode {
    let mut official = Official::start(tests);
    let mut random = Random::new(seed);
    let mut differences: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut agreed, mut refused) = (0_usize, 0_usize);
    for batch in 0..count.div_ceil(BATCH) {
        let size = BATCH.min(count - batch * BATCH);
        let cases: Vec<Case> = (0..size).map(|_| Case::random(&mut random)).collect();
        for (case, theirs) in cases.iter().zip(official.decode(&cases)) {
            match case.compare(&theirs) {
                Ok(outcomes) => {
                    for outcome in outcomes {
                        match outcome {
                            Outcome::Same => agreed += 1,
                            Outcome::BothRefuse => refused += 1,
                            Outcome::Allowed(name) => *differences.entry(name).or_default() += 1,
                        }
                    }
                }
                Err(fault) => {
                    println!(
                        "differential: seed {seed}, {:?}\n  {case:?}\n  official: {theirs}\n  {fault}",
                        case.kind
                    );
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    println!(
        "differential: {count} cases of seed {seed}; of their messages {agreed} read the same, {refused} were refused by both"
    );
    for (name, count) in differences {
        println!("  {count} were read in another way, on purpose: {name}");
    }
    ExitCode::SUCCESS
}

/// The result of one message.
pub(crate) enum Outcome {
    Same,
    BothRefuse,
    /// We refuse it, or read it in another way, on purpose, for this reason.
    Allowed(&'static str),
}

/// The process with the official parsers.
struct Official(Child);

impl Official {
    fn start(tests: &Path) -> Self {
        let mut node = Command::new("node");
        node.arg(tests.join("differential.mjs"));
        node.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self(node.spawn().expect("Node.js"))
    }

    fn decode(&mut self, cases: &[Case]) -> Vec<Value> {
        let cases: Vec<Value> = cases.iter().map(Case::to_json).collect();
        let line = Value::Array(cases).to_string();
        let input = self.0.stdin.as_mut().expect("piped");
        writeln!(input, "{line}").expect("it reads");
        let mut answer = String::new();
        BufReader::new(self.0.stdout.as_mut().expect("piped"))
            .read_line(&mut answer)
            .expect("it answers");
        serde_json::from_str(&answer).expect("an answer for each case")
    }
}

impl Drop for Official {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.0.stdin.take());
        let _status = self.0.wait();
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Frame4 => "eio4-frame",
            Self::Payload4 => "eio4-payload",
            Self::Frame3 => "eio3-frame",
            Self::Payload3 => "eio3-payload",
            Self::Json => "sio",
            Self::MsgPack => "msgpack",
        }
    }
}
