//! The benchmarks of this crate, of which `instructions`, `times` and `allocations` measure all.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark whose result is wrong must not go on"
)]

mod codec;
mod machine;
mod net;

use benchmarks::Run;

/// Hands the benchmarks to a macro: the name of each, and what prepares it.
///
/// What prepares one makes an operation, and checks what comes of it.
macro_rules! for_each_workload {
    ($then:ident) => {
        $then! {
            frame_decode: codec::frame_decode(),
            frame_encode: codec::frame_encode(),
            webtransport_decode: codec::webtransport_decode(),
            webtransport_encode: codec::webtransport_encode(),
            polling_decode: codec::polling_decode("W6"),
            polling_encode: codec::polling_encode("W6"),
            base64_decode: codec::polling_decode("W7"),
            base64_encode: codec::polling_encode("W7"),
            echo: machine::echo(),
            broadcast: machine::broadcast(),
            polling_echo: machine::polling_echo(),
            churn: machine::churn(),
            heartbeat: machine::heartbeat(),
        }
    };
}

macro_rules! registry {
    ($($name:ident: $prepare:expr,)*) => {
        /// The names of all benchmarks.
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Prepares the benchmark of that name.
        pub(crate) fn prepare(name: &str) -> Run {
            match name {
                $(stringify!($name) => $prepare,)*
                _ => panic!("no benchmark {name} among {NAMES:?}"),
            }
        }
    };
}
for_each_workload!(registry);
