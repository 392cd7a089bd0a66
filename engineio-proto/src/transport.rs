//! Transports, which carry packets.

use serde::{Deserialize, Serialize};

/// A way to carry packets.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[non_exhaustive]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// WebSocket.
    WebSocket,
    /// WebTransport: one bidirectional stream of an HTTP/3 session, see [`codec::webtransport`](crate::codec::webtransport).
    WebTransport,
}

impl Transport {
    /// The official name, as it stands in queries and handshakes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
            Self::WebTransport => "webtransport",
        }
    }

    /// Reads the official name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "polling" => Some(Self::Polling),
            "websocket" => Some(Self::WebSocket),
            "webtransport" => Some(Self::WebTransport),
            _ => None,
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Polling => 1,
            Self::WebSocket => 2,
            Self::WebTransport => 4,
        }
    }
}

/// A set of transports.
///
/// # Examples
///
/// ```
/// use engineio_proto::{Transport, Transports};
///
/// let only = Transports::NONE.with(Transport::WebSocket);
/// assert!(!only.contains(Transport::Polling));
/// ```
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Transports(u8);

impl Transports {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// The set with one more transport.
    #[must_use]
    pub const fn with(self, transport: Transport) -> Self {
        Self(self.0 | transport.bit())
    }

    /// Whether the transport is in the set.
    #[must_use]
    pub const fn contains(self, transport: Transport) -> bool {
        self.0 & transport.bit() != 0
    }
}

impl Default for Transports {
    /// Polling and WebSocket, as in the official packages. WebTransport has to be enabled.
    fn default() -> Self {
        Self::NONE
            .with(Transport::Polling)
            .with(Transport::WebSocket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Transport; 3] = [
        Transport::Polling,
        Transport::WebSocket,
        Transport::WebTransport,
    ];

    #[test]
    fn every_name_is_read_again() {
        for transport in ALL {
            assert_eq!(Transport::from_name(transport.name()), Some(transport));
        }
        assert_eq!(Transport::from_name("constructor"), None);
    }

    #[test]
    fn a_set_holds_what_was_put_into_it_and_nothing_else() {
        for transport in ALL {
            let only = Transports::NONE.with(transport);
            assert_eq!(
                ALL.map(|other| only.contains(other)),
                ALL.map(|other| other == transport)
            );
        }
        assert!(!Transports::default().contains(Transport::WebTransport));
    }
}
