//! Shrinking of contents: by simpler contents, which are tried one after another.
//!
//! The strategies of proptest shrink what they generated in its place, so that an attachment in three lists stays in them.
//! Here a list may also become one of its items.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::{self, Vec};
use core::fmt;

use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::inputs::Content;

/// Values that know which values are simpler, the simplest ones first.
pub(super) trait Simpler: Clone + fmt::Debug {
    fn simpler(&self) -> Vec<Self>;
}

/// A strategy whose values shrink to [simpler](Simpler) ones.
#[derive(Debug)]
pub(super) struct Shrinking<S>(pub(super) S);

impl<S: Strategy> Strategy for Shrinking<S>
where
    S::Value: Simpler,
{
    type Tree = Tree<S::Value>;
    type Value = S::Value;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let value = self.0.new_tree(runner)?.current();
        Ok(Tree {
            current: value.clone(),
            failing: value,
            candidates: Vec::new().into_iter(),
            is_settled: false,
        })
    }
}

/// A value, and the simpler ones that were not tried.
#[derive(Debug)]
pub(super) struct Tree<T> {
    current: T,
    /// The last value that failed.
    failing: T,
    /// Those that are simpler than it.
    candidates: vec::IntoIter<T>,
    /// None of the candidates fails: the value stays.
    is_settled: bool,
}

impl<T: Simpler> ValueTree for Tree<T> {
    type Value = T;

    fn current(&self) -> T {
        self.current.clone()
    }

    /// The current value failed, and is made simpler.
    fn simplify(&mut self) -> bool {
        if self.is_settled {
            return false;
        }
        self.failing = self.current.clone();
        self.candidates = self.failing.simpler().into_iter();
        match self.candidates.next() {
            Some(next) => {
                self.current = next;
                true
            }
            None => {
                self.is_settled = true;
                false
            }
        }
    }

    /// The current value passed, and the next candidate may fail. Behind the last one comes the value that failed.
    fn complicate(&mut self) -> bool {
        if self.is_settled {
            return false;
        }
        self.current = match self.candidates.next() {
            Some(next) => next,
            None => {
                self.is_settled = true;
                self.failing.clone()
            }
        };
        true
    }
}

impl Simpler for Content {
    fn simpler(&self) -> Vec<Self> {
        let mut all = Vec::new();
        if *self != Self::Null {
            all.push(Self::Null);
        }
        match self {
            Self::Null => {}
            Self::Bool(value) => all.extend(value.then_some(Self::Bool(false))),
            Self::Int(value) => {
                let nearer = value - value.signum();
                let smaller = [0, value / 2, nearer];
                all.extend(
                    smaller
                        .into_iter()
                        .filter(|new| new != value)
                        .map(Self::Int),
                );
            }
            Self::Unsigned(value) => {
                let smaller = [0, value / 2, value.saturating_sub(1)];
                all.extend(
                    smaller
                        .into_iter()
                        .filter(|new| new != value)
                        .map(Self::Unsigned),
                );
            }
            Self::Float(value) => {
                let smaller = [0.0, value.trunc(), value / 2.0];
                let simpler = smaller.into_iter().filter(|new| new.abs() < value.abs());
                all.extend(simpler.map(Self::Float));
            }
            Self::Text(text) => {
                let chars: Vec<char> = text.chars().collect();
                let shorter = shorter(&chars).into_iter();
                all.extend(shorter.map(|chars| Self::Text(chars.into_iter().collect::<String>())));
                all.extend(
                    plainer(&chars, 'a')
                        .map(|chars| Self::Text(chars.into_iter().collect::<String>())),
                );
            }
            Self::Binary(data) => {
                all.extend(
                    shorter(data)
                        .into_iter()
                        .map(|data| Self::Binary(data.into())),
                );
                all.extend(plainer(data, 0).map(|data| Self::Binary(data.into())));
            }
            Self::List(items) => {
                all.extend(items.iter().cloned());
                all.extend(items.simpler().into_iter().map(Self::List));
            }
            Self::Object(members) => {
                all.extend(members.values().cloned());
                all.extend(members.simpler().into_iter().map(Self::Object));
            }
        }
        all
    }
}

impl Simpler for Vec<Content> {
    fn simpler(&self) -> Vec<Self> {
        let mut all = shorter(self);
        for (at, item) in self.iter().enumerate() {
            all.extend(item.simpler().into_iter().map(|simpler| {
                let mut items = self.clone();
                items.splice(at..=at, [simpler]);
                items
            }));
        }
        all
    }
}

impl Simpler for BTreeMap<String, Content> {
    fn simpler(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for (key, value) in self {
            let mut without = self.clone();
            without.remove(key);
            if !key.is_empty() && !self.contains_key("") {
                let mut plainer = without.clone();
                plainer.insert(String::new(), value.clone());
                all.push(plainer);
            }
            all.push(without);
            all.extend(value.simpler().into_iter().map(|simpler| {
                let mut members = self.clone();
                members.insert(key.clone(), simpler);
                members
            }));
        }
        all
    }
}

/// The same without some of the elements: without all, without half of them, and without each one.
fn shorter<T: Clone>(elements: &[T]) -> Vec<Vec<T>> {
    let mut all = Vec::new();
    let mut size = elements.len();
    while size > 0 {
        for start in (0..elements.len()).step_by(size) {
            let (before, rest) = elements.split_at(start);
            let behind = rest.get(size..).unwrap_or_default();
            all.push([before, behind].concat());
        }
        size /= 2;
    }
    all
}

/// The same with the first element that is not plain made plain.
fn plainer<T: Clone + PartialEq>(elements: &[T], plain: T) -> Option<Vec<T>> {
    let at = elements.iter().position(|element| *element != plain)?;
    let mut plainer = elements.to_vec();
    plainer.splice(at..=at, [plain]);
    Some(plainer)
}
