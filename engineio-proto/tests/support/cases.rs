//! The number of cases of a property.

use proptest::prelude::ProptestConfig;

/// The value of `PROPTEST_CASES`, or else `default`. Failures are not persisted, because each one becomes a plain test.
pub(crate) fn config(default: u32) -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = default;
    }
    config.failure_persistence = None;
    config
}
