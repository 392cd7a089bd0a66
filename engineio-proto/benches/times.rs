//! The time of each benchmark, for people: `cargo bench -p benchmarks --bench engineio-proto-times`.

mod workloads;

use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

#[divan::bench(args = workloads::NAMES)]
fn engineio(bencher: Bencher<'_, '_>, name: &str) {
    let mut run = workloads::prepare(name);
    bencher
        .counter(ItemsCount::new(run.operations()))
        .bench_local(|| run.go());
}
