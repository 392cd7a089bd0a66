//! Connection state recovery: a client that was away for a short while comes back as if it had not been.
//!
//! Events get an *offset* behind their arguments and are logged. A socket whose connection is lost is saved with its
//! rooms and its data, under a secret that its client knows as *pid*. When the client connects anew and names the pid
//! and the last offset that it saw, it gets what it missed, in order, and then its old socket id.
//!
//! | CONNECT | store | leads to |
//! |---|---|---|
//! | without pid or offset | – | an ordinary new socket |
//! | with both | inside, knows them | what was missed, CONNECT, [`Event::Recovered`](super::Event::Recovered) |
//! | | the same, `skip_middlewares` off | [`Event::Connecting`](super::Event::Connecting) with `recovered`; what was missed once accepted |
//! | | inside, does not | an ordinary new socket |
//! | | outside | [`Event::Restoring`](super::Event::Restoring), and by its answer as above |
//! | – what was missed does not fit into what may wait for the client | – | an ordinary new socket |
//!
//! Source: `socket.io/lib/namespace.ts`, `_createSocket`; `lib/socket.ts`; `socket.io-adapter`, `SessionAwareAdapter`.
//! Officially a session can be restored again and again, even at the same time; here once, until it is saved anew.

mod config;
mod extras;
mod held_restored;
mod kept;
mod log;
mod offsets;
mod resume;
mod returning;
mod sizes;
mod store;

pub use config::{RecoveryConfig, RecoveryStorage};
pub use store::{LoggedPacket, Recipients, RecoveryStore, Restored, SavedSession};

pub(super) use extras::Extras;
pub(super) use kept::Kept;
pub(super) use returning::Returning;
