//! `bytes_held` beside what the allocator counts: never below it, and at most twice as much.

use allocation_counter::measure;

/// Runs something that makes a machine hold more, and compares what it says with what was allocated.
pub(super) fn compare<M>(
    name: &str,
    machine: &mut M,
    held: impl Fn(&M) -> usize,
    load: impl FnOnce(&mut M),
) -> u64 {
    let before = held(machine);
    let info = measure(|| load(machine));
    let allocated = u64::try_from(info.bytes_current).unwrap();
    let counted = (held(machine) - before) as u64;
    println!("{name}: {allocated} B allocated, {counted} B counted");
    assert!(counted >= allocated, "{name}: {counted} of {allocated}");
    assert!(counted <= 2 * allocated, "{name}: {counted} of {allocated}");
    counted
}
