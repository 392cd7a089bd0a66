//! Counters of the effects of faults, and of interrupted upgrades by step.

use std::collections::BTreeMap;

use socketio_proto::engine::{Frame, Transport};

use crate::network::{ClientId, Network};

macro_rules! named {
    ($(#[$about:meta])* $kind:ident { $($(#[$doc:meta])* $name:ident,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum $kind { $($(#[$doc])* $name,)* }

        impl $kind {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

named! {
    /// An effect of a fault. A fault that meets nothing, such as a cut while nothing is open, has no effect.
    ///
    /// [`Network::effects`] counts them.
    Effect {
        /// A request was lost before it reached the server: [`Path::lost_requests`](crate::Path::lost_requests).
        RequestLost,
        /// A POST broke off: [`Path::lost_bodies`](crate::Path::lost_bodies).
        BodyLost,
        /// A response was lost: [`Path::lost_responses`](crate::Path::lost_responses).
        ResponseLost,
        /// A WebSocket could not be opened: [`Path::lost_connects`](crate::Path::lost_connects).
        ConnectLost,
        /// A handshake over polling reached the server twice: [`Path::doubled_attempts`](crate::Path::doubled_attempts).
        RequestDoubled,
        /// The handshake of a WebSocket reached the server twice.
        ConnectDoubled,
        /// A request found its server out of reach: [`Path::refused`](crate::Path::refused).
        RequestUnreachable,
        /// A WebSocket found its server out of reach.
        ConnectUnreachable,
        /// Something was held back: [`Path::stalled`](crate::Path::stalled).
        Stalled,
        /// A proxy refused a WebSocket: [`Websockets::Refused`](crate::Websockets::Refused).
        WebsocketRefused,
        /// A proxy swallowed a frame: [`Websockets::Swallowed`](crate::Websockets::Swallowed).
        FrameSwallowed,
        /// A proxy broke a WebSocket: [`Websockets::Broken`](crate::Websockets::Broken).
        WebsocketBroken,
        /// A response waited for others: [`Path::collected`](crate::Path::collected).
        ResponseCollected,
        /// A proxy answered instead of the server: [`Path::gateway_timeout`](crate::Path::gateway_timeout).
        GatewayTimeout,
        /// A client had a frame, and its pipe was full: [`Path::pipe_frames`](crate::Path::pipe_frames).
        PipeFullUp,
        /// A server had a frame, and its pipe was full.
        PipeFullDown,
        /// A client had a frame, and its pipe took none: [`Path::unwritable_up`](crate::Path::unwritable_up).
        UnwritableUp,
        /// A server had a frame, and its pipe took none: [`Path::unwritable_down`](crate::Path::unwritable_down).
        UnwritableDown,
        /// A WebSocket was cut cleanly: [`Cut::Clean`](crate::Cut::Clean).
        WebsocketClosed,
        /// A WebSocket was reset: [`Cut::Reset`](crate::Cut::Reset).
        WebsocketReset,
        /// A WebSocket was cut midway: [`Cut::Midway`](crate::Cut::Midway).
        WebsocketCutMidway,
        /// A WebSocket was cut silently: [`Cut::Silent`](crate::Cut::Silent).
        WebsocketSilent,
        /// A request was cut, and both sides are told.
        RequestCut,
        /// A request was cut silently: [`Cut::Silent`](crate::Cut::Silent).
        RequestSilent,
        /// A server stopped that had a request or WebSocket: [`Network::stop_server`].
        ServerStopped,
        /// Something was addressed to a suspended server: [`Network::suspend_server`].
        ServerAsleep,
        /// Something was addressed to a suspended client: [`Network::suspend_client`].
        ClientAsleep,
        /// The application of a server had no time for an event: [`Network::set_server_busy`].
        ServerBusy,
        /// The application of a client had no time for an event: [`Network::set_client_busy`].
        ClientBusy,
        /// The application of a server was still busy with the last event: [`Network::set_server_pace`].
        ServerSlow,
        /// The driver of a server left the outputs of its machine: [`Network::set_server_lag`].
        ServerDrainedLate,
        /// The driver of a client left the outputs of its machine: [`Network::set_client_lag`].
        ClientDrainedLate,
        /// The clock jumped past something that was due: [`Network::jump`].
        Jumped,
    }
}

named! {
    /// The progress of an upgrade, as the network sees it.
    ///
    /// [`Network::interrupted_upgrades`] counts upgrades that ended at each step.
    UpgradeStep {
        /// The client has asked for the connection.
        Connecting,
        /// The connection is open, and the probe has not left the client.
        Connected,
        /// The probe has left the client, and the server has not got it.
        ProbeSent,
        /// The server has the probe, and the client has no answer.
        ProbeArrived,
        /// The client has the answer, and waits until its requests are over.
        Pausing,
        /// The client has no request any more, and the upgrade packet has not left it.
        Paused,
        /// The upgrade packet has left the client, and the server has not got it.
        UpgradeSent,
        /// The server has the upgrade packet, and nothing else has arrived over the connection since.
        Upgraded,
    }
}

impl UpgradeStep {
    /// The step once a frame has left the client.
    pub(crate) fn sent(self, frame: &Frame) -> Self {
        if self == Self::Connected && is_text(frame, "2probe") {
            Self::ProbeSent
        } else if self == Self::Pausing && is_text(frame, "5") {
            Self::UpgradeSent
        } else {
            self
        }
    }

    /// The step once a frame has arrived, at either side; `None` if the upgrade is over.
    pub(crate) fn arrived(self, frame: &Frame) -> Option<Self> {
        let next = if self == Self::ProbeSent && is_text(frame, "2probe") {
            Self::ProbeArrived
        } else if self == Self::ProbeArrived && is_text(frame, "3probe") {
            Self::Pausing
        } else if self == Self::UpgradeSent && is_text(frame, "5") {
            Self::Upgraded
        } else {
            return (self != Self::Upgraded).then_some(self);
        };
        Some(next)
    }
}

fn is_text(frame: &Frame, expected: &str) -> bool {
    matches!(frame, Frame::Text(text) if *text == expected)
}

/// Counters of each event.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    effects: BTreeMap<Effect, u64>,
    interrupted: BTreeMap<(Transport, UpgradeStep), u64>,
}

impl Network {
    /// The number of times that a fault had this effect.
    #[must_use]
    pub fn effects(&self, effect: Effect) -> u64 {
        self.tally.effects.get(&effect).copied().unwrap_or(0)
    }

    /// The number of upgrades to a transport that ended at this step: their connection was refused, broke, or was
    /// closed by one side.
    #[must_use]
    pub fn interrupted_upgrades(&self, to: Transport, step: UpgradeStep) -> u64 {
        let found = self.tally.interrupted.get(&(to, step));
        found.copied().unwrap_or(0)
    }

    pub(crate) fn count(&mut self, effect: Effect) {
        *self.tally.effects.entry(effect).or_default() += 1;
    }

    /// The first step of the upgrade that a client begins with a WebSocket; `None` if it opens a session with it.
    pub(crate) fn first_step(&self, client: ClientId) -> Option<UpgradeStep> {
        let engine = self.client(client).engine()?;
        engine.sid().is_some().then_some(UpgradeStep::Connecting)
    }

    /// A WebSocket ends. Counts the upgrade in flight over it, once.
    pub(crate) fn interrupt_upgrade(&mut self, number: u64) {
        let Some(pipe) = self.pipes.get_mut(&number) else {
            return;
        };
        let Some(step) = pipe.upgrade.take() else {
            return;
        };
        let requests = !self.clients[pipe.client].exchanges.is_empty();
        let step = if step == UpgradeStep::Pausing && !requests {
            UpgradeStep::Paused
        } else {
            step
        };
        let key = (pipe.transport(), step);
        *self.tally.interrupted.entry(key).or_default() += 1;
    }
}
