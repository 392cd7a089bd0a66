//! Outputs of a wire.

use alloc::string::String;

/// One connection of a client. No number is given twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PipeId(pub(super) u64);

/// The next action for the driver, or event for the application.
#[expect(
    clippy::exhaustive_enums,
    reason = "each must be acted on: a new variant has to break a driver's build"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Output<E> {
    /// Open a connection, to the first address of the host that answers ([`Attempts`](super::Attempts)). Report by
    /// [`handle_connected`](super::Wire::handle_connected) or [`handle_failed`](super::Wire::handle_failed).
    Connect {
        /// Names the connection from here on.
        pipe: PipeId,
        /// A name, an IPv4 address, or an IPv6 address without brackets: that of the proxy, if there is one.
        host: String,
        /// The port.
        port: u16,
    },
    /// Begin TLS on a connection. Report by [`handle_secured`](super::Wire::handle_secured) or
    /// [`handle_failed`](super::Wire::handle_failed). Bytes are those inside TLS from then on.
    StartTls {
        /// The connection.
        pipe: PipeId,
        /// Whom the certificate must name.
        server_name: String,
    },
    /// Something waits to be written: take it by [`poll_write`](super::Wire::poll_write) once the last batch of this
    /// connection has left.
    Write(PipeId),
    /// Close a connection, or stop opening it. What has not left yet need not. The wire does not know it any more.
    Close(PipeId),
    /// An event of the machine, for the application.
    Event(E),
}
