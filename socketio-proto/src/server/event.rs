//! Events for the application.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytestring::ByteString;
use engineio_proto::HeadId;
use engineio_proto::hidden::{Hidden, HiddenQuery};
use engineio_proto::ledger::{self, HeapSize};
use engineio_proto::server::{CloseReason, HandshakeToken, Reject, SessionKey};
use engineio_proto::{Sid, Transport};

use super::held::{slots_size, text_size};
use super::keys::{
    AckId, AckToken, BroadcastId, ConnectToken, NamespaceToken, ParentKey, RestoreToken, SocketKey,
};
use super::reason::{AckError, DisconnectReason};
use super::recovery::{LoggedPacket, SavedSession};
use crate::Payload;
use crate::hidden::{HiddenList, debug_fields};

/// Something for the application to know.
///
/// The events of one socket come in the order in which they happened, and none after its
/// [`Disconnected`](Self::Disconnected).
#[derive(PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A client wants to connect, and the application
    /// [decides](engineio_proto::server::Config::allow_request): officially `allowRequest`. Answer with
    /// [`Server::accept_handshake`](super::Server::accept_handshake) or
    /// [`Server::reject_handshake`](super::Server::reject_handshake), at once or later.
    Handshake {
        /// To be given with the answer.
        token: HandshakeToken,
        /// What asks for it: the driver knows the request head under this name.
        by: HeadId,
    },
    /// A request was refused, if the application
    /// [wants to know](engineio_proto::server::Config::report_refusals): officially `connection_error`.
    Refused {
        /// The request: the driver knows its head under this name.
        by: HeadId,
        /// Why.
        reject: Reject,
    },
    /// A client connected; it is in no namespace yet. One of revision 4 is taken to want to join `/`: its
    /// [`Connecting`](Self::Connecting) follows.
    Opened {
        /// The Engine.IO session.
        session: SessionKey,
        /// What opened it: the driver knows the request head under this name.
        by: HeadId,
    },
    /// A client asks for a namespace that does not exist, and a parent with [`Matcher::Ask`](super::Matcher::Ask) may have
    /// it as a child. Answer with [`Server::allow_namespace`](super::Server::allow_namespace) or
    /// [`Server::deny_namespace`](super::Server::deny_namespace), at once or later.
    NamespaceRequested {
        /// To be given with the answer.
        token: NamespaceToken,
        /// The Engine.IO session.
        session: SessionKey,
        /// The name that the client asks for.
        namespace: ByteString,
        /// The parent.
        parent: ParentKey,
        /// The object that the client sent along, its `auth` option.
        auth: Option<Payload>,
    },
    /// There is a new namespace: officially `new_namespace`.
    NamespaceAdded {
        /// Its name.
        namespace: ByteString,
        /// The parent that it is a child of.
        parent: Option<ParentKey>,
    },
    /// A namespace is no more: it was removed, was a child that nobody was let into, or was an empty child of a server
    /// that [cleans up](super::Config::cleanup_empty_child_namespaces).
    NamespaceRemoved {
        /// Its name.
        namespace: ByteString,
    },
    /// A client wants to join a namespace: what official middlewares decide. Answer with
    /// [`Server::accept`](super::Server::accept) or [`Server::reject`](super::Server::reject), at once or later.
    Connecting {
        /// To be given with the answer.
        token: ConnectToken,
        /// The Engine.IO session.
        session: SessionKey,
        /// The namespace, one that exists.
        namespace: ByteString,
        /// The object that the client sent along, its `auth` option; of one of revision 4 the query of the namespace, as
        /// an object of texts.
        auth: Option<Payload>,
        /// Whether the client came back: once accepted, it has the socket id, rooms and data that it had, and gets what
        /// it missed. Only where [clients that come back are asked for too](super::RecoveryConfig::skip_middlewares).
        recovered: bool,
    },
    /// A client came back and is in its namespace, with the socket id, rooms and data that it had; it got what it
    /// missed.
    Recovered {
        /// The socket, under a new key.
        socket: SocketKey,
        /// The Engine.IO session.
        session: SessionKey,
        /// The namespace.
        namespace: ByteString,
        /// The object that the client sent along, its `auth` option.
        auth: Option<Payload>,
    },
    /// A client wants to come back, and the application [keeps](super::RecoveryStorage::Outside) what it needs for that.
    /// Answer with [`Server::restore`](super::Server::restore), at once or later.
    Restoring {
        /// To be given with the answer.
        token: RestoreToken,
        /// The Engine.IO session.
        session: SessionKey,
        /// The namespace.
        namespace: ByteString,
        /// The secret of the session that the client had.
        pid: Sid,
        /// The offset of the last packet that the client got.
        offset: ByteString,
    },
    /// A packet was sent that is to be [kept](super::RecoveryStorage::Outside) for clients that come back.
    PacketLogged {
        /// The namespace.
        namespace: ByteString,
        /// The packet.
        packet: LoggedPacket,
    },
    /// A socket left that may come back, and is to be [kept](super::RecoveryStorage::Outside).
    SessionSaved {
        /// The namespace.
        namespace: ByteString,
        /// What is to be kept.
        session: SavedSession,
    },
    /// An event arrived.
    Event {
        /// The socket that sent it.
        socket: SocketKey,
        /// Its name and arguments.
        payload: Payload,
        /// To be given with the acknowledgement, if the sender wants one.
        ack: Option<AckToken>,
    },
    /// The acknowledgement of an event arrived.
    Ack {
        /// The socket that sent it.
        socket: SocketKey,
        /// The event.
        id: AckId,
        /// The arguments.
        payload: Payload,
    },
    /// An acknowledgement of a broadcast arrived.
    BroadcastReply {
        /// The broadcast.
        id: BroadcastId,
        /// The socket that sent it.
        socket: SocketKey,
        /// The arguments; officially only the first one counts.
        payload: Payload,
    },
    /// A broadcast has got all its acknowledgements, or its time is over.
    BroadcastEnded {
        /// The broadcast.
        id: BroadcastId,
        /// The sockets that it reached.
        expected: usize,
        /// The acknowledgements that came, each told before.
        received: usize,
        /// The sockets that did not acknowledge it, ascending; keys of those that left are stale.
        missing: Vec<SocketKey>,
    },
    /// An event was sent in a namespace that is [observed](super::Server::observe). An application that emits in the
    /// same namespace whenever it learns of this never comes to an end.
    Sent {
        /// The namespace.
        namespace: ByteString,
        /// The sockets that it was sent to, at least one.
        sockets: Vec<SocketKey>,
        /// Its name and arguments.
        payload: Payload,
    },
    /// A room has got its first member. This and the next three are told only if so
    /// [configured](super::Config::room_events), for adapters.
    RoomCreated {
        /// The namespace.
        namespace: ByteString,
        /// The room.
        room: Arc<str>,
    },
    /// A socket joined a room, its own one too.
    RoomJoined {
        /// The socket.
        socket: SocketKey,
        /// The room.
        room: Arc<str>,
    },
    /// A socket left a room.
    RoomLeft {
        /// The socket.
        socket: SocketKey,
        /// The room.
        room: Arc<str>,
    },
    /// A room has lost its last member.
    RoomDeleted {
        /// The namespace.
        namespace: ByteString,
        /// The room.
        room: Arc<str>,
    },
    /// The acknowledgement of an event will not come.
    AckFailed {
        /// The socket that owes it.
        socket: SocketKey,
        /// The event.
        id: AckId,
        /// Why.
        error: AckError,
    },
    /// The client moved to another transport.
    Upgraded {
        /// The Engine.IO session.
        session: SessionKey,
        /// The transport it is on.
        transport: Transport,
    },
    /// After a refused emit: half of what may wait for this client is free again.
    Drained {
        /// The Engine.IO session.
        session: SessionKey,
    },
    /// A socket left its namespace; its key is stale.
    Disconnected {
        /// The socket.
        socket: SocketKey,
        /// Why.
        reason: DisconnectReason,
        /// The rooms it was in, besides its own, ascending.
        rooms: Vec<Arc<str>>,
    },
    /// A client is gone, and its sockets before it; its key is stale.
    Closed {
        /// The Engine.IO session.
        session: SessionKey,
        /// Why.
        reason: CloseReason,
    },
}

/// Namespaces are shown without a query, and of rooms and of what a client claims only the lengths.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake { token, by } => debug_fields!(f, "Handshake", token, by),
            Self::Refused { by, reject } => debug_fields!(f, "Refused", by, reject),
            Self::Opened { session, by } => debug_fields!(f, "Opened", session, by),
            Self::NamespaceRequested {
                token,
                session,
                namespace,
                parent,
                auth,
            } => {
                let namespace = &HiddenQuery(namespace);
                debug_fields!(
                    f,
                    "NamespaceRequested",
                    token,
                    session,
                    namespace,
                    parent,
                    auth
                )
            }
            Self::NamespaceAdded { namespace, parent } => {
                let namespace = &HiddenQuery(namespace);
                debug_fields!(f, "NamespaceAdded", namespace, parent)
            }
            Self::NamespaceRemoved { namespace } => {
                let namespace = &HiddenQuery(namespace);
                debug_fields!(f, "NamespaceRemoved", namespace)
            }
            Self::Connecting {
                token,
                session,
                namespace,
                auth,
                recovered,
            } => {
                let namespace = &HiddenQuery(namespace);
                debug_fields!(f, "Connecting", token, session, namespace, auth, recovered)
            }
            Self::Recovered {
                socket,
                session,
                namespace,
                auth,
            } => {
                let namespace = &HiddenQuery(namespace);
                debug_fields!(f, "Recovered", socket, session, namespace, auth)
            }
            Self::Restoring {
                token,
                session,
                namespace,
                pid,
                offset,
            } => {
                let namespace = &HiddenQuery(namespace);
                let offset = &Hidden(&**offset);
                debug_fields!(f, "Restoring", token, session, namespace, pid, offset)
            }
            Self::PacketLogged { namespace, packet } => {
                let namespace = &HiddenQuery(namespace);
                debug_fields!(f, "PacketLogged", namespace, packet)
            }
            Self::SessionSaved { namespace, session } => {
                let namespace = &HiddenQuery(namespace);
                debug_fields!(f, "SessionSaved", namespace, session)
            }
            Self::Event {
                socket,
                payload,
                ack,
            } => debug_fields!(f, "Event", socket, payload, ack),
            Self::Ack {
                socket,
                id,
                payload,
            } => debug_fields!(f, "Ack", socket, id, payload),
            Self::BroadcastReply {
                id,
                socket,
                payload,
            } => debug_fields!(f, "BroadcastReply", id, socket, payload),
            Self::BroadcastEnded {
                id,
                expected,
                received,
                missing,
            } => debug_fields!(f, "BroadcastEnded", id, expected, received, missing),
            Self::Sent {
                namespace,
                sockets,
                payload,
            } => {
                let namespace = &HiddenQuery(namespace);
                debug_fields!(f, "Sent", namespace, sockets, payload)
            }
            Self::RoomCreated { namespace, room } => {
                let namespace = &HiddenQuery(namespace);
                let room = &Hidden(&**room);
                debug_fields!(f, "RoomCreated", namespace, room)
            }
            Self::RoomJoined { socket, room } => {
                let room = &Hidden(&**room);
                debug_fields!(f, "RoomJoined", socket, room)
            }
            Self::RoomLeft { socket, room } => {
                let room = &Hidden(&**room);
                debug_fields!(f, "RoomLeft", socket, room)
            }
            Self::RoomDeleted { namespace, room } => {
                let namespace = &HiddenQuery(namespace);
                let room = &Hidden(&**room);
                debug_fields!(f, "RoomDeleted", namespace, room)
            }
            Self::AckFailed { socket, id, error } => {
                debug_fields!(f, "AckFailed", socket, id, error)
            }
            Self::Upgraded { session, transport } => {
                debug_fields!(f, "Upgraded", session, transport)
            }
            Self::Drained { session } => debug_fields!(f, "Drained", session),
            Self::Disconnected {
                socket,
                reason,
                rooms,
            } => {
                let rooms = &HiddenList(rooms);
                debug_fields!(f, "Disconnected", socket, reason, rooms)
            }
            Self::Closed { session, reason } => debug_fields!(f, "Closed", session, reason),
        }
    }
}

impl Event {
    /// The bytes that the payload of a client repeats, which count but take no memory yet.
    pub(super) fn repeated_len(&self) -> usize {
        if let Self::Event { payload, .. }
        | Self::Ack { payload, .. }
        | Self::BroadcastReply { payload, .. } = self
        {
            payload.repeated_len()
        } else {
            0
        }
    }
}

impl HeapSize for Event {
    /// Without the messages of a logged packet, which are held.
    fn heap_size(&self) -> usize {
        let payload = |payload: &Option<Payload>| payload.as_ref().map_or(0, HeapSize::heap_size);
        let name = |name: &ByteString| ledger::buffer_size(name.len());
        match self {
            Self::NamespaceRequested {
                namespace, auth, ..
            }
            | Self::Connecting {
                namespace, auth, ..
            }
            | Self::Recovered {
                namespace, auth, ..
            } => name(namespace).saturating_add(payload(auth)),
            Self::NamespaceAdded { namespace, .. } | Self::NamespaceRemoved { namespace } => {
                name(namespace)
            }
            Self::Restoring {
                namespace, offset, ..
            } => name(namespace).saturating_add(name(offset)),
            Self::PacketLogged { namespace, packet } => {
                name(namespace).saturating_add(packet.heap_size())
            }
            Self::SessionSaved { namespace, session } => {
                name(namespace).saturating_add(session.heap_size())
            }
            Self::Event { payload, .. }
            | Self::Ack { payload, .. }
            | Self::BroadcastReply { payload, .. } => payload.heap_size(),
            Self::BroadcastEnded { missing, .. } => slots_size(missing),
            Self::Sent {
                namespace,
                sockets,
                payload,
            } => name(namespace)
                .saturating_add(slots_size(sockets))
                .saturating_add(payload.heap_size()),
            Self::RoomCreated { namespace, room } | Self::RoomDeleted { namespace, room } => {
                name(namespace).saturating_add(text_size(room))
            }
            Self::RoomJoined { room, .. } | Self::RoomLeft { room, .. } => text_size(room),
            Self::Disconnected { rooms, .. } => {
                let names = rooms.iter().map(|room| text_size(room));
                names.fold(slots_size(rooms), usize::saturating_add)
            }
            Self::Handshake { .. }
            | Self::Refused { .. }
            | Self::Opened { .. }
            | Self::AckFailed { .. }
            | Self::Upgraded { .. }
            | Self::Drained { .. }
            | Self::Closed { .. } => 0,
        }
    }
}
