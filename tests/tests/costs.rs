//! Every public operation on more than one session, socket, room or namespace states its cost. The sources are read for
//! those that may be such: they go through something, give an iterator, or are for a target.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The types whose operations are read.
const TYPES: [&str; 12] = [
    "Client",
    "Fifo",
    "Managers",
    "NamespacePattern",
    "Peer",
    "Recipients",
    "RecoveryStore",
    "Rooms",
    "Server",
    "Session",
    "Slab",
    "SlotTable",
];

/// Code that visits more than one item.
const MANY: [&str; 21] = [
    " for ",
    "while ",
    "loop {",
    ".iter()",
    ".iter_mut()",
    ".values()",
    ".keys()",
    ".into_iter()",
    ".retain(",
    ".collect()",
    ".fold(",
    ".sum()",
    ".sessions()",
    ".sockets()",
    ".sockets(",
    ".any(",
    ".all(",
    ".remove_all(",
    "impl Iterator",
    "impl IntoIterator",
    "Target<",
];

/// Operations that look like it and concern one of each, or have the cost that their type states.
const ONE: [(&str, &str); 6] = [
    ("Client::handle_timeout", "the timers of one connection"),
    ("Client::next_timer", "the timers of one connection"),
    ("Client::take_unsent", "the messages of one connection"),
    ("NamespacePattern::new", "the pieces of one pattern"),
    ("Server::poll_event", "the next event of what is marked"),
    ("Server::poll_action", "the next output of what is marked"),
];

/// A public operation: its name, what is said of it, and what it is.
struct Operation {
    name: String,
    documentation: String,
    code: String,
}

impl Operation {
    fn states_cost(&self) -> bool {
        ["Cost:", "# Cost", "onstant time"]
            .iter()
            .any(|words| self.documentation.contains(words))
    }

    fn may_be_on_many(&self) -> bool {
        MANY.iter().any(|words| self.code.contains(words))
    }
}

/// The public methods of a source, which `rustfmt` has put in order.
fn operations(source: &str, found: &mut Vec<Operation>) {
    let source = source
        .split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default();
    let (mut owner, mut documentation) = ("", String::new());
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if let Some(header) = line.strip_prefix("impl") {
            let header = header.rsplit(" for ").next().unwrap_or_default();
            let mut parts = header.rsplit(|part: char| !part.is_alphanumeric());
            let known = parts.find(|part| TYPES.contains(part));
            owner = known.unwrap_or_default();
        }
        let is_said = line.starts_with("    ///") || line.starts_with("    #[");
        if is_said {
            documentation.push_str(line);
            continue;
        }
        let documentation = std::mem::take(&mut documentation);
        let method = line.strip_prefix("    pub ");
        let method = method.map(|method| method.trim_start_matches("const "));
        let Some(method) = method.and_then(|method| method.strip_prefix("fn ")) else {
            continue;
        };
        let name = method.split(['(', '<']).next().unwrap_or_default();
        let mut code = line.to_owned();
        if !line.ends_with('}') {
            let rest = lines.by_ref().take_while(|line| *line != "    }");
            code.extend(rest.map(|line| line.split("//").next().unwrap_or_default()));
        }
        if !owner.is_empty() && !documentation.contains("doc(hidden)") {
            found.push(Operation {
                name: format!("{owner}::{name}"),
                documentation,
                code,
            });
        }
    }
}

fn read(directory: &Path, found: &mut Vec<Operation>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, found);
        } else {
            operations(&fs::read_to_string(&path).expect("a source"), found);
        }
    }
}

fn all() -> Vec<Operation> {
    let mut found = Vec::new();
    for package in ["engineio-proto", "socketio-proto"] {
        read(&Path::new(ROOT).join(package).join("src"), &mut found);
    }
    found
}

#[test]
fn operations_on_many_state_their_cost() {
    let all = all();
    assert!(all.len() > 250, "{} operations were found", all.len());
    let stated = all.iter().filter(|operation| operation.states_cost());
    assert!(stated.count() > 60);
    let silent = all
        .iter()
        .filter(|operation| operation.may_be_on_many() && !operation.states_cost());
    let silent: BTreeSet<_> = silent.map(|operation| operation.name.as_str()).collect();
    let known: BTreeSet<_> = ONE.iter().map(|(name, _)| *name).collect();
    let missing: Vec<_> = silent.difference(&known).collect();
    assert!(missing.is_empty(), "no cost is stated: {missing:#?}");
    let stale: Vec<_> = known.difference(&silent).collect();
    assert!(
        stale.is_empty(),
        "a cost is stated, or none is due: {stale:#?}"
    );
}

#[test]
fn types_that_state_a_cost_for_all_operations_do_so() {
    for (file, words) in [
        ("engineio-proto/src/server/machine.rs", "/// # Cost"),
        ("engineio-proto/src/collections/slab.rs", "constant time"),
        ("engineio-proto/src/collections/table.rs", "constant time"),
        ("engineio-proto/src/collections/timer.rs", "O(log n)"),
        ("socketio-proto/src/client/machine.rs", "/// # Cost"),
        ("socketio-proto/src/rooms.rs", "O(log n)"),
        ("socketio-proto/src/server/peer.rs", "O(log k)"),
        ("socketio-proto/src/server/machine.rs", "/// # Cost"),
        ("socketio-proto/src/server/target.rs", "/// # Cost"),
    ] {
        let source = fs::read_to_string(Path::new(ROOT).join(file)).expect("a source");
        assert!(source.contains(words), "{file} says {words}");
    }
}
