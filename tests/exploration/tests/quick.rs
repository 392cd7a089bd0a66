//! All scenarios to the depth at which most faults lie.

use exploration::{Limits, scenarios};

/// Every scenario in one test, one after the other: together they have to stay quick on one core.
#[test]
fn all_scenarios_keep_their_promises_to_the_quick_depth() {
    for scenario in scenarios() {
        let outcome = scenario.explore(Limits::new(scenario.quick, 1));
        let fault = outcome.fault.map(|fault| {
            let trace = scenario.trace(&fault.path).join("\n");
            format!("{}\n{trace}\n--replay {}", fault.promise, fault.path)
        });
        assert!(
            fault.is_none(),
            "{}: {}",
            scenario.name,
            fault.unwrap_or_default()
        );
        assert_eq!(outcome.depth, scenario.quick, "{}", scenario.name);
    }
}

/// Digests and paths do not depend on the process or on threads.
#[test]
fn a_search_is_the_same_every_time() {
    for scenario in scenarios() {
        let counts = [1, 3].map(|threads| {
            let outcome = scenario.explore(Limits::new(2, threads));
            (outcome.states, outcome.steps)
        });
        assert_eq!(counts[0], counts[1], "{}", scenario.name);
    }
}
