//! The move from polling to another transport, probed on the side.
//!
//! Each transport that is offered and wanted has a probe of its own; they go on side by side until one is answered.
//!
//! | stage | input on the probe | next | action |
//! |---|---|---|---|
//! | – | handshake offers it | `Connecting` | open a connection |
//! | – | handshake offers it and WebTransport, which is favoured | `Delayed` | – |
//! | `Delayed` | 200 ms are over | `Connecting` | open a connection |
//! | `Connecting` | opens | `Probing` | send `2probe`; on WebTransport the session id before it |
//! | `Probing` | `3probe` | `Pausing` | close the other probes; no further GET and POST |
//! | `Pausing` | GET and POST are over | – | send `5`: the session moves over |
//! | `Probing`, `Pausing` | another packet | – | close the probe, stay on polling |
//! | any but `Delayed` | refused, closed, deadline | – | stay on polling |
//!
//! A packet on the probe before `5` went out counts as wrong in `Pausing` too: the server says nothing there.
//!
//! Source: `engine.io-client/lib/socket.ts`, `_probe`.

use alloc::vec::Vec;
use core::time::Duration;

use bytestring::ByteString;

use crate::codec::{Packet, v4, webtransport};
use crate::{ConnectionId, Frame, Instant, Transport};

/// The probes, at most one for each transport.
#[derive(Debug, Default)]
pub(super) struct Upgrade(Vec<Probe>);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Probe {
    pub(super) to: Transport,
    /// The end of the stage: for `Delayed` the next one begins, for the others the probe has failed.
    pub(super) deadline: Option<Instant>,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    Delayed,
    Connecting {
        on: ConnectionId,
    },
    Probing {
        on: ConnectionId,
        unsent: Unsent,
        /// The driver knows that there is something to send.
        announced: bool,
    },
    Pausing {
        on: ConnectionId,
    },
}

/// What is still to be sent on a probe.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unsent {
    /// The packet that opens a WebTransport stream, then the probe.
    OpenAndProbe,
    Probe,
    Nothing,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Pause(Transport),
    Abort,
}

impl Probe {
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self.stage {
            Stage::Delayed => None,
            Stage::Connecting { on } | Stage::Probing { on, .. } | Stage::Pausing { on } => {
                Some(on)
            }
        }
    }
}

impl Upgrade {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, probe: Probe) {
        self.0.push(probe);
    }

    /// Whether the connection is one of a probe.
    pub(super) fn is_on(&self, connection: ConnectionId) -> bool {
        self.0
            .iter()
            .any(|probe| probe.connection() == Some(connection))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().filter_map(|probe| probe.deadline).min()
    }

    /// Whether polling is to come to rest, officially `upgrading`.
    pub(super) fn is_pausing(&self) -> bool {
        self.0.iter().any(is_pausing)
    }

    pub(super) fn handle_connected(&mut self, connection: ConnectionId) {
        if let Some(probe) = self.find(connection)
            && let Stage::Connecting { on } = probe.stage
        {
            probe.stage = Stage::Probing {
                on,
                unsent: match probe.to {
                    Transport::WebTransport => Unsent::OpenAndProbe,
                    Transport::Polling | Transport::WebSocket => Unsent::Probe,
                },
                announced: false,
            };
        }
    }

    pub(super) fn handle_frame(&mut self, connection: ConnectionId, frame: Frame) -> Action {
        let Some(probe) = self.find(connection) else {
            return Action::Abort;
        };
        match (probe.stage, v4::decode_frame(frame)) {
            (Stage::Probing { on, .. }, Ok(Packet::Pong(data))) if data == "probe" => {
                probe.stage = Stage::Pausing { on };
                Action::Pause(probe.to)
            }
            _ => Action::Abort,
        }
    }

    /// The next frame on a probe, for a session of that id.
    pub(super) fn poll_frame(
        &mut self,
        connection: ConnectionId,
        sid: Option<&ByteString>,
    ) -> Option<Frame> {
        let Stage::Probing { unsent, .. } = &mut self.find(connection)?.stage else {
            return None;
        };
        match unsent {
            Unsent::OpenAndProbe => {
                *unsent = Unsent::Probe;
                Some(webtransport::encode_open(sid.map(|sid| &**sid)))
            }
            Unsent::Probe => {
                *unsent = Unsent::Nothing;
                Some(Frame::Text("2probe".into()))
            }
            Unsent::Nothing => None,
        }
    }

    /// The connection whose probe the driver has not been told of.
    pub(super) fn unannounced(&self) -> Option<ConnectionId> {
        self.0.iter().find_map(|probe| match probe.stage {
            Stage::Probing {
                on,
                unsent: Unsent::OpenAndProbe | Unsent::Probe,
                announced: false,
            } => Some(on),
            Stage::Delayed
            | Stage::Connecting { .. }
            | Stage::Probing { .. }
            | Stage::Pausing { .. } => None,
        })
    }

    pub(super) fn announce(&mut self, connection: ConnectionId) {
        if let Some(probe) = self.find(connection)
            && let Stage::Probing { announced, .. } = &mut probe.stage
        {
            *announced = true;
        }
    }

    /// Ends the probe on that connection.
    pub(super) fn take(&mut self, connection: ConnectionId) -> Option<Probe> {
        self.take_if(|probe| probe.connection() == Some(connection))
    }

    /// Ends the probe that has been answered.
    pub(super) fn take_pausing(&mut self) -> Option<Probe> {
        self.take_if(is_pausing)
    }

    /// Ends a probe that has not been answered.
    pub(super) fn take_unanswered(&mut self) -> Option<Probe> {
        self.take_if(|probe| !is_pausing(probe))
    }

    /// Ends a probe whose deadline has come, or a delay.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Probe> {
        self.take_if(|probe| probe.deadline.is_some_and(|deadline| now >= deadline))
    }

    fn take_if(&mut self, wanted: impl Fn(&Probe) -> bool) -> Option<Probe> {
        let index = self.0.iter().position(wanted)?;
        let probe = self.0.remove(index);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
        Some(probe)
    }

    fn find(&mut self, connection: ConnectionId) -> Option<&mut Probe> {
        self.0
            .iter_mut()
            .find(|probe| probe.connection() == Some(connection))
    }
}

fn is_pausing(probe: &Probe) -> bool {
    matches!(probe.stage, Stage::Pausing { .. })
}

/// How long other transports wait while WebTransport is tried.
pub(super) const DELAY: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    const ON: ConnectionId = ConnectionId(1);

    fn connecting(to: Transport) -> Upgrade {
        Upgrade(alloc::vec![Probe {
            to,
            deadline: None,
            stage: Stage::Connecting { on: ON },
        }])
    }

    fn probing(to: Transport) -> Upgrade {
        let mut upgrade = connecting(to);
        upgrade.handle_connected(ON);
        upgrade
    }

    fn text(text: &'static str) -> Frame {
        Frame::Text(text.into())
    }

    #[test]
    fn the_probe_is_sent_once() {
        let mut upgrade = probing(Transport::WebSocket);
        assert_eq!(upgrade.unannounced(), Some(ON));
        upgrade.announce(ON);
        assert_eq!(upgrade.unannounced(), None);
        assert_eq!(upgrade.poll_frame(ON, None), Some(text("2probe")));
        assert_eq!(upgrade.poll_frame(ON, None), None);
        upgrade.handle_connected(ON);
        assert_eq!(upgrade.poll_frame(ON, None), None);
    }

    #[test]
    fn on_webtransport_the_session_is_named_before_the_probe() {
        let mut upgrade = probing(Transport::WebTransport);
        let sid = Some(ByteString::from("S"));
        let frames = core::iter::from_fn(|| upgrade.poll_frame(ON, sid.as_ref()));
        assert_eq!(
            frames.collect::<Vec<_>>(),
            [text(r#"0{"sid":"S"}"#), text("2probe")]
        );
        assert_eq!(upgrade.unannounced(), None);
    }

    #[test]
    fn only_the_answer_to_the_probe_pauses() {
        for to in [Transport::WebSocket, Transport::WebTransport] {
            let mut upgrade = probing(to);
            assert_eq!(upgrade.handle_frame(ON, text("3probe")), Action::Pause(to));
            assert!(upgrade.is_pausing());
            for frame in [
                text("3"),
                text("3probes"),
                text("6"),
                text("4a"),
                text(""),
                Frame::Binary("3probe".into()),
            ] {
                assert_eq!(probing(to).handle_frame(ON, frame), Action::Abort);
            }
        }
    }

    #[test]
    fn an_answer_before_the_connection_opened_or_a_second_one_aborts() {
        let mut upgrade = connecting(Transport::WebSocket);
        assert_eq!(upgrade.handle_frame(ON, text("3probe")), Action::Abort);
        let mut upgrade = probing(Transport::WebSocket);
        upgrade.handle_frame(ON, text("3probe"));
        assert_eq!(upgrade.handle_frame(ON, text("3probe")), Action::Abort);
    }
}
