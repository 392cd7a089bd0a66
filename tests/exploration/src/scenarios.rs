//! The scenarios and their depths.

use engineio_proto::server::SlowReader;
use engineio_proto::{Revision, Transport};
use socketio_proto::parser::Parser;

use crate::client::{self, ClientWorld};
use crate::engine_pair::{self, EnginePair};
use crate::search::{Limits, Outcome, Path, search, trace};
use crate::server::{self, ServerWorld};
use crate::socket_pair::{self, Recovery, SocketPair};

const POLLING: Transport = Transport::Polling;
const WEBSOCKET: Transport = Transport::WebSocket;
const WEBTRANSPORT: Transport = Transport::WebTransport;

/// Machines and their surroundings.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// The depth of the tests.
    pub quick: usize,
    /// The depth of the whole exploration.
    pub full: usize,
    plan: Plan,
}

#[derive(Clone, Copy, Debug)]
enum Plan {
    Server(server::Plan),
    Client(client::Plan),
    EnginePair(engine_pair::Plan),
    SocketPair(socket_pair::Plan),
}

impl Scenario {
    /// Searches it.
    #[must_use]
    pub fn explore(&self, limits: Limits) -> Outcome {
        match self.plan {
            Plan::Server(plan) => search(&|| ServerWorld::new(plan), limits),
            Plan::Client(plan) => search(&|| ClientWorld::new(plan), limits),
            Plan::EnginePair(plan) => search(&|| EnginePair::new(plan), limits),
            Plan::SocketPair(plan) => search(&|| SocketPair::new(plan), limits),
        }
    }

    /// Walks one path, and prints all events on it.
    #[must_use]
    pub fn trace(&self, path: &Path) -> Vec<String> {
        match self.plan {
            Plan::Server(plan) => trace(&|| ServerWorld::new(plan), path),
            Plan::Client(plan) => trace(&|| ClientWorld::new(plan), path),
            Plan::EnginePair(plan) => trace(&|| EnginePair::new(plan), path),
            Plan::SocketPair(plan) => trace(&|| SocketPair::new(plan), path),
        }
    }
}

/// All scenarios.
#[must_use]
pub const fn scenarios() -> &'static [Scenario] {
    SCENARIOS
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "session",
        quick: 4,
        full: 9,
        plan: Plan::Server(server::Plan {
            revision: Revision::V4,
            whole: false,
            on: POLLING,
            to: WEBSOCKET,
            messages: 2,
            slow_reader: SlowReader::Refuse,
        }),
    },
    Scenario {
        name: "session-websocket",
        quick: 6,
        full: 14,
        plan: Plan::Server(server::Plan {
            revision: Revision::V4,
            whole: false,
            on: WEBSOCKET,
            to: WEBSOCKET,
            messages: 3,
            slow_reader: SlowReader::Refuse,
        }),
    },
    Scenario {
        name: "session-webtransport",
        quick: 3,
        full: 8,
        plan: Plan::Server(server::Plan {
            revision: Revision::V4,
            whole: false,
            on: POLLING,
            to: WEBTRANSPORT,
            messages: 2,
            slow_reader: SlowReader::Refuse,
        }),
    },
    Scenario {
        name: "session-revision-3",
        quick: 4,
        full: 8,
        plan: Plan::Server(server::Plan {
            revision: Revision::V3,
            whole: false,
            on: POLLING,
            to: WEBSOCKET,
            messages: 2,
            slow_reader: SlowReader::Refuse,
        }),
    },
    Scenario {
        name: "session-slow-reader",
        quick: 4,
        full: 8,
        plan: Plan::Server(server::Plan {
            revision: Revision::V4,
            whole: false,
            on: POLLING,
            to: WEBSOCKET,
            messages: 3,
            slow_reader: SlowReader::Close,
        }),
    },
    Scenario {
        name: "server",
        quick: 4,
        full: 7,
        plan: Plan::Server(server::Plan {
            revision: Revision::V4,
            whole: true,
            on: POLLING,
            to: WEBSOCKET,
            messages: 2,
            slow_reader: SlowReader::Refuse,
        }),
    },
    Scenario {
        name: "server-webtransport",
        quick: 4,
        full: 10,
        plan: Plan::Server(server::Plan {
            revision: Revision::V4,
            whole: true,
            on: WEBTRANSPORT,
            to: WEBTRANSPORT,
            messages: 2,
            slow_reader: SlowReader::Refuse,
        }),
    },
    Scenario {
        name: "client",
        quick: 5,
        full: 8,
        plan: Plan::Client(client::Plan {
            revision: Revision::V4,
            on: POLLING,
            to: &[WEBSOCKET],
            messages: 2,
        }),
    },
    Scenario {
        name: "client-websocket",
        quick: 6,
        full: 12,
        plan: Plan::Client(client::Plan {
            revision: Revision::V4,
            on: WEBSOCKET,
            to: &[WEBSOCKET],
            messages: 3,
        }),
    },
    Scenario {
        name: "client-webtransport",
        quick: 4,
        full: 7,
        plan: Plan::Client(client::Plan {
            revision: Revision::V4,
            on: POLLING,
            to: &[WEBTRANSPORT],
            messages: 2,
        }),
    },
    Scenario {
        name: "client-both",
        quick: 4,
        full: 7,
        plan: Plan::Client(client::Plan {
            revision: Revision::V4,
            on: POLLING,
            to: &[WEBSOCKET, WEBTRANSPORT],
            messages: 1,
        }),
    },
    Scenario {
        name: "client-revision-3",
        quick: 5,
        full: 8,
        plan: Plan::Client(client::Plan {
            revision: Revision::V3,
            on: POLLING,
            to: &[WEBSOCKET],
            messages: 2,
        }),
    },
    Scenario {
        name: "client-revision-3-websocket",
        quick: 6,
        full: 10,
        plan: Plan::Client(client::Plan {
            revision: Revision::V3,
            on: WEBSOCKET,
            to: &[],
            messages: 3,
        }),
    },
    Scenario {
        name: "engine-pair",
        quick: 6,
        full: 10,
        plan: Plan::EnginePair(engine_pair::Plan {
            revision: Revision::V4,
            transports: &[POLLING, WEBSOCKET],
            messages: 2,
            losses: 1,
        }),
    },
    Scenario {
        name: "engine-pair-polling",
        quick: 6,
        full: 11,
        plan: Plan::EnginePair(engine_pair::Plan {
            revision: Revision::V4,
            transports: &[POLLING],
            messages: 2,
            losses: 1,
        }),
    },
    Scenario {
        name: "engine-pair-websocket",
        quick: 7,
        full: 14,
        plan: Plan::EnginePair(engine_pair::Plan {
            revision: Revision::V4,
            transports: &[WEBSOCKET],
            messages: 2,
            losses: 1,
        }),
    },
    Scenario {
        name: "engine-pair-revision-3",
        quick: 5,
        full: 9,
        plan: Plan::EnginePair(engine_pair::Plan {
            revision: Revision::V3,
            transports: &[POLLING, WEBSOCKET],
            messages: 2,
            losses: 1,
        }),
    },
    Scenario {
        name: "socket-pair",
        quick: 3,
        full: 7,
        plan: Plan::SocketPair(SOCKETS),
    },
    Scenario {
        name: "socket-pair-polling",
        quick: 2,
        full: 6,
        plan: Plan::SocketPair(socket_pair::Plan {
            transports: &[POLLING],
            ..SOCKETS
        }),
    },
    Scenario {
        name: "socket-pair-upgrade",
        quick: 2,
        full: 6,
        plan: Plan::SocketPair(socket_pair::Plan {
            transports: &[POLLING, WEBSOCKET],
            waiting: 1,
            in_bytes: true,
            ..SOCKETS
        }),
    },
    Scenario {
        name: "socket-pair-plain",
        quick: 3,
        full: 6,
        plan: Plan::SocketPair(socket_pair::Plan {
            parser: Parser::MsgPack,
            recovery: None,
            waiting: 1,
            ..SOCKETS
        }),
    },
    Scenario {
        name: "socket-pair-recovery",
        quick: 3,
        full: 7,
        plan: Plan::SocketPair(socket_pair::Plan {
            events: 3,
            bystander: true,
            recovery: Some(Recovery {
                events: 2,
                clients: 1,
                asks: true,
            }),
            ..SOCKETS
        }),
    },
    Scenario {
        name: "socket-pair-retries",
        quick: 3,
        full: 7,
        plan: Plan::SocketPair(socket_pair::Plan {
            retries: true,
            recovery: None,
            ..SOCKETS
        }),
    },
    Scenario {
        name: "socket-trio",
        quick: 2,
        full: 6,
        plan: Plan::SocketPair(socket_pair::Plan {
            events: 3,
            bystander: true,
            ..SOCKETS
        }),
    },
];

const SOCKETS: socket_pair::Plan = socket_pair::Plan {
    transports: &[WEBSOCKET],
    parser: Parser::Json,
    events: 2,
    losses: 1,
    recovery: Some(Recovery {
        events: 1_000,
        clients: 1_000,
        asks: false,
    }),
    bystander: false,
    retries: false,
    waiting: 1_000,
    in_bytes: false,
};
