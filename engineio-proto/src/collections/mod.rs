//! Collections that the servers are built of, for drivers that keep their own sessions.

mod slab;
mod table;
mod timer;

pub use slab::{Key, Slab};
pub use table::SlotTable;
pub use timer::TimerQueue;
