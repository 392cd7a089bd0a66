//! The heartbeat of a session as its peer and the clock know it.

use engineio_proto::{Instant, Revision};

use super::{INTERVAL, TIMEOUT, Word};

#[derive(Debug)]
pub(super) enum Heart {
    /// Revision 4: the server pings.
    Pings {
        ping_at: Instant,
        ping: Option<Ping>,
    },
    /// Revision 3: the client pings.
    Listens {
        ping_by: Instant,
        /// The deadline by the last ping, which counts once the answer to the one before it has left.
        claimed_by: Instant,
        owes: bool,
    },
}

/// A ping that is due or has left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ping {
    pong_by: Instant,
    /// Another packet has bought time already.
    refreshed: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Due,
    Left,
    /// The session was closing when it was due: the peer is not asked any more.
    Spared,
}

impl Heart {
    pub(super) fn new(revision: Revision, now: Instant) -> Self {
        match revision {
            Revision::V3 => Self::Listens {
                ping_by: now + INTERVAL + TIMEOUT,
                claimed_by: now + INTERVAL + TIMEOUT,
                owes: false,
            },
            _ => Self::Pings {
                ping_at: now + INTERVAL,
                ping: None,
            },
        }
    }

    /// The time of the next timer.
    pub(super) fn deadline(&self) -> Instant {
        match self {
            Self::Pings { ping_at, ping } => ping.map_or(*ping_at, |ping| ping.pong_by),
            Self::Listens { ping_by, .. } => *ping_by,
        }
    }

    /// An open session takes a packet.
    pub(super) fn hear(&mut self, word: Word, now: Instant) {
        match (self, word) {
            (Self::Pings { ping_at, ping }, Word::Pong) => {
                if ping.take_if(|ping| ping.stage == Stage::Left).is_some() {
                    *ping_at = now + INTERVAL;
                }
            }
            (Self::Pings { ping, .. }, _) => {
                if let Some(ping) = ping.as_mut().filter(|ping| !ping.refreshed) {
                    ping.refreshed = true;
                    ping.pong_by = now + TIMEOUT;
                }
            }
            (
                Self::Listens {
                    ping_by,
                    claimed_by,
                    owes,
                },
                Word::Ping,
            ) => {
                *claimed_by = now + INTERVAL + TIMEOUT;
                if !core::mem::replace(owes, true) {
                    *ping_by = *claimed_by;
                }
            }
            (Self::Listens { .. }, _) => {}
        }
    }

    /// The session moves over: the peer gets its full time again.
    pub(super) fn move_over(&mut self, now: Instant) {
        match self {
            Self::Pings { ping, .. } => {
                if let Some(ping) = ping {
                    ping.pong_by = now + TIMEOUT;
                }
            }
            Self::Listens { ping_by, .. } => *ping_by = now + INTERVAL + TIMEOUT,
        }
    }

    pub(super) fn pass_time(&mut self, now: Instant, closing: bool) {
        if let Self::Pings {
            ping_at,
            ping: ping @ None,
        } = self
            && now >= *ping_at
        {
            *ping = Some(Ping {
                pong_by: now + TIMEOUT,
                refreshed: false,
                stage: if closing { Stage::Spared } else { Stage::Due },
            });
        }
    }

    /// A packet left; if it is one of the heartbeat, whether it was due.
    pub(super) fn took(&mut self, packet: &str) -> Option<bool> {
        match (self, packet) {
            (Self::Pings { ping, .. }, "2") => {
                let ping = ping.as_mut().filter(|ping| ping.stage == Stage::Due);
                Some(ping.map(|ping| ping.stage = Stage::Left).is_some())
            }
            (
                Self::Listens {
                    ping_by,
                    claimed_by,
                    owes,
                },
                "3",
            ) => {
                *ping_by = (*ping_by).max(*claimed_by);
                Some(core::mem::take(owes))
            }
            _ => None,
        }
    }

    /// Whether a packet of the heartbeat has to leave.
    pub(super) fn owes(&self) -> bool {
        match self {
            Self::Pings { ping, .. } => ping.is_some_and(|ping| ping.stage == Stage::Due),
            Self::Listens { owes, .. } => *owes,
        }
    }

    /// Whether the peer has been silent for too long.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        match self {
            Self::Pings { ping, .. } => ping.is_some_and(|ping| ping.pong_by <= now),
            Self::Listens { ping_by, .. } => *ping_by <= now,
        }
    }

    /// The next packet of a working peer, if it has to send one.
    pub(super) fn duty(&self) -> Option<Word> {
        match self {
            Self::Pings { ping, .. } => ping
                .filter(|ping| ping.stage == Stage::Left)
                .map(|_| Word::Pong),
            Self::Listens { .. } => Some(Word::Ping),
        }
    }
}
