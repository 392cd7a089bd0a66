//! The settings of a server.

use core::time::Duration;

use engineio_proto::ConfigError;
use engineio_proto::server as engine;
use engineio_proto::settings::{check_at_least_one, check_timer};
use serde::{Deserialize, Serialize};

use super::recovery::RecoveryConfig;
use crate::parser::{Limits, Parser};

/// The settings of a Socket.IO server, with the official names and defaults.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use socketio_proto::engine::server::Config as EngineConfig;
/// use socketio_proto::server::Config;
///
/// let engine = EngineConfig::default().with_ping_interval(Duration::from_secs(10));
/// let config = Config::default().with_engine(engine).with_connect_timeout(Duration::from_secs(5));
/// assert_eq!(config.limits.max_attachments, 10);
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Config {
    /// The settings of the Engine.IO server below.
    pub engine: engine::Config,
    /// How packets are written, which both peers must agree on. Default JSON with binary attachments.
    pub parser: Parser,
    /// How long a client may take to join its first namespace before its connection is closed; officially
    /// `connectTimeout`. It also bounds how long a client waits for the application's verdict on any namespace, after
    /// which it is refused with the message `timeout`. Default 45 s.
    pub connect_timeout: Duration,
    /// What the decoder of each connection accepts. What exceeds it ends the connection.
    pub limits: Limits,
    /// The namespaces that one client may be in, or wait for, at a time; further ones are refused with the message
    /// `too many namespaces`. Default 256.
    pub max_namespaces_per_connection: usize,
    /// The namespaces that may exist for clients to bring new children of parents into being; further ones are refused
    /// with the message `too many namespaces`. The application may add as many as it likes. Default 10,000.
    pub max_namespaces: usize,
    /// Whether a child of a parent is removed once nobody is in it or waits for it. Default false: then only a child that
    /// nobody was ever let into is removed.
    pub cleanup_empty_child_namespaces: bool,
    /// Whether the application is told of every room that comes, goes, is joined and left, as adapters want it. Default
    /// false.
    pub room_events: bool,
    /// Whether clients that were away for a short while get back what they had: their socket id, rooms and data, and the
    /// events that they missed. Default no.
    pub connection_state_recovery: Option<RecoveryConfig>,
    /// The rooms that one socket may be in besides its own; joining more is refused. Default 4,096.
    pub max_rooms_per_socket: usize,
    /// The bytes of a room's name; joining a longer one is refused. Default 1,024.
    pub max_room_length: usize,
    /// The events of one socket whose acknowledgement may be awaited; further ones are refused. Default 65,536.
    pub max_pending_acks: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            engine: engine::Config::default(),
            parser: Parser::default(),
            connect_timeout: Duration::from_millis(45_000),
            limits: Limits::default(),
            max_namespaces_per_connection: 256,
            max_namespaces: 10_000,
            cleanup_empty_child_namespaces: false,
            room_events: false,
            connection_state_recovery: None,
            max_rooms_per_socket: 4_096,
            max_room_length: 1_024,
            max_pending_acks: 65_536,
        }
    }
}

impl Config {
    engineio_proto::__setters! {
        with_engine engine: engine::Config = |engine| engine;
        with_parser parser: Parser = |parser| parser;
        with_connect_timeout connect_timeout: Duration = |timeout| timeout;
        with_limits limits: Limits = |limits| limits;
        with_max_namespaces_per_connection max_namespaces_per_connection: usize = |namespaces| namespaces;
        with_max_namespaces max_namespaces: usize = |namespaces| namespaces;
        with_cleanup_empty_child_namespaces cleanup_empty_child_namespaces: bool = |cleanup| cleanup;
        with_room_events room_events: bool = |told| told;
        with_connection_state_recovery connection_state_recovery: Option<RecoveryConfig> = |recovery| recovery;
        with_max_rooms_per_socket max_rooms_per_socket: usize = |rooms| rooms;
        with_max_room_length max_room_length: usize = |bytes| bytes;
        with_max_pending_acks max_pending_acks: usize = |acks| acks;
    }

    /// Finds out whether a server can work with these settings, those of the layer below included.
    ///
    /// Times are at least 1 ms and at most [`MAX_TIMER`](crate::engine::settings::MAX_TIMER). Zero is allowed where it
    /// means that there is none of something: for [`max_namespaces`](Self::max_namespaces),
    /// [`max_rooms_per_socket`](Self::max_rooms_per_socket) and [`max_pending_acks`](Self::max_pending_acks).
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the first option at fault, its value and the range that is allowed.
    pub fn check(&self) -> Result<(), ConfigError> {
        // A new option needs a rule here; `_` says that each value works.
        let Self {
            engine,
            parser: _,
            connect_timeout,
            limits,
            max_namespaces_per_connection,
            max_namespaces: _,
            cleanup_empty_child_namespaces: _,
            room_events: _,
            connection_state_recovery,
            max_rooms_per_socket: _,
            max_room_length,
            max_pending_acks: _,
        } = self;
        engine.check().map_err(|error| error.within("engine"))?;
        check_timer("connect_timeout", *connect_timeout)?;
        limits.check().map_err(|error| error.within("limits"))?;
        let namespaces = *max_namespaces_per_connection;
        check_at_least_one("max_namespaces_per_connection", namespaces)?;
        if let Some(recovery) = connection_state_recovery {
            recovery
                .check()
                .map_err(|error| error.within("connection_state_recovery"))?;
        }
        check_at_least_one("max_room_length", *max_room_length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_official_ones() {
        let config = Config::default();
        assert_eq!(config.connect_timeout.as_millis(), 45_000);
        assert!(config.connection_state_recovery.is_none());
        assert!(!config.cleanup_empty_child_namespaces);
        let recovery = RecoveryConfig::default();
        assert_eq!(recovery.max_disconnection_duration.as_millis(), 120_000);
        assert!(recovery.skip_middlewares);
    }
}
