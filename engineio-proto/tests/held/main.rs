//! Memory of a server: `bytes_held` compared with the count of the allocator, and the behaviour at the limit.
#![cfg(test)]

mod compare;
mod engineio;
mod limit;
