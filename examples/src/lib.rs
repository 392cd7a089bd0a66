//! Drivers for `engineio-proto` and `socketio-proto`, as modules that programs build on.

pub mod admin;
pub mod client;
pub mod client_files;
pub mod metrics;
pub mod program;
pub mod tokio_driver;
mod webtransport;
