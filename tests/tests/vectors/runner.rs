//! Runs the vectors of a folder through the checks, and counts what came of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::model::{Vector, ensure};
use crate::{engineio, engineio_v3, engineio_webtransport, kinds, msgpack, socketio};

/// The treatment of vectors of unknown kinds, and of files with unknown names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unknown {
    /// Each is a failure, so that nothing is passed over in silence.
    Fails,
    /// They are counted and reported, and do not fail: for vectors that are newer than the checks.
    IsCounted,
}

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

/// The results for the vectors of one folder.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) unknown: usize,
    /// One line for each file and each failure.
    pub(crate) lines: Vec<String>,
}

/// Checks all vectors of a folder.
pub(crate) fn check(folder: &Path, unknown: Unknown) -> Report {
    let mut report = Report::default();
    for suite in &SUITES {
        let tally = run(suite, folder, unknown, &mut report.lines);
        report.lines.push(format!(
            "{}: {} checked, {} skipped as unreachable, {} as inexpressible, {} unknown, {} failed",
            suite.file,
            tally.passed + tally.failed,
            tally.skipped,
            tally.inexpressible,
            tally.unknown,
            tally.failed
        ));
        report.passed += tally.passed;
        report.failed += tally.failed;
        report.unknown += tally.unknown;
    }
    for file in strangers(folder) {
        match unknown {
            Unknown::Fails => {
                report
                    .lines
                    .push(format!("{file}: FAILED: an unknown file"));
                report.failed += 1;
            }
            Unknown::IsCounted => {
                let text = fs::read_to_string(folder.join(&file)).unwrap_or_default();
                let vectors = text.lines().count();
                report
                    .lines
                    .push(format!("{file}: {vectors} unknown, an unknown file"));
                report.unknown += vectors;
            }
        }
    }
    report
}

#[derive(Default)]
struct Tally {
    passed: usize,
    skipped: usize,
    inexpressible: usize,
    unknown: usize,
    failed: usize,
}

fn run(suite: &Suite, folder: &Path, unknown: Unknown, lines: &mut Vec<String>) -> Tally {
    let mut tally = Tally::default();
    let text = match fs::read_to_string(folder.join(suite.file)) {
        Ok(text) => text,
        Err(error) => {
            lines.push(format!("{}: FAILED: {error}", suite.file));
            tally.failed = 1;
            return tally;
        }
    };
    let mut ids = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let mut fail = |tally: &mut Tally, id: &str, fault: String| {
            lines.push(format!(
                "{}:{} {id}: FAILED: {fault}",
                suite.file,
                index + 1
            ));
            tally.failed += 1;
        };
        let label = serde_json::from_str::<Label>(line);
        let is_unknown = label.is_ok_and(|label| !label.is_known(suite.kinds));
        if unknown == Unknown::IsCounted && is_unknown {
            tally.unknown += 1;
            continue;
        }
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
            .and_then(|()| ensure(!is_unknown, || format!("unknown kind {}", vector.kind)));
        match known {
            Ok(()) if vector.unreachable => tally.skipped += 1,
            Ok(()) if (suite.is_inexpressible)(&vector) => tally.inexpressible += 1,
            result => match result.and_then(|()| (suite.check)(&vector)) {
                Ok(()) => tally.passed += 1,
                Err(fault) => fail(&mut tally, &vector.id, fault),
            },
        }
    }
    if ids.is_empty() && tally.unknown == 0 {
        lines.push(format!("{}: FAILED: no vectors", suite.file));
        tally.failed += 1;
    }
    tally
}

/// The fields that say whether a vector is known. They are read alone, since a new kind may have new fields.
#[derive(Deserialize)]
struct Label {
    op: String,
    kind: String,
}

impl Label {
    fn is_known(&self, kinds: &str) -> bool {
        let kinds = kinds.lines().filter_map(|line| line.split_once(": "));
        kinds
            .filter(|(op, _)| *op == self.op)
            .any(|(_, kinds)| kinds.split(' ').any(|kind| kind == self.kind))
    }
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
