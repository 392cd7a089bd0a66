//! Drivers for `engineio-proto` and `socketio-proto`, as modules that programs build on.

pub mod client;
pub mod program;
pub mod tokio_driver;
