//! The move from polling to a WebSocket, probed on the side.
//!
//! | state | input on the probe | next | action |
//! |---|---|---|---|
//! | `None` | handshake offers it | `Connecting` | open a connection |
//! | `Connecting` | opens | `Probing` | send `2probe` |
//! | `Probing` | `3probe` | `Pausing` | no further GET and POST |
//! | `Pausing` | GET and POST are over | `None` | send `5`: the session moves over |
//! | `Probing`, `Pausing` | another packet | `None` | close the probe, stay on polling |
//! | all but `None` | refused, closed, deadline | `None` | stay on polling |
//!
//! A packet on the probe before `5` went out counts as wrong in `Pausing` too: the server says nothing there.
//!
//! Source: `engine.io-client/lib/socket.ts`, `_probe`.

use crate::codec::{Packet, v4};
use crate::{ConnectionId, Frame, Instant};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Upgrade {
    None,
    Connecting {
        on: ConnectionId,
        deadline: Option<Instant>,
    },
    Probing {
        on: ConnectionId,
        deadline: Option<Instant>,
        probe: Probe,
    },
    Pausing {
        on: ConnectionId,
        deadline: Option<Instant>,
    },
}

/// Where the `2probe` is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Probe {
    Queued,
    Announced,
    Sent,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Pause,
    Abort,
}

impl Upgrade {
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::None => None,
            Self::Connecting { on, .. } | Self::Probing { on, .. } | Self::Pausing { on, .. } => {
                Some(*on)
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::None => None,
            Self::Connecting { deadline, .. }
            | Self::Probing { deadline, .. }
            | Self::Pausing { deadline, .. } => *deadline,
        }
    }

    /// Whether polling is to come to rest, officially `upgrading`.
    pub(super) fn is_pausing(&self) -> bool {
        matches!(self, Self::Pausing { .. })
    }

    pub(super) fn handle_connected(&mut self) {
        if let Self::Connecting { on, deadline } = *self {
            *self = Self::Probing {
                on,
                deadline,
                probe: Probe::Queued,
            };
        }
    }

    pub(super) fn handle_frame(&mut self, frame: Frame) -> Action {
        match (*self, v4::decode_frame(frame)) {
            (Self::Probing { on, deadline, .. }, Ok(Packet::Pong(data))) if data == "probe" => {
                *self = Self::Pausing { on, deadline };
                Action::Pause
            }
            _ => Action::Abort,
        }
    }

    pub(super) fn poll_frame(&mut self) -> Option<Frame> {
        match self {
            Self::Probing {
                probe: probe @ (Probe::Queued | Probe::Announced),
                ..
            } => {
                *probe = Probe::Sent;
                Some(Frame::Text("2probe".into()))
            }
            Self::None | Self::Connecting { .. } | Self::Probing { .. } | Self::Pausing { .. } => {
                None
            }
        }
    }

    /// The connection whose probe the driver has not been told of.
    pub(super) fn unannounced(&self) -> Option<ConnectionId> {
        match self {
            Self::Probing {
                on,
                probe: Probe::Queued,
                ..
            } => Some(*on),
            Self::None | Self::Connecting { .. } | Self::Probing { .. } | Self::Pausing { .. } => {
                None
            }
        }
    }

    pub(super) fn announce(&mut self) {
        if let Self::Probing {
            probe: probe @ Probe::Queued,
            ..
        } = self
        {
            *probe = Probe::Announced;
        }
    }

    /// Ends the probe.
    pub(super) fn take(&mut self) -> Option<ConnectionId> {
        let connection = self.connection();
        *self = Self::None;
        connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: ConnectionId = ConnectionId(1);

    fn probing() -> Upgrade {
        let mut upgrade = Upgrade::Connecting {
            on: ON,
            deadline: None,
        };
        upgrade.handle_connected();
        upgrade
    }

    fn text(text: &'static str) -> Frame {
        Frame::Text(text.into())
    }

    #[test]
    fn the_probe_is_sent_once() {
        let mut upgrade = probing();
        assert_eq!(upgrade.unannounced(), Some(ON));
        upgrade.announce();
        assert_eq!(upgrade.unannounced(), None);
        assert_eq!(upgrade.poll_frame(), Some(text("2probe")));
        assert_eq!(upgrade.poll_frame(), None);
        upgrade.handle_connected();
        assert_eq!(upgrade.poll_frame(), None);
    }

    #[test]
    fn only_the_answer_to_the_probe_pauses() {
        let mut upgrade = probing();
        assert_eq!(upgrade.handle_frame(text("3probe")), Action::Pause);
        assert!(upgrade.is_pausing());
        for frame in [
            text("3"),
            text("3probes"),
            text("6"),
            text("4a"),
            text(""),
            Frame::Binary("3probe".into()),
        ] {
            assert_eq!(probing().handle_frame(frame), Action::Abort);
        }
    }

    #[test]
    fn an_answer_before_the_connection_opened_or_a_second_one_aborts() {
        let mut upgrade = Upgrade::Connecting {
            on: ON,
            deadline: None,
        };
        assert_eq!(upgrade.handle_frame(text("3probe")), Action::Abort);
        let mut upgrade = probing();
        upgrade.handle_frame(text("3probe"));
        assert_eq!(upgrade.handle_frame(text("3probe")), Action::Abort);
    }
}
