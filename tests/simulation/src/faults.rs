//! The faults of a world.

use std::time::Duration;

use socketio_testkit::{ClientId, Cut, Effect, ServerId, Websockets};

use crate::coverage::table;
use crate::world::{Later, World};

/// The end of a fault that lasts for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Undo {
    Path(ClientId),
    Start(ServerId),
    WakeServer(ServerId),
    WakeClient(ClientId),
    FreeServer(ServerId),
    FreeClient(ClientId),
    DrainServer(ServerId),
    DrainClient(ClientId),
    Restart(ServerId),
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fault {
    CutReset,
    CutClean,
    CutMidway,
    CutSilent,
    CutWebsockets,
    CutRequests,
    SilenceRequests,
    LoseRequests,
    LoseBodies,
    LoseResponses,
    DoubleAttempts,
    Unreachable,
    Stall,
    SpoilWebsockets,
    Collect,
    BlockPipes,
    Slow,
    StopServer,
    SleepClient,
    BusyClient,
    BusyServer,
    SleepServerOrJump,
    SlowServer,
    LateServer,
    LateClient,
}

/// All kinds. The position of each is its bit in the plan of a world.
const FAULTS: [Fault; 25] = [
    Fault::CutReset,
    Fault::CutClean,
    Fault::CutMidway,
    Fault::CutSilent,
    Fault::CutWebsockets,
    Fault::CutRequests,
    Fault::SilenceRequests,
    Fault::LoseRequests,
    Fault::LoseBodies,
    Fault::LoseResponses,
    Fault::DoubleAttempts,
    Fault::Unreachable,
    Fault::Stall,
    Fault::SpoilWebsockets,
    Fault::Collect,
    Fault::BlockPipes,
    Fault::Slow,
    Fault::StopServer,
    Fault::SleepClient,
    Fault::BusyClient,
    Fault::BusyServer,
    Fault::SleepServerOrJump,
    Fault::SlowServer,
    Fault::LateServer,
    Fault::LateClient,
];

/// The delay with which drivers poll their machines. It is less than any deadline.
const LAG: Duration = Duration::from_millis(300);

impl Fault {
    /// The bit of this kind in the plan of a world.
    pub(crate) const fn bit(self) -> u64 {
        1 << self as u32
    }

    /// The counts that show that it had an effect.
    const fn effects(self) -> &'static [Effect] {
        match self {
            Self::CutReset => &[Effect::WebsocketReset, Effect::RequestCut],
            Self::CutClean => &[Effect::WebsocketClosed, Effect::RequestCut],
            Self::CutMidway => &[Effect::WebsocketCutMidway, Effect::RequestCut],
            Self::CutSilent => &[Effect::WebsocketSilent, Effect::RequestSilent],
            Self::CutWebsockets => &[Effect::WebsocketReset],
            Self::CutRequests => &[Effect::RequestCut],
            Self::SilenceRequests => &[Effect::RequestSilent],
            Self::LoseRequests => &[Effect::RequestLost],
            Self::LoseBodies => &[Effect::BodyLost],
            Self::LoseResponses => &[Effect::ResponseLost],
            Self::DoubleAttempts => &[Effect::RequestDoubled, Effect::ConnectDoubled],
            Self::Unreachable => &[Effect::RequestUnreachable, Effect::ConnectUnreachable],
            Self::Stall => &[Effect::Stalled],
            Self::SpoilWebsockets => &[
                Effect::WebsocketRefused,
                Effect::FrameSwallowed,
                Effect::WebsocketBroken,
                Effect::ConnectLost,
            ],
            Self::Collect => &[Effect::ResponseCollected, Effect::GatewayTimeout],
            Self::BlockPipes => &[Effect::UnwritableDown],
            Self::Slow => &[Effect::PipeFullUp, Effect::PipeFullDown],
            Self::StopServer => &[Effect::ServerStopped],
            Self::SleepClient => &[Effect::ClientAsleep],
            Self::BusyClient => &[Effect::ClientBusy],
            Self::BusyServer => &[Effect::ServerBusy],
            Self::SleepServerOrJump => &[Effect::ServerAsleep, Effect::Jumped],
            Self::SlowServer => &[Effect::ServerSlow],
            Self::LateServer => &[Effect::ServerDrainedLate],
            Self::LateClient => &[Effect::ClientDrainedLate],
        }
    }
}

impl World {
    /// Begins a fault, if this world has its kind.
    pub(crate) fn go_wrong(&mut self) {
        let kind = self.random.index(FAULTS.len());
        let fault = FAULTS[kind];
        if self.plan.faults & fault.bit() == 0 {
            return;
        }
        let clients: Vec<ClientId> = self.network.clients().collect();
        let servers: Vec<ServerId> = self.network.servers().collect();
        let client = clients.get(self.random.index(clients.len())).copied();
        let server = servers.get(self.random.index(servers.len())).copied();
        let (Some(client), Some(server)) = (client, server) else {
            return;
        };
        self.checker.counts.faults += 1;
        self.expect_effects(fault);
        match fault {
            Fault::CutReset => self.network.cut(client, Cut::Reset),
            Fault::CutClean => self.network.cut(client, Cut::Clean),
            Fault::CutMidway => self.network.cut(client, Cut::Midway),
            Fault::CutSilent => self.network.cut(client, Cut::Silent),
            Fault::CutWebsockets => self.network.cut_websockets(client, Cut::Reset),
            Fault::CutRequests => self.network.cut_requests(client, Cut::Reset),
            Fault::SilenceRequests => self.network.cut_requests(client, Cut::Silent),
            Fault::LoseRequests
            | Fault::LoseBodies
            | Fault::LoseResponses
            | Fault::DoubleAttempts
            | Fault::Unreachable
            | Fault::Stall
            | Fault::SpoilWebsockets
            | Fault::Collect
            | Fault::BlockPipes
            | Fault::Slow => {
                self.spoil(client, fault);
                self.undo_later(20_000, Undo::Path(client));
            }
            Fault::StopServer => {
                self.stop(server);
                self.undo_later(8000, Undo::Start(server));
            }
            Fault::SleepClient => {
                self.network.suspend_client(client, true);
                self.undo_later(20_000, Undo::WakeClient(client));
            }
            Fault::BusyClient => {
                self.network.set_client_busy(client, true);
                self.undo_later(6000, Undo::FreeClient(client));
            }
            // Who comes back would be told of it before the application of the server is.
            Fault::BusyServer if !self.keeps(server) => {
                self.network.set_server_busy(server, true);
                self.undo_later(3000, Undo::FreeServer(server));
            }
            Fault::BusyServer | Fault::SleepServerOrJump if self.random.chance(500) => {
                self.network.suspend_server(server, true);
                self.undo_later(15_000, Undo::WakeServer(server));
            }
            Fault::BusyServer | Fault::SleepServerOrJump => {
                let jump = self
                    .random
                    .duration(Duration::ZERO, Duration::from_secs(20));
                self.network.jump(jump);
            }
            // As for a busy application.
            Fault::SlowServer if !self.keeps(server) => {
                let (least, most) = (Duration::from_millis(20), Duration::from_millis(400));
                let pace = self.random.duration(least, most);
                self.network.set_server_pace(server, pace);
                self.press(server);
                self.undo_later(8000, Undo::FreeServer(server));
            }
            Fault::SlowServer | Fault::LateServer => {
                let lag = self.random.duration(Duration::ZERO, LAG);
                self.network.set_server_lag(server, lag);
                self.undo_later(20_000, Undo::DrainServer(server));
            }
            Fault::LateClient => {
                let lag = self.random.duration(Duration::ZERO, LAG);
                self.network.set_client_lag(client, lag);
                self.undo_later(20_000, Undo::DrainClient(client));
            }
        }
    }

    /// The path of a client gets worse.
    fn spoil(&mut self, client: ClientId, fault: Fault) {
        let chance = u32::try_from(self.random.between(10, 300)).unwrap_or(10);
        let long = self
            .random
            .duration(Duration::from_millis(100), Duration::from_secs(4));
        let frames = self.random.between(0, 6);
        let status = *self.random.pick(&[400, 403, 502]).unwrap_or(&502);
        let path = self.network.path_mut(client);
        match fault {
            Fault::LoseRequests => path.lost_requests = chance,
            Fault::LoseBodies => path.lost_bodies = chance,
            Fault::LoseResponses => path.lost_responses = chance,
            Fault::DoubleAttempts => path.doubled_attempts = 1000,
            Fault::Unreachable => path.refused = true,
            Fault::Stall => path.stalled = true,
            Fault::SpoilWebsockets => {
                path.websockets = match frames {
                    0 => Websockets::Refused { status },
                    1 => Websockets::Swallowed,
                    _ => Websockets::Broken {
                        after: u32::try_from(frames).unwrap_or(2),
                    },
                };
                path.lost_connects = chance;
            }
            Fault::Collect => (path.collected, path.gateway_timeout) = (long / 4, Some(long)),
            Fault::BlockPipes => (path.pipe_frames, path.unwritable_down) = (1, true),
            Fault::Slow => {
                path.pipe_frames = 1;
                path.unwritable_up = frames > 2;
                path.latency_down = long;
                path.jitter = long;
            }
            _ => {}
        }
    }

    /// A server loses its data.
    pub(crate) fn stop(&mut self, server: ServerId) {
        self.judge_memory_of_stopped(server);
        self.checker.server_lost(self.number_of(server));
        self.network.stop_server(server);
        self.draining.remove(&server);
    }

    /// The number of effects of a fault so far.
    fn effects_of(&self, fault: Fault) -> u64 {
        let effects = fault.effects().iter();
        effects.map(|effect| self.network.effects(*effect)).sum()
    }

    /// A fault begins: its effects are counted from here.
    fn expect_effects(&mut self, fault: Fault) {
        self.note_effects();
        let before = self.effects_of(fault);
        self.expected.entry(fault).or_insert(before);
    }

    /// Counts the faults that had an effect since they began.
    pub(crate) fn note_effects(&mut self) {
        for (fault, before) in std::mem::take(&mut self.expected) {
            if self.effects_of(fault) > before {
                self.checker.coverage.count_variant(&table::FAULT, &fault);
            } else {
                self.expected.insert(fault, before);
            }
        }
    }

    pub(crate) fn undo_later(&mut self, most: u64, undo: Undo) {
        self.do_later(Duration::from_millis(most), Later::Undo(undo));
    }

    pub(crate) fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Path(client) => {
                let plan = self.plan.clients.get(self.index_of(client)).cloned();
                let path = self.network.path_mut(client);
                *path = socketio_testkit::Path::default();
                if let Some(plan) = plan {
                    (path.latency_up, path.latency_down) = (plan.latency, plan.latency / 2);
                    path.jitter = plan.jitter;
                }
            }
            Undo::Start(server) if !self.network.is_running(server) => {
                self.network.start_server(server);
                self.set_up(server);
            }
            Undo::Start(_) => {}
            Undo::Restart(server) if self.draining.contains(&server) => {
                self.stop(server);
                self.undo(Undo::Start(server));
            }
            Undo::Restart(_) => {}
            Undo::WakeServer(server) => self.network.suspend_server(server, false),
            Undo::WakeClient(client) => self.network.suspend_client(client, false),
            Undo::FreeServer(server) => {
                self.network.set_server_busy(server, false);
                self.network.set_server_pace(server, Duration::ZERO);
            }
            Undo::FreeClient(client) => self.network.set_client_busy(client, false),
            Undo::DrainServer(server) => self.network.set_server_lag(server, Duration::ZERO),
            Undo::DrainClient(client) => self.network.set_client_lag(client, Duration::ZERO),
        }
    }

    /// Ends all faults.
    pub(crate) fn calm_down(&mut self) {
        self.calm = true;
        self.note_effects();
        for client in self.network.clients().collect::<Vec<_>>() {
            self.undo(Undo::Path(client));
            // A WebSocket keeps its plan to break, and may send so little that the plan outlives the calm.
            self.network.spare_websockets(client);
            self.undo(Undo::WakeClient(client));
            self.undo(Undo::FreeClient(client));
            self.undo(Undo::DrainClient(client));
        }
        for server in self.network.servers().collect::<Vec<_>>() {
            self.undo(Undo::Restart(server));
            self.undo(Undo::Start(server));
            self.undo(Undo::WakeServer(server));
            self.undo(Undo::FreeServer(server));
            self.undo(Undo::DrainServer(server));
        }
    }
}
