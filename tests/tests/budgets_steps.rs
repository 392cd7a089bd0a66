//! Costs of operations on many sockets, rooms and namespaces, counted in elementary steps and never by a clock. A step
//! is a look of a collection at one of its items, or a comparison of two keys. `--nocapture` shows the numbers.
#![cfg(test)]

#[path = "budgets_steps/client.rs"]
mod client;
#[path = "budgets_steps/clients.rs"]
mod clients;
#[path = "budgets_steps/collections.rs"]
mod collections;
#[path = "budgets_steps/limit.rs"]
mod limit;
#[path = "budgets_steps/namespaces.rs"]
mod namespaces;
#[path = "budgets_steps/net.rs"]
mod net;
#[path = "budgets_steps/recovery.rs"]
mod recovery;
#[path = "budgets_steps/rooms.rs"]
mod rooms;
