//! Checks the codecs against what the official packages do.
//!
//! Reads the folder named by `CONFORMANCE_VECTORS`, by default `tests/vectors`, whose README tells the format and the
//! rules of comparison. Every vector of every file is checked; fields, kinds and files that are not known fail.
#![expect(
    clippy::print_stdout,
    reason = "the figures are to be seen, passing or not"
)]

#[path = "vectors/engineio.rs"]
mod engineio;
#[path = "vectors/engineio_v3.rs"]
mod engineio_v3;
#[path = "vectors/engineio_webtransport.rs"]
mod engineio_webtransport;
#[path = "vectors/kinds.rs"]
mod kinds;
#[path = "vectors/model.rs"]
mod model;
#[path = "vectors/msgpack.rs"]
mod msgpack;
#[path = "vectors/socketio.rs"]
mod socketio;
#[path = "vectors/tree.rs"]
mod tree;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use model::{Op, Vector, ensure};

/// A file, and what checks its vectors.
struct Suite {
    file: &'static str,
    kinds: &'static str,
    check: fn(&Vector) -> Result<(), String>,
    /// Whether our types cannot express what is to be encoded.
    is_inexpressible: fn(&Vector) -> bool,
}

const SUITES: [Suite; 8] = [
    Suite {
        file: "engineio-v3-packets.jsonl",
        kinds: kinds::ENGINEIO_V3_PACKETS,
        check: engineio_v3::packet,
        is_inexpressible: engineio_v3::is_inexpressible,
    },
    Suite {
        file: "engineio-v3-payloads.jsonl",
        kinds: kinds::ENGINEIO_V3_PAYLOADS,
        check: engineio_v3::payload,
        is_inexpressible: engineio_v3::is_inexpressible,
    },
    Suite {
        file: "engineio-v4-packets.jsonl",
        kinds: kinds::ENGINEIO_V4_PACKETS,
        check: engineio::packet,
        is_inexpressible: |_| false,
    },
    Suite {
        file: "engineio-v4-payloads.jsonl",
        kinds: kinds::ENGINEIO_V4_PAYLOADS,
        check: engineio::payload,
        is_inexpressible: |_| false,
    },
    Suite {
        file: "engineio-webtransport.jsonl",
        kinds: kinds::ENGINEIO_WEBTRANSPORT,
        check: engineio_webtransport::check,
        is_inexpressible: |_| false,
    },
    Suite {
        file: "socketio-v4.jsonl",
        kinds: kinds::SOCKETIO_V4,
        check: socketio::check,
        is_inexpressible: |_| false,
    },
    Suite {
        file: "socketio-v5.jsonl",
        kinds: kinds::SOCKETIO_V5,
        check: socketio::check,
        is_inexpressible: |_| false,
    },
    Suite {
        file: "socketio-msgpack.jsonl",
        kinds: kinds::SOCKETIO_MSGPACK,
        check: msgpack::check,
        is_inexpressible: |_| false,
    },
];

fn main() -> ExitCode {
    let folder = env::var_os("CONFORMANCE_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"),
        PathBuf::from,
    );
    println!("vectors of {}", folder.display());
    let mut total = Tally::default();
    for suite in &SUITES {
        let tally = run(suite, &folder);
        println!(
            "{}: {} checked, {} skipped as unreachable, {} as inexpressible, {} failed",
            suite.file,
            tally.passed + tally.failed,
            tally.skipped,
            tally.inexpressible,
            tally.failed
        );
        total.passed += tally.passed;
        total.failed += tally.failed;
    }
    let strangers = strangers(&folder);
    for file in &strangers {
        println!("{file}: FAILED: an unknown file");
    }
    total.failed += strangers.len();
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[derive(Default)]
struct Tally {
    passed: usize,
    skipped: usize,
    inexpressible: usize,
    failed: usize,
}

fn run(suite: &Suite, folder: &Path) -> Tally {
    let mut tally = Tally::default();
    let text = match fs::read_to_string(folder.join(suite.file)) {
        Ok(text) => text,
        Err(error) => {
            println!("{}: FAILED: {error}", suite.file);
            tally.failed = 1;
            return tally;
        }
    };
    let mut ids = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let fail = |tally: &mut Tally, id: &str, fault: String| {
            println!("{}:{} {id}: FAILED: {fault}", suite.file, index + 1);
            tally.failed += 1;
        };
        let vector: Vector = match serde_json::from_str(line) {
            Ok(vector) => vector,
            Err(error) => {
                fail(
                    &mut tally,
                    "?",
                    format!("the vector is not understood: {error}"),
                );
                continue;
            }
        };
        let known = ensure(ids.insert(vector.id.clone()), || "an id used twice".into())
            .and_then(|()| vector.check())
            .and_then(|()| {
                ensure(knows(suite.kinds, &vector), || {
                    format!("unknown kind {}", vector.kind)
                })
            });
        match known {
            Ok(()) if vector.unreachable => tally.skipped += 1,
            Ok(()) if (suite.is_inexpressible)(&vector) => tally.inexpressible += 1,
            result => match result.and_then(|()| (suite.check)(&vector)) {
                Ok(()) => tally.passed += 1,
                Err(fault) => fail(&mut tally, &vector.id, fault),
            },
        }
    }
    if ids.is_empty() {
        println!("{}: FAILED: no vectors", suite.file);
        tally.failed += 1;
    }
    tally
}

fn knows(kinds: &str, vector: &Vector) -> bool {
    let op = match vector.op {
        Op::Decode => "decode:",
        Op::Encode => "encode:",
    };
    kinds
        .lines()
        .filter_map(|line| line.strip_prefix(op))
        .any(|kinds| kinds.split(' ').any(|kind| kind == vector.kind))
}

/// The files of vectors that are of no suite.
fn strangers(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".jsonl"))
        .filter(|name| SUITES.iter().all(|suite| suite.file != name))
        .collect()
}
