//! The settings of connection state recovery.

use core::time::Duration;

use engineio_proto::ConfigError;
use engineio_proto::settings::{MAX_SAFE_INTEGER, check_at_least_one, check_time, check_timer};
use serde::{Deserialize, Serialize};

/// The settings of connection state recovery, with the official names and defaults where there are such.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use socketio_proto::server::{Config, RecoveryConfig};
///
/// let recovery = RecoveryConfig::default().with_max_disconnection_duration(Duration::from_secs(60));
/// let config = Config::default().with_connection_state_recovery(Some(recovery));
/// # assert!(config.connection_state_recovery.is_some());
/// ```
///
/// Source: `socket.io/lib/index.ts`, `connectionStateRecovery`; the bounds are of this implementation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RecoveryConfig {
    /// How long a client may be away. What is older is forgotten. Default 120 s.
    pub max_disconnection_duration: Duration,
    /// Whether a client that comes back is let in without asking the application. Default true.
    pub skip_middlewares: bool,
    /// The packets that are kept of one namespace; the oldest go first, and who needs one of them gets a new session.
    /// Default 10,000.
    pub max_packets: usize,
    /// The bytes of packets, and of the names of their rooms, that are kept of one namespace; as
    /// [`max_packets`](Self::max_packets). Default 16 MiB.
    pub max_bytes: usize,
    /// The clients that may be away from one namespace; the one that is away longest goes first. Default 10,000.
    pub max_sessions: usize,
    /// How long the application may take to answer [`Event::Restoring`](super::super::Event::Restoring), after which the
    /// client joins as a new one. Default 5 s.
    pub restore_timeout: Duration,
    /// Where packets and sessions are kept. Default inside.
    pub storage: RecoveryStorage,
}

/// Where packets and sessions are kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum RecoveryStorage {
    /// In a [`RecoveryStore`](super::RecoveryStore) of each namespace.
    #[default]
    Inside,
    /// With the application, which is told what is to be kept by [`Event::PacketLogged`](super::super::Event::PacketLogged)
    /// and [`Event::SessionSaved`](super::super::Event::SessionSaved), and asked for it by
    /// [`Event::Restoring`](super::super::Event::Restoring). The bounds are the application's then.
    Outside,
}

impl Default for RecoveryConfig {
    fn default() -> Self {
        Self {
            max_disconnection_duration: Duration::from_secs(120),
            skip_middlewares: true,
            max_packets: 10_000,
            max_bytes: 16 << 20,
            max_sessions: 10_000,
            restore_timeout: Duration::from_secs(5),
            storage: RecoveryStorage::Inside,
        }
    }
}

impl RecoveryConfig {
    engineio_proto::__setters! {
        with_max_disconnection_duration max_disconnection_duration: Duration = |duration| duration;
        with_skip_middlewares skip_middlewares: bool = |skip| skip;
        with_max_packets max_packets: usize = |packets| packets;
        with_max_bytes max_bytes: usize = |bytes| bytes;
        with_max_sessions max_sessions: usize = |sessions| sessions;
        with_restore_timeout restore_timeout: Duration = |timeout| timeout;
        with_storage storage: RecoveryStorage = |storage| storage;
    }

    /// Finds out whether clients can come back with these settings.
    ///
    /// The official server sets no timer for
    /// [`max_disconnection_duration`](Self::max_disconnection_duration), so it may be longer than other times.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first option at fault, its value and the range that is allowed.
    pub fn check(&self) -> Result<(), ConfigError> {
        // A new option needs a rule here; `_` says that each value works.
        let Self {
            max_disconnection_duration,
            skip_middlewares: _,
            max_packets,
            max_bytes,
            max_sessions,
            restore_timeout,
            storage: _,
        } = self;
        let longest = Duration::from_millis(MAX_SAFE_INTEGER);
        let allowed = Duration::from_millis(1)..=longest;
        check_time(
            "max_disconnection_duration",
            *max_disconnection_duration,
            allowed,
        )?;
        check_at_least_one("max_packets", *max_packets)?;
        check_at_least_one("max_bytes", *max_bytes)?;
        check_at_least_one("max_sessions", *max_sessions)?;
        check_timer("restore_timeout", *restore_timeout)
    }
}
