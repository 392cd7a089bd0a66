//! The tables in the README of this package and in the threat model name tests that exist.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const README: &str = include_str!("../README.md");
const THREAT_MODEL: &str = include_str!("../../docs/threat-model.md");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Every `file::function` of the sources below a directory.
fn tests_below(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("text");
        if path.is_dir() {
            if !["target", "node_modules"].contains(&name) && !name.starts_with('.') {
                tests_below(&path, found);
            }
        } else if let Some(stem) = name.strip_suffix(".rs") {
            let source = fs::read_to_string(&path).expect("a source");
            found.extend(functions(&source).map(|function| format!("{stem}::{function}")));
        }
    }
}

/// Functions, and what macros make tests of: lines such as `name: Argument;`.
fn functions(source: &str) -> impl Iterator<Item = &str> {
    let is_name = |name: &&str| {
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        !name.is_empty() && name.bytes().all(valid)
    };
    source.lines().filter_map(move |line| {
        let line = line.trim_start();
        let line = line.strip_prefix("async ").unwrap_or(line);
        let line = line.strip_prefix("async ").unwrap_or(line);
        let name = match line.strip_prefix("fn ") {
            Some(rest) => rest.split(['(', '<']).next(),
            None => line
                .strip_suffix(';')
                .and_then(|line| Some(line.split_once(": ")?.0)),
        };
        name.filter(is_name)
    })
}

/// Whether `file.mjs::title` names a test, or several whose titles begin like that.
fn is_in_script(name: &str) -> bool {
    let Some((file, title)) = name.split_once("::") else {
        return false;
    };
    let path = Path::new(ROOT).join("tests/js").join(file);
    let source = fs::read_to_string(path).unwrap_or_default();
    ['"', '`']
        .iter()
        .any(|quote| source.contains(&format!("it({quote}{title}")))
}

#[test]
fn every_test_that_a_table_names_exists() {
    let mut found = BTreeSet::new();
    for package in ["engineio-proto", "socketio-proto", "examples", "tests"] {
        tests_below(&Path::new(ROOT).join(package), &mut found);
    }
    for (page, least) in [(README, 100), (THREAT_MODEL, 50)] {
        let named: Vec<_> = page.split('`').filter(|text| text.contains("::")).collect();
        assert!(named.len() > least, "the tables are there");
        let missing: Vec<_> = named
            .into_iter()
            .filter(|name| {
                !name.starts_with("file") && !found.contains(*name) && !is_in_script(name)
            })
            .collect();
        assert_eq!(missing, [""; 0], "no such test");
    }
}

#[test]
fn names_in_tables_are_found_where_they_are() {
    let source = "fn one() {}\n    fn two<T>() {}\n    three: Tokio, Ours;\nasync fn four() {}\nlet five = 5;\n";
    assert!(functions(source).eq(["one", "two", "three", "four"]));
}
