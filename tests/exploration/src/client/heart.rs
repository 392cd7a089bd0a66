//! The heartbeat of a connection as its server and the clock know it.

use engineio_proto::{Instant, Revision};

use super::{INTERVAL, TIMEOUT, Word};

#[derive(Debug)]
pub(super) enum Heart {
    /// Revision 4: the server pings.
    Answers {
        ping_by: Instant,
        /// The deadline by the last ping, which counts once the pong to the one before it has left.
        claimed_by: Instant,
        pong: Pong,
    },
    /// Revision 3: the client pings.
    Asks {
        ping: Ping,
        heard_by: Instant,
        /// The deadline by what was heard while a ping waits, which counts once that has left.
        claimed_by: Instant,
    },
}

/// The state of the answer to a ping.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pong {
    No,
    Waits,
    /// The client was closing: the server is not answered any more.
    Spared,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ping {
    Next {
        at: Instant,
    },
    /// It is due, and nothing that is heard counts for longer than `most`.
    Waits {
        most: Instant,
        spared: bool,
    },
    /// It left. If anything but a pong comes, the server is asked again.
    Left {
        again: Option<Instant>,
    },
}

impl Heart {
    pub(super) fn new(revision: Revision, now: Instant) -> Self {
        let by = now + INTERVAL + TIMEOUT;
        match revision {
            Revision::V3 => Self::Asks {
                ping: Ping::Next { at: now + INTERVAL },
                heard_by: by,
                claimed_by: by,
            },
            _ => Self::Answers {
                ping_by: by,
                claimed_by: by,
                pong: Pong::No,
            },
        }
    }

    /// The time of the next timer.
    pub(super) fn deadline(&self) -> Instant {
        match self {
            Self::Answers { ping_by, .. } => *ping_by,
            Self::Asks { ping, heard_by, .. } => {
                ping.due().map_or(*heard_by, |at| at.min(*heard_by))
            }
        }
    }

    /// The client takes a packet. Whether the application is told of a ping or pong.
    pub(super) fn hear(&mut self, word: Word, closing: bool, now: Instant) -> bool {
        match self {
            Self::Answers {
                ping_by,
                claimed_by,
                pong,
            } => {
                if word != Word::Beat {
                    return false;
                }
                *claimed_by = now + INTERVAL + TIMEOUT;
                if *pong == Pong::No {
                    *ping_by = *claimed_by;
                    *pong = if closing { Pong::Spared } else { Pong::Waits };
                }
                !closing
            }
            Self::Asks {
                ping,
                heard_by,
                claimed_by,
            } => {
                *claimed_by = now + INTERVAL + TIMEOUT;
                *heard_by = *claimed_by;
                match ping {
                    Ping::Next { .. } => false,
                    Ping::Waits { most, .. } => {
                        *heard_by = (*heard_by).min(*most);
                        false
                    }
                    // The answer to a probe is a pong.
                    Ping::Left { .. } if matches!(word, Word::Beat | Word::Probe) => {
                        *ping = Ping::Next { at: now + INTERVAL };
                        !closing
                    }
                    Ping::Left { again } => {
                        again.get_or_insert(now + INTERVAL);
                        false
                    }
                }
            }
        }
    }

    pub(super) fn pass_time(&mut self, closing: bool, now: Instant) {
        if self.is_over(now) {
            return;
        }
        if let Self::Asks {
            ping,
            heard_by,
            claimed_by,
        } = self
            && ping.due().is_some_and(|at| now >= at)
        {
            if let Ping::Next { .. } = ping {
                *heard_by = now + TIMEOUT;
            }
            *claimed_by = *heard_by;
            *ping = Ping::Waits {
                most: now + INTERVAL + TIMEOUT,
                spared: closing,
            };
        }
    }

    /// Whether the server has been silent for too long.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        match self {
            Self::Answers { ping_by, .. } => now >= *ping_by,
            Self::Asks { heard_by, .. } => now >= *heard_by,
        }
    }

    /// A packet left; if it is one of the heartbeat, whether it was due.
    pub(super) fn took(&mut self, packet: &str) -> Option<bool> {
        let due = self.owes();
        match (self, packet) {
            (
                Self::Answers {
                    ping_by,
                    claimed_by,
                    pong,
                },
                "3",
            ) => {
                *pong = Pong::No;
                *ping_by = (*ping_by).max(*claimed_by);
                Some(due)
            }
            (
                Self::Asks {
                    ping,
                    heard_by,
                    claimed_by,
                },
                "2",
            ) => {
                *ping = Ping::Left { again: None };
                *heard_by = *claimed_by;
                Some(due)
            }
            _ => None,
        }
    }

    /// Whether a packet of the heartbeat has to leave.
    pub(super) fn owes(&self) -> bool {
        match self {
            Self::Answers { pong, .. } => *pong == Pong::Waits,
            Self::Asks { ping, .. } => matches!(ping, Ping::Waits { spared: false, .. }),
        }
    }
}

impl Ping {
    fn due(self) -> Option<Instant> {
        match self {
            Self::Next { at } => Some(at),
            Self::Left { again } => again,
            Self::Waits { .. } => None,
        }
    }
}
