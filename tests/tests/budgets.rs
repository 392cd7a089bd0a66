//! Costs of the machines, counted by an allocator and by comparisons, never by a clock. `--nocapture` shows the
//! numbers.
#![cfg(test)]

#[path = "budgets/engineio.rs"]
mod engineio;
