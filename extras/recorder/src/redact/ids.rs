//! Ids, and others that take their place.

use std::collections::{BTreeMap, BTreeSet};

/// A map from old ids to new ones of the same length.
#[derive(Debug, Default)]
pub(super) struct Ids {
    known: BTreeMap<Vec<u8>, Vec<u8>>,
    lengths: BTreeSet<usize>,
}

/// A shorter text is not a secret, and could be a word.
const SHORTEST: usize = 8;

impl Ids {
    /// Compares what two machines said that were told the same; `None` if they differ by more than ids.
    pub(super) fn learn(&mut self, before: &str, after: &str) -> Option<()> {
        if before == after {
            return Some(());
        }
        let (before, after) = (before.as_bytes(), after.as_bytes());
        if before.len() != after.len() {
            return None;
        }
        let mut at = 0;
        while let Some(step) = before.iter().zip(after).skip(at).position(|(a, b)| a != b) {
            let difference = at + step;
            let start = difference
                - before
                    .get(..difference)?
                    .iter()
                    .rev()
                    .take_while(|byte| is_id(**byte))
                    .count();
            let end = difference
                + before
                    .get(difference..)?
                    .iter()
                    .take_while(|byte| is_id(**byte))
                    .count();
            let (old, new) = (before.get(start..end)?, after.get(start..end)?);
            if end == difference || old.is_empty() || !new.iter().all(|byte| is_id(*byte)) {
                return None;
            }
            if old.len() >= SHORTEST {
                self.add(old, new)?;
            }
            at = end;
        }
        Some(())
    }

    /// Makes up ids for those that a server gives in what a client is told.
    pub(super) fn invent(&mut self, told: &[u8]) {
        for key in [&b"\"sid\":\""[..], b"\"pid\":\""] {
            let starts = told
                .windows(key.len())
                .enumerate()
                .filter(|(_, window)| *window == key);
            for (start, _) in starts {
                let rest = told.get(start + key.len()..).unwrap_or_default();
                let id: Vec<u8> = rest
                    .iter()
                    .copied()
                    .take_while(|byte| is_id(*byte))
                    .collect();
                if id.len() >= SHORTEST
                    && !self.known.contains_key(&id)
                    && !self.known.values().any(|new| *new == id)
                {
                    let number = format!("{:0width$}", self.known.len(), width = id.len());
                    // What it stands for is one of two lengths at most; there is nothing to contradict.
                    let _new = self.add(&id, number.as_bytes());
                }
            }
        }
    }

    /// The bytes with the other ids in them.
    pub(super) fn replace(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            let found = self.lengths.iter().rev().find_map(|len| {
                let (id, behind) = rest.split_at_checked(*len)?;
                Some((self.known.get(id)?, behind))
            });
            match found {
                Some((new, behind)) => {
                    out.extend_from_slice(new);
                    rest = behind;
                }
                None => {
                    out.push(byte);
                    rest = behind;
                }
            }
        }
        out
    }

    fn add(&mut self, old: &[u8], new: &[u8]) -> Option<()> {
        self.lengths.insert(old.len());
        let known = self
            .known
            .entry(old.to_vec())
            .or_insert_with(|| new.to_vec());
        (known == new).then_some(())
    }
}

fn is_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_at_the_same_place_takes_the_place_of_the_other() {
        let mut ids = Ids::default();
        assert_eq!(
            ids.learn(
                r#"0{"sid":"AAAAold0","x":1} Sid(AAAA)"#,
                r#"0{"sid":"AAAAnew1","x":1} Sid(AAAB)"#
            ),
            Some(())
        );
        assert_eq!(ids.replace(b"sid=AAAAold0&t=AAAA"), b"sid=AAAAnew1&t=AAAA");
        assert_eq!(
            ids.learn("AAAAold0", "AAAAnew2"),
            None,
            "one stands for one"
        );
        assert_eq!(ids.learn("a", "ab"), None);
        assert_eq!(ids.learn("[]", "{}"), None);
        assert_eq!(
            ids.learn("AAAAsame]", "AAAAsame}"),
            None,
            "what differs stands behind an id"
        );
    }

    #[test]
    fn ids_that_a_client_is_told_are_made_up() {
        let mut ids = Ids::default();
        ids.invent(br#"0{"sid":"abcdefghij","upgrades":[]}"#);
        ids.invent(br#"40{"sid":"abcdefghij","pid":"0123456789"}"#);
        assert_eq!(
            ids.replace(b"abcdefghij 0123456789 abcdefghi"),
            b"0000000000 0000000001 abcdefghi"
        );
    }
}
