//! The parts that the benchmarks of both cores share.
//!
//! A benchmark is a [`Run`]: some operations, one after the other, that can be repeated. Each core has its own in
//! `benches/workloads`, and three programs that measure all of them: `instructions` under valgrind, `times` by the clock,
//! `allocations` by an allocator. [`wire`] has the packets that the codecs are measured with.

pub mod allocations;
pub mod plot;
pub mod report;
mod run;
pub mod wire;

pub use run::Run;

/// The environment variable `GLIBC_TUNABLES` under valgrind.
///
/// For long blocks `memcpy` and `memset` use `rep movs` and `rep stos`, which valgrind counts as an instruction for each
/// byte. With these limits they use vector instructions for any length.
pub const GLIBC_TUNABLES: &str =
    "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824";
