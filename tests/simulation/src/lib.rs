//! Worlds of servers and clients in one thread, in which networks and applications do what a seed says, and a checker that
//! holds the promises of the machines.
//!
//! `README.md` beside this package says how to run it, and what it finds.
#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test, which may panic, and looks at what concerns it"
)]

mod blind;
mod check;
mod client_side;
mod coverage;
mod ending;
mod faults;
mod plan;
mod server_side;
mod unusual;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use check::Counts;
pub use coverage::Coverage;
pub use socketio_testkit::Recording;
use world::World;

/// The result of a world.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The promise that was broken, if one was.
    pub fault: Option<String>,
    /// The totals.
    pub counts: Counts,
    /// Counters of the events that worlds are meant to show.
    pub coverage: Coverage,
    /// A number that stands for all that happened, if that was recorded.
    pub digest: u64,
    /// A line for each thing that happened, if that was recorded.
    pub trace: Vec<String>,
}

/// Runs the world of a seed.
#[must_use]
pub fn run(seed: u64, recording: Recording) -> Outcome {
    let mut world = World::new(seed, recording);
    let panic = catch_unwind(AssertUnwindSafe(|| world.run())).err();
    let panic = panic.map(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("panicked: {}", text.unwrap_or("without a text"))
    });
    world.count_network();
    world.count_memory();
    // A panic or a broken promise explains more.
    let surprise = || world.checker.coverage.surprises().into_iter().next();
    let fault = panic.or(world.checker.fault.take());
    let fault = fault.or_else(surprise).or_else(|| blind::run(seed).err());
    Outcome {
        fault,
        counts: world.checker.counts,
        coverage: std::mem::take(&mut world.checker.coverage),
        digest: world.network.digest(),
        trace: world.network.trace().to_vec(),
    }
}
