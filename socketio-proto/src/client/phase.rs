//! States of the connection of a client; the table of them is in `manager.rs`.

use engineio_proto::Instant;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Closed,
    Opening,
    Open,
}

/// Whether a connection is made without being asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reconnect {
    No,
    Waiting { attempt: u32, at: Instant },
    Attempting { attempt: u32 },
}
