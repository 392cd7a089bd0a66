//! An exploration of the machines through every order of events up to a depth.
//!
//! A *scenario* is a machine, or two with a network between them, and its surroundings: a peer, applications, the
//! clock, the pipes of the driver. The search tries everything that can happen in the first state, then everything that
//! can happen after that, shortest paths first. It recognises known states by a digest and does not leave them again.
//! In every state it checks the promises, and from every state the scenario has to come to rest in several ways.
//!
//! `README.md` beside this package describes the scenarios and the promises, and how to run them.
#![expect(
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test, which may panic, and looks at what concerns it"
)]

mod client;
mod digest;
mod ends;
mod engine_pair;
mod network;
mod packets;
mod report;
mod scenarios;
mod search;
mod server;
mod socket_pair;

pub use scenarios::{Scenario, scenarios};
pub use search::{Fault, Limits, Outcome, Path};
