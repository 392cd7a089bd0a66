//! Buffered messages, and the errors of a full buffer.

use core::fmt;

/// The messages that wait for the peer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Buffered {
    /// The messages.
    pub messages: usize,
    /// Their bytes, without packet types and encoding.
    pub bytes: usize,
}

impl Buffered {
    /// Checks that so much may wait as will with a message. A single message beyond the limit may wait if nothing else
    /// does: the limit bounds how far a reader lags.
    #[inline]
    pub(crate) fn may_grow_to(self, next: Self, limit: Self) -> Result<(), SendError> {
        let (counted, buffered, limit) = if self.messages == 0 {
            return Ok(());
        } else if next.bytes > limit.bytes {
            (Counted::Bytes, self.bytes, limit.bytes)
        } else if next.messages > limit.messages {
            (Counted::Messages, self.messages, limit.messages)
        } else {
            return Ok(());
        };
        Err(SendError::Full {
            counted,
            buffered,
            limit,
        })
    }
}

/// The things that a limit counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Counted {
    /// Messages, of which one with attachments has several, or events where these wait.
    Messages,
    /// Bytes.
    Bytes,
    /// Acknowledgements that are awaited.
    Acknowledgements,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Messages => "messages",
            Self::Bytes => "bytes",
            Self::Acknowledgements => "acknowledgements",
        })
    }
}

/// The reason why a message was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is closing, closed, or unknown.
    #[error("session is closed")]
    Closed,
    /// The peer does not read fast enough: the message would exceed a limit of the buffer.
    ///
    /// Nothing of it was queued. `Drained` follows once half of the buffer is free.
    #[error("{buffered} of {limit} {counted} are buffered")]
    Full {
        /// The things that the limit counts.
        counted: Counted,
        /// The number of them that wait at present.
        buffered: usize,
        /// The limit that the message would exceed.
        limit: usize,
    },
    /// The message alone takes more than the server [may hold](crate::server::Config::max_bytes_held). It can never be
    /// sent.
    #[error("the message takes more than the {limit} bytes that may be held")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}
