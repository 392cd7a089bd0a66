//! Servers and clients for the machines of `engineio-proto` and `socketio-proto`, on tokio.
//!
//! | module | feature | contents |
//! |---|---|---|
//! | [`server`] | `server` (default) | a tower service that drives servers, and an HTTP server for programs that bring none |
//! | [`client`] | `client` | a driver for clients |
//!
//! Further features: `webtransport` for both, `compression` and `axum` for servers, `signal` for programs.

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod server;
#[cfg(all(unix, feature = "signal"))]
mod signals;
#[cfg(all(feature = "webtransport", any(feature = "client", feature = "server")))]
mod webtransport;

#[cfg(all(unix, feature = "signal"))]
pub use signals::StopSignals;
