//! Checks of the tables in the README of this package and in the threat model. They name existing tests, and there is a
//! test for every entry of the README's tables that say who is served.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const README: &str = include_str!("../README.md");
const FRONT: &str = include_str!("../../README.md");
const NPM_PACKAGES: &str = include_str!("../js/package.json");
const PYTHON_PACKAGES: &str = include_str!("../python/requirements.txt");
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

/// Functions, and lines such as `name: Argument;`, from which macros make tests.
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

/// Whether `file.mjs::title` names a test, or several whose titles begin with this title.
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
    for package in [
        "engineio-proto",
        "engineio-wire",
        "socketio-proto",
        "socketio",
        "drivers",
        "examples",
        "extras",
        "sio",
        "tests",
    ] {
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

/// A peer by its package and version, a transport and a parser.
type Entry = (String, String, &'static str);

const PARSERS: [&str; 2] = ["JSON", "MessagePack"];

/// The rows of the tables on who is served, heads included.
fn who_is_served(page: &str) -> impl Iterator<Item = Vec<&str>> {
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with("Who is served\n"));
    let lines = section.expect("the section is there").lines();
    lines
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'))
        .map(|row| row.split('|').map(str::trim).collect())
}

/// The entries of the README.
fn promised() -> BTreeSet<Entry> {
    let mut entries = BTreeSet::new();
    let mut head = Vec::new();
    for row in who_is_served(FRONT) {
        let Some((&peer, cells)) = row.split_first() else {
            continue;
        };
        if ["client", "server"].contains(&peer) {
            head = row;
            continue;
        }
        let (kind, transports) = head.split_first().expect("a head above the row");
        assert_eq!(cells.len(), transports.len(), "{peer}");
        for (&transport, &cell) in transports.iter().zip(cells) {
            let parsers = match cell {
                "" => &[],
                "JSON" => PARSERS.get(..1).unwrap_or_default(),
                "both" => &PARSERS[..],
                other => panic!("what is {other}?"),
            };
            let entry = |&parser| (format!("{kind} {peer}"), transport.to_owned(), parser);
            entries.extend(parsers.iter().map(entry));
        }
    }
    entries
}

/// The entries for which the tables of tests name a test.
fn shown() -> BTreeSet<Entry> {
    let mut entries = BTreeSet::new();
    for row in who_is_served(README).skip(1) {
        let [peer, transports, tests @ ..] = row.as_slice() else {
            panic!("a row of {row:?}");
        };
        assert_eq!(tests.len(), PARSERS.len(), "{peer}");
        for transport in transports.split(", ") {
            let named = PARSERS.into_iter().zip(tests);
            let named = named.filter(|(_, tests)| tests.contains("::"));
            entries.extend(
                named.map(|(parser, _)| (String::from(*peer), transport.to_owned(), parser)),
            );
        }
    }
    entries
}

/// The name that a package of this version is installed under, for a peer such as ``client `socket.io-client` 4.8``.
fn installed(peer: &str) -> Option<&'static str> {
    let (_, behind) = peer.split_once('`')?;
    let (package, version) = behind.split_once("` ")?;
    let version = version.split(' ').next()?;
    let npm = [
        format!("\"{package}\": \"{version}."),
        format!("npm:{package}@{version}."),
    ];
    let mut lines = NPM_PACKAGES.lines();
    let line = lines.find(|line| npm.iter().any(|pin| line.contains(pin)));
    let python = format!("{package}=={version}.");
    line.and_then(|line| line.split('"').nth(1)).or_else(|| {
        let line = PYTHON_PACKAGES
            .lines()
            .find(|line| line.starts_with(&python));
        line?.split("==").next()
    })
}

/// The sources of the tests in scripts that a cell names, and of the clients that most of them share.
fn scripts(cell: &str) -> impl Iterator<Item = String> {
    let names = cell.split('`').filter_map(|name| name.split_once("::"));
    let files = names
        .map(|(file, _)| file)
        .filter(|file| file.ends_with(".mjs"));
    files.map(|file| {
        let read = |file| fs::read_to_string(Path::new(ROOT).join("tests/js").join(file));
        let source = read(file).expect("a script");
        if source.contains("\"./clients.mjs\"") {
            source + &read("clients.mjs").expect("a script")
        } else {
            source
        }
    })
}

#[test]
fn whoever_is_said_to_be_served_is_shown_to_be() {
    let promised = promised();
    assert!(promised.len() > 50, "the tables are there");
    assert_eq!(promised, shown());
}

#[test]
fn whoever_is_said_to_be_served_is_there_in_that_version() {
    for row in who_is_served(README).skip(1) {
        let (peer, cells) = row.split_first().expect("a peer");
        let name = installed(peer).unwrap_or_else(|| panic!("{peer} is in no list of packages"));
        for script in cells.iter().flat_map(|cell| scripts(cell)) {
            let imported = [format!("\"{name}\""), format!("{name}/dist/")];
            assert!(
                imported.iter().any(|form| script.contains(form)),
                "{peer}: no {name}"
            );
        }
    }
}
