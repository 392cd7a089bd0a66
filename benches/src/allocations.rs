//! Prints what runs allocate.

use crate::Run;

/// Prints a line for each benchmark: its name, the operations of a run, and the allocations of a run.
///
/// `count` makes a run and tells how often it allocated. It is an argument because an allocator that counts is one of the
/// whole program, and the other measurements must not have it. A first run is not counted, since what is made once and
/// kept belongs to none of the operations. The lines also tell `scripts/bench` which benchmarks there are.
#[expect(clippy::print_stdout, reason = "the result of a program")]
pub fn print(names: &[&str], prepare: impl Fn(&str) -> Run, count: impl Fn(&mut Run) -> u64) {
    for name in names {
        let mut run = prepare(name);
        run.go();
        println!("{name} {} {}", run.operations(), count(&mut run));
    }
}
