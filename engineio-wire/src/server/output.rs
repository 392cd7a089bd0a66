//! Outputs of a wire.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;

use bytes::Bytes;
use engineio_proto::ConnectionId;
use engineio_proto::collections::Key;
use engineio_proto::driver::server::Handshake;

/// One connection of a server, in plain text or over TLS. No number is given twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PipeId(pub(super) Key);

impl PipeId {
    /// Its place: a small number, given again once the pipe is gone. A driver can keep its sockets in a vector.
    #[must_use]
    pub fn slot(self) -> u32 {
        self.0.slot()
    }

    /// The name under which the machine knows its WebSocket.
    #[must_use]
    pub const fn connection(self) -> ConnectionId {
        ConnectionId(self.0.to_bits())
    }
}

/// The other end of a connection, as far as the driver knows it.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Peer {
    /// Its address.
    pub address: Option<SocketAddr>,
    /// Whether the bytes come over TLS.
    pub secure: bool,
}

impl Peer {
    /// A peer in plain text.
    #[must_use]
    pub const fn new(address: Option<SocketAddr>) -> Self {
        Self {
            address,
            secure: false,
        }
    }

    /// Sets [`secure`](Self::secure).
    #[must_use]
    pub const fn with_secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }
}

impl From<SocketAddr> for Peer {
    /// A peer in plain text.
    fn from(address: SocketAddr) -> Self {
        Self::new(Some(address))
    }
}

/// The next action for the driver, or event for the application.
#[expect(
    clippy::exhaustive_enums,
    reason = "each must be acted on: a new variant has to break a driver's build"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Output<E> {
    /// Something waits to be written: take it by [`poll_write`](super::Wire::poll_write) once the last batch of this
    /// connection has left.
    Write(PipeId),
    /// Shut down the writing side of a connection, since nothing more will be written. The wire still reads what comes, so
    /// that the connection is not reset before the peer has read the last answer. [`Close`](Self::Close) follows.
    Shutdown(PipeId),
    /// Read on from a connection: [`wants_read`](super::Wire::wants_read) gave false before, and gives true now.
    Read(PipeId),
    /// Close a connection. All that was to be written has left, or will not. The wire does not know it any more. This comes
    /// once for each connection, also when the driver has told how it ended.
    Close(PipeId),
    /// A whole request for a path that is not the machine's, to be answered by [`respond`](super::Wire::respond).
    Foreign(Foreign),
    /// An event of the machine, for the application.
    Event(E),
}

/// A request for a path that is not the machine's.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Foreign {
    /// The connection, which carries no other request until this one is answered.
    pub pipe: PipeId,
    /// The method, such as `GET`.
    pub method: Box<str>,
    /// The target and the fields.
    pub head: Handshake,
    /// The whole body.
    pub body: Bytes,
}

/// The answer to a request for a path that is not the machine's.
///
/// `Content-Length`, `Date` and `Connection` are added to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) fields: Vec<(Cow<'static, str>, Vec<u8>)>,
    pub(super) body: Bytes,
}

impl Reply {
    /// Makes an answer without fields. A status outside of 200 to 999 becomes 500.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let status = if (200..1000).contains(&status) {
            status
        } else {
            500
        };
        Self {
            status,
            fields: Vec::new(),
            body: body.into(),
        }
    }

    /// Adds a field. It is left out when its name or its value may not stand in a head, and when it is one that the wire
    /// writes: `Content-Length`, `Transfer-Encoding`, `Connection`, `Keep-Alive`.
    #[must_use]
    pub fn with_field(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl AsRef<[u8]>,
    ) -> Self {
        let name = name.into();
        let own = [
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
        ];
        if !own.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            self.fields.push((name, value.as_ref().to_vec()));
        }
        self
    }
}
