//! Names of sockets and acknowledgements.

use engineio_proto::collections::Key;

/// Names a socket, one namespace of one client. A key is never used again for another socket.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SocketKey(pub(super) Key);

impl SocketKey {
    /// The key as a number, to be written down: as [`Key::to_bits`].
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// The key that was written down: as [`Key::from_bits`].
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(Key::from_bits(bits))
    }
}

/// Names an event whose acknowledgement is awaited; unique in its client.
///
/// It is not the id on the wire, of which an event that is sent several times has several.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AckId(pub(super) u64);

/// An event that the server wants acknowledged, to be answered once with
/// [`respond`](super::Client::respond).
///
/// It is valid for the session in which the event came. After a disconnection the server no longer knows the event, and
/// another server might know another event under its id. Dropping it leaks nothing: the server never gets its answer.
#[derive(Debug, Eq, PartialEq)]
pub struct AckToken {
    pub(super) socket: SocketKey,
    pub(super) session: u64,
    pub(super) id: u64,
}

impl AckToken {
    /// The socket that received the event.
    #[must_use]
    pub fn socket(&self) -> SocketKey {
        self.socket
    }

    /// The token as numbers, to be written down.
    #[must_use]
    pub const fn to_bits(&self) -> [u64; 3] {
        [self.socket.to_bits(), self.session, self.id]
    }

    /// What was written down. Other numbers make a token too, of no event or of one that they happen to name.
    #[must_use]
    pub const fn from_bits([socket, session, id]: [u64; 3]) -> Self {
        Self {
            socket: SocketKey::from_bits(socket),
            session,
            id,
        }
    }
}

/// A namespace that waits for its authentication, to be given once with
/// [`provide_auth`](super::Client::provide_auth).
///
/// It is good for one connection: at the next the application is asked anew.
#[derive(Debug, Eq, PartialEq)]
#[must_use = "the namespace is not joined before"]
pub struct AuthToken {
    pub(super) socket: SocketKey,
    pub(super) question: u64,
}

impl AuthToken {
    /// The socket whose namespace it is.
    #[must_use]
    pub fn socket(&self) -> SocketKey {
        self.socket
    }

    /// The token as numbers, to be written down.
    #[must_use]
    pub const fn to_bits(&self) -> [u64; 2] {
        [self.socket.to_bits(), self.question]
    }

    /// What was written down. Other numbers make a token too, of no question or of one that they happen to name.
    pub const fn from_bits([socket, question]: [u64; 2]) -> Self {
        Self {
            socket: SocketKey::from_bits(socket),
            question,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_tokens_are_written_down_and_read_again() {
        for [socket, session, id] in [[0, 0, 0], [7 << 32 | 5, 1, 2], [1, u64::MAX, 3]] {
            let key = SocketKey::from_bits(socket);
            assert_eq!(key.to_bits(), socket);
            let token = AckToken::from_bits([socket, session, id]);
            assert_eq!(token.to_bits(), [socket, session, id]);
            assert_eq!(token.socket(), key);
            let token = AuthToken::from_bits([socket, id]);
            assert_eq!((token.to_bits(), token.socket()), ([socket, id], key));
        }
    }
}
