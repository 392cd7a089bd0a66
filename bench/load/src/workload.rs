//! The workloads that servers are compared by.

use std::net::SocketAddr;

use load::Result;
use load::drive::{Driver, Scenario};
use load::scenario::{Broadcast, Churn, Echo, PollingEcho};

/// The behaviour of the clients, and their number.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Echo { clients: usize },
    Broadcast { receivers: usize, window: usize },
    PollingEcho { clients: usize },
    Churn { loops: usize },
    Idle { clients: usize },
}

/// A row of the tables.
#[derive(Clone, Copy)]
pub(crate) struct Workload {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) kind: Kind,
    /// The number of exchanges whose instructions are counted. A quarter as many run before them, uncounted.
    pub(crate) counted: u64,
}

pub(crate) const WORKLOADS: [Workload; 7] = [
    Workload {
        name: "echo-64",
        title: "echo, 64 WebSocket clients",
        kind: Kind::Echo { clients: 64 },
        counted: 6_400,
    },
    Workload {
        name: "echo-1000",
        title: "echo, 1,000 WebSocket clients",
        kind: Kind::Echo { clients: 1000 },
        counted: 5_000,
    },
    Workload {
        name: "broadcast-1",
        title: "broadcast to 1,000, 1 in flight, per delivery",
        kind: Kind::Broadcast {
            receivers: 1000,
            window: 1,
        },
        counted: 24,
    },
    Workload {
        name: "broadcast-16",
        title: "broadcast to 1,000, 16 in flight, per delivery",
        kind: Kind::Broadcast {
            receivers: 1000,
            window: 16,
        },
        counted: 64,
    },
    Workload {
        name: "polling-echo",
        title: "echo, 64 polling clients",
        kind: Kind::PollingEcho { clients: 64 },
        counted: 3_200,
    },
    Workload {
        name: "churn",
        title: "churn: handshake, upgrade, join, leave",
        kind: Kind::Churn { loops: 128 },
        counted: 1_280,
    },
    Workload {
        name: "idle",
        title: "memory of an idle WebSocket client",
        kind: Kind::Idle { clients: 10_000 },
        counted: 0,
    },
];

impl Workload {
    /// The same with few clients, to see whether it works.
    pub(crate) fn small(self) -> Self {
        let kind = match self.kind {
            Kind::Echo { clients } => Kind::Echo {
                clients: clients.min(100),
            },
            Kind::Broadcast { window, .. } => Kind::Broadcast {
                receivers: 50,
                window,
            },
            Kind::PollingEcho { .. } => Kind::PollingEcho { clients: 8 },
            Kind::Churn { .. } => Kind::Churn { loops: 8 },
            Kind::Idle { .. } => Kind::Idle { clients: 200 },
        };
        Self { kind, ..self }
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.kind, Kind::Idle { .. })
    }

    /// Joins the clients. For clients that stay idle there is nothing to drive.
    pub(crate) fn prepare(
        &self,
        server: SocketAddr,
        driver: &mut Driver,
    ) -> Result<Option<Box<dyn Scenario>>> {
        Ok(Some(match self.kind {
            Kind::Echo { clients } => Box::new(Echo::join(server, clients, driver)?),
            Kind::Broadcast { receivers, window } => {
                Box::new(Broadcast::join(server, receivers, window, driver)?)
            }
            Kind::PollingEcho { clients } => Box::new(PollingEcho::join(server, clients, driver)?),
            Kind::Churn { loops } => Box::new(Churn::new(server, loops, driver)?),
            Kind::Idle { .. } => return Ok(None),
        }))
    }
}
