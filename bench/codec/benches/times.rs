//! The times of the others. `scripts/bench` prints them beside those of `socketio-proto`.

mod workloads;

use benchmarks::Run;
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

#[divan::bench(args = workloads::NAMES)]
fn others(bencher: Bencher<'_, '_>, name: &str) {
    let mut run: Run = workloads::prepare(name);
    bencher
        .counter(ItemsCount::new(run.operations()))
        .bench_local(|| run.go());
}
