//! Values that strategies make, for tests of the strategies.
#![allow(dead_code, reason = "each test uses a part of this")]

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Values of a strategy, always the same.
pub(crate) fn samples<S: Strategy>(strategy: S, count: usize) -> Vec<S::Value> {
    let mut runner = runner(1);
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

/// The smallest value that fails, if one of so many does.
pub(crate) fn smallest<S: Strategy>(
    cases: u32,
    strategy: S,
    fails: impl Fn(&S::Value) -> bool,
) -> S::Value {
    let run = runner(cases).run(&strategy, |value| {
        prop_assert!(!fails(&value));
        Ok(())
    });
    match run {
        Err(TestError::Fail(_, value)) => value,
        other => panic!("nothing fails: {other:?}"),
    }
}

/// Asserts that each of these names occurs at least so often.
pub(crate) fn assert_all(names: impl IntoIterator<Item = String>, expected: &[&str], least: usize) {
    let mut seen = BTreeMap::<String, usize>::new();
    for name in names {
        *seen.entry(name).or_default() += 1;
    }
    for name in expected {
        let count = seen.get(*name).copied().unwrap_or_default();
        assert!(count >= least, "{name} occurs {count} times: {seen:?}");
    }
}

/// The name of an enum's variant.
pub(crate) fn variant(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let name = text.split(['(', ' ', '{']).next();
    name.unwrap_or_default().to_owned()
}
