//! The worlds of some seeds, and that a seed is enough to see one again.

use simulation::{Recording, run};

#[test]
fn promises_hold_in_the_worlds_of_some_seeds() {
    // Two halves, for two cores.
    let half = |first: u64| {
        for seed in (first..300).step_by(2) {
            let outcome = run(seed, Recording::Nothing);
            assert_eq!(outcome.fault, None, "seed {seed}");
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| half(0));
        half(1);
    });
}

#[test]
fn a_seed_is_enough_to_see_a_world_again_bit_for_bit() {
    for seed in 1000..1020 {
        let (one, other) = (run(seed, Recording::Trace), run(seed, Recording::Trace));
        assert_eq!((one.digest, one.counts), (other.digest, other.counts));
        assert!(
            one.trace == other.trace && one.trace.len() > 100,
            "seed {seed}"
        );
        assert_eq!(
            run(seed, Recording::Nothing).counts,
            one.counts,
            "recording changes nothing"
        );
    }
}
