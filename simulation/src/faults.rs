//! What goes wrong.

use std::time::Duration;

use socketio_testkit::{ClientId, Cut, ServerId, Websockets};

use crate::world::{Later, World};

/// The end of something that goes wrong for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Undo {
    Path(ClientId),
    Start(ServerId),
    WakeServer(ServerId),
    WakeClient(ClientId),
    FreeServer(ServerId),
    FreeClient(ClientId),
}

/// How many kinds of faults there are.
const KINDS: u64 = 22;

impl World {
    /// Something goes wrong, if it is of a kind that this world has.
    pub(crate) fn go_wrong(&mut self) {
        let kind = self.random.below(KINDS);
        if self.plan.faults >> kind & 1 == 0 {
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
        match kind {
            0 => self.network.cut(client, Cut::Reset),
            1 => self.network.cut(client, Cut::Clean),
            2 => self.network.cut(client, Cut::Midway),
            3 => self.network.cut(client, Cut::Silent),
            4 => self.network.cut_websockets(client, Cut::Reset),
            5 => self.network.cut_requests(client, Cut::Reset),
            6 => self.network.cut_requests(client, Cut::Silent),
            7..=16 => {
                self.spoil(client, kind);
                self.undo_later(20_000, Undo::Path(client));
            }
            17 => {
                self.checker.server_lost(self.number_of(server));
                self.network.stop_server(server);
                self.undo_later(8000, Undo::Start(server));
            }
            18 => {
                self.network.suspend_client(client, true);
                self.undo_later(20_000, Undo::WakeClient(client));
            }
            19 => {
                self.network.set_client_busy(client, true);
                self.undo_later(6000, Undo::FreeClient(client));
            }
            // Who comes back would be told of it before the application of the server is.
            20 if !self.keeps(server) => {
                self.network.set_server_busy(server, true);
                self.undo_later(3000, Undo::FreeServer(server));
            }
            20 | 21 if self.random.chance(500) => {
                self.network.suspend_server(server, true);
                self.undo_later(15_000, Undo::WakeServer(server));
            }
            _ => {
                let jump = self
                    .random
                    .duration(Duration::ZERO, Duration::from_secs(20));
                self.network.jump(jump);
            }
        }
    }

    /// The path of a client turns bad.
    fn spoil(&mut self, client: ClientId, kind: u64) {
        let chance = u32::try_from(self.random.between(10, 300)).unwrap_or(10);
        let long = self
            .random
            .duration(Duration::from_millis(100), Duration::from_secs(4));
        let frames = self.random.between(0, 6);
        let status = *self.random.pick(&[400, 403, 502]).unwrap_or(&502);
        let path = self.network.path_mut(client);
        match kind {
            7 => path.lost_requests = chance,
            8 => path.lost_bodies = chance,
            9 => path.lost_responses = chance,
            10 => path.doubled_attempts = 1000,
            11 => path.refused = true,
            12 => path.stalled = true,
            13 => {
                path.websockets = match frames {
                    0 => Websockets::Refused { status },
                    1 => Websockets::Swallowed,
                    _ => Websockets::Broken {
                        after: u32::try_from(frames).unwrap_or(2),
                    },
                };
                path.lost_connects = chance;
            }
            14 => (path.collected, path.gateway_timeout) = (long / 4, Some(long)),
            15 => (path.pipe_frames, path.unwritable_down) = (1, true),
            _ => {
                path.pipe_frames = 1;
                path.unwritable_up = frames > 2;
                path.latency_down = long;
                path.jitter = long;
            }
        }
    }

    fn undo_later(&mut self, most: u64, undo: Undo) {
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
            Undo::WakeServer(server) => self.network.suspend_server(server, false),
            Undo::WakeClient(client) => self.network.suspend_client(client, false),
            Undo::FreeServer(server) => self.network.set_server_busy(server, false),
            Undo::FreeClient(client) => self.network.set_client_busy(client, false),
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm_down(&mut self) {
        self.calm = true;
        for client in self.network.clients().collect::<Vec<_>>() {
            self.undo(Undo::Path(client));
            // A WebSocket keeps its plan to break, and may send so little that the plan outlives the calm.
            self.network.spare_websockets(client);
            self.undo(Undo::WakeClient(client));
            self.undo(Undo::FreeClient(client));
        }
        for server in self.network.servers().collect::<Vec<_>>() {
            self.undo(Undo::Start(server));
            self.undo(Undo::WakeServer(server));
            self.undo(Undo::FreeServer(server));
        }
    }
}
