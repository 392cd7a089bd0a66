//! The upgrade of a session from polling to a connection, probed on the side.
//!
//! | state | input on the probe | next | action |
//! |---|---|---|---|
//! | `None` | connection opens | `Probing` | – (polls are held as usual: the probe may never come) |
//! | `Probing`, `Probed` | `2probe` | `Probed` | answer `3probe`; from here on polls are answered at once |
//! | `Probing`, `Probed` | `5` | `None` | complete: the session moves over |
//! | `Probing`, `Probed` | any other packet, closed, deadline | `None` | abort: the session stays on polling |
//!
//! Source: `engine.io/lib/socket.ts`, `_maybeUpgrade`. The official server looks every 100 ms for a poll to release; here
//! that is a rule of the state and needs no timer.

use alloc::boxed::Box;

use super::wire::Wire;
use crate::codec::Packet;
use crate::{ConnectionId, Frame, Instant, Transport};

#[derive(Debug)]
pub(super) enum Upgrade {
    None,
    /// Boxed, because it is rare: a session that is not being upgraded has no room for it.
    Probing(Box<Probe>),
}

#[derive(Debug)]
pub(super) struct Probe {
    to: Transport,
    on: ConnectionId,
    deadline: Instant,
    probed: bool,
    answers: u32,
    announced: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Answered,
    Complete,
    Abort,
}

impl Upgrade {
    pub(super) fn start(to: Transport, on: ConnectionId, deadline: Instant) -> Self {
        Self::Probing(Box::new(Probe {
            to,
            on,
            deadline,
            probed: false,
            answers: 0,
            announced: false,
        }))
    }

    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::None => None,
            Self::Probing(probe) => Some(probe.on),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::None => None,
            Self::Probing(probe) => Some(probe.deadline),
        }
    }

    /// Whether the client has probed, so that it is pausing its polling.
    pub(super) fn is_probed(&self) -> bool {
        matches!(self, Self::Probing(probe) if probe.probed)
    }

    pub(super) fn handle_frame(&mut self, frame: Frame, wire: Wire) -> Action {
        let Self::Probing(probe) = self else {
            return Action::Abort;
        };
        match wire.decode_frame(frame) {
            Ok(Packet::Ping(data)) if data == "probe" => {
                probe.probed = true;
                // A count, not a queue: a flood of probes takes no memory.
                probe.answers = probe.answers.saturating_add(1);
                Action::Answered
            }
            Ok(Packet::Upgrade(_)) => Action::Complete,
            Ok(_) | Err(_) => Action::Abort,
        }
    }

    pub(super) fn poll_frame(&mut self) -> Option<Frame> {
        let Self::Probing(probe) = self else {
            return None;
        };
        match probe.answers.checked_sub(1) {
            Some(left) => {
                probe.answers = left;
                Some(Frame::Text("3probe".into()))
            }
            None => {
                probe.announced = false;
                None
            }
        }
    }

    /// The connection that has frames waiting of which the driver has not been told.
    pub(super) fn unannounced(&self) -> Option<ConnectionId> {
        match self {
            Self::Probing(probe) if probe.answers > 0 && !probe.announced => Some(probe.on),
            Self::None | Self::Probing(_) => None,
        }
    }

    pub(super) fn announce(&mut self) {
        if let Self::Probing(probe) = self {
            probe.announced = true;
        }
    }

    /// Ends the probe.
    pub(super) fn take(&mut self) -> Option<(Transport, ConnectionId)> {
        match core::mem::replace(self, Self::None) {
            Self::None => None,
            Self::Probing(probe) => Some((probe.to, probe.on)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probing() -> Upgrade {
        Upgrade::start(
            Transport::WebSocket,
            ConnectionId(1),
            Instant::from_millis(10),
        )
    }

    fn text(text: &'static str) -> Frame {
        Frame::Text(text.into())
    }

    #[test]
    fn each_probe_is_answered() {
        let mut upgrade = probing();
        assert_eq!((upgrade.is_probed(), upgrade.unannounced()), (false, None));
        assert_eq!(
            upgrade.handle_frame(text("2probe"), Wire::V4),
            Action::Answered
        );
        assert_eq!(
            upgrade.handle_frame(text("2probe"), Wire::V4),
            Action::Answered
        );
        assert_eq!(
            (upgrade.is_probed(), upgrade.unannounced()),
            (true, Some(ConnectionId(1)))
        );
        upgrade.announce();
        assert_eq!(upgrade.unannounced(), None);
        assert_eq!(upgrade.poll_frame(), Some(text("3probe")));
        assert_eq!(upgrade.poll_frame(), Some(text("3probe")));
        assert_eq!(upgrade.poll_frame(), None);
    }

    #[test]
    fn completes_with_or_without_a_probe() {
        assert_eq!(
            probing().handle_frame(text("5"), Wire::V4),
            Action::Complete
        );
        let mut upgrade = probing();
        upgrade.handle_frame(text("2probe"), Wire::V4);
        assert_eq!(upgrade.handle_frame(text("5"), Wire::V4), Action::Complete);
    }

    #[test]
    fn anything_else_aborts() {
        for frame in [
            text("2"),
            text("2probes"),
            text("4hello"),
            text("x"),
            text(""),
            text("1"),
            Frame::Binary("a".into()),
        ] {
            assert_eq!(probing().handle_frame(frame, Wire::V4), Action::Abort);
        }
    }
}
