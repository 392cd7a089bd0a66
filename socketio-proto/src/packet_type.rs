//! The types of packets.

/// The type of a packet.
///
/// Packets with attachments have types of their own on the wire, 5 and 6; here they are events and acknowledgements
/// whose payload has attachments, as the official decoder reports them.
///
/// Source: Socket.IO protocol revision 5, "Packet types".
#[expect(
    clippy::exhaustive_enums,
    reason = "the five packet types are what the protocol is"
)]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PacketType {
    /// Type 0: joins a namespace, or confirms that. The payload is an object or absent.
    Connect,
    /// Type 1: leaves a namespace. No payload.
    Disconnect,
    /// Type 2 (5 with attachments): an event. The payload is an array that starts with the name, a string or number.
    Event,
    /// Type 3 (6 with attachments): the answer to an event. The payload is an array.
    Ack,
    /// Type 4: refuses to let the peer into a namespace. The payload is an object, a string or absent.
    ConnectError,
}
