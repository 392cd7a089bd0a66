//! Every order of events up to a depth, with the machines themselves.
//!
//! A *scenario* is a machine, or two with a network between them, and what surrounds them: a peer, applications, the clock,
//! the pipes of the driver. From its first state everything that can happen next is tried, then everything that can happen
//! after that, shortest paths first; states that were reached before are recognised by a digest and not left again. In
//! every state the promises are checked, and from every state the scenario has to come to rest in several ways.
//!
//! `README.md` beside this package says what the scenarios are, what is held, and how to run them.
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
