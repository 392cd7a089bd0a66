//! How many cases a property is tried with.

use proptest::prelude::ProptestConfig;

/// As many as `PROPTEST_CASES` says, else `default`. Nothing is written down: what fails becomes a plain test.
pub(crate) fn config(default: u32) -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = default;
    }
    config.failure_persistence = None;
    config
}
