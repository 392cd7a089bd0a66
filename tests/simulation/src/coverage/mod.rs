//! Coverage of worlds: counters of each event that they are meant to show.
//!
//! [`table`] lists all of them, and the reasons why others cannot happen in a world. A test compares the table with the
//! enumerations of the crates, and fails for a new reason or event until the table has it.

mod count;
mod recovery;
pub(crate) mod table;

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Write as _};

use self::table::{Group, groups};

/// Counters of each event, in one world or in many.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Coverage(BTreeMap<(&'static str, String), u64>);

impl Coverage {
    /// Counts one event of a group.
    pub(crate) fn count(&mut self, group: &Group, name: &str) {
        self.add_to(group.name, name, 1);
    }

    /// Counts the variant of a value.
    pub(crate) fn count_variant(&mut self, group: &Group, value: &dyn Debug) {
        self.count(group, &variant(value));
    }

    pub(crate) fn add_to(&mut self, group: &'static str, name: &str, times: u64) {
        if times > 0 {
            *self.0.entry((group, name.to_owned())).or_default() += times;
        }
    }

    /// Adds the counts of another world.
    pub fn add(&mut self, more: Self) {
        for ((group, name), times) in more.0 {
            self.add_to(group, &name, times);
        }
    }

    /// The count of an event of a group.
    #[must_use]
    pub fn times(&self, group: &str, name: &str) -> u64 {
        let found = self
            .0
            .iter()
            .find(|((of, is), _)| *of == group && is == name);
        found.map_or(0, |(_, times)| *times)
    }

    /// The faults of a long run: events that never happened, events that happened although the table excludes them, and
    /// events that the table does not know.
    #[must_use]
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = self.surprises();
        for group in groups() {
            let never = group
                .shown
                .iter()
                .filter(|name| self.times(group.name, name) == 0);
            gaps.extend(never.map(|name| format!("{}: {name} never happened", group.name)));
        }
        gaps
    }

    /// The events that happened although the table excludes or does not know them.
    #[must_use]
    pub(crate) fn surprises(&self) -> Vec<String> {
        let mut surprises = Vec::new();
        for ((of, name), times) in &self.0 {
            let group = groups().iter().find(|group| group.name == *of);
            if !group.is_some_and(|group| group.allows(name)) {
                let why = group.and_then(|group| group.reason(name));
                let why = why.unwrap_or("it is not in the table");
                surprises.push(format!("{of}: {name} happened {times} times, but: {why}"));
            }
        }
        surprises
    }
}

/// A table in Markdown: a row for each group.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | how often |\n|---|---|")?;
        for group in groups() {
            let counts = group
                .shown
                .iter()
                .copied()
                .chain(group.seldom.iter().map(|(name, _)| *name))
                .map(|name| format!("{name} {}", self.times(group.name, name)));
            let counts: Vec<_> = counts.collect();
            writeln!(f, "| {} | {} |", group.name, counts.join(", "))?;
        }
        Ok(())
    }
}

/// The name of the variant of a value.
fn variant(value: &dyn Debug) -> String {
    let mut name = Head(String::new());
    // It stops behind the name by an error, so that long values are not written.
    let _stopped = write!(name, "{value:?}");
    name.0
}

/// Takes the text up to the first character that no name has.
struct Head(String);

impl fmt::Write for Head {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            if !letter.is_ascii_alphanumeric() {
                return Err(fmt::Error);
            }
            self.0.push(letter);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_named_without_what_it_holds() {
        assert_eq!(variant(&Some(1)), "Some");
        assert_eq!(variant(&None::<u8>), "None");
        assert_eq!(variant(&std::ops::Bound::Included(Some(3))), "Included");
    }

    #[test]
    fn what_never_happened_or_cannot_happen_is_a_gap() {
        let mut coverage = Coverage::default();
        for group in groups() {
            for name in group.shown {
                coverage.count(group, name);
            }
        }
        assert_eq!(coverage.gaps(), Vec::<String>::new());

        let group = groups().first().expect("there are some");
        let (known, name) = (coverage.clone(), group.shown.first().expect("it has some"));
        coverage.0.remove(&(group.name, (*name).to_owned()));
        assert_eq!(coverage.gaps().len(), 1, "never happened");

        coverage.add(known);
        coverage.count(group, "unheard of");
        assert_eq!(coverage.gaps().len(), 1, "not in the table");

        let impossible = groups().iter().find(|group| !group.cannot.is_empty());
        let impossible = impossible.expect("some things cannot happen");
        for (name, _) in impossible.cannot.iter().take(1) {
            coverage.count(impossible, name);
        }
        assert_eq!(coverage.gaps().len(), 2, "cannot happen");
    }
}
