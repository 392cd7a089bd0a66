//! The allocations of each benchmark, as an allocator counts them. `scripts/bench --check` compares them with a table.

mod workloads;

use allocation_counter::measure;

fn main() {
    benchmarks::allocations::print(workloads::NAMES, workloads::prepare, |run| {
        measure(|| run.go()).count_total
    });
}
