//! Names of sockets, acknowledgements and waiting clients.

use core::fmt;

use bytestring::ByteString;
use engineio_proto::Sid;
use engineio_proto::collections::Key;

use super::legacy::ids::session_of;

/// Names a socket, one client in one namespace, on one server. A key is never used again for another socket.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SocketKey(pub(super) Key);

/// The id of a socket, which clients see: 20 characters of the URL-safe base64 alphabet.
///
/// It is not the id of the Engine.IO session, which is a secret, except for clients of revision 4. For these it is the
/// session id in `/`, and the namespace, `#` and the session id elsewhere.
#[derive(Clone, Eq, PartialEq)]
pub struct SocketId(Id);

#[derive(Clone, Eq, PartialEq)]
enum Id {
    Own(Sid),
    /// Of a session, in a namespace other than `/`.
    Implicit(ByteString),
}

impl SocketId {
    pub(super) const fn own(id: Sid) -> Self {
        Self(Id::Own(id))
    }

    /// Reads an id, `None` unless it is 20 characters of `A-Z a-z 0-9 - _`, maybe behind a namespace and `#`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let own = Sid::parse(text).map(Self::own);
        own.or_else(|| session_of(text).map(|_| Self(Id::Implicit(text.into()))))
    }

    /// The id as text: what the client knows it by, and the name of the socket's own room.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Id::Own(id) => id.as_str(),
            Id::Implicit(id) => id,
        }
    }

    /// The id, if it is not made of a namespace.
    pub(super) fn as_own(&self) -> Option<Sid> {
        match self.0 {
            Id::Own(id) => Some(id),
            Id::Implicit(_) => None,
        }
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.as_str();
        if f.sign_minus() {
            return write!(f, "SocketId({id})");
        }
        // That of a client of revision 4 holds the id of its session.
        let shown = if id.starts_with('/') {
            ""
        } else {
            id.get(..4).unwrap_or_default()
        };
        write!(f, "SocketId({shown}…)")
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A client that waits to be let into a namespace, to be answered once with
/// [`accept`](super::Server::accept) or [`reject`](super::Server::reject).
///
/// Dropping it leaks nothing: the client is refused once [`Config::connect_timeout`](super::Config::connect_timeout)
/// is over.
#[derive(Debug, Eq, PartialEq)]
#[must_use = "the client waits for an answer"]
pub struct ConnectToken(pub(super) Key);

/// Names a parent of namespaces, on one server. A server has it for as long as it is there.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ParentKey(pub(super) usize);

/// A client that asks for a namespace of which the application is to say whether it exists, to be answered once with
/// [`allow_namespace`](super::Server::allow_namespace) or [`deny_namespace`](super::Server::deny_namespace).
///
/// Dropping it leaks nothing: the client is refused once [`Config::connect_timeout`](super::Config::connect_timeout)
/// is over.
#[derive(Debug, Eq, PartialEq)]
#[must_use = "the client waits for an answer"]
pub struct NamespaceToken(pub(super) Key);

/// A client that wants to come back, to be answered once with [`restore`](super::Server::restore).
///
/// Dropping it leaks nothing: the client joins as a new one once
/// [`RecoveryConfig::restore_timeout`](super::RecoveryConfig::restore_timeout) is over.
#[derive(Debug, Eq, PartialEq)]
#[must_use = "the client waits for an answer"]
pub struct RestoreToken(pub(super) Key);

/// An event that its sender wants acknowledged, to be answered once with [`respond`](super::Server::respond).
///
/// Dropping it leaks nothing: the sender never gets its answer.
#[derive(Debug, Eq, PartialEq)]
pub struct AckToken {
    pub(super) socket: SocketKey,
    pub(super) id: u64,
}

impl AckToken {
    /// The socket whose event it is.
    #[must_use]
    pub fn socket(&self) -> SocketKey {
        self.socket
    }

    /// The token as numbers, to be written down.
    #[must_use]
    pub const fn to_bits(&self) -> [u64; 2] {
        [self.socket.to_bits(), self.id]
    }

    /// What was written down. Other numbers make a token too, of no event or of one that they happen to name.
    #[must_use]
    pub const fn from_bits([socket, id]: [u64; 2]) -> Self {
        Self {
            socket: SocketKey::from_bits(socket),
            id,
        }
    }
}

/// Names a broadcast of the server that awaits its acknowledgements.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BroadcastId {
    /// `None` if it was for a namespace that does not exist.
    pub(super) namespace: Option<Key>,
    pub(super) number: u64,
}

impl BroadcastId {
    /// The number that stands on the wire, the same for all recipients.
    #[must_use]
    pub fn get(self) -> u64 {
        self.number
    }
}

/// Names an event of the server that awaits its acknowledgement; unique in its namespace.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AckId(pub(super) u64);

impl AckId {
    /// The number that stands on the wire.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

/// Keys and tokens as numbers: what a recording of a server holds of them.
macro_rules! bits {
    ($($(#[$must_use:meta])? $name:ident)*) => {
        $(impl $name {
            /// It as a number, to be written down: as [`Key::to_bits`].
            #[must_use]
            pub const fn to_bits(&self) -> u64 {
                self.0.to_bits()
            }

            /// What was written down: as [`Key::from_bits`].
            $(#[$must_use])?
            pub const fn from_bits(bits: u64) -> Self {
                Self(Key::from_bits(bits))
            }
        })*
    };
}

bits!(#[must_use] SocketKey ConnectToken NamespaceToken RestoreToken);

impl ParentKey {
    /// The key as a number, to be written down.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0 as u64
    }

    /// What was written down. Any other number is a key too, of no parent or of one that it happens to name.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(usize::try_from(bits).unwrap_or(usize::MAX))
    }
}

/// A socket's id is told apart from the secret of its session by its type.
impl From<SocketId> for ByteString {
    fn from(id: SocketId) -> Self {
        id.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const BITS: [u64; 4] = [0, 1, 7 << 32 | 5, u64::MAX];

    #[test]
    fn keys_and_tokens_are_written_down_and_read_again() {
        for bits in BITS {
            assert_eq!(SocketKey::from_bits(bits).to_bits(), bits);
            assert_eq!(ConnectToken::from_bits(bits).to_bits(), bits);
            assert_eq!(NamespaceToken::from_bits(bits).to_bits(), bits);
            assert_eq!(RestoreToken::from_bits(bits).to_bits(), bits);
            for id in BITS {
                let token = AckToken::from_bits([bits, id]);
                assert_eq!(token.to_bits(), [bits, id]);
                assert_eq!(token.socket(), SocketKey::from_bits(bits));
            }
        }
        for bits in [0, 1, 70_000] {
            assert_eq!(ParentKey::from_bits(bits).to_bits(), bits);
        }
    }

    #[test]
    fn ids_of_acknowledgements_are_those_on_the_wire() {
        for number in BITS {
            assert_eq!(AckId(number).get(), number);
            let namespace = None;
            assert_eq!(BroadcastId { namespace, number }.get(), number);
        }
    }

    #[test]
    fn ids_of_sockets_are_shown_to_clients_in_full() {
        for id in ["lv_VI97HAXpY6yYWAAAC", "/admin#lv_VI97HAXpY6yYWAAAC"] {
            let socket = SocketId::parse(id).unwrap();
            assert_eq!((socket.as_str(), &*socket.to_string()), (id, id));
            assert_eq!(&*ByteString::from(socket), id);
        }
        for text in [
            "",
            "lv_VI97HAXpY6yYWAAA",
            "admin#lv_VI97HAXpY6yYWAAAC",
            "/a#x",
        ] {
            assert_eq!(SocketId::parse(text), None, "{text}");
        }
    }
}
