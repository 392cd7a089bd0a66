//! What a server holds: `bytes_held` beside what the allocator counts, and what happens at the limit.
#![cfg(test)]

mod compare;
mod engineio;
mod limit;
