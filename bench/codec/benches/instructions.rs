//! The instructions of the others, under valgrind. `scripts/bench` prints them beside those of `socketio-proto`.
#![expect(missing_docs, reason = "gungraun's macros make items without")]

#[macro_use]
mod workloads;

use benchmarks::Run;
use gungraun::{
    Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};

macro_rules! measured {
    ($($name:ident: $prepare:expr,)*) => {
        #[library_benchmark]
        $(#[bench::$name(workloads::prepare(stringify!($name)))])*
        fn others(mut run: Run) -> Run {
            run.go();
            run
        }
    };
}
for_each_workload!(measured);

library_benchmark_group!(name = instructions, benchmarks = others);

main!(
    config = LibraryBenchmarkConfig::default()
        .env("GLIBC_TUNABLES", benchmarks::GLIBC_TUNABLES)
        .tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = instructions
);
