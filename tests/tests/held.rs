//! `bytes_held` compared with what the allocator counts: never below it, and at most twice as much.
#![cfg(test)]

#[path = "held/engineio.rs"]
mod engineio;
#[path = "held/limit.rs"]
mod limit;
#[path = "held/limit_socketio.rs"]
mod limit_socketio;
#[path = "held/random.rs"]
mod random;
#[path = "held/socketio.rs"]
mod socketio;

use allocation_counter::measure;

/// Runs something that makes a machine hold more, and compares what it says with what was allocated.
fn compare<M>(
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
