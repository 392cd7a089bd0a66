//! Checks the program that checks the vectors: what it does with kinds that it does not know, and how it writes dates.

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
#[path = "vectors/runner.rs"]
mod runner;
#[path = "vectors/socketio.rs"]
mod socketio;
#[path = "vectors/tree.rs"]
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use runner::{Report, Unknown};

/// A copy of the vectors, which goes with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
        for entry in fs::read_dir(vectors).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        Self(folder)
    }

    /// Adds a line to a file.
    fn add(&self, file: &str, line: &str) {
        let path = self.0.join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, format!("{text}{line}\n")).unwrap();
    }

    fn check(&self, unknown: Unknown) -> Report {
        runner::check(&self.0, unknown)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// A vector of a kind from the future, with a field that is new too.
const NEW: &str =
    r#"{"id":"x.001","op":"decode","kind":"telepathy","malformed":false,"thought":true}"#;

#[test]
fn a_kind_that_is_not_known_fails_unless_it_is_to_be_counted() {
    let folder = Folder::new("unknown-kind");
    let clean = folder.check(Unknown::Fails);
    assert_eq!((clean.failed, clean.unknown), (0, 0));

    folder.add("socketio-v5.jsonl", NEW);
    let strict = folder.check(Unknown::Fails);
    assert_eq!((strict.failed, strict.unknown), (1, 0));
    let counted = folder.check(Unknown::IsCounted);
    assert_eq!((counted.failed, counted.unknown), (0, 1));
    assert_eq!(counted.passed, clean.passed);
    let line = counted
        .lines
        .iter()
        .find(|line| line.starts_with("socketio-v5"));
    assert!(
        line.is_some_and(|line| line.contains(" 1 unknown, ")),
        "{line:?}"
    );
}

#[test]
fn a_file_that_is_not_known_fails_unless_its_vectors_are_to_be_counted() {
    let folder = Folder::new("unknown-file");
    folder.add("socketio-v9.jsonl", NEW);
    folder.add("socketio-v9.jsonl", NEW);
    assert_eq!(folder.check(Unknown::Fails).failed, 1);
    let counted = folder.check(Unknown::IsCounted);
    assert_eq!((counted.failed, counted.unknown), (0, 2));
}

#[test]
fn a_known_kind_that_is_not_understood_fails_in_any_case() {
    let folder = Folder::new("known-kind");
    folder.add("socketio-v5.jsonl", &NEW.replace("telepathy", "event"));
    folder.add("socketio-v5.jsonl", "no vector");
    for unknown in [Unknown::Fails, Unknown::IsCounted] {
        let report = folder.check(unknown);
        assert_eq!((report.failed, report.unknown), (2, 0), "{unknown:?}");
    }
}

#[test]
fn dates_are_those_of_to_iso_string() {
    // Made with `new Date(…).toISOString()` in Node.js.
    for (ms, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-86_400_000, "1969-12-31T00:00:00.000Z"),
        (-11_644_473_600_000, "1601-01-01T00:00:00.000Z"),
        (-2_203_891_200_001, "1900-02-28T23:59:59.999Z"),
        (951_868_799_999, "2000-02-29T23:59:59.999Z"),
        (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
        (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
        (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
        (8_640_000_000_000_000, "+275760-09-13T00:00:00.000Z"),
        (-8_640_000_000_000_000, "-271821-04-20T00:00:00.000Z"),
    ] {
        assert_eq!(tree::date(ms), text, "{ms}");
    }
}
