//! Collections that the servers are built of, for drivers that keep their own sessions.

mod fifo;
mod ids;
mod slab;
mod steps;
mod table;
mod timer;

pub use fifo::Fifo;
pub(crate) use ids::IdTable;
pub use slab::{Key, Slab};
#[doc(hidden)]
pub use steps::Steps;
pub use table::SlotTable;
pub use timer::TimerQueue;
